//go:build e2e

package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/tests/ca"
)

// Programs of the gateway, on the local node.
const (
	caddy           = "/run/localcluster/bin/caddy"
	caddyController = "/run/localcluster/bin/gateway"
)

// What the test's Gateway is called, and the port of its listener.
const (
	gatewayNamespace = "gateways"
	gatewayName      = "public"
	gatewayPort      = 8088
)

// TestRoutes has Caddy's Gateway API controller route the HTTPRoutes of Prometheus and Alertmanager, each below a path
// of the same host: whoever has a password gets through, whoever has none is refused by the program itself.
func TestRoutes(t *testing.T) {
	leftOut(t)
	const host = "monitoring.example.com"
	n := start(t)
	n.cluster.localOnly(t, "a gateway on the node")
	n.deploy(t)
	n.applyGatewayAPI(t, "experimental", "gatewayclasses", "gateways", "httproutes", "referencegrants",
		"grpcroutes", "tcproutes", "tlsroutes", "udproutes", "backendtlspolicies") // which the controller watches too
	user := url.UserPassword("alice", "e2eSECRETalice")
	n.addClient(t, user)
	for component, path := range map[string]string{"prometheus": "/prometheus", "alerting": "/alerts"} {
		for key, value := range map[string]string{
			"host": host, "path": path, "login": "basic", "fromNamespaces[0]": gatewayNamespace,
			"httpRoute.parentRefs[0].name": gatewayName, "httpRoute.parentRefs[0].namespace": gatewayNamespace,
		} {
			n.set(t, component+".access."+key, value)
		}
	}
	n.up(t)
	n.startGateway(t)
	for name, path := range map[string]string{"prometheus": "/prometheus/-/healthy", "alertmanager": "/alerts/-/healthy"} {
		n.routed(t, name)
		eventually(t, 2*time.Minute, "requests below "+path+" reach "+name, func(context.Context) string {
			if answer := n.throughGateway(t, host, path, nil); !strings.Contains(answer, "401 Unauthorized") {
				return answer
			}
			return ""
		})
	}
	for path, want := range map[string]string{
		"/prometheus/api/v1/status/buildinfo": `"version":"` + n.version(t, "prometheus"),
		"/alerts/api/v2/status":               `"version":"` + n.version(t, "alertmanager"),
		"/prometheus/api/v1/query?query=up":   `"status":"success"`,
	} {
		refused := n.throughGateway(t, host, path, nil)
		assert.Contains(t, refused, "401 Unauthorized", path)
		assert.NotContains(t, refused, want, path)
		answer := n.throughGateway(t, host, path, user)
		assert.Contains(t, answer, "200 OK", path)
		assert.Contains(t, strings.ReplaceAll(answer, ": ", ":"), want, path)
	}
	// What a program redirects to is below its path, too.
	assert.Contains(t, n.throughGateway(t, host, "/prometheus/", user), "Location: /prometheus/query")
	for _, other := range []struct{ host, path string }{{host, "/"}, {host, "/api/v1/status/buildinfo"}, {"other.example.com", "/prometheus/api/v1/status/buildinfo"}} {
		assert.NotContains(t, n.throughGateway(t, other.host, other.path, user), "200 OK", "%s%s is no route", other.host, other.path)
	}
	n.unchanged(t) // although the controller wrote to the routes
}

// version returns the version in the image of a program.
func (n *node) version(t *testing.T, program string) string {
	t.Helper()
	pods, err := n.kubernetes.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=" + program})
	require.NoError(t, err)
	require.NotEmpty(t, pods.Items)
	_, version, _ := strings.Cut(pods.Items[0].Spec.Containers[0].Image, ":v")
	return version
}

// startGateway creates a Gateway, and runs Caddy, which listens for it, and the controller, which configures Caddy,
// until the test ends. The controller expects Caddy's API behind a proxy that asks for its certificate, at a pod that
// the Endpoints of a Service name.
func (n *node) startGateway(t *testing.T) {
	t.Helper()
	const dir = "/var/run/secrets/tls" // where the controller looks for them
	for name, content := range ca.New(t).Issue(t, gatewayName+"."+gatewayNamespace) {
		n.shell(t, fmt.Sprintf("mkdir -p %s && cat >%[1]s/%s <<'end'\n%s\nend", dir, name, content))
	}
	n.shell(t, fmt.Sprintf(`echo '{"admin": {"listen": ":2019"}}' >%s/caddy.json`, dir))
	proxy, err := json.Marshal(map[string]any{"admin": map[string]any{"disabled": true}, "apps": map[string]any{
		"tls": map[string]any{"certificates": map[string]any{"load_files": []any{map[string]any{"certificate": dir + "/tls.crt", "key": dir + "/tls.key"}}}},
		"http": map[string]any{"servers": map[string]any{"api": map[string]any{
			"listen":          []string{":2021"},
			"automatic_https": map[string]any{"disable": true},
			"strict_sni_host": false, // the controller asks for another host
			"tls_connection_policies": []any{map[string]any{"client_authentication": map[string]any{
				"ca": map[string]any{"provider": "file", "pem_files": []string{dir + "/ca.crt"}}, "mode": "require_and_verify",
			}}},
			"routes": []any{map[string]any{"handle": []any{map[string]any{"handler": "reverse_proxy", "upstreams": []any{map[string]any{"dial": "127.0.0.1:2019"}}}}}},
		}}},
	}})
	require.NoError(t, err)
	n.shell(t, fmt.Sprintf("cat >%s/proxy.json <<'end'\n%s\nend", dir, proxy))
	home := "XDG_CONFIG_HOME=" + t.TempDir() // where it saves what it is told
	n.run(t, "env", home, caddy, "run", "--config", dir+"/caddy.json")
	n.run(t, "env", home, caddy, "run", "--config", dir+"/proxy.json")
	eventually(t, time.Minute, "Caddy and the proxy listen", func(context.Context) string {
		return n.shell(t, "for port in 2019 2021; do busybox nc -w 2 127.0.0.1 $port </dev/null >/dev/null 2>&1 || echo port $port does not; done")
	})

	n.emptyNamespace(t, gatewayNamespace)
	t.Cleanup(func() {
		assert.NoError(t, n.kubernetes.CoreV1().Namespaces().Delete(context.WithoutCancel(t.Context()), gatewayNamespace, metav1.DeleteOptions{}))
	})
	labels := map[string]string{"gateway.caddyserver.com/owning-gateway": gatewayName}
	service, err := n.kubernetes.CoreV1().Services(gatewayNamespace).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: gatewayName, Labels: labels},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: gatewayPort}}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: nodeIP}}
	_, err = n.kubernetes.CoreV1().Services(gatewayNamespace).UpdateStatus(t.Context(), service, metav1.UpdateOptions{})
	require.NoError(t, err)
	_, err = n.kubernetes.CoreV1().Endpoints(gatewayNamespace).Create(t.Context(), &corev1.Endpoints{ //nolint:staticcheck // the controller reads no EndpointSlices
		ObjectMeta: metav1.ObjectMeta{Name: gatewayName, Labels: labels},
		Subsets: []corev1.EndpointSubset{{ //nolint:staticcheck // as above
			Addresses: []corev1.EndpointAddress{{IP: nodeIP, TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: gatewayNamespace, Name: gatewayName}}},
			Ports:     []corev1.EndpointPort{{Port: gatewayPort}},
		}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)

	every := gatewayv1.NamespacesFromAll
	n.applyGatewayObject(t, "gatewayclasses", "", &gatewayv1.GatewayClass{
		TypeMeta:   metav1.TypeMeta{APIVersion: gatewayv1.GroupVersion.String(), Kind: "GatewayClass"},
		ObjectMeta: metav1.ObjectMeta{Name: "caddy"},
		Spec:       gatewayv1.GatewayClassSpec{ControllerName: "caddyserver.com/gateway-controller"},
	})
	// The controller knows the status of an older version of the API, which the API server refuses.
	n.acceptGatewayClass(t, "caddy")
	n.applyGatewayObject(t, "gateways", gatewayNamespace, &gatewayv1.Gateway{
		TypeMeta:   metav1.TypeMeta{APIVersion: gatewayv1.GroupVersion.String(), Kind: "Gateway"},
		ObjectMeta: metav1.ObjectMeta{Name: gatewayName},
		Spec: gatewayv1.GatewaySpec{GatewayClassName: "caddy", Listeners: []gatewayv1.Listener{{
			Name: "http", Protocol: gatewayv1.HTTPProtocolType, Port: gatewayPort,
			AllowedRoutes: &gatewayv1.AllowedRoutes{Namespaces: &gatewayv1.RouteNamespaces{From: &every}},
		}}},
	})
	n.shell(t, "sed 's,server: .*,server: https://127.0.0.1:6443,' /run/localcluster/kubeconfig >"+dir+"/kubeconfig") // as the node reaches it
	n.run(t, caddyController, "--kubeconfig="+dir+"/kubeconfig", "--metrics-bind-address=0", "--health-probe-bind-address=0")
}

// gatewayResource returns a resource of the Gateway API.
func gatewayResource(name string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: gatewayv1.GroupName, Version: "v1", Resource: name}
}

// acceptGatewayClass says for its controller that it serves a GatewayClass.
func (n *node) acceptGatewayClass(t *testing.T, name string) {
	t.Helper()
	status, err := json.Marshal(map[string]any{"status": gatewayv1.GatewayClassStatus{Conditions: []metav1.Condition{{
		Type: string(gatewayv1.GatewayClassConditionStatusAccepted), Reason: string(gatewayv1.GatewayClassReasonAccepted),
		Status: metav1.ConditionTrue, LastTransitionTime: metav1.Now(),
	}}}})
	require.NoError(t, err)
	_, err = n.dynamic.Resource(gatewayResource("gatewayclasses")).Patch(t.Context(), name, types.MergePatchType, status, metav1.PatchOptions{}, "status")
	require.NoError(t, err)
}

// applyGatewayObject applies an object of the Gateway API; namespace is empty for one of the cluster.
func (n *node) applyGatewayObject(t *testing.T, resource, namespace string, object runtime.Object) {
	t.Helper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	require.NoError(t, err)
	delete(content, "status") // which has zero values that the API server refuses
	applied := &unstructured.Unstructured{Object: content}
	data, err := applied.MarshalJSON()
	require.NoError(t, err)
	force := true
	_, err = n.dynamic.Resource(gatewayResource(resource)).Namespace(namespace).
		Patch(t.Context(), applied.GetName(), types.ApplyPatchType, data, metav1.PatchOptions{FieldManager: "e2e", Force: &force})
	require.NoError(t, err)
}

// routed waits until the controller has accepted an HTTPRoute.
func (n *node) routed(t *testing.T, name string) {
	t.Helper()
	eventually(t, 2*time.Minute, "the route "+name+" is accepted", func(ctx context.Context) string {
		object, err := n.dynamic.Resource(httpRoutes).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		var route gatewayv1.HTTPRoute
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &route); err != nil {
			return err.Error()
		}
		if len(route.Status.Parents) != 1 {
			return fmt.Sprint("its parents: ", route.Status.Parents)
		}
		for _, condition := range []gatewayv1.RouteConditionType{gatewayv1.RouteConditionAccepted, gatewayv1.RouteConditionResolvedRefs} {
			if found := meta.FindStatusCondition(route.Status.Parents[0].Conditions, string(condition)); found == nil || found.Status != metav1.ConditionTrue {
				return fmt.Sprint(condition, ": ", found)
			}
		}
		return ""
	})
}

// throughGateway returns the gateway's answer to a user, headers and all; to nobody if it is nil.
func (n *node) throughGateway(t *testing.T, host, path string, user *url.Userinfo) string {
	t.Helper()
	login := ""
	if user != nil {
		login = `Authorization: Basic ` + base64.StdEncoding.EncodeToString([]byte(user.String())) + `\r\n`
	}
	return n.localcluster(t, "exec", "bash", "-c", fmt.Sprintf(`exec 3<>/dev/tcp/%s/%d; printf 'GET %s HTTP/1.0\r\nHost: %s\r\n%s\r\n' >&3; cat <&3`,
		nodeIP, gatewayPort, path, host, login))
}
