package config

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// OIDC configures login with an OpenID Connect provider: by an oauth2-proxy in front of Prometheus,
// Alertmanager and Thanos, and by Grafana itself. The provider has one client for all of them:
// https://openid.net/specs/openid-connect-core-1_0.html
type OIDC struct {
	// URL of the provider, below which /.well-known/openid-configuration is. Required with a login.
	IssuerURL *URL `json:"issuerUrl"`
	// ID of the client that the provider has for the web UIs. Required with a login.
	ClientID string `json:"clientId"`
	// Secret of that client. Required with a login.
	ClientSecret Secret `json:"clientSecret"`
	// Key that encrypts the cookies of Prometheus, Alertmanager and Thanos: 16, 24 or 32 bytes, such as
	// from `openssl rand -hex 16`. A new one logs everyone out. Required with an oauth2-proxy.
	CookieSecret Secret `json:"cookieSecret"`
	// Scopes that are asked for. Many providers send groups only with a scope of their own, such as groups.
	Scopes []string `json:"scopes"`
	// Claim with a person's groups, such as `groups`, `realm_access.roles` or `https://example.com/groups`.
	GroupsClaim string `json:"groupsClaim"`
	// Groups whose members may use Prometheus, Alertmanager and Thanos; `["*"]` for everyone who can log in.
	// Required with an oauth2-proxy.
	Groups []string `json:"groups"`
	// Group to the role that its members have in Grafana; the highest of a person's roles counts. The group
	// `*` is everyone who can log in; without it, people without a role cannot. Required for Grafana.
	Roles map[string]GrafanaRole `json:"roles"`
	// Domains of the email addresses of people who may log in, such as example.com; empty for all.
	EmailDomains []string `json:"emailDomains"`
	// How long people stay logged in to Prometheus, Alertmanager and Thanos, and so keep access that the
	// provider has withdrawn; 1m to 30d.
	SessionDuration Duration `json:"sessionDuration"`
	// Certificates of the authority that signed the provider's, in PEM format; those of the image unless set.
	CA *Secret `json:"ca"`
	// The provider's endpoints, as `authorization_endpoint`, `token_endpoint` and `userinfo_endpoint` in its
	// /.well-known/openid-configuration, which Grafana does not read. Required for Grafana.
	Endpoints OIDCEndpoints `json:"endpoints"`
	// Number of pods of each oauth2-proxy, 1 to 10.
	Replicas int `json:"replicas"`
	// PodDisruptionBudget of several pods, in Kubernetes' own format without its selector; maxUnavailable: 1
	// unless set.
	PodDisruptionBudget *policyv1.PodDisruptionBudgetSpec `json:"podDisruptionBudget"`
	// Compute resources of each pod of oauth2-proxy.
	Resources Resources `json:"resources"`
	Scheduling
}

// OIDCEndpoints holds the URLs of an OpenID Connect provider.
type OIDCEndpoints struct {
	// Where browsers are sent to log in.
	Authorization *URL `json:"authorization"`
	// Where Grafana gets tokens.
	Token *URL `json:"token"`
	// Where Grafana gets what is not in a person's ID token.
	UserInfo *URL `json:"userinfo"`
}

// GrafanaRole is what people may do in Grafana:
// https://grafana.com/docs/grafana/latest/administration/roles-and-permissions/
type GrafanaRole string

// GrafanaRoles lists the roles, the highest first.
var GrafanaRoles = []GrafanaRole{"Admin", "Editor", "Viewer"}

func (GrafanaRole) Values() []string {
	var values []string
	for _, role := range GrafanaRoles {
		values = append(values, string(role))
	}
	return values
}

// Everyone stands for all groups.
const Everyone = "*"

// Names of the files with the secrets of OIDC, in the pods of oauth2-proxy and, with the prefix oidc-, of
// Grafana.
const (
	ClientSecretFile = "client-secret"
	CookieSecretFile = "cookie-secret"
	CAFile           = "ca.crt"
	// The same in Grafana's secrets directory.
	GrafanaClientSecretFile = "oidc-" + ClientSecretFile
	GrafanaCAFile           = "oidc-" + CAFile
)

func defaultLogins() Logins {
	return Logins{OIDC: OIDC{
		Scopes:          []string{"openid", "email", "profile"},
		GroupsClaim:     "groups",
		SessionDuration: duration(12 * time.Hour),
		Replicas:        1,
		Resources:       resources("10m", "32Mi", "128Mi"),
	}}
}

// ProxyName returns the name of the oauth2-proxy in front of the UI.
func (ui UI) ProxyName() string { return strings.ToLower(ui.Name) + "-login" }

// Proxied returns the web UIs that have an oauth2-proxy in front of them.
func (c *Config) Proxied() []UI {
	return slices.DeleteFunc(c.UIs(), func(ui UI) bool { return !ui.Deployed || !ui.Access.Proxied() })
}

// GrafanaOIDC reports whether people log in to Grafana with the OpenID Connect provider.
func (c *Config) GrafanaOIDC() bool {
	return c.Grafana.Deployed() && c.Grafana.Access.Published() && c.Grafana.Access.Login == OIDCLogin
}

// requiredURLs returns the URLs without which the files of a stack cannot be rendered, by path.
func (c *Config) requiredURLs() map[string]**URL {
	oidc, external := &c.Login.OIDC, &c.Grafana.External
	return map[string]**URL{
		"login.oidc.issuerUrl":               &oidc.IssuerURL,
		"login.oidc.endpoints.authorization": &oidc.Endpoints.Authorization,
		"login.oidc.endpoints.token":         &oidc.Endpoints.Token,
		"login.oidc.endpoints.userinfo":      &oidc.Endpoints.UserInfo,
		"grafana.external.prometheusUrl":     &external.PrometheusURL,
	}
}

// probeProvider has the blackbox exporter, if the stack has one, probe the provider that people log in with, unless
// one of its targets does.
func (c *Config) probeProvider() {
	blackbox, oidc := &c.Exporters.BlackboxExporter, c.Login.OIDC
	if !blackbox.Enabled || len(c.Proxied()) == 0 && !c.GrafanaOIDC() || oidc.IssuerURL == nil || len(validateProviderURL("", *oidc.IssuerURL)) > 0 {
		return
	}
	target := ProbeTarget{URL: oidc.discovery()}
	if oidc.CA != nil {
		target.Module = insecureModule // the exporter does not have that authority
	}
	if blackbox.AllModules()[cmp.Or(target.Module, DefaultModule)]["prober"] != "http" {
		return // the stack has replaced the module
	}
	if !slices.ContainsFunc(blackbox.Targets, func(t ProbeTarget) bool { return t.URL == target.URL }) {
		blackbox.Targets = append(blackbox.Targets, target)
	}
}

// SecretFiles returns the content of each file in the secrets directory of oauth2-proxy, by name.
func (o OIDC) SecretFiles() map[string]Secret {
	files := map[string]Secret{ClientSecretFile: o.ClientSecret, CookieSecretFile: o.CookieSecret}
	if o.CA != nil {
		files[CAFile] = *o.CA
	}
	return files
}

// GrafanaSecretFiles returns the content of each file in Grafana's secrets directory, by name.
func (c *Config) GrafanaSecretFiles() map[string]Secret {
	files := c.Grafana.SecretFiles()
	if c.GrafanaOIDC() {
		files[GrafanaClientSecretFile] = c.Login.OIDC.ClientSecret
		if c.Login.OIDC.CA != nil {
			files[GrafanaCAFile] = *c.Login.OIDC.CA
		}
	}
	return files
}

// The settings of login.oidc that only an oauth2-proxy reads, and those that only Grafana reads.
var (
	proxySettings = append([]string{"cookieSecret", "groups", "sessionDuration", "replicas", "podDisruptionBudget", "resources"},
		fieldNames(reflect.TypeFor[Scheduling]())...)
	grafanaSettings = []string{"roles", "endpoints"}
)

// refuseUnusedLogin rejects those settings of login.oidc in the values of a stack that nothing reads.
func (c *Config) refuseUnusedLogin(values map[string]any) Problems {
	var p Problems
	login, _ := values["login"].(map[string]any)
	oidc, _ := login["oidc"].(map[string]any)
	proxied, grafana := len(c.Proxied()) > 0, c.GrafanaOIDC()
	if len(oidc) > 0 && !proxied && !grafana {
		p.Addf("login.oidc", "nobody logs in with it; set access.login: %s of a web UI that is published, or remove it", OIDCLogin)
		return p
	}
	for _, name := range slices.Sorted(maps.Keys(oidc)) {
		switch path, value := join("login.oidc", name), shown(oidc[name]); {
		case !proxied && slices.Contains(proxySettings, name):
			p.Addf(path, "%shas no effect, because only Grafana has this login, and no oauth2-proxy; remove it, or set access.login: %s of another web UI", value, OIDCLogin)
		case !grafana && slices.Contains(grafanaSettings, name):
			p.Addf(path, "%shas no effect, because Grafana does not have this login; remove it, or set grafana.access.login: %s", value, OIDCLogin)
		}
	}
	return p
}

// validateLogin checks the settings of the logins that web UIs have.
func (c *Config) validateLogin() Problems {
	oidc, proxied, grafana := c.Login.OIDC, len(c.Proxied()) > 0, c.GrafanaOIDC()
	if !proxied && !grafana {
		return nil
	}
	p := oidc.validate("login.oidc")
	if proxied {
		p.Add(oidc.validateProxy("login.oidc")...)
	}
	if grafana {
		p.Add(oidc.validateGrafana("login.oidc")...)
		for _, name := range []string{GrafanaClientSecretFile, GrafanaCAFile} {
			if _, set := c.Grafana.Secrets[name]; set {
				p.Addf(fmt.Sprintf("grafana.secrets[%q]", name), "the name is taken by login.oidc; choose another")
			}
		}
	}
	return p
}

// claimPattern matches the name of a claim, or the names of objects and of a claim in them, with dots between
// them, or the URL that providers have to use for claims of their own.
var claimPattern = regexp.MustCompile(`^([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|https?://[A-Za-z0-9._~/-]+)$`)

// namePattern matches what oauth2-proxy and Grafana read back from their files as it is: a $ is a variable in
// those of oauth2-proxy, and the other characters end a text in those of Grafana.
var namePattern = regexp.MustCompile("^[^$'\"`\\\\\\pC]+$")

func (o OIDC) validate(at string) Problems {
	var p Problems
	switch {
	case o.IssuerURL == nil:
		p.Addf(at+".issuerUrl", "missing; allowed: the URL of the provider, such as https://login.example.com/realms/staff")
	default:
		p.Add(validateProviderURL(at+".issuerUrl", *o.IssuerURL)...)
	}
	if o.ClientID == "" {
		p.Addf(at+".clientId", "missing; the ID of the client that the provider has for the web UIs")
	} else if !namePattern.MatchString(o.ClientID) {
		p.Addf(at+".clientId", "%q; allowed: a text without $, quotes and backslashes", o.ClientID)
	}
	if !o.ClientSecret.IsSet() {
		p.missing(at + ".clientSecret")
	}
	p.unfit(at+".clientSecret", o.ClientSecret, unfitClientSecret)
	if !slices.Contains(o.Scopes, "openid") {
		p.Addf(at+".scopes", "%q; allowed: openid and others", strings.Join(o.Scopes, " "))
	}
	for i, scope := range o.Scopes {
		if !namePattern.MatchString(scope) || strings.ContainsAny(scope, " ,") {
			p.Addf(fmt.Sprintf("%s.scopes[%d]", at, i), "%q; allowed: a text without spaces, commas, $, quotes and backslashes", scope)
		}
	}
	if !claimPattern.MatchString(o.GroupsClaim) {
		p.Addf(at+".groupsClaim", "%q; allowed: the name of a claim, such as groups, realm_access.roles or https://example.com/groups", o.GroupsClaim)
	}
	for i, domain := range o.EmailDomains {
		p.invalid(fmt.Sprintf("%s.emailDomains[%d]", at, i), domain, validation.IsDNS1123Subdomain(domain))
	}
	if o.CA != nil {
		p.unfit(at+".ca", *o.CA, unfitCA)
	}
	return p
}

// unfit appends a Problem if the value of a secret is known and reason, a function of it, returns one.
func (p *Problems) unfit(path string, secret Secret, reason func(value string) string) {
	if value, known := secret.Known(); known && reason(value) != "" {
		p.Addf(path, "%s", reason(value))
	}
}

// unfitClientSecret says why a value cannot be that of login.oidc.clientSecret; "" if it can.
func unfitClientSecret(value string) string {
	if strings.TrimSpace(value) != value {
		return "starts or ends with white space, which Grafana drops from a file, and oauth2-proxy does not"
	}
	return ""
}

// unfitCookieSecret says why a value cannot be that of login.oidc.cookieSecret; "" if it can.
func unfitCookieSecret(value string) string {
	if !isAESKey(value) {
		return fmt.Sprintf("has %d bytes; allowed: 16, 24 or 32 bytes, such as from: openssl rand -hex 16", len(value))
	}
	return ""
}

// unfitCA says why a value cannot be the certificates of an authority; "" if it can.
func unfitCA(value string) string {
	if !strings.Contains(value, "-----BEGIN CERTIFICATE-----") {
		return "is not a certificate; allowed: certificates in PEM format"
	}
	return ""
}

// validateProviderURL checks a URL of the provider, which the files have as it is.
func validateProviderURL(at string, address URL) Problems {
	p := validateBaseURL(at, address)
	if len(p) == 0 && !namePattern.MatchString(address.String()) {
		p.Addf(at, "%q; allowed: a URL without $, quotes and backslashes", address)
	}
	return p
}

// validateProxy checks what oauth2-proxy needs.
func (o OIDC) validateProxy(at string) Problems {
	var p Problems
	if !o.CookieSecret.IsSet() {
		p.missing(at + ".cookieSecret")
	}
	p.unfit(at+".cookieSecret", o.CookieSecret, unfitCookieSecret)
	if len(o.Groups) == 0 {
		p.Addf(at+".groups", `missing; allowed: the groups whose members may use Prometheus, Alertmanager and Thanos, or ["*"] for everyone who can log in`)
	}
	p.Add(validateGroups(at+".groups", o.Groups)...)
	if len(o.Groups) > 1 && slices.Contains(o.Groups, Everyone) {
		p.Addf(at+".groups", `%q; allowed: groups, or "*" alone`, strings.Join(o.Groups, " "))
	}
	if session := o.SessionDuration.Duration; session < time.Minute || session > 30*24*time.Hour {
		p.Addf(at+".sessionDuration", "%s; allowed: 1m to 30d", o.SessionDuration)
	}
	p.Add(validateReplicas(at, o.Replicas)...)
	p.Add(validateBudget(at+".podDisruptionBudget", o.PodDisruptionBudget, o.Replicas)...)
	p.Add(o.Resources.validate(at + ".resources")...)
	p.Add(o.Scheduling.validate(at)...)
	for i, variable := range o.Pod.Env {
		if strings.HasPrefix(variable.Name, "OAUTH2_PROXY_") {
			p.Addf(fmt.Sprintf("%s.pod.env[%d].name", at, i), "%q is a setting of oauth2-proxy, which the program makes; allowed: any other variable", variable.Name)
		}
	}
	return p
}

// validateGrafana checks what Grafana needs.
func (o OIDC) validateGrafana(at string) Problems {
	var p Problems
	if len(o.Roles) == 0 {
		p.Addf(at+".roles", `missing, so nobody could log in to Grafana; allowed: groups with roles, such as {sre: Admin, "*": Viewer}`)
	}
	p.Add(validateGroups(at+".roles", slices.Sorted(maps.Keys(o.Roles)))...)
	for key, address := range map[string]*URL{"authorization": o.Endpoints.Authorization, "token": o.Endpoints.Token, "userinfo": o.Endpoints.UserInfo} {
		if address == nil {
			p.Addf(at+".endpoints."+key, "missing; allowed: %s_endpoint in %s", key, o.discovery())
		} else if parsed, err := url.Parse(address.String()); err != nil || parsed.User != nil || parsed.Fragment != "" || !namePattern.MatchString(address.String()) {
			p.Addf(at+".endpoints."+key, "allowed: a URL without credential, fragment, $, quotes and backslashes")
		}
	}
	return p
}

// discovery returns the URL of the provider's metadata:
// https://openid.net/specs/openid-connect-discovery-1_0.html
func (o OIDC) discovery() string {
	issuer := "issuerUrl"
	if o.IssuerURL != nil {
		issuer = strings.TrimSuffix(o.IssuerURL.String(), "/")
	}
	return issuer + "/.well-known/openid-configuration"
}

func validateGroups(at string, groups []string) Problems {
	var p Problems
	for _, group := range groups {
		if !namePattern.MatchString(group) {
			p.Addf(at, "%q; allowed: names of groups without $, quotes and backslashes", group)
		}
	}
	return p
}

// isAESKey reports whether oauth2-proxy makes a key from a text: of its bytes, or of those that it stands for
// in the base64 of URLs.
func isAESKey(text string) bool {
	decoded, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	return err == nil && slices.Contains(aesKeys, len(decoded)) || slices.Contains(aesKeys, len(text))
}

// aesKeys holds the lengths of keys of AES in bytes.
var aesKeys = []int{16, 24, 32}
