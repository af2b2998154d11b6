package components

import (
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// Rules are the alerting and recording rules of the stack in a ConfigMap,
// which a running server reloads by itself.
type Rules struct {
	pulumi.ResourceState

	ConfigMap string // name; its keys are rule files
}

// NewRules renders the rule files. It fails, before any object exists, with
// whatever Prometheus' own loader says against them.
func NewRules(ctx *pulumi.Context, name string, site Site, opts ...pulumi.ResourceOption) (*Rules, error) {
	files, err := render.Rules(site.Config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c := &Rules{ConfigMap: "prometheus-rules"}
	if err := register(ctx, "Rules", name, c, opts...); err != nil {
		return nil, err
	}
	a := app{site: site, name: "prometheus", role: "server"}
	_, err = corev1.NewConfigMap(ctx, name+"-config", &corev1.ConfigMapArgs{
		Metadata: a.metadata(c.ConfigMap),
		Data:     pulumi.ToStringMap(files),
	}, pulumi.Parent(c))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"configMap": pulumi.String(c.ConfigMap)})
}
