package components

import (
	"fmt"
	"path"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	storagev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/storage/v1"
	property "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// dataVolume is the volume of an app's data, and the claim template it is made by.
const dataVolume = "data"

// Storage is where the replicas of an app keep their data: a claim for each,
// and with local storage the volumes and their StorageClass too.
type Storage struct {
	pulumi.ResourceState

	// Claims are what a StatefulSet adopts by name; none for ephemeral storage.
	Claims []pulumi.Resource
}

// Storages are where the apps of a stack keep their data; nil for an app that is not
// deployed or keeps none.
type Storages struct{ Prometheus, Alertmanager, Grafana *Storage }

// BeforeOthers returns an option that orders a component and everything below it behind the
// volumes, so that an update which a volume refuses has changed nothing but other volumes.
func (s *Storages) BeforeOthers() pulumi.ResourceOption {
	var storages []pulumi.Resource
	for _, storage := range []*Storage{s.Prometheus, s.Alertmanager, s.Grafana} {
		if storage != nil {
			storages = append(storages, storage)
		}
	}
	return pulumi.Transformations([]pulumi.ResourceTransformation{
		func(args *pulumi.ResourceTransformationArgs) *pulumi.ResourceTransformationResult {
			return &pulumi.ResourceTransformationResult{Props: args.Props, Opts: append(args.Opts, pulumi.DependsOn(storages))}
		},
	})
}

// StorageArgs configures the volumes of one app.
type StorageArgs struct {
	Site
	App      string // the StatefulSet's name, and with local storage the directory's
	Replicas int
	Size     config.Quantity
	Setting  string // config path of Size, for messages
	Data     string // what is lost when storage is ephemeral
}

// DeployStorages creates the volumes of every app of the stack that keeps data.
func DeployStorages(ctx *pulumi.Context, site Site, opts ...pulumi.ResourceOption) (*Storages, error) {
	cfg := site.Config
	s := &Storages{}
	var err error
	if s.Prometheus, err = NewStorage(ctx, "storage", &StorageArgs{
		Site:     site,
		App:      "prometheus",
		Replicas: cfg.Prometheus.Replicas,
		Size:     cfg.Storage.Size,
		Setting:  "storage.size",
		Data:     "samples",
	}, opts...); err != nil {
		return nil, err
	}
	if cfg.Alerting.Enabled {
		if s.Alertmanager, err = NewStorage(ctx, "alertmanager-storage", &StorageArgs{
			Site:     site,
			App:      "alertmanager",
			Replicas: cfg.Alerting.Replicas,
			Size:     cfg.Alerting.Size,
			Setting:  "alerting.size",
			Data:     "silences",
		}, opts...); err != nil {
			return nil, err
		}
	}
	if cfg.Grafana.Deployed() && cfg.Grafana.Persistence.Enabled {
		// Until 94c1c38 it was a child of Grafana's component.
		grafana := pulumi.CreateURN(pulumi.String("grafana"), pulumi.String(config.Project+":components:Grafana"),
			nil, pulumi.String(ctx.Project()), pulumi.String(ctx.Stack()))
		if s.Grafana, err = NewStorage(ctx, "grafana-storage", &StorageArgs{
			Site:     site,
			App:      "grafana",
			Replicas: 1,
			Size:     cfg.Grafana.Persistence.Size,
			Setting:  "grafana.persistence.size",
		}, append(opts, pulumi.Aliases([]pulumi.Alias{{ParentURN: grafana}}))...); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// NewStorage creates the volumes of an app's replicas.
func NewStorage(ctx *pulumi.Context, name string, args *StorageArgs, opts ...pulumi.ResourceOption) (*Storage, error) {
	c := &Storage{}
	if err := register(ctx, "Storage", name, c, opts...); err != nil {
		return nil, err
	}
	a := app{site: args.Site, name: args.App, role: "storage"}
	switch args.Config.Storage.Mode {
	case config.EphemeralStorage:
		if err := ctx.Log.Warn("storage.mode is ephemeral: "+args.Data+" are lost with each pod", &pulumi.LogArgs{Resource: c}); err != nil {
			return nil, err
		}
	case config.LocalStorageMode:
		if err := c.local(ctx, name, a, args); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	default:
		if err := c.dynamic(ctx, name, a, args); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{})
}

// dynamic claims volumes that a StorageClass provisions.
func (c *Storage) dynamic(ctx *pulumi.Context, name string, a app, args *StorageArgs) error {
	var class pulumi.StringPtrInput // nil is the cluster's default class
	if storageClass := args.Config.Storage.StorageClass; storageClass != "" {
		class = pulumi.String(storageClass)
	}
	for replica := range args.Replicas {
		if err := c.claim(ctx, name, a, args, replica, class); err != nil {
			return err
		}
	}
	return nil
}

// local claims a directory on the disk of a node for each replica.
func (c *Storage) local(ctx *pulumi.Context, name string, a app, args *StorageArgs) error {
	storage := args.Config.Storage
	class, err := storagev1.NewStorageClass(ctx, name+"-class", &storagev1.StorageClassArgs{
		Metadata:    a.clusterMetadata(a.name + "-local"),
		Provisioner: pulumi.String("kubernetes.io/no-provisioner"),
		// The scheduler picks the pod's node first, and with it the volume.
		VolumeBindingMode:    pulumi.String("WaitForFirstConsumer"),
		ReclaimPolicy:        pulumi.String("Retain"),
		AllowVolumeExpansion: pulumi.Bool(true),
	}, pulumi.Parent(c))
	if err != nil {
		return err
	}
	className := class.Metadata.Name().Elem()
	for replica, node := range storage.Local.Nodes[:args.Replicas] {
		hook, err := refuseShrinking(ctx, fmt.Sprintf("%s-volume-%d", name, replica), args.Setting, "capacity")
		if err != nil {
			return err
		}
		volume, err := corev1.NewPersistentVolume(ctx, fmt.Sprintf("%s-volume-%d", name, replica), &corev1.PersistentVolumeArgs{
			Metadata: a.clusterMetadata(claimName(a.name, replica)),
			Spec: &corev1.PersistentVolumeSpecArgs{
				Capacity:                      pulumi.StringMap{"storage": pulumi.String(args.Size.String())},
				AccessModes:                   pulumi.ToStringArray([]string{"ReadWriteOnce"}),
				PersistentVolumeReclaimPolicy: pulumi.String("Retain"),
				StorageClassName:              className,
				VolumeMode:                    pulumi.String("Filesystem"),
				// Reserved: replica N has its data on node N and nowhere else.
				ClaimRef: &corev1.ObjectReferenceArgs{
					ApiVersion: pulumi.String("v1"),
					Kind:       pulumi.String("PersistentVolumeClaim"),
					Namespace:  a.site.Namespace,
					Name:       pulumi.String(claimName(a.name, replica)),
				},
				Local: &corev1.LocalVolumeSourceArgs{Path: pulumi.String(path.Join(storage.Local.Path, a.name))},
				NodeAffinity: &corev1.VolumeNodeAffinityArgs{Required: &corev1.NodeSelectorArgs{
					NodeSelectorTerms: corev1.NodeSelectorTermArray{&corev1.NodeSelectorTermArgs{
						MatchExpressions: corev1.NodeSelectorRequirementArray{&corev1.NodeSelectorRequirementArgs{
							Key:      pulumi.String("kubernetes.io/hostname"),
							Operator: pulumi.String("In"),
							Values:   pulumi.ToStringArray([]string{node}),
						}},
					}},
				}},
			},
		}, pulumi.Parent(c), pulumi.Protect(storage.Protected()), hook)
		if err != nil {
			return err
		}
		if err := c.claim(ctx, name, a, args, replica, className, pulumi.ReplaceWith([]pulumi.Resource{volume})); err != nil {
			return err
		}
	}
	return nil
}

// claim creates the PersistentVolumeClaim that the StatefulSet would otherwise
// create itself. As a resource of its own it grows in place.
func (c *Storage) claim(ctx *pulumi.Context, name string, a app, args *StorageArgs, replica int, class pulumi.StringPtrInput, opts ...pulumi.ResourceOption) error {
	hook, err := refuseShrinking(ctx, fmt.Sprintf("%s-claim-%d", name, replica), args.Setting, "resources", "requests")
	if err != nil {
		return err
	}
	metadata := a.metadata(claimName(a.name, replica))
	// The provider would wait for phase Pending, which a claim with a volume of its own may
	// never show, and for ever when a bound claim grows. What the API server refuses fails
	// at once all the same; PersistentVolumeClaimResizePending reports a volume that does not
	// follow.
	metadata.Annotations = pulumi.StringMap{"pulumi.com/skipAwait": pulumi.String("true")}
	claim, err := corev1.NewPersistentVolumeClaim(ctx, fmt.Sprintf("%s-claim-%d", name, replica), &corev1.PersistentVolumeClaimArgs{
		Metadata: metadata,
		Spec:     claimSpec(pulumi.String(args.Size.String()), class),
	}, append(opts, pulumi.Parent(c), pulumi.Protect(args.Config.Storage.Protected()), hook)...)
	if err != nil {
		return err
	}
	c.Claims = append(c.Claims, claim)
	return nil
}

// claimSpec asks for a volume of one size.
func claimSpec(size pulumi.StringInput, class pulumi.StringPtrInput) *corev1.PersistentVolumeClaimSpecArgs {
	return &corev1.PersistentVolumeClaimSpecArgs{
		AccessModes:      pulumi.ToStringArray([]string{"ReadWriteOnce"}),
		StorageClassName: class,
		Resources: &corev1.VolumeResourceRequirementsArgs{
			Requests: pulumi.StringMap{"storage": size},
		},
	}
}

// data is the volume of an app's data: from the claim template when there are
// claims, else a directory that goes with the pod.
func data(claims []pulumi.Resource, size config.Quantity, volumes corev1.VolumeArray) (corev1.PersistentVolumeClaimTypeArray, corev1.VolumeArray) {
	if len(claims) > 0 {
		return claimTemplate(), volumes
	}
	return nil, append(volumes, &corev1.VolumeArgs{
		Name:     pulumi.String(dataVolume),
		EmptyDir: &corev1.EmptyDirVolumeSourceArgs{SizeLimit: pulumi.String(size.String())},
	})
}

// adopts orders a StatefulSet behind its claims. A claim that is replaced takes
// the StatefulSet with it: no claim can be deleted while a pod uses it.
func adopts(claims []pulumi.Resource) pulumi.ResourceOption {
	return pulumi.Composite(pulumi.DependsOn(claims), pulumi.ReplaceWith(claims))
}

// claimTemplate is what makes the StatefulSet adopt the claims: it looks for
// <template>-<StatefulSet>-<ordinal> before it creates one. It says nothing of
// the claims' size and class, because a changed template replaces the
// StatefulSet.
func claimTemplate() corev1.PersistentVolumeClaimTypeArray {
	return corev1.PersistentVolumeClaimTypeArray{&corev1.PersistentVolumeClaimTypeArgs{
		Metadata: &metav1.ObjectMetaArgs{Name: pulumi.String(dataVolume)},
		Spec:     claimSpec(pulumi.String("1Gi"), nil),
	}}
}

func claimName(app string, replica int) string {
	return fmt.Sprintf("%s-%s-%d", dataVolume, app, replica)
}

// refuseShrinking makes the preview and the update of a volume or claim fail when it would
// become smaller: Kubernetes refuses that too, but halfway through the update. setting is
// the config path of the size, and path leads to it in the object's spec.
func refuseShrinking(ctx *pulumi.Context, name, setting string, path ...property.PropertyKey) (pulumi.ResourceOption, error) {
	path = append(append([]property.PropertyKey{"spec"}, path...), "storage")
	hook, err := ctx.RegisterResourceHook(name+"-keeps-its-size", func(args *pulumi.ResourceHookArgs) error {
		before, after := quantityAt(args.OldInputs, path), quantityAt(args.NewInputs, path)
		if !after.IsZero() && after.Cmp(before) < 0 {
			return fmt.Errorf("%s: %s would shrink %s, which has %s: a volume only grows; allowed: %s or more",
				setting, after.String(), args.Name, before.String(), before.String())
		}
		return nil
	}, &pulumi.ResourceHookOptions{OnDryRun: true})
	if err != nil {
		return nil, err
	}
	return pulumi.ResourceHooks(&pulumi.ResourceHookBinding{BeforeUpdate: []*pulumi.ResourceHook{hook}}), nil
}

// quantityAt returns the amount at a path of an object's inputs, 0 if that is not known.
func quantityAt(inputs property.PropertyMap, path []property.PropertyKey) resource.Quantity {
	value := property.NewObjectProperty(inputs)
	for _, key := range path {
		if !value.IsObject() {
			return resource.Quantity{}
		}
		value = value.ObjectValue()[key]
	}
	if !value.IsString() {
		return resource.Quantity{}
	}
	amount, err := resource.ParseQuantity(value.StringValue())
	if err != nil {
		return resource.Quantity{}
	}
	return amount
}
