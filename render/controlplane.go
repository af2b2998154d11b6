package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/util/strutil"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// controlPlane returns the scrape config of a control plane job: the stack's platform decides
// where its targets are.
func controlPlane(cfg *config.Config, job config.Job) scrapeConfig {
	target, _ := cfg.ControlPlaneTarget(job)
	switch {
	case target.APIPath != "":
		scrape := apiServers(cfg.Native(job))
		scrape.MetricsPath = target.APIPath
		scrape.MetricRelabelConfigs = nil
		return scrape
	case target.Nodes != "":
		return withCredentials(target, scrapeConfig{
			KubernetesSDConfigs: []kubernetesSD{{Role: "node", Selectors: []sdSelector{{Role: "node", Label: target.Nodes}}}},
			RelabelConfigs:      append(addressOn("__meta_kubernetes_node_address_InternalIP", target.Port), copyLabel("__meta_kubernetes_node_name", "node")),
		})
	default:
		return withCredentials(target, scrapeConfig{
			KubernetesSDConfigs: []kubernetesSD{{
				Role:       "pod",
				Namespaces: &sdNamespaces{[]string{target.Namespace}},
				Selectors:  []sdSelector{{Role: "pod", Label: target.Pods}},
			}},
			// No labels of containers: a pod is one target, whatever ports it declares.
			RelabelConfigs: slices.Concat([]relabel{keep("Pending|Running", "__meta_kubernetes_pod_phase")}, addressOn("__meta_kubernetes_pod_ip", target.Port), []relabel{
				copyLabel("__meta_kubernetes_namespace", "namespace"),
				copyLabel("__meta_kubernetes_pod_name", "pod"),
				copyLabel("__meta_kubernetes_pod_node_name", "node"),
			}),
		})
	}
}

// withCredentials adds HTTPS and the ServiceAccount's token if target requires them. It does
// not verify the certificate: the target signs its own, for a name that Prometheus does not
// know.
func withCredentials(target config.ControlPlaneTarget, scrape scrapeConfig) scrapeConfig {
	if target.Secure {
		scrape.Scheme = "https"
		scrape.Authorization = &authorization{serviceAccountDir + "/token"}
		scrape.TLSConfig = &tlsConfig{InsecureSkipVerify: true}
	}
	return scrape
}

// addressOn sets a target's address to the IP address in the label ip, and port.
func addressOn(ip string, port int) []relabel {
	return []relabel{
		{SourceLabels: []string{ip}, Regex: `([^:]+)`, TargetLabel: "__address__", Replacement: ptr(fmt.Sprintf("$1:%d", port))},
		{SourceLabels: []string{ip}, Regex: `(.+:.*)`, TargetLabel: "__address__", Replacement: ptr(fmt.Sprintf("[$1]:%d", port))},
	}
}

// dropControlPlane drops annotated pods that have a job of their own, so that they are scraped
// once: most installers annotate CoreDNS.
func dropControlPlane(cfg *config.Config) []relabel {
	var rules []relabel
	for _, job := range config.ControlPlane {
		target, _ := cfg.ControlPlaneTarget(job)
		if label, value, ok := strings.Cut(target.Pods, "="); ok && cfg.Enabled(job) {
			rules = append(rules, drop(target.Namespace+";"+value, "__meta_kubernetes_namespace", "__meta_kubernetes_pod_label_"+strutil.SanitizeLabelName(label)))
		}
	}
	return rules
}
