package tests

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// Every component with several pods has the budget that the stack sets, and otherwise lets one pod leave at
// a time.
func TestDisruptionBudgets(t *testing.T) {
	const half, none = "podDisruptionBudget: {minAvailable: 50%, unhealthyPodEvictionPolicy: AlwaysAllow}", ""
	const policy = "podDisruptionBudget: {unhealthyPodEvictionPolicy: AlwaysAllow}"
	deploy := func(setting string) map[string]policyv1.PodDisruptionBudgetSpec {
		pods := "{replicas: 2, " + setting + "}"
		snapshots := []Snapshot{
			longTerm(t, ", storeGateway: "+pods+", query: "+pods+", queryFrontend: "+pods+", ruler: "+pods+"}\nprometheus: {replicas: 2, shards: 2, "+setting+"}"),
			alertmanager(t, "alerting: "+pods),
			Component(t, configtest.Config(t, "exporters: {kubeStateMetrics: {shards: 2, "+setting+"}}"), workloads),
			behindLogin(t, "ingress: {}", oidc+", replicas: 2, "+setting),
		}
		budgets := map[string]policyv1.PodDisruptionBudgetSpec{}
		for _, s := range snapshots {
			for _, budget := range All[*policyv1.PodDisruptionBudget](s) {
				assert.NotEmpty(t, budget.Spec.Selector.MatchLabels)
				budget.Spec.Selector = nil
				budgets[budget.Name] = budget.Spec
			}
		}
		return budgets
	}
	always := policyv1.AlwaysAllow
	for setting, want := range map[string]policyv1.PodDisruptionBudgetSpec{
		none:   {MaxUnavailable: new(intstr.FromInt32(1))},
		policy: {MaxUnavailable: new(intstr.FromInt32(1)), UnhealthyPodEvictionPolicy: &always},
		half:   {MinAvailable: new(intstr.FromString("50%")), UnhealthyPodEvictionPolicy: &always},
	} {
		budgets := deploy(setting)
		require.Len(t, budgets, 9, "alertmanager, kube-state-metrics, two shards, store gateway, query, query frontend, ruler and oauth2-proxy")
		for name, budget := range budgets {
			assert.Equal(t, want, budget, name)
		}
	}
}

func TestUpdateStrategies(t *testing.T) {
	strategy := func(settings, name string) *appsv1.RollingUpdateDaemonSet {
		return Get[*appsv1.DaemonSet](t, exporters(t, settings), name).Spec.UpdateStrategy.RollingUpdate
	}
	assert.Equal(t, &appsv1.RollingUpdateDaemonSet{MaxUnavailable: new(intstr.FromString("10%"))}, strategy("", "node-exporter"))
	assert.Equal(t, &appsv1.RollingUpdateDaemonSet{MaxUnavailable: new(intstr.FromInt32(3))},
		strategy("nodeExporter: {updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 3}}}", "node-exporter"))
	assert.Equal(t, &appsv1.RollingUpdateDaemonSet{MaxUnavailable: new(intstr.FromInt32(0)), MaxSurge: new(intstr.FromString("20%"))},
		strategy("nodeDirectorySizeMetrics: {updateStrategy: {rollingUpdate: {maxSurge: 20%, maxUnavailable: 0}}}", "node-directory-size-metrics"))
}
