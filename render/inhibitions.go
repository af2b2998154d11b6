package render

import (
	"fmt"
	"strings"

	amlabels "github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// amInhibition holds an inhibition rule: while an alert matches the source matchers, those that match
// the target matchers and have the same values of the labels in Equal notify nobody.
// https://prometheus.io/docs/alerting/latest/configuration/#inhibit_rule
type amInhibition struct {
	SourceMatchers []string `yaml:"source_matchers,flow"`
	TargetMatchers []string `yaml:"target_matchers,flow"`
	Equal          []string `yaml:"equal,flow"`
}

// consequences holds what fires because of something that another alert reports, and would only
// distract from it.
var consequences = []amInhibition{
	// A lost node.
	{[]string{`alertname="NodeNotReady"`}, []string{`alertname=~"NodeTargetsDown|NodesEvicted|NodeNetworkUnavailable|NodeReadinessFlapping|KubeletUnreachable|KubeletPLEGSlow|KubeletPodStartSlow|KubeletRuntimeErrors|KubeletVolumeErrors|KubeletEvictions|KubeletTooManyPods|NodeUnderPressure"`}, []string{"cluster", "node"}},
	{[]string{`alertname="NodeNotReady"`}, []string{`alertname=~"CPUOvercommitted|MemoryOvercommitted"`}, []string{"cluster"}},
	// etcd without a majority, which the API servers cannot work without.
	{[]string{`alertname=~"EtcdQuorumLost|EtcdNoLeader"`}, []string{`alertname=~"APIServerErrorBudgetBurn|APIServerErrorsHigh|APIServerSlow|EtcdQuorumAtRisk|EtcdLeaderChanges|EtcdProposalsFailing|KubernetesClientErrors|AggregatedAPIFlapping"`}, []string{"cluster"}},
	// API servers that miss their objective, and how.
	{[]string{`alertname="APIServerErrorBudgetBurn"`, `severity="critical"`}, []string{`alertname=~"APIServerErrorsHigh|APIServerSlow"`}, []string{"cluster"}},
	// Dead API servers, and what cannot work without them.
	{[]string{`alertname=~"TargetDown|JobAbsent"`, `job="kubernetes-apiservers"`, `severity="critical"`}, []string{`alertname=~"PrometheusDiscoveryFailing|KubeStateMetricsErrors|KubernetesClientErrors|SchedulerErrors|GarbageCollectionFailing"`}, []string{"cluster"}},
	// API servers that fail, and their clients.
	{[]string{`alertname="APIServerErrorsHigh"`}, []string{`alertname="KubernetesClientErrors"`}, []string{"cluster"}},
	// A dead controller manager, which carries out changes of workloads.
	{[]string{`alertname=~"TargetDown|JobAbsent"`, `job="kube-controller-manager"`, `severity="critical"`}, []string{`alertname=~"DeploymentGenerationMismatch|StatefulSetGenerationMismatch|HorizontalPodAutoscalerReplicasMissing"`}, []string{"cluster"}},
	// Kubelets of which none can be scraped.
	{[]string{`alertname=~"TargetDown|JobAbsent"`, `job="kubernetes-nodes"`, `severity="critical"`}, []string{`alertname="KubeletUnreachable"`}, []string{"cluster"}},
	// A dead exporter, and what it would measure.
	{[]string{`alertname=~"TargetDown|JobAbsent"`, `job="kube-state-metrics"`, `severity="critical"`}, []string{`alertname="KubeStateMetricsShardsMissing"`}, []string{"cluster"}},
	{[]string{`alertname=~"TargetDown|JobAbsent"`, `job="blackbox-exporter"`, `severity="critical"`}, []string{`alertname="TargetDown"`, `job=~"kubernetes-services|kubernetes-ingresses|blackbox-targets"`}, []string{"cluster"}},
	{[]string{`alertname="AlertmanagerClusterDown"`}, []string{`alertname=~"AlertmanagerMembersInconsistent|AlertmanagerConfigInconsistent|PrometheusNotificationsFailing|PrometheusNotificationQueueFillingUp"`}, []string{"cluster", "namespace"}},
	// A node that is short of something, and what waits for it.
	{[]string{`alertname="NodeCPUHigh"`}, []string{`alertname="NodeSaturated"`}, []string{"cluster", "node"}},
	{[]string{`alertname=~"NodeMemoryHigh|NodeMemoryStalled"`}, []string{`alertname="NodeMajorPageFaults"`}, []string{"cluster", "node"}},
	{[]string{`alertname="NodeMemoryHigh"`}, []string{`alertname="NodeMemoryStalled"`}, []string{"cluster", "node"}},
	{[]string{`alertname="NodeDiskSaturated"`}, []string{`alertname="NodeIOStalled"`}, []string{"cluster", "node"}},
	{[]string{`alertname="NodeSoftnetDrops"`}, []string{`alertname="NodeSoftnetSqueezed"`}, []string{"cluster", "node"}},
	// A rollout that is stuck, and the replicas that it lacks.
	{[]string{`alertname="DeploymentRolloutStuck"`}, []string{`alertname="DeploymentReplicasUnavailable"`}, []string{"cluster", "namespace", "deployment"}},
	{[]string{`alertname="StatefulSetRolloutStuck"`}, []string{`alertname="StatefulSetReplicasUnavailable"`}, []string{"cluster", "namespace", "statefulset"}},
	{[]string{`alertname="DaemonSetRolloutStuck"`}, []string{`alertname="DaemonSetPodsUnavailable"`}, []string{"cluster", "namespace", "daemonset"}},
	// A pod that is down, and its probes, which fail.
	{[]string{`alertname=~"PodNotReady|PodCrashLooping"`}, []string{`alertname="ContainerProbeFailing"`}, []string{"cluster", "namespace", "pod"}},
	// A failed disk that nothing replaces.
	{[]string{`alertname="NodeRAIDDegraded"`}, []string{`alertname="NodeRAIDDiskFailed"`}, []string{"cluster", "node", "device"}},
	{[]string{`alertname="PrometheusNotificationsDropped"`}, []string{`alertname="PrometheusNotificationQueueFillingUp"`}, []string{"cluster", "namespace", "pod"}},
	// A remote that is slow, and the shards that would make up for it.
	{[]string{`alertname="PrometheusRemoteWriteBehind"`}, []string{`alertname="PrometheusRemoteWriteDesiredShards"`}, []string{"cluster", "namespace", "pod", "remote_name"}},
	// A sidecar that has uploaded nothing for hours, and why.
	{[]string{`alertname="ThanosBucketOperationsFailing"`, `job="thanos-sidecar"`}, []string{`alertname="ThanosSidecarUploadsFailing"`}, []string{"cluster", "namespace"}},
	{[]string{`alertname="ThanosCompactionHalted"`}, []string{`alertname="ThanosCompactionStalled"`}, []string{"cluster", "namespace", "pod"}},
	{[]string{`alertname="ThanosSidecarNotUploading"`}, []string{`alertname="ThanosSidecarUploadsFailing"`}, []string{"cluster", "namespace", "pod"}},
	// What is full, and that it would become so.
	{[]string{`alertname="NodeFilesystemSpaceLow"`}, []string{`alertname="NodeFilesystemFillingUp"`}, []string{"cluster", "node", "device", "mountpoint"}},
	{[]string{`alertname="NodeFilesystemInodesLow"`}, []string{`alertname="NodeFilesystemInodesFillingUp"`}, []string{"cluster", "node", "device", "mountpoint"}},
	{[]string{`alertname="WindowsNodeDiskSpaceLow"`}, []string{`alertname="WindowsNodeDiskFillingUp"`}, []string{"cluster", "node", "volume"}},
	{[]string{`alertname="PersistentVolumeClaimSpaceLow"`}, []string{`alertname="PersistentVolumeClaimFillingUp"`}, []string{"cluster", "namespace", "persistentvolumeclaim"}},
	{[]string{`alertname="PersistentVolumeClaimInodesLow"`}, []string{`alertname="PersistentVolumeClaimInodesFillingUp"`}, []string{"cluster", "namespace", "persistentvolumeclaim"}},
}

// Consequence says which alerts notify nobody while others fire about the same thing.
type Consequence struct {
	Causes, Effects Alerts
	Equal           []string // labels by which a cause and an effect belong together; cluster is always one
}

// Alerts selects alerts by name, and by the labels that all of them must have.
type Alerts struct {
	Names  []string
	Labels amlabels.Matchers
}

// Consequences returns the shipped inhibition rules between alerts of different names.
func Consequences() ([]Consequence, error) {
	all := make([]Consequence, len(consequences))
	for i, rule := range consequences {
		causes, err := selectAlerts(rule.SourceMatchers)
		if err != nil {
			return nil, err
		}
		effects, err := selectAlerts(rule.TargetMatchers)
		if err != nil {
			return nil, err
		}
		all[i] = Consequence{causes, effects, rule.Equal}
	}
	return all, nil
}

// selectAlerts parses the matchers of one side of a row of consequences, one of which names alerts.
func selectAlerts(matchers []string) (Alerts, error) {
	var selected Alerts
	for _, text := range matchers {
		m, err := amlabels.ParseMatcher(text)
		if err != nil {
			return Alerts{}, fmt.Errorf("inhibition matcher %s: %w", text, err)
		}
		if m.Name == model.AlertNameLabel {
			selected.Names = strings.Split(m.Value, "|")
		} else {
			selected.Labels = append(selected.Labels, m)
		}
	}
	return selected, nil
}

// inhibitRules returns the shipped inhibition rules, followed by the stack's own.
func inhibitRules(alerting config.Alerting) []any {
	// Only the worst severity of an alert about one object notifies.
	same := []string{
		"alertname", "cluster", "namespace", "node", "device", "mountpoint", "persistentvolumeclaim",
		"job", "service", "pod", "instance", "integration",
	}
	rules := []any{
		amInhibition{[]string{`severity="critical"`}, []string{`severity=~"warning|info"`}, same},
		amInhibition{[]string{`severity="warning"`}, []string{`severity="info"`}, same},
		amInhibition{[]string{`alertname="InfoInhibitor"`}, []string{`severity="info"`}, []string{"cluster", "namespace"}},
	}
	for _, muted := range config.OptOuts {
		equal := []string{"cluster", "namespace", muted.Label}
		if muted.Label == "node" || muted.Label == "namespace" {
			equal = []string{"cluster", muted.Label}
		}
		rules = append(rules, amInhibition{[]string{`alertname="AlertsOff"`, fmt.Sprintf("muted=%q", muted.Label)}, []string{`alertname!="AlertsOff"`}, equal})
	}
	for _, rule := range consequences {
		rules = append(rules, rule)
	}
	for _, native := range alerting.InhibitRules {
		rules = append(rules, native)
	}
	return rules
}
