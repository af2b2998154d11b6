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
	b.WriteString("\n| Job | Scrapes | Scraped | Limit of samples |\n| --- | --- | --- | --- |\n")
	for _, row := range config.ScrapeJobs {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", row.Name, row.About, whenScraped(row), sampleLimit(row))
	}
	b.WriteString("\n")
	return replaceBetween(old, beginJobs, endJobs, []byte(b.String()))
}

// whenScraped describes, in Markdown, when a job is enabled.
func whenScraped(row config.ScrapeJob) string {
	switch {
	case row.OptIn:
		return fmt.Sprintf("if `discovery.jobs.%s.enabled` is true", row.Name)
	case row.ControlPlane:
		return "where [`cluster.platform`](config.md#platform) lets it be"
	case row.Settings != "":
		return "with `" + row.Settings + ".enabled`"
	}
	return "always"
}

// sampleLimit returns the default limit of samples per scrape; "none" if there is no limit.
func sampleLimit(row config.ScrapeJob) string {
	if row.SampleLimit == 0 {
		return "none"
	}
	return fmt.Sprint(row.SampleLimit)
}
