package check

import (
	"fmt"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/rules"
)

// Analysis is a rendered stack with what the checks derive from it.
type Analysis struct {
	*render.Stack

	queries []query    // of rules in the order of their files, then of dashboards
	jobs    []*job     // in the order of prometheus.yml
	series  *catalogue // every series that the server can have
}

// query is one PromQL expression of a rule or a dashboard.
type query struct {
	path    string // as in Finding.Path
	expr    parser.Expr
	own     bool          // comes from the stack's config, not from this program
	panel   bool          // belongs to a dashboard, so nobody is paged by it
	guessed bool          // contains variables whose values are unknown
	rule    *rulefmt.Rule // nil for a dashboard's query
}

// Analyse parses every expression of a stack and derives which series can exist. The error
// names the expression that does not parse.
func Analyse(s *render.Stack) (*Analysis, error) {
	a := &Analysis{Stack: s}
	if err := a.parseRules(); err != nil {
		return nil, err
	}
	if err := a.parseDashboards(s.Dashboards); err != nil {
		return nil, err
	}
	if err := a.loadJobs(); err != nil {
		return nil, err
	}
	a.series = newCatalogue(a)
	return a, nil
}

// parseRules adds the expressions of all rule files to the queries, in the order of the files.
func (a *Analysis) parseRules() error {
	expressions := parser.NewParser(parser.Options{})
	for _, file := range a.Rules {
		for g := range file.Groups {
			for r := range file.Groups[g].Rules {
				rule := &file.Groups[g].Rules[r]
				expr, err := expressions.ParseExpr(rule.Expr)
				if err != nil {
					return fmt.Errorf("%s: %w", file.Name, err)
				}
				a.queries = append(a.queries, query{path: rulePath(file, file.Groups[g], *rule), expr: expr, own: file.Own, rule: rule})
			}
		}
	}
	return nil
}

// rulePath returns the path of a rule for findings, such as rules/file/group/rule for a shipped
// rule and alerting.extraRules/file/group/rule for one of the stack's own.
func rulePath(file rules.File, group rulefmt.RuleGroup, rule rulefmt.Rule) string {
	dir := "rules/"
	if file.Own {
		dir = "alerting.extraRules/"
	}
	return dir + file.Name + "/" + group.Name + "/" + rule.Alert + rule.Record
}

// parseDashboards adds the expressions of dashboards to the queries. It skips expressions of
// custom dashboards that do not parse once their unknown variables are guessed.
func (a *Analysis) parseDashboards(all []dashboards.Dashboard) error {
	interval := a.Config.Prometheus.ScrapeInterval.Duration
	values := map[string]string{
		"cluster":         a.Config.Cluster.Name,
		"__rate_interval": model.Duration(4 * interval).String(), // Grafana's value for a short time range
	}
	expressions := parser.NewParser(parser.Options{})
	for _, d := range all {
		own := d.Folder == dashboards.FolderCustom
		queries, err := dashboards.Queries(d, values)
		if err != nil {
			return fmt.Errorf("%s: %w", d.Path(), err)
		}
		for _, q := range queries {
			expr, err := expressions.ParseExpr(q.Expr)
			if err != nil {
				if own && q.Guessed {
					continue
				}
				return fmt.Errorf("%s: %s: %w", d.Path(), q.Place, err)
			}
			a.queries = append(a.queries, query{path: "dashboards/" + d.UID + "/" + q.Place, expr: expr, own: own, panel: true, guessed: q.Guessed})
		}
	}
	return nil
}
