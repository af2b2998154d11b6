package render

import (
	"slices"
	"strings"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// scrapeConfig is the part of a scrape config that the program's jobs use:
// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config
type scrapeConfig struct {
	JobName              string           `yaml:"job_name"`
	HonorLabels          bool             `yaml:"honor_labels,omitempty"`
	HonorTimestamps      *bool            `yaml:"honor_timestamps,omitempty"`
	ScrapeInterval       *config.Duration `yaml:"scrape_interval,omitempty"`
	ScrapeTimeout        *config.Duration `yaml:"scrape_timeout,omitempty"`
	SampleLimit          int              `yaml:"sample_limit,omitempty"`
	Scheme               string           `yaml:"scheme,omitempty"`
	MetricsPath          string           `yaml:"metrics_path,omitempty"`
	Authorization        *authorization   `yaml:"authorization,omitempty"`
	TLSConfig            *tlsConfig       `yaml:"tls_config,omitempty"`
	KubernetesSDConfigs  []kubernetesSD   `yaml:"kubernetes_sd_configs,omitempty"`
	StaticConfigs        []staticTargets  `yaml:"static_configs,omitempty"`
	RelabelConfigs       []relabel        `yaml:"relabel_configs,omitempty"`
	MetricRelabelConfigs []any            `yaml:"metric_relabel_configs,omitempty"`
}

type authorization struct {
	CredentialsFile string `yaml:"credentials_file"`
}

type tlsConfig struct {
	CAFile             string `yaml:"ca_file,omitempty"`
	ServerName         string `yaml:"server_name,omitempty"`
	InsecureSkipVerify bool   `yaml:"insecure_skip_verify,omitempty"`
}

type kubernetesSD struct {
	Role       string        `yaml:"role"`
	Namespaces *sdNamespaces `yaml:"namespaces,omitempty"`
	Selectors  []sdSelector  `yaml:"selectors,omitempty"`
}

type staticTargets struct {
	Targets []string          `yaml:"targets"`
	Labels  map[string]string `yaml:"labels,omitempty"`
}

type sdNamespaces struct {
	Names []string `yaml:"names"`
}

type sdSelector struct {
	Role  string `yaml:"role"`
	Label string `yaml:"label,omitempty"`
}

type relabel struct {
	SourceLabels []string `yaml:"source_labels,omitempty,flow"`
	Separator    string   `yaml:"separator,omitempty"`
	Regex        string   `yaml:"regex,omitempty"`
	Action       string   `yaml:"action,omitempty"`
	TargetLabel  string   `yaml:"target_label,omitempty"`
	Replacement  *string  `yaml:"replacement,omitempty"`
}

const serviceAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount"

// scrapeConfigs are the enabled jobs with their settings applied.
func scrapeConfigs(cfg *config.Config) []scrapeConfig {
	var enabled []scrapeConfig
	for _, job := range config.Jobs {
		if !cfg.Enabled(job) {
			continue
		}
		scrape := scrapeJob(cfg, job)
		settings := cfg.Discovery.Jobs[job]
		scrape.JobName = string(job)
		scrape.ScrapeInterval = settings.ScrapeInterval
		scrape.ScrapeTimeout = settings.ScrapeTimeout
		scrape.SampleLimit = settings.SampleLimit
		scrape.RelabelConfigs = append(scrape.RelabelConfigs, set("cluster", cfg.Cluster.Name))
		for _, native := range settings.MetricRelabelConfigs {
			scrape.MetricRelabelConfigs = append(scrape.MetricRelabelConfigs, native)
		}
		enabled = append(enabled, scrape)
	}
	return enabled
}

func scrapeJob(cfg *config.Config, job config.Job) scrapeConfig {
	switch job {
	case config.NodesJob:
		scrape := kubelet(cfg, "/metrics")
		if target, _ := cfg.ControlPlaneTarget(config.APIServersJob); target.Repeated == job {
			scrape.MetricRelabelConfigs = apiServers().MetricRelabelConfigs
		}
		return scrape
	case config.CadvisorJob:
		return cadvisor(cfg)
	case config.APIServersJob:
		return apiServers()
	case config.SchedulerJob, config.ControllerManagerJob, config.EtcdJob, config.KubeProxyJob, config.CoreDNSJob:
		return controlPlane(cfg, job)
	case config.EndpointsJob:
		return annotatedEndpoints(cfg)
	case config.ServicesJob:
		return probedServices(cfg)
	case config.IngressesJob:
		return probedIngresses(cfg)
	case config.BlackboxTargetsJob:
		return probedTargets(cfg)
	case config.PodsJob:
		return annotatedPods(cfg)
	case config.KubeStateMetricsJob:
		return kubeStateMetrics(cfg)
	case config.NodeDirectorySizeMetricsJob:
		scrape := shipped(cfg, string(job))
		scrape.MetricsPath = "/cgi-bin/metrics"
		return scrape
	default:
		return shipped(cfg, string(job))
	}
}

// kubelet scrapes every node's kubelet directly, which takes nodes/metrics and
// spares the API server the proxying.
func kubelet(cfg *config.Config, path string) scrapeConfig {
	return scrapeConfig{
		Scheme:              "https",
		MetricsPath:         path,
		Authorization:       &authorization{serviceAccountDir + "/token"},
		TLSConfig:           kubeletTLS(cfg),
		KubernetesSDConfigs: []kubernetesSD{{Role: "node"}},
		RelabelConfigs:      []relabel{copyLabel("__meta_kubernetes_node_name", "node")},
	}
}

func kubeletTLS(cfg *config.Config) *tlsConfig {
	if cfg.Discovery.VerifyKubeletCertificates {
		return &tlsConfig{CAFile: serviceAccountDir + "/ca.crt"}
	}
	return &tlsConfig{InsecureSkipVerify: true}
}

// cadvisor scrapes the kubelet's container metrics.
func cadvisor(cfg *config.Config) scrapeConfig {
	scrape := kubelet(cfg, "/metrics/cadvisor")
	// cadvisor's own timestamps lag and would keep ended containers alive.
	scrape.HonorTimestamps = new(bool)
	scrape.MetricRelabelConfigs = []any{
		// Many series each, and nothing a kernel-level debugger would not show better.
		dropMetrics("container_(tasks_state|memory_failures_total|blkio_device_usage_total|memory_failcnt|ulimits_soft|file_descriptors|sockets|last_seen)"),
	}
	return scrape
}

// apiServers scrapes the endpoints of the kubernetes Service.
func apiServers() scrapeConfig {
	return scrapeConfig{
		Scheme:        "https",
		Authorization: &authorization{serviceAccountDir + "/token"},
		// Its certificate is for names; the endpoints are addresses.
		TLSConfig:           &tlsConfig{CAFile: serviceAccountDir + "/ca.crt", ServerName: "kubernetes"},
		KubernetesSDConfigs: []kubernetesSD{{Role: "endpointslice", Namespaces: &sdNamespaces{[]string{"default"}}}},
		RelabelConfigs: []relabel{
			keep(`kubernetes;https`, "__meta_kubernetes_service_name", "__meta_kubernetes_endpointslice_port_name"),
			copyLabel("__meta_kubernetes_namespace", "namespace"),
			copyLabel("__meta_kubernetes_service_name", "service"),
		},
		MetricRelabelConfigs: []any{
			// Histograms by resource, verb and scope: a third of a small cluster's series.
			dropMetrics("(apiserver_request_body_size_bytes|apiserver_request_sli_duration_seconds|apiserver_response_sizes|apiserver_watch_events_sizes|apiserver_watch_list_duration_seconds|etcd_request_duration_seconds|workqueue_(queue|work)_duration_seconds)_bucket"),
		},
	}
}

// annotatedEndpoints scrapes the ready endpoints of Services annotated
// prometheus.io/scrape: "true".
func annotatedEndpoints(cfg *config.Config) scrapeConfig {
	rules := []relabel{
		keep("true", serviceAnnotation("scrape")),
		drop("false", "__meta_kubernetes_endpointslice_endpoint_conditions_ready"), // unknown counts as ready
		// The role also lists every other port of the pods behind a Service.
		keep(".+", "__meta_kubernetes_endpointslice_port"),
		drop(";(UDP|SCTP)", serviceAnnotation("port"), "__meta_kubernetes_endpointslice_port_protocol"),
	}
	rules = append(rules, dropComponents(cfg)...)
	if cfg.Enabled(config.PodsJob) { // it scrapes the pods that ask for themselves
		rules = append(rules, drop("true;(.+;.*|.*;.+)", podAnnotation("scrape"), podAnnotation("port"), "__meta_kubernetes_pod_container_port_number"))
	}
	return scrapeConfig{
		KubernetesSDConfigs: []kubernetesSD{{Role: "endpointslice", Namespaces: discovered(cfg)}},
		RelabelConfigs: slices.Concat(rules, []relabel{
			copyLabel("__meta_kubernetes_pod_container_name", "container"),
			copyLabel("__meta_kubernetes_endpointslice_port_name", "endpoint"),
		}, annotated(serviceAnnotation), []relabel{
			copyLabel("__meta_kubernetes_namespace", "namespace"),
			copyLabel("__meta_kubernetes_service_name", "service"),
			copyLabel("__meta_kubernetes_pod_name", "pod"),
			copyLabel("__meta_kubernetes_endpointslice_endpoint_node_name", "node"),
		}),
	}
}

// annotatedPods scrapes pods annotated prometheus.io/scrape: "true": the port
// in prometheus.io/port, or else each TCP port their containers declare.
func annotatedPods(cfg *config.Config) scrapeConfig {
	return scrapeConfig{
		KubernetesSDConfigs: []kubernetesSD{{Role: "pod", Namespaces: discovered(cfg)}},
		RelabelConfigs: slices.Concat([]relabel{
			keep("true", podAnnotation("scrape")),
			keep("Running", "__meta_kubernetes_pod_phase"),
			// Without an annotated port: only declared TCP ports of running containers.
			drop(";(;.*|.*;UDP|.*;SCTP)", podAnnotation("port"), "__meta_kubernetes_pod_container_port_number", "__meta_kubernetes_pod_container_port_protocol"),
			drop(";true", podAnnotation("port"), "__meta_kubernetes_pod_container_init"),
		}, dropComponents(cfg), []relabel{
			copyLabel("__meta_kubernetes_pod_container_name", "container"),
			copyLabel("__meta_kubernetes_pod_container_port_name", "endpoint"),
		}, annotated(podAnnotation), []relabel{
			copyLabel("__meta_kubernetes_namespace", "namespace"),
			copyLabel("__meta_kubernetes_pod_name", "pod"),
			copyLabel("__meta_kubernetes_pod_node_name", "node"),
		}),
	}
}

// annotated applies the scheme, path and port annotations. An annotated port
// replaces the discovered one on every target of the pod; without container
// and endpoint those targets are equal and Prometheus scrapes one of them.
func annotated(annotation func(string) string) []relabel {
	return []relabel{
		{SourceLabels: []string{annotation("scheme")}, Regex: "(https?)", TargetLabel: "__scheme__"},
		{SourceLabels: []string{annotation("path")}, Regex: "(.+)", TargetLabel: "__metrics_path__"},
		// A container without ports is discovered by its pod's bare address.
		{SourceLabels: []string{"__address__"}, Regex: `([^\[].*:.*:.*)`, TargetLabel: "__address__", Replacement: ptr("[$1]")},
		// Host with or without a port; an IPv6 host is in brackets.
		{SourceLabels: []string{"__address__", annotation("port")}, Regex: `(\[.+\]|[^:]+)(?::\d+)?;(\d+)`, TargetLabel: "__address__", Replacement: ptr("$1:$2")},
		{SourceLabels: []string{annotation("port")}, Regex: `\d+`, TargetLabel: "container", Replacement: ptr("")},
		{SourceLabels: []string{annotation("port")}, Regex: `\d+`, TargetLabel: "endpoint", Replacement: ptr("")},
	}
}

// kubeStateMetrics scrapes both its ports. The object's labels win over the
// exporter's own: namespace and pod are those the series is about.
func kubeStateMetrics(cfg *config.Config) scrapeConfig {
	scrape := shipped(cfg, "kube-state-metrics")
	scrape.HonorLabels = true
	// With these a series about no pod would seem to be about the exporter's.
	scrape.RelabelConfigs = slices.DeleteFunc(scrape.RelabelConfigs, func(rule relabel) bool {
		return slices.Contains([]string{"namespace", "pod", "container", "node"}, rule.TargetLabel)
	})
	return scrape
}

// shipped scrapes the pods of one of this program's components on their
// metrics ports, ready or not, so that `up` tells of the ones that are not.
func shipped(cfg *config.Config, component string) scrapeConfig {
	pods, ports := shippedPods(cfg, component)
	return scrapeConfig{
		KubernetesSDConfigs: pods,
		RelabelConfigs: append(ports,
			copyLabel("__meta_kubernetes_namespace", "namespace"),
			copyLabel("__meta_kubernetes_pod_name", "pod"),
			copyLabel("__meta_kubernetes_pod_container_name", "container"),
			copyLabel("__meta_kubernetes_pod_container_port_name", "endpoint"),
			copyLabel("__meta_kubernetes_pod_node_name", "node"),
		),
	}
}

// shippedPods finds the pods of one of this program's components and keeps
// the ports that speak HTTP.
func shippedPods(cfg *config.Config, component string) ([]kubernetesSD, []relabel) {
	return []kubernetesSD{{
			Role:       "pod",
			Namespaces: &sdNamespaces{[]string{cfg.Cluster.Namespace}},
			Selectors:  []sdSelector{{Role: "pod", Label: "app.kubernetes.io/part-of=" + config.Project + ",app.kubernetes.io/name=" + component}},
		}}, []relabel{
			keep("Pending|Running", "__meta_kubernetes_pod_phase"),
			keep("web|metrics|telemetry", "__meta_kubernetes_pod_container_port_name"),
		}
}

// discovered limits a job to discovery.namespaces.
func discovered(cfg *config.Config) *sdNamespaces {
	if len(cfg.Discovery.Namespaces) == 0 {
		return nil
	}
	return &sdNamespaces{cfg.Discovery.Namespaces}
}

func serviceAnnotation(name string) string {
	return "__meta_kubernetes_service_annotation_prometheus_io_" + name
}

func ingressAnnotation(name string) string {
	return "__meta_kubernetes_ingress_annotation_prometheus_io_" + name
}

func podAnnotation(name string) string {
	return "__meta_kubernetes_pod_annotation_prometheus_io_" + name
}

func keep(regex string, labels ...string) relabel {
	return relabel{SourceLabels: labels, Regex: regex, Action: "keep"}
}

func drop(regex string, labels ...string) relabel {
	return relabel{SourceLabels: labels, Regex: regex, Action: "drop"}
}

func copyLabel(from, to string) relabel {
	return relabel{SourceLabels: []string{from}, TargetLabel: to}
}

func set(label, value string) relabel {
	// $ starts a reference to a regex group.
	return relabel{TargetLabel: label, Replacement: ptr(strings.ReplaceAll(value, "$", "$$"))}
}

func dropMetrics(regex string) relabel { return drop(regex, "__name__") }

func ptr[T any](value T) *T { return &value }
