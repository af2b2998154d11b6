package rules

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// jobsFile is a template: expandJobs replaces the placeholders below with the scrape jobs.
const (
	jobsFile     = "targets.yaml"
	jobAbsent    = "      - alert: JobAbsent\n" // start of the last rule, which is repeated for each job
	jobName      = "JOB"                        // name of the job, in that rule
	jobSeverity  = "SEVERITY"                   // critical for a blinding job, else warning, in that rule
	blindingJobs = "BLINDING_JOBS"              // regular expression of the names of the blinding jobs
)

// monitoringFile has the part of jobsFile that is about the monitoring itself, in a stack with shards. Every
// server evaluates it, as each scrapes those jobs, and so says when the ruler, which evaluates the rest, is
// down.
const monitoringFile = "targets-monitoring.yaml"

func everyJob(config.ScrapeJob) bool { return true }

// expandJobs returns the text of jobsFile for the jobs of config.ScrapeJobs that about selects: with a rule
// JobAbsent for each job that must have targets, and with the names of the jobs without which most alerts
// cannot fire.
func expandJobs(text []byte, about func(config.ScrapeJob) bool) []byte {
	var watched, blinding []string
	for _, row := range config.ScrapeJobs {
		if !about(row) {
			continue
		}
		if !row.MayBeEmpty {
			watched = append(watched, string(row.Name))
		}
		if row.Blinding {
			blinding = append(blinding, string(row.Name))
		}
	}
	slices.Sort(watched)
	slices.Sort(blinding)
	text = bytes.ReplaceAll(text, []byte(blindingJobs), []byte(strings.Join(blinding, "|")))
	head, rule, _ := bytes.Cut(text, []byte(jobAbsent))
	rules := make([][]byte, len(watched))
	for i, job := range watched {
		severity := "warning"
		if slices.Contains(blinding, job) {
			severity = "critical"
		}
		rules[i] = []byte(jobAbsent + strings.NewReplacer(jobName, job, jobSeverity, severity).Replace(string(rule)))
	}
	return append(head, bytes.Join(rules, []byte("\n"))...)
}

// divideTargets replaces jobsFile by the rules for a ruler, and adds monitoringFile: of jobsFile, what can be
// decided for each job of the monitoring itself without looking at the others.
func (o Options) divideTargets(shipped map[string]*file) error {
	text, err := embedded.ReadFile(jobsFile)
	if err != nil {
		return fmt.Errorf("rules: %w", err)
	}
	divided := func(row config.ScrapeJob) bool { return o.Divided(row.Name) }
	if shipped[jobsFile], err = parse(string(expandJobs(text, divided))); err != nil {
		return fmt.Errorf("rules: %s: %w", jobsFile, err)
	}
	undivided := func(row config.ScrapeJob) bool { return !o.Divided(row.Name) }
	own, err := parse(string(expandJobs(text, undivided)))
	if err != nil {
		return fmt.Errorf("rules: %s: %w", monitoringFile, err)
	}
	template, err := parse(string(text))
	if err != nil {
		return fmt.Errorf("rules: %s: %w", jobsFile, err)
	}
	forAll := map[string]bool{} // expressions about all jobs at once
	for _, rule := range template.rules() {
		if expr := value(rule, "expr"); !strings.Contains(expr, blindingJobs) {
			forAll[expr] = true
		}
	}
	for _, group := range own.groups().Content {
		rules := field(group, "rules")
		rules.Content = slices.DeleteFunc(rules.Content, func(rule *yaml.Node) bool { return forAll[value(rule, "expr")] })
	}
	if err := own.encode(); err != nil {
		return fmt.Errorf("rules: %s: %w", monitoringFile, err)
	}
	shipped[monitoringFile], err = parse(own.text) // so that nodes know their lines in it
	return err
}

// ruled reports whether a ruler evaluates a shipped file: one that needs metrics of jobs that shards divide,
// and the one with the alert Watchdog, which arrives only if the ruler works too.
func (o Options) ruled(file string) bool {
	if o.Divided == nil || file == monitoringFile {
		return false
	}
	job, one := NeededBy(file)
	return !one || o.Divided(job)
}

const (
	shardDown = "      - alert: PrometheusShardDown\n" // start of the only rule of ShardsFile, which is repeated for each shard
	shardName = "SHARD"                                // name of the shard, in that rule
)

// expandShards returns the text of ShardsFile with the rule of each shard.
func expandShards(text string, shards []string) string {
	if len(shards) == 0 {
		shards = []string{"prometheus", "prometheus-shard-1"}
	}
	head, rule, _ := strings.Cut(text, shardDown)
	rules := make([]string, len(shards))
	for i, shard := range shards {
		rules[i] = shardDown + strings.ReplaceAll(rule, shardName, shard)
	}
	return head + strings.Join(rules, "\n")
}
