package tests

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/tests/ca"
)

// apiServer answers requests for objects as an API server does. objects holds them by path, or the
// errors about them. It sets the kubeconfig to its own, and returns its URL.
func apiServer(t *testing.T, objects map[string]any) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		object, ok := objects[r.URL.Path]
		if !ok {
			object = apierrors.NewNotFound(schema.GroupResource{Resource: "object"}, r.URL.Path)
		}
		w.Header().Set("Content-Type", "application/json")
		if status, failed := object.(*apierrors.StatusError); failed {
			w.WriteHeader(int(status.ErrStatus.Code))
			object = status.ErrStatus
		}
		assert.NoError(t, json.NewEncoder(w).Encode(object))
	}))
	t.Cleanup(server.Close)
	setKubeconfig(t, server.URL, "{}")
	return server.URL
}

// setKubeconfig sets the kubeconfig to one whose context test is that of a server and a user, and not the current one.
func setKubeconfig(t *testing.T, server, user string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(file, []byte(kubeconfig(server, user, "other")), 0o600))
	t.Setenv("KUBECONFIG", file)
}

// kubeconfig returns one with the context test of a server and a user.
func kubeconfig(server, user, current string) string {
	return fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: %s,
  contexts: [{name: test, context: {cluster: test, user: test}}], users: [{name: test, user: %s}], clusters: [{name: test, cluster: {server: %q}}]}`, current, user, server)
}

// A Secret or key that is missing is found before anything is deployed, where the cluster answers.
func TestMissingSecrets(t *testing.T) {
	const (
		at      = "/api/v1/namespaces/monitoring"
		secrets = at + "/secrets/"
	)
	typed := func(kind string) metav1.TypeMeta { return metav1.TypeMeta{APIVersion: "v1", Kind: kind} }
	holding := func(data map[string][]byte) *corev1.Secret {
		return &corev1.Secret{TypeMeta: typed("Secret"), Data: data}
	}
	namespace := &corev1.Namespace{TypeMeta: typed("Namespace")}
	login := holding(map[string][]byte{"password": []byte("hunter2"), "empty": {}})
	for name, test := range map[string]struct {
		objects       map[string]any
		further       string // settings, in YAML
		want, warning string
	}{
		"all there":    {objects: map[string]any{at: namespace, secrets + "login": login}},
		"no Secret":    {objects: map[string]any{at: namespace}, want: `grafana.adminPassword: namespace monitoring has no Secret "login", which pods need; create it first`},
		"no key":       {objects: map[string]any{at: namespace, secrets + "login": holding(nil)}, want: `grafana.adminPassword: Secret "login" has no key "password", for which pods would wait`},
		"an empty key": {objects: map[string]any{at: namespace, secrets + "login": login}, further: ", secrets: {oauth: {secret: login, key: empty}}", want: `grafana.secrets.oauth: Secret "login" has nothing in its key "empty"`},
		"both": {
			objects: map[string]any{at: namespace, secrets + "other": apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "other", nil)},
			further: ", secrets: {oauth: {secret: other, key: id}}", want: `grafana.adminPassword: namespace monitoring has no Secret "login"`, warning: "Secret other: ",
		},
		"no namespace":  {warning: "namespace monitoring: "},
		"no permission": {objects: map[string]any{at: namespace, secrets + "login": apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "login", nil)}, warning: "Secret login: "},
	} {
		t.Run(name, func(t *testing.T) {
			apiServer(t, test.objects)
			recorder, err := missing(t, "cluster: {name: test, context: test}\ngrafana: {adminPassword: {secret: login, key: password}"+test.further+"}")
			if test.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.want)
				assert.ErrorContains(t, err, "1 problem(s)")
				assert.NotContains(t, err.Error(), "hunter2")
			}
			if test.warning == "" {
				assert.Empty(t, recorder.Warnings())
			} else if assert.Len(t, recorder.Warnings(), 1) {
				assert.Contains(t, recorder.Warnings()[0], "not every existing Secret was looked up, and pods do not start without one: "+test.warning)
			}
		})
	}
}

// The kubeconfig of the stack is the one to ask with, unless it is not decrypted.
func TestMissingSecretsWithTheStacksKubeconfig(t *testing.T) {
	url := apiServer(t, map[string]any{"/api/v1/namespaces/monitoring": &corev1.Namespace{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}}})
	setKubeconfig(t, "https://127.0.0.1:1", "{}")
	const login = "grafana: {adminPassword: {secret: login, key: password}}"
	cfg := configtest.Config(t, login)
	require.NoError(t, cfg.SetKubeconfig(kubeconfig(url, "{}", "test")).Err())
	check := func(ctx *pulumi.Context) error { return components.CheckExistingSecrets(ctx, cfg) }
	_, err := Run(check)
	require.ErrorContains(t, err, `namespace monitoring has no Secret "login"`)

	require.NoError(t, cfg.SetKubeconfig(map[string]any{"secure": "AAABAA=="}).Err())
	recorder, err := Run(check)
	require.NoError(t, err)
	require.Len(t, recorder.Warnings(), 1)
	assert.Contains(t, recorder.Warnings()[0], "cluster.kubeconfig is not decrypted")
}

// Values of the object store become a part of a file in single quotes, which some would end or change.
func TestValuesOfTheObjectStore(t *testing.T) {
	at := "/api/v1/namespaces/monitoring"
	keys := &corev1.Secret{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, Data: map[string][]byte{
		"plain": []byte(`a"b\c#d`), "quote": []byte("hunter'2"), "line": []byte("hunter2\n"), "json": []byte("{\n  \"type\": \"service_account\"\n}\n"),
	}}
	apiServer(t, map[string]any{at: &corev1.Namespace{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}}, at + "/secrets/keys": keys})
	const cluster = "cluster: {name: test, context: test}\n"
	for key, want := range map[string]string{"plain": "", "json": "", "quote": "a single quote", "line": "a line break"} {
		_, err := missing(t, cluster+"longTermStorage: {enabled: true, objectStore: {type: GCS, config: {bucket: blocks}, secrets: {service_account: {secret: keys, key: "+key+"}}}}")
		if want == "" {
			require.NoError(t, err, key)
			continue
		}
		require.ErrorContains(t, err, `longTermStorage.objectStore.secrets.service_account: the key "`+key+`" of Secret "keys" has `+want+", with which Thanos would read another value")
		assert.NotContains(t, err.Error(), "hunter")
	}
	_, err := missing(t, cluster+"alerting: {secrets: {pager: {secret: keys, key: quote}, chat: {secret: keys, key: line}}}")
	require.NoError(t, err, "files may have anything in them")
}

// The secrets of a login are judged as those in the stack are.
func TestValuesOfALogin(t *testing.T) {
	at := "/api/v1/namespaces/monitoring"
	typed := func(kind string) metav1.TypeMeta { return metav1.TypeMeta{APIVersion: "v1", Kind: kind} }
	apiServer(t, map[string]any{at: &corev1.Namespace{TypeMeta: typed("Namespace")}, at + "/secrets/login": &corev1.Secret{TypeMeta: typed("Secret"), Data: map[string][]byte{
		"client": []byte("hunter2"), "cookie": []byte("0123456789abcdef"), "line": []byte("hunter2 and more\n"),
	}}})
	const text = "cluster: {name: test, context: test}\nprometheus: {access: {host: example.com, login: oidc, fromNamespaces: [a], ingress: {}}}\n" +
		"login: {oidc: {issuerUrl: 'https://login.example.com', clientId: monitoring, groups: [sre], clientSecret: {secret: login, key: %s}, cookieSecret: {secret: login, key: %s}}}"
	_, err := missing(t, fmt.Sprintf(text, "client", "cookie"))
	require.NoError(t, err)
	_, err = missing(t, fmt.Sprintf(text, "line", "line"))
	require.ErrorContains(t, err, `login.oidc.clientSecret: the key "line" of Secret "login" starts or ends with white space`)
	require.ErrorContains(t, err, `login.oidc.cookieSecret: the key "line" of Secret "login" has 17 bytes; allowed: 16, 24 or 32 bytes`)
	assert.NotContains(t, err.Error(), "hunter")
}

// Logins of registries and certificates are Secrets as a whole.
func TestNamedSecrets(t *testing.T) {
	at := "/api/v1/namespaces/monitoring"
	objects := map[string]any{
		at:                           &corev1.Namespace{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}},
		at + "/secrets/registry":     &corev1.Secret{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}},
		at + "/secrets/certificates": &corev1.Secret{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, Data: map[string][]byte{"tls.crt": []byte("a"), "tls.key": []byte("b")}},
	}
	apiServer(t, objects)
	const text = "cluster: {name: test, context: test}\nimages: {pullSecrets: [registry, other]}\nlongTermStorage: {enabled: true, tls: {%s}, objectStore: {type: GCS, config: {bucket: blocks}}}"
	_, err := missing(t, fmt.Sprintf(text, "secretName: certificates"))
	require.ErrorContains(t, err, `images.pullSecrets[1]: namespace monitoring has no Secret "other", which pods need; create it first`)
	require.ErrorContains(t, err, `longTermStorage.tls.secretName: Secret "certificates" has no key "ca.crt", for which pods would wait`)
	require.ErrorContains(t, err, "2 problem(s)")
	_, err = missing(t, fmt.Sprintf(text, "secretName: none"))
	require.ErrorContains(t, err, "2 problem(s)", "not one for each key")
	_, err = missing(t, fmt.Sprintf(text, "secretName: none, issuerRef: {name: thanos}"))
	require.ErrorContains(t, err, "1 problem(s)", "cert-manager makes the Secret")
}

// The values of a certificate that exists belong together, and programs know each other by it.
func TestExistingCertificate(t *testing.T) {
	at := "/api/v1/namespaces/monitoring"
	authority := ca.New(t)
	good, other := authority.Issue(t, "kubernetes-prometheus", "thanos"), ca.New(t).Issue(t, "kubernetes-prometheus")
	with := func(key string, value []byte) map[string][]byte {
		values := maps.Clone(good)
		values[key] = value
		return values
	}
	for want, values := range map[string]map[string][]byte{
		"":                                      good,
		"tls.crt and tls.key: tls: private key": with("tls.key", other["tls.key"]),
		"ca.crt has no certificate":             with("ca.crt", []byte("hunter2")),
		"certificate signed by unknown authority":      with("ca.crt", other["ca.crt"]),
		"certificate is valid for a.example.com":       authority.Issue(t, "a.example.com"),
		"has no key \"tls.crt\", for which pods would": {"ca.crt": good["ca.crt"], "tls.key": good["tls.key"]},
	} {
		apiServer(t, map[string]any{
			at:                          &corev1.Namespace{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}},
			at + "/secrets/certificate": &corev1.Secret{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, Data: values},
		})
		_, err := missing(t, "cluster: {name: test, context: test}\ntls: {secretName: certificate}")
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, `tls.secretName: Secret "certificate" has `)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "1 problem(s)")
		assert.NotContains(t, err.Error(), "hunter2")
	}
}

// A cluster is asked about existing Secrets only, and a preview without one goes on.
func TestUnreachableCluster(t *testing.T) {
	t.Setenv("KUBECONFIG", os.DevNull)
	t.Setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1") // as in a pod of another cluster
	t.Setenv("KUBERNETES_SERVICE_PORT", "1")
	recorder, err := missing(t, "")
	require.NoError(t, err)
	assert.Empty(t, recorder.Warnings())
	recorder, err = missing(t, "grafana: {adminPassword: {secret: login, key: password}}")
	require.NoError(t, err)
	require.Len(t, recorder.Warnings(), 1)
	assert.Contains(t, recorder.Warnings()[0], "not every existing Secret was looked up")
}

// A login that waits for a person does not stop a preview.
func TestLoginThatHangs(t *testing.T) {
	setKubeconfig(t, "https://127.0.0.1:1", "{exec: {apiVersion: client.authentication.k8s.io/v1, command: sleep, args: ['30'], interactiveMode: Never}}")
	started := time.Now()
	recorder, err := missing(t, "cluster: {name: test, context: test}\ngrafana: {adminPassword: {secret: login, key: password}}")
	require.NoError(t, err)
	require.Len(t, recorder.Warnings(), 1)
	assert.Contains(t, recorder.Warnings()[0], "the cluster does not answer within 10s")
	assert.Less(t, time.Since(started), 20*time.Second)
}

// missing looks up the existing Secrets of a stack, in YAML.
func missing(t *testing.T, text string) (*Recorder, error) {
	t.Helper()
	cfg := configtest.Config(t, text)
	return Run(func(ctx *pulumi.Context) error { return components.CheckExistingSecrets(ctx, cfg) })
}
