package review

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

func alerts(rules []rule) []rule {
	return slices.DeleteFunc(slices.Clone(rules), func(r rule) bool { return r.Alert == "" })
}

func recordings(rules []rule) []rule {
	return slices.DeleteFunc(slices.Clone(rules), func(r rule) bool { return r.Record == "" })
}

func (r rule) name() string { return r.Alert + r.Record }

// ruleChanges joins rules of the same name by what they have in common, for an
// alert may have a rule for each severity.
func ruleChanges(before, after []rule) []Change {
	both, removed, added := pair(before, after,
		func(a, b rule) bool { return reflect.DeepEqual(a, b) },
		func(a, b rule) bool { return a.name() == b.name() && a.Expr == b.Expr },
		func(a, b rule) bool { return a.name() == b.name() && a.Labels["severity"] == b.Labels["severity"] },
		func(a, b rule) bool { return a.name() == b.name() },
	)
	var changes []Change
	for _, r := range added {
		changes = append(changes, Change{Verb: "added", What: code(r.name()) + r.kind(), Details: []Detail{{Lang: "promql", Block: r.Expr}}})
	}
	for _, r := range removed {
		changes = append(changes, Change{Verb: "removed", What: code(r.name()) + r.kind()})
	}
	for _, rules := range both {
		if details := ruleDetails(rules[0], rules[1]); len(details) > 0 {
			changes = append(changes, Change{Verb: "changed", What: code(rules[0].name()) + rules[0].kind(), Details: details})
		}
	}
	return changes
}

// kind is what tells an alert from others of its name.
func (r rule) kind() string {
	var words []string
	if severity := r.Labels["severity"]; severity != "" {
		words = append(words, "severity "+code(severity))
	}
	if r.For != "" {
		words = append(words, "for "+code(r.For))
	}
	if len(words) == 0 {
		return ""
	}
	return ", " + strings.Join(words, ", ")
}

func ruleDetails(before, after rule) []Detail {
	var details []Detail
	if before.Labels["severity"] != after.Labels["severity"] {
		details = append(details, moved("severity", before.Labels["severity"], after.Labels["severity"]))
	}
	if before.For != after.For {
		details = append(details, moved("for", before.For, after.For))
	}
	if before.KeepFiringFor != after.KeepFiringFor {
		details = append(details, moved("keep firing for", before.KeepFiringFor, after.KeepFiringFor))
	}
	details = append(details, exprDetails(before.Expr, after.Expr)...)
	details = append(details, texts("label", before.Labels, after.Labels, "severity")...)
	return append(details, texts("annotation", before.Annotations, after.Annotations)...)
}

func texts(kind string, before, after map[string]string, but ...string) []Detail {
	plain := func(texts map[string]string) map[string]any {
		values := map[string]any{}
		for key, text := range texts {
			if !slices.Contains(but, key) {
				values[key] = text
			}
		}
		return values
	}
	details := settings(plain(before), plain(after))
	for i := range details {
		details[i].Text = kind + " " + details[i].Text
	}
	return details
}

// exprDetails says which thresholds moved, and how the expression reads before
// and after unless that is all.
func exprDetails(before, after string) []Detail {
	if before == after {
		return nil
	}
	oldShape, oldThresholds, oldErr := thresholds(before)
	newShape, newThresholds, newErr := thresholds(after)
	whole := Detail{Text: "expression:", Lang: "diff", Block: lines(before, after)}
	if oldErr != nil || newErr != nil {
		return []Detail{whole}
	}
	if oldShape == newShape && slices.Equal(oldThresholds, newThresholds) {
		return []Detail{{Text: "expression: written differently, and the same"}}
	}
	var details []Detail
	if len(oldThresholds) == len(newThresholds) {
		for i := range oldThresholds {
			if oldThresholds[i] != newThresholds[i] {
				details = append(details, moved("threshold", oldThresholds[i], newThresholds[i]))
			}
		}
	}
	return append(details, whole)
}

// thresholds are the numbers that an expression compares with, such as > 0.9;
// shape is the expression with none of them.
func thresholds(text string) (shape string, found []string, err error) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		return "", nil, err
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		comparison, ok := node.(*parser.BinaryExpr)
		if !ok || !comparison.Op.IsComparisonOperator() {
			return nil
		}
		if constant(comparison.RHS) {
			found = append(found, fmt.Sprintf("%s %s", comparison.Op, comparison.RHS))
			comparison.RHS = &parser.NumberLiteral{}
		}
		return nil
	})
	return expr.String(), found, nil
}

// constant tells a number, such as 7 * 24 * 3600, from what is measured.
func constant(expr parser.Expr) bool {
	switch e := expr.(type) {
	case *parser.NumberLiteral:
		return true
	case *parser.ParenExpr:
		return constant(e.Expr)
	case *parser.UnaryExpr:
		return constant(e.Expr)
	case *parser.BinaryExpr:
		return constant(e.LHS) && constant(e.RHS)
	}
	return false
}
