package dashboards

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"sort"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// Query is one PromQL expression of a dashboard, with its variables replaced.
type Query struct {
	Dashboard string // UID
	Place     string // where in the dashboard, e.g. `panel "CPU", query A`
	Expr      string
	Text      string // the expression as it is written, with its variables
	// Guessed is whether a variable was replaced by a guess, so that an expression that does not
	// parse may still be valid in Grafana.
	Guessed bool
	// Drawn is whether a panel draws the values over time.
	Drawn bool
}

// builtin holds the variables that Grafana itself defines, with their values for a time range of
// three hours and a scrape interval of 30 seconds:
// https://grafana.com/docs/grafana/latest/dashboards/variables/add-template-variables/#global-variables
var builtin = map[string]string{
	"__interval":       "1m",
	"__interval_ms":    "60000",
	"__rate_interval":  "5m",
	"__range":          "3h",
	"__range_s":        "10800",
	"__range_ms":       "10800000",
	"__from":           "0",
	"__to":             "0",
	"__dashboard":      "",
	"__user.login":     "",
	"__org.name":       "",
	"__timezone":       "",
	"__auto_interval_": "1m",
}

// examples holds values of the shipped dashboards' variables that select one object, which every
// stack has.
var examples = map[string]string{
	"namespace":     "monitoring",
	"workload_type": "StatefulSet",
	"workload":      "prometheus",
	"pod":           "prometheus-0",
	"node":          "node-1",
}

// Unknown stands in an expression for the value of a variable that is a guess, where it is not a
// number or a duration.
const Unknown = "grafana_variable_"

// Queries returns every PromQL expression of a dashboard's panels, annotations and variables. It
// replaces a variable by its value in values; or in a matcher by a regular expression that matches
// all its values, if the variable offers them at once; or, in a shipped dashboard, by an example; or by a
// guess. The error is about JSON that is not a dashboard.
func Queries(d Dashboard, values map[string]string) ([]Query, error) {
	var model struct {
		Panels     []panelModel `json:"panels"`
		Templating struct {
			List []variableModel `json:"list"`
		} `json:"templating"`
		Annotations struct {
			List []struct {
				Name       string          `json:"name"`
				Datasource json.RawMessage `json:"datasource"`
				Expr       string          `json:"expr"`
				Target     targetModel     `json:"target"`
			} `json:"list"`
		} `json:"annotations"`
	}
	if err := json.Unmarshal(d.JSON, &model); err != nil {
		return nil, fmt.Errorf("not a dashboard: %w", err)
	}

	example, patterns := map[string]string{}, map[string]string{}
	if d.Folder != FolderCustom {
		example = examples
	}
	for _, v := range model.Templating.List {
		if v.IncludeAll {
			patterns[v.Name] = cmp.Or(v.AllValue, ".+")
		}
	}

	var queries []Query
	add := func(place, expr string, drawn bool) {
		if strings.TrimSpace(expr) == "" {
			return
		}
		replaced, guessed := substitute(expr, values, patterns, example)
		queries = append(queries, Query{Dashboard: d.UID, Place: place, Expr: replaced, Text: expr, Guessed: guessed, Drawn: drawn})
	}

	for _, v := range model.Templating.List {
		if v.Type == "query" && isPrometheus(v.Datasource, nil) {
			expr, _, _ := ParseVariable(v.query())
			add(fmt.Sprintf("variable %q", v.Name), expr, false)
		}
	}
	for _, a := range model.Annotations.List {
		if isPrometheus(a.Datasource, nil) {
			add(fmt.Sprintf("annotation %q", a.Name), a.Expr, false)
			add(fmt.Sprintf("annotation %q", a.Name), a.Target.Expr, false)
		}
	}
	var walk func([]panelModel)
	walk = func(panels []panelModel) {
		for _, p := range panels {
			for _, t := range p.Targets {
				if isPrometheus(t.Datasource, p.Datasource) {
					add(fmt.Sprintf("panel %q, query %s", p.Title, t.RefID), t.Expr, (p.Type == "timeseries" || p.Type == "graph") && !t.Instant)
				}
			}
			walk(p.Panels)
		}
	}
	walk(model.Panels)
	return queries, nil
}

// check returns an error that names the query if it is not valid PromQL.
func (q Query) check() error {
	if _, err := parser.NewParser(parser.Options{}).ParseExpr(q.Expr); err != nil {
		return fmt.Errorf("%s: %w in %s", q.Place, err, q.Expr)
	}
	return nil
}

// panelModel is the part of a panel that contains queries.
type panelModel struct {
	Title      string          `json:"title"`
	Type       string          `json:"type"`
	Datasource json.RawMessage `json:"datasource"`
	Targets    []targetModel   `json:"targets"`
	Panels     []panelModel    `json:"panels"` // of a collapsed row
}

// targetModel is one query of a panel or an annotation.
type targetModel struct {
	RefID      string          `json:"refId"`
	Datasource json.RawMessage `json:"datasource"`
	Expr       string          `json:"expr"`
	Instant    bool            `json:"instant"`
}

// variableModel is the part of a variable that determines its query and values.
type variableModel struct {
	Name       string          `json:"name"`
	Type       string          `json:"type"`
	Datasource json.RawMessage `json:"datasource"`
	Query      json.RawMessage `json:"query"`
	IncludeAll bool            `json:"includeAll"`
	AllValue   string          `json:"allValue"`
}

// query returns the variable's query, which is a string or an object that contains it; "" if there
// is none.
func (v variableModel) query() string {
	var text string
	if json.Unmarshal(v.Query, &text) == nil {
		return text
	}
	var object struct {
		Query string `json:"query"`
	}
	_ = json.Unmarshal(v.Query, &object) // another datasource's query is not an expression
	return object.Query
}

// The functions of Grafana's Prometheus datasource that variables of series use:
// https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/
var (
	labelValues = regexp.MustCompile(`(?s)^\s*label_values\(\s*(?:(.+)\s*,)?\s*([a-zA-Z_]\w*)\s*\)\s*$`)
	queryResult = regexp.MustCompile(`(?s)^\s*query_result\(\s*(.+)\s*\)\s*$`)
)

// ParseVariable returns the PromQL expression in a variable's query, empty if there is none, and the
// label whose values it asks for, empty if it asks for the result of the expression. It returns false if
// the query is neither label_values nor query_result.
func ParseVariable(query string) (expr, label string, ok bool) {
	if m := labelValues.FindStringSubmatch(query); m != nil {
		return m[1], m[2], true
	}
	if m := queryResult.FindStringSubmatch(query); m != nil {
		return m[1], "", true
	}
	return "", "", false
}

// isPrometheus reports whether a query is for Prometheus, from the datasource of the query or else
// of its panel. A datasource without a type counts as Prometheus, because of the other datasources
// only Loki has queries with an expr.
func isPrometheus(own, panel json.RawMessage) bool {
	for _, raw := range []json.RawMessage{own, panel} {
		var ref struct {
			Type string `json:"type"`
		}
		if len(raw) > 0 && json.Unmarshal(raw, &ref) == nil && ref.Type != "" {
			return ref.Type == "prometheus"
		}
	}
	return true
}

// variable matches $name, ${name}, ${name:format} and [[name]].
var variable = regexp.MustCompile(`\$([a-zA-Z_]\w*)|\$\{([a-zA-Z_][\w.]*)(?::\w+)?\}|\[\[([a-zA-Z_]\w*)(?::\w+)?\]\]`)

// What stands before a variable says what it is: a part of a regular expression, a number, or a
// duration.
var (
	inPattern = regexp.MustCompile(`(=~|!~)\s*"[^"]*$`)
	inNumber  = regexp.MustCompile(`(\b(topk|bottomk|limitk|limit_ratio|quantile|histogram_quantile|quantile_over_time)\s*((by|without)\s*\([^()]*\)\s*)?\(|[-+*/%^<>]|[<>=!]=)\s*$`)
)

// substitute replaces every variable in an expression: by its value in values or of Grafana itself,
// or in a regular expression by its pattern, or by its example, or else by a guess. It reports whether
// any was a guess.
func substitute(expr string, values, patterns, example map[string]string) (replaced string, guessed bool) {
	var b strings.Builder
	end := 0
	for _, at := range variable.FindAllStringSubmatchIndex(expr, -1) {
		b.WriteString(expr[end:at[0]])
		end = at[1]
		name := ""
		for group := 2; group < len(at); group += 2 {
			if at[group] >= 0 {
				name += expr[at[group]:at[group+1]]
			}
		}
		before, rest := b.String(), strings.TrimSpace(expr[end:])
		value, known := values[name]
		if !known {
			value, known = builtin[name]
		}
		if pattern, ok := patterns[name]; ok && !known && inPattern.MatchString(before) {
			value, known = pattern, true
		}
		if !known {
			value, known = example[name]
		}
		switch {
		case known:
		case duration.MatchString(before):
			value = cmp.Or(values["__rate_interval"], builtin["__rate_interval"])
		case inNumber.MatchString(before) && !strings.HasPrefix(rest, "{") && !strings.HasPrefix(rest, "["):
			value = "0.5"
		default:
			value = Unknown
		}
		guessed = guessed || !known
		b.WriteString(value)
	}
	b.WriteString(expr[end:])
	return b.String(), guessed
}

// Metrics returns the names of the metrics that an expression selects, sorted and without
// duplicates. It leaves out series selected by a pattern of names. The error is the parser's.
func Metrics(expr string) ([]string, error) {
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	parser.Inspect(tree, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok && selector.Name != "" {
			seen[selector.Name] = true
		}
		return nil
	})
	names := make([]string, 0, len(seen))
	for name := range seen {
		names = append(names, name)
	}
	sort.Strings(names)
	return names, nil
}
