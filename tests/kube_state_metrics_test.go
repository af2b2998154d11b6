package tests

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// kubeStateMetrics deploys kube-state-metrics alone.
func kubeStateMetrics(ctx *pulumi.Context, site components.Site) error {
	_, err := components.NewKubeStateMetrics(ctx, "kube-state-metrics", &components.KubeStateMetricsArgs{Site: site})
	return err
}

func TestKubeStateMetricsFlags(t *testing.T) {
	s := Component(t, configtest.Config(t, `
exporters:
  kubeStateMetrics:
    kinds: [pods, nodes, deployments]
    metricLabelsAllowlist: {pods: [app, app.kubernetes.io/name], nodes: ["*"]}
    metricAnnotationsAllowlist: {deployments: [example.com/owner]}`), kubeStateMetrics)
	assert.Equal(t, []string{
		"--metric-annotations-allowlist=deployments=[example.com/owner]",
		"--metric-labels-allowlist=deployments=[prometheus.io/alerts],nodes=[*],pods=[app,app.kubernetes.io/name,prometheus.io/alerts]",
		"--port=8080",
		"--resources=deployments,nodes,pods",
		"--telemetry-port=8081",
	}, Get[*appsv1.Deployment](t, s, "kube-state-metrics").Spec.Template.Spec.Containers[0].Args)

	s = Component(t, configtest.Config(t, ""), kubeStateMetrics)
	args := Get[*appsv1.Deployment](t, s, "kube-state-metrics").Spec.Template.Spec.Containers[0].Args
	var allowlist []string
	for _, arg := range args {
		if list, ok := strings.CutPrefix(arg, "--metric-allowlist="); ok {
			allowlist = strings.Split(list, ",")
		}
	}
	assert.Contains(t, allowlist, "kube_pod_info")
	assert.NotContains(t, allowlist, "kube_service_info", "nothing uses it")
}

// kube-state-metrics may list and watch the kinds that it reports, and nothing else.
func TestKubeStateMetricsAccess(t *testing.T) {
	access := func(text string) []string {
		s := Component(t, configtest.Config(t, text), kubeStateMetrics)
		assert.Empty(t, All[*rbacv1.Role](s))
		return rules(Get[*rbacv1.ClusterRole](t, s, "monitoring-kube-state-metrics").Rules)
	}
	assert.ElementsMatch(t, []string{
		"list nodes", "watch nodes", "list pods", "watch pods", "list apps/deployments", "watch apps/deployments", "list batch/jobs", "watch batch/jobs",
	}, access("exporters: {kubeStateMetrics: {kinds: [pods, nodes, jobs, deployments]}}"))

	used := access("")
	assert.Contains(t, used, "list pods")
	assert.NotContains(t, used, "list limitranges", "nothing uses their metrics")

	all := access("discovery: {ingest: all}")
	for _, kind := range configtest.Config(t, "").Exporters.KubeStateMetrics.Kinds {
		found := 0
		for _, rule := range all {
			if rule == "list "+string(kind) || len(rule) > len(kind) && rule[len(rule)-len(kind)-1:] == "/"+string(kind) && rule[:4] == "list" {
				found++
			}
		}
		assert.Equal(t, 1, found, kind)
	}
	assert.NotContains(t, all, "list secrets")
	assert.NotContains(t, all, "list configmaps")
}
