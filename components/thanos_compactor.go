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

// ThanosCompactor compacts, downsamples and deletes blocks in the object store: a StatefulSet with one
// pod, a Service and a NetworkPolicy.
type ThanosCompactor struct{ pulumi.ResourceState }

// ThanosCompactorArgs configures a ThanosCompactor.
type ThanosCompactorArgs struct {
	Site
	Store  *ObjectStore
	Claims []pulumi.Resource // of its volume; empty with ephemeral storage
}

// NewThanosCompactor deploys the compactor.
func NewThanosCompactor(ctx *pulumi.Context, name string, args *ThanosCompactorArgs, opts ...pulumi.ResourceOption) (*ThanosCompactor, error) {
	c := &ThanosCompactor{}
	a := app{name: render.ThanosCompactor.Name, role: "compactor", image: config.ThanosImage}
	return construct(ctx, "ThanosCompactor", name, c, args, opts, a, func(a app) (pulumi.Map, error) {
		return pulumi.Map{}, a.deployCompactor(args)
	})
}

func (args *ThanosCompactorArgs) check() error {
	if err := args.checkThanos(); err != nil {
		return err
	}
	if args.Store == nil {
		return errors.New("ThanosCompactorArgs needs a Store")
	}
	return nil
}

func (args *ThanosCompactorArgs) inputs() pulumi.Map {
	cfg := args.Stack.Config
	return pulumi.Map{
		"image": pulumi.String(cfg.Images.Ref(config.ThanosImage)),
		"raw":   pulumi.String(cfg.LongTermStorage.Retention.Raw.String()),
	}
}

func (a app) deployCompactor(args *ThanosCompactorArgs) error {
	cfg := a.Stack.Config.LongTermStorage
	if err := a.service("service", a.name, true, thanosHTTP); err != nil {
		return err
	}
	if err := a.networkPolicy(ingressRule{ports: []port{thanosHTTP}, from: []string{render.Prometheus.Name}}); err != nil {
		return err
	}
	if err := a.autoscale("StatefulSet", cfg.Compactor.Scheduling); err != nil {
		return err
	}
	a.account = args.Store.account
	templates, volumes := dataVolume(args.Claims, cfg.Compactor.Size, nil)
	spec := &corev1.PodSpecArgs{
		ServiceAccountName:            args.Store.accountName,
		SecurityContext:               a.nonRoot(nobodyUID),
		TerminationGracePeriodSeconds: pulumi.Int(150),
		Volumes:                       volumes,
	}
	annotations := pulumi.StringMap{}
	container := &corev1.ContainerArgs{
		Name:           pulumi.String(a.name),
		Ports:          containerPorts(thanosHTTP),
		ReadinessProbe: probe("/-/ready", thanosHTTP.name, 5, 6),
		LivenessProbe:  probe("/-/healthy", thanosHTTP.name, 10, 6),
		VolumeMounts:   corev1.VolumeMountArray{mount(dataVolumeName, render.ThanosDataDir)},
	}
	flags := append(compactorFlags(a.Stack.Config), args.Store.add(spec, container, annotations)...)
	container.Args = pulumi.ToStringArray(flags)
	spec.Containers = corev1.ContainerArray{a.container(container, cfg.Compactor.Resources)}
	// A StatefulSet never runs two pods at once: two compactors would destroy each other's blocks.
	_, err := create(a, "statefulset", appsv1.NewStatefulSet, &appsv1.StatefulSetArgs{
		Metadata: a.workloadMetadata(),
		Spec: &appsv1.StatefulSetSpecArgs{
			Replicas:             pulumi.Int(1),
			ServiceName:          pulumi.String(a.name),
			Selector:             &metav1.LabelSelectorArgs{MatchLabels: a.selector()},
			Template:             a.pod(spec, cfg.Compactor.Scheduling, annotations),
			VolumeClaimTemplates: templates,
		},
	}, bindTo(args.Claims), pulumi.DependsOn([]pulumi.Resource{args.Store.Secret}), a.readyTimeout(0))
	return err
}

// compactorFlags returns the compactor's command line, without the store:
// https://thanos.io/tip/components/compact.md/#flags
func compactorFlags(cfg *config.Config) []string {
	retention := cfg.LongTermStorage.Retention
	flags := []string{
		"compact",
		"--wait",
		"--data-dir=" + render.ThanosDataDir,
		"--retention.resolution-raw=" + retention.Raw.String(),
		"--retention.resolution-5m=" + retention.FiveMinutes.String(),
		"--retention.resolution-1h=" + retention.OneHour.String(),
		"--disable-admin-operations",                    // nobody who reaches its web UI may mark blocks for deletion
		"--block-viewer.global.sync-block-interval=15m", // as the store gateways; each asks the object store for every block
	}
	if cfg.Prometheus.OutOfOrderTimeWindow.Duration > 0 {
		// Samples that arrive late are in blocks of their own, which overlap the others of a replica.
		flags = append(flags, "--compact.enable-vertical-compaction")
	}
	if cfg.StoresNative() {
		flags = append(flags, "--downsampling.disable") // which crashes on a series that changes from custom buckets to others
	}
	return flags
}
