package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/util/strutil"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// controlPlane scrapes a target where the stack's platform has it.
func controlPlane(cfg *config.Config, job config.Job) scrapeConfig {
	target, _ := cfg.ControlPlaneTarget(job)
	switch {
	case target.APIPath != "":
		scrape := apiServers()
		scrape.MetricsPath = target.APIPath
		scrape.MetricRelabelConfigs = nil
		return scrape
	case target.Nodes != "":
		return secured(target, scrapeConfig{
			KubernetesSDConfigs: []kubernetesSD{{Role: "node", Selectors: []sdSelector{{Role: "node", Label: target.Nodes}}}},
			RelabelConfigs:      append(onPort("__meta_kubernetes_node_address_InternalIP", target.Port), copyLabel("__meta_kubernetes_node_name", "node")),
		})
	default:
		return secured(target, scrapeConfig{
			KubernetesSDConfigs: []kubernetesSD{{
				Role:       "pod",
				Namespaces: &sdNamespaces{[]string{target.Namespace}},
				Selectors:  []sdSelector{{Role: "pod", Label: target.Pods}},
			}},
			// Nothing of the containers: a pod is one target, whatever ports it declares.
			RelabelConfigs: slices.Concat([]relabel{keep("Pending|Running", "__meta_kubernetes_pod_phase")}, onPort("__meta_kubernetes_pod_ip", target.Port), []relabel{
				copyLabel("__meta_kubernetes_namespace", "namespace"),
				copyLabel("__meta_kubernetes_pod_name", "pod"),
				copyLabel("__meta_kubernetes_pod_node_name", "node"),
			}),
		})
	}
}

// secured adds what a target asks of its callers. Its certificate is one
// that it made itself, for no name that Prometheus would know.
func secured(target config.ControlPlaneTarget, scrape scrapeConfig) scrapeConfig {
	if target.Secure {
		scrape.Scheme = "https"
		scrape.Authorization = &authorization{serviceAccountDir + "/token"}
		scrape.TLSConfig = &tlsConfig{InsecureSkipVerify: true}
	}
	return scrape
}

// onPort makes the address of a target of an IP address and a port.
func onPort(ip string, port int) []relabel {
	return []relabel{
		{SourceLabels: []string{ip}, Regex: `([^:]+)`, TargetLabel: "__address__", Replacement: ptr(fmt.Sprintf("$1:%d", port))},
		{SourceLabels: []string{ip}, Regex: `(.+:.*)`, TargetLabel: "__address__", Replacement: ptr(fmt.Sprintf("[$1]:%d", port))},
	}
}

// dropComponents keeps annotated pods that have their own job, as CoreDNS is
// annotated by most installers, from being scraped a second time.
func dropComponents(cfg *config.Config) []relabel {
	var rules []relabel
	for _, job := range config.ControlPlane {
		target, _ := cfg.ControlPlaneTarget(job)
		if label, value, ok := strings.Cut(target.Pods, "="); ok && cfg.Enabled(job) {
			rules = append(rules, drop(target.Namespace+";"+value, "__meta_kubernetes_namespace", "__meta_kubernetes_pod_label_"+strutil.SanitizeLabelName(label)))
		}
	}
	return rules
}
