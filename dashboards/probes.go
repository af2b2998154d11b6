package dashboards

import (
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// probeJobs lists the jobs whose targets blackbox-exporter probes.
var probeJobs = []config.Job{config.BlackboxTargetsJob, config.ServicesJob, config.IngressesJob}

// probeTargets returns the dashboard of what blackbox-exporter probes: which targets answer, how long each
// phase of an answer takes, and when certificates expire.
func probeTargets(o Options) *dashboard.DashboardBuilder {
	var jobs []string
	for _, job := range probeJobs {
		if o.Has(job) {
			jobs = append(jobs, string(job))
		}
	}
	probed := inCluster + `, job=~"` + strings.Join(jobs, "|") + `"`
	target := probed + `, instance=~"$instance"`
	available := `avg by (instance) (avg_over_time(probe_success{` + target + `}[$__range]))`

	board := newDashboard(o, UIDProbes, "Probes",
		"What is probed from inside the cluster: which targets answer, how long each phase of an answer takes, and when certificates expire.",
		"probe_success", "probes").
		WithVariable(labelsVariable("instance", "Target", `label_values(probe_success{`+probed+`}, instance)`))

	board.WithPanel(firingAlerts(o, `alertname=~"Probe.+|BlackboxExporter.+"`))
	board.WithRow(row("At a glance")).
		WithPanel(figure("Targets", "What is probed. A target that is probed with two modules counts twice.", units.Short).
			GraphMode(common.BigValueGraphModeNone).
			WithTarget(query(`count(probe_success{`+target+`})`, ""))).
		WithPanel(figure("Failing", "Targets whose last probe failed.", units.Short).
			Thresholds(steps(green, at(1, red))).
			WithTarget(query(`count(probe_success{`+target+`}) - sum(probe_success{`+target+`})`, ""))).
		WithPanel(figure("Availability", "Share of the probes within the time range that succeeded, over all targets.", units.PercentUnit).
			GraphMode(common.BigValueGraphModeNone).
			Decimals(2).
			Thresholds(steps(red, at(0.99, yellow), at(0.999, green))).
			WithTarget(instant(`avg(avg_over_time(probe_success{`+target+`}[$__range]))`, ""))).
		WithPanel(figure("Least available", "Availability of the target with the fewest successful probes within the time range.", units.PercentUnit).
			GraphMode(common.BigValueGraphModeNone).
			Decimals(2).
			Thresholds(steps(red, at(0.99, yellow), at(0.999, green))).
			WithTarget(instant(`min(`+available+`)`, ""))).
		WithPanel(figure("Slowest", "Duration of the slowest probe.", units.Seconds).
			WithTarget(query(`max(probe_duration_seconds{`+target+`})`, ""))).
		WithPanel(figure("Soonest certificate", "Time until the first certificate expires.", units.DurationSeconds).
			GraphMode(common.BigValueGraphModeNone).
			Thresholds(steps(red, at(7*24*3600, yellow), at(21*24*3600, green))).
			NoValue("No TLS").
			WithTarget(query(`min(probe_ssl_earliest_cert_expiry{`+target+`}) - time()`, "")))

	board.WithPanel(figure("Blackbox exporter", "Whether it accepted its last configuration.", units.NoUnit).
		GraphMode(common.BigValueGraphModeNone).
		Mappings(states(word("Rejected", red), word("Loaded", green))).
		WithTarget(query(`min(blackbox_exporter_config_last_reload_successful{`+inCluster+`})`, "")))

	board.WithRow(row("Targets")).
		WithPanel(listing("Targets", "The latest values of each target, and its availability within the time range.",
			column{"instance", "Target", nil},
			namespaceColumn(o),
			column{"service", "Service", nil},
			column{"module", "Module", nil},
			column{"Value #A", "State", inWords(states(word("Failing", red), word("Answers", green)))},
			column{"Value #B", "Availability", inSteps(units.PercentUnit, red, at(0.99, yellow), at(0.999, green))},
			column{"Value #C", "Duration", inUnit(units.Seconds)},
			column{"Value #D", "HTTP status", inUnit(units.NoUnit)},
			column{"Value #E", "Certificate expires in", inSteps(units.DurationSeconds, red, at(7*24*3600, yellow), at(21*24*3600, green))},
		).
			Height(8).
			SortBy(sortedBy("Availability", false)).
			WithTarget(rows(`min by (instance, namespace, service, module) (probe_success{` + target + `})`)).
			WithTarget(rows(`avg by (instance, namespace, service, module) (avg_over_time(probe_success{` + target + `}[$__range]))`)).
			WithTarget(rows(`max by (instance, namespace, service, module) (probe_duration_seconds{` + target + `})`)).
			WithTarget(rows(`max by (instance, namespace, service, module) (probe_http_status_code{` + target + `})`)).
			WithTarget(rows(`min by (instance, namespace, service, module) (probe_ssl_earliest_cert_expiry{` + target + `}) - time()`)))

	board.WithRow(row("Availability")).
		WithPanel(withThreshold(overTime("Targets failing", "Targets whose last probe failed, by job.", units.Short), 1).
			Decimals(0).
			WithTarget(query(`count by (job) (probe_success{`+target+`}) - sum by (job) (probe_success{`+target+`})`, "{{job}}"))).
		WithPanel(overTime("Least available targets", "Share of the probes of the last ten minutes that succeeded, for the ten targets with the lowest share over the time range.", units.PercentUnit).
			Max(1).
			WithTarget(query(`avg by (instance) (avg_over_time(probe_success{`+target+`}[10m])) and bottomk(10, avg by (instance) (avg_over_time(probe_success{`+target+`}[$__range] @ end())))`, "{{instance}}")))

	board.WithRow(row("Latency")).
		WithPanel(overTime("Duration", "Duration of a probe, for the ten slowest targets.", units.Seconds).
			WithTarget(query(largest(10, `max by (instance) (probe_duration_seconds{`+target+`})`), "{{instance}}"))).
		WithPanel(stacked(overTime("HTTP by phase", "Mean duration of each phase of a request: the name is resolved, the connection made and secured, the request processed, the answer transferred. Redirects add up.", units.Seconds)).
			WithTarget(query(`avg by (phase) (probe_http_duration_seconds{`+target+`})`, "{{phase}}"))).
		WithPanel(overTime("Processing", "Time from the request to the first byte of the answer, for the ten slowest targets.", units.Seconds).
			WithTarget(query(largest(10, `max by (instance) (probe_http_duration_seconds{`+target+`, phase="processing"})`), "{{instance}}"))).
		WithPanel(overTime("Resolving names", "Time to resolve the name of a target, for the ten slowest.", units.Seconds).
			WithTarget(query(largest(10, `max by (instance) (probe_dns_lookup_time_seconds{`+target+`})`), "{{instance}}")))

	board.WithRow(row("Certificates")).
		WithPanel(ranking("Certificates that expire first", "Time until the first certificate of a target's chain expires. Alerts fire below 21 days, unless it was renewed within four days.", units.DurationSeconds).
			Thresholds(steps(red, at(7*24*3600, yellow), at(21*24*3600, green))).
			NoValue("No target is probed with TLS").
			WithTarget(instant(`sort(bottomk(20, min by (instance) (probe_ssl_earliest_cert_expiry{`+target+`}) - time()))`, "{{instance}}"))).
		WithPanel(listing("Versions of TLS", "Targets that negotiated each version. Versions before 1.2 are not secure.",
			column{"version", "Version", nil},
			column{"Value", "Targets", inUnit(units.Short)},
		).
			Span(12).
			NoValue("No target is probed with TLS").
			SortBy(sortedBy("Version", false)).
			WithTarget(rows(`count by (version) (probe_tls_version_info{` + target + `})`)))
	return board
}
