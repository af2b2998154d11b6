package components

import (
	"fmt"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// Cluster is the connection to one Kubernetes cluster, and the namespace in it.
type Cluster struct {
	pulumi.ResourceState

	Site     Site
	Provider *kubernetes.Provider
}

// NewCluster connects to the cluster of cfg and creates its namespace, unless
// cluster.createNamespace is false.
func NewCluster(ctx *pulumi.Context, name string, cfg *config.Config, opts ...pulumi.ResourceOption) (*Cluster, error) {
	c := &Cluster{}
	if err := register(ctx, "Cluster", name, c, opts...); err != nil {
		return nil, err
	}
	args := &kubernetes.ProviderArgs{
		// A stack is one cluster. Without this the provider is replaced, and every
		// object with it, when the kubeconfig changes.
		ClusterIdentifier: pulumi.String(ctx.Stack()),
		// Without these an edited ConfigMap replaces every StatefulSet that mounts it.
		EnableConfigMapMutable: pulumi.Bool(true),
		EnableSecretMutable:    pulumi.Bool(true),
	}
	if cfg.Cluster.Context != "" {
		args.Context = pulumi.String(cfg.Cluster.Context)
	}
	provider, err := kubernetes.NewProvider(ctx, name+"-kubernetes", args, pulumi.Parent(c))
	if err != nil {
		return nil, fmt.Errorf("%s: provider: %w", name, err)
	}
	c.Provider = provider
	c.Site = Site{Config: cfg, Namespace: pulumi.String(cfg.Cluster.Namespace)}
	if cfg.Cluster.CreateNamespace {
		labels := pulumi.ToStringMap(cfg.Cluster.Labels)
		labels["app.kubernetes.io/part-of"] = pulumi.String(config.Project)
		labels["app.kubernetes.io/managed-by"] = pulumi.String("pulumi")
		labels["pod-security.kubernetes.io/enforce"] = pulumi.String(podSecurity(cfg.Exporters))
		namespace, err := corev1.NewNamespace(ctx, name+"-namespace", &corev1.NamespaceArgs{
			Metadata: &metav1.ObjectMetaArgs{Name: pulumi.String(cfg.Cluster.Namespace), Labels: labels},
		}, pulumi.Parent(c), pulumi.Provider(provider), pulumi.Protect(cfg.Storage.Protected()))
		if err != nil {
			return nil, fmt.Errorf("%s: namespace: %w", name, err)
		}
		// The output, so that everything in the namespace is created after it.
		c.Site.Namespace = namespace.Metadata.Name().Elem()
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"namespace": c.Site.Namespace})
}

// podSecurity is the standard that the namespace's pods have to meet: two
// exporters need the host, everything else is `restricted`.
func podSecurity(exporters config.Exporters) string {
	if exporters.NodeExporter.Enabled || exporters.NodeDirectorySizeMetrics.Enabled {
		return "privileged"
	}
	return "restricted"
}
