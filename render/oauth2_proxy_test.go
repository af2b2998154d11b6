package render

import (
	"encoding/json"
	"testing"

	"github.com/jmespath/go-jmespath"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// access returns the access of a UI behind an oauth2-proxy, in YAML.
func access(host, path string) string {
	return "access: {host: " + host + ", path: " + path + ", login: oidc, fromNamespaces: [ingress], ingress: {tls: {secretName: tls}}}"
}

// oauth2-proxy itself accepts these files and flags: the end-to-end test logs in with them.
func TestOAuth2Proxy(t *testing.T) {
	s, err := New(configtest.Config(t, "prometheus: {externalUrl: 'https://example.com:8443/prom.1', "+access("example.com", "/prom.1")+`}
login: {oidc: {issuerUrl: 'https://login.example.com/realms/staff', clientId: monitoring, clientSecret: s3cret, cookieSecret: 0123456789abcdef,
  scopes: [openid, groups], groupsClaim: realm_access.roles, groups: [sre], emailDomains: [example.com, example.org], sessionDuration: 1d, ca: '-----BEGIN CERTIFICATE-----'}}`))
	require.NoError(t, err)
	require.Len(t, s.OAuth2Proxies, 1)
	proxy := s.OAuth2Proxies[0]
	assert.Equal(t, ConfigMap{"prometheus-login-config", "login.oidc", map[string]string{"oauth2-proxy.yaml": `upstreamConfig:
  upstreams:
    - id: prometheus
      path: ^/prom\.1/(.*)
      rewriteTarget: /$1
      uri: http://prometheus.monitoring.svc:9090
      proxyWebSockets: false
      timeout: 2m0s
server:
  bindAddress: :4180
metricsServer:
  bindAddress: :44180
providers:
  - id: oidc
    provider: oidc
    clientID: monitoring
    clientSecretFile: /etc/oauth2-proxy/secrets/client-secret
    caFiles:
      - /etc/oauth2-proxy/secrets/ca.crt
    scope: openid groups
    code_challenge_method: S256
    allowedGroups:
      - sre
    oidcConfig:
      issuerURL: https://login.example.com/realms/staff
      groupsClaim: realm_access.roles
      emailClaim: email
      audienceClaims:
        - aud
      insecureSkipNonce: false
`}}, proxy.Config)
	assert.Equal(t, []string{
		"--alpha-config=/etc/oauth2-proxy/config/oauth2-proxy.yaml",
		"--proxy-prefix=/prom.1/oauth2",
		"--redirect-url=https://example.com:8443/prom.1/oauth2/callback",
		"--cookie-secret-file=/etc/oauth2-proxy/secrets/cookie-secret",
		"--cookie-name=prometheus-login",
		"--cookie-path=/prom.1",
		"--cookie-expire=24h0m0s",
		"--cookie-samesite=lax",
		"--session-cookie-minimal",
		"--cookie-csrf-per-request",
		"--cookie-csrf-per-request-limit=5",
		"--skip-provider-button",
		`--api-route=^/prom\.1/api/`,
		"--silence-ping-logging",
		"--email-domain=example.com",
		"--email-domain=example.org",
	}, proxy.Flags)
	assert.Contains(t, s.ConfigMaps(), proxy.Config)
}

func TestOAuth2ProxyAtTheRoot(t *testing.T) {
	s, err := New(configtest.Config(t, "alerting: {acknowledgeNoNotifications: true, access: {host: alertmanager.example.com, login: oidc, fromNamespaces: [ingress], ingress: {}}}\n"+
		"prometheus: {extraArgs: {query.timeout: 5m}}\nlongTermStorage: {enabled: true, objectStore: {type: GCS, config: {bucket: a}}, queryFrontend: {"+access("thanos.example.com", "/")+`}}
login: {oidc: {issuerUrl: 'https://login.example.com', clientId: monitoring, clientSecret: s3cret, cookieSecret: 0123456789abcdef, groups: ['*']}}`))
	require.NoError(t, err)
	require.Len(t, s.OAuth2Proxies, 2)
	alertmanager, thanos := s.OAuth2Proxies[0], s.OAuth2Proxies[1]
	assert.Subset(t, alertmanager.Flags, []string{"--proxy-prefix=/oauth2", "--redirect-url=http://alertmanager.example.com/oauth2/callback", "--cookie-path=/", "--api-route=^/api/", "--email-domain=*", "--cookie-secure=false"})
	assert.Subset(t, thanos.Flags, []string{"--redirect-url=https://thanos.example.com/oauth2/callback", "--cookie-name=thanos-login"})
	assert.NotContains(t, thanos.Flags, "--cookie-secure=false")
	text := thanos.Config.Files["oauth2-proxy.yaml"]
	assert.Contains(t, text, "path: /\n      uri: http://thanos-query-frontend.monitoring.svc:10902\n")
	assert.Contains(t, text, "timeout: 5m0s")
	assert.NotContains(t, text, "allowedGroups", "everyone may")
}

// The highest of a person's roles counts, also in a token without groups.
func TestGrafanaRoles(t *testing.T) {
	for _, c := range []struct {
		name, claim, claims, want string
		roles                     map[string]config.GrafanaRole
	}{
		{"a member", "groups", `{"groups": ["dev", "sre"]}`, "Admin", map[string]config.GrafanaRole{"sre": "Admin", "dev": "Viewer"}},
		{"one of several groups", "groups", `{"groups": ["ops"]}`, "Admin", map[string]config.GrafanaRole{"sre": "Admin", "ops": "Admin"}},
		{"a lower role", "groups", `{"groups": ["dev"]}`, "Editor", map[string]config.GrafanaRole{"sre": "Admin", "dev": "Editor"}},
		{"nobody", "groups", `{"groups": ["hr"]}`, "", map[string]config.GrafanaRole{"sre": "Admin"}},
		{"no groups", "groups", `{}`, "", map[string]config.GrafanaRole{"sre": "Admin", "dev": "Editor"}},
		{"lower than everyone", "groups", `{"groups": ["dev"]}`, "", map[string]config.GrafanaRole{"sre": "Admin", "dev": "Viewer", "*": "Editor"}},
		{"inside an object", "realm_access.roles", `{"realm_access": {"roles": ["sre team"]}}`, "Editor", map[string]config.GrafanaRole{"sre team": "Editor"}},
		{"a claim of a provider", "https://example.com/groups", `{"https://example.com/groups": ["sre"]}`, "Viewer", map[string]config.GrafanaRole{"sre": "Viewer"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var claims any
			require.NoError(t, json.Unmarshal([]byte(c.claims), &claims))
			found, err := jmespath.Search(roleAttributePath(config.OIDC{GroupsClaim: c.claim, Roles: c.roles}), claims)
			require.NoError(t, err)
			role, _ := found.(string)
			assert.Equal(t, c.want, role)
		})
	}
}

func TestGrafanaOIDC(t *testing.T) {
	ini := func(roles string) string {
		s, err := New(configtest.Config(t, "grafana: {adminPassword: s3cret, config: {auth.generic_oauth: {name: Staff}}, "+access("grafana.example.com", "/")+`}
login: {oidc: {issuerUrl: 'https://login.example.com', clientId: monitoring, clientSecret: s3cret, groupsClaim: 'https://example.com/groups', emailDomains: [example.com, example.org], ca: '-----BEGIN CERTIFICATE-----', roles: `+roles+`,
  endpoints: {authorization: 'https://login.example.com/auth?prompt=login', token: 'https://login.example.com/token', userinfo: 'https://login.example.com/me'}}}`))
		require.NoError(t, err)
		return s.GrafanaConfig.Files["grafana.ini"]
	}
	text := ini("{sre: Admin}")
	assert.Regexp(t, `(?s)\[auth.generic_oauth\]
allow_sign_up\s+= true
allowed_domains\s+= example.com example.org
api_url\s+= https://login.example.com/me
auth_url\s+= \S*https://login.example.com/auth\?prompt=login\S*
client_id\s+= monitoring
client_secret\s+= \$__file\{/etc/grafana-secrets/oidc-client-secret\}
enabled\s+= true
name\s+= Staff
role_attribute_path\s+= [^\n]+
role_attribute_strict = true
scopes\s+= openid email profile
tls_client_ca\s+= /etc/grafana-secrets/oidc-ca.crt
token_url\s+= https://login.example.com/token
use_pkce\s+= true
`, text)
	assert.Contains(t, text, `"https://example.com/groups"[?@ == 'sre'] && 'Admin'`)
	assert.NotContains(t, text, "auto_assign_org_role")
	text = ini("{'*': Viewer}")
	assert.Contains(t, text, "role_attribute_strict = false")
	assert.Regexp(t, `auto_assign_org_role = Viewer`, text)
	assert.NotContains(t, text, "role_attribute_path")
}
