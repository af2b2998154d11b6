package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// grafana returns the dashboard of Grafana itself: whether it and its datasources answer, how long they
// take, and how much it is used.
func grafana(o Options) *dashboard.DashboardBuilder {
	server := inCluster + `, job="` + o.job(config.GrafanaJob) + `"`
	// No file lists what Grafana exposes, which has two consequences: what is counted is the bucket
	// +Inf, as in rules/grafana.yaml, and no query selects a histogram's sum.
	const requests = `grafana_http_request_duration_seconds_bucket{`
	answered := func(by, selector string) string {
		return `sum by (` + by + `) (rate(` + requests + server + `, le="+Inf"` + selector + `}[$__rate_interval]))`
	}
	slowest := func(histogram, by string) string {
		return mostOf(10, `histogram_quantile(0.9, sum by (`+by+`, le) (rate(`+histogram+`_bucket{`+server+`}[$__rate_interval])))`)
	}

	board := newDashboard(o, UIDGrafana, "Grafana",
		"Whether Grafana and its datasources answer, how long they take, and how much it is used.",
		`up{job="`+o.job(config.GrafanaJob)+`"}`, "grafana")

	board.WithPanel(firingAlerts(o, `alertname=~"Grafana.+"`))
	board.WithRow(row("At a glance")).
		WithPanel(figure("Up for", "Time since Grafana started.", units.DurationSeconds).
			GraphMode(common.BigValueGraphModeNone).
			Thresholds(steps(orange, at(600, green))).
			WithTarget(query(`min(time() - process_start_time_seconds{`+server+`})`, ""))).
		WithPanel(figure("Requests", "Requests answered per second.", units.RequestsPerSecond).
			WithTarget(query(`sum(`+answered("instance", "")+`)`, ""))).
		WithPanel(figure("Server errors", "Share of the requests that end with a status of 500 or above.", units.PercentUnit).
			Decimals(2).
			Thresholds(steps(green, at(0.05, yellow), at(0.5, red))).
			WithTarget(query(`(sum(`+answered("instance", `, status_code=~"5.."`)+`) or vector(0)) / sum(`+answered("instance", "")+`)`, ""))).
		WithPanel(figure("Queries in flight", "Requests to datasources that are not answered yet.", units.Short).
			WithTarget(query(`sum(grafana_datasource_request_in_flight{`+server+`}) or vector(0)`, ""))).
		WithPanel(figure("Users", "Users who signed in within the last 30 days.", units.Short).
			WithTarget(query(`max(grafana_stat_active_users{`+server+`})`, ""))).
		WithPanel(figure("Dashboards", "Dashboards in the database, shipped ones included.", units.Short).
			WithTarget(query(`max(grafana_stat_totals_dashboard{`+server+`})`, "")))

	board.WithRow(row("Requests")).
		WithPanel(stacked(overTime("Requests by status", "Requests answered per second.", units.RequestsPerSecond)).
			WithTarget(query(answered("status_code", ""), "{{status_code}}"))).
		WithPanel(overTime("Latency", "Time to answer a request. One that asks a datasource includes its answer.", units.Seconds).
			WithTarget(query(`histogram_quantile(0.5, sum by (le) (rate(`+requests+server+`}[$__rate_interval])))`, "median")).
			WithTarget(query(`histogram_quantile(0.99, sum by (le) (rate(`+requests+server+`}[$__rate_interval])))`, "99th percentile"))).
		WithPanel(stacked(overTime("Requests by handler", "Requests answered per second, by the ten handlers with the most.", units.RequestsPerSecond)).
			WithTarget(query(mostOf(10, answered("handler", "")), "{{handler}}"))).
		WithPanel(overTime("Time by handler, 90th percentile", "Time to answer a request, by the ten slowest handlers.", units.Seconds).
			WithTarget(query(slowest("grafana_http_request_duration_seconds", "handler"), "{{handler}}")))

	board.WithRow(row("Datasources")).
		WithPanel(stacked(overTime("Queries", "Requests to datasources per second, by datasource and status.", units.RequestsPerSecond)).
			WithTarget(query(`sum by (datasource, code) (rate(grafana_datasource_request_total{`+server+`}[$__rate_interval]))`, "{{datasource}} {{code}}"))).
		WithPanel(overTime("Time by datasource, 90th percentile", "Duration of a request to each datasource.", units.Seconds).
			WithTarget(query(slowest("grafana_datasource_request_duration_seconds", "datasource"), "{{datasource}}")))

	board.WithRow(row("Use")).
		WithPanel(overTime("Logins", "Attempts to log in with a password per second.", units.CountsPerSecond).
			WithTarget(query(`sum(rate(grafana_api_login_post_total{`+server+`}[$__rate_interval]))`, "password")).
			WithTarget(query(`sum(rate(grafana_api_login_oauth_total{`+server+`}[$__rate_interval]))`, "OAuth"))).
		WithPanel(overTime("Users", "All users, and those who signed in within the last 30 days.", units.Short).
			WithTarget(query(`max(grafana_stat_total_users{`+server+`})`, "all")).
			WithTarget(query(`max(grafana_stat_active_users{`+server+`})`, "active")))

	processes(board, server, "instance")
	return board
}
