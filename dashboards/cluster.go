package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// cluster returns the dashboard of one cluster: its state in figures, what it uses beside what it
// has, and its namespaces.
func cluster(o Options) *dashboard.DashboardBuilder {
	const pods = `max by (namespace, pod, phase) (kube_pod_status_phase{` + inCluster + `, phase=`
	board := newDashboard(o, UIDCluster, "Cluster",
		"One cluster: its state, what it uses beside what it has, and its namespaces.",
		"kube_node_info", "kubernetes")

	board.WithRow(row("At a glance")).
		WithPanel(countNow("Critical alerts", "Firing alerts that need somebody now.", red, `ALERTS{cluster=~"|$cluster", alertstate="firing", severity="critical"}`).Span(4)).
		WithPanel(countNow("Warnings", "Firing alerts that need somebody during working hours.", orange, `ALERTS{cluster=~"|$cluster", alertstate="firing", severity="warning"}`).Span(4)).
		WithPanel(countNow("Nodes not ready", "Nodes that are not ready, whether or not they are cordoned.", red, `max by (node) (kube_node_status_condition{`+inCluster+`, condition="Ready", status="true"}) == 0`).Span(4)).
		WithPanel(countNow("Pods pending", "Pods that are not yet running on a node.", yellow, pods+`"Pending"}) == 1`).Span(4)).
		WithPanel(countNow("Pods failed", "Pods that ended with a failure and still exist.", orange, pods+`"Failed"}) == 1`).Span(4)).
		WithPanel(countNow("Targets down", "What Prometheus cannot scrape.", red, `up{`+inCluster+`} == 0`).Span(4)).
		WithPanel(latest("Nodes", "Nodes of the cluster.", units.Short, `count(kube_node_info{`+inCluster+`})`)).
		WithPanel(latest("Namespaces", "Namespaces that have pods.", units.Short, `count(count by (namespace) (kube_pod_info{`+inCluster+`}))`)).
		WithPanel(latest("Pods running", "Pods that run on a node.", units.Short, `count(`+pods+`"Running"}) == 1)`)).
		WithPanel(share("CPU requested", "Share of the nodes' allocatable CPU that pods request. What is not requested is what new pods can get.",
			requested(inCluster, "cpu")+` / `+allocatable("cpu")))
	if o.Has(config.CadvisorJob) {
		board.
			WithPanel(share("CPU in use", "Share of the nodes' allocatable CPU that pods use.", usedCPU(inCluster)+` / `+allocatable("cpu"))).
			WithPanel(share("Memory in use", "Share of the nodes' allocatable memory that pods use, as their working set.", usedMemory(inCluster)+` / `+allocatable("memory")))
	}

	board.WithRow(row("Alerts")).
		WithPanel(firingAlerts(o, ""))

	board.WithRow(row("Use of the cluster")).
		WithPanel(o.cpuOf("CPU", "Cores that pods use, request and are limited to, beside what the nodes can allocate.", inCluster).
			WithTarget(query(allocatable("cpu"), "allocatable")).
			OverrideByName("allocatable", asLimit())).
		WithPanel(o.memoryOf("Memory", "Memory that pods use, request and are limited to, beside what the nodes can allocate.", inCluster).
			WithTarget(query(allocatable("memory"), "allocatable")).
			OverrideByName("allocatable", asLimit()))

	board.WithRow(row("Namespaces"))
	columns := []column{
		namespaceColumn(o),
		{"Value #A", "Pods", inUnit(units.Short)},
		{"Value #B", "CPU requested", inUnit(units.Short)},
		{"Value #C", "Memory requested", inUnit(units.BytesIEC)},
		{"Value #D", "CPU", inUnit(units.Short)},
		{"Value #E", "CPU / requested", asBar(0.8, 1)},
		{"Value #F", "Memory", inUnit(units.BytesIEC)},
		{"Value #G", "Memory / requested", asBar(0.8, 1)},
	}
	table := listing("Namespaces", "What the pods of each namespace request and use. A namespace that uses a small share of its requests keeps others from using them.", columns...).
		SortBy(sortedBy("Memory requested", true)).
		NoValue("–").
		WithTarget(rows(`count by (namespace) (max by (namespace, pod) (kube_pod_info{` + inCluster + `}))`)).
		WithTarget(rows(`sum by (namespace) (namespace:kube_pod_container_resource_requests:sum{` + inCluster + `, resource="cpu"})`)).
		WithTarget(rows(`sum by (namespace) (namespace:kube_pod_container_resource_requests:sum{` + inCluster + `, resource="memory"})`))
	if !o.Has(config.CadvisorJob) {
		return board.WithPanel(table)
	}
	const (
		cpu    = `sum by (namespace) (namespace:container_cpu_usage_seconds:sum_rate5m{` + inCluster + `})`
		memory = `sum by (namespace) (namespace:container_memory_working_set_bytes:sum{` + inCluster + `})`
	)
	return board.
		WithPanel(table.
			WithTarget(rows(cpu)).
			WithTarget(rows(cpu + ` / sum by (namespace) (namespace:kube_pod_container_resource_requests:sum{` + inCluster + `, resource="cpu"})`)).
			WithTarget(rows(memory)).
			WithTarget(rows(memory + ` / sum by (namespace) (namespace:kube_pod_container_resource_requests:sum{` + inCluster + `, resource="memory"})`))).
		WithPanel(stacked(overTime("CPU by namespace", "Cores in use, of the ten namespaces that use most at the end of the time range.", units.Short)).
			WithTarget(query(largest(10, `sum by (namespace) (namespace:container_cpu_usage_seconds:sum_rate5m{`+inCluster+`})`), "{{namespace}}"))).
		WithPanel(stacked(overTime("Memory by namespace", "Working set, of the ten namespaces that use most at the end of the time range.", units.BytesIEC)).
			WithTarget(query(largest(10, `sum by (namespace) (namespace:container_memory_working_set_bytes:sum{`+inCluster+`})`), "{{namespace}}")))
}

// latest returns a figure without a sparkline.
func latest(title, description, unit, expr string) *stat.PanelBuilder {
	return figure(title, description, unit).
		GraphMode(common.BigValueGraphModeNone).
		WithTarget(instant(expr, ""))
}

// share returns a figure of a share of a whole, between 0 and 1.
func share(title, description, expr string) *stat.PanelBuilder {
	return figure(title, description, units.PercentUnit).
		Decimals(0).
		Thresholds(steps(green, at(0.8, yellow), at(0.95, red))).
		WithTarget(query(expr, ""))
}

// allocatable returns an expression for what the nodes of the cluster can give to pods of a resource,
// cpu or memory.
func allocatable(resource string) string {
	return `sum(max by (node) (kube_node_status_allocatable{` + inCluster + `, resource="` + resource + `"}))`
}

// Expressions for what the pods of the namespaces that a selector names request, and are limited to
// of a resource, cpu or memory, and what they use. They read one series for each namespace.
func requested(selector, resource string) string {
	return `sum(namespace:kube_pod_container_resource_requests:sum{` + selector + `, resource="` + resource + `"})`
}

func limited(selector, resource string) string {
	return `sum(namespace:kube_pod_container_resource_limits:sum{` + selector + `, resource="` + resource + `"})`
}

func usedCPU(selector string) string {
	return `sum(namespace:container_cpu_usage_seconds:sum_rate5m{` + selector + `})`
}

func usedMemory(selector string) string {
	return `sum(namespace:container_memory_working_set_bytes:sum{` + selector + `})`
}

// cpuOf returns a panel of the cores that the pods of the namespaces that a selector names use,
// request and are limited to.
func (o Options) cpuOf(title, description, selector string) *timeseries.PanelBuilder {
	panel := besideRequests(title, description, units.Short, requested(selector, "cpu"), limited(selector, "cpu"))
	if o.Has(config.CadvisorJob) {
		panel.WithTarget(query(usedCPU(selector), "used"))
	}
	return panel
}

// memoryOf is cpuOf for memory.
func (o Options) memoryOf(title, description, selector string) *timeseries.PanelBuilder {
	panel := besideRequests(title, description, units.BytesIEC, requested(selector, "memory"), limited(selector, "memory"))
	if o.Has(config.CadvisorJob) {
		panel.WithTarget(query(usedMemory(selector), "used"))
	}
	return panel
}
