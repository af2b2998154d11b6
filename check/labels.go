package check

import (
	"maps"
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// labelSet is what is known of the labels of an expression's series.
type labelSet struct {
	may  map[string]bool // any of the series may have it
	must map[string]bool // every one of them has it
	open bool            // they may have others, too
}

func noLabels() labelSet { return labelSet{may: map[string]bool{}, must: map[string]bool{}} }

func (s labelSet) add(name string, certain bool) {
	s.may[name] = true
	if certain {
		s.must[name] = true
	}
}

func (s labelSet) has(name string) bool { return s.open || s.may[name] }

func (s labelSet) clone() labelSet {
	return labelSet{maps.Clone(s.may), maps.Clone(s.must), s.open}
}

func (s labelSet) without(names ...string) labelSet {
	s = s.clone()
	for _, name := range names {
		delete(s.may, name)
		delete(s.must, name)
	}
	return s
}

// only keeps names.
func (s labelSet) only(names []string) labelSet {
	kept := noLabels()
	for _, name := range names {
		if s.has(name) {
			kept.add(name, s.must[name])
		}
	}
	return kept
}

// union is that of series that are either of one kind or of the other.
func (s labelSet) union(other labelSet) labelSet {
	s = s.clone()
	maps.Copy(s.may, other.may)
	maps.DeleteFunc(s.must, func(name string, _ bool) bool { return !other.must[name] })
	s.open = s.open || other.open
	return s
}

// labelsOf works out the labels of an expression's result.
func (c *catalogue) labelsOf(expr parser.Expr) labelSet {
	switch e := expr.(type) {
	case *parser.VectorSelector:
		return c.selected(e)
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
		return c.aggregated(e)
	case *parser.Call:
		return c.called(e)
	case *parser.BinaryExpr:
		return c.combined(e)
	}
	return noLabels() // numbers and texts
}

func (c *catalogue) selected(selector *parser.VectorSelector) labelSet {
	found := c.find(selector)
	if len(found) == 0 {
		return labelSet{map[string]bool{}, map[string]bool{}, true}
	}
	set := found[0].labels.clone()
	for _, s := range found[1:] {
		set = set.union(s.labels)
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

func (c *catalogue) aggregated(e *parser.AggregateExpr) labelSet {
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

func (c *catalogue) called(e *parser.Call) labelSet {
	switch e.Func.Name {
	case "absent", "absent_over_time":
		return fixed(e.Args[0])
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

// fixed are the labels that absent makes up from a selector.
func fixed(expr parser.Expr) labelSet {
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

func (c *catalogue) combined(e *parser.BinaryExpr) labelSet {
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
		return included(left, right, match.Include)
	case parser.CardOneToMany:
		return included(right, left, match.Include)
	}
	if match.On {
		return left.only(match.MatchingLabels)
	}
	return left.without(match.MatchingLabels...)
}

// included adds labels of the one side to the many side's.
func included(many, one labelSet, names []string) labelSet {
	set := many.without(names...)
	for _, name := range names {
		if one.has(name) {
			set.add(name, one.must[name])
		}
	}
	return set
}

// matched are the labels by which two sides are matched, of those either has.
func matched(match *parser.VectorMatching, left, right labelSet) []string {
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
