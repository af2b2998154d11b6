package check

import (
	"maps"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// labelSet describes the labels of a set of series.
type labelSet struct {
	may  map[string]bool // labels that any of the series may have
	must map[string]bool // labels that each of the series has, a subset of may
	open bool            // whether the series may have further labels
}

// noLabels returns an empty set.
func noLabels() labelSet { return labelSet{may: map[string]bool{}, must: map[string]bool{}} }

// add adds a label, which each of the series has if certain.
func (s labelSet) add(name string, certain bool) {
	s.may[name] = true
	if certain {
		s.must[name] = true
	}
}

// has reports whether any of the series may have a label.
func (s labelSet) has(name string) bool { return s.open || s.may[name] }

// clone returns a copy that shares no map with s.
func (s labelSet) clone() labelSet {
	return labelSet{maps.Clone(s.may), maps.Clone(s.must), s.open}
}

// without returns a copy without the named labels.
func (s labelSet) without(names ...string) labelSet {
	s = s.clone()
	for _, name := range names {
		delete(s.may, name)
		delete(s.must, name)
	}
	return s
}

// only returns the labels of s that are named, as aggregation by them keeps them.
func (s labelSet) only(names []string) labelSet {
	kept := noLabels()
	for _, name := range names {
		if s.has(name) {
			kept.add(name, s.must[name])
		}
	}
	return kept
}

// union returns the labels of a mix of both sets of series.
func (s labelSet) union(other labelSet) labelSet {
	s = s.clone()
	maps.Copy(s.may, other.may)
	maps.DeleteFunc(s.must, func(name string, _ bool) bool { return !other.must[name] })
	s.open = s.open || other.open
	return s
}

// labelsOf returns the labels of an expression's result.
func (c *catalogue) labelsOf(expr parser.Expr) labelSet {
	switch e := expr.(type) {
	case *parser.VectorSelector:
		return c.selectorLabels(e)
	case *parser.MatrixSelector:
		return c.labelsOf(e.VectorSelector)
	case *parser.SubqueryExpr:
		return c.labelsOf(e.Expr)
	case *parser.ParenExpr:
		return c.labelsOf(e.Expr)
	case *parser.UnaryExpr:
		return c.labelsOf(e.Expr)
	case *parser.StepInvariantExpr:
		return c.labelsOf(e.Expr)
	case *parser.AggregateExpr:
		return c.aggregateLabels(e)
	case *parser.Call:
		return c.callLabels(e)
	case *parser.BinaryExpr:
		return c.binaryLabels(e)
	}
	return noLabels() // numbers and strings
}

// selectorLabels returns the labels of the series that a selector selects; an open set if no
// series is known.
func (c *catalogue) selectorLabels(selector *parser.VectorSelector) labelSet {
	found := c.find(selector)
	if len(found) == 0 {
		return labelSet{map[string]bool{}, map[string]bool{}, true}
	}
	set := found[0].labels.clone()
	for _, s := range found[1:] {
		set = set.union(s.labels)
	}
	if c.generous && !isRecorded(selector.Name) {
		set = c.generously(set, selector, found)
	}
	for _, m := range selector.LabelMatchers {
		if m.Name != model.MetricNameLabel && m.Type == labels.MatchEqual {
			if m.Value == "" {
				set = set.without(m.Name)
			} else {
				set.add(m.Name, true)
			}
		}
	}
	return set
}

// aggregateLabels returns the labels that an aggregation leaves.
func (c *catalogue) aggregateLabels(e *parser.AggregateExpr) labelSet {
	inner := c.labelsOf(e.Expr)
	switch e.Op {
	case parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO:
		return inner
	}
	var set labelSet
	if e.Without {
		set = inner.without(e.Grouping...)
	} else {
		set = inner.only(e.Grouping)
	}
	if label, ok := e.Param.(*parser.StringLiteral); ok && e.Op == parser.COUNT_VALUES {
		set.add(label.Val, true)
	}
	return set
}

// callLabels returns the labels of a function's result.
func (c *catalogue) callLabels(e *parser.Call) labelSet {
	switch e.Func.Name {
	case "absent", "absent_over_time":
		return absentLabels(e.Args[0])
	case "label_replace", "label_join":
		set := c.labelsOf(e.Args[0]).clone()
		if target, ok := e.Args[1].(*parser.StringLiteral); ok {
			set = set.without(target.Val)
			set.add(target.Val, false)
		}
		return set
	case "histogram_quantile":
		return c.labelsOf(e.Args[1]).without(model.BucketLabel)
	case "info":
		set := c.labelsOf(e.Args[0]).clone()
		set.open = true
		return set
	}
	for _, arg := range e.Args {
		if arg.Type() == parser.ValueTypeVector || arg.Type() == parser.ValueTypeMatrix {
			return c.labelsOf(arg)
		}
	}
	return noLabels()
}

// absentLabels returns the labels that absent() derives from the matchers of its argument:
// https://prometheus.io/docs/prometheus/latest/querying/functions/#absent
func absentLabels(expr parser.Expr) labelSet {
	set := noLabels()
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			for _, m := range selector.LabelMatchers {
				if m.Type == labels.MatchEqual && m.Name != model.MetricNameLabel && m.Value != "" {
					set.add(m.Name, true)
				}
			}
		}
		return nil
	})
	return set
}

// binaryLabels returns the labels of a binary operation's result.
func (c *catalogue) binaryLabels(e *parser.BinaryExpr) labelSet {
	left, right := c.labelsOf(e.LHS), c.labelsOf(e.RHS)
	switch {
	case e.LHS.Type() != parser.ValueTypeVector:
		return right
	case e.RHS.Type() != parser.ValueTypeVector || e.VectorMatching == nil:
		return left
	case e.Op == parser.LOR:
		return left.union(right)
	case e.Op == parser.LAND || e.Op == parser.LUNLESS:
		return left
	}
	match := e.VectorMatching
	switch match.Card {
	case parser.CardManyToOne:
		return includeLabels(left, right, match.Include)
	case parser.CardOneToMany:
		return includeLabels(right, left, match.Include)
	}
	if match.On {
		return left.only(match.MatchingLabels)
	}
	return left.without(match.MatchingLabels...)
}

// includeLabels returns the labels of the many side with the named ones replaced by the one side's.
func includeLabels(many, one labelSet, names []string) labelSet {
	set := many.without(names...)
	for _, name := range names {
		if one.has(name) {
			set.add(name, one.must[name])
		}
	}
	return set
}

// matchingLabels returns the labels by which two sides are matched. Without on, they are the
// labels that either side may have.
func matchingLabels(match *parser.VectorMatching, left, right labelSet) []string {
	if match.On {
		return match.MatchingLabels
	}
	var names []string
	for name := range left.union(right).may {
		if !slices.Contains(match.MatchingLabels, name) && name != model.MetricNameLabel {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
