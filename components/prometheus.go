package components

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// Prometheus is the server: StatefulSet, Services, RBAC, NetworkPolicy, a
// Secret if there are any and, with replicas, a PodDisruptionBudget.
type Prometheus struct {
	pulumi.ResourceState

	URL pulumi.StringOutput `pulumi:"url"` // in-cluster base URL, http://host:port
}

// PrometheusArgs are what the server needs from other components.
type PrometheusArgs struct {
	Site
	ConfigMap string            // with prometheus.yml
	Rules     string            // ConfigMap with the rule files
	Claims    []pulumi.Resource // of its volumes, empty for ephemeral storage
}

var prometheusWeb = tcp("web", 9090)

const (
	configDir = "/etc/prometheus/config"
	dataDir   = "/prometheus"
)

// NewPrometheus deploys the server.
func NewPrometheus(ctx *pulumi.Context, name string, args *PrometheusArgs, opts ...pulumi.ResourceOption) (*Prometheus, error) {
	c := &Prometheus{}
	if err := register(ctx, "Prometheus", name, c, opts...); err != nil {
		return nil, err
	}
	a := app{site: args.Site, name: "prometheus", role: "server", image: config.PrometheusImage}
	account, err := c.access(ctx, name, a)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	ports := []port{prometheusWeb}
	if _, err := a.service(ctx, name+"-service", "prometheus", false, ports, pulumi.Parent(c)); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if _, err := a.service(ctx, name+"-headless", "prometheus-headless", true, ports, pulumi.Parent(c)); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := a.admit(ctx, name+"-network", []entry{{ports, []string{"prometheus", "grafana"}, true}}, pulumi.Parent(c)); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := a.budget(ctx, name+"-budget", args.Config.Prometheus.Replicas, pulumi.Parent(c)); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	// Files that it reads again for each scrape, so that a new value needs no restart.
	var before []pulumi.Resource
	if secrets := args.Config.Prometheus.Secrets; len(secrets) > 0 {
		secret, err := a.secret(ctx, name+"-secrets", "prometheus-secrets", secrets, pulumi.Parent(c))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		before = append(before, secret)
	}
	_, err = appsv1.NewStatefulSet(ctx, name+"-server", prometheusStatefulSet(a, args, account),
		pulumi.Parent(c), adopts(args.Claims), pulumi.DependsOn(before),
		// Above the startup probe's budget, so that a long replay is not a failed update.
		a.readyTimeout(args.Config.Prometheus.StartupTimeout.Duration))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c.URL = pulumi.Sprintf("http://%s", render.ServiceAddress(args.Config, "prometheus", prometheusWeb.number))
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"url": c.URL})
}

func prometheusStatefulSet(a app, args *PrometheusArgs, account pulumi.StringInput) *appsv1.StatefulSetArgs {
	cfg := args.Config.Prometheus
	period := 15
	startup := int(cfg.StartupTimeout.Seconds()) / period
	volumes := corev1.VolumeArray{configMapVolume("config", args.ConfigMap), configMapVolume("rules", args.Rules)}
	mounts := corev1.VolumeMountArray{readOnlyMount("config", configDir), readOnlyMount("rules", render.RulesDir), mount(dataVolume, dataDir)}
	if len(cfg.Secrets) > 0 {
		volumes = append(volumes, secretVolume("secrets", "prometheus-secrets"))
		mounts = append(mounts, readOnlyMount("secrets", render.PrometheusSecretsDir))
	}
	templates, volumes := data(args.Claims, args.Config.Storage.Size, volumes)
	spec := &corev1.PodSpecArgs{
		ServiceAccountName:           account,
		AutomountServiceAccountToken: pulumi.Bool(true),
		SecurityContext:              a.nonRoot(nobody),
		// Closing a large head takes a while, and a killed server replays its log.
		TerminationGracePeriodSeconds: pulumi.Int(300),
		Volumes:                       volumes,
		Containers: corev1.ContainerArray{a.container(&corev1.ContainerArgs{
			Name:           pulumi.String("prometheus"),
			Args:           pulumi.ToStringArray(prometheusFlags(cfg)),
			Env:            corev1.EnvVarArray{fieldEnv("POD_NAME", "metadata.name")},
			Ports:          containerPorts(prometheusWeb),
			StartupProbe:   probe("/-/ready", prometheusWeb.name, period, startup),
			ReadinessProbe: probe("/-/ready", prometheusWeb.name, 5, 3),
			LivenessProbe:  probe("/-/healthy", prometheusWeb.name, 10, 6),
			VolumeMounts:   mounts,
		}, cfg.Resources)},
	}
	if cfg.Replicas > 1 {
		a.apart(spec, true)
	}
	return &appsv1.StatefulSetArgs{
		Metadata: a.metadata("prometheus"),
		Spec: &appsv1.StatefulSetSpecArgs{
			Replicas:             pulumi.Int(cfg.Replicas),
			ServiceName:          pulumi.String("prometheus-headless"),
			PodManagementPolicy:  pulumi.String("Parallel"),
			Selector:             &metav1.LabelSelectorArgs{MatchLabels: a.selector()},
			Template:             a.pod(spec, cfg.Scheduling, nil),
			VolumeClaimTemplates: templates,
		},
	}
}

// prometheusFlags is the server's command line. What prometheus.yml can say,
// such as retention, is not here: the server reloads that without a restart.
func prometheusFlags(cfg config.Prometheus) []string {
	flags := []string{
		"--config.file=" + configDir + "/prometheus.yml",
		"--config.auto-reload",
		"--storage.tsdb.path=" + dataDir,
		"--web.route-prefix=/", // an external URL with a path does not move the server
	}
	if cfg.ExternalURL != nil {
		flags = append(flags, "--web.external-url="+cfg.ExternalURL.String())
	}
	var features []string
	for _, feature := range cfg.FeatureFlags {
		features = append(features, string(feature))
	}
	if len(features) > 0 {
		flags = append(flags, "--enable-feature="+strings.Join(features, ","))
	}
	var extra []string
	for name, value := range cfg.ExtraArgs {
		switch value { // a boolean flag is --name or --no-name
		case "true":
			extra = append(extra, "--"+string(name))
		case "false":
			extra = append(extra, "--no-"+string(name))
		default:
			extra = append(extra, fmt.Sprintf("--%s=%s", name, value))
		}
	}
	slices.Sort(extra)
	return append(flags, extra...)
}
