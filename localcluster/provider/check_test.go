package provider

import (
	"errors"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func check(t *testing.T, typ tokens.Type, news, olds resource.PropertyMap) plugin.CheckResponse {
	t.Helper()
	p := New(Log{})
	p.settings.namespace = "home"
	resp, err := p.Check(t.Context(), plugin.CheckRequest{Name: "web", Type: typ, News: news, Olds: olds, RandomSeed: []byte("seed")})
	require.NoError(t, err)
	return resp
}

func TestCheckNames(t *testing.T) {
	const configMap = "{apiVersion: v1, kind: ConfigMap, metadata: {labels: {app.kubernetes.io/managed-by: me}}}"
	got := check(t, "kubernetes:core/v1:ConfigMap", inputs(t, configMap), nil)
	assert.Empty(t, got.Failures)
	metadata := object(got.Properties["metadata"])
	name := metadata["name"].StringValue()
	assert.Regexp(t, "^web-[0-9a-f]{8}$", name)
	assert.Equal(t, "home", metadata["namespace"].StringValue())
	assert.Equal(t, "me", object(metadata["labels"])["app.kubernetes.io/managed-by"].StringValue())

	again := check(t, "kubernetes:core/v1:ConfigMap", inputs(t, configMap), got.Properties)
	assert.Equal(t, got.Properties, again.Properties, "a generated name stays")

	bare := check(t, "kubernetes:core/v1:ConfigMap", inputs(t, "{apiVersion: v1, kind: ConfigMap}"), nil)
	assert.Equal(t, name, object(bare.Properties["metadata"])["name"].StringValue(), "metadata is optional")

	explicit := inputs(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: mine, namespace: ns}}")
	assert.Equal(t, explicit, check(t, "kubernetes:core/v1:ConfigMap", explicit, got.Properties).Properties)

	global := inputs(t, "{apiVersion: v1, kind: Namespace, metadata: {name: mine}}")
	assert.Equal(t, global, check(t, "kubernetes:core/v1:Namespace", global, nil).Properties)
}

func TestCheckMarksSecrets(t *testing.T) {
	got := check(t, "kubernetes:core/v1:Secret",
		inputs(t, "{apiVersion: v1, kind: Secret, metadata: {name: obj}, stringData: {a: x}, data: {b: eA==}}"), nil)
	assert.True(t, got.Properties["stringData"].IsSecret())
	assert.True(t, got.Properties["data"].IsSecret())
}

func TestCheckRefusesWhatOnlyTheOfficialProviderServes(t *testing.T) {
	for typ, text := range map[tokens.Type]string{
		"kubernetes:helm.sh/v3:Release":      "chart: x",
		"kubernetes:apps/v1:DeploymentPatch": "{apiVersion: apps/v1, kind: Deployment}",
		"kubernetes:core/v1:ConfigMapList":   "{apiVersion: v1, kind: ConfigMapList, items: []}",
		"kubernetes:core/v1:Pod":             "{apiVersion: v1, kind: Pod, metadata: {generateName: x}}",
	} {
		assert.Len(t, check(t, typ, inputs(t, text), nil).Failures, 1, typ)
	}
}

func TestSettings(t *testing.T) {
	got, failures := parseSettings(resource.PropertyMap{
		"kubeconfig":             resource.MakeSecret(resource.NewProperty("/k")),
		"context":                resource.NewProperty("c"),
		"enableConfigMapMutable": resource.NewProperty("true"),
		"enableSecretMutable":    resource.NewProperty(true),
	})
	assert.Empty(t, failures)
	assert.Equal(t, settings{kubeconfig: "/k", context: "c", configMapMutable: true, secretMutable: true}, got)

	for key, value := range map[resource.PropertyKey]string{
		"enableServerSideApply": "false", "renderYamlToDirectory": "/y", "deleteUnreachable": "perhaps",
	} {
		_, failures := parseSettings(resource.PropertyMap{key: resource.NewProperty(value)})
		require.Len(t, failures, 1, key)
		assert.Equal(t, key, failures[0].Property)
	}
}

func kubeconfig(server string) string {
	return "{apiVersion: v1, kind: Config, current-context: x, contexts: [{name: x, context: {cluster: c, user: u}}],\n" +
		"clusters: [{name: c, cluster: {server: " + server + "}}], users: [{name: u, user: {token: t}}]}"
}

func TestDiffConfigReplacesForAnotherCluster(t *testing.T) {
	config := func(identifier, server, context string) resource.PropertyMap {
		m := resource.PropertyMap{"kubeconfig": resource.NewProperty(kubeconfig(server)), "context": resource.NewProperty(context)}
		if identifier != "" {
			m["clusterIdentifier"] = resource.NewProperty(identifier)
		}
		return m
	}
	tests := []struct {
		name     string
		old, new resource.PropertyMap
		want     []resource.PropertyKey
	}{
		{"nothing", config("", "https://a", "x"), config("", "https://a", "x"), nil},
		{"server", config("", "https://a", "x"), config("", "https://b", "x"), []resource.PropertyKey{"kubeconfig"}},
		{"server behind one identifier", config("i", "https://a", "x"), config("i", "https://b", "x"), nil},
		{"identifier", config("i", "https://a", "x"), config("j", "https://a", "x"), []resource.PropertyKey{"clusterIdentifier"}},
		{"identifier added", config("", "https://a", "x"), config("i", "https://a", "x"), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := New(Log{}).DiffConfig(t.Context(), plugin.DiffConfigRequest{OldInputs: tt.old, NewInputs: tt.new})
			require.NoError(t, err)
			assert.Equal(t, tt.want, got.ReplaceKeys)
		})
	}
}

func TestUnreachableClusterFailsAllButPreview(t *testing.T) {
	p := New(Log{})
	_, err := p.Configure(t.Context(), plugin.ConfigureRequest{Inputs: resource.PropertyMap{
		"kubeconfig": resource.NewProperty(kubeconfig("https://127.0.0.1:1")),
	}})
	require.NoError(t, err)
	in := named(t, "v1/ConfigMap", "data: {a: x}")

	created, err := p.Create(t.Context(), plugin.CreateRequest{Properties: in, Preview: true})
	require.NoError(t, err)
	assert.Equal(t, in, created.Properties)
	updated, err := p.Update(t.Context(), plugin.UpdateRequest{NewInputs: in, Preview: true})
	require.NoError(t, err)
	assert.Equal(t, in, updated.Properties)

	_, err = p.Create(t.Context(), plugin.CreateRequest{Properties: in})
	assert.ErrorContains(t, err, "unreachable: https://127.0.0.1:1")
	_, err = p.Read(t.Context(), plugin.ReadRequest{ID: "ns/n", Inputs: in})
	assert.ErrorContains(t, err, "unreachable")
}

func TestPreviewFailsOnlyForTheObjectItself(t *testing.T) {
	kind := schema.GroupResource{Resource: "things"}
	for _, err := range []error{
		apierrors.NewInvalid(schema.GroupKind{Kind: "Thing"}, "obj", nil), apierrors.NewBadRequest("unknown field"),
		apierrors.NewInternalError(errors.New("field not declared in schema")), apierrors.NewConflict(kind, "obj", nil),
	} {
		assert.True(t, failsPreview(err), err)
	}
	for _, err := range []error{
		nil, apierrors.NewNotFound(kind, "its namespace"), apierrors.NewAlreadyExists(kind, "its predecessor"),
		apierrors.NewForbidden(kind, "obj", nil), &meta.NoKindMatchError{}, errors.New("connection refused"),
	} {
		assert.False(t, failsPreview(err), err)
	}
}
