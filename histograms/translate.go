package histograms

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// form is what a translated expression stands for.
type form int

const (
	number form = iota // the same as before: numbers that are not part of a histogram
	whole              // histograms, in place of all buckets
	sum                // the sums of observations of histograms
	count              // the counts of observations of histograms
	below              // the counts of observations of histograms up to a bound, in place of a bucket
)

// value is a translated expression.
type value struct {
	form form
	expr parser.Expr // nil for a range of sums or counts, which only a function makes from histograms
	from parser.Expr // of sum, count and below: the histograms that expr reads
	le   float64     // of below: the bound
	lost string      // the label le of the classic series, which these do not have; everyBound if there are all buckets
}

// everyBound is the label le of series of all buckets.
const everyBound = "*"

// read returns the value that reads a part of the histograms of an expression.
func (v value) read(from parser.Expr) value {
	v.from = from
	switch v.form {
	case sum:
		v.expr = call("histogram_sum", from)
	case count:
		v.expr = call("histogram_count", from)
	case below:
		v.expr = call("histogram_count", &parser.BinaryExpr{Op: parser.TRIM_UPPER, LHS: from, RHS: &parser.NumberLiteral{Val: v.le}})
	}
	return v
}

// translation translates one expression. If only some of the jobs that a selector selects store a
// native histogram, half selects the jobs whose form the translation is for.
type translation struct {
	*Translator
	half    *labels.Matcher
	buckets map[string]*parser.VectorSelector // of the expression, by histogram
}

// jobs returns the jobs that store the histogram that a selector selects. If it is not known to be
// one, it is where the expression also selects its buckets, of the same jobs.
func (t translation) jobs(histogram string, selector *parser.VectorSelector) (native, classic []string) {
	native, classic = t.stored(histogram, selector)
	if buckets := t.buckets[histogram]; len(native)+len(classic) == 0 && buckets != nil && jobMatchers(buckets) == jobMatchers(selector) {
		return t.stored(histogram, buckets)
	}
	return native, classic
}

// selectedBuckets returns the selectors of buckets in an expression, one for each histogram.
func selectedBuckets(expr parser.Expr) map[string]*parser.VectorSelector {
	found := map[string]*parser.VectorSelector{}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			if histogram, suffix, ok := split(MetricName(selector)); ok && suffix == bucketSuffix {
				found[histogram] = selector
			}
		}
		return nil
	})
	return found
}

// jobMatchers returns a selector's matchers of the label job, as text.
func jobMatchers(selector *parser.VectorSelector) string {
	var matchers []string
	for _, m := range selector.LabelMatchers {
		if m.Name == model.JobLabel {
			matchers = append(matchers, m.String())
		}
	}
	slices.Sort(matchers)
	return strings.Join(matchers, ",")
}

// complete returns the translation of an expression that is no part of another. The error is also
// about a range of sums or counts, which only a function makes from histograms.
func (t translation) complete(expr parser.Expr) (value, error) {
	v, err := t.translate(expr)
	if err == nil && v.expr == nil {
		err = fmt.Errorf("%s: a native histogram has no samples of a range of its sum or count; use a function of the range, as in rate", expr)
	}
	return v, err
}

// translate returns the translation of an expression.
func (t translation) translate(expr parser.Expr) (value, error) {
	switch e := expr.(type) {
	case *parser.VectorSelector:
		return t.selector(e)
	case *parser.MatrixSelector:
		return t.matrix(e)
	case *parser.SubqueryExpr:
		return t.subquery(e)
	case *parser.ParenExpr:
		v, err := t.translate(e.Expr)
		if err != nil {
			return value{}, err
		}
		if v.expr != nil { // parentheses around a range change nothing
			v.expr = &parser.ParenExpr{Expr: v.expr, PosRange: e.PosRange}
		}
		return v, nil
	case *parser.UnaryExpr:
		v, err := t.translate(e.Expr)
		if err != nil {
			return value{}, err
		}
		if v.form == whole {
			return value{}, fmt.Errorf("%s: %w", e, errOrder)
		}
		unary := *e
		unary.Expr = v.expr
		return value{expr: &unary, lost: v.lost}, nil
	case *parser.AggregateExpr:
		return t.aggregate(e)
	case *parser.Call:
		return t.call(e)
	case *parser.BinaryExpr:
		return t.binary(e)
	}
	return value{expr: expr}, nil // numbers and strings
}

// errOrder is why buckets cannot be compared or reordered.
var errOrder = errors.New("a native histogram is not a number for each bucket; use histogram_quantile, histogram_fraction or histogram_count of it")

// selector translates a selector of instant values.
func (t translation) selector(e *parser.VectorSelector) (value, error) {
	name := MetricName(e)
	histogram, suffix, ok := split(name)
	if t.recorded[name] {
		histogram, suffix = name, bucketSuffix
	} else {
		if !ok {
			return value{expr: e}, nil
		}
		native, classic := t.jobs(histogram, e)
		switch {
		case len(native) == 0:
			return value{expr: e}, nil
		case len(classic) == 0:
		case t.half.Type == labels.MatchRegexp:
			return value{expr: with(e, t.half)}, nil
		default:
			e = with(e, t.half)
		}
	}
	selected := *e
	selected.LabelMatchers = nil
	v := value{form: map[string]form{bucketSuffix: whole, sumSuffix: sum, countSuffix: count}[suffix]}
	for _, m := range e.LabelMatchers {
		switch {
		case m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual:
			m = labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, histogram)
		case m.Name == model.BucketLabel && suffix == bucketSuffix:
			bound, err := strconv.ParseFloat(m.Value, 64)
			if m.Type != labels.MatchEqual || err != nil || v.form != whole {
				return value{}, fmt.Errorf("%s: a native histogram has no label le; select one bound with =, as in le=\"0.5\"", e)
			}
			v.form, v.le, v.lost = below, bound, strconv.FormatFloat(bound, 'g', -1, 64)
			if math.IsInf(bound, 1) {
				v.form = count
			}
			continue
		}
		selected.LabelMatchers = append(selected.LabelMatchers, m)
	}
	if selected.Name != "" {
		selected.Name = histogram
	}
	if v.form == whole {
		v.expr, v.lost = &selected, everyBound
		return v, nil
	}
	return v.read(&selected), nil
}

// with returns a selector with another matcher.
func with(e *parser.VectorSelector, m *labels.Matcher) *parser.VectorSelector {
	selector := *e
	selector.LabelMatchers = append(slices.Clone(e.LabelMatchers), m)
	return &selector
}

// matrix translates a range selector.
func (t translation) matrix(e *parser.MatrixSelector) (value, error) {
	v, err := t.translate(e.VectorSelector)
	if err != nil {
		return value{}, err
	}
	over := *e
	if v.form == number || v.form == whole {
		over.VectorSelector = v.expr
		v.expr = &over
		return v, nil
	}
	over.VectorSelector = v.from
	v.expr, v.from = nil, &over
	return v, nil
}

// subquery translates a subquery.
func (t translation) subquery(e *parser.SubqueryExpr) (value, error) {
	v, err := t.translate(e.Expr)
	if err != nil {
		return value{}, err
	}
	over := *e
	over.Expr = v.expr
	v.expr = &over
	if v.from != nil {
		over := *e
		over.Expr = v.from
		v.from = &over
	}
	return v, nil
}

// aggregate translates an aggregation.
func (t translation) aggregate(e *parser.AggregateExpr) (value, error) {
	v, err := t.translate(e.Expr)
	if err != nil {
		return value{}, err
	}
	by := *e
	if e.Param != nil {
		param, err := t.translate(e.Param)
		if err != nil {
			return value{}, err
		}
		by.Param = param.expr
	}
	over := func(expr parser.Expr) parser.Expr {
		by := by
		by.Expr = expr
		return &by
	}
	keepsSeries := e.Op == parser.TOPK || e.Op == parser.BOTTOMK || e.Op == parser.LIMITK || e.Op == parser.LIMIT_RATIO
	if !keepsSeries && e.Without == slices.Contains(e.Grouping, model.BucketLabel) {
		v.lost = ""
	}
	if v.form == number {
		return value{expr: over(v.expr), lost: v.lost}, nil
	}
	if v.form == whole || v.form == below {
		by.Grouping = slices.DeleteFunc(slices.Clone(e.Grouping), func(label string) bool { return label == model.BucketLabel })
	}
	linear := e.Op == parser.SUM || e.Op == parser.AVG
	switch {
	case v.form == whole && !linear:
		return value{}, fmt.Errorf("%s of buckets: %w", e.Op, errOrder)
	case v.form == whole && e.Without == slices.Contains(e.Grouping, model.BucketLabel):
		return value{}, fmt.Errorf("%s adds up buckets of different bounds, because it does not keep the label le", e.Op)
	case v.form == whole:
		v.expr = over(v.expr)
		return v, nil
	case linear && v.form == below: // one bucket of the sum, not the sum of one bucket of each
		return v.read(over(v.from)), nil
	case linear: // adding numbers costs less than adding histograms
		v.expr, v.from = over(v.expr), over(v.from)
		return v, nil
	case e.Op == parser.COUNT || e.Op == parser.GROUP:
		return value{expr: over(v.from), lost: v.lost}, nil
	}
	return value{expr: over(v.expr), lost: v.lost}, nil
}

// Functions by what they make of histograms.
var (
	// linear lists those of a range that apply to each bucket, to the sum and to the count.
	linear = []string{"rate", "increase", "irate", "sum_over_time", "avg_over_time", "last_over_time", "first_over_time"}
	// presence lists those that only depend on whether there are samples, and when.
	presence = []string{"absent", "absent_over_time", "present_over_time", "count_over_time", "timestamp"}
	// ofBuckets lists those that exist for buckets and for native histograms.
	ofBuckets = []string{"histogram_quantile", "histogram_quantiles", "histogram_fraction"}
	// withoutBounds lists those whose result does not have the label le of their argument.
	withoutBounds = append([]string{"absent", "absent_over_time", "scalar"}, ofBuckets...)
	// ofLabels lists those that do not depend on values.
	ofLabels = []string{"label_replace", "label_join", "sort_by_label", "sort_by_label_desc"}
)

// call translates a call of a function.
func (t translation) call(e *parser.Call) (value, error) {
	to := *e
	to.Args = slices.Clone(e.Args)
	var v value // the argument that is part of a histogram, if there is one
	at, lost := 0, ""
	for i, arg := range e.Args {
		translated, err := t.translate(arg)
		if err != nil {
			return value{}, err
		}
		if to.Args[i] = translated.expr; translated.form != number {
			v, at = translated, i
		}
		lost = cmp.Or(lost, translated.lost)
	}
	if slices.Contains(withoutBounds, e.Func.Name) {
		lost = ""
	}
	of := func(expr parser.Expr) parser.Expr {
		to := to
		to.Args = slices.Clone(to.Args)
		to.Args[at] = expr
		return &to
	}
	name := e.Func.Name
	switch {
	case v.form == number:
		return value{expr: &to, lost: lost}, nil
	case slices.Contains(linear, name) && v.form != whole:
		return v.read(of(v.from)), nil
	case slices.Contains(presence, name) && v.form != whole:
		return value{expr: of(v.from), lost: lost}, nil
	case slices.Contains(ofBuckets, name) && v.form != whole:
		return value{}, fmt.Errorf("%s: %s has no buckets to calculate it from", name, e.Args[at])
	case v.expr == nil:
		over := v.from.(*parser.MatrixSelector)
		near := of(&parser.SubqueryExpr{Expr: v.read(over.VectorSelector).expr, Range: over.Range, RangeExpr: over.RangeExpr})
		return value{}, fmt.Errorf("%s has no equal on native histograms; close to it is %s", e, near)
	case v.form != whole:
		return value{expr: &to, lost: lost}, nil
	case slices.Contains(ofLabels, name) && slices.ContainsFunc(e.Args, isBucketLabel):
		return value{}, fmt.Errorf("%s: a native histogram has no label le", name)
	case slices.Contains(linear, name), slices.Contains(ofLabels, name):
		v.expr = &to
		return v, nil
	case slices.Contains(ofBuckets, name), name == "absent", name == "absent_over_time":
		return value{expr: &to}, nil
	}
	return value{}, fmt.Errorf("%s of buckets: %w", name, errOrder)
}

// isBucketLabel reports whether an argument names the label le.
func isBucketLabel(arg parser.Expr) bool {
	text, ok := arg.(*parser.StringLiteral)
	return ok && text.Val == model.BucketLabel
}

// binary translates an operation.
func (t translation) binary(e *parser.BinaryExpr) (value, error) {
	left, err := t.translate(e.LHS)
	if err != nil {
		return value{}, err
	}
	right, err := t.translate(e.RHS)
	if err != nil {
		return value{}, err
	}
	match := e.VectorMatching
	byBucket := match != nil && match.On == slices.Contains(match.MatchingLabels, model.BucketLabel)
	if byBucket && left.lost != right.lost || match != nil && left.lost+right.lost != "" && slices.Contains(match.Include, model.BucketLabel) {
		return value{}, fmt.Errorf("%s matches by the label le, which differs between its sides and which a native histogram does not have", e.Op)
	}
	if ratio, ok := ratio(e, left, right); ok {
		return ratio, nil
	}
	to := *e
	to.LHS, to.RHS = left.expr, right.expr
	v := value{expr: &to, lost: left.lost}
	switch {
	case match == nil:
		v.lost = cmp.Or(left.lost, right.lost)
	case match.Card == parser.CardOneToMany:
		v.lost = right.lost
	case match.Card == parser.CardOneToOne && !byBucket:
		v.lost = ""
	}
	if match != nil && left.form != number && right.form != number {
		without := *match
		without.MatchingLabels = slices.DeleteFunc(slices.Clone(match.MatchingLabels), func(label string) bool { return label == model.BucketLabel })
		to.VectorMatching = &without
	}
	both := left.form == whole && right.form == whole
	switch {
	case left.form != whole && right.form != whole:
		return v, nil
	case e.Op == parser.LAND || e.Op == parser.LUNLESS:
		v.form = left.form
		if left.form != whole {
			v.form = number
		}
		return v, nil
	case both && (e.Op == parser.ADD || e.Op == parser.SUB || e.Op == parser.LOR),
		!both && e.Op == parser.MUL,
		!both && e.Op == parser.DIV && left.form == whole:
		v.form = whole
		return v, nil
	}
	return value{}, fmt.Errorf("%s of buckets: %w", e.Op, errOrder)
}

// ratio returns the translation of a part of histograms divided by their count, both of the same
// ones: the share of a bucket, or the average.
func ratio(e *parser.BinaryExpr, left, right value) (value, bool) {
	if e.Op != parser.DIV || right.form != count || left.form != below && left.form != sum || left.from.String() != right.from.String() {
		return value{}, false
	}
	match := e.VectorMatching
	if match.On || match.Card != parser.CardOneToOne || match.FillValues != (parser.VectorMatchFillValues{}) ||
		slices.ContainsFunc(match.MatchingLabels, func(label string) bool { return label != model.BucketLabel }) {
		return value{}, false
	}
	if left.form == sum {
		return value{expr: call("histogram_avg", left.from)}, true
	}
	lowest := &parser.NumberLiteral{Val: math.Inf(-1)}
	return value{expr: call("histogram_fraction", lowest, &parser.NumberLiteral{Val: left.le}, left.from)}, true
}

// call returns a call of a function of PromQL.
func call(function string, args ...parser.Expr) *parser.Call {
	return &parser.Call{Func: parser.Functions[function], Args: args}
}
