package rules

import (
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/histograms"
)

// translate replaces the expressions of shipped files by those on the histograms that the stack's
// jobs store. It changes no other line. A problem names the rule that has no translation.
func (o Options) translate(shipped map[string]*file) config.Problems {
	if o.Histograms == nil {
		return nil
	}
	o.Histograms.Record(o.recordings(shipped))
	var problems config.Problems
	for name, f := range shipped {
		if !o.hasMetrics(name) {
			continue
		}
		lines := strings.Split(f.text, "\n")
		changed := false
		rules := f.rules()
		for i := len(rules) - 1; i >= 0; i-- { // from the end, so that line numbers stay right
			text := value(rules[i], "expr")
			translated, err := translate(o.Histograms, text)
			if err != nil {
				problems.Addf("discovery.histograms", "rules/%s: %s: %v", name, value(rules[i], "alert")+value(rules[i], "record"), err)
			}
			if err == nil && translated != text {
				lines = replaceExpr(lines, rules[i], translated)
				changed = true
			}
		}
		if changed {
			f, err := parse(strings.Join(lines, "\n"))
			if err != nil {
				problems.Addf("discovery.histograms", "rules/%s: %v", name, err)
				continue
			}
			shipped[name] = f
		}
	}
	return problems
}

// recordings returns the recording rules of shipped files and of the stack's own.
func (o Options) recordings(shipped map[string]*file) []histograms.Recording {
	var found []histograms.Recording
	add := func(rule *yaml.Node) {
		if record := value(rule, "record"); record != "" {
			if expr, err := parser.NewParser(parser.Options{}).ParseExpr(value(rule, "expr")); err == nil {
				found = append(found, histograms.Recording{Name: record, Expr: expr})
			}
		}
	}
	for _, f := range shipped {
		for _, rule := range f.rules() {
			add(rule)
		}
	}
	for _, extra := range o.Extra {
		if f, err := parse(extra.Text); err == nil {
			for _, rule := range f.rules() {
				add(rule)
			}
		}
	}
	return found
}

// translate returns the text of an expression on the histograms that the stack's jobs store: the
// same text if nothing changes.
func translate(translator *histograms.Translator, text string) (string, error) {
	if !translator.May(text) {
		return text, nil
	}
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		return "", err
	}
	translated, _, err := translator.Translate(expr)
	if err != nil || translated.String() == expr.String() {
		return text, err
	}
	return layout(translated), nil
}

// layout returns the text of an expression as it stands in a rule file: on one line if it is short,
// else with a line for each operator of the outermost operation.
func layout(expr parser.Expr) string {
	const short = 100
	text := expr.String()
	operation, ok := expr.(*parser.BinaryExpr)
	if len(text) <= short {
		return text
	}
	if !ok {
		return parser.Prettify(expr)
	}
	left, right := layout(operation.LHS), layout(operation.RHS)
	if strings.Contains(right, "\n") {
		return left + "\n" + operation.ShortString() + "\n" + right
	}
	return left + "\n" + operation.ShortString() + " " + right
}

// replaceExpr replaces the lines of a rule's expression.
func replaceExpr(lines []string, rule *yaml.Node, expr string) []string {
	for i := 0; i+1 < len(rule.Content); i += 2 {
		key := rule.Content[i]
		if key.Value != "expr" {
			continue
		}
		indent := strings.Repeat(" ", key.Column-1)
		start := key.Line // the line after the key's
		end := start
		for end < len(lines) && strings.HasPrefix(lines[end], indent+" ") {
			end++
		}
		before := lines[key.Line-1][:key.Column-1] // the dash of a list item, if the key is the first
		block := []string{before + "expr: |-"}
		for line := range strings.Lines(expr) {
			block = append(block, indent+"  "+strings.TrimSuffix(line, "\n"))
		}
		return append(append(append([]string{}, lines[:key.Line-1]...), block...), lines[end:]...)
	}
	return lines
}
