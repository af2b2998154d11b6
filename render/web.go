package render

import (
	"fmt"
	"path"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v2" // with which programs read the file

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// Files with which a program is served and asked: in LoginDir if it asks for a user, else in TLSDir.
const (
	WebConfigFile  = "web.yml"    // whom the program answers, and with which certificate
	HTTPClientFile = "client.yml" // how others connect to it
)

// webConfig holds the part of a program's web configuration that the stack uses:
// https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md
type webConfig struct {
	TLS   *serverTLS        `yaml:"tls_server_config,omitempty"`
	Users map[string]string `yaml:"basic_auth_users,omitempty"`
}

// httpClient holds the part of an HTTP client's configuration that the stack uses:
// https://prometheus.io/docs/prometheus/latest/configuration/promtool/#http_config_file
type httpClient struct {
	BasicAuth *basicAuth `yaml:"basic_auth,omitempty"`
	TLSConfig *tlsConfig `yaml:"tls_config,omitempty"`
}

// webFiles returns the texts of WebConfigFile and HTTPClientFile, by name.
func webFiles(server webConfig, client httpClient) (map[string]string, error) {
	files := map[string]string{}
	var err error
	if files[WebConfigFile], err = marshal(server); err != nil {
		return nil, err
	}
	if err := yaml.UnmarshalStrict([]byte(files[WebConfigFile]), &web.Config{}); err != nil {
		return nil, fmt.Errorf("%s: %w", WebConfigFile, err)
	}
	files[HTTPClientFile], err = marshal(client)
	return files, err
}

// ServesTLS reports whether a program presents the certificate of tls.
func (p Program) ServesTLS(cfg *config.Config) bool { return cfg.TLS.Enabled() && p.WebConfig != "" }

// AnswersKubelet reports whether a program answers the kubelet's requests, which have neither a password nor a
// certificate.
func (p Program) AnswersKubelet(cfg *config.Config) bool {
	return !AsksForLogin(cfg, p.Name) && !(p.ServesTLS(cfg) && cfg.TLS.ClientCertificates)
}

// Scheme returns how a program is asked: http or https.
func (p Program) Scheme(cfg *config.Config) string {
	if p.ServesTLS(cfg) {
		return "https"
	}
	return "http"
}

// WebFlags returns the flag with the web configuration of a program; none if it answers everyone over HTTP.
func (p Program) WebFlags(cfg *config.Config) []string {
	dir, needed := p.webDir(cfg)
	if !needed {
		return nil
	}
	return []string{p.WebConfig + "=" + path.Join(dir, WebConfigFile)}
}

// ClientFile returns the file with which others connect to a program; empty if they need none.
func (p Program) ClientFile(cfg *config.Config) string {
	dir, needed := p.webDir(cfg)
	if !needed {
		return ""
	}
	return path.Join(dir, HTTPClientFile)
}

// webDir returns the directory with WebConfigFile and HTTPClientFile of a program; false if it needs neither.
func (p Program) webDir(cfg *config.Config) (string, bool) {
	if AsksForLogin(cfg, p.Name) {
		return LoginDir, true
	}
	return TLSDir, p.ServesTLS(cfg)
}
