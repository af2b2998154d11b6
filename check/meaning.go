package check

import (
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/metrics"
)

// kind says what the values of an expression stand for.
type kind string

// The kinds of values. An expression of several kinds, or of an unknown one, has the kind anything.
const (
	anything  kind = ""
	gauge     kind = "gauge"                          // goes up and down
	counter   kind = "counter"                        // counts from the start of its program
	added     kind = "sum of counters"                // falls when one of several programs restarts
	info      kind = "info metric"                    // is always 1, and describes something by its labels
	histogram kind = "native histogram"               // has no single value
	rated     kind = "value calculated from a series" // is a rate, a count or the like
)

// cumulative reports whether values of the kind only grow until a program restarts.
func (k kind) cumulative() bool { return k == counter || k == added }

// isFloat reports whether values of the kind are certainly numbers, not native histograms.
func (k kind) isFloat() bool { return k != anything && k != histogram }

// meaning describes the values that an expression can have.
type meaning struct {
	kind      kind
	low, high float64 // the smallest and the largest value; infinite if unknown
	whole     bool    // all values are whole numbers
	nan       bool    // a value may be NaN
}

// unknown returns the meaning of an expression that can have any value.
func unknown() meaning { return meaning{low: math.Inf(-1), high: math.Inf(1), nan: true} }

// within returns the meaning of values of a kind between two numbers, both included.
func within(k kind, low, high float64) meaning { return meaning{kind: k, low: low, high: high} }

// counted returns the meaning of whole numbers between two numbers, both included.
func counted(k kind, low, high float64) meaning {
	return meaning{kind: k, low: low, high: high, whole: true}
}

// bounded reports whether a limit of the values is known.
func (m meaning) bounded() bool { return !math.IsInf(m.low, -1) || !math.IsInf(m.high, 1) }

// constant reports whether there is only one value.
func (m meaning) constant() bool { return m.low == m.high }

// as returns the same values as another kind.
func (m meaning) as(k kind) meaning {
	m.kind = k
	return m
}

// fraction returns the meaning without the certainty that values are whole numbers.
func (m meaning) fraction() meaning {
	m.whole = false
	return m
}

// union returns the meaning of a mix of both values.
func (m meaning) union(other meaning) meaning {
	if m.kind != other.kind {
		m.kind = anything
	}
	return meaning{m.kind, min(m.low, other.low), max(m.high, other.high), m.whole && other.whole, m.nan || other.nan}
}

// mayCount matches the names of gauges that only grow, or whose exporter mistakes the type, so that a
// rate of them has a meaning.
var mayCount = regexp.MustCompile(`_(total|count|sum|revision|index|generation|segment|segment_current|sequence|position|synced|version)$|time|counter`)

// meaningOf returns the meaning of a metric's samples under one of their names.
func meaningOf(m metrics.Metric, sample string) meaning {
	values, bounded := metrics.ValuesOf(m.Name)
	suffix := strings.TrimPrefix(sample, m.Name)
	result := unknown()
	switch {
	case m.Type == model.MetricTypeHistogram && suffix == "":
		return result.as(histogram)
	case suffix == "_sum": // of observations that may be negative
		return result.as(counter)
	case m.Type == model.MetricTypeHistogram || m.Type == model.MetricTypeSummary && suffix != "":
		return counted(counter, 0, math.Inf(1))
	case m.Type == model.MetricTypeCounter:
		result = within(counter, 0, math.Inf(1))
	case strings.HasSuffix(sample, "_info") && (m.Type == model.MetricTypeGauge || m.Type == model.MetricTypeInfo):
		return counted(info, 1, 1)
	case m.Type == model.MetricTypeGauge && !mayCount.MatchString(sample):
		result = result.as(gauge)
	}
	if bounded {
		result.low, result.high, result.whole = values.Low, values.High, values.Whole
		result.nan = !result.bounded()
	}
	return result
}

// meaning returns what the values of an expression mean. It infers that once for each expression.
func (c *catalogue) meaning(expr parser.Expr) meaning {
	if known, ok := c.meanings[expr]; ok {
		return known
	}
	m := c.infer(expr)
	c.meanings[expr] = m
	return m
}

// infer infers the meaning of an expression.
func (c *catalogue) infer(expr parser.Expr) meaning {
	switch e := expr.(type) {
	case *parser.NumberLiteral:
		return meaning{low: e.Val, high: e.Val, whole: e.Val == math.Trunc(e.Val), nan: math.IsNaN(e.Val)}
	case *parser.VectorSelector:
		found := c.find(e)
		if len(found) == 0 {
			return unknown()
		}
		m := found[0].meaning
		for _, s := range found[1:] {
			m = m.union(s.meaning)
		}
		return m
	case *parser.MatrixSelector:
		return c.meaning(e.VectorSelector)
	case *parser.SubqueryExpr:
		return c.meaning(e.Expr)
	case *parser.ParenExpr:
		return c.meaning(e.Expr)
	case *parser.StepInvariantExpr:
		return c.meaning(e.Expr)
	case *parser.UnaryExpr:
		m := c.meaning(e.Expr)
		if e.Op == parser.SUB {
			m.low, m.high = -m.high, -m.low
			if m.kind != rated && m.kind != gauge {
				m.kind = anything
			}
		}
		return m
	case *parser.AggregateExpr:
		return c.inferAggregate(e)
	case *parser.Call:
		return c.inferCall(e)
	case *parser.BinaryExpr:
		return c.inferBinary(e)
	}
	return unknown()
}

// inferAggregate infers the meaning of an aggregation.
func (c *catalogue) inferAggregate(e *parser.AggregateExpr) meaning {
	m := c.meaning(e.Expr)
	switch e.Op {
	case parser.COUNT, parser.COUNT_VALUES:
		return counted(rated, 1, math.Inf(1))
	case parser.GROUP:
		return counted(rated, 1, 1)
	case parser.STDDEV, parser.STDVAR:
		return meaning{rated, 0, math.Inf(1), false, m.nan}
	case parser.SUM:
		switch {
		case m.kind == info:
			m.kind = rated
		case m.kind == counter:
			m.kind = added
		}
		return m.summed()
	case parser.AVG:
		if m.kind == counter {
			m.kind = added
		}
		return m.fraction()
	case parser.QUANTILE:
		if q := c.meaning(e.Param); q.low < 0 || q.high > 1 {
			return unknown().as(rated)
		}
		if m.kind != gauge {
			m.kind = rated
		}
		return m.fraction()
	}
	return m
}

// summed returns the meaning of sums of values.
func (m meaning) summed() meaning {
	if m.low < 0 {
		m.low = math.Inf(-1)
	}
	if m.high > 0 {
		m.high = math.Inf(1)
	}
	return m
}

// calendar lists the functions of the calendar with their smallest and largest values.
var calendar = map[string][2]float64{
	"minute": {0, 59}, "hour": {0, 23}, "day_of_week": {0, 6}, "day_of_month": {1, 31},
	"day_of_year": {1, 366}, "days_in_month": {28, 31}, "month": {1, 12},
}

// inferCall infers the meaning of a function's result.
func (c *catalogue) inferCall(e *parser.Call) meaning {
	name := e.Func.Name
	if limits, ok := calendar[name]; ok {
		return counted(rated, limits[0], limits[1])
	}
	m := unknown() // of the first vector
	for _, arg := range e.Args {
		if t := arg.Type(); t == parser.ValueTypeVector || t == parser.ValueTypeMatrix {
			m = c.meaning(arg)
			break
		}
	}
	result := rated // of a function that calculates native histograms from native histograms
	if !m.kind.isFloat() {
		result = m.kind
	}
	positive := math.Inf(1)
	switch name {
	case "rate", "increase", "irate":
		return within(result, 0, positive)
	case "delta", "idelta":
		return unknown().as(result)
	case "deriv", "predict_linear", "double_exponential_smoothing", "histogram_avg", "histogram_quantile", "ln", "log2", "log10":
		return unknown().as(rated)
	case "changes", "resets":
		return counted(rated, 0, positive)
	case "count_over_time":
		return counted(rated, 1, positive)
	case "present_over_time", "absent", "absent_over_time":
		return counted(rated, 1, 1)
	case "time", "timestamp", "ts_of_min_over_time", "ts_of_max_over_time", "ts_of_last_over_time", "year":
		return within(rated, 0, positive)
	case "stddev_over_time", "stdvar_over_time", "mad_over_time", "histogram_stddev", "histogram_stdvar", "exp":
		return meaning{rated, 0, positive, false, true}
	case "sqrt":
		return meaning{rated, 0, positive, false, true}
	case "sgn":
		return meaning{rated, -1, 1, true, m.nan}
	case "histogram_count":
		if m.kind == histogram && c.cumulative(e.Args[0]) {
			return within(counter, 0, positive)
		}
		return within(rated, 0, positive)
	case "histogram_sum":
		if m.kind == histogram && c.cumulative(e.Args[0]) {
			return unknown().as(counter)
		}
		return unknown().as(rated)
	case "histogram_fraction":
		return meaning{rated, 0, 1, false, true}
	case "min_over_time", "max_over_time", "last_over_time", "first_over_time",
		"label_replace", "label_join", "sort", "sort_desc", "sort_by_label", "sort_by_label_desc", "info":
		return m
	case "avg_over_time":
		return m.as(result).fraction()
	case "quantile_over_time":
		if q := c.meaning(e.Args[0]); q.low < 0 || q.high > 1 {
			return unknown().as(rated)
		}
		return m.as(rated).fraction()
	case "sum_over_time":
		return m.as(result).summed()
	case "vector":
		return c.meaning(e.Args[0])
	case "scalar":
		m.nan, m.kind = true, rated
		return m
	case "abs":
		m.low, m.high = max(m.low, 0), max(math.Abs(m.low), math.Abs(m.high))
		return m.as(rated)
	case "ceil", "floor", "round":
		if len(e.Args) > 1 {
			return unknown().as(m.kind)
		}
		return meaning{m.kind, math.Floor(m.low), math.Ceil(m.high), true, m.nan}
	case "clamp":
		return m.atLeast(c.meaning(e.Args[1])).atMost(c.meaning(e.Args[2])).as(rated)
	case "clamp_min":
		return m.atLeast(c.meaning(e.Args[1])).as(rated)
	case "clamp_max":
		return m.atMost(c.meaning(e.Args[1])).as(rated)
	}
	return unknown()
}

// cumulative reports whether an expression of native histograms counts from the start of a program,
// that is, whether nothing calculates a rate of them.
func (c *catalogue) cumulative(expr parser.Expr) bool {
	rates := false
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		call, ok := node.(*parser.Call)
		rates = rates || ok && slices.Contains(rateFunctions, call.Func.Name)
		return nil
	})
	return !rates
}

// atLeast returns the meaning of values raised to a limit.
func (m meaning) atLeast(limit meaning) meaning {
	return meaning{m.kind, max(m.low, limit.low), max(m.high, limit.high), m.whole && limit.whole, m.nan}
}

// atMost returns the meaning of values lowered to a limit.
func (m meaning) atMost(limit meaning) meaning {
	return meaning{m.kind, min(m.low, limit.low), min(m.high, limit.high), m.whole && limit.whole, m.nan}
}

// inferBinary infers the meaning of a binary operation's result.
func (c *catalogue) inferBinary(e *parser.BinaryExpr) meaning {
	left, right := c.meaning(e.LHS), c.meaning(e.RHS)
	switch {
	case e.Op == parser.LAND || e.Op == parser.LUNLESS:
		return left
	case e.Op == parser.LOR:
		return left.union(right)
	case e.Op.IsComparisonOperator() && e.ReturnBool:
		return counted(rated, 0, 1)
	case e.Op.IsComparisonOperator():
		if isScalar(e.LHS) {
			return right.narrowed(mirrored(e.Op), left)
		}
		if isScalar(e.RHS) {
			return left.narrowed(e.Op, right)
		}
		return left
	}
	m := arithmetic(e.Op, left, right)
	if e.Op == parser.DIV && c.isPart(e) {
		m.low, m.high, m.nan = 0, 1, true
	}
	switch {
	case right.kind == info && !isScalar(e.RHS):
		m.kind = left.kind
	case left.kind == info && !isScalar(e.LHS):
		m.kind = right.kind
	case isScalar(e.RHS) && (e.Op == parser.MUL || e.Op == parser.DIV), isScalar(e.LHS) && e.Op == parser.MUL:
		m.kind = left.kind
		if isScalar(e.LHS) {
			m.kind = right.kind
		}
		if m.kind == info || m.kind.cumulative() && m.low < 0 {
			m.kind = anything
		}
	default:
		m.kind = anything
		kinds := []kind{}
		for _, side := range []parser.Expr{e.LHS, e.RHS} {
			if !isScalar(side) {
				kinds = append(kinds, c.meaning(side).kind)
			}
		}
		if !slices.ContainsFunc(kinds, func(k kind) bool { return k != gauge }) {
			m.kind = gauge
		} else if !slices.ContainsFunc(kinds, func(k kind) bool { return k != rated && k != gauge }) {
			m.kind = rated
		}
	}
	return m
}

// isScalar reports whether an expression is one number without labels.
func isScalar(expr parser.Expr) bool { return expr.Type() == parser.ValueTypeScalar }

// mirrored returns the comparison that has its sides exchanged.
func mirrored(op parser.ItemType) parser.ItemType {
	switch op {
	case parser.GTR:
		return parser.LSS
	case parser.GTE:
		return parser.LTE
	case parser.LSS:
		return parser.GTR
	case parser.LTE:
		return parser.GTE
	}
	return op
}

// narrowed returns the meaning of the values that a comparison with a number leaves.
func (m meaning) narrowed(op parser.ItemType, number meaning) meaning {
	switch op {
	case parser.GTR, parser.GTE:
		m.low = max(m.low, number.low)
	case parser.LSS, parser.LTE:
		m.high = min(m.high, number.high)
	case parser.EQLC:
		m.low, m.high = max(m.low, number.low), min(m.high, number.high)
	default:
		return m
	}
	m.nan = false
	return m
}

// arithmetic returns the values of an arithmetic operation, without their kind.
func arithmetic(op parser.ItemType, a, b meaning) meaning {
	m := meaning{low: math.Inf(-1), high: math.Inf(1), nan: a.nan || b.nan, whole: a.whole && b.whole}
	switch op {
	case parser.ADD:
		m.low, m.high = a.low+b.low, a.high+b.high
	case parser.SUB:
		m.low, m.high = a.low-b.high, a.high-b.low
	case parser.MUL:
		m.low, m.high = corners(a, b, func(x, y float64) float64 { return x * y })
	case parser.DIV:
		m.whole = false
		switch {
		case b.low > 0 || b.high < 0:
			m.low, m.high = corners(a, b, func(x, y float64) float64 { return x / y })
		case b.low == 0 && a.low >= 0:
			m.low, m.nan = 0, true
		default:
			m.nan = true
		}
	case parser.POW:
		m.nan, m.whole = true, false
		if a.low >= 0 {
			m.low = 0
		}
	default:
		m.nan, m.whole = true, false
	}
	if math.IsNaN(m.low) {
		m.low = math.Inf(-1)
	}
	if math.IsNaN(m.high) {
		m.high = math.Inf(1)
	}
	return m
}

// corners returns the smallest and the largest result of an operation on the limits of two values.
// Zero times or over infinity is zero, because values are finite.
func corners(a, b meaning, operate func(x, y float64) float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, x := range []float64{a.low, a.high} {
		for _, y := range []float64{b.low, b.high} {
			result := operate(x, y)
			if math.IsNaN(result) {
				if x != 0 && y != 0 { // infinity over infinity: anything between
					return math.Inf(-1), math.Inf(1)
				}
				result = 0
			}
			low, high = min(low, result), max(high, result)
		}
	}
	return low, high
}
