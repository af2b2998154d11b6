package render

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// One error has what the parsers of all programs reject.
func TestEveryPartIsLoaded(t *testing.T) {
	_, err := New(configtest.Config(t, `
cluster: {name: test}
discovery: {extraScrapeConfigs: [{job_name: a, scheem: http}, {job_name: b, basic_auth: {password: hunter2}}]}
exporters: {blackboxExporter: {modules: {mine: {prober: https}}}}
alerting:
  acknowledgeNoNotifications: true
  extraRules: {mine: {groups: [{name: a, rules: [{record: b, expr: sum(}]}]}}
  receivers: [{name: a, pagerduty_configs: [{routing_key: hunter2}]}, {name: b, slack_config: []}]
  templates: {mine.tmpl: '{{ end }}'}
grafana: {adminPassword: x, config: {smtp: {password: hunter2}, server: {http_port: 80}}}`))
	var problems config.Problems
	require.ErrorAs(t, err, &problems)
	var paths []string
	for _, problem := range problems {
		paths = append(paths, problem.Path)
	}
	assert.Equal(t, []string{
		"alerting.extraRules.mine",
		"alerting.receivers[0].pagerduty_configs[0].routing_key",
		"alerting.receivers[1]",
		`alerting.templates["mine.tmpl"]`,
		"discovery.extraScrapeConfigs[0]",
		"discovery.extraScrapeConfigs[1].basic_auth.password",
		"exporters.blackboxExporter.modules.mine.prober",
		"grafana.config.server.http_port",
		"grafana.config.smtp.password",
	}, paths)
}
