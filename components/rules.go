package components

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// Rules is the ConfigMap with the stack's alerting and recording rules, apart from those that a ruler
// evaluates over all shards. A running server reloads it by itself.
type Rules struct {
	pulumi.ResourceState

	ConfigMap string // name; its keys are rule files
}

// RulesArgs configures Rules.
type RulesArgs struct{ Site }

// NewRules creates the ConfigMap with the rule files.
func NewRules(ctx *pulumi.Context, name string, args *RulesArgs, opts ...pulumi.ResourceOption) (*Rules, error) {
	c := &Rules{}
	a := app{name: render.Prometheus.Name, role: "server"}
	return construct(ctx, "Rules", name, c, args, opts, a, func(a app) (pulumi.Map, error) {
		c.ConfigMap = a.Stack.PrometheusRules.Name
		_, err := a.configMap("config", a.Stack.PrometheusRules)
		return pulumi.Map{"configMap": pulumi.String(c.ConfigMap)}, err
	})
}

// DeployRules creates the ConfigMap with the rule files. It returns Rules without one for a stack that
// evaluates none: an agent, or one without a Prometheus.
func DeployRules(ctx *pulumi.Context, site Site, opts ...pulumi.ResourceOption) (*Rules, error) {
	if !site.Stack.Config.EvaluatesRules() {
		return &Rules{}, nil
	}
	return NewRules(ctx, "rules", &RulesArgs{Site: site}, opts...)
}

func (args *RulesArgs) inputs() pulumi.Map {
	files := slices.Sorted(maps.Keys(args.Stack.PrometheusRules.Files))
	return pulumi.Map{"files": pulumi.ToStringArray(files)}
}
