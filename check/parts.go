package check

import (
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/metrics"
)

// isPart reports whether a division is certainly of a part by the whole that contains it, such as
// free by all bytes, or the requests with one code by all requests.
func (c *catalogue) isPart(e *parser.BinaryExpr) bool {
	if isScalar(e.LHS) || isScalar(e.RHS) {
		return false
	}
	part, whole := unfiltered(withDefault(e.LHS)), unfiltered(e.RHS)
	match := e.VectorMatching
	a, ok := part.(*parser.AggregateExpr)
	b, both := whole.(*parser.AggregateExpr)
	if !ok || !both {
		return len(match.MatchingLabels) == 0 && c.contains(part, whole)
	}
	if a.Op != b.Op || a.Without != b.Without {
		return false
	}
	same := slices.Equal(slices.Sorted(slices.Values(a.Grouping)), slices.Sorted(slices.Values(b.Grouping)))
	switch {
	case len(match.MatchingLabels) == 0 && !match.On:
		if !same {
			return false
		}
	case match.On && !a.Without && subset(b.Grouping, match.MatchingLabels) && subset(match.MatchingLabels, b.Grouping):
		if !subset(b.Grouping, a.Grouping) {
			return false
		}
	default:
		return false
	}
	switch a.Op {
	case parser.COUNT, parser.SUM, parser.MAX:
		return c.contains(unfiltered(a.Expr), b.Expr) && (a.Op != parser.SUM || c.meaning(a.Expr).low >= 0)
	case parser.AVG, parser.MIN:
		return same && capped(a.Expr, b.Expr)
	}
	return false
}

// subset reports whether the second list has every element of the first.
func subset(part, whole []string) bool {
	return !slices.ContainsFunc(part, func(s string) bool { return !slices.Contains(whole, s) })
}

// withDefault returns an expression without a default behind or, such as vector(0).
func withDefault(expr parser.Expr) parser.Expr {
	if e, ok := unparen(expr).(*parser.BinaryExpr); ok && e.Op == parser.LOR {
		if call, ok := unparen(e.RHS).(*parser.Call); ok && call.Func.Name == "vector" && call.Args[0].String() == "0" {
			return unparen(e.LHS)
		}
	}
	return unparen(expr)
}

// unfiltered returns an expression without comparisons with numbers, which only leave out series.
func unfiltered(expr parser.Expr) parser.Expr {
	expr = unparen(expr)
	if e, ok := expr.(*parser.BinaryExpr); ok && e.Op.IsComparisonOperator() && !e.ReturnBool {
		if isScalar(e.RHS) {
			return unfiltered(e.LHS)
		}
		if isScalar(e.LHS) {
			return unfiltered(e.RHS)
		}
	}
	return expr
}

// unparen returns an expression without the parentheses around it.
func unparen(expr parser.Expr) parser.Expr {
	for {
		switch e := expr.(type) {
		case *parser.ParenExpr:
			expr = e.Expr
		case *parser.StepInvariantExpr:
			expr = e.Expr
		default:
			return expr
		}
	}
}

// contains reports whether each value of one expression is certainly at most the value of the other
// with the same labels, and whether every one of its series is also one of the other.
func (c *catalogue) contains(part, whole parser.Expr) bool {
	part, whole = unparen(part), unparen(whole)
	switch p := part.(type) {
	case *parser.VectorSelector:
		w, ok := whole.(*parser.VectorSelector)
		return ok && sameTime(p, w) && (p.Name == w.Name && p.Name != "" && c.meaning(p).low >= 0 || isPartOf(p.Name, w.Name)) && restricts(p, w)
	case *parser.MatrixSelector:
		w, ok := whole.(*parser.MatrixSelector)
		if !ok || p.Range != w.Range {
			return false
		}
		a, b := p.VectorSelector.(*parser.VectorSelector), w.VectorSelector.(*parser.VectorSelector)
		return a.Name == b.Name && c.contains(a, b)
	case *parser.Call:
		w, ok := whole.(*parser.Call)
		return ok && p.Func.Name == w.Func.Name && slices.Contains([]string{"rate", "increase", "irate"}, p.Func.Name) && c.contains(p.Args[0], w.Args[0])
	}
	return false
}

// capped reports whether the series of one expression are exactly those of another metric that is
// never smaller.
func capped(part, whole parser.Expr) bool {
	p, ok := unparen(part).(*parser.VectorSelector)
	w, both := unparen(whole).(*parser.VectorSelector)
	return ok && both && isPartOf(p.Name, w.Name) && restricts(p, w) && restricts(w, p) && sameTime(p, w)
}

// isPartOf reports whether a metric is never larger than another one of the same labels.
func isPartOf(part, whole string) bool {
	values, ok := metrics.ValuesOf(part)
	return ok && whole != "" && values.PartOf == whole
}

// sameTime reports whether two selectors select at the same time.
func sameTime(a, b *parser.VectorSelector) bool {
	plain := func(s *parser.VectorSelector) bool {
		return s.Timestamp == nil && s.StartOrEnd == 0 && s.OriginalOffsetExpr == nil
	}
	return plain(a) && plain(b) && a.OriginalOffset == b.OriginalOffset
}

// restricts reports whether one selector has every matcher of another, apart from the name.
func restricts(part, whole *parser.VectorSelector) bool {
	for _, w := range whole.LabelMatchers {
		has := w.Name == model.MetricNameLabel
		for _, p := range part.LabelMatchers {
			has = has || p.Name == w.Name && p.Type == w.Type && p.Value == w.Value
		}
		if !has {
			return false
		}
	}
	return true
}
