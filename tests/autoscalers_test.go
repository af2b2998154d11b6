package tests

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	autoscalingv1 "k8s.io/autoscaler/vertical-pod-autoscaler/pkg/apis/autoscaling.k8s.io/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// Every workload has the autoscaler that the stack sets, which refers to it.
func TestAutoscalers(t *testing.T) {
	const vpa = "verticalPodAutoscaler: {updatePolicy: {updateMode: Initial, minReplicas: 1}, resourcePolicy: {containerPolicies: [{containerName: '*', maxAllowed: {memory: 4Gi}, controlledValues: RequestsOnly}]}}"
	const part = "{" + vpa + "}"
	found := map[string]string{}
	for _, s := range []Snapshot{
		longTerm(t, ", storeGateway: "+part+", compactor: "+part+", query: "+part+", queryFrontend: "+part+", ruler: "+part+"}\nprometheus: {shards: 2, "+vpa+"}"),
		alertmanager(t, "alerting: "+part),
		Component(t, grafanaConfig(t, "adminPassword: s3cret, "+vpa), grafana),
		exporters(t, "nodeExporter: "+part+", nodeDirectorySizeMetrics: "+part+", kubeStateMetrics: "+part+", blackboxExporter: "+part),
		Component(t, configtest.Config(t, "exporters: {kubeStateMetrics: {shards: 2, "+vpa+"}}"), workloads),
		behindLogin(t, "ingress: {}", oidc+", "+vpa),
	} {
		kinds := map[string]string{}
		for name, objects := range map[string][]metav1.Object{
			"Deployment": asObjects(All[*appsv1.Deployment](s)), "StatefulSet": asObjects(All[*appsv1.StatefulSet](s)), "DaemonSet": asObjects(All[*appsv1.DaemonSet](s)),
		} {
			for _, object := range objects {
				kinds[object.GetName()] = name
			}
		}
		for _, autoscaler := range All[*autoscalingv1.VerticalPodAutoscaler](s) {
			target := autoscaler.Spec.TargetRef
			require.NotNil(t, target, autoscaler.Name)
			assert.Equal(t, &autoscaling.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: kinds[autoscaler.Name], Name: autoscaler.Name}, target)
			found[target.Kind+" "+target.Name] = string(*autoscaler.Spec.UpdatePolicy.UpdateMode)
			assert.Equal(t, []autoscalingv1.ContainerResourcePolicy{{
				ContainerName: "*", MaxAllowed: corev1.ResourceList{"memory": resource.MustParse("4Gi")},
				ControlledValues: new(autoscalingv1.ContainerControlledValuesRequestsOnly),
			}}, autoscaler.Spec.ResourcePolicy.ContainerPolicies)
		}
	}
	want := map[string]string{}
	for _, workload := range []string{
		"StatefulSet prometheus", "StatefulSet prometheus-shard-1", "StatefulSet alertmanager", "Deployment grafana",
		"DaemonSet node-exporter", "DaemonSet node-directory-size-metrics", "Deployment kube-state-metrics", "StatefulSet kube-state-metrics", "Deployment blackbox-exporter",
		"StatefulSet thanos-store-gateway", "StatefulSet thanos-compactor", "Deployment thanos-query", "Deployment thanos-query-frontend", "StatefulSet thanos-ruler", "Deployment prometheus-login",
	} {
		want[workload] = "Initial"
	}
	assert.Equal(t, want, found)
	assert.Empty(t, All[*autoscalingv1.VerticalPodAutoscaler](alertmanager(t, "")))
}

// asObjects returns the objects of one kind as those of any.
func asObjects[T metav1.Object](objects []T) []metav1.Object {
	var found []metav1.Object
	for _, object := range objects {
		found = append(found, object)
	}
	return found
}
