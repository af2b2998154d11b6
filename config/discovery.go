package config

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Job names a scrape job of this program.
type Job string

// The scrape jobs. Their names are the `job` label of what they scrape.
const (
	NodesJob                    Job = "kubernetes-nodes"
	CadvisorJob                 Job = "kubernetes-cadvisor"
	APIServersJob               Job = "kubernetes-apiservers"
	EndpointsJob                Job = "kubernetes-endpoints"
	ServicesJob                 Job = "kubernetes-services"
	IngressesJob                Job = "kubernetes-ingresses"
	PodsJob                     Job = "kubernetes-pods"
	PrometheusJob               Job = "prometheus"
	NodeExporterJob             Job = "node-exporter"
	KubeStateMetricsJob         Job = "kube-state-metrics"
	BlackboxExporterJob         Job = "blackbox-exporter"
	BlackboxTargetsJob          Job = "blackbox-targets"
	NodeDirectorySizeMetricsJob Job = "node-directory-size-metrics"
	AlertmanagerJob             Job = "alertmanager"
	GrafanaJob                  Job = "grafana"
	SchedulerJob                Job = "kube-scheduler"
	ControllerManagerJob        Job = "kube-controller-manager"
	EtcdJob                     Job = "etcd"
	KubeProxyJob                Job = "kube-proxy"
	CoreDNSJob                  Job = "coredns"
)

// Jobs lists the scrape jobs in the order they are rendered.
var Jobs = []Job{
	PrometheusJob, AlertmanagerJob, NodesJob, CadvisorJob,
	APIServersJob, SchedulerJob, ControllerManagerJob, EtcdJob, KubeProxyJob, CoreDNSJob,
	EndpointsJob, ServicesJob, IngressesJob, PodsJob,
	NodeExporterJob, NodeDirectorySizeMetricsJob, KubeStateMetricsJob, BlackboxExporterJob, BlackboxTargetsJob, GrafanaJob,
}

func (Job) Values() []string {
	names := make([]string, len(Jobs))
	for i, job := range Jobs {
		names[i] = string(job)
	}
	return names
}

// Discovery says what is scraped.
type Discovery struct {
	// Namespaces in which annotated Services, Ingresses and pods are discovered; empty for all.
	Namespaces []string `json:"namespaces"`
	// Verify the kubelets' serving certificates against the cluster's CA. Off but
	// on eks and k3s, because many clusters' kubelets sign their own.
	VerifyKubeletCertificates bool `json:"verifyKubeletCertificates"`
	// Settings of single jobs, by name.
	Jobs map[Job]JobSettings `json:"jobs"`
	// Further scrape configs in Prometheus' own format:
	// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config
	ExtraScrapeConfigs []map[string]any `json:"extraScrapeConfigs"`
}

// JobSettings change one scrape job.
type JobSettings struct {
	// Scrape this job; on unless what it scrapes is off or cluster.platform does
	// not let it be scraped. What has to be switched on: kubernetes-ingresses, which
	// lead out of the cluster and back, and components of the control plane that
	// need a change to be reached.
	Enabled *bool `json:"enabled"`
	// Scrape interval; prometheus.scrapeInterval unless set.
	ScrapeInterval *Duration `json:"scrapeInterval"`
	// Scrape timeout; prometheus.scrapeTimeout unless set.
	ScrapeTimeout *Duration `json:"scrapeTimeout"`
	// Samples a scrape may return before it counts as failed; 0 for no limit. The
	// default limits what does not grow with the cluster.
	SampleLimit int `json:"sampleLimit"`
	// Relabelling of scraped samples, in Prometheus' own format, after the job's own:
	// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#metric_relabel_configs
	MetricRelabelConfigs []map[string]any `json:"metricRelabelConfigs"`
}

func defaultDiscovery() Discovery {
	off := false
	return Discovery{Jobs: map[Job]JobSettings{
		EndpointsJob:                {SampleLimit: 50_000},
		PodsJob:                     {SampleLimit: 50_000},
		ServicesJob:                 {SampleLimit: 1_000},
		IngressesJob:                {SampleLimit: 1_000, Enabled: &off},
		BlackboxTargetsJob:          {SampleLimit: 1_000},
		NodeExporterJob:             {SampleLimit: 30_000},
		NodeDirectorySizeMetricsJob: {SampleLimit: 10_000},
	}}
}

// JobEnabled tells whether job is scraped: what it scrapes is deployed, the
// platform lets it be scraped and no setting switches it off.
func (c *Config) JobEnabled(job Job) bool {
	if job == BlackboxTargetsJob && len(c.Exporters.BlackboxExporter.Targets) == 0 {
		return false
	}
	if c.unreachable(job) != "" {
		return false
	}
	_, on := c.scraped(job)
	enabled := c.Discovery.Jobs[job].Enabled
	return on && (enabled == nil || *enabled)
}

// scraped is the config path of what job scrapes, and whether that is
// deployed; no path if it is not this program that deploys it.
func (c *Config) scraped(job Job) (path string, deployed bool) {
	switch job {
	case AlertmanagerJob:
		return "alerting", c.Alerting.Enabled
	case GrafanaJob:
		return "grafana", c.Grafana.Runs()
	case NodeExporterJob:
		return "exporters.nodeExporter", c.Exporters.NodeExporter.Enabled
	case KubeStateMetricsJob:
		return "exporters.kubeStateMetrics", c.Exporters.KubeStateMetrics.Enabled
	case NodeDirectorySizeMetricsJob:
		return "exporters.nodeDirectorySizeMetrics", c.Exporters.NodeDirectorySizeMetrics.Enabled
	case BlackboxExporterJob, BlackboxTargetsJob, ServicesJob, IngressesJob: // which probe through it
		return "exporters.blackboxExporter", c.Exporters.BlackboxExporter.Enabled
	}
	return "", true
}

func (c *Config) validateDiscovery() Problems {
	var p Problems
	d := c.Discovery
	for i, namespace := range d.Namespaces {
		p.invalid(fmt.Sprintf("discovery.namespaces[%d]", i), namespace, validation.IsDNS1123Label(namespace))
		if slices.Contains(d.Namespaces[:i], namespace) {
			p.addf(fmt.Sprintf("discovery.namespaces[%d]", i), "%q is named twice", namespace)
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
			p.add(validateInterval(path, interval, timeout)...)
		}
		if settings.SampleLimit < 0 {
			p.addf(path+".sampleLimit", "%d; allowed: 0 (no limit) or more", settings.SampleLimit)
		}
		if settings.Enabled != nil && *settings.Enabled {
			if why := c.unreachable(job); why != "" {
				p.addf(path+".enabled", "true, but %s", why)
			} else if source, on := c.scraped(job); !on {
				p.addf(path+".enabled", "true, but what it scrapes is off; set %s.enabled: true", source)
			}
		}
	}
	names := map[string]bool{}
	for i, extra := range d.ExtraScrapeConfigs {
		path := fmt.Sprintf("discovery.extraScrapeConfigs[%d].job_name", i)
		name, text := extra["job_name"].(string)
		switch {
		case extra["job_name"] != nil && !text:
			p.addf(path, "%s; allowed: a string", describe(extra["job_name"]))
		case name == "":
			p.addf(path, "missing; every scrape config has a job_name")
		case slices.Contains(Jobs, Job(name)):
			p.addf(path, "%q is a job of this program; choose another name", name)
		case names[name]:
			p.addf(path, "%q is used twice", name)
		}
		names[name] = true
	}
	return p
}
