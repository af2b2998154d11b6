package render

import (
	"maps"
	"slices"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	promrelabel "github.com/prometheus/prometheus/model/relabel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// Values of stacks that send alerts to two Alertmanagers elsewhere, in YAML.
const (
	elsewhere = `alertmanagers: [
  {scheme: https, path_prefix: /alerts, timeout: 5s, static_configs: [{targets: ['a.example.com:443', 'b.example.com:443']}],
   authorization: {credentials_file: /etc/prometheus/secrets/token}, proxy_url: 'http://proxy.example.com:3128',
   tls_config: {ca_file: /etc/prometheus/secrets/ca, server_name: alerts.example.com}},
  {static_configs: [{targets: ['alertmanager.other.svc:9093']}], basic_auth: {username: me, password_file: /etc/prometheus/secrets/password}}]`
	elsewhereSecrets = "secrets: {token: s3cret, ca: s3cret, password: s3cret, central: s3cret}"
)

func TestAlertsGoToEveryAlertmanager(t *testing.T) {
	alerting := server(t, configtest.Config(t, "")).AlertingConfig
	require.Len(t, alerting.AlertmanagerConfigs, 1)
	alert := labels.NewBuilder(labels.FromStrings("alertname", "Down", "cluster", "a", "replica", "prometheus-0"))
	keep := promrelabel.ProcessBuilder(alert, alerting.AlertRelabelConfigs...)
	assert.True(t, keep)
	assert.Equal(t, labels.FromStrings("alertname", "Down", "cluster", "a"), alert.Labels(), "replicas send the same alert")

	assert.Empty(t, server(t, configtest.Config(t, "alerting: {enabled: false}")).AlertingConfig.AlertmanagerConfigs)

	stack := "prometheus: {" + elsewhereSecrets + "}\nalerting: {" + elsewhere
	alerting = server(t, configtest.Config(t, stack+"}")).AlertingConfig
	require.Len(t, alerting.AlertmanagerConfigs, 3)
	assert.Equal(t, "/alerts", alerting.AlertmanagerConfigs[1].PathPrefix)
	alone := server(t, configtest.Config(t, stack+", enabled: false}")).AlertingConfig
	assert.Equal(t, alerting.AlertmanagerConfigs[1:], alone.AlertmanagerConfigs)
	assert.Equal(t, alerting.AlertRelabelConfigs, alone.AlertRelabelConfigs)
}

// The alerts about the way to Alertmanagers are those of stacks that send to some, wherever they are.
func TestNotificationsAreWatched(t *testing.T) {
	for text, want := range map[string][]string{
		"":                           {"alertmanager.yaml", "notifications.yaml"},
		"alerting: {enabled: false}": nil,
		"prometheus: {" + elsewhereSecrets + "}\nalerting: {enabled: false, " + elsewhere + "}": {"notifications.yaml"},
	} {
		stack, err := New(configtest.Config(t, text))
		require.NoError(t, err)
		var found []string
		for _, file := range stack.Rules {
			if file.Name == "alertmanager.yaml" || file.Name == "notifications.yaml" {
				found = append(found, file.Name)
			}
		}
		assert.Equal(t, want, found, text)
	}
}

func TestAlertmanagersElsewhere(t *testing.T) {
	for native, allowed := range map[string]bool{
		"{static_configs: [{targets: ['alerts:9093']}]}":                                                                        true,
		"{static_configs: [{targets: ['alerts.example.com:9093']}]}":                                                            false,
		"{kubernetes_sd_configs: [{role: pod, namespaces: {names: [other]}}]}":                                                  true,
		"{scheme: https, static_configs: [{targets: ['alerts.example.com']}]}":                                                  true,
		"{scheme: ftp, static_configs: [{targets: ['alerts.example.com']}]}":                                                    false,
		"{scheme: https, static_configs: [{targets: ['https://alerts.example.com']}]}":                                          false,
		"{scheme: https, static_configs: [{targets: [a]}], bearer_token: hunter2}":                                              false,
		"{scheme: https, static_configs: [{targets: [a]}], authorization: {credentials_file: /etc/prometheus/secrets/missing}}": false,
		"{scheme: https, static_configs: [{targets: [a]}], api_version: v1}":                                                    false,
	} {
		_, _, err := (&Stack{Config: configtest.Config(t, "alerting: {alertmanagers: ["+native+"]}")}).prometheusConfig(0)
		assert.Equal(t, allowed, err == nil, "%s: %v", native, err)
	}
	_, _, err := (&Stack{Config: configtest.Config(t, "prometheus: {acknowledgeInsecureRemotes: true}\nalerting: {alertmanagers: [{static_configs: [{targets: ['alerts.example.com:9093']}]}]}")}).prometheusConfig(0)
	require.NoError(t, err)
}

// The ruler sends to the same Alertmanagers in its own format, and reads the secrets that they name.
func TestRulerSendsToAlertmanagersElsewhere(t *testing.T) {
	stack, err := New(configtest.Config(t, longTerm(s3, "")+"\nprometheus: {shards: 2, "+elsewhereSecrets+"}\nalerting: {acknowledgeNoNotifications: true, "+elsewhere+"}"))
	require.NoError(t, err)
	assert.Equal(t, `alertmanagers:
  - static_configs:
      - dnssrv+_web._tcp.alertmanager-headless.monitoring.svc
    scheme: http
    api_version: v2
  - http_config:
      bearer_token_file: /etc/prometheus/secrets/token
      proxy_url: http://proxy.example.com:3128
      tls_config:
        ca_file: /etc/prometheus/secrets/ca
        server_name: alerts.example.com
    static_configs:
      - a.example.com:443
      - b.example.com:443
    scheme: https
    path_prefix: /alerts
    timeout: 5s
    api_version: v2
  - http_config:
      basic_auth:
        username: me
        password_file: /etc/prometheus/secrets/password
    static_configs:
      - alertmanager.other.svc:9093
    scheme: http
    timeout: 10s
    api_version: v2
`, stack.Thanos.Ruler.Config.Files["alertmanagers.yaml"])
	assert.Equal(t, []string{"ca", "password", "token"}, slices.Sorted(maps.Keys(stack.Thanos.Ruler.Secrets)))
}
