package config_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDashboardConfigMaps(t *testing.T) {
	run(t, []violation{
		{
			"no namespace", "grafana: {adminPassword: hunter2, dashboards: {configMaps: {label: dashboard}}}",
			`grafana.dashboards.configMaps.namespaces: missing; allowed: the namespaces with the labelled ConfigMaps`,
		}, {
			"value in no namespace", "grafana: {adminPassword: hunter2, dashboards: {configMaps: {labelValue: '1'}}}",
			`grafana.dashboards.configMaps.namespaces: missing; allowed: the namespaces with the labelled ConfigMaps`,
		}, {
			"every namespace", "grafana: {adminPassword: hunter2, dashboards: {configMaps: {namespaces: [ALL]}}}",
			`grafana.dashboards.configMaps.namespaces[0]: "ALL": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character`,
		}, {
			"namespace twice", "grafana: {adminPassword: hunter2, dashboards: {configMaps: {namespaces: [shop, shop]}}}",
			`grafana.dashboards.configMaps.namespaces[1]: "shop" is named twice`,
		}, {
			"label", "grafana: {adminPassword: hunter2, dashboards: {configMaps: {namespaces: [shop], label: ''}}}",
			`grafana.dashboards.configMaps.label: "": name part must be non-empty`,
		}, {
			"value", "grafana: {adminPassword: hunter2, dashboards: {configMaps: {namespaces: [shop], labelValue: a/b}}}",
			`grafana.dashboards.configMaps.labelValue: "a/b": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`,
		}, {
			"another Grafana", "grafana: {import: job, dashboards: {configMaps: {namespaces: [shop]}}, external: {" + external + "}}",
			`grafana.dashboards.configMaps.namespaces: only applies to a Grafana that this stack deploys, but grafana.external.url names another one; remove one of the two`,
		},
	})
	assert.Equal(t, "grafana_dashboard", accepted(t, "grafana: {adminPassword: hunter2, dashboards: {configMaps: {namespaces: [shop]}}}").Grafana.Dashboards.ConfigMaps.Label)
}
