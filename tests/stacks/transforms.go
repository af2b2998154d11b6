package stacks

import (
	"testing"

	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/tests"
)

// Transforms asserts that transforms change what they name and nothing else.
func Transforms(t *testing.T, program tests.Program) {
	const stack = "prometheus: {secrets: {router: hunter2}}\n" +
		"longTermStorage: {enabled: true, objectStore: {type: S3, config: {bucket: a, endpoint: b}}, tls: {secretName: thanos, issuerRef: {name: ca}}}\n"
	before := tests.Deploy(t, program, configtest.Config(t, stack))
	cfg := configtest.Config(t, stack+`transforms:
  - {apiVersion: apps/v1, kind: StatefulSet, name: prometheus, patch: {spec: {minReadySeconds: 10, template: {spec: {containers: [{name: prometheus, terminationMessagePolicy: FallbackToLogsOnError}]}}}}}
  - {apiVersion: apps/v1, kind: StatefulSet, name: prom*, patch: {spec: {minReadySeconds: 20, podManagementPolicy: null}}}
  - {apiVersion: v1, kind: Service, name: "*", patch: {metadata: {annotations: {team: platform}}}}
  - {apiVersion: v1, kind: Service, name: alertmanager, patch: {spec: {internalTrafficPolicy: Local}}}
  - {apiVersion: v1, kind: Secret, name: prometheus-secrets, patch: {metadata: {labels: {team: platform}}}}
  - {apiVersion: cert-manager.io/v1, kind: Certificate, name: "*", patch: {spec: {privateKey: {rotationPolicy: Never}}}}
`)
	rendered, err := render.New(cfg)
	require.NoError(t, err)
	require.NoError(t, components.CheckTransforms(rendered, program))
	after := tests.Deploy(t, program, cfg)
	tests.CheckStack(t, after, cfg)
	require.Len(t, after, len(before))

	was, is := tests.Get[*appsv1.StatefulSet](t, before, "prometheus"), tests.Get[*appsv1.StatefulSet](t, after, "prometheus")
	assert.Equal(t, before.Of(was).Depends, after.Of(is).Depends)
	want := was.DeepCopy()
	want.Spec.MinReadySeconds = 20
	want.Spec.PodManagementPolicy = ""
	want.Spec.Template.Spec.Containers[0].TerminationMessagePolicy = corev1.TerminationMessageFallbackToLogsOnError
	equal(t, want, is)

	services := tests.All[*corev1.Service](after)
	require.NotEmpty(t, services)
	for _, service := range services {
		want := tests.Get[*corev1.Service](t, before, service.Name).DeepCopy()
		if want.Annotations == nil {
			want.Annotations = map[string]string{}
		}
		want.Annotations["team"] = "platform"
		if service.Name == "alertmanager" {
			want.Spec.InternalTrafficPolicy = new(corev1.ServiceInternalTrafficPolicyLocal)
		}
		equal(t, want, service)
	}
	secret := tests.Get[*corev1.Secret](t, after, "prometheus-secrets")
	assert.Equal(t, "platform", secret.Labels["team"])
	assert.Equal(t, map[string]string{"router": "hunter2"}, secret.StringData)
	assert.Contains(t, after.Of(secret).Secrets, "stringData")

	for _, certificate := range tests.All[*certmanagerv1.Certificate](after) {
		want := tests.Get[*certmanagerv1.Certificate](t, before, certificate.Name).DeepCopy()
		want.Spec.PrivateKey.RotationPolicy = certmanagerv1.RotationPolicyNever
		equal(t, want, certificate)
	}
	for i, r := range after {
		switch r.Object.(type) {
		case *appsv1.StatefulSet, *corev1.Service, *corev1.Secret, *certmanagerv1.Certificate:
		default:
			assert.Equal(t, before[i], r)
		}
	}
}

// equal asserts that two objects mean the same: an empty list is as good as none.
func equal(t *testing.T, want, is any) {
	t.Helper()
	if !equality.Semantic.DeepEqual(want, is) {
		assert.Equal(t, want, is)
	}
}

// TransformsStop asserts that transforms without effect, and those that spoil an object, stop a preview before anything is
// registered.
func TransformsStop(t *testing.T, program Preview) {
	const prometheus = "{apiVersion: apps/v1, kind: StatefulSet, name: prometheus, patch: "
	pod := func(spec string) string { return prometheus + "{spec: {template: {spec: " + spec + "}}}}" }
	for name, test := range map[string]struct{ transform, want string }{
		"a kind of no object": {"{apiVersion: apps/v1, kind: Statefulset, name: prometheus, patch: {spec: {replicas: 1}}}", `transforms[0].kind: unknown "apps/v1 Statefulset"; did you mean "apps/v1 StatefulSet"?`},
		"a name of no object": {"{apiVersion: apps/v1, kind: StatefulSet, name: prometeus*, patch: {spec: {replicas: 1}}}", `transforms[0].name: unknown "prometeus*"; did you mean "prometheus"?`},
		"an unknown field":    {prometheus + "{spec: {minReadySecond: 1}}}", `transforms[0].patch: StatefulSet prometheus: unknown field "spec.minReadySecond"`},
		"a wrong type":        {prometheus + "{spec: {minReadySeconds: '1'}}}", `transforms[0].patch: StatefulSet prometheus: json: cannot unmarshal string into Go struct field`},
		"a list of no list":   {prometheus + "{spec: {template: {spec: {containers: {}}}}}}", `transforms[0].patch: StatefulSet prometheus: `},
		"no name in a list":   {pod("{containers: [{image: a}]}"), `transforms[0].patch: StatefulSet prometheus: `},
		"a selector":          {prometheus + "{spec: {selector: {matchLabels: {team: a}}}}}", `transforms[0].patch: StatefulSet prometheus: spec.selector cannot be changed, because objects find each other by it`},
		"a label of pods":     {prometheus + "{spec: {template: {metadata: {labels: {app.kubernetes.io/name: a}}}}}}", `spec.template.metadata.labels: "app.kubernetes.io/name" is a label of the program; allowed: further labels`},
		"a label removed":     {prometheus + "{metadata: {labels: {app.kubernetes.io/part-of: null}}}}", `metadata.labels: "app.kubernetes.io/part-of" is a label of the program`},
		"no change":           {prometheus + "{metadata: {labels: {app.kubernetes.io/part-of: kubernetes-prometheus}}}}", `transforms[0].patch: changes nothing; remove the transform`},
		"a privileged pod":    {pod("{containers: [{name: prometheus, securityContext: {privileged: true}}]}"), `StatefulSet prometheus: privileged (container "prometheus" must not set securityContext.privileged=true); allowed: what the Pod Security Standard restricted allows`},
		"files of the host":   {pod("{volumes: [{name: host, hostPath: {path: /}}]}"), `restricted volume types (volume "host" uses restricted volume type "hostPath")`},
		"more of the host":    {"{apiVersion: apps/v1, kind: DaemonSet, name: node-exporter, patch: {spec: {template: {spec: {hostIPC: true}}}}}", `DaemonSet node-exporter: host namespaces (hostNetwork=true, `},
		"every right":         {"{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, name: '*-prometheus', patch: {rules: [{apiGroups: [''], resources: ['*'], verbs: [get]}]}}", `rules: grants everything of a kind, or nodes/proxy`},
	} {
		t.Run(name, func(t *testing.T) {
			recorder, err := program.run("transforms: [" + test.transform + "]")
			require.ErrorContains(t, err, "1 problem(s) in the stack's config:\n  transforms[0].")
			require.ErrorContains(t, err, test.want)
			assert.Empty(t, recorder.Snapshot(t))
		})
	}
}
