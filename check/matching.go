package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// matchPossible finds binary operations whose sides can never be matched: by a label that one
// side always has and the other never has, or by labels that do not distinguish the targets of a
// job or the series of one object.
func matchPossible(a *Analysis) []Finding {
	var findings []Finding
	for i := range a.Queries {
		q := &a.Queries[i]
		parser.Inspect(q.Expr, func(node parser.Node, path []parser.Node) error {
			e, ok := node.(*parser.BinaryExpr)
			if !ok || e.VectorMatching == nil || e.Op == parser.LOR {
				return nil
			}
			u := use{query: q, optional: e.Op == parser.LUNLESS || isOptional(path, e)}
			problem := cmp.Or(a.series.mismatch(e), a.series.ambiguity(e))
			if problem != "" {
				findings = append(findings, u.finding("%s", problem)...)
			} else if likely := cmp.Or(a.series.duplicates(e), a.series.lopsided(e)); likely != nil && !q.Guessed {
				findings = append(findings, likely.findings(u)...)
			}
			return nil
		})
	}
	return findings
}

// isOptional reports whether an expression works without a part of it. path leads from the
// expression to the part.
func isOptional(path []parser.Node, part parser.Node) bool {
	for i := len(path) - 1; i >= 0; i-- {
		if e, ok := path[i].(*parser.BinaryExpr); ok && (e.Op == parser.LOR || e.Op == parser.LUNLESS && e.RHS == part) {
			return true
		}
		part = path[i]
	}
	return false
}

// mismatch describes the label by which the sides of an operation never match; "" if they may.
func (c *catalogue) mismatch(e *parser.BinaryExpr) string {
	left, right := c.labelsOf(e.LHS), c.labelsOf(e.RHS)
	for _, label := range matchingLabels(e.VectorMatching, left, right) {
		side := ""
		switch {
		case left.must[label] && !right.has(label):
			side = "left"
		case right.must[label] && !left.has(label):
			side = "right"
		default:
			continue
		}
		return fmt.Sprintf("the sides of %q never match: only the %s one has the label %s; aggregate both by the same labels, or match with on (…) or ignoring (%s)",
			e.Op, side, label, label)
	}
	return ""
}

// lopsided describes a label of an exporter's by which the sides of an operation are matched although
// one of them aggregates it away; nil if there is none. It is not certain, because the label may be
// empty.
func (c *catalogue) lopsided(e *parser.BinaryExpr) *problem {
	left, right := c.labelsOf(e.LHS), c.labelsOf(e.RHS)
	for _, label := range matchingLabels(e.VectorMatching, left, right) {
		with, without, side := e.LHS, e.RHS, "left"
		switch {
		case left.has(label) && !right.has(label):
		case right.has(label) && !left.has(label):
			with, without, side = e.RHS, e.LHS, "right"
		default:
			continue
		}
		if c.exports(with, label) && c.selectsWith(without, label) {
			return &problem{message: fmt.Sprintf("the sides of %q are matched by %s, which the %s one has and the other aggregates away, so that they match only where it is empty; aggregate both by the same labels, or match with on (…)", e.Op, label, side)}
		}
	}
	return nil
}

// exports reports whether every series that an expression selects has a label from its exporter.
func (c *catalogue) exports(expr parser.Expr, label string) bool {
	selectors, exported := 0, true
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			selectors++
			found := c.find(selector)
			exported = exported && len(found) > 0 && !slices.ContainsFunc(found, func(s *series) bool { return !s.own.may[label] })
		}
		return nil
	})
	return selectors > 0 && exported
}

// ambiguity describes a side that must have one series for each match, but has one for each of
// several targets, so that evaluation fails; "" if there is no such side.
func (c *catalogue) ambiguity(e *parser.BinaryExpr) string {
	if !e.VectorMatching.On || e.Op == parser.LAND || e.Op == parser.LUNLESS {
		return ""
	}
	sides := []parser.Expr{e.LHS, e.RHS}
	switch e.VectorMatching.Card {
	case parser.CardManyToOne:
		sides = sides[1:]
	case parser.CardOneToMany:
		sides = sides[:1]
	}
	for _, side := range sides {
		selector := plainSelector(side)
		if selector == nil || len(c.openJobs(selector)) > 0 {
			continue
		}
		found := c.find(selector)
		if len(found) != 1 || found[0].job == nil || !found[0].job.many || found[0].own.open || pinned(selector) {
			continue
		}
		j := found[0].job
		if slices.ContainsFunc(e.VectorMatching.MatchingLabels, func(label string) bool {
			return found[0].own.may[label] || slices.Contains(identifyingLabels, label)
		}) {
			continue
		}
		return fmt.Sprintf("%s is matched on (%s), which does not tell the several targets of job %s apart; add instance, or aggregate it first",
			selector, strings.Join(e.VectorMatching.MatchingLabels, ", "), j.name)
	}
	return ""
}

// identifyingLabels names the target labels that distinguish the targets of a job.
var identifyingLabels = []string{model.InstanceLabel, "pod", "node"}

// pinned reports whether a selector chooses among the targets of a job.
func pinned(selector *parser.VectorSelector) bool {
	for _, m := range selector.LabelMatchers {
		if slices.Contains(identifyingLabels, m.Name) {
			return true
		}
	}
	return false
}

// plainSelector returns the selector whose series an expression returns one by one, at most as
// rates; nil if it aggregates, filters or combines them.
func plainSelector(expr parser.Expr) *parser.VectorSelector {
	switch e := expr.(type) {
	case *parser.VectorSelector:
		return e
	case *parser.ParenExpr:
		return plainSelector(e.Expr)
	case *parser.Call:
		if slices.Contains(rateFunctions, e.Func.Name) {
			if m, ok := e.Args[0].(*parser.MatrixSelector); ok {
				return plainSelector(m.VectorSelector)
			}
		}
	}
	return nil
}
