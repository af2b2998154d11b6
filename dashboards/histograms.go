package dashboards

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/histograms"
)

// Translate returns a query on the histograms that the stack's jobs store: the same text if nothing
// changes. Grafana's variables stay. The error is about a query that has no translation, or that
// does not parse with its variables.
func Translate(translator *histograms.Translator, expr string) (string, error) {
	if translator == nil || !translator.May(expr) {
		return expr, nil
	}
	plain, variables := hideVariables(expr)
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(plain)
	if err != nil {
		return "", fmt.Errorf("%w in %s", err, expr)
	}
	translated, _, err := translator.Translate(parsed)
	if err != nil || translated.String() == parsed.String() {
		return expr, err
	}
	return strings.NewReplacer(variables...).Replace(translated.String()), nil
}

// duration matches what stands before a duration.
var duration = regexp.MustCompile(`(\[|:|offset\s)\s*$`)

// hideVariables replaces each of Grafana's variables by a duration or name that stands for nothing
// else. It returns these and the variables in turn, for strings.NewReplacer.
func hideVariables(expr string) (plain string, variables []string) {
	var b strings.Builder
	end := 0
	for i, at := range variable.FindAllStringIndex(expr, -1) {
		b.WriteString(expr[end:at[0]])
		name := fmt.Sprintf("grafana_variable_%d_", i)
		if duration.MatchString(b.String()) {
			name = model.Duration(100*365*24*time.Hour + time.Duration(i+1)*time.Second).String()
		}
		b.WriteString(name)
		variables = append(variables, name, expr[at[0]:at[1]])
		end = at[1]
	}
	b.WriteString(expr[end:])
	return b.String(), variables
}
