package render

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/eventrecorder"
	"github.com/prometheus/alertmanager/featurecontrol"
	"github.com/prometheus/alertmanager/inhibit"
	"github.com/prometheus/alertmanager/provider/mem"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// Of what fires because of one fault, only the alert that names it notifies. Alertmanager's own
// inhibitor decides.
func TestInhibitions(t *testing.T) {
	stack, err := New(configtest.Config(t, `{cluster: {name: dev}, grafana: {adminPassword: x}, alerting: {acknowledgeNoNotifications: true}}`))
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		firing   []string // as metrics are written
		notifies []string
	}{
		"a lost node": {
			[]string{
				`{alertname="NodeNotReady", cluster="dev", node="a", severity="critical"}`,
				`{alertname="NodeTargetsDown", cluster="dev", node="a", severity="warning"}`,
				`{alertname="NodesEvicted", cluster="dev", node="a", severity="warning"}`,
				`{alertname="NodeReadinessFlapping", cluster="dev", node="a", severity="warning"}`,
				`{alertname="KubeletPLEGSlow", cluster="dev", node="a", severity="warning"}`,
				`{alertname="KubeletUnreachable", cluster="dev", node="a", severity="warning"}`,
				`{alertname="NodeTargetsDown", cluster="dev", node="b", severity="warning"}`,
				`{alertname="NodeTargetsDown", cluster="prod", node="a", severity="warning"}`,
				`{alertname="CPUOvercommitted", cluster="dev", severity="warning"}`,
				`{alertname="MemoryOvercommitted", cluster="prod", severity="warning"}`,
				`{alertname="NodeFilesystemSpaceLow", cluster="dev", node="a", device="/dev/sda", mountpoint="/", severity="critical"}`,
			},
			[]string{
				`{alertname="MemoryOvercommitted", cluster="prod", severity="warning"}`,
				`{alertname="NodeFilesystemSpaceLow", cluster="dev", device="/dev/sda", mountpoint="/", node="a", severity="critical"}`,
				`{alertname="NodeNotReady", cluster="dev", node="a", severity="critical"}`,
				`{alertname="NodeTargetsDown", cluster="dev", node="b", severity="warning"}`,
				`{alertname="NodeTargetsDown", cluster="prod", node="a", severity="warning"}`,
			},
		},
		"kubelets of which none answers": {
			[]string{
				`{alertname="TargetDown", cluster="dev", job="kubernetes-nodes", severity="critical"}`,
				`{alertname="KubeletUnreachable", cluster="dev", node="a", severity="warning"}`,
				`{alertname="KubeletUnreachable", cluster="prod", node="a", severity="warning"}`,
			},
			[]string{
				`{alertname="KubeletUnreachable", cluster="prod", node="a", severity="warning"}`,
				`{alertname="TargetDown", cluster="dev", job="kubernetes-nodes", severity="critical"}`,
			},
		},
		"rollouts that are stuck": {
			[]string{
				`{alertname="DeploymentRolloutStuck", cluster="dev", namespace="shop", deployment="cart", severity="warning"}`,
				`{alertname="DeploymentReplicasUnavailable", cluster="dev", namespace="shop", deployment="cart", severity="warning"}`,
				`{alertname="StatefulSetRolloutStuck", cluster="dev", namespace="shop", statefulset="db", severity="warning"}`,
				`{alertname="StatefulSetReplicasUnavailable", cluster="dev", namespace="shop", statefulset="cache", severity="warning"}`,
				`{alertname="DaemonSetRolloutStuck", cluster="dev", namespace="shop", daemonset="agent", severity="warning"}`,
				`{alertname="DaemonSetPodsUnavailable", cluster="dev", namespace="shop", daemonset="agent", severity="warning"}`,
			},
			[]string{
				`{alertname="DaemonSetRolloutStuck", cluster="dev", daemonset="agent", namespace="shop", severity="warning"}`,
				`{alertname="DeploymentRolloutStuck", cluster="dev", deployment="cart", namespace="shop", severity="warning"}`,
				`{alertname="StatefulSetReplicasUnavailable", cluster="dev", namespace="shop", severity="warning", statefulset="cache"}`,
				`{alertname="StatefulSetRolloutStuck", cluster="dev", namespace="shop", severity="warning", statefulset="db"}`,
			},
		},
		"a pod that is not ready": {
			[]string{
				`{alertname="PodNotReady", cluster="dev", namespace="shop", pod="cart-1-a", severity="warning"}`,
				`{alertname="ContainerProbeFailing", cluster="dev", namespace="shop", pod="cart-1-a", container="app", probe_type="Readiness", severity="warning"}`,
				`{alertname="ContainerProbeFailing", cluster="dev", namespace="shop", pod="cart-1-b", container="app", probe_type="Readiness", severity="warning"}`,
			},
			[]string{
				`{alertname="ContainerProbeFailing", cluster="dev", container="app", namespace="shop", pod="cart-1-b", probe_type="Readiness", severity="warning"}`,
				`{alertname="PodNotReady", cluster="dev", namespace="shop", pod="cart-1-a", severity="warning"}`,
			},
		},
		"etcd without a majority": {
			[]string{
				`{alertname="EtcdQuorumLost", cluster="dev", job="etcd", severity="critical"}`,
				`{alertname="EtcdQuorumAtRisk", cluster="dev", job="etcd", severity="warning"}`,
				`{alertname="APIServerErrorsHigh", cluster="dev", job="kubernetes-apiservers", severity="warning"}`,
				`{alertname="KubernetesClientErrors", cluster="dev", job="kubernetes-nodes", instance="10.0.0.1:10250", severity="warning"}`,
				`{alertname="AggregatedAPIFlapping", cluster="dev", name="v1beta1.metrics.k8s.io", severity="warning"}`,
				`{alertname="APIServerThrottling", cluster="dev", job="kubernetes-apiservers", severity="warning"}`,
			},
			[]string{
				`{alertname="APIServerThrottling", cluster="dev", job="kubernetes-apiservers", severity="warning"}`,
				`{alertname="EtcdQuorumLost", cluster="dev", job="etcd", severity="critical"}`,
			},
		},
		"API servers with errors": {
			[]string{
				`{alertname="APIServerErrorBudgetBurn", cluster="dev", operation="read", severity="critical", window="1h"}`,
				`{alertname="APIServerErrorBudgetBurn", cluster="dev", operation="read", severity="warning", window="3d"}`,
				`{alertname="APIServerErrorsHigh", cluster="dev", job="kubernetes-apiservers", severity="warning"}`,
			},
			[]string{`{alertname="APIServerErrorBudgetBurn", cluster="dev", operation="read", severity="critical", window="1h"}`},
		},
		"dead API servers": {
			[]string{
				`{alertname="TargetDown", cluster="dev", job="kubernetes-apiservers", severity="critical"}`,
				`{alertname="TargetDown", cluster="dev", job="kubernetes-apiservers", severity="warning"}`,
				`{alertname="PrometheusDiscoveryFailing", cluster="dev", namespace="monitoring", pod="prometheus-0", severity="warning"}`,
				`{alertname="KubeStateMetricsErrors", cluster="dev", job="kube-state-metrics", severity="warning"}`,
				`{alertname="KubernetesClientErrors", cluster="dev", job="kubernetes-nodes", instance="10.0.0.1:10250", severity="warning"}`,
			},
			[]string{`{alertname="TargetDown", cluster="dev", job="kubernetes-apiservers", severity="critical"}`},
		},
		"API servers that fail": {
			[]string{
				`{alertname="APIServerErrorsHigh", cluster="dev", job="kubernetes-apiservers", severity="warning"}`,
				`{alertname="KubernetesClientErrors", cluster="dev", job="kubernetes-nodes", instance="10.0.0.1:10250", severity="warning"}`,
				`{alertname="KubernetesClientErrors", cluster="prod", instance="10.0.0.1:10250", job="kubernetes-nodes", severity="warning"}`,
			},
			[]string{
				`{alertname="APIServerErrorsHigh", cluster="dev", job="kubernetes-apiservers", severity="warning"}`,
				`{alertname="KubernetesClientErrors", cluster="prod", instance="10.0.0.1:10250", job="kubernetes-nodes", severity="warning"}`,
			},
		},
		"a dead controller manager": {
			[]string{
				`{alertname="TargetDown", cluster="dev", job="kube-controller-manager", severity="critical"}`,
				`{alertname="DeploymentGenerationMismatch", cluster="dev", namespace="shop", deployment="cart", severity="warning"}`,
				`{alertname="StatefulSetGenerationMismatch", cluster="dev", namespace="shop", statefulset="db", severity="warning"}`,
				`{alertname="HorizontalPodAutoscalerReplicasMissing", cluster="dev", namespace="shop", horizontalpodautoscaler="cart", severity="warning"}`,
				`{alertname="PodNotReady", cluster="dev", namespace="shop", pod="cart-1-a", severity="warning"}`,
			},
			[]string{
				`{alertname="PodNotReady", cluster="dev", namespace="shop", pod="cart-1-a", severity="warning"}`,
				`{alertname="TargetDown", cluster="dev", job="kube-controller-manager", severity="critical"}`,
			},
		},
		"dead Alertmanagers, and a full queue": {
			[]string{
				`{alertname="AlertmanagerClusterDown", cluster="dev", namespace="monitoring", job="alertmanager", severity="critical"}`,
				`{alertname="PrometheusNotificationQueueFillingUp", cluster="dev", namespace="monitoring", pod="prometheus-0", severity="warning"}`,
				`{alertname="PrometheusNotificationsDropped", cluster="prod", namespace="monitoring", pod="prometheus-0", severity="critical"}`,
				`{alertname="PrometheusNotificationQueueFillingUp", cluster="prod", namespace="monitoring", pod="prometheus-0", severity="warning"}`,
				`{alertname="PrometheusNotificationQueueFillingUp", cluster="prod", namespace="monitoring", pod="prometheus-1", severity="warning"}`,
			},
			[]string{
				`{alertname="AlertmanagerClusterDown", cluster="dev", job="alertmanager", namespace="monitoring", severity="critical"}`,
				`{alertname="PrometheusNotificationQueueFillingUp", cluster="prod", namespace="monitoring", pod="prometheus-1", severity="warning"}`,
				`{alertname="PrometheusNotificationsDropped", cluster="prod", namespace="monitoring", pod="prometheus-0", severity="critical"}`,
			},
		},
		"a dead blackbox-exporter": {
			[]string{
				`{alertname="TargetDown", cluster="dev", job="blackbox-exporter", namespace="monitoring", endpoint="metrics", severity="critical"}`,
				`{alertname="TargetDown", cluster="dev", job="blackbox-exporter", namespace="monitoring", severity="warning"}`,
				`{alertname="TargetDown", cluster="dev", job="kubernetes-services", namespace="shop", service="cart", severity="warning"}`,
				`{alertname="TargetDown", cluster="dev", job="kubernetes-endpoints", namespace="shop", service="cart", severity="warning"}`,
			},
			[]string{
				`{alertname="TargetDown", cluster="dev", endpoint="metrics", job="blackbox-exporter", namespace="monitoring", severity="critical"}`,
				`{alertname="TargetDown", cluster="dev", job="kubernetes-endpoints", namespace="shop", service="cart", severity="warning"}`,
			},
		},
		"a muted claim, and a muted node": {
			[]string{
				`{alertname="AlertsOff", cluster="dev", muted="persistentvolumeclaim", namespace="shop", persistentvolumeclaim="cache", severity="none"}`,
				`{alertname="AlertsOff", cluster="dev", muted="node", node="spare", severity="none"}`,
				`{alertname="PersistentVolumeClaimSpaceLow", cluster="dev", namespace="shop", persistentvolumeclaim="cache", severity="critical"}`,
				`{alertname="PersistentVolumeClaimSpaceLow", cluster="dev", namespace="shop", persistentvolumeclaim="db", severity="critical"}`,
				`{alertname="PersistentVolumeClaimSpaceLow", cluster="dev", namespace="bank", persistentvolumeclaim="cache", severity="critical"}`,
				`{alertname="NodeNotReady", cluster="dev", node="spare", severity="critical"}`,
				`{alertname="CoreDNSErrorsHigh", cluster="dev", severity="warning"}`,
			},
			[]string{
				`{alertname="AlertsOff", cluster="dev", muted="node", node="spare", severity="none"}`,
				`{alertname="AlertsOff", cluster="dev", muted="persistentvolumeclaim", namespace="shop", persistentvolumeclaim="cache", severity="none"}`,
				`{alertname="CoreDNSErrorsHigh", cluster="dev", severity="warning"}`,
				`{alertname="PersistentVolumeClaimSpaceLow", cluster="dev", namespace="bank", persistentvolumeclaim="cache", severity="critical"}`,
				`{alertname="PersistentVolumeClaimSpaceLow", cluster="dev", namespace="shop", persistentvolumeclaim="db", severity="critical"}`,
			},
		},
		"nodes that are short of CPU, memory and disks": {
			[]string{
				`{alertname="NodeCPUHigh", cluster="dev", node="a", severity="warning"}`,
				`{alertname="NodeSaturated", cluster="dev", node="a", severity="warning"}`,
				`{alertname="NodeSaturated", cluster="dev", node="b", severity="warning"}`,
				`{alertname="NodeMemoryHigh", cluster="dev", node="b", severity="warning"}`,
				`{alertname="NodeMemoryStalled", cluster="dev", node="b", severity="warning"}`,
				`{alertname="NodeMajorPageFaults", cluster="dev", node="b", severity="info"}`,
				`{alertname="NodeMemoryStalled", cluster="dev", node="c", severity="warning"}`,
				`{alertname="NodeMajorPageFaults", cluster="dev", node="c", severity="info"}`,
				`{alertname="NodeDiskSaturated", cluster="dev", node="c", device="sda", severity="warning"}`,
				`{alertname="NodeIOStalled", cluster="dev", node="c", severity="info"}`,
				`{alertname="NodeSoftnetDrops", cluster="dev", node="c", severity="warning"}`,
				`{alertname="NodeSoftnetSqueezed", cluster="dev", node="c", severity="info"}`,
				`{alertname="NodeSoftnetSqueezed", cluster="dev", node="d", severity="info"}`,
			},
			[]string{
				`{alertname="NodeCPUHigh", cluster="dev", node="a", severity="warning"}`,
				`{alertname="NodeSaturated", cluster="dev", node="b", severity="warning"}`,
				`{alertname="NodeMemoryHigh", cluster="dev", node="b", severity="warning"}`,
				`{alertname="NodeMemoryStalled", cluster="dev", node="c", severity="warning"}`,
				`{alertname="NodeDiskSaturated", cluster="dev", device="sda", node="c", severity="warning"}`,
				`{alertname="NodeSoftnetDrops", cluster="dev", node="c", severity="warning"}`,
				`{alertname="NodeSoftnetSqueezed", cluster="dev", node="d", severity="info"}`,
			},
		},
		"failed disks, one of which a spare replaces": {
			[]string{
				`{alertname="NodeRAIDDegraded", cluster="dev", node="a", device="md0", severity="warning"}`,
				`{alertname="NodeRAIDDiskFailed", cluster="dev", node="a", device="md0", severity="warning"}`,
				`{alertname="NodeRAIDDiskFailed", cluster="dev", node="a", device="md1", severity="warning"}`,
			},
			[]string{
				`{alertname="NodeRAIDDegraded", cluster="dev", device="md0", node="a", severity="warning"}`,
				`{alertname="NodeRAIDDiskFailed", cluster="dev", device="md1", node="a", severity="warning"}`,
			},
		},
		"a full claim that was filling up": {
			[]string{
				`{alertname="PersistentVolumeClaimFillingUp", cluster="dev", namespace="shop", persistentvolumeclaim="db", severity="warning"}`,
				`{alertname="PersistentVolumeClaimSpaceLow", cluster="dev", namespace="shop", persistentvolumeclaim="db", severity="warning"}`,
				`{alertname="PersistentVolumeClaimFillingUp", cluster="dev", namespace="shop", persistentvolumeclaim="log", severity="warning"}`,
				`{alertname="PersistentVolumeClaimInodesFillingUp", cluster="dev", namespace="shop", persistentvolumeclaim="db", severity="warning"}`,
				`{alertname="PersistentVolumeClaimInodesFillingUp", cluster="dev", namespace="shop", persistentvolumeclaim="log", severity="warning"}`,
				`{alertname="PersistentVolumeClaimInodesLow", cluster="dev", namespace="shop", persistentvolumeclaim="log", severity="critical"}`,
			},
			[]string{
				`{alertname="PersistentVolumeClaimInodesFillingUp", cluster="dev", namespace="shop", persistentvolumeclaim="db", severity="warning"}`,
				`{alertname="PersistentVolumeClaimInodesLow", cluster="dev", namespace="shop", persistentvolumeclaim="log", severity="critical"}`,
				`{alertname="PersistentVolumeClaimFillingUp", cluster="dev", namespace="shop", persistentvolumeclaim="log", severity="warning"}`,
				`{alertname="PersistentVolumeClaimSpaceLow", cluster="dev", namespace="shop", persistentvolumeclaim="db", severity="warning"}`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.ElementsMatch(t, tc.notifies, notifying(t, stack, tc.firing))
		})
	}
}

// notifying returns the alerts that notify while others fire.
func notifying(t *testing.T, stack *Stack, firing []string) []string {
	t.Helper()
	silent := slog.New(slog.DiscardHandler)
	alerts, err := mem.NewAlerts(t.Context(), time.Hour, 0, nil, silent, eventrecorder.NopRecorder(), prometheus.NewRegistry(), featurecontrol.NoopFlags{})
	require.NoError(t, err)
	var sets []model.LabelSet
	for _, text := range firing {
		set := labelSet(t, text)
		sets = append(sets, set)
		require.NoError(t, alerts.Put(t.Context(), &alert.Alert{
			Alert: model.Alert{Labels: set, StartsAt: time.Now(), EndsAt: time.Now().Add(time.Hour)}, UpdatedAt: time.Now(),
		}))
	}
	inhibitor := inhibit.NewInhibitor(alerts, stack.Alertmanager.InhibitRules, silent, eventrecorder.NopRecorder())
	done := make(chan struct{})
	go func() { inhibitor.Run(); close(done) }()
	inhibitor.WaitForLoading()
	var notify []string
	for _, set := range sets {
		if !inhibitor.Mutes(context.Background(), set) {
			notify = append(notify, set.String())
		}
	}
	inhibitor.Stop()
	<-done
	return notify
}

// labelSet returns the labels that are written as those of a metric.
func labelSet(t *testing.T, text string) model.LabelSet {
	t.Helper()
	parsed, err := parser.NewParser(parser.Options{}).ParseMetric(text)
	require.NoError(t, err)
	set := model.LabelSet{}
	parsed.Range(func(l labels.Label) { set[model.LabelName(l.Name)] = model.LabelValue(l.Value) })
	return set
}
