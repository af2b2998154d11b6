package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Exporters configures the exporters that the stack deploys.
type Exporters struct {
	// node-exporter: hardware and kernel metrics of every node.
	NodeExporter NodeExporter `json:"nodeExporter"`
	// node-directory-size-metrics: disk space that directories use on every node.
	NodeDirectorySizeMetrics NodeDirectorySizeMetrics `json:"nodeDirectorySizeMetrics"`
	// windows_exporter: hardware and services of every Windows node.
	WindowsExporter WindowsExporter `json:"windowsExporter"`
	// kube-state-metrics: the state of Kubernetes objects.
	KubeStateMetrics KubeStateMetrics `json:"kubeStateMetrics"`
	// blackbox-exporter: probes of annotated Services and Ingresses, and of targets anywhere.
	BlackboxExporter BlackboxExporter `json:"blackboxExporter"`
}

// hostExporter is an exporter that uses the files or the network of its node.
type hostExporter struct {
	path    string // of its settings
	enabled *bool
}

func (e *Exporters) hostExporters() []hostExporter {
	return []hostExporter{
		{"exporters.nodeExporter", &e.NodeExporter.Enabled},
		{"exporters.nodeDirectorySizeMetrics", &e.NodeDirectorySizeMetrics.Enabled},
		{"exporters.windowsExporter", &e.WindowsExporter.Enabled},
	}
}

// UsingHost returns the config paths of the enabled exporters that use the files or the network
// of their nodes. Their pods need a namespace that admits privileged pods.
func (e Exporters) UsingHost() []string {
	var paths []string
	for _, exporter := range e.hostExporters() {
		if *exporter.enabled {
			paths = append(paths, exporter.path)
		}
	}
	return paths
}

// DefaultNodeExporterPort is the port of node-exporter on platforms that do not use it themselves.
const DefaultNodeExporterPort = 9100

// NodeExporter configures https://github.com/prometheus/node_exporter.
type NodeExporter struct {
	// Deploy the exporter.
	Enabled bool `json:"enabled"`
	// Port on each node's address, 1024 to 65535.
	Port int `json:"port"`
	// How an update replaces the pods, in Kubernetes' own format; on 10% of the nodes at a time unless
	// set.
	UpdateStrategy *appsv1.DaemonSetUpdateStrategy `json:"updateStrategy"`
	// Compute resources of each pod.
	Resources Resources `json:"resources"`
	Scheduling
}

// KubeStateMetrics configures https://github.com/kubernetes/kube-state-metrics.
type KubeStateMetrics struct {
	// Deploy the exporter.
	Enabled bool `json:"enabled"`
	// Kinds of objects to report on. The default leaves out secrets and configmaps, so that the
	// exporter may not read them.
	Kinds []Kind `json:"kinds"`
	// Kind to the Kubernetes labels that become labels of its kube_*_labels metric; "*" for all.
	MetricLabelsAllowlist map[Kind][]string `json:"metricLabelsAllowlist"`
	// Kind to the Kubernetes annotations that become labels of its kube_*_annotations metric; "*"
	// for all.
	MetricAnnotationsAllowlist map[Kind][]string `json:"metricAnnotationsAllowlist"`
	// Metrics to leave out, by name or as regular expressions without commas.
	MetricDenylist []string `json:"metricDenylist"`
	// Metrics of custom resources, in the exporter's own format:
	// https://github.com/kubernetes/kube-state-metrics/blob/main/docs/metrics/extend/customresourcestate-metrics.md
	CustomResourceState CustomResourceState `json:"customResourceState"`
	// Number of pods, 1 to 64, that divide the objects between them. One is enough unless a
	// cluster has more objects than a single pod can list.
	Shards int `json:"shards"`
	// The account that the pods run as.
	ServiceAccount ServiceAccount `json:"serviceAccount"`
	// PodDisruptionBudget of several pods, in Kubernetes' own format without its selector; maxUnavailable: 1
	// unless set.
	PodDisruptionBudget *policyv1.PodDisruptionBudgetSpec `json:"podDisruptionBudget"`
	// Compute resources of each pod.
	Resources Resources `json:"resources"`
	Scheduling
}

func defaultExporters() Exporters {
	return Exporters{
		NodeExporter: NodeExporter{
			Enabled:    true,
			Port:       DefaultNodeExporterPort,
			Resources:  resources("50m", "32Mi", "96Mi"),
			Scheduling: Scheduling{Tolerations: []Toleration{{Operator: "Exists"}}},
		},
		NodeDirectorySizeMetrics: defaultNodeDirectorySizeMetrics(),
		WindowsExporter:          defaultWindowsExporter(),
		KubeStateMetrics: KubeStateMetrics{
			Enabled: true,
			Shards:  1,
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

// Kind is a kind of object that kube-state-metrics can report on, as a lower-case plural.
type Kind string

// KindGroups maps each kind to its API group; empty for the core group.
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

func (Kind) Values() []string {
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(KindGroups)) {
		kinds = append(kinds, string(kind))
	}
	return kinds
}

func (e Exporters) validate() Problems {
	var p Problems
	if port := e.NodeExporter.Port; port < 1024 || port > 65535 {
		p.Addf("exporters.nodeExporter.port", "%d; allowed: 1024 to 65535", port)
	}
	p.Add(e.NodeExporter.Resources.validate("exporters.nodeExporter.resources")...)
	p.Add(validateUpdateStrategy("exporters.nodeExporter.updateStrategy", e.NodeExporter.UpdateStrategy, false)...)
	p.Add(e.NodeExporter.Scheduling.validate("exporters.nodeExporter")...)
	p.Add(e.NodeDirectorySizeMetrics.validate()...)
	p.Add(e.WindowsExporter.validate()...)
	p.Add(e.KubeStateMetrics.validate()...)
	p.Add(e.BlackboxExporter.validate()...)
	return p
}

func (k KubeStateMetrics) validate() Problems {
	const path = "exporters.kubeStateMetrics"
	var p Problems
	if len(k.Kinds) == 0 {
		p.Addf(path+".kinds", "is empty; set %s.enabled: false to report on nothing", path)
	}
	for i, kind := range k.Kinds {
		if slices.Contains(k.Kinds[:i], kind) {
			p.Addf(fmt.Sprintf("%s.kinds[%d]", path, i), "%q is named twice", kind)
		}
	}
	p.Add(k.validateKinds(path+".metricLabelsAllowlist", k.MetricLabelsAllowlist)...)
	p.Add(k.validateKinds(path+".metricAnnotationsAllowlist", k.MetricAnnotationsAllowlist)...)
	var denied []*regexp.Regexp
	for i, metric := range k.MetricDenylist {
		at := fmt.Sprintf("%s.metricDenylist[%d]", path, i)
		if metric == "" || strings.Contains(metric, ",") {
			p.Addf(at, "%q; allowed: the name of a metric, or a regular expression without commas", metric)
		} else if pattern, err := regexp.Compile(metric); err != nil {
			p.Addf(at, "%q: %v", metric, err)
		} else {
			denied = append(denied, pattern)
		}
	}
	p.Add(k.CustomResourceState.validate(path+".customResourceState", denied)...)
	if k.Shards < 1 || k.Shards > 64 {
		p.Addf(path+".shards", "%d; allowed: 1 to 64", k.Shards)
	}
	p.Add(k.Resources.validate(path + ".resources")...)
	p.Add(k.ServiceAccount.validate(path + ".serviceAccount")...)
	p.Add(validateBudget(path+".podDisruptionBudget", k.PodDisruptionBudget, k.Shards)...)
	p.Add(k.Scheduling.validate(path)...)
	return p
}

// validateKinds rejects labels of kinds that are not reported on, and invalid names of labels.
func (k KubeStateMetrics) validateKinds(path string, allowlist map[Kind][]string) Problems {
	var p Problems
	for _, kind := range slices.Sorted(maps.Keys(allowlist)) {
		if !slices.Contains(k.Kinds, kind) {
			p.Addf(path+"."+string(kind), "not in exporters.kubeStateMetrics.kinds; add it there")
		}
		for i, label := range allowlist[kind] {
			if label != "*" {
				p.invalid(fmt.Sprintf("%s.%s[%d]", path, kind, i), label, validation.IsQualifiedName(label))
			}
		}
	}
	return p
}
