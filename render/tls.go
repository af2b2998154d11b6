package render

import (
	"fmt"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/importer"
)

// Files of the certificate of tls, in TLSDir, by the keys of its Secret.
const (
	tlsCAFile   = TLSDir + "/ca.crt"
	tlsCertFile = TLSDir + "/tls.crt"
	tlsKeyFile  = TLSDir + "/tls.key"
)

// serverTLS says which certificate a program presents, and asks for.
type serverTLS struct {
	CertFile       string `yaml:"cert_file"`
	KeyFile        string `yaml:"key_file"`
	ClientAuthType string `yaml:"client_auth_type,omitempty"`
	ClientCAFile   string `yaml:"client_ca_file,omitempty"`
}

// tlsConfig says which certificate a client accepts, and presents, in the form in which the configuration files of
// all programs have it: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#tls_config
type tlsConfig struct {
	CAFile             string `yaml:"ca_file,omitempty"`
	CertFile           string `yaml:"cert_file,omitempty"`
	KeyFile            string `yaml:"key_file,omitempty"`
	ServerName         string `yaml:"server_name,omitempty"`
	InsecureSkipVerify bool   `yaml:"insecure_skip_verify,omitempty"`
}

// serverTLSOf returns the certificate that pods with TLSDir present; nil without tls.
func serverTLSOf(cfg *config.Config) *serverTLS {
	if !cfg.TLS.Enabled() {
		return nil
	}
	server := &serverTLS{CertFile: tlsCertFile, KeyFile: tlsKeyFile}
	if cfg.TLS.ClientCertificates {
		server.ClientAuthType, server.ClientCAFile = "RequireAndVerifyClientCert", tlsCAFile
	}
	return server
}

// clientTLS returns how pods with TLSDir connect to programs that serve TLS; nil without tls.
func clientTLS(cfg *config.Config) *tlsConfig {
	if !cfg.TLS.Enabled() {
		return nil
	}
	client := &tlsConfig{CAFile: tlsCAFile, ServerName: cfg.TLS.ServerName}
	if cfg.TLS.ClientCertificates {
		client.CertFile, client.KeyFile = tlsCertFile, tlsKeyFile
	}
	return client
}

// tlsTo returns how pods with TLSDir connect to a program; nil if it does not serve TLS.
func tlsTo(cfg *config.Config, program Program) *tlsConfig {
	if !program.ServesTLS(cfg) {
		return nil
	}
	return clientTLS(cfg)
}

// renderTLS sets the files of programs that serve TLS and ask for no user, which have no secret in them.
func (s *Stack) renderTLS() error {
	if !s.Config.TLS.Enabled() {
		return nil
	}
	files, err := webFiles(webConfig{TLS: serverTLSOf(s.Config)}, httpClient{TLSConfig: clientTLS(s.Config)})
	s.TLS = ConfigMap{"tls", "tls", files}
	return err
}

// VerifiedHosts returns the names by which oauth2-proxies know programs that serve TLS.
func VerifiedHosts(cfg *config.Config) []string {
	var hosts []string
	for _, ui := range cfg.Proxied() {
		hosts = append(hosts, backends[ui.Path].Host(cfg))
	}
	return hosts
}

// TLSHosts returns the names that the certificate of tls has to be valid for: the one by which programs know each
// other, those of the Services with a web UI, by which an oauth2-proxy and an ingress controller know them, and
// localhost, to which people forward ports. If the parts of Thanos use it too, it has their names.
func TLSHosts(cfg *config.Config) []string {
	hosts := []string{cfg.TLS.ServerName, "localhost"}
	for _, ui := range cfg.UIs() {
		if backend, known := backends[ui.Path]; known && ui.Deployed {
			hosts = append(hosts, backend.Host(cfg))
		}
	}
	if long := cfg.LongTermStorage; long.Enabled && long.TLS.SecretName == cfg.TLS.SecretName {
		for _, host := range CertificateHosts(long) {
			if host != cfg.TLS.ServerName {
				hosts = append(hosts, host)
			}
		}
	}
	return hosts
}

// encrypt has a datasource of a Grafana that the stack deploys connect to a program over TLS, if that serves it:
// https://grafana.com/docs/grafana/latest/administration/provisioning/#json-data
func encrypt(cfg *config.Config, program Program, d *importer.Datasource) {
	tls := tlsTo(cfg, program)
	if tls == nil || !cfg.Grafana.Deployed() {
		return
	}
	d.JSONData["serverName"] = tls.ServerName
	d.JSONData["tlsAuthWithCACert"] = true
	d.SecureJSONData["tlsCACert"] = fmt.Sprintf("$__file{%s}", tls.CAFile)
	if tls.CertFile != "" {
		d.JSONData["tlsAuth"] = true
		d.SecureJSONData["tlsClientCert"] = fmt.Sprintf("$__file{%s}", tls.CertFile)
		d.SecureJSONData["tlsClientKey"] = fmt.Sprintf("$__file{%s}", tls.KeyFile)
	}
}

// probeModules returns the modules of the blackbox exporter: those of the config, with tls the one that connects as
// programs of the stack do, and the one that reads another certificate of the parts of Thanos, which it has none to show to.
func probeModules(cfg *config.Config) map[string]map[string]any {
	modules := cfg.Exporters.BlackboxExporter.AllModules()
	if tls := clientTLS(cfg); tls != nil {
		modules[config.CertificateModule] = map[string]any{
			"prober": "tcp",
			"tcp":    map[string]any{"preferred_ip_protocol": "ip4", "tls": true, "tls_config": tls},
		}
	}
	if cfg.ThanosCertificate() {
		modules[config.ThanosCertificateModule] = map[string]any{
			"prober": "tcp",
			"tcp":    map[string]any{"preferred_ip_protocol": "ip4", "tls": true, "tls_config": map[string]any{"insecure_skip_verify": true}},
		}
	}
	return modules
}
