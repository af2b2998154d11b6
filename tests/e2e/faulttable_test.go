package e2e

// fault is something that breaks on the local node, and what its alerts do then. An alert is
// written as a selector of its labels, NAME{label="value"}. A name alone stands for the alert
// about the namespace of the fault, fault-NAME, in which its objects are.
type fault struct {
	name     string
	breaks   string // what is broken
	manifest string // its objects are in faults/MANIFEST.yaml, by default in faults/NAME.yaml if that exists
	batch    string // the faults of a batch are broken at the same time
	core     bool   // part of `make test`
	draft    bool   // has not passed yet, and runs only if asked for by name, or by -faults=drafts
	slow     bool   // whether its alerts look back for minutes before they fire
	deaf     bool   // Alertmanager does not hear of what it would mute

	fires  []string // reach Slack
	muted  []string // fire, and reach nobody
	silent []string // do not fire
	listed string   // table of the dashboard What is broken that lists the namespace of the fault
}

// batches holds the batches in the order in which they are broken.
var batches = []string{
	"objects", "CPU", "nodes", "control plane", "API server", "files", "pressure", "kubelet", "etcd", "runtime",
	"DNS", "write-ahead log", "slow disk", "frozen Alertmanager", "crashes", "no Alertmanager",
}

// logins is the batch of the faults that TestLogin provokes, on a stack with logins.
const logins = "logins"

var faults = []fault{
	// Objects of workloads, each in a namespace of its own.
	{name: "crash-loop", batch: "objects", core: true, breaks: "a container that ends at once", listed: "Containers restarted",
		fires: []string{"PodCrashLooping"}, silent: []string{"PodNotReady", "ContainerWaiting"}},
	{name: "config-error", batch: "objects", core: true, breaks: "a container whose Secret is missing", listed: "Containers waiting",
		fires: []string{"ContainerWaiting"}, silent: []string{"PodNotReady", "PodCrashLooping"}},
	{name: "image-not-found", batch: "objects", core: true, breaks: "a Deployment whose image does not exist", listed: "Containers waiting",
		fires: []string{"ContainerWaiting", "DeploymentRolloutStuck"}, silent: []string{"PodNotReady"}},
	{name: "not-ready", batch: "objects", core: true, breaks: "a pod with a disruption budget that never becomes ready", listed: "Pods not ready",
		fires: []string{"PodNotReady", "PodDisruptionBudgetUnhealthy"}, silent: []string{"PodDisruptionBudgetAtLimit"}},
	{name: "out-of-memory", batch: "objects", core: true, breaks: "a container that needs more memory than its limit",
		fires: []string{"ContainerOOMKilled"}},
	{name: "job-failed", batch: "objects", core: true, breaks: "a Job that fails", listed: "Jobs failed",
		fires: []string{"JobFailed"}},
	{name: "cron-job-failed", batch: "objects", breaks: "a CronJob whose Jobs fail",
		fires: []string{"JobFailed"}},
	{name: "job-endless", batch: "objects", core: true, breaks: "a Job that does not end",
		fires: []string{"JobNotCompleted"}},
	{name: "quota-full", batch: "objects", core: true, breaks: "a quota that is used up", listed: "Quotas full",
		muted: []string{"QuotaFull", "InfoInhibitor"}, silent: []string{"QuotaAlmostFull", "QuotaExceeded"}},
	{name: "quota-almost-full", batch: "objects", core: true, breaks: "a quota of which 95% are used",
		muted: []string{"QuotaAlmostFull"}, silent: []string{"QuotaFull", "QuotaExceeded"}},
	{name: "quota-exceeded", batch: "objects", core: true, breaks: "a quota that is lower than what is used",
		fires: []string{"QuotaExceeded"}, silent: []string{"QuotaFull"}},
	{name: "quotas-overcommitted", batch: "objects", core: true, breaks: "a quota of more than the node has",
		fires: []string{"CPUQuotaOvercommitted{}", "MemoryQuotaOvercommitted{}"}},
	{name: "claim-pending", batch: "objects", core: true, breaks: "a claim of a StorageClass that nobody provisions", listed: "Claims not bound",
		fires: []string{"PersistentVolumeClaimPending"}},
	{name: "volume-resize", manifest: "volume", batch: "objects", core: true, breaks: "a claim that grows, with nobody to resize its volume",
		fires: []string{"PersistentVolumeClaimResizePending"}},
	{name: "volume-failed", manifest: "volume", batch: "objects", core: true, breaks: "a released volume that nobody can delete",
		fires: []string{`PersistentVolumeFailed{persistentvolume="fault-volume-failed"}`}},
	{name: "volume-broken", manifest: "volume", batch: "objects", breaks: "a volume whose directory is missing on the node",
		fires: []string{`KubeletVolumeErrors{volume_plugin="kubernetes.io/local-volume"}`}},
	{name: "volume-full", manifest: "volume", batch: "objects", breaks: "a volume that is full", listed: "Volumes full",
		fires: []string{`PersistentVolumeClaimSpaceLow{namespace="fault-volume-full", severity="critical"}`}, muted: []string{`PersistentVolumeClaimSpaceLow{namespace="fault-volume-full", severity="warning"}`}},
	{name: "volume-inodes", manifest: "volume", batch: "objects", breaks: "a volume without inodes",
		fires: []string{`PersistentVolumeClaimInodesLow{namespace="fault-volume-inodes", severity="critical"}`}, silent: []string{"PersistentVolumeClaimSpaceLow"}},
	{name: "volume-filling", manifest: "volume", batch: "objects", breaks: "a volume that is being filled",
		fires: []string{"PersistentVolumeClaimFillingUp"}, silent: []string{"PersistentVolumeClaimSpaceLow"}},
	{name: "inodes-filling", manifest: "volume", batch: "objects", slow: true, breaks: "a volume whose inodes are being used up",
		fires: []string{"PersistentVolumeClaimInodesFillingUp"}, silent: []string{"PersistentVolumeClaimInodesLow"}},
	{name: "probe-failing", batch: "objects", breaks: "a container whose readiness probe fails every other time",
		fires: []string{"ContainerProbeFailing"}, silent: []string{"PodNotReady"}},
	{name: "autoscaler", batch: "objects", core: true, breaks: "a HorizontalPodAutoscaler at its maximum, without metrics", listed: "Autoscalers at maximum",
		fires: []string{"HorizontalPodAutoscalerMaxed", "HorizontalPodAutoscalerCannotScale"}},
	{name: "autoscaler-fought", batch: "objects", slow: true, breaks: "a HorizontalPodAutoscaler whose target something else scales back",
		fires: []string{"HorizontalPodAutoscalerReplicasMissing"}, silent: []string{"HorizontalPodAutoscalerCannotScale"}},
	{name: "throttled", batch: "objects", breaks: "a container that always reaches its CPU limit",
		muted: []string{"ContainerCPUThrottled"}},
	{name: "muted", batch: "objects", core: true, breaks: "a pod that is not ready, with the label that mutes its alerts",
		muted: []string{"AlertsOff", "PodNotReady"}},
	{name: "no-room", batch: "objects", core: true, breaks: "a disruption budget that allows no disruption", listed: "Disruption budgets at 0",
		muted: []string{"PodDisruptionBudgetAtLimit", "InfoInhibitor"}, silent: []string{"PodDisruptionBudgetUnhealthy"}},
	{name: "drain-blocked", batch: "objects", core: true, breaks: "evictions that a disruption budget refuses with 429, five each second",
		muted: []string{"PodDisruptionBudgetAtLimit"}, silent: []string{"APIServerThrottling{}"}},
	{name: "target-down", batch: "objects", core: true, breaks: "an annotated pod that serves no metrics", listed: "Targets down",
		fires: []string{"TargetDown"}},
	{name: "bad-exposition", batch: "objects", core: true, breaks: "pods that serve samples twice, with old timestamps, and too many",
		fires: []string{"PrometheusDuplicateSamples{}", "PrometheusOutOfOrderSamples{}", "PrometheusScrapeLimitHit{}"}},
	{name: "rule-failing", batch: "objects", core: true, breaks: "a rule of the stack's own that matches many series with many",
		fires: []string{`PrometheusRuleFailures{rule_group=~".*faults.*"}`}},
	{name: "probe-failed", batch: "objects", core: true, breaks: "a probed Service without pods",
		fires: []string{`ProbeFailed{service="probe-failed"}`}, silent: []string{`ProbeFailed{service="web"}`}},
	{name: "certificate", batch: "objects", core: true, breaks: "a probed Service whose certificate is valid for another hour",
		fires: []string{`ProbeCertificateExpiring{service="certificate", severity="critical"}`}, muted: []string{`ProbeCertificateExpiring{service="certificate", severity="warning"}`}},
	{name: "evicted", batch: "objects", core: true, breaks: "a pod that writes more than its volume may hold",
		fires: []string{`KubeletEvictions{eviction_signal="emptydirfs.limit"}`}},
	{name: "cpu-high", batch: "CPU", breaks: "a pod that uses all CPUs",
		fires: []string{"NodeCPUHigh{}"}},

	// Rollouts that count as over after ten minutes.
	{name: "unavailable", batch: "objects", slow: true, breaks: "a Deployment, a StatefulSet and a DaemonSet whose pods never become ready", listed: "Replicas unavailable",
		fires: []string{"DeploymentReplicasUnavailable", "StatefulSetReplicasUnavailable", "DaemonSetPodsUnavailable"}, silent: []string{"DeploymentRolloutStuck"}},
	{name: "rollout-stuck", batch: "objects", slow: true, breaks: "a StatefulSet and a DaemonSet whose broken pods nobody replaces",
		fires: []string{"StatefulSetRolloutStuck", "DaemonSetRolloutStuck"}, muted: []string{"StatefulSetReplicasUnavailable", "DaemonSetPodsUnavailable"}},
	{name: "prometheus-config", batch: "objects", slow: true, breaks: "a configuration of Prometheus that does not load",
		fires: []string{"PrometheusConfigReloadFailed{}"}},
	{name: "alertmanager-config", batch: "objects", slow: true, breaks: "a configuration of Alertmanager that does not load",
		fires: []string{"AlertmanagerConfigReloadFailed{}"}},
	{name: "bad-discovery", batch: "pressure", breaks: "an HTTP discovery that returns a target with an interval that is none",
		fires: []string{`PrometheusTargetSyncFailed{scrape_job="discovered"}`}},
	{name: "slow-binding", batch: "files", breaks: "an admission webhook of bindings that does not answer",
		fires: []string{"SchedulerSlow{}"}},
	{name: "blackbox-config", batch: "objects", slow: true, breaks: "a configuration of the blackbox exporter that does not load",
		fires: []string{"BlackboxExporterConfigReloadFailed{}"}},

	// The monitoring itself.
	{name: "slack-fails", batch: "pressure", breaks: "Slack answers with errors",
		fires: []string{`AlertmanagerNotificationsFailing{integration="slack"}`}},
	{name: "remote-refuses", batch: "objects", breaks: "a receiver of remote write that refuses samples",
		fires: []string{`PrometheusRemoteWriteFailing{remote_name="refusing"}`}, silent: []string{`PrometheusRemoteWriteBehind{remote_name="refusing"}`}},
	{name: "remote-slow", batch: "objects", slow: true, breaks: "a receiver of remote write that takes samples too slowly",
		fires: []string{`PrometheusRemoteWriteBehind{remote_name="slow"}`, `PrometheusRemoteWriteDesiredShards{remote_name="slow"}`}},
	{name: "server-gone", batch: "nodes", core: true, breaks: "what a probe target and an HTTP discovery of the stack's own name",
		fires: []string{`ProbeFailed{job=~"blackbox-targets"}`, `PrometheusRefreshFailing{mechanism="http"}`}},
	{name: "broken-block", batch: "objects", core: true, breaks: "a block of Prometheus' data whose index is broken",
		fires: []string{"PrometheusTSDBReloadsFailing{}"}},
	{name: "shard-forbidden", batch: "DNS", breaks: "kube-state-metrics may list nothing",
		fires: []string{"KubeStateMetricsErrors{}"}},

	// Exporters and the stack's other programs.
	{name: "alertmanager-frozen", batch: "frozen Alertmanager", deaf: true, breaks: "Alertmanager does not answer for minutes, and then hears only of what lasts longer",
		fires: []string{"PrometheusNotificationsDropped{}", "AlertmanagerClusterDown{}"}, muted: []string{`PrometheusNotificationsFailing{severity="critical"}`, `TargetDown{job="alertmanager", severity="critical"}`}},
	{name: "shard-frozen", batch: "pressure", breaks: "one of two shards of kube-state-metrics does not answer",
		fires: []string{"KubeStateMetricsShardsMissing{}"}},
	{name: "telemetry-closed", batch: "kubelet", breaks: "the telemetry port of kube-state-metrics is closed",
		fires: []string{`TargetDown{job="kube-state-metrics", endpoint="telemetry", severity="critical"}`}},
	{name: "node-exporter-frozen", batch: "files", breaks: "node-exporter does not answer",
		fires: []string{`TargetDown{job="node-exporter", severity="critical"}`}, silent: []string{`NodeTargetsDown{node="demo"}`, `NodeNotReady{node="demo"}`}},
	{name: "blackbox-gone", batch: "files", breaks: "the blackbox exporter without pods",
		fires: []string{`JobAbsent{job="blackbox-exporter"}`}, muted: []string{`TargetDown{job="blackbox-targets"}`}},
	{name: "alertmanager-gone", batch: "no Alertmanager", deaf: true, breaks: "Alertmanager without pods for six minutes, in which nobody is notified of anything",
		muted: []string{"PrometheusNotConnectedToAlertmanagers{}", `JobAbsent{job="alertmanager"}`}},
	{name: "crash-alertmanager", batch: "crashes", slow: true, breaks: "Alertmanager, killed each time that it has started",
		fires: []string{"AlertmanagerClusterCrashLooping{}"}},
	{name: "directory-sizes-fail", batch: "nodes", breaks: "a directory that is too deep to be scanned, and then a scanner that does not answer",
		fires: []string{"DirectorySizeScanFailed{}", "DirectorySizeScanStale{}"}},
	{name: "prometheus-frozen", batch: "nodes", breaks: "Prometheus is stopped for half a minute",
		fires: []string{"PrometheusMissedRuleEvaluations{}"}},

	// File systems of the node, and its network devices.
	{name: "disk-full", batch: "objects", core: true, breaks: "a small file system of the node, filled",
		fires: []string{`NodeFilesystemSpaceLow{mountpoint="/mnt/fault-disk-full", severity="critical"}`},
		muted: []string{`NodeFilesystemSpaceLow{mountpoint="/mnt/fault-disk-full", severity="warning"}`, `NodeFilesystemFillingUp{mountpoint="/mnt/fault-disk-full"}`}},
	{name: "disk-inodes", batch: "objects", core: true, breaks: "a small file system of the node, without inodes",
		fires: []string{`NodeFilesystemInodesLow{mountpoint="/mnt/fault-disk-inodes", severity="critical"}`},
		muted: []string{`NodeFilesystemInodesFillingUp{mountpoint="/mnt/fault-disk-inodes"}`}, silent: []string{`NodeFilesystemSpaceLow{mountpoint="/mnt/fault-disk-inodes"}`}},
	{name: "link-flapping", batch: "objects", core: true, breaks: "a network device that loses its link six times",
		fires: []string{`NodeNetworkInterfaceFlapping{device="fault0"}`}},

	{name: "clock-skew", batch: "slow disk", breaks: "a clock that the kernel says is half a second off",
		fires: []string{"NodeClockSkew{}"}},

	// Nodes that only the API server knows.
	{name: "node-lost", batch: "nodes", core: true, breaks: "a node that is gone, with its DaemonSets' pods",
		fires:  []string{`NodeNotReady{node="fault-lost"}`},
		muted:  []string{`NodeTargetsDown{node="fault-lost"}`, `NodesEvicted{node="fault-lost"}`},
		silent: []string{`DaemonSetPodsUnavailable{namespace="monitoring"}`, `TargetDown{job="kubernetes-nodes"}`, `TargetDown{job="node-exporter"}`, `PodNotReady{namespace="monitoring", pod=~"node-.*"}`}},
	{name: "overcommitted", batch: "files", breaks: "a small node, on which the pods of the other have no room",
		fires: []string{"CPUOvercommitted{}", "MemoryOvercommitted{}"}},
	{name: "misscheduled", batch: "files", breaks: "a DaemonSet whose pod is on a node that got a taint",
		fires: []string{"DaemonSetMisscheduled"}},
	{name: "zone-lost", batch: "nodes", breaks: "a zone whose three nodes are gone",
		fires: []string{`ZoneUnhealthy{zone="fault-zone"}`, `NodeNotReady{node="fault-zone-0"}`}},
	{name: "node-flapping", batch: "files", breaks: "a node that becomes ready and not ready again and again",
		fires: []string{`NodeReadinessFlapping{node="fault-flapping"}`}, silent: []string{`NodeNotReady{node="fault-flapping"}`}},
	{name: "node-network", batch: "files", breaks: "a node without pod network",
		fires: []string{`NodeNetworkUnavailable{node="fault-network"}`}},

	// The node.
	{name: "memory-pressure", batch: "pressure", breaks: "a kubelet short of memory, and with all the pods that it may run",
		fires: []string{`NodeUnderPressure{condition="MemoryPressure"}`, "KubeletTooManyPods{}"}},
	{name: "kubelet-killed", batch: "kubelet", breaks: "the kubelet, killed",
		fires: []string{`NodeNotReady{node="demo"}`, `TargetDown{job="kubernetes-nodes", severity="critical"}`}, muted: []string{"KubeletUnreachable{}"}, silent: []string{`NodeTargetsDown{node="demo"}`}},
	{name: "runtime-frozen", batch: "runtime", breaks: "containerd, stopped for a while three times, and then killed",
		fires: []string{`KubeletPLEGSlow{node="demo"}`, "KubeletRuntimeErrors{}"}},

	// DNS.
	{name: "dns-upstream", batch: "nodes", core: true, breaks: "a server that CoreDNS forwards to and that does not answer",
		fires: []string{"CoreDNSErrorsHigh{}", "CoreDNSSlow{}", "CoreDNSUpstreamsDown{}"}},
	{name: "dns-corefile", batch: "files", breaks: "a Corefile that does not load",
		fires: []string{"CoreDNSConfigReloadFailed{}"}},
	{name: "dns-gone", batch: "DNS", breaks: "CoreDNS without pods",
		fires: []string{`JobAbsent{job="coredns"}`}},

	// Requests to the API server.
	{name: "webhook-failing", batch: "objects", core: true, breaks: "an admission webhook that is gone, and requests that need it",
		fires: []string{`APIServerErrorBudgetBurn{severity="critical"}`}, muted: []string{"APIServerErrorsHigh{}"}},
	{name: "webhook-slow", batch: "files", breaks: "an admission webhook that does not answer",
		muted: []string{`APIServerSlow{verb="POST"}`}},
	{name: "throttling", batch: "nodes", core: true, breaks: "a client that the API server gives no share",
		fires: []string{"APIServerThrottling{}"}},
	{name: "client-certificate", batch: "objects", core: true, breaks: "a client whose certificate is valid for another hour",
		fires: []string{`ClientCertificateExpiring{severity="critical"}`}, muted: []string{`ClientCertificateExpiring{severity="warning"}`}},
	{name: "aggregated-api", batch: "objects", core: true, breaks: "an aggregated API without a server",
		fires: []string{`AggregatedAPIUnavailable{name="v1.fault.example.com"}`}},
	{name: "aggregated-api-flapping", batch: "objects", core: true, breaks: "an aggregated API that comes and goes",
		fires: []string{`AggregatedAPIFlapping{name="v2.fault.example.com"}`}},

	// Other parts of the control plane.
	{name: "unbindable", batch: "nodes", core: true, breaks: "pods whose binding is refused",
		fires: []string{"SchedulerErrors{}", "SchedulerBacklog{}"}},
	{name: "controller-manager-killed", batch: "control plane", breaks: "the controller manager, killed",
		fires: []string{`TargetDown{job="kube-controller-manager", severity="critical"}`}, muted: []string{`DeploymentGenerationMismatch{namespace="fault-generations"}`, `StatefulSetGenerationMismatch{namespace="fault-generations"}`}},
	{name: "api-server-killed", batch: "API server", breaks: "the API server, killed, with the scheduler and the controller manager",
		fires: []string{`TargetDown{job="kubernetes-apiservers", severity="critical"}`}, silent: []string{"KubernetesClientErrors{}", "KubeStateMetricsErrors{}"}},
	{name: "etcd-slow", batch: "slow disk", slow: true, breaks: "a disk that takes 300 ms to sync the write-ahead log of etcd",
		fires: []string{"EtcdDiskSlow{}"}},
	{name: "etcd-killed", batch: "etcd", breaks: "etcd, killed",
		fires: []string{"EtcdQuorumLost{}"}, muted: []string{"KubernetesClientErrors{}"}},

	{name: "wal-corrupt", batch: "write-ahead log", breaks: "Prometheus' write-ahead log, overwritten before its pod is replaced",
		fires: []string{"PrometheusTSDBWALFailing{}"}},

	// Logins, one after the other, by `make test-login`. That the messages arrive shows that alerting goes on.
	{name: "provider-down", batch: logins, breaks: "the OpenID Connect provider, down, while people are logged in",
		fires: []string{`ProbeFailed{job=~"blackbox-targets"}`}, silent: []string{`TargetDown{job="oauth2-proxy"}`, "LoginErrorsHigh{}"}},
	{name: "provider-refuses", batch: logins, breaks: "the OpenID Connect provider gives no tokens to people who log in",
		fires: []string{"LoginErrorsHigh{}"}},
	{name: "login-secret-missing", batch: logins, breaks: "the Secret of a login, deleted before a pod of oauth2-proxy is replaced",
		fires: []string{`PodNotReady{namespace="monitoring"}`}},
	{name: "login-killed", batch: logins, slow: true, breaks: "the oauth2-proxies, killed each time that they have started",
		fires: []string{`PodCrashLooping{namespace="monitoring"}`}},
}

// always holds the alerts that fire while nothing is broken.
var always = []string{"Watchdog"}

// notProvoked says of each other alert why no fault provokes it; its unit test beside the rules
// covers it.
var notProvoked = map[string]string{
	"AlertmanagerConfigInconsistent":         "the test's stack has one Alertmanager",
	"AlertmanagerMembersInconsistent":        "the test's stack has one Alertmanager",
	"ControllerBacklog":                      "a node that small gives the controllers too little to do",
	"CoreDNSPanicking":                       "no input is known that makes CoreDNS panic",
	"DirectorySizeScanSlow":                  "the disk of the node is scanned in seconds",
	"EtcdDatabaseNearQuota":                  "the quota is 2 GiB of objects",
	"EtcdLeaderChanges":                      "the node has one etcd, which has no other leader",
	"EtcdNoLeader":                           "the node has one etcd, which has no other leader",
	"EtcdProposalsFailing":                   "the node has one etcd, which agrees with itself",
	"EtcdQuorumAtRisk":                       "the node has one etcd, whose loss is the loss of the majority",
	"GarbageCollectionFailing":               "the garbage collector would have to be kept from reading every kind of object, and the other controllers with it",
	"GrafanaRequestsFailing":                 "Grafana's image cannot be built, so the node runs without it",
	"KubeProxyRulesStale":                    "iptables of nftables takes no lock that could be held",
	"KubeProxySlow":                          "iptables of nftables takes no lock that could be held",
	"KubeletClientCertificateExpiring":       "the node's kubelet has certificates that it does not renew",
	"KubeletClientCertificateRenewalFailing": "the node's kubelet has certificates that it does not renew",
	"KubeletPodStartSlow":                    "most pods of half an hour would have to start slowly",
	"KubeletServerCertificateExpiring":       "the node's kubelet has certificates that it does not renew",
	"KubeletServerCertificateRenewalFailing": "the node's kubelet has certificates that it does not renew",
	"KubernetesVersionMismatch":              "the node has the parts of one version",
	"NodeBondingDegraded":                    "the machine's kernel has no bonding",
	"NodeClockNotSynchronising":              "the clock is the one of the machine",
	"NodeConntrackTableFull":                 "the limit is the one of the machine",
	"NodeDiskSaturated":                      "the disk is the one of the machine",
	"NodeFileDescriptorsHigh":                "the limit is the one of the machine",
	"NodeFilesystemReadOnly":                 "the alert compares with an hour before",
	"NodeIOStalled":                          "the disk is the one of the machine",
	"NodeMajorPageFaults":                    "the memory is the one of the machine",
	"NodeMemoryHigh":                         "the memory is the one of the machine",
	"NodeMemoryStalled":                      "the memory is the one of the machine",
	"NodeNetworkErrors":                      "a virtual device has no errors",
	"NodeRAIDDegraded":                       "the machine's kernel has no RAID",
	"NodeRAIDDiskFailed":                     "the machine's kernel has no RAID",
	"NodeSaturated":                          "load of minutes on all CPUs is NodeCPUHigh, which mutes it",
	"NodeSoftnetDrops":                       "the queues of packets are those of the machine",
	"NodeSoftnetSqueezed":                    "the queues of packets are those of the machine",
	"PrometheusDiscoveryFailing":             "a server that is refused connections keeps trying and counts nothing; one that may list nothing has no targets",
	"PrometheusNotIngesting":                 "a server that stores nothing does not store that either; only another one sees it",
	"PrometheusNotificationQueueFillingUp":   "the queue has room for ten thousand alerts",
	"PrometheusQueryLoadHigh":                "the queries would slow down every other fault",
	"PrometheusStorageNearRetentionSize":     "the retention size is filled in days",
	"PrometheusTSDBCompactionsFailing":       "a compaction takes place every two hours",
	"PrometheusTargetLimitHit":               "the shipped jobs have no limit of targets",
	"ThanosBucketOperationsFailing":          "the test's stack has no long-term storage",
	"ThanosCompactionHalted":                 "the test's stack has no long-term storage",
	"ThanosCompactionStalled":                "the test's stack has no long-term storage",
	"ThanosQueryErrorsHigh":                  "the test's stack has no long-term storage",
	"ThanosQueryIncomplete":                  "the test's stack has no long-term storage",
	"ThanosSidecarNotUploading":              "the test's stack has no long-term storage",
	"ThanosSidecarUploadsFailing":            "the test's stack has no long-term storage",
	"WindowsExporterCollectorFailing":        "the machine runs no Windows",
	"WindowsNodeCPUHigh":                     "the machine runs no Windows",
	"WindowsNodeDiskFillingUp":               "the machine runs no Windows",
	"WindowsNodeDiskSpaceLow":                "the machine runs no Windows",
	"WindowsNodeMemoryHigh":                  "the machine runs no Windows",
	"WindowsServiceDown":                     "the machine runs no Windows",
	"PrometheusShardDown":                    "the test's stack has no shards",
	"ThanosRulerAlertsDropped":               "the test's stack has no shards",
	"ThanosRulerAlertsFailing":               "the test's stack has no shards",
	"ThanosRulerEvaluationsFailing":          "the test's stack has no shards",
	"ThanosRulerMissedEvaluations":           "the test's stack has no shards",
	"ThanosRulerNoRules":                     "the test's stack has no shards",
}
