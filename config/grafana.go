package config

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Grafana configures Grafana, and the datasource and dashboards in it.
type Grafana struct {
	// Deploy Grafana or, with external.url, fill one that exists.
	Enabled bool `json:"enabled"`
	// 1, or 0 for all of Grafana's objects without its pod.
	Replicas int `json:"replicas"`
	// Name of the user who may do everything.
	AdminUser string `json:"adminUser"`
	// Password of that user; a secret. A Grafana with persistence takes it once, with
	// its first start: change it in Grafana too. Required unless external.url is set.
	AdminPassword Secret `json:"adminPassword"`
	// How datasource and dashboards get into Grafana: files (provisioned from
	// ConfigMaps) or job (a Kubernetes Job pushes them through Grafana's HTTP API).
	Import GrafanaImport `json:"import"`
	// Keep what people create in Grafana.
	Persistence GrafanaPersistence `json:"persistence"`
	// Settings in Grafana's own format: section of grafana.ini to key to value:
	// https://grafana.com/docs/grafana/latest/setup-grafana/configure-grafana/
	Config map[string]map[string]any `json:"config"`
	// Secrets of settings: name to value. A setting reads
	// $__file{/etc/grafana-secrets/NAME}.
	Secrets map[string]Secret `json:"secrets"`
	// URL people open Grafana at; that of the ingress or external.url unless set.
	ExternalURL *URL `json:"externalUrl"`
	// How Grafana is reached from outside.
	Ingress GrafanaIngress `json:"ingress"`
	// A Grafana that exists. With it none is deployed.
	External ExternalGrafana `json:"external"`
	// Compute resources of Grafana's pod.
	Resources Resources `json:"resources"`
	// Compute resources of the import job's pod.
	ImportResources Resources `json:"importResources"`
	Scheduling
}

// GrafanaImport is how datasource and dashboards get into Grafana.
type GrafanaImport string

// The ways into Grafana.
const (
	ImportFiles GrafanaImport = "files"
	ImportJob   GrafanaImport = "job"
)

func (GrafanaImport) Values() []string { return []string{string(ImportFiles), string(ImportJob)} }

// GrafanaPersistence keeps Grafana's database on a volume.
type GrafanaPersistence struct {
	// Keep Grafana's database on a volume, as storage says. Without it users,
	// preferences and dashboards made in Grafana are lost with each pod.
	Enabled bool `json:"enabled"`
	// Size of the volume. It grows in place and never shrinks.
	Size Quantity `json:"size"`
}

// GrafanaIngress publishes Grafana.
type GrafanaIngress struct {
	// Create an Ingress. Its controller's namespace has to be in
	// cluster.networkPolicies.fromNamespaces.
	Enabled bool `json:"enabled"`
	// Host name, such as grafana.example.com. Required with an Ingress.
	Host string `json:"host"`
	// IngressClass; empty for the cluster's default.
	ClassName string `json:"className"`
	// Annotations of the Ingress, for its controller.
	Annotations map[string]string `json:"annotations"`
	// TLS Secret in the namespace with the host's certificate, which cert-manager may
	// create; empty for no TLS.
	TLSSecret string `json:"tlsSecret"`
}

// ExternalGrafana is a Grafana that another program runs.
type ExternalGrafana struct {
	// Base URL, as pods of this cluster reach it.
	URL *URL `json:"url"`
	// Token of a service account that may write datasources, folders and dashboards; a
	// secret. Required with url.
	Token Secret `json:"token"`
	// URL of this stack's Prometheus, as that Grafana reaches it. Required with url.
	PrometheusURL *URL `json:"prometheusUrl"`
	// URL of this stack's Alertmanagers, as that Grafana reaches them; empty for no
	// datasource of them.
	AlertmanagerURL *URL `json:"alertmanagerUrl"`
}

func defaultGrafana() Grafana {
	return Grafana{
		Enabled:         true,
		Replicas:        1,
		AdminUser:       "admin",
		Import:          ImportFiles,
		Persistence:     GrafanaPersistence{Size: quantity("5Gi")},
		Resources:       resources("100m", "192Mi", "512Mi"),
		ImportResources: resources("10m", "16Mi", "64Mi"),
	}
}

// Deployed tells whether the stack has a Grafana of its own.
func (g Grafana) Deployed() bool { return g.Enabled && g.External.URL == nil }

// Runs tells whether that Grafana has a pod.
func (g Grafana) Runs() bool { return g.Deployed() && g.Replicas > 0 }

// Imports tells whether there is a Grafana to push to, and that is the way to fill it.
func (g Grafana) Imports() bool {
	return g.Import == ImportJob && (g.Runs() || g.Enabled && g.External.URL != nil)
}

// AdminPasswordFile is the name of the password among SecretFiles.
const AdminPasswordFile = "admin-password"

// SecretFiles are the contents of Grafana's secrets directory, by name.
func (g Grafana) SecretFiles() map[string]Secret {
	files := maps.Clone(g.Secrets)
	if files == nil {
		files = map[string]Secret{}
	}
	files[AdminPasswordFile] = g.AdminPassword
	return files
}

func (g *Grafana) complete() {
	if g.ExternalURL != nil || !g.Ingress.Enabled || g.Ingress.Host == "" {
		return
	}
	scheme := "http"
	if g.Ingress.TLSSecret != "" {
		scheme = "https"
	}
	g.ExternalURL = &URL{scheme + "://" + g.Ingress.Host + "/"}
}

// Link is where people open Grafana, "" if only a port-forward reaches it.
func (g Grafana) Link() string {
	switch {
	case !g.Enabled:
		return ""
	case g.ExternalURL != nil:
		return g.ExternalURL.String()
	case g.External.URL != nil:
		return g.External.URL.String()
	}
	return ""
}

// login is a user name that HTTP's basic authentication and an ini file can carry.
var login = regexp.MustCompile(`^[A-Za-z0-9@._-]+$`)

func (g Grafana) validate(storage Storage, policies NetworkPolicies) Problems {
	if !g.Enabled {
		return nil
	}
	var p Problems
	if g.External.URL != nil {
		p.Add(g.validateExternal()...)
	} else {
		p.Add(g.validateDeployed(storage, policies)...)
	}
	if g.ExternalURL != nil {
		p.Add(baseURL("grafana.externalUrl", *g.ExternalURL)...)
	}
	p.Add(g.Resources.validate("grafana.resources")...)
	p.Add(g.ImportResources.validate("grafana.importResources")...)
	p.Add(g.Scheduling.validate("grafana")...)
	return p
}

func (g Grafana) validateDeployed(storage Storage, policies NetworkPolicies) Problems {
	var p Problems
	if g.Replicas < 0 || g.Replicas > 1 {
		p.Addf("grafana.replicas", "%d; allowed: 0 or 1, because one pod has the database", g.Replicas)
	}
	if !login.MatchString(g.AdminUser) {
		p.Addf("grafana.adminUser", "%q; allowed: letters, digits, @, ., _ and -", g.AdminUser)
	}
	if password := g.AdminPassword.Reveal(); password == "" {
		p.missing("grafana.adminPassword")
	} else if strings.TrimSpace(password) != password {
		p.Addf("grafana.adminPassword", "starts or ends with white space, which Grafana drops from a file")
	}
	if g.Import == ImportJob && !g.Persistence.Enabled {
		p.Addf("grafana.import", "job fills a Grafana that loses everything when its pod restarts; set grafana.persistence.enabled: true, or use files")
	}
	if g.Persistence.Enabled && storage.Mode == StorageEphemeral {
		p.Addf("grafana.persistence.enabled", "true, but storage.mode: ephemeral has no volumes; allowed with dynamic and local")
	}
	if g.Persistence.Size.Cmp(quantity("100Mi").Quantity) < 0 {
		p.Addf("grafana.persistence.size", "%s is too small; allowed: 100Mi or more", g.Persistence.Size)
	}
	for _, name := range slices.Sorted(maps.Keys(g.Secrets)) {
		path := fmt.Sprintf("grafana.secrets[%q]", name)
		p.invalid(path, name, validation.IsConfigMapKey(name))
		if name == AdminPasswordFile {
			p.Addf(path, "the name is taken by grafana.adminPassword; choose another")
		}
	}
	if g.Ingress.Enabled {
		p.Add(g.Ingress.validate()...)
		if policies.Enabled && len(policies.FromNamespaces) == 0 {
			p.Addf("cluster.networkPolicies.fromNamespaces", "empty, so grafana.ingress could not reach Grafana; name the namespace of the ingress controller")
		}
	}
	for path, set := range map[string]bool{
		"grafana.external.token":           g.External.Token.IsSet(),
		"grafana.external.prometheusUrl":   g.External.PrometheusURL != nil,
		"grafana.external.alertmanagerUrl": g.External.AlertmanagerURL != nil,
	} {
		if set {
			p.Addf(path, "is only used with grafana.external.url")
		}
	}
	return p
}

func (i GrafanaIngress) validate() Problems {
	var p Problems
	if i.Host == "" {
		p.Addf("grafana.ingress.host", "missing; an Ingress takes the host name people open, such as grafana.example.com")
	} else {
		p.invalid("grafana.ingress.host", i.Host, validation.IsDNS1123Subdomain(i.Host))
	}
	if i.ClassName != "" {
		p.invalid("grafana.ingress.className", i.ClassName, validation.IsDNS1123Subdomain(i.ClassName))
	}
	if i.TLSSecret != "" {
		p.invalid("grafana.ingress.tlsSecret", i.TLSSecret, validation.IsDNS1123Subdomain(i.TLSSecret))
	}
	for _, key := range slices.Sorted(maps.Keys(i.Annotations)) {
		p.invalid("grafana.ingress.annotations", key, validation.IsQualifiedName(strings.ToLower(key)))
	}
	return p
}

func (g Grafana) validateExternal() Problems {
	var p Problems
	if g.Import != ImportJob {
		p.Addf("grafana.import", "%s cannot fill the Grafana at grafana.external.url; set job", g.Import)
	}
	if !g.External.Token.IsSet() {
		p.missing("grafana.external.token")
	}
	if g.External.PrometheusURL == nil {
		p.Addf("grafana.external.prometheusUrl", "missing; the Grafana at grafana.external.url needs an address of this Prometheus that it can reach")
	}
	for path, u := range map[string]*URL{
		"grafana.external.url":             g.External.URL,
		"grafana.external.prometheusUrl":   g.External.PrometheusURL,
		"grafana.external.alertmanagerUrl": g.External.AlertmanagerURL,
	} {
		if u != nil {
			p.Add(baseURL(path, *u)...)
		}
	}
	for path, set := range map[string]bool{
		"grafana.adminPassword":       g.AdminPassword.IsSet(),
		"grafana.config":              len(g.Config) > 0,
		"grafana.secrets":             len(g.Secrets) > 0,
		"grafana.ingress.enabled":     g.Ingress.Enabled,
		"grafana.persistence.enabled": g.Persistence.Enabled,
	} {
		if set {
			p.Addf(path, "is of a Grafana that this stack deploys, and grafana.external.url names another one; remove one of them")
		}
	}
	return p
}

// baseURL checks an address that more is put behind, and that anyone may read. The
// error does not show a credential.
func baseURL(path string, address URL) Problems {
	var p Problems
	parsed, err := url.Parse(address.String())
	switch {
	case err != nil:
		p.Addf(path, "not a URL")
	case parsed.User != nil:
		p.Addf(path, "has a credential in it, and everyone may read it; remove that")
	case parsed.RawQuery != "" || parsed.Fragment != "":
		p.Addf(path, "%q has a query or fragment; allowed: a base URL, such as https://grafana.example.com", address)
	}
	return p
}
