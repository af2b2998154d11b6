package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// kubernetesPodResources returns the dashboard of the resources that the cluster has, that are in
// use, and that each pod uses.
//
// Its metrics come from the cAdvisor inside every kubelet. With containerd, cAdvisor does not
// report file system usage by container. The panels about the file systems of pods therefore show
// bytes read and written, time spent waiting, and the usage of mounted volumes, from the kubelet.
//
// It opens on one namespace, and draws the 20 pods with the largest values: the cost of its queries
// grows with the number of selected pods and the time range.
func kubernetesPodResources(o Options) *dashboard.DashboardBuilder {
	const (
		cadvisor = `cluster="$cluster", job="kubernetes-cadvisor", node=~"$node"`
		root     = cadvisor + `, id="/"`
		pods     = cadvisor + `, namespace=~"$namespace", pod=~"$pod"`
		// Series without a container name are the totals of cgroups above containers.
		containers = pods + `, container!=""`
		state      = `cluster="$cluster", job="kube-state-metrics", namespace=~"$namespace", pod=~"$pod"`
		// Block devices: cAdvisor also lists memory file systems, under their mount points.
		device   = `device=~"/dev/.+", device!="/dev/shm"`
		mostUsed = ` and topk(100, sum by (namespace, pod) (container_memory_working_set_bytes{` + containers + `}))`
	)

	board := newDashboard(o, UIDKubernetesPodResources, "Kubernetes Pod Resources",
		"CPU, memory, file systems and network of the cluster and of each pod.",
		"machine_cpu_cores", "kubernetes").
		WithVariable(labelsVariable("node", "Node",
			`label_values(machine_cpu_cores{cluster="$cluster"}, node)`)).
		WithVariable(firstLabelVariable("namespace", "Namespace",
			`label_values(container_memory_working_set_bytes{cluster="$cluster", job="kubernetes-cadvisor", node=~"$node"}, namespace)`)).
		WithVariable(labelsVariable("pod", "Pod",
			`label_values(container_memory_working_set_bytes{cluster="$cluster", job="kubernetes-cadvisor", node=~"$node", namespace=~"$namespace"}, pod)`))

	board.WithPanel(firingAlerts(o, `alertname=~"Pod.+|Container.+"`))
	board.WithRow(row("Cluster: the selected nodes")).
		WithPanel(figure("Memory in use", "Working set, which decides about evictions, as a share of the memory of the selected nodes.", units.PercentUnit).
			Span(6).Min(0).Max(1).
			Thresholds(steps(green, at(0.8, yellow), at(0.9, red))).
			WithTarget(query(`sum(container_memory_working_set_bytes{`+root+`}) / sum(machine_memory_bytes{`+cadvisor+`})`, ""))).
		WithPanel(figure("CPU in use", "Share of the cores of the selected nodes that is busy.", units.PercentUnit).
			Span(6).Min(0).Max(1).
			Thresholds(steps(green, at(0.8, yellow), at(0.9, red))).
			WithTarget(query(`sum(rate(container_cpu_usage_seconds_total{`+root+`}[$__rate_interval])) / sum(machine_cpu_cores{`+cadvisor+`})`, ""))).
		WithPanel(figure("File system in use", "Share of the fullest file system of the selected nodes.", units.PercentUnit).
			Span(6).Min(0).Max(1).
			Thresholds(steps(green, at(0.8, yellow), at(0.9, red))).
			WithTarget(query(`max(container_fs_usage_bytes{`+root+`, `+device+`} / container_fs_limit_bytes{`+root+`, `+device+`})`, ""))).
		WithPanel(figure("Pods", "Pods that have a running container on the selected nodes.", units.Short).
			Span(6).GraphMode(common.BigValueGraphModeNone).
			WithTarget(instant(`count(count by (namespace, pod) (container_memory_working_set_bytes{`+containers+`}))`, ""))).
		WithPanel(figure("Memory used", "Working set of the selected nodes.", units.BytesIEC).
			Span(3).GraphMode(common.BigValueGraphModeNone).
			WithTarget(instant(`sum(container_memory_working_set_bytes{`+root+`})`, ""))).
		WithPanel(figure("Memory total", "Memory of the selected nodes.", units.BytesIEC).
			Span(3).GraphMode(common.BigValueGraphModeNone).
			WithTarget(instant(`sum(machine_memory_bytes{`+cadvisor+`})`, ""))).
		WithPanel(figure("Cores used", "Busy cores of the selected nodes.", units.Short).
			Span(3).GraphMode(common.BigValueGraphModeNone).Decimals(2).
			WithTarget(instant(`sum(rate(container_cpu_usage_seconds_total{`+root+`}[$__rate_interval]))`, ""))).
		WithPanel(figure("Cores total", "Cores of the selected nodes.", units.Short).
			Span(3).GraphMode(common.BigValueGraphModeNone).
			WithTarget(instant(`sum(machine_cpu_cores{`+cadvisor+`})`, ""))).
		WithPanel(figure("File system used", "Bytes used on the largest file system of each selected node.", units.BytesIEC).
			Span(3).GraphMode(common.BigValueGraphModeNone).
			WithTarget(instant(`sum(max by (node) (container_fs_usage_bytes{`+root+`, `+device+`}))`, ""))).
		WithPanel(figure("File system total", "Size of the largest file system of each selected node.", units.BytesIEC).
			Span(3).GraphMode(common.BigValueGraphModeNone).
			WithTarget(instant(`sum(max by (node) (container_fs_limit_bytes{`+root+`, `+device+`}))`, ""))).
		WithPanel(figure("Received", "Bytes per second that the pods on the selected nodes receive.", units.BytesPerSecondIEC).
			Span(3).GraphMode(common.BigValueGraphModeNone).
			WithTarget(instant(`sum(rate(container_network_receive_bytes_total{`+cadvisor+`, pod!=""}[$__rate_interval]))`, ""))).
		WithPanel(figure("Sent", "Bytes per second that the pods on the selected nodes send.", units.BytesPerSecondIEC).
			Span(3).GraphMode(common.BigValueGraphModeNone).
			WithTarget(instant(`sum(rate(container_network_transmit_bytes_total{`+cadvisor+`, pod!=""}[$__rate_interval]))`, ""))).
		WithPanel(overTime("CPU by node", "Cores in use, and the cores of the node.", units.Short).
			WithTarget(query(`sum by (node) (rate(container_cpu_usage_seconds_total{`+root+`}[$__rate_interval]))`, "{{node}}")).
			WithTarget(query(`sum by (node) (machine_cpu_cores{`+cadvisor+`})`, "total {{node}}")).
			OverrideByRegexp("/^total/", asLimit())).
		WithPanel(overTime("Memory by node", "Working set, and the memory of the node.", units.BytesIEC).
			WithTarget(query(`sum by (node) (container_memory_working_set_bytes{`+root+`})`, "{{node}}")).
			WithTarget(query(`sum by (node) (machine_memory_bytes{`+cadvisor+`})`, "total {{node}}")).
			OverrideByRegexp("/^total/", asLimit()))

	if o.Has(config.KubeStateMetricsJob) {
		board.WithRow(row("Pods: usage against requests and limits")).
			WithPanel(listing("Pods",
				"CPU (cores) and memory (working set) that each pod uses, requests and is limited to, of the 100 pods that use most memory. A dash means no request or no limit. Restarts are those of the last hour.",
				namespaceColumn(o),
				podColumn(o),
				column{"Value #A", "CPU", inUnit(units.Short)},
				column{"Value #B", "CPU request", inUnit(units.Short)},
				column{"Value #C", "CPU limit", inUnit(units.Short)},
				column{"Value #D", "CPU / request", asBar(0.8, 1)},
				column{"Value #E", "Memory", inUnit(units.BytesIEC)},
				column{"Value #F", "Memory request", inUnit(units.BytesIEC)},
				column{"Value #G", "Memory limit", inUnit(units.BytesIEC)},
				column{"Value #H", "Memory / limit", asBar(0.8, 0.9)},
				column{"Value #I", "Restarts", inUnit(units.Short)},
			).
				Height(12).
				NoValue("–").
				SortBy(sortedBy("Memory", true)).
				WithTarget(rows(`sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{` + containers + `}[$__rate_interval]))` + mostUsed)).
				WithTarget(rows(`sum by (namespace, pod) (kube_pod_container_resource_requests{` + state + `, node=~"$node", resource="cpu"})` + mostUsed)).
				WithTarget(rows(`sum by (namespace, pod) (kube_pod_container_resource_limits{` + state + `, node=~"$node", resource="cpu"})` + mostUsed)).
				WithTarget(rows(`sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{` + containers + `}[$__rate_interval])) / sum by (namespace, pod) (kube_pod_container_resource_requests{` + state + `, node=~"$node", resource="cpu"})` + mostUsed)).
				WithTarget(rows(`sum by (namespace, pod) (container_memory_working_set_bytes{` + containers + `})` + mostUsed)).
				WithTarget(rows(`sum by (namespace, pod) (kube_pod_container_resource_requests{` + state + `, node=~"$node", resource="memory"})` + mostUsed)).
				WithTarget(rows(`sum by (namespace, pod) (kube_pod_container_resource_limits{` + state + `, node=~"$node", resource="memory"})` + mostUsed)).
				WithTarget(rows(`sum by (namespace, pod) (container_memory_working_set_bytes{` + containers + `}) / sum by (namespace, pod) (kube_pod_container_resource_limits{` + state + `, node=~"$node", resource="memory"})` + mostUsed)).
				WithTarget(rows(`round(sum by (namespace, pod) (increase(kube_pod_container_status_restarts_total{` + state + `}[1h]))) * on (namespace, pod) group_left () max by (namespace, pod) (kube_pod_info{` + state + `, node=~"$node"})` + mostUsed)))
	}

	board.WithRow(row("Pods: CPU")).
		WithPanel(overTime("CPU by pod", "Cores in use.", units.Short).
			WithTarget(query(largest(20, `sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{`+containers+`}[$__rate_interval]))`), "{{namespace}}/{{pod}}"))).
		WithPanel(overTime("CPU throttled by container", "Share of scheduling periods in which a container with a CPU limit had to wait. Above a quarter, its latency suffers.", units.PercentUnit).
			Max(1).
			WithTarget(query(largest(20, `sum by (namespace, pod, container) (rate(container_cpu_cfs_throttled_periods_total{`+containers+`}[$__rate_interval])) / sum by (namespace, pod, container) (rate(container_cpu_cfs_periods_total{`+containers+`}[$__rate_interval]))`), "{{namespace}}/{{pod}} {{container}}")))

	board.WithRow(row("Pods: memory")).
		WithPanel(overTime("Memory by pod", "Working set: memory that cannot be reclaimed without hurting the pod. At the limit, the kernel kills a process of the container.", units.BytesIEC).
			WithTarget(query(largest(20, `sum by (namespace, pod) (container_memory_working_set_bytes{`+containers+`})`), "{{namespace}}/{{pod}}"))).
		WithPanel(overTime("Resident memory by pod", "Anonymous memory alone, without the page cache.", units.BytesIEC).
			WithTarget(query(largest(20, `sum by (namespace, pod) (container_memory_rss{`+containers+`})`), "{{namespace}}/{{pod}}")))

	board.WithRow(row("Pods: network")).
		WithPanel(bothWays("Network by pod", "Received above, sent below zero. Pods on the host network show the traffic of their node.", units.BytesPerSecondIEC, "sent").
			WithTarget(query(largest(20, `sum by (namespace, pod) (rate(container_network_receive_bytes_total{`+pods+`, pod!=""}[$__rate_interval]))`), "received {{namespace}}/{{pod}}")).
			WithTarget(query(largest(20, `sum by (namespace, pod) (rate(container_network_transmit_bytes_total{`+pods+`, pod!=""}[$__rate_interval]))`), "sent {{namespace}}/{{pod}}"))).
		WithPanel(bothWays("Packets dropped and errors by pod", "Received packets above, sent packets below zero.", units.PacketsPerSecond, "sent").
			WithTarget(query(largest(20, `sum by (namespace, pod) (rate(container_network_receive_packets_dropped_total{`+pods+`, pod!=""}[$__rate_interval]) + rate(container_network_receive_errors_total{`+pods+`, pod!=""}[$__rate_interval]))`), "received {{namespace}}/{{pod}}")).
			WithTarget(query(largest(20, `sum by (namespace, pod) (rate(container_network_transmit_packets_dropped_total{`+pods+`, pod!=""}[$__rate_interval]) + rate(container_network_transmit_errors_total{`+pods+`, pod!=""}[$__rate_interval]))`), "sent {{namespace}}/{{pod}}")))

	board.WithRow(row("Pods: file system")).
		WithPanel(bothWays("Disk traffic by pod", "Bytes read from disk above, written below zero. Reads from the page cache do not count.", units.BytesPerSecondIEC, "written").
			Span(8).
			WithTarget(query(largest(20, `sum by (namespace, pod) (rate(container_fs_reads_bytes_total{`+containers+`}[$__rate_interval]))`), "read {{namespace}}/{{pod}}")).
			WithTarget(query(largest(20, `sum by (namespace, pod) (rate(container_fs_writes_bytes_total{`+containers+`}[$__rate_interval]))`), "written {{namespace}}/{{pod}}"))).
		WithPanel(overTime("Waiting for disks by pod", "Share of the time in which at least one thread of the pod waited for a disk (pressure stall information of its control group).", units.PercentUnit).
			Span(8).
			WithTarget(query(largest(20, `max by (namespace, pod) (rate(container_pressure_io_waiting_seconds_total{`+containers+`}[$__rate_interval]))`), "{{namespace}}/{{pod}}"))).
		WithPanel(withThreshold(overTime("Volumes in use", "Share of each claim that a pod on the selected nodes mounts. Host path volumes do not report it.", units.PercentUnit), 0.9).
			Span(8).
			Max(1).
			WithTarget(query(largest(20, `max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_used_bytes{cluster="$cluster", job="kubernetes-nodes", node=~"$node", namespace=~"$namespace"} / kubelet_volume_stats_capacity_bytes{cluster="$cluster", job="kubernetes-nodes", node=~"$node", namespace=~"$namespace"})`), "{{namespace}}/{{persistentvolumeclaim}}")))

	return board
}
