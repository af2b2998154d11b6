package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/rules"
)

// Query is one PromQL expression of a rule or a dashboard.
type Query struct {
	// Path is rules/file/group/rule of a shipped rule, alerting.extraRules/file/group/rule or directory/file/group/rule of
	// one of the stack's own, or dashboards/uid/place.
	Path    string
	Expr    parser.Expr
	Text    string        // as it is written: a dashboard's query has variables
	Own     bool          // comes from the stack's config, not from this program
	Ruler   bool          // of a rule that a ruler evaluates, which sees the object store
	Panel   bool          // belongs to a dashboard, so nobody is paged by it
	Guessed bool          // contains variables whose values are unknown
	Drawn   bool          // is drawn over time by a panel
	Rule    *rulefmt.Rule // nil for a dashboard's query
}

// parseQueries sets the expressions of all rules, in the order of their files, then those of all
// dashboards. The error names the expression that does not parse.
func (s *Stack) parseQueries() error {
	if err := s.parseRules(); err != nil {
		return err
	}
	if err := s.parseDashboards(); err != nil {
		return err
	}
	return s.refuseForThanos()
}

// refuseForThanos rejects expressions that Thanos evaluates, those of the ruler and of panels, and does not know: its
// parser is older than that of Prometheus, and the ruler does not start with a rule that it cannot parse. The error is
// config.Problems.
func (s *Stack) refuseForThanos() error {
	var problems config.Problems
	for _, q := range s.Queries {
		if what := unknownToThanos(q.Expr); what != "" && (q.Ruler || q.Panel && s.Config.LongTermStorage.Enabled) {
			problems.Addf(q.Path, "has %s, which Thanos 0.42 does not know; write it without", what)
		}
	}
	return problems.Err()
}

// unknownToThanos returns what Thanos 0.42 does not know in an expression; empty if it knows all of it.
func unknownToThanos(expr parser.Expr) string {
	const durations = "a duration that is calculated"
	what := ""
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch node := node.(type) {
		case *parser.VectorSelector:
			switch {
			case node.Anchored:
				what = "the modifier anchored"
			case node.Smoothed:
				what = "the modifier smoothed"
			case node.OriginalOffsetExpr != nil:
				what = durations
			}
		case *parser.MatrixSelector:
			if node.RangeExpr != nil {
				what = durations
			}
		case *parser.SubqueryExpr:
			if node.RangeExpr != nil || node.StepExpr != nil || node.OriginalOffsetExpr != nil {
				what = durations
			}
		}
		return nil
	})
	return what
}

// parseRules adds the expressions of all rule files, in the order of the files.
func (s *Stack) parseRules() error {
	expressions := parser.NewParser(parser.Options{})
	for _, file := range s.Rules {
		for g := range file.Groups {
			for r := range file.Groups[g].Rules {
				rule := &file.Groups[g].Rules[r]
				expr, err := expressions.ParseExpr(rule.Expr)
				if err != nil {
					return fmt.Errorf("%s: %w", file.Name, err)
				}
				s.Queries = append(s.Queries, Query{Path: rulePath(file, file.Groups[g], *rule), Expr: expr, Text: rule.Expr, Own: file.Own, Ruler: file.Ruler, Rule: rule})
			}
		}
	}
	return nil
}

// rulePath returns the path of a rule, as in Query.Path.
func rulePath(file rules.File, group rulefmt.RuleGroup, rule rulefmt.Rule) string {
	return file.From + "/" + file.Name + "/" + group.Name + "/" + rule.Alert + rule.Record
}

// parseDashboards adds the expressions of dashboards. Of custom dashboards, it leaves out matchers of
// labels whose values are guesses, and keeps apart the expressions that do not parse with guesses.
func (s *Stack) parseDashboards() error {
	interval := s.Config.Prometheus.ScrapeInterval.Duration
	values := map[string]string{
		"cluster":         s.Config.Cluster.Name,
		"__rate_interval": model.Duration(4 * interval).String(), // Grafana's value for a short time range
	}
	expressions := parser.NewParser(parser.Options{})
	for _, d := range s.Dashboards {
		own := d.Folder == dashboards.FolderCustom
		queries, err := dashboards.Queries(d, values)
		if err != nil {
			return fmt.Errorf("%s: %w", d.Path(), err)
		}
		for _, q := range queries {
			expr, err := expressions.ParseExpr(q.Expr)
			if err != nil {
				if own && q.Guessed {
					s.unparsed = append(s.unparsed, q.Text)
					continue
				}
				return fmt.Errorf("%s: %s: %w", d.Path(), q.Place, err)
			}
			if q.Guessed {
				withoutGuesses(expr)
			}
			s.Queries = append(s.Queries, Query{Path: "dashboards/" + d.UID + "/" + q.Place, Expr: expr, Text: q.Text, Own: own, Panel: true, Guessed: q.Guessed, Drawn: q.Drawn})
		}
	}
	return nil
}

// withoutGuesses removes the matchers of labels whose values contain a guess: they say nothing.
func withoutGuesses(expr parser.Expr) {
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			selector.LabelMatchers = slices.DeleteFunc(selector.LabelMatchers, func(m *labels.Matcher) bool {
				return m.Name != model.MetricNameLabel && strings.Contains(m.Value, dashboards.Unknown)
			})
		}
		return nil
	})
}
