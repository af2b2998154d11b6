package dashboards

import (
	"slices"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// everyCluster selects the series of all clusters.
const everyCluster = `cluster!=""`

// clusters returns the dashboard of all clusters of a datasource side by side. The datasource of one
// stack has one; one that queries several stacks, such as Thanos, has them all.
func clusters(o Options) *dashboard.DashboardBuilder {
	const (
		firing    = `alertname!="Watchdog", alertstate="firing"`
		series    = `max by (cluster) (prometheus_tsdb_head_series{` + everyCluster + `, job="prometheus"})`
		pods      = `sum by (cluster) (kubelet_running_pods{` + everyCluster + `})`
		available = `min by (cluster) (cluster_operation:apiserver_availability:ratio30d{` + everyCluster + `})`
		nodes     = `count by (cluster) (group by (cluster, node) (kube_node_info{` + everyCluster + `}))`
	)
	state, usage := []config.Job{config.KubeStateMetricsJob}, []config.Job{config.KubeStateMetricsJob, config.CadvisorJob}
	allocatable := func(resource string) string {
		return `sum by (cluster) (max by (cluster, node) (kube_node_status_allocatable{` + everyCluster + `, resource="` + resource + `"}))`
	}
	requested := func(resource string) string {
		return `sum by (cluster) (namespace:kube_pod_container_resource_requests:sum{` + everyCluster + `, resource="` + resource + `"}) / ` + allocatable(resource)
	}
	cpu := `sum by (cluster) (namespace:container_cpu_usage_seconds:sum_rate5m{` + everyCluster + `}) / ` + allocatable("cpu")
	memory := `sum by (cluster) (namespace:container_memory_working_set_bytes:sum{` + everyCluster + `}) / ` + allocatable("memory")
	// Where a datasource has several clusters, external labels say of which an alert is. Alerts
	// without a cluster are of the only one.
	alerts := func(severities string) string {
		selected := `alertname!="Watchdog", alertstate="firing", severity=~"` + severities + `"`
		return `(count by (cluster) (ALERTS{` + everyCluster + `, ` + selected + `}) or 0 * group by (cluster) (up{` + everyCluster + `})) + on () group_left () (count(ALERTS{cluster="", ` + selected + `}) or vector(0))`
	}

	cells := []cell{
		{"Critical", inSteps(units.Short, green, at(1, red)), alerts("critical"), nil},
		{"Warnings", inSteps(units.Short, green, at(1, orange)), alerts("warning"), nil},
		{"Targets down", inSteps(units.Short, green, at(1, orange)), `count by (cluster) (up{` + everyCluster + `}) - sum by (cluster) (up{` + everyCluster + `})`, nil},
		{"Series", inUnit(units.Short), series, nil},
		{"Pods", inUnit(units.Short), pods, []config.Job{config.NodesJob}},
		{"Pods pending", inSteps(units.Short, green, at(1, orange)), `sum by (cluster) (kube_pod_status_phase{` + everyCluster + `, phase="Pending"})`, state},
		{"Nodes", inUnit(units.Short), nodes, state},
		{"Nodes not ready", inSteps(units.Short, green, at(1, red)), nodes + ` - sum by (cluster) (max by (cluster, node) (kube_node_status_condition{` + everyCluster + `, condition="Ready", status="true"}))`, state},
		{"CPU requested", asBar(0.8, 0.95), requested("cpu"), state},
		{"CPU in use", asBar(0.8, 0.9), cpu, usage},
		{"Memory requested", asBar(0.8, 0.95), requested("memory"), state},
		{"Memory in use", asBar(0.8, 0.9), memory, usage},
		{"Availability", inSteps(units.PercentUnit, red, at(o.objective(), green)), available, []config.Job{config.APIServersJob}},
		{"Budget left", inSteps(units.PercentUnit, red, at(0, orange), at(0.25, green)), `1 - ` + o.budget(`1 - `+available), []config.Job{config.APIServersJob}},
	}

	board := newBoard(o, UIDClusters, "Clusters",
		"All clusters of the datasource side by side: what fires, how full they are, and whether their API servers meet the objective.",
		"kubernetes")
	board.
		WithPanel(figure("Clusters", "Clusters with targets. The datasource of one stack has one; one that queries several stacks, such as Thanos, has them all.", units.Short).
			Span(6).
			GraphMode(common.BigValueGraphModeNone).
			WithTarget(query(`count(group by (cluster) (up{`+everyCluster+`}))`, ""))).
		WithPanel(figure("Clusters with critical alerts", "Clusters in which an alert fires that needs somebody now.", units.Short).
			Span(6).
			Thresholds(steps(green, at(1, red))).
			WithTarget(query(`count(`+alerts("critical")+` > 0) or vector(0)`, ""))).
		WithPanel(figure("Targets down", "Targets of all clusters whose last scrape failed.", units.Short).
			Span(6).
			Thresholds(steps(green, at(1, orange))).
			WithTarget(query(`count(up{`+everyCluster+`}) - sum(up{`+everyCluster+`})`, ""))).
		WithPanel(figure("Clusters without the Watchdog", "Clusters whose alerts are not evaluated, because the alert that always fires does not.", units.Short).
			Span(6).
			Thresholds(steps(green, at(1, red))).
			WithTarget(query(`count(group by (cluster) (up{`+everyCluster+`})) - (count(group by (cluster) (ALERTS{alertname="Watchdog"})) or vector(0))`, "")))

	board.
		WithPanel(comparison(o, cells)).
		WithPanel(listing("Firing alerts", "Alerts that fire, by cluster. An alert's name links to its runbook, a cluster's to its alerts.",
			column{"cluster", "Cluster", withLink(o, "The cluster's alerts", UIDAlertsOverview, "cluster", "Cluster")},
			column{"alertname", "Alert", withRunbook(o)},
			column{"severity", "Severity", severityColors()},
			column{"Value", "Alerts", inUnit(units.Short)},
		).
			Height(8).
			SortBy(sortedBy("Alerts", true)).
			NoValue("No alert is firing").
			WithTarget(rows(`count by (cluster, alertname, severity) (ALERTS{` + everyCluster + `, ` + firing + `}) or count by (alertname, severity) (ALERTS{cluster="", ` + firing + `}) * on () group_left (cluster) topk(1, group by (cluster) (up{` + everyCluster + `}))`)))

	board.WithRow(row("Side by side"))
	for _, chart := range []struct {
		title, description, unit, expr string
		needs                          []config.Job
	}{
		{"Firing alerts", "Alerts that fire in each cluster, except information.", units.Short, alerts(`critical|warning`), nil},
		{"Series", "Time series in the memory of the cluster's largest Prometheus server.", units.Short, series, nil},
		{"CPU in use", "Share of the allocatable CPU that containers use.", units.PercentUnit, cpu, usage},
		{"Memory in use", "Share of the allocatable memory that containers use.", units.PercentUnit, memory, usage},
		{"Pods", "Pods that run.", units.Short, pods, []config.Job{config.NodesJob}},
		{"Requests to the API servers", "Reads and writes per second.", units.RequestsPerSecond, `sum by (cluster) (cluster_operation:apiserver_requests:rate5m{` + everyCluster + `})`, []config.Job{config.APIServersJob}},
	} {
		if o.hasAll(chart.needs) {
			board.WithPanel(overTime(chart.title, chart.description, chart.unit).WithTarget(query(chart.expr, "{{cluster}}")))
		}
	}
	return board
}

// cell is a value of each cluster, if the stack has all jobs that it needs.
type cell struct {
	title string
	style []dashboard.DynamicConfigValue
	expr  string // one sample for each cluster
	needs []config.Job
}

// comparison returns a listing of the clusters, with a column for each cell.
func comparison(o Options, cells []cell) *table.PanelBuilder {
	columns := []column{{"cluster", "Cluster", withLink(o, "The cluster", UIDCluster, "cluster", "Cluster")}}
	var exprs []string
	for _, c := range cells {
		if o.hasAll(c.needs) {
			columns = append(columns, column{"Value #" + string(rune('A'+len(exprs))), c.title, c.style})
			exprs = append(exprs, c.expr)
		}
	}
	panel := listing("Clusters", "The latest values of each cluster, whose name links to its dashboard. A cell is empty where a cluster does not have the metrics for it.", columns...).
		Height(8).
		SortBy(sortedBy("Critical", true))
	for _, expr := range exprs {
		panel.WithTarget(rows(expr))
	}
	return panel
}

// hasAll reports whether the stack collects the metrics of all jobs.
func (o Options) hasAll(jobs []config.Job) bool {
	return !slices.ContainsFunc(jobs, func(job config.Job) bool { return !o.Has(job) })
}
