package config_test

import (
	"strings"
	"testing"
)

func TestGrafanaPlugins(t *testing.T) {
	long := strings.Repeat("a", 57)
	run(t, []violation{
		{
			"ID", "grafana: {adminPassword: hunter2, plugins: {Clock_Panel: 2.1.8}}",
			`grafana.plugins.Clock_Panel: "Clock_Panel" is not the ID of a plugin; allowed: up to 56 lower case letters, digits and -, such as grafana-clock-panel`,
		}, {
			"ID that no container can be named after", "grafana: {adminPassword: hunter2, plugins: {" + long + ": 2.1.8}}",
			`grafana.plugins.` + long + `: "` + long + `" is not the ID of a plugin; allowed: up to 56 lower case letters, digits and -, such as grafana-clock-panel`,
		}, {
			"newest version", "grafana: {adminPassword: hunter2, plugins: {grafana-clock-panel: latest}}",
			`grafana.plugins.grafana-clock-panel: "latest"; allowed: the version of one release, such as 2.1.8`,
		}, {
			"some version", "grafana: {adminPassword: hunter2, plugins: {grafana-clock-panel: ''}}",
			`grafana.plugins.grafana-clock-panel: ""; allowed: the version of one release, such as 2.1.8`,
		}, {
			"version that YAML takes for a number", "grafana: {adminPassword: hunter2, plugins: {grafana-clock-panel: 2.1}}",
			`grafana.plugins.grafana-clock-panel: 2.1 is a number; allowed: a string`,
		}, {
			"repository without plugins", "grafana: {adminPassword: hunter2, pluginRepository: 'https://mirror.example.com'}",
			`grafana.pluginRepository: "https://mirror.example.com" has no effect without grafana.plugins; remove it`,
		}, {
			"repository with a credential", "grafana: {adminPassword: hunter2, plugins: {grafana-clock-panel: 2.1.8}, pluginRepository: 'https://a:hunter2@mirror.example.com'}",
			`grafana.pluginRepository: contains a credential, but is stored in clear text; remove the credential`,
		}, {
			"another Grafana", "grafana: {import: job, plugins: {grafana-clock-panel: 2.1.8}, external: {" + external + "}}",
			`grafana.plugins: only applies to a Grafana that this stack deploys, but grafana.external.url names another one; remove one of the two`,
		},
	})
	accepted(t, "grafana: {adminPassword: hunter2, plugins: {grafana-clock-panel: 2.1.8, yesoreyeram-infinity-datasource: 3.0.0-beta.1}}")
}
