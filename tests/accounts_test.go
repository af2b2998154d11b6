package tests

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// What a stack sets of an account is on it and on the pods that run as it, which restart when it changes.
func TestServiceAccounts(t *testing.T) {
	deploy := func(setting string) map[string]Snapshot {
		part := "{" + setting + "}"
		return map[string]Snapshot{
			"alertmanager":          alertmanager(t, "alerting: "+part),
			"grafana":               Component(t, grafanaConfig(t, "adminPassword: s3cret, "+setting), grafana),
			"kube-state-metrics":    Component(t, configtest.Config(t, "exporters: {kubeStateMetrics: "+part+"}"), workloads),
			"thanos-query":          longTerm(t, ", query: "+part+"}"),
			"thanos-query-frontend": longTerm(t, ", queryFrontend: "+part+"}"),
		}
	}
	for name, s := range deploy("serviceAccount: {annotations: {eks.amazonaws.com/role-arn: a}, podLabels: {identity: b}}") {
		pod := Pods(s)[name]
		account := Get[*corev1.ServiceAccount](t, s, name)
		assert.Equal(t, map[string]string{"eks.amazonaws.com/role-arn": "a"}, account.Annotations, name)
		assert.Equal(t, name, pod.Spec.ServiceAccountName)
		assert.Equal(t, "b", pod.Labels["identity"], name)
		assert.NotEmpty(t, pod.Annotations["checksum/service-account"], name)
		assert.Equal(t, name == "kube-state-metrics", *pod.Spec.AutomountServiceAccountToken, name)
		for _, other := range slices.Sorted(maps.Keys(Pods(s))) {
			if other != name {
				assert.NotContains(t, Pods(s)[other].Labels, "identity", other)
			}
		}
	}
	// Without annotations, pods that need no rights run as the default account of the namespace.
	for name, s := range deploy("serviceAccount: {podLabels: {identity: b}}") {
		pod := Pods(s)[name]
		assert.Equal(t, "b", pod.Labels["identity"], name)
		assert.NotContains(t, pod.Annotations, "checksum/service-account", name)
		if name == "alertmanager" || name == "grafana" {
			assert.Empty(t, pod.Spec.ServiceAccountName, name)
			assert.Empty(t, All[*corev1.ServiceAccount](s), name)
		}
	}
}
