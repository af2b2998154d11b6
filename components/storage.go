package components

import (
	"fmt"
	"path"
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	storagev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/storage/v1"
	property "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// dataVolumeName names the volume with an app's data, and its claim template.
const dataVolumeName = "data"

// Storage is where the replicas of an app keep their data: a PersistentVolumeClaim for each
// and, with storage.mode local, PersistentVolumes and their StorageClass. With storage.mode
// ephemeral it has no objects.
type Storage struct {
	pulumi.ResourceState

	// Claims are adopted by the app's StatefulSet; empty with ephemeral storage.
	Claims []pulumi.Resource

	volumes []pulumi.Resource // empty unless the storage is local
}

// Storages holds the Storage of each app of the stack. A field is nil if the app is not
// deployed or keeps no data.
type Storages struct {
	Prometheus                              []*Storage // by shard, retired ones included
	Alertmanager, Grafana, Compactor, Ruler *Storage
}

// BeforeOthers returns an option that orders a component and everything below it after the
// volumes and claims. An update that Kubernetes rejects for a volume then has changed nothing
// but other volumes.
func (s *Storages) BeforeOthers() pulumi.ResourceOption {
	// Not the components: depending on one covers only the children that the SDK has
	// registered by then.
	var volumes []pulumi.Resource
	for _, storage := range append(slices.Clone(s.Prometheus), s.Alertmanager, s.Grafana, s.Compactor, s.Ruler) {
		if storage != nil {
			volumes = slices.Concat(volumes, storage.volumes, storage.Claims)
		}
	}
	return pulumi.Transformations([]pulumi.ResourceTransformation{
		func(args *pulumi.ResourceTransformationArgs) *pulumi.ResourceTransformationResult {
			return &pulumi.ResourceTransformationResult{Props: args.Props, Opts: append(args.Opts, pulumi.DependsOn(volumes))}
		},
	})
}

// PrometheusClaims returns the claims of the servers of every shard.
func (s *Storages) PrometheusClaims() []pulumi.Resource {
	var claims []pulumi.Resource
	for _, storage := range s.Prometheus {
		claims = append(claims, storage.Claims...)
	}
	return claims
}

// StorageArgs configures a Storage.
type StorageArgs struct {
	Site
	App      string          // name of the app, and of its directory below storage.local.path
	Replicas int             // at least 1
	Size     config.Quantity // of each replica's volume
	Setting  string          // config path of Size, for messages
	Shard    int             // of Prometheus, from 0; its volumes are on the nodes after those of the shards before
	Cache    bool            // whether nothing is lost with the volumes, which are then not protected
}

// protect returns the option that keeps an update or `pulumi destroy` from deleting a volume with data.
func (args *StorageArgs) protect() pulumi.ResourceOption {
	return pulumi.Protect(args.Stack.Config.Storage.Protected() && !args.Cache)
}

func (args *StorageArgs) check() error {
	if args.App == "" || args.Replicas < 1 || args.Shard < 0 {
		return fmt.Errorf("StorageArgs needs an App, at least one replica and no negative Shard, not %q, %d and %d", args.App, args.Replicas, args.Shard)
	}
	return args.Site.check()
}

// inputs does not name the size: an update that a volume rejects leaves no trace in the state.
func (args *StorageArgs) inputs() pulumi.Map {
	return pulumi.Map{
		"mode":     pulumi.String(string(args.Stack.Config.Storage.Mode)),
		"replicas": pulumi.Int(args.Replicas),
	}
}

// DeployStorages deploys a Storage for every app of the stack that keeps data.
func DeployStorages(ctx *pulumi.Context, site Site, opts ...pulumi.ResourceOption) (*Storages, error) {
	cfg := site.Stack.Config
	s := &Storages{}
	// Until 0.1.0 Grafana's storage was a child of Grafana's component.
	parent := pulumi.CreateURN(pulumi.String("grafana"), pulumi.String(config.Project+":components:Grafana"),
		nil, pulumi.String(ctx.Project()), pulumi.String(ctx.Stack()))
	for shard := range cfg.Prometheus.Groups() {
		name := "storage"
		if shard > 0 {
			name = fmt.Sprintf("storage-shard-%d", shard)
		}
		storage, err := NewStorage(ctx, name, &StorageArgs{
			Site: site, App: render.Prometheus.Name, Shard: shard,
			Replicas: cfg.Prometheus.Replicas, Size: cfg.Storage.Size, Setting: "storage.size",
		}, opts...)
		if err != nil {
			return nil, err
		}
		s.Prometheus = append(s.Prometheus, storage)
	}
	for _, row := range []struct {
		storage   **Storage
		name      string
		keepsData bool
		args      StorageArgs
		opts      []pulumi.ResourceOption
	}{
		{&s.Alertmanager, "alertmanager-storage", cfg.Alerting.Enabled,
			StorageArgs{App: render.Alertmanager.Name, Replicas: cfg.Alerting.Replicas, Size: cfg.Alerting.Size, Setting: "alerting.size"}, nil},
		{&s.Grafana, "grafana-storage", cfg.Grafana.Deployed() && cfg.Grafana.Persistence.Enabled,
			StorageArgs{App: render.Grafana.Name, Replicas: 1, Size: cfg.Grafana.Persistence.Size, Setting: "grafana.persistence.size"},
			[]pulumi.ResourceOption{pulumi.Aliases([]pulumi.Alias{{ParentURN: parent}})}},
		{&s.Compactor, "thanos-compactor-storage", cfg.LongTermStorage.HasCompactor(),
			StorageArgs{App: render.ThanosCompactor.Name, Replicas: 1, Size: cfg.LongTermStorage.Compactor.Size, Setting: "longTermStorage.compactor.size", Cache: true}, nil},
		{&s.Ruler, "thanos-ruler-storage", cfg.HasRuler(),
			StorageArgs{App: render.ThanosRuler.Name, Replicas: cfg.LongTermStorage.Ruler.Replicas, Size: cfg.LongTermStorage.Ruler.Size, Setting: "longTermStorage.ruler.size"}, nil},
	} {
		if !row.keepsData {
			continue
		}
		row.args.Site = site
		var err error
		if *row.storage, err = NewStorage(ctx, row.name, &row.args, slices.Concat(opts, row.opts)...); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// NewStorage creates the claims of an app's replicas and, with local storage, their volumes.
func NewStorage(ctx *pulumi.Context, name string, args *StorageArgs, opts ...pulumi.ResourceOption) (*Storage, error) {
	c := &Storage{}
	return construct(ctx, "Storage", name, c, args, opts, app{role: "storage"}, func(a app) (pulumi.Map, error) {
		a.name = args.App
		if args.Shard > 0 {
			a.object = render.PrometheusShard(args.Shard).Name
		}
		switch a.Stack.Config.Storage.Mode {
		case config.StorageEphemeral:
			return pulumi.Map{}, nil
		case config.StorageLocal:
			return pulumi.Map{}, c.local(a, args)
		default:
			return pulumi.Map{}, c.dynamic(a, args)
		}
	})
}

// dynamic creates claims on volumes that a StorageClass provisions.
func (c *Storage) dynamic(a app, args *StorageArgs) error {
	var class pulumi.StringPtrInput // nil is the cluster's default class
	if storageClass := args.Stack.Config.Storage.StorageClass; storageClass != "" {
		class = pulumi.String(storageClass)
	}
	for replica := range args.Replicas {
		if err := c.claim(a, args, replica, class); err != nil {
			return err
		}
	}
	return nil
}

// local creates, for each replica, a volume in a directory of one node and the claim on it.
// https://kubernetes.io/docs/concepts/storage/volumes/#local
func (c *Storage) local(a app, args *StorageArgs) error {
	storage := args.Stack.Config.Storage
	class, err := create(a, "class", storagev1.NewStorageClass, &storagev1.StorageClassArgs{
		Metadata:    a.clusterMetadata(a.objectName() + "-local"),
		Provisioner: pulumi.String("kubernetes.io/no-provisioner"),
		// The scheduler chooses the pod's node first, and thereby the volume.
		VolumeBindingMode:    pulumi.String("WaitForFirstConsumer"),
		ReclaimPolicy:        pulumi.String("Retain"),
		AllowVolumeExpansion: pulumi.Bool(true),
	})
	if err != nil {
		return err
	}
	className := class.Metadata.Name().Elem()
	for replica, node := range storage.Local.Nodes[args.Shard*args.Replicas:][:args.Replicas] {
		suffix := fmt.Sprintf("volume-%d", replica)
		hook, err := a.rejectShrinking(suffix, args.Setting, "capacity")
		if err != nil {
			return err
		}
		volume, err := create(a, suffix, corev1.NewPersistentVolume, &corev1.PersistentVolumeArgs{
			Metadata: a.clusterMetadata(claimName(a.objectName(), replica)),
			Spec: &corev1.PersistentVolumeSpecArgs{
				Capacity:                      pulumi.StringMap{"storage": pulumi.String(args.Size.String())},
				AccessModes:                   pulumi.ToStringArray([]string{"ReadWriteOnce"}),
				PersistentVolumeReclaimPolicy: pulumi.String("Retain"),
				StorageClassName:              className,
				VolumeMode:                    pulumi.String("Filesystem"),
				// Reserves the volume: the data of replica N is on node N and nowhere else.
				ClaimRef: &corev1.ObjectReferenceArgs{
					ApiVersion: pulumi.String("v1"),
					Kind:       pulumi.String("PersistentVolumeClaim"),
					Namespace:  a.Namespace,
					Name:       pulumi.String(claimName(a.objectName(), replica)),
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
		}, args.protect(), hook)
		if err != nil {
			return err
		}
		c.volumes = append(c.volumes, volume)
		if err := c.claim(a, args, replica, className, pulumi.ReplaceWith([]pulumi.Resource{volume})); err != nil {
			return err
		}
	}
	return nil
}

// claim creates the PersistentVolumeClaim that the StatefulSet would otherwise create from
// its template. As a resource of its own it can grow: a template cannot change.
func (c *Storage) claim(a app, args *StorageArgs, replica int, class pulumi.StringPtrInput, opts ...pulumi.ResourceOption) error {
	suffix := fmt.Sprintf("claim-%d", replica)
	hook, err := a.rejectShrinking(suffix, args.Setting, "resources", "requests")
	if err != nil {
		return err
	}
	metadata := a.metadata(claimName(a.objectName(), replica))
	// The provider would wait for phase Pending: a claim that is bound at once may never show
	// it, and one that grows never does. What the API server rejects still fails at once;
	// the alert PersistentVolumeClaimResizePending fires for a volume that does not grow.
	metadata.Annotations = pulumi.StringMap{"pulumi.com/skipAwait": pulumi.String("true")}
	claim, err := create(a, suffix, corev1.NewPersistentVolumeClaim, &corev1.PersistentVolumeClaimArgs{
		Metadata: metadata,
		Spec:     claimSpec(pulumi.String(args.Size.String()), class),
	}, append(opts, args.protect(), hook)...)
	if err != nil {
		return err
	}
	c.Claims = append(c.Claims, claim)
	return nil
}

// claimSpec returns the spec of a claim on a volume of size. A nil class is the cluster's
// default StorageClass.
func claimSpec(size pulumi.StringInput, class pulumi.StringPtrInput) *corev1.PersistentVolumeClaimSpecArgs {
	return &corev1.PersistentVolumeClaimSpecArgs{
		AccessModes:      pulumi.ToStringArray([]string{"ReadWriteOnce"}),
		StorageClassName: class,
		Resources: &corev1.VolumeResourceRequirementsArgs{
			Requests: pulumi.StringMap{"storage": size},
		},
	}
}

// dataVolume returns a StatefulSet's claim templates and volumes, with the app's data in one
// of them: in a claim if there are any, else in a directory that is deleted with the pod.
func dataVolume(claims []pulumi.Resource, size config.Quantity, volumes corev1.VolumeArray) (corev1.PersistentVolumeClaimTypeArray, corev1.VolumeArray) {
	if len(claims) > 0 {
		return claimTemplate(), volumes
	}
	return nil, append(volumes, ephemeralData(size))
}

// ephemeralData returns a volume for an app's data that is deleted with the pod. The kubelet
// evicts the pod when the volume is larger than size.
func ephemeralData(size config.Quantity) *corev1.VolumeArgs {
	return &corev1.VolumeArgs{
		Name:     pulumi.String(dataVolumeName),
		EmptyDir: &corev1.EmptyDirVolumeSourceArgs{SizeLimit: pulumi.String(size.String())},
	}
}

// bindTo returns an option that orders a StatefulSet after its claims. A replaced claim also
// replaces the StatefulSet: Kubernetes deletes no claim that a pod uses.
func bindTo(claims []pulumi.Resource) pulumi.ResourceOption {
	return pulumi.Composite(pulumi.DependsOn(claims), pulumi.ReplaceWith(claims))
}

// claimTemplate returns the template that makes a StatefulSet adopt the claims: it looks for
// <template>-<StatefulSet>-<ordinal> before it creates one. Size and class are not those of
// the claims, because a changed template replaces the StatefulSet.
func claimTemplate() corev1.PersistentVolumeClaimTypeArray {
	return corev1.PersistentVolumeClaimTypeArray{&corev1.PersistentVolumeClaimTypeArgs{
		Metadata: &metav1.ObjectMetaArgs{Name: pulumi.String(dataVolumeName)},
		Spec:     claimSpec(pulumi.String("1Gi"), nil),
	}}
}

// claimName returns the name by which the StatefulSet called app finds the claim of a replica.
func claimName(app string, replica int) string {
	return fmt.Sprintf("%s-%s-%d", dataVolumeName, app, replica)
}

// rejectShrinking returns an option that fails the preview and the update of a volume or
// claim that would shrink. Kubernetes rejects that too, but halfway through the update.
// setting is the config path of the size; path and the key storage lead to it in the
// object's spec.
func (a app) rejectShrinking(suffix, setting string, path ...property.PropertyKey) (pulumi.ResourceOption, error) {
	path = append(append([]property.PropertyKey{"spec"}, path...), "storage")
	hook, err := a.ctx.RegisterResourceHook(a.prefix+"-"+suffix+"-keeps-its-size", func(args *pulumi.ResourceHookArgs) error {
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

// quantityAt returns the quantity at path in an object's inputs; 0 if there is none yet, or
// if it cannot be parsed.
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
