package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Cluster identifies the cluster and the namespace that the stack deploys to.
type Cluster struct {
	// Name of the cluster: the `cluster` label on every series and alert. Required.
	Name string `json:"name"`
	// Kind of cluster. It determines which components of the control plane are scraped, whether
	// exporters may use the host, and other defaults.
	Platform Platform `json:"platform"`
	// Kubeconfig context to deploy to; empty for the current context.
	Context string `json:"context"`
	// Text of a kubeconfig whose current context is the cluster, in place of the files that kubectl reads.
	Kubeconfig *Secret `json:"kubeconfig"`
	// Output of another stack with such a kubeconfig.
	KubeconfigFrom KubeconfigFrom `json:"kubeconfigFrom"`
	// Namespace of every namespaced object.
	Namespace string `json:"namespace"`
	// Create the namespace. If false, it must exist and admit privileged pods (node-exporter).
	CreateNamespace bool `json:"createNamespace"`
	// Labels of the namespace, in addition to the program's own.
	Labels map[string]string `json:"labels"`
	// How long the pods of a workload may take to become ready before an update fails, 30s to 6h.
	// For Prometheus, prometheus.startupTimeout is added; the Job of grafana.import has its own
	// deadline.
	ReadyTimeout Duration `json:"readyTimeout"`
	// Number of nodes, for estimates of series, memory and disk; 0 (unknown) for no estimates.
	Nodes int `json:"nodes"`
	// Number of those nodes that run Windows, for the same estimates.
	WindowsNodes int `json:"windowsNodes"`
	// Number of pods in the cluster, for the same estimates; 0 for 30 on each node.
	Pods int `json:"pods"`
	// Who may connect to the components, apart from each other.
	NetworkPolicies NetworkPolicies `json:"networkPolicies"`
}

// NetworkPolicies restricts who may connect to the components.
type NetworkPolicies struct {
	// Create one NetworkPolicy per component. Port-forwarding works either way.
	Enabled bool `json:"enabled"`
	// Namespaces whose pods, such as an ingress controller's, may reach the web UIs.
	FromNamespaces []string `json:"fromNamespaces"`
}

func defaultCluster() Cluster {
	return Cluster{Namespace: "monitoring", CreateNamespace: true, ReadyTimeout: duration(10 * time.Minute), KubeconfigFrom: KubeconfigFrom{Output: "kubeconfig"}, NetworkPolicies: NetworkPolicies{Enabled: true}}
}

// PodSecurity returns the Pod Security Standard that the stack's namespace enforces, if the stack
// creates it: privileged with an exporter that uses the host, else restricted.
// https://kubernetes.io/docs/concepts/security/pod-security-standards/
func (c *Config) PodSecurity() string {
	if len(c.Exporters.UsingHost()) > 0 {
		return "privileged"
	}
	return "restricted"
}

func (c Cluster) validate() Problems {
	var p Problems
	if c.Name == "" {
		p.Addf("cluster.name", `missing; set it with: pulumi config set --path '%s:cluster.name' NAME`, Project)
	} else {
		p.invalid("cluster.name", c.Name, validation.IsDNS1123Subdomain(c.Name))
	}
	p.Add(c.validateKubeconfig()...)
	p.invalid("cluster.namespace", c.Namespace, validation.IsDNS1123Label(c.Namespace))
	for _, label := range slices.Sorted(maps.Keys(c.Labels)) {
		path := fmt.Sprintf("cluster.labels[%q]", label)
		if !c.CreateNamespace {
			p.Addf(path, "is only used with cluster.createNamespace: true")
		}
		p.invalidLabel(path, label, c.Labels[label])
		if strings.HasPrefix(label, "app.kubernetes.io/") || label == "pod-security.kubernetes.io/enforce" || label == "kubernetes.io/metadata.name" {
			p.Addf(path, "%q is a label that the program or Kubernetes sets; allowed: any other", label)
		}
	}
	if c.ReadyTimeout.Duration < 30*time.Second || c.ReadyTimeout.Duration > 6*time.Hour {
		p.Addf("cluster.readyTimeout", "%s; allowed: 30s to 6h", c.ReadyTimeout)
	}
	if c.Nodes < 0 || c.Nodes > 15_000 {
		p.Addf("cluster.nodes", "%d; allowed: 0 (unknown) to 15000", c.Nodes)
	}
	if c.WindowsNodes < 0 || c.WindowsNodes > 0 && c.WindowsNodes >= c.Nodes {
		p.Addf("cluster.windowsNodes", "%d; allowed: 0, or fewer than the %d of cluster.nodes, as pods of the stack need Linux", c.WindowsNodes, c.Nodes)
	}
	if c.Pods < 0 || c.Pods > 500_000 {
		p.Addf("cluster.pods", "%d; allowed: 0 (30 on each node) to 500000", c.Pods)
	}
	if policies := c.NetworkPolicies; !policies.Enabled && len(policies.FromNamespaces) > 0 {
		p.Addf("cluster.networkPolicies.fromNamespaces", "has no effect with enabled: false, which lets everyone in; remove one of the two")
	}
	for i, namespace := range c.NetworkPolicies.FromNamespaces {
		p.invalid(fmt.Sprintf("cluster.networkPolicies.fromNamespaces[%d]", i), namespace, validation.IsDNS1123Label(namespace))
	}
	return p
}
