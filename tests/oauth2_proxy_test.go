package tests

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// oidc is a login, in YAML.
const oidc = "issuerUrl: 'https://login.example.com', clientId: monitoring, clientSecret: s3cret, cookieSecret: 0123456789abcdef, groups: [sre]"

// behindLogin deploys Prometheus, published behind a login at a path, and its oauth2-proxy.
func behindLogin(t *testing.T, by, login string) Snapshot {
	t.Helper()
	cfg := configtest.Config(t, "prometheus: {access: {host: example.com, path: /prometheus, login: oidc, fromNamespaces: [gateways], "+by+"}}\nlogin: {oidc: {"+login+"}}")
	return Component(t, cfg, func(ctx *pulumi.Context, site components.Site) error {
		if err := prometheus(ctx, site); err != nil {
			return err
		}
		return components.DeployOAuth2Proxies(ctx, site)
	})
}

func TestOAuth2Proxy(t *testing.T) {
	s := behindLogin(t, "ingress: {className: nginx}", oidc)
	ingress := Get[*networkingv1.Ingress](t, s, "prometheus-login")
	assert.Len(t, All[*networkingv1.Ingress](s), 1, "only the oauth2-proxy is published")
	assert.Equal(t, "/prometheus", ingress.Spec.Rules[0].HTTP.Paths[0].Path)
	assert.Equal(t, networkingv1.IngressServiceBackend{Name: "prometheus-login", Port: networkingv1.ServiceBackendPort{Name: "proxy"}}, *ingress.Spec.Rules[0].HTTP.Paths[0].Backend.Service)

	deployment := Get[*appsv1.Deployment](t, s, "prometheus-login")
	pod := deployment.Spec.Template
	container := pod.Spec.Containers[0]
	assert.Equal(t, "quay.io/oauth2-proxy/oauth2-proxy:v7.15.6", container.Image)
	assert.Equal(t, "/ready", container.ReadinessProbe.HTTPGet.Path)
	assert.Equal(t, "/ping", container.LivenessProbe.HTTPGet.Path)
	assert.Contains(t, pod.Annotations, "version/secret")
	files := mounted(t, s, pod)
	assert.Equal(t, "s3cret", files["/etc/oauth2-proxy/secrets/client-secret"])
	assert.Equal(t, "0123456789abcdef", files["/etc/oauth2-proxy/secrets/cookie-secret"])
	assert.Contains(t, files["/etc/oauth2-proxy/config/oauth2-proxy.yaml"], "clientID: monitoring")
	assert.Empty(t, All[*policyv1.PodDisruptionBudget](s))

	// The gateway reaches the oauth2-proxy, and that one Prometheus.
	peers := func(name string, rule int) (apps, namespaces []string) {
		for _, from := range Get[*networkingv1.NetworkPolicy](t, s, name).Spec.Ingress[rule].From {
			if from.PodSelector != nil {
				apps = append(apps, from.PodSelector.MatchLabels["app.kubernetes.io/name"])
			} else {
				namespaces = append(namespaces, from.NamespaceSelector.MatchLabels[corev1.LabelMetadataName])
			}
		}
		return apps, namespaces
	}
	apps, namespaces := peers("prometheus", 0)
	assert.Equal(t, []string{"prometheus", "grafana", "oauth2-proxy"}, apps)
	assert.Empty(t, namespaces)
	apps, namespaces = peers("prometheus-login", 0)
	assert.Empty(t, apps)
	assert.Equal(t, []string{"gateways"}, namespaces)
	apps, _ = peers("prometheus-login", 1)
	assert.Equal(t, []string{"prometheus"}, apps)
}

func TestOAuth2ProxyReplicas(t *testing.T) {
	s := behindLogin(t, "httpRoute: {parentRefs: [{name: public}]}", "issuerUrl: 'https://login.example.com', clientId: monitoring, groups: ['*'], replicas: 2, "+
		"clientSecret: {secret: login, key: client}, cookieSecret: {secret: login, key: cookie}, ca: {secret: authority, key: ca.crt}")
	route := Get[*gatewayv1.HTTPRoute](t, s, "prometheus-login").Spec.Rules[0]
	assert.Empty(t, route.Filters, "oauth2-proxy removes the path")
	assert.Equal(t, gatewayv1.PortNumber(4180), *route.BackendRefs[0].Port)
	deployment := Get[*appsv1.Deployment](t, s, "prometheus-login")
	assert.Equal(t, int32(2), *deployment.Spec.Replicas)
	assert.NotContains(t, deployment.Spec.Template.Annotations, "version/secret", "all values are in existing Secrets")
	require.Len(t, All[*policyv1.PodDisruptionBudget](s), 1)
	assert.Equal(t, deployment.Spec.Selector.MatchLabels, All[*policyv1.PodDisruptionBudget](s)[0].Spec.Selector.MatchLabels)
}
