package provider

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/structpb"
	"sigs.k8s.io/yaml"
)

// inputs reads a resource's inputs from YAML.
func inputs(t *testing.T, text string) resource.PropertyMap {
	t.Helper()
	var m map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &m))
	return resource.NewPropertyMapFromMap(m)
}

func TestDiffReplacesOnlyWhatCannotChange(t *testing.T) {
	const (
		inPlace = "in place"
		replace = "replace"
		none    = "none"
	)
	mutable := settings{configMapMutable: true, secretMutable: true}
	tests := []struct {
		name     string
		kind     string
		old, new string
		settings settings
		want     string
		paths    []string
	}{
		{"equal", "v1/ConfigMap", "data: {a: x}", "data: {a: x}", settings{}, none, nil},
		{"config map", "v1/ConfigMap", "data: {a: x}", "data: {a: z}", settings{}, replace, []string{"data.a"}},
		{"config map gains data", "v1/ConfigMap", "{}", "data: {a: z}", settings{}, replace, []string{"data"}},
		{"mutable config map", "v1/ConfigMap", "data: {a: x}", "data: {a: z}", mutable, inPlace, []string{"data.a"}},
		{"frozen config map", "v1/ConfigMap", "{immutable: true, data: {a: x}}", "{immutable: true, data: {a: z}}", mutable, replace, []string{"data.a"}},
		{"secret", "v1/Secret", "stringData: {a: x}", "stringData: {a: z}", settings{}, replace, []string{"stringData.a"}},
		{"mutable secret", "v1/Secret", "stringData: {a: x}", "stringData: {a: z}", mutable, inPlace, []string{"stringData.a"}},
		{"mutable secret's type", "v1/Secret", "type: Opaque", "type: kubernetes.io/tls", mutable, replace, []string{"type"}},
		{"claim grows", "v1/PersistentVolumeClaim", "spec: {resources: {requests: {storage: 1Gi}}}", "spec: {resources: {requests: {storage: 2Gi}}}", settings{}, inPlace, []string{"spec.resources.requests.storage"}},
		{"claim's class", "v1/PersistentVolumeClaim", "spec: {storageClassName: a}", "spec: {storageClassName: b}", settings{}, replace, []string{"spec.storageClassName"}},
		{"volume's path", "v1/PersistentVolume", "spec: {local: {path: /a}}", "spec: {local: {path: /b}}", settings{}, replace, []string{"spec.local.path"}},
		{"volume's capacity", "v1/PersistentVolume", "spec: {capacity: {storage: 1Gi}}", "spec: {capacity: {storage: 2Gi}}", settings{}, inPlace, []string{"spec.capacity.storage"}},
		{"class's binding mode", "storage.k8s.io/v1/StorageClass", "volumeBindingMode: Immediate", "volumeBindingMode: WaitForFirstConsumer", settings{}, replace, []string{"volumeBindingMode"}},
		{"class's expansion", "storage.k8s.io/v1/StorageClass", "allowVolumeExpansion: false", "allowVolumeExpansion: true", settings{}, inPlace, []string{"allowVolumeExpansion"}},
		{"stateful set's claims", "apps/v1/StatefulSet", "spec: {volumeClaimTemplates: [{metadata: {name: a}}]}", "spec: {volumeClaimTemplates: [{metadata: {name: b}}]}", settings{}, replace, []string{"spec.volumeClaimTemplates[0].metadata.name"}},
		{"stateful set's service", "apps/v1/StatefulSet", "spec: {serviceName: a}", "spec: {serviceName: b}", settings{}, replace, []string{"spec.serviceName"}},
		{"stateful set's image", "apps/v1/StatefulSet", "spec: {template: {spec: {containers: [{image: a}]}}}", "spec: {template: {spec: {containers: [{image: b}]}}}", settings{}, inPlace, []string{"spec.template.spec.containers[0].image"}},
		{"deployment's selector", "apps/v1/Deployment", "spec: {selector: {matchLabels: {a: x}}}", "spec: {selector: {matchLabels: {b: x}}}", settings{}, replace, []string{"spec.selector.matchLabels.a", "spec.selector.matchLabels.b"}},
		{"daemon set loses its spec", "apps/v1/DaemonSet", "spec: {selector: {matchLabels: {a: x}}}", "{}", settings{}, replace, []string{"spec"}},
		{"job's template", "batch/v1/Job", "spec: {template: {spec: {restartPolicy: Never}}}", "spec: {template: {spec: {restartPolicy: OnFailure}}}", settings{}, replace, []string{"spec.template.spec.restartPolicy"}},
		{"service's address", "v1/Service", "spec: {clusterIP: None}", "spec: {clusterIP: 10.0.0.1}", settings{}, replace, []string{"spec.clusterIP"}},
		{"service's port", "v1/Service", "spec: {ports: [{port: 1}]}", "spec: {ports: [{port: 2}]}", settings{}, inPlace, []string{"spec.ports[0].port"}},
		{"binding's role", "rbac.authorization.k8s.io/v1/RoleBinding", "roleRef: {name: a}", "roleRef: {name: b}", settings{}, replace, []string{"roleRef.name"}},
		{"binding's subjects", "rbac.authorization.k8s.io/v1/RoleBinding", "subjects: [{name: a}]", "subjects: [{name: b}]", settings{}, inPlace, []string{"subjects[0].name"}},
		{"labels", "apps/v1/Deployment", "metadata: {labels: {a: x}}", "metadata: {labels: {a: z}}", settings{}, inPlace, []string{"metadata.labels.a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := diff(named(t, tt.kind, tt.old), named(t, tt.kind, tt.new), tt.settings)
			var paths []string
			for p, d := range got.DetailedDiff {
				paths = append(paths, p)
				assert.True(t, d.InputDiff)
				assert.Equal(t, tt.want == replace, d.Kind.IsReplace(), p)
			}
			assert.ElementsMatch(t, tt.paths, paths)
			// A named object cannot coexist with its successor.
			assert.Equal(t, tt.want == replace, got.DeleteBeforeReplace)
		})
	}
}

// named adds kind, name and namespace to inputs; kind reads apiVersion/kind.
func named(t *testing.T, kind, text string) resource.PropertyMap {
	t.Helper()
	in := inputs(t, text)
	i := len(kind) - 1
	for kind[i] != '/' {
		i--
	}
	in["apiVersion"], in["kind"] = resource.NewProperty(kind[:i]), resource.NewProperty(kind[i+1:])
	if _, ok := in["metadata"]; !ok {
		in["metadata"] = resource.NewProperty(resource.PropertyMap{})
	}
	setMetadata(in, "name", resource.NewProperty("obj"))
	setMetadata(in, "namespace", resource.NewProperty("ns"))
	return in
}

func TestDiffOfIdentity(t *testing.T) {
	old := named(t, "apps/v1/Deployment", "{}")

	moved := named(t, "apps/v1/Deployment", "{}")
	setMetadata(moved, "namespace", resource.NewProperty("other"))
	got := diff(old, moved, settings{})
	assert.True(t, got.Replace())
	assert.False(t, got.DeleteBeforeReplace, "the successor lives elsewhere")

	newVersion := diff(old, named(t, "apps/v2/Deployment", "{}"), settings{})
	assert.False(t, newVersion.Replace(), "another version of the same object")
	assert.True(t, diff(old, named(t, "extensions/v1/Deployment", "{}"), settings{}).Replace())

	auto := func(data string) resource.PropertyMap {
		return named(t, "v1/ConfigMap", `{metadata: {annotations: {pulumi.com/autonamed: "true"}}, data: {a: `+data+`}}`)
	}
	got = diff(auto("x"), auto("z"), settings{})
	assert.True(t, got.Replace())
	assert.False(t, got.DeleteBeforeReplace, "the successor gets a name of its own")
}

func TestDiffLooksThroughSecretsAndUnknowns(t *testing.T) {
	secret := func(v resource.PropertyValue) resource.PropertyMap {
		in := named(t, "v1/Secret", "{}")
		in["stringData"] = resource.MakeSecret(resource.NewProperty(resource.PropertyMap{"a": v}))
		return in
	}
	known := secret(resource.NewProperty("x"))
	assert.Empty(t, diff(known, named(t, "v1/Secret", "stringData: {a: x}"), settings{}).DetailedDiff)

	got := diff(known, secret(resource.MakeComputed(resource.NewProperty(""))), settings{})
	assert.Contains(t, got.DetailedDiff, "stringData.a")
	assert.True(t, got.Replace(), "an unknown value may differ")
}

// The engine reads detailed diffs only if told that there are any.
func TestServerAnnouncesDetailedDiff(t *testing.T) {
	olds, err := structpb.NewStruct(named(t, "v1/ConfigMap", "data: {a: x, b: x}").Mappable())
	require.NoError(t, err)
	news, err := structpb.NewStruct(named(t, "v1/ConfigMap", "data: {a: z}").Mappable())
	require.NoError(t, err)
	resp, err := NewServer(New(Log{})).Diff(t.Context(), &pulumirpc.DiffRequest{
		Urn: "urn:pulumi:s::p::kubernetes:core/v1:ConfigMap::obj", OldInputs: olds, Olds: olds, News: news,
	})
	require.NoError(t, err)
	assert.True(t, resp.HasDetailedDiff)
	assert.Equal(t, []string{"data.a", "data.b"}, resp.Replaces)
	assert.Equal(t, pulumirpc.PropertyDiff_UPDATE_REPLACE, resp.DetailedDiff["data.a"].Kind)
	assert.Equal(t, pulumirpc.PropertyDiff_DELETE_REPLACE, resp.DetailedDiff["data.b"].Kind)
}
