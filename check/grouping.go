package check

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// groupingKnown finds labels that an expression aggregates, matches, copies or derives others by,
// and that its series never have. It is an error if that leaves the operation without its purpose,
// such as a group_left that copies nothing.
func groupingKnown(a *Analysis) []Finding {
	var findings []Finding
	for i := range a.Queries {
		q := &a.Queries[i]
		if q.Guessed {
			continue
		}
		parser.Inspect(q.Expr, func(node parser.Node, path []parser.Node) error {
			var problems []problem
			switch e := node.(type) {
			case *parser.AggregateExpr:
				problems = a.series.aggregateProblems(e)
			case *parser.BinaryExpr:
				problems = a.series.matchProblems(e)
			case *parser.Call:
				problems = a.series.relabelProblems(e)
			}
			for _, p := range problems {
				u := use{query: q, optional: isOptional(path, node)}
				findings = append(findings, p.findings(u)...)
			}
			return nil
		})
	}
	return findings
}

// problem is what is wrong with a part of an expression.
type problem struct {
	message string
	certain bool // whether the part certainly does not do what it is there for
}

// findings returns the problem as findings about u: warnings unless it is certain.
func (p problem) findings(u use) []Finding {
	findings := u.finding("%s", p.message)
	for i := range findings {
		if !p.certain {
			findings[i].Severity = Warning
		}
	}
	return findings
}

// aggregateProblems returns the labels that an aggregation names in vain.
func (c *catalogue) aggregateProblems(e *parser.AggregateExpr) []problem {
	if len(e.Grouping) == 0 || !selects(e.Expr) {
		return nil
	}
	has, certain := c.reachable(e.Expr)
	if e.Without {
		return c.misspelt("without", e.Grouping, has)
	}
	absent := has.lacksUnusual(e.Grouping)
	if len(absent) == 0 {
		return nil
	}
	return []problem{{
		message: fmt.Sprintf("%s by (%s): the series never have %s%s", e.Op, strings.Join(e.Grouping, ", "), strings.Join(absent, ", "), has.hint(absent[0])),
		certain: certain && len(absent) == len(e.Grouping),
	}}
}

// matchProblems returns the labels that an operation matches by or copies in vain.
func (c *catalogue) matchProblems(e *parser.BinaryExpr) []problem {
	match := e.VectorMatching
	if match == nil || !selects(e.LHS) || !selects(e.RHS) || len(match.MatchingLabels)+len(match.Include) == 0 {
		return nil
	}
	left, leftCertain := c.reachable(e.LHS)
	right, rightCertain := c.reachable(e.RHS)
	var problems []problem
	if both := left.union(right); match.On {
		if absent := both.lacksUnusual(match.MatchingLabels); len(absent) > 0 {
			problems = append(problems, problem{
				message: fmt.Sprintf("%q matches on (%s), but neither side ever has %s%s", e.Op, strings.Join(match.MatchingLabels, ", "), strings.Join(absent, ", "), both.hint(absent[0])),
				certain: leftCertain && rightCertain && len(absent) == len(match.MatchingLabels),
			})
		}
	} else {
		problems = append(problems, c.misspelt("ignoring", match.MatchingLabels, both)...)
	}
	one, certain, word, side := right, rightCertain, "group_left", "right"
	if match.Card == parser.CardOneToMany {
		one, certain, word, side = left, leftCertain, "group_right", "left"
	}
	if absent := one.lacks(match.Include); len(absent) > 0 {
		problems = append(problems, problem{
			message: fmt.Sprintf("%s (%s) copies from the %s side, which never has %s%s", word, strings.Join(match.Include, ", "), side, strings.Join(absent, ", "), one.hint(absent[0])),
			certain: certain,
		})
	}
	return problems
}

// relabelProblems returns the source labels from which label_replace or label_join never gets
// anything. A label_replace that sets a constant, or removes a label, needs no source.
func (c *catalogue) relabelProblems(e *parser.Call) []problem {
	if !slices.Contains([]string{"label_replace", "label_join"}, e.Func.Name) || !selects(e.Args[0]) {
		return nil
	}
	values := make([]string, 0, len(e.Args))
	for _, arg := range e.Args[1:] {
		text, ok := arg.(*parser.StringLiteral)
		if !ok {
			return nil
		}
		values = append(values, text.Val)
	}
	sources := values[2:]
	if e.Func.Name == "label_replace" {
		pattern, err := regexp.Compile("^(?s:" + values[3] + ")$")
		if err != nil || pattern.MatchString("") && (sources[0] == "" || !strings.Contains(values[1], "$")) {
			return nil
		}
		sources = values[2:3]
	}
	has, certain := c.reachable(e.Args[0])
	absent := has.lacks(sources)
	if len(absent) == 0 {
		return nil
	}
	return []problem{{
		message: fmt.Sprintf("%s sets %s from %s, which the series never have%s", e.Func.Name, values[0], strings.Join(absent, ", "), has.hint(absent[0])),
		certain: certain && len(absent) == len(sources),
	}}
}

// misspelt returns names of labels, after without or ignoring, that no series of the stack has but
// that are nearly the name of one that these series have. Other absent labels do no harm there.
func (c *catalogue) misspelt(word string, names []string, has labelSet) []problem {
	var problems []problem
	for _, name := range has.lacks(names) {
		near, ok := config.Nearest(name, slices.Sorted(maps.Keys(has.may)))
		if ok && len(name) >= 5 && levenshtein.ComputeDistance(name, near) <= 2 && !c.knowsLabel(name) {
			problems = append(problems, problem{message: fmt.Sprintf("%s (%s): the series never have %s; did you mean %s?", word, strings.Join(names, ", "), name, near)})
		}
	}
	return problems
}

// knowsLabel reports whether any series of the stack may have a label of that name.
func (c *catalogue) knowsLabel(name string) bool {
	for _, all := range c.byName {
		for _, s := range all {
			if s.labels.may[name] {
				return true
			}
		}
	}
	return false
}

// lacks returns the names that no series of the set has. It leaves out le, which the buckets of a
// classic histogram have and a native one has not.
func (s labelSet) lacks(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return s.has(name) || name == model.BucketLabel })
}

// targetLabels names the labels that discovery sets for some job or other.
var targetLabels = []string{"cluster", "container", "endpoint", model.InstanceLabel, model.JobLabel, "namespace", "node", "pod", "service"}

// lacksUnusual returns what lacks does, but without the labels of targets if the set has any of the
// names: expressions that are to work with every job name labels that not all jobs have.
func (s labelSet) lacksUnusual(names []string) []string {
	absent := s.lacks(names)
	if len(absent) == len(names) {
		return absent
	}
	return slices.DeleteFunc(absent, func(name string) bool { return slices.Contains(targetLabels, name) })
}

// hint returns the labels of the set, or the one that name is likely a misspelling of, as the end of
// a message.
func (s labelSet) hint(name string) string {
	names := slices.Sorted(maps.Keys(s.may))
	if near, ok := config.Nearest(name, names); ok {
		return fmt.Sprintf("; did you mean %s?", near)
	}
	if len(names) == 0 {
		return "; they have no labels"
	}
	return "; they have " + strings.Join(names, ", ")
}

// selects reports whether an expression selects any series.
func selects(expr parser.Expr) bool {
	found := false
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		_, selector := node.(*parser.VectorSelector)
		found = found || selector
		return nil
	})
	return found
}

// reachable returns the labels of an expression's result as labelsOf does, but counts what
// applications that expose series of the same names may add. It is certain if no selector selects
// from applications.
func (c *catalogue) reachable(expr parser.Expr) (set labelSet, certain bool) {
	c.generous = true
	defer func() { c.generous = false }()
	return c.labelsOf(expr), c.certain(expr)
}

// certain reports whether no selector of an expression, or of the rules that record what it selects,
// selects from jobs that scrape applications.
func (c *catalogue) certain(expr parser.Expr) bool {
	certain := true
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok && certain {
			if rules, recorded := c.recorded[selector.Name]; recorded {
				certain = c.certainlyRecorded(selector.Name, rules)
			} else {
				certain = len(c.openJobs(selector)) == 0
			}
		}
		return nil
	})
	return certain
}

// certainlyRecorded reports whether all rules that record a name are certain.
func (c *catalogue) certainlyRecorded(name string, rules []*query) bool {
	if known, ok := c.certainNames[name]; ok {
		return known
	}
	c.certainNames[name] = true // of a rule that selects what it records
	c.certainNames[name] = !slices.ContainsFunc(rules, func(rule *query) bool { return !c.certain(rule.Expr) })
	return c.certainNames[name]
}

// generously adds to the labels of a selector's known series the ones that series of the same name
// have in jobs that scrape applications: the same, but of other targets, if one exporter alone is
// known to expose the name. It assumes nothing of names that programs share, such as go_goroutines.
func (c *catalogue) generously(set labelSet, selector *parser.VectorSelector, known []*series) labelSet {
	synthetic := slices.Contains(scrapeMetrics, selector.Name) || slices.Contains(extraScrapeMetrics, selector.Name)
	exporters := map[string]bool{}
	for _, s := range known {
		if s.job != nil && !s.job.open {
			row, _ := config.Job(s.job.name).Row()
			exporters[row.Exporter] = true
		}
	}
	for _, j := range c.openJobs(selector) {
		set = set.union(j.labels)
		set.open = set.open || j.honors || len(exporters) != 1 && !synthetic
	}
	return set
}
