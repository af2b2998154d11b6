package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// pod returns the dashboard of one pod: which of its containers is at a limit, is throttled, was
// killed or is not ready, its network and its volumes.
func pod(o Options) *dashboard.DashboardBuilder {
	const here = inCluster + `, namespace="$namespace", pod="$pod"`

	board := newDashboard(o, UIDPod, "Pod",
		"One pod: which container is at its limit, throttled, killed or not ready, and its network and volumes.",
		"kube_pod_info", "kubernetes").
		WithVariable(namespaceVariable()).
		WithVariable(podVariable())

	board.WithRow(row("At a glance")).
		WithPanel(listing("Pod", "What the pod belongs to, where it runs, and since when.",
			namespaceColumn(o),
			podColumn(o),
			workloadTypeColumn(),
			workloadColumn(o),
			nodeColumn(o),
			column{"pod_ip", "Address", nil},
			column{"priority_class", "Priority", nil},
			column{"Value #A", createdAt, inUnit(units.DurationSeconds)},
			column{"Value #B", "Ready", yesOrNo()},
		).
			Height(4).
			WithTarget(rows(`time() - max by (namespace, pod) (kube_pod_created{` + here + `})`)).
			WithTarget(rows(`max by (namespace, pod) (kube_pod_status_ready{` + here + `, condition="true"})`)).
			WithTarget(rows(`max by (namespace, pod, workload_type, workload) (namespace_workload_pod:kube_pod_owner:group{` + here + `})`)).
			WithTarget(rows(`max by (namespace, pod, node, pod_ip, priority_class) (kube_pod_info{` + here + `})`)))

	board.WithRow(row("Alerts")).
		WithPanel(firingAlerts(o, `namespace="$namespace", pod="$pod"`))

	const (
		containers = here + `, job="kubernetes-cadvisor", container!=""`
		by         = `sum by (container) `
		cpu        = by + `(rate(container_cpu_usage_seconds_total{` + containers + `}[$__rate_interval]))`
		memory     = by + `(container_memory_working_set_bytes{` + containers + `})`
		throttled  = by + `(rate(container_cpu_cfs_throttled_periods_total{` + containers + `}[$__rate_interval])) / ` + by + `(rate(container_cpu_cfs_periods_total{` + containers + `}[$__rate_interval]))`
		requests   = `max by (container) (kube_pod_container_resource_requests{` + here + `, resource=`
		limits     = `max by (container) (kube_pod_container_resource_limits{` + here + `, resource=`
	)
	table := listing("Containers", "The state of each container, and what it uses of what it requests and is limited to. A dash means no request, no limit, or no restart.",
		column{"container", "Container", nil},
		column{"Value #A", "Ready", yesOrNo()},
		column{"Value #B", "Restarts", inUnit(units.Short)},
		column{"reason", "Ended as", nil},
		column{"Value #D", "CPU requested", inUnit(units.Short)},
		column{"Value #E", "CPU limit", inUnit(units.Short)},
		column{"Value #F", "Memory requested", inUnit(units.BytesIEC)},
		column{"Value #G", "Memory limit", inUnit(units.BytesIEC)},
		column{"Value #H", "CPU", inUnit(units.Short)},
		column{"Value #I", "Throttled", asBar(0.25, 0.5)},
		column{"Value #J", "Memory", inUnit(units.BytesIEC)},
		column{"Value #K", "Memory / limit", asBar(0.8, 0.9)},
	).
		Height(7).
		NoValue("–").
		WithTarget(rows(`max by (container) (kube_pod_container_status_ready{` + here + `})`)).
		WithTarget(rows(`max by (container) (kube_pod_container_status_restarts_total{` + here + `})`)).
		WithTarget(rows(`max by (container, reason) (kube_pod_container_status_last_terminated_reason{` + here + `}) == 1`)).
		WithTarget(rows(requests + `"cpu"})`)).
		WithTarget(rows(limits + `"cpu"})`)).
		WithTarget(rows(requests + `"memory"})`)).
		WithTarget(rows(limits + `"memory"})`))
	if o.Has(config.CadvisorJob) {
		table.
			WithTarget(rows(cpu)).
			WithTarget(rows(throttled)).
			WithTarget(rows(memory)).
			WithTarget(rows(memory + ` / ` + limits + `"memory"})`))
	}
	board.WithRow(row("Containers")).
		WithPanel(table).
		WithPanel(overTime("Restarts", "Number of times that each container was restarted since the pod was created.", units.Short).
			Decimals(0).
			WithTarget(query(`max by (container) (kube_pod_container_status_restarts_total{`+here+`})`, "{{container}}"))).
		WithPanel(overTime("Ready", "Whether each container passes its readiness probe (1) or does not (0).", units.Short).
			Decimals(0).
			Max(1).
			WithTarget(query(`max by (container) (kube_pod_container_status_ready{`+here+`})`, "{{container}}")))

	if o.Has(config.CadvisorJob) {
		podUse(board, here, containers, cpu, memory, throttled, limits)
	}
	if o.Has(config.NodesJob) {
		const claims = ` and on (namespace, persistentvolumeclaim) kube_pod_spec_volumes_persistentvolumeclaims_info{` + here + `}`
		const inNamespace = `{` + inCluster + `, namespace="$namespace"}`
		board.WithRow(row("Volumes")).
			WithPanel(listing("Volumes", "The claims that the pod mounts. Host path volumes do not report their use.",
				namespaceColumn(o),
				claimColumn(o),
				column{"Value #A", "Space in use", asBar(0.9, 0.97)},
				column{"Value #B", "Inodes in use", asBar(0.9, 0.97)},
			).
				Span(12).
				Height(8).
				NoValue("–").
				WithTarget(rows(`1 - max by (namespace, persistentvolumeclaim) (namespace_persistentvolumeclaim:kubelet_volume_stats_available:ratio` + inNamespace + `)` + claims)).
				WithTarget(rows(`1 - max by (namespace, persistentvolumeclaim) (namespace_persistentvolumeclaim:kubelet_volume_stats_inodes_free:ratio` + inNamespace + `)` + claims))).
			WithPanel(withThreshold(overTime("Space in use", "Share of the space of each claim that the pod mounts.", units.PercentUnit), 0.9).
				Max(1).
				WithTarget(query(`1 - max by (namespace, persistentvolumeclaim) (namespace_persistentvolumeclaim:kubelet_volume_stats_available:ratio`+inNamespace+`)`+claims, "{{persistentvolumeclaim}}")))
	}
	return board
}

// podUse adds the rows of what the containers of a pod use, from cAdvisor.
func podUse(board *dashboard.DashboardBuilder, here, containers, cpu, memory, throttled, limits string) {
	network := here + `, job="kubernetes-cadvisor"`
	board.WithRow(row("CPU")).
		WithPanel(besideRequests("CPU", "Cores that the pod uses, requests and is limited to.", units.Short,
			`sum(namespace_pod:kube_pod_container_resource_requests:sum{`+here+`, resource="cpu"})`,
			`sum(namespace_pod:kube_pod_container_resource_limits:sum{`+here+`, resource="cpu"})`).
			Span(8).
			WithTarget(query(`sum(`+cpu+`)`, "used"))).
		WithPanel(overTime("CPU by container", "Cores in use.", units.Short).
			Span(8).
			WithTarget(query(cpu, "{{container}}"))).
		WithPanel(withThreshold(overTime("Throttled", "Share of the periods in which a container had to wait at its CPU limit. Above a quarter, its latency suffers.", units.PercentUnit), 0.25).
			Span(8).
			Max(1).
			WithTarget(query(throttled, "{{container}}")))
	board.WithRow(row("Memory")).
		WithPanel(besideRequests("Memory", "Working set of the pod, and the memory that it requests and is limited to.", units.BytesIEC,
			`sum(namespace_pod:kube_pod_container_resource_requests:sum{`+here+`, resource="memory"})`,
			`sum(namespace_pod:kube_pod_container_resource_limits:sum{`+here+`, resource="memory"})`).
			Span(8).
			WithTarget(query(`sum(`+memory+`)`, "used"))).
		WithPanel(withThreshold(overTime("Memory of the limit", "Working set of each container as a share of its limit. At the limit, the kernel kills a process of the container.", units.PercentUnit), 0.9).
			Span(8).
			WithTarget(query(memory+` / `+limits+`"memory"})`, "{{container}}"))).
		WithPanel(overTime("Memory by kind", "Working set of each container, and the part of it that is anonymous and cannot be written back to a file.", units.BytesIEC).
			Span(8).
			WithTarget(query(memory, "{{container}}")).
			WithTarget(query(`sum by (container) (container_memory_rss{`+containers+`})`, "{{container}} anonymous"))).
		WithPanel(overTime("Killed for lack of memory", "Processes of each container that the kernel killed within the time range before each point.", units.Short).
			Decimals(0).
			WithTarget(query(`sum by (container) (increase(container_oom_events_total{`+containers+`}[$__range]))`, "{{container}}"))).
		WithPanel(overTime("Waiting for disks", "Share of the time in which at least one thread of a container waited for a disk (pressure stall information of its control group).", units.PercentUnit).
			WithTarget(query(`max by (container) (rate(container_pressure_io_waiting_seconds_total{`+containers+`}[$__rate_interval]))`, "{{container}}")))
	board.WithRow(row("Network and disks")).
		WithPanel(bothWays("Network", "Received above, sent below zero. A pod on the host network shows the traffic of its node.", units.BytesPerSecondIEC, "sent").
			Span(8).
			WithTarget(query(`sum(rate(container_network_receive_bytes_total{`+network+`}[$__rate_interval]))`, "received")).
			WithTarget(query(`sum(rate(container_network_transmit_bytes_total{`+network+`}[$__rate_interval]))`, "sent"))).
		WithPanel(bothWays("Packets dropped and errors", "Received packets above, sent packets below zero.", units.PacketsPerSecond, "sent").
			Span(8).
			WithTarget(query(`sum(rate(container_network_receive_packets_dropped_total{`+network+`}[$__rate_interval]) + rate(container_network_receive_errors_total{`+network+`}[$__rate_interval]))`, "received")).
			WithTarget(query(`sum(rate(container_network_transmit_packets_dropped_total{`+network+`}[$__rate_interval]) + rate(container_network_transmit_errors_total{`+network+`}[$__rate_interval]))`, "sent"))).
		WithPanel(bothWays("Disk traffic", "Bytes read from disk above, written below zero. Reads from the page cache do not count.", units.BytesPerSecondIEC, "written").
			Span(8).
			WithTarget(query(`sum by (container) (rate(container_fs_reads_bytes_total{`+containers+`}[$__rate_interval]))`, "read {{container}}")).
			WithTarget(query(`sum by (container) (rate(container_fs_writes_bytes_total{`+containers+`}[$__rate_interval]))`, "written {{container}}")))
}
