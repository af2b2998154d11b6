package pictures

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
)

// variable is a variable of a dashboard with its value.
type variable struct {
	label    string
	selected []string
	// all is whether all values are selected, which are then in selected. pattern stands for them in
	// a query; empty for an alternation.
	all     bool
	pattern string
	// several is whether the variable can have several values, which makes it a regular expression in
	// queries.
	several bool
	hidden  bool
}

// text returns the value as Grafana shows it.
func (v variable) text() string {
	if v.all {
		return "All"
	}
	return strings.Join(v.selected, " + ")
}

// special are the characters with a meaning in regular expressions.
var special = regexp.MustCompile(`[$^*{}\[\]+?.()|]`)

// inQuery returns the value as Grafana's Prometheus datasource writes it into a string of PromQL.
func (v variable) inQuery() string {
	if v.all && v.pattern != "" {
		return v.pattern
	}
	values := slices.Clone(v.selected)
	for i, value := range values {
		if v.several {
			value = special.ReplaceAllString(strings.ReplaceAll(value, `\`, `\\\\`), `\\$0`)
		} else {
			value = strings.ReplaceAll(value, `\`, `\\`)
		}
		values[i] = strings.ReplaceAll(value, `"`, `\"`)
	}
	if len(values) == 1 {
		return values[0]
	}
	return "(" + strings.Join(values, "|") + ")"
}

// reference matches $name, ${name} and ${name:format}.
var reference = regexp.MustCompile(`\$([a-zA-Z_]\w*)|\$\{([a-zA-Z_]\w*)(?::(\w+))?\}`)

// replace replaces the variables of a text with what value returns for a name and a format, which is
// empty if there is none. The error is that of value.
func replace(text string, value func(name, format string) (string, error)) (string, error) {
	var failed error
	replaced := reference.ReplaceAllStringFunc(text, func(match string) string {
		groups := reference.FindStringSubmatch(match)
		result, err := value(groups[1]+groups[2], groups[3])
		if err != nil && failed == nil {
			failed = err
		}
		return result
	})
	return replaced, failed
}

// interpolate returns an expression with the variables replaced, for queries of a step.
func (b *board) interpolate(expr string, step time.Duration) (string, error) {
	span := b.end.Sub(b.start)
	rate := max(step+b.ScrapeInterval, 4*b.ScrapeInterval)
	builtin := map[string]string{
		"__interval":      model.Duration(step).String(),
		"__interval_ms":   strconv.FormatInt(step.Milliseconds(), 10),
		"__rate_interval": model.Duration(rate).String(),
		"__range":         fmt.Sprintf("%.0fs", span.Seconds()),
		"__range_s":       fmt.Sprintf("%.0f", span.Seconds()),
		"__range_ms":      strconv.FormatInt(span.Milliseconds(), 10),
		"__from":          strconv.FormatInt(b.start.UnixMilli(), 10),
		"__to":            strconv.FormatInt(b.end.UnixMilli(), 10),
	}
	return replace(expr, func(name, format string) (string, error) {
		if value, ok := builtin[name]; ok {
			return value, nil
		}
		v, ok := b.variables[name]
		if !ok {
			return "", fmt.Errorf("there is no variable %q: %s", name, expr)
		}
		switch format {
		case "", "regex":
			return v.inQuery(), nil
		case "raw":
			return strings.Join(v.selected, ","), nil
		case "pipe":
			return strings.Join(v.selected, "|"), nil
		default:
			return "", fmt.Errorf("cannot write ${%s:%s}; allowed: regex, raw, pipe", name, format)
		}
	})
}

// caption returns a title or a name with the variables replaced by what Grafana shows.
func (b *board) caption(text string) string {
	replaced, _ := replace(text, func(name, _ string) (string, error) {
		if v, ok := b.variables[name]; ok {
			return v.text(), nil
		}
		return "$" + name, nil
	})
	return replaced
}

// resolve gives every variable its value: that of the options if the variable offers it, or else the one
// that is selected when the dashboard opens, or else the first. Later variables may depend on earlier
// ones.
func (b *board) resolve(ctx context.Context) error {
	b.variables = map[string]variable{}
	for _, m := range b.Templating.List {
		v := variable{label: m.Label, several: m.Multi || m.IncludeAll, pattern: m.AllValue, hidden: m.Hide == 2}
		if v.label == "" {
			v.label = m.Name
		}
		if m.Type == "datasource" {
			v.selected = m.Current.Value
			b.variables[m.Name] = v
			b.order = append(b.order, m.Name)
			continue
		}
		values, err := b.values(ctx, m)
		if err != nil {
			return fmt.Errorf("variable %q: %w", m.Name, err)
		}
		chosen, set := b.Variables[m.Name]
		wanted := strings.Split(chosen, ",")
		switch {
		case set && !slices.ContainsFunc(wanted, func(value string) bool { return !slices.Contains(values, value) }):
			v.selected = wanted
			b.chosen = append(b.chosen, m.Name)
		case m.IncludeAll && (len(m.Current.Value) == 0 || m.Current.Value[0] == "$__all"):
			v.selected, v.all = values, true
		case len(m.Current.Value) > 0 && slices.Contains(values, m.Current.Value[0]):
			v.selected = m.Current.Value
		case len(values) > 0:
			v.selected = values[:1]
		default:
			v.selected = []string{""}
			b.report("variable %q has no value", m.Name)
		}
		b.variables[m.Name] = v
		b.order = append(b.order, m.Name)
	}
	return nil
}

// values returns the values that a variable offers, in its order.
func (b *board) values(ctx context.Context, m variableDefinition) ([]string, error) {
	var values []string
	switch m.Type {
	case "query":
		found, err := b.queried(ctx, string(m.Query))
		if err != nil {
			return nil, err
		}
		values = found
	case "custom", "interval":
		for _, value := range strings.Split(string(m.Query), ",") {
			if _, after, named := strings.Cut(value, " : "); named {
				value = after
			}
			values = append(values, strings.TrimSpace(value))
		}
		return values, nil
	case "constant", "textbox":
		return []string{string(m.Query)}, nil
	default:
		return nil, fmt.Errorf("unknown type %q; allowed: query, custom, interval, constant, textbox, datasource", m.Type)
	}
	if m.Regex != "" {
		pattern, err := regexp.Compile(strings.Trim(m.Regex, "/"))
		if err != nil {
			return nil, err
		}
		values = matched(values, pattern)
	}
	return sorted(values, m.Sort)
}

// queried returns what a variable's query returns.
func (b *board) queried(ctx context.Context, query string) ([]string, error) {
	text, err := b.interpolate(query, b.ScrapeInterval)
	if err != nil {
		return nil, err
	}
	expr, label, ok := dashboards.ParseVariable(text)
	if !ok {
		return nil, fmt.Errorf("unknown query %q; allowed: label_values(label), label_values(selector, label), query_result(expression)", query)
	}
	if label != "" {
		var selectors []string
		if expr != "" {
			selectors = []string{strings.TrimSpace(expr)}
		}
		found, _, _, err := b.Prometheus.LabelValues(ctx, label, selectors, b.start, b.end)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
		var values []string
		for _, value := range found {
			values = append(values, string(value))
		}
		return values, nil
	}
	result, err := b.instant(ctx, expr)
	if err != nil {
		return nil, err
	}
	var values []string
	for _, sample := range result {
		values = append(values, fmt.Sprintf("%s %s %d", sample.Metric, sample.Value, sample.Timestamp))
	}
	return values, nil
}

// matched returns the values that match a pattern, or of each its first group.
func matched(values []string, pattern *regexp.Regexp) []string {
	var kept []string
	for _, value := range values {
		groups := pattern.FindStringSubmatch(value)
		if groups == nil {
			continue
		}
		if len(groups) > 1 {
			value = groups[1]
		}
		if !slices.Contains(kept, value) {
			kept = append(kept, value)
		}
	}
	return kept
}

// sorted returns values in one of Grafana's orders of variables.
func sorted(values []string, order int) ([]string, error) {
	switch order {
	case 0:
	case 1, 2:
		slices.Sort(values)
	case 3, 4:
		slices.SortStableFunc(values, func(a, b string) int {
			x, _ := strconv.ParseFloat(a, 64)
			y, _ := strconv.ParseFloat(b, 64)
			return cmp.Compare(x, y)
		})
	case 5, 6, 7, 8:
		slices.SortStableFunc(values, natural)
	default:
		return nil, fmt.Errorf("unknown sort order %d; allowed: 0 to 8", order)
	}
	if order > 0 && order%2 == 0 {
		slices.Reverse(values)
	}
	return values, nil
}

// natural compares texts without regard to case, and the numbers in them by their values.
func natural(a, b string) int {
	return strings.Compare(padded(a), padded(b))
}

var digits = regexp.MustCompile(`\d+`)

// padded returns a text in lower case with zeros before its numbers.
func padded(text string) string {
	return digits.ReplaceAllStringFunc(strings.ToLower(text), func(n string) string { return fmt.Sprintf("%020s", n) })
}
