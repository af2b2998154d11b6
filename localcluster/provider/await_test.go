package provider

import (
	"context"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
)

// fakeMapper knows a few kinds by heart.
type fakeMapper struct{ *meta.DefaultRESTMapper }

func (fakeMapper) Reset() {}

// newFakeCluster serves the given objects from memory.
func newFakeCluster(objects ...runtime.Object) *cluster {
	mapper := fakeMapper{meta.NewDefaultRESTMapper(nil)}
	lists := map[schema.GroupVersionResource]string{}
	for _, kind := range []schema.GroupVersionKind{
		{Version: "v1", Kind: "Pod"}, {Version: "v1", Kind: "Event"}, {Version: "v1", Kind: "Service"}, {Version: "v1", Kind: "PersistentVolumeClaim"},
		{Group: "apps", Version: "v1", Kind: "Deployment"}, {Group: "discovery.k8s.io", Version: "v1", Kind: "EndpointSlice"},
	} {
		mapper.Add(kind, meta.RESTScopeNamespace)
		plural, _ := meta.UnsafeGuessKindToResource(kind)
		lists[plural] = kind.Kind + "List"
	}
	lists[schema.GroupVersionResource{Group: "storage.k8s.io", Version: "v1", Resource: "storageclasses"}] = "StorageClassList"
	return &cluster{
		dynamic: fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists, objects...),
		mapper:  mapper,
		poll:    16 * time.Millisecond,
	}
}

func TestReady(t *testing.T) {
	const service = "{apiVersion: v1, kind: Service, metadata: {name: s, namespace: ns}, spec: {clusterIP: 10.0.0.1, selector: {a: b}}}"
	endpoint := func(ready string) string {
		return "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s-1, namespace: ns, labels: {kubernetes.io/service-name: s}}, " +
			"endpoints: [{addresses: [10.0.0.2], conditions: {ready: " + ready + "}}]}"
	}
	claim := func(class, phase string) string {
		return "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: c, namespace: ns}, spec: {storageClassName: " + class + "}, status: {phase: " + phase + "}}"
	}
	class := func(mode string) string {
		return "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: ssd}, volumeBindingMode: " + mode + "}"
	}
	tests := []struct {
		name   string
		obj    string
		others []string
		want   bool
	}{
		{"config map", "{apiVersion: v1, kind: ConfigMap, metadata: {name: obj}}", nil, true},
		{"service without endpoints", service, nil, false},
		{"service with a pod that is not ready", service, []string{endpoint("false")}, false},
		{"service with a ready pod", service, []string{endpoint("true")}, true},
		{"headless service", "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {clusterIP: None, selector: {a: b}}}", nil, true},
		{"service without a selector", "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {clusterIP: 10.0.0.1}}", nil, true},
		{"bound claim", claim("ssd", "Bound"), nil, true},
		{"claim of an unknown class", claim("ssd", "Pending"), nil, false},
		{"claim without a volume", claim("ssd", "Pending"), []string{class("Immediate")}, false},
		{"claim without a pod", claim("ssd", "Pending"), []string{class("WaitForFirstConsumer")}, true},
		{"running job", "{apiVersion: batch/v1, kind: Job, metadata: {name: j}, status: {startTime: \"2024-01-01T00:00:00Z\", active: 1}}", nil, false},
		{"complete job", "{apiVersion: batch/v1, kind: Job, metadata: {name: j}, status: {startTime: \"2024-01-01T00:00:00Z\", conditions: [{type: Complete, status: \"True\"}]}}", nil, true},
		{"ingress without an address", "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i}}", nil, false},
		{"ingress not waited for", "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i, annotations: {pulumi.com/skipAwait: \"true\"}}}", nil, true},
		{"deployment coming up", "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, generation: 1}, spec: {replicas: 1}, status: {observedGeneration: 1}}", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var others []runtime.Object
			for _, o := range tt.others {
				others = append(others, live(t, o))
			}
			ready, why, err := newFakeCluster(others...).ready(t.Context(), live(t, tt.obj))
			require.NoError(t, err)
			assert.Equal(t, tt.want, ready)
			if !ready {
				assert.NotEmpty(t, why)
			}
		})
	}
}

func TestReadyGivesUpOnFailure(t *testing.T) {
	for _, text := range []string{
		`{apiVersion: batch/v1, kind: Job, metadata: {name: j}, status: {startTime: "2024-01-01T00:00:00Z", conditions: [{type: Failed, status: "True", message: backoff}]}}`,
		`{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: c}, status: {phase: Lost}}`,
		`{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, generation: 1}, spec: {replicas: 1, progressDeadlineSeconds: 1}, status: {observedGeneration: 1,
			conditions: [{type: Progressing, status: "False", reason: ProgressDeadlineExceeded}]}}`,
	} {
		_, _, err := newFakeCluster().ready(t.Context(), live(t, text))
		assert.Error(t, err, text)
	}
}

func TestAwaitTimeoutTellsWhatIsWrong(t *testing.T) {
	deployment := live(t, `{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: ns, uid: u, generation: 1},
		spec: {replicas: 1, selector: {matchLabels: {a: b}}}, status: {observedGeneration: 1, replicas: 1, updatedReplicas: 1}}`)
	pod := live(t, `{apiVersion: v1, kind: Pod, metadata: {name: d-1, namespace: ns, labels: {a: b}},
		status: {containerStatuses: [{name: c, state: {waiting: {reason: ImagePullBackOff, message: no such image}}}]}}`)
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	var reported []string
	_, err := newFakeCluster(deployment, pod).await(ctx, deployment, func(msg string) { reported = append(reported, msg) })
	require.Error(t, err)
	assert.ErrorContains(t, err, "Available: 0/1")
	assert.ErrorContains(t, err, "pod d-1: container c: ImagePullBackOff: no such image")
	assert.NotEmpty(t, reported)
	assert.EqualError(t, explainEnd(ctx, notYet("x"), "not ready within 1s"), "not ready within 1s: x")
}

func TestPodProblems(t *testing.T) {
	var pod corev1.Pod
	require.NoError(t, decode(live(t, `{apiVersion: v1, kind: Pod, metadata: {name: p}, status: {
		conditions: [{type: PodScheduled, status: "False", message: no node fits}],
		initContainerStatuses: [{name: ok, state: {terminated: {exitCode: 0}}}],
		containerStatuses: [
			{name: crash, restartCount: 3, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 2, reason: Error}}},
			{name: slow, ready: false, state: {running: {}}},
			{name: starting, state: {waiting: {reason: ContainerCreating}}}]}}`), &pod))
	assert.Equal(t, []string{
		"not scheduled: no node fits",
		"container crash: ended with exit code 2 (Error), 3 restarts; its log ends:\n      bad flag crash",
		"container slow: running and not ready",
	}, podProblems(&pod, func(container string) string { return "bad flag " + container + "\n" }))
}

func TestUntilOutlastsARestartOfTheAPIServer(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	answers := []error{refused, apierrors.NewServiceUnavailable("starting"), notYet("not there"), nil}
	err := newFakeCluster().until(t.Context(), func() (bool, error) {
		answer := answers[0]
		answers = answers[1:]
		return answer == nil, answer
	})
	require.NoError(t, err)
	assert.Empty(t, answers)

	denied := apierrors.NewUnauthorized("no")
	assert.Equal(t, error(denied), newFakeCluster().until(t.Context(), func() (bool, error) { return false, denied }))
}
