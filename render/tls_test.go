package render

import (
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	blackbox "github.com/prometheus/blackbox_exporter/config"
	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/exporter-toolkit/web"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/tests/ca"
)

// rendered returns a rendered stack with settings in YAML.
func rendered(t *testing.T, text string) *Stack {
	t.Helper()
	s, err := New(configtest.Config(t, text))
	require.NoError(t, err)
	return s
}

// The programs' own server answers clients with the stack's files, and goes on with another certificate.
func TestTLSFiles(t *testing.T) {
	for name, test := range map[string]struct {
		settings string
		anyone   bool // without a certificate, but with the password
		login    bool
	}{
		"TLS":                           {"tls: {secretName: a}", true, false},
		"client certificates":           {"tls: {secretName: a, clientCertificates: true}", false, false},
		"TLS and login":                 {basicUser + "tls: {secretName: a}\nalerting: {access: {login: basic}, acknowledgeNoNotifications: true}", true, true},
		"client certificates and login": {basicUser + "tls: {secretName: a, clientCertificates: true}\nalerting: {access: {login: basic}, acknowledgeNoNotifications: true}", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := rendered(t, test.settings)
			dir := t.TempDir()
			write := func(name, text string) {
				text = strings.ReplaceAll(strings.ReplaceAll(text, LoginDir, dir), TLSDir, dir)
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
			}
			for name, text := range s.TLS.Files {
				write(name, text)
			}
			for name, secret := range s.BasicLogin {
				write(name, secret.Reveal())
			}
			authority := ca.New(t)
			renew := func() string {
				issued := authority.Issue(t, "kubernetes-prometheus")
				for name, data := range issued {
					write(name, string(data))
				}
				pair, err := tls.X509KeyPair(issued["tls.crt"], issued["tls.key"])
				require.NoError(t, err)
				return pair.Leaf.SerialNumber.String()
			}
			serial := renew()
			address := serveWeb(t, filepath.Join(dir, WebConfigFile))

			get := func(scheme string, change func(*promconfig.HTTPClientConfig)) (string, int) {
				settings, _, err := promconfig.LoadHTTPConfigFile(filepath.Join(dir, HTTPClientFile))
				require.NoError(t, err)
				change(settings)
				client, err := promconfig.NewClientFromConfig(*settings, "test")
				require.NoError(t, err)
				defer client.CloseIdleConnections()
				response, err := client.Get(scheme + "://" + address)
				if err != nil {
					return err.Error(), 0
				}
				require.NoError(t, response.Body.Close())
				if response.TLS == nil {
					return "", response.StatusCode
				}
				return response.TLS.PeerCertificates[0].SerialNumber.String(), response.StatusCode
			}
			as := func(*promconfig.HTTPClientConfig) {}
			got, status := get("https", as)
			assert.Equal(t, http.StatusOK, status, got)
			assert.Equal(t, serial, got)
			_, status = get("http", as)
			assert.Equal(t, http.StatusBadRequest, status, "plain HTTP")
			got, status = get("https", func(c *promconfig.HTTPClientConfig) { c.TLSConfig.CertFile, c.TLSConfig.KeyFile = "", "" })
			assert.Equal(t, test.anyone, status == http.StatusOK, "%d %s", status, got)
			_, status = get("https", func(c *promconfig.HTTPClientConfig) { c.BasicAuth = nil })
			assert.Equal(t, test.login, status == http.StatusUnauthorized, "%d", status)
			got, _ = get("https", func(c *promconfig.HTTPClientConfig) { c.TLSConfig.ServerName = "other" })
			assert.Contains(t, got, "certificate is valid for kubernetes-prometheus, not other")

			renewed := renew()
			assert.NotEqual(t, serial, renewed)
			got, status = get("https", as)
			assert.Equal(t, http.StatusOK, status, got)
			assert.Equal(t, renewed, got, "without a restart")
		})
	}
}

// serveWeb runs a server with a web configuration as programs do, and returns its address.
func serveWeb(t *testing.T, file string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	go func() {
		_ = web.Serve(listener, server, &web.FlagConfig{WebConfigFile: &file}, promslog.NewNopLogger())
	}()
	return listener.Addr().String()
}

// Whatever connects to a program that serves TLS verifies its certificate, and presents one if it asks.
func TestWhoUsesTLS(t *testing.T) {
	const settings = "tls: {secretName: a, serverName: monitoring%s}\nprometheus: {shards: 2}\n" +
		"longTermStorage: {enabled: true, objectStore: {type: GCS, config: {bucket: blocks}}}"
	for name, test := range map[string]struct {
		switched string
		want     promconfig.TLSConfig
		file     string // of the same in the files of Thanos, each line after its indentation
	}{
		"TLS": {"", promconfig.TLSConfig{CAFile: "/etc/tls/ca.crt", ServerName: "monitoring"}, "ca_file: /etc/tls/ca.crt\nserver_name: monitoring\n"},
		"client certificates": {", clientCertificates: true", promconfig.TLSConfig{CAFile: "/etc/tls/ca.crt", CertFile: "/etc/tls/tls.crt", KeyFile: "/etc/tls/tls.key", ServerName: "monitoring"},
			"ca_file: /etc/tls/ca.crt\ncert_file: /etc/tls/tls.crt\nkey_file: /etc/tls/tls.key\nserver_name: monitoring\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := rendered(t, strings.Replace(settings, "%s", test.switched, 1))
			encrypted := map[string]bool{}
			for _, job := range s.ScrapeConfigs {
				if programOf(job.JobName).WebConfig == "" && job.MetricsPath != "/probe" { // which blackbox-exporter answers
					assert.NotEqual(t, "/etc/tls/ca.crt", job.HTTPClientConfig.TLSConfig.CAFile, job.JobName)
					continue
				}
				encrypted[job.JobName] = true
				assert.Equal(t, "https", job.Scheme, job.JobName)
				assert.Equal(t, test.want, job.HTTPClientConfig.TLSConfig, job.JobName)
			}
			for _, job := range []config.Job{
				config.PrometheusJob, config.AlertmanagerJob, config.NodeExporterJob, config.KubeStateMetricsJob, config.BlackboxExporterJob, config.ServicesJob,
				config.BlackboxTargetsJob, config.ThanosSidecarJob, config.ThanosStoreGatewayJob, config.ThanosCompactorJob, config.ThanosQueryJob,
				config.ThanosQueryFrontendJob, config.ThanosRulerJob,
			} {
				assert.True(t, encrypted[string(job)], job)
			}
			alerts := s.Prometheus.AlertingConfig.AlertmanagerConfigs[0]
			assert.Equal(t, "https", alerts.Scheme)
			assert.Equal(t, test.want, alerts.HTTPClientConfig.TLSConfig)

			indented := func(n int) string {
				indent := strings.Repeat(" ", n)
				return indent + strings.ReplaceAll(strings.TrimSuffix(test.file, "\n"), "\n", "\n"+indent) + "\n"
			}
			assert.Equal(t, "tls_config:\n"+indented(2), s.Thanos.Frontend.Files["downstream.yaml"])
			assert.Equal(t, "- http_config:\n    tls_config:\n"+indented(6)+"  static_configs:\n    - thanos-query.monitoring.svc:10902\n  scheme: https\n", s.Thanos.Ruler.Config.Files["query.yaml"])
			assert.Contains(t, s.Thanos.Ruler.Config.Files["alertmanagers.yaml"], "- http_config:\n      tls_config:\n"+indented(8))
			assert.Contains(t, s.Thanos.Ruler.Config.Files["alertmanagers.yaml"], "scheme: https\n")
			assert.Contains(t, s.Thanos.Query.Files["endpoints.yaml"], "cert_file: /etc/thanos/tls/tls.crt", "gRPC uses the same certificate")

			mutual := test.want.CertFile != ""
			for _, d := range s.Datasources {
				assert.True(t, strings.HasPrefix(d.URL, "https://"), d.URL)
				assert.Equal(t, "monitoring", d.JSONData["serverName"])
				assert.Equal(t, true, d.JSONData["tlsAuthWithCACert"])
				assert.Equal(t, "$__file{/etc/tls/ca.crt}", d.SecureJSONData["tlsCACert"])
				assert.Equal(t, mutual, d.JSONData["tlsAuth"] == true)
				assert.Equal(t, mutual, d.SecureJSONData["tlsClientKey"] == "$__file{/etc/tls/tls.key}")
				assert.Equal(t, mutual, d.SecureJSONData["tlsClientCert"] == "$__file{/etc/tls/tls.crt}")
			}
			assert.Equal(t, "https://prometheus-shard-1.monitoring.svc:9090", PrometheusShard(1).URL(s.Config))
			assert.Equal(t, "http://grafana.monitoring.svc:3000", Grafana.URL(s.Config))
		})
	}
}

// A Grafana elsewhere has no certificate of the stack.
func TestTLSOfAnotherGrafana(t *testing.T) {
	s := rendered(t, "tls: {secretName: a}\ngrafana: {import: job, external: {url: 'https://grafana.example.com', token: s3cret, prometheusUrl: 'https://prometheus.example.com'}}")
	assert.NotContains(t, s.Datasources[0].JSONData, "tlsAuthWithCACert")
	assert.Empty(t, s.Datasources[0].SecureJSONData)
}

// The blackbox exporter reads the certificate of Prometheus, for the alert about one that expires.
func TestTLSIsProbed(t *testing.T) {
	s := rendered(t, "tls: {secretName: a, clientCertificates: true}")
	for _, job := range s.ScrapeConfigs {
		if job.JobName == "blackbox-targets" {
			text, err := yaml.Marshal(job.ServiceDiscoveryConfigs)
			require.NoError(t, err)
			assert.Contains(t, string(text), "prometheus.monitoring.svc:9090")
			assert.Contains(t, string(text), "__param_module: stack_tls")
		}
	}
	var file blackbox.Config
	require.NoError(t, yaml.Unmarshal([]byte(s.BlackboxConfig.Files["blackbox.yml"]), &file))
	module := file.Modules["stack_tls"]
	assert.True(t, module.TCP.TLS)
	assert.Equal(t, promconfig.TLSConfig{CAFile: "/etc/tls/ca.crt", CertFile: "/etc/tls/tls.crt", KeyFile: "/etc/tls/tls.key", ServerName: "kubernetes-prometheus"}, module.TCP.TLSConfig)
	assert.NotContains(t, rendered(t, "").BlackboxConfig.Files["blackbox.yml"], "stack_")
}

// The parts of Thanos may have a certificate of their own, and the blackbox exporter none that they would accept.
func TestTLSOfThanosIsProbed(t *testing.T) {
	const thanos = "\nlongTermStorage: {enabled: true, objectStore: {type: S3, config: {bucket: a, endpoint: s3.example.com}}, tls: {secretName: b}}"
	for stack, want := range map[string]string{"tls: {secretName: a}": "stack_thanos_tls", "cluster: {name: test}": "stack_thanos_tls", "tls: {secretName: b}": ""} {
		s := rendered(t, stack+thanos)
		var file blackbox.Config
		require.NoError(t, yaml.Unmarshal([]byte(s.BlackboxConfig.Files["blackbox.yml"]), &file))
		module, there := file.Modules["stack_thanos_tls"]
		assert.Equal(t, want != "", there, stack)
		assert.Equal(t, there, module.TCP.TLS)
		config := s.PrometheusConfigs[0].Files["prometheus.yml"]
		assert.Equal(t, there, strings.Contains(config, "thanos-query.monitoring.svc:10901"), stack)
	}
}

// oauth2-proxy connects to Services by their names, and has one list of authorities for them and the provider.
func TestTLSBehindOAuth2Proxy(t *testing.T) {
	const oidc = "login: {oidc: {issuerUrl: 'https://login.example.com', clientId: a, clientSecret: s3cret, cookieSecret: 0123456789abcdef, groups: [sre]%s}}\n"
	text := func(ca string) string {
		s := rendered(t, "tls: {secretName: a}\nprometheus: {"+access("example.com", "/")+"}\n"+strings.Replace(oidc, "%s", ca, 1))
		assert.Subset(t, TLSHosts(s.Config), []string{"kubernetes-prometheus", "localhost", "prometheus.monitoring.svc", "alertmanager.monitoring.svc"})
		return s.OAuth2Proxies[0].Config.Files["oauth2-proxy.yaml"]
	}
	got := text("")
	assert.Contains(t, got, "uri: https://prometheus.monitoring.svc:9090\n")
	assert.Contains(t, got, "caFiles:\n      - /etc/tls/ca.crt\n    useSystemTrustStore: true\n")
	got = text(", ca: '-----BEGIN CERTIFICATE-----'")
	assert.Contains(t, got, "caFiles:\n      - /etc/oauth2-proxy/secrets/ca.crt\n      - /etc/tls/ca.crt\n")
	assert.NotContains(t, got, "useSystemTrustStore")
}

// A certificate that Thanos uses too has its names, each once.
func TestTLSHosts(t *testing.T) {
	s := rendered(t, "tls: {secretName: a}\nlongTermStorage: {enabled: true, objectStore: {type: GCS, config: {bucket: blocks}}, tls: {secretName: a, serverName: kubernetes-prometheus}, query: {externalAddress: 'thanos.example.com:443'}}")
	assert.Equal(t, []string{
		"kubernetes-prometheus", "localhost", "alertmanager.monitoring.svc", "thanos-query-frontend.monitoring.svc", "prometheus.monitoring.svc", "thanos.example.com",
	}, TLSHosts(s.Config))
}
