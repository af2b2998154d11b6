package review

import (
	"fmt"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/metrics"
)

// metricChanges lists the metrics that Prometheus stores of each job in only one version. It
// knows them by the last rule of a job's metric relabelling, and from what the job's exporter is
// known to expose. The error is about the list of an exporter's metrics.
func metricChanges(before, after []map[string]any) ([]Change, error) {
	var changes []Change
	for _, job := range config.Jobs {
		was, is := scrapeConfigOf(job, before), scrapeConfigOf(job, after)
		if was == nil || is == nil {
			continue
		}
		lost, err := missing(job, was, is)
		if err != nil {
			return nil, err
		}
		gained, err := missing(job, is, was)
		if err != nil {
			return nil, err
		}
		var details []Detail
		for _, d := range []struct {
			verb  string
			names []string
		}{{"no longer stored", lost}, {"stored now", gained}} {
			if len(d.names) > 0 {
				details = append(details, Detail{Text: d.verb + ": " + listed(d.names)})
			}
		}
		if len(details) > 0 {
			changes = append(changes, Change{Verb: "changed", What: "job " + code(string(job)), Details: details})
		}
	}
	return changes, nil
}

// scrapeConfigOf returns a job's scrape config; nil if there is none.
func scrapeConfigOf(job config.Job, all []map[string]any) map[string]any {
	i := slices.IndexFunc(all, func(c map[string]any) bool { return c["job_name"] == string(job) })
	if i < 0 {
		return nil
	}
	return all[i]
}

// missing returns the metrics that a job stores in one version and not in the other, sorted.
func missing(job config.Job, in, notIn map[string]any) ([]string, error) {
	stored, others := keptNames(in), keptNames(notIn)
	row, _ := job.Row()
	exposed, err := metrics.Of(row.Exporter, "")
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, metric := range exposed {
		// In either form of a histogram.
		samples := append(metric.SampleNames(), metric.Name)
		if slices.ContainsFunc(samples, stored.matches) && !slices.ContainsFunc(samples, others.matches) {
			names[metric.Name] = true
		}
	}
	for _, name := range stored.literals() {
		if !known(exposed, name) && !others.matches(name) {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// known reports whether an exposition has samples of a name.
func known(exposed metrics.Exposition, name string) bool {
	for _, metric := range exposed {
		if metric.Name == name || slices.Contains(metric.SampleNames(), name) {
			return true
		}
	}
	return false
}

// storedNames matches the names of the samples that a job stores; nil stores all.
type storedNames struct {
	source  string
	pattern *regexp.Regexp
}

// nothing matches the name of no metric.
var nothing = regexp.MustCompile("^$")

// keptNames returns the names that the last rule of a job's metric relabelling keeps: those that
// it matches, or none if it drops every name.
func keptNames(scrape map[string]any) storedNames {
	rules, _ := scrape["metric_relabel_configs"].([]any)
	if len(rules) == 0 {
		return storedNames{}
	}
	rule, _ := rules[len(rules)-1].(map[string]any)
	source := fmt.Sprint(rule["regex"])
	pattern, err := regexp.Compile("^(?s:" + source + ")$")
	switch named := fmt.Sprint(rule["source_labels"]) == fmt.Sprint([]any{model.MetricNameLabel}); {
	case named && rule["action"] == "keep" && err == nil:
		return storedNames{source, pattern}
	case named && rule["action"] == "drop" && source == ".+":
		return storedNames{pattern: nothing}
	}
	return storedNames{}
}

// withoutKeptNames returns scrape configs without the rule that metricChanges explains.
func withoutKeptNames(all []map[string]any) []map[string]any {
	rest := make([]map[string]any, len(all))
	for i, scrape := range all {
		rest[i] = scrape
		if keptNames(scrape).pattern != nil {
			rules := scrape["metric_relabel_configs"].([]any)
			rest[i] = maps.Clone(scrape)
			if rest[i]["metric_relabel_configs"] = rules[:len(rules)-1]; len(rules) == 1 {
				delete(rest[i], "metric_relabel_configs")
			}
		}
	}
	return rest
}

// matches reports whether samples of a name are stored.
func (s storedNames) matches(name string) bool {
	return s.pattern == nil || s.pattern.MatchString(name)
}

// literals returns the alternatives that are names.
func (s storedNames) literals() []string {
	return slices.DeleteFunc(alternatives(s.source), func(name string) bool { return !model.LegacyValidation.IsValidMetricName(name) })
}

// alternatives splits a regular expression at each | that is in no group and no class of
// characters: where what precedes it is an expression of its own.
func alternatives(source string) []string {
	var all []string
	rest := ""
	for part := range strings.SplitSeq(source, "|") {
		rest += part
		if _, err := syntax.Parse(rest, syntax.Perl); err == nil {
			all, rest = append(all, rest), ""
		} else {
			rest += "|"
		}
	}
	return all
}

// listed lists at most twenty names, as code.
func listed(names []string) string {
	const most = 20
	var all []string
	for _, name := range names[:min(most, len(names))] {
		all = append(all, code(name))
	}
	if more := len(names) - most; more > 0 {
		all = append(all, fmt.Sprintf("%d more", more))
	}
	return strings.Join(all, ", ")
}
