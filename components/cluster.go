package components

import (
	"errors"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// Cluster is the connection to the stack's Kubernetes cluster, and the namespace in it.
type Cluster struct {
	pulumi.ResourceState

	Site     Site                 // for the other components
	Provider *kubernetes.Provider // of every object
}

// ClusterArgs configures a Cluster.
type ClusterArgs struct{ Stack *render.Stack }

// site returns a Site without a namespace: NewCluster creates that.
func (args *ClusterArgs) site() Site { return Site{Stack: args.Stack} }

func (args *ClusterArgs) check() error {
	if args.Stack == nil {
		return errors.New("ClusterArgs needs a Stack")
	}
	return nil
}

func (args *ClusterArgs) inputs() pulumi.Map {
	cfg := args.Stack.Config.Cluster
	return pulumi.Map{"name": pulumi.String(cfg.Name), "platform": pulumi.String(string(cfg.Platform)), "context": pulumi.String(cfg.Context)}
}

// NewCluster creates the provider for the stack's cluster and, unless
// cluster.createNamespace is false, the namespace.
func NewCluster(ctx *pulumi.Context, name string, args *ClusterArgs, opts ...pulumi.ResourceOption) (*Cluster, error) {
	c := &Cluster{}
	return construct(ctx, "Cluster", name, c, args, opts, app{}, func(a app) (pulumi.Map, error) {
		c.Site = a.Site
		err := c.connect(a)
		return pulumi.Map{"namespace": c.Site.Namespace}, err
	})
}

// connect creates the provider and the namespace, and sets the fields of c.
func (c *Cluster) connect(a app) error {
	cfg := c.Site.Stack.Config
	args := &kubernetes.ProviderArgs{
		// A stack belongs to one cluster. Without this, a change of the kubeconfig
		// replaces the provider, and every object with it.
		ClusterIdentifier: pulumi.String(a.ctx.Stack()),
		// Without these, an edited ConfigMap or Secret is replaced, not updated.
		EnableConfigMapMutable: pulumi.Bool(true),
		EnableSecretMutable:    pulumi.Bool(true),
	}
	if cfg.Cluster.Context != "" {
		args.Context = pulumi.String(cfg.Cluster.Context)
	}
	if kubeconfig := cfg.Cluster.Kubeconfig; kubeconfig != nil {
		args.Kubeconfig = pulumi.ToSecret(pulumi.String(kubeconfig.Reveal())).(pulumi.StringOutput)
	}
	var err error
	if c.Provider, err = create(a, "kubernetes", kubernetes.NewProvider, args); err != nil {
		return err
	}
	c.Site.Namespace = pulumi.String(cfg.Cluster.Namespace)
	if !cfg.Cluster.CreateNamespace {
		return nil
	}
	labels := pulumi.ToStringMap(cfg.Cluster.Labels)
	labels["app.kubernetes.io/part-of"] = pulumi.String(config.Project)
	labels["app.kubernetes.io/managed-by"] = pulumi.String("pulumi")
	labels["pod-security.kubernetes.io/enforce"] = pulumi.String(cfg.PodSecurity())
	namespace, err := create(a, "namespace", corev1.NewNamespace, &corev1.NamespaceArgs{
		Metadata: &metav1.ObjectMetaArgs{Name: pulumi.String(cfg.Cluster.Namespace), Labels: labels},
	}, pulumi.Provider(c.Provider), pulumi.Protect(cfg.Storage.Protected()))
	if err != nil {
		return err
	}
	// An output of the object, so that everything in the namespace is created after it.
	c.Site.Namespace = namespace.Metadata.Name().Elem()
	return nil
}
