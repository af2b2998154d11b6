package config_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// Values of stacks with a login, in YAML.
const (
	behindLogin  = ingress + "prometheus: {access: {host: prometheus.example.com, login: oidc, ingress: {}}}\n"
	grafanaLogin = ingress + "grafana: {adminPassword: hunter2, access: {host: grafana.example.com, login: oidc, ingress: {}}}\n"
	provider     = "issuerUrl: 'https://login.example.com', clientId: monitoring, clientSecret: hunter2"
	proxy        = provider + ", cookieSecret: 0123456789abcdef, groups: [sre]"
	endpoints    = "endpoints: {authorization: 'https://login.example.com/auth', token: 'https://login.example.com/token', userinfo: 'https://login.example.com/me'}"
)

func login(values string) string { return "login: {oidc: {" + values + "}}" }

func TestOIDC(t *testing.T) {
	run(t, []violation{
		{
			"nobody logs in", login(provider),
			"login.oidc: nobody logs in with it; set access.login: oidc of a web UI that is published, or remove it",
		}, {
			"only a key for cookies", login("cookieSecret: 0123456789abcdef"),
			"login.oidc: nobody logs in with it; set access.login: oidc of a web UI that is published, or remove it",
		}, {
			"only nodes for pods", login("nodeSelector: {disk: ssd}"),
			"login.oidc: nobody logs in with it; set access.login: oidc of a web UI that is published, or remove it",
		}, {
			"a login that is not published", "prometheus: {access: {login: oidc}}",
			"prometheus.access.host: missing, but prometheus.access.login is set; allowed: the host name that people open, such as prometheus.example.com",
		}, {
			"no provider", behindLogin + login("clientId: monitoring, clientSecret: hunter2, cookieSecret: 0123456789abcdef, groups: [sre]"),
			"login.oidc.issuerUrl: missing; allowed: the URL of the provider, such as https://login.example.com/realms/staff",
		}, {
			"no client", behindLogin + login("issuerUrl: 'https://login.example.com', clientSecret: hunter2, cookieSecret: 0123456789abcdef, groups: [sre]"),
			"login.oidc.clientId: missing; the ID of the client that the provider has for the web UIs",
		}, {
			"no secret", behindLogin + login("issuerUrl: 'https://login.example.com', clientId: monitoring, cookieSecret: 0123456789abcdef, groups: [sre]"),
			"login.oidc.clientSecret: missing; set it with: pulumi config set --secret --path 'kubernetes-prometheus:login.oidc.clientSecret'; or name an existing Secret there: {secret: NAME, key: KEY}",
		}, {
			"no cookie secret", behindLogin + login(provider+", groups: [sre]"),
			"login.oidc.cookieSecret: missing; set it with: pulumi config set --secret --path 'kubernetes-prometheus:login.oidc.cookieSecret'; or name an existing Secret there: {secret: NAME, key: KEY}",
		}, {
			"a setting of oauth2-proxy as a variable", behindLogin + login(proxy+", pod: {env: [{name: OAUTH2_PROXY_SKIP_AUTH_ROUTES, value: ^/}]}"),
			`login.oidc.pod.env[0].name: "OAUTH2_PROXY_SKIP_AUTH_ROUTES" is a setting of oauth2-proxy, which the program makes; allowed: any other variable`,
		}, {
			"a short cookie secret", behindLogin + login(provider+", groups: [sre], cookieSecret: hunter2"),
			"login.oidc.cookieSecret: has 7 bytes; allowed: 16, 24 or 32 bytes, such as from: openssl rand -hex 16",
		}, {
			"no groups", behindLogin + login(provider+", cookieSecret: 0123456789abcdef"),
			`login.oidc.groups: missing; allowed: the groups whose members may use Prometheus, Alertmanager and Thanos, or ["*"] for everyone who can log in`,
		}, {
			"everyone and others", behindLogin + login(provider+", cookieSecret: 0123456789abcdef, groups: [sre, '*']"),
			`login.oidc.groups: "sre *"; allowed: groups, or "*" alone`,
		}, {
			"a group that is a variable", behindLogin + login(provider+", cookieSecret: 0123456789abcdef, groups: [$HOME]"),
			`login.oidc.groups: "$HOME"; allowed: names of groups without $, quotes and backslashes`,
		}, {
			"a provider with a password", behindLogin + login("issuerUrl: 'https://a:hunter2@login.example.com', clientId: monitoring, clientSecret: hunter2, cookieSecret: 0123456789abcdef, groups: [sre]"),
			"login.oidc.issuerUrl: contains a credential, but is stored in clear text; remove the credential",
		}, {
			"scopes of OAuth", behindLogin + login(proxy+", scopes: [email]"),
			`login.oidc.scopes: "email"; allowed: openid and others`,
		}, {
			"several scopes in one", behindLogin + login(proxy+", scopes: [openid, 'email groups']"),
			`login.oidc.scopes[1]: "email groups"; allowed: a text without spaces, commas, $, quotes and backslashes`,
		}, {
			"an expression for a claim", behindLogin + login(proxy+", groupsClaim: 'contains(groups)'"),
			`login.oidc.groupsClaim: "contains(groups)"; allowed: the name of a claim, such as groups, realm_access.roles or https://example.com/groups`,
		}, {
			"an address for a domain", behindLogin + login(proxy+", emailDomains: ['@example.com']"),
			`login.oidc.emailDomains[0]: "@example.com": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character`,
		}, {
			"a file for a certificate", behindLogin + login(proxy+", ca: /etc/ssl/ca.crt"),
			"login.oidc.ca: is not a certificate; allowed: certificates in PEM format",
		}, {
			"a login for a year", behindLogin + login(proxy+", sessionDuration: 1y"),
			"login.oidc.sessionDuration: 1y; allowed: 1m to 30d",
		}, {
			"no pods", behindLogin + login(proxy+", replicas: 0"),
			"login.oidc.replicas: 0; allowed: 1 to 10",
		}, {
			"a Secret of the program", behindLogin + login("issuerUrl: 'https://login.example.com', clientId: monitoring, clientSecret: {secret: alertmanager-login, key: a}, cookieSecret: 0123456789abcdef, groups: [sre]"),
			`login.oidc.clientSecret.secret: "alertmanager-login" is a Secret that this program creates; allowed: the name of any other`,
		}, {
			"roles without Grafana", behindLogin + login(proxy+", roles: {sre: Admin}"),
			"login.oidc.roles: has no effect, because Grafana does not have this login; remove it, or set grafana.access.login: oidc",
		}, {
			"endpoints without Grafana", behindLogin + login(proxy+", "+endpoints),
			"login.oidc.endpoints: has no effect, because Grafana does not have this login; remove it, or set grafana.access.login: oidc",
		}, {
			"a datasource of another Grafana behind the login", behindLogin + login(proxy) + "\ngrafana: {import: job, external: {url: 'https://a', token: hunter2, prometheusUrl: 'https://prometheus.example.com:8443/'}}",
			`grafana.external.prometheusUrl: "https://prometheus.example.com:8443/" is where prometheus.access has people log in, which no datasource can do; allowed: an address with another way in, or prometheus.access.login: basic`,
		}, {
			"no roles", grafanaLogin + login(provider+", "+endpoints),
			`login.oidc.roles: missing, so nobody could log in to Grafana; allowed: groups with roles, such as {sre: Admin, "*": Viewer}`,
		}, {
			"a role that does not exist", grafanaLogin + login(provider+", "+endpoints+", roles: {sre: Administrator}"),
			`login.oidc.roles.sre: unknown "Administrator"; allowed: Admin, Editor, Viewer`,
		}, {
			"no endpoint", grafanaLogin + login(provider+", roles: {sre: Admin}, endpoints: {authorization: 'https://login.example.com/auth', token: 'https://login.example.com/token'}"),
			"login.oidc.endpoints.userinfo: missing; allowed: userinfo_endpoint in https://login.example.com/.well-known/openid-configuration",
		}, {
			"a name of its own secret", ingress + "grafana: {adminPassword: hunter2, secrets: {oidc-client-secret: hunter2}, access: {host: grafana.example.com, login: oidc, ingress: {}}}\n" + login(provider+", roles: {sre: Admin}, "+endpoints),
			`grafana.secrets["oidc-client-secret"]: the name is taken by login.oidc; choose another`,
		},
	})
}

// Grafana asks the provider itself, and has nothing of an oauth2-proxy.
func TestSettingsWithoutProxy(t *testing.T) {
	for _, setting := range []struct{ key, value, shown string }{
		{"cookieSecret", "0123456789abcdef", ""},
		{"groups", "[sre]", ""},
		{"sessionDuration", "12h", ""},
		{"replicas", "1", "1 "},
		{"podDisruptionBudget", "{maxUnavailable: 1}", ""},
		{"resources", "{requests: {cpu: 10m}}", ""},
		{"nodeSelector", "{disk: ssd}", ""},
		{"tolerations", "[{operator: Exists}]", ""},
		{"priorityClassName", "important", ""},
		{"verticalPodAutoscaler", "{updatePolicy: {updateMode: 'Off'}}", ""},
		{"pod", "{labels: {team: a}}", ""},
	} {
		run(t, []violation{{
			setting.key, grafanaLogin + login(provider+", roles: {sre: Admin}, "+endpoints+", "+setting.key+": "+setting.value),
			"login.oidc." + setting.key + ": " + setting.shown + "has no effect, because only Grafana has this login, and no oauth2-proxy; remove it, or set access.login: oidc of another web UI",
		}})
	}
	accepted(t, grafanaLogin+behindLogin[len(ingress):]+login(proxy+", roles: {sre: Admin}, replicas: 2, "+endpoints))
}

// A datasource of another Grafana may be at another path of a host where people log in.
func TestDatasourcesBesideLogin(t *testing.T) {
	const elsewhere = "\ngrafana: {import: job, external: {url: 'https://a', token: hunter2, prometheusUrl: 'https://example.com/%s'}}"
	accepted(t, ingress+"prometheus: {access: {host: example.com, path: /prometheus, login: oidc, ingress: {}}}\n"+login(proxy)+fmt.Sprintf(elsewhere, "prometheus-api"))
	run(t, []violation{{
		"below the path", ingress + "prometheus: {access: {host: example.com, path: /prometheus, login: oidc, ingress: {}}}\n" + login(proxy) + fmt.Sprintf(elsewhere, "prometheus/"),
		`grafana.external.prometheusUrl: "https://example.com/prometheus/" is where prometheus.access has people log in, which no datasource can do; allowed: an address with another way in, or prometheus.access.login: basic`,
	}})
}

func TestLogins(t *testing.T) {
	cfg := accepted(t, ingress+`prometheus: {externalUrl: 'https://example.com:8443/prometheus', access: {host: example.com, path: /prometheus, login: oidc, ingress: {}}}
alerting: {acknowledgeNoNotifications: true, access: {host: alertmanager.example.com, login: none, ingress: {}}}
`+login(proxy))
	proxied := cfg.Proxied()
	assert.Len(t, proxied, 1)
	assert.Equal(t, "prometheus-login", proxied[0].ProxyName())
	assert.Equal(t, "https://example.com:8443/prometheus", proxied[0].URL().String())
	assert.True(t, cfg.Prometheus.Access.Proxied())
	assert.False(t, cfg.Alerting.Access.Proxied())
	assert.False(t, cfg.GrafanaOIDC())
	assert.True(t, cfg.Enabled(config.OAuth2ProxyJob))
	assert.NotContains(t, cfg.GrafanaSecretFiles(), "oidc-client-secret")

	cfg = accepted(t, grafanaLogin+login(provider+", ca: '-----BEGIN CERTIFICATE-----', roles: {'*': Viewer}, "+endpoints))
	assert.True(t, cfg.GrafanaOIDC())
	assert.Empty(t, cfg.Proxied())
	assert.False(t, cfg.Enabled(config.OAuth2ProxyJob))
	assert.Equal(t, "hunter2", cfg.GrafanaSecretFiles()["oidc-client-secret"].Reveal())
	assert.Contains(t, cfg.GrafanaSecretFiles(), "oidc-ca.crt")
}

// The blackbox exporter, if the stack has one, probes the provider once.
func TestProviderIsProbed(t *testing.T) {
	const metadata = "https://login.example.com/.well-known/openid-configuration"
	for _, test := range []struct {
		name, values, module string
		targets              int
	}{
		{"nobody logs in", "{}", "", 0},
		{"a proxy", behindLogin + login(proxy), "http_2xx", 1},
		{"Grafana, and an authority of its own", grafanaLogin + login(provider+", ca: '-----BEGIN CERTIFICATE-----', roles: {'*': Viewer}, "+endpoints), "http_2xx_insecure", 1},
		{"a target of the stack", behindLogin + login(proxy) + "\nexporters: {blackboxExporter: {modules: {own: {prober: http}}, targets: [{url: '" + metadata + "', module: own}]}}", "own", 1},
		{"no exporter", behindLogin + login(proxy) + "\nexporters: {blackboxExporter: {enabled: false}}", "", 0},
	} {
		targets := accepted(t, test.values).Exporters.BlackboxExporter.Targets
		if assert.Len(t, targets, test.targets, test.name) && test.targets > 0 {
			assert.Equal(t, config.ProbeTarget{URL: metadata, Module: test.module}, targets[0], test.name)
		}
	}
}
