// Command kubernetes-prometheus is a Pulumi program. A stack deploys the monitoring system of
// one Kubernetes cluster.
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
	var run pulumi.RunInfo // has all config of the stack, misspelt keys included
	pulumi.Run(func(ctx *pulumi.Context) error { return program(ctx, run) }, func(info *pulumi.RunInfo) { run = *info })
}

// program renders the stack, checks it and deploys it. It registers no resource if a check
// fails, or if a Secret that the stack names is not in the cluster.
func program(ctx *pulumi.Context, run pulumi.RunInfo) error {
	cfg, err := config.FromStack("Pulumi."+ctx.Stack()+".yaml", run.Config, run.ConfigSecretKeys)
	if err != nil {
		return err
	}
	if err := components.AddQueryStacks(ctx, cfg); err != nil {
		return err
	}
	if err := components.ReadKubeconfig(ctx, cfg); err != nil {
		return err
	}
	stack, err := render.New(cfg)
	if err != nil {
		return err
	}
	report := check.Run(stack)
	for _, warning := range report.Warnings() {
		if err := ctx.Log.Warn(warning, nil); err != nil {
			return err
		}
	}
	if err := report.Err(); err != nil {
		return err
	}
	if err := components.CheckTransforms(stack, deploy); err != nil {
		return err
	}
	if err := components.CheckExistingSecrets(ctx, cfg); err != nil {
		return err
	}
	return deploy(ctx, stack)
}

// deploy registers the components and the outputs. Prometheus discovers and scrapes targets,
// exporters among them, stores the samples, evaluates rules and sends alerts to Alertmanager;
// Grafana shows the metrics. What a stack does without is nil, and has no output.
func deploy(ctx *pulumi.Context, stack *render.Stack) error {
	cluster, err := components.NewCluster(ctx, "cluster", &components.ClusterArgs{Stack: stack})
	if err != nil {
		return err
	}
	site, opts := cluster.Site, pulumi.ResourceOption(pulumi.Provider(cluster.Provider))

	storage, err := components.DeployStorages(ctx, site, opts)
	if err != nil {
		return err
	}
	opts = pulumi.Composite(opts, storage.BeforeOthers())
	if err := components.DeployBasicLogin(ctx, site, opts); err != nil {
		return err
	}
	if err := components.DeployTLS(ctx, site, opts); err != nil {
		return err
	}
	discovery, err := components.DeployDiscovery(ctx, site, storage.PrometheusClaims(), opts)
	if err != nil {
		return err
	}
	rules, err := components.DeployRules(ctx, site, opts)
	if err != nil {
		return err
	}
	alertmanager, err := components.DeployAlertmanager(ctx, site, storage.Alertmanager, opts)
	if err != nil {
		return err
	}
	if err := components.DeployExporters(ctx, site, opts); err != nil {
		return err
	}
	thanos, err := components.DeployThanos(ctx, site, storage, opts)
	if err != nil {
		return err
	}
	prometheus, err := components.DeployPrometheus(ctx, site, discovery, rules, thanos.Store, storage.Prometheus, opts)
	if err != nil {
		return err
	}
	grafana, err := components.DeployGrafana(ctx, site, storage.Grafana, opts)
	if err != nil {
		return err
	}

	if err := components.DeployOAuth2Proxies(ctx, site, opts); err != nil {
		return err
	}

	ctx.Export("version", pulumi.String(config.Version))
	ctx.Export("namespace", site.Namespace)
	if prometheus != nil {
		ctx.Export("prometheusUrl", prometheus.URL)
		ctx.Export("prometheusPortForward", portForward(site, render.Prometheus))
	}
	if thanos.Store != nil {
		ctx.Export("bucket", thanos.Store.Bucket)
	}
	if thanos.Query != nil {
		ctx.Export("queryUrl", thanos.Frontend.URL)
		ctx.Export("queryGrpcAddress", thanos.Query.GRPCAddress)
		if address := stack.Config.LongTermStorage.Query.ExternalAddress; address != "" {
			ctx.Export(config.QueryEndpoint, pulumi.String(address))
		}
		ctx.Export("queryPortForward", portForward(site, render.ThanosQueryFrontend))
	}
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

// portForward returns the kubectl command that forwards a local port to the Service of a
// program. It has no kubeconfig of the stack, which is secret.
func portForward(site components.Site, program render.Program) pulumi.StringOutput {
	context := ""
	if name := site.Stack.Config.Cluster.Context; name != "" {
		context = fmt.Sprintf(" --context %s", name)
	}
	return pulumi.Sprintf("kubectl%s port-forward -n %s service/%s %d", context, site.Namespace, program.Name, program.Port)
}
