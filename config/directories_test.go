package config_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

func TestDirectories(t *testing.T) {
	run(t, []violation{
		{
			"nothing", "grafana: {adminPassword: hunter2, dashboards: {directories: ['']}}",
			`grafana.dashboards.directories[0]: ""; allowed: a clean path, absolute or relative to the project`,
		}, {
			"slash at the end", "grafana: {adminPassword: hunter2, dashboards: {directories: [../shop/]}}",
			`grafana.dashboards.directories[0]: "../shop/"; allowed: a clean path, absolute or relative to the project`,
		}, {
			"twice", "grafana: {adminPassword: hunter2, dashboards: {directories: [/shop, ../shop, /shop]}}",
			`grafana.dashboards.directories[2]: "/shop" is named twice`,
		}, {
			"of rules", "alerting: {ruleDirectories: [a//b]}",
			`alerting.ruleDirectories[0]: "a//b"; allowed: a clean path, absolute or relative to the project`,
		},
	})
}

// Paths that leave the project start where the project is, wherever the program runs.
func TestProjectPath(t *testing.T) {
	t.Setenv(config.ProjectDirVariable, "")
	assert.Equal(t, "../shop", config.ProjectPath("../shop"))
	t.Setenv(config.ProjectDirVariable, "/src/monitoring")
	assert.Equal(t, "/src/shop", config.ProjectPath("../shop"))
	assert.Equal(t, "dashboards/shop", config.ProjectPath("dashboards/shop"), "which is in the commit that runs")
	assert.Equal(t, "/shop", config.ProjectPath("/shop"))
}
