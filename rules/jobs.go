package rules

import (
	"bytes"
	"slices"
	"strings"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// jobsFile has the alerts about the scrape jobs themselves. In it, the rule JobAbsent
// stands for one of each job that has to have targets, and BLINDING_JOBS for the names of
// the jobs without which most alerts cannot fire.
const (
	jobsFile     = "targets.yaml"
	jobAbsent    = "      - alert: JobAbsent\n"
	jobName      = "JOB"
	blindingJobs = "BLINDING_JOBS"
)

// forEachJob writes what jobsFile says of jobs for those of config.ScrapeJobs.
func forEachJob(text []byte) []byte {
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
		rules[i] = append([]byte(jobAbsent), bytes.ReplaceAll(rule, []byte(jobName), []byte(job))...)
	}
	return append(head, bytes.Join(rules, []byte("\n"))...)
}
