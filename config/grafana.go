package config

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Grafana configures Grafana, and the datasource and dashboards in it.
type Grafana struct {
	// Deploy Grafana or, if external.url is set, import into the Grafana there.
	Enabled bool `json:"enabled"`
	// Number of pods: 1, or 0 to deploy all of Grafana's objects without its pod; up to 10 with database.
	Replicas int `json:"replicas"`
	// User name of the administrator: letters, digits, @, ., _ and -.
	AdminUser string `json:"adminUser"`
	// Password of the administrator; a secret. With persistence or database, Grafana reads it only when
	// it starts for the first time: change it in Grafana too. Required unless external.url is set.
	AdminPassword Secret `json:"adminPassword"`
	// How the datasource and dashboards get into Grafana: files (provisioned from ConfigMaps) or
	// job (a Kubernetes Job pushes them through Grafana's HTTP API).
	Import GrafanaImport `json:"import"`
	// Keep what people create in Grafana.
	Persistence GrafanaPersistence `json:"persistence"`
	// Keep it in a database on a server instead, which several pods can share.
	Database *GrafanaDatabase `json:"database"`
	// Settings in Grafana's own format: section of grafana.ini to key to value:
	// https://grafana.com/docs/grafana/latest/setup-grafana/configure-grafana/
	Config map[string]map[string]any `json:"config"`
	// Secrets of settings: name to value. A setting reads
	// $__file{/etc/grafana-secrets/NAME}.
	Secrets map[string]Secret `json:"secrets"`
	// Plugins that Grafana's image lacks: ID to version, such as grafana-clock-panel: 2.1.8. Each is installed before
	// Grafana starts.
	Plugins map[string]string `json:"plugins"`
	// Base URL of the repository of plugins, or of a mirror of it; https://grafana.com/api/plugins unless set.
	PluginRepository *URL `json:"pluginRepository"`
	// Where further dashboards come from.
	Dashboards GrafanaDashboards `json:"dashboards"`
	// Datasources besides those of the stack, in Grafana's own format.
	Datasources []GrafanaDatasource `json:"datasources"`
	// Links from exemplars to traces.
	Exemplars GrafanaExemplars `json:"exemplars"`
	// URL at which people open Grafana; that of access, or external.url, unless set.
	ExternalURL *URL `json:"externalUrl"`
	// How Grafana is reached from outside the cluster.
	Access Access `json:"access"`
	// An existing Grafana to use instead of deploying one.
	External ExternalGrafana `json:"external"`
	// The account that the pods run as; only with annotations, such as for datasources of a cloud, or with
	// dashboards.configMaps, one of its own.
	ServiceAccount ServiceAccount `json:"serviceAccount"`
	// PodDisruptionBudget of several pods, in Kubernetes' own format without its selector; maxUnavailable: 1
	// unless set.
	PodDisruptionBudget *policyv1.PodDisruptionBudgetSpec `json:"podDisruptionBudget"`
	// Compute resources of each of Grafana's pods.
	Resources Resources `json:"resources"`
	// Compute resources of the import job's pod.
	ImportResources Resources `json:"importResources"`
	Scheduling
}

// GrafanaImport is how the datasource and dashboards get into Grafana.
type GrafanaImport string

// The ways to fill Grafana.
const (
	ImportFiles GrafanaImport = "files"
	ImportJob   GrafanaImport = "job"
)

func (GrafanaImport) Values() []string { return []string{string(ImportFiles), string(ImportJob)} }

// GrafanaPersistence keeps Grafana's database on a volume.
type GrafanaPersistence struct {
	// Keep Grafana's database on a volume, provided according to storage.mode. Otherwise users,
	// preferences and dashboards created in Grafana are lost whenever its pod is replaced.
	Enabled bool `json:"enabled"`
	// Size of the volume, 100Mi or more. It can be increased in place but not reduced.
	Size Quantity `json:"size"`
}

// ExternalGrafana is a Grafana that this stack does not deploy.
type ExternalGrafana struct {
	// Base URL at which pods of this cluster reach that Grafana.
	URL *URL `json:"url"`
	// Token of a service account that may write datasources, folders and dashboards; a
	// secret. Required with url.
	Token Secret `json:"token"`
	// URL at which that Grafana reaches this stack's Prometheus, or its query frontend with
	// longTermStorage. Required with url.
	PrometheusURL *URL `json:"prometheusUrl"`
	// URL at which that Grafana reaches this stack's Alertmanagers; empty for no Alertmanager
	// datasource.
	AlertmanagerURL *URL `json:"alertmanagerUrl"`
}

func defaultGrafana() Grafana {
	return Grafana{
		Enabled:         true,
		Replicas:        1,
		AdminUser:       "admin",
		Import:          ImportFiles,
		Persistence:     GrafanaPersistence{Size: quantity("5Gi")},
		Dashboards:      defaultGrafanaDashboards(),
		Exemplars:       GrafanaExemplars{Label: "trace_id"},
		Access:          defaultAccess(),
		Resources:       resources("100m", "192Mi", "512Mi"),
		ImportResources: resources("10m", "16Mi", "64Mi"),
	}
}

// Deployed reports whether the stack deploys a Grafana.
func (g Grafana) Deployed() bool { return g.Enabled && g.External.URL == nil }

// Runs reports whether the stack deploys a Grafana with a pod.
func (g Grafana) Runs() bool { return g.Deployed() && g.Replicas > 0 }

// Imports reports whether a Job pushes the datasource and dashboards into a Grafana, deployed or
// external.
func (g Grafana) Imports() bool {
	return g.Import == ImportJob && (g.Runs() || g.Enabled && g.External.URL != nil)
}

// Shows reports whether the stack has a Grafana show its dashboards: one that it deploys, or an external one
// that it fills.
func (g Grafana) Shows() bool { return g.Deployed() || g.Imports() }

// AdminPasswordFile is the name of the administrator's password in SecretFiles.
const AdminPasswordFile = "admin-password"

// SecretFiles returns the content of each file in Grafana's secrets directory, by name.
func (g Grafana) SecretFiles() map[string]Secret {
	files := maps.Clone(g.Secrets)
	if files == nil {
		files = map[string]Secret{}
	}
	files[AdminPasswordFile] = g.AdminPassword
	if g.Database != nil {
		maps.Copy(files, g.Database.secretFiles())
	}
	return files
}

// Link returns the URL at which people open Grafana; "" if only a port-forward reaches it.
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

// loginPattern matches user names that HTTP's basic authentication and an ini file can both carry.
var loginPattern = regexp.MustCompile(`^[A-Za-z0-9@._-]+$`)

func (g Grafana) validate(storage Storage) Problems {
	if !g.Enabled {
		return nil
	}
	var p Problems
	if g.External.URL != nil {
		p.Add(g.validateExternal()...)
	} else {
		p.Add(g.validateDeployed(storage)...)
	}
	if g.ExternalURL != nil {
		p.Add(validateBaseURL("grafana.externalUrl", *g.ExternalURL)...)
	}
	p.Add(g.Dashboards.validate("grafana.dashboards")...)
	p.Add(g.validateDatasources()...)
	p.Add(g.Resources.validate("grafana.resources")...)
	p.Add(g.ImportResources.validate("grafana.importResources")...)
	p.Add(g.ServiceAccount.validate("grafana.serviceAccount")...)
	p.Add(g.Scheduling.validate("grafana")...)
	for i, variable := range g.Pod.Env {
		if strings.HasPrefix(variable.Name, "GF_") {
			p.Addf(fmt.Sprintf("grafana.pod.env[%d].name", i), "%q is a setting of Grafana; set it in grafana.config", variable.Name)
		}
	}
	return p
}

// takenNames returns the names that grafana.secrets cannot have, with the settings whose files have them.
func (g Grafana) takenNames() map[string]string {
	taken := map[string]string{AdminPasswordFile: "grafana.adminPassword", LoginPasswordFile: "login.basic.client.password"}
	if g.Database != nil {
		taken[DatabasePasswordFile], taken[DatabaseCAFile] = "grafana.database.password", "grafana.database.ca"
	}
	return taken
}

// validateDeployed checks the settings of a Grafana that the stack deploys.
func (g Grafana) validateDeployed(storage Storage) Problems {
	var p Problems
	switch {
	case g.Database == nil && (g.Replicas < 0 || g.Replicas > 1):
		p.Addf("grafana.replicas", "%d; allowed: 0 or 1, because only one pod can use the database; set grafana.database for one that several can use", g.Replicas)
	case g.Replicas < 0 || g.Replicas > 10:
		p.Addf("grafana.replicas", "%d; allowed: 0 to 10", g.Replicas)
	}
	if !loginPattern.MatchString(g.AdminUser) {
		p.Addf("grafana.adminUser", "%q; allowed: letters, digits, @, ., _ and -", g.AdminUser)
	}
	if !g.AdminPassword.IsSet() {
		p.missing("grafana.adminPassword")
	}
	p.unfit("grafana.adminPassword", g.AdminPassword, unfitInFile)
	if g.Import == ImportJob && !g.Persistence.Enabled && g.Database == nil {
		p.Addf("grafana.import", "job fills a Grafana that loses everything when its pod restarts; set grafana.persistence.enabled: true or grafana.database, or use files")
	}
	if g.Database != nil {
		p.Add(g.Database.validate("grafana.database")...)
		if g.Persistence.Enabled {
			p.Addf("grafana.persistence.enabled", "true, but with grafana.database Grafana keeps nothing on a volume; remove one of the two")
		}
	}
	p.Add(g.validatePlugins()...)
	p.Add(validateBudget("grafana.podDisruptionBudget", g.PodDisruptionBudget, g.Replicas)...)
	if g.Persistence.Enabled && storage.Mode == StorageEphemeral {
		p.Addf("grafana.persistence.enabled", "true, but storage.mode: ephemeral has no volumes; allowed with dynamic and local")
	}
	if g.Persistence.Size.Cmp(quantity("100Mi").Quantity) < 0 {
		p.Addf("grafana.persistence.size", "%s is too small; allowed: 100Mi or more", g.Persistence.Size)
	}
	for _, name := range slices.Sorted(maps.Keys(g.Secrets)) {
		path := fmt.Sprintf("grafana.secrets[%q]", name)
		p.invalid(path, name, validation.IsConfigMapKey(name))
		if by, taken := g.takenNames()[name]; taken {
			p.Addf(path, "the name is taken by %s; choose another", by)
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

// validateExternal checks the settings of an external Grafana.
func (g Grafana) validateExternal() Problems {
	var p Problems
	if g.Import != ImportJob {
		p.Addf("grafana.import", "%s cannot fill the Grafana at grafana.external.url; set job", g.Import)
	}
	if !g.External.Token.IsSet() {
		p.missing("grafana.external.token")
	}
	if g.External.PrometheusURL == nil {
		p.Addf("grafana.external.prometheusUrl", "missing; the Grafana at grafana.external.url needs an address at which it reaches this Prometheus, or the query frontend with longTermStorage")
	}
	for path, u := range map[string]*URL{
		"grafana.external.url":             g.External.URL,
		"grafana.external.prometheusUrl":   g.External.PrometheusURL,
		"grafana.external.alertmanagerUrl": g.External.AlertmanagerURL,
	} {
		if u != nil {
			p.Add(validateBaseURL(path, *u)...)
		}
	}
	for path, set := range map[string]bool{
		"grafana.adminPassword":       g.AdminPassword.IsSet(),
		"grafana.config":              len(g.Config) > 0,
		"grafana.secrets":             len(g.Secrets) > 0,
		"grafana.access.host":         g.Access.Published(),
		"grafana.persistence.enabled": g.Persistence.Enabled,
		"grafana.database":            g.Database != nil,
		"grafana.podDisruptionBudget": g.PodDisruptionBudget != nil,
		"grafana.plugins":             len(g.Plugins) > 0,
		"grafana.serviceAccount":      len(g.ServiceAccount.Annotations) > 0,
		"grafana.replicas":            g.Replicas != defaultGrafana().Replicas,
		"grafana.adminUser":           g.AdminUser != defaultGrafana().AdminUser,
		"grafana.pod.env":             len(g.Pod.Env) > 0,
		"grafana.pod.volumeMounts":    len(g.Pod.VolumeMounts) > 0,
		"grafana.pod.containers":      len(g.Pod.Containers) > 0,
		"grafana.pluginRepository":    g.PluginRepository != nil,

		"grafana.dashboards.configMaps.namespaces": g.Dashboards.ConfigMaps.Read(),
	} {
		if set {
			p.Addf(path, "only applies to a Grafana that this stack deploys, but grafana.external.url names another one; remove one of the two")
		}
	}
	return p
}

// validateDatasourceLogin rejects addresses at which an external Grafana would have to log in with the OpenID Connect
// provider, which no datasource can do.
func (c *Config) validateDatasourceLogin() Problems {
	var p Problems
	external := c.Grafana.External
	if !c.Grafana.Enabled || external.URL == nil {
		return nil
	}
	for path, address := range map[string]*URL{
		"grafana.external.prometheusUrl": external.PrometheusURL, "grafana.external.alertmanagerUrl": external.AlertmanagerURL,
	} {
		for _, ui := range c.Proxied() {
			if address != nil && ui.Access.at(*address) {
				p.Addf(path, "%q is where %s.access has people log in, which no datasource can do; allowed: an address with another way in, or %[2]s.access.login: %s",
					address, ui.Path, BasicLogin)
			}
		}
	}
	return p
}

// validateBaseURL checks a URL to which paths are appended. It is stored in clear text, so it must
// not contain a credential, and the problem does not show one.
func validateBaseURL(path string, address URL) Problems {
	var p Problems
	parsed, err := url.Parse(address.String())
	switch {
	case err != nil:
		p.Addf(path, "not a URL")
	case parsed.User != nil:
		p.Addf(path, "contains a credential, but is stored in clear text; remove the credential")
	case parsed.RawQuery != "" || parsed.Fragment != "":
		p.Addf(path, "%q has a query or fragment; allowed: a URL without them", address)
	}
	return p
}
