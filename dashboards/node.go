package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// node returns the dashboard of one node: its state, the pods on it, and the resources of its
// machine.
func node(o Options) *dashboard.DashboardBuilder {
	const here = inCluster + `, node="$node"`

	board := newDashboard(o, UIDNode, "Node",
		"One node: its state, the pods on it, and the utilisation, saturation and errors of its machine.",
		"up", "nodes").
		WithVariable(labelVariable("node", "Node", `label_values(up{`+inCluster+`, job=~"node-exporter|kubernetes-cadvisor", node!=""}, node)`))

	if o.Has(config.KubeStateMetricsJob) {
		nodeState(o, board, here)
	}
	board.WithRow(row("Alerts")).
		WithPanel(firingAlerts(o, `node="$node"`))
	if o.Has(config.CadvisorJob) {
		nodePods(o, board, here)
	}
	if o.Has(config.NodeExporterJob) {
		machineRows(o, board, func(expr string) string { return expr })
	}
	return board
}

// nodeState adds the row of what the cluster knows of a node.
func nodeState(o Options, board *dashboard.DashboardBuilder, here string) {
	allocatable := func(resource string) string {
		return `max(kube_node_status_allocatable{` + here + `, resource="` + resource + `"})`
	}
	requested := func(resource string) string {
		return `sum(namespace_pod:kube_pod_container_resource_requests:sum{` + here + `, resource="` + resource + `"})`
	}
	board.WithRow(row("State")).
		WithPanel(latest("Ready", "Whether the node is ready to run pods.", units.NoUnit, `max(kube_node_status_condition{`+here+`, condition="Ready", status="true"})`).
			Mappings(states(word("Not ready", red), word("Ready", green)))).
		WithPanel(latest("Cordoned", "Whether somebody keeps new pods away from the node.", units.NoUnit, `max(kube_node_spec_unschedulable{`+here+`})`).
			Mappings(states(word("No", green), word("Cordoned", orange)))).
		WithPanel(latest("Pressure", "Conditions of the node that are bad: too little memory, disk or process IDs, or no network.", units.Short,
			`sum(kube_node_status_condition{`+here+`, condition=~"MemoryPressure|DiskPressure|PIDPressure|NetworkUnavailable", status="true"})`).
			Thresholds(steps(green, at(1, red)))).
		WithPanel(share("Pods", "Share of the pods that the node may run.", `count(max by (namespace, pod) (kube_pod_info{`+here+`})) / `+allocatable("pods"))).
		WithPanel(share("CPU requested", "Share of the CPU that the node can allocate that its pods request.", requested("cpu")+` / `+allocatable("cpu"))).
		WithPanel(share("Memory requested", "Share of the memory that the node can allocate that its pods request.", requested("memory")+` / `+allocatable("memory"))).
		WithPanel(listing("Versions", "What runs on the node.",
			nodeColumn(o),
			column{"kubelet_version", "Kubelet", nil},
			column{"container_runtime_version", "Container runtime", nil},
			column{"os_image", "Operating system", nil},
			column{"kernel_version", "Kernel", nil},
			column{"internal_ip", "Address", nil},
		).
			Span(16).
			Height(4).
			WithTarget(rows(`max by (node, kubelet_version, container_runtime_version, os_image, kernel_version, internal_ip) (kube_node_info{` + here + `})`))).
		WithPanel(listing("Taints", "What keeps pods away from the node that do not tolerate it.",
			column{"key", "Taint", nil},
			column{"value", "Value", nil},
			column{"effect", "Effect", nil},
		).
			Span(8).
			Height(4).
			NoValue("None").
			WithTarget(rows(`max by (key, value, effect) (kube_node_spec_taint{` + here + `})`)))
}

// nodePods adds the row of the pods on a node. A node runs a few hundred pods at most.
func nodePods(o Options, board *dashboard.DashboardBuilder, here string) {
	const by = `sum by (namespace, pod) `
	var (
		containers = here + `, job="kubernetes-cadvisor", container!=""`
		cpu        = by + `(rate(container_cpu_usage_seconds_total{` + containers + `}[$__rate_interval]))`
		memory     = by + `(container_memory_working_set_bytes{` + containers + `})`
		traffic    = by + `(rate(container_network_receive_bytes_total{` + here + `, job="kubernetes-cadvisor", pod!=""}[$__rate_interval]) + rate(container_network_transmit_bytes_total{` + here + `, job="kubernetes-cadvisor", pod!=""}[$__rate_interval]))`
	)
	table := listing("Pods", "What each pod on the node uses of what it requests and is limited to. A dash means no request or no limit.",
		namespaceColumn(o),
		podColumn(o),
		column{"Value #A", "CPU", inUnit(units.Short)},
		column{"Value #B", "Memory", inUnit(units.BytesIEC)},
		column{"Value #C", "Network", inUnit(units.BytesPerSecondIEC)},
		column{"Value #D", "CPU requested", inUnit(units.Short)},
		column{"Value #E", "CPU / requested", asBar(0.8, 1)},
		column{"Value #F", "Memory requested", inUnit(units.BytesIEC)},
		column{"Value #G", "Memory / limit", asBar(0.8, 0.9)},
	).
		Height(12).
		SortBy(sortedBy("Memory", true)).
		NoValue("–").
		WithTarget(rows(cpu)).
		WithTarget(rows(memory)).
		WithTarget(rows(traffic))
	if o.Has(config.KubeStateMetricsJob) {
		of := func(kind, resource string) string {
			return by + `(namespace_pod:kube_pod_container_resource_` + kind + `:sum{` + here + `, resource="` + resource + `"})`
		}
		table.
			WithTarget(rows(of("requests", "cpu"))).
			WithTarget(rows(cpu + ` / ` + of("requests", "cpu"))).
			WithTarget(rows(of("requests", "memory"))).
			WithTarget(rows(memory + ` / ` + of("limits", "memory")))
	}
	board.WithRow(row("Pods")).
		WithPanel(table).
		WithPanel(stacked(overTime("CPU by pod", "Cores in use, of the 15 pods that use most at the end of the time range.", units.Short)).
			WithTarget(query(largest(15, cpu), "{{namespace}}/{{pod}}"))).
		WithPanel(stacked(overTime("Memory by pod", "Working set, of the 15 pods that use most at the end of the time range.", units.BytesIEC)).
			WithTarget(query(largest(15, memory), "{{namespace}}/{{pod}}")))
}
