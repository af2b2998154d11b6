package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// alertmanager returns the dashboard of the Alertmanagers: what they receive, what they send and
// whether it arrives, and whether they agree with each other.
func alertmanager(o Options) *dashboard.DashboardBuilder {
	job := inCluster + `, job="` + o.job(config.AlertmanagerJob) + `"`
	manager := job + `, instance=~"$instance"`
	const server = inCluster + `, job="prometheus"`

	// Alertmanager has a counter for each kind of receiver, of which hardly any is in use.
	used := func(counter, by, selector string) string {
		return `sum by (` + by + `) (rate(` + counter + `{` + selector + `}[$__rate_interval])) > 0 or on () label_replace(0 * sum(rate(` + counter + `{` + selector + `}[$__rate_interval])), "integration", "none", "", "")`
	}

	board := newDashboard(o, UIDAlertmanager, "Alertmanager",
		"What the Alertmanagers receive, what they send and whether it arrives, and whether they agree with each other.",
		"alertmanager_build_info", "alerting").
		WithVariable(labelsVariable("instance", "Instance", `label_values(alertmanager_build_info{`+job+`}, instance)`))

	board.WithPanel(firingAlerts(o, `alertname=~"Alertmanager.+|PrometheusNotConnected.+|PrometheusNotification.+"`))
	board.WithRow(row("At a glance")).
		WithPanel(figure("Instances that respond", "Instances whose last scrape succeeded.", units.Short).
			GraphMode(common.BigValueGraphModeNone).
			Thresholds(steps(red, at(1, green))).
			WithTarget(query(`sum(up{`+job+`})`, ""))).
		WithPanel(figure("Configuration", "Whether every instance accepted its last configuration.", units.NoUnit).
			GraphMode(common.BigValueGraphModeNone).
			Mappings(states(word("Rejected", red), word("Loaded", green))).
			WithTarget(query(`min(alertmanager_config_last_reload_successful{`+manager+`})`, ""))).
		WithPanel(figure("Configurations", "Different configurations that the instances run. With more than one, who is notified depends on which of them sends the notification.", units.Short).
			GraphMode(common.BigValueGraphModeNone).
			Thresholds(steps(green, at(2, red))).
			WithTarget(query(`count(count by (config_hash) (count_values by (job) ("config_hash", alertmanager_config_hash{`+job+`})))`, ""))).
		WithPanel(figure("Receivers", "Integrations that the configuration has. Without any, nobody is notified.", units.Short).
			GraphMode(common.BigValueGraphModeNone).
			WithTarget(query(`max(alertmanager_integrations{`+manager+`})`, ""))).
		WithPanel(figure("Inhibition rules", "Rules by which an alert suppresses others.", units.Short).
			GraphMode(common.BigValueGraphModeNone).
			WithTarget(query(`max(alertmanager_inhibition_rules{`+manager+`})`, ""))).
		WithPanel(figure("Notifications failed", "Share of the notifications within the time range that could not be delivered.", units.PercentUnit).
			Decimals(2).
			Thresholds(steps(green, at(0.001, yellow), at(0.01, red))).
			WithTarget(instant(`sum(increase(alertmanager_notifications_failed_total{`+manager+`}[$__range])) / (sum(increase(alertmanager_notifications_total{`+manager+`}[$__range])) > 0) or vector(0)`, "")))

	board.WithRow(row("Alerts")).
		WithPanel(stacked(overTime("Alerts", "Alerts in Alertmanager: active ones are sent to receivers, suppressed ones are silenced or inhibited.", units.Short)).
			Decimals(0).
			WithTarget(query(`max by (state) (alertmanager_alerts{`+manager+`})`, "{{state}}"))).
		WithPanel(overTime("Silences", "Silences by state.", units.Short).
			Decimals(0).
			WithTarget(query(`max by (state) (alertmanager_silences{`+manager+`})`, "{{state}}"))).
		WithPanel(overTime("Alerts received", "Alerts received per second by status, and alerts rejected as invalid. Prometheus sends each firing alert about once a minute.", units.CountsPerSecond).
			WithTarget(query(`sum by (status) (rate(alertmanager_alerts_received_total{`+manager+`}[$__rate_interval]))`, "{{status}}")).
			WithTarget(query(`sum(rate(alertmanager_alerts_invalid_total{`+manager+`}[$__rate_interval]))`, "invalid"))).
		WithPanel(overTime("Alerts sent by Prometheus", "Alerts sent to each Alertmanager per second, alerts dropped because it did not accept them, and alerts still queued.", units.Short).
			WithTarget(query(`sum by (alertmanager) (rate(prometheus_notifications_sent_total{`+server+`}[$__rate_interval]))`, "sent per second {{alertmanager}}")).
			WithTarget(query(`sum by (alertmanager) (rate(prometheus_notifications_dropped_total{`+server+`}[$__rate_interval]))`, "dropped per second {{alertmanager}}")).
			WithTarget(query(`sum by (alertmanager) (prometheus_notifications_queue_length{`+server+`})`, "queued {{alertmanager}}")))

	board.WithRow(row("Notifications")).
		WithPanel(overTime("Notifications", "Notifications sent through each integration per second.", units.MessagesPerSecond).
			WithTarget(query(used("alertmanager_notifications_total", "integration", manager), "{{integration}}"))).
		WithPanel(overTime("Notifications failed", "Failed notifications per second, by integration and reason.", units.MessagesPerSecond).
			WithTarget(query(used("alertmanager_notifications_failed_total", "integration, reason", manager), "{{integration}} {{reason}}"))).
		WithPanel(overTime("Time to notify", "Mean duration of a delivery, for integrations that delivered something.", units.Seconds).
			WithTarget(query(`sum by (integration) (rate(alertmanager_notification_latency_seconds_sum{`+manager+`}[$__rate_interval])) / (sum by (integration) (rate(alertmanager_notification_latency_seconds_count{`+manager+`}[$__rate_interval])) > 0)`, "{{integration}}"))).
		WithPanel(overTime("Retried requests", "Requests to receivers that failed per second. Alertmanager tries again until it gives the notification up.", units.RequestsPerSecond).
			WithTarget(query(used("alertmanager_notification_requests_failed_total", "integration", manager), "{{integration}}"))).
		WithPanel(overTime("Groups", "Groups of alerts that are notified together, by instance. They should agree.", units.Short).
			WithTarget(query(`max by (instance) (alertmanager_dispatcher_aggregation_groups{`+manager+`})`, "{{instance}}"))).
		WithPanel(overTime("Not notified", "Notifications per second that were not sent, because all their alerts are suppressed.", units.MessagesPerSecond).
			WithTarget(query(`sum by (reason) (rate(alertmanager_notifications_suppressed_total{`+manager+`}[$__rate_interval])) or on () label_replace(0 * sum(alertmanager_integrations{`+manager+`}), "reason", "none", "", "")`, "{{reason}}")))

	// An Alertmanager that is alone exposes none of these: it is its only member.
	board.WithRow(row("Cluster")).
		WithPanel(overTime("Members", "Instances that each instance knows. Where one knows fewer, notifications may arrive twice, and silences not everywhere.", units.Short).
			Span(8).
			Decimals(0).
			WithTarget(query(`max by (instance) (alertmanager_cluster_members{`+manager+`}) or max by (instance) (up{`+manager+`})`, "{{instance}}"))).
		WithPanel(overTime("Failed peers", "Peers that an instance has lost and tries to reach again, by instance.", units.Short).
			Span(8).
			Decimals(0).
			WithTarget(query(`max by (instance) (alertmanager_cluster_failed_peers{`+manager+`}) or 0 * max by (instance) (up{`+manager+`})`, "{{instance}}"))).
		WithPanel(overTime("Messages waiting", "Messages that an instance has yet to pass on to the others, by instance.", units.Short).
			Span(8).
			WithTarget(query(`max by (instance) (alertmanager_cluster_messages_queued{`+manager+`}) or 0 * max by (instance) (up{`+manager+`})`, "{{instance}}")))

	processes(board, manager, "instance")
	return board
}
