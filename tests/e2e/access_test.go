//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"
)

// httpRoutes is the resource of the Gateway API.
var httpRoutes = gatewayResource("httproutes")

// publishedUIs publishes Prometheus by an HTTPRoute and Grafana by an Ingress, which the API server must accept,
// for the HTTPRoute by the rules of the Gateway API's own CustomResourceDefinition.
func publishedUIs(t *testing.T, n *node) {
	n.applyGatewayAPI(t, "standard", "httproutes")
	restore := n.upWith(t, func(put func(path string, value any)) {
		put("prometheus.access", map[string]any{
			"host": "monitoring.example.com", "path": "/prometheus", "login": "none", "fromNamespaces": []any{"gateways"},
			"httpRoute": map[string]any{
				"parentRefs": []any{map[string]any{"name": "public", "namespace": "gateways"}},
				"filters": []any{map[string]any{
					"type":                   "ResponseHeaderModifier",
					"responseHeaderModifier": map[string]any{"set": []any{map[string]any{"name": "X-Frame-Options", "value": "DENY"}}},
				}},
			},
		})
		put("grafana.access", map[string]any{
			"host": "grafana.example.com", "fromNamespaces": []any{"ingress"},
			"ingress": map[string]any{"className": "nginx", "tls": map[string]any{"secretName": "grafana-tls"}},
		})
		put("checks.waive.ui-login", "nobody can route to it")
	})
	defer restore()

	object, err := n.dynamic.Resource(httpRoutes).Namespace(namespace).Get(t.Context(), "prometheus", metav1.GetOptions{})
	require.NoError(t, err)
	var route gatewayv1.HTTPRoute
	require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, &route, true))
	rule := route.Spec.Rules[0]
	assert.Equal(t, "/prometheus", *rule.Matches[0].Path.Value)
	assert.Equal(t, "/", *rule.Filters[0].URLRewrite.Path.ReplacePrefixMatch)
	assert.Equal(t, gatewayv1.HTTPHeaderName("X-Frame-Options"), rule.Filters[1].ResponseHeaderModifier.Set[0].Name)
	ingress, err := n.kubernetes.NetworkingV1().Ingresses(namespace).Get(t.Context(), "grafana", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, []networkingv1.IngressTLS{{Hosts: []string{"grafana.example.com"}, SecretName: "grafana-tls"}}, ingress.Spec.TLS)

	var status struct{ Data map[string]string }
	require.NoError(t, json.Unmarshal([]byte(n.get(t, "prometheus:web", "api/v1/status/flags", nil)), &status))
	assert.Equal(t, "https://monitoring.example.com/prometheus", status.Data["web.external-url"])
	targetsUp(t, n)
	n.unchanged(t)
}

// applyGatewayAPI creates CustomResourceDefinitions of a channel of the Gateway API, among them that of HTTPRoutes,
// with which clusters that have the Gateway API check them.
func (n *node) applyGatewayAPI(t *testing.T, channel string, resources ...string) {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	require.NoError(t, err)
	definitions := n.dynamic.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	for _, resource := range resources {
		text, err := os.ReadFile(filepath.Join(string(output[:len(output)-1]), "config", "crd", channel, "gateway.networking.k8s.io_"+resource+".yaml"))
		require.NoError(t, err)
		definition := &unstructured.Unstructured{}
		require.NoError(t, yaml.Unmarshal(text, &definition.Object))
		_, err = definitions.Create(t.Context(), definition, metav1.CreateOptions{})
		require.True(t, err == nil || apierrors.IsAlreadyExists(err), "%v", err)
	}
	eventually(t, time.Minute, "HTTPRoutes are served", func(ctx context.Context) string {
		if _, err := n.dynamic.Resource(httpRoutes).Namespace(namespace).List(ctx, metav1.ListOptions{}); err != nil {
			return err.Error()
		}
		return ""
	})
}
