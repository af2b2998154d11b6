package config

// KeptMetric is a metric that a job stores although nothing in the stack may use it, because
// people look at it by hand in an incident.
type KeptMetric struct {
	Names  string // name, or regular expression of names
	Reason string
}

// processMetrics are kept of every program written in Go.
var processMetrics = []KeptMetric{
	{"process_(cpu_seconds_total|resident_memory_bytes)", "is the program busy, or does it leak memory"},
	{"process_start_time_seconds", "when it was started last"},
	{"process_(open|max)_fds", "does it run out of file descriptors"},
	{"go_goroutines", "does it pile up work"},
}

// incidentMetrics holds, by job, what is kept beside processMetrics.
var incidentMetrics = map[Job][]KeptMetric{
	NodesJob: {
		{"kubelet_running_(pods|containers)", "how much a node runs, by the kubelet's own count"},
		{"kubelet_runtime_operations_errors_total", "which operation of the container runtime fails"},
		{"kubelet_volume_stats_(available|capacity|used)_bytes", "how full a claim is"},
	},
	CadvisorJob: {
		{"container_memory_(rss|cache|working_set_bytes)", "what a container's memory consists of"},
		{"container_cpu_cfs_(throttled_)?periods_total", "whether a limit slows a container down"},
		{"container_oom_events_total", "which container was out of memory"},
		{"container_network_(receive|transmit)_(bytes|packets_dropped|errors)_total", "whose traffic it is, and what is lost"},
		{"container_fs_(reads|writes)_bytes_total", "who uses the disk"},
	},
	APIServersJob: {
		{"apiserver_current_inflight_requests", "whether the API server is saturated"},
		{"apiserver_request_terminations_total", "whether it ends requests to protect itself"},
		{"apiserver_flowcontrol_rejected_requests_total", "whom it refuses"},
		{"apiserver_storage_objects", "what fills etcd"},
	},
	NodeExporterJob: {
		{"node_load(1|5|15)", "how many processes wait"},
		{"node_memory_(MemTotal|MemFree|MemAvailable|Buffers|Cached|Slab|Dirty|SwapTotal|SwapFree)_bytes", "what memory is used for"},
		{"node_disk_(io_time_seconds|reads_completed|writes_completed)_total", "which disk is busy"},
		{"node_network_(receive|transmit)_(errs|drop)_total", "which interface loses packets"},
		{"node_pressure_.*_total", "what processes wait for"},
		{"node_vmstat_(oom_kill|pgmajfault)", "whether the kernel ends processes, or reads memory back from disk"},
		{"node_sockstat_(TCP_(alloc|inuse|orphan|tw)|sockets_used)", "whether sockets leak"},
		{"node_boot_time_seconds|node_uname_info", "when the node was started, with which kernel"},
	},
	KubeStateMetricsJob: {
		{"kube_pod_(info|owner|status_phase|status_ready|status_unschedulable)", "where a pod is, whose it is, and whether it runs"},
		{"kube_pod_container_status_(restarts_total|waiting_reason|last_terminated_reason|last_terminated_exitcode)", "why a container does not run"},
		{"kube_node_(info|spec_unschedulable|spec_taint|status_condition)", "why a node takes no pods"},
		{"kube_deployment_(spec_replicas|status_replicas_available)", "what is missing of a Deployment"},
	},
	CoreDNSJob: {
		{"coredns_dns_responses_total", "which names fail to resolve"},
	},
	ServicesJob:        probeMetrics,
	IngressesJob:       probeMetrics,
	BlackboxTargetsJob: probeMetrics,
}

// probeMetrics are kept of every probe.
var probeMetrics = []KeptMetric{
	{"probe_http_(status_code|duration_seconds|redirects)", "what a probe got, and where it took so long"},
	{"probe_(dns_lookup_time|icmp_duration)_seconds", "whether it is the network or the program"},
}

// Kept returns the metrics that a job stores in addition to the ones that the stack uses:
// those for incidents, and those of discovery.jobs.<job>.keepMetrics.
func (c *Config) Kept(job Job) []KeptMetric {
	var kept []KeptMetric
	if row, shipped := job.Row(); shipped && row.Exporter != "probe" {
		kept = append(kept, processMetrics...)
	}
	kept = append(kept, incidentMetrics[job]...)
	for _, names := range c.Discovery.Jobs[job].KeepMetrics {
		kept = append(kept, KeptMetric{names, "discovery.jobs." + string(job) + ".keepMetrics"})
	}
	return kept
}
