package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// capacity returns the dashboard of the room that the cluster's nodes have for pods: what is
// requested and used of what they can allocate, also with the largest node lost.
func capacity(o Options) *dashboard.DashboardBuilder {
	board := newDashboard(o, UIDCapacity, "Capacity",
		"The room that the nodes have for pods: what is requested and used of it, also if the largest node is lost, and who requests what they do not use.",
		"kube_node_info", "kubernetes").
		Time("now-24h", "now")

	board.WithPanel(firingAlerts(o, `alertname=~".+Overcommitted|Quota.+|KubeletTooManyPods"`))
	board.WithRow(row("At a glance"))
	for _, r := range []struct{ name, resource string }{{"CPU", "cpu"}, {"Memory", "memory"}} {
		board.
			WithPanel(share(r.name+" requested", "Share of what the nodes can allocate that pods request.", requested(inCluster, r.resource)+` / `+allocatable(r.resource))).
			WithPanel(share(r.name+" with a node lost", "Share of what the other nodes can allocate that pods request if the largest node is lost. Above 100% some pods could not run. Nodes with taints of their own do not count.", withoutLargest(r.resource)).
				Thresholds(steps(green, at(0.9, yellow), at(1, red))))
	}
	board.
		WithPanel(latest("Largest free CPU", "Cores that the node with most of them left can still allocate: the largest pod that fits.", units.Short, `max(`+free("cpu")+`)`).Decimals(2)).
		WithPanel(latest("Largest free memory", "Memory that the node with most of it left can still allocate: the largest pod that fits.", units.BytesIEC, `max(`+free("memory")+`)`))

	board.WithRow(row("Over time")).
		WithPanel(o.cpuOf("CPU", "Cores that pods use, request and are limited to, beside what the nodes can allocate.", inCluster).
			WithTarget(query(allocatable("cpu"), "allocatable")).
			OverrideByName("allocatable", asLimit())).
		WithPanel(o.memoryOf("Memory", "Memory that pods use, request and are limited to, beside what the nodes can allocate.", inCluster).
			WithTarget(query(allocatable("memory"), "allocatable")).
			OverrideByName("allocatable", asLimit())).
		WithPanel(withThreshold(overTime("Requested with a node lost", "Share of what the other nodes can allocate that pods request if the largest node is lost.", units.PercentUnit), 1).
			WithTarget(query(withoutLargest("cpu"), "CPU")).
			WithTarget(query(withoutLargest("memory"), "memory")))
	if o.Has(config.NodesJob) {
		board.WithPanel(overTime("Pods", "Pods that the kubelets run, beside the number that they allow.", units.Short).
			WithTarget(query(`sum(max by (node) (kubelet_running_pods{`+inCluster+`, job="kubernetes-nodes"}))`, "running")).
			WithTarget(query(`sum(max by (node) (kube_node_status_allocatable{`+inCluster+`, resource="pods"}))`, "allowed")).
			OverrideByName("allowed", asLimit()))
	}

	const (
		root = inCluster + `, job="kubernetes-cadvisor", id="/"`
		node = `max by (node) (kube_node_status_allocatable{` + inCluster + `, resource=`
	)
	table := listing("Nodes", "What each node can allocate, and the shares of it that its pods request. A node with less use than requests has room that no pod can get.",
		nodeColumn(o),
		column{"Value #A", "Pods", asBar(0.8, 0.95)},
		column{"Value #B", "CPU", inUnit(units.Short)},
		column{"Value #C", "CPU requested", asBar(0.8, 0.95)},
		column{"Value #D", "Memory", inUnit(units.BytesIEC)},
		column{"Value #E", "Memory requested", asBar(0.8, 0.95)},
		column{"Value #F", "CPU in use", asBar(0.8, 0.95)},
		column{"Value #G", "Memory in use", asBar(0.8, 0.95)},
	).
		SortBy(sortedBy("Memory requested", true)).
		NoValue("–").
		WithTarget(rows(`count by (node) (max by (namespace, pod, node) (kube_pod_info{` + inCluster + `, node!=""})) / ` + node + `"pods"})`)).
		WithTarget(rows(node + `"cpu"})`)).
		WithTarget(rows(requestedByNode("cpu") + ` / ` + node + `"cpu"})`)).
		WithTarget(rows(node + `"memory"})`)).
		WithTarget(rows(requestedByNode("memory") + ` / ` + node + `"memory"})`))
	if o.Has(config.CadvisorJob) {
		table.
			WithTarget(rows(`sum by (node) (rate(container_cpu_usage_seconds_total{` + root + `}[$__rate_interval])) / ` + node + `"cpu"})`)).
			WithTarget(rows(`sum by (node) (container_memory_working_set_bytes{` + root + `}) / ` + node + `"memory"})`))
	}
	board.WithRow(row("By node")).WithPanel(table)

	if o.Has(config.CadvisorJob) {
		board.WithRow(row("Requested and not used")).
			WithPanel(ranking("CPU by namespace", "Cores that the pods of a namespace request and do not use now.", units.Short).
				WithTarget(instant(`sort_desc(topk(15, sum by (namespace) (namespace:kube_pod_container_resource_requests:sum{`+inCluster+`, resource="cpu"}) - sum by (namespace) (namespace:container_cpu_usage_seconds:sum_rate5m{`+inCluster+`}) > 0))`, "{{namespace}}"))).
			WithPanel(ranking("Memory by namespace", "Memory that the pods of a namespace request and do not use now.", units.BytesIEC).
				WithTarget(instant(`sort_desc(topk(15, sum by (namespace) (namespace:kube_pod_container_resource_requests:sum{`+inCluster+`, resource="memory"}) - sum by (namespace) (namespace:container_memory_working_set_bytes:sum{`+inCluster+`}) > 0))`, "{{namespace}}"))).
			WithPanel(ranking("CPU by workload", "Cores that the pods of a workload request and do not use now.", units.Short).
				WithTarget(instant(`sort_desc(topk(15, sum by (namespace, workload) (namespace_workload:kube_pod_container_resource_requests:sum{`+inCluster+`, resource="cpu"}) - sum by (namespace, workload) (namespace_workload:container_cpu_usage_seconds:sum_rate5m{`+inCluster+`}) > 0))`, "{{namespace}}/{{workload}}"))).
			WithPanel(ranking("Memory by workload", "Memory that the pods of a workload request and do not use now.", units.BytesIEC).
				WithTarget(instant(`sort_desc(topk(15, sum by (namespace, workload) (namespace_workload:kube_pod_container_resource_requests:sum{`+inCluster+`, resource="memory"}) - sum by (namespace, workload) (namespace_workload:container_memory_working_set_bytes:sum{`+inCluster+`}) > 0))`, "{{namespace}}/{{workload}}")))
	}
	return board
}

// requestedByNode returns an expression for what the pods on each node request of a resource.
func requestedByNode(resource string) string {
	return `sum by (node) (namespace_pod:kube_pod_container_resource_requests:sum{` + inCluster + `, resource="` + resource + `"})`
}

// free returns an expression for what each node without taints of its own can still allocate.
func free(resource string) string {
	return `(max by (node) (kube_node_status_allocatable{` + inCluster + `, resource="` + resource + `"}) - ` + requestedByNode(resource) +
		` and on (node) node:kube_node_status_allocatable:without_daemonsets{` + inCluster + `, resource="` + resource + `"})`
}

// withoutLargest returns an expression for the share of the nodes without the largest that pods
// request: the rules about overcommitment have its parts. It has no value with a single node.
func withoutLargest(resource string) string {
	room := `node:kube_node_status_allocatable:without_daemonsets{` + inCluster + `, resource="` + resource + `"}`
	return `sum(cluster:kube_pod_container_resource_requests:without_daemonsets{` + inCluster + `, resource="` + resource + `"}) / (sum(` + room + `) - max(` + room + `) > 0)`
}
