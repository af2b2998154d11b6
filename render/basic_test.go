package render

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/exporter-toolkit/web"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// basicUser is a login.basic, in YAML, with a user and the password s3cret.
const basicUser = "login: {basic: {users: {stack: '$2a$04$5a4Kd4ZT5iDLz3AFdBOmWOQUxl5gpLpRtnM9XDWifzEjxS9clEFRe'}, client: {user: stack, password: s3cret}}}\n"

// The programs' own server lets in who has the password, by the file with which the stack's programs log in.
func TestBasicLoginFiles(t *testing.T) {
	s, err := New(configtest.Config(t, basicUser+"alerting: {access: {login: basic}, acknowledgeNoNotifications: true}"))
	require.NoError(t, err)
	dir := t.TempDir()
	for name, secret := range s.BasicLogin {
		text := strings.ReplaceAll(secret.Reveal(), LoginDir, dir)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	file := filepath.Join(dir, WebConfigFile)
	go func() {
		_ = web.Serve(listener, server, &web.FlagConfig{WebConfigFile: &file}, promslog.NewNopLogger())
	}()

	status := func(client *http.Client) int {
		response, err := client.Get("http://" + listener.Addr().String())
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode
	}
	settings, _, err := promconfig.LoadHTTPConfigFile(filepath.Join(dir, HTTPClientFile))
	require.NoError(t, err)
	client, err := promconfig.NewClientFromConfig(*settings, "test")
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, status(client))
	assert.Equal(t, http.StatusUnauthorized, status(http.DefaultClient))

	scraper := s.Prometheus.AlertingConfig.AlertmanagerConfigs[0].HTTPClientConfig
	scraper.BasicAuth.UsernameFile = strings.ReplaceAll(scraper.BasicAuth.UsernameFile, LoginDir, dir)
	scraper.BasicAuth.PasswordFile = strings.ReplaceAll(scraper.BasicAuth.PasswordFile, LoginDir, dir)
	prometheus, err := promconfig.NewClientFromConfig(scraper, "test")
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, status(prometheus), "with the name in a file")

	require.NoError(t, os.WriteFile(filepath.Join(dir, config.LoginPasswordFile), []byte("another"), 0o600))
	assert.Equal(t, http.StatusUnauthorized, status(client), "a file is read for every request")
}

// Whatever connects to a program that asks for a login has one, as a file; whatever does not ask gets none.
func TestWhoLogsIn(t *testing.T) {
	const (
		longTerm = "\nlongTermStorage: {enabled: true, objectStore: {type: GCS, config: {bucket: blocks}}"
		alerts   = "alerting: {acknowledgeNoNotifications: true, access: {login: basic}}"
		password = "/etc/login/login-password"
	)
	stack := func(text string) *Stack {
		s, err := New(configtest.Config(t, basicUser+text))
		require.NoError(t, err)
		return s
	}
	jobs := func(s *Stack) map[string]string {
		files := map[string]string{}
		for _, job := range s.ScrapeConfigs {
			if login := job.HTTPClientConfig.BasicAuth; login != nil {
				assert.Equal(t, "/etc/login/login-user", login.UsernameFile)
				assert.Empty(t, login.Username)
				files[job.JobName] = login.PasswordFile
			}
		}
		return files
	}

	s := stack("prometheus: {access: {login: basic}}" + longTerm + "}")
	assert.Equal(t, map[string]string{"prometheus": password}, jobs(s), "and not the sidecar, which is another program of its pods")
	assert.Nil(t, s.Prometheus.AlertingConfig.AlertmanagerConfigs[0].HTTPClientConfig.BasicAuth)
	assert.False(t, s.Datasources[0].BasicAuth, "the query frontend does not ask")

	s = stack("prometheus: {shards: 2}\n" + alerts + longTerm + ", queryFrontend: {access: {login: basic}}}")
	assert.Equal(t, map[string]string{"alertmanager": password, "thanos-query-frontend": password}, jobs(s))
	assert.Equal(t, password, s.Prometheus.AlertingConfig.AlertmanagerConfigs[0].HTTPClientConfig.BasicAuth.PasswordFile)
	assert.Contains(t, s.Thanos.Ruler.Config.Files["alertmanagers.yaml"], `- http_config:
      basic_auth:
        username: stack
        password_file: /etc/login/login-password
`)
	for _, d := range s.Datasources {
		assert.True(t, d.BasicAuth, d.Name)
		assert.Equal(t, "stack", d.BasicAuthUser, d.Name)
		assert.Equal(t, map[string]string{"basicAuthPassword": "$__file{/etc/grafana-secrets/login-password}"}, d.SecureJSONData)
	}

	s = stack("grafana: {adminPassword: hunter2, import: job, persistence: {enabled: true}}\n" + alerts)
	assert.Contains(t, s.Import.Files.Files, "datasource.prometheus.json")
	assert.NotContains(t, s.Import.Files.Files, "datasource.alertmanager.json")
	assert.Contains(t, s.Import.Secret["datasource.alertmanager.json"].Reveal(), `"secureJsonData":{"basicAuthPassword":"s3cret"}`)
	for _, configMap := range s.ConfigMaps() {
		for name, text := range configMap.Files {
			assert.NotContains(t, text, "s3cret", name)
			assert.NotContains(t, text, "$2a$", name)
		}
	}
}
