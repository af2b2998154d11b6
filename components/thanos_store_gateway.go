package components

import (
	"errors"
	"fmt"
	"time"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// ThanosStoreGateway answers queries from one partition of the object store: a StatefulSet, a Service, a
// NetworkPolicy and, with several replicas, a PodDisruptionBudget.
type ThanosStoreGateway struct{ pulumi.ResourceState }

// ThanosStoreGatewayArgs configures a ThanosStoreGateway.
type ThanosStoreGatewayArgs struct {
	Site
	Store     *ObjectStore
	Partition int // from 0
}

// NewThanosStoreGateway deploys the store gateway of a partition.
func NewThanosStoreGateway(ctx *pulumi.Context, name string, args *ThanosStoreGatewayArgs, opts ...pulumi.ResourceOption) (*ThanosStoreGateway, error) {
	c := &ThanosStoreGateway{}
	a := app{name: render.ThanosStoreGateway.Name, role: "store-gateway", image: config.ThanosImage}
	return construct(ctx, "ThanosStoreGateway", name, c, args, opts, a, func(a app) (pulumi.Map, error) {
		if len(a.Stack.Thanos.Selectors) > 1 { // the pods of a partition are selected by their role
			a.object = render.StoreGatewayName(a.Stack.Config, args.Partition)
			a.role = fmt.Sprintf("store-gateway-%d", args.Partition)
		}
		return pulumi.Map{}, a.deployStoreGateway(args)
	})
}

func (args *ThanosStoreGatewayArgs) check() error {
	if err := args.checkThanos(); err != nil {
		return err
	}
	if args.Store == nil || args.Partition < 0 || args.Partition >= len(args.Stack.Thanos.Selectors) {
		return errors.New("ThanosStoreGatewayArgs needs a Store, and a Partition that the stack has")
	}
	return nil
}

func (args *ThanosStoreGatewayArgs) inputs() pulumi.Map {
	cfg := args.Stack.Config
	return pulumi.Map{
		"image":     pulumi.String(cfg.Images.Ref(config.ThanosImage)),
		"replicas":  pulumi.Int(cfg.LongTermStorage.StoreGateway.Replicas),
		"partition": pulumi.Int(args.Partition),
	}
}

// storeStartup is how long a store gateway may take to read the index of every block.
const storeStartup = 15 * time.Minute

func (a app) deployStoreGateway(args *ThanosStoreGatewayArgs) error {
	cfg := a.Stack.Config.LongTermStorage.StoreGateway
	if err := a.service("service", a.objectName(), true, thanosHTTP, thanosGRPC); err != nil {
		return err
	}
	if err := a.networkPolicy(
		ingressRule{ports: []port{thanosHTTP}, from: []string{render.Prometheus.Name}},
		ingressRule{ports: []port{thanosGRPC}, from: []string{render.ThanosQuery.Name}},
	); err != nil {
		return err
	}
	spec, annotations := &corev1.PodSpecArgs{Volumes: corev1.VolumeArray{ephemeralData(cfg.Size)}}, pulumi.StringMap{}
	container := &corev1.ContainerArgs{
		Ports: containerPorts(thanosHTTP, thanosGRPC),
		// It reads the index of every block when it starts with an empty cache.
		StartupProbe: probe("/-/ready", thanosHTTP.name, 10, int(storeStartup.Seconds())/10),
		VolumeMounts: corev1.VolumeMountArray{mount(dataVolumeName, render.ThanosDataDir)},
	}
	flags := append([]string{"store", "--data-dir=" + render.ThanosDataDir}, args.Store.add(spec, container, annotations)...)
	if selector := a.Stack.Thanos.Selectors[args.Partition]; selector != "" {
		flags = append(flags, "--selector.relabel-config="+selector)
	}
	flags = append(flags, a.addGRPC(spec, container)...)
	container.Args = pulumi.ToStringArray(flags)
	return a.thanosStatefulSet(&appsv1.StatefulSetSpecArgs{PodManagementPolicy: pulumi.String("Parallel")}, spec, container, annotations,
		args.Store, thanosPods{render.ThanosStoreGateway, cfg.Replicas, args.Store.account, cfg.PodDisruptionBudget, cfg.Resources, cfg.Scheduling}, a.readyTimeout(storeStartup))
}
