package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// kubelet returns the dashboard of the kubelets: whether they, the container runtimes and the volumes
// of their nodes keep up, and how long pods take to start.
func kubelet(o Options) *dashboard.DashboardBuilder {
	job := inCluster + `, job="` + o.job(config.NodesJob) + `"`
	node := job + `, node=~"$node"`

	quantile := func(q, histogram, by string) string {
		return `histogram_quantile(` + q + `, sum by (` + by + `le) (rate(` + histogram + `_bucket{` + node + `}[$__rate_interval])))`
	}
	slowest := func(histogram string) string {
		return mostOf(10, quantile("0.99", histogram, "node, "))
	}
	perCall := func(histogram, by string) string {
		return `sum by (` + by + `) (rate(` + histogram + `_sum{` + node + `}[$__rate_interval])) / sum by (` + by + `) (rate(` + histogram + `_count{` + node + `}[$__rate_interval]))`
	}
	const operations = `sum by (volume_plugin, operation_name) (rate(storage_operation_duration_seconds_count{`

	// A counter of evictions appears with the first one, which no rate sees.
	evictions := func(span string) string {
		return `(kubelet_evictions{` + node + `} unless kubelet_evictions{` + node + `} offset ` + span + `) or increase(kubelet_evictions{` + node + `}[` + span + `])`
	}

	board := newDashboard(o, UIDKubelet, "Kubelet",
		"Whether the kubelets, the container runtimes and the volumes of their nodes keep up, and how long pods take to start.",
		"kubelet_running_pods", "nodes").
		WithVariable(labelsVariable("node", "Node", `label_values(kubelet_running_pods{`+job+`}, node)`))

	board.WithPanel(firingAlerts(o, `alertname=~"Kubelet.+|NodeNotReady|NodeReadinessFlapping", node=~"|$node"`))
	board.WithRow(row("At a glance")).
		WithPanel(figure("Kubelets", "Kubelets whose last scrape succeeded.", units.Short).
			GraphMode(common.BigValueGraphModeNone).
			WithTarget(query(`sum(up{`+node+`})`, ""))).
		WithPanel(figure("Kubelets down", "Kubelets whose last scrape failed.", units.Short).
			Thresholds(steps(green, at(1, red))).
			WithTarget(query(`count(up{`+node+`}) - sum(up{`+node+`})`, ""))).
		WithPanel(figure("Pods", "Pods that run.", units.Short).
			WithTarget(query(`sum(kubelet_running_pods{`+node+`})`, ""))).
		WithPanel(figure("Time to start a pod", "Median of the pods that started, without the time that images are pulled and init containers run.", units.Seconds).
			Thresholds(steps(green, at(20, yellow), at(60, red))).
			NoValue("None started").
			WithTarget(instant(`histogram_quantile(0.5, sum by (le) (increase(kubelet_pod_start_sli_duration_seconds_bucket{`+node+`}[$__range]))) >= 0`, ""))).
		WithPanel(figure("Runtime errors", "Share of the calls to container runtimes that fail. Calls about containers that are just gone fail, too.", units.PercentUnit).
			Decimals(1).
			Thresholds(steps(green, at(0.05, yellow), at(0.1, red))).
			WithTarget(query(`(sum(rate(kubelet_runtime_operations_errors_total{`+node+`}[$__rate_interval])) or vector(0)) / sum(rate(kubelet_runtime_operations_total{`+node+`}[$__rate_interval]))`, ""))).
		WithPanel(figure("Evictions", "Pods that kubelets evicted within the time range, because their node ran out of memory, disk space or process IDs.", units.Short).
			Decimals(0).
			Thresholds(steps(green, at(1, orange))).
			WithTarget(instant(`sum(`+evictions("$__range")+`) or vector(0)`, ""))).
		WithPanel(listing("Kubelets", "The latest values of each selected node.",
			nodeColumn(o),
			column{"Value #A", "State", inWords(states(word("Down", red), word("Up", green)))},
			column{"Value #B", "Pods", inUnit(units.Short)},
			column{"Value #C", "Containers", inUnit(units.Short)},
			column{"Value #D", "Containers listed in", inSteps(units.Seconds, green, at(1, yellow), at(10, red))},
			column{"Value #E", "Runtime errors", inSteps(units.PercentUnit, green, at(0.05, yellow), at(0.1, red))},
			column{"Value #F", "CPU", inUnit(units.Short)},
			column{"Value #G", "Memory", inUnit(units.BytesIEC)},
			column{"Value #H", "Up for", inUnit(units.DurationSeconds)},
		).
			Height(8).
			SortBy(sortedBy("Containers listed in", true)).
			WithTarget(rows(`min by (node) (up{` + node + `})`)).
			WithTarget(rows(`max by (node) (kubelet_running_pods{` + node + `})`)).
			WithTarget(rows(`sum by (node) (kubelet_running_containers{` + node + `, container_state="running"})`)).
			WithTarget(rows(quantile("0.99", "kubelet_pleg_relist_duration_seconds", "node, "))).
			WithTarget(rows(`(sum by (node) (rate(kubelet_runtime_operations_errors_total{` + node + `}[$__rate_interval])) or 0 * sum by (node) (kubelet_running_pods{` + node + `})) / sum by (node) (rate(kubelet_runtime_operations_total{` + node + `}[$__rate_interval]))`)).
			WithTarget(rows(`sum by (node) (rate(process_cpu_seconds_total{` + node + `}[$__rate_interval]))`)).
			WithTarget(rows(`max by (node) (process_resident_memory_bytes{` + node + `})`)).
			WithTarget(rows(`min by (node) (time() - process_start_time_seconds{` + node + `})`)))

	board.WithRow(row("Pods")).
		WithPanel(withThreshold(overTime("Time to start a pod", "Without the time that images are pulled and init containers run.", units.Seconds), 60).
			WithTarget(query(quantile("0.5", "kubelet_pod_start_sli_duration_seconds", ""), "median")).
			WithTarget(query(quantile("0.99", "kubelet_pod_start_sli_duration_seconds", ""), "99th percentile"))).
		WithPanel(overTime("Handling a pod, 99th percentile", "Time in which the kubelet brings a pod into its desired state, on the ten slowest nodes.", units.Seconds).
			WithTarget(query(slowest("kubelet_pod_worker_duration_seconds"), "{{node}}"))).
		WithPanel(withThreshold(overTime("Listing containers, 99th percentile", "Time in which the kubelet lists all containers (PLEG), on the ten slowest nodes. It does so every second to notice what starts and stops; without one for three minutes, the node is not ready.", units.Seconds), 10).
			WithTarget(query(slowest("kubelet_pleg_relist_duration_seconds"), "{{node}}"))).
		WithPanel(overTime("Pods started and failed", "Pods that were started, and attempts that failed, per second.", units.CountsPerSecond).
			WithTarget(query(`sum(rate(kubelet_started_pods_total{`+node+`}[$__rate_interval]))`, "started")).
			WithTarget(query(`sum(rate(kubelet_started_pods_errors_total{`+node+`}[$__rate_interval]))`, "failed"))).
		WithPanel(stacked(overTime("Evictions", "Pods evicted within five minutes, by what their node ran out of.", units.Short)).
			Decimals(0).
			WithTarget(query(`sum by (eviction_signal) (`+evictions("5m")+`) or on () label_replace(0 * sum(kubelet_running_pods{`+node+`}), "eviction_signal", "none", "", "")`, "{{eviction_signal}}"))).
		WithPanel(stacked(overTime("Containers that ended", "Containers that ended per second, by reason.", units.CountsPerSecond)).
			WithTarget(query(`sum by (reason) (rate(kubelet_terminated_containers_total{`+node+`}[$__rate_interval])) or on () label_replace(0 * sum(kubelet_running_pods{`+node+`}), "reason", "none", "", "")`, "{{reason}}")))

	board.WithRow(row("Container runtime")).
		WithPanel(stacked(overTime("Calls", "Calls to the container runtimes per second, for the ten operations with the most.", units.CountsPerSecond)).
			WithTarget(query(mostOf(10, `sum by (operation_type) (rate(kubelet_runtime_operations_total{`+node+`}[$__rate_interval]))`), "{{operation_type}}"))).
		WithPanel(overTime("Time per call", "Mean duration of a call, for the ten slowest operations.", units.Seconds).
			WithTarget(query(mostOf(10, perCall("kubelet_runtime_operations_duration_seconds", "operation_type")), "{{operation_type}}"))).
		WithPanel(overTime("Failing calls", "Calls that fail per second, for the ten operations with the most. Calls about containers that are just gone fail, too.", units.CountsPerSecond).
			WithTarget(query(mostOf(10, `(sum by (operation_type) (rate(kubelet_runtime_operations_errors_total{`+node+`}[$__rate_interval])) or 0 * sum by (operation_type) (rate(kubelet_runtime_operations_total{`+node+`}[$__rate_interval])))`), "{{operation_type}}"))).
		WithPanel(overTime("Nodes with failing calls", "Calls that fail per second, on the ten nodes with the most.", units.CountsPerSecond).
			WithTarget(query(mostOf(10, `(sum by (node) (rate(kubelet_runtime_operations_errors_total{`+node+`}[$__rate_interval])) or 0 * sum by (node) (kubelet_running_pods{`+node+`}))`), "{{node}}")))

	board.WithRow(row("Volumes")).
		WithPanel(overTime("Time per operation", "Mean duration of an operation on volumes, for the ten slowest kinds.", units.Seconds).
			WithTarget(query(mostOf(10, perCall("storage_operation_duration_seconds", "volume_plugin, operation_name")), "{{operation_name}} {{volume_plugin}}"))).
		WithPanel(overTime("Failing operations", "Operations on volumes that fail per second. The kubelet asks whether a volume is attached until it is, which counts as failing.", units.CountsPerSecond).
			WithTarget(query(mostOf(10, `(`+operations+node+`, status!="success"}[$__rate_interval])) or 0 * `+operations+node+`}[$__rate_interval])))`), "{{operation_name}} {{volume_plugin}}"))).
		WithPanel(overTime("Volumes to mount", "Volumes that pods need and that are not mounted yet, by plugin. A number that stays means a volume that cannot be mounted.", units.Short).
			WithTarget(query(`clamp_min(sum by (plugin_name) (volume_manager_total_volumes{`+node+`, state="desired_state_of_world"}) - (sum by (plugin_name) (volume_manager_total_volumes{`+node+`, state="actual_state_of_world"}) or 0 * sum by (plugin_name) (volume_manager_total_volumes{`+node+`})), 0)`, "{{plugin_name}}"))).
		WithPanel(stacked(overTime("Volumes mounted", "Volumes of pods, by plugin.", units.Short)).
			WithTarget(query(`sum by (plugin_name) (volume_manager_total_volumes{`+node+`, state="actual_state_of_world"})`, "{{plugin_name}}")))

	board.WithRow(row("API servers and certificates")).
		WithPanel(stacked(overTime("Requests to the API servers", "Requests of the kubelets per second, by status. Code <error> is a request without an answer.", units.RequestsPerSecond)).
			WithTarget(query(`sum by (code) (rate(rest_client_requests_total{`+node+`}[$__rate_interval]))`, "{{code}}"))).
		WithPanel(ranking("Certificates that expire first", "Remaining life of the certificates with which kubelets log in to the API servers, where they renew them themselves.", units.DurationSeconds).
			Height(8).
			Thresholds(steps(red, at(24*3600, yellow), at(7*24*3600, green))).
			NoValue("No kubelet renews its certificate").
			WithTarget(instant(`sort(bottomk(20, min by (node) (kubelet_certificate_manager_client_ttl_seconds{`+node+`})))`, "{{node}}")))

	processes(board, node, "node")
	return board
}
