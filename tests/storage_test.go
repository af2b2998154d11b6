package tests

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// storage deploys Prometheus' storage alone.
func storage(ctx *pulumi.Context, site components.Site) error {
	cfg := site.Stack.Config
	_, err := components.NewStorage(ctx, "storage", &components.StorageArgs{
		Site: site, App: "prometheus", Replicas: cfg.Prometheus.Replicas, Size: cfg.Storage.Size, Setting: "storage.size",
	})
	return err
}

func TestDynamicStorage(t *testing.T) {
	s := Component(t, configtest.Config(t, "storage: {size: 100Gi, storageClass: fast}\nprometheus: {replicas: 2}"), storage)
	require.Len(t, All[*corev1.PersistentVolumeClaim](s), 2)
	for _, name := range []string{"data-prometheus-0", "data-prometheus-1"} {
		claim := Get[*corev1.PersistentVolumeClaim](t, s, name)
		assert.Equal(t, "fast", *claim.Spec.StorageClassName)
		assert.Equal(t, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, claim.Spec.AccessModes)
		assert.Equal(t, "100Gi", claim.Spec.Resources.Requests.Storage().String())
		assert.True(t, s.Of(claim).Protect)
		assert.Len(t, s.Of(claim).Hooks, 1, "the hook that rejects a smaller size")
		assert.Equal(t, "true", claim.Annotations["pulumi.com/skipAwait"], "the provider may wait for a phase that never comes")
	}
	assert.Empty(t, All[*corev1.PersistentVolume](s))
	assert.Empty(t, All[*storagev1.StorageClass](s))

	s = Component(t, configtest.Config(t, "storage: {protect: false}"), storage)
	claim := Get[*corev1.PersistentVolumeClaim](t, s, "data-prometheus-0")
	assert.Nil(t, claim.Spec.StorageClassName, "the cluster's default class")
	assert.False(t, s.Of(claim).Protect)
}

func TestLocalStorage(t *testing.T) {
	s := Component(t, configtest.Config(t, `
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
		assert.Len(t, s.Of(volume).Hooks, 1, "the hook that rejects a smaller size")

		claim := Get[*corev1.PersistentVolumeClaim](t, s, name)
		assert.Equal(t, class.Name, *claim.Spec.StorageClassName)
		assert.Equal(t, class.Name, volume.Spec.StorageClassName)
		assert.Equal(t, volume.Spec.Capacity.Storage().String(), claim.Spec.Resources.Requests.Storage().String())
	}
}

func TestEphemeralStorage(t *testing.T) {
	assert.Empty(t, Component(t, configtest.Config(t, "storage: {mode: ephemeral}"), storage).objects())
}

// The hook of a claim or volume rejects a smaller size before an update. That previews call it too
// is part of the end-to-end test.
func TestVolumesDoNotShrink(t *testing.T) {
	cfg := configtest.Config(t, "storage: {mode: local, local: {nodes: [node-a]}}")
	stack, err := render.New(cfg)
	require.NoError(t, err)
	recorder, err := Run(func(ctx *pulumi.Context) error { return storage(ctx, site(stack)) })
	require.NoError(t, err)
	s := recorder.Snapshot(t)
	claim := s.Of(Get[*corev1.PersistentVolumeClaim](t, s, "data-prometheus-0"))
	volume := s.Of(Get[*corev1.PersistentVolume](t, s, "monitoring-data-prometheus-0"))
	require.Equal(t, []string{"storage-claim-0-keeps-its-size"}, claim.Hooks)
	require.Equal(t, []string{"storage-volume-0-keeps-its-size"}, volume.Hooks)
	spec := func(spec any) resource.PropertyMap {
		return resource.NewPropertyMapFromMap(map[string]any{"spec": spec})
	}
	sized := func(size any) resource.PropertyMap {
		return spec(map[string]any{"resources": map[string]any{"requests": map[string]any{"storage": size}}})
	}
	holding := func(size any) resource.PropertyMap {
		return spec(map[string]any{"capacity": map[string]any{"storage": size}})
	}

	for name, test := range map[string]struct {
		of            Resource
		before, after resource.PropertyMap
		want          string // the error; empty for none
	}{
		"volume shrinks":         {volume, holding("4Gi"), holding("3Gi"), "storage.size: 3Gi would shrink storage-volume-0, which has 4Gi: a volume only grows; allowed: 4Gi or more"},
		"volume grows":           {volume, holding("4Gi"), holding("5Gi"), ""},
		"shrinks":                {claim, sized("50Gi"), sized("40Gi"), "storage.size: 40Gi would shrink storage-claim-0, which has 50Gi: a volume only grows; allowed: 50Gi or more"},
		"shrinks in other units": {claim, sized("1Ti"), sized("1000Gi"), "storage.size: 1000Gi would shrink storage-claim-0, which has 1Ti: a volume only grows; allowed: 1Ti or more"},
		"grows":                  {claim, sized("50Gi"), sized("60Gi"), ""},
		"stays":                  {claim, sized("50Gi"), sized("50Gi"), ""},
		"stays in other units":   {claim, sized("1Gi"), sized("1024Mi"), ""},
		"has no known old size":  {claim, spec("what is this"), sized("50Gi"), ""},
		"has no known new size":  {claim, sized("50Gi"), sized(nil), ""},
		"is new":                 {claim, nil, sized("50Gi"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := recorder.Hook(test.of.Hooks[0]).Callback(&pulumi.ResourceHookArgs{Name: test.of.Name, OldInputs: test.before, NewInputs: test.after})
			if test.want == "" {
				assert.NoError(t, err)
			} else {
				assert.EqualError(t, err, test.want)
			}
		})
	}
}
