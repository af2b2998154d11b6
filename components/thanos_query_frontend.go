package components

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// ThanosQueryFrontend splits queries, sends them to the querier and caches the results: a Deployment, a
// Service, a ServiceAccount, a ConfigMap, a NetworkPolicy and, with several replicas, a
// PodDisruptionBudget.
type ThanosQueryFrontend struct {
	pulumi.ResourceState

	URL pulumi.StringOutput `pulumi:"url"` // in-cluster base URL, scheme://host:port
}

// ThanosQueryFrontendArgs configures a ThanosQueryFrontend.
type ThanosQueryFrontendArgs struct{ Site }

// NewThanosQueryFrontend deploys the query frontend.
func NewThanosQueryFrontend(ctx *pulumi.Context, name string, args *ThanosQueryFrontendArgs, opts ...pulumi.ResourceOption) (*ThanosQueryFrontend, error) {
	c := &ThanosQueryFrontend{}
	a := app{name: render.ThanosQueryFrontend.Name, role: "query-frontend", image: config.ThanosImage}
	return construct(ctx, "ThanosQueryFrontend", name, c, args, opts, a, func(a app) (pulumi.Map, error) {
		c.URL = pulumi.String(render.ThanosQueryFrontend.URL(a.Stack.Config)).ToStringOutput()
		return pulumi.Map{"url": c.URL}, a.deployQueryFrontend()
	})
}

func (args *ThanosQueryFrontendArgs) check() error { return args.checkThanos() }

func (args *ThanosQueryFrontendArgs) inputs() pulumi.Map {
	cfg := args.Stack.Config
	return pulumi.Map{
		"image":    pulumi.String(cfg.Images.Ref(config.ThanosImage)),
		"replicas": pulumi.Int(cfg.LongTermStorage.QueryFrontend.Replicas),
	}
}

func (a app) deployQueryFrontend() error {
	cfg := a.Stack.Config.LongTermStorage.QueryFrontend
	if err := a.service("service", a.name, false, thanosHTTP); err != nil {
		return err
	}
	if err := a.networkPolicy(webUI(cfg.Access, thanosHTTP, a.withScraper(render.Grafana.Name), nil)); err != nil {
		return err
	}
	if err := a.publish(cfg.Access, thanosHTTP); err != nil {
		return err
	}
	container := &corev1.ContainerArgs{Ports: containerPorts(thanosHTTP)}
	spec := &corev1.PodSpecArgs{}
	flags := []string{
		"query-frontend",
		"--query-frontend.downstream-url=" + render.ThanosQuery.URL(a.Stack.Config),
		"--query-range.split-interval=" + cfg.SplitInterval.Duration.String(),
		"--query-range.response-cache-config-file=" + render.ThanosDir + "/cache.yaml",
		"--query-frontend.compress-responses",
	}
	if _, ok := a.Stack.Thanos.Frontend.Files[render.DownstreamFile]; ok {
		flags = append(flags, "--query-frontend.downstream-tripper-config-file="+render.ThanosDir+"/"+render.DownstreamFile)
	}
	return a.thanosDeployment(spec, container, flags, a.Stack.Thanos.Frontend, thanosPods{render.ThanosQueryFrontend, cfg.Replicas, cfg.ServiceAccount, cfg.PodDisruptionBudget, cfg.Resources, cfg.Scheduling})
}
