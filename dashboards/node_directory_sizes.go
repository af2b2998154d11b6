package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// nodeDirectorySizes returns the dashboard of the directories that node-directory-size-metrics
// measures: their sizes, their growth, and the state of the scans.
func nodeDirectorySizes(o Options) *dashboard.DashboardBuilder {
	const (
		exporter  = `cluster="$cluster", job="node-directory-size-metrics", node=~"$node"`
		directory = exporter + `, path=~"$path"`
		size      = `max by (node, path) (node_directory_size_bytes{` + directory + `})`
		growth    = `max by (node, path) (deriv(node_directory_size_bytes{` + directory + `}[6h])) * 86400`
	)

	board := newDashboard(o, UIDNodeDirectorySizes, "Node directory sizes",
		"The largest directories on the disks of the nodes, their growth, and the state of the scans.",
		"node_directory_size_scan_success", "nodes").
		Time("now-24h", "now").
		WithVariable(labelsVariable("node", "Node", `label_values(node_directory_size_scan_success{cluster="$cluster"}, node)`)).
		WithVariable(labelsVariable("path", "Directory", `label_values(node_directory_size_bytes{cluster="$cluster", node=~"$node"}, path)`))

	board.WithPanel(firingAlerts(o, `alertname=~"DirectorySize.+"`))
	board.WithRow(row("At a glance")).
		WithPanel(figure("Largest directory", "Size of the largest directory measured.", units.BytesIEC).
			Span(6).
			WithTarget(query(`max(node_directory_size_bytes{`+directory+`})`, ""))).
		WithPanel(figure("Directories reported", "Directories above the configured threshold.", units.Short).
			Span(6).
			WithTarget(query(`count(`+size+`)`, ""))).
		WithPanel(figure("Scans", "Whether the last scan of every selected node succeeded. A scan that times out leaves the sizes of the previous scan.", units.NoUnit).
			Span(6).
			GraphMode(common.BigValueGraphModeNone).
			Mappings(states(word("Failing", red), word("Succeeding", green))).
			WithTarget(query(`min(node_directory_size_scan_success{`+exporter+`})`, ""))).
		WithPanel(figure("Oldest scan", "Age of the oldest sizes.", units.DurationSeconds).
			Span(6).
			GraphMode(common.BigValueGraphModeNone).
			WithTarget(query(`max(time() - node_directory_size_scan_timestamp_seconds{`+exporter+`})`, "")))

	board.WithRow(row("Directories")).
		WithPanel(listing("Sizes and growth", "The latest size of each directory, and its growth per day at the rate of the last six hours.",
			nodeColumn(o),
			column{"path", "Directory", nil},
			column{"Value #A", "Size", inUnit(units.BytesIEC)},
			column{"Value #B", "Growth per day", inUnit(units.BytesIEC)},
		).
			Height(12).
			Span(12).
			SortBy(sortedBy("Size", true)).
			WithTarget(rows(size)).
			WithTarget(rows(growth))).
		WithPanel(ranking("Largest directories", "The size of a directory includes the directories below it, so sizes of nested paths do not add up.", units.BytesIEC).
			Height(12).
			WithTarget(instant(`sort_desc(topk(20, `+size+`))`, "{{node}} {{path}}"))).
		WithPanel(overTime("Size", "Sizes of the 20 directories that are largest at the end of the time range.", units.BytesIEC).
			WithTarget(query(size+` and topk(20, max by (node, path) (node_directory_size_bytes{`+directory+`} @ end()))`, "{{node}} {{path}}"))).
		WithPanel(overTime("Growth per day", "Growth at the rate of the six hours before each point. Values below zero mean that something was deleted.", units.BytesIEC).
			AxisCenteredZero(true).
			WithTarget(query(growth, "{{node}} {{path}}")))

	board.WithRow(row("Scans")).
		WithPanel(overTime("Scan duration", "Duration of the last scan of each node.", units.Seconds).
			WithTarget(query(`max by (node) (node_directory_size_scan_duration_seconds{`+exporter+`})`, "{{node}}"))).
		WithPanel(overTime("Scan age", "Time since the last scan of each node. It should not exceed the configured interval plus the duration.", units.DurationSeconds).
			WithTarget(query(`max by (node) (time() - node_directory_size_scan_timestamp_seconds{`+exporter+`})`, "{{node}}")))

	return board
}
