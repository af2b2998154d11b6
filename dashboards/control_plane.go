package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// controlPlane returns the dashboard of the control plane, with a row for each component whose
// metrics the stack collects. Its queries select no job, because some processes expose the metrics
// of several components.
func controlPlane(o Options) *dashboard.DashboardBuilder {
	board := newDashboard(o, UIDControlPlane, "Control plane",
		"The components that run the cluster: their load, latency and failures.",
		"up", "kubernetes")
	for _, component := range []struct {
		job    config.Job
		panels func(*dashboard.DashboardBuilder)
	}{
		{config.APIServersJob, apiServers},
		{config.SchedulerJob, scheduler},
		{config.ControllerManagerJob, controllerManager},
		{config.EtcdJob, etcd},
		{config.KubeProxyJob, kubeProxy},
		{config.CoreDNSJob, coreDNS},
	} {
		if o.Has(component.job) {
			component.panels(board)
		}
	}
	return board
}

// inCluster selects the series of the dashboard's cluster.
const inCluster = `cluster="$cluster"`

// apiServers adds the row of the API servers.
func apiServers(board *dashboard.DashboardBuilder) {
	const all = `sum(rate(apiserver_request_total{` + inCluster + `}[$__rate_interval]))`
	board.WithRow(row("API servers")).
		WithPanel(figure("Requests", "Requests answered per second.", units.RequestsPerSecond).
			Span(6).
			WithTarget(query(all, ""))).
		WithPanel(figure("Server errors", "Share of the requests that fail with a status of 500 or above.", units.PercentUnit).
			Span(6).
			Decimals(2).
			Thresholds(steps(green, at(0.01, yellow), at(0.05, red))).
			WithTarget(query(`(sum(rate(apiserver_request_total{`+inCluster+`, code=~"5.."}[$__rate_interval])) or vector(0)) / `+all, ""))).
		WithPanel(figure("Requests throttled", "Requests per second that are rejected with status 429.", units.RequestsPerSecond).
			Span(6).
			Thresholds(steps(green, at(1, orange))).
			WithTarget(query(`sum(rate(apiserver_request_total{`+inCluster+`, code="429"}[$__rate_interval])) or vector(0)`, ""))).
		WithPanel(figure("Database", "Size of etcd's database as the API servers report it.", units.BytesIEC).
			Span(6).
			GraphMode(common.BigValueGraphModeNone).
			WithTarget(query(`max(apiserver_storage_size_bytes{`+inCluster+`})`, ""))).
		WithPanel(stacked(overTime("Requests by verb", "Requests answered per second.", units.RequestsPerSecond)).
			WithTarget(query(`sum by (verb) (rate(apiserver_request_total{`+inCluster+`}[$__rate_interval]))`, "{{verb}}"))).
		WithPanel(stacked(overTime("Requests by status", "Requests answered per second. Status 0 is a connection that was hijacked, e.g. for exec.", units.RequestsPerSecond)).
			WithTarget(query(`sum by (code) (rate(apiserver_request_total{`+inCluster+`}[$__rate_interval]))`, "{{code}}"))).
		WithPanel(overTime("Latency, 99th percentile", "Of all requests except CONNECT and WATCH, which last as long as the client wants.", units.Seconds).
			WithTarget(query(`histogram_quantile(0.99, sum by (verb, le) (rate(apiserver_request_duration_seconds_bucket{`+inCluster+`, verb!~"CONNECT|WATCH"}[$__rate_interval])))`, "{{verb}}"))).
		WithPanel(overTime("Requests in flight", "Requests that each API server handles at the same time.", units.Short).
			WithTarget(query(`sum by (instance, request_kind) (apiserver_current_inflight_requests{`+inCluster+`})`, "{{instance}} {{request_kind}}")))
}

// scheduler adds the row of the scheduler. It uses the maximum over all targets, because one
// scheduler may be scraped through several targets, and all but the leader are idle.
func scheduler(board *dashboard.DashboardBuilder) {
	board.WithRow(row("Scheduler")).
		WithPanel(stacked(overTime("Pending pods", "Pods by queue: active ones are tried next, backoff ones are retried after a delay, unschedulable ones wait for a change of the cluster, gated ones for their scheduling gates.", units.Short)).
			Span(8).
			WithTarget(query(`max by (queue) (scheduler_pending_pods{`+inCluster+`})`, "{{queue}}"))).
		WithPanel(overTime("Scheduling attempts", "Attempts to find a node for a pod per second, by result.", units.CountsPerSecond).
			Span(8).
			WithTarget(query(`max by (result) (rate(scheduler_schedule_attempts_total{`+inCluster+`}[$__rate_interval]))`, "{{result}}"))).
		WithPanel(overTime("Duration of an attempt, 99th percentile", "Time from taking a pod from the queue until it is bound to a node.", units.Seconds).
			Span(8).
			WithTarget(query(`histogram_quantile(0.99, sum by (result, le) (rate(scheduler_scheduling_attempt_duration_seconds_bucket{`+inCluster+`}[$__rate_interval])))`, "{{result}}")))
}

// controllerManager adds the row of the controller manager.
func controllerManager(board *dashboard.DashboardBuilder) {
	board.WithRow(row("Controller manager")).
		WithPanel(overTime("Ready nodes", "Share of the nodes of each zone that are ready.", units.Percent).
			Span(8).
			Min(0).Max(100).
			WithTarget(query(`min by (zone) (node_collector_zone_health{`+inCluster+`})`, "zone {{zone}}"))).
		WithPanel(overTime("Evictions", "Nodes whose pods were evicted within the last hour.", units.Short).
			Span(8).
			WithTarget(query(`max by (zone) (increase(node_collector_evictions_total{`+inCluster+`}[1h]))`, "zone {{zone}}"))).
		WithPanel(overTime("Garbage collection", "Failures to list the objects of a kind within the last 15 minutes. As long as there are any, nothing is collected.", units.Short).
			Span(8).
			WithTarget(query(`max(increase(garbagecollector_controller_resources_sync_error_total{`+inCluster+`}[15m]))`, "failures")))
}

// etcd adds the row of etcd.
func etcd(board *dashboard.DashboardBuilder) {
	board.WithRow(row("etcd")).
		WithPanel(figure("Members with a leader", "A member without a leader accepts no writes.", units.Short).
			Span(8).
			GraphMode(common.BigValueGraphModeNone).
			WithTarget(query(`sum(etcd_server_has_leader{`+inCluster+`})`, ""))).
		WithPanel(figure("Elections", "Changes of the leader within the time range.", units.Short).
			Span(8).
			Decimals(0).
			WithTarget(instant(`max(increase(etcd_server_leader_changes_seen_total{`+inCluster+`}[$__range]))`, ""))).
		WithPanel(figure("Quota", "Share of the quota that the largest database uses.", units.PercentUnit).
			Span(8).
			Thresholds(steps(green, at(0.8, yellow), at(0.95, red))).
			WithTarget(query(`max(etcd_mvcc_db_total_size_in_bytes{`+inCluster+`}) / max(etcd_server_quota_backend_bytes{`+inCluster+`})`, ""))).
		WithPanel(overTime("Database", "Size of the database on disk, and the part of it in use.", units.BytesIEC).
			WithTarget(query(`max by (instance) (etcd_mvcc_db_total_size_in_bytes{`+inCluster+`})`, "{{instance}}")).
			WithTarget(query(`max by (instance) (etcd_mvcc_db_total_size_in_use_in_bytes{`+inCluster+`})`, "{{instance}} in use"))).
		WithPanel(overTime("Writes to disk, 99th percentile", "Duration of writing the write-ahead log and the database to disk.", units.Seconds).
			WithTarget(query(`histogram_quantile(0.99, sum by (instance, le) (rate(etcd_disk_wal_fsync_duration_seconds_bucket{`+inCluster+`}[$__rate_interval])))`, "{{instance}} log")).
			WithTarget(query(`histogram_quantile(0.99, sum by (instance, le) (rate(etcd_disk_backend_commit_duration_seconds_bucket{`+inCluster+`}[$__rate_interval])))`, "{{instance}} database"))).
		WithPanel(overTime("Proposals", "Writes that wait for a majority of the members, and failed writes per second.", units.Short).
			WithTarget(query(`max by (instance) (etcd_server_proposals_pending{`+inCluster+`})`, "{{instance}} waiting")).
			WithTarget(query(`max by (instance) (rate(etcd_server_proposals_failed_total{`+inCluster+`}[$__rate_interval]))`, "{{instance}} failed")))
}

// kubeProxy adds the row of kube-proxy.
func kubeProxy(board *dashboard.DashboardBuilder) {
	board.WithRow(row("kube-proxy")).
		WithPanel(overTime("Time to write rules, 99th percentile", "Duration of writing the rules of Services on each node.", units.Seconds).
			WithTarget(query(`histogram_quantile(0.99, sum by (node, le) (rate(kubeproxy_sync_proxy_rules_duration_seconds_bucket{`+inCluster+`}[$__rate_interval])))`, "{{node}}"))).
		WithPanel(overTime("Rules behind changes", "Time by which the rules of a node are older than the last change of Services that it knows of.", units.Seconds).
			WithTarget(query(`max by (node, ip_family) (kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds{`+inCluster+`} - kubeproxy_sync_proxy_rules_last_timestamp_seconds{`+inCluster+`})`, "{{node}} {{ip_family}}")))
}

// coreDNS adds the row of CoreDNS.
func coreDNS(board *dashboard.DashboardBuilder) {
	const answered = `sum(rate(coredns_dns_responses_total{` + inCluster + `}[$__rate_interval]))`
	board.WithRow(row("CoreDNS")).
		WithPanel(figure("Queries", "Queries answered per second.", units.CountsPerSecond).
			Span(12).
			WithTarget(query(answered, ""))).
		WithPanel(figure("Failures", "Share of the answers with code SERVFAIL.", units.PercentUnit).
			Span(12).
			Decimals(2).
			Thresholds(steps(green, at(0.01, yellow), at(0.05, red))).
			WithTarget(query(`(sum(rate(coredns_dns_responses_total{`+inCluster+`, rcode="SERVFAIL"}[$__rate_interval])) or vector(0)) / `+answered, ""))).
		WithPanel(stacked(overTime("Answers", "Answers per second, by code.", units.CountsPerSecond)).
			WithTarget(query(`sum by (rcode) (rate(coredns_dns_responses_total{`+inCluster+`}[$__rate_interval]))`, "{{rcode}}"))).
		WithPanel(overTime("Latency, 99th percentile", "Time to answer a query, by pod.", units.Seconds).
			WithTarget(query(`histogram_quantile(0.99, sum by (pod, le) (rate(coredns_dns_request_duration_seconds_bucket{`+inCluster+`}[$__rate_interval])))`, "{{pod}}")))
}
