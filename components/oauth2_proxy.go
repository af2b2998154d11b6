package components

import (
	"errors"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// OAuth2Proxy has people log in before they reach a web UI: a Deployment, a Service, a ConfigMap, a
// NetworkPolicy, an Ingress or an HTTPRoute, a Secret unless all its values are in existing ones and, with
// several replicas, a PodDisruptionBudget.
type OAuth2Proxy struct{ pulumi.ResourceState }

// OAuth2ProxyArgs configures an OAuth2Proxy.
type OAuth2ProxyArgs struct {
	Site
	Proxy render.OAuth2Proxy // of the Stack
}

// oauth2ProxyUID is the UID of the user of oauth2-proxy's image.
const oauth2ProxyUID = 65532

// Ports of oauth2-proxy. The first serves the web UI, whose path /metrics asks for a login, so that it must not
// have a name by which ports are scraped.
var (
	oauth2ProxyWeb     = tcp("proxy", render.OAuth2ProxyPort)
	oauth2ProxyMetrics = tcp("metrics", render.OAuth2ProxyMetricsPort)
)

// NewOAuth2Proxy deploys the oauth2-proxy in front of a web UI.
func NewOAuth2Proxy(ctx *pulumi.Context, name string, args *OAuth2ProxyArgs, opts ...pulumi.ResourceOption) (*OAuth2Proxy, error) {
	a := app{name: render.OAuth2ProxyName, image: config.OAuth2ProxyImage}
	return construct(ctx, "OAuth2Proxy", name, &OAuth2Proxy{}, args, opts, a, func(a app) (pulumi.Map, error) {
		a.object = args.Proxy.UI.ProxyName()
		a.role = a.object // the pods of each are selected by their role
		return pulumi.Map{}, a.deployOAuth2Proxy(args.Proxy)
	})
}

func (args *OAuth2ProxyArgs) check() error {
	if err := args.Site.check(); err != nil {
		return err
	}
	if args.Proxy.UI.Access == nil {
		return errors.New("OAuth2ProxyArgs needs a Proxy of the Stack")
	}
	return nil
}

func (args *OAuth2ProxyArgs) inputs() pulumi.Map {
	cfg := args.Stack.Config
	return pulumi.Map{
		"image":    pulumi.String(cfg.Images.Ref(config.OAuth2ProxyImage)),
		"backend":  pulumi.String(args.Proxy.Backend.Name),
		"replicas": pulumi.Int(cfg.Login.OIDC.Replicas),
	}
}

// DeployOAuth2Proxies deploys the oauth2-proxies in front of the web UIs that have one.
func DeployOAuth2Proxies(ctx *pulumi.Context, site Site, opts ...pulumi.ResourceOption) error {
	for _, proxy := range site.Stack.OAuth2Proxies {
		if _, err := NewOAuth2Proxy(ctx, proxy.UI.ProxyName(), &OAuth2ProxyArgs{Site: site, Proxy: proxy}, opts...); err != nil {
			return err
		}
	}
	return nil
}

func (a app) deployOAuth2Proxy(proxy render.OAuth2Proxy) error {
	oidc, access := a.Stack.Config.Login.OIDC, *proxy.UI.Access
	if err := a.service("service", a.object, false, oauth2ProxyWeb); err != nil {
		return err
	}
	if err := a.networkPolicy(
		ingressRule{ports: []port{oauth2ProxyWeb}, webUI: true, namespaces: access.FromNamespaces},
		ingressRule{ports: []port{oauth2ProxyMetrics}, from: a.withScraper()},
	); err != nil {
		return err
	}
	if err := a.publish(access, oauth2ProxyWeb); err != nil {
		return err
	}
	if err := a.disruptionBudget(oidc.Replicas, oidc.PodDisruptionBudget); err != nil {
		return err
	}
	if err := a.autoscale("Deployment", oidc.Scheduling); err != nil {
		return err
	}
	configMap, err := a.configMap("config", proxy.Config)
	if err != nil {
		return err
	}
	secret, err := a.secret("secret", a.object, oidc.SecretFiles())
	if err != nil {
		return err
	}
	spec := &corev1.PodSpecArgs{
		SecurityContext: a.nonRoot(oauth2ProxyUID),
		Volumes: corev1.VolumeArray{
			configMapVolume("config", proxy.Config.Name),
			secretFiles("secrets", a.object, oidc.SecretFiles()),
		},
	}
	container := a.container(&corev1.ContainerArgs{
		Name:           pulumi.String(a.name),
		Args:           pulumi.ToStringArray(proxy.Flags),
		Ports:          containerPorts(oauth2ProxyWeb, oauth2ProxyMetrics),
		ReadinessProbe: probe("/ready", oauth2ProxyWeb.name, 5, 6),
		LivenessProbe:  probe("/ping", oauth2ProxyWeb.name, 10, 6),
		VolumeMounts: corev1.VolumeMountArray{
			readOnlyMount("config", render.OAuth2ProxyDir),
			readOnlyMount("secrets", render.OAuth2ProxySecretsDir),
		},
	}, oidc.Resources)
	a.addAuthority(spec, container)
	spec.Containers = corev1.ContainerArray{container}
	if oidc.Replicas > 1 {
		a.spreadReplicas(spec, false)
	}
	_, err = create(a, "deployment", appsv1.NewDeployment, &appsv1.DeploymentArgs{
		Metadata: a.workloadMetadata(),
		Spec: &appsv1.DeploymentSpecArgs{
			Replicas: pulumi.Int(oidc.Replicas),
			Selector: &metav1.LabelSelectorArgs{MatchLabels: a.selector()},
			Template: a.pod(spec, oidc.Scheduling, readAtStart(proxy.Config.Files, secret)),
		},
	}, pulumi.DependsOn([]pulumi.Resource{configMap}), a.readyTimeout(0))
	return err
}
