package config

import (
	"fmt"
	"maps"
	"regexp"
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
	// Which metrics the jobs of this program store: the ones that a rule or dashboard of the
	// stack uses (used), or every one (all). Jobs that scrape applications store every one.
	Ingest Ingest `json:"ingest"`
	// How the jobs of this program store histograms: as native histograms with the buckets of the
	// classic ones (native), or as a series for each bucket (classic). Jobs that scrape
	// applications store classic ones.
	Histograms Histograms `json:"histograms"`
	// Settings of individual jobs, by name.
	Jobs map[Job]JobSettings `json:"jobs"`
	// Additional scrape configs in Prometheus' own format:
	// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config
	ExtraScrapeConfigs []map[string]any `json:"extraScrapeConfigs"`
}

// Ingest is which metrics of the program's jobs are stored.
type Ingest string

// Values of discovery.ingest.
const (
	IngestUsed Ingest = "used"
	IngestAll  Ingest = "all"
)

func (Ingest) Values() []string { return []string{string(IngestUsed), string(IngestAll)} }

// Histograms is the form in which histograms are stored.
type Histograms string

// Values of discovery.histograms.
const (
	NativeHistograms  Histograms = "native"
	ClassicHistograms Histograms = "classic"
)

func (Histograms) Values() []string {
	return []string{string(NativeHistograms), string(ClassicHistograms)}
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
	// Names of metrics that this job stores although nothing in the stack uses them, or regular
	// expressions of such names, such as node_hwmon_.*; only with discovery.ingest: used. In
	// classic form, a histogram has three names: name_bucket, name_sum and name_count.
	KeepMetrics []string `json:"keepMetrics"`
	// How this job stores histograms; discovery.histograms unless set, but classic for a job that
	// scrapes applications.
	Histograms *Histograms `json:"histograms"`
	// Certificate with which etcd is scraped, on its port for clients, in Prometheus' own format; only for the job etcd.
	// Its *_file options read prometheus.secrets:
	// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#tls_config
	TLSConfig map[string]any `json:"tlsConfig"`
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
	return Discovery{Ingest: IngestUsed, Histograms: NativeHistograms, Jobs: settings}
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
		switch target, _ := c.ControlPlaneTarget(job); {
		case len(settings.TLSConfig) == 0:
		case target.CertificatePort == 0:
			p.Addf(path+".tlsConfig", "has no effect: on %s, the targets of job %s ask for no certificate of a client", c.Cluster.Platform, job)
		case !c.Enabled(job):
			p.Addf(path+".tlsConfig", "has no effect, because job %s is off; set %s.enabled: true, or remove it", job, path)
		}
		p.Add(c.validateKeepMetrics(path+".keepMetrics", job, settings.KeepMetrics)...)
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

// validateKeepMetrics rejects names of metrics where they have no effect, and those that are not
// regular expressions.
func (c *Config) validateKeepMetrics(path string, job Job, names []string) Problems {
	var p Problems
	switch row, _ := job.Row(); {
	case len(names) == 0:
	case row.Applications():
		p.Addf(path, "has no effect: job %s scrapes applications, and stores every metric", job)
	case c.Discovery.Ingest == IngestAll:
		p.Addf(path, "has no effect with discovery.ingest: all, which stores every metric")
	}
	for i, name := range names {
		path := fmt.Sprintf("%s[%d]", path, i)
		switch _, err := regexp.Compile(name); {
		case err != nil:
			p.Addf(path, "%q: %v; allowed: the name of a metric, or a regular expression of names", name, err)
		case name == "":
			p.Addf(path, `""; allowed: the name of a metric, or a regular expression of names`)
		case slices.Contains(names[:i], name):
			p.Addf(path, "%q is named twice", name)
		}
	}
	return p
}

// Native reports whether a job stores histograms as native ones.
func (c *Config) Native(job Job) bool {
	if own := c.Discovery.Jobs[job].Histograms; own != nil {
		return *own == NativeHistograms
	}
	row, shipped := job.Row()
	return shipped && !row.Applications() && c.Discovery.Histograms == NativeHistograms
}

// StoresCustomBuckets reports whether anything may store native histograms with custom buckets, as which classic ones
// are converted: jobs, scrape configs of the stack's own, or the receiver of OTLP. Thanos cannot downsample them.
func (c *Config) StoresCustomBuckets() bool {
	converts := func(settings map[string]any, key string) bool { on, _ := settings[key].(bool); return on }
	return c.StoresNative() || converts(c.Prometheus.OTLP, "convert_histograms_to_nhcb") ||
		slices.ContainsFunc(c.Discovery.ExtraScrapeConfigs, func(own map[string]any) bool { return converts(own, "convert_classic_histograms_to_nhcb") })
}

// StoresNative reports whether an enabled job stores histograms as native ones.
func (c *Config) StoresNative() bool {
	return slices.ContainsFunc(Jobs, func(job Job) bool { return c.Enabled(job) && c.Native(job) })
}
