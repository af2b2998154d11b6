package dashboards

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"
	"github.com/prometheus/common/model"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// apiServer returns the dashboard of the API servers: whether they meet their objective, what spends
// the error budget, and their load, queues and storage.
func apiServer(o Options) *dashboard.DashboardBuilder {
	job := inCluster + `, job="` + o.job(config.APIServersJob) + `"`
	server := job + `, instance=~"$instance"`

	board := newDashboard(o, UIDAPIServer, "API server",
		"Whether the API servers meet their objective, what spends the error budget, and their load, queues and storage.",
		"apiserver_current_inflight_requests", "kubernetes").
		WithVariable(labelsVariable("instance", "Server", `label_values(apiserver_current_inflight_requests{`+job+`}, instance)`))

	board.WithPanel(firingAlerts(o, `alertname=~"APIServer.+|AggregatedAPI.+|ClientCertificateExpiring|Kubernetes.+"`))
	apiServerObjective(o, board)
	apiServerBurnRates(o, board)
	apiServerRequests(board, server)
	apiServerQueues(board, server)
	apiServerStorage(board, server)
	apiServerExtensions(board, job)
	processes(board, server, "instance")
	return board
}

// objective returns the share of requests that the API servers must serve well.
func (o Options) objective() float64 { return cmp.Or(o.APIServerObjective, 0.999) }

// objectivePeriod returns the time over which the objective is measured, as PromQL writes it.
func (o Options) objectivePeriod() string {
	return cmp.Or(o.ObjectivePeriod, model.Duration(30*24*time.Hour)).String()
}

// budget returns the share of the error budget that a share of failed requests spends.
func (o Options) budget(failed string) string {
	return `(` + failed + `) / (1 - ` + strconv.FormatFloat(o.objective(), 'f', -1, 64) + `)`
}

// apiServerObjective adds the row of the objective over its whole period.
func apiServerObjective(o Options, board *dashboard.DashboardBuilder) {
	period := o.objectivePeriod()
	failed := func(verbs, operation string) string {
		return o.budget(`sum by (resource, verb, reason) (sum_over_time(cluster_resource_verb:apiserver_requests_failed:rate5m{` + inCluster + `, verb=~"` + verbs + `"}[` + period + `])) / on () group_left () sum(sum_over_time(cluster_operation:apiserver_requests:rate5m{` + inCluster + `, operation="` + operation + `"}[` + period + `]))`)
	}

	board.WithRow(row(fmt.Sprintf("Objective: %.6g%% of the requests in %s", 100*o.objective(), period)))
	for _, operation := range []string{"read", "write"} {
		available := `cluster_operation:apiserver_availability:ratio30d{` + inCluster + `, operation="` + operation + `"}`
		board.
			WithPanel(figure("Availability, "+operation+"s", "Share of the requests over the objective's period that neither failed nor took longer than a second; lists of a namespace may take 5 seconds, of the cluster 30.", units.PercentUnit).
				Decimals(3).
				Thresholds(steps(red, at(o.objective(), green))).
				WithTarget(query(available, ""))).
			WithPanel(figure("Budget left, "+operation+"s", "What is left of the failures that the objective allows within its period. Below zero it is missed.", units.PercentUnit).
				Decimals(1).
				Thresholds(steps(red, at(0, orange), at(0.25, green))).
				WithTarget(query(`1 - `+o.budget(`1 - `+available), ""))).
			WithPanel(figure("Spent in range, "+operation+"s", "Share of the whole error budget that was spent within the time range.", units.PercentUnit).
				GraphMode(common.BigValueGraphModeNone).
				Decimals(1).
				Thresholds(steps(green, at(0.1, orange), at(1, red))).
				WithTarget(instant(o.budget(`sum(sum_over_time(cluster_operation:apiserver_requests_failed:rate5m{`+inCluster+`, operation="`+operation+`"}[$__range])) / sum(sum_over_time(cluster_operation:apiserver_requests:rate5m{`+inCluster+`, operation="`+operation+`"}[`+period+`]))`), "")))
	}
	board.
		WithPanel(withThreshold(overTime("Error budget left", "Over the objective's period before each point, for reads and writes.", units.PercentUnit), 0).
			WithTarget(query(`1 - `+o.budget(`1 - cluster_operation:apiserver_availability:ratio30d{`+inCluster+`}`), "{{operation}}"))).
		WithPanel(overTime("Failed and slow requests", "Requests per second that spend the budget: the ten resources and verbs with the most. None while all are served well.", units.RequestsPerSecond).
			WithTarget(query(`topk(10, sum by (resource, verb, reason) (cluster_resource_verb:apiserver_requests_failed:rate5m{`+inCluster+`}) or on () label_replace(0 * sum(cluster_operation:apiserver_requests:rate5m{`+inCluster+`}), "reason", "none", "", ""))`, "{{verb}} {{resource}} {{reason}}"))).
		WithPanel(listing("What spends the budget", "The resources and verbs whose requests spent most of the error budget over the objective's period, because they ended with a server error or were too slow.",
			column{"resource", "Resource", nil},
			column{"verb", "Verb", nil},
			column{"reason", "Reason", nil},
			column{"Value", "Of the budget", asBar(0.1, 0.5)},
		).
			Height(8).
			NoValue("No request has failed or was slow").
			SortBy(sortedBy("Of the budget", true)).
			WithTarget(rows(`topk(20, ` + failed("GET|LIST", "read") + ` or ` + failed("POST|PUT|PATCH|DELETE", "write") + `)`)))
}

// apiServerBurnRates adds the row of the rates at which the budget is spent, each beside the limit of
// the rule of APIServerErrorBudgetBurn that compares both windows with it.
func apiServerBurnRates(o Options, board *dashboard.DashboardBuilder) {
	board.WithRow(row("How fast the budget is spent"))
	for _, rule := range []struct {
		long, short string
		limit       float64
		severity    string
	}{
		{"1h", "5m", 14.4, "critical"},
		{"6h", "30m", 6, "critical"},
		{"1d", "2h", 3, "warning"},
		{"3d", "6h", 1, "warning"},
	} {
		rate := func(window string) string {
			return o.budget(`cluster_operation:apiserver_requests_failed:ratio_rate` + window + `{` + inCluster + `}`)
		}
		board.WithPanel(withThreshold(overTime(fmt.Sprintf("Burn rate, %s and %s", rule.long, rule.short),
			fmt.Sprintf("How many times faster than allowed the budget is spent: at 1 it lasts exactly as long as the objective's period. While both windows are above %v, a %s alert fires.", rule.limit, rule.severity), units.Short), rule.limit).
			WithTarget(query(rate(rule.long), "{{operation}} "+rule.long)).
			WithTarget(query(rate(rule.short), "{{operation}} "+rule.short)))
	}
}

// apiServerRequests adds the row of requests.
func apiServerRequests(board *dashboard.DashboardBuilder, server string) {
	finite := server + `, verb!~"CONNECT|WATCH"`
	resources := finite + `, resource!=""`
	all := `sum(rate(apiserver_request_total{` + server + `}[$__rate_interval]))`
	board.WithRow(row("Requests")).
		WithPanel(figure("Requests", "Requests answered per second.", units.RequestsPerSecond).
			Span(6).
			WithTarget(query(all, ""))).
		WithPanel(figure("Server errors", "Share of the requests that fail with a status of 500 or above.", units.PercentUnit).
			Span(6).
			Decimals(2).
			Thresholds(steps(green, at(0.01, yellow), at(0.05, red))).
			WithTarget(query(`(sum(rate(apiserver_request_total{`+server+`, code=~"5.."}[$__rate_interval])) or vector(0)) / `+all, ""))).
		WithPanel(figure("Requests throttled", "Requests per second that are rejected with status 429, except evictions that a PodDisruptionBudget does not allow.", units.RequestsPerSecond).
			Span(6).
			Thresholds(steps(green, at(1, orange))).
			WithTarget(query(`sum(rate(apiserver_request_total{`+server+`, code="429", subresource!="eviction"}[$__rate_interval])) or vector(0)`, ""))).
		WithPanel(figure("Watches", "Requests that stay open to report changes.", units.Short).
			Span(6).
			WithTarget(query(`sum(apiserver_longrunning_requests{`+server+`, verb="WATCH"})`, ""))).
		WithPanel(stacked(overTime("Requests by verb", "Requests answered per second.", units.RequestsPerSecond)).
			WithTarget(query(`sum by (verb) (rate(apiserver_request_total{`+server+`}[$__rate_interval]))`, "{{verb}}"))).
		WithPanel(stacked(overTime("Requests by status", "Requests answered per second. Status 0 is a connection that was hijacked, e.g. for exec.", units.RequestsPerSecond)).
			WithTarget(query(`sum by (code) (rate(apiserver_request_total{`+server+`}[$__rate_interval]))`, "{{code}}"))).
		WithPanel(stacked(overTime("Requests by resource", "Requests answered per second, for the ten resources with the most.", units.RequestsPerSecond)).
			WithTarget(query(mostOf(10, `sum by (resource) (rate(apiserver_request_total{`+server+`, resource!=""}[$__rate_interval]))`), "{{resource}}"))).
		WithPanel(stacked(overTime("Requests by server", "Requests answered per second. One server that gets most of them is a load balancer's fault, or its clients'.", units.RequestsPerSecond)).
			WithTarget(query(`sum by (instance) (rate(apiserver_request_total{`+server+`}[$__rate_interval]))`, "{{instance}}"))).
		WithPanel(withThreshold(overTime("Latency, 99th percentile", "Of all requests except CONNECT and WATCH, which last as long as the client wants.", units.Seconds), 1).
			WithTarget(query(`histogram_quantile(0.99, sum by (verb, le) (rate(apiserver_request_duration_seconds_bucket{`+finite+`}[$__rate_interval])))`, "{{verb}}"))).
		WithPanel(overTime("Latency by resource", "Mean duration of a request, for the ten resources that take longest.", units.Seconds).
			WithTarget(query(mostOf(10, `sum by (resource) (rate(apiserver_request_duration_seconds_sum{`+resources+`}[$__rate_interval])) / sum by (resource) (rate(apiserver_request_duration_seconds_count{`+resources+`}[$__rate_interval]))`), "{{resource}}")))
}

// apiServerQueues adds the row of priority and fairness.
func apiServerQueues(board *dashboard.DashboardBuilder, server string) {
	board.WithRow(row("Priority and fairness")).
		WithPanel(overTime("Requests in flight", "Requests that each API server handles at the same time.", units.Short).
			WithTarget(query(`sum by (instance, request_kind) (apiserver_current_inflight_requests{`+server+`})`, "{{instance}} {{request_kind}}"))).
		WithPanel(withThreshold(overTime("Seats in use", "Share of the seats of a priority level that requests occupy, on the fullest server. At 1, further requests of the level wait. Exempt requests never do.", units.PercentUnit), 1).
			WithTarget(query(`max by (priority_level) (sum by (instance, priority_level) (apiserver_flowcontrol_current_executing_seats{`+server+`, priority_level!="exempt"}) / sum by (instance, priority_level) (apiserver_flowcontrol_current_limit_seats{`+server+`}))`, "{{priority_level}}"))).
		WithPanel(overTime("Requests waiting", "Requests in the queues of each priority level.", units.Short).
			WithTarget(query(`sum by (priority_level) (apiserver_flowcontrol_current_inqueue_requests{`+server+`})`, "{{priority_level}}"))).
		WithPanel(overTime("Requests rejected", "Requests per second that a full queue or a time-out rejects, by priority level.", units.RequestsPerSecond).
			WithTarget(query(`sum by (priority_level) (rate(apiserver_flowcontrol_rejected_requests_total{`+server+`}[$__rate_interval])) or 0 * sum by (priority_level) (apiserver_flowcontrol_current_limit_seats{`+server+`})`, "{{priority_level}}")))
}

// apiServerStorage adds the row of what is behind the API servers, whether etcd itself can be scraped
// or not.
func apiServerStorage(board *dashboard.DashboardBuilder, server string) {
	board.WithRow(row("Storage, as the API servers see it")).
		WithPanel(overTime("Size of the database", "Size that etcd reports to the API servers.", units.BytesIEC).
			WithTarget(query(`max(apiserver_storage_size_bytes{`+server+`})`, "database"))).
		WithPanel(overTime("Time per request to storage", "Mean duration of a request to etcd, by operation.", units.Seconds).
			WithTarget(query(`sum by (operation) (rate(etcd_request_duration_seconds_sum{`+server+`}[$__rate_interval])) / (sum by (operation) (rate(etcd_request_duration_seconds_count{`+server+`}[$__rate_interval])) > 0)`, "{{operation}}"))).
		WithPanel(overTime("Objects", "Objects stored, for the ten resources with the most. A resource that only grows is a leak.", units.Short).
			WithTarget(query(largest(10, `max by (resource) (apiserver_resource_objects{`+server+`}) >= 0`), "{{resource}}"))).
		WithPanel(overTime("Watches by resource", "Requests that stay open to report changes, for the ten resources with the most.", units.Short).
			WithTarget(query(largest(10, `sum by (resource) (apiserver_longrunning_requests{`+server+`, verb="WATCH"})`), "{{resource}}")))
}

// apiServerExtensions adds the row of what requests go through, and of clients that will stop working.
func apiServerExtensions(board *dashboard.DashboardBuilder, job string) {
	board.WithRow(row("Admission, aggregation and clients")).
		WithPanel(overTime("Time in admission plugins", "Mean duration of a call, for the ten plugins that take longest.", units.Seconds).
			WithTarget(query(mostOf(10, `sum by (name) (rate(apiserver_admission_controller_admission_duration_seconds_sum{`+job+`}[$__rate_interval])) / sum by (name) (rate(apiserver_admission_controller_admission_duration_seconds_count{`+job+`}[$__rate_interval]))`), "{{name}}"))).
		WithPanel(overTime("Time in webhooks", "Mean duration of a call, for the ten admission webhooks that take longest. Every request that a webhook applies to waits for it.", units.Seconds).
			WithTarget(query(mostOf(10, `(sum by (name) (rate(apiserver_admission_webhook_admission_duration_seconds_sum{`+job+`}[$__rate_interval])) / sum by (name) (rate(apiserver_admission_webhook_admission_duration_seconds_count{`+job+`}[$__rate_interval])) or on () label_replace(0 * sum(apiserver_current_inflight_requests{`+job+`}), "name", "none", "", ""))`), "{{name}}"))).
		WithPanel(figure("Aggregated APIs unavailable", "APIs that another server provides, and that the API servers cannot reach.", units.Short).
			Span(8).
			Thresholds(steps(green, at(1, red))).
			WithTarget(query(`sum(max by (name) (aggregator_unavailable_apiservice{`+job+`}))`, ""))).
		WithPanel(figure("Soonest client certificate", "Remaining life of clients' certificates: one in a hundred requests comes with one that expires sooner.", units.DurationSeconds).
			Span(8).
			GraphMode(common.BigValueGraphModeNone).
			Thresholds(steps(red, at(24*3600, orange), at(7*24*3600, green))).
			WithTarget(query(`histogram_quantile(0.01, sum by (le) (rate(apiserver_client_certificate_expiration_seconds_bucket{`+job+`}[1h])))`, ""))).
		WithPanel(figure("Log-ins failing", "Requests per second whose credentials were not accepted.", units.RequestsPerSecond).
			Span(8).
			Thresholds(steps(green, at(1, orange))).
			WithTarget(query(`sum(rate(authentication_attempts{`+job+`, result!="success"}[$__rate_interval])) or vector(0)`, ""))).
		WithPanel(listing("Deprecated APIs in use", "Versions of APIs that clients have asked for since the servers started, and the release of Kubernetes that no longer has them. Audit events name the clients.",
			column{"group", "Group", nil},
			column{"version", "Version", nil},
			column{"resource", "Resource", nil},
			column{"removed_release", "Removed in", nil},
		).
			Height(6).
			NoValue("No client uses a deprecated API").
			SortBy(sortedBy("Removed in", false)).
			WithTarget(rows(`group by (group, version, resource, removed_release) (apiserver_requested_deprecated_apis{` + job + `})`))).
		WithPanel(overTime("Aggregated APIs that became unavailable", "How often each became unavailable within 30 minutes, by reason.", units.Short).
			Span(24).
			Decimals(0).
			NoValue("None became unavailable").
			WithTarget(query(`sum by (name, reason) (increase(aggregator_unavailable_apiservice_total{`+job+`}[30m])) > 0`, "{{name}}: {{reason}}"))).
		WithPanel(overTime("Requests of clients that fail", "Requests to the API servers that components of Kubernetes count as answered with a 5xx status or not at all, as a share of theirs.", units.PercentUnit).
			WithTarget(query(`(sum by (job) (rate(rest_client_requests_total{`+inCluster+`, code=~"5..|<error>"}[$__rate_interval])) or 0 * sum by (job) (rate(rest_client_requests_total{`+inCluster+`}[$__rate_interval]))) / sum by (job) (rate(rest_client_requests_total{`+inCluster+`}[$__rate_interval]))`, "{{job}}"))).
		WithPanel(listing("Versions of Kubernetes", "Instances of each component by version. More than one version of a component means an upgrade that has not ended.",
			column{"job", "Job", nil},
			column{"git_version", "Version", nil},
			column{"Value", "Instances", inUnit(units.Short)},
		).
			Span(12).
			Height(8).
			SortBy(sortedBy("Job", false)).
			WithTarget(rows(`count by (job, git_version) (kubernetes_build_info{` + inCluster + `})`)))
}
