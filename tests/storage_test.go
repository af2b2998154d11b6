package tests

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/types/known/structpb"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/offline"
)

// stack is a Config of YAML; what every stack has to set is set.
func stack(t testing.TB, text string) *config.Config {
	t.Helper()
	values := map[string]any{}
	require.NoError(t, yaml.Unmarshal([]byte(text), &values))
	for key, required := range map[string]any{"cluster": map[string]any{"name": "test"}, "grafana": map[string]any{"enabled": false}} {
		if _, set := values[key]; !set {
			values[key] = required
		}
	}
	cfg, err := config.Decode(values)
	require.NoError(t, err)
	return cfg
}

// storage is Prometheus' storage, as main.go makes it.
func storage(ctx *pulumi.Context, site components.Site) error {
	_, err := components.NewStorage(ctx, "storage", &components.StorageArgs{
		Site:     site,
		App:      "prometheus",
		Replicas: site.Config.Prometheus.Replicas,
		Size:     site.Config.Storage.Size,
		Data:     "samples",
	})
	return err
}

func TestDynamicStorage(t *testing.T) {
	s := Component(t, stack(t, "storage: {size: 100Gi, storageClass: fast}\nprometheus: {replicas: 2}"), storage)
	require.Len(t, All[*corev1.PersistentVolumeClaim](s), 2)
	for _, name := range []string{"data-prometheus-0", "data-prometheus-1"} {
		claim := Get[*corev1.PersistentVolumeClaim](t, s, name)
		assert.Equal(t, "fast", *claim.Spec.StorageClassName)
		assert.Equal(t, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, claim.Spec.AccessModes)
		assert.Equal(t, "100Gi", claim.Spec.Resources.Requests.Storage().String())
		assert.True(t, s.Of(claim).Protect)
		assert.Len(t, s.Of(claim).Hooks, 1, "the hook that refuses to shrink it")
	}
	assert.Empty(t, All[*corev1.PersistentVolume](s))
	assert.Empty(t, All[*storagev1.StorageClass](s))

	s = Component(t, stack(t, "storage: {protect: false}"), storage)
	claim := Get[*corev1.PersistentVolumeClaim](t, s, "data-prometheus-0")
	assert.Nil(t, claim.Spec.StorageClassName, "the cluster's default class")
	assert.False(t, s.Of(claim).Protect)
}

func TestLocalStorage(t *testing.T) {
	s := Component(t, stack(t, `
storage: {mode: local, size: 10Gi, local: {path: /mnt/ssd, nodes: [node-a, node-b]}}
prometheus: {replicas: 2}`), storage)
	class := Get[*storagev1.StorageClass](t, s, "monitoring-prometheus-local")
	assert.Equal(t, "kubernetes.io/no-provisioner", class.Provisioner)
	assert.Equal(t, storagev1.VolumeBindingWaitForFirstConsumer, *class.VolumeBindingMode)
	assert.Equal(t, corev1.PersistentVolumeReclaimRetain, *class.ReclaimPolicy)
	assert.True(t, *class.AllowVolumeExpansion, "the API server refuses to grow claims of other classes")

	for name, node := range map[string]string{"data-prometheus-0": "node-a", "data-prometheus-1": "node-b"} {
		volume := Get[*corev1.PersistentVolume](t, s, "monitoring-"+name)
		assert.Equal(t, "/mnt/ssd/prometheus", volume.Spec.Local.Path)
		assert.Equal(t, "10Gi", volume.Spec.Capacity.Storage().String())
		assert.Equal(t, corev1.PersistentVolumeReclaimRetain, volume.Spec.PersistentVolumeReclaimPolicy)
		assert.Equal(t, []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{
			{Key: "kubernetes.io/hostname", Operator: corev1.NodeSelectorOpIn, Values: []string{node}},
		}}}, volume.Spec.NodeAffinity.Required.NodeSelectorTerms)
		assert.Equal(t, &corev1.ObjectReference{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: "monitoring", Name: name},
			volume.Spec.ClaimRef, "reserved for its claim")
		assert.True(t, s.Of(volume).Protect)

		claim := Get[*corev1.PersistentVolumeClaim](t, s, name)
		assert.Equal(t, class.Name, *claim.Spec.StorageClassName)
		assert.Equal(t, class.Name, volume.Spec.StorageClassName)
		assert.Equal(t, volume.Spec.Capacity.Storage().String(), claim.Spec.Resources.Requests.Storage().String())
	}
}

func TestEphemeralStorage(t *testing.T) {
	engine := &offline.Engine{}
	require.NoError(t, engine.Run(func(ctx *pulumi.Context) error {
		return storage(ctx, components.Site{Config: stack(t, "storage: {mode: ephemeral}"), Namespace: pulumi.String("monitoring")})
	}))
	assert.Empty(t, snapshot(t, engine).objects())
	assert.Equal(t, []string{"storage.mode is ephemeral: samples are lost with each pod"}, engine.Warnings(), "said in every preview")
}

// A claim's hook answers to the old and the new size as the engine asks it,
// in previews too.
func TestClaimsDoNotShrink(t *testing.T) {
	sized := func(size any) *structpb.Struct {
		inputs, err := structpb.NewStruct(map[string]any{"spec": map[string]any{"resources": map[string]any{"requests": map[string]any{"storage": size}}}})
		require.NoError(t, err)
		return inputs
	}
	empty, err := structpb.NewStruct(map[string]any{"spec": "what is this"})
	require.NoError(t, err)

	engine := &offline.Engine{}
	answers := map[string]string{}
	engine.AtShutdown = func() {
		for name, update := range map[string]struct{ before, after *structpb.Struct }{
			"shrinks":                {sized("50Gi"), sized("40Gi")},
			"shrinks in other units": {sized("1Ti"), sized("1000Gi")},
			"grows":                  {sized("50Gi"), sized("60Gi")},
			"stays":                  {sized("50Gi"), sized("50Gi")},
			"stays in other units":   {sized("1Gi"), sized("1024Mi")},
			"has no known old size":  {empty, sized("50Gi")},
			"has no known new size":  {sized("50Gi"), sized(nil)},
			"is new":                 {nil, sized("50Gi")},
		} {
			refusal, err := engine.CallHook(t.Context(), "storage-claim-0-keeps-its-size", &pulumirpc.ResourceHookRequest{
				Name: "storage-claim-0", OldInputs: update.before, NewInputs: update.after,
			})
			assert.NoError(t, err)
			answers[name] = refusal
		}
	}
	require.NoError(t, engine.Run(func(ctx *pulumi.Context) error {
		return storage(ctx, components.Site{Config: stack(t, ""), Namespace: pulumi.String("monitoring")})
	}))
	assert.Equal(t, map[string]string{
		"shrinks":                "storage-claim-0 would shrink from 50Gi to 40Gi; a volume only grows: set its size back to 50Gi or more",
		"shrinks in other units": "storage-claim-0 would shrink from 1Ti to 1000Gi; a volume only grows: set its size back to 1Ti or more",
		"grows":                  "", "stays": "", "stays in other units": "", "has no known old size": "", "has no known new size": "", "is new": "",
	}, answers)
	assert.True(t, engine.Hook("storage-claim-0-keeps-its-size").OnDryRun)

	s := snapshot(t, engine)
	assert.Equal(t, []string{"storage-claim-0-keeps-its-size"}, s.Of(Get[*corev1.PersistentVolumeClaim](t, s, "data-prometheus-0")).Hooks)
}
