package tests

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
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

// kube-state-metrics reads its file about custom resources again when it changes, so the pods mount a directory.
func TestKubeStateMetricsOfCustomResources(t *testing.T) {
	cfg := configtest.Config(t, `
exporters:
  kubeStateMetrics:
    customResourceState:
      spec:
        resources:
          - groupVersionKind: {group: cert-manager.io, version: v1, kind: Certificate}
            metrics: [{name: certificate_info, each: {type: Info, info: {labelsFromPath: {name: [metadata, name]}}}}]
          - groupVersionKind: {group: example.com, version: v1, kind: Fish}
            resourcePlural: fishes
            metrics: [{name: fish_info, each: {type: Info, info: {labelsFromPath: {name: [metadata, name]}}}}]`)
	s := Component(t, cfg, kubeStateMetrics)
	CheckStack(t, s, cfg)
	pod := Get[*appsv1.Deployment](t, s, "kube-state-metrics").Spec.Template
	assert.Contains(t, pod.Spec.Containers[0].Args, "--custom-resource-state-config-file=/etc/kube-state-metrics/custom-resource-state.yaml")
	require.Len(t, pod.Spec.Containers[0].VolumeMounts, 1)
	mount := pod.Spec.Containers[0].VolumeMounts[0]
	assert.Equal(t, "/etc/kube-state-metrics", mount.MountPath)
	assert.Empty(t, mount.SubPath, "a file of its own would never change")
	assert.Contains(t, Get[*corev1.ConfigMap](t, s, pod.Spec.Volumes[0].ConfigMap.Name).Data, "custom-resource-state.yaml")
	access := rules(Get[*rbacv1.ClusterRole](t, s, "monitoring-kube-state-metrics").Rules)
	for _, resource := range []string{"apiextensions.k8s.io/customresourcedefinitions", "cert-manager.io/certificates", "example.com/fishes"} {
		assert.Subset(t, access, []string{"list " + resource, "watch " + resource})
	}
	plain := Component(t, configtest.Config(t, ""), kubeStateMetrics)
	assert.Empty(t, All[*corev1.ConfigMap](plain))
	assert.Empty(t, Get[*appsv1.Deployment](t, plain, "kube-state-metrics").Spec.Template.Spec.Volumes)
}
