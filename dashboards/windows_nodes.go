package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// windowsNodes returns the dashboard of the nodes with windows_exporter: their CPU, memory, volumes, network and
// services.
func windowsNodes(o Options) *dashboard.DashboardBuilder {
	const (
		exporter = `cluster="$cluster", job="windows-exporter", node=~"$node"`
		recorded = `cluster="$cluster", node=~"$node"`
		cpu      = `node:windows_cpu_utilisation:ratio_rate5m{` + recorded + `}`
		memory   = `node:windows_memory_utilisation:ratio{` + recorded + `}`
		free     = `node_volume:windows_logical_disk_free:ratio{` + recorded + `}`
	)

	board := newDashboard(o, UIDWindowsNodes, "Windows nodes",
		"CPU, memory, volumes, network and services of the Windows nodes.",
		"windows_os_info", "nodes").
		WithVariable(labelsVariable("node", "Node", `label_values(windows_os_info{cluster="$cluster"}, node)`))

	board.WithPanel(firingAlerts(o, `alertname=~"Windows.+", node=~"$node"`))
	board.WithRow(row("At a glance")).
		WithPanel(listing("Nodes", "Each Windows node, and what it uses.",
			nodeColumn(o),
			column{"product", "Windows", nil},
			column{"version", "Version", nil},
			column{"revision", "Revision", nil},
			column{"Value #B", "CPU", asBar(0.8, 0.9)},
			column{"Value #C", "Memory", asBar(0.8, 0.9)},
			column{"Value #D", "Fullest volume", asBar(0.8, 0.9)},
			column{"Value #E", "Up for", inUnit(units.DurationSeconds)},
		).
			WithTarget(rows(`max by (node, product, version, revision) (windows_os_info{` + exporter + `})`)).
			WithTarget(rows(`max by (node) (` + cpu + `)`)).
			WithTarget(rows(`max by (node) (` + memory + `)`)).
			WithTarget(rows(`1 - min by (node) (` + free + `)`)).
			WithTarget(rows(`max by (node) (time() - windows_system_boot_time_timestamp{` + exporter + `})`)))

	board.WithRow(row("CPU and memory")).
		WithPanel(overTime("CPU", "Share of the CPU time in use, of the 20 nodes that use most.", units.PercentUnit).
			WithTarget(query(largest(20, `max by (node) (`+cpu+`)`), "{{node}}"))).
		WithPanel(stacked(overTime("CPU by mode", "Cores in use, by what they do.", units.Short)).
			WithTarget(query(`sum by (mode) (rate(windows_cpu_time_total{`+exporter+`, mode!="idle"}[$__rate_interval]))`, "{{mode}}"))).
		WithPanel(overTime("Memory", "Share of the memory in use, of the 20 nodes that use most. What only caches files does not count.", units.PercentUnit).
			WithTarget(query(largest(20, `max by (node) (`+memory+`)`), "{{node}}"))).
		WithPanel(overTime("Memory committed", "Share of what memory and page files can hold that programs have asked for, of the 20 nodes with most. At 100% they get no more.", units.PercentUnit).
			WithTarget(query(largest(20, `max by (node) (windows_memory_committed_bytes{`+exporter+`} / windows_memory_commit_limit{`+exporter+`})`), "{{node}}")))

	board.WithRow(row("Volumes")).
		WithPanel(overTime("Space used", "Share of the space in use, of the 20 fullest volumes. The exporter measures it every 10 to 15 minutes.", units.PercentUnit).
			WithTarget(query(largest(20, `max by (node, volume) (1 - `+free+`)`), "{{node}} {{volume}}"))).
		WithPanel(bothWays("Reads and writes", "Bytes that the volumes of the 20 busiest nodes read (above) and write (below).", units.BytesPerSecondIEC, "write").
			WithTarget(query(largest(20, `sum by (node) (rate(windows_logical_disk_read_bytes_total{`+exporter+`}[$__rate_interval]))`), "read {{node}}")).
			WithTarget(query(largest(20, `sum by (node) (rate(windows_logical_disk_write_bytes_total{`+exporter+`}[$__rate_interval]))`), "write {{node}}")))

	board.WithRow(row("Network")).
		WithPanel(bothWays("Traffic", "Bytes that the 20 busiest nodes receive (above) and send (below).", units.BytesPerSecondIEC, "sent").
			WithTarget(query(largest(20, `sum by (node) (rate(windows_net_bytes_received_total{`+exporter+`}[$__rate_interval]))`), "received {{node}}")).
			WithTarget(query(largest(20, `sum by (node) (rate(windows_net_bytes_sent_total{`+exporter+`}[$__rate_interval]))`), "sent {{node}}"))).
		WithPanel(overTime("Packets lost", "Packets with errors, and packets that were discarded, of the 20 nodes with most.", units.PacketsPerSecond).
			WithTarget(query(largest(20, `sum by (node) (rate(windows_net_packets_received_errors_total{`+exporter+`}[$__rate_interval]) + rate(windows_net_packets_received_discarded_total{`+exporter+`}[$__rate_interval]) + rate(windows_net_packets_outbound_errors_total{`+exporter+`}[$__rate_interval]) + rate(windows_net_packets_outbound_discarded_total{`+exporter+`}[$__rate_interval]))`), "{{node}}")))

	board.WithRow(row("Services")).
		WithPanel(listing("Services", "Whether the services of exporters.windowsExporter.services run.",
			nodeColumn(o),
			column{"name", "Service", nil},
			column{"state", "State", nil},
		).
			NoValue("None").
			WithTarget(rows(`max by (node, name, state) (windows_service_state{` + exporter + `}) == 1`)))

	return board
}
