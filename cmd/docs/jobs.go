package main

import (
	"fmt"
	"strings"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// The lines around the generated table of scrape jobs in docs/scraping.md.
const (
	beginJobs = "<!-- Written by `make docs` from config/jobs.go. -->\n"
	endJobs   = "<!-- End of jobs. -->\n"
)

// writeJobs replaces the table of scrape jobs in docs/scraping.md.
func writeJobs(old []byte, _ source) ([]byte, error) {
	var b strings.Builder
	b.WriteString("\n| Job | Scrapes | On by default | Limit of samples |\n| --- | --- | --- | --- |\n")
	for _, row := range config.ScrapeJobs {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", row.Name, row.About, whenScraped(row), sampleLimit(row))
	}
	b.WriteString("\n")
	return replaceBetween(old, beginJobs, endJobs, []byte(b.String()))
}

// whenScraped describes, in Markdown, whether a job is enabled without a setting of its own.
func whenScraped(row config.ScrapeJob) string {
	switch {
	case row.OptIn:
		return "no"
	case row.ControlPlane:
		return "on [platforms](config.md#platform) that need no change for it"
	case row.Needs != "":
		return "with `" + row.Needs + "`, or more"
	case row.Settings != "":
		return "with `" + row.Settings + ".enabled`"
	}
	return "yes"
}

// sampleLimit returns the default limit of samples per scrape; "none" if there is no limit.
func sampleLimit(row config.ScrapeJob) string {
	if row.SampleLimit == 0 {
		return "none"
	}
	return fmt.Sprint(row.SampleLimit)
}
