package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template/parse"

	"github.com/prometheus/prometheus/model/rulefmt"
)

// templateLabels finds templates in annotations and labels of alerts that refer to labels which
// the alert's expression never has, so that they come out empty.
func templateLabels(a *Analysis) []Finding {
	var findings []Finding
	for i := range a.Queries {
		q := &a.Queries[i]
		if q.Rule == nil || q.Rule.Alert == "" {
			continue
		}
		has := a.series.labelsOf(q.Expr)
		if has.open {
			continue
		}
		for _, text := range texts(q.Rule) {
			for _, label := range labelsUsed(text.value) {
				if !has.has(label) {
					findings = append(findings, Finding{Path: q.Path, Severity: Error, Message: fmt.Sprintf(
						"%s shows $labels.%s, which the expression never has; it has %s", text.name, label, cmp.Or(strings.Join(slices.Sorted(maps.Keys(has.may)), ", "), "no labels"))})
				}
			}
		}
	}
	return findings
}

// text is a template of a rule.
type text struct {
	name  string // for findings, such as "annotation summary"
	value string
}

// texts returns the annotations, then the labels of a rule, sorted by name.
func texts(rule *rulefmt.Rule) []text {
	var all []text
	for _, name := range slices.Sorted(maps.Keys(rule.Annotations)) {
		all = append(all, text{"annotation " + name, rule.Annotations[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(rule.Labels)) {
		all = append(all, text{"label " + name, rule.Labels[name]})
	}
	return all
}

// labelsUsed returns the labels that a template shows without testing for them first, sorted.
func labelsUsed(value string) []string {
	if !strings.Contains(value, "abels.") {
		return nil
	}
	tree := parse.New("text")
	tree.Mode = parse.SkipFuncCheck
	// Prometheus defines these variables in front of each template:
	// https://prometheus.io/docs/prometheus/latest/configuration/template_reference/
	defined := "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}" + value
	if _, err := tree.Parse(defined, "", "", map[string]*parse.Tree{}); err != nil {
		return nil // the loader of rules has reported it
	}
	var names []string
	walkTemplate(tree.Root, nil, true, func(label string) { names = append(names, label) })
	slices.Sort(names)
	return slices.Compact(names)
}

// walkTemplate calls show for each label of the alert that is used outside of conditions that test
// for it. tested lists the labels that conditions around the node test for, and dot is whether
// the dot is still the alert, so that .Labels are its labels.
func walkTemplate(node parse.Node, tested []string, dot bool, show func(label string)) {
	branch := func(b *parse.BranchNode, inside bool) {
		conditions := slices.Clone(tested)
		walkTemplate(b.Pipe, nil, dot, func(label string) { conditions = append(conditions, label) })
		walkTemplate(b.List, conditions, inside, show)
		if b.ElseList != nil {
			walkTemplate(b.ElseList, conditions, dot, show)
		}
	}
	switch n := node.(type) {
	case *parse.ListNode:
		for _, child := range n.Nodes {
			walkTemplate(child, tested, dot, show)
		}
	case *parse.IfNode:
		branch(&n.BranchNode, dot)
	case *parse.WithNode:
		branch(&n.BranchNode, false)
	case *parse.RangeNode:
		branch(&n.BranchNode, false)
	case *parse.ActionNode:
		walkTemplate(n.Pipe, tested, dot, show)
	case *parse.PipeNode:
		for _, command := range n.Cmds {
			for _, arg := range command.Args {
				walkTemplate(arg, tested, dot, show)
			}
		}
	case *parse.VariableNode:
		if len(n.Ident) > 1 && n.Ident[0] == "$labels" && !slices.Contains(tested, n.Ident[1]) {
			show(n.Ident[1])
		}
	case *parse.FieldNode:
		if dot && len(n.Ident) > 1 && n.Ident[0] == "Labels" && !slices.Contains(tested, n.Ident[1]) {
			show(n.Ident[1])
		}
	}
}
