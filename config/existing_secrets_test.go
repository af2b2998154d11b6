package config_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

func TestRejectedExistingSecrets(t *testing.T) {
	password := func(value string) string { return "grafana: {adminPassword: " + value + "}" }
	run(t, []violation{
		{
			"no key", password("{secret: hunter2}"),
			"grafana.adminPassword.key: missing; the key of the value in the data of the existing Secret",
		}, {
			"no name", password("{key: hunter2}"),
			"grafana.adminPassword.secret: missing; the name of an existing Secret in the stack's namespace",
		}, {
			"empty name", password("{secret: '', key: a}"),
			"grafana.adminPassword.secret: missing; the name of an existing Secret in the stack's namespace",
		}, {
			"unknown field", password("{name: hunter2, key: a}"),
			`grafana.adminPassword.name: unknown "name"; allowed: secret, key`,
		}, {
			"field of a Pod", password("{secret: login, keys: hunter2}"),
			`grafana.adminPassword.keys: unknown "keys"; did you mean "key"?`,
		}, {
			"number for a key", password("{secret: login, key: 1}"),
			"grafana.adminPassword.key: 1 is a number; allowed: a string",
		}, {
			"name in capitals", password("{secret: Login, key: a}"),
			`grafana.adminPassword.secret: "Login": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character`,
		}, {
			"key with a slash", "alerting: {acknowledgeNoNotifications: true, secrets: {pager: {secret: pager, key: a/b}}}",
			`alerting.secrets.pager.key: "a/b": a valid config key must consist of alphanumeric characters, '-', '_' or '.'`,
		}, {
			"Secret of this program", password("{secret: thanos-object-store, key: a}"),
			`grafana.adminPassword.secret: "thanos-object-store" is a Secret that this program creates; allowed: the name of any other`,
		}, {
			"list", password("[login, password]"),
			"grafana.adminPassword: not a secret; allowed: a non-empty string, set with `pulumi config set --secret`, or {secret: NAME, key: KEY} of an existing Secret",
		},
	})
}

func TestExistingSecrets(t *testing.T) {
	const everything = `
prometheus: {secrets: {router: hunter2, central: {secret: remote, key: password}}}
longTermStorage: {enabled: true, objectStore: {type: S3, secrets: {access_key: me, sse_config.encryption_key: {secret: minio, key: sse.key}}}}
exporters: {blackboxExporter: {secrets: {shop: {secret: shop, key: login}}}}
alerting: {slack: {channel: "#a", webhookUrl: {secret: slack, key: url}}, deadMansSwitchUrl: {secret: check, key: url}, secrets: {pager: {secret: pager, key: key}}}
`
	paths := func(cfg *config.Config) []string {
		var found []string
		for _, e := range cfg.ExistingSecrets() {
			found = append(found, e.Path+" = "+e.Secret+"/"+e.Key)
		}
		return found
	}
	cfg := accepted(t, everything+"grafana: {adminPassword: {secret: login, key: password}, secrets: {oauth: {secret: login, key: oauth}}}")
	assert.Equal(t, []string{
		"alerting.deadMansSwitchUrl = check/url",
		"alerting.secrets.pager = pager/key",
		"alerting.slack.webhookUrl = slack/url",
		"exporters.blackboxExporter.secrets.shop = shop/login",
		"grafana.adminPassword = login/password",
		"grafana.secrets.oauth = login/oauth",
		"longTermStorage.objectStore.secrets.sse_config.encryption_key = minio/sse.key",
		"prometheus.secrets.central = remote/password",
	}, paths(cfg))
	assert.True(t, cfg.Grafana.AdminPassword.IsSet())
	assert.Empty(t, cfg.Grafana.AdminPassword.Reveal())
	text, err := json.Marshal(cfg.Alerting.Slack.WebhookURL)
	require.NoError(t, err)
	assert.JSONEq(t, `{"secret": "slack", "key": "url"}`, string(text))

	cfg = accepted(t, `grafana: {import: job, external: {url: "https://a.example.com", token: {secret: account, key: jwt}, prometheusUrl: "https://b.example.com"}}`)
	assert.Equal(t, []string{"grafana.external.token = account/jwt"}, paths(cfg))

	// Those of programs that the stack does not deploy do not have to exist.
	cfg = accepted(t, `alerting: {enabled: false, secrets: {pager: {secret: pager, key: key}}}
grafana: {enabled: false, adminPassword: {secret: login, key: password}}
exporters: {blackboxExporter: {enabled: false, secrets: {shop: {secret: shop, key: login}}}}`)
	assert.Empty(t, paths(cfg))
}

// Values of existing Secrets are held to what those in the stack are.
func TestUnfitValues(t *testing.T) {
	const (
		clientSecret, cookieSecret, ca = "login.oidc.clientSecret", "login.oidc.cookieSecret", "login.oidc.ca"
		objectStore                    = "longTermStorage.objectStore.secrets.secret_key"
		password, databaseCA           = "grafana.database.password", "grafana.database.ca"
		space                          = "starts or ends with white space, which programs drop from a file"
		spaceOfClient                  = "starts or ends with white space, which Grafana drops from a file, and oauth2-proxy does not"
		quote                          = "contains white space, a quote or a backslash, with which Grafana would connect to postgres with another password; allowed: any other characters"
		certificate                    = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
	)
	cfg := accepted(t, `
prometheus: {access: {host: a.example.com, ingress: {}, login: oidc, fromNamespaces: [ingress]}}
login: {oidc: {issuerUrl: "https://id.example.com", clientId: a, groups: ["*"], clientSecret: {secret: a, key: a}, cookieSecret: {secret: a, key: b}, ca: {secret: a, key: c}}}
longTermStorage: {enabled: true, objectStore: {type: S3, secrets: {access_key: me, secret_key: {secret: a, key: d}}}}
alerting: {secrets: {pager: {secret: a, key: e}}}
grafana: {adminPassword: hunter2, database: {type: postgres, host: "db.example.com:5432", name: grafana, user: grafana, password: {secret: a, key: f}, ca: {secret: a, key: g}}}
`)
	existing := map[string]config.ExistingSecret{}
	for _, e := range cfg.ExistingSecrets() {
		existing[e.Path] = e
	}
	for _, test := range []struct{ path, value, want string }{
		{clientSecret, "hunter2", ""},
		{clientSecret, "hunter2\n", spaceOfClient},
		{clientSecret, " hunter2", spaceOfClient},
		{cookieSecret, "0123456789abcdef", ""},
		{cookieSecret, "0123456789abcdef\n", "has 17 bytes; allowed: 16, 24 or 32 bytes, such as from: openssl rand -hex 16"},
		{cookieSecret, "0123456789abcdef01234567", ""},
		{cookieSecret, "0123456789abcdef0123456789abcdef", ""},
		{cookieSecret, "hunter2", "has 7 bytes; allowed: 16, 24 or 32 bytes, such as from: openssl rand -hex 16"},
		{ca, certificate, ""},
		{ca, "hunter2", "is not a certificate; allowed: certificates in PEM format"},
		{objectStore, `a"b\c`, ""},
		{objectStore, "a'b", "has a single quote, with which Thanos would read another value; allowed: neither a single quote nor a line break"},
		{objectStore, "a\n", "has a line break, with which Thanos would read another value; allowed: neither a single quote nor a line break"},
		{password, "hunter2", ""},
		{password, "hunter2\n", space},
		{password, "it's", quote},
		{password, `a\b`, quote},
		{databaseCA, certificate, ""},
		{databaseCA, "hunter2", "is not a certificate; allowed: certificates in PEM format"},
		{"alerting.secrets.pager", "a'b\n", ""},
	} {
		require.Contains(t, existing, test.path)
		assert.Equal(t, test.want, existing[test.path].Unfit(test.value), "%s: %q", test.path, test.value)
	}
}

// Names of existing Secrets are no secrets: they are as good in plain text, in the config of a running
// stack and in its file.
func TestExistingSecretsInPlainText(t *testing.T) {
	const grafana = `{"adminPassword": {"secret": "login", "key": "password"}}`
	_, err := config.FromPulumi(map[string]string{project + "cluster": `{"name": "test"}`, project + "grafana": grafana, project + "alerting": `{"acknowledgeNoNotifications": true}`}, nil)
	require.NoError(t, err)
	path := write(t, `config: {kubernetes-prometheus:cluster: {name: test}, kubernetes-prometheus:grafana: `+grafana+`}`)
	_, err = config.FromFile(path)
	require.NoError(t, err)
	missing, err := config.MissingSecrets(path)
	require.NoError(t, err)
	assert.Empty(t, missing)
}
