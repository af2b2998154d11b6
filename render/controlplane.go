package render

import (
	"fmt"
	"slices"
	"strings"

	prometheus "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/util/strutil"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// controlPlane returns the scrape config of a control plane job: the stack's platform decides
// where its targets are.
func controlPlane(cfg *config.Config, job config.Job) scrapeConfig {
	target, _ := cfg.ControlPlaneTarget(job)
	certificate := cfg.Discovery.Jobs[job].TLSConfig
	if len(certificate) > 0 {
		target.Port = target.CertificatePort
	}
	switch {
	case target.APIPath != "":
		scrape := apiServers(cfg.Native(job))
		scrape.MetricsPath = target.APIPath
		scrape.MetricRelabelConfigs = nil
		return scrape
	case target.Nodes != "":
		return withCredentials(target, certificate, scrapeConfig{
			KubernetesSDConfigs: []kubernetesSD{{Role: "node", Selectors: []sdSelector{{Role: "node", Label: target.Nodes}}}},
			RelabelConfigs:      append(addressOn("__meta_kubernetes_node_address_InternalIP", target.Port), copyLabel("__meta_kubernetes_node_name", "node")),
		})
	default:
		return withCredentials(target, certificate, scrapeConfig{
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

// withCredentials adds HTTPS and a certificate, if there is one, or the ServiceAccount's token, if target
// requires it. It does not verify the certificate of such a target, which signs its own for a name that
// Prometheus does not know.
func withCredentials(target config.ControlPlaneTarget, certificate map[string]any, scrape scrapeConfig) scrapeConfig {
	switch {
	case len(certificate) > 0:
		scrape.Scheme = "https"
		scrape.TLSConfig = certificate
	case target.Secure:
		scrape.Scheme = "https"
		scrape.Authorization = &authorization{serviceAccountDir + "/token"}
		scrape.TLSConfig = &tlsConfig{InsecureSkipVerify: true}
	}
	return scrape
}

// checkCertificate rejects secrets in plain text, and files that the pods do not have, in the certificate of a
// job of this program. loaded is the job as loaded.
func checkCertificate(cfg *config.Config, loaded *prometheus.ScrapeConfig) config.Problems {
	certificate := cfg.Discovery.Jobs[config.Job(loaded.JobName)].TLSConfig
	if len(certificate) == 0 {
		return nil
	}
	return prometheusSecrets(cfg).check("discovery.jobs."+loaded.JobName+".tlsConfig", certificate, &loaded.HTTPClientConfig.TLSConfig)
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
