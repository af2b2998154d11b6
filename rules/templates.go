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

// checkTemplates rejects templates of labels and annotations that do not expand. The loader
// only parses them.
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

// expand expands a template of an alert without labels and samples. It returns an error only
// for what would also fail with them: a field that a template's data never has.
// https://prometheus.io/docs/prometheus/latest/configuration/template_reference/
func expand(alert, text string) error {
	if !strings.Contains(text, "{{") {
		return nil
	}
	// The server defines these variables before each template.
	const variables = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"
	data := template.AlertTemplateData(map[string]string{}, map[string]string{}, "", promql.Sample{})
	noResult := func(context.Context, string, time.Time) (promql.Vector, error) { return nil, nil }
	_, err := template.NewTemplateExpander(context.Background(), variables+text, "__alert_"+alert, data, model.Time(0), noResult, &url.URL{}, nil).Expand()
	if err == nil {
		return nil
	}
	if found := noField.FindStringSubmatch(err.Error()); found != nil {
		return fmt.Errorf("%s: no field %s; a template has .Labels, .ExternalLabels, .ExternalURL and .Value", found[1], found[2])
	}
	return nil
}

// noField matches the error of Go's templates for a field that does not exist.
var noField = regexp.MustCompile(`at <([^>]*)>: can't evaluate field (\S+) in type`)
