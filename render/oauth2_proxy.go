package render

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// OAuth2Proxy is the oauth2-proxy in front of a web UI.
type OAuth2Proxy struct {
	UI      config.UI
	Backend Program   // what serves the UI
	Flags   []string  // of the process
	Config  ConfigMap // what has no flags
}

// OAuth2ProxyName is the label app.kubernetes.io/name of the pods of every oauth2-proxy.
const OAuth2ProxyName = "oauth2-proxy"

// Ports of oauth2-proxy.
const (
	OAuth2ProxyPort        = 4180
	OAuth2ProxyMetricsPort = 44180
)

// oauth2ProxyFile is the name of the file with what oauth2-proxy has no flags for.
const oauth2ProxyFile = "oauth2-proxy.yaml"

// oauth2ProxyConfig holds the part of oauth2-proxy's structured configuration that the stack uses:
// https://oauth2-proxy.github.io/oauth2-proxy/configuration/alpha-config
type oauth2ProxyConfig struct {
	UpstreamConfig struct {
		Upstreams []oauth2ProxyUpstream `yaml:"upstreams"`
	} `yaml:"upstreamConfig"`
	Server        oauth2ProxyServer     `yaml:"server"`
	MetricsServer oauth2ProxyServer     `yaml:"metricsServer"`
	Providers     []oauth2ProxyProvider `yaml:"providers"`
}

type oauth2ProxyUpstream struct {
	ID              string `yaml:"id"`
	Path            string `yaml:"path"` // a regular expression with RewriteTarget
	RewriteTarget   string `yaml:"rewriteTarget,omitempty"`
	URI             string `yaml:"uri"`
	ProxyWebSockets bool   `yaml:"proxyWebSockets"`
	Timeout         string `yaml:"timeout"`
}

type oauth2ProxyServer struct {
	BindAddress string `yaml:"bindAddress"`
}

type oauth2ProxyProvider struct {
	ID                  string          `yaml:"id"`
	Provider            string          `yaml:"provider"`
	ClientID            string          `yaml:"clientID"`
	ClientSecretFile    string          `yaml:"clientSecretFile"`
	CAFiles             []string        `yaml:"caFiles,omitempty"` // also of the upstream
	UseSystemTrustStore bool            `yaml:"useSystemTrustStore,omitempty"`
	Scope               string          `yaml:"scope"`
	CodeChallengeMethod string          `yaml:"code_challenge_method"`
	AllowedGroups       []string        `yaml:"allowedGroups,omitempty"`
	OIDCConfig          oauth2ProxyOIDC `yaml:"oidcConfig"`
}

type oauth2ProxyOIDC struct {
	IssuerURL         string   `yaml:"issuerURL"`
	GroupsClaim       string   `yaml:"groupsClaim"`
	EmailClaim        string   `yaml:"emailClaim"`
	AudienceClaims    []string `yaml:"audienceClaims"`
	InsecureSkipNonce bool     `yaml:"insecureSkipNonce"`
}

// renderOAuth2Proxies sets the oauth2-proxies in front of web UIs.
func (s *Stack) renderOAuth2Proxies() error {
	for _, ui := range s.Config.Proxied() {
		proxy, err := oauth2Proxy(s.Config, ui)
		if err != nil {
			return err
		}
		s.OAuth2Proxies = append(s.OAuth2Proxies, proxy)
	}
	return nil
}

// oauth2Proxy returns the oauth2-proxy in front of a UI. It removes the path at which the UI is published
// from requests, because the program serves its UI at /.
func oauth2Proxy(cfg *config.Config, ui config.UI) (OAuth2Proxy, error) {
	oidc, backend := cfg.Login.OIDC, backends[ui.Path]
	upstream := oauth2ProxyUpstream{ID: backend.Name, Path: "/", URI: backend.URL(cfg), Timeout: queryTimeout(cfg).String()}
	prefix := strings.TrimSuffix(ui.Access.Path, "/")
	if prefix != "" {
		upstream.Path, upstream.RewriteTarget = "^"+regexp.QuoteMeta(prefix)+"/(.*)", "/$1"
	}
	provider := oauth2ProxyProvider{
		ID: "oidc", Provider: "oidc",
		ClientID:            oidc.ClientID,
		ClientSecretFile:    path.Join(OAuth2ProxySecretsDir, config.ClientSecretFile),
		Scope:               strings.Join(oidc.Scopes, " "),
		CodeChallengeMethod: "S256",
		OIDCConfig: oauth2ProxyOIDC{
			IssuerURL:      oidc.IssuerURL.String(),
			GroupsClaim:    oidc.GroupsClaim,
			EmailClaim:     "email",
			AudienceClaims: []string{"aud"},
		},
	}
	if !slices.Contains(oidc.Groups, config.Everyone) {
		provider.AllowedGroups = oidc.Groups
	}
	if oidc.CA != nil {
		provider.CAFiles = []string{path.Join(OAuth2ProxySecretsDir, config.CAFile)}
	}
	if backend.ServesTLS(cfg) { // the proxy has one set of authorities for whatever it connects to
		provider.UseSystemTrustStore = len(provider.CAFiles) == 0
		provider.CAFiles = append(provider.CAFiles, tlsCAFile)
	}
	file := oauth2ProxyConfig{
		Server:        oauth2ProxyServer{fmt.Sprintf(":%d", OAuth2ProxyPort)},
		MetricsServer: oauth2ProxyServer{fmt.Sprintf(":%d", OAuth2ProxyMetricsPort)},
		Providers:     []oauth2ProxyProvider{provider},
	}
	file.UpstreamConfig.Upstreams = []oauth2ProxyUpstream{upstream}
	text, err := marshal(file)
	return OAuth2Proxy{
		UI:      ui,
		Backend: backend,
		Flags:   oauth2ProxyFlags(oidc, ui, prefix),
		Config:  ConfigMap{ui.ProxyName() + "-config", "login.oidc", map[string]string{oauth2ProxyFile: text}},
	}, err
}

// oauth2ProxyFlags returns the flags of the oauth2-proxy in front of a UI that is published below a prefix:
// https://oauth2-proxy.github.io/oauth2-proxy/configuration/overview
func oauth2ProxyFlags(oidc config.OIDC, ui config.UI, prefix string) []string {
	address := strings.TrimSuffix(ui.URL().String(), "/")
	flags := []string{
		"--alpha-config=" + path.Join(OAuth2ProxyDir, oauth2ProxyFile),
		"--proxy-prefix=" + prefix + "/oauth2",
		"--redirect-url=" + address + "/oauth2/callback",
		"--cookie-secret-file=" + path.Join(OAuth2ProxySecretsDir, config.CookieSecretFile),
		"--cookie-name=" + ui.ProxyName(), // several UIs may share a host
		"--cookie-path=" + ui.Access.Path,
		"--cookie-expire=" + oidc.SessionDuration.Duration.String(),
		"--cookie-samesite=lax",
		"--session-cookie-minimal", // without tokens, which nothing needs and some proxies find too large
		// Tabs that a browser opens at once log in each on their own.
		"--cookie-csrf-per-request",
		"--cookie-csrf-per-request-limit=5",
		"--skip-provider-button",
		// A request of a page, whose login has ended, is refused instead of being sent to the provider.
		"--api-route=^" + regexp.QuoteMeta(prefix) + "/api/",
		"--silence-ping-logging",
	}
	if !strings.HasPrefix(address, "https://") {
		flags = append(flags, "--cookie-secure=false")
	}
	if len(oidc.EmailDomains) == 0 {
		return append(flags, "--email-domain=*")
	}
	for _, domain := range oidc.EmailDomains {
		flags = append(flags, "--email-domain="+domain)
	}
	return flags
}

// queryTimeout returns how long a query may take: two minutes, unless the stack says otherwise.
func queryTimeout(cfg *config.Config) time.Duration {
	if timeout, err := model.ParseDuration(cfg.Prometheus.ExtraArgs["query.timeout"]); err == nil {
		return time.Duration(timeout)
	}
	return 2 * time.Minute
}
