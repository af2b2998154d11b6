package components

import (
	"fmt"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// Alertmanager groups, mutes and routes alerts: a StatefulSet, Services, a ConfigMap, a
// NetworkPolicy, with several replicas a PodDisruptionBudget and, if the stack has secrets of
// notifications, a Secret, and if it has annotations of one, a ServiceAccount.
type Alertmanager struct {
	pulumi.ResourceState

	URL pulumi.StringOutput `pulumi:"url"` // in-cluster base URL, scheme://host:port
}

// AlertmanagerArgs configures an Alertmanager.
type AlertmanagerArgs struct {
	Site
	Claims []pulumi.Resource // of its volumes; empty with ephemeral storage
}

var (
	// alertmanagerWeb serves the API and the web UI.
	alertmanagerWeb = tcp("web", render.Alertmanager.Port)
	// alertmanagerGossip connects peers: UDP and, for larger messages, TCP.
	alertmanagerGossip = []port{tcp("gossip", 9094), udp("gossip-udp", 9094)}
)

// NewAlertmanager deploys Alertmanager.
func NewAlertmanager(ctx *pulumi.Context, name string, args *AlertmanagerArgs, opts ...pulumi.ResourceOption) (*Alertmanager, error) {
	c := &Alertmanager{}
	a := app{name: render.Alertmanager.Name, role: "alerting", image: config.AlertmanagerImage}
	return construct(ctx, "Alertmanager", name, c, args, opts, a, func(a app) (pulumi.Map, error) {
		c.URL = pulumi.String(render.Alertmanager.URL(args.Stack.Config)).ToStringOutput()
		return pulumi.Map{"url": c.URL}, a.deployAlertmanager(args)
	})
}

func (args *AlertmanagerArgs) inputs() pulumi.Map {
	cfg := args.Stack.Config
	return pulumi.Map{
		"image":    pulumi.String(cfg.Images.Ref(config.AlertmanagerImage)),
		"replicas": pulumi.Int(cfg.Alerting.Replicas),
	}
}

func (a app) deployAlertmanager(args *AlertmanagerArgs) error {
	cfg, files := a.Stack.Config.Alerting, a.Stack.AlertmanagerConfig
	configMap, err := a.configMap("config", files)
	if err != nil {
		return err
	}
	secret, err := a.secret("secrets", config.AlertmanagerSecret, cfg.SecretFiles())
	if err != nil {
		return err
	}
	before := []pulumi.Resource{configMap}
	if secret != nil {
		before = append(before, secret)
	}
	ports := []port{alertmanagerWeb}
	clients := []string{render.Prometheus.Name, render.Grafana.Name}
	if a.Stack.Config.HasRuler() {
		clients = append(clients, render.ThanosRuler.Name)
	}
	rules := []ingressRule{webUI(cfg.Access, alertmanagerWeb, clients, nil)}
	if err := a.service("service", a.name, false, ports...); err != nil {
		return err
	}
	if cfg.Replicas > 1 {
		ports = append(ports, alertmanagerGossip...)
		rules = append(rules, ingressRule{ports: alertmanagerGossip, from: []string{a.name}})
	}
	if err := a.service("headless", render.Alertmanager.Headless(), true, ports...); err != nil {
		return err
	}
	if err := a.networkPolicy(rules...); err != nil {
		return err
	}
	if err := a.disruptionBudget(cfg.Replicas, cfg.PodDisruptionBudget); err != nil {
		return err
	}
	a.account = cfg.ServiceAccount
	account, err := a.identity()
	if err != nil {
		return err
	}
	if err := a.publish(cfg.Access, alertmanagerWeb); err != nil {
		return err
	}
	if err := a.autoscale("StatefulSet", cfg.Scheduling); err != nil {
		return err
	}
	// A new configuration restarts the replicas one by one. Silences and the notification
	// log survive on their volumes, and on their peers.
	_, err = create(a, "statefulset", appsv1.NewStatefulSet, alertmanagerStatefulSet(a, args, account, ports, readAtStart(files.Files, secret)),
		bindTo(args.Claims), pulumi.DependsOn(before), a.readyTimeout(0))
	return err
}

// alertmanagerStatefulSet returns the StatefulSet of Alertmanager.
func alertmanagerStatefulSet(a app, args *AlertmanagerArgs, account pulumi.StringPtrInput, ports []port, annotations pulumi.StringMap) *appsv1.StatefulSetArgs {
	cfg := args.Stack.Config.Alerting
	volumes := corev1.VolumeArray{configMapVolume("config", args.Stack.AlertmanagerConfig.Name)}
	mounts := corev1.VolumeMountArray{readOnlyMount("config", render.AlertmanagerDir)}
	if secrets := cfg.SecretFiles(); len(secrets) > 0 {
		volumes = append(volumes, secretFiles("secrets", config.AlertmanagerSecret, secrets))
		mounts = append(mounts, readOnlyMount("secrets", render.AlertmanagerSecretsDir))
	}
	mounts = append(mounts, mount(dataVolumeName, render.AlertmanagerDataDir))
	templates, volumes := dataVolume(args.Claims, cfg.Size, volumes)
	spec := &corev1.PodSpecArgs{
		ServiceAccountName:            account,
		SecurityContext:               a.nonRoot(nobodyUID),
		TerminationGracePeriodSeconds: pulumi.Int(60),
		Volumes:                       volumes,
	}
	container := a.container(&corev1.ContainerArgs{
		Name:           pulumi.String(a.name),
		Args:           pulumi.ToStringArray(alertmanagerFlags(args.Stack.Config)),
		Env:            corev1.EnvVarArray{fieldEnv("POD_IP", "status.podIP")},
		Ports:          containerPorts(ports...),
		ReadinessProbe: probe("/-/ready", alertmanagerWeb.name, 5, 6),
		LivenessProbe:  probe("/-/healthy", alertmanagerWeb.name, 10, 6),
		VolumeMounts:   mounts,
	}, cfg.Resources)
	a.serve(spec, container, render.Alertmanager)
	spec.Containers = corev1.ContainerArray{container}
	if cfg.Replicas > 1 {
		a.spreadReplicas(spec, false) // three peers on two nodes are better than two
	}
	return &appsv1.StatefulSetArgs{
		Metadata: a.workloadMetadata(),
		Spec: &appsv1.StatefulSetSpecArgs{
			Replicas:             pulumi.Int(cfg.Replicas),
			ServiceName:          pulumi.String(render.Alertmanager.Headless()),
			PodManagementPolicy:  pulumi.String("Parallel"),
			Selector:             &metav1.LabelSelectorArgs{MatchLabels: a.selector()},
			Template:             a.pod(spec, cfg.Scheduling, annotations),
			VolumeClaimTemplates: templates,
		},
	}
}

// alertmanagerFlags returns Alertmanager's command line.
// https://github.com/prometheus/alertmanager#high-availability
func alertmanagerFlags(cfg *config.Config) []string {
	flags := []string{
		"--config.file=" + render.AlertmanagerDir + "/alertmanager.yml",
		"--storage.path=" + render.AlertmanagerDataDir,
		"--web.route-prefix=/", // also with an external URL that has a path
	}
	if url := cfg.Alerting.ExternalURL; url != nil {
		flags = append(flags, "--web.external-url="+url.String())
	}
	if cfg.Alerting.Replicas == 1 {
		return append(flags, "--cluster.listen-address=") // no gossip
	}
	flags = append(flags,
		fmt.Sprintf("--cluster.listen-address=0.0.0.0:%d", alertmanagerGossip[0].number),
		fmt.Sprintf("--cluster.advertise-address=$(POD_IP):%d", alertmanagerGossip[0].number),
		"--cluster.label="+cfg.Cluster.Namespace) // keeps out peers of another namespace
	for replica := range cfg.Alerting.Replicas {
		flags = append(flags, fmt.Sprintf("--cluster.peer=%s-%d.%s.%s.svc:%d",
			render.Alertmanager.Name, replica, render.Alertmanager.Headless(), cfg.Cluster.Namespace, alertmanagerGossip[0].number))
	}
	return flags
}

// DeployAlertmanager deploys Alertmanager onto its storage. It returns nil if alerting is
// disabled.
func DeployAlertmanager(ctx *pulumi.Context, site Site, storage *Storage, opts ...pulumi.ResourceOption) (*Alertmanager, error) {
	if !site.Stack.Config.Alerting.Enabled {
		return nil, nil
	}
	return NewAlertmanager(ctx, "alertmanager", &AlertmanagerArgs{Site: site, Claims: storage.Claims}, opts...)
}
