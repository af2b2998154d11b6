package render

import (
	"net/url"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/util/strutil"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// scrapeConfig holds the part of a scrape config that the shipped jobs use:
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
	Params               url.Values       `yaml:"params,omitempty"`
	Authorization        *authorization   `yaml:"authorization,omitempty"`
	BasicAuth            *basicAuth       `yaml:"basic_auth,omitempty"`
	TLSConfig            any              `yaml:"tls_config,omitempty"`
	KubernetesSDConfigs  []kubernetesSD   `yaml:"kubernetes_sd_configs,omitempty"`
	StaticConfigs        []staticTargets  `yaml:"static_configs,omitempty"`
	RelabelConfigs       []relabel        `yaml:"relabel_configs,omitempty"`
	MetricRelabelConfigs []any            `yaml:"metric_relabel_configs,omitempty"`

	ScrapeNativeHistograms         bool `yaml:"scrape_native_histograms,omitempty"`
	ConvertClassicHistogramsToNHCB bool `yaml:"convert_classic_histograms_to_nhcb,omitempty"`
}

type authorization struct {
	CredentialsFile string `yaml:"credentials_file"`
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
	Field string `yaml:"field,omitempty"`
}

type relabel struct {
	SourceLabels []string `yaml:"source_labels,omitempty,flow"`
	Separator    string   `yaml:"separator,omitempty"`
	Regex        string   `yaml:"regex,omitempty"`
	Action       string   `yaml:"action,omitempty"`
	TargetLabel  string   `yaml:"target_label,omitempty"`
	Replacement  *string  `yaml:"replacement,omitempty"`
	Modulus      int      `yaml:"modulus,omitempty"`
}

// serviceAccountDir is where Kubernetes mounts the token of a pod's ServiceAccount and the CA
// certificate of the API server.
const serviceAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount"

// scrapeConfigs returns the scrape configs of the enabled jobs, with their settings applied. What
// is not stored is dropped last, by the name that it has then.
func (s *Stack) scrapeConfigs() []scrapeConfig {
	cfg := s.Config
	var enabled []scrapeConfig
	for _, job := range config.Jobs {
		if !cfg.Enabled(job) {
			continue
		}
		scrape := scrapeJob(cfg, job)
		ingest, known := s.Ingest[job]
		if known && ingest.Whole == "" {
			scrape.MetricRelabelConfigs = nil // they drop what is large, where everything is stored
		}
		if job == config.NodeExporterJob {
			if collectors := s.NodeCollectors(); collectors != nil {
				scrape.Params = url.Values{"collect[]": collectors}
			}
		}
		settings := cfg.Discovery.Jobs[job]
		scrape.JobName = string(job)
		scrape.ScrapeInterval = settings.ScrapeInterval
		scrape.ScrapeTimeout = settings.ScrapeTimeout
		scrape.SampleLimit = settings.SampleLimit
		// A native histogram that the target offers, else one with the buckets of its classic one.
		scrape.ScrapeNativeHistograms = cfg.Native(job)
		scrape.ConvertClassicHistogramsToNHCB = cfg.Native(job)
		scrape.RelabelConfigs = append(scrape.RelabelConfigs, setLabel("cluster", cfg.Cluster.Name))
		if job == config.KubeStateMetricsJob {
			scrape.MetricRelabelConfigs = append(scrape.MetricRelabelConfigs, unmuted(cfg)...)
		}
		for _, native := range settings.MetricRelabelConfigs {
			scrape.MetricRelabelConfigs = append(scrape.MetricRelabelConfigs, native)
		}
		if known && ingest.Whole == "" {
			scrape.MetricRelabelConfigs = append(scrape.MetricRelabelConfigs, ingest.rule())
		}
		enabled = append(enabled, scrape)
	}
	return enabled
}

// scrapeJob returns the scrape config of a job, without its settings.
func scrapeJob(cfg *config.Config, job config.Job) scrapeConfig {
	if row, _ := job.Row(); row.ControlPlane {
		return controlPlane(cfg, job)
	}
	switch job {
	case config.NodesJob:
		scrape := kubelet(cfg, "/metrics")
		if target, _ := cfg.ControlPlaneTarget(config.APIServersJob); target.CollectedBy == job {
			scrape.MetricRelabelConfigs = apiServers(cfg.Native(job)).MetricRelabelConfigs
		}
		return scrape
	case config.CadvisorJob:
		return cadvisor(cfg)
	case config.ContainerProbesJob:
		return kubelet(cfg, "/metrics/probes")
	case config.APIServersJob:
		return apiServers(cfg.Native(job))
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
	case config.ThanosSidecarJob:
		return thanosSidecars(cfg)
	case config.NodeDirectorySizeMetricsJob:
		scrape := ownProgram(cfg, string(job))
		scrape.MetricsPath = "/cgi-bin/metrics"
		return scrape
	default:
		return ownProgram(cfg, string(job))
	}
}

// kubelet returns the scrape config of a path of every node's kubelet. Scraping kubelets
// directly requires no right but nodes/metrics, and does not load the API server.
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

// kubeletTLS returns the TLS settings for kubelets, whose certificates are self-signed on most
// clusters.
func kubeletTLS(cfg *config.Config) *tlsConfig {
	if cfg.Discovery.VerifyKubeletCertificates {
		return &tlsConfig{CAFile: serviceAccountDir + "/ca.crt"}
	}
	return &tlsConfig{InsecureSkipVerify: true}
}

// cadvisor returns the scrape config of the kubelets' container metrics.
func cadvisor(cfg *config.Config) scrapeConfig {
	scrape := kubelet(cfg, "/metrics/cadvisor")
	// cadvisor's timestamps are late; with them series outlive their containers.
	scrape.HonorTimestamps = new(bool)
	scrape.MetricRelabelConfigs = []any{
		// Many series each, for questions that other tools answer better.
		dropMetrics("container_(tasks_state|memory_failures_total|blkio_device_usage_total|memory_failcnt|ulimits_soft|file_descriptors|sockets|last_seen)"),
	}
	return scrape
}

// apiServers returns the scrape config of the API servers: the endpoints of the Service
// kubernetes.
func apiServers(native bool) scrapeConfig {
	scrape := scrapeConfig{
		Scheme:        "https",
		Authorization: &authorization{serviceAccountDir + "/token"},
		// The certificate is valid for names; the targets are IP addresses.
		TLSConfig: &tlsConfig{CAFile: serviceAccountDir + "/ca.crt", ServerName: "kubernetes"},
		// Without selectors, the role watches every Service and pod of the namespace too.
		KubernetesSDConfigs: []kubernetesSD{{Role: "endpointslice", Namespaces: &sdNamespaces{[]string{"default"}}, Selectors: []sdSelector{
			{Role: "endpointslice", Label: "kubernetes.io/service-name=kubernetes"},
			{Role: "service", Field: "metadata.name=kubernetes"},
			{Role: "pod", Field: "metadata.name=kubernetes"},
		}}},
		RelabelConfigs: []relabel{
			keep(`kubernetes;https`, "__meta_kubernetes_service_name", "__meta_kubernetes_endpointslice_port_name"),
			copyLabel("__meta_kubernetes_namespace", "namespace"),
			copyLabel("__meta_kubernetes_service_name", "service"),
		},
	}
	if !native {
		scrape.MetricRelabelConfigs = []any{
			// Histograms by resource, verb and scope: a third of the series of a small cluster.
			dropMetrics("(apiserver_request_body_size_bytes|apiserver_request_sli_duration_seconds|apiserver_response_sizes|apiserver_watch_events_sizes|apiserver_watch_list_duration_seconds|etcd_request_duration_seconds|workqueue_(queue|work)_duration_seconds)_bucket"),
		}
	}
	return scrape
}

// annotatedEndpoints returns the scrape config of the ready endpoints of Services annotated
// prometheus.io/scrape: "true".
func annotatedEndpoints(cfg *config.Config) scrapeConfig {
	rules := []relabel{
		keep("true", serviceAnnotation("scrape")),
		drop("false", "__meta_kubernetes_endpointslice_endpoint_conditions_ready"), // unknown counts as ready
		// The role also lists every other port of the pods behind a Service.
		keep(".+", "__meta_kubernetes_endpointslice_port"),
		drop(";(UDP|SCTP)", serviceAnnotation("port"), "__meta_kubernetes_endpointslice_port_protocol"),
	}
	rules = append(rules, dropControlPlane(cfg)...)
	if cfg.Enabled(config.PodsJob) { // which scrapes the pods that are annotated themselves
		rules = append(rules, drop("true;(.+;.*|.*;.+)", podAnnotation("scrape"), podAnnotation("port"), "__meta_kubernetes_pod_container_port_number"))
	}
	return scrapeConfig{
		KubernetesSDConfigs: []kubernetesSD{{Role: "endpointslice", Namespaces: discoveryNamespaces(cfg)}},
		RelabelConfigs: slices.Concat(rules, []relabel{
			copyLabel("__meta_kubernetes_pod_container_name", "container"),
			copyLabel("__meta_kubernetes_endpointslice_port_name", "endpoint"),
		}, annotationRules(serviceAnnotation), []relabel{
			copyLabel("__meta_kubernetes_namespace", "namespace"),
			copyLabel("__meta_kubernetes_service_name", "service"),
			copyLabel("__meta_kubernetes_pod_name", "pod"),
			copyLabel("__meta_kubernetes_endpointslice_endpoint_node_name", "node"),
		}),
	}
}

// annotatedPods returns the scrape config of pods annotated prometheus.io/scrape: "true": of
// the port in prometheus.io/port, or else of each TCP port that their containers declare.
func annotatedPods(cfg *config.Config) scrapeConfig {
	return scrapeConfig{
		// The API server omits pods that are pending or have finished, such as those of Jobs.
		KubernetesSDConfigs: []kubernetesSD{{Role: "pod", Namespaces: discoveryNamespaces(cfg), Selectors: []sdSelector{{Role: "pod", Field: "status.phase=Running"}}}},
		RelabelConfigs: slices.Concat([]relabel{
			keep("true", podAnnotation("scrape")),
			// Without an annotated port: only declared TCP ports of running containers.
			drop(";(;.*|.*;UDP|.*;SCTP)", podAnnotation("port"), "__meta_kubernetes_pod_container_port_number", "__meta_kubernetes_pod_container_port_protocol"),
			drop(";true", podAnnotation("port"), "__meta_kubernetes_pod_container_init"),
		}, dropControlPlane(cfg), []relabel{
			copyLabel("__meta_kubernetes_pod_container_name", "container"),
			copyLabel("__meta_kubernetes_pod_container_port_name", "endpoint"),
		}, annotationRules(podAnnotation), []relabel{
			copyLabel("__meta_kubernetes_namespace", "namespace"),
			copyLabel("__meta_kubernetes_pod_name", "pod"),
			copyLabel("__meta_kubernetes_pod_node_name", "node"),
		}),
	}
}

// annotationRules applies the annotations scheme, path and port. An annotated port replaces
// the discovered one on every target of the pod; without the labels container and endpoint
// those targets are equal, and Prometheus scrapes one of them.
func annotationRules(annotation func(string) string) []relabel {
	return []relabel{
		{SourceLabels: []string{annotation("scheme")}, Regex: "(https?)", TargetLabel: "__scheme__"},
		{SourceLabels: []string{annotation("path")}, Regex: "(.+)", TargetLabel: "__metrics_path__"},
		// A container without ports has its pod's IP address as address; IPv6 needs brackets.
		{SourceLabels: []string{"__address__"}, Regex: `([^\[].*:.*:.*)`, TargetLabel: "__address__", Replacement: ptr("[$1]")},
		// The host has a port or not; an IPv6 host is in brackets.
		{SourceLabels: []string{"__address__", annotation("port")}, Regex: `(\[.+\]|[^:]+)(?::\d+)?;(\d+)`, TargetLabel: "__address__", Replacement: ptr("$1:$2")},
		{SourceLabels: []string{annotation("port")}, Regex: `\d+`, TargetLabel: "container", Replacement: ptr("")},
		{SourceLabels: []string{annotation("port")}, Regex: `\d+`, TargetLabel: "endpoint", Replacement: ptr("")},
	}
}

// kubeStateMetrics returns the scrape config of both ports of kube-state-metrics. The labels
// of a series win over the target's: its namespace and pod are those of the object.
func kubeStateMetrics(cfg *config.Config) scrapeConfig {
	scrape := ownProgram(cfg, KubeStateMetrics.Name)
	scrape.HonorLabels = true
	// With these labels, a series about no pod would seem to be about the exporter's pod.
	scrape.RelabelConfigs = slices.DeleteFunc(scrape.RelabelConfigs, func(rule relabel) bool {
		return slices.Contains([]string{"namespace", "pod", "container", "node"}, rule.TargetLabel)
	})
	return scrape
}

// unmuted returns the rule that drops the labels of objects without config.AlertsLabel, of the kinds of
// which the stack asks for no other labels.
func unmuted(cfg *config.Config) []any {
	var names []string
	for _, muted := range config.OptOuts {
		if len(cfg.Exporters.KubeStateMetrics.MetricLabelsAllowlist[muted.Kind]) == 0 {
			names = append(names, singular(muted.Kind))
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []any{drop("kube_("+strings.Join(names, "|")+")_labels;", "__name__", "label_"+strutil.SanitizeLabelName(config.AlertsLabel))}
}

// ownProgram returns the scrape config of the pods of a program of the stack, by its
// app.kubernetes.io/name. It includes pods that are not ready, so that `up` shows them.
func ownProgram(cfg *config.Config, component string) scrapeConfig {
	pods, ports := ownPods(cfg, component)
	return connectTo(cfg, programOf(component), scrapeConfig{
		KubernetesSDConfigs: pods,
		RelabelConfigs: append(ports,
			copyLabel("__meta_kubernetes_namespace", "namespace"),
			copyLabel("__meta_kubernetes_pod_name", "pod"),
			copyLabel("__meta_kubernetes_pod_container_name", "container"),
			copyLabel("__meta_kubernetes_pod_container_port_name", "endpoint"),
			copyLabel("__meta_kubernetes_pod_node_name", "node"),
		),
	})
}

// connectTo returns a scrape config with what a program asks for: TLS, a certificate and a user.
func connectTo(cfg *config.Config, program Program, scrape scrapeConfig) scrapeConfig {
	if tls := tlsTo(cfg, program); tls != nil {
		scrape.Scheme, scrape.TLSConfig = "https", tls
	}
	scrape.BasicAuth = loginTo(cfg, program.Name)
	return scrape
}

// thanosSidecars returns the scrape config of the sidecars in the pods of Prometheus.
func thanosSidecars(cfg *config.Config) scrapeConfig {
	scrape := connectTo(cfg, ThanosSidecar, ownProgram(cfg, Prometheus.Name))
	for i, rule := range scrape.RelabelConfigs {
		if rule.Action == "keep" && rule.SourceLabels[0] == "__meta_kubernetes_pod_container_port_name" {
			scrape.RelabelConfigs[i] = keep(ThanosSidecarPort, rule.SourceLabels...)
		}
	}
	return scrape
}

// scrapedPorts matches the names of the ports at which programs of the stack have metrics.
const scrapedPorts = "web|metrics|telemetry"

// ownPods returns the service discovery of the pods of a program of the stack, and the rules
// that keep those that have not ended, and their HTTP ports.
func ownPods(cfg *config.Config, component string) ([]kubernetesSD, []relabel) {
	return []kubernetesSD{{
			Role:       "pod",
			Namespaces: &sdNamespaces{[]string{cfg.Cluster.Namespace}},
			Selectors:  []sdSelector{{Role: "pod", Label: "app.kubernetes.io/part-of=" + config.Project + ",app.kubernetes.io/name=" + component}},
		}}, []relabel{
			keep("Pending|Running", "__meta_kubernetes_pod_phase"),
			keep(scrapedPorts, "__meta_kubernetes_pod_container_port_name"),
		}
}

// discoveryNamespaces limits a job to discovery.namespaces; nil is every namespace.
func discoveryNamespaces(cfg *config.Config) *sdNamespaces {
	if len(cfg.Discovery.Namespaces) == 0 {
		return nil
	}
	return &sdNamespaces{cfg.Discovery.Namespaces}
}

// serviceAnnotation returns the label with a Service's annotation prometheus.io/NAME.
func serviceAnnotation(name string) string {
	return "__meta_kubernetes_service_annotation_prometheus_io_" + name
}

// ingressAnnotation returns the label with an Ingress's annotation prometheus.io/NAME.
func ingressAnnotation(name string) string {
	return "__meta_kubernetes_ingress_annotation_prometheus_io_" + name
}

// podAnnotation returns the label with a pod's annotation prometheus.io/NAME.
func podAnnotation(name string) string {
	return "__meta_kubernetes_pod_annotation_prometheus_io_" + name
}

// keep returns a rule that drops targets or samples unless regex matches their labels, joined
// by semicolons.
func keep(regex string, labels ...string) relabel {
	return relabel{SourceLabels: labels, Regex: regex, Action: "keep"}
}

// drop returns a rule that drops targets or samples if regex matches their labels, joined by
// semicolons.
func drop(regex string, labels ...string) relabel {
	return relabel{SourceLabels: labels, Regex: regex, Action: "drop"}
}

// copyLabel returns a rule that copies the label from to the label to.
func copyLabel(from, to string) relabel {
	return relabel{SourceLabels: []string{from}, TargetLabel: to}
}

// setLabel returns a rule that sets label to value.
func setLabel(label, value string) relabel {
	// $ starts a reference to a group of the regular expression.
	return relabel{TargetLabel: label, Replacement: ptr(strings.ReplaceAll(value, "$", "$$"))}
}

// dropMetrics returns a rule that drops the metrics whose names regex matches.
func dropMetrics(regex string) relabel { return drop(regex, "__name__") }

func ptr[T any](value T) *T { return &value }
