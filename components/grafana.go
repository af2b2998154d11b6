package components

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// Grafana shows what Prometheus has: Deployment, Service, NetworkPolicy, its
// configuration and dashboards in ConfigMaps, its secrets and, if configured,
// a volume and an Ingress.
type Grafana struct {
	pulumi.ResourceState

	URL pulumi.StringOutput `pulumi:"url"` // in-cluster base URL, http://host:port
}

var grafanaWeb = tcp("web", render.GrafanaPort)

const (
	// grafanaUser is the user of Grafana's image.
	grafanaUser = 472
	// grafanaSecret is the Secret with config.Grafana.SecretFiles.
	grafanaSecret = "grafana"
)

// GrafanaArgs configures Grafana.
type GrafanaArgs struct {
	Site
	Claims []pulumi.Resource // of its volume, empty without grafana.persistence
}

// NewGrafana deploys Grafana. It fails, before any object exists, with what is
// wrong with grafana.config or a dashboard.
func NewGrafana(ctx *pulumi.Context, name string, args *GrafanaArgs, opts ...pulumi.ResourceOption) (*Grafana, error) {
	site := args.Site
	all, err := render.Dashboards(site.Config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	files, err := render.GrafanaFiles(site.Config, all)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c := &Grafana{}
	if err := register(ctx, "Grafana", name, c, opts...); err != nil {
		return nil, err
	}
	if site.Config.Grafana.Import == config.ImportJob {
		all = nil
	}
	a := app{site: site, name: "grafana", role: "ui", image: config.GrafanaImage}
	if err := c.deploy(ctx, name, a, args.Claims, files, all); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c.URL = pulumi.Sprintf("http://%s", render.ServiceAddress(site.Config, a.name, grafanaWeb.number))
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"url": c.URL})
}

func (c *Grafana) deploy(ctx *pulumi.Context, name string, a app, claims []pulumi.Resource, files map[string]string, all []dashboards.Dashboard) error {
	cfg := a.site.Config.Grafana
	ports := []port{grafanaWeb}
	if _, err := a.service(ctx, name+"-service", a.name, false, ports, pulumi.Parent(c)); err != nil {
		return err
	}
	from := []string{"prometheus"}
	if cfg.Imports() {
		from = append(from, grafanaImport)
	}
	if err := a.admit(ctx, name+"-network", []entry{{ports, from, true}}, pulumi.Parent(c)); err != nil {
		return err
	}
	if cfg.Ingress.Enabled {
		if err := c.ingress(ctx, name, a); err != nil {
			return err
		}
	}
	contents := pulumi.StringMap{} // a key has no slashes
	for file, text := range files {
		contents[path.Base(file)] = pulumi.String(text)
	}
	configMap, err := corev1.NewConfigMap(ctx, name+"-config", &corev1.ConfigMapArgs{
		Metadata: a.metadata("grafana-config"),
		Data:     contents,
	}, pulumi.Parent(c))
	if err != nil {
		return err
	}
	before := []pulumi.Resource{configMap} // a pod that starts sooner has the old one
	for _, d := range all {
		_, err := corev1.NewConfigMap(ctx, name+"-dashboard-"+d.UID, &corev1.ConfigMapArgs{
			Metadata: a.metadata(render.DashboardObject(a.name, d.UID)),
			Data:     pulumi.StringMap{render.DashboardFile(d): pulumi.String(d.JSON)},
		}, pulumi.Parent(c))
		if err != nil {
			return err
		}
	}
	secret, err := a.secret(ctx, name+"-secret", grafanaSecret, cfg.SecretFiles(), pulumi.Parent(c))
	if err != nil {
		return err
	}
	before = append(before, claims...)
	deployment := grafanaDeployment(a, files, all, pulumi.StringMap{
		// What is mounted as files is read at the start only. The Secret tells of a
		// change by its version: by a checksum, a password could be guessed.
		"checksum/config": pulumi.String(checksum(files)),
		"version/secret":  secret.Metadata.ResourceVersion().Elem(),
	})
	_, err = appsv1.NewDeployment(ctx, name+"-deployment", deployment, pulumi.Parent(c), pulumi.DependsOn(before), a.readyTimeout(0))
	return err
}

func grafanaDeployment(a app, files map[string]string, all []dashboards.Dashboard, annotations pulumi.StringMap) *appsv1.DeploymentArgs {
	cfg := a.site.Config.Grafana
	items := corev1.KeyToPathArray{}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		items = append(items, &corev1.KeyToPathArgs{Key: pulumi.String(path.Base(file)), Path: pulumi.String(file)})
	}
	volumes := corev1.VolumeArray{
		&corev1.VolumeArgs{Name: pulumi.String("config"), ConfigMap: &corev1.ConfigMapVolumeSourceArgs{
			Name:  pulumi.String("grafana-config"),
			Items: items,
		}},
		&corev1.VolumeArgs{Name: pulumi.String("secrets"), Secret: &corev1.SecretVolumeSourceArgs{SecretName: pulumi.String(grafanaSecret)}},
		&corev1.VolumeArgs{Name: pulumi.String("tmp"), EmptyDir: &corev1.EmptyDirVolumeSourceArgs{}},
	}
	mounts := corev1.VolumeMountArray{
		readOnlyMount("config", render.GrafanaDir),
		readOnlyMount("secrets", render.GrafanaSecretsDir),
		mount("tmp", "/tmp"),
		mount(dataVolume, render.GrafanaDataDir),
	}
	// Written in full: what the API server fills in would stay behind, and be refused,
	// when the strategy changes.
	strategy := &appsv1.DeploymentStrategyArgs{
		Type:          pulumi.String("RollingUpdate"),
		RollingUpdate: &appsv1.RollingUpdateDeploymentArgs{MaxSurge: pulumi.Int(1), MaxUnavailable: pulumi.Int(0)},
	}
	if cfg.Persistence.Enabled {
		// Two pods would write to one database.
		strategy = &appsv1.DeploymentStrategyArgs{Type: pulumi.String("Recreate")}
		volumes = append(volumes, &corev1.VolumeArgs{
			Name:                  pulumi.String(dataVolume),
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSourceArgs{ClaimName: pulumi.String(claimName(a.name, 0))},
		})
	} else {
		volumes = append(volumes, &corev1.VolumeArgs{
			Name:     pulumi.String(dataVolume),
			EmptyDir: &corev1.EmptyDirVolumeSourceArgs{SizeLimit: pulumi.String(cfg.Persistence.Size.String())},
		})
	}
	sources := map[dashboards.Folder]corev1.VolumeProjectionArray{}
	for _, d := range all {
		sources[d.Folder] = append(sources[d.Folder], configMapProjection(render.DashboardObject(a.name, d.UID)))
	}
	for _, folder := range slices.SortedFunc(maps.Keys(sources), func(a, b dashboards.Folder) int { return strings.Compare(a.UID, b.UID) }) {
		volumes = append(volumes, &corev1.VolumeArgs{Name: pulumi.String(folder.UID), Projected: &corev1.ProjectedVolumeSourceArgs{Sources: sources[folder]}})
		mounts = append(mounts, readOnlyMount(folder.UID, render.DashboardDir(folder)))
	}
	startup := probe("/api/health", grafanaWeb.name, 5, 60) // the first start creates the database
	template := a.pod(&corev1.PodSpecArgs{
		SecurityContext: a.nonRoot(grafanaUser),
		Volumes:         volumes,
		Containers: corev1.ContainerArray{a.container(&corev1.ContainerArgs{
			Name:           pulumi.String(a.name),
			Ports:          containerPorts(grafanaWeb),
			StartupProbe:   startup,
			ReadinessProbe: probe("/api/health", grafanaWeb.name, 10, 3),
			LivenessProbe:  probe("/api/health", grafanaWeb.name, 20, 6),
			VolumeMounts:   mounts,
		}, cfg.Resources)},
	}, cfg.Scheduling, annotations)
	return &appsv1.DeploymentArgs{
		Metadata: a.metadata(a.name),
		Spec: &appsv1.DeploymentSpecArgs{
			Replicas: pulumi.Int(cfg.Replicas),
			Selector: &metav1.LabelSelectorArgs{MatchLabels: a.selector()},
			Strategy: strategy,
			Template: template,
		},
	}
}

func (c *Grafana) ingress(ctx *pulumi.Context, name string, a app) error {
	cfg := a.site.Config.Grafana.Ingress
	metadata := a.metadata(a.name)
	annotations := pulumi.ToStringMap(cfg.Annotations)
	// Many controllers never set the address that Pulumi would wait for.
	annotations["pulumi.com/skipAwait"] = pulumi.String("true")
	metadata.Annotations = annotations
	spec := &networkingv1.IngressSpecArgs{
		Rules: networkingv1.IngressRuleArray{&networkingv1.IngressRuleArgs{
			Host: pulumi.String(cfg.Host),
			Http: &networkingv1.HTTPIngressRuleValueArgs{Paths: networkingv1.HTTPIngressPathArray{&networkingv1.HTTPIngressPathArgs{
				Path:     pulumi.String("/"),
				PathType: pulumi.String("Prefix"),
				Backend: &networkingv1.IngressBackendArgs{Service: &networkingv1.IngressServiceBackendArgs{
					Name: pulumi.String(a.name),
					Port: &networkingv1.ServiceBackendPortArgs{Name: pulumi.String(grafanaWeb.name)},
				}},
			}}},
		}},
	}
	if cfg.ClassName != "" {
		spec.IngressClassName = pulumi.String(cfg.ClassName)
	}
	if cfg.TLSSecret != "" {
		spec.Tls = networkingv1.IngressTLSArray{&networkingv1.IngressTLSArgs{
			Hosts:      pulumi.ToStringArray([]string{cfg.Host}),
			SecretName: pulumi.String(cfg.TLSSecret),
		}}
	}
	_, err := networkingv1.NewIngress(ctx, name+"-ingress", &networkingv1.IngressArgs{Metadata: metadata, Spec: spec}, pulumi.Parent(c))
	return err
}
