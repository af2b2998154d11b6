package config

// TLS configures the certificate with which the programs of the stack answer over HTTP, in their own web
// configuration: https://prometheus.io/docs/prometheus/latest/configuration/https/
type TLS struct {
	Certificate
	// Ask every client for a certificate of the authority in ca.crt, and refuse those that have none. People need
	// one too.
	ClientCertificates bool `json:"clientCertificates"`
}

// Probe modules that read the certificates of the stack's programs: that of tls, and another of the parts of Thanos.
const (
	CertificateModule       = "stack_tls"
	ThanosCertificateModule = "stack_thanos_tls"
)

func defaultTLS() TLS {
	return TLS{Certificate: Certificate{ServerName: Project, IssuerRef: defaultIssuerRef()}}
}

// completeTLS sets the name of the Secret that an issuer makes, and has the parts of Thanos use the same certificate
// over gRPC unless the stack says something else, or has connections to other clusters, which need an authority that
// these share.
func (c *Config) completeTLS() {
	c.TLS.complete("tls-certificate")
	if thanos := &c.LongTermStorage.TLS; c.TLS.Enabled() && c.LongTermStorage.Enabled && !c.LongTermStorage.Query.connectsClusters() && *thanos == defaultLongTermStorage().TLS {
		thanos.SecretName, thanos.ServerName = c.TLS.SecretName, c.TLS.ServerName
	}
}

// sharedCertificate is a certificate that several programs of the stack present.
type sharedCertificate struct {
	path string
	Certificate
}

// certificates returns the certificates that programs of the stack share, each once.
func (c *Config) certificates() []sharedCertificate {
	var shared []sharedCertificate
	if c.TLS.Enabled() {
		shared = append(shared, sharedCertificate{"tls", c.TLS.Certificate})
	}
	if c.ThanosCertificate() {
		shared = append(shared, sharedCertificate{"longTermStorage.tls", c.LongTermStorage.TLS})
	}
	return shared
}

// CertificatePaths returns the config paths of the certificates that programs of the stack share.
func (c *Config) CertificatePaths() []string {
	var paths []string
	for _, shared := range c.certificates() {
		paths = append(paths, shared.path)
	}
	return paths
}

// ThanosCertificate reports whether the parts of Thanos present another certificate over gRPC than other programs.
func (c *Config) ThanosCertificate() bool {
	thanos := c.LongTermStorage.TLS
	return c.LongTermStorage.Enabled && thanos.Enabled() && thanos.SecretName != c.TLS.SecretName
}

// validateTLS rejects settings of a certificate that the stack does not have, and clients and servers in front of
// programs that could not connect to them.
func (c *Config) validateTLS() Problems {
	p := c.TLS.validate("tls")
	for module, used := range map[string]bool{CertificateModule: c.TLS.Enabled(), ThanosCertificateModule: c.ThanosCertificate()} {
		if _, taken := c.Exporters.BlackboxExporter.Modules[module]; taken && used {
			p.Addf(blackboxExporterPath+".modules."+module, "the name is taken by the module that reads the certificate of the stack's programs; choose another")
		}
	}
	if !c.TLS.Enabled() {
		if c.TLS.ClientCertificates {
			p.Addf("tls.clientCertificates", "true has no effect without a certificate; set tls.secretName or tls.issuerRef")
		}
		if c.TLS.ServerName != defaultTLS().ServerName {
			p.Addf("tls.serverName", "%q has no effect without a certificate; set tls.secretName or tls.issuerRef", c.TLS.ServerName)
		}
		return p
	}
	thanos := c.LongTermStorage.TLS
	switch {
	case !c.LongTermStorage.Enabled || c.LongTermStorage.Query.connectsClusters() && !thanos.Enabled():
	case !thanos.Enabled():
		p.Addf("longTermStorage.tls.secretName", "missing, so the parts of Thanos would answer everyone over gRPC, in plain text; set it, or leave out longTermStorage.tls to use the certificate of tls")
	case thanos.SecretName == c.TLS.SecretName && thanos.IssuerRef.Name != "":
		p.Addf("longTermStorage.tls.secretName", "%q is the Secret of tls, which an issuer would make twice; leave out longTermStorage.tls to use the certificate of tls", thanos.SecretName)
	}
	if c.Grafana.Deployed() && c.Grafana.Import == ImportJob {
		p.Addf("grafana.import", "%s, but the job runs only in updates, so Grafana would keep certificates of tls that have been renewed since; allowed: %s", ImportJob, ImportFiles)
	}
	for _, ui := range c.UIs() {
		access, at := *ui.Access, ui.Path+".access"
		switch {
		case ui.OwnLogin || !ui.Deployed || !access.Published():
		case access.Proxied() && c.TLS.ClientCertificates:
			p.Addf(at+".login", "%s, but oauth2-proxy has no certificate to show to %s, which asks for one; allowed: %s, %s, or any with tls.clientCertificates: false",
				OIDCLogin, ui.Name, NoLogin, BasicLogin)
		case !access.Proxied() && access.Ingress != nil && len(access.Ingress.Annotations) == 0:
			p.Addf(at+".ingress.annotations", "empty, so nothing tells the controller that %s answers over HTTPS; set those with which it connects so, such as nginx.ingress.kubernetes.io/backend-protocol: HTTPS", ui.Name)
		}
	}
	return p
}
