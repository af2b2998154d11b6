package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/histograms"
)

// histogramForm finds expressions of the stack's own that select a histogram in a form in which no
// job stores it. Shipped ones are translated into the form that is stored.
func histogramForm(a *Analysis) []Finding {
	var findings []Finding
	seen := map[*query]bool{}
	for _, u := range a.uses() {
		if !u.Own {
			continue
		}
		if jobs := a.Histograms.Classic(u.selector); len(jobs) > 0 && len(a.series.named(u.selector)) == 0 {
			name := histograms.MetricName(u.selector)
			findings = append(findings, u.finding("job %s stores %s as a classic histogram: its series are %s_bucket, %s_sum and %s_count; or store a native one, with discovery.jobs.%s.histograms: native",
				strings.Join(jobs, ", "), name, name, name, name, jobs[0])...)
			continue
		}
		if _, _, native := a.Histograms.Selected(u.selector); native && !seen[u.query] {
			seen[u.query] = true
			findings = append(findings, a.classicForm(u)...)
		}
	}
	return findings
}

// otherForm reports whether a use selects a histogram that is stored in another form.
func (a *Analysis) otherForm(u use) bool {
	_, _, native := a.Histograms.Selected(u.selector)
	return native || len(a.Histograms.Classic(u.selector)) > 0
}

// classicForm returns a finding about an expression that selects, here in u, the classic form of a
// histogram that is stored as a native one, with the expression that works. An application may have
// a histogram of the same name: it is a warning if that is likely, and none for the usual names
// of applications' metrics.
func (a *Analysis) classicForm(u use) []Finding {
	histogram, jobs, _ := a.Histograms.Selected(u.selector)
	message, severity := fmt.Sprintf("job %s stores %s as a native histogram, which has no series %s", strings.Join(jobs, ", "), histogram, histograms.MetricName(u.selector)), Error
	hint := ""
	if open := a.series.openJobs(u.selector); len(open) > 0 && !selectsJob(u.selector) {
		hint = fmt.Sprintf(" (if one of your applications exposes it, select its job: {job=%q})", open[0].name)
		switch {
		case namedAfter(histogram, jobs):
		case slices.ContainsFunc(applicationPrefixes, func(prefix string) bool { return strings.HasPrefix(histogram, prefix) }):
			return nil
		default:
			severity = Warning
		}
	}
	translated, err := dashboards.Translate(a.Histograms, u.Text)
	if err != nil && u.Panel { // perhaps only with its variables
		if expr, _, withValues := a.Histograms.Translate(u.Expr); withValues == nil {
			translated, err = expr.String(), nil
		}
	}
	if err != nil {
		message += ": " + err.Error() + hint
	} else {
		message += "; use: " + translated + hint
	}
	findings := u.finding("%s", message)
	for i := range findings {
		if severity == Warning {
			findings[i].Severity = Warning
		}
	}
	return findings
}

// applicationPrefixes starts the names of histograms that frameworks give to any program.
var applicationPrefixes = []string{"http_", "grpc_", "rpc_"}

// namedAfter reports whether a metric has the name of a program that one of the jobs scrapes, as
// apiserver_request_duration_seconds has, so that no application has it.
func namedAfter(metric string, jobs []string) bool {
	program, _, _ := strings.Cut(metric, "_")
	return slices.ContainsFunc(jobs, func(job string) bool {
		row, _ := config.Job(job).Row()
		return strings.Contains(strings.ReplaceAll(job+" "+row.Exporter, "-", ""), program)
	})
}

// selectsJob reports whether a selector has a matcher of the label job.
func selectsJob(selector *parser.VectorSelector) bool {
	return slices.ContainsFunc(selector.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == model.JobLabel })
}
