package config_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// customResource returns a stack with a metric of HTTPRoutes. resource and metric are added to those that it has,
// and each replaces what makes its series.
func customResource(resource, metric, each string) string {
	if each == "" {
		each = "{type: Info, info: {path: [spec]}}"
	}
	return fmt.Sprintf(`
exporters:
  kubeStateMetrics:
    customResourceState:
      spec:
        resources:
          - {groupVersionKind: {group: gateway.networking.k8s.io, version: v1, kind: HTTPRoute}, metrics: [{name: route_info, each: %s%s}]%s}`,
		each, metric, resource)
}

func TestCustomResourceState(t *testing.T) {
	const (
		state  = "exporters.kubeStateMetrics.customResourceState"
		first  = state + ".spec.resources[0]"
		metric = first + ".metrics[0]"
		path   = `; allowed: the name of a field, the index of an element, or [key=value] for the element with it`
	)
	set := func(text string) string {
		return "exporters: {kubeStateMetrics: {customResourceState: {" + text + "}}}"
	}
	of := func(gvk string) string {
		return set("spec: {resources: [{groupVersionKind: {" + gvk + "}, metrics: [{name: a_info, each: {type: Info, info: {}}}]}]}")
	}
	run(t, []violation{
		{
			"of another kind", set("kind: CustomResourceStateMetric"),
			state + `.kind: unknown "CustomResourceStateMetric"; did you mean "CustomResourceStateMetrics"?`,
		}, {
			"without resources", set("kind: CustomResourceStateMetrics"),
			state + `.spec.resources: is empty; name a custom resource, or remove ` + state,
		}, {
			"resources at the top", set("resources: []"),
			state + `.resources: unknown "resources"; allowed: kind, spec`,
		}, {
			"what the exporter would ignore", customResource("", "", "{type: Gauge, gauge: {path: [spec], value: [a]}}"),
			metric + `.each.gauge.value: unknown "value"; allowed: path, labelsFromPath, labelFromKey, valueFrom, nilIsZero`,
		}, {
			"no group", of("version: v1, kind: HTTPRoute"),
			first + `.groupVersionKind.group: missing; allowed: the API group of a CustomResourceDefinition`,
		}, {
			"a group of Kubernetes", of("group: apps, version: v1, kind: Deployment"),
			first + `.groupVersionKind.group: "apps" is not the group of a CustomResourceDefinition; kinds of Kubernetes itself belong into exporters.kubeStateMetrics.kinds`,
		}, {
			"a group of Kubernetes with a dot", of("group: networking.k8s.io, version: v1, kind: Ingress"),
			first + `.groupVersionKind.group: "networking.k8s.io" is not the group of a CustomResourceDefinition; kinds of Kubernetes itself belong into exporters.kubeStateMetrics.kinds`,
		}, {
			"no version", of("group: example.com, kind: Foo"),
			first + `.groupVersionKind.version: missing; allowed: a version such as v1, or "*" for all`,
		}, {
			"no kind", of(`group: example.com, version: "*"`),
			first + `.groupVersionKind.kind: missing; allowed: a kind, such as HTTPRoute`,
		}, {
			"every kind", of(`group: example.com, version: v1, kind: "*"`),
			first + `.groupVersionKind.kind: "*"; allowed: one kind, because the exporter may list only what is named`,
		}, {
			"a plural with capitals", customResource(", resourcePlural: HTTPRoutes", "", ""),
			first + `.resourcePlural: "HTTPRoutes": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character`,
		}, {
			"no metrics", set("spec: {resources: [{groupVersionKind: {group: example.com, version: v1, kind: Foo}}]}"),
			first + `.metrics: is empty; name a metric, or remove the resource`,
		}, {
			"a name with a hyphen", customResource(", metricNamePrefix: http-routes", "", ""),
			metric + `.name: "http-routes_route_info"; allowed: letters, digits, _ and :, not starting with a digit`,
		}, {
			"a metric twice", set("spec: {resources: [{groupVersionKind: {group: example.com, version: v1, kind: Foo}, metrics: [{name: a, each: {type: Info, info: {}}}, {name: a, each: {type: Info, info: {}}}]}]}"),
			first + `.metrics[1].name: "a" is named twice`,
		}, {
			"of two types", set("spec: {resources: [{groupVersionKind: {group: example.com, version: v1, kind: Foo}, metrics: [{name: a, each: {type: Info, info: {}}}]}, {groupVersionKind: {group: example.com, version: v1, kind: Bar}, metrics: [{name: a, each: {type: Gauge, gauge: {}}}]}]}"),
			state + `.spec.resources[1].metrics[0].each.type: Gauge, but another resource has kube_customresource_a as Info; choose another name or metricNamePrefix`,
		}, {
			"no type", customResource("", "", "{info: {path: [spec]}}"),
			metric + `.each.type: missing; allowed: Gauge, StateSet, Info`,
		}, {
			"a type in lower case", customResource("", "", "{type: info, info: {path: [spec]}}"),
			metric + `.each.type: unknown "info"; did you mean "Info"?`,
		}, {
			"no gauge", customResource("", "", "{type: Gauge}"),
			metric + `.each.gauge: missing; type: Gauge requires it`,
		}, {
			"an info besides a gauge", customResource("", "", "{type: Gauge, gauge: {}, info: {}}"),
			metric + `.each.info: has no effect with type: Gauge`,
		}, {
			"a state set without states", customResource("", "", "{type: StateSet, stateSet: {labelName: phase}}"),
			metric + `.each.stateSet.list: is empty; list the states`,
		}, {
			"a state set without a label", customResource("", "", "{type: StateSet, stateSet: {list: [Ready]}}"),
			metric + `.each.stateSet.labelName: missing; allowed: the name of the label with the state`,
		}, {
			"a lookup without a value", customResource("", "", "{type: Gauge, gauge: {path: [status, conditions, '[type]']}}"),
			metric + `.each.gauge.path[2]: "[type]"` + path,
		}, {
			"an empty element", customResource("", "", `{type: Gauge, gauge: {path: [""]}}`),
			metric + `.each.gauge.path[0]: ""` + path,
		}, {
			"a label from nowhere", customResource("", ", labelsFromPath: {name: []}", ""),
			metric + `.labelsFromPath["name"]: is empty; allowed: the path of a field`,
		}, {
			"a label of the target", customResource(", labelsFromPath: {cluster: [spec, cluster]}", "", ""),
			first + `.labelsFromPath["cluster"]: "cluster" is a label of the exporter itself, which this would replace; choose another name`,
		}, {
			"a label with a dot", customResource(", commonLabels: {example.com: a}", "", ""),
			first + `.commonLabels["example.com"]: "example.com" is not a label name; allowed: letters, digits and _, not starting with a digit or __`,
		}, {
			"on the denylist", customResource("", "", "") + "\n    metricDenylist: [customresource]",
			metric + `.name: kube_customresource_route_info is left out by exporters.kubeStateMetrics.metricDenylist`,
		},
	})
}

func TestCustomResourceMetricNames(t *testing.T) {
	for resource, want := range map[string]string{
		"":                               "kube_customresource_route_info",
		", metricNamePrefix: gateway":    "gateway_route_info",
		`, metricNamePrefix: ""`:         "route_info",
		", labelsFromPath: {'*': [a]}":   "kube_customresource_route_info",
		", labelsFromPath: {a.b/c: [a]}": "kube_customresource_route_info", // the exporter makes it a_b_c
	} {
		resources := configtest.Config(t, customResource(resource, "", "")).Exporters.KubeStateMetrics.CustomResourceState.Spec.Resources
		assert.Equal(t, want, resources[0].MetricName(resources[0].Metrics[0]))
	}
	assert.Empty(t, configtest.Config(t, "").Exporters.KubeStateMetrics.CustomResourceState.Spec.Resources)
	assert.Equal(t, []string{"Gauge", "StateSet", "Info"}, config.GaugeMetric.Values())
}
