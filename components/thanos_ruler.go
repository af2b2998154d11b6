package components

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strconv"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// ThanosRuler evaluates rules over all shards of Prometheus, sends alerts to Alertmanager and uploads what
// rules record: a StatefulSet, a Service, ConfigMaps, a NetworkPolicy and, with several replicas, a
// PodDisruptionBudget.
type ThanosRuler struct{ pulumi.ResourceState }

// ThanosRulerArgs configures a ThanosRuler.
type ThanosRulerArgs struct {
	Site
	Store  *ObjectStore
	Claims []pulumi.Resource // of its volumes; empty with ephemeral storage
}

// NewThanosRuler deploys the ruler.
func NewThanosRuler(ctx *pulumi.Context, name string, args *ThanosRulerArgs, opts ...pulumi.ResourceOption) (*ThanosRuler, error) {
	c := &ThanosRuler{}
	a := app{name: render.ThanosRuler.Name, role: "ruler", image: config.ThanosImage}
	return construct(ctx, "ThanosRuler", name, c, args, opts, a, func(a app) (pulumi.Map, error) {
		return pulumi.Map{}, a.deployRuler(args)
	})
}

func (args *ThanosRulerArgs) check() error {
	if err := args.checkThanos(); err != nil {
		return err
	}
	if args.Store == nil || !args.Stack.Config.HasRuler() {
		return errors.New("ThanosRulerArgs needs a Store, and a Stack with shards")
	}
	return nil
}

func (args *ThanosRulerArgs) inputs() pulumi.Map {
	cfg := args.Stack.Config
	return pulumi.Map{
		"image":    pulumi.String(cfg.Images.Ref(config.ThanosImage)),
		"replicas": pulumi.Int(cfg.LongTermStorage.Ruler.Replicas),
		"files":    pulumi.ToStringArray(slices.Sorted(maps.Keys(args.Stack.Thanos.Ruler.Rules.Files))),
	}
}

func (a app) deployRuler(args *ThanosRulerArgs) error {
	cfg, files := a.Stack.Config.LongTermStorage.Ruler, a.Stack.Thanos.Ruler
	configMap, err := a.configMap("config", files.Config)
	if err != nil {
		return err
	}
	rules, err := a.configMap("rules", files.Rules)
	if err != nil {
		return err
	}
	if err := a.service("service", a.name, true, thanosHTTP, thanosGRPC); err != nil {
		return err
	}
	if err := a.networkPolicy(
		ingressRule{ports: []port{thanosHTTP}, from: []string{render.Prometheus.Name}, webUI: !a.Stack.Config.LongTermStorage.QueryFrontend.Access.Private()},
		ingressRule{ports: []port{thanosGRPC}, from: []string{render.ThanosQuery.Name}},
	); err != nil {
		return err
	}
	templates, volumes := dataVolume(args.Claims, cfg.Size, corev1.VolumeArray{
		configMapVolume("config", files.Config.Name),
		configMapVolume("rules", files.Rules.Name),
	})
	spec := &corev1.PodSpecArgs{Volumes: volumes}
	if len(files.Secrets) > 0 { // of the Secret that the first shard of Prometheus creates
		addVolume(spec, secretFiles("secrets", config.PrometheusSecret, files.Secrets))
	}
	// It reads rules when it starts, and finds on its volume for how long alerts have been pending or firing.
	annotations := pulumi.StringMap{
		"checksum/config": pulumi.String(checksum(files.Config.Files)),
		"checksum/rules":  pulumi.String(checksum(files.Rules.Files)),
	}
	container := &corev1.ContainerArgs{
		Env:   corev1.EnvVarArray{fieldEnv("POD_NAME", "metadata.name")},
		Ports: containerPorts(thanosHTTP, thanosGRPC),
		VolumeMounts: corev1.VolumeMountArray{
			readOnlyMount("config", render.ThanosDir),
			readOnlyMount("rules", render.ThanosRulesDir),
			mount(dataVolumeName, render.ThanosDataDir),
		},
	}
	if len(files.Secrets) > 0 {
		addMount(container, readOnlyMount("secrets", render.PrometheusSecretsDir))
	}
	flags, err := rulerFlags(a.Stack.Config)
	if err != nil {
		return err
	}
	flags = append(flags, args.Store.add(spec, container, annotations)...)
	flags = append(flags, a.addGRPC(spec, container)...)
	if render.AsksForLogin(a.Stack.Config, render.Alertmanager.Name) {
		addLogin(spec, container)
	}
	container.Args = pulumi.ToStringArray(flags)
	return a.thanosStatefulSet(&appsv1.StatefulSetSpecArgs{PodManagementPolicy: pulumi.String("Parallel"), VolumeClaimTemplates: templates},
		spec, container, annotations, args.Store, thanosPods{render.ThanosRuler, cfg.Replicas, args.Store.account, cfg.PodDisruptionBudget, cfg.Resources, cfg.Scheduling},
		bindTo(args.Claims), pulumi.DependsOn([]pulumi.Resource{configMap, rules}), a.readyTimeout(0))
}

// rulerFlags returns the ruler's command line, without the store and certificates:
// https://thanos.io/tip/components/rule.md/#flags
func rulerFlags(cfg *config.Config) ([]string, error) {
	query := render.ThanosQuery.URL(cfg)
	graph := query
	if url := cfg.GraphURL(); url != nil {
		graph = url.String()
	}
	querier := "--query=" + query
	if render.ThanosQuery.ServesTLS(cfg) {
		querier = "--query.config-file=" + render.ThanosDir + "/" + render.RulerQueryFile
	}
	flags := []string{
		"rule",
		"--data-dir=" + render.ThanosDataDir,
		"--rule-file=" + render.ThanosRulesDir + "/*.yaml",
		"--eval-interval=" + cfg.Prometheus.EvaluationInterval.Duration.String(),
		querier,
		"--alert.query-url=" + graph, // of the links in alerts
		"--alertmanagers.config-file=" + render.ThanosDir + "/alertmanagers.yaml",
		"--alert.label-drop=replica", // the alerts of several pods are one
		"--tsdb.retention=" + cfg.Prometheus.Retention.String(),
	}
	labels := render.ExternalLabels(cfg, "$(POD_NAME)") // which Kubernetes expands
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		flags = append(flags, "--label="+name+"="+strconv.Quote(labels[name]))
	}
	if _, own := cfg.Prometheus.ExtraArgs["rules.alert.for-grace-period"]; !own {
		flags = append(flags, "--for-grace-period=0s") // otherwise a restart forgets alerts that wait for less than 10m
	}
	for _, name := range slices.Sorted(maps.Keys(rulerArgs)) {
		if value, ok := cfg.Prometheus.ExtraArgs[name]; ok {
			duration, err := goDuration(value)
			if err != nil {
				return nil, err
			}
			flags = append(flags, "--"+rulerArgs[name]+"="+duration)
		}
	}
	if offset := cfg.Prometheus.RuleQueryOffset(); offset != "" {
		duration, err := goDuration(offset)
		if err != nil {
			return nil, err
		}
		flags = append(flags, "--rule-query-offset="+duration)
	}
	if slices.Contains(cfg.Prometheus.FeatureFlags, "concurrent-rule-eval") {
		flags = append(flags, "--rule-concurrent-evaluation="+cmp.Or(cfg.Prometheus.ExtraArgs["rules.max-concurrent-evals"], "4")) // Prometheus' default
	}
	return append(flags, experimentalFunctions), nil
}

// rulerArgs holds flags of Prometheus about rules, by the name that the ruler has for them.
var rulerArgs = map[config.Flag]string{
	"rules.alert.for-grace-period":     "for-grace-period",
	"rules.alert.for-outage-tolerance": "for-outage-tolerance",
	"rules.alert.resend-delay":         "resend-delay",
}
