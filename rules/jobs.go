package rules

import (
	"bytes"
	"slices"
	"strings"

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

// expandJobs returns the text of jobsFile for config.ScrapeJobs: with a rule JobAbsent for each
// job that must have targets, and with the names of the jobs without which most alerts cannot
// fire.
func expandJobs(text []byte) []byte {
	var watched, blinding []string
	for _, row := range config.ScrapeJobs {
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
