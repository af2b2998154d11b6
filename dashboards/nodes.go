package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// nodes returns the dashboard of the cluster's machines, from node-exporter: a table of all nodes,
// then the utilisation, saturation and errors of each resource.
func nodes(o Options) *dashboard.DashboardBuilder {
	const (
		node = `cluster="$cluster", job="node-exporter", node=~"$node"`
		// Block devices and interfaces of the machine, without loop devices and the interfaces
		// of pods.
		disk      = node + `, device!~"(loop|ram|zram|sr).*"`
		nic       = node + `, device!~"(lo|veth|cali|cilium|lxc|flannel|cni|tunl|ifb|dummy|docker|br-).*"`
		mount     = node + `, fstype!~"(tmpfs|ramfs|overlay|squashfs|iso9660)"`
		busy      = `1 - avg by (node) (rate(node_cpu_seconds_total{` + node + `, mode="idle"}[$__rate_interval]))`
		memory    = `1 - node_memory_MemAvailable_bytes{` + node + `} / node_memory_MemTotal_bytes{` + node + `}`
		fullest   = `max by (node) (1 - node_filesystem_avail_bytes{` + mount + `} / node_filesystem_size_bytes{` + mount + `})`
		loadShare = `node_load5{` + node + `} / on (cluster, node) group_left () count by (cluster, node) (node_cpu_seconds_total{` + node + `, mode="idle"})`
	)

	board := newDashboard(o, UIDNodes, "Nodes",
		"The machines of the cluster: utilisation, saturation and errors of CPU, memory, disks and network.",
		"node_uname_info", "nodes").
		WithVariable(labelsVariable("node", "Node", `label_values(node_uname_info{cluster="$cluster", job="node-exporter"}, node)`))

	name := column{"node", "Node", withLink(o, "Pods on this node", UIDKubernetesPodResources, "node", "Node")}
	board.WithRow(row("Overview")).
		WithPanel(listing("Nodes", "The latest values of each selected node. A node's name links to the pods on it.",
			name,
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
			WithTarget(rows(`max by (node) (node_time_seconds{` + node + `} - node_boot_time_seconds{` + node + `})`)).
			WithTarget(rows(`count by (node) (node_cpu_seconds_total{` + node + `, mode="idle"})`)).
			WithTarget(rows(busy)).
			WithTarget(rows(`max by (node) (` + loadShare + `)`)).
			WithTarget(rows(`max by (node) (node_memory_MemTotal_bytes{` + node + `})`)).
			WithTarget(rows(`max by (node) (` + memory + `)`)).
			WithTarget(rows(fullest)))

	board.WithRow(row("CPU")).
		WithPanel(overTime("CPU in use", "Share of the time in which the cores were not idle.", units.PercentUnit).
			Max(1).
			WithTarget(query(busy, "{{node}}"))).
		WithPanel(stacked(overTime("CPU by mode", "Busy cores of the selected nodes. Steal is time that the hypervisor gave to other machines, and iowait is time spent waiting for disks.", units.Short)).
			WithTarget(query(`sum by (mode) (rate(node_cpu_seconds_total{`+node+`, mode!="idle"}[$__rate_interval]))`, "{{mode}}"))).
		WithPanel(overTime("Load per core", "Average over five minutes. Above 1, more threads are ready to run than there are cores.", units.Short).
			ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed)).
			Thresholds(steps(green, at(1, red))).
			WithTarget(query(loadShare, "{{node}}"))).
		WithPanel(overTime("Pressure", "Share of the time in which work waited for a resource (pressure stall information of the kernel).", units.PercentUnit).
			WithTarget(query(`rate(node_pressure_cpu_waiting_seconds_total{`+node+`}[$__rate_interval])`, "CPU {{node}}")).
			WithTarget(query(`rate(node_pressure_memory_waiting_seconds_total{`+node+`}[$__rate_interval])`, "memory {{node}}")).
			WithTarget(query(`rate(node_pressure_io_waiting_seconds_total{`+node+`}[$__rate_interval])`, "I/O {{node}}")))

	board.WithRow(row("Memory")).
		WithPanel(overTime("Memory in use", "Share of the memory that cannot be made available without swapping.", units.PercentUnit).
			Max(1).
			ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed)).
			Thresholds(steps(green, at(0.9, red))).
			WithTarget(query(memory, "{{node}}"))).
		WithPanel(stacked(overTime("Memory by kind", "Memory of the selected nodes together, by use.", units.BytesIEC)).
			WithTarget(query(`sum(node_memory_AnonPages_bytes{`+node+`})`, "processes")).
			WithTarget(query(`sum(node_memory_Cached_bytes{`+node+`} + node_memory_Buffers_bytes{`+node+`})`, "page cache and buffers")).
			WithTarget(query(`sum(node_memory_Slab_bytes{`+node+`} + node_memory_KernelStack_bytes{`+node+`} + node_memory_PageTables_bytes{`+node+`})`, "kernel")).
			WithTarget(query(`sum(node_memory_MemFree_bytes{`+node+`})`, "free"))).
		WithPanel(overTime("Page faults that read from disk", "Major faults per second. Many of them together with little free memory mean thrashing.", units.CountsPerSecond).
			WithTarget(query(`rate(node_vmstat_pgmajfault{`+node+`}[$__rate_interval])`, "{{node}}"))).
		WithPanel(overTime("Processes killed for lack of memory", "Kills by the kernel's out-of-memory killer within the time range.", units.Short).
			Decimals(0).
			WithTarget(query(`increase(node_vmstat_oom_kill{`+node+`}[$__range])`, "{{node}}")))

	board.WithRow(row("File systems")).
		WithPanel(overTime("Space in use", "Share of the space that is not available to ordinary users.", units.PercentUnit).
			Max(1).
			ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed)).
			Thresholds(steps(green, at(0.9, red))).
			WithTarget(query(`max by (node, device) (1 - node_filesystem_avail_bytes{`+mount+`} / node_filesystem_size_bytes{`+mount+`})`, "{{node}} {{device}}"))).
		WithPanel(overTime("Inodes in use", "Share of the inodes in use. A file system without free inodes accepts no more files, however much space is left.", units.PercentUnit).
			Max(1).
			ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed)).
			Thresholds(steps(green, at(0.9, red))).
			WithTarget(query(`max by (node, device) (1 - node_filesystem_files_free{`+mount+`} / node_filesystem_files{`+mount+`})`, "{{node}} {{device}}")))

	board.WithRow(row("Disks")).
		WithPanel(bothWays("Throughput", "Bytes read above, written below zero.", units.BytesPerSecondIEC, "written").
			WithTarget(query(`rate(node_disk_read_bytes_total{`+disk+`}[$__rate_interval])`, "read {{node}} {{device}}")).
			WithTarget(query(`rate(node_disk_written_bytes_total{`+disk+`}[$__rate_interval])`, "written {{node}} {{device}}"))).
		WithPanel(overTime("Time busy", "Share of the time in which the device had requests to serve. SSDs serve many at once, so that 1 does not mean saturation.", units.PercentUnit).
			WithTarget(query(`rate(node_disk_io_time_seconds_total{`+disk+`}[$__rate_interval])`, "{{node}} {{device}}"))).
		WithPanel(overTime("Time per request", "Mean duration of a read or write, including queueing.", units.Seconds).
			WithTarget(query(`rate(node_disk_read_time_seconds_total{`+disk+`}[$__rate_interval]) / (rate(node_disk_reads_completed_total{`+disk+`}[$__rate_interval]) > 0)`, "read {{node}} {{device}}")).
			WithTarget(query(`rate(node_disk_write_time_seconds_total{`+disk+`}[$__rate_interval]) / (rate(node_disk_writes_completed_total{`+disk+`}[$__rate_interval]) > 0)`, "write {{node}} {{device}}"))).
		WithPanel(overTime("Requests waiting", "Mean number of requests in flight. Compare it with the depth of the device's queue.", units.Short).
			WithTarget(query(`rate(node_disk_io_time_weighted_seconds_total{`+disk+`}[$__rate_interval])`, "{{node}} {{device}}")))

	board.WithRow(row("Network")).
		WithPanel(bothWays("Throughput", "Bytes received above, sent below zero.", units.BytesPerSecondIEC, "sent").
			WithTarget(query(`rate(node_network_receive_bytes_total{`+nic+`}[$__rate_interval])`, "received {{node}} {{device}}")).
			WithTarget(query(`rate(node_network_transmit_bytes_total{`+nic+`}[$__rate_interval])`, "sent {{node}} {{device}}"))).
		WithPanel(bothWays("Errors and drops", "Received packets per second above, sent packets below zero.", units.PacketsPerSecond, "sent").
			WithTarget(query(`rate(node_network_receive_errs_total{`+nic+`}[$__rate_interval]) + rate(node_network_receive_drop_total{`+nic+`}[$__rate_interval])`, "received {{node}} {{device}}")).
			WithTarget(query(`rate(node_network_transmit_errs_total{`+nic+`}[$__rate_interval]) + rate(node_network_transmit_drop_total{`+nic+`}[$__rate_interval])`, "sent {{node}} {{device}}"))).
		WithPanel(overTime("TCP retransmissions", "Share of the sent segments that were retransmitted. Above one percent, the network loses packets.", units.PercentUnit).
			WithTarget(query(`rate(node_netstat_Tcp_RetransSegs{`+node+`}[$__rate_interval]) / rate(node_netstat_Tcp_OutSegs{`+node+`}[$__rate_interval])`, "{{node}}"))).
		WithPanel(overTime("Connection tracking in use", "Share of the kernel's connection table. A full table drops new connections.", units.PercentUnit).
			Max(1).
			WithTarget(query(`node_nf_conntrack_entries{`+node+`} / node_nf_conntrack_entries_limit{`+node+`}`, "{{node}}")))

	board.WithRow(row("System")).
		WithPanel(overTime("Clock offset", "Difference between the node's clock and its time server, as the kernel estimates it.", units.Seconds).
			AxisCenteredZero(true).
			WithTarget(query(`node_timex_offset_seconds{`+node+`}`, "{{node}}"))).
		WithPanel(overTime("File handles in use", "Share of the kernel's limit.", units.PercentUnit).
			Max(1).
			WithTarget(query(`node_filefd_allocated{`+node+`} / node_filefd_maximum{`+node+`}`, "{{node}}"))).
		WithPanel(overTime("Processes", "Threads that are ready to run, and threads blocked on I/O.", units.Short).
			WithTarget(query(`node_procs_running{`+node+`}`, "running {{node}}")).
			WithTarget(query(`node_procs_blocked{`+node+`}`, "blocked {{node}}"))).
		WithPanel(overTime("Collectors failing", "Collectors of node-exporter that failed, so that their metrics are missing above.", units.Short).
			Decimals(0).
			WithTarget(query(`count by (node) (node_scrape_collector_success{`+node+`}) - sum by (node) (node_scrape_collector_success{`+node+`})`, "{{node}}")))

	return board
}
