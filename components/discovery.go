package components

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// Discovery is the ConfigMap with prometheus.yml, which names what Prometheus scrapes. A
// running server reloads it by itself.
type Discovery struct {
	pulumi.ResourceState

	ConfigMap string // name; its key is prometheus.yml
}

// DiscoveryArgs configures a Discovery.
type DiscoveryArgs struct {
	Site
	// Claims of the server's volumes; empty with ephemeral storage. They change before
	// prometheus.yml, whose retention follows their size: the server must not delete
	// samples for a claim that then fails to shrink.
	Claims []pulumi.Resource
}

// NewDiscovery creates the ConfigMap with prometheus.yml.
func NewDiscovery(ctx *pulumi.Context, name string, args *DiscoveryArgs, opts ...pulumi.ResourceOption) (*Discovery, error) {
	c := &Discovery{}
	a := app{name: render.Prometheus.Name, role: "server"}
	return construct(ctx, "Discovery", name, c, args, opts, a, func(a app) (pulumi.Map, error) {
		c.ConfigMap = a.Stack.PrometheusConfig.Name
		_, err := a.configMap("config", a.Stack.PrometheusConfig, pulumi.DependsOn(args.Claims))
		return pulumi.Map{"configMap": pulumi.String(c.ConfigMap)}, err
	})
}

func (args *DiscoveryArgs) inputs() pulumi.Map {
	jobs := make([]string, len(args.Stack.Prometheus.ScrapeConfigs))
	for i, job := range args.Stack.Prometheus.ScrapeConfigs {
		jobs[i] = job.JobName
	}
	return pulumi.Map{"jobs": pulumi.ToStringArray(jobs)}
}
