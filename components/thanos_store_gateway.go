package components

import (
	"errors"
	"fmt"
	"time"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
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
	if err := a.disruptionBudget(cfg.Replicas, cfg.PodDisruptionBudget); err != nil {
		return err
	}
	if err := a.autoscale("StatefulSet", cfg.Scheduling); err != nil {
		return err
	}
	a.account = args.Store.account
	spec := &corev1.PodSpecArgs{
		ServiceAccountName:            args.Store.accountName,
		SecurityContext:               a.nonRoot(nobodyUID),
		TerminationGracePeriodSeconds: pulumi.Int(150), // queries get two minutes to end
		Volumes:                       corev1.VolumeArray{ephemeralData(cfg.Size)},
	}
	annotations := pulumi.StringMap{}
	container := &corev1.ContainerArgs{
		Name:  pulumi.String(a.name),
		Ports: containerPorts(thanosHTTP, thanosGRPC),
		// It reads the index of every block when it starts with an empty cache.
		StartupProbe:   probe("/-/ready", thanosHTTP.name, 10, int(storeStartup.Seconds())/10),
		ReadinessProbe: probe("/-/ready", thanosHTTP.name, 5, 6),
		LivenessProbe:  probe("/-/healthy", thanosHTTP.name, 10, 6),
		VolumeMounts:   corev1.VolumeMountArray{mount(dataVolumeName, render.ThanosDataDir)},
	}
	flags := append([]string{"store", "--data-dir=" + render.ThanosDataDir}, args.Store.add(spec, container, annotations)...)
	if selector := a.Stack.Thanos.Selectors[args.Partition]; selector != "" {
		flags = append(flags, "--selector.relabel-config="+selector)
	}
	flags = append(flags, a.addTLS(spec, container)...)
	container.Args = pulumi.ToStringArray(flags)
	spec.Containers = corev1.ContainerArray{a.container(container, cfg.Resources)}
	if cfg.Replicas > 1 {
		a.spreadReplicas(spec, false)
	}
	_, err := create(a, "statefulset", appsv1.NewStatefulSet, &appsv1.StatefulSetArgs{
		Metadata: a.workloadMetadata(),
		Spec: &appsv1.StatefulSetSpecArgs{
			Replicas:            pulumi.Int(cfg.Replicas),
			ServiceName:         pulumi.String(a.objectName()),
			PodManagementPolicy: pulumi.String("Parallel"),
			Selector:            &metav1.LabelSelectorArgs{MatchLabels: a.selector()},
			Template:            a.pod(spec, cfg.Scheduling, annotations),
		},
	}, pulumi.DependsOn([]pulumi.Resource{args.Store.Secret}), a.readyTimeout(storeStartup))
	return err
}
