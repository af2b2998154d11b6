package render

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// routes reports on HTTPRoutes in each of the three ways, and on Gateways.
const routes = `
exporters:
  kubeStateMetrics:
    customResourceState:
      spec:
        resources:
          - groupVersionKind: {group: gateway.networking.k8s.io, version: v1, kind: HTTPRoute}
            labelsFromPath: {namespace: [metadata, namespace], httproute: [metadata, name]}
            metricNamePrefix: gateway
            metrics:
              - name: route_created
                each: {type: Gauge, gauge: {path: [metadata, creationTimestamp]}}
              - name: route_parent_info
                each: {type: Info, info: {path: [spec, parentRefs], labelsFromPath: {parent: [name]}}}
          - groupVersionKind: {group: gateway.networking.k8s.io, version: "*", kind: Gateway}
            commonLabels: {team: network}
            metrics:
              - name: gateway_labels
                labelsFromPath: {"label_*": [metadata, labels], "app.kubernetes.io/name": [metadata, labels, app.kubernetes.io/name]}
                each: {type: StateSet, stateSet: {path: [status, phase], list: [Ready, Failed], labelName: phase}}
`

// kube-state-metrics reads the file with a decoder that ignores what it does not know.
func TestCustomResourceState(t *testing.T) {
	cfg := configtest.Config(t, routes)
	s, err := New(cfg)
	require.NoError(t, err)
	var read struct {
		Kind string
		Spec struct{ Resources []map[string]any }
	}
	require.NoError(t, yaml.Unmarshal([]byte(s.CustomResources.Files["custom-resource-state.yaml"]), &read))
	assert.Equal(t, "CustomResourceStateMetrics", read.Kind)
	require.Len(t, read.Spec.Resources, 2)
	assert.Equal(t, map[string]any{
		"groupVersionKind": map[string]any{"group": "gateway.networking.k8s.io", "version": "v1", "kind": "HTTPRoute"},
		"labelsFromPath":   map[string]any{"namespace": []any{"metadata", "namespace"}, "httproute": []any{"metadata", "name"}},
		"metricNamePrefix": "gateway",
		"metrics": []any{
			map[string]any{"name": "route_created", "each": map[string]any{"type": "Gauge", "gauge": map[string]any{"path": []any{"metadata", "creationTimestamp"}}}},
			map[string]any{"name": "route_parent_info", "each": map[string]any{"type": "Info", "info": map[string]any{
				"path": []any{"spec", "parentRefs"}, "labelsFromPath": map[string]any{"parent": []any{"name"}},
			}}},
		},
	}, read.Spec.Resources[0])
	assert.Equal(t, map[string]any{"team": "network"}, read.Spec.Resources[1]["commonLabels"])
	assert.NotContains(t, read.Spec.Resources[1], "metricNamePrefix", `"" would be no prefix`)

	flags := s.KubeStateMetricsFlags()
	assert.Contains(t, flags, "--custom-resource-state-config-file=/etc/kube-state-metrics/custom-resource-state.yaml")
	for _, name := range []string{"gateway_route_created", "gateway_route_parent_info", "kube_customresource_gateway_labels"} {
		assert.True(t, stores(s, config.KubeStateMetricsJob, name), name)
		assert.Contains(t, s.ReportedMetrics(), name, "otherwise the exporter's allowlist leaves it out")
		assert.Equal(t, []string{"asked for by exporters.kubeStateMetrics"}, s.Users(config.KubeStateMetricsJob, name))
	}
	assert.Contains(t, s.ReportedKinds(), config.Kind("pods"))
	assert.NotContains(t, s.ReportedKinds(), config.Kind("limitranges"), "nothing uses their metrics")
	exposed := s.Exposed[config.KubeStateMetricsJob]
	assert.Equal(t, []string{"customresource_group", "customresource_kind", "customresource_version", "httproute", "namespace", "parent"}, exposed["gateway_route_parent_info"].Labels)
	labels := exposed["kube_customresource_gateway_labels"]
	assert.Equal(t, []string{"app_kubernetes_io_name", "customresource_group", "customresource_kind", "customresource_version", "phase", "team"}, labels.Labels)
	assert.True(t, labels.Open, "it has a label for each label of the object")

	assert.Equal(t, []Grant{
		{Verbs: []string{"list", "watch"}, Group: "apiextensions.k8s.io", Resources: []string{"customresourcedefinitions"}},
		{Verbs: []string{"list", "watch"}, Group: "gateway.networking.k8s.io", Resources: []string{"gateways", "httproutes"}},
	}, s.CustomResourceGrants())
}

func TestNoCustomResources(t *testing.T) {
	for _, text := range []string{"", strings.Replace(routes, "kubeStateMetrics:\n", "kubeStateMetrics:\n    enabled: false\n", 1)} {
		s, err := New(configtest.Config(t, text))
		require.NoError(t, err)
		assert.Empty(t, s.CustomResources.Files)
		assert.Nil(t, s.CustomResourceGrants())
		assert.NotContains(t, strings.Join(s.KubeStateMetricsFlags(), " "), "custom-resource")
	}
}

func TestTakenNamesOfCustomResources(t *testing.T) {
	for name, why := range map[string]string{
		"kube_pod_info":                    "kube_pod_info begins like the exporter's own metrics of pods",
		"kube_ingress_route":               "kube_ingress_route begins like the exporter's own metrics of ingresses",
		"kube_state_metrics_shard_ordinal": "kube_state_metrics_shard_ordinal is a metric of the exporter itself",
		"node_load1":                       "node_load1 is a metric of job node-exporter",
		"node_hwmon_of_my_own":             "node_hwmon_of_my_own is a metric of job node-exporter",
		"kubelet_running_pods":             "kubelet_running_pods is a metric of job kubernetes-nodes",
	} {
		text := strings.NewReplacer("metricNamePrefix: gateway", `metricNamePrefix: ""`, "route_created", name).Replace(routes)
		_, err := New(configtest.Config(t, text))
		assert.ErrorContains(t, err, "\n  exporters.kubeStateMetrics.customResourceState.spec.resources[0].metrics[0].name: "+why+"; choose another name or metricNamePrefix")
	}
}
