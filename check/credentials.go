package check

import (
	"fmt"
	"net"
	"net/url"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// credentialsEncrypted finds http:// addresses out of the cluster that get a credential of the stack, or that vouch for
// people: those of the OpenID Connect provider and of an external Grafana.
func credentialsEncrypted(a *Analysis) []Finding {
	cfg := a.Config
	var findings []Finding
	find := func(path string, address *config.URL, what string) {
		if address != nil && inClear(*address) {
			findings = append(findings, Finding{Path: path, Severity: Error, Message: fmt.Sprintf(
				"%s sends %s in clear text; allowed: https://, a Service of the cluster such as http://NAME.NAMESPACE.svc:PORT, or any if you waive this because nobody on the way can read it", address, what)})
		}
	}
	if oidc := cfg.Login.OIDC; len(a.OAuth2Proxies) > 0 || cfg.GrafanaOIDC() {
		const login = "the secret of the client, and who somebody is,"
		find("login.oidc.issuerUrl", oidc.IssuerURL, login)
		find("login.oidc.endpoints.authorization", oidc.Endpoints.Authorization, login)
		find("login.oidc.endpoints.token", oidc.Endpoints.Token, login)
		find("login.oidc.endpoints.userinfo", oidc.Endpoints.UserInfo, login)
	}
	external := cfg.Grafana.External
	if !cfg.Grafana.Enabled || external.URL == nil {
		return findings
	}
	find("grafana.external.url", external.URL, "the token of Grafana, and passwords of its datasources,")
	if render.AsksForLogin(cfg, render.Queried(cfg).Name) {
		find("grafana.external.prometheusUrl", external.PrometheusURL, "the password of login.basic.client")
	}
	if render.AsksForLogin(cfg, render.Alertmanager.Name) {
		find("grafana.external.alertmanagerUrl", external.AlertmanagerURL, "the password of login.basic.client")
	}
	return findings
}

// inClear reports whether others may read what is sent to an address: it is http://, and not that of a Service of the
// cluster or of the machine itself.
func inClear(address config.URL) bool {
	parsed, err := url.Parse(address.String())
	return err == nil && parsed.Scheme == "http" && !config.InCluster(parsed.Hostname()) && !net.ParseIP(parsed.Hostname()).IsLoopback()
}
