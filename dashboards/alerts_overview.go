package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// alertsOverview returns the dashboard of alerts: which fire, since when, which fire most, and
// whether notifications are delivered.
func alertsOverview(o Options) *dashboard.DashboardBuilder {
	const (
		// ALERTS has the labels of the alert's expression, which may have aggregated the
		// cluster label away: such alerts belong to the cluster too.
		alerts  = `cluster=~"|$cluster", alertname!="Watchdog", alertname=~"$alertname"`
		firing  = alerts + `, alertstate="firing"`
		server  = `cluster="$cluster", job="prometheus"`
		manager = `cluster="$cluster", job="alertmanager"`
	)

	severity := func(title, description, level, color string) *stat.PanelBuilder {
		return figure(title, description, units.Short).
			Thresholds(steps(green, at(1, color))).
			WithTarget(query(`count(ALERTS{`+firing+`, severity="`+level+`"}) or vector(0)`, ""))
	}

	board := newDashboard(o, UIDAlertsOverview, "Alerts overview",
		"Which alerts fire, since when, which fire most, and whether notifications are delivered.",
		"prometheus_build_info", "alerting").
		WithVariable(labelsVariable("alertname", "Alert", `label_values(ALERTS{cluster=~"|$cluster"}, alertname)`))

	board.WithRow(row("Now")).
		WithPanel(severity("Critical", "Firing alerts that need somebody now.", "critical", red)).
		WithPanel(severity("Warning", "Firing alerts that need somebody during working hours.", "warning", orange)).
		WithPanel(severity("Info", "Firing alerts that notify nobody by themselves.", "info", blue)).
		WithPanel(figure("Pending", "Alerts whose condition holds, but not yet for long enough to fire.", units.Short).
			Thresholds(steps(green, at(1, yellow))).
			WithTarget(query(`count(ALERTS{`+alerts+`, alertstate="pending"}) or vector(0)`, ""))).
		WithPanel(figure("Rules failing", "Alerting and recording rules whose evaluation failed in the last five minutes. An alert that cannot be evaluated cannot fire.", units.Short).
			Decimals(0).
			Thresholds(steps(green, at(1, red))).
			WithTarget(query(`sum(increase(prometheus_rule_evaluation_failures_total{`+server+`}[5m]))`, ""))).
		WithPanel(figure("Watchdog", "The alert that always fires. If it is missing, rules are not evaluated.", units.NoUnit).
			GraphMode(common.BigValueGraphModeNone).
			Mappings(states(word("Missing", red), word("Firing", green))).
			WithTarget(query(`clamp_max(count(ALERTS{cluster=~"|$cluster", alertname="Watchdog", alertstate="firing"}), 1) or vector(0)`, ""))).
		WithPanel(firingAlerts(o, `alertname=~"$alertname"`).Height(10))

	board.WithRow(row("Over time")).
		WithPanel(stacked(overTime("Firing by severity", "Number of firing alerts.", units.Short).
			OverrideByName("critical", inColor(red)).
			OverrideByName("warning", inColor(orange)).
			OverrideByName("info", inColor(blue))).
			Decimals(0).
			WithTarget(query(`count by (severity) (ALERTS{`+firing+`})`, "{{severity}}"))).
		WithPanel(stacked(overTime("Firing by alert", "Number of firing alerts of each name.", units.Short)).
			Decimals(0).
			WithTarget(query(`count by (alertname) (ALERTS{`+firing+`})`, "{{alertname}}"))).
		WithPanel(ranking("Most time spent firing", "Total time that each alert spent firing within the time range, over all its instances. Fix the causes at the top of the list first, or change those alerts.", units.DurationSeconds).
			Span(24).
			WithTarget(instant(`topk(15, sum by (alertname) (count_over_time(ALERTS{`+firing+`}[$__range:1m]))) * 60`, "{{alertname}}")))

	board.WithRow(row("Rule evaluation")).
		WithPanel(overTime("Time to evaluate", "Duration of the last evaluation of the 15 rule groups that take longest.", units.Seconds).
			WithTarget(query(largest(15, `max by (rule_group) (prometheus_rule_group_last_duration_seconds{`+server+`})`), "{{rule_group}}"))).
		WithPanel(overTime("Evaluations failing", "Failed evaluations of rules per second, for the 15 rule groups with the most. The rules page of Prometheus shows the errors.", units.CountsPerSecond).
			WithTarget(query(mostOf(15, `sum by (rule_group) (rate(prometheus_rule_evaluation_failures_total{`+server+`}[$__rate_interval]))`), "{{rule_group}}")))

	if !o.Has(config.AlertmanagerJob) {
		return board
	}
	board.WithRow(row("Notifications")).
		WithPanel(figure("Alertmanagers", "Instances whose last scrape succeeded.", units.Short).
			GraphMode(common.BigValueGraphModeNone).
			Thresholds(steps(red, at(1, green))).
			WithTarget(query(`sum(up{`+manager+`})`, ""))).
		WithPanel(figure("Active alerts", "Alerts in Alertmanager that are neither silenced nor inhibited.", units.Short).
			WithTarget(query(`max(alertmanager_alerts{`+manager+`, state="active"})`, ""))).
		WithPanel(figure("Suppressed alerts", "Alerts that a silence or an inhibition suppresses.", units.Short).
			WithTarget(query(`max(alertmanager_alerts{`+manager+`, state="suppressed"})`, ""))).
		WithPanel(figure("Active silences", "Silences in force.", units.Short).
			WithTarget(query(`max(alertmanager_silences{`+manager+`, state="active"})`, ""))).
		WithPanel(figure("Not sent to Alertmanager", "Alerts that Prometheus dropped within the time range because no Alertmanager accepted them.", units.Short).
			Decimals(0).
			Thresholds(steps(green, at(1, red))).
			WithTarget(instant(`sum(increase(prometheus_notifications_dropped_total{`+server+`}[$__range]))`, ""))).
		WithPanel(figure("Notifications failed", "Share of the notifications within the time range that could not be delivered.", units.PercentUnit).
			Decimals(2).
			Thresholds(steps(green, at(0.001, yellow), at(0.01, red))).
			WithTarget(instant(`sum(increase(alertmanager_notifications_failed_total{`+manager+`}[$__range])) / (sum(increase(alertmanager_notifications_total{`+manager+`}[$__range])) > 0) or vector(0)`, "")))

	return board
}

// severityColors colours a column's severities.
func severityColors() []dashboard.DynamicConfigValue {
	return inWords([]dashboard.ValueMapping{{ValueMap: &dashboard.ValueMap{
		Type: dashboard.MappingTypeValueToText,
		Options: map[string]dashboard.ValueMappingResult{
			"critical": word("critical", red),
			"warning":  word("warning", orange),
			"info":     word("info", blue),
		},
	}}})
}
