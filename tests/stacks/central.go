package stacks

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/tests"
)

// Central asserts what a stack without a Prometheus deploys, and that nothing of it is there for one.
func Central(t *testing.T, program tests.Program) {
	cfg := configtest.Config(t, "cluster: {name: test, nodes: 3}\n"+central)
	s := tests.Deploy(t, program, cfg)
	dashboards := 0
	assert.Equal(t, []string{
		"ConfigMap grafana-config", "ConfigMap thanos-query-config", "ConfigMap thanos-query-frontend-config",
		"Deployment grafana", "Deployment thanos-query", "Deployment thanos-query-frontend",
		"Namespace monitoring",
		"NetworkPolicy grafana", "NetworkPolicy thanos-query", "NetworkPolicy thanos-query-frontend",
		"Secret grafana",
		"Service grafana", "Service thanos-query", "Service thanos-query-frontend",
		"ServiceAccount thanos-query", "ServiceAccount thanos-query-frontend",
	}, slices.DeleteFunc(objects(t, s), func(object string) bool {
		dashboard := strings.HasPrefix(object, "ConfigMap grafana-dashboard-")
		if dashboard {
			dashboards++
		}
		return dashboard
	}))
	assert.Greater(t, dashboards, 20)
	assert.Equal(t, "restricted", tests.Get[*corev1.Namespace](t, s, "monitoring").Labels["pod-security.kubernetes.io/enforce"])

	query := tests.Get[*appsv1.Deployment](t, s, "thanos-query").Spec.Template.Spec.Containers[0]
	assert.Contains(t, query.Args, "--endpoint.sd-config-file=/etc/thanos/config/endpoints.yaml")
	endpoints := tests.Get[*corev1.ConfigMap](t, s, "thanos-query-config").Data["endpoints.yaml"]
	assert.Contains(t, endpoints, "- address: thanos-query.shop.svc:10901\n")
	assert.Contains(t, endpoints, "server_name: thanos.bank.example.com\n")
	assert.NotContains(t, endpoints, "dnssrv")
	datasources := tests.Get[*corev1.ConfigMap](t, s, "grafana-config").Data["datasources.yaml"]
	assert.Contains(t, datasources, "url: http://thanos-query-frontend.monitoring.svc:10902\n")
	assert.NotContains(t, datasources, "alertmanager")

	for _, allowed := range []struct {
		from peer
		to   string
		port int32
	}{
		{pod(t, s, "grafana"), "thanos-query-frontend", 10902},
		{pod(t, s, "thanos-query-frontend"), "thanos-query", 10902},
		{peer{namespace: "ingress"}, "thanos-query", 10901},
	} {
		assert.True(t, admitted(t, s, allowed.from, allowed.to, allowed.port, corev1.ProtocolTCP), "%v to %s", allowed.from, allowed.to)
	}
	prometheus := peer{"monitoring", map[string]string{"app.kubernetes.io/name": "prometheus", "app.kubernetes.io/instance": "monitoring"}}
	for to, port := range map[string]int32{"grafana": 3000, "thanos-query": 10902, "thanos-query-frontend": 10902} {
		assert.False(t, admitted(t, s, prometheus, to, port, corev1.ProtocolTCP), "the stack has no Prometheus that scrapes %s", to)
	}

	imported := tests.Deploy(t, program, configtest.Config(t, central+"\ngrafana: {adminPassword: s3cret, import: job, persistence: {enabled: true}}"))
	assert.Subset(t, objects(t, imported), []string{"NetworkPolicy grafana-import", "PersistentVolumeClaim data-grafana-0", "Job " + importJob(t, imported)})
	assert.True(t, admitted(t, imported, pod(t, imported, importJob(t, imported)), "grafana", 3000, corev1.ProtocolTCP))
}

// objects returns the kind and the name of each object of a stack, sorted.
func objects(t *testing.T, s tests.Snapshot) []string {
	t.Helper()
	var found []string
	for _, r := range s {
		if r.Object == nil {
			continue
		}
		object, err := meta.Accessor(r.Object)
		require.NoError(t, err)
		found = append(found, fmt.Sprint(r.Type[strings.LastIndex(r.Type, ":")+1:], " ", object.GetName()))
	}
	slices.Sort(found)
	return found
}
