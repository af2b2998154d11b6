package config

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Discovery configures what is scraped.
type Discovery struct {
	// Namespaces in which annotated Services, Ingresses and pods are discovered; empty for all.
	Namespaces []string `json:"namespaces"`
	// Verify the kubelets' serving certificates against the cluster's CA. By default only on eks
	// and k3s, because the kubelets of many other clusters sign their own.
	VerifyKubeletCertificates bool `json:"verifyKubeletCertificates"`
	// Settings of individual jobs, by name.
	Jobs map[Job]JobSettings `json:"jobs"`
	// Additional scrape configs in Prometheus' own format:
	// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config
	ExtraScrapeConfigs []map[string]any `json:"extraScrapeConfigs"`
}

// JobSettings changes one scrape job.
type JobSettings struct {
	// Scrape this job. By default it is on if what it scrapes is deployed and cluster.platform
	// exposes it. These are off until they are enabled: kubernetes-ingresses, whose probes leave
	// the cluster and come back, and components of the control plane that can be reached only
	// after a change in the cluster.
	Enabled *bool `json:"enabled"`
	// Scrape interval; prometheus.scrapeInterval unless set.
	ScrapeInterval *Duration `json:"scrapeInterval"`
	// Scrape timeout; prometheus.scrapeTimeout unless set.
	ScrapeTimeout *Duration `json:"scrapeTimeout"`
	// Number of samples above which a scrape fails; 0 for no limit. By default only jobs whose
	// targets do not return more as the cluster grows have a limit.
	SampleLimit int `json:"sampleLimit"`
	// Relabelling of scraped samples in Prometheus' own format, applied after the job's own:
	// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#metric_relabel_configs
	MetricRelabelConfigs []map[string]any `json:"metricRelabelConfigs"`
}

func defaultDiscovery() Discovery {
	settings := map[Job]JobSettings{}
	for _, row := range ScrapeJobs {
		s := JobSettings{SampleLimit: row.SampleLimit}
		if row.OptIn {
			s.Enabled = new(bool)
		}
		if row.OptIn || row.SampleLimit > 0 {
			settings[row.Name] = s
		}
	}
	return Discovery{Jobs: settings}
}

// validateDiscovery rejects invalid settings of jobs, and jobs that cannot be scraped.
func (c *Config) validateDiscovery() Problems {
	var p Problems
	d := c.Discovery
	for i, namespace := range d.Namespaces {
		p.invalid(fmt.Sprintf("discovery.namespaces[%d]", i), namespace, validation.IsDNS1123Label(namespace))
		if slices.Contains(d.Namespaces[:i], namespace) {
			p.Addf(fmt.Sprintf("discovery.namespaces[%d]", i), "%q is named twice", namespace)
		}
	}
	for _, job := range slices.Sorted(maps.Keys(d.Jobs)) {
		path, settings := "discovery.jobs."+string(job), d.Jobs[job]
		interval, timeout := c.Prometheus.ScrapeInterval, c.Prometheus.ScrapeTimeout
		if settings.ScrapeInterval != nil {
			interval = *settings.ScrapeInterval
		}
		if settings.ScrapeTimeout != nil {
			timeout = *settings.ScrapeTimeout
		}
		if settings.ScrapeInterval != nil || settings.ScrapeTimeout != nil {
			p.Add(validateInterval(path, interval, timeout)...)
		}
		if settings.SampleLimit < 0 {
			p.Addf(path+".sampleLimit", "%d; allowed: 0 (no limit) or more", settings.SampleLimit)
		}
		if settings.Enabled != nil && *settings.Enabled {
			if blocker := c.collected[job].blocker; blocker != "" {
				p.Addf(path+".enabled", "true, but %s", blocker)
			}
		}
	}
	names := map[string]bool{}
	for i, extra := range d.ExtraScrapeConfigs {
		path := fmt.Sprintf("discovery.extraScrapeConfigs[%d].job_name", i)
		name, text := extra["job_name"].(string)
		switch {
		case extra["job_name"] != nil && !text:
			p.Addf(path, "%s; allowed: a string", describe(extra["job_name"]))
		case name == "":
			p.Addf(path, "missing; every scrape config requires a job_name")
		case slices.Contains(Jobs, Job(name)):
			p.Addf(path, "%q is a job of this program; choose another name", name)
		case names[name]:
			p.Addf(path, "%q is used twice", name)
		}
		names[name] = true
	}
	return p
}
