package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// cardinality returns the dashboard of what is stored: which jobs and targets the samples come from,
// what creates new series, and what a series costs. It counts what Prometheus notes about each scrape:
// to count the series themselves would read all of them.
func cardinality(o Options) *dashboard.DashboardBuilder {
	const (
		server = inCluster + `, job="prometheus", instance=~"$instance"`
		target = inCluster + `, job=~"$job"`
		stored = `scrape_samples_post_metric_relabeling{` + target + `}`
	)
	byJob := func(metric string) string { return `sum by (job) (` + metric + `{` + target + `})` }

	board := newDashboard(o, UIDCardinality, "Cardinality and ingest",
		"What is stored: which jobs and targets the samples come from, what creates new series, and what a series costs.",
		"prometheus_build_info", "prometheus").
		WithVariable(labelsVariable("instance", "Server", `label_values(prometheus_build_info{`+inCluster+`, job="prometheus"}, instance)`)).
		WithVariable(labelsVariable("job", "Job", `label_values(scrape_samples_scraped{`+inCluster+`}, job)`))

	board.WithPanel(firingAlerts(o, `alertname=~"PrometheusScrapeLimitHit|PrometheusTargetLimitHit|PrometheusTargetSyncFailed|PrometheusDuplicateSamples|PrometheusOutOfOrderSamples|PrometheusStorageNearRetentionSize"`))
	board.WithRow(row("At a glance")).
		WithPanel(figure("Series", "Time series in the memory of the selected server with the most. A series stays for one to three hours after its last sample.", units.Short).
			WithTarget(query(`max(prometheus_tsdb_head_series{`+server+`})`, ""))).
		WithPanel(figure("Samples ingested", "Samples stored per second, by the server with the most.", units.CountsPerSecond).
			WithTarget(query(`max(sum by (instance) (rate(prometheus_tsdb_head_samples_appended_total{`+server+`}[$__rate_interval])))`, ""))).
		WithPanel(figure("Memory per series", "Resident memory divided by the series in memory.", units.BytesIEC).
			WithTarget(query(`max(process_resident_memory_bytes{`+server+`} / prometheus_tsdb_head_series{`+server+`})`, ""))).
		WithPanel(figure("Bytes per sample", "Mean size of a sample in the blocks written since the server started. Unknown until the first one, after about three hours.", units.BytesIEC).
			GraphMode(common.BigValueGraphModeNone).
			Decimals(2).
			NoValue("No block yet").
			WithTarget(query(`sum(prometheus_tsdb_compaction_chunk_size_bytes_sum{`+server+`}) / sum(prometheus_tsdb_compaction_chunk_samples_sum{`+server+`})`, ""))).
		WithPanel(figure("Stored of what is scraped", "Share of the samples of the selected jobs' targets that are stored. The rest is dropped, because nothing in the stack uses it.", units.PercentUnit).
			WithTarget(query(`sum(`+stored+`) / sum(scrape_samples_scraped{`+target+`})`, ""))).
		WithPanel(figure("New series per hour", "Series that the selected jobs' targets exposed for the first time within the last hour, as a share of the series in memory. Above 1, labels change their values all the time.", units.PercentUnit).
			Thresholds(steps(green, at(0.5, yellow), at(1, red))).
			WithTarget(instant(`sum(sum_over_time(scrape_series_added{`+target+`}[1h])) / max(prometheus_tsdb_head_series{`+server+`})`, "")))

	board.WithRow(row("By job")).
		WithPanel(listing("Jobs", "What the last scrapes of each job returned, what was stored of it, and the series that appeared within the last hour.",
			column{"job", "Job", nil},
			column{"Value #A", "Targets", inUnit(units.Short)},
			column{"Value #B", "Scraped", inUnit(units.Short)},
			column{"Value #C", "Stored", inUnit(units.Short)},
			column{"Value #D", "Of all stored", asBar(0.5, 0.8)},
			column{"Value #E", "New series in an hour", inUnit(units.Short)},
			column{"Value #F", "Names known", inUnit(units.Short)},
		).
			SortBy(sortedBy("Stored", true)).
			WithTarget(rows(`count by (job) (up{` + target + `})`)).
			WithTarget(rows(byJob("scrape_samples_scraped"))).
			WithTarget(rows(byJob("scrape_samples_post_metric_relabeling"))).
			WithTarget(rows(byJob("scrape_samples_post_metric_relabeling") + ` / on () group_left () sum(` + stored + `)`)).
			WithTarget(rows(`sum by (job) (sum_over_time(scrape_series_added{` + target + `}[1h]))`)).
			WithTarget(rows(`max by (job) (label_replace(prometheus_target_metadata_cache_entries{` + server + `, scrape_job=~"$job"}, "job", "$1", "scrape_job", "(.+)"))`))).
		WithPanel(stacked(overTime("Stored", "Samples that one scrape of all targets stores, for the ten jobs with the most.", units.Short)).
			WithTarget(query(largest(10, `sum by (job) (scrape_samples_post_metric_relabeling{`+target+`})`), "{{job}}"))).
		WithPanel(stacked(overTime("New series", "Series that targets expose for the first time, per scrape, for the ten jobs with the most. Rollouts and restarts show as peaks.", units.Short)).
			WithTarget(query(largest(10, `sum by (job) (scrape_series_added{`+target+`})`), "{{job}}")))

	board.WithRow(row("By target")).
		WithPanel(largestTargets(o, "Largest targets", "The 20 targets of which most samples are stored.", "Samples", stored)).
		WithPanel(largestTargets(o, "Targets with new series", "The 20 targets that exposed most series for the first time within the last hour.", "New in an hour",
			`sum_over_time(scrape_series_added{`+target+`}[1h])`).
			NoValue("No target exposed a new series"))

	board.WithRow(row("Limits")).
		WithPanel(withThreshold(overTime("Targets of the limit", "Targets of each scrape pool as a share of its limit, where it has one. At 1, new targets are not scraped.", units.PercentUnit), 1).
			NoValue("No pool has a limit").
			WithTarget(query(`max by (scrape_job) (prometheus_target_scrape_pool_targets{`+server+`} / (prometheus_target_scrape_pool_target_limit{`+server+`} > 0))`, "{{scrape_job}}"))).
		WithPanel(overTime("Scrapes over a limit", "Scrapes per second that returned more samples, labels or bytes than their limit, and of which nothing is stored.", units.CountsPerSecond).
			WithTarget(query(`sum(rate(prometheus_target_scrapes_exceeded_sample_limit_total{`+server+`}[$__rate_interval]))`, "samples")).
			WithTarget(query(`sum(rate(prometheus_target_scrape_pool_exceeded_label_limits_total{`+server+`}[$__rate_interval]))`, "labels")).
			WithTarget(query(`sum(rate(prometheus_target_scrapes_exceeded_body_size_limit_total{`+server+`}[$__rate_interval]))`, "bytes")))

	board.WithRow(row("Servers")).
		WithPanel(overTime("Series in memory", "Series of each server, and those among them that have ended and wait to be removed.", units.Short).
			WithTarget(query(`sum by (instance) (prometheus_tsdb_head_series{`+server+`})`, "{{instance}}")).
			WithTarget(query(`sum by (instance) (prometheus_tsdb_head_stale_series{`+server+`})`, "ended {{instance}}"))).
		WithPanel(overTime("Series created and removed", "Series per second. A steady high rate points at a label whose values never repeat.", units.CountsPerSecond).
			WithTarget(query(`sum by (instance) (rate(prometheus_tsdb_head_series_created_total{`+server+`}[$__rate_interval]))`, "created {{instance}}")).
			WithTarget(query(`sum by (instance) (rate(prometheus_tsdb_head_series_removed_total{`+server+`}[$__rate_interval]))`, "removed {{instance}}"))).
		WithPanel(overTime("Native histograms", "Native histograms in memory, and their buckets. Each counts as one series.", units.Short).
			WithTarget(query(`sum by (instance) (prometheus_tsdb_head_native_histogram_series{`+server+`})`, "histograms {{instance}}")).
			WithTarget(query(`sum by (instance) (prometheus_tsdb_head_native_histogram_buckets{`+server+`})`, "buckets {{instance}}"))).
		WithPanel(overTime("Symbols", "Memory of the different label names and values of the blocks on disk. It grows with values that never repeat.", units.BytesIEC).
			WithTarget(query(`sum by (instance) (prometheus_tsdb_symbol_table_size_bytes{`+server+`})`, "{{instance}}")))
	return board
}

// largestTargets returns a listing of the 20 targets for which an expression is largest. Some jobs'
// targets are pods or nodes.
func largestTargets(o Options, title, description, value, expr string) *table.PanelBuilder {
	columns := []column{
		{"job", "Job", nil},
		{"instance", "Target", nil},
	}
	if o.Has(config.PodsJob) || o.Has(config.EndpointsJob) {
		columns = append(columns, namespaceColumn(o), podColumn(o))
	}
	return listing(title, description, append(columns, column{"Value", value, inUnit(units.Short)})...).
		Height(8).
		SortBy(sortedBy(value, true)).
		WithTarget(rows(`topk(20, sum by (job, instance, namespace, pod) (` + expr + `) > 0)`))
}
