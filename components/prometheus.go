package components

import (
	"errors"
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

// Prometheus is the server or agent, or one of its shards: a StatefulSet, Services, a NetworkPolicy and,
// with several replicas, a PodDisruptionBudget. The first shard also has what the others use: RBAC and, if
// the stack has the values of prometheus.secrets, a Secret.
type Prometheus struct {
	pulumi.ResourceState

	URL pulumi.StringOutput `pulumi:"url"` // in-cluster base URL, scheme://host:port

	account pulumi.StringInput // name of the ServiceAccount
	secrets []pulumi.Resource  // with prometheus.secrets; empty if the stack has none of them
}

// PrometheusArgs configures a Prometheus.
type PrometheusArgs struct {
	Site
	ConfigMap string            // name of the ConfigMap with prometheus.yml
	Rules     string            // name of the ConfigMap with the rule files; empty for an agent, which has none
	Store     *ObjectStore      // to which sidecars upload; nil without long-term storage
	Claims    []pulumi.Resource // of its volumes; empty with ephemeral storage
	Shard     int               // from 0
	First     *Prometheus       // the shard 0; nil for itself
}

// prometheusWeb serves the API and the web UI.
var prometheusWeb = tcp("web", render.Prometheus.Port)

// NewPrometheus deploys the server.
func NewPrometheus(ctx *pulumi.Context, name string, args *PrometheusArgs, opts ...pulumi.ResourceOption) (*Prometheus, error) {
	c := &Prometheus{}
	a := app{name: render.Prometheus.Name, role: "server", image: config.PrometheusImage}
	return construct(ctx, "Prometheus", name, c, args, opts, a, func(a app) (pulumi.Map, error) {
		if args.Shard > 0 { // the pods of a shard are selected by their role
			a.object = render.PrometheusShard(args.Shard).Name
			a.role = fmt.Sprintf("server-%d", args.Shard)
		}
		c.URL = pulumi.String(render.PrometheusShard(args.Shard).URL(args.Stack.Config)).ToStringOutput()
		return pulumi.Map{"url": c.URL}, c.deploy(a, args)
	})
}

// DeployPrometheus deploys every shard, retired ones included, and returns the first. It returns nil for a
// stack without a Prometheus.
func DeployPrometheus(ctx *pulumi.Context, site Site, discovery *Discovery, rules *Rules, store *ObjectStore, storages []*Storage, opts ...pulumi.ResourceOption) (*Prometheus, error) {
	var first *Prometheus
	for shard, storage := range storages {
		server, err := NewPrometheus(ctx, render.PrometheusShard(shard).Name, &PrometheusArgs{
			Site:      site,
			ConfigMap: discovery.ConfigMaps[shard],
			Rules:     rules.ConfigMap,
			Store:     store,
			Claims:    storage.Claims,
			Shard:     shard,
			First:     first,
		}, opts...)
		if err != nil {
			return nil, err
		}
		if first == nil {
			first = server
		}
	}
	return first, nil
}

func (args *PrometheusArgs) check() error {
	if err := args.Site.check(); err != nil {
		return err
	}
	if args.Stack.Config.LongTermStorage.Enabled != (args.Store != nil) {
		return errors.New("PrometheusArgs needs a Store with long-term storage, and only then")
	}
	if args.ConfigMap == "" || (args.Rules == "") != args.Stack.Config.Agent() {
		return errors.New("PrometheusArgs needs a ConfigMap and, unless it is an agent, Rules")
	}
	if args.Shard < 0 || (args.Shard > 0) != (args.First != nil) {
		return errors.New("PrometheusArgs needs First for shards after 0, and only for them")
	}
	return nil
}

func (args *PrometheusArgs) inputs() pulumi.Map {
	cfg := args.Stack.Config
	return pulumi.Map{
		"image":         pulumi.String(cfg.Images.Ref(config.PrometheusImage)),
		"replicas":      pulumi.Int(cfg.Prometheus.Replicas),
		"retention":     pulumi.String(cfg.Prometheus.Retention.String()),
		"retentionSize": pulumi.String(cfg.Prometheus.RetentionSize.String()),
	}
}

func (c *Prometheus) deploy(a app, args *PrometheusArgs) error {
	cfg := a.Stack.Config.Prometheus
	a.account = cfg.ServiceAccount
	if args.First != nil {
		c.account, c.secrets = args.First.account, args.First.secrets
	} else if err := c.deployShared(a); err != nil {
		return err
	}
	if err := a.service("service", a.objectName(), false, prometheusWeb); err != nil {
		return err
	}
	senders := slices.Concat(cfg.RemoteWriteReceiver.FromNamespaces, cfg.OTLPReceiver.FromNamespaces)
	clients := []string{a.name, render.Grafana.Name}
	if a.Stack.Config.TLS.Enabled() && a.Stack.Config.Exporters.BlackboxExporter.Enabled {
		clients = append(clients, render.BlackboxExporter.Name) // which reads the certificate
	}
	ports, rules := []port{prometheusWeb}, []ingressRule{webUI(cfg.Access, prometheusWeb, clients, senders)}
	if args.Store != nil {
		ports = append(ports, thanosGRPC)
		rules = append(rules,
			ingressRule{ports: []port{thanosGRPC}, from: []string{render.ThanosQuery.Name}},
			ingressRule{ports: []port{sidecarHTTP}, from: []string{a.name}})
	}
	if err := a.service("headless", render.PrometheusShard(args.Shard).Headless(), true, ports...); err != nil {
		return err
	}
	if err := a.networkPolicy(rules...); err != nil {
		return err
	}
	if err := a.disruptionBudget(cfg.Replicas, cfg.PodDisruptionBudget); err != nil {
		return err
	}
	if args.Shard == 0 { // sharded servers are not published
		if err := a.publish(cfg.Access, prometheusWeb); err != nil {
			return err
		}
	}
	if err := a.autoscale("StatefulSet", cfg.Scheduling); err != nil {
		return err
	}
	before := slices.Clone(c.secrets)
	if args.Store != nil {
		before = append(before, args.Store.Secret)
	}
	_, err := create(a, "server", appsv1.NewStatefulSet, prometheusStatefulSet(a, args, c.account),
		bindTo(args.Claims), pulumi.DependsOn(before),
		// Longer than the startup probe allows, so that a long replay does not fail the update.
		a.readyTimeout(cfg.StartupTimeout.Duration))
	return err
}

// deployShared creates what all shards use.
func (c *Prometheus) deployShared(a app) error {
	cfg := a.Stack.Config.Prometheus
	var err error
	if c.account, err = a.grantedAccount(a.Stack.Grants); err != nil {
		return err
	}
	// The server reads these files again for each scrape: a new value needs no restart.
	secret, err := a.secret("secrets", config.PrometheusSecret, cfg.Secrets)
	if secret != nil {
		c.secrets = append(c.secrets, secret)
	}
	return err
}

// prometheusStatefulSet returns the StatefulSet of the server.
func prometheusStatefulSet(a app, args *PrometheusArgs, account pulumi.StringInput) *appsv1.StatefulSetArgs {
	cfg := args.Stack.Config.Prometheus
	const period = 15 // seconds between two startup probes
	startup := int(cfg.StartupTimeout.Seconds()) / period
	volumes := corev1.VolumeArray{configMapVolume("config", args.ConfigMap)}
	mounts := corev1.VolumeMountArray{readOnlyMount("config", render.PrometheusDir)}
	if args.Rules != "" {
		volumes = append(volumes, configMapVolume("rules", args.Rules))
		mounts = append(mounts, readOnlyMount("rules", render.RulesDir))
	}
	mounts = append(mounts, mount(dataVolumeName, render.PrometheusDataDir))
	if len(cfg.Secrets) > 0 {
		volumes = append(volumes, secretFiles("secrets", config.PrometheusSecret, cfg.Secrets))
		mounts = append(mounts, readOnlyMount("secrets", render.PrometheusSecretsDir))
	}
	templates, volumes := dataVolume(args.Claims, args.Stack.Config.Storage.Size, volumes)
	annotations := pulumi.StringMap{}
	spec := &corev1.PodSpecArgs{
		ServiceAccountName:           account,
		AutomountServiceAccountToken: pulumi.Bool(true),
		SecurityContext:              a.nonRoot(nobodyUID),
		// Writing a large head to disk takes minutes; a server that is killed replays its
		// write-ahead log when it starts.
		TerminationGracePeriodSeconds: pulumi.Int(300),
		Volumes:                       volumes,
	}
	container := a.container(&corev1.ContainerArgs{
		Name:           pulumi.String("prometheus"),
		Args:           pulumi.ToStringArray(prometheusFlags(args.Stack.Config)),
		Env:            corev1.EnvVarArray{fieldEnv("POD_NAME", "metadata.name")},
		Ports:          containerPorts(prometheusWeb),
		StartupProbe:   probe("/-/ready", prometheusWeb.name, period, startup),
		ReadinessProbe: probe("/-/ready", prometheusWeb.name, 5, 3),
		LivenessProbe:  probe("/-/healthy", prometheusWeb.name, 10, 6),
		VolumeMounts:   mounts,
	}, cfg.Resources)
	if args.Stack.Config.HasBasic() {
		addLogin(spec, container) // also to the programs that it scrapes and sends alerts to
	}
	a.addTLS(spec, container)
	if !render.Prometheus.AnswersKubelet(args.Stack.Config) {
		container.StartupProbe, container.ReadinessProbe = prometheusReady(args.Stack.Config, period, startup), prometheusReady(args.Stack.Config, 10, 3)
	}
	a.answer(container, render.Prometheus)
	spec.Containers = corev1.ContainerArray{container}
	if cfg.Replicas > 1 {
		a.spreadReplicas(spec, true)
	}
	if args.Store != nil {
		a.addSidecar(spec, annotations, args.Store)
	}
	return &appsv1.StatefulSetArgs{
		Metadata: a.workloadMetadata(),
		Spec: &appsv1.StatefulSetSpecArgs{
			Replicas:             pulumi.Int(cfg.Replicas),
			ServiceName:          pulumi.String(render.PrometheusShard(args.Shard).Headless()),
			PodManagementPolicy:  pulumi.String("Parallel"),
			Selector:             &metav1.LabelSelectorArgs{MatchLabels: a.selector()},
			Template:             a.pod(spec, cfg.Scheduling, annotations),
			VolumeClaimTemplates: templates,
		},
	}
}

// prometheusFlags returns the server's command line. Settings that prometheus.yml has too,
// such as the retention, are not flags: the server reloads the file without a restart.
// https://prometheus.io/docs/prometheus/latest/command-line/prometheus/
func prometheusFlags(stack *config.Config) []string {
	cfg := stack.Prometheus
	flags := []string{
		"--config.file=" + render.PrometheusDir + "/prometheus.yml",
		"--config.auto-reload",
	}
	if cfg.Mode == config.AgentMode {
		// Not where a server has its log, which an agent would read.
		flags = append(flags, "--agent", "--storage.agent.path="+render.PrometheusDataDir+"/agent",
			"--storage.agent.retention.max-time="+cfg.AgentRetention.String())
	} else {
		flags = append(flags, "--storage.tsdb.path="+render.PrometheusDataDir)
	}
	if stack.LongTermStorage.Enabled {
		// The sidecar uploads blocks of two hours, and the compactor compacts them. A block that the
		// server had compacted itself would be uploaded twice, or never.
		flags = append(flags, "--storage.tsdb.min-block-duration=2h", "--storage.tsdb.max-block-duration=2h",
			"--no-storage.tsdb.allow-overlapping-compaction")
	}
	flags = append(flags, "--web.route-prefix=/") // also with an external URL that has a path
	if cfg.RemoteWriteReceiver.Enabled {
		flags = append(flags, "--web.enable-remote-write-receiver")
	}
	if cfg.OTLPReceiver.Enabled {
		flags = append(flags, "--web.enable-otlp-receiver")
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
		switch value { // a boolean flag is written --name or --no-name
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
