package provider

import (
	"errors"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// live reads an object as the API server returns it from YAML.
func live(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	body, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	obj := &unstructured.Unstructured{}
	require.NoError(t, obj.UnmarshalJSON(body))
	return obj
}

func TestToObject(t *testing.T) {
	in := inputs(t, "{apiVersion: v1, kind: Secret, metadata: {name: obj}, data: {a: eA==}, status: {x: z}}")
	in["stringData"] = resource.MakeSecret(resource.NewProperty(resource.PropertyMap{"b": resource.NewProperty("z")}))
	in["replicas"], in["ratio"], in["gone"] = resource.NewProperty(2.0), resource.NewProperty(0.5), resource.NewNullProperty()
	obj, err := toObject(in)
	require.NoError(t, err)
	assert.Equal(t, map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "obj"},
		"data": map[string]any{"a": "eA==", "b": "eg=="}, "replicas": int64(2), "ratio": 0.5,
	}, obj.Object)

	in["later"] = resource.MakeComputed(resource.NewProperty(""))
	_, err = toObject(in)
	assert.Error(t, err)
}

func TestOutputsKeepSecrets(t *testing.T) {
	in := inputs(t, "{apiVersion: apps/v1, kind: Deployment, metadata: {name: obj}, spec: {env: [{name: a}, {name: b}]}}")
	object(object(in["spec"])["env"].ArrayValue()[1])["value"] = resource.MakeSecret(resource.NewProperty("hush"))
	out := toOutputs(live(t, `{apiVersion: apps/v1, kind: Deployment, metadata: {name: obj, uid: u, managedFields: [{manager: m}]},
		spec: {env: [{name: a}, {name: b, value: hush}]}, status: {replicas: 1}}`), in)
	env := object(out["spec"])["env"].ArrayValue()
	assert.True(t, object(env[1])["value"].IsSecret())
	assert.NotContains(t, object(out["metadata"]), resource.PropertyKey("managedFields"))
	assert.Equal(t, "u", object(out["metadata"])["uid"].StringValue())
	assert.Equal(t, 1.0, object(out["status"])["replicas"].NumberValue())

	out = toOutputs(live(t, "{apiVersion: v1, kind: Secret, metadata: {name: obj}, data: {a: eA==}}"),
		inputs(t, "{apiVersion: v1, kind: Secret, metadata: {name: obj}, stringData: {a: x}}"))
	assert.True(t, out["data"].IsSecret())
	assert.True(t, out["stringData"].IsSecret())
}

func TestRedact(t *testing.T) {
	in := resource.PropertyMap{"stringData": resource.MakeSecret(resource.NewProperty(
		resource.PropertyMap{"a": resource.NewProperty("hush-hush")}))}
	err := redact(errors.New(`data[a]: Invalid value: "hush-hush", aHVzaC1odXNo`), in)
	assert.Equal(t, `data[a]: Invalid value: "[secret]", [secret]`, err.Error())
}

func TestReference(t *testing.T) {
	ref, err := reference("ns/n", "kubernetes:apps/v1:StatefulSet", nil)
	require.NoError(t, err)
	assert.Equal(t, "apps/v1, Kind=StatefulSet", ref.GroupVersionKind().String())
	assert.Equal(t, resource.ID("ns/n"), idOf(ref))

	ref, err = reference("n", "kubernetes:core/v1:Namespace", nil)
	require.NoError(t, err)
	assert.Equal(t, "/v1, Kind=Namespace", ref.GroupVersionKind().String())

	_, err = reference("a/b/c", "kubernetes:core/v1:Namespace", nil)
	assert.ErrorContains(t, err, "want namespace/name")
}

func TestTimeout(t *testing.T) {
	plainObject := live(t, "{apiVersion: v1, kind: Pod, metadata: {name: obj}}")
	patient := live(t, `{apiVersion: v1, kind: Pod, metadata: {name: obj, annotations: {pulumi.com/timeoutSeconds: "30"}}}`)
	assert.Equal(t, defaultTimeout, timeoutFor(plainObject, 0))
	assert.Equal(t, 30*time.Second, timeoutFor(patient, 0))
	assert.Equal(t, 5*time.Second, timeoutFor(patient, 5))
}

func TestConflictNamesFieldAndManager(t *testing.T) {
	err := explainConflict(apierrors.NewApplyConflict([]metav1.StatusCause{{
		Type: metav1.CauseTypeFieldManagerConflict, Message: `conflict with "kubectl" using apps/v1`, Field: ".spec.replicas",
	}}, "Apply failed with 1 conflict"))
	assert.ErrorContains(t, err, `.spec.replicas is owned by "kubectl" using apps/v1`)
	assert.ErrorContains(t, err, patchForceAnnotation)
	assert.True(t, apierrors.IsConflict(err), "still the API's conflict")

	other := apierrors.NewBadRequest("x")
	assert.Equal(t, error(other), explainConflict(other))
	assert.NoError(t, explainConflict(nil))
}

func TestLiveInputs(t *testing.T) {
	const deployment = `{apiVersion: apps/v1, kind: Deployment, metadata: {name: obj}, spec: {replicas: 1, paused: false, template: {spec: {
		containers: [{name: a, image: x, resources: {requests: {cpu: "0.5"}}, args: [one, two]}]}}}}`
	asLive := func(image, args string) *unstructured.Unstructured {
		return live(t, `{apiVersion: apps/v1, kind: Deployment, metadata: {name: obj, uid: u}, spec: {replicas: 1, minReadySeconds: 3, template: {spec: {
			containers: [{name: sidecar, image: s}, {name: a, image: `+image+`, resources: {requests: {cpu: 500m}}, args: `+args+`}]}}}, status: {replicas: 1}}`)
	}
	in := inputs(t, deployment)
	assert.Equal(t, in, liveInputs(asLive("x", "[one, two]"), in), "nothing drifted")

	drifted := diff(in, liveInputs(asLive("z", "[one, two, three]"), in), settings{})
	assert.Len(t, drifted.DetailedDiff, 2)
	assert.Contains(t, drifted.DetailedDiff, "spec.template.spec.containers[0].image")
	assert.Contains(t, drifted.DetailedDiff, "spec.template.spec.containers[0].args[2]")

	secret := inputs(t, "{apiVersion: v1, kind: Secret, metadata: {name: obj}, stringData: {a: x}, data: {b: eg==}}")
	markSecretData(secret)
	assert.Equal(t, secret, liveInputs(live(t, "{apiVersion: v1, kind: Secret, metadata: {name: obj}, data: {a: eA==, b: eg==}}"), secret))
}

func TestImportedInputs(t *testing.T) {
	got := importedInputs(live(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: obj, namespace: ns, uid: u, resourceVersion: "1",
		labels: {a: b}, creationTimestamp: "2024-01-01T00:00:00Z"}, data: {k: v}, status: {}}`))
	assert.Equal(t, inputs(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: obj, namespace: ns, labels: {a: b}}, data: {k: v}}"), got)
}

func TestWhyStaying(t *testing.T) {
	for text, want := range map[string]string{
		"{kind: Pod, apiVersion: v1}": "waiting for its deletion",
		"{kind: PersistentVolumeClaim, apiVersion: v1, metadata: {finalizers: [a, b]}}":                                                                  "held by a, b",
		"{kind: PersistentVolume, apiVersion: v1, metadata: {finalizers: [a]}, spec: {claimRef: {name: data-db-0}}}":                                     "claim data-db-0 uses it",
		`{kind: Namespace, apiVersion: v1, status: {conditions: [{type: NamespaceContentRemaining, status: "True", message: "pods. has 1 instances"}]}}`: "pods. has 1 instances",
	} {
		assert.Contains(t, whyStaying(live(t, text)), want)
	}
}
