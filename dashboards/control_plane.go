package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// controlPlane shows what runs the cluster: a row for each component whose metrics there
// are. Some processes have the metrics of several, so queries name no job.
func controlPlane(o Options) *dashboard.DashboardBuilder {
	board := newDashboard(o, UIDControlPlane, "Control plane",
		"What runs the cluster: how much its components have to do, how long it takes, and what fails.",
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

const inCluster = `cluster="$cluster"`

func apiServers(board *dashboard.DashboardBuilder) {
	const all = `sum(rate(apiserver_request_total{` + inCluster + `}[$__rate_interval]))`
	board.WithRow(row("API servers")).
		WithPanel(figure("Requests", "Answered per second.", units.RequestsPerSecond).
			Span(6).
			WithTarget(query(all, ""))).
		WithPanel(figure("Server errors", "Share of the requests that fail for no fault of the client.", units.PercentUnit).
			Span(6).
			Decimals(2).
			Thresholds(steps(green, at(0.01, yellow), at(0.05, red))).
			WithTarget(query(`(sum(rate(apiserver_request_total{`+inCluster+`, code=~"5.."}[$__rate_interval])) or vector(0)) / `+all, ""))).
		WithPanel(figure("Turned away", "Requests per second that get the status 429.", units.RequestsPerSecond).
			Span(6).
			Thresholds(steps(green, at(1, orange))).
			WithTarget(query(`sum(rate(apiserver_request_total{`+inCluster+`, code="429"}[$__rate_interval])) or vector(0)`, ""))).
		WithPanel(figure("Database", "What the API servers see of the size of etcd.", units.BytesIEC).
			Span(6).
			GraphMode(common.BigValueGraphModeNone).
			WithTarget(query(`max(apiserver_storage_size_bytes{`+inCluster+`})`, ""))).
		WithPanel(stacked(overTime("Requests by verb", "Answered per second.", units.RequestsPerSecond)).
			WithTarget(query(`sum by (verb) (rate(apiserver_request_total{`+inCluster+`}[$__rate_interval]))`, "{{verb}}"))).
		WithPanel(stacked(overTime("Requests by status", "Answered per second. 0 is a connection that was handed over.", units.RequestsPerSecond)).
			WithTarget(query(`sum by (code) (rate(apiserver_request_total{`+inCluster+`}[$__rate_interval]))`, "{{code}}"))).
		WithPanel(overTime("Latency, 99th percentile", "Of what does not last as long as its caller wants.", units.Seconds).
			WithTarget(query(`histogram_quantile(0.99, sum by (verb, le) (rate(apiserver_request_duration_seconds_bucket{`+inCluster+`, verb!~"CONNECT|WATCH"}[$__rate_interval])))`, "{{verb}}"))).
		WithPanel(overTime("Requests in flight", "Being worked on at the same time, by each API server.", units.Short).
			WithTarget(query(`sum by (instance, request_kind) (apiserver_current_inflight_requests{`+inCluster+`})`, "{{instance}} {{request_kind}}")))
}

// scheduler takes the largest of what each target reports, where there may be
// several targets of one scheduler, or schedulers that wait to lead.
func scheduler(board *dashboard.DashboardBuilder) {
	board.WithRow(row("Scheduler")).
		WithPanel(stacked(overTime("Pods that wait", "By queue: for their turn, for another try, or for a node with room.", units.Short)).
			Span(8).
			WithTarget(query(`max by (queue) (scheduler_pending_pods{`+inCluster+`})`, "{{queue}}"))).
		WithPanel(overTime("Attempts", "To find a node for a pod, per second.", units.CountsPerSecond).
			Span(8).
			WithTarget(query(`max by (result) (rate(scheduler_schedule_attempts_total{`+inCluster+`}[$__rate_interval]))`, "{{result}}"))).
		WithPanel(overTime("Duration of an attempt, 99th percentile", "From taking the pod to having it bound.", units.Seconds).
			Span(8).
			WithTarget(query(`histogram_quantile(0.99, sum by (result, le) (rate(scheduler_scheduling_attempt_duration_seconds_bucket{`+inCluster+`}[$__rate_interval])))`, "{{result}}")))
}

func controllerManager(board *dashboard.DashboardBuilder) {
	board.WithRow(row("Controller manager")).
		WithPanel(overTime("Nodes that are ready", "Share of the nodes of each zone.", units.Percent).
			Span(8).
			Min(0).Max(100).
			WithTarget(query(`min by (zone) (node_collector_zone_health{`+inCluster+`})`, "zone {{zone}}"))).
		WithPanel(overTime("Evictions", "Nodes whose pods were evicted, within the last hour.", units.Short).
			Span(8).
			WithTarget(query(`max by (zone) (increase(node_collector_evictions_total{`+inCluster+`}[1h]))`, "zone {{zone}}"))).
		WithPanel(overTime("Garbage collection", "Failures to list the objects of some kind, within the last 15 minutes. Until there are none, nothing is collected.", units.Short).
			Span(8).
			WithTarget(query(`max(increase(garbagecollector_controller_resources_sync_error_total{`+inCluster+`}[15m]))`, "failures")))
}

func etcd(board *dashboard.DashboardBuilder) {
	board.WithRow(row("etcd")).
		WithPanel(figure("Members with a leader", "Without one a member takes no writes.", units.Short).
			Span(8).
			GraphMode(common.BigValueGraphModeNone).
			WithTarget(query(`sum(etcd_server_has_leader{`+inCluster+`})`, ""))).
		WithPanel(figure("Elections", "Within the time range.", units.Short).
			Span(8).
			Decimals(0).
			WithTarget(instant(`max(increase(etcd_server_leader_changes_seen_total{`+inCluster+`}[$__range]))`, ""))).
		WithPanel(figure("Quota", "Share of it that the largest database takes.", units.PercentUnit).
			Span(8).
			Thresholds(steps(green, at(0.8, yellow), at(0.95, red))).
			WithTarget(query(`max(etcd_mvcc_db_total_size_in_bytes{`+inCluster+`}) / max(etcd_server_quota_backend_bytes{`+inCluster+`})`, ""))).
		WithPanel(overTime("Database", "On disk, and what of it is in use.", units.BytesIEC).
			WithTarget(query(`max by (instance) (etcd_mvcc_db_total_size_in_bytes{`+inCluster+`})`, "{{instance}}")).
			WithTarget(query(`max by (instance) (etcd_mvcc_db_total_size_in_use_in_bytes{`+inCluster+`})`, "{{instance}} in use"))).
		WithPanel(overTime("Writes to disk, 99th percentile", "Of the log, and of the database.", units.Seconds).
			WithTarget(query(`histogram_quantile(0.99, sum by (instance, le) (rate(etcd_disk_wal_fsync_duration_seconds_bucket{`+inCluster+`}[$__rate_interval])))`, "{{instance}} log")).
			WithTarget(query(`histogram_quantile(0.99, sum by (instance, le) (rate(etcd_disk_backend_commit_duration_seconds_bucket{`+inCluster+`}[$__rate_interval])))`, "{{instance}} database"))).
		WithPanel(overTime("Proposals", "Writes that wait for a majority, and those that failed, per second.", units.Short).
			WithTarget(query(`max by (instance) (etcd_server_proposals_pending{`+inCluster+`})`, "{{instance}} waiting")).
			WithTarget(query(`max by (instance) (rate(etcd_server_proposals_failed_total{`+inCluster+`}[$__rate_interval]))`, "{{instance}} failed")))
}

func kubeProxy(board *dashboard.DashboardBuilder) {
	board.WithRow(row("kube-proxy")).
		WithPanel(overTime("Time to write rules, 99th percentile", "After a change of Services, on each node.", units.Seconds).
			WithTarget(query(`histogram_quantile(0.99, sum by (node, le) (rate(kubeproxy_sync_proxy_rules_duration_seconds_bucket{`+inCluster+`}[$__rate_interval])))`, "{{node}}"))).
		WithPanel(overTime("Changes that wait", "How much older the rules of a node are than the last change it knows of.", units.Seconds).
			WithTarget(query(`max by (node, ip_family) (kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds{`+inCluster+`} - kubeproxy_sync_proxy_rules_last_timestamp_seconds{`+inCluster+`})`, "{{node}} {{ip_family}}")))
}

func coreDNS(board *dashboard.DashboardBuilder) {
	const answered = `sum(rate(coredns_dns_responses_total{` + inCluster + `}[$__rate_interval]))`
	board.WithRow(row("CoreDNS")).
		WithPanel(figure("Queries", "Answered per second.", units.CountsPerSecond).
			Span(12).
			WithTarget(query(answered, ""))).
		WithPanel(figure("Failures", "Share of the answers that are a server failure.", units.PercentUnit).
			Span(12).
			Decimals(2).
			Thresholds(steps(green, at(0.01, yellow), at(0.05, red))).
			WithTarget(query(`(sum(rate(coredns_dns_responses_total{`+inCluster+`, rcode="SERVFAIL"}[$__rate_interval])) or vector(0)) / `+answered, ""))).
		WithPanel(stacked(overTime("Answers", "By code, per second.", units.CountsPerSecond)).
			WithTarget(query(`sum by (rcode) (rate(coredns_dns_responses_total{`+inCluster+`}[$__rate_interval]))`, "{{rcode}}"))).
		WithPanel(overTime("Latency, 99th percentile", "By pod.", units.Seconds).
			WithTarget(query(`histogram_quantile(0.99, sum by (pod, le) (rate(coredns_dns_request_duration_seconds_bucket{`+inCluster+`}[$__rate_interval])))`, "{{pod}}")))
}
