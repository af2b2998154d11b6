package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/dispatch"
	amlabels "github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// recordNamed finds recorded names that jobs scrape too, and ones that every selector has to quote:
// https://prometheus.io/docs/practices/rules/#naming
func recordNamed(a *Analysis) []Finding {
	var findings []Finding
	for i := range a.Queries {
		q := &a.Queries[i]
		if q.Rule == nil || q.Rule.Record == "" {
			continue
		}
		name := q.Rule.Record
		if !model.LegacyValidation.IsValidMetricName(name) {
			findings = append(findings, Finding{Path: q.Path, Severity: Warning, Message: fmt.Sprintf(
				"%q can only be selected in quotes, as {%q}, which many tools do not support; use letters, digits, underscores and colons: level:metric:operations", name, name)})
		}
		if scraped := a.series.byName[name]; len(scraped) > 0 && scraped[0].job != nil {
			findings = append(findings, Finding{Path: q.Path, Severity: Warning, Message: fmt.Sprintf(
				"records %s, which job %s scrapes too, so that every use of it gets both; record another name: level:metric:operations", name, scraped[0].job.name)})
		}
	}
	return findings
}

// alertNamed finds alerts of the stack's own that have the name of a shipped one.
func alertNamed(a *Analysis) []Finding {
	shipped := map[string]*query{}
	for i := range a.Queries {
		if q := &a.Queries[i]; q.Rule != nil && q.Rule.Alert != "" && !q.Own {
			shipped[q.Rule.Alert] = q
		}
	}
	var findings []Finding
	for i := range a.Queries {
		q := &a.Queries[i]
		if q.Rule == nil || !q.Own || shipped[q.Rule.Alert] == nil {
			continue
		}
		name := q.Rule.Alert
		findings = append(findings, Finding{Path: q.Path, Severity: Warning, Message: fmt.Sprintf(
			"%s is also the name of %s, so that silences and inhibitions of one apply to the other; rename it, or replace the shipped one: alerting.disabled: [%s], or change it: alerting.overrides.%s", name, shipped[name].Path, name, name)})
	}
	return findings
}

// severities lists the severities that shipped alerts use.
var severities = []string{"critical", "warning", "info", "none"}

// severityKnown finds alerts whose severity nothing in the stack knows, and alerts without one.
func severityKnown(a *Analysis) []Finding {
	known := a.severityMatchers()
	var findings []Finding
	for i := range a.Queries {
		q := &a.Queries[i]
		if q.Rule == nil || q.Rule.Alert == "" {
			continue
		}
		severity, has := q.Rule.Labels["severity"]
		message := ""
		switch {
		case !has && !a.series.labelsOf(q.Expr).may["severity"]:
			message = "has no label severity, by which alerts are routed and inhibited"
		case !has || strings.Contains(severity, "{{") || slices.Contains(severities, severity):
			continue
		case slices.ContainsFunc(known, func(m *amlabels.Matcher) bool { return m.Matches(severity) }):
			continue
		default:
			message = fmt.Sprintf("no route or inhibition knows severity %q", severity)
		}
		findings = append(findings, Finding{Path: q.Path, Severity: Warning,
			Message: fmt.Sprintf("%s; allowed: %s, or one that a route or an inhibition matches", message, strings.Join(severities, ", "))})
	}
	return findings
}

// severityMatchers returns the matchers of routes and inhibitions that select severities.
func (a *Analysis) severityMatchers() []*amlabels.Matcher {
	if a.Alertmanager == nil {
		return nil
	}
	var all amlabels.Matchers
	for _, matchers := range routeMatchers(dispatch.NewRoute(a.Alertmanager.Route, nil), nil) {
		all = append(all, matchers...)
	}
	for _, rule := range a.Alertmanager.InhibitRules {
		all = slices.Concat(all, amlabels.Matchers(rule.SourceMatchers), amlabels.Matchers(rule.TargetMatchers))
	}
	return slices.DeleteFunc(all, func(m *amlabels.Matcher) bool {
		return m.Name != "severity" || m.Type == amlabels.MatchNotEqual || m.Type == amlabels.MatchNotRegexp
	})
}

// labelsKept finds labels of rules that have no effect, or that give all series of the expression one
// value of a label that tells them apart.
func labelsKept(a *Analysis) []Finding {
	var findings []Finding
	for i := range a.Queries {
		q := &a.Queries[i]
		if q.Rule == nil {
			continue
		}
		has := a.series.labelsOf(q.Expr)
		for _, name := range slices.Sorted(maps.Keys(q.Rule.Labels)) {
			value := q.Rule.Labels[name]
			switch {
			case name == model.AlertNameLabel && q.Rule.Alert != "":
				findings = append(findings, Finding{Path: q.Path, Severity: Error, Message: fmt.Sprintf(
					"label alertname: %s has no effect, because every alert has the name of its rule; rename the rule, or use another label", value)})
			case slices.Contains(identifyingLabels, name) && has.must[name] && !strings.Contains(value, "{{") && !fixed(q.Expr, name):
				findings = append(findings, Finding{Path: q.Path, Severity: Warning, Message: fmt.Sprintf(
					"label %s: %s replaces the label %s of every series, so that several of them become one and the rule fails; remove it, or aggregate %s away: sum without (%s) (…)", name, value, name, name, name)})
			}
		}
	}
	return findings
}

// fixed reports whether every selector of an expression selects one value of a label.
func fixed(expr parser.Expr, label string) bool {
	all := true
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			all = all && slices.ContainsFunc(selector.LabelMatchers, func(m *labels.Matcher) bool {
				return m.Name == label && m.Type == labels.MatchEqual
			})
		}
		return nil
	})
	return all
}
