// Command kubernetes-prometheus is the Pulumi program: one stack deploys one
// cluster's monitoring system.
package main

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/check"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

func main() {
	var stack pulumi.RunInfo // every value of the stack, so that a misspelt key is seen
	pulumi.Run(func(ctx *pulumi.Context) error { return program(ctx, stack) }, func(run *pulumi.RunInfo) { stack = *run })
}

// program deploys a stack unless something in it is known not to work.
func program(ctx *pulumi.Context, stack pulumi.RunInfo) error {
	cfg, err := config.FromPulumi(stack.Config, stack.ConfigSecretKeys)
	if err != nil {
		return err
	}
	if err := checkStack(ctx, cfg); err != nil {
		return err
	}
	return deploy(ctx, cfg)
}

// checkStack says what would not work on the cluster, before any resource is
// registered. What may be worse than it seems is only warned of.
func checkStack(ctx *pulumi.Context, cfg *config.Config) error {
	report, err := check.Run(cfg)
	if err != nil {
		return err
	}
	for _, warning := range report.Warnings() {
		if err := ctx.Log.Warn(warning, nil); err != nil {
			return err
		}
	}
	return report.Err()
}

// deploy is the architecture: what discovery finds and the exporters report,
// Prometheus scrapes onto its storage.
func deploy(ctx *pulumi.Context, cfg *config.Config) error {
	cluster, err := components.NewCluster(ctx, "cluster", cfg)
	if err != nil {
		return err
	}
	site, on := cluster.Site, pulumi.ResourceOption(pulumi.Provider(cluster.Provider))

	storage, err := components.DeployStorages(ctx, site, on)
	if err != nil {
		return err
	}
	on = pulumi.Composite(on, storage.BeforeOthers())
	discovery, err := components.NewDiscovery(ctx, "discovery", &components.DiscoveryArgs{Site: site, Claims: storage.Prometheus.Claims}, on)
	if err != nil {
		return err
	}
	rules, err := components.NewRules(ctx, "rules", site, on)
	if err != nil {
		return err
	}
	var alertmanager *components.Alertmanager
	if cfg.Alerting.Enabled {
		alertmanager, err = components.NewAlertmanager(ctx, "alertmanager", &components.AlertmanagerArgs{
			Site:         site,
			Claims:       storage.Alertmanager.Claims,
			DashboardURL: cfg.Grafana.Link(),
		}, on)
		if err != nil {
			return err
		}
	}
	if err := components.NewExporters(ctx, site, on); err != nil {
		return err
	}
	prometheus, err := components.NewPrometheus(ctx, "prometheus", &components.PrometheusArgs{
		Site:      site,
		ConfigMap: discovery.ConfigMap,
		Rules:     rules.ConfigMap,
		Claims:    storage.Prometheus.Claims,
	}, on)
	if err != nil {
		return err
	}

	if err := grafana(ctx, site, storage.Grafana, on); err != nil {
		return err
	}

	ctx.Export("namespace", site.Namespace)
	ctx.Export("prometheusUrl", prometheus.URL)
	ctx.Export("prometheusPortForward", portForward(site, "prometheus", 9090))
	if alertmanager != nil {
		ctx.Export("alertmanagerUrl", alertmanager.URL)
		ctx.Export("alertmanagerPortForward", portForward(site, "alertmanager", 9093))
	}
	return nil
}

// grafana shows what Prometheus has: in a Grafana of the stack, or one that
// exists and gets datasource and dashboards by a Job.
func grafana(ctx *pulumi.Context, site components.Site, storage *components.Storage, on pulumi.ResourceOption) error {
	cfg := site.Config.Grafana
	var deployed *components.Grafana
	if cfg.Deployed() {
		args := &components.GrafanaArgs{Site: site}
		if storage != nil {
			args.Claims = storage.Claims
		}
		var err error
		if deployed, err = components.NewGrafana(ctx, "grafana", args, on); err != nil {
			return err
		}
		ctx.Export("grafanaUrl", deployed.URL)
		ctx.Export("grafanaPortForward", portForward(site, "grafana", 3000))
	}
	if link := cfg.Link(); link != "" {
		ctx.Export("grafanaExternalUrl", pulumi.String(link))
	}
	if !cfg.Imports() {
		return nil
	}
	_, err := components.NewGrafanaImport(ctx, "grafana-import", &components.GrafanaImportArgs{Site: site, Grafana: deployed}, on)
	return err
}

// portForward is the command that brings a Service to this machine.
func portForward(site components.Site, service string, port int) pulumi.StringOutput {
	return pulumi.Sprintf("kubectl%s port-forward -n %s service/%s %d", contextFlag(site.Config), site.Namespace, service, port)
}

func contextFlag(cfg *config.Config) string {
	if cfg.Cluster.Context == "" {
		return ""
	}
	return fmt.Sprintf(" --context %s", cfg.Cluster.Context)
}
