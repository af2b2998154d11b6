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

// templateLabels finds labels in annotations and labels of alerts that come out
// empty, because the alert's expression aggregates them away or never had them.
func templateLabels(s *Analysis) []Finding {
	var findings []Finding
	for i := range s.queries {
		q := &s.queries[i]
		if q.rule == nil || q.rule.Alert == "" {
			continue
		}
		has := s.series.labelsOf(q.expr)
		if has.open {
			continue
		}
		for _, text := range texts(q.rule) {
			for _, label := range shown(text.value) {
				if !has.has(label) {
					findings = append(findings, Finding{Path: q.path, Severity: Error, Message: fmt.Sprintf(
						"%s shows $labels.%s, which the expression never has; it has %s", text.name, label, cmp.Or(strings.Join(slices.Sorted(maps.Keys(has.may)), ", "), "no labels"))})
				}
			}
		}
	}
	return findings
}

// text is a template of a rule.
type text struct{ name, value string }

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

// shown are the labels that a template shows without having asked for them.
func shown(value string) []string {
	if !strings.Contains(value, "abels.") {
		return nil
	}
	tree := parse.New("text")
	tree.Mode = parse.SkipFuncCheck
	// The variables that the server defines in front of each template.
	defined := "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}" + value
	if _, err := tree.Parse(defined, "", "", map[string]*parse.Tree{}); err != nil {
		return nil // the rule's loader has said so
	}
	var names []string
	walkTemplate(tree.Root, nil, true, func(label string) { names = append(names, label) })
	slices.Sort(names)
	return slices.Compact(names)
}

// walkTemplate shows each label outside of conditions that ask for it. Where dot
// is something else, .Labels are not the alert's.
func walkTemplate(node parse.Node, asked []string, dot bool, show func(label string)) {
	branch := func(b *parse.BranchNode, inside bool) {
		conditions := slices.Clone(asked)
		walkTemplate(b.Pipe, nil, dot, func(label string) { conditions = append(conditions, label) })
		walkTemplate(b.List, conditions, inside, show)
		if b.ElseList != nil {
			walkTemplate(b.ElseList, conditions, dot, show)
		}
	}
	switch n := node.(type) {
	case *parse.ListNode:
		for _, child := range n.Nodes {
			walkTemplate(child, asked, dot, show)
		}
	case *parse.IfNode:
		branch(&n.BranchNode, dot)
	case *parse.WithNode:
		branch(&n.BranchNode, false)
	case *parse.RangeNode:
		branch(&n.BranchNode, false)
	case *parse.ActionNode:
		walkTemplate(n.Pipe, asked, dot, show)
	case *parse.PipeNode:
		for _, command := range n.Cmds {
			for _, arg := range command.Args {
				walkTemplate(arg, asked, dot, show)
			}
		}
	case *parse.VariableNode:
		if len(n.Ident) > 1 && n.Ident[0] == "$labels" && !slices.Contains(asked, n.Ident[1]) {
			show(n.Ident[1])
		}
	case *parse.FieldNode:
		if dot && len(n.Ident) > 1 && n.Ident[0] == "Labels" && !slices.Contains(asked, n.Ident[1]) {
			show(n.Ident[1])
		}
	}
}
