package components

import (
	"errors"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
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
	cfg := a.Stack.Config.LongTermStorage.Compactor
	if err := a.service("service", a.name, true, thanosHTTP); err != nil {
		return err
	}
	if err := a.networkPolicy(ingressRule{ports: []port{thanosHTTP}, from: []string{render.Prometheus.Name}}); err != nil {
		return err
	}
	templates, volumes := dataVolume(args.Claims, cfg.Size, nil)
	spec, annotations := &corev1.PodSpecArgs{Volumes: volumes}, pulumi.StringMap{}
	container := &corev1.ContainerArgs{
		Ports:        containerPorts(thanosHTTP),
		VolumeMounts: corev1.VolumeMountArray{mount(dataVolumeName, render.ThanosDataDir)},
	}
	flags := append(compactorFlags(a.Stack.Config), args.Store.add(spec, container, annotations)...)
	container.Args = pulumi.ToStringArray(flags)
	// A StatefulSet never runs two pods at once: two compactors would destroy each other's blocks.
	return a.thanosStatefulSet(&appsv1.StatefulSetSpecArgs{VolumeClaimTemplates: templates}, spec, container, annotations,
		args.Store, thanosPods{render.ThanosCompactor, 1, args.Store.account, nil, cfg.Resources, cfg.Scheduling}, bindTo(args.Claims), a.readyTimeout(0))
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
	if cfg.StoresCustomBuckets() {
		flags = append(flags, "--downsampling.disable") // which crashes on a series that changes from custom buckets to others
	}
	return flags
}
