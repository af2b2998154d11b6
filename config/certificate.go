package config

import "k8s.io/apimachinery/pkg/util/validation"

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
