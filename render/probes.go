package render

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// probedServices returns the scrape config by which the blackbox exporter probes Services
// annotated prometheus.io/probe: "true".
func probedServices(cfg *config.Config) scrapeConfig {
	return connectTo(cfg, BlackboxExporter, scrapeConfig{
		MetricsPath:         "/probe",
		KubernetesSDConfigs: []kubernetesSD{{Role: "service", Namespaces: discoveryNamespaces(cfg)}},
		RelabelConfigs: slices.Concat([]relabel{
			keep("true", serviceAnnotation("probe")),
			drop("UDP|SCTP", "__meta_kubernetes_service_port_protocol"),
		}, moduleRules(serviceAnnotation), []relabel{
			{SourceLabels: []string{"__address__", serviceAnnotation("probe_port")}, Regex: `([^:]+)(?::\d+)?;(\d+)`, TargetLabel: "__address__", Replacement: ptr("$1:$2")},
			copyLabel("__address__", "__param_target"),
			// HTTP probers require a URL, with the annotated scheme and path.
			{SourceLabels: []string{"__param_module", "__param_target"}, Regex: httpModules(cfg) + ";(.+)", TargetLabel: "__param_target", Replacement: ptr("http://$1")},
			{SourceLabels: []string{serviceAnnotation("probe_scheme"), "__param_target"}, Regex: "https;http://(.+)", TargetLabel: "__param_target", Replacement: ptr("https://$1")},
			{SourceLabels: []string{"__param_target", serviceAnnotation("probe_path")}, Regex: "(https?://[^;]+);(?:/(.*)|([^/].*))", TargetLabel: "__param_target", Replacement: ptr("$1/$2$3")},
			copyLabel("__meta_kubernetes_namespace", "namespace"),
			copyLabel("__meta_kubernetes_service_name", "service"),
		}, throughBlackbox(cfg)),
	})
}

// probedIngresses returns the scrape config by which the blackbox exporter probes, from inside
// the cluster, every host and path of Ingresses annotated prometheus.io/probe: "true".
func probedIngresses(cfg *config.Config) scrapeConfig {
	return connectTo(cfg, BlackboxExporter, scrapeConfig{
		MetricsPath:         "/probe",
		KubernetesSDConfigs: []kubernetesSD{{Role: "ingress", Namespaces: discoveryNamespaces(cfg)}},
		RelabelConfigs: slices.Concat([]relabel{
			keep("true", ingressAnnotation("probe")),
			drop(`(\*.*)?`, "__meta_kubernetes_ingress_host"), // no host, or a wildcard
		}, moduleRules(ingressAnnotation), []relabel{
			// Other probers than http require a host and a port.
			{SourceLabels: []string{"__meta_kubernetes_ingress_scheme", "__meta_kubernetes_ingress_host"}, Regex: "http;(.+)", TargetLabel: "__param_target", Replacement: ptr("$1:80")},
			{SourceLabels: []string{"__meta_kubernetes_ingress_scheme", "__meta_kubernetes_ingress_host"}, Regex: "https;(.+)", TargetLabel: "__param_target", Replacement: ptr("$1:443")},
			{SourceLabels: []string{"__param_module", "__meta_kubernetes_ingress_scheme", "__meta_kubernetes_ingress_host", "__meta_kubernetes_ingress_path"}, Regex: httpModules(cfg) + ";(.+);(.+);(.*)", TargetLabel: "__param_target", Replacement: ptr("$1://$2$3")},
			// The annotated path replaces one that is a pattern, which some controllers allow.
			{SourceLabels: []string{"__param_target", ingressAnnotation("probe_path")}, Regex: "(https?://[^/;]+)[^;]*;(?:/(.*)|([^/].*))", TargetLabel: "__param_target", Replacement: ptr("$1/$2$3")},
			copyLabel("__meta_kubernetes_namespace", "namespace"),
			copyLabel("__meta_kubernetes_ingress_name", "ingress"),
		}, throughBlackbox(cfg)),
	})
}

// probedTargets returns the scrape config by which the blackbox exporter probes the targets in
// exporters.blackboxExporter.targets and the certificates that programs of the stack share: that of tls at Prometheus, and
// one of the parts of Thanos at the querier.
func probedTargets(cfg *config.Config) scrapeConfig {
	scrape := connectTo(cfg, BlackboxExporter, scrapeConfig{
		MetricsPath:    "/probe",
		RelabelConfigs: append([]relabel{copyLabel("__address__", "__param_target")}, throughBlackbox(cfg)...),
	})
	for _, target := range cfg.Exporters.BlackboxExporter.Targets {
		labels := map[string]string{"__param_module": target.Module}
		maps.Copy(labels, target.Labels)
		scrape.StaticConfigs = append(scrape.StaticConfigs, staticTargets{[]string{target.URL}, labels})
	}
	if Prometheus.ServesTLS(cfg) {
		scrape.StaticConfigs = append(scrape.StaticConfigs, staticTargets{[]string{Prometheus.Address(cfg)}, map[string]string{"__param_module": config.CertificateModule}})
	}
	if cfg.ThanosCertificate() {
		scrape.StaticConfigs = append(scrape.StaticConfigs, staticTargets{[]string{ThanosQuery.GRPCAddress(cfg)}, map[string]string{"__param_module": config.ThanosCertificateModule}})
	}
	return scrape
}

// moduleRules sets the exporter's module: the annotated one, or else the default.
func moduleRules(annotation func(string) string) []relabel {
	return []relabel{
		copyLabel(annotation("probe_module"), "__param_module"),
		{SourceLabels: []string{"__param_module"}, Regex: "^$", TargetLabel: "__param_module", Replacement: ptr(config.DefaultModule)},
	}
}

// throughBlackbox sends the scrape to the exporter, which probes __param_target.
func throughBlackbox(cfg *config.Config) []relabel {
	return []relabel{
		copyLabel("__param_target", "instance"),
		copyLabel("__param_module", "module"),
		setLabel("__address__", BlackboxExporter.Address(cfg)),
	}
}

// httpModules returns a regular expression that matches the modules whose target is a URL, not
// a host and port.
func httpModules(cfg *config.Config) string {
	modules := probeModules(cfg)
	var names []string
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		if modules[name]["prober"] == "http" {
			names = append(names, regexp.QuoteMeta(name))
		}
	}
	return "(?:" + strings.Join(names, "|") + ")"
}
