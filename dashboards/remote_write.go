package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// remoteWrite returns the dashboard of what the Prometheus servers and agents send to remotes: how
// far behind it is, how much arrives, and how hard the queues work.
func remoteWrite(o Options) *dashboard.DashboardBuilder {
	const server = `cluster="$cluster", job="prometheus", instance=~"$instance"`
	const remote = server + `, remote_name=~"$remote_name"`

	// The server's newest sample, not the queue's: a full queue takes none.
	const behind = `max by (instance) (prometheus_remote_storage_highest_timestamp_in_seconds{` + server + `}) - on (instance) group_right () max by (instance, remote_name) (prometheus_remote_storage_queue_highest_sent_timestamp_seconds{` + remote + `} > 0)`
	const legend = "{{remote_name}} from {{instance}}"
	// both adds up the rates of a counter of floats and of native histograms.
	both := func(by, counter string) string {
		rate := func(kind string) string {
			return `sum by (` + by + `) (rate(prometheus_remote_storage_` + kind + `_` + counter + `{` + remote + `}[$__rate_interval]))`
		}
		return rate("samples") + " + " + rate("histograms")
	}

	board := newDashboard(o, UIDRemoteWrite, "Remote write",
		"What the Prometheus servers and agents send to remotes, how far behind it is, and what is lost.",
		"prometheus_remote_storage_shards", "prometheus").
		WithVariable(labelsVariable("instance", "Server",
			`label_values(prometheus_remote_storage_shards{cluster="$cluster", job="prometheus"}, instance)`)).
		WithVariable(labelsVariable("remote_name", "Remote",
			`label_values(prometheus_remote_storage_shards{`+server+`}, remote_name)`))

	board.WithPanel(firingAlerts(o, `alertname=~"PrometheusRemoteWrite.+"`))
	board.WithRow(row("At a glance")).
		WithPanel(figure("Behind", "Time between the newest sample of a server and the newest one that a remote has taken; the longest of all.", units.DurationSeconds).
			Thresholds(steps(green, at(120, orange), at(3600, red))).
			WithTarget(query(`max(`+behind+`)`, ""))).
		WithPanel(figure("Sent", "Samples sent to all remotes per second, native histograms included.", units.CountsPerSecond).
			WithTarget(query(both("cluster", "total"), ""))).
		WithPanel(figure("Refused", "Share of the samples that remotes refuse. These are lost there.", units.PercentUnit).
			Thresholds(steps(green, at(0.0001, orange), at(0.01, red))).
			WithTarget(query(`(`+both("cluster", "failed_total")+`) / (`+both("cluster", "total")+`)`, ""))).
		WithPanel(figure("Traffic", "Bytes sent to all remotes per second, compressed.", units.BytesPerSecondIEC).
			WithTarget(query(`sum(rate(prometheus_remote_storage_bytes_total{`+remote+`}[$__rate_interval]))`, "")))

	board.WithRow(row("Delivery")).
		WithPanel(withThreshold(overTime("Behind", "Time between the newest sample of a server and the newest one that a remote has taken. After two hours samples are lost.", units.DurationSeconds), 120).
			WithTarget(query(behind, legend))).
		WithPanel(overTime("Waiting", "Samples in the queues, native histograms included. Behind them more may wait in the write-ahead log.", units.Short).
			WithTarget(query(`sum by (instance, remote_name) (prometheus_remote_storage_samples_pending{`+remote+`} + prometheus_remote_storage_histograms_pending{`+remote+`})`, legend))).
		WithPanel(overTime("Sent", "Samples sent per second, native histograms included.", units.CountsPerSecond).
			WithTarget(query(both("instance, remote_name", "total"), legend))).
		WithPanel(overTime("Not taken", "Samples per second that a remote refuses, which are lost; that are sent again, because it does not answer or says so; and that relabelling or age leaves out.", units.CountsPerSecond).
			WithTarget(query(both("remote_name", "failed_total"), "refused by {{remote_name}}")).
			WithTarget(query(both("remote_name", "retried_total"), "again to {{remote_name}}")).
			WithTarget(query(`sum by (remote_name, reason) (rate(prometheus_remote_storage_samples_dropped_total{`+remote+`}[$__rate_interval]))`, "not to {{remote_name}}: {{reason}}")).
			WithTarget(query(`sum by (remote_name, reason) (rate(prometheus_remote_storage_histograms_dropped_total{`+remote+`}[$__rate_interval]))`, "no histograms to {{remote_name}}: {{reason}}")))

	board.WithRow(row("Queues")).
		WithPanel(overTime("Shards", "Connections over which a queue sends, the number that it would need, and the most that it may use.", units.Short).
			OverrideByRegexp("/^most/", asLimit()).
			WithTarget(query(`sum by (instance, remote_name) (prometheus_remote_storage_shards{`+remote+`})`, legend)).
			WithTarget(query(`sum by (instance, remote_name) (prometheus_remote_storage_shards_desired{`+remote+`})`, "needed: "+legend)).
			WithTarget(query(`max by (remote_name) (prometheus_remote_storage_shards_max{`+remote+`})`, "most to {{remote_name}}"))).
		WithPanel(overTime("Duration of a request, 99th percentile", "How long a remote takes to answer a request.", units.Seconds).
			WithTarget(query(`histogram_quantile(0.99, sum by (le, remote_name) (rate(prometheus_remote_storage_sent_batch_duration_seconds_bucket{`+remote+`}[$__rate_interval])))`, "{{remote_name}}"))).
		WithPanel(overTime("Traffic", "Bytes sent per second, compressed.", units.BytesPerSecondIEC).
			WithTarget(query(`sum by (instance, remote_name) (rate(prometheus_remote_storage_bytes_total{`+remote+`}[$__rate_interval]))`, legend))).
		WithPanel(overTime("Waits for room in a queue", "Attempts per second to put a sample into a queue that is full.", units.CountsPerSecond).
			WithTarget(query(`sum by (instance, remote_name) (rate(prometheus_remote_storage_enqueue_retries_total{`+remote+`}[$__rate_interval]))`, legend)))
	return board
}
