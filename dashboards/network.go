package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// network returns the dashboard of who talks how much: namespaces over time from recordings, and all
// workloads and pods now. Over time it shows the pods of one namespace only.
func network(o Options) *dashboard.DashboardBuilder {
	const (
		pods     = inCluster + `, job="kubernetes-cadvisor", pod!=""`
		received = `sum by (namespace, pod) (rate(container_network_receive_bytes_total{` + pods + `}[$__rate_interval]))`
		sent     = `sum by (namespace, pod) (rate(container_network_transmit_bytes_total{` + pods + `}[$__rate_interval]))`
		lost     = `sum by (namespace, pod) (rate(container_network_receive_packets_dropped_total{` + pods + `}[$__rate_interval]) + rate(container_network_receive_errors_total{` + pods + `}[$__rate_interval])` +
			` + rate(container_network_transmit_packets_dropped_total{` + pods + `}[$__rate_interval]) + rate(container_network_transmit_errors_total{` + pods + `}[$__rate_interval]))`
		busiest = ` and topk(50, ` + received + ` + ` + sent + `)`
	)
	board := newDashboard(o, UIDNetwork, "Network",
		"Who talks how much: the traffic of namespaces, workloads, pods and nodes. Pods on the host network show the traffic of their node.",
		"up", "kubernetes").
		WithVariable(labelVariable("namespace", "Namespace", `label_values(container_network_receive_bytes_total{`+pods+`}, namespace)`))

	board.WithPanel(firingAlerts(o, `alertname=~"NodeNetwork.+|NodeBonding.+|NodeConntrack.+|NodeSoftnet.+|KubeProxy.+"`))
	known := o.Has(config.KubeStateMetricsJob)
	if known {
		networkOfNamespaces(board)
	}
	board.WithRow(row("Pods now")).
		WithPanel(listing("Pods", "The 50 pods with most traffic now, and the packets that they lose: dropped, or with errors.",
			namespaceColumn(o),
			podColumn(o),
			column{"Value #A", "Received", inUnit(units.BytesPerSecondIEC)},
			column{"Value #B", "Sent", inUnit(units.BytesPerSecondIEC)},
			column{"Value #C", "Lost", inUnit(units.PacketsPerSecond)},
		).
			Span(12).
			Height(12).
			SortBy(sortedBy("Received", true)).
			WithTarget(rows(received + busiest)).
			WithTarget(rows(sent + busiest)).
			WithTarget(rows(lost + busiest)))
	if known {
		const owner = ` * on (namespace, pod) group_left (workload_type, workload) topk by (namespace, pod) (1, namespace_workload_pod:kube_pod_owner:group{` + inCluster + `}` +
			` unless on (namespace, pod) kube_pod_info{` + inCluster + `, host_network="true"}))`
		board.WithPanel(ranking("Workloads", "Bytes that the pods of each workload receive and send per second now, of the 20 with most. Without pods on the host network.", units.BytesPerSecondIEC).
			Height(12).
			WithTarget(instant(`sort_desc(topk(20, sum by (namespace, workload) ((`+received+` + `+sent+`)`+owner+`))`, "{{namespace}}/{{workload}}")))
	}

	const here = inCluster + `, job="kubernetes-cadvisor", namespace="$namespace", pod!=""`
	of := func(metric string) string {
		return largest(15, `sum by (pod) (rate(`+metric+`{`+here+`}[$__rate_interval]))`)
	}
	board.WithRow(row("Pods of namespace $namespace")).
		WithPanel(bothWays("Traffic by pod", "Received above, sent below zero, of the 15 pods with most at the end of the time range.", units.BytesPerSecondIEC, "sent").
			Span(24).
			WithTarget(query(of("container_network_receive_bytes_total"), "received {{pod}}")).
			WithTarget(query(of("container_network_transmit_bytes_total"), "sent {{pod}}"))).
		WithPanel(bothWays("Packets dropped by pod", "Received above, sent below zero, of the 15 pods with most at the end of the time range.", units.PacketsPerSecond, "sent").
			WithTarget(query(of("container_network_receive_packets_dropped_total"), "received {{pod}}")).
			WithTarget(query(of("container_network_transmit_packets_dropped_total"), "sent {{pod}}"))).
		WithPanel(bothWays("Errors by pod", "Packets received with errors above, sent below zero, of the 15 pods with most at the end of the time range.", units.PacketsPerSecond, "sent").
			WithTarget(query(of("container_network_receive_errors_total"), "received {{pod}}")).
			WithTarget(query(of("container_network_transmit_errors_total"), "sent {{pod}}")))

	if o.Has(config.NodeExporterJob) {
		of := func(metric string) string {
			return largest(15, `sum by (node) (rate(`+metric+`{`+inCluster+`, job="node-exporter", `+physicalNICs+`}[$__rate_interval]))`)
		}
		board.WithRow(row("Nodes")).
			WithPanel(bothWays("Traffic by node", "Received above, sent below zero, through the network interfaces of the 15 nodes with most at the end of the time range.", units.BytesPerSecondIEC, "sent").
				WithTarget(query(of("node_network_receive_bytes_total"), "received {{node}}")).
				WithTarget(query(of("node_network_transmit_bytes_total"), "sent {{node}}"))).
			WithPanel(bothWays("Packets dropped by node", "Received above, sent below zero, of the 15 nodes with most at the end of the time range.", units.PacketsPerSecond, "sent").
				WithTarget(query(of("node_network_receive_drop_total"), "received {{node}}")).
				WithTarget(query(of("node_network_transmit_drop_total"), "sent {{node}}")))
	}
	return board
}

// networkOfNamespaces adds the row of the traffic of namespaces.
func networkOfNamespaces(board *dashboard.DashboardBuilder) {
	const (
		received = `sum by (namespace) (namespace:container_network_receive_bytes:sum_rate5m{` + inCluster + `})`
		sent     = `sum by (namespace) (namespace:container_network_transmit_bytes:sum_rate5m{` + inCluster + `})`
	)
	board.WithRow(row("Namespaces")).
		WithPanel(bothWays("Traffic by namespace", "Received above, sent below zero, of the ten namespaces with most at the end of the time range. Without pods on the host network.", units.BytesPerSecondIEC, "sent").
			Span(16).
			Height(10).
			WithTarget(query(largest(10, received), "received {{namespace}}")).
			WithTarget(query(largest(10, sent), "sent {{namespace}}"))).
		WithPanel(ranking("Namespaces", "Bytes received and sent per second now, of the 15 namespaces with most.", units.BytesPerSecondIEC).
			Span(8).
			WithTarget(instant(`sort_desc(topk(15, `+received+` + `+sent+`))`, "{{namespace}}")))
}
