package render

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/rules"
)

// position matches the line and column at the start of a message of the loader of rules.
var position = regexp.MustCompile(`^(\d+:\d+: )+`)

// runbookURL returns the URL below which the runbooks of shipped alerts are, without a slash at its end.
func runbookURL(cfg *config.Config) string {
	if base := cfg.Alerting.RunbookURL; base != nil {
		return strings.TrimSuffix(base.String(), "/")
	}
	return rules.DefaultRunbookURL
}

// ruleFiles returns the stack's rule files, sorted by name: the shipped ones for which it
// collects metrics, with its overrides applied and on the stack's histograms, and its own. The
// error is config.Problems.
func (s *Stack) ruleFiles() ([]rules.File, error) {
	cfg := s.Config
	options := rules.Options{
		Enabled:   cfg.Enabled,
		Collected: cfg.Collected,
		Disabled:  cfg.Alerting.Disabled,
		Overrides: cfg.Alerting.Overrides,

		RunbookURL:         runbookURL(cfg),
		APIServerObjective: cfg.Alerting.APIServerObjective.Value,
		Retention:          cfg.Prometheus.Retention.Duration,
		Histograms:         s.Histograms,

		GrafanaURL: strings.TrimSuffix(cfg.Grafana.Link(), "/"),
		Dashboards: map[string][]string{},
	}
	if cfg.Prometheus.Sharded() {
		options.Divided = cfg.Divided
		for shard := range cfg.Prometheus.Shards {
			options.Shards = append(options.Shards, PrometheusShard(shard).Name)
		}
		if !cfg.Alerting.Sends() { // the ruler counts what it cannot send as dropped
			options.Disabled = append(slices.Clone(options.Disabled), "ThanosRulerAlertsDropped", "ThanosRulerAlertsFailing")
		}
	} else {
		options.Without = append(options.Without, rules.ShardsFile)
	}
	if !cfg.Alerting.Sends() {
		options.Without = append(options.Without, rules.NotificationsFile)
	}
	if !cfg.HasRemoteWrite() {
		options.Without = append(options.Without, rules.RemoteWriteFile)
	}
	for _, d := range s.Dashboards {
		options.Dashboards[d.UID] = d.Variables
	}
	var problems config.Problems
	rendered := map[string]bool{} // config paths of the files whose text users do not see
	for _, name := range slices.Sorted(maps.Keys(cfg.Alerting.ExtraRules)) {
		extra := rules.Extra{Path: "alerting.extraRules." + name, From: "alerting.extraRules", Name: name}
		switch file := cfg.Alerting.ExtraRules[name].(type) {
		case string: // the text of a rule file
			extra.Text = file
		case map[string]any: // the content of a rule file
			text, err := marshal(file)
			if err != nil {
				return nil, err
			}
			extra.Text = text
			rendered[extra.Path] = true
		default:
			problems.Addf(extra.Path, "%v; allowed: a rule file, as an object with groups or as its text", file)
		}
		options.Extra = append(options.Extra, extra)
	}
	for i, name := range cfg.Alerting.RuleDirectories {
		files, err := filesOfRules(fmt.Sprintf("alerting.ruleDirectories[%d]", i), name)
		problems.Add(err...)
		options.Extra = append(options.Extra, files...)
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	files, err := rules.Render(options)
	if errors.As(err, &problems) {
		for i, problem := range problems {
			if rendered[problem.Path] {
				problems[i].Message = loaderMessage(errors.New(position.ReplaceAllString(problem.Message, "")))
			}
		}
		return nil, problems
	}
	return files, err
}

// ownRulesPath returns the config path of the stack's own rules.
func ownRulesPath(cfg *config.Config) string {
	if len(cfg.Alerting.ExtraRules) == 0 && len(cfg.Alerting.RuleDirectories) > 0 {
		return "alerting.ruleDirectories"
	}
	return "alerting.extraRules"
}

// filesOfRules returns the rule files of a directory in alerting.ruleDirectories, without those of promtool.
func filesOfRules(at, name string) ([]rules.Extra, config.Problems) {
	base := func(file string) string { return strings.TrimSuffix(file, path.Ext(file)) }
	files, found, problems := directory(at, name, "rule files", func(file string) bool { return !rules.IsTest(base(file)) }, ".yaml", ".yml")
	var extra []rules.Extra
	for _, file := range found {
		text, err := fs.ReadFile(files, file)
		if err != nil {
			problems.Addf(at, "%q: %v", path.Join(name, file), reason(err))
			continue
		}
		extra = append(extra, rules.Extra{Path: path.Join(name, file), From: name, Name: base(file), Text: string(text)})
	}
	return extra, problems
}
