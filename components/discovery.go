package components

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// Discovery is the ConfigMap with prometheus.yml, which names what Prometheus scrapes: one for each
// shard. A running server reloads it by itself.
type Discovery struct {
	pulumi.ResourceState

	ConfigMaps []string // names, by shard; the key of each is prometheus.yml
}

// DiscoveryArgs configures a Discovery.
type DiscoveryArgs struct {
	Site
	// Claims of the server's volumes; empty with ephemeral storage. They change before
	// prometheus.yml, whose retention follows their size: the server must not delete
	// samples for a claim that then fails to shrink.
	Claims []pulumi.Resource
}

// DeployDiscovery creates the ConfigMaps with prometheus.yml, after the claims. It returns a Discovery
// without any for a stack without a Prometheus.
func DeployDiscovery(ctx *pulumi.Context, site Site, claims []pulumi.Resource, opts ...pulumi.ResourceOption) (*Discovery, error) {
	if !site.Stack.Config.HasPrometheus() {
		return &Discovery{}, nil
	}
	return NewDiscovery(ctx, "discovery", &DiscoveryArgs{Site: site, Claims: claims}, opts...)
}

// NewDiscovery creates the ConfigMaps with prometheus.yml.
func NewDiscovery(ctx *pulumi.Context, name string, args *DiscoveryArgs, opts ...pulumi.ResourceOption) (*Discovery, error) {
	c := &Discovery{}
	a := app{name: render.Prometheus.Name, role: "server"}
	return construct(ctx, "Discovery", name, c, args, opts, a, func(a app) (pulumi.Map, error) {
		for shard, file := range a.Stack.PrometheusConfigs {
			suffix := "config"
			if shard > 0 {
				suffix = fmt.Sprintf("config-%d", shard)
			}
			if _, err := a.configMap(suffix, file, pulumi.DependsOn(args.Claims)); err != nil {
				return nil, err
			}
			c.ConfigMaps = append(c.ConfigMaps, file.Name)
		}
		return pulumi.Map{"configMap": pulumi.String(c.ConfigMaps[0])}, nil
	})
}

func (args *DiscoveryArgs) inputs() pulumi.Map {
	jobs := make([]string, len(args.Stack.Prometheus.ScrapeConfigs))
	for i, job := range args.Stack.Prometheus.ScrapeConfigs {
		jobs[i] = job.JobName
	}
	return pulumi.Map{"jobs": pulumi.ToStringArray(jobs)}
}
