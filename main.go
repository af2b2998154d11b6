// Command kubernetes-prometheus is the Pulumi program: one stack deploys one
// cluster's monitoring system.
package main

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/check"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

func main() {
	var run pulumi.RunInfo // with every value of the stack, so that a misspelt key is seen
	pulumi.Run(func(ctx *pulumi.Context) error { return program(ctx, run) }, func(info *pulumi.RunInfo) { run = *info })
}

// program renders a stack, checks it and deploys it. It registers nothing of a stack that
// is known not to work.
func program(ctx *pulumi.Context, run pulumi.RunInfo) error {
	cfg, err := config.FromPulumi(run.Config, run.ConfigSecretKeys)
	if err != nil {
		return err
	}
	stack, err := render.New(cfg)
	if err != nil {
		return err
	}
	report, err := check.Run(stack)
	if err != nil {
		return err
	}
	for _, warning := range report.Warnings() {
		if err := ctx.Log.Warn(warning, nil); err != nil {
			return err
		}
	}
	if err := report.Err(); err != nil {
		return err
	}
	return deploy(ctx, stack)
}

// deploy is the architecture: what discovery finds and the exporters report, Prometheus
// scrapes onto its storage; its rules alert through Alertmanager, and Grafana shows it.
func deploy(ctx *pulumi.Context, stack *render.Stack) error {
	cluster, err := components.NewCluster(ctx, "cluster", &components.ClusterArgs{Stack: stack})
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
	rules, err := components.NewRules(ctx, "rules", &components.RulesArgs{Site: site}, on)
	if err != nil {
		return err
	}
	alertmanager, err := components.DeployAlertmanager(ctx, site, storage.Alertmanager, on)
	if err != nil {
		return err
	}
	if err := components.DeployExporters(ctx, site, on); err != nil {
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
	grafana, err := components.DeployGrafana(ctx, site, storage.Grafana, on)
	if err != nil {
		return err
	}

	ctx.Export("version", pulumi.String(config.Version))
	ctx.Export("namespace", site.Namespace)
	ctx.Export("prometheusUrl", prometheus.URL)
	ctx.Export("prometheusPortForward", portForward(site, render.Prometheus))
	if alertmanager != nil {
		ctx.Export("alertmanagerUrl", alertmanager.URL)
		ctx.Export("alertmanagerPortForward", portForward(site, render.Alertmanager))
	}
	if grafana != nil {
		ctx.Export("grafanaUrl", grafana.URL)
		ctx.Export("grafanaPortForward", portForward(site, render.Grafana))
	}
	if link := stack.Config.Grafana.Link(); link != "" {
		ctx.Export("grafanaExternalUrl", pulumi.String(link))
	}
	return nil
}

// portForward returns the command that makes a program's Service reachable from this
// machine.
func portForward(site components.Site, program render.Program) pulumi.StringOutput {
	context := ""
	if name := site.Stack.Config.Cluster.Context; name != "" {
		context = fmt.Sprintf(" --context %s", name)
	}
	return pulumi.Sprintf("kubectl%s port-forward -n %s service/%s %d", context, site.Namespace, program.Name, program.Port)
}
