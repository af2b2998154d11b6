package review

import (
	"fmt"
	"maps"
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

// ruleChanges matches rules of the same name by what they have in common, since an
// alert may have a rule for each severity.
func ruleChanges(before, after []rule) []Change {
	what := func(r rule) string { return code(r.name()) + r.severityAndFor() }
	return kind[rule]{
		same: []func(before, after rule) bool{
			func(a, b rule) bool { return reflect.DeepEqual(a, b) },
			func(a, b rule) bool { return a.name() == b.name() && a.Expr == b.Expr },
			func(a, b rule) bool { return a.name() == b.name() && a.Labels["severity"] == b.Labels["severity"] },
			func(a, b rule) bool { return a.name() == b.name() },
		},
		added: func(r rule) (string, []Detail) {
			return what(r), []Detail{{Lang: "promql", Block: r.Expr}}
		},
		changed: func(before, after rule) (string, []Detail) {
			return what(before), ruleDetails(before, after)
		},
	}.changes(before, after)
}

// severityAndFor returns what distinguishes an alert from others of its name, to be
// appended to the name.
func (r rule) severityAndFor() string {
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
		details = append(details, changedValue("severity", before.Labels["severity"], after.Labels["severity"]))
	}
	if before.For != after.For {
		details = append(details, changedValue("for", before.For, after.For))
	}
	if before.KeepFiringFor != after.KeepFiringFor {
		details = append(details, changedValue("keep firing for", before.KeepFiringFor, after.KeepFiringFor))
	}
	details = append(details, exprDetails(before.Expr, after.Expr)...)
	details = append(details, settings("label ", otherLabels(before), otherLabels(after))...)
	return append(details, settings("annotation ", before.Annotations, after.Annotations)...)
}

// otherLabels returns the labels of a rule except its severity.
func otherLabels(r rule) map[string]string {
	labels := maps.Clone(r.Labels)
	delete(labels, "severity")
	return labels
}

// exprDetails lists changed thresholds, and the expression before and after.
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
				details = append(details, changedValue("threshold", oldThresholds[i], newThresholds[i]))
			}
		}
	}
	return append(details, whole)
}

// thresholds returns the numbers that an expression compares with, such as "> 0.9", and
// in shape the expression without them.
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

// constant reports whether expr is a number, such as 7 * 24 * 3600.
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
