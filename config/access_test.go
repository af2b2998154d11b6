package config_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

func TestAccessProblems(t *testing.T) {
	const route = "httpRoute: {parentRefs: [{name: public}]}, fromNamespaces: [gateways]"
	for _, test := range []struct{ name, access, want string }{
		{
			"no host", "prometheus: {access: {ingress: {}}}",
			"prometheus.access.host: missing, but prometheus.access.ingress is set; allowed: the host name that people open, such as prometheus.example.com",
		}, {
			"a URL for a host", "prometheus: {access: {host: 'https://a.example.com', login: none, " + route + "}}",
			`prometheus.access.host: "https://a.example.com": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character`,
		}, {
			"no login", "prometheus: {access: {host: a.example.com, " + route + "}}",
			"prometheus.access.login: missing; allowed: none, basic, oidc",
		}, {
			"no login of Grafana", "grafana: {adminPassword: hunter2, access: {host: a.example.com, login: none, " + route + "}}",
			"grafana.access.login: none, but Grafana has users of its own; leave it out",
		}, {
			"a relative path", "prometheus: {access: {host: a.example.com, path: prometheus, login: none, " + route + "}}",
			`prometheus.access.path: "prometheus"; allowed: / or a path such as /prometheus, without a slash at its end`,
		}, {
			"a slash at the end", "alerting: {access: {host: a.example.com, path: /alerts/, login: none, " + route + "}}",
			`alerting.access.path: "/alerts/"; allowed: / or a path such as /alertmanager, without a slash at its end`,
		}, {
			"neither", "prometheus: {access: {host: a.example.com, login: none}}",
			"prometheus.access: publishes a.example.com with an ingress or an httpRoute; allowed: exactly one of them",
		}, {
			"both", "prometheus: {access: {host: a.example.com, login: none, ingress: {}, " + route + "}}",
			"prometheus.access: publishes a.example.com with an ingress or an httpRoute; allowed: exactly one of them",
		}, {
			"nobody is admitted", "prometheus: {access: {host: a.example.com, login: none, ingress: {}}}",
			"prometheus.access.fromNamespaces: empty, so the network policies keep the controller or gateway from Prometheus; name its namespace",
		}, {
			"a class", ingress + "prometheus: {access: {host: a.example.com, login: none, ingress: {className: NGINX}}}",
			`prometheus.access.ingress.className: "NGINX": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character`,
		}, {
			"a path that an Ingress leaves in requests", ingress + "prometheus: {access: {host: a.example.com, path: /prometheus, login: none, ingress: {}}}",
			"prometheus.access.ingress.annotations: empty, so nothing removes the path /prometheus from requests; set those with which the controller does, or publish with an httpRoute or a host of its own",
		}, {
			"a Secret of the program", ingress + "prometheus: {access: {host: a.example.com, login: none, ingress: {tls: {secretName: grafana}}}}",
			`prometheus.access.ingress.tls.secretName: "grafana" is a Secret that this program creates; allowed: the name of any other`,
		}, {
			"a kind of cert-manager that does not exist", ingress + "prometheus: {access: {host: a.example.com, login: none, ingress: {tls: {issuerRef: {name: a, kind: Authority}}}}}",
			`prometheus.access.ingress.tls.issuerRef.kind: "Authority"; allowed: Issuer, ClusterIssuer, or another with the group of an external issuer`,
		}, {
			"an issuer without a name", ingress + "prometheus: {access: {host: a.example.com, login: none, ingress: {tls: {issuerRef: {kind: Issuer}}}}}",
			"prometheus.access.ingress.tls.issuerRef.name: missing; allowed: the name of an issuer of kind Issuer",
		}, {
			"no gateway", "prometheus: {access: {host: a.example.com, login: none, httpRoute: {}, fromNamespaces: [a]}}",
			"prometheus.access.httpRoute.parentRefs: missing; allowed: the gateways that the route attaches to, such as {name: public, namespace: gateways, sectionName: https}",
		}, {
			"a key of a gateway", "prometheus: {access: {host: a.example.com, login: none, httpRoute: {parentRefs: [{name: a, section: https}]}, fromNamespaces: [a]}}",
			`prometheus.access.httpRoute.parentRefs[0].section: unknown "section"; allowed: group, kind, namespace, name, sectionName, port`,
		}, {
			"a filter that the route has", "prometheus: {access: {host: a.example.com, login: none, httpRoute: {parentRefs: [{name: a}], filters: [{type: URLRewrite, urlRewrite: {hostname: b}}]}, fromNamespaces: [a]}}",
			"prometheus.access.httpRoute.filters[0].type: URLRewrite, but the route already leads to the UI and removes the path; remove the filter",
		}, {
			"another external URL", "prometheus: {externalUrl: 'https://b.example.com/', access: {host: a.example.com, login: none, " + route + "}}",
			`prometheus.externalUrl: "https://b.example.com/", but access publishes https://a.example.com/; set the same host and path, or leave it out`,
		}, {
			"shards", ingress + longTerm("") + "\nprometheus: {shards: 2, access: {host: a.example.com, login: none, ingress: {}}}",
			`prometheus.access.host: "a.example.com", but no server has the samples of all shards; publish longTermStorage.queryFrontend.access, which shows them as one`,
		}, {
			"two at one address", ingress + "grafana: {adminPassword: hunter2, access: {host: a.example.com, ingress: {}}}\nprometheus: {access: {host: a.example.com, login: none, ingress: {}}}",
			`prometheus.access.path: "/", at which grafana.access publishes another web UI of a.example.com; allowed: any other path`,
		}, {
			"the Ingress of an earlier version", "grafana: {adminPassword: hunter2, ingress: {enabled: true}}",
			"grafana.ingress: is not a setting any more; set grafana.access: {host: HOST, ingress: {className: CLASS, annotations: {...}, tls: {secretName: SECRET}}}",
		},
	} {
		t.Run(test.name, func(t *testing.T) { assert.Equal(t, []string{test.want}, rejected(t, test.access)) })
	}
}

func TestURLsFollowAccess(t *testing.T) {
	for _, test := range []struct{ name, settings, want string }{
		{"an Ingress", "access: {host: a.example.com, login: none, ingress: {}}", "http://a.example.com/"},
		{"with TLS", "access: {host: a.example.com, login: none, ingress: {tls: {secretName: b}}}", "https://a.example.com/"},
		{"with an issuer", "access: {host: a.example.com, login: none, ingress: {tls: {issuerRef: {name: b}}}}", "https://a.example.com/"},
		{"an HTTPRoute", "access: {host: a.example.com, path: /prometheus, login: none, httpRoute: {parentRefs: [{name: b}]}}", "https://a.example.com/prometheus"},
		{"another port", "externalUrl: 'https://a.example.com:8443/', access: {host: a.example.com, login: none, ingress: {}}", "https://a.example.com:8443/"},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, accepted(t, ingress+"prometheus: {"+test.settings+"}").Prometheus.ExternalURL.String())
		})
	}
	assert.Nil(t, accepted(t, "").Prometheus.ExternalURL)
	alerting := accepted(t, ingress+"alerting: {access: {host: a.example.com, login: none, ingress: {}}}").Alerting
	assert.Equal(t, "http://a.example.com/", alerting.ExternalURL.String())
}

func TestIssuerOfAnIngress(t *testing.T) {
	tls := accepted(t, ingress+"prometheus: {access: {host: a.example.com, login: none, ingress: {tls: {issuerRef: {name: b}}}}}").Prometheus.Access.Ingress.TLS
	assert.Equal(t, config.IngressTLS{SecretName: "prometheus-tls", IssuerRef: config.IssuerRef{Name: "b", Kind: "ClusterIssuer", Group: "cert-manager.io"}}, tls)
	tls = accepted(t, ingress+"prometheus: {access: {host: a.example.com, login: none, ingress: {tls: {secretName: c, issuerRef: {name: b, kind: Issuer}}}}}").Prometheus.Access.Ingress.TLS
	assert.Equal(t, config.IngressTLS{SecretName: "c", IssuerRef: config.IssuerRef{Name: "b", Kind: "Issuer", Group: "cert-manager.io"}}, tls)
}
