package check

import (
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// The figures of the cost of an evaluation are chosen so that only groups that are off by a large
// factor are found: one core of a server reads a tenth to a third as many samples.
const (
	samplesPerSecond = 50_000_000
	narrowed         = 0.1 // share of a metric's series that a selector with matchers of its own is taken to select
)

// groupInTime finds groups of rules that certainly take longer to evaluate than the time between two
// evaluations, so that Prometheus skips some. The cost is the number of samples that their
// expressions read: a selector reads, of each series that it selects, the samples in its range, and a
// subquery does so in each of its steps. Series that are not estimated cost nothing. It needs cluster.nodes.
func groupInTime(a *Analysis) []Finding {
	estimate, ok := EstimateOf(a)
	if !ok {
		return nil
	}
	cost := cost{a, estimate.each}
	var findings []Finding
	for _, group := range a.groups() {
		total, most, dearest := 0.0, 0.0, ""
		for _, q := range group.queries {
			samples := cost.samples(q.Expr, 1)
			if total += samples; samples > most {
				most, dearest = samples, q.Rule.Alert+q.Rule.Record
			}
		}
		takes, every := time.Duration(total/samplesPerSecond*float64(time.Second)), a.every(group)
		if takes <= every {
			continue
		}
		findings = append(findings, Finding{Path: group.path, Severity: Warning, Message: fmt.Sprintf(
			"an evaluation reads about %.0f million samples, most of them for %s, and takes longer than the %s between two, so that some are skipped; shorten ranges and subqueries, record what they read with a rule, or raise the group's interval",
			total/1e6, dearest, model.Duration(every))})
	}
	return findings
}

// cost estimates what expressions read.
type cost struct {
	analysis *Analysis
	each     map[*series]float64 // estimated number of series
}

// samples returns the number of samples that an expression reads when it is evaluated a number of
// times.
func (c cost) samples(expr parser.Node, times float64) float64 {
	switch e := expr.(type) {
	case *parser.VectorSelector:
		return c.selected(e, 0) * times
	case *parser.MatrixSelector:
		if selector, ok := e.VectorSelector.(*parser.VectorSelector); ok {
			return c.selected(selector, e.Range) * times
		}
	case *parser.SubqueryExpr:
		step := e.Step
		if step <= 0 {
			step = c.analysis.Config.Prometheus.EvaluationInterval.Duration
		}
		return c.samples(e.Expr, times*max(1, float64(e.Range)/float64(step)))
	}
	total := 0.0
	for _, child := range parser.Children(expr) {
		total += c.samples(child, times)
	}
	return total
}

// selected returns the number of samples that a selector reads in one evaluation.
func (c cost) selected(selector *parser.VectorSelector, over time.Duration) float64 {
	total := 0.0
	for _, s := range c.analysis.series.find(selector) {
		if s.job != nil {
			total += c.each[s] * max(1, float64(over)/float64(s.job.interval))
		}
	}
	if slices.ContainsFunc(selector.LabelMatchers, func(m *labels.Matcher) bool {
		return !slices.Contains([]string{model.MetricNameLabel, model.JobLabel, "cluster"}, m.Name)
	}) {
		total *= narrowed
	}
	return total
}
