package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// nodes returns the dashboard of the cluster's machines, from node-exporter: a table of all nodes,
// then the utilisation, saturation and errors of each resource.
func nodes(o Options) *dashboard.DashboardBuilder {
	board := newDashboard(o, UIDNodes, "Nodes",
		"The machines of the cluster: utilisation, saturation and errors of CPU, memory, disks and network.",
		"node_uname_info", "nodes").
		WithVariable(labelsVariable("node", "Node", `label_values(node_uname_info{cluster="$cluster", job="node-exporter"}, node)`))

	board.WithPanel(firingAlerts(o, `alertname=~"Node.+|ZoneUnhealthy"`))
	board.WithRow(row("Overview")).
		WithPanel(listing("Nodes", "The latest values of each selected node. A node's name links to its dashboard.",
			nodeColumn(o),
			column{"Value #A", "Up for", inUnit(units.DurationSeconds)},
			column{"Value #B", "Cores", inUnit(units.Short)},
			column{"Value #C", "CPU in use", asBar(0.8, 0.9)},
			column{"Value #D", "Load per core", inUnit(units.Short)},
			column{"Value #E", "Memory", inUnit(units.BytesIEC)},
			column{"Value #F", "Memory in use", asBar(0.8, 0.9)},
			column{"Value #G", "Fullest file system", asBar(0.8, 0.9)},
		).
			Height(8).
			SortBy(sortedBy("Node", false)).
			WithTarget(rows(`max by (node) (node_time_seconds{` + machine + `} - node_boot_time_seconds{` + machine + `})`)).
			WithTarget(rows(`count by (node) (node_cpu_seconds_total{` + machine + `, mode="idle"})`)).
			WithTarget(rows(machineBusy)).
			WithTarget(rows(`max by (node) (` + machineLoad + `)`)).
			WithTarget(rows(`max by (node) (node_memory_MemTotal_bytes{` + machine + `})`)).
			WithTarget(rows(`max by (node) (` + machineMemory + `)`)).
			WithTarget(rows(machineFullest)))

	if o.Has(config.KubeStateMetricsJob) {
		board.WithPanel(listing("Taints", "What keeps pods away from nodes that do not tolerate it. Nodes that are not ready, and those from which pods are evicted, have one.",
			nodeColumn(o),
			column{"key", "Taint", nil},
			column{"effect", "Effect", nil},
		).
			Span(12).
			Height(7).
			NoValue("No node has a taint").
			SortBy(sortedBy("Node", false)).
			WithTarget(rows(`max by (node, key, effect) (kube_node_spec_taint{` + inCluster + `, node=~"$node"})`)))
	}
	if o.Has(config.ControllerManagerJob) {
		board.WithPanel(overTime("Ready nodes by zone", "Share of the nodes of each zone that are ready, as the controller manager counts them. Below 55%, it evicts pods more slowly.", units.PercentUnit).
			Max(1).
			Height(7).
			WithTarget(query(zoneHealth(inCluster)+` / 100`, "{{zone}}")))
	}

	machineRows(o, board, func(expr string) string { return largest(20, expr) })
	return board
}

// Selectors of the machines that the variable node selects, and expressions about them.
const (
	machine = inCluster + `, job="node-exporter", node=~"$node"`
	// Block devices of the machine, without loop devices.
	machineDisk    = machine + `, device!~"(loop|ram|zram|sr).*"`
	machineNIC     = machine + `, ` + physicalNICs
	machineMount   = machine + `, fstype!~"(tmpfs|ramfs|overlay|squashfs|iso9660)"`
	machineBusy    = `1 - avg by (node) (rate(node_cpu_seconds_total{` + machine + `, mode="idle"}[$__rate_interval]))`
	machineMemory  = `1 - node_memory_MemAvailable_bytes{` + machine + `} / node_memory_MemTotal_bytes{` + machine + `}`
	machineFullest = `max by (node) (1 - node_filesystem_avail_bytes{` + machineMount + `} / node_filesystem_size_bytes{` + machineMount + `})`
	machineLoad    = `node_load5{` + machine + `} / on (cluster, node) group_left () count by (cluster, node) (node_cpu_seconds_total{` + machine + `, mode="idle"})`
)

// physicalNICs selects the network interfaces of machines, without those of pods.
const physicalNICs = `device!~"(lo|veth|cali|cilium|lxc|flannel|cni|tunl|ifb|dummy|docker|br-).*"`

// machineRows adds the rows about the resources of the selected machines: utilisation, saturation and
// errors. lines returns the query of the lines that a panel draws, from one for each machine.
func machineRows(o Options, board *dashboard.DashboardBuilder, lines func(expr string) string) {
	board.WithRow(row("CPU")).
		WithPanel(overTime("CPU in use", "Share of the time in which the cores were not idle.", units.PercentUnit).
			Max(1).
			WithTarget(query(lines(machineBusy), "{{node}}"))).
		WithPanel(stacked(overTime("CPU by mode", "Busy cores of the selected nodes. Steal is time that the hypervisor gave to other machines, and iowait is time spent waiting for disks.", units.Short)).
			WithTarget(query(`sum by (mode) (rate(node_cpu_seconds_total{`+machine+`, mode!="idle"}[$__rate_interval]))`, "{{mode}}"))).
		WithPanel(withThreshold(overTime("Load per core", "Average over five minutes. Above 1, more threads are ready to run than there are cores.", units.Short), 1).
			WithTarget(query(lines(machineLoad), "{{node}}"))).
		WithPanel(overTime("Pressure", "Share of the time in which work waited for a resource (pressure stall information of the kernel).", units.PercentUnit).
			WithTarget(query(lines(`rate(node_pressure_cpu_waiting_seconds_total{`+machine+`}[$__rate_interval])`), "CPU {{node}}")).
			WithTarget(query(lines(`rate(node_pressure_memory_waiting_seconds_total{`+machine+`}[$__rate_interval])`), "memory {{node}}")).
			WithTarget(query(lines(`rate(node_pressure_io_waiting_seconds_total{`+machine+`}[$__rate_interval])`), "I/O {{node}}")))

	board.WithRow(row("Memory")).
		WithPanel(withThreshold(overTime("Memory in use", "Share of the memory that cannot be made available without swapping.", units.PercentUnit), 0.9).
			Max(1).
			WithTarget(query(lines(machineMemory), "{{node}}"))).
		WithPanel(stacked(overTime("Memory by kind", "Memory of the selected nodes together, by use.", units.BytesIEC)).
			WithTarget(query(`sum(node_memory_AnonPages_bytes{`+machine+`})`, "processes")).
			WithTarget(query(`sum(node_memory_Cached_bytes{`+machine+`} + node_memory_Buffers_bytes{`+machine+`})`, "page cache and buffers")).
			WithTarget(query(`sum(node_memory_Slab_bytes{`+machine+`} + node_memory_KernelStack_bytes{`+machine+`} + node_memory_PageTables_bytes{`+machine+`})`, "kernel")).
			WithTarget(query(`sum(node_memory_MemFree_bytes{`+machine+`})`, "free"))).
		WithPanel(overTime("Page faults that read from disk", "Major faults per second. Many of them together with little free memory mean thrashing.", units.CountsPerSecond).
			WithTarget(query(lines(`rate(node_vmstat_pgmajfault{`+machine+`}[$__rate_interval])`), "{{node}}"))).
		WithPanel(overTime("Processes killed for lack of memory", "Kills by the kernel's out-of-memory killer within the time range.", units.Short).
			Decimals(0).
			WithTarget(query(lines(`increase(node_vmstat_oom_kill{`+machine+`}[$__range])`), "{{node}}")))

	board.WithRow(row("File systems")).
		WithPanel(withThreshold(overTime("Space in use", "Share of the space that is not available to ordinary users.", units.PercentUnit), 0.9).
			Max(1).
			WithTarget(query(lines(`max by (node, device) (1 - node_filesystem_avail_bytes{`+machineMount+`} / node_filesystem_size_bytes{`+machineMount+`})`), "{{node}} {{device}}"))).
		WithPanel(withThreshold(overTime("Inodes in use", "Share of the inodes in use. A file system without free inodes accepts no more files, however much space is left.", units.PercentUnit), 0.9).
			Max(1).
			WithTarget(query(lines(`max by (node, device) (1 - node_filesystem_files_free{`+machineMount+`} / node_filesystem_files{`+machineMount+`})`), "{{node}} {{device}}")))

	board.WithRow(row("Disks")).
		WithPanel(bothWays("Throughput", "Bytes read above, written below zero.", units.BytesPerSecondIEC, "written").
			WithTarget(query(lines(`rate(node_disk_read_bytes_total{`+machineDisk+`}[$__rate_interval])`), "read {{node}} {{device}}")).
			WithTarget(query(lines(`rate(node_disk_written_bytes_total{`+machineDisk+`}[$__rate_interval])`), "written {{node}} {{device}}"))).
		WithPanel(overTime("Time busy", "Share of the time in which the device had requests to serve. SSDs serve many at once, so that 1 does not mean saturation.", units.PercentUnit).
			WithTarget(query(lines(`rate(node_disk_io_time_seconds_total{`+machineDisk+`}[$__rate_interval])`), "{{node}} {{device}}"))).
		WithPanel(overTime("Time per request", "Mean duration of a read or write, including queueing.", units.Seconds).
			WithTarget(query(lines(`rate(node_disk_read_time_seconds_total{`+machineDisk+`}[$__rate_interval]) / (rate(node_disk_reads_completed_total{`+machineDisk+`}[$__rate_interval]) > 0)`), "read {{node}} {{device}}")).
			WithTarget(query(lines(`rate(node_disk_write_time_seconds_total{`+machineDisk+`}[$__rate_interval]) / (rate(node_disk_writes_completed_total{`+machineDisk+`}[$__rate_interval]) > 0)`), "write {{node}} {{device}}"))).
		WithPanel(overTime("Requests waiting", "Mean number of requests in flight. Compare it with the depth of the device's queue.", units.Short).
			WithTarget(query(lines(`rate(node_disk_io_time_weighted_seconds_total{`+machineDisk+`}[$__rate_interval])`), "{{node}} {{device}}")))

	board.WithRow(row("Network")).
		WithPanel(bothWays("Throughput", "Bytes received above, sent below zero.", units.BytesPerSecondIEC, "sent").
			WithTarget(query(lines(`rate(node_network_receive_bytes_total{`+machineNIC+`}[$__rate_interval])`), "received {{node}} {{device}}")).
			WithTarget(query(lines(`rate(node_network_transmit_bytes_total{`+machineNIC+`}[$__rate_interval])`), "sent {{node}} {{device}}"))).
		WithPanel(bothWays("Errors and drops", "Received packets per second above, sent packets below zero.", units.PacketsPerSecond, "sent").
			WithTarget(query(lines(`rate(node_network_receive_errs_total{`+machineNIC+`}[$__rate_interval]) + rate(node_network_receive_drop_total{`+machineNIC+`}[$__rate_interval])`), "received {{node}} {{device}}")).
			WithTarget(query(lines(`rate(node_network_transmit_errs_total{`+machineNIC+`}[$__rate_interval]) + rate(node_network_transmit_drop_total{`+machineNIC+`}[$__rate_interval])`), "sent {{node}} {{device}}"))).
		WithPanel(overTime("TCP retransmissions", "Share of the sent segments that were retransmitted. Above one percent, the network loses packets.", units.PercentUnit).
			WithTarget(query(lines(`rate(node_netstat_Tcp_RetransSegs{`+machine+`}[$__rate_interval]) / rate(node_netstat_Tcp_OutSegs{`+machine+`}[$__rate_interval])`), "{{node}}"))).
		WithPanel(overTime("Connection tracking in use", "Share of the kernel's connection table. A full table drops new connections.", units.PercentUnit).
			Max(1).
			WithTarget(query(lines(`node_nf_conntrack_entries{`+machine+`} / node_nf_conntrack_entries_limit{`+machine+`}`), "{{node}}")))

	board.WithRow(row("Faults")).
		WithPanel(listing("Faults of the machine", "File systems that became read-only, clocks without a time server, disks and network links that failed.",
			nodeColumn(o),
			column{"Value #A", "Read-only file systems", inSteps(units.Short, green, at(1, red))},
			column{"Value #B", "Clock is synchronised", yesOrNo()},
			column{"Value #C", "Failed disks of RAID", inSteps(units.Short, green, at(1, red))},
			column{"Value #D", "Missing links of bonds", inSteps(units.Short, green, at(1, red))},
			column{"Value #E", "Lost carriers", inSteps(units.Short, green, at(1, orange))},
		).
			Height(7).
			NoValue("–").
			SortBy(sortedBy("Node", false)).
			WithTarget(rows(`sum by (node) (node_filesystem_readonly{` + machineMount + `})`)).
			WithTarget(rows(`min by (node) (node_timex_sync_status{` + machine + `})`)).
			WithTarget(rows(`sum by (node) (node_md_disks{` + machine + `, state="failed"})`)).
			WithTarget(rows(`sum by (node) (node_bonding_slaves{` + machine + `} - node_bonding_active{` + machine + `})`)).
			WithTarget(rows(`sum by (node) (increase(node_network_carrier_down_changes_total{` + machineNIC + `}[$__range]))`))).
		WithPanel(overTime("Stalled", "Share of the time in which no process could work, because all waited for memory or for disks (pressure stall information of the kernel).", units.PercentUnit).
			WithTarget(query(lines(`rate(node_pressure_memory_stalled_seconds_total{`+machine+`}[$__rate_interval])`), "memory {{node}}")).
			WithTarget(query(lines(`rate(node_pressure_io_stalled_seconds_total{`+machine+`}[$__rate_interval])`), "disks {{node}}"))).
		WithPanel(overTime("Packets that the kernel cannot handle", "Packets dropped per second because a CPU's queue is full, and rounds that ended before the queue was empty.", units.CountsPerSecond).
			WithTarget(query(lines(`sum by (node) (rate(node_softnet_dropped_total{`+machine+`}[$__rate_interval]))`), "dropped {{node}}")).
			WithTarget(query(lines(`sum by (node) (rate(node_softnet_times_squeezed_total{`+machine+`}[$__rate_interval]))`), "squeezed {{node}}")))

	board.WithRow(row("System")).
		WithPanel(overTime("Clock offset", "Difference between the node's clock and its time server, as the kernel estimates it.", units.Seconds).
			AxisCenteredZero(true).
			WithTarget(query(lines(`node_timex_offset_seconds{`+machine+`}`), "{{node}}"))).
		WithPanel(overTime("File handles in use", "Share of the kernel's limit.", units.PercentUnit).
			Max(1).
			WithTarget(query(lines(`node_filefd_allocated{`+machine+`} / node_filefd_maximum{`+machine+`}`), "{{node}}"))).
		WithPanel(overTime("Processes", "Threads that are ready to run, and threads blocked on I/O.", units.Short).
			WithTarget(query(lines(`node_procs_running{`+machine+`}`), "running {{node}}")).
			WithTarget(query(lines(`node_procs_blocked{`+machine+`}`), "blocked {{node}}"))).
		WithPanel(overTime("Collectors failing", "Collectors of node-exporter that failed, so that their metrics are missing above.", units.Short).
			Decimals(0).
			WithTarget(query(lines(`count by (node) (node_scrape_collector_success{`+machine+`}) - sum by (node) (node_scrape_collector_success{`+machine+`})`), "{{node}}")))
}
