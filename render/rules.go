package render

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/rules"
)

// place is where in a file the loader of rules sees a mistake.
var place = regexp.MustCompile(`^(\d+:\d+: )+`)

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
	rendered := map[string]bool{} // config paths of the files whose text is this program's
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
			rendered["alerting.extraRules."+name] = true
		default:
			problems = append(problems, config.Problem{Path: "alerting.extraRules." + name,
				Message: fmt.Sprintf("%v; allowed: a rule file, as an object with groups or as its text", file)})
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	files, err := rules.Render(options)
	if errors.As(err, &problems) {
		for i, problem := range problems {
			if rendered[problem.Path] {
				problems[i].Message = refusal(errors.New(place.ReplaceAllString(problem.Message, "")))
			}
		}
		return nil, problems
	}
	return files, err
}
