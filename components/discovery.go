package components

import (
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// Discovery is what Prometheus scrapes: prometheus.yml in a ConfigMap, which a
// running server reloads by itself.
type Discovery struct {
	pulumi.ResourceState

	ConfigMap string // name; its key is prometheus.yml
}

// DiscoveryArgs say where the server's samples are.
type DiscoveryArgs struct {
	Site
	// Claims of the server's volumes. What is kept follows their size, so they
	// change first: a claim that refuses to shrink must not cost samples.
	Claims []pulumi.Resource
}

// NewDiscovery renders prometheus.yml. It fails, before any object exists, with
// whatever Prometheus' own loader says against it.
func NewDiscovery(ctx *pulumi.Context, name string, args *DiscoveryArgs, opts ...pulumi.ResourceOption) (*Discovery, error) {
	text, err := render.Prometheus(args.Config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c := &Discovery{ConfigMap: "prometheus-config"}
	if err := register(ctx, "Discovery", name, c, opts...); err != nil {
		return nil, err
	}
	a := app{site: args.Site, name: "prometheus", role: "server"}
	_, err = corev1.NewConfigMap(ctx, name+"-config", &corev1.ConfigMapArgs{
		Metadata: a.metadata(c.ConfigMap),
		Data:     pulumi.StringMap{"prometheus.yml": pulumi.String(text)},
	}, pulumi.Parent(c), pulumi.DependsOn(args.Claims))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"configMap": pulumi.String(c.ConfigMap)})
}
