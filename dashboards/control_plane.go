package dashboards

import (
	"slices"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// inCluster selects the series of the dashboard's cluster.
const inCluster = `cluster="$cluster"`

// controlPlaneJobs lists the components of the control plane.
var controlPlaneJobs = append([]config.Job{config.APIServersJob}, config.ControlPlane...)

// controlPlane returns the dashboard of the control plane: all components whose metrics the stack
// collects at a glance, and a row for each that has no dashboard of its own.
func controlPlane(o Options) *dashboard.DashboardBuilder {
	var jobs []string // k3s runs all components in one process
	for _, component := range controlPlaneJobs {
		if job := o.job(component); o.Has(component) && !slices.Contains(jobs, job) {
			jobs = append(jobs, job)
		}
	}
	all := inCluster + `, job=~"` + strings.Join(jobs, "|") + `"`
	selected := all + `, instance=~"$instance"`

	board := newDashboard(o, UIDControlPlane, "Control plane",
		"The components that run the cluster: whether they respond, their load, latency and failures.",
		"up", "kubernetes").
		WithVariable(labelsVariable("instance", "Instance", `label_values(up{`+all+`}, instance)`))

	board.WithPanel(firingAlerts(o, `alertname=~"APIServer.+|AggregatedAPI.+|ClientCertificateExpiring|Kubernetes.+|Etcd.+|Scheduler.+|Controller.+|ZoneUnhealthy|GarbageCollectionFailing|KubeProxy.+|CoreDNS.+"`))
	board.WithRow(row("Components")).
		WithPanel(listing("Components", "The processes of each job of the control plane.",
			column{"job", "Job", nil},
			column{"Value #A", "Targets", inUnit(units.Short)},
			column{"Value #B", "Down", inSteps(units.Short, green, at(1, red))},
			column{"Value #C", "CPU", inUnit(units.Short)},
			column{"Value #D", "Memory", inUnit(units.BytesIEC)},
			column{"Value #E", "Up for at least", inUnit(units.DurationSeconds)},
		).
			Span(14).
			Height(8).
			SortBy(sortedBy("Job", false)).
			WithTarget(rows(`count by (job) (up{` + selected + `})`)).
			WithTarget(rows(`count by (job) (up{` + selected + `}) - sum by (job) (up{` + selected + `})`)).
			WithTarget(rows(`sum by (job) (rate(process_cpu_seconds_total{` + selected + `}[$__rate_interval]))`)).
			WithTarget(rows(`sum by (job) (process_resident_memory_bytes{` + selected + `})`)).
			WithTarget(rows(`min by (job) (time() - process_start_time_seconds{` + selected + `})`))).
		WithPanel(listing("Versions of Kubernetes", "Processes of each version. Components may differ by one minor version during an upgrade.",
			column{"job", "Job", nil},
			column{"git_version", "Version", nil},
			column{"Value", "Processes", inUnit(units.Short)},
		).
			Span(10).
			Height(8).
			SortBy(sortedBy("Version", true)).
			WithTarget(rows(`count by (job, git_version) (kubernetes_build_info{` + inCluster + `, job=~"` + strings.Join(jobs, "|") + `|` + o.job(config.NodesJob) + `"})`))).
		WithPanel(overTime("Requests to the API servers", "Requests of the components per second, by status. Code <error> is a request without an answer.", units.RequestsPerSecond).
			WithTarget(query(`sum by (job, code) (rate(rest_client_requests_total{`+selected+`}[$__rate_interval]))`, "{{job}} {{code}}"))).
		WithPanel(overTime("Restarts", "Processes that started within the last hour, by job.", units.Short).
			Decimals(0).
			WithTarget(query(`sum by (job) (time() - process_start_time_seconds{`+selected+`} < bool 3600)`, "{{job}}")))

	for _, component := range []struct {
		job    config.Job
		panels func(board *dashboard.DashboardBuilder, process string)
	}{
		{config.SchedulerJob, scheduler},
		{config.ControllerManagerJob, controllerManager},
		{config.KubeProxyJob, kubeProxy},
	} {
		if o.Has(component.job) {
			component.panels(board, inCluster+`, job="`+o.job(component.job)+`", instance=~"$instance"`)
		}
	}
	processes(board, selected, "instance")
	return board
}

// scheduler adds the row of the scheduler. It uses the maximum over all targets, because one
// scheduler may be scraped through several targets, and all but the leader are idle.
func scheduler(board *dashboard.DashboardBuilder, process string) {
	board.WithRow(row("Scheduler")).
		WithPanel(stacked(overTime("Pending pods", "Pods by queue: active ones are tried next, backoff ones are retried after a delay, unschedulable ones wait for a change of the cluster, gated ones for their scheduling gates.", units.Short)).
			WithTarget(query(`max by (queue) (scheduler_pending_pods{`+process+`})`, "{{queue}}"))).
		WithPanel(stacked(overTime("Why pods do not fit", "Unschedulable pods by the plugin that finds no node for them. A pod counts for each of its plugins.", units.Short)).
			WithTarget(query(`max by (plugin) (scheduler_unschedulable_pods{`+process+`})`, "{{plugin}}"))).
		WithPanel(overTime("Scheduling attempts", "Attempts to find a node for a pod per second, by result.", units.CountsPerSecond).
			WithTarget(query(`max by (result) (rate(scheduler_schedule_attempts_total{`+process+`}[$__rate_interval]))`, "{{result}}"))).
		WithPanel(withThreshold(overTime("Duration of an attempt, 99th percentile", "Time from taking a pod from the queue until it is bound to a node.", units.Seconds), 1).
			WithTarget(query(`histogram_quantile(0.99, sum by (result, le) (rate(scheduler_scheduling_attempt_duration_seconds_bucket{`+process+`}[$__rate_interval])))`, "{{result}}"))).
		WithPanel(overTime("Time to schedule a pod", "Time from a pod's creation until it is bound to a node, over all attempts.", units.Seconds).
			WithTarget(query(`histogram_quantile(0.5, sum by (le) (rate(scheduler_pod_scheduling_sli_duration_seconds_bucket{`+process+`}[$__rate_interval])))`, "median")).
			WithTarget(query(`histogram_quantile(0.99, sum by (le) (rate(scheduler_pod_scheduling_sli_duration_seconds_bucket{`+process+`}[$__rate_interval])))`, "99th percentile"))).
		WithPanel(overTime("Preemptions", "Attempts per second to make room for a pod by removing pods of lower priority.", units.CountsPerSecond).
			WithTarget(query(`max(rate(scheduler_preemption_attempts_total{`+process+`}[$__rate_interval]))`, "attempts")))
}

// controllerManager adds the row of the controller manager.
func controllerManager(board *dashboard.DashboardBuilder, process string) {
	perItem := func(histogram string) string {
		return `max by (name) (rate(` + histogram + `_sum{` + process + `}[$__rate_interval]) / rate(` + histogram + `_count{` + process + `}[$__rate_interval]))`
	}
	board.WithRow(row("Controller manager")).
		WithPanel(withThreshold(overTime("Ready nodes", "Share of the nodes of each zone that are ready. Below 55 %, the node controller assumes that the zone is cut off, and slows down.", units.Percent), 55).
			Span(8).
			Min(0).Max(100).
			WithTarget(query(`min by (zone) (node_collector_zone_health{`+process+`})`, "zone {{zone}}"))).
		WithPanel(overTime("Evictions", "Nodes whose pods were evicted within the last hour.", units.Short).
			Span(8).
			WithTarget(query(`max by (zone) (increase(node_collector_evictions_total{`+process+`}[1h]))`, "zone {{zone}}"))).
		WithPanel(overTime("Garbage collection", "Failures to list the objects of a kind within the last 15 minutes. As long as there are any, nothing is collected.", units.Short).
			Span(8).
			WithTarget(query(`max(increase(garbagecollector_controller_resources_sync_error_total{`+process+`}[15m]))`, "failures"))).
		WithPanel(withThreshold(overTime("Objects waiting", "Objects in the queues of controllers, for the ten longest queues.", units.Short), 100).
			WithTarget(query(largest(10, `max by (name) (workqueue_depth{`+process+`})`), "{{name}}"))).
		WithPanel(overTime("Retries", "Objects per second that a controller could not handle and tries again, for the ten controllers with the most.", units.CountsPerSecond).
			WithTarget(query(mostOf(10, `max by (name) (rate(workqueue_retries_total{`+process+`}[$__rate_interval]))`), "{{name}}"))).
		WithPanel(overTime("Time in the queue", "Mean time that an object waits, for the ten slowest queues.", units.Seconds).
			WithTarget(query(mostOf(10, perItem("workqueue_queue_duration_seconds")), "{{name}}"))).
		WithPanel(overTime("Time per object", "Mean time that a controller takes for an object, for the ten slowest.", units.Seconds).
			WithTarget(query(mostOf(10, perItem("workqueue_work_duration_seconds")), "{{name}}")))
}

// kubeProxy adds the row of kube-proxy.
func kubeProxy(board *dashboard.DashboardBuilder, process string) {
	p99 := func(histogram string) string {
		return mostOf(20, `histogram_quantile(0.99, sum by (node, le) (rate(`+histogram+`_bucket{`+process+`}[$__rate_interval])))`)
	}
	board.WithRow(row("kube-proxy")).
		WithPanel(withThreshold(overTime("Time to write rules, 99th percentile", "Duration of writing the rules of Services, on the 20 slowest nodes.", units.Seconds), 15).
			WithTarget(query(p99("kubeproxy_sync_proxy_rules_duration_seconds"), "{{node}}"))).
		WithPanel(withThreshold(overTime("Rules behind changes", "Time by which the rules of a node are older than the last change of Services that it knows of, on the 20 nodes that are furthest behind.", units.Seconds), 30).
			WithTarget(query(largest(20, `clamp_min(max by (node, ip_family) (kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds{`+process+`} - kubeproxy_sync_proxy_rules_last_timestamp_seconds{`+process+`}), 0)`), "{{node}} {{ip_family}}"))).
		WithPanel(overTime("Delay of changes, 99th percentile", "Time from a change of a Service's endpoints until the rules of a node have it, on the 20 slowest nodes.", units.Seconds).
			WithTarget(query(p99("kubeproxy_network_programming_duration_seconds"), "{{node}}"))).
		WithPanel(overTime("Changes waiting", "Changes of Services and endpoints that no node's rules have yet, added up over the nodes.", units.Short).
			WithTarget(query(`sum(kubeproxy_sync_proxy_rules_service_changes_pending{`+process+`})`, "Services")).
			WithTarget(query(`sum(kubeproxy_sync_proxy_rules_endpoint_changes_pending{`+process+`})`, "endpoints")))
}
