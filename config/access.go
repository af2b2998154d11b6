package config

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// Access publishes a web UI outside of the cluster. The programs themselves serve their UI at /: what is
// in front of them removes the path.
type Access struct {
	// Host name at which people open the UI, such as prometheus.example.com; empty to publish nothing.
	Host string `json:"host"`
	// Path at which people open the UI, such as /prometheus. An HTTPRoute removes it from requests; the
	// controller of an Ingress has to be told by annotations. With login: oidc, oauth2-proxy removes it.
	Path string `json:"path"`
	// Who may see the UI: none for everyone who reaches it, basic for the users of login.basic, whom the program
	// then asks for inside the cluster too, or oidc for people who log in with the provider in login.oidc. Required
	// if it is published; Grafana has only users of its own unless set.
	Login Login `json:"login"`
	// Publish the UI with an Ingress.
	Ingress *Ingress `json:"ingress"`
	// Publish the UI with an HTTPRoute of the Gateway API.
	HTTPRoute *HTTPRoute `json:"httpRoute"`
	// Namespaces whose pods, those of the controller or gateway, may reach the UI, besides
	// cluster.networkPolicies.fromNamespaces.
	FromNamespaces []string `json:"fromNamespaces"`

	proxied bool // by an oauth2-proxy; set by complete
}

// Login is who may see a web UI.
type Login string

// The logins of web UIs.
const (
	// NoLogin shows the UI to everyone who reaches it.
	NoLogin Login = "none"
	// BasicLogin asks for a user of login.basic, with every request to the program's port.
	BasicLogin Login = "basic"
	// OIDCLogin shows the UI to people who log in with the OpenID Connect provider in login.oidc.
	OIDCLogin Login = "oidc"
)

func (Login) Values() []string {
	return []string{string(NoLogin), string(BasicLogin), string(OIDCLogin)}
}

// Ingress configures an Ingress:
// https://kubernetes.io/docs/concepts/services-networking/ingress/
type Ingress struct {
	// IngressClass; empty for the cluster's default.
	ClassName string `json:"className"`
	// Annotations of the Ingress, for its controller.
	Annotations map[string]string `json:"annotations"`
	// Certificate of the host; without one, the UI is at http:// unless externalUrl says otherwise.
	TLS IngressTLS `json:"tls"`
}

// IngressTLS is the certificate of an Ingress.
type IngressTLS struct {
	// Secret with tls.crt and tls.key in the stack's namespace, which exists unless issuerRef is set;
	// empty for no TLS.
	SecretName string `json:"secretName"`
	// Issuer of cert-manager that makes the Secret. The stack has a Certificate then.
	IssuerRef IssuerRef `json:"issuerRef"`
}

// HTTPRoute configures an HTTPRoute, whose gateway has the certificate of the host. The UI is at https://
// unless externalUrl says otherwise: https://gateway-api.sigs.k8s.io/api-types/httproute/
type HTTPRoute struct {
	// Listeners of gateways that the route attaches to, in the format of the Gateway API. Required.
	ParentRefs []gatewayv1.ParentReference `json:"parentRefs"`
	// Annotations of the HTTPRoute.
	Annotations map[string]string `json:"annotations"`
	// Filters of requests and responses in the format of the Gateway API, besides the one that removes
	// the path.
	Filters []gatewayv1.HTTPRouteFilter `json:"filters"`
}

func defaultAccess() Access { return Access{Path: "/"} }

// UI is the web UI of a program that a stack may deploy.
type UI struct {
	Path     string // config path of the program's settings, such as prometheus
	Name     string // for people, such as Prometheus
	Deployed bool
	Access   *Access
	External **URL // the program's externalUrl; nil if it has none
	OwnLogin bool  // whether the program has users of its own
}

// UIs returns the web UIs that can be published, sorted by the path of their settings.
func (c *Config) UIs() []UI {
	return []UI{
		{"alerting", "Alertmanager", c.Alerting.Enabled, &c.Alerting.Access, &c.Alerting.ExternalURL, false},
		{"grafana", "Grafana", c.Grafana.Deployed(), &c.Grafana.Access, &c.Grafana.ExternalURL, true},
		{"longTermStorage.queryFrontend", "Thanos", c.LongTermStorage.Enabled, &c.LongTermStorage.QueryFrontend.Access, nil, false},
		{"prometheus", "Prometheus", c.HasPrometheus(), &c.Prometheus.Access, &c.Prometheus.ExternalURL, false},
	}
}

// Published reports whether people reach the UI outside of the cluster.
func (a Access) Published() bool { return a.Host != "" }

// Private reports whether the UI shows nothing to whoever is not logged in, as the setting says.
func (a Access) Private() bool { return a.Login == BasicLogin || a.Login == OIDCLogin }

// Proxied reports whether an oauth2-proxy is published in front of the UI, which removes the path from requests.
func (a Access) Proxied() bool { return a.proxied }

// URL returns the address at which people open the UI; nil if it is not published, or not at a valid one.
func (a Access) URL() *URL {
	if len(validation.IsDNS1123Subdomain(a.Host)) > 0 || !a.validPath() {
		return nil
	}
	address := url.URL{Scheme: "http", Host: a.Host, Path: a.Path}
	if a.HTTPRoute != nil || a.Ingress != nil && a.Ingress.TLS.SecretName != "" {
		address.Scheme = "https"
	}
	return &URL{address.String()}
}

// at reports whether an address is below the one at which the UI is published, whatever its scheme and port.
func (a Access) at(address URL) bool {
	parsed, err := url.Parse(address.String())
	return err == nil && parsed.Hostname() == a.Host && strings.HasPrefix(strings.TrimSuffix(parsed.Path, "/")+"/", strings.TrimSuffix(a.Path, "/")+"/")
}

// GraphURL returns the address at which people open the expression of an alert: of Prometheus, or of Thanos
// where a ruler evaluates it; nil if they cannot.
func (c *Config) GraphURL() *URL {
	if c.HasRuler() {
		return c.LongTermStorage.QueryFrontend.Access.URL()
	}
	return c.Prometheus.ExternalURL
}

// validPath reports whether the path needs no escapes and can stand before those of the UI.
func (a Access) validPath() bool {
	return strings.HasPrefix(a.Path, "/") && path.Clean(a.Path) == a.Path && (&url.URL{Path: a.Path}).EscapedPath() == a.Path
}

// URL returns the address at which people open the UI: its external URL, or that of access; nil if it has
// neither.
func (ui UI) URL() *URL {
	if ui.External != nil && *ui.External != nil {
		return *ui.External
	}
	return ui.Access.URL()
}

// complete derives the external URL from access unless it is set, the name of a Certificate's Secret, and
// whether an oauth2-proxy is in front.
func (ui UI) complete() {
	ui.Access.proxied = ui.Access.Published() && ui.Access.Login == OIDCLogin && !ui.OwnLogin
	if in := ui.Access.Ingress; in != nil && in.TLS.IssuerRef.Name != "" {
		in.TLS.IssuerRef.complete()
		if in.TLS.SecretName == "" {
			in.TLS.SecretName = strings.ToLower(ui.Name) + "-tls"
		}
	}
	if ui.External != nil && *ui.External == nil {
		*ui.External = ui.Access.URL()
	}
}

func (c *Config) validateAccess() Problems {
	var p Problems
	published := map[string]string{} // path of the settings by URL
	for _, ui := range c.UIs() {
		p.Add(ui.validate(c.Cluster.NetworkPolicies)...)
		if ui.Access.URL() == nil {
			continue
		}
		address := ui.Access.Host + ui.Access.Path
		if other, taken := published[address]; taken {
			p.Addf(ui.Path+".access.path", "%q, at which %s.access publishes another web UI of %s; allowed: any other path", ui.Access.Path, other, ui.Access.Host)
		}
		published[address] = ui.Path
	}
	if c.Prometheus.Access.Published() && c.Prometheus.Sharded() {
		p.Addf("prometheus.access.host", "%q, but no server has the samples of all shards; publish longTermStorage.queryFrontend.access, which shows them as one", c.Prometheus.Access.Host)
	}
	return p
}

func (ui UI) validate(policies NetworkPolicies) Problems {
	a, at := *ui.Access, ui.Path+".access"
	var p Problems
	if a.Login == BasicLogin && ui.OwnLogin {
		p.Addf(at+".login", "%s, but %s has users of its own; leave it out", a.Login, ui.Name)
	}
	if !a.Published() {
		for _, setting := range []struct {
			key string
			set bool
		}{
			{"ingress", a.Ingress != nil}, {"httpRoute", a.HTTPRoute != nil}, {"path", a.Path != "/"}, {"login", a.Login == OIDCLogin}, {"fromNamespaces", len(a.FromNamespaces) > 0},
		} {
			if setting.set {
				p.Addf(at+".host", "missing, but %s.%s is set; allowed: the host name that people open, such as %s.example.com", at, setting.key, strings.ToLower(ui.Name))
				break
			}
		}
		return p
	}
	p.invalid(at+".host", a.Host, validation.IsDNS1123Subdomain(a.Host))
	switch {
	case a.Login == "" && !ui.OwnLogin:
		p.Addf(at+".login", "missing; allowed: %s", strings.Join(a.Login.Values(), ", "))
	case a.Login == NoLogin && ui.OwnLogin:
		p.Addf(at+".login", "none, but %s has users of its own; leave it out", ui.Name)
	}
	if !a.validPath() {
		p.Addf(at+".path", "%q; allowed: / or a path such as /%s, without a slash at its end", a.Path, strings.ToLower(ui.Name))
	}
	for i, namespace := range a.FromNamespaces {
		p.invalid(fmt.Sprintf("%s.fromNamespaces[%d]", at, i), namespace, validation.IsDNS1123Label(namespace))
	}
	if (a.Ingress == nil) == (a.HTTPRoute == nil) {
		p.Addf(at, "publishes %s with an ingress or an httpRoute; allowed: exactly one of them", a.Host)
		return p
	}
	if !policies.Enabled && len(a.FromNamespaces) > 0 {
		p.Addf(at+".fromNamespaces", "has no effect with cluster.networkPolicies.enabled: false, which lets everyone in; remove one of the two")
	}
	if policies.Enabled && len(policies.FromNamespaces)+len(a.FromNamespaces) == 0 {
		p.Addf(at+".fromNamespaces", "empty, so the network policies keep the controller or gateway from %s; name its namespace", ui.Name)
	}
	if a.Ingress != nil {
		p.Add(a.Ingress.validate(at+".ingress", a.Path, a.proxied)...)
	} else {
		p.Add(a.HTTPRoute.validate(at + ".httpRoute")...)
	}
	if ui.External != nil && *ui.External != nil && a.URL() != nil {
		p.Add(a.agrees(ui.Path+".externalUrl", **ui.External)...)
	}
	return p
}

// agrees rejects an external URL of another host or path than is published.
func (a Access) agrees(path string, external URL) Problems {
	var p Problems
	parsed, err := url.Parse(external.String())
	if err == nil && (parsed.Hostname() != a.Host || strings.TrimSuffix(parsed.Path, "/") != strings.TrimSuffix(a.Path, "/")) {
		p.Addf(path, "%q, but access publishes %s; set the same host and path, or leave it out", external, a.URL())
	}
	return p
}

// validate checks the Ingress of a UI at a path, which an oauth2-proxy removes from requests if proxied is set.
func (i Ingress) validate(at, prefix string, proxied bool) Problems {
	var p Problems
	if i.ClassName != "" {
		p.invalid(at+".className", i.ClassName, validation.IsDNS1123Subdomain(i.ClassName))
	}
	p.Add(validateAnnotations(at+".annotations", i.Annotations)...)
	if prefix != "/" && !proxied && len(i.Annotations) == 0 {
		p.Addf(at+".annotations", "empty, so nothing removes the path %s from requests; set those with which the controller does, or publish with an httpRoute or a host of its own", prefix)
	}
	if i.TLS.SecretName != "" {
		p.Add(validateSecretOfOthers(at+".tls.secretName", i.TLS.SecretName)...)
	}
	if i.TLS.IssuerRef != (IssuerRef{}) {
		p.Add(i.TLS.IssuerRef.validate(at + ".tls.issuerRef")...)
	}
	return p
}

func (r HTTPRoute) validate(at string) Problems {
	var p Problems
	if len(r.ParentRefs) == 0 {
		p.Addf(at+".parentRefs", "missing; allowed: the gateways that the route attaches to, such as {name: public, namespace: gateways, sectionName: https}")
	}
	for i, parent := range r.ParentRefs {
		if parent.Name == "" {
			p.Addf(fmt.Sprintf("%s.parentRefs[%d].name", at, i), "missing; the name of a gateway")
		}
	}
	for i, filter := range r.Filters {
		if filter.Type == gatewayv1.HTTPRouteFilterURLRewrite || filter.Type == gatewayv1.HTTPRouteFilterRequestRedirect {
			p.Addf(fmt.Sprintf("%s.filters[%d].type", at, i), "%s, but the route already leads to the UI and removes the path; remove the filter", filter.Type)
		}
	}
	p.Add(validateAnnotations(at+".annotations", r.Annotations)...)
	return p
}

// validateAnnotations rejects names that no annotation can have.
func validateAnnotations(path string, annotations map[string]string) Problems {
	var p Problems
	for _, name := range slices.Sorted(maps.Keys(annotations)) {
		p.invalid(fmt.Sprintf("%s[%q]", path, name), name, validation.IsQualifiedName(strings.ToLower(name)))
	}
	return p
}
