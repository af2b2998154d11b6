// Package histograms translates PromQL on classic histograms into PromQL on native ones.
//
// A classic histogram foo is a set of series: foo_bucket with a label le for each bucket, foo_sum and
// foo_count. A native histogram is one series foo, whose samples hold all of that. Prometheus stores
// it if the target offers it, or converts the classic one, with the same buckets:
// https://prometheus.io/docs/specs/native_histograms/
//
// What an expression calculates stays the same:
//
//	histogram_quantile(0.9, sum by (le, job) (rate(foo_bucket[5m])))  histogram_quantile(0.9, sum by (job) (rate(foo[5m])))
//	sum(rate(foo_count[5m]))                                          sum(histogram_count(rate(foo[5m])))
//	rate(foo_sum[5m]) / rate(foo_count[5m])                           histogram_avg(rate(foo[5m]))
//	sum(rate(foo_bucket{le="1"}[5m]))                                 histogram_count(sum(rate(foo[5m])) </ 1)
//	sum(rate(foo_bucket{le="1"}[5m])) / sum(rate(foo_count[5m]))      histogram_fraction(-Inf, 1, sum(rate(foo[5m])))
//
// An expression without an equal on native histograms is an error.
package histograms

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// Stored returns the jobs that store a histogram, among those whose series the selector selects:
// the ones that store it as a native histogram, and the ones that store it as a classic one. Both
// are empty for what is not known to be a histogram.
type Stored func(histogram string, selector *parser.VectorSelector) (native, classic []string)

// Translator translates expressions.
type Translator struct {
	stored   Stored
	recorded map[string]bool // names of recordings of buckets, which become recordings of histograms
}

// New returns a translator for histograms that are stored as stored reports.
func New(stored Stored) *Translator {
	return &Translator{stored: stored, recorded: map[string]bool{}}
}

// Recording is a recording rule.
type Recording struct {
	Name string
	Expr parser.Expr
}

// Record notes which of the rules record buckets of histograms that are stored as native ones.
// Translated, such a rule records native histograms under the same name, and Translate also
// translates what selects them.
func (t *Translator) Record(rules []Recording) {
	for found := true; found; {
		found = false
		for _, rule := range rules {
			if t.recorded[rule.Name] || !t.May(rule.Expr.String()) {
				continue
			}
			if _, histogram, err := t.Translate(rule.Expr); err == nil && histogram {
				t.recorded[rule.Name] = true
				found = true
			}
		}
	}
}

// Suffixes of the names of a classic histogram's series.
const (
	bucketSuffix = "_bucket"
	sumSuffix    = "_sum"
	countSuffix  = "_count"
)

// May reports whether the text of an expression may select series of a classic histogram. It is
// quick, and true for every expression that Translate changes.
func (t *Translator) May(expr string) bool {
	for _, suffix := range []string{bucketSuffix, sumSuffix, countSuffix} {
		if strings.Contains(expr, suffix) {
			return true
		}
	}
	for name := range t.recorded {
		if strings.Contains(expr, name) {
			return true
		}
	}
	return false
}

// Series returns the name of the histogram that a series of a classic one belongs to; false if
// the name has no suffix of such series.
func Series(name string) (histogram string, ok bool) {
	histogram, _, ok = split(name)
	return histogram, ok
}

// split splits the name of a series of a classic histogram into the histogram's and the suffix.
func split(name string) (histogram, suffix string, ok bool) {
	for _, suffix := range []string{bucketSuffix, sumSuffix, countSuffix} {
		if histogram, ok := strings.CutSuffix(name, suffix); ok && histogram != "" {
			return histogram, suffix, true
		}
	}
	return "", "", false
}

// Translate returns the expression on native histograms, and whether its values are histograms
// instead of the buckets of classic ones. An expression that selects no histogram which is stored as
// a native one stays as it is. If some of the jobs that an expression selects store a histogram as a
// native one and others as a classic one, the translation selects both forms. The error says
// why there is no translation.
func (t *Translator) Translate(expr parser.Expr) (translated parser.Expr, histogram bool, err error) {
	classic, buckets := t.mixed(expr), selectedBuckets(expr)
	if len(classic) == 0 {
		v, err := translation{t, nil, buckets}.complete(expr)
		return v.expr, v.form == whole, err
	}
	if !keepsJob(expr, func(s *parser.VectorSelector) bool { return len(t.mixedJobs(s)) > 0 }) {
		return nil, false, fmt.Errorf("%s store it as a classic histogram, other jobs as a native one, and the expression adds them up; select one job, or keep the label job", strings.Join(classic, ", "))
	}
	jobs := strings.Join(classic, "|")
	native, err := translation{t, labels.MustNewMatcher(labels.MatchNotRegexp, model.JobLabel, jobs), buckets}.complete(expr)
	if err != nil {
		return nil, false, err
	}
	other, err := translation{t, labels.MustNewMatcher(labels.MatchRegexp, model.JobLabel, jobs), buckets}.complete(expr)
	if err != nil {
		return nil, false, err
	}
	if native.form == whole {
		return nil, false, fmt.Errorf("%s store it as a classic histogram, and other jobs as a native one; select one job", strings.Join(classic, ", "))
	}
	matching := &parser.VectorMatching{Card: parser.CardManyToMany}
	return &parser.BinaryExpr{Op: parser.LOR, LHS: native.expr, RHS: other.expr, VectorMatching: matching}, false, nil
}

// Selected returns the histogram that a selector selects as a classic one, and the jobs that store it
// as a native one; false if no job does.
func (t *Translator) Selected(selector *parser.VectorSelector) (histogram string, native []string, ok bool) {
	if histogram, ok = Series(MetricName(selector)); ok {
		native, _ = t.stored(histogram, selector)
	}
	return histogram, native, len(native) > 0
}

// Classic returns the jobs that store a histogram as a classic one, if a selector selects it as a
// native one and no job stores it so.
func (t *Translator) Classic(selector *parser.VectorSelector) []string {
	native, classic := t.stored(MetricName(selector), selector)
	if len(native) > 0 {
		return nil
	}
	return classic
}

// mixed returns the jobs that store a histogram as a classic one, of those which an expression
// selects together with jobs that store it as a native one.
func (t *Translator) mixed(expr parser.Expr) []string {
	var jobs []string
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			jobs = append(jobs, t.mixedJobs(selector)...)
		}
		return nil
	})
	slices.Sort(jobs)
	return slices.Compact(jobs)
}

// mixedJobs is mixed for one selector.
func (t *Translator) mixedJobs(selector *parser.VectorSelector) []string {
	histogram, ok := Series(MetricName(selector))
	if !ok {
		return nil
	}
	native, classic := t.stored(histogram, selector)
	if len(native) == 0 {
		return nil
	}
	return classic
}

// keepsJob reports whether an expression's result is made of one result for each job of the
// selectors that selected reports, which has the label job.
func keepsJob(expr parser.Expr, selected func(*parser.VectorSelector) bool) bool {
	has := func(expr parser.Expr) bool {
		found := false
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			selector, ok := node.(*parser.VectorSelector)
			found = found || ok && selected(selector)
			return nil
		})
		return found
	}
	if !has(expr) {
		return true
	}
	switch e := expr.(type) {
	case *parser.VectorSelector:
		return true
	case *parser.MatrixSelector:
		return keepsJob(e.VectorSelector, selected)
	case *parser.SubqueryExpr:
		return keepsJob(e.Expr, selected)
	case *parser.ParenExpr:
		return keepsJob(e.Expr, selected)
	case *parser.AggregateExpr:
		return e.Without != slices.Contains(e.Grouping, model.JobLabel) && keepsJob(e.Expr, selected)
	case *parser.Call:
		switch e.Func.Name {
		case "absent", "absent_over_time", "scalar", "label_replace", "label_join":
			return false
		}
		return !slices.ContainsFunc(e.Args, func(arg parser.Expr) bool { return !keepsJob(arg, selected) })
	case *parser.BinaryExpr:
		match := e.VectorMatching
		if match != nil && (e.Op == parser.LOR || e.Op == parser.LUNLESS || match.On != slices.Contains(match.MatchingLabels, model.JobLabel)) {
			return false
		}
		return keepsJob(e.LHS, selected) && keepsJob(e.RHS, selected)
	}
	return false
}

// MetricName returns the name of the metric that a selector selects; empty if it selects several.
func MetricName(selector *parser.VectorSelector) string {
	for _, m := range selector.LabelMatchers {
		if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
			return m.Value
		}
	}
	return selector.Name
}
