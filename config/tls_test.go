package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

func TestTLSProblems(t *testing.T) {
	const (
		tls    = "tls: {secretName: certificate}\n"
		mutual = "tls: {secretName: certificate, clientCertificates: true}\n"
		long   = "longTermStorage: {enabled: true, objectStore: {type: GCS, config: {bucket: blocks}}"
		oidc   = "login: {oidc: {issuerUrl: 'https://login.example.com', clientId: a, clientSecret: s3cret, cookieSecret: 0123456789abcdef, groups: [sre]}}\n"
	)
	access := func(login string) string {
		return "prometheus: {access: {host: prometheus.example.com, login: " + login + ", fromNamespaces: [ingress], ingress: {className: nginx}}}\n"
	}
	for _, test := range []struct{ name, text, want string }{
		{"clients without a certificate", "tls: {clientCertificates: true}", "tls.clientCertificates: true has no effect without a certificate; set tls.secretName or tls.issuerRef"},
		{"a name without a certificate", "tls: {serverName: monitoring.example.com}", `tls.serverName: "monitoring.example.com" has no effect without a certificate; set tls.secretName or tls.issuerRef`},
		{"a wildcard", "tls: {secretName: certificate, serverName: '*.example.com'}", `tls.serverName: "*.example.com": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character`},
		{"a Secret of the program", "tls: {secretName: basic-login}", `tls.secretName: "basic-login" is a Secret that this program creates; allowed: the name of any other`},
		{"a kind without an issuer", "tls: {secretName: certificate, issuerRef: {kind: Issuer}}", "tls.issuerRef.name: missing; allowed: the name of an issuer of kind Issuer"},
		{"half of Thanos", tls + long + ", tls: {serverName: store}}", "longTermStorage.tls.secretName: missing, so the parts of Thanos would answer everyone over gRPC, in plain text; set it, or leave out longTermStorage.tls to use the certificate of tls"},
		{"one Secret of two issuers", "tls: {issuerRef: {name: a}}\n" + long + ", tls: {secretName: tls-certificate, issuerRef: {name: b}}}", `longTermStorage.tls.secretName: "tls-certificate" is the Secret of tls, which an issuer would make twice; leave out longTermStorage.tls to use the certificate of tls`},
		{"the import job", tls + "grafana: {adminPassword: s3cret, import: job, persistence: {enabled: true}}", "grafana.import: job, but the job runs only in updates, so Grafana would keep certificates of tls that have been renewed since; allowed: files"},
		{"oauth2-proxy without a certificate", mutual + oidc + access("oidc"), "prometheus.access.login: oidc, but oauth2-proxy has no certificate to show to Prometheus, which asks for one; allowed: none, basic, or any with tls.clientCertificates: false"},
		{"an Ingress that connects over HTTP", tls + access("none"), "prometheus.access.ingress.annotations: empty, so nothing tells the controller that Prometheus answers over HTTPS; set those with which it connects so, such as nginx.ingress.kubernetes.io/backend-protocol: HTTPS"},
		{"a module with the name of its own", tls + "exporters: {blackboxExporter: {modules: {stack_tls: {prober: tcp}}}}", "exporters.blackboxExporter.modules.stack_tls: the name is taken by the module that reads the certificate of the stack's programs; choose another"},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, strings.Split(test.want, "\n"), rejected(t, test.text))
		})
	}
	accepted(t, tls+oidc+access("oidc"))
	accepted(t, mutual+strings.ReplaceAll(access("none"), "className: nginx", "annotations: {nginx.ingress.kubernetes.io/backend-protocol: HTTPS}"))
	accepted(t, mutual+"grafana: {adminPassword: s3cret, access: {host: grafana.example.com, fromNamespaces: [ingress], ingress: {}}}")
}

// Thanos uses the same certificate over gRPC, unless it has one of its own. Only Secrets that exist are looked up, each
// key once.
func TestTLSCertificates(t *testing.T) {
	const long = "\nlongTermStorage: {enabled: true, objectStore: {type: GCS, config: {bucket: blocks}}"
	looked := func(c *config.Config) []string {
		var paths []string
		for _, secret := range c.NamedSecrets() {
			paths = append(paths, secret.Path+" "+secret.Secret+" "+secret.Key)
		}
		return paths
	}
	keysOf := func(secret string) []string {
		return []string{secret + " ca.crt", secret + " tls.crt", secret + " tls.key"}
	}

	cfg := accepted(t, "tls: {issuerRef: {name: authority}, serverName: monitoring}"+long+"}")
	assert.Equal(t, "tls-certificate", cfg.TLS.SecretName)
	assert.Equal(t, "tls-certificate", cfg.LongTermStorage.TLS.SecretName)
	assert.Equal(t, "monitoring", cfg.LongTermStorage.TLS.ServerName)
	assert.Empty(t, cfg.LongTermStorage.TLS.IssuerRef.Name, "which would make the Secret twice")
	assert.Empty(t, looked(cfg), "cert-manager makes it later")

	assert.Equal(t, keysOf("tls.secretName certificate"), looked(accepted(t, "tls: {secretName: certificate}"+long+"}")))
	assert.Equal(t, keysOf("tls.secretName certificate"), looked(accepted(t, "tls: {secretName: certificate}"+long+", tls: {issuerRef: {name: authority}}}")))
	assert.Equal(t, append(keysOf("tls.secretName certificate"), keysOf("longTermStorage.tls.secretName other")...),
		looked(accepted(t, "tls: {secretName: certificate}"+long+", tls: {secretName: other}}")))

	cfg = accepted(t, "tls: {secretName: certificate}")
	assert.False(t, cfg.LongTermStorage.TLS.Enabled(), "there is no Thanos")
	assert.True(t, cfg.Enabled(config.BlackboxTargetsJob), "it reads the certificate")
}
