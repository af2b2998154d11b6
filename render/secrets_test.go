package render

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// rejected returns the messages of err, which is config.Problems, by config path. They must
// not contain the secret hunter2.
func rejected(t *testing.T, err error) map[string]string {
	t.Helper()
	var problems config.Problems
	require.ErrorAs(t, err, &problems)
	found := map[string]string{}
	for _, problem := range problems {
		found[problem.Path] = problem.Message
		assert.NotContains(t, problem.Message, "hunter2")
	}
	return found
}

func TestSecretsOfScrapeConfigs(t *testing.T) {
	const path = "discovery.extraScrapeConfigs"
	plain := func(option string) string {
		return "in plain text; put it into prometheus.secrets and name its file: " + option
	}
	const user = "has a user name or password in its URL, in plain text; put the password into prometheus.secrets and name its file, " +
		"or the whole URL if there is an option for its file: /etc/prometheus/secrets/NAME"
	_, _, err := (&Stack{Config: configtest.Config(t, `
prometheus: {secrets: {shop: hunter2}}
discovery:
  extraScrapeConfigs:
    - {job_name: a, basic_auth: {username: me, password: hunter2}}
    - {job_name: b, authorization: {credentials: hunter2}}
    - {job_name: c, http_headers: {X-Token: {secrets: [hunter2], values: [public]}}}
    - {job_name: d, consul_sd_configs: [{server: 'a:8500', token: hunter2}]}
    - {job_name: e, oauth2: {client_id: me, client_secret: hunter2, token_url: 'http://a'}}
    - {job_name: f, proxy_url: 'http://me:hunter2@proxy:3128'}
    - {job_name: g, http_sd_configs: [{url: 'http://hunter2@targets'}]}
    - {job_name: h, basic_auth: {username: me, password_file: /etc/prometheus/secrets/shpo}}
    - {job_name: i, http_headers: {X-Token: {files: [/etc/prometheus/secrets/warehouse]}}}`)}).prometheusConfig(0)
	assert.Equal(t, map[string]string{
		path + "[0].basic_auth.password":             plain("password_file: /etc/prometheus/secrets/NAME"),
		path + "[1].authorization.credentials":       plain("credentials_file: /etc/prometheus/secrets/NAME"),
		path + "[2].http_headers.X-Token.secrets[0]": plain("files: [/etc/prometheus/secrets/NAME]"),
		path + "[3].consul_sd_configs[0].token":      plain("token_file: /etc/prometheus/secrets/NAME"),
		path + "[4].oauth2.client_secret":            plain("client_secret_file: /etc/prometheus/secrets/NAME"),
		path + "[5].proxy_url":                       user,
		path + "[6].http_sd_configs[0].url":          user,
		path + "[7].basic_auth.password_file":        `/etc/prometheus/secrets/shpo: prometheus.secrets has no "shpo"; did you mean "shop"?`,
		path + "[8].http_headers.X-Token.files[0]":   `/etc/prometheus/secrets/warehouse: prometheus.secrets has no "warehouse"; set it with: pulumi config set --secret --path 'kubernetes-prometheus:prometheus.secrets.warehouse'; or name an existing Secret there: {secret: NAME, key: KEY}`,
	}, rejected(t, err))

	_, _, err = (&Stack{Config: configtest.Config(t, `
prometheus: {secrets: {shop: hunter2}}
discovery:
  extraScrapeConfigs:
    - {job_name: a, basic_auth: {username: me, password_file: /etc/prometheus/secrets/shop}}
    - {job_name: b, http_headers: {X-Token: {files: [/etc/prometheus/secrets/shop], values: [public]}}}
    - {job_name: c, static_configs: [{targets: [a]}], relabel_configs: [{source_labels: [__address__], regex: '(https?)://(.+)@(.+)', target_label: a}]}`)}).prometheusConfig(0)
	require.NoError(t, err)
}

func TestSecretsOfBlackboxModules(t *testing.T) {
	const path = "exporters.blackboxExporter.modules."
	_, err := blackboxConfig(configtest.Config(t, `
exporters:
  blackboxExporter:
    secrets: {shop: hunter2}
    modules:
      a: {prober: http, http: {basic_auth: {username: me, password: hunter2}}}
      b: {prober: http, http: {headers: {authorization: Bearer hunter2, Accept: text/html}}}
      c: {prober: http, http: {bearer_token_file: /etc/blackbox/secrets/shopp}}
      d: {prober: http, http: {http_headers: {X-Token: {secrets: [hunter2]}}}}
      e: {prober: http, http: {basic_auth: {username: me, password_file: /etc/blackbox/secrets/shop}}}`))
	assert.Equal(t, map[string]string{
		path + "a.http.basic_auth.password":             "in plain text; put it into exporters.blackboxExporter.secrets and name its file: password_file: /etc/blackbox/secrets/NAME",
		path + "b.http.headers.authorization":           "in plain text; put it into exporters.blackboxExporter.secrets and name its file: authorization: {credentials_file: /etc/blackbox/secrets/NAME}",
		path + "c.http.bearer_token_file":               `/etc/blackbox/secrets/shopp: exporters.blackboxExporter.secrets has no "shopp"; did you mean "shop"?`,
		path + "d.http.http_headers.X-Token.secrets[0]": "in plain text; put it into exporters.blackboxExporter.secrets and name its file: files: [/etc/blackbox/secrets/NAME]",
	}, rejected(t, err))
}

func TestSecretsOfReceivers(t *testing.T) {
	const path = "alerting.receivers"
	_, _, err := alertmanagerConfig(configtest.Config(t, `
alerting:
  acknowledgeNoNotifications: true
  secrets: {pager: hunter2}
  receivers:
    - {name: a, webhook_configs: [{url: 'https://hook', http_config: {http_headers: {X-Token: {secrets: [hunter2]}}}}]}
    - {name: b, webhook_configs: [{url: 'https://me:hunter2@hook'}]}
    - {name: c, pagerduty_configs: [{routing_key: hunter2}]}
    - {name: d, pagerduty_configs: [{routing_key_file: /etc/alertmanager/secrets/pagr}]}
    - {name: e, pagerduty_configs: [{routing_key_file: /etc/alertmanager/secrets/pager}]}
    - {name: f, webhook_configs: [{url: 'https://hook', http_config: {http_headers: {X-Token: {files: [/etc/alertmanager/secrets/pagr]}}}}]}`))
	assert.Equal(t, map[string]string{
		path + "[0].webhook_configs[0].http_config.http_headers.X-Token.secrets[0]": "in plain text; put it into alerting.secrets and name its file: files: [/etc/alertmanager/secrets/NAME]",
		path + "[1].webhook_configs[0].url":                                         "has a user name or password in its URL, in plain text; put the password into alerting.secrets and name its file, or the whole URL if there is an option for its file: /etc/alertmanager/secrets/NAME",
		path + "[2].pagerduty_configs[0].routing_key":                               "in plain text; put it into alerting.secrets and name its file: routing_key_file: /etc/alertmanager/secrets/NAME",
		path + "[3].pagerduty_configs[0].routing_key_file":                          `/etc/alertmanager/secrets/pagr: alerting.secrets has no "pagr"; did you mean "pager"?`,
		path + "[5].webhook_configs[0].http_config.http_headers.X-Token.files[0]":   `/etc/alertmanager/secrets/pagr: alerting.secrets has no "pagr"; did you mean "pager"?`,
	}, rejected(t, err))
}
