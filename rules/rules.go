// Package rules ships alerting and recording rules as native Prometheus rule files, one per
// subject. Each has promtool unit tests beside it (<subject>_test.yaml), and every alert a
// page in docs/runbooks.
//
// Render returns the rule files of a stack: the shipped ones without the rules of jobs that it
// does not scrape and with its overrides applied, and its own.
//
// https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
package rules

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/histograms"
)

//go:embed *.yaml
var embedded embed.FS

// DefaultRunbookURL is the URL below which this project's runbooks are, one <alert>.md for each alert.
const DefaultRunbookURL = "https://github.com/kubernetes-prometheus/kubernetes-prometheus/blob/main/docs/runbooks"

// NotificationsFile has the rules about the way of alerts to Alertmanagers.
const NotificationsFile = "notifications.yaml"

// RemoteWriteFile has the rules about remote writes.
const RemoteWriteFile = "remote-write.yaml"

// ShardsFile has the rules about shards of Prometheus.
const ShardsFile = "shards.yaml"

// testSuffix ends the names of files with promtool unit tests.
const testSuffix = "_test.yaml"

// needs names the job without whose metrics no rule of a file can fire, where the file does
// not have the job's name. Any other file is part of every stack.
var needs = map[string]config.Job{
	"apiserver.yaml":          config.APIServersJob,
	sloFile:                   config.APIServersJob,
	"capacity.yaml":           config.KubeStateMetricsJob,
	"controller-manager.yaml": config.ControllerManagerJob,
	"kubelet.yaml":            config.NodesJob,
	"nodes.yaml":              config.KubeStateMetricsJob,
	NotificationsFile:         config.PrometheusJob,
	"opt-out.yaml":            config.KubeStateMetricsJob,
	"probes.yaml":             config.ContainerProbesJob,
	RemoteWriteFile:           config.PrometheusJob,
	"scheduler.yaml":          config.SchedulerJob,
	ShardsFile:                config.PrometheusJob,
	"storage.yaml":            config.NodesJob,
	"thanos.yaml":             config.ThanosSidecarJob,
	"usage.yaml":              config.CadvisorJob,
	"volumes.yaml":            config.KubeStateMetricsJob,
	"workloads.yaml":          config.KubeStateMetricsJob,
}

// needsToo names a second job that a file needs: what pods use by workload needs their owners.
var needsToo = map[string]config.Job{"usage.yaml": config.KubeStateMetricsJob}

// NeededBy returns the job without whose metrics no rule of a file can fire; false for a file
// that is part of every stack.
func NeededBy(file string) (config.Job, bool) {
	if job, ok := needs[file]; ok {
		return job, true
	}
	row, ok := config.Job(strings.TrimSuffix(file, ".yaml")).Row()
	return row.Name, ok
}

// severities holds the severities that Alertmanager's routes and inhibition rules use.
var severities = []string{"critical", "warning", "info", "none"}

// Options holds what a stack changes in the shipped rules and adds to them.
type Options struct {
	// Enabled reports whether the stack scrapes a job. Rules whose label job names one that
	// it does not scrape are left out. Nil: the stack scrapes all jobs.
	Enabled func(config.Job) bool
	// Collected reports whether the stack collects the metrics of a job, by this or another
	// job. Files that need metrics that it does not collect are left out. Nil: as Enabled.
	Collected func(config.Job) bool
	// Without holds the names of shipped files to leave out, because the stack does nothing that they
	// are about.
	Without []string
	// Disabled holds the names of shipped alerts to leave out.
	Disabled []string
	// Overrides holds changes of shipped alerts, by name. One of the severity is rejected for
	// an alert with rules of several severities, which it would make indistinguishable.
	Overrides map[string]config.AlertOverride
	// RunbookURL is the URL below which the runbooks are; empty for DefaultRunbookURL.
	RunbookURL string
	// GrafanaURL is the URL of Grafana, without a slash at the end. Empty: alerts link to no dashboard.
	GrafanaURL string
	// Dashboards holds the variables of each dashboard of the stack, by its UID.
	Dashboards map[string][]string
	// APIServerObjective is the share of requests that the API servers must serve well; 0 for the default.
	APIServerObjective float64
	// Retention is how long the server keeps samples; 0 for long enough.
	Retention time.Duration
	// Extra holds the stack's own rule files.
	Extra []Extra
	// Divided reports whether shards of Prometheus divide the targets of a job among them, so that only a
	// ruler sees all of its series. Nil: there are no shards, and no ruler.
	Divided func(config.Job) bool
	// Shards holds the names of the shards that scrape; empty for those of a stack with two.
	Shards []string
	// Histograms translates the shipped rules, which are written on classic histograms, into
	// rules on the form that the stack's jobs store. Nil: they store classic ones.
	Histograms *histograms.Translator
}

// Extra is a rule file of the stack's own.
type Extra struct {
	Path string // of problems: a config path, or that of a file
	From string // where it is among others: a config path, or that of a directory
	Name string // with or without the extension .yaml
	Text string
}

// IsTest reports whether the file NAME.yaml beside rule files has promtool unit tests, by its name.
func IsTest(name string) bool { return strings.HasSuffix(name+".yaml", testSuffix) }

// File is a rule file of a stack.
type File struct {
	Name   string              // ends in .yaml
	From   string              // as Extra.From; of a shipped one, "rules"
	Own    bool                // from Options.Extra, not shipped
	Ruler  bool                // evaluated by a ruler over all shards of Prometheus, not by each server
	Text   string              // as Prometheus reads it
	Groups []rulefmt.RuleGroup // as loaded from Text
}

// Render returns the rule files of a stack, sorted by name. All of them have passed
// Prometheus' loader, templates included. The error is config.Problems, with every problem of
// the options by config path.
func Render(opts Options) ([]File, error) {
	shipped, err := load()
	if err == nil && opts.Divided != nil {
		err = opts.divideTargets(shipped)
	}
	if err != nil {
		return nil, err
	}
	if shipped[ShardsFile], err = parse(expandShards(shipped[ShardsFile].text, opts.Shards)); err != nil {
		return nil, fmt.Errorf("rules: %s: %w", ShardsFile, err)
	}
	if shipped[sloFile], err = parse(expandSLO(shipped[sloFile].text, opts.APIServerObjective, opts.Retention)); err != nil {
		return nil, fmt.Errorf("rules: %s: %w", sloFile, err)
	}
	problems := opts.validate(shipped)
	problems.Add(opts.translate(shipped)...)
	files := map[string]File{}
	for _, name := range slices.Sorted(maps.Keys(shipped)) {
		if slices.Contains(opts.Without, name) || !opts.hasMetrics(name) {
			continue
		}
		text, err := opts.apply(name, shipped[name])
		if err != nil {
			return nil, fmt.Errorf("rules: %s: %w", name, err)
		}
		if text == "" {
			continue
		}
		groups, errs := check(text)
		for _, err := range errs {
			problems.Add(overrideProblem(err))
		}
		files[name] = File{Name: name, From: "rules", Ruler: opts.ruled(name), Text: text, Groups: groups}
	}
	for _, extra := range opts.Extra {
		name := strings.TrimSuffix(extra.Name, ".yaml") + ".yaml"
		for _, message := range validation.IsConfigMapKey(name) {
			rule, _, _ := strings.Cut(message, " (e.g. ")
			problems.Addf(extra.Path, "name %q: %s", extra.Name, rule)
		}
		if _, taken := shipped[name]; taken {
			problems.Addf(extra.Path, "%s is a shipped rule file; choose another name", name)
		} else if _, taken := files[name]; taken {
			problems.Addf(extra.Path, "two rule files are called %s; choose another name", name)
		}
		groups, errs := checkExtra(extra.Text)
		for _, err := range errs {
			problem := config.Problem{Path: extra.Path, Message: noPosition.ReplaceAllString(err.Error(), "")}
			if !slices.Contains(problems, problem) { // the loader reports some errors twice
				problems.Add(problem)
			}
		}
		files[name] = File{Name: name, From: extra.From, Own: true, Ruler: opts.Divided != nil, Text: extra.Text, Groups: groups}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return slices.SortedFunc(maps.Values(files), func(a, b File) int { return strings.Compare(a.Name, b.Name) }), nil
}

// noPosition matches the line and column that the loader reports if it does not know them.
var noPosition = regexp.MustCompile(`^(0:0: )+`)

// enabled returns Enabled's result, or its default.
func (o Options) enabled(job config.Job) bool { return o.Enabled == nil || o.Enabled(job) }

// collected returns Collected's result, or its default.
func (o Options) collected(job config.Job) bool {
	if o.Collected == nil {
		return o.enabled(job)
	}
	return o.Collected(job)
}

// hasMetrics reports whether the stack collects what the rules of a file need.
func (o Options) hasMetrics(file string) bool {
	job, one := NeededBy(file)
	second, two := needsToo[file]
	return (!one || o.collected(job)) && (!two || o.collected(second))
}

// validate rejects changes of alerts that are not shipped, and overrides that would break
// them.
func (o Options) validate(shipped map[string]*file) config.Problems {
	alerts := map[string][]*yaml.Node{} // name -> rules
	for _, f := range shipped {
		for _, r := range f.rules() {
			if name := value(r, "alert"); name != "" {
				alerts[name] = append(alerts[name], r)
			}
		}
	}
	known := slices.Sorted(maps.Keys(alerts))

	var problems config.Problems
	for i, name := range o.Disabled {
		if alerts[name] == nil {
			problems.Add(config.UnknownName(fmt.Sprintf("alerting.disabled[%d]", i), name, known))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Overrides)) {
		path, override := "alerting.overrides."+name, o.Overrides[name]
		if alerts[name] == nil {
			problems.Add(config.UnknownName(path, name, known))
			continue
		}
		if override.Severity != "" {
			if !slices.Contains(severities, override.Severity) {
				problems.Addf(path+".severity", "%q; allowed: %s", override.Severity, strings.Join(severities, ", "))
			}
			own := map[string]bool{}
			for _, r := range alerts[name] {
				own[severity(r)] = true
			}
			if len(own) > 1 {
				problems.Addf(path+".severity", "%s has rules of severity %s, which one severity cannot replace; override its labels, or disable it and add your own to alerting.extraRules", name, strings.Join(slices.Sorted(maps.Keys(own)), " and "))
			}
		}
		problems.Add(validateThresholds(path+".thresholds", name, override.Thresholds, alerts[name])...)
		for _, annotation := range slices.Sorted(maps.Keys(override.Annotations)) {
			if err := expand(name, override.Annotations[annotation]); err != nil {
				problems.Addf(path+".annotations."+annotation, "%v", err)
			}
		}
		for _, label := range slices.Sorted(maps.Keys(override.Labels)) {
			switch label {
			case "severity":
				problems.Addf(path+".labels.severity", "cannot be set as a label; use %s.severity", path)
			case model.AlertNameLabel, model.MetricNameLabel:
				problems.Addf(path+".labels."+label, "reserved by Prometheus")
			}
			if err := expand(name, override.Labels[label]); err != nil {
				problems.Addf(path+".labels."+label, "%v", err)
			}
		}
	}
	return problems
}

// overrideProblem returns an error of a shipped file as a problem of the override of its alert:
// without overrides, the files load.
func overrideProblem(err error) config.Problem {
	if ruleErr, ok := errors.AsType[*rulefmt.Error](err); ok {
		return config.Problem{Path: "alerting.overrides." + ruleErr.RuleName, Message: ruleErr.Err.Error()}
	}
	return config.Problem{Path: "alerting.overrides", Message: err.Error()}
}

// check loads a rule file as Prometheus does, which rejects unknown fields, invalid names,
// expressions, and templates of labels and annotations.
func check(text string) ([]rulefmt.RuleGroup, []error) {
	loaded, errs := rulefmt.Parse([]byte(text), false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		return nil, errs
	}
	return loaded.Groups, nil
}

// checkExtra loads a rule file as check does. It also rejects what Prometheus would load and
// then ignore, and what would fail in every evaluation.
func checkExtra(text string) ([]rulefmt.RuleGroup, []error) {
	groups, errs := check(text)
	if len(errs) > 0 {
		return nil, errs
	}
	var first rulefmt.RuleGroups
	decoder := yaml.NewDecoder(strings.NewReader(text))
	if err := decoder.Decode(&first); len(first.Groups) == 0 || err != nil {
		return nil, []error{errors.New("no rule groups; a rule file is `groups:` with a list of groups of rules")}
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return nil, []error{errors.New("more than one YAML document; Prometheus reads only the first")}
	}
	return groups, append(checkTypes(first), checkTemplates(first)...)
}

// checkTypes rejects expressions that parse, but whose type a rule cannot have.
func checkTypes(file rulefmt.RuleGroups) []error {
	var errs []error
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			expr, err := parser.NewParser(parser.Options{}).ParseExpr(rule.Expr)
			if err == nil && expr.Type() != parser.ValueTypeVector && expr.Type() != parser.ValueTypeScalar {
				errs = append(errs, fmt.Errorf("group %q, %q: expr is a %s; allowed: an instant vector or a scalar", group.Name, rule.Alert+rule.Record, expr.Type()))
			}
		}
	}
	return errs
}

// file is a shipped rule file.
type file struct {
	text string
	root *yaml.Node // the mapping with `groups`
}

// load returns the shipped rule files, by name.
func load() (map[string]*file, error) {
	names, err := fs.Glob(embedded, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	files := map[string]*file{}
	for _, name := range names {
		if strings.HasSuffix(name, testSuffix) {
			continue
		}
		text, err := embedded.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("rules: %w", err)
		}
		if name == jobsFile {
			text = expandJobs(text, everyJob)
		}
		if files[name], err = parse(string(text)); err != nil {
			return nil, fmt.Errorf("rules: %s: %w", name, err)
		}
	}
	return files, nil
}

// parse parses the text of a shipped rule file.
func parse(text string) (*file, error) {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return nil, err
	}
	if document.Kind != yaml.DocumentNode || field(document.Content[0], "groups") == nil {
		return nil, errors.New("no rule groups")
	}
	return &file{text, document.Content[0]}, nil
}

// groups returns the list of rule groups.
func (f *file) groups() *yaml.Node { return field(f.root, "groups") }

// rules returns the rules of all groups. A group without rules, as in a file of the stack's own
// that Prometheus' loader has yet to refuse, has none.
func (f *file) rules() []*yaml.Node {
	var rules []*yaml.Node
	for _, group := range f.groups().Content {
		if list := field(group, "rules"); list != nil {
			rules = append(rules, list.Content...)
		}
	}
	return rules
}

// apply applies the options to the shipped file with a name and returns its text: the shipped text if
// nothing changes, and "" if no rule is left.
func (o Options) apply(name string, f *file) (string, error) {
	changed := false
	for _, group := range f.groups().Content {
		rules := field(group, "rules")
		rules.Content = slices.DeleteFunc(rules.Content, func(rule *yaml.Node) bool {
			job := value(field(rule, "labels"), "job")
			alert := value(rule, "alert") // empty for a recording rule
			drop := alert != "" && slices.Contains(o.Disabled, alert) || job != "" && !o.enabled(config.Job(job))
			changed = changed || drop
			return drop
		})
		for _, rule := range rules.Content {
			alert := value(rule, "alert")
			if alert == "" {
				continue
			}
			if o.RunbookURL != "" && o.RunbookURL != DefaultRunbookURL {
				set(field(rule, "annotations"), "runbook_url", o.RunbookURL+"/"+alert+".md")
				changed = true
			}
			if o.GrafanaURL != "" {
				set(field(rule, "annotations"), "dashboard_url", o.dashboardURL(name, alert))
				changed = true
			}
			if override, ok := o.Overrides[alert]; ok {
				applyOverride(rule, override)
				changed = true
			}
		}
	}
	if !changed {
		return f.text, nil
	}
	groups := f.groups()
	groups.Content = slices.DeleteFunc(groups.Content, func(group *yaml.Node) bool {
		return len(field(group, "rules").Content) == 0
	})
	if len(groups.Content) == 0 {
		return "", nil
	}
	if err := f.encode(); err != nil {
		return "", err
	}
	return f.text, nil
}

// encode sets the text to what the file holds.
func (f *file) encode() error {
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(f.root); err != nil {
		return err
	}
	f.text = text.String()
	return encoder.Close()
}

// applyOverride applies an override to a rule of its alert.
func applyOverride(rule *yaml.Node, o config.AlertOverride) {
	if o.For != nil {
		set(rule, "for", o.For.String())
	}
	if limit, ok := o.Thresholds[severity(rule)]; ok {
		setThreshold(rule, limit.Value)
	}
	labels := field(rule, "labels")
	if o.Severity != "" {
		set(labels, "severity", o.Severity)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Labels)) {
		set(labels, name, o.Labels[name])
	}
	annotations := field(rule, "annotations")
	for _, name := range slices.Sorted(maps.Keys(o.Annotations)) {
		set(annotations, name, o.Annotations[name])
	}
}

// severity returns the severity of an alert's rule.
func severity(rule *yaml.Node) string { return value(field(rule, "labels"), "severity") }

// field returns the node at a key of a mapping; nil if the key is missing or mapping is nil.
func field(mapping *yaml.Node, key string) *yaml.Node {
	if mapping == nil {
		return nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

// value returns the scalar at a key of a mapping; empty if it is missing.
func value(mapping *yaml.Node, key string) string {
	if node := field(mapping, key); node != nil {
		return node.Value
	}
	return ""
}

// set sets a key of a mapping to text.
func set(mapping *yaml.Node, key, text string) {
	scalar := &yaml.Node{}
	scalar.SetString(text)
	if node := field(mapping, key); node != nil {
		*node = *scalar
		return
	}
	name := &yaml.Node{}
	name.SetString(key)
	mapping.Content = append(mapping.Content, name, scalar)
}
