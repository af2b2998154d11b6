package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Certificate names a Secret with a certificate, which several programs share.
type Certificate struct {
	// Secret with ca.crt, tls.crt and tls.key, which exists unless issuerRef is set; empty for no TLS.
	// Its certificate is that of every program, as server and as client.
	SecretName string `json:"secretName"`
	// Issuer of cert-manager that makes the Secret, from an authority of its own: ca or vault. The stack
	// has a Certificate then, and secretName has a default.
	IssuerRef IssuerRef `json:"issuerRef"`
	// Name that the certificate is valid for, by which the programs know each other.
	ServerName string `json:"serverName"`
}

// CertificateKeys lists the keys of the Secret of a Certificate.
var CertificateKeys = []string{AuthorityKey, "tls.crt", "tls.key"}

// AuthorityKey is the key of the certificates of the authorities.
const AuthorityKey = "ca.crt"

// Enabled reports whether there is a certificate.
func (c Certificate) Enabled() bool { return c.SecretName != "" }

// complete sets the name of the Secret that an issuer makes, unless it is set.
func (c *Certificate) complete(secretName string) {
	if c.SecretName == "" && c.IssuerRef.Name != "" {
		c.SecretName = secretName
	}
}

// Check rejects the values of a Secret, by key, with which programs could not connect to each other: both as server and
// as client, the certificate has to be one of the authority, and valid today for the name of the server and for hosts.
func (c Certificate) Check(values map[string][]byte, hosts ...string) error {
	pair, err := tls.X509KeyPair(values["tls.crt"], values["tls.key"])
	if err != nil {
		return fmt.Errorf("tls.crt and tls.key: %w", err)
	}
	options := x509.VerifyOptions{DNSName: c.ServerName, Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool()}
	if !options.Roots.AppendCertsFromPEM(values["ca.crt"]) {
		return errors.New("ca.crt has no certificate")
	}
	for _, raw := range pair.Certificate[1:] {
		if intermediate, err := x509.ParseCertificate(raw); err == nil {
			options.Intermediates.AddCert(intermediate)
		}
	}
	for _, as := range []struct {
		who   string
		usage x509.ExtKeyUsage
	}{{"server", x509.ExtKeyUsageServerAuth}, {"client", x509.ExtKeyUsageClientAuth}} {
		options.KeyUsages = []x509.ExtKeyUsage{as.usage}
		if _, err := pair.Leaf.Verify(options); err != nil {
			return fmt.Errorf("tls.crt as the certificate of a %s: %w", as.who, err)
		}
	}
	for _, host := range hosts {
		if err := pair.Leaf.VerifyHostname(host); err != nil {
			return fmt.Errorf("tls.crt as the certificate of a server: %w", err)
		}
	}
	return nil
}

func (c Certificate) validate(path string) Problems {
	var p Problems
	if c.SecretName != "" {
		p.Add(validateSecretOfOthers(path+".secretName", c.SecretName)...)
	}
	p.invalid(path+".serverName", c.ServerName, validation.IsDNS1123Subdomain(c.ServerName))
	p.Add(c.IssuerRef.validate(path + ".issuerRef")...)
	return p
}

// IssuerRef names an issuer of cert-manager, as a Certificate does:
// https://cert-manager.io/docs/reference/api-docs/#meta.cert-manager.io/v1.IssuerReference
type IssuerRef struct {
	// Name of the issuer; empty for a Secret that somebody else makes.
	Name string `json:"name"`
	// Kind of the issuer: ClusterIssuer, Issuer for one in the stack's namespace, or the kind of an
	// external issuer.
	Kind string `json:"kind"`
	// API group of the kind.
	Group string `json:"group"`
}

func defaultIssuerRef() IssuerRef { return IssuerRef{Kind: "ClusterIssuer", Group: "cert-manager.io"} }

// complete sets the kind and group of cert-manager's own issuers, unless they are set.
func (r *IssuerRef) complete() {
	if *r == (IssuerRef{Name: r.Name}) {
		*r = IssuerRef{Name: r.Name, Kind: defaultIssuerRef().Kind, Group: defaultIssuerRef().Group}
	} else if r.Group == "" {
		r.Group = defaultIssuerRef().Group
	}
}

func (r IssuerRef) validate(path string) Problems {
	var p Problems
	if r.Name == "" {
		if r != defaultIssuerRef() {
			p.Addf(path+".name", "missing; allowed: the name of an issuer of kind %s", r.Kind)
		}
		return p
	}
	p.invalid(path+".name", r.Name, validation.IsDNS1123Subdomain(r.Name))
	p.invalid(path+".group", r.Group, validation.IsDNS1123Subdomain(r.Group))
	if own := defaultIssuerRef().Group; r.Group == own && r.Kind != "Issuer" && r.Kind != "ClusterIssuer" {
		p.Addf(path+".kind", "%q; allowed: Issuer, ClusterIssuer, or another with the group of an external issuer", r.Kind)
	} else if r.Kind == "" {
		p.Addf(path+".kind", "missing; allowed: a kind of the group %s", r.Group)
	}
	return p
}
