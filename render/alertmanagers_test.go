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

// Alerts leave the cluster over http only if the stack accepts that, however the Alertmanagers are found.
func TestUnencryptedAlertmanagers(t *testing.T) {
	for native, want := range map[string]string{
		"{dns_sd_configs: [{names: [_web._tcp.alerts.other.svc, alerts.other.svc.cluster.local., alerts], type: A, port: 9093}]}": "",
		"{dns_sd_configs: [{names: [_web._tcp.alerts.other.svc, _web._tcp.example.com]}]}":                                        "_web._tcp.example.com",
		"{scheme: https, dns_sd_configs: [{names: [_web._tcp.example.com]}]}":                                                     "",
		"{http_sd_configs: [{url: 'http://alerts.other.svc'}]}":                                                                   "whatever http_sd_configs finds",
		"{scheme: https, http_sd_configs: [{url: 'http://alerts.other.svc'}]}":                                                    "",

		"{kubernetes_sd_configs: [{role: pod, namespaces: {names: [other]}}], relabel_configs: [{source_labels: [__address__], regex: '([^:]+)(:.*)?', replacement: '$1:9093', target_label: __address__}]}": "",
		"{kubernetes_sd_configs: [{role: service}], relabel_configs: [{source_labels: [a], replacement: '${1}.example.com:9093', target_label: __address__}]}":                                               "x.example.com:9093",
		"{kubernetes_sd_configs: [{role: service}], relabel_configs: [{replacement: alerts.example.com, target_label: __address__}]}":                                                                        "alerts.example.com",
		"{kubernetes_sd_configs: [{role: ingress}]}":                                  "whatever kubernetes_sd_configs finds",
		"{kubernetes_sd_configs: [{role: pod, api_server: 'https://a.example.com'}]}": "whatever kubernetes_sd_configs finds",

		"{static_configs: [{targets: [a.example.com], labels: {path: a}}], relabel_configs: [{source_labels: [path], target_label: __alerts_path__}]}":                              "a.example.com",
		"{static_configs: [{targets: [a]}], relabel_configs: [{replacement: a.example.com, target_label: __address__}]}":                                                            "a.example.com",
		"{static_configs: [{targets: [a.example.com]}], relabel_configs: [{replacement: a.other.svc, target_label: __address__}]}":                                                  "",
		"{static_configs: [{targets: [a], labels: {__param_a: a.example.com}}], relabel_configs: [{action: labelmap, regex: __param_a, replacement: __address__}]}":                 "a.example.com",
		"{static_configs: [{targets: [a.example.com]}], relabel_configs: [{source_labels: [__address__], regex: a, action: keep}]}":                                                 "",
		"{scheme: https, static_configs: [{targets: [a.example.com]}], relabel_configs: [{replacement: http, target_label: __scheme__}]}":                                           "a.example.com",
		"{static_configs: [{targets: [a.example.com]}], relabel_configs: [{replacement: https, target_label: __scheme__}]}":                                                         "",
		"{scheme: https, dns_sd_configs: [{names: [example.com], type: A, port: 1}], relabel_configs: [{source_labels: [a], regex: '(https?)', target_label: __scheme__}]}":         "example.com",
		"{scheme: https, dns_sd_configs: [{names: [example.com], type: A, port: 1}], relabel_configs: [{source_labels: [a], regex: '.+', replacement: b, target_label: instance}]}": "",
	} {
		stack := "alerting: {alertmanagers: [" + native + "]}"
		_, _, err := (&Stack{Config: configtest.Config(t, stack)}).prometheusConfig(0)
		if want == "" {
			require.NoError(t, err, native)
			continue
		}
		require.ErrorContains(t, err, `alerting.alertmanagers[0].scheme: "http" sends alerts and credentials unencrypted to `+want+"; allowed: https,", native)
		require.ErrorContains(t, err, "1 problem(s)", native)
		_, _, err = (&Stack{Config: configtest.Config(t, stack+"\nprometheus: {acknowledgeInsecureRemotes: true}")}).prometheusConfig(0)
		require.NoError(t, err, native)
	}
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
