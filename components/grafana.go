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
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// Grafana shows Prometheus' metrics in dashboards: a Deployment, a Service, a NetworkPolicy,
// ConfigMaps with its configuration and dashboards, a Secret unless all its values are in existing
// ones, if configured a ServiceAccount, with dashboards in ConfigMaps of others Roles to read these, with
// several replicas a PodDisruptionBudget and, if it is published, an Ingress or an HTTPRoute.
type Grafana struct {
	pulumi.ResourceState

	URL pulumi.StringOutput `pulumi:"url"` // in-cluster base URL, http://host:port
}

// grafanaWeb serves the API and the web UI.
var grafanaWeb = tcp("web", render.Grafana.Port)

// grafanaUID is the UID of the user of Grafana's image.
const grafanaUID = 472

// GrafanaArgs configures a Grafana.
type GrafanaArgs struct {
	Site
	Claims []pulumi.Resource // of its volume; empty without grafana.persistence
}

// NewGrafana deploys Grafana.
func NewGrafana(ctx *pulumi.Context, name string, args *GrafanaArgs, opts ...pulumi.ResourceOption) (*Grafana, error) {
	c := &Grafana{}
	a := app{name: render.Grafana.Name, role: "ui", image: config.GrafanaImage}
	return construct(ctx, "Grafana", name, c, args, opts, a, func(a app) (pulumi.Map, error) {
		c.URL = pulumi.String(render.Grafana.URL(args.Stack.Config)).ToStringOutput()
		return pulumi.Map{"url": c.URL}, a.deployGrafana(args.Claims)
	})
}

func (args *GrafanaArgs) inputs() pulumi.Map {
	cfg := args.Stack.Config
	return pulumi.Map{
		"image":       pulumi.String(cfg.Images.Ref(config.GrafanaImage)),
		"import":      pulumi.String(string(cfg.Grafana.Import)),
		"persistence": pulumi.Bool(cfg.Grafana.Persistence.Enabled),
		"replicas":    pulumi.Int(cfg.Grafana.Replicas),
	}
}

func (a app) deployGrafana(claims []pulumi.Resource) error {
	cfg := a.Stack.Config.Grafana
	if err := a.service("service", a.name, false, grafanaWeb); err != nil {
		return err
	}
	from := a.withScraper()
	if cfg.Imports() {
		from = append(from, render.GrafanaImport)
	}
	if err := a.networkPolicy(webUI(cfg.Access, grafanaWeb, from, nil)); err != nil {
		return err
	}
	if err := a.publish(cfg.Access, grafanaWeb); err != nil {
		return err
	}
	files := a.Stack.GrafanaConfig
	keys := map[string]string{} // file names: a key of a ConfigMap has no slashes
	for file, text := range files.Files {
		keys[path.Base(file)] = text
	}
	configMap, err := a.configMap("config", render.ConfigMap{Name: files.Name, Files: keys})
	if err != nil {
		return err
	}
	before := []pulumi.Resource{configMap} // a pod that starts earlier reads the old files
	for _, d := range a.Stack.Provisioned() {
		if _, err := a.configMap("dashboard-"+d.UID, render.DashboardConfigMap(a.name, d)); err != nil {
			return err
		}
	}
	secret, err := a.secret("secret", config.GrafanaSecret, a.Stack.GrafanaSecrets())
	if err != nil {
		return err
	}
	before = append(before, claims...)
	if err := a.disruptionBudget(cfg.Replicas, cfg.PodDisruptionBudget); err != nil {
		return err
	}
	if err := a.autoscale("Deployment", cfg.Scheduling); err != nil {
		return err
	}
	a.account = cfg.ServiceAccount
	account, err := a.grafanaAccount()
	if err != nil {
		return err
	}
	_, err = create(a, "deployment", appsv1.NewDeployment, grafanaDeployment(a, account, readAtStart(files.Files, secret)), pulumi.DependsOn(before), a.readyTimeout(0))
	return err
}

// grafanaAccount creates what Grafana's pods run as, and returns its name; nil for the default account of the namespace.
func (a app) grafanaAccount() (pulumi.StringPtrInput, error) {
	grants := render.GrafanaGrants(a.Stack.Config)
	if len(grants) == 0 {
		return a.identity()
	}
	return a.grantedAccount(grants)
}

// grafanaDeployment returns the Deployment of Grafana.
func grafanaDeployment(a app, account pulumi.StringPtrInput, annotations pulumi.StringMap) *appsv1.DeploymentArgs {
	cfg := a.Stack.Config.Grafana
	items := corev1.KeyToPathArray{}
	for _, file := range slices.Sorted(maps.Keys(a.Stack.GrafanaConfig.Files)) {
		items = append(items, keyToPath(path.Base(file), file))
	}
	volumes := corev1.VolumeArray{
		&corev1.VolumeArgs{Name: pulumi.String("config"), ConfigMap: &corev1.ConfigMapVolumeSourceArgs{
			Name:  pulumi.String(a.Stack.GrafanaConfig.Name),
			Items: items,
		}},
		secretFiles("secrets", config.GrafanaSecret, a.Stack.GrafanaSecrets()),
		&corev1.VolumeArgs{Name: pulumi.String("tmp"), EmptyDir: &corev1.EmptyDirVolumeSourceArgs{}},
	}
	mounts := corev1.VolumeMountArray{
		readOnlyMount("config", render.GrafanaDir),
		readOnlyMount("secrets", render.GrafanaSecretsDir),
		mount("tmp", "/tmp"),
		mount(dataVolumeName, render.GrafanaDataDir),
	}
	// Every field is set: the API server's defaults would stay when the strategy changes to
	// Recreate, which does not allow them.
	strategy := &appsv1.DeploymentStrategyArgs{
		Type:          pulumi.String("RollingUpdate"),
		RollingUpdate: &appsv1.RollingUpdateDeploymentArgs{MaxSurge: pulumi.Int(1), MaxUnavailable: pulumi.Int(0)},
	}
	if cfg.Persistence.Enabled {
		// Otherwise two pods write to one database.
		strategy = &appsv1.DeploymentStrategyArgs{Type: pulumi.String("Recreate")}
		volumes = append(volumes, &corev1.VolumeArgs{
			Name:                  pulumi.String(dataVolumeName),
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSourceArgs{ClaimName: pulumi.String(claimName(a.name, 0))},
		})
	} else {
		volumes = append(volumes, ephemeralData(cfg.Persistence.Size))
	}
	sources := map[dashboards.Folder]corev1.VolumeProjectionArray{}
	for _, d := range a.Stack.Provisioned() {
		sources[d.Folder] = append(sources[d.Folder], configMapProjection(render.DashboardConfigMap(a.name, d).Name))
	}
	for _, folder := range slices.SortedFunc(maps.Keys(sources), func(a, b dashboards.Folder) int { return strings.Compare(a.UID, b.UID) }) {
		volumes = append(volumes, &corev1.VolumeArgs{Name: pulumi.String(folder.UID), Projected: &corev1.ProjectedVolumeSourceArgs{Sources: sources[folder]}})
		mounts = append(mounts, readOnlyMount(folder.UID, render.DashboardDir(folder)))
	}
	startup := probe("/api/health", grafanaWeb.name, 5, 60) // the first start creates the database
	spec := &corev1.PodSpecArgs{
		ServiceAccountName: account,
		SecurityContext:    a.nonRoot(grafanaUID),
		Volumes:            volumes,
		InitContainers:     grafanaPlugins(a),
	}
	container := a.container(&corev1.ContainerArgs{
		Name:           pulumi.String(a.name),
		Ports:          containerPorts(grafanaWeb),
		StartupProbe:   startup,
		ReadinessProbe: probe("/api/health", grafanaWeb.name, 10, 3),
		LivenessProbe:  probe("/api/health", grafanaWeb.name, 20, 6),
		VolumeMounts:   mounts,
	}, cfg.Resources)
	if tls := a.Stack.Config.TLS; tls.Enabled() {
		if tls.ClientCertificates {
			a.addTLS(spec, container)
		} else {
			a.addAuthority(spec, container)
		}
		restartForCertificate(container)
	}
	spec.Containers = corev1.ContainerArray{container}
	if cfg.Dashboards.ConfigMaps.Read() {
		a.addDashboardSidecar(spec)
	}
	if cfg.Replicas > 1 {
		a.spreadReplicas(spec, false)
	}
	return &appsv1.DeploymentArgs{
		Metadata: a.workloadMetadata(),
		Spec: &appsv1.DeploymentSpecArgs{
			Replicas: pulumi.Int(cfg.Replicas),
			Selector: &metav1.LabelSelectorArgs{MatchLabels: a.selector()},
			Strategy: strategy,
			Template: a.pod(spec, cfg.Scheduling, annotations),
		},
	}
}

// restartForCertificate has the kubelet restart Grafana when the certificates that it has mounted change: Grafana reads
// those of datasources only when it starts, and would present one that has expired. A file notes which it has read.
func restartForCertificate(container *corev1.ContainerArgs) {
	const read = "/tmp/certificates"
	health := fmt.Sprintf("http://localhost:%d/api/health", render.Grafana.Port)
	shell := func(script string) pulumi.StringArray { return pulumi.ToStringArray([]string{"sh", "-c", script}) }
	certificates := "cat " + render.TLSDir + "/*.crt"
	container.Lifecycle = &corev1.LifecycleArgs{PostStart: &corev1.LifecycleHandlerArgs{
		Exec: &corev1.ExecActionArgs{Command: shell(certificates + " >" + read)},
	}}
	alive := probe("", "", 20, 6)
	alive.HttpGet = nil
	alive.Exec = &corev1.ExecActionArgs{Command: shell(certificates + " | cmp -s - " + read + " && { curl -sf -o /dev/null " + health + " || wget -q -O /dev/null " + health + "; }")}
	container.LivenessProbe = alive
}

// grafanaPlugins returns the containers that install the plugins of the stack, one for each, so that the pod's status
// names the one that cannot be installed. A version that is on the volume already is not installed again.
func grafanaPlugins(a app) corev1.ContainerArray {
	cfg := a.Stack.Config.Grafana
	var containers corev1.ContainerArray
	for _, id := range slices.Sorted(maps.Keys(cfg.Plugins)) {
		command := []string{"grafana", "cli", "--pluginsDir", render.GrafanaPluginsDir}
		if repository := cfg.PluginRepository; repository != nil {
			command = append(command, "--repo", strings.TrimSuffix(repository.String(), "/"))
		}
		containers = append(containers, a.container(&corev1.ContainerArgs{
			Name:    pulumi.String(config.PluginContainer(id)),
			Command: pulumi.ToStringArray(append(command, "plugins", "install", id, cfg.Plugins[id])),
			// Puts what the repository answers into the pod's status.
			TerminationMessagePolicy: pulumi.String("FallbackToLogsOnError"),
			VolumeMounts: corev1.VolumeMountArray{
				mount("tmp", "/tmp"),
				mount(dataVolumeName, render.GrafanaDataDir),
			},
		}, cfg.Resources))
	}
	return containers
}

// DeployGrafana deploys Grafana onto its storage, which may be nil, and the import job that
// fills it or the Grafana at grafana.external.url. It returns nil if the stack deploys no
// Grafana.
func DeployGrafana(ctx *pulumi.Context, site Site, storage *Storage, opts ...pulumi.ResourceOption) (*Grafana, error) {
	cfg := site.Stack.Config.Grafana
	var grafana *Grafana
	if cfg.Deployed() {
		args := &GrafanaArgs{Site: site}
		if storage != nil {
			args.Claims = storage.Claims
		}
		var err error
		if grafana, err = NewGrafana(ctx, "grafana", args, opts...); err != nil {
			return nil, err
		}
	}
	if !cfg.Imports() {
		return grafana, nil
	}
	_, err := NewGrafanaImport(ctx, "grafana-import", &GrafanaImportArgs{Site: site, Grafana: grafana}, opts...)
	return grafana, err
}
