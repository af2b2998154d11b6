package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
)

// dimension is a label that tells the series of one object apart, such as the modes of a processor.
// It is never empty.
type dimension struct {
	metrics string // prefix of the metrics' names
	label   string
	certain bool // every object has several
	of      string
}

// dimensions lists labels that tell the series of one object apart, from the documentation of
// node-exporter, https://github.com/prometheus/node_exporter, and of kube-state-metrics,
// https://github.com/kubernetes/kube-state-metrics/tree/main/docs.
var dimensions = []dimension{
	{"node_cpu_", "mode", true, "CPU"},
	{"node_cpu_", "cpu", false, "node"},
	{"node_disk_", "device", false, "node"},
	{"node_filesystem_", "mountpoint", false, "node"},
	{"node_network_", "device", false, "node"},
	{"kube_namespace_status_", "phase", true, "namespace"},
	{"kube_node_status_allocatable", "resource", true, "node"},
	{"kube_node_status_capacity", "resource", true, "node"},
	{"kube_node_status_condition", "condition", true, "node"},
	{"kube_node_status_condition", "status", true, "node"},
	{"kube_persistentvolume_status_", "phase", true, "volume"},
	{"kube_persistentvolumeclaim_status_", "phase", true, "claim"},
	{"kube_pod_container_", "container", false, "pod"},
	{"kube_pod_container_resource_", "resource", false, "container"},
	{"kube_pod_status_phase", "phase", true, "pod"},
	{"kube_pod_status_ready", "condition", true, "pod"},
	{"kube_pod_status_scheduled", "condition", true, "pod"},
	{"kube_pod_", "pod", false, "namespace"},
}

// coarse lists labels of targets and objects that never name a single series of a dimension;
// coarser, the ones that never name a single pod.
var (
	coarser = []string{"cluster", model.JobLabel, "namespace", "node", "service", "endpoint"}
	coarse  = append([]string{model.InstanceLabel, "pod", "container"}, coarser...)
)

// duplicates describes a side of an operation that must have one series for each match, but whose
// series differ in a label by which they are not matched; nil if there is no such side. It is
// certain if every object has several of them.
func (c *catalogue) duplicates(e *parser.BinaryExpr) *problem {
	match := e.VectorMatching
	if e.Op == parser.LAND || e.Op == parser.LUNLESS || !match.On && len(match.MatchingLabels) == 0 {
		return nil
	}
	sides := []parser.Expr{e.LHS, e.RHS}
	names := []string{"left", "right"}
	switch match.Card {
	case parser.CardManyToOne:
		sides, names = sides[1:], names[1:]
	case parser.CardOneToMany:
		sides, names = sides[:1], names[:1]
	}
	for i, side := range sides {
		if label, of, certain := c.unmatched(side, match); label != "" {
			fix := fmt.Sprintf("add %s to on (…), or aggregate it away first", label)
			if !match.On {
				fix = "aggregate it away first"
			}
			if match.Card == parser.CardOneToOne {
				fix += fmt.Sprintf(", or put group_%s behind the matching if the other side has one series for each", names[i])
			}
			return &problem{certain: certain, message: fmt.Sprintf(
				"the %s side of %q has a series for each %s of a %s, which the matching leaves out, so that several match and evaluation fails; %s", names[i], e.Op, label, of, fix)}
		}
	}
	return nil
}

// unmatched returns a dimension of a side's series by which they are not matched, and the object
// that has several; an empty label if there is none.
func (c *catalogue) unmatched(side parser.Expr, match *parser.VectorMatching) (label, of string, certain bool) {
	side = unwrapped(side)
	if aggregate, ok := side.(*parser.AggregateExpr); ok {
		label, of = c.unmatchedGrouping(aggregate, match)
		return label, of, false
	}
	selector := plainSelector(side)
	if selector == nil {
		return "", "", false
	}
	found := c.find(selector)
	if len(found) == 0 || slices.ContainsFunc(found, func(s *series) bool { return s.job == nil || s.own.open }) {
		return "", "", false
	}
	selected := selectedBy(selector)
	if found[0].bucket && len(found[0].bounds) > 1 && !selected[model.BucketLabel] && leavesOut(match, model.BucketLabel) {
		return model.BucketLabel, "histogram", true
	}
	for _, d := range dimensions {
		if !strings.HasPrefix(selector.Name, d.metrics) || !found[0].own.has(d.label) || selected[d.label] || !leavesOut(match, d.label) {
			continue
		}
		if !d.certain && picks(selector, found[0].own) {
			continue
		}
		return d.label, d.of, d.certain
	}
	return "", "", false
}

// picks reports whether a selector requires a label of the exporter's, other than a dimension, and so
// perhaps picks a single series.
func picks(selector *parser.VectorSelector, own labelSet) bool {
	for name, required := range selectedBy(selector) {
		if required && own.has(name) && !slices.Contains(coarser, name) && !isDimension(selector.Name, name) {
			return true
		}
	}
	return false
}

// isDimension reports whether a label is a dimension of a metric.
func isDimension(metric, label string) bool {
	return slices.ContainsFunc(dimensions, func(d dimension) bool { return d.label == label && strings.HasPrefix(metric, d.metrics) })
}

// unmatchedGrouping returns a label by which a side is aggregated, but not matched, and of which
// the labels that it is matched by have several; an empty label if there is none.
func (c *catalogue) unmatchedGrouping(e *parser.AggregateExpr, match *parser.VectorMatching) (label, of string) {
	if e.Without || slices.Contains([]parser.ItemType{parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO}, e.Op) {
		return "", ""
	}
	selector := innerSelector(e.Expr)
	if selector == nil {
		return "", ""
	}
	found := c.find(selector)
	if len(found) == 0 || slices.ContainsFunc(found, func(s *series) bool { return s.job == nil || s.own.open }) {
		return "", ""
	}
	selected := selectedBy(selector)
	for _, d := range groupings {
		if slices.Contains(e.Grouping, d.label) && found[0].own.has(d.label) && !selected[d.label] && !picks(selector, found[0].own) && leavesOut(match, d.label) {
			return d.label, d.of
		}
	}
	return "", ""
}

// groupings lists labels of an exporter's of which the coarser ones have several.
var groupings = []dimension{
	{label: "pod", of: "namespace"}, {label: "container", of: "pod"}, {label: "mode", of: "CPU"}, {label: "mountpoint", of: "node"}, {label: "device", of: "node"},
}

// innerSelector returns the only selector of an expression that neither aggregates, filters nor
// combines series; nil for any other expression.
func innerSelector(expr parser.Expr) *parser.VectorSelector {
	if aggregate, ok := unwrapped(expr).(*parser.AggregateExpr); ok && aggregate.Op == parser.SUM {
		return innerSelector(aggregate.Expr)
	}
	return plainSelector(expr)
}

// selectedBy returns the labels that a selector requires, each with true.
func selectedBy(selector *parser.VectorSelector) map[string]bool {
	selected := map[string]bool{}
	for _, m := range selector.LabelMatchers {
		selected[m.Name] = selected[m.Name] || !m.Matches("")
	}
	return selected
}

// leavesOut reports whether a matching leaves out a label and matches only by coarser ones.
func leavesOut(match *parser.VectorMatching, label string) bool {
	if !match.On {
		return slices.Contains(match.MatchingLabels, label)
	}
	allowed := coarse
	if label == "pod" {
		allowed = coarser
	}
	return !slices.ContainsFunc(match.MatchingLabels, func(name string) bool { return name == label || !slices.Contains(allowed, name) })
}

// unwrapped returns an expression without parentheses around it.
func unwrapped(expr parser.Expr) parser.Expr {
	for {
		paren, ok := expr.(*parser.ParenExpr)
		if !ok {
			return expr
		}
		expr = paren.Expr
	}
}
