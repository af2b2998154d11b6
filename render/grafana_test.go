package render

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"gopkg.in/ini.v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
)

// datasourceFile is the provisioning file as Grafana documents it, every field of it:
// https://grafana.com/docs/grafana/latest/administration/provisioning/#example-data-source-configuration-file
type datasourceFile struct {
	APIVersion        int  `yaml:"apiVersion"`
	Prune             bool `yaml:"prune"`
	DeleteDatasources []struct {
		Name  string `yaml:"name"`
		OrgID int    `yaml:"orgId"`
	} `yaml:"deleteDatasources"`
	Datasources []struct {
		Name            string         `yaml:"name"`
		Type            string         `yaml:"type"`
		Access          string         `yaml:"access"`
		OrgID           int            `yaml:"orgId"`
		UID             string         `yaml:"uid"`
		URL             string         `yaml:"url"`
		User            string         `yaml:"user"`
		Database        string         `yaml:"database"`
		BasicAuth       bool           `yaml:"basicAuth"`
		BasicAuthUser   string         `yaml:"basicAuthUser"`
		WithCredentials bool           `yaml:"withCredentials"`
		IsDefault       bool           `yaml:"isDefault"`
		JSONData        map[string]any `yaml:"jsonData"`
		Version         int            `yaml:"version"`
		Editable        bool           `yaml:"editable"`
	} `yaml:"datasources"`
}

// providerFile is the dashboard provider file, every field of it:
// https://grafana.com/docs/grafana/latest/administration/provisioning/#dashboards
type providerFile struct {
	APIVersion int `yaml:"apiVersion"`
	Providers  []struct {
		Name                  string `yaml:"name"`
		OrgID                 int    `yaml:"orgId"`
		Folder                string `yaml:"folder"`
		FolderUID             string `yaml:"folderUid"`
		Type                  string `yaml:"type"`
		DisableDeletion       bool   `yaml:"disableDeletion"`
		UpdateIntervalSeconds int    `yaml:"updateIntervalSeconds"`
		AllowUIUpdates        bool   `yaml:"allowUiUpdates"`
		Options               struct {
			Path                      string `yaml:"path"`
			FoldersFromFilesStructure bool   `yaml:"foldersFromFilesStructure"`
		} `yaml:"options"`
	} `yaml:"providers"`
}

func strictYAML(t *testing.T, text string, into any) {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(into), text)
}

var datasourcesArgs = DatasourcesArgs{
	Prometheus:        dashboards.Datasource{UID: "prometheus", Name: "prometheus-datasource"},
	PrometheusURL:     "http://prometheus.monitoring.svc:9090",
	PrometheusVersion: "3.13.2",
	ScrapeInterval:    config.Duration{Duration: 30 * time.Second},
	Default:           true,
	AlertmanagerURL:   "http://alertmanager.monitoring.svc:9093",
}

func TestDatasourceProvisioning(t *testing.T) {
	text, err := DatasourceProvisioning(Datasources(datasourcesArgs))
	require.NoError(t, err)
	var file datasourceFile
	strictYAML(t, text, &file)

	assert.Equal(t, 1, file.APIVersion)
	assert.True(t, file.Prune)
	require.Len(t, file.Datasources, 2)
	prometheus, alertmanager := file.Datasources[0], file.Datasources[1]

	assert.Equal(t, "prometheus-datasource", prometheus.Name)
	assert.Equal(t, "prometheus", prometheus.UID)
	assert.Equal(t, "prometheus", prometheus.Type)
	assert.Equal(t, "proxy", prometheus.Access)
	assert.Equal(t, "http://prometheus.monitoring.svc:9090", prometheus.URL)
	assert.True(t, prometheus.IsDefault)
	assert.False(t, prometheus.Editable)
	assert.Equal(t, map[string]any{
		"alertmanagerUid":   "alertmanager",
		"httpMethod":        "POST",
		"manageAlerts":      true,
		"prometheusType":    "Prometheus",
		"prometheusVersion": "3.13.2",
		"timeInterval":      "30s",
	}, prometheus.JSONData)

	assert.Equal(t, "alertmanager-datasource", alertmanager.Name)
	assert.Equal(t, "alertmanager", alertmanager.UID)
	assert.Equal(t, "alertmanager", alertmanager.Type)
	assert.False(t, alertmanager.IsDefault)
	assert.Equal(t, "prometheus", alertmanager.JSONData["implementation"])
}

func TestDatasourcesWithoutAlertmanager(t *testing.T) {
	args := datasourcesArgs
	args.AlertmanagerURL = ""
	datasources := Datasources(args)
	require.Len(t, datasources, 1)
	assert.NotContains(t, datasources[0].JSONData, "alertmanagerUid")
}

func TestDatasourcesNeverShareAUID(t *testing.T) {
	args := datasourcesArgs
	args.Prometheus = dashboards.Datasource{UID: "prod-eu", Name: "Production EU"}
	datasources := Datasources(args)
	assert.Equal(t, "prod-eu-alertmanager", datasources[1].UID)
	assert.Equal(t, "Production EU-alertmanager", datasources[1].Name)
	assert.Equal(t, "prod-eu-alertmanager", datasources[0].JSONData["alertmanagerUid"])
}

func TestDashboardProvisioning(t *testing.T) {
	all, err := dashboards.All(dashboards.Options{
		Datasource:   datasourcesArgs.Prometheus,
		NodeExporter: true, KubeStateMetrics: true, NodeDirectorySize: true, Alertmanager: true,
	})
	require.NoError(t, err)
	text, err := DashboardProvisioning(all)
	require.NoError(t, err)
	var file providerFile
	strictYAML(t, text, &file)

	assert.Equal(t, 1, file.APIVersion)
	var folders []string
	paths := map[string]bool{}
	for _, p := range file.Providers {
		folders = append(folders, p.Folder)
		assert.Equal(t, "file", p.Type)
		assert.False(t, p.AllowUIUpdates)
		assert.False(t, p.DisableDeletion)
		assert.Equal(t, 30, p.UpdateIntervalSeconds)
		assert.False(t, paths[p.Options.Path], "two providers on %s overwrite each other", p.Options.Path)
		paths[p.Options.Path] = true
	}
	assert.Equal(t, []string{"Infrastructure", "Kubernetes", "Monitoring"}, folders)
	for _, d := range all {
		assert.True(t, paths[DashboardDir(d.Folder)], d.UID)
	}
}

func grafanaINI(t *testing.T, args GrafanaINIArgs) *ini.File {
	t.Helper()
	text, err := GrafanaINI(args)
	require.NoError(t, err)
	file, err := ini.Load([]byte(text))
	require.NoError(t, err)
	return file
}

func TestGrafanaINIDefaults(t *testing.T) {
	file := grafanaINI(t, GrafanaINIArgs{
		RootURL:           "https://grafana.example.com/",
		AdminPasswordFile: "/etc/grafana/secrets/admin-password",
		HomeDashboard:     "/etc/grafana/dashboards/folder-monitoring/alerts-overview.json",
	})
	for key, want := range map[string]string{
		"analytics.reporting_enabled":            "false",
		"analytics.check_for_updates":            "false",
		"analytics.check_for_plugin_updates":     "false",
		"auth.anonymous.enabled":                 "false",
		"users.allow_sign_up":                    "false",
		"snapshots.external_enabled":             "false",
		"plugins.preinstall_disabled":            "true",
		"metrics.enabled":                        "true",
		"security.admin_password":                "$__file{/etc/grafana/secrets/admin-password}",
		"security.cookie_secure":                 "true",
		"server.root_url":                        "https://grafana.example.com/",
		"server.http_port":                       "3000",
		"dashboards.default_home_dashboard_path": "/etc/grafana/dashboards/folder-monitoring/alerts-overview.json",
	} {
		dot := strings.LastIndex(key, ".")
		assert.Equal(t, want, file.Section(key[:dot]).Key(key[dot+1:]).Value(), key)
	}
	assert.False(t, file.Section("security").HasKey("secret_key"), "an empty key would weaken Grafana's default")

	plain := grafanaINI(t, GrafanaINIArgs{AdminPasswordFile: "/x", SecretKeyFile: "/etc/grafana/secrets/secret-key"})
	assert.False(t, plain.Section("server").HasKey("root_url"))
	assert.Equal(t, "false", plain.Section("security").Key("cookie_secure").Value())
	assert.Equal(t, "$__file{/etc/grafana/secrets/secret-key}", plain.Section("security").Key("secret_key").Value())
}

func TestGrafanaINITakesNativeSections(t *testing.T) {
	file := grafanaINI(t, GrafanaINIArgs{Config: map[string]map[string]any{
		"DEFAULT":            {"app_mode": "development"},
		"analytics":          {"reporting_enabled": true},
		"auth.generic_oauth": {"enabled": true, "client_secret": "$__file{/etc/secrets/oauth}", "scopes": "openid email # all"},
		"server":             {"read_timeout": json.Number("10"), "enable_gzip": true, "root_url": ""},
		"smtp":               {"password": "", "host": "mail:25", "from_name": "  Grafana; prod "},
		"security":           {"strict_transport_security_max_age_seconds": float64(31536000)},
		"database":           {"url": "$__file{/etc/secrets/database}"},
		"auth":               {"token_rotation_interval_minutes": 10},
	}})
	value := func(section, key string) string { return file.Section(section).Key(key).Value() }
	assert.Equal(t, "development", value("", "app_mode"))
	assert.Equal(t, "true", value("analytics", "reporting_enabled"))
	assert.Equal(t, "false", value("analytics", "check_for_updates"), "defaults beside it stay")
	assert.Equal(t, "openid email # all", value("auth.generic_oauth", "scopes"))
	assert.Equal(t, "  Grafana; prod ", value("smtp", "from_name"))
	assert.Equal(t, "10", value("server", "read_timeout"))
	assert.Equal(t, "31536000", value("security", "strict_transport_security_max_age_seconds"))
	assert.True(t, file.Section("server").HasKey("root_url"), "set to nothing on purpose")
}

func TestGrafanaINIRefuses(t *testing.T) {
	tests := map[string]struct {
		section, key string
		value        any
		want         string
	}{
		"plain secret":     {"smtp", "password", "hunter2", "grafana.config.smtp.password: is a secret"},
		"oauth secret":     {"auth.github", "client_secret", "hunter2", "grafana.config.auth.github.client_secret: is a secret"},
		"secret in a URL":  {"database", "url", "postgres://grafana:hunter2@db/grafana", "grafana.config.database.url: has a password"},
		"port":             {"server", "http_port", 80, "grafana.config.server.http_port: may not be set"},
		"admin password":   {"security", "admin_password", "$__file{/x}", "grafana.adminPassword"},
		"list":             {"users", "hidden_users", []any{"a"}, "got []interface {}, want a text"},
		"odd section":      {"auth]", "enabled", true, "want names"},
		"odd key":          {"auth", "a=b", true, "want names"},
		"text in quotes":   {"users", "login_hint", `"quoted"`, `grafana.config.users.login_hint: "\"quoted\"" reads back as "quoted"`},
		"number as secret": {"auth.grafana_com", "token", 12345, "is a secret"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := GrafanaINI(GrafanaINIArgs{Config: map[string]map[string]any{test.section: {test.key: test.value}}})
			assert.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), "hunter2")
			assert.NotContains(t, err.Error(), "12345")
		})
	}
}

func TestGrafanaRendersTheSameEveryTime(t *testing.T) {
	args := GrafanaINIArgs{Config: map[string]map[string]any{
		"a": {"x": 1, "y": 2, "z": 3}, "b": {"x": 1}, "c": {"x": 1}, "server": {"domain": "d", "enable_gzip": true},
	}}
	first, err := GrafanaINI(args)
	require.NoError(t, err)
	for range 20 {
		again, err := GrafanaINI(args)
		require.NoError(t, err)
		assert.Equal(t, first, again)
	}
}
