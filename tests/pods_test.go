package tests

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// workloads deploys the server and the exporters.
func workloads(ctx *pulumi.Context, site components.Site) error {
	if err := prometheus(ctx, site); err != nil {
		return err
	}
	return components.DeployExporters(ctx, site)
}

func TestImages(t *testing.T) {
	s := Component(t, configtest.Config(t, `
images:
  registryMirrors: {quay.io: mirror.example.com/quay, registry.k8s.io: mirror.example.com/k8s}
  overrides: {blackbox-exporter: "example.com/blackbox:v9"}
  pullPolicy: Always
  pullSecrets: [registry]`), workloads)
	pods := Pods(s)
	require.GreaterOrEqual(t, len(pods), 4)
	for name, pod := range pods {
		assert.Equal(t, []corev1.LocalObjectReference{{Name: "registry"}}, pod.Spec.ImagePullSecrets, name)
		for _, container := range pod.Spec.Containers {
			assert.Equal(t, corev1.PullAlways, container.ImagePullPolicy, name)
		}
	}
	for name, want := range map[string]struct{ image, version string }{
		"prometheus":         {"mirror.example.com/quay/prometheus/prometheus:v3.16.0", "v3.16.0"},
		"node-exporter":      {"mirror.example.com/quay/prometheus/node-exporter:v1.12.1", "v1.12.1"},
		"kube-state-metrics": {"mirror.example.com/k8s/kube-state-metrics/kube-state-metrics:v2.19.1", "v2.19.1"},
		"blackbox-exporter":  {"example.com/blackbox:v9", "v9"},
	} {
		assert.Equal(t, want.image, pods[name].Spec.Containers[0].Image)
		assert.Equal(t, want.version, pods[name].Labels["app.kubernetes.io/version"], name)
	}
}

func TestScheduling(t *testing.T) {
	s := Component(t, configtest.Config(t, `
prometheus:
  nodeSelector: {disk: ssd}
  tolerations: [{key: dedicated, value: monitoring, effect: NoSchedule}]
  priorityClassName: important
exporters:
  nodeExporter: {tolerations: []}`), workloads)
	spec := Get[*appsv1.StatefulSet](t, s, "prometheus").Spec.Template.Spec
	assert.Equal(t, map[string]string{"disk": "ssd", "kubernetes.io/os": "linux"}, spec.NodeSelector)
	assert.Equal(t, []corev1.Toleration{{Key: "dedicated", Value: "monitoring", Effect: corev1.TaintEffectNoSchedule}}, spec.Tolerations)
	assert.Equal(t, "important", spec.PriorityClassName)

	assert.Empty(t, Get[*appsv1.DaemonSet](t, s, "node-exporter").Spec.Template.Spec.Tolerations, "a list replaces the default")
	other := Get[*appsv1.Deployment](t, s, "blackbox-exporter").Spec.Template.Spec
	assert.Empty(t, other.Tolerations)
	assert.Empty(t, other.PriorityClassName)
}

func TestResources(t *testing.T) {
	s := Component(t, configtest.Config(t, `prometheus: {resources: {requests: {cpu: 250m, memory: 1Gi}, limits: {cpu: "2", memory: 3Gi}}}`), workloads)
	resources := Get[*appsv1.StatefulSet](t, s, "prometheus").Spec.Template.Spec.Containers[0].Resources
	assert.Equal(t, "250m", resources.Requests.Cpu().String())
	assert.Equal(t, "1Gi", resources.Requests.Memory().String())
	assert.Equal(t, "2", resources.Limits.Cpu().String())
	assert.Equal(t, "3Gi", resources.Limits.Memory().String())
}

// Only pods that query the API server have a token for it.
func TestServiceAccountTokens(t *testing.T) {
	for name, pod := range Pods(Component(t, configtest.Config(t, ""), workloads)) {
		needed := name == "prometheus" || name == "kube-state-metrics"
		assert.Equal(t, needed, *pod.Spec.AutomountServiceAccountToken, name)
	}
}
