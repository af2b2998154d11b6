package config

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Exporters configures what is scraped beside Kubernetes itself.
type Exporters struct {
	// node-exporter: hardware and kernel metrics of every node.
	NodeExporter NodeExporter `json:"nodeExporter"`
	// kube-state-metrics: the state of Kubernetes objects.
	KubeStateMetrics KubeStateMetrics `json:"kubeStateMetrics"`
	// blackbox-exporter: probes of annotated Services.
	BlackboxExporter BlackboxExporter `json:"blackboxExporter"`
}

// NodeExporter configures https://github.com/prometheus/node_exporter.
type NodeExporter struct {
	// Deploy it.
	Enabled bool `json:"enabled"`
	// Port on each node's address.
	Port int `json:"port"`
	// Compute resources of each pod.
	Resources Resources `json:"resources"`
	Scheduling
}

// KubeStateMetrics configures https://github.com/kubernetes/kube-state-metrics.
type KubeStateMetrics struct {
	// Deploy it.
	Enabled bool `json:"enabled"`
	// Kinds of object to report on. The default leaves out secrets and configmaps,
	// so that the exporter has no right to read them.
	Kinds []Kind `json:"kinds"`
	// Kind to the Kubernetes labels that become labels of its kube_*_labels
	// metric; "*" for all.
	MetricLabelsAllowlist map[Kind][]string `json:"metricLabelsAllowlist"`
	// The same for annotations and kube_*_annotations.
	MetricAnnotationsAllowlist map[Kind][]string `json:"metricAnnotationsAllowlist"`
	// Compute resources of the pod.
	Resources Resources `json:"resources"`
	Scheduling
}

// BlackboxExporter configures https://github.com/prometheus/blackbox_exporter.
type BlackboxExporter struct {
	// Deploy it. The kubernetes-services job needs it.
	Enabled bool `json:"enabled"`
	// Probe modules in the exporter's own format, beside http_2xx, http_2xx_insecure and tcp_connect:
	// https://github.com/prometheus/blackbox_exporter/blob/master/CONFIGURATION.md
	Modules map[string]map[string]any `json:"modules"`
	// Compute resources of the pod.
	Resources Resources `json:"resources"`
	Scheduling
}

func defaultExporters() Exporters {
	return Exporters{
		NodeExporter: NodeExporter{
			Enabled:    true,
			Port:       9100,
			Resources:  resources("50m", "32Mi", "96Mi"),
			Scheduling: Scheduling{Tolerations: []Toleration{{Operator: "Exists"}}},
		},
		KubeStateMetrics: KubeStateMetrics{
			Enabled: true,
			Kinds: []Kind{
				"cronjobs", "daemonsets", "deployments", "horizontalpodautoscalers", "ingresses", "jobs", "limitranges",
				"namespaces", "nodes", "persistentvolumeclaims", "persistentvolumes", "poddisruptionbudgets", "pods",
				"replicasets", "resourcequotas", "services", "statefulsets", "storageclasses",
			},
			Resources: resources("20m", "64Mi", "256Mi"),
		},
		BlackboxExporter: BlackboxExporter{Enabled: true, Resources: resources("10m", "24Mi", "64Mi")},
	}
}

// Kind is a kind of object that kube-state-metrics reports on: a lower-case plural.
type Kind string

// KindGroups maps each kind to its API group.
var KindGroups = map[Kind]string{
	"certificatesigningrequests":      "certificates.k8s.io",
	"configmaps":                      "",
	"cronjobs":                        "batch",
	"daemonsets":                      "apps",
	"deployments":                     "apps",
	"endpointslices":                  "discovery.k8s.io",
	"horizontalpodautoscalers":        "autoscaling",
	"ingresses":                       "networking.k8s.io",
	"jobs":                            "batch",
	"leases":                          "coordination.k8s.io",
	"limitranges":                     "",
	"mutatingwebhookconfigurations":   "admissionregistration.k8s.io",
	"namespaces":                      "",
	"networkpolicies":                 "networking.k8s.io",
	"nodes":                           "",
	"persistentvolumeclaims":          "",
	"persistentvolumes":               "",
	"poddisruptionbudgets":            "policy",
	"pods":                            "",
	"replicasets":                     "apps",
	"replicationcontrollers":          "",
	"resourcequotas":                  "",
	"secrets":                         "",
	"services":                        "",
	"statefulsets":                    "apps",
	"storageclasses":                  "storage.k8s.io",
	"validatingwebhookconfigurations": "admissionregistration.k8s.io",
	"volumeattachments":               "storage.k8s.io",
}

func (Kind) values() []string {
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(KindGroups)) {
		kinds = append(kinds, string(kind))
	}
	return kinds
}

func (e Exporters) validate() Problems {
	var p Problems
	if port := e.NodeExporter.Port; port < 1024 || port > 65535 {
		p.addf("exporters.nodeExporter.port", "%d; allowed: 1024 to 65535", port)
	}
	p.add(e.NodeExporter.Resources.validate("exporters.nodeExporter.resources")...)
	p.add(e.NodeExporter.Scheduling.validate("exporters.nodeExporter")...)
	if len(e.KubeStateMetrics.Kinds) == 0 {
		p.addf("exporters.kubeStateMetrics.kinds", "names none; set exporters.kubeStateMetrics.enabled: false to report on nothing")
	}
	for i, kind := range e.KubeStateMetrics.Kinds {
		if slices.Contains(e.KubeStateMetrics.Kinds[:i], kind) {
			p.addf(fmt.Sprintf("exporters.kubeStateMetrics.kinds[%d]", i), "%q is named twice", kind)
		}
	}
	p.add(e.KubeStateMetrics.validateKinds("exporters.kubeStateMetrics.metricLabelsAllowlist", e.KubeStateMetrics.MetricLabelsAllowlist)...)
	p.add(e.KubeStateMetrics.validateKinds("exporters.kubeStateMetrics.metricAnnotationsAllowlist", e.KubeStateMetrics.MetricAnnotationsAllowlist)...)
	p.add(e.KubeStateMetrics.Resources.validate("exporters.kubeStateMetrics.resources")...)
	p.add(e.KubeStateMetrics.Scheduling.validate("exporters.kubeStateMetrics")...)
	p.add(e.BlackboxExporter.Resources.validate("exporters.blackboxExporter.resources")...)
	p.add(e.BlackboxExporter.Scheduling.validate("exporters.blackboxExporter")...)
	return p
}

// validateKinds refuses labels of a kind that is not reported on.
func (k KubeStateMetrics) validateKinds(path string, allowlist map[Kind][]string) Problems {
	var p Problems
	for _, kind := range slices.Sorted(maps.Keys(allowlist)) {
		if !slices.Contains(k.Kinds, kind) {
			p.addf(path+"."+string(kind), "not in exporters.kubeStateMetrics.kinds; add it there")
		}
		for i, label := range allowlist[kind] {
			if label != "*" {
				p.invalid(fmt.Sprintf("%s.%s[%d]", path, kind, i), label, validation.IsQualifiedName(label))
			}
		}
	}
	return p
}
