package components

import (
	"errors"
	"net"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// Certificate has cert-manager write a Secret with a certificate, its key and its authority, and renew it: a
// Certificate of cert-manager.
type Certificate struct{ pulumi.ResourceState }

// CertificateArgs configures a Certificate.
type CertificateArgs struct {
	Site
	Issuer     config.IssuerRef
	SecretName string   // which cert-manager writes
	Hosts      []string // names and IP addresses that the certificate is valid for, as server and as client
}

// NewCertificate creates the Certificate. Pods that mount its Secret wait until cert-manager has written it.
func NewCertificate(ctx *pulumi.Context, name string, args *CertificateArgs, opts ...pulumi.ResourceOption) (*Certificate, error) {
	a := app{name: "thanos", role: "certificate"}
	return construct(ctx, "Certificate", name, &Certificate{}, args, opts, a, func(a app) (pulumi.Map, error) {
		return pulumi.Map{}, a.certificate(args.Issuer, args.SecretName, args.Hosts, "server auth", "client auth")
	})
}

// certificate creates a Certificate of cert-manager that is valid for hosts, names or IP addresses, and for
// usages: https://cert-manager.io/docs/reference/api-docs/#cert-manager.io/v1.CertificateSpec
func (a app) certificate(issuer config.IssuerRef, secretName string, hosts []string, usages ...string) error {
	spec := map[string]any{
		"secretName": secretName,
		"usages":     usages,
		"privateKey": map[string]any{"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
		"issuerRef":  map[string]any{"name": issuer.Name, "kind": issuer.Kind, "group": issuer.Group},
	}
	for _, host := range hosts {
		field := "dnsNames"
		if net.ParseIP(host) != nil {
			field = "ipAddresses"
		}
		hosts, _ := spec[field].([]string)
		spec[field] = append(hosts, host)
	}
	return a.customResource("certificate", "cert-manager.io/v1", "Certificate", a.metadata(secretName), spec)
}

func (args *CertificateArgs) check() error {
	if err := args.Site.check(); err != nil {
		return err
	}
	if args.Issuer.Name == "" || args.SecretName == "" || len(args.Hosts) == 0 {
		return errors.New("CertificateArgs needs an Issuer, a SecretName and Hosts")
	}
	return nil
}

func (args *CertificateArgs) inputs() pulumi.Map {
	return pulumi.Map{"issuer": pulumi.String(args.Issuer.Kind + "/" + args.Issuer.Name), "secret": pulumi.String(args.SecretName)}
}
