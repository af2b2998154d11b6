package check

import (
	"math"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/metrics"
)

// outcome is what is known about a comparison before any value is.
type outcome int

const (
	open   outcome = iota // some values meet it
	always                // every value meets it
	never                 // no value meets it
)

// compared returns the outcome of a comparison of values with a number.
func (m meaning) compared(op parser.ItemType, number meaning) outcome {
	n := number.low
	if !number.constant() || number.nan || math.IsInf(n, 0) {
		return open
	}
	var all, none bool
	switch op {
	case parser.GTR:
		all, none = m.low > n, m.high <= n
	case parser.GTE:
		all, none = m.low >= n, m.high < n
	case parser.LSS:
		all, none = m.high < n, m.low >= n
	case parser.LTE:
		all, none = m.high <= n, m.low > n
	case parser.EQLC, parser.NEQ:
		all = m.low == n && m.high == n
		none = n < m.low || n > m.high || m.whole && n != math.Trunc(n)
		if op == parser.NEQ {
			all, none = none, all && !m.nan
		}
	}
	switch {
	case none:
		return never
	case all && (!m.nan || m.high < n): // at a limit, it may be there to leave out NaN
		return always
	}
	return open
}

// outcome returns the outcome of a comparison with a number, which is the condition of the values of
// vector; nil if it is not such a comparison.
func (c *catalogue) outcome(e *parser.BinaryExpr) (result outcome, vector parser.Expr) {
	switch {
	case !e.Op.IsComparisonOperator() || isScalar(e.LHS) == isScalar(e.RHS):
		return open, nil
	case isScalar(e.LHS):
		return c.meaning(e.RHS).compared(mirrored(e.Op), c.meaning(e.LHS)), e.RHS
	}
	return c.meaning(e.LHS).compared(e.Op, c.meaning(e.RHS)), e.LHS
}

// comparisonPossible finds comparisons and conditions that no value meets, and absent of what is
// always there.
func comparisonPossible(a *Analysis) []Finding {
	return a.inspect(func(u use, node parser.Node) []Finding {
		if u.Guessed {
			return nil
		}
		switch e := node.(type) {
		case *parser.Call:
			if (e.Func.Name == "absent" || e.Func.Name == "absent_over_time") && alwaysThere(e.Args[0]) {
				return u.finding("%s never returns anything, because its argument is never empty", e)
			}
		case *parser.BinaryExpr:
			if result, vector := a.series.outcome(e); result == never {
				return u.finding("no value meets %s: %s is %s", e, vector, a.series.meaning(vector))
			}
			if e.Op == parser.LAND && a.series.contradict(e) {
				return u.finding("no value meets both sides of %s", e)
			}
			strict := e.Op == parser.GTR || e.Op == parser.LSS
			if strict && !isScalar(e.LHS) && e.LHS.String() == e.RHS.String() {
				return u.finding("no value meets %s: both sides are the same", e)
			}
		}
		return nil
	})
}

// String returns the limits of the values, such as "at least 0".
func (m meaning) String() string {
	low, high := metrics.FormatBound(m.low), metrics.FormatBound(m.high)
	number := func(text string) string { return strings.TrimSuffix(text, ".0") }
	switch {
	case m.low > m.high:
		return "nothing at all"
	case m.constant():
		return "always " + number(low)
	case m.low == 0 && m.high == 1 && m.whole:
		return "0 or 1"
	case math.IsInf(m.high, 1) && math.IsInf(m.low, -1):
		if m.whole {
			return "a whole number"
		}
		return "any number"
	case math.IsInf(m.high, 1):
		return "at least " + number(low)
	case math.IsInf(m.low, -1):
		return "at most " + number(high)
	}
	return "between " + number(low) + " and " + number(high)
}

// contradict reports whether the sides of an and are conditions of the same values that no value
// meets both.
func (c *catalogue) contradict(e *parser.BinaryExpr) bool {
	if len(e.VectorMatching.MatchingLabels) > 0 || e.VectorMatching.On || unfiltered(e.LHS).String() != unfiltered(e.RHS).String() {
		return false
	}
	left, right := c.meaning(e.LHS), c.meaning(e.RHS)
	return left.low <= left.high && right.low <= right.high && max(left.low, right.low) > min(left.high, right.high)
}

// alwaysThere reports whether an expression returns something whatever is scraped.
func alwaysThere(expr parser.Expr) bool {
	switch e := unparen(expr).(type) {
	case *parser.Call:
		return e.Func.Name == "vector" || len(e.Args) == 0 && e.Type() == parser.ValueTypeVector
	case *parser.AggregateExpr:
		return !slices.Contains([]parser.ItemType{parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO}, e.Op) && alwaysThere(e.Expr)
	case *parser.SubqueryExpr:
		return alwaysThere(e.Expr)
	case *parser.BinaryExpr:
		return e.Op == parser.LOR && (alwaysThere(e.LHS) || alwaysThere(e.RHS))
	}
	return false
}

// alertConditional finds alerts that fire for every series, because their expression has no condition
// or one that every value meets.
func alertConditional(a *Analysis) []Finding {
	var findings []Finding
	for i := range a.Queries {
		q := &a.Queries[i]
		if q.Rule == nil || q.Rule.Alert == "" {
			continue
		}
		if part, why := a.series.unconditional(q.Expr, nil); part != nil {
			u := use{query: q}
			found := u.finding("fires whenever the series exist: %s %s", part, why)
			if !a.series.returns(part) {
				found = warning(found)
			}
			findings = append(findings, found...)
		}
	}
	return findings
}

// returns reports whether the part of an alert that has no condition certainly returns a value while
// all is well: a rate, the result of bool, or what is calculated of series that always exist.
func (c *catalogue) returns(part parser.Expr) bool {
	if e, ok := part.(*parser.BinaryExpr); ok && e.ReturnBool {
		return true
	}
	exists, rates := false, false
	parser.Inspect(part, func(node parser.Node, _ []parser.Node) error {
		switch e := node.(type) {
		case *parser.VectorSelector:
			m := c.meaning(e)
			exists = exists || m.bounded() && !m.constant()
		case *parser.Call:
			rates = rates || slices.Contains(rateFunctions, e.Func.Name)
		}
		return nil
	})
	return rates || exists && (calculated(part) || !c.chosen(part))
}

// calculated reports whether an expression calculates, or compares what it calculates, instead of
// asking for the series of one selector.
func calculated(expr parser.Expr) bool {
	if e, ok := unparen(expr).(*parser.BinaryExpr); ok && e.Op.IsComparisonOperator() {
		return (isScalar(e.LHS) || calculated(e.LHS)) && (isScalar(e.RHS) || calculated(e.RHS))
	}
	_, selects := unparen(expr).(*parser.VectorSelector)
	return !selects
}

// unconditional returns the part of an alert's expression that certainly returns a value for every
// series, with the reason; nil if there is none. An expression whose result is empty while all is
// well is a condition, even if it compares nothing. seen lists the recorded names on the way.
func (c *catalogue) unconditional(expr parser.Expr, seen []string) (part parser.Expr, why string) {
	const compare = "has no condition; compare it with a limit, such as > 0"
	switch e := unparen(expr).(type) {
	case *parser.VectorSelector:
		if rules := c.recorded[e.Name]; len(rules) > 0 && !slices.Contains(seen, e.Name) {
			for _, rule := range rules {
				if part, _ := c.unconditional(rule.Expr, append(seen, e.Name)); part == nil {
					return nil, ""
				}
			}
			return e, compare
		}
		m := c.meaning(e)
		if m.kind == counter || m.whole && !m.constant() || m.kind == gauge && m.bounded() && !c.chosen(e) {
			return e, compare
		}
	case *parser.Call:
		if c.conditional(e, nil) {
			return nil, ""
		}
		switch e.Func.Name {
		case "rate", "irate", "increase", "delta", "idelta", "deriv", "predict_linear", "changes", "resets", "double_exponential_smoothing",
			"histogram_quantile", "histogram_fraction", "histogram_count", "histogram_sum", "histogram_avg", "avg_over_time", "stddev_over_time":
			return e, compare
		case "label_replace", "label_join", "sort", "sort_desc", "abs", "ceil", "floor", "round", "clamp_min", "clamp_max", "max_over_time", "min_over_time", "last_over_time", "sum_over_time":
			return c.unconditional(e.Args[0], seen)
		}
	case *parser.MatrixSelector:
		return c.unconditional(e.VectorSelector, seen)
	case *parser.SubqueryExpr:
		return c.unconditional(e.Expr, seen)
	case *parser.AggregateExpr:
		return c.unconditional(e.Expr, seen)
	case *parser.BinaryExpr:
		return c.unconditionalOperation(e, seen)
	}
	return nil, ""
}

// unconditionalOperation does the work of unconditional for a binary operation.
func (c *catalogue) unconditionalOperation(e *parser.BinaryExpr, seen []string) (part parser.Expr, why string) {
	switch {
	case e.Op.IsComparisonOperator() && e.ReturnBool:
		if c.conditional(e.LHS, nil) || c.conditional(e.RHS, nil) || isScalar(e.LHS) && isScalar(e.RHS) {
			return nil, ""
		}
		return e, "returns 0 instead of nothing where its condition is not met; remove bool"
	case e.Op.IsComparisonOperator():
		result, vector := c.outcome(e)
		if result != always || c.conditional(vector, nil) || c.existential(vector) {
			return nil, ""
		}
		return e, "holds for every value, because " + vector.String() + " is " + c.meaning(vector).String()
	case e.Op == parser.LAND || e.Op == parser.LUNLESS:
		return nil, ""
	case e.Op == parser.LOR:
		if part, why = c.unconditional(e.LHS, seen); part == nil {
			part, why = c.unconditional(e.RHS, seen)
		}
		return part, why
	case c.conditional(e.LHS, nil) || c.conditional(e.RHS, nil):
		return nil, ""
	case e.Op == parser.MUL && !isScalar(e.LHS) && !isScalar(e.RHS): // may join with what exists only sometimes
		if part, why = c.unconditional(e.LHS, seen); part != nil && c.meaning(e.RHS).kind == anything {
			return nil, ""
		}
		return part, why
	case isScalar(e.LHS) && isScalar(e.RHS):
		return nil, ""
	}
	return e, "has no condition; compare it with a limit, such as > 0"
}

// conditional reports whether any part of an expression may leave out series: a comparison, and,
// unless, absent, or the series of alerts.
func conditional(expr parser.Expr) bool {
	found := false
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch e := node.(type) {
		case *parser.BinaryExpr:
			found = found || e.Op.IsComparisonOperator() && !e.ReturnBool || e.Op == parser.LAND || e.Op == parser.LUNLESS
		case *parser.Call:
			found = found || strings.HasPrefix(e.Func.Name, "absent")
		case *parser.VectorSelector:
			found = found || strings.HasPrefix(e.Name, "ALERTS")
		}
		return nil
	})
	return found
}

// conditional reports whether any part of an expression, or of a rule that records series of it, may
// leave out series. seen lists the recorded names on the way.
func (c *catalogue) conditional(expr parser.Expr, seen []string) bool {
	if conditional(expr) {
		return true
	}
	found := false
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok && !slices.Contains(seen, selector.Name) {
			for _, rule := range c.recorded[selector.Name] {
				found = found || c.conditional(rule.Expr, append(seen, selector.Name))
			}
		}
		return nil
	})
	return found
}

// existential reports whether a comparison with an expression asks whether there are any series, not
// for their values.
func (c *catalogue) existential(expr parser.Expr) bool {
	switch e := unparen(expr).(type) {
	case *parser.AggregateExpr:
		return e.Op == parser.COUNT || e.Op == parser.GROUP || e.Op == parser.COUNT_VALUES || c.existential(e.Expr)
	case *parser.Call:
		if strings.HasSuffix(e.Func.Name, "count_over_time") || e.Func.Name == "vector" {
			return true
		}
	}
	return c.meaning(expr).constant()
}

// chosen reports whether an expression selects series by labels of the exporter, so that there may
// be none while all is well, or series that are not known.
func (c *catalogue) chosen(expr parser.Expr) bool {
	chosen := false
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			chosen = chosen || len(c.find(selector)) == 0 || slices.ContainsFunc(selector.LabelMatchers, func(m *labels.Matcher) bool {
				return m.Name != model.MetricNameLabel && !slices.Contains(targetLabels, m.Name) && m.Type != labels.MatchNotEqual && m.Type != labels.MatchNotRegexp
			})
		}
		return nil
	})
	return chosen
}

// valueKnown finds matchers of values that an exporter never sets.
func valueKnown(a *Analysis) []Finding {
	var findings []Finding
	for _, u := range a.uses() {
		values, ok := metrics.ValuesOf(u.selector.Name)
		if !ok || u.Guessed {
			continue
		}
		for _, m := range u.selector.LabelMatchers {
			allowed := values.Labels[m.Name]
			if len(allowed) == 0 || len(a.series.find(u.selector)) == 0 {
				continue
			}
			alternatives := []string{m.Value}
			if m.Type == labels.MatchRegexp || m.Type == labels.MatchNotRegexp {
				alternatives = m.SetMatches()
			}
			wrong := slices.DeleteFunc(slices.Clone(alternatives), func(value string) bool { return value == "" || slices.Contains(allowed, value) })
			list := strings.Join(allowed, ", ")
			switch {
			case !m.Matches("") && !slices.ContainsFunc(allowed, m.Matches):
				findings = append(findings, u.finding("%s: no series has %s; %s is %s", u.selector, m, m.Name, list)...)
			case len(wrong) > 0:
				findings = append(findings, warning(u.finding("%s: %s is never %s; it is %s", u.selector, m.Name, strings.Join(wrong, " or "), list))...)
			}
		}
	}
	return findings
}
