package tests

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
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

// Every field of Kubernetes' types that a stack can set below pod reaches the pod. It fails for a field
// that the SDK lacks and that is not in config.Unsupported.
func TestPodSettings(t *testing.T) {
	cfg := configtest.Config(t, "prometheus: {replicas: 2}")
	pod := &cfg.Prometheus.Pod
	setAll(reflect.ValueOf(pod).Elem())
	template := Get[*appsv1.StatefulSet](t, Component(t, cfg, prometheus), "prometheus").Spec.Template
	spec, own := template.Spec, template.Spec.Containers[0]
	assert.Equal(t, "a", template.Labels["a"])
	assert.Equal(t, "prometheus", template.Labels["app.kubernetes.io/name"])
	assert.Equal(t, "a", template.Annotations["a"])
	assert.Equal(t, pod.Affinity, spec.Affinity)
	assert.Equal(t, pod.TopologySpreadConstraints, spec.TopologySpreadConstraints)
	assert.Equal(t, pod.SecurityContext, spec.SecurityContext)
	assert.Equal(t, "a", *spec.RuntimeClassName)
	assert.Equal(t, corev1.DNSPolicy("a"), spec.DNSPolicy)
	assert.Equal(t, pod.DNSConfig, spec.DNSConfig)
	assert.Equal(t, "POD_NAME", own.Env[0].Name)
	assert.Equal(t, pod.Env, own.Env[1:])
	assert.Equal(t, pod.Volumes, spec.Volumes[len(spec.Volumes)-1:])
	assert.Equal(t, pod.VolumeMounts, own.VolumeMounts[len(own.VolumeMounts)-1:])
	assert.Equal(t, pod.Containers, spec.Containers[1:])
	assert.Equal(t, pod.InitContainers, spec.InitContainers)
}

// setAll sets every field of a value: one element of each list and map, and the text a.
func setAll(value reflect.Value) {
	switch v := value.Addr().Interface().(type) {
	case *resource.Quantity:
		*v = resource.MustParse("1")
		return
	case *intstr.IntOrString:
		*v = intstr.FromInt32(1)
		return
	case *metav1.ObjectMeta: // the API server sets most of its fields
		v.Labels = map[string]string{"a": "a"}
		return
	}
	switch value.Kind() {
	case reflect.Pointer:
		value.Set(reflect.New(value.Type().Elem()))
		setAll(value.Elem())
	case reflect.Struct:
		for i := range value.NumField() {
			name, _, _ := strings.Cut(value.Type().Field(i).Tag.Get("json"), ",")
			if !slices.Contains(config.Unsupported[value.Type()], name) {
				setAll(value.Field(i))
			}
		}
	case reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), 1, 1))
		setAll(value.Index(0))
	case reflect.Map:
		key, element := reflect.New(value.Type().Key()).Elem(), reflect.New(value.Type().Elem()).Elem()
		setAll(key)
		setAll(element)
		value.Set(reflect.MakeMap(value.Type()))
		value.SetMapIndex(key, element)
	case reflect.String:
		value.SetString("a")
	case reflect.Bool:
		value.SetBool(true)
	default:
		value.SetInt(1)
	}
}

// Fields that a stack does not set are not in the pod.
func TestSparsePodSettings(t *testing.T) {
	s := Component(t, configtest.Config(t, `
prometheus:
  pod:
    affinity: {nodeAffinity: {}}
    volumes: [{name: a, emptyDir: {}}, {name: b, ephemeral: {volumeClaimTemplate: {spec: {resources: {requests: {storage: 1Gi}}}}}}]
    containers: [{name: c, image: "c:1", volumeMounts: [{name: a, mountPath: /a}], ports: [{containerPort: 80}], resources: {requests: {cpu: 0.5, memory: 64Mi}}, livenessProbe: {httpGet: {port: 80}}}]`), prometheus)
	spec := Get[*appsv1.StatefulSet](t, s, "prometheus").Spec.Template.Spec
	assert.Equal(t, &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{}}, spec.Affinity)
	assert.Equal(t, corev1.Volume{Name: "a", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}, spec.Volumes[len(spec.Volumes)-2])
	claim := spec.Volumes[len(spec.Volumes)-1].Ephemeral.VolumeClaimTemplate
	assert.Equal(t, metav1.ObjectMeta{}, claim.ObjectMeta)
	assert.Equal(t, corev1.ResourceList{"storage": resource.MustParse("1Gi")}, claim.Spec.Resources.Requests)
	assert.Equal(t, corev1.Container{
		Name: "c", Image: "c:1",
		Ports:         []corev1.ContainerPort{{ContainerPort: 80}},
		Resources:     corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("500m"), "memory": resource.MustParse("64Mi")}},
		VolumeMounts:  []corev1.VolumeMount{{Name: "a", MountPath: "/a"}},
		LivenessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Port: intstr.FromInt32(80)}}},
	}, spec.Containers[1])
}

// Each field of a security context replaces the component's own, and the others stay.
func TestPodSecurityContext(t *testing.T) {
	s := Component(t, configtest.Config(t, "prometheus: {pod: {securityContext: {fsGroup: 3000, supplementalGroups: [5], seLinuxOptions: {level: 's0:c123'}}}}"), prometheus)
	assert.Equal(t, &corev1.PodSecurityContext{
		RunAsNonRoot: new(true), RunAsUser: new(int64(65534)), RunAsGroup: new(int64(65534)),
		FSGroup: new(int64(3000)), SupplementalGroups: []int64{5},
		FSGroupChangePolicy: new(corev1.FSGroupChangeOnRootMismatch),
		SeccompProfile:      &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		SELinuxOptions:      &corev1.SELinuxOptions{Level: "s0:c123"},
	}, Get[*appsv1.StatefulSet](t, s, "prometheus").Spec.Template.Spec.SecurityContext)
}

// An affinity for nodes keeps the component's anti-affinity, which only a podAntiAffinity replaces.
func TestAffinity(t *testing.T) {
	affinity := func(set string) *corev1.Affinity {
		s := Component(t, configtest.Config(t, "prometheus: {replicas: 2, pod: {affinity: {"+set+"}}}"), prometheus)
		return Get[*appsv1.StatefulSet](t, s, "prometheus").Spec.Template.Spec.Affinity
	}
	nodes := affinity("nodeAffinity: {}")
	assert.NotNil(t, nodes.NodeAffinity)
	assert.Len(t, nodes.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution, 1)
	assert.Equal(t, &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{}}, affinity("podAntiAffinity: {}"))
}

// An empty list replaces the component's own.
func TestNoTopologySpread(t *testing.T) {
	s := Component(t, configtest.Config(t, "prometheus: {replicas: 2, pod: {topologySpreadConstraints: []}}"), prometheus)
	spec := Get[*appsv1.StatefulSet](t, s, "prometheus").Spec.Template.Spec
	assert.Empty(t, spec.TopologySpreadConstraints)
	assert.NotNil(t, spec.Affinity.PodAntiAffinity, "which stays")
}
