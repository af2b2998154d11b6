package render

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"gopkg.in/ini.v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
)

// datasourceFile has every field of a datasource provisioning file that Grafana documents:
// https://grafana.com/docs/grafana/latest/administration/provisioning/#example-data-source-configuration-file
type datasourceFile struct {
	APIVersion        int  `yaml:"apiVersion"`
	Prune             bool `yaml:"prune"`
	DeleteDatasources []struct {
		Name  string `yaml:"name"`
		OrgID int    `yaml:"orgId"`
	} `yaml:"deleteDatasources"`
	Datasources []struct {
		Name            string            `yaml:"name"`
		Type            string            `yaml:"type"`
		Access          string            `yaml:"access"`
		OrgID           int               `yaml:"orgId"`
		UID             string            `yaml:"uid"`
		URL             string            `yaml:"url"`
		User            string            `yaml:"user"`
		Database        string            `yaml:"database"`
		BasicAuth       bool              `yaml:"basicAuth"`
		BasicAuthUser   string            `yaml:"basicAuthUser"`
		WithCredentials bool              `yaml:"withCredentials"`
		IsDefault       bool              `yaml:"isDefault"`
		JSONData        map[string]any    `yaml:"jsonData"`
		SecureJSONData  map[string]string `yaml:"secureJsonData"`
		Correlations    []map[string]any  `yaml:"correlations"`
		Version         int               `yaml:"version"`
		Editable        bool              `yaml:"editable"`
	} `yaml:"datasources"`
}

// providerFile has every field of a dashboard provisioning file that Grafana documents:
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

// strictYAML decodes text and rejects unknown fields.
func strictYAML(t *testing.T, text string, into any) {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(into), text)
}

// grafanaStack returns the config of a stack with YAML values below grafana, and other YAML
// keys.
func grafanaStack(t *testing.T, grafana string, others ...string) *config.Config {
	t.Helper()
	return configtest.Config(t, "grafana: {"+grafana+"}\n"+strings.Join(others, "\n"))
}

const (
	deployed = "adminPassword: hunter2"
	filled   = deployed + ", import: job, persistence: {enabled: true}"
	external = "import: job, external: {url: 'https://grafana.example.com', token: hunter2, prometheusUrl: 'https://prometheus.example.com'"
)

// readByGrafana renders a stack and returns its files as Grafana reads them.
func readByGrafana(t *testing.T, cfg *config.Config) (*ini.File, datasourceFile, providerFile) {
	t.Helper()
	s, err := New(cfg)
	require.NoError(t, err)
	files := s.GrafanaConfig.Files
	require.Len(t, files, 3)
	settings, err := ini.Load([]byte(files["grafana.ini"]))
	require.NoError(t, err)
	var datasources datasourceFile
	strictYAML(t, files["provisioning/datasources/datasources.yaml"], &datasources)
	var providers providerFile
	strictYAML(t, files["provisioning/dashboards/dashboards.yaml"], &providers)
	return settings, datasources, providers
}

func TestDatasourceProvisioning(t *testing.T) {
	_, file, _ := readByGrafana(t, grafanaStack(t, deployed))
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
		"prometheusVersion": "3.16.0",
		"timeInterval":      "30s",
	}, prometheus.JSONData)

	assert.Equal(t, "alertmanager-datasource", alertmanager.Name)
	assert.Equal(t, "alertmanager", alertmanager.UID)
	assert.Equal(t, "alertmanager", alertmanager.Type)
	assert.Equal(t, "http://alertmanager.monitoring.svc:9093", alertmanager.URL)
	assert.False(t, alertmanager.IsDefault)
	assert.Equal(t, "prometheus", alertmanager.JSONData["implementation"])
}

// Further datasources are provisioned after the stack's own, as they are given.
func TestFurtherDatasources(t *testing.T) {
	const tempo = `{name: Tempo, uid: tempo, type: tempo, url: 'http://tempo.traces.svc:3200', basicAuth: true, basicAuthUser: reader,
		jsonData: {tracesToLogsV2: {datasourceUid: loki}}, secureJsonData: {basicAuthPassword: '$__file{/etc/grafana-secrets/tempo}'}, correlations: [{targetUID: loki, label: logs}]}`
	_, file, _ := readByGrafana(t, grafanaStack(t, deployed+", secrets: {tempo: hunter3}, exemplars: {datasourceUid: tempo}, datasources: ["+tempo+"]",
		"prometheus: {featureFlags: [exemplar-storage]}"))
	require.Len(t, file.Datasources, 3)
	assert.Equal(t, []any{map[string]any{"name": "trace_id", "datasourceUid": "tempo"}}, file.Datasources[0].JSONData["exemplarTraceIdDestinations"])
	added := file.Datasources[2]
	assert.Equal(t, "proxy", added.Access)
	assert.Equal(t, "http://tempo.traces.svc:3200", added.URL)
	assert.False(t, added.IsDefault)
	assert.Equal(t, "reader", added.BasicAuthUser)
	assert.Equal(t, map[string]any{"tracesToLogsV2": map[string]any{"datasourceUid": "loki"}}, added.JSONData)
	assert.Equal(t, map[string]string{"basicAuthPassword": "$__file{/etc/grafana-secrets/tempo}"}, added.SecureJSONData)
	assert.Equal(t, []map[string]any{{"targetUID": "loki", "label": "logs"}}, added.Correlations)
}

func TestDatasourcesThatAreRejected(t *testing.T) {
	for name, want := range map[string]string{
		"{name: Prometheus-Datasource, uid: mine, type: prometheus}":                                                     `grafana.datasources[0].name: "Prometheus-Datasource" is the name of the stack's own datasource of type prometheus; choose another`,
		"{name: mine, uid: alertmanager, type: alertmanager}":                                                            `grafana.datasources[0].uid: "alertmanager" is the UID of the stack's own datasource of type alertmanager; choose another`,
		"{name: Loki, uid: loki, type: loki, secureJsonData: {basicAuthPassword: hunter3}}":                              `grafana.datasources[0].secureJsonData.basicAuthPassword: is a secret, which may not be in a ConfigMap: set it as grafana.secrets.NAME, and this to $__file{/etc/grafana-secrets/NAME}`,
		"{name: Loki, uid: loki, type: loki, secureJsonData: {basicAuthPassword: '$__file{/etc/grafana-secrets/loky}'}}": `grafana.datasources[0].secureJsonData.basicAuthPassword: grafana.secrets has no "loky"; did you mean "loki"?`,
	} {
		_, err := New(grafanaStack(t, deployed+", secrets: {loki: hunter3}, datasources: ["+name+"]"))
		require.ErrorContains(t, err, "1 problem(s) in the stack's config:\n  "+want)
	}
}

func TestDatasourcesWithoutAlertmanager(t *testing.T) {
	all := datasources(grafanaStack(t, deployed, "alerting: {enabled: false}"))
	require.Len(t, all, 1)
	assert.NotContains(t, all[0].JSONData, "alertmanagerUid")
}

func TestDatasourcesOfAnExternalGrafana(t *testing.T) {
	all := datasources(grafanaStack(t, external+"}"))
	require.Len(t, all, 1, "without a URL of Alertmanager")
	assert.Equal(t, "prometheus-test", all[0].UID)
	assert.Equal(t, "prometheus-datasource-test", all[0].Name)
	assert.Equal(t, "https://prometheus.example.com", all[0].URL)
	assert.False(t, all[0].IsDefault, "an external Grafana has its own default")

	all = datasources(grafanaStack(t, external+", alertmanagerUrl: 'https://alertmanager.example.com'}"))
	require.Len(t, all, 2)
	assert.Equal(t, "alertmanager-test", all[1].UID)
	assert.Equal(t, "alertmanager-datasource-test", all[1].Name)
	assert.Equal(t, "https://alertmanager.example.com", all[1].URL)
	assert.Equal(t, "alertmanager-test", all[0].JSONData["alertmanagerUid"])
}

// No two clusters that share a Grafana share a datasource.
func TestDatasourceUIDs(t *testing.T) {
	valid := regexp.MustCompile(`^[a-zA-Z0-9_-]{1,40}$`)
	seen := map[string]string{}
	for _, cluster := range []string{
		"a", "a-b", "a.b", "a-b.c", "a.b-c", strings.Repeat("a", 29), strings.Repeat("a", 30), strings.Repeat("a", 31), strings.Repeat("a", 63) + "." + strings.Repeat("a", 63),
	} {
		cfg := grafanaStack(t, external+", alertmanagerUrl: 'https://alertmanager.example.com'}")
		cfg.Cluster.Name = cluster
		for _, d := range datasources(cfg) {
			assert.Regexp(t, valid, d.UID)
			assert.Empty(t, seen[d.UID], "%s has the UID of %s", d.Name, seen[d.UID])
			seen[d.UID] = d.Name
		}
	}
}

func TestDashboardProvisioning(t *testing.T) {
	cfg := grafanaStack(t, deployed)
	settings, _, file := readByGrafana(t, cfg)

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
	s, err := New(cfg)
	require.NoError(t, err)
	files := map[string]bool{}
	for _, d := range s.Dashboards {
		assert.True(t, paths[DashboardDir(d.Folder)], d.UID)
		files[path.Join(DashboardDir(d.Folder), DashboardFile(d))] = true
	}
	assert.Contains(t, files, settings.Section("dashboards").Key("default_home_dashboard_path").Value())
}

// The API cannot change a datasource or dashboard that a file provisions: with the import job,
// the files list none.
func TestNothingIsProvisionedBesideTheImportJob(t *testing.T) {
	settings, datasources, providers := readByGrafana(t, grafanaStack(t, filled))
	assert.True(t, datasources.Prune)
	assert.Empty(t, datasources.Datasources)
	assert.Empty(t, providers.Providers)
	assert.False(t, settings.Section("dashboards").HasKey("default_home_dashboard_path"))
}

// No two dashboards share a ConfigMap, whatever their UIDs.
func TestDashboardObjects(t *testing.T) {
	assert.Equal(t, "grafana-dashboard-nodes", DashboardConfigMap("grafana", dashboards.Dashboard{UID: "nodes"}).Name)
	seen := map[string]bool{}
	for _, uid := range []string{"nodes", "Nodes", "a_b", "a-b", "-a-b", "_", "-", "__", strings.Repeat("A", 40)} {
		name := DashboardConfigMap("grafana", dashboards.Dashboard{UID: uid}).Name
		assert.Empty(t, validation.IsDNS1123Subdomain(name), uid)
		assert.False(t, seen[name], "two UIDs have the name %s", name)
		seen[name] = true
	}
}

func TestDashboardsOfEnabledJobs(t *testing.T) {
	uids := func(others ...string) (uids []string) {
		s, err := New(grafanaStack(t, deployed, others...))
		require.NoError(t, err)
		for _, d := range s.Dashboards {
			uids = append(uids, d.UID)
		}
		return uids
	}
	assert.Contains(t, uids(), dashboards.UIDNodes)
	assert.NotContains(t, uids("exporters: {nodeExporter: {enabled: false}}"), dashboards.UIDNodes)
	assert.NotContains(t, uids("discovery: {jobs: {node-exporter: {enabled: false}}}"), dashboards.UIDNodes)
}

func TestGrafanaINIDefaults(t *testing.T) {
	file, _, _ := readByGrafana(t, grafanaStack(t, deployed+", adminUser: root, externalUrl: 'https://grafana.example.com/'"))
	for key, want := range map[string]string{
		"analytics.reporting_enabled":            "false",
		"analytics.check_for_updates":            "false",
		"analytics.check_for_plugin_updates":     "false",
		"auth.anonymous.enabled":                 "false",
		"users.allow_sign_up":                    "false",
		"snapshots.external_enabled":             "false",
		"plugins.preinstall_disabled":            "true",
		"metrics.enabled":                        "true",
		"paths.provisioning":                     "/etc/grafana/provisioning",
		"security.admin_user":                    "root",
		"security.admin_password":                "$__file{/etc/grafana-secrets/admin-password}",
		"security.cookie_secure":                 "true",
		"server.root_url":                        "https://grafana.example.com/",
		"server.http_port":                       "3000",
		"dashboards.default_home_dashboard_path": "/etc/grafana-dashboards/folder-monitoring/alerts-overview.json",
	} {
		dot := strings.LastIndex(key, ".")
		assert.Equal(t, want, file.Section(key[:dot]).Key(key[dot+1:]).Value(), key)
	}

	plain, _, _ := readByGrafana(t, grafanaStack(t, deployed))
	assert.False(t, plain.Section("server").HasKey("root_url"))
	assert.Equal(t, "false", plain.Section("security").Key("cookie_secure").Value())
}

func TestGrafanaINIAcceptsNativeSections(t *testing.T) {
	file, _, _ := readByGrafana(t, grafanaStack(t, deployed+`, secrets: {oauth: hunter2, database: hunter2}, config: {
		DEFAULT: {app_mode: development},
		analytics: {reporting_enabled: true},
		auth.generic_oauth: {enabled: true, client_secret: '$__file{/etc/grafana-secrets/oauth}', scopes: 'openid email # all'},
		server: {read_timeout: 10, enable_gzip: true, domain: ''},
		smtp: {password: '', host: 'mail:25', from_name: '  Grafana; prod '},
		security: {strict_transport_security_max_age_seconds: 31536000},
		database: {url: '$__file{/etc/grafana-secrets/database}'},
		alerting: {notification_timeout_seconds: 0.5},
		auth: {token_rotation_interval_minutes: 10}}`))
	value := func(section, key string) string { return file.Section(section).Key(key).Value() }
	assert.Equal(t, "development", value("", "app_mode"))
	assert.Equal(t, "true", value("analytics", "reporting_enabled"))
	assert.Equal(t, "false", value("analytics", "check_for_updates"), "other defaults stay")
	assert.Equal(t, "openid email # all", value("auth.generic_oauth", "scopes"))
	assert.Equal(t, "  Grafana; prod ", value("smtp", "from_name"))
	assert.Equal(t, "10", value("server", "read_timeout"))
	assert.Equal(t, "31536000", value("security", "strict_transport_security_max_age_seconds"))
	assert.Equal(t, "0.5", value("alerting", "notification_timeout_seconds"))
	assert.True(t, file.Section("server").HasKey("domain"), "an empty value is a setting")
}

func TestGrafanaDatabase(t *testing.T) {
	section := func(database string) map[string]string {
		file, _, _ := readByGrafana(t, grafanaStack(t, deployed+", replicas: 2, database: {"+database+", name: grafana, user: reader, password: hunter2}"))
		return file.Section("database").KeysHash()
	}
	postgres := map[string]string{
		"type": "postgres", "host": "db.example.com:5432", "name": "grafana", "user": "reader",
		"password": "$__file{/etc/grafana-secrets/database-password}", "ssl_mode": "verify-full",
	}
	assert.Equal(t, postgres, section("type: postgres, host: 'db.example.com:5432'"))
	postgres["ca_cert_path"] = "/etc/grafana-secrets/database-ca"
	assert.Equal(t, postgres, section("type: postgres, host: 'db.example.com:5432', ca: '-----BEGIN CERTIFICATE-----'"))

	mysql := section("type: mysql, host: 'db.example.com:3306'")
	assert.Equal(t, "true", mysql["ssl_mode"])
	assert.Equal(t, "db.example.com", mysql["server_cert_name"], "Grafana does not start without it")
	assert.Equal(t, "/etc/ssl/certs/ca-certificates.crt", mysql["ca_cert_path"], "Grafana does not start without it")
	assert.Equal(t, "/etc/grafana-secrets/database-ca", section("type: mysql, host: 'db.example.com:3306', ca: '-----BEGIN CERTIFICATE-----'")["ca_cert_path"])
	assert.NotContains(t, section("type: mysql, host: 'db.example.com:3306', sslMode: 'false'"), "ca_cert_path")

	const settings = deployed + ", database: {type: postgres, host: 'db.example.com:5432', name: grafana, user: reader, password: hunter2}, config: {database: {%s}}"
	_, err := New(grafanaStack(t, fmt.Sprintf(settings, "host: elsewhere")))
	require.ErrorContains(t, err, "grafana.config.database.host: may not be set: the database is that of grafana.database")
	file, _, _ := readByGrafana(t, grafanaStack(t, fmt.Sprintf(settings, "max_open_conn: 10, server_cert_name: primary")))
	assert.Equal(t, "10", file.Section("database").Key("max_open_conn").Value())
	assert.Equal(t, "primary", file.Section("database").Key("server_cert_name").Value())
}

func TestGrafanaINIRejects(t *testing.T) {
	tests := map[string]struct{ setting, want string }{
		"plain secret":                  {"smtp: {password: hunter2}", "grafana.config.smtp.password: is a secret"},
		"oauth secret":                  {"auth.github: {client_secret: hunter2}", "grafana.config.auth.github.client_secret: is a secret"},
		"secret in a connection string": {"remote_cache: {type: redis, connstr: 'addr=redis:6379,password=hunter2'}", "grafana.config.remote_cache.connstr: has a password in it"},
		"secret in a URL":               {"database: {url: 'postgres://grafana:hunter2@db/grafana'}", "grafana.config.database.url: has a password"},
		"secret nowhere":                {"smtp: {password: '$__file{/run/secrets/smtp}'}", "not a secret file of Grafana's pod"},
		"misspelt secret":               {"smtp: {password: '$__file{/etc/grafana-secrets/stmp}'}", `grafana.secrets has no "stmp"; did you mean "smtp"?`},
		"port":                          {"server: {http_port: 80}", "grafana.config.server.http_port: may not be set"},
		"URL":                           {"server: {root_url: 'https://grafana.example.com'}", "grafana.externalUrl"},
		"admin password":                {"security: {admin_password: '$__file{/x}'}", "grafana.adminPassword"},
		"list":                          {"users: {hidden_users: [a]}", "is not a string, a number or a boolean"},
		"nothing":                       {"users: {hidden_users: }", "is not a string, a number or a boolean"},
		"odd section":                   {"'auth]': {enabled: true}", "allowed: names of"},
		"odd key":                       {"auth: {a=b: true}", "allowed: names of"},
		"text in quotes":                {`users: {login_hint: '"quoted"'}`, `grafana.config.users.login_hint: Grafana would read "\"quoted\"" as "quoted" from grafana.ini`},
		"number as secret":              {"auth.grafana_com: {token: 12345}", "is a secret"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := New(grafanaStack(t, deployed+", secrets: {smtp: hunter2}, config: {"+test.setting+"}"))
			require.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), "hunter2")
			assert.NotContains(t, err.Error(), "12345")
		})
	}
}

func TestGrafanaRendersTheSameEveryTime(t *testing.T) {
	cfg := grafanaStack(t, deployed+", config: {a: {x: 1, y: 2, z: 3}, b: {x: 1}, c: {x: 1}, server: {domain: d, enable_gzip: true}}")
	first, err := grafanaFiles(cfg, nil, nil)
	require.NoError(t, err)
	for range 20 {
		again, err := grafanaFiles(cfg, nil, nil)
		require.NoError(t, err)
		assert.Equal(t, first, again)
	}
}
