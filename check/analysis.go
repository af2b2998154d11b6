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

// Analysis is a rendered stack, and what the checks work out from it.
type Analysis struct {
	*render.Stack

	queries []query
	jobs    []*job
	series  *catalogue
}

// query is one PromQL expression, wherever it is.
type query struct {
	path    string // for findings
	expr    parser.Expr
	own     bool // of the stack, not shipped
	panel   bool // of a dashboard: nobody is paged by it
	guessed bool // it has variables whose values are not known
	rule    *rulefmt.Rule
}

// Analyse parses every expression of a stack and works out which series there can be. The
// error names an expression of a dashboard that does not parse.
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

// rulePath returns where a rule is: in a shipped file, or below alerting.extraRules.
func rulePath(file rules.File, group rulefmt.RuleGroup, rule rulefmt.Rule) string {
	dir := "rules/"
	if file.Own {
		dir = "alerting.extraRules/"
	}
	return dir + file.Name + "/" + group.Name + "/" + rule.Alert + rule.Record
}

func (a *Analysis) parseDashboards(all []dashboards.Dashboard) error {
	interval := a.Config.Prometheus.ScrapeInterval.Duration
	values := map[string]string{
		"cluster":         a.Config.Cluster.Name,
		"__rate_interval": model.Duration(4 * interval).String(), // as Grafana computes it for a short time range
	}
	expressions := parser.NewParser(parser.Options{})
	for _, d := range all {
		own := d.Folder == dashboards.FolderCustom
		queries, err := dashboards.Queries(d, values)
		if err != nil {
			return fmt.Errorf("%s: %w", d.File, err)
		}
		for _, q := range queries {
			expr, err := expressions.ParseExpr(q.Expr)
			if err != nil {
				if own && q.Guessed {
					continue
				}
				return fmt.Errorf("dashboards/%s: %s: %w", d.File, q.Place, err)
			}
			a.queries = append(a.queries, query{path: "dashboards/" + d.UID + "/" + q.Place, expr: expr, own: own, panel: true, guessed: q.Guessed})
		}
	}
	return nil
}
