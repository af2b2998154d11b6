package render

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	blackbox "github.com/prometheus/blackbox_exporter/config"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// modules returns the modules that the exporter reads from the rendered file.
func modules(t *testing.T, cfg *config.Config) map[string]blackbox.Module {
	t.Helper()
	text, err := blackboxConfig(cfg)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "blackbox.yml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	file := blackbox.NewSafeConfig(prometheus.NewRegistry())
	require.NoError(t, file.ReloadConfig(path, nil))
	return file.C.Modules
}

func TestBlackboxModules(t *testing.T) {
	shipped := modules(t, configtest.Config(t, ""))
	assert.Equal(t, "http", shipped["http_2xx"].Prober)
	assert.False(t, shipped["http_2xx"].HTTP.HTTPClientConfig.TLSConfig.InsecureSkipVerify)
	assert.True(t, shipped["http_2xx_insecure"].HTTP.HTTPClientConfig.TLSConfig.InsecureSkipVerify)
	assert.Equal(t, "tcp", shipped["tcp_connect"].Prober)
	assert.Len(t, shipped, 3)

	mine := modules(t, configtest.Config(t, `
exporters:
  blackboxExporter:
    modules:
      slow: {prober: http, timeout: 45s, http: {valid_status_codes: [200, 204]}}
      tcp_connect: {prober: tcp, tcp: {tls: true}}`))
	assert.Equal(t, 45*time.Second, mine["slow"].Timeout)
	assert.Equal(t, []int{200, 204}, mine["slow"].HTTP.ValidStatusCodes)
	assert.True(t, mine["tcp_connect"].TCP.TLS, "the stack's module wins")
	assert.Len(t, mine, 4)
}

func TestRejectedBlackboxModules(t *testing.T) {
	_, err := blackboxConfig(configtest.Config(t, `
exporters:
  blackboxExporter:
    modules:
      a: {prober: http, http: {valid_status_code: [200]}}
      b: {prober: tcp, timeout: soon}
      c: {prober: http, http: {valid_http_versions: [HTTP/1.1], fail_if_body_matches_regexp: ['(']}}
      d: {prober: smoke-signals}
      e: {http: {}}
      f: {prober: http}`))
	require.Error(t, err)
	var problems config.Problems
	require.ErrorAs(t, err, &problems)
	var paths []string
	for _, problem := range problems {
		paths = append(paths, problem.Path)
	}
	const path = "exporters.blackboxExporter.modules."
	assert.Equal(t, []string{path + "a", path + "b", path + "c", path + "d.prober", path + "e.prober"}, paths)
	assert.Regexp(t, `^unknown field "valid_status_code"`, problems[0].Message)
	assert.Equal(t, `unknown "smoke-signals"; allowed: http, tcp, icmp, dns, grpc, unix`, problems[3].Message)
}
