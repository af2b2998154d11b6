package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/agnivade/levenshtein"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/histograms"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/metrics"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// use is one selector of an expression, with how the expression uses it.
type use struct {
	*query
	selector *parser.VectorSelector
	optional bool          // the expression works without it: either side of or, right side of unless
	function string        // the innermost function around the selector; "" if there is none
	over     time.Duration // the range of a range selector; 0 for an instant selector
}

// uses returns the selectors of every expression.
func (a *Analysis) uses() []use {
	var uses []use
	for i := range a.Queries {
		walk(a.Queries[i].Expr, use{query: &a.Queries[i]}, &uses)
	}
	return uses
}

// walk appends the selectors below a node, which the expression uses as given.
func walk(node parser.Node, as use, uses *[]use) {
	switch n := node.(type) {
	case *parser.VectorSelector:
		as.selector = n
		*uses = append(*uses, as)
		return
	case *parser.MatrixSelector:
		as.over = n.Range
		walk(n.VectorSelector, as, uses)
		return
	case *parser.SubqueryExpr:
		as.function = ""
	case *parser.Call:
		as.function = n.Func.Name
	case *parser.BinaryExpr:
		as.function = ""
		left, right := as, as
		left.optional = as.optional || n.Op == parser.LOR
		right.optional = as.optional || n.Op == parser.LOR || n.Op == parser.LUNLESS
		walk(n.LHS, left, uses)
		walk(n.RHS, right, uses)
		return
	}
	for _, child := range parser.Children(node) {
		walk(child, as, uses)
	}
}

// finding returns a finding about a use of a selector: a warning if the selector is optional or in
// a shipped dashboard, otherwise an error. It returns none for an optional selector of a shipped
// expression.
func (u use) finding(format string, args ...any) []Finding {
	severity := Error
	switch {
	case u.optional && !u.Own:
		return nil
	case u.optional, u.Panel && !u.Own:
		severity = Warning
	}
	return []Finding{{Path: u.Path, Message: fmt.Sprintf(format, args...), Severity: severity}}
}

// metricCollected finds selectors of metrics that no enabled job collects. It leaves metrics that
// are dropped to metricKept, recorded series to ruleRecords and histograms that are stored in another
// form to histogramForm.
func metricCollected(a *Analysis) []Finding {
	var findings []Finding
	missing := map[string]*absence{}
	for _, u := range a.uses() {
		name := cmp.Or(u.selector.Name, u.selector.String())
		if len(a.series.named(u.selector)) > 0 || len(a.series.droppedBy(name)) > 0 || isRecorded(name) || a.otherForm(u) || a.unlisted(u) {
			continue
		}
		if open := a.series.openJobs(u.selector); u.Own && len(open) > 0 {
			if near, ok := a.series.typoOf(u.selector.Name); ok {
				findings = append(findings, u.finding("no exporter of this stack exposes %s; did you mean %s? (if one of your applications exposes it, select its job: {job=%q})", name, near, open[0].name)...)
			}
			continue
		}
		if u.Guessed && (u.selector.Name == "" || strings.Contains(u.selector.Name, dashboards.Unknown)) || u.optional && !u.Own {
			continue
		}
		// One finding for each rule, query of a custom dashboard or shipped dashboard.
		path := u.Path
		if u.Panel && !u.Own {
			path, _, _ = strings.Cut(strings.TrimPrefix(u.Path, "dashboards/"), "/")
			path = "dashboards/" + path
		}
		key := fmt.Sprint(path, u.optional)
		if missing[key] == nil {
			missing[key] = &absence{use: u, path: path}
		}
		missing[key].add(name)
	}
	for _, m := range missing {
		hint := a.series.reason(m.names[0])
		if m.Rule != nil && !m.Own && m.Rule.Alert != "" {
			hint += fmt.Sprintf("; to switch the alert off: alerting.disabled: [%s]", m.Rule.Alert)
		}
		for _, finding := range m.finding("no enabled job collects %s%s", m, hint) {
			finding.Path = m.path
			findings = append(findings, finding)
		}
	}
	return findings
}

// unlisted reports whether a use in a shipped expression selects, by its job, the metrics of a program
// of this stack of which no file lists the metrics: Grafana.
func (a *Analysis) unlisted(u use) bool {
	return !u.Own && selectsJob(u.selector) && slices.ContainsFunc(a.series.openJobs(u.selector), func(j *job) bool {
		row, ok := config.Job(j.name).Row()
		return ok && row.Exporter == "" && !row.Applications()
	})
}

// absence collects the metrics that one rule or dashboard selects in vain.
type absence struct {
	use
	path  string   // as in Finding.Path
	names []string // without duplicates
}

// add adds the name of a missing metric.
func (a *absence) add(name string) {
	if !slices.Contains(a.names, name) {
		a.names = append(a.names, name)
	}
}

// String lists the metrics, at most three by name.
func (a *absence) String() string { return abbreviated(a.names) }

// abbreviated lists names, at most three of them.
func abbreviated(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// reason returns why a metric is not collected, as the end of a message; "" if unknown.
func (c *catalogue) reason(name string) string {
	cfg := c.analysis.Config
	if kind, ok := render.KindOf(name); ok && cfg.Enabled(config.KubeStateMetricsJob) && !slices.Contains(cfg.Exporters.KubeStateMetrics.Kinds, kind) {
		return fmt.Sprintf("; add %s to exporters.kubeStateMetrics.kinds", kind)
	}
	for _, j := range config.Jobs {
		if cfg.Enabled(j) {
			continue
		}
		exposed, err := render.Exposition(cfg, j)
		if err != nil {
			continue
		}
		for _, m := range exposed {
			if m.Name == name || slices.Contains(m.SampleNames(), name) {
				if by := cfg.CollectedBy(j); by != "" {
					return fmt.Sprintf("; job %s collects the metrics of job %s on this platform: select {job=%q}", by, j, by)
				}
				return fmt.Sprintf("; job %s would, but is off", j)
			}
		}
	}
	if near, ok := c.typoOf(name); ok {
		return fmt.Sprintf("; did you mean %s?", near)
	}
	return ""
}

// typoOf returns a known name that name is probably a misspelling of. It reports false for a
// known name, and for names too short or too different to be certain.
func (c *catalogue) typoOf(name string) (string, bool) {
	near, ok := config.Nearest(name, c.names)
	if !ok || slices.Contains(c.names, name) {
		return "", false
	}
	if len(name) >= 8 && levenshtein.ComputeDistance(name, near) <= 2 {
		return near, true
	}
	if histogram, ok := histograms.Series(name); ok {
		near, ok := c.typoOf(histogram)
		return near, ok && slices.ContainsFunc(c.byName[near], func(s *series) bool { return s.native })
	}
	return near, false
}

// metricKept finds selectors of metrics that relabelling drops.
func metricKept(a *Analysis) []Finding {
	var findings []Finding
	for _, u := range a.uses() {
		jobs := a.series.droppedBy(u.selector.Name)
		if len(jobs) == 0 || len(a.series.named(u.selector)) > 0 || u.Own && len(a.series.openJobs(u.selector)) > 0 && !slices.ContainsFunc(jobs, func(job string) bool { return matches(u.selector, model.JobLabel, job) }) {
			continue
		}
		findings = append(findings, u.finding("metric relabelling of job %s drops %s; see discovery.jobs.%s.metricRelabelConfigs", strings.Join(jobs, ", "), u.selector.Name, jobs[0])...)
	}
	return findings
}

// jobKnown finds selectors whose matchers of the label job accept no job that has the metric.
func jobKnown(a *Analysis) []Finding {
	var findings []Finding
	for _, u := range a.uses() {
		named := a.series.named(u.selector)
		if len(named) == 0 || slices.ContainsFunc(named, func(found *series) bool { return found.inJob(u.selector) }) || len(a.series.openJobs(u.selector)) > 0 {
			continue
		}
		var jobs []string
		for _, found := range named {
			jobs = append(jobs, found.job.name)
		}
		slices.Sort(jobs)
		findings = append(findings, u.finding("%s: no enabled job that it selects has this metric; jobs that have it: %s", u.selector, strings.Join(slices.Compact(jobs), ", "))...)
	}
	return findings
}

// labelKnown finds selectors with labels that no series has, or with values it cannot have.
func labelKnown(a *Analysis) []Finding {
	var findings []Finding
	for _, u := range a.uses() {
		if found := a.rejected(u); found != nil {
			if m := found.rejectedBy(u.selector); !(found.bucket && m.Name == model.BucketLabel) {
				findings = append(findings, u.finding("%s: no series has %s; %s", u.selector, m, found.describe(m.Name))...)
			}
		}
	}
	return findings
}

// rejected returns a series of a selector's name and job if the selector's other matchers reject
// every such series; nil if they accept one or if that is not certain.
func (a *Analysis) rejected(u use) *series {
	elsewhere := u.Own && !isRecorded(u.selector.Name) && len(a.series.openJobs(u.selector)) > 0
	if u.Guessed || elsewhere || len(a.series.find(u.selector)) > 0 {
		return nil
	}
	for _, found := range a.series.named(u.selector) {
		if found.inJob(u.selector) {
			return found
		}
	}
	return nil
}

// describe returns the values that a label can have, or the labels that the series have.
func (s *series) describe(label string) string {
	if s.job != nil && len(s.job.domains[label]) > 0 {
		return fmt.Sprintf("%s is always %s in job %s", label, strings.Join(s.job.domains[label], " or "), s.job.name)
	}
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range s.labels.may {
			if !yield(name) {
				return
			}
		}
	})
	return "its labels are " + strings.Join(names, ", ")
}

// bucketKept finds selectors of histogram buckets that do not exist or that relabelling drops.
func bucketKept(a *Analysis) []Finding {
	var findings []Finding
	for _, u := range a.uses() {
		found := a.rejected(u)
		if found == nil || !found.bucket {
			continue
		}
		if m := found.rejectedBy(u.selector); m.Name == model.BucketLabel {
			bounds := make([]string, len(found.bounds))
			for i, bound := range found.bounds {
				bounds[i] = metrics.FormatBound(bound)
			}
			findings = append(findings, u.finding("%s: there is no bucket with %s; its bounds are %s", u.selector, m, strings.Join(bounds, ", "))...)
		}
	}
	return findings
}

// isRecorded reports whether a name is one of a recorded series: only those contain colons,
// https://prometheus.io/docs/practices/rules/#naming
func isRecorded(name string) bool { return strings.Contains(name, ":") }

// ruleRecords finds selectors of recorded series that no rule records.
func ruleRecords(a *Analysis) []Finding {
	var findings []Finding
	for _, u := range a.uses() {
		name := u.selector.Name
		if !isRecorded(name) || len(a.series.named(u.selector)) > 0 || len(a.Config.Discovery.ExtraScrapeConfigs) > 0 {
			continue
		}
		if u.Own && !a.Config.HasPrometheus() {
			continue // rules of other clusters may record it
		}
		hint := ""
		if near, ok := a.series.typoOf(name); ok {
			hint = fmt.Sprintf("; did you mean %s?", near)
		}
		findings = append(findings, u.finding("no rule records %s%s", name, hint)...)
	}
	return findings
}

// ruleOrder finds rules that use a series before a later rule of the same group records it.
// Prometheus evaluates the rules of a group in order, and groups independently of each other.
func ruleOrder(a *Analysis) []Finding {
	var findings []Finding
	next := 0 // index of the next group's first query
	for _, file := range a.Rules {
		for _, group := range file.Groups {
			rules := a.Queries[next : next+len(group.Rules)]
			next += len(group.Rules)
			first := map[string]int{} // recorded name to the first rule that records it
			last := map[string]int{}  // recorded name to the last rule that records it
			for i, q := range rules {
				if name := q.Rule.Record; name != "" {
					if _, ok := first[name]; !ok {
						first[name] = i
					}
					last[name] = i
				}
			}
			for i := range rules {
				var uses []use
				walk(rules[i].Expr, use{query: &rules[i]}, &uses)
				for _, u := range uses {
					if at, ok := first[u.selector.Name]; ok && at > i && len(a.series.recorded[u.selector.Name]) == last[u.selector.Name]-at+1 && u.over == 0 {
						findings = append(findings, Finding{Path: u.Path, Severity: Error,
							Message: fmt.Sprintf("uses %s before a later rule of its group records it, and so always sees the value of the previous evaluation; move it below that rule", u.selector.Name)})
					}
				}
			}
		}
	}
	return findings
}

// rateFunctions names the functions that need several samples in their range.
var rateFunctions = []string{"rate", "irate", "increase", "delta", "idelta", "deriv"}

// rangeCovers finds rates over less than four scrape intervals. In a dashboard, two intervals are
// enough to make it a warning.
func rangeCovers(a *Analysis) []Finding {
	var findings []Finding
	for _, u := range a.uses() {
		if !slices.Contains(rateFunctions, u.function) || u.over == 0 {
			continue
		}
		shortest, name := time.Duration(0), ""
		for _, found := range a.series.find(u.selector) {
			every := a.Config.Prometheus.EvaluationInterval.Duration
			if found.job != nil {
				every = found.job.interval
			}
			if shortest == 0 || every < shortest {
				shortest = every
				if found.job != nil {
					name = " of job " + found.job.name
				}
			}
		}
		if shortest == 0 {
			for _, open := range a.series.openJobs(u.selector) {
				if shortest == 0 || open.interval < shortest {
					shortest, name = open.interval, " of job "+open.name
				}
			}
		}
		if u.over >= 4*shortest {
			continue
		}
		found := u.finding("%s over %s is shorter than four scrapes%s, which are %s apart: one failed scrape leaves a gap; allowed: %s or more",
			u.function, model.Duration(u.over), name, model.Duration(shortest), model.Duration(4*shortest))
		if u.Panel && u.over >= 2*shortest { // only a gap in a line
			for i := range found {
				found[i].Severity = Warning
			}
		}
		findings = append(findings, found...)
	}
	return findings
}
