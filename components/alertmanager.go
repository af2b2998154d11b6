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

// Alertmanager groups, mutes and routes alerts: StatefulSet, Services,
// ConfigMap, Secret, NetworkPolicy and, with replicas, a PodDisruptionBudget.
type Alertmanager struct {
	pulumi.ResourceState

	URL pulumi.StringOutput `pulumi:"url"` // in-cluster base URL, http://host:port
}

// AlertmanagerArgs are what Alertmanager needs from other components.
type AlertmanagerArgs struct {
	Site
	Claims       []pulumi.Resource // of its volumes, empty for ephemeral storage
	DashboardURL string            // Grafana's address from outside, for links; may be empty
}

var (
	alertmanagerWeb = tcp("web", 9093)
	// Peers gossip by UDP, and by TCP what does not fit in a packet.
	alertmanagerGossip = []port{tcp("gossip", 9094), udp("gossip-udp", 9094)}
)

// NewAlertmanager deploys Alertmanager. It fails, before any object exists,
// with whatever Alertmanager's own loader says against its configuration.
func NewAlertmanager(ctx *pulumi.Context, name string, args *AlertmanagerArgs, opts ...pulumi.ResourceOption) (*Alertmanager, error) {
	files, err := render.Alertmanager(args.Config, args.DashboardURL)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c := &Alertmanager{}
	if err := register(ctx, "Alertmanager", name, c, opts...); err != nil {
		return nil, err
	}
	a := app{site: args.Site, name: "alertmanager", role: "alerting", image: config.AlertmanagerImage}
	if err := c.deploy(ctx, name, a, args, files); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c.URL = pulumi.Sprintf("http://%s", render.ServiceAddress(args.Config, a.name, alertmanagerWeb.number))
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"url": c.URL})
}

func (c *Alertmanager) deploy(ctx *pulumi.Context, name string, a app, args *AlertmanagerArgs, files map[string]string) error {
	configMap, err := corev1.NewConfigMap(ctx, name+"-config", &corev1.ConfigMapArgs{
		Metadata: a.metadata("alertmanager-config"),
		Data:     pulumi.ToStringMap(files),
	}, pulumi.Parent(c))
	if err != nil {
		return err
	}
	secret, err := a.secret(ctx, name+"-secrets", "alertmanager-secrets", args.Config.Alerting.SecretFiles(), pulumi.Parent(c))
	if err != nil {
		return err
	}
	ports := []port{alertmanagerWeb}
	entries := []entry{{ports, []string{"prometheus", "grafana"}, true}}
	if _, err := a.service(ctx, name+"-service", a.name, false, ports, pulumi.Parent(c)); err != nil {
		return err
	}
	if args.Config.Alerting.Replicas > 1 {
		ports = append(ports, alertmanagerGossip...)
		entries = append(entries, entry{ports: alertmanagerGossip, from: []string{a.name}})
	}
	if _, err := a.service(ctx, name+"-headless", "alertmanager-headless", true, ports, pulumi.Parent(c)); err != nil {
		return err
	}
	if err := a.admit(ctx, name+"-network", entries, pulumi.Parent(c)); err != nil {
		return err
	}
	if err := a.budget(ctx, name+"-budget", args.Config.Alerting.Replicas, pulumi.Parent(c)); err != nil {
		return err
	}
	// A new configuration restarts the replicas one by one; silences and the
	// notification log are on their volumes, and with their peers.
	statefulSet := alertmanagerStatefulSet(a, args, ports, pulumi.StringMap{
		"checksum/config": pulumi.String(checksum(files)),
		"version/secret":  secret.Metadata.ResourceVersion().Elem(),
	})
	_, err = appsv1.NewStatefulSet(ctx, name+"-statefulset", statefulSet,
		pulumi.Parent(c), adopts(args.Claims), pulumi.DependsOn([]pulumi.Resource{configMap, secret}), a.readyTimeout(0))
	return err
}

func alertmanagerStatefulSet(a app, args *AlertmanagerArgs, ports []port, annotations pulumi.StringMap) *appsv1.StatefulSetArgs {
	cfg := args.Config.Alerting
	volumes := corev1.VolumeArray{
		configMapVolume("config", "alertmanager-config"),
		secretVolume("secrets", "alertmanager-secrets"),
	}
	templates, volumes := data(args.Claims, cfg.Size, volumes)
	spec := &corev1.PodSpecArgs{
		SecurityContext:               a.nonRoot(nobody),
		TerminationGracePeriodSeconds: pulumi.Int(60),
		Volumes:                       volumes,
		Containers: corev1.ContainerArray{a.container(&corev1.ContainerArgs{
			Name:           pulumi.String(a.name),
			Args:           pulumi.ToStringArray(alertmanagerFlags(args.Config)),
			Env:            corev1.EnvVarArray{fieldEnv("POD_IP", "status.podIP")},
			Ports:          containerPorts(ports...),
			ReadinessProbe: probe("/-/ready", alertmanagerWeb.name, 5, 6),
			LivenessProbe:  probe("/-/healthy", alertmanagerWeb.name, 10, 6),
			VolumeMounts: corev1.VolumeMountArray{
				readOnlyMount("config", render.AlertmanagerDir),
				readOnlyMount("secrets", render.AlertmanagerSecretsDir),
				mount(dataVolume, "/alertmanager"),
			},
		}, cfg.Resources)},
	}
	if cfg.Replicas > 1 {
		a.apart(spec, false) // three peers on two nodes are better than two
	}
	return &appsv1.StatefulSetArgs{
		Metadata: a.metadata(a.name),
		Spec: &appsv1.StatefulSetSpecArgs{
			Replicas:             pulumi.Int(cfg.Replicas),
			ServiceName:          pulumi.String("alertmanager-headless"),
			PodManagementPolicy:  pulumi.String("Parallel"),
			Selector:             &metav1.LabelSelectorArgs{MatchLabels: a.selector()},
			Template:             a.pod(spec, cfg.Scheduling, annotations),
			VolumeClaimTemplates: templates,
		},
	}
}

func alertmanagerFlags(cfg *config.Config) []string {
	flags := []string{
		"--config.file=" + render.AlertmanagerDir + "/alertmanager.yml",
		"--storage.path=/alertmanager",
		"--web.route-prefix=/", // an external URL with a path does not move the server
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
		"--cluster.label="+cfg.Cluster.Namespace) // peers of another namespace are refused
	for replica := range cfg.Alerting.Replicas {
		flags = append(flags, fmt.Sprintf("--cluster.peer=alertmanager-%d.alertmanager-headless.%s.svc:%d",
			replica, cfg.Cluster.Namespace, alertmanagerGossip[0].number))
	}
	return flags
}
