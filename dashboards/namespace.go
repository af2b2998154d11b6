package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// namespace returns the dashboard of one namespace: what its workloads use of what they request, its
// quotas and its pods.
func namespace(o Options) *dashboard.DashboardBuilder {
	const (
		here = inCluster + `, namespace="$namespace"`
		pods = `max by (namespace, pod, phase) (kube_pod_status_phase{` + here + `, phase=`
	)
	board := newDashboard(o, UIDNamespace, "Namespace",
		"One namespace: what its workloads use of what they request, its quotas, and its pods that are not well.",
		"kube_pod_info", "kubernetes").
		WithVariable(namespaceVariable())

	board.WithRow(row("At a glance")).
		WithPanel(latest("Pods running", "Pods that run on a node.", units.Short, `count(`+pods+`"Running"}) == 1) or vector(0)`).Span(3)).
		WithPanel(countNow("Pods pending", "Pods that are not yet running on a node.", yellow, pods+`"Pending"}) == 1`).Height(4)).
		WithPanel(countNow("Pods failed", "Pods that ended with a failure and still exist.", orange, pods+`"Failed"}) == 1`).Height(4)).
		WithPanel(countNow("Containers waiting", "Containers that crash again and again, or cannot be started.", red, waitingContainers(here)).Height(4)).
		WithPanel(latest("CPU requested", "Cores that the pods request.", units.Short, requested(here, "cpu")).Span(3).Decimals(2)).
		WithPanel(latest("Memory requested", "Memory that the pods request.", units.BytesIEC, requested(here, "memory")).Span(3))
	if o.Has(config.CadvisorJob) {
		board.
			WithPanel(latest("CPU in use", "Cores that the pods use.", units.Short, usedCPU(here)).Span(3).Decimals(2)).
			WithPanel(latest("Memory in use", "Working set of the pods.", units.BytesIEC, usedMemory(here)).Span(3))
	}

	board.WithRow(row("Alerts")).
		WithPanel(firingAlerts(o, `namespace="$namespace"`))

	board.WithRow(row("Use of the namespace")).
		WithPanel(o.cpuOf("CPU", "Cores that the pods use, request and are limited to. Containers without a limit do not count in the limit.", here)).
		WithPanel(o.memoryOf("Memory", "Working set that the pods use, and the memory that they request and are limited to. Containers without a limit do not count in the limit.", here))

	const (
		by       = `sum by (namespace, workload_type, workload) `
		requests = by + `(namespace_workload:kube_pod_container_resource_requests:sum{` + here + `, resource=`
		limits   = by + `(namespace_workload:kube_pod_container_resource_limits:sum{` + here + `, resource=`
		cpu      = by + `(namespace_workload:container_cpu_usage_seconds:sum_rate5m{` + here + `})`
		memory   = by + `(namespace_workload:container_memory_working_set_bytes:sum{` + here + `})`
	)
	board.WithRow(row("Workloads"))
	table := listing("Workloads", "What the pods of each workload request and use. A dash means no request or no limit.",
		namespaceColumn(o),
		workloadTypeColumn(),
		workloadColumn(o),
		column{"Value #A", "Pods", inUnit(units.Short)},
		column{"Value #B", "CPU requested", inUnit(units.Short)},
		column{"Value #C", "Memory requested", inUnit(units.BytesIEC)},
		column{"Value #D", "Memory limit", inUnit(units.BytesIEC)},
		column{"Value #E", "CPU", inUnit(units.Short)},
		column{"Value #F", "CPU / requested", asBar(0.8, 1)},
		column{"Value #G", "Memory", inUnit(units.BytesIEC)},
		column{"Value #H", "Memory / limit", asBar(0.8, 0.9)},
	).
		Height(12).
		SortBy(sortedBy("Memory requested", true)).
		NoValue("–").
		WithTarget(rows(`count by (namespace, workload_type, workload) (namespace_workload_pod:kube_pod_owner:group{` + here + `})`)).
		WithTarget(rows(requests + `"cpu"})`)).
		WithTarget(rows(requests + `"memory"})`)).
		WithTarget(rows(limits + `"memory"})`))
	if o.Has(config.CadvisorJob) {
		table.
			WithTarget(rows(cpu)).
			WithTarget(rows(cpu + ` / ` + requests + `"cpu"})`)).
			WithTarget(rows(memory)).
			WithTarget(rows(memory + ` / ` + limits + `"memory"})`))
	}
	board.WithPanel(table)
	if o.Has(config.CadvisorJob) {
		board.
			WithPanel(stacked(overTime("CPU by workload", "Cores in use, of the 15 workloads that use most at the end of the time range.", units.Short)).
				WithTarget(query(largest(15, `sum by (workload_type, workload) (namespace_workload:container_cpu_usage_seconds:sum_rate5m{`+here+`})`), "{{workload}} ({{workload_type}})"))).
			WithPanel(stacked(overTime("Memory by workload", "Working set, of the 15 workloads that use most at the end of the time range.", units.BytesIEC)).
				WithTarget(query(largest(15, `sum by (workload_type, workload) (namespace_workload:container_memory_working_set_bytes:sum{`+here+`})`), "{{workload}} ({{workload_type}})")))
	}

	board.WithRow(row("Quotas and autoscalers")).
		WithPanel(listing("Quotas", "What each quota allows, and how much of it is used. Nothing that needs more than the rest can be created.",
			column{"resourcequota", "Quota", nil},
			column{"resource", "Resource", nil},
			column{"Value #A", "Used", inUnit(units.Short)},
			column{"Value #B", "Allowed", inUnit(units.Short)},
			column{"Value #C", "In use", asBar(0.9, 1)},
		).
			Span(12).
			NoValue("No quota").
			SortBy(sortedBy("In use", true)).
			WithTarget(rows(`max by (resourcequota, resource) (kube_resourcequota{` + here + `, type="used"})`)).
			WithTarget(rows(`max by (resourcequota, resource) (kube_resourcequota{` + here + `, type="hard"})`)).
			WithTarget(rows(`max by (resourcequota, resource) (kube_resourcequota{` + here + `, type="used"}) / (max by (resourcequota, resource) (kube_resourcequota{` + here + `, type="hard"}) > 0)`))).
		WithPanel(listing("Autoscalers", "The number of replicas that each HorizontalPodAutoscaler runs, and between which it may choose.",
			column{"horizontalpodautoscaler", "Autoscaler", nil},
			column{"Value #A", "Least", inUnit(units.Short)},
			column{"Value #B", "Replicas", inUnit(units.Short)},
			column{"Value #C", "Most", inUnit(units.Short)},
		).
			Span(12).
			NoValue("No autoscaler").
			WithTarget(rows(`max by (horizontalpodautoscaler) (kube_horizontalpodautoscaler_spec_min_replicas{` + here + `})`)).
			WithTarget(rows(`max by (horizontalpodautoscaler) (kube_horizontalpodautoscaler_status_current_replicas{` + here + `})`)).
			WithTarget(rows(`max by (horizontalpodautoscaler) (kube_horizontalpodautoscaler_spec_max_replicas{` + here + `})`)))

	board.WithRow(row("Pods that are not well")).
		WithPanel(listing("Pods not ready", "Pods that should run and are not ready, with their age.",
			namespaceColumn(o),
			podColumn(o),
			column{"Value", createdAt, inUnit(units.DurationSeconds)},
		).
			Span(12).
			NoValue("None").
			SortBy(sortedBy(createdAt, true)).
			WithTarget(rows(`topk(100, time() - max by (namespace, pod) (kube_pod_created{` + here + `}) and max by (namespace, pod) (kube_pod_status_phase{` + here + `, phase=~"Pending|Running|Unknown"}) == 1 unless max by (namespace, pod) (kube_pod_status_ready{` + here + `, condition="true"}) == 1)`))).
		WithPanel(listing("Restarts", "Containers that restarted within the last hour, and how often.",
			namespaceColumn(o),
			podColumn(o),
			column{"container", "Container", nil},
			column{"Value", "Restarts", inUnit(units.Short)},
		).
			Span(12).
			NoValue("None").
			SortBy(sortedBy("Restarts", true)).
			WithTarget(rows(`topk(100, round(sum by (namespace, pod, container) (increase(kube_pod_container_status_restarts_total{` + here + `}[1h]))) > 0)`)))
	return board
}

// waitingContainers returns an expression with a series for each container of the selected pods that
// crashes again and again, or could not be started, within the last five minutes: between two
// back-offs it runs for a moment.
func waitingContainers(selector string) string {
	selector += `, reason!~"ContainerCreating|PodInitializing"`
	return `max by (namespace, pod, container, reason) (` +
		`max_over_time(kube_pod_container_status_waiting_reason{` + selector + `}[5m])` +
		` or max_over_time(kube_pod_init_container_status_waiting_reason{` + selector + `}[5m]))`
}
