package config

import (
	"cmp"
	"fmt"
	"slices"
)

// Job is a scrape job of this program: the value of the `job` label of what it scrapes.
type Job string

// The scrape jobs.
const (
	NodesJob                    Job = "kubernetes-nodes"
	CadvisorJob                 Job = "kubernetes-cadvisor"
	ContainerProbesJob          Job = "kubernetes-probes"
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
	WindowsExporterJob          Job = "windows-exporter"
	AlertmanagerJob             Job = "alertmanager"
	GrafanaJob                  Job = "grafana"
	OAuth2ProxyJob              Job = "oauth2-proxy"
	SchedulerJob                Job = "kube-scheduler"
	ControllerManagerJob        Job = "kube-controller-manager"
	EtcdJob                     Job = "etcd"
	KubeProxyJob                Job = "kube-proxy"
	CoreDNSJob                  Job = "coredns"
	ThanosSidecarJob            Job = "thanos-sidecar"
	ThanosStoreGatewayJob       Job = "thanos-store-gateway"
	ThanosCompactorJob          Job = "thanos-compactor"
	ThanosQueryJob              Job = "thanos-query"
	ThanosQueryFrontendJob      Job = "thanos-query-frontend"
	ThanosRulerJob              Job = "thanos-ruler"
)

// ScrapeJob describes a scrape job. A job without a function of its own in render scrapes the
// pods of the program with the same name.
type ScrapeJob struct {
	Name  Job
	About string // what it scrapes, in Markdown, for docs/scraping.md

	// Settings is the config path of the program that the job scrapes or probes with; empty if
	// every stack has it. Deployed reports whether that program is deployed; nil if Settings
	// is empty. Needs is the least that deploys it; Settings.enabled: true if empty.
	Settings string
	Deployed func(*Config) bool
	Needs    string
	// ControlPlane marks a component that is scraped only if the platform's Profile says how.
	// If that has Requires, the job is off until it is enabled.
	ControlPlane bool
	// OptIn marks a job that is off unless discovery.jobs.<job>.enabled is true.
	OptIn bool
	// SampleLimit is the default of discovery.jobs.<job>.sampleLimit; 0 for no limit.
	SampleLimit int

	// Targets returns the job's number of targets in a cluster with that number of nodes; nil if
	// annotations in the cluster determine it. A job without targets is off, unless the number
	// is Approximate: a cluster may then have more or fewer.
	Targets     func(c *Config, nodes int) int
	Approximate bool
	// MayBeEmpty marks a job that JobAbsent does not watch, because it may have no targets.
	MayBeEmpty bool
	// Blinding marks a job whose metrics other alerts depend on, so that TargetDown is critical
	// once all its targets are down.
	Blinding bool
	// EveryShard marks a job whose targets every shard of Prometheus scrapes, because they belong to the
	// monitoring itself: so each shard sees whether the others run. The targets of any other job are
	// divided among the shards.
	EveryShard bool

	// Exporter is the name, without the version, of the file in metrics that lists the
	// job's metrics; empty if it may have any. Image is the image whose version is the file's;
	// empty if that is the cluster's version.
	Exporter string
	Image    Image
	// Series is an estimate of the number of series of a target; 0 if metrics/series.txt lists them.
	Series int
}

// Numbers of targets, for ScrapeJob.Targets.
func onNodes(_ *Config, nodes int) int    { return nodes }
func onWindows(c *Config, n int) int      { return max(0, min(c.Cluster.WindowsNodes, n-1)) }
func onLinux(c *Config, n int) int        { return n - onWindows(c, n) }
func onControlPlane(_ *Config, n int) int { return min(3, n) } // a highly available one has three
func fixed(n int) func(*Config, int) int  { return func(*Config, int) int { return n } }

// probedTargets is ScrapeJob.Targets of what the stack lists, and of the certificates that its programs serve.
func probedTargets(c *Config, _ int) int {
	return len(c.Exporters.BlackboxExporter.Targets) + len(c.certificates())
}

// blackboxDeployed is ScrapeJob.Deployed of blackbox-exporter and of the jobs that it probes for.
func blackboxDeployed(c *Config) bool { return c.Exporters.BlackboxExporter.Enabled }

// longTermStorage is ScrapeJob.Deployed of the parts of Thanos.
func longTermStorage(c *Config) bool { return c.LongTermStorage.Enabled }

// ScrapeJobs is the table of scrape jobs, in the order they are rendered.
var ScrapeJobs = []ScrapeJob{{
	Name: PrometheusJob, About: "the Prometheus servers",
	Targets: func(c *Config, _ int) int { return c.Prometheus.Pods() }, Blinding: true, EveryShard: true,
	Exporter: "prometheus", Image: PrometheusImage,
}, {
	Name: AlertmanagerJob, About: "the Alertmanagers", Settings: "alerting",
	Deployed: func(c *Config) bool { return c.Alerting.Enabled },
	Targets:  func(c *Config, _ int) int { return c.Alerting.Replicas }, Blinding: true, EveryShard: true,
	Exporter: "alertmanager", Image: AlertmanagerImage,
}, {
	Name: NodesJob, About: "each node's kubelet",
	Targets: onNodes, Blinding: true,
	Exporter: "kubelet",
}, {
	Name: CadvisorJob, About: "each node's containers, from the cadvisor in its kubelet",
	Targets: onNodes, Blinding: true,
	Exporter: "cadvisor",
}, {
	Name: ContainerProbesJob, About: "results of each node's liveness, readiness and startup probes, from its kubelet",
	Targets:  onNodes,
	Exporter: "kubelet-probes",
}, {
	Name: APIServersJob, About: "the API servers",
	Targets: onControlPlane, Approximate: true, Blinding: true,
	Exporter: "kube-apiserver",
}, {
	Name: SchedulerJob, About: "the schedulers", ControlPlane: true,
	Targets: onControlPlane, Approximate: true, Blinding: true,
	Exporter: "kube-scheduler",
}, {
	Name: ControllerManagerJob, About: "the controller managers", ControlPlane: true,
	Targets: onControlPlane, Approximate: true, Blinding: true,
	Exporter: "kube-controller-manager",
}, {
	Name: EtcdJob, About: "the members of etcd", ControlPlane: true,
	Targets: onControlPlane, Approximate: true, Blinding: true,
	Exporter: "etcd",
}, {
	Name: KubeProxyJob, About: "each node's kube-proxy", ControlPlane: true,
	Targets: onNodes, Approximate: true,
	Exporter: "kube-proxy",
}, {
	Name: CoreDNSJob, About: "the pods of CoreDNS", ControlPlane: true,
	Targets: fixed(2), Approximate: true, Blinding: true,
	Exporter: "coredns",
}, {
	Name: EndpointsJob, About: "the ready pods behind Services annotated `prometheus.io/scrape: \"true\"`",
	SampleLimit: 50_000, MayBeEmpty: true,
}, {
	Name: ServicesJob, About: "Services annotated `prometheus.io/probe: \"true\"`, probed by blackbox-exporter",
	Settings: blackboxExporterPath, Deployed: blackboxDeployed,
	SampleLimit: 1_000, MayBeEmpty: true,
	Exporter: "probe", Image: BlackboxExporterImage,
}, {
	Name: IngressesJob, About: "hosts and paths of Ingresses annotated `prometheus.io/probe: \"true\"`, probed by blackbox-exporter; they lead out of the cluster and back",
	Settings: blackboxExporterPath, Deployed: blackboxDeployed, OptIn: true,
	SampleLimit: 1_000, MayBeEmpty: true,
	Exporter: "probe", Image: BlackboxExporterImage,
}, {
	Name: PodsJob, About: "pods annotated `prometheus.io/scrape: \"true\"`",
	SampleLimit: 50_000, MayBeEmpty: true,
}, {
	Name: NodeExporterJob, About: "node-exporter on each node", Settings: "exporters.nodeExporter",
	Deployed:    func(c *Config) bool { return c.Exporters.NodeExporter.Enabled },
	SampleLimit: 30_000, Targets: onLinux, Blinding: true,
	Exporter: "node-exporter", Image: NodeExporterImage,
}, {
	Name: NodeDirectorySizeMetricsJob, About: "node-directory-size-metrics on each node", Settings: "exporters.nodeDirectorySizeMetrics",
	Deployed:    func(c *Config) bool { return c.Exporters.NodeDirectorySizeMetrics.Enabled },
	SampleLimit: 10_000, Targets: onLinux,
	Exporter: "node-directory-size-metrics",
}, {
	Name: WindowsExporterJob, About: "windows_exporter on each Windows node", Settings: "exporters.windowsExporter",
	Deployed:    func(c *Config) bool { return c.Exporters.WindowsExporter.Enabled },
	SampleLimit: 10_000, Targets: onWindows, Approximate: true, MayBeEmpty: true, Blinding: true,
	Exporter: "windows-exporter", Image: WindowsExporterImage, Series: 150,
}, {
	Name: KubeStateMetricsJob, About: "kube-state-metrics", Settings: "exporters.kubeStateMetrics",
	Deployed: func(c *Config) bool { return c.Exporters.KubeStateMetrics.Enabled },
	Targets:  func(c *Config, _ int) int { return c.Exporters.KubeStateMetrics.Shards }, Blinding: true,
	Exporter: "kube-state-metrics", Image: KubeStateMetricsImage,
}, {
	Name: BlackboxExporterJob, About: "blackbox-exporter itself", Settings: blackboxExporterPath,
	Deployed: blackboxDeployed,
	Targets:  fixed(1), Blinding: true,
	Exporter: "blackbox-exporter", Image: BlackboxExporterImage,
}, {
	Name: BlackboxTargetsJob, About: "what `exporters.blackboxExporter.targets` lists, and the certificates of `tls` and `longTermStorage.tls`, probed by blackbox-exporter",
	Settings: blackboxExporterPath, Deployed: blackboxDeployed,
	SampleLimit: 1_000, Targets: probedTargets, MayBeEmpty: true,
	Exporter: "probe", Image: BlackboxExporterImage,
}, {
	Name: GrafanaJob, About: "Grafana", Settings: "grafana",
	Deployed: func(c *Config) bool { return c.Grafana.Runs() },
	Targets:  fixed(1), Series: 800,
}, {
	Name: OAuth2ProxyJob, About: "the oauth2-proxies, with which people log in to web UIs", Settings: "login.oidc",
	Deployed: func(c *Config) bool { return len(c.Proxied()) > 0 }, Needs: "prometheus.access.login: oidc",
	Targets: func(c *Config, _ int) int { return len(c.Proxied()) * c.Login.OIDC.Replicas }, EveryShard: true,
	Exporter: "oauth2-proxy", Image: OAuth2ProxyImage,
}, {
	Name: ThanosSidecarJob, About: "the sidecars that upload samples", Settings: "longTermStorage",
	Deployed: longTermStorage,
	Targets:  func(c *Config, _ int) int { return c.Prometheus.Pods() }, EveryShard: true,
	Exporter: "thanos-sidecar", Image: ThanosImage,
}, {
	Name: ThanosStoreGatewayJob, About: "the store gateways, which answer queries from the object store", Settings: "longTermStorage",
	Deployed: longTermStorage,
	Targets: func(c *Config, _ int) int {
		return c.LongTermStorage.StoreGateway.Replicas * c.LongTermStorage.StoreGateway.Partitions
	}, EveryShard: true,
	Exporter: "thanos-store-gateway", Image: ThanosImage,
}, {
	Name: ThanosCompactorJob, About: "the compactor of the object store", Settings: "longTermStorage.compactor",
	Deployed: func(c *Config) bool { return c.LongTermStorage.HasCompactor() },
	Targets:  fixed(1), EveryShard: true,
	Exporter: "thanos-compactor", Image: ThanosImage,
}, {
	Name: ThanosQueryJob, About: "the queriers", Settings: "longTermStorage",
	Deployed: longTermStorage,
	Targets:  func(c *Config, _ int) int { return c.LongTermStorage.Query.Replicas }, EveryShard: true,
	Exporter: "thanos-query", Image: ThanosImage,
}, {
	Name: ThanosQueryFrontendJob, About: "the query frontends", Settings: "longTermStorage",
	Deployed: longTermStorage,
	Targets:  func(c *Config, _ int) int { return c.LongTermStorage.QueryFrontend.Replicas }, EveryShard: true,
	Exporter: "thanos-query-frontend", Image: ThanosImage,
}, {
	Name: ThanosRulerJob, About: "the rulers, which evaluate rules over all shards", Settings: "longTermStorage.ruler",
	Deployed: (*Config).HasRuler, Needs: "prometheus.shards: 2",
	Targets: func(c *Config, _ int) int { return c.LongTermStorage.Ruler.Replicas }, Blinding: true, EveryShard: true,
	Exporter: "thanos-ruler", Image: ThanosImage,
}}

// Jobs lists the names of the scrape jobs in the order they are rendered.
var Jobs = jobs(func(ScrapeJob) bool { return true })

// Kubelets lists the jobs that scrape the kubelets' own port.
var Kubelets = []Job{NodesJob, CadvisorJob, ContainerProbesJob}

// ControlPlane lists the jobs of components that only some platforms expose.
var ControlPlane = jobs(func(job ScrapeJob) bool { return job.ControlPlane })

// jobs returns the names of the rows that matches selects.
func jobs(matches func(ScrapeJob) bool) []Job {
	var names []Job
	for _, job := range ScrapeJobs {
		if matches(job) {
			names = append(names, job.Name)
		}
	}
	return names
}

// Row returns the job's row of ScrapeJobs; false if it has none.
func (j Job) Row() (ScrapeJob, bool) {
	i := slices.IndexFunc(ScrapeJobs, func(row ScrapeJob) bool { return row.Name == j })
	if i < 0 {
		return ScrapeJob{}, false
	}
	return ScrapeJobs[i], true
}

// Applications reports whether the job scrapes applications: annotations in the cluster
// determine its targets, and nobody knows what they expose.
func (r ScrapeJob) Applications() bool { return r.Targets == nil && r.Exporter == "" }

func (Job) Values() []string {
	names := make([]string, len(Jobs))
	for i, job := range Jobs {
		names[i] = string(job)
	}
	return names
}

// collection is how a job's metrics are collected in one stack.
type collection struct {
	enabled bool
	by      Job    // the enabled job that collects its metrics; empty if none does
	blocker string // why it cannot be enabled; empty if it can
}

// Divided reports whether the shards of Prometheus divide the targets of a job among them; false for a
// stack without shards.
func (c *Config) Divided(job Job) bool {
	row, _ := job.Row() // none of a scrape config of the stack's own
	return c.Prometheus.Sharded() && !row.EveryShard
}

// Enabled reports whether a job is scraped: what it scrapes is deployed and has targets, the
// platform exposes it and no setting disables it. Without a Prometheus, it reports whether the clusters
// that the stack queries may scrape it: unless a setting disables it.
func (c *Config) Enabled(job Job) bool { return c.collected[job].enabled }

// CollectedBy returns the enabled job that collects the metrics of job: the job itself, or one
// that scrapes another process which serves the same metrics; empty if none does.
func (c *Config) CollectedBy(job Job) Job { return c.collected[job].by }

// Collected reports whether any enabled job collects the metrics of job.
func (c *Config) Collected(job Job) bool { return c.CollectedBy(job) != "" }

// resolveJobs determines how the metrics of each job are collected.
func (c *Config) resolveJobs() {
	c.collected = map[Job]collection{}
	for _, row := range ScrapeJobs {
		job := collection{blocker: c.blocker(row)}
		idle := c.HasPrometheus() && row.Targets != nil && !row.Approximate && row.Targets(c, max(1, c.Cluster.Nodes)) == 0
		if job.enabled = job.blocker == "" && !idle && c.wanted(row.Name); job.enabled {
			job.by = row.Name
		}
		c.collected[row.Name] = job
	}
	for name, job := range c.collected {
		if target, _ := c.ControlPlaneTarget(name); target.CollectedBy != "" && c.wanted(name) && c.collected[target.CollectedBy].enabled {
			job.by = target.CollectedBy
			c.collected[name] = job
		}
	}
}

// wanted reports whether no setting disables a job.
func (c *Config) wanted(job Job) bool {
	enabled := c.Discovery.Jobs[job].Enabled
	return enabled == nil || *enabled
}

// blocker returns why a job cannot be scraped; empty if it can.
func (c *Config) blocker(row ScrapeJob) string {
	target, known := c.ControlPlaneTarget(row.Name)
	switch {
	case target.CollectedBy != "":
		return fmt.Sprintf("on %s, job %s collects its metrics", c.Cluster.Platform, target.CollectedBy)
	case !c.HasPrometheus():
		return ""
	case row.ControlPlane && !known:
		return fmt.Sprintf("on %s nothing serves its metrics", c.Cluster.Platform)
	case row.Deployed != nil && !row.Deployed(c):
		return "what it scrapes is off; set " + cmp.Or(row.Needs, row.Settings+".enabled: true")
	}
	return ""
}
