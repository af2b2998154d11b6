package tests

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
)

func TestIngress(t *testing.T) {
	s := grafanaSnapshot(t, files+`, access: {host: grafana.example.com, fromNamespaces: [ingress-nginx], ingress: {className: nginx, tls: {secretName: grafana-tls},
		annotations: {cert-manager.io/cluster-issuer: letsencrypt, pulumi.com/skipAwait: "false"}}}`)
	ingress := Get[*networkingv1.Ingress](t, s, "grafana")
	assert.Equal(t, "nginx", *ingress.Spec.IngressClassName)
	assert.Equal(t, "letsencrypt", ingress.Annotations["cert-manager.io/cluster-issuer"])
	assert.Equal(t, []networkingv1.IngressTLS{{Hosts: []string{"grafana.example.com"}, SecretName: "grafana-tls"}}, ingress.Spec.TLS)
	assert.Equal(t, "grafana.example.com", ingress.Spec.Rules[0].Host)
	assert.Equal(t, "/", ingress.Spec.Rules[0].HTTP.Paths[0].Path)
	assert.Empty(t, All[*certmanagerv1.Certificate](s), "the Secret exists")
	ini := Get[*corev1.ConfigMap](t, s, "grafana-config").Data["grafana.ini"]
	assert.Regexp(t, `root_url\s+= https://grafana.example.com/`, ini)
}

func TestCertificateOfAnIngress(t *testing.T) {
	s := grafanaSnapshot(t, files+`, access: {host: grafana.example.com, fromNamespaces: [ingress-nginx], ingress: {tls: {issuerRef: {name: letsencrypt}}}}`)
	certificate := Get[*certmanagerv1.Certificate](t, s, "grafana-tls")
	assert.Equal(t, []string{"grafana.example.com"}, certificate.Spec.DNSNames)
	assert.Equal(t, "ClusterIssuer", certificate.Spec.IssuerRef.Kind)
	assert.Equal(t, []certmanagerv1.KeyUsage{certmanagerv1.UsageServerAuth}, certificate.Spec.Usages)
	assert.Equal(t, certificate.Spec.SecretName, Get[*networkingv1.Ingress](t, s, "grafana").Spec.TLS[0].SecretName)
}

func TestHTTPRoute(t *testing.T) {
	route := func(access string) *gatewayv1.HTTPRoute {
		s := grafanaSnapshot(t, files+", access: {host: grafana.example.com, fromNamespaces: [gateways], "+access+"}")
		assert.Empty(t, All[*networkingv1.Ingress](s))
		return Get[*gatewayv1.HTTPRoute](t, s, "grafana")
	}
	const parents = "parentRefs: [{name: public, namespace: gateways, sectionName: https}]"
	plain := route("httpRoute: {" + parents + ", annotations: {team: a}}")
	assert.Equal(t, []gatewayv1.Hostname{"grafana.example.com"}, plain.Spec.Hostnames)
	assert.Equal(t, "a", plain.Annotations["team"])
	assert.Equal(t, "true", plain.Annotations["pulumi.com/skipAwait"])
	require.Len(t, plain.Spec.ParentRefs, 1)
	assert.Equal(t, gatewayv1.SectionName("https"), *plain.Spec.ParentRefs[0].SectionName)
	require.Len(t, plain.Spec.Rules, 1)
	assert.Equal(t, gatewayv1.ObjectName("grafana"), plain.Spec.Rules[0].BackendRefs[0].Name)
	assert.Equal(t, gatewayv1.PortNumber(3000), *plain.Spec.Rules[0].BackendRefs[0].Port)
	assert.Empty(t, plain.Spec.Rules[0].Filters)

	below := route("path: /grafana, httpRoute: {" + parents + ", filters: [{type: RequestHeaderModifier, requestHeaderModifier: {remove: [X-Forwarded-Access-Token]}}]}").Spec.Rules[0]
	assert.Equal(t, "/grafana", *below.Matches[0].Path.Value)
	require.Len(t, below.Filters, 2)
	assert.Equal(t, "/", *below.Filters[0].URLRewrite.Path.ReplacePrefixMatch)
	assert.Equal(t, []string{"X-Forwarded-Access-Token"}, below.Filters[1].RequestHeaderModifier.Remove)
}

// What people click in a notification leads to where they reach what evaluated the alert.
func TestLinksOfAlerts(t *testing.T) {
	s := longTerm(t, ", queryFrontend: {access: {host: thanos.example.com, path: /thanos, login: none, httpRoute: {parentRefs: [{name: public}]}, fromNamespaces: [gateways]}}}\nprometheus: {shards: 2}")
	ruler := Get[*appsv1.StatefulSet](t, s, "thanos-ruler").Spec.Template.Spec.Containers[0]
	assert.Contains(t, ruler.Args, "--alert.query-url=https://thanos.example.com/thanos")
	query := Get[*appsv1.Deployment](t, s, "thanos-query").Spec.Template.Spec.Containers[0]
	assert.Subset(t, query.Args, []string{"--web.external-prefix=/thanos", "--web.route-prefix=/"}, "of the links in its pages")
	assert.Equal(t, gatewayv1.ObjectName("thanos-query-frontend"), Get[*gatewayv1.HTTPRoute](t, s, "thanos-query-frontend").Spec.Rules[0].BackendRefs[0].Name)
}
