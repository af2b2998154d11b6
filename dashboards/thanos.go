package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// thanos returns the dashboard of the samples in an object store: what is uploaded, what the compactor
// does with it, and how queries are answered.
func thanos(o Options) *dashboard.DashboardBuilder {
	const (
		sidecar   = inCluster + `, job="thanos-sidecar"`
		store     = inCluster + `, job="thanos-store-gateway"`
		compactor = inCluster + `, job="thanos-compactor"`
		querier   = inCluster + `, job="thanos-query"`
		frontend  = inCluster + `, job="thanos-query-frontend"`
		ruler     = inCluster + `, job="thanos-ruler"`
		all       = inCluster + `, job=~"thanos-.+"`

		queries = querier + `, handler=~"query|query_range"`
	)

	board := newDashboard(o, UIDThanos, "Thanos",
		"What the sidecars upload to the object store, what the compactor does with it, how queries over both are answered, and rules evaluated over all shards.",
		"thanos_shipper_uploads_total", "prometheus")

	board.WithPanel(firingAlerts(o, `alertname=~"Thanos.+"`))
	board.WithRow(row("At a glance")).
		WithPanel(figure("Parts that respond", "Share of the sidecars, store gateways, compactors, queriers, query frontends and rulers whose last scrape succeeded.", units.PercentUnit).
			GraphMode(common.BigValueGraphModeNone).
			Thresholds(steps(red, at(1, green))).
			WithTarget(query(`avg(up{`+all+`})`, ""))).
		WithPanel(figure("Last upload", "Time since the sidecar that is furthest behind has uploaded a block. Each uploads one every two hours.", units.DurationSeconds).
			Thresholds(steps(green, at(3*3600, orange), at(7*3600, red))).
			WithTarget(query(`max(time() - (thanos_objstore_bucket_last_successful_upload_time{`+sidecar+`} > 0))`, ""))).
		WithPanel(figure("Compactor", "Whether the compactor works. Halted, it waits for a person.", units.NoUnit).
			GraphMode(common.BigValueGraphModeNone).
			Mappings(states(word("Works", green), word("Halted", red))).
			WithTarget(query(`max(thanos_compact_halted{`+compactor+`})`, ""))).
		WithPanel(figure("Blocks", "Blocks in the object store that the store gateways have loaded.", units.Short).
			WithTarget(query(`sum(thanos_bucket_store_blocks_loaded{`+store+`})`, ""))).
		WithPanel(figure("Queries", "Queries per second that the queriers answer.", units.RequestsPerSecond).
			WithTarget(query(`sum(rate(http_requests_total{`+queries+`}[$__rate_interval]))`, ""))).
		WithPanel(figure("Queries that fail", "Share of the queries that the queriers answer with an error of their own.", units.PercentUnit).
			Thresholds(steps(green, at(0.01, orange), at(0.05, red))).
			WithTarget(query(`(sum(rate(http_requests_total{`+queries+`, code=~"5.."}[$__rate_interval])) or vector(0)) / (sum(rate(http_requests_total{`+queries+`}[$__rate_interval])) > 0)`, "")))

	board.WithRow(row("Uploads")).
		WithPanel(overTime("Blocks uploaded", "Blocks that each sidecar has uploaded within three hours: one or two.", units.Short).
			WithTarget(query(`sum by (pod) (increase(thanos_shipper_uploads_total{`+sidecar+`}[3h]))`, "{{pod}}"))).
		WithPanel(overTime("Uploads that failed", "Attempts to upload what is new that failed within an hour. The sidecar tries again every 30 seconds.", units.Short).
			WithTarget(query(`sum by (pod) (increase(thanos_shipper_dir_sync_failures_total{`+sidecar+`}[1h]))`, "{{pod}}")))

	board.WithRow(row("Object store")).
		WithPanel(overTime("Operations", "Requests to the object store per second, which most stores charge for.", units.CountsPerSecond).
			WithTarget(query(`sum by (job, operation) (rate(thanos_objstore_bucket_operations_total{`+all+`}[$__rate_interval]))`, "{{operation}} of {{job}}"))).
		WithPanel(overTime("Operations that fail", "Requests per second that the object store answers with an error, or not at all.", units.CountsPerSecond).
			WithTarget(query(`sum by (job, operation) (rate(thanos_objstore_bucket_operation_failures_total{`+all+`}[$__rate_interval]))`, "{{operation}} of {{job}}"))).
		WithPanel(overTime("Duration of an operation, 99th percentile", "How long the object store takes.", units.Seconds).
			WithTarget(query(`histogram_quantile(0.99, sum by (le, job, operation) (rate(thanos_objstore_bucket_operation_duration_seconds_bucket{`+all+`}[$__rate_interval])))`, "{{operation}} of {{job}}"))).
		WithPanel(overTime("Blocks", "Blocks that each store gateway has loaded.", units.Short).
			WithTarget(query(`sum by (pod) (thanos_bucket_store_blocks_loaded{`+store+`})`, "{{pod}}")))

	board.WithRow(row("Compactor")).
		WithPanel(stacked(overTime("Work that waits", "Blocks that the compactor has yet to compact, to downsample and to delete. It catches up again where they do not grow from day to day.", units.Short)).
			WithTarget(query(`sum(thanos_compact_todo_compaction_blocks{`+compactor+`})`, "compact")).
			WithTarget(query(`sum(thanos_compact_todo_downsample_blocks{`+compactor+`})`, "downsample")).
			WithTarget(query(`sum(thanos_compact_todo_deletion_blocks{`+compactor+`})`, "delete"))).
		WithPanel(overTime("Runs", "Rounds over all blocks that the compactor has completed within an hour.", units.Short).
			WithTarget(query(`sum by (pod) (increase(thanos_compact_iterations_total{`+compactor+`}[1h]))`, "{{pod}}")))

	board.WithRow(row("Queries")).
		WithPanel(overTime("Queries", "Queries per second that the queriers answer, by status.", units.RequestsPerSecond).
			WithTarget(query(`sum by (code) (rate(http_requests_total{`+queries+`}[$__rate_interval]))`, "{{code}}"))).
		WithPanel(overTime("Duration of a query", "How long the queriers take, half of the queries and 99 of 100.", units.Seconds).
			WithTarget(query(`histogram_quantile(0.5, sum by (le) (rate(http_request_duration_seconds_bucket{`+queries+`}[$__rate_interval])))`, "50%")).
			WithTarget(query(`histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{`+queries+`}[$__rate_interval])))`, "99%"))).
		WithPanel(overTime("Endpoints", "Servers that the queriers are connected to, by kind. Where one is missing, its samples are.", units.Short).
			WithTarget(query(`sum by (store_type, instance) (thanos_store_nodes_grpc_connections{`+querier+`})`, "{{store_type}} of {{instance}}"))).
		WithPanel(overTime("Calls that fail", "Calls of the queriers to servers with samples per second that fail, by the status of gRPC. Queries then lack what these have.", units.CountsPerSecond).
			WithTarget(query(`sum by (grpc_method, grpc_code) (rate(grpc_client_handled_total{`+querier+`, grpc_code!~"OK|Canceled"}[$__rate_interval]))`, "{{grpc_method}}: {{grpc_code}}"))).
		WithPanel(overTime("Cache of results", "Share of the results that the query frontends had in memory.", units.PercentUnit).
			WithTarget(query(`sum(rate(cortex_cache_hits_total{`+frontend+`}[$__rate_interval])) / (sum(rate(cortex_cache_fetched_keys_total{`+frontend+`}[$__rate_interval])) > 0)`, "hits")))

	if o.Has(config.ThanosRulerJob) {
		board.WithRow(row("Ruler")).
			WithPanel(overTime("Evaluations that fail", "Evaluations of rules per second that fail: the querier does not answer, or a rule has an error.", units.CountsPerSecond).
				WithTarget(query(`sum by (pod) (rate(prometheus_rule_evaluation_failures_total{`+ruler+`}[$__rate_interval]))`, "{{pod}}"))).
			WithPanel(overTime("Duration of groups", "How long the evaluation of the slowest rule groups takes, as a share of the time until the next one. Above 100%, some are skipped.", units.PercentUnit).
				WithTarget(query(largest(15, `max by (rule_group) (prometheus_rule_group_last_duration_seconds{`+ruler+`} / prometheus_rule_group_interval_seconds{`+ruler+`})`), "{{rule_group}}"))).
			WithPanel(overTime("Alerts sent", "Alerts per second that each Alertmanager has accepted. Those that keep firing are sent again.", units.CountsPerSecond).
				WithTarget(query(`sum by (alertmanager) (rate(thanos_alert_sender_alerts_sent_total{`+ruler+`}[$__rate_interval]))`, "{{alertmanager}}"))).
			WithPanel(overTime("Alerts dropped", "Alerts per second that were dropped from a full queue, or that no Alertmanager has accepted.", units.CountsPerSecond).
				WithTarget(query(`sum by (pod) (rate(thanos_alert_queue_alerts_dropped_total{`+ruler+`}[$__rate_interval]) + rate(thanos_alert_sender_alerts_dropped_total{`+ruler+`}[$__rate_interval]))`, "{{pod}}")))
	}

	processes(board, all, "instance")
	return board
}
