package rules

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"
)

// checkTemplates expands the texts of alerts, which the loader only parses.
func checkTemplates(file rulefmt.RuleGroups) []error {
	var errs []error
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			for _, kind := range []struct {
				name  string
				texts map[string]string
			}{{"label", rule.Labels}, {"annotation", rule.Annotations}} {
				for _, name := range slices.Sorted(maps.Keys(kind.texts)) {
					if err := expand(rule.Alert, kind.texts[name]); rule.Alert != "" && err != nil {
						errs = append(errs, fmt.Errorf("group %q, %q: %s %q: %w", group.Name, rule.Alert, kind.name, name, err))
					}
				}
			}
		}
	}
	return errs
}

// expand expands a template of an alert for no labels, and returns what no
// labels could mend: a field that the data of templates never has.
func expand(alert, text string) error {
	if !strings.Contains(text, "{{") {
		return nil
	}
	// The variables that the server defines in front of each template.
	const variables = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"
	data := template.AlertTemplateData(map[string]string{}, map[string]string{}, "", promql.Sample{})
	nothing := func(context.Context, string, time.Time) (promql.Vector, error) { return nil, nil }
	_, err := template.NewTemplateExpander(context.Background(), variables+text, "__alert_"+alert, data, model.Time(0), nothing, &url.URL{}, nil).Expand()
	if err == nil {
		return nil
	}
	if found := noField.FindStringSubmatch(err.Error()); found != nil {
		return fmt.Errorf("%s: no field %s; a template has .Labels, .ExternalLabels, .ExternalURL and .Value", found[1], found[2])
	}
	return nil
}

// noField is what Go's templates say of a field that does not exist.
var noField = regexp.MustCompile(`at <([^>]*)>: can't evaluate field (\S+) in type`)
