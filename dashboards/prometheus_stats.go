package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// prometheusStats returns the dashboard of the Prometheus servers: their health, what they ingest,
// how long scrapes and rules take, and what they cost.
func prometheusStats(o Options) *dashboard.DashboardBuilder {
	const server = `cluster="$cluster", job="prometheus", instance=~"$instance"`
	const scraped = `cluster="$cluster"`

	board := newDashboard(o, UIDPrometheusStats, "Prometheus Stats",
		"The health, load and cost of the Prometheus servers.",
		"prometheus_build_info", "prometheus").
		WithVariable(labelsVariable("instance", "Server",
			`label_values(prometheus_build_info{cluster="$cluster", job="prometheus"}, instance)`))

	board.WithPanel(firingAlerts(o, `alertname=~"Prometheus.+|TargetDown|NodeTargetsDown|JobAbsent|KubeStateMetrics.+"`))
	board.WithRow(row("At a glance")).
		WithPanel(figure("Uptime", "Time since the most recent start of a selected server.", units.Seconds).
			GraphMode(common.BigValueGraphModeNone).
			Thresholds(steps(orange, at(600, green))).
			WithTarget(query(`min(time() - process_start_time_seconds{`+server+`})`, ""))).
		WithPanel(figure("Availability", "Share of the time range in which the servers could be scraped.", units.PercentUnit).
			GraphMode(common.BigValueGraphModeNone).
			Decimals(2).
			Thresholds(steps(red, at(0.99, yellow), at(0.999, green))).
			WithTarget(instant(`avg(avg_over_time(up{`+server+`}[$__range]))`, ""))).
		WithPanel(figure("Head series", "Time series in memory. Memory use grows with this number.", units.Short).
			WithTarget(query(`sum(prometheus_tsdb_head_series{`+server+`})`, ""))).
		WithPanel(figure("Samples ingested", "Samples appended to the head per second.", units.CountsPerSecond).
			WithTarget(query(`sum(rate(prometheus_tsdb_head_samples_appended_total{`+server+`}[$__rate_interval]))`, ""))).
		WithPanel(figure("Targets down", "Targets of every job whose last scrape failed.", units.Short).
			Thresholds(steps(green, at(1, red))).
			WithTarget(query(`count(up{`+scraped+`}) - sum(up{`+scraped+`})`, ""))).
		WithPanel(figure("Configuration", "Whether the last reload of the configuration and rules succeeded on every server.", units.NoUnit).
			GraphMode(common.BigValueGraphModeNone).
			Mappings(states(word("Rejected", red), word("Loaded", green))).
			WithTarget(query(`min(prometheus_config_last_reload_successful{`+server+`})`, "")))

	board.WithRow(row("Ingestion")).
		WithPanel(overTime("Samples ingested", "Samples appended to the head per second, by server and type (float or native histogram).", units.CountsPerSecond).
			WithTarget(query(`sum by (instance, type) (rate(prometheus_tsdb_head_samples_appended_total{`+server+`}[$__rate_interval]))`, "{{instance}} {{type}}"))).
		WithPanel(overTime("Head series", "Time series in memory, by server.", units.Short).
			WithTarget(query(`prometheus_tsdb_head_series{`+server+`}`, "{{instance}}"))).
		WithPanel(overTime("Series churn", "Series created and removed per second. A steady high rate points at a label whose values never repeat.", units.CountsPerSecond).
			WithTarget(query(`rate(prometheus_tsdb_head_series_created_total{`+server+`}[$__rate_interval])`, "created {{instance}}")).
			WithTarget(query(`rate(prometheus_tsdb_head_series_removed_total{`+server+`}[$__rate_interval])`, "removed {{instance}}"))).
		WithPanel(stacked(overTime("Samples per scrape by job", "Samples that one scrape of all targets returns after metric relabelling.", units.Short)).
			WithTarget(query(`sum by (job) (scrape_samples_post_metric_relabeling{`+scraped+`})`, "{{job}}"))).
		WithPanel(overTime("Stored of what is scraped", "Samples that are stored, as a share of the samples that targets return. The rest is dropped, because nothing in the stack uses it or relabelling says so.", units.PercentUnit).
			Max(1).
			WithTarget(query(`sum by (job) (scrape_samples_post_metric_relabeling{`+scraped+`}) / sum by (job) (scrape_samples_scraped{`+scraped+`})`, "{{job}}")))

	board.WithRow(row("Scraping")).
		WithPanel(overTime("Scrape duration by job", "The slowest target of each job. A scrape longer than its timeout fails.", units.Seconds).
			WithTarget(query(`max by (job) (scrape_duration_seconds{`+scraped+`})`, "{{job}}"))).
		WithPanel(overTime("Targets down by job", "Targets whose last scrape failed.", units.Short).
			WithTarget(query(`count by (job) (up{`+scraped+`}) - sum by (job) (up{`+scraped+`})`, "{{job}}"))).
		WithPanel(overTime("Interval between scrapes, 99th percentile", "How far scrapes drift from their configured interval. Drift means that the server is short of CPU.", units.Seconds).
			WithTarget(query(`prometheus_target_interval_length_seconds{`+server+`, quantile="0.99"}`, "{{instance}} every {{interval}}"))).
		WithPanel(overTime("Samples and scrapes rejected", "Samples out of order, out of bounds or with a duplicate timestamp, and scrapes over a limit, per second. All of these are lost.", units.CountsPerSecond).
			WithTarget(query(`sum(rate(prometheus_target_scrapes_sample_out_of_order_total{`+server+`}[$__rate_interval]))`, "out of order")).
			WithTarget(query(`sum(rate(prometheus_target_scrapes_sample_out_of_bounds_total{`+server+`}[$__rate_interval]))`, "out of bounds")).
			WithTarget(query(`sum(rate(prometheus_target_scrapes_sample_duplicate_timestamp_total{`+server+`}[$__rate_interval]))`, "duplicate timestamp")).
			WithTarget(query(`sum(rate(prometheus_target_scrapes_exceeded_sample_limit_total{`+server+`}[$__rate_interval]))`, "over the sample limit")).
			WithTarget(query(`sum(rate(prometheus_target_scrapes_exceeded_body_size_limit_total{`+server+`}[$__rate_interval]))`, "over the body size limit")))

	board.WithRow(row("Service discovery")).
		WithPanel(overTime("Targets discovered by job", "Targets found by service discovery, before relabelling drops some of them.", units.Short).
			WithTarget(query(`max by (config) (prometheus_sd_discovered_targets{`+server+`, name="scrape"})`, "{{config}}"))).
		WithPanel(overTime("Discovery problems", "Failed requests to the Kubernetes API and discovery configurations that could not be started, per second and in number.", units.Short).
			WithTarget(query(`sum(rate(prometheus_sd_kubernetes_failures_total{`+server+`}[$__rate_interval]))`, "Kubernetes API failures per second")).
			WithTarget(query(`sum(prometheus_sd_failed_configs{`+server+`})`, "configurations not started")).
			WithTarget(query(`sum(rate(prometheus_sd_refresh_failures_total{`+server+`}[$__rate_interval])) or vector(0)`, "refreshes that failed per second")).
			WithTarget(query(`sum(rate(prometheus_target_sync_failed_total{`+server+`}[$__rate_interval])) or vector(0)`, "targets not created per second")))
	if o.Has(config.KubeStateMetricsJob) {
		board.WithPanel(overTime("Requests of kube-state-metrics that fail", "Lists and watches of Kubernetes objects per second that fail. What they would have returned is missing or outdated.", units.RequestsPerSecond).
			Span(24).
			WithTarget(query(`sum(rate(kube_state_metrics_list_total{`+inCluster+`, result="error"}[$__rate_interval])) or vector(0)`, "list")).
			WithTarget(query(`sum(rate(kube_state_metrics_watch_total{`+inCluster+`, result="error"}[$__rate_interval])) or vector(0)`, "watch")))
	}

	board.WithRow(row("Rules and notifications")).
		WithPanel(overTime("Rule group evaluation", "Duration of the last evaluation of the 15 rule groups that take longest. It must stay below the group's interval.", units.Seconds).
			WithTarget(query(largest(15, `max by (rule_group) (prometheus_rule_group_last_duration_seconds{`+server+`})`), "{{rule_group}}"))).
		WithPanel(withThreshold(overTime("Share of the interval spent evaluating", "Evaluation time as a share of the interval, of the 15 rule groups with the largest. At 1, a group starts to miss evaluations.", units.PercentUnit), 0.8).
			WithTarget(query(largest(15, `max by (rule_group) (prometheus_rule_group_last_duration_seconds{`+server+`} / prometheus_rule_group_interval_seconds{`+server+`})`), "{{rule_group}}"))).
		WithPanel(overTime("Evaluations, failures and misses", "Rules evaluated per second, failed evaluations, and evaluations of rule groups skipped because the previous one had not ended.", units.CountsPerSecond).
			WithTarget(query(`sum(rate(prometheus_rule_evaluations_total{`+server+`}[$__rate_interval]))`, "evaluated")).
			WithTarget(query(`sum(rate(prometheus_rule_evaluation_failures_total{`+server+`}[$__rate_interval]))`, "failed")).
			WithTarget(query(`sum(rate(prometheus_rule_group_iterations_missed_total{`+server+`}[$__rate_interval]))`, "missed")))
	if o.Has(config.AlertmanagerJob) {
		board.WithPanel(overTime("Notifications to Alertmanager", "Alerts sent per second, alerts that failed or were dropped, and the length of the queue.", units.Short).
			WithTarget(query(`sum(rate(prometheus_notifications_sent_total{`+server+`}[$__rate_interval]))`, "sent per second")).
			WithTarget(query(`sum(rate(prometheus_notifications_errors_total{`+server+`}[$__rate_interval]))`, "failed per second")).
			WithTarget(query(`sum(rate(prometheus_notifications_dropped_total{`+server+`}[$__rate_interval]))`, "dropped per second")).
			WithTarget(query(`sum(prometheus_notifications_queue_length{`+server+`})`, "queue length")))
	}

	board.WithRow(row("Storage")).
		WithPanel(stacked(overTime("Size on disk", "Persisted blocks, write-ahead log and memory-mapped head chunks. The volume must hold their sum.", units.BytesIEC)).
			WithTarget(query(`sum(prometheus_tsdb_storage_blocks_bytes{`+server+`})`, "blocks")).
			WithTarget(query(`sum(prometheus_tsdb_wal_storage_size_bytes{`+server+`})`, "write-ahead log")).
			WithTarget(query(`sum(prometheus_tsdb_head_chunks_storage_size_bytes{`+server+`})`, "head chunks"))).
		WithPanel(overTime("Retention", "Age of the oldest sample of each server, and the limit.", units.DurationSeconds).
			WithTarget(query(`time() - prometheus_tsdb_lowest_timestamp_seconds{`+server+`}`, "oldest sample {{instance}}")).
			WithTarget(query(`max(prometheus_tsdb_retention_limit_seconds{`+server+`})`, "limit"))).
		WithPanel(overTime("Compactions", "Compactions per second, and failed ones. While compactions fail, the write-ahead log grows.", units.CountsPerSecond).
			WithTarget(query(`sum by (instance) (rate(prometheus_tsdb_compactions_total{`+server+`}[$__rate_interval]))`, "done {{instance}}")).
			WithTarget(query(`sum by (instance) (rate(prometheus_tsdb_compactions_failed_total{`+server+`}[$__rate_interval]))`, "failed {{instance}}"))).
		WithPanel(overTime("Corruptions and failed reloads", "Corruptions of the write-ahead log and of memory-mapped chunks, and failed reloads of blocks, within the time range. The log shows the cause.", units.Short).
			WithTarget(query(`sum by (instance) (increase(prometheus_tsdb_wal_corruptions_total{`+server+`}[$__range]))`, "write-ahead log {{instance}}")).
			WithTarget(query(`sum by (instance) (increase(prometheus_tsdb_mmap_chunk_corruptions_total{`+server+`}[$__range]))`, "head chunks {{instance}}")).
			WithTarget(query(`sum by (instance) (increase(prometheus_tsdb_reloads_failures_total{`+server+`}[$__range]))`, "block reloads {{instance}}")))

	board.WithRow(row("Queries")).
		WithPanel(overTime("API latency, 99th percentile", "Latency of the handlers that answer queries.", units.Seconds).
			WithTarget(query(`histogram_quantile(0.99, sum by (le, handler) (rate(prometheus_http_request_duration_seconds_bucket{`+server+`, handler=~"/api/v1/(query|query_range|series|labels|label/:name/values)"}[$__rate_interval])))`, "{{handler}}"))).
		WithPanel(overTime("API requests", "Requests per second, by status code.", units.RequestsPerSecond).
			WithTarget(query(`sum by (code) (rate(prometheus_http_requests_total{`+server+`}[$__rate_interval]))`, "{{code}}"))).
		WithPanel(overTime("Concurrent queries", "Queries running or waiting, beside the limit above which they wait.", units.Short).
			WithTarget(query(`prometheus_engine_queries{`+server+`}`, "running {{instance}}")).
			WithTarget(query(`max(prometheus_engine_queries_concurrent_max{`+server+`})`, "limit"))).
		WithPanel(overTime("Time spent in queries", "Seconds spent in queries per second, by phase.", units.Seconds).
			WithTarget(query(`sum by (slice) (rate(prometheus_engine_query_duration_seconds_sum{`+server+`}[$__rate_interval]))`, "{{slice}}")))

	board.WithRow(row("Resources")).
		WithPanel(overTime("CPU", "Cores in use.", units.Short).
			WithTarget(query(`rate(process_cpu_seconds_total{`+server+`}[$__rate_interval])`, "{{instance}}"))).
		WithPanel(overTime("Memory", "Resident memory, and the part of it in use by the Go heap.", units.BytesIEC).
			WithTarget(query(`process_resident_memory_bytes{`+server+`}`, "resident {{instance}}")).
			WithTarget(query(`go_memstats_heap_inuse_bytes{`+server+`}`, "heap {{instance}}"))).
		WithPanel(overTime("File descriptors", "Open descriptors as a share of the limit.", units.PercentUnit).
			Max(1).
			WithTarget(query(`process_open_fds{`+server+`} / process_max_fds{`+server+`}`, "{{instance}}"))).
		WithPanel(overTime("Goroutines", "A number that only grows is a leak.", units.Short).
			WithTarget(query(`go_goroutines{`+server+`}`, "{{instance}}")))

	return board
}
