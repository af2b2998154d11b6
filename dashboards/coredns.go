package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// coreDNS returns the dashboard of the cluster's DNS: its answers and how long they take, its cache,
// the servers behind it, and how soon it knows of changes.
func coreDNS(o Options) *dashboard.DashboardBuilder {
	job := inCluster + `, job="` + o.job(config.CoreDNSJob) + `"`
	server := job + `, pod=~"$pod"`
	answered := `sum(rate(coredns_dns_responses_total{` + server + `}[$__rate_interval]))`
	quantile := func(q, by string) string {
		return `histogram_quantile(` + q + `, sum by (` + by + `le) (rate(coredns_dns_request_duration_seconds_bucket{` + server + `}[$__rate_interval])))`
	}

	board := newDashboard(o, UIDCoreDNS, "CoreDNS",
		"The cluster's DNS: its answers and how long they take, its cache, the servers behind it, and how soon it knows of changes.",
		"coredns_dns_responses_total", "kubernetes").
		WithVariable(labelsVariable("pod", "Pod", `label_values(coredns_dns_responses_total{`+job+`}, pod)`))

	board.WithPanel(firingAlerts(o, `alertname=~"CoreDNS.+"`))
	board.WithRow(row("At a glance")).
		WithPanel(figure("Pods that respond", "Pods whose last scrape succeeded.", units.Short).
			Thresholds(steps(red, at(1, orange), at(2, green))).
			WithTarget(query(`sum(up{`+job+`})`, ""))).
		WithPanel(figure("Queries", "Queries answered per second.", units.CountsPerSecond).
			WithTarget(query(answered, ""))).
		WithPanel(figure("Failures", "Share of the answers with code SERVFAIL.", units.PercentUnit).
			Decimals(2).
			Thresholds(steps(green, at(0.01, yellow), at(0.05, red))).
			WithTarget(query(`(sum(rate(coredns_dns_responses_total{`+server+`, rcode="SERVFAIL"}[$__rate_interval])) or vector(0)) / `+answered, ""))).
		WithPanel(figure("Latency, 99th percentile", "Time to answer a query.", units.Seconds).
			Thresholds(steps(green, at(0.1, yellow), at(1, red))).
			WithTarget(query(quantile("0.99", ""), ""))).
		WithPanel(figure("Answers from the cache", "Share of the queries that the cache answers.", units.PercentUnit).
			WithTarget(query(`(sum(rate(coredns_cache_hits_total{`+server+`}[$__rate_interval])) or vector(0)) / sum(rate(coredns_cache_requests_total{`+server+`}[$__rate_interval]))`, ""))).
		WithPanel(figure("Panics and failed reloads", "Panics while answering a query, and changes of the Corefile that could not be loaded, within the time range.", units.Short).
			Decimals(0).
			Thresholds(steps(green, at(1, red))).
			WithTarget(instant(`sum(increase(coredns_panics_total{`+server+`}[$__range])) + sum(increase(coredns_reload_failed_total{`+server+`}[$__range]))`, "")))

	board.WithRow(row("Queries")).
		WithPanel(stacked(overTime("Answers", "Answers per second, by code. NXDOMAIN is normal: clients try a name with each of their search domains.", units.CountsPerSecond)).
			WithTarget(query(`sum by (rcode) (rate(coredns_dns_responses_total{`+server+`}[$__rate_interval]))`, "{{rcode}}"))).
		WithPanel(stacked(overTime("Queries by type", "Queries received per second, by the type of record.", units.CountsPerSecond)).
			WithTarget(query(`sum by (type) (rate(coredns_dns_requests_total{`+server+`}[$__rate_interval]))`, "{{type}}"))).
		WithPanel(overTime("Failures by plugin", "Answers with code SERVFAIL per second, by the plugin that gave them.", units.CountsPerSecond).
			WithTarget(query(`label_replace(sum by (plugin) (rate(coredns_dns_responses_total{`+server+`, rcode="SERVFAIL"}[$__rate_interval])) or 0 * sum by (plugin) (rate(coredns_dns_responses_total{`+server+`}[$__rate_interval])), "plugin", "none", "plugin", "")`, "{{plugin}}"))).
		WithPanel(stacked(overTime("Queries by protocol", "Queries received per second. TCP is used where an answer does not fit into a packet.", units.CountsPerSecond)).
			WithTarget(query(`sum by (proto) (rate(coredns_dns_requests_total{`+server+`}[$__rate_interval]))`, "{{proto}}"))).
		WithPanel(stacked(overTime("Queries by pod", "Queries answered per second, by the ten pods with the most.", units.CountsPerSecond)).
			WithTarget(query(mostOf(10, `sum by (pod) (rate(coredns_dns_responses_total{`+server+`}[$__rate_interval]))`), "{{pod}}"))).
		WithPanel(stacked(overTime("Queries by zone", "Queries received per second, by the ten zones with the most.", units.CountsPerSecond)).
			WithTarget(query(mostOf(10, `sum by (zone) (rate(coredns_dns_requests_total{`+server+`}[$__rate_interval]))`), "{{zone}}")))

	board.WithRow(row("Latency")).
		WithPanel(withThreshold(overTime("Latency", "Time to answer a query.", units.Seconds), 1).
			WithTarget(query(quantile("0.5", ""), "median")).
			WithTarget(query(quantile("0.9", ""), "90th percentile")).
			WithTarget(query(quantile("0.99", ""), "99th percentile"))).
		WithPanel(withThreshold(overTime("Latency by pod, 99th percentile", "Time to answer a query, by the ten slowest pods.", units.Seconds), 1).
			WithTarget(query(mostOf(10, quantile("0.99", "pod, ")), "{{pod}}")))

	board.WithRow(row("Cache")).
		WithPanel(stacked(overTime("Cache hits and misses", "Queries per second that the cache answers, with a record or with its absence, and those that it does not.", units.CountsPerSecond)).
			WithTarget(query(`sum by (type) (rate(coredns_cache_hits_total{`+server+`}[$__rate_interval])) or 0 * sum by (type) (coredns_cache_entries{`+server+`})`, "{{type}}")).
			WithTarget(query(`sum(rate(coredns_cache_misses_total{`+server+`}[$__rate_interval]))`, "miss"))).
		WithPanel(overTime("Entries", "Entries in the caches of all pods, by type.", units.Short).
			WithTarget(query(`sum by (type) (coredns_cache_entries{`+server+`})`, "{{type}}")))

	board.WithRow(row("Servers behind")).
		WithPanel(overTime("Latency of servers, 99th percentile", "Time until a server that CoreDNS forwards to answers.", units.Seconds).
			WithTarget(query(`histogram_quantile(0.99, sum by (to, le) (rate(coredns_proxy_request_duration_seconds_bucket{`+server+`}[$__rate_interval]))) or on () label_replace(0 * sum(coredns_forward_healthcheck_broken_total{`+server+`}), "to", "none", "", "")`, "{{to}}"))).
		WithPanel(overTime("Servers not reached", "Times per second that all servers counted as down, and queries per second that are refused because too many wait for an answer.", units.CountsPerSecond).
			WithTarget(query(`sum(rate(coredns_forward_healthcheck_broken_total{`+server+`}[$__rate_interval]))`, "all servers down")).
			WithTarget(query(`sum(rate(coredns_forward_max_concurrent_rejects_total{`+server+`}[$__rate_interval]))`, "too many waiting")))

	board.WithRow(row("Kubernetes")).
		WithPanel(overTime("Delay of changes, 90th percentile", "Time from a change of a Service's endpoints until CoreDNS answers with it.", units.Seconds).
			WithTarget(query(`histogram_quantile(0.9, sum by (service_kind, le) (rate(coredns_kubernetes_dns_programming_duration_seconds_bucket{`+server+`}[$__rate_interval])))`, "{{service_kind}}"))).
		WithPanel(overTime("Requests to the API servers", "Requests per second, by status.", units.RequestsPerSecond).
			WithTarget(query(`sum by (code) (rate(coredns_kubernetes_rest_client_requests_total{`+server+`}[$__rate_interval]))`, "{{code}}")))

	processes(board, server, "pod")
	return board
}
