package check

import (
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// inspect calls visit for each node of every expression, with the use that findings about the node
// have.
func (a *Analysis) inspect(visit func(u use, node parser.Node) []Finding) []Finding {
	var findings []Finding
	for i := range a.Queries {
		q := &a.Queries[i]
		parser.Inspect(q.Expr, func(node parser.Node, path []parser.Node) error {
			if node != nil {
				findings = append(findings, visit(use{query: q, optional: isOptional(path, node)}, node)...)
			}
			return nil
		})
	}
	return findings
}

// warning returns the findings as warnings.
func warning(findings []Finding) []Finding {
	for i := range findings {
		findings[i].Severity = Warning
	}
	return findings
}

// counterRated finds rates of what is no counter: of gauges, rates and sums.
func counterRated(a *Analysis) []Finding {
	return a.inspect(func(u use, node parser.Node) []Finding {
		call, ok := node.(*parser.Call)
		if !ok || !slices.Contains([]string{"rate", "increase", "irate", "resets"}, call.Func.Name) {
			return nil
		}
		name, arg := call.Func.Name, call.Args[0]
		switch kind := a.series.meaning(arg).kind; kind {
		case gauge:
			if name == "resets" {
				return warning(u.finding("resets(%s) counts how often a gauge falls; use changes(…) to count changes", arg))
			}
			return u.finding("%s(%s) takes each fall of a gauge for a restart of its program; use delta(…) for its change, or deriv(…) for its change per second", name, arg)
		case rated:
			return u.finding("%s(%s) takes each fall of a rate, count or other result for a restart of a program; use delta(…) or deriv(…), or calculate %s of the counters themselves", name, arg, name)
		case info:
			return u.finding("%s(%s) is always 0, because an info metric is always 1; use changes(…) or count(…)", name, arg)
		case added:
			return a.sumRated(u, name, arg)
		}
		if e, ok := a.rangedOver(arg).(*parser.AggregateExpr); ok && (e.Op == parser.SUM || e.Op == parser.AVG) && a.series.meaning(e).kind != histogram {
			return a.sumRated(u, name, arg)
		}
		return nil
	})
}

// sumRated returns findings about the rate of a sum, which rises steeply whenever one of the summed
// counters starts again. It is only certain if the sum loses labels that tell its series apart.
func (a *Analysis) sumRated(u use, function string, arg parser.Expr) []Finding {
	found := u.finding("%s(%s) takes the restart of one program for a fall of the whole sum, and so jumps; calculate %s first and the sum of it then: sum(%s(…))", function, arg, function, function)
	if e, ok := a.rangedOver(arg).(*parser.AggregateExpr); ok {
		if len(e.Grouping) == 0 && !e.Without {
			return found
		}
		inner, outer := a.series.labelsOf(e.Expr), a.series.labelsOf(e)
		if inner.open {
			return warning(found)
		}
		for label := range inner.must {
			if !outer.has(label) && slices.Contains(identifyingLabels, label) && a.severalInstances(e.Expr) {
				return found
			}
		}
	}
	return warning(found)
}

// severalInstances reports whether a selector certainly selects series of several targets.
func (a *Analysis) severalInstances(expr parser.Expr) bool {
	selector, ok := unparen(expr).(*parser.VectorSelector)
	if !ok || pinned(selector) {
		return false
	}
	found := a.series.find(selector)
	return len(found) == 1 && found[0].job != nil && found[0].job.many
}

// rangedOver returns the expression whose results a range has: the one of a subquery, or the one that
// records the series of a selector.
func (a *Analysis) rangedOver(arg parser.Expr) parser.Expr {
	switch e := unparen(arg).(type) {
	case *parser.SubqueryExpr:
		return unparen(e.Expr)
	case *parser.MatrixSelector:
		if rules := a.series.recorded[e.VectorSelector.(*parser.VectorSelector).Name]; len(rules) == 1 {
			return unparen(rules[0].Expr)
		}
	}
	return arg
}

// gaugeFunctions names the functions that have a meaning for gauges only. The argument is the last one
// that is a range.
var gaugeFunctions = map[string]string{
	"delta": "use increase(…), which allows for restarts", "idelta": "use irate(…), which allows for restarts",
	"deriv": "use rate(…), which allows for restarts", "predict_linear": "predict a gauge, or calculate from rate(…)",
	"double_exponential_smoothing": "smooth rate(…)[…:] instead",
	"avg_over_time":                "use rate(…)", "sum_over_time": "use increase(…)", "quantile_over_time": "use quantile_over_time(…, rate(…)[…:])",
	"stddev_over_time": "use stddev_over_time(rate(…)[…:])", "stdvar_over_time": "use stdvar_over_time(rate(…)[…:])", "mad_over_time": "use mad_over_time(rate(…)[…:])",
}

// gaugeCalculated finds functions for gauges on counters.
func gaugeCalculated(a *Analysis) []Finding {
	return a.inspect(func(u use, node parser.Node) []Finding {
		call, ok := node.(*parser.Call)
		if !ok || gaugeFunctions[call.Func.Name] == "" {
			return nil
		}
		for _, arg := range call.Args {
			if arg.Type() == parser.ValueTypeMatrix && a.series.meaning(arg).kind.cumulative() {
				return u.finding("%s(%s) is of a counter, which only grows until its program restarts; %s", call.Func.Name, arg, gaugeFunctions[call.Func.Name])
			}
		}
		return nil
	})
}

// counterRaw finds counters that are compared with a number or drawn over time as they are. Whether
// something ever happened may be asked of a counter.
func counterRaw(a *Analysis) []Finding {
	findings := a.inspect(func(u use, node parser.Node) []Finding {
		e, ok := node.(*parser.BinaryExpr)
		if !ok || !e.Op.IsComparisonOperator() || isScalar(e.LHS) == isScalar(e.RHS) {
			return nil
		}
		vector, number := e.LHS, e.RHS
		if isScalar(vector) {
			vector, number = number, vector
		}
		limit := a.series.meaning(number)
		if !a.series.meaning(vector).kind.cumulative() || !limit.constant() || limit.low <= 0 || limit.low == 1 {
			return nil
		}
		return warning(u.finding("%s compares the count since a program started, which says nothing about now; compare increase(…) or rate(…)", e))
	})
	for i := range a.Queries {
		q := &a.Queries[i]
		if q.Own && q.Drawn && a.series.meaning(q.Expr).kind.cumulative() {
			findings = append(findings, warning(use{query: q}.finding("%s draws the count since a program started, a line that only grows; draw rate(…) or increase(…)", q.Expr))...)
		}
	}
	return findings
}

// histogramFunctions names the functions of histograms with the index of the argument that is one.
// Those that native alone allow have no meaning for classic ones.
var histogramFunctions = map[string]struct {
	arg    int
	native bool
}{
	"histogram_quantile": {1, false}, "histogram_fraction": {2, false},
	"histogram_count": {0, true}, "histogram_sum": {0, true}, "histogram_avg": {0, true}, "histogram_stddev": {0, true}, "histogram_stdvar": {0, true},
}

// floatFunctions names the functions that leave out native histograms.
var floatFunctions = []string{
	"abs", "ceil", "floor", "round", "clamp", "clamp_min", "clamp_max", "exp", "ln", "log2", "log10", "sqrt", "sgn", "deriv", "predict_linear",
	"double_exponential_smoothing", "min_over_time", "max_over_time", "quantile_over_time", "stddev_over_time", "stdvar_over_time", "sort", "sort_desc",
}

// histogramCalculated finds functions of histograms on what is none or has lost its buckets, and
// native histograms that are used as numbers.
func histogramCalculated(a *Analysis) []Finding {
	return a.inspect(func(u use, node parser.Node) []Finding {
		switch e := node.(type) {
		case *parser.Call:
			return a.histogramCall(u, e)
		case *parser.AggregateExpr:
			if e.Op == parser.QUANTILE {
				if found := a.quantileWithin(u, "quantile", e.Param); found != nil {
					return found
				}
			}
			if slices.Contains([]parser.ItemType{parser.MIN, parser.MAX, parser.TOPK, parser.BOTTOMK, parser.QUANTILE, parser.STDDEV, parser.STDVAR}, e.Op) && a.series.meaning(e.Expr).kind == histogram {
				return u.finding("%s leaves out native histograms, which have no single value; %s", e, numberOf)
			}
		case *parser.BinaryExpr:
			if e.Op.IsComparisonOperator() && isScalar(e.LHS) != isScalar(e.RHS) && (a.series.meaning(e.LHS).kind == histogram || a.series.meaning(e.RHS).kind == histogram) {
				return u.finding("%s compares a native histogram, which has no single value, with a number, and so returns nothing; %s", e, numberOf)
			}
		}
		return nil
	})
}

// numberOf says how a native histogram becomes a number.
const numberOf = "use histogram_quantile(…), histogram_count(…), histogram_sum(…) or histogram_avg(…)"

// histogramCall returns findings about the histograms in a function's arguments.
func (a *Analysis) histogramCall(u use, e *parser.Call) []Finding {
	name := e.Func.Name
	if name == "histogram_quantile" || name == "quantile_over_time" {
		if found := a.quantileWithin(u, name, e.Args[0]); found != nil {
			return found
		}
	}
	if slices.Contains(floatFunctions, name) {
		for _, arg := range e.Args {
			if a.series.meaning(arg).kind == histogram {
				return u.finding("%s leaves out native histograms, which have no single value; %s", e, numberOf)
			}
		}
	}
	function, ok := histogramFunctions[name]
	if !ok {
		return nil
	}
	arg := e.Args[function.arg]
	switch kind := a.series.meaning(arg).kind; {
	case !kind.isFloat():
		return nil
	case function.native:
		return u.finding("%s(%s) is of a %s and so returns nothing, because it calculates from native histograms only; for a classic histogram use its series _count and _sum", name, arg, kind)
	case !a.series.labelsOf(arg).has(model.BucketLabel):
		return u.finding("%s(%s) has no buckets, because its series lack the label le; select …_bucket and keep le: sum by (le, …) (rate(…_bucket[5m]))", name, arg)
	case kind.cumulative():
		return warning(u.finding("%s(%s) is about everything since the programs started, not about now; use rate(…_bucket[5m])", name, arg))
	}
	return nil
}

// quantileWithin returns a finding if a quantile is certainly not between 0 and 1.
func (a *Analysis) quantileWithin(u use, function string, quantile parser.Expr) []Finding {
	q := a.series.meaning(quantile)
	if !isScalar(quantile) || q.high >= 0 && q.low <= 1 {
		return nil
	}
	return u.finding("%s of %s is infinite; allowed: 0 to 1, such as 0.95", function, quantile)
}

// infoJoined finds arithmetic on info metrics other than multiplication, which joins their labels.
func infoJoined(a *Analysis) []Finding {
	return a.inspect(func(u use, node parser.Node) []Finding {
		e, ok := node.(*parser.BinaryExpr)
		if !ok || !slices.Contains([]parser.ItemType{parser.ADD, parser.SUB, parser.MOD, parser.POW, parser.DIV}, e.Op) {
			return nil
		}
		for _, side := range []parser.Expr{e.LHS, e.RHS} {
			if a.series.meaning(side).kind == info && !(e.Op == parser.DIV && side == e.RHS) {
				return u.finding("%q calculates with %s, which is always 1 and only has labels; to add its labels, multiply: … * on (…) group_left (…) %s; to count its series: count(…)", e.Op, side, side)
			}
		}
		return nil
	})
}
