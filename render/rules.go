package render

import (
	"fmt"
	"maps"
	"slices"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/rules"
)

// Rules renders the stack's rule files by name: the shipped ones that its jobs
// feed, with its overrides, and its own. Errors are config.Problems.
func Rules(cfg *config.Config) (map[string]string, error) {
	options := rules.Options{
		Scraped:   cfg.JobEnabled,
		Reported:  cfg.Reported,
		Disabled:  cfg.Alerting.Disabled,
		Overrides: map[string]rules.Override{},
		Extra:     map[string]string{},
	}
	for name, override := range cfg.Alerting.Overrides {
		options.Overrides[name] = rules.Override{For: override.For, Severity: override.Severity, Labels: override.Labels}
	}
	var problems config.Problems
	for _, name := range slices.Sorted(maps.Keys(cfg.Alerting.ExtraRules)) {
		switch file := cfg.Alerting.ExtraRules[name].(type) {
		case string: // the text of a rule file
			options.Extra[name] = file
		case map[string]any: // a rule file as a part of the stack file
			text, err := marshal(file)
			if err != nil {
				return nil, err
			}
			options.Extra[name] = text
		default:
			problems = append(problems, config.Problem{Path: "alerting.extraRules." + name,
				Message: fmt.Sprintf("%v; allowed: a rule file, as an object with groups or as its text", file)})
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return rules.Render(options)
}
