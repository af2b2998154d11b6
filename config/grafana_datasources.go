package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// GrafanaDatasource is a datasource besides those of the stack, in the format of Grafana's provisioning
// files: https://grafana.com/docs/grafana/latest/administration/provisioning/#data-sources
type GrafanaDatasource struct {
	// Name that people see; unique.
	Name string `json:"name"`
	// ID in links and in dashboards: up to 40 letters, digits, - and _; unique.
	UID string `json:"uid"`
	// ID of the datasource's plugin, such as loki or tempo.
	Type string `json:"type"`
	// Who sends the queries: proxy (default) for Grafana's server, or direct for the browser.
	Access GrafanaAccess `json:"access"`
	// Address of the datasource, without a credential.
	URL *URL `json:"url"`
	// Name of a database, for types that have one.
	Database string `json:"database"`
	// User name for types that have one of their own, such as databases.
	User string `json:"user"`
	// Send a user name and a password, which is secureJsonData.basicAuthPassword.
	BasicAuth bool `json:"basicAuth"`
	// User name of basicAuth.
	BasicAuthUser string `json:"basicAuthUser"`
	// Send cookies of the browser along; only with access: direct.
	WithCredentials bool `json:"withCredentials"`
	// Options of the type.
	JSONData map[string]any `json:"jsonData"`
	// Secret options of the type. Each is $__file{/etc/grafana-secrets/NAME} of a grafana.secrets.NAME.
	SecureJSONData map[string]string `json:"secureJsonData"`
	// Links from fields of this datasource to queries of others:
	// https://grafana.com/docs/grafana/latest/administration/correlations/
	Correlations []map[string]any `json:"correlations"`
}

// GrafanaAccess is who sends the queries of a datasource.
type GrafanaAccess string

func (GrafanaAccess) Values() []string { return []string{"proxy", "direct"} }

// GrafanaExemplars has panels link from exemplars to their traces.
type GrafanaExemplars struct {
	// UID of a datasource with traces, such as that of a grafana.datasources; empty for no links.
	// Prometheus stores exemplars with prometheus.featureFlags: [exemplar-storage].
	DatasourceUID string `json:"datasourceUid"`
	// Label of an exemplar with the ID of its trace.
	Label string `json:"label"`
}

// datasourceUID matches UIDs that Grafana accepts.
var datasourceUID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// secretOption matches names of options that are secrets, in camel case or in snake case: Grafana has them
// in secureJsonData.
var secretOption = regexp.MustCompile(`(?i)(password|secret|token|(private|secret|access|api|client)_?key|^httpHeaderValue[0-9]+)$`)

// pluginID matches IDs of plugins, among them those of datasources.
var pluginID = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// validateDatasources rejects datasources that Grafana, or the import job, would not accept.
func (g Grafana) validateDatasources() Problems {
	var p Problems
	names, uids := map[string]bool{}, map[string]bool{}
	for i, d := range g.Datasources {
		path := fmt.Sprintf("grafana.datasources[%d]", i)
		p.Add(d.validate(path, g)...)
		if d.Name != "" && names[strings.ToLower(d.Name)] {
			p.Addf(path+".name", "%q is there twice", d.Name)
		}
		if d.UID != "" && uids[d.UID] {
			p.Addf(path+".uid", "%q is there twice", d.UID)
		}
		names[strings.ToLower(d.Name)], uids[d.UID] = true, true
	}
	if uid := g.Exemplars.DatasourceUID; uid != "" && g.External.URL == nil && !uids[uid] {
		p.Addf("grafana.exemplars.datasourceUid", "%q is the UID of no grafana.datasources", uid)
	}
	if g.Exemplars.Label == "" {
		p.Addf("grafana.exemplars.label", "missing; allowed: the label with the ID of a trace, such as trace_id")
	}
	return p
}

// validateExemplars rejects links from exemplars that Prometheus does not store. Without a Prometheus, the
// clusters that the stack queries may store them.
func (c *Config) validateExemplars() Problems {
	var p Problems
	if !c.HasPrometheus() {
		return nil
	}
	const stored FeatureFlag = "exemplar-storage"
	if uid := c.Grafana.Exemplars.DatasourceUID; c.Grafana.Enabled && uid != "" && !slices.Contains(c.Prometheus.FeatureFlags, stored) {
		p.Addf("grafana.exemplars.datasourceUid", "%q, but Prometheus stores no exemplars; allowed with prometheus.featureFlags: [%s]", uid, stored)
	}
	return p
}

func (d GrafanaDatasource) validate(path string, g Grafana) Problems {
	var p Problems
	if strings.TrimSpace(d.Name) == "" {
		p.Addf(path+".name", "missing; allowed: a name for people")
	}
	if !datasourceUID.MatchString(d.UID) {
		p.Addf(path+".uid", "%q; allowed: 1 to 40 letters, digits, - and _", d.UID)
	}
	if !pluginID.MatchString(d.Type) {
		p.Addf(path+".type", "%q; allowed: the ID of a plugin, such as loki or tempo", d.Type)
	}
	if d.URL != nil {
		p.Add(validateBaseURL(path+".url", *d.URL)...)
	}
	if d.BasicAuthUser != "" && !d.BasicAuth {
		p.Addf(path+".basicAuthUser", "%q is only used with basicAuth: true", d.BasicAuthUser)
	}
	if d.WithCredentials && d.Access != "direct" {
		p.Addf(path+".withCredentials", "true is only used with access: direct")
	}
	for name, value := range d.JSONData {
		p.Add(validateOption(path+".jsonData."+name, name, value)...)
	}
	for i, correlation := range d.Correlations {
		p.Add(validateOption(fmt.Sprintf("%s.correlations[%d]", path, i), "", correlation)...)
	}
	if g.Import == ImportJob {
		if len(d.SecureJSONData) > 0 {
			p.Addf(path+".secureJsonData", "is not sent by a job, which does not have grafana.secrets; allowed with grafana.import: files")
		}
		if len(d.Correlations) > 0 {
			p.Addf(path+".correlations", "is not sent by a job; allowed with grafana.import: files")
		}
	}
	return p
}

// validateOption rejects secrets in an option that is stored in clear text, and in those inside it. The
// problems do not repeat them. A switch is no secret.
func validateOption(path, name string, value any) Problems {
	var p Problems
	text, _ := value.(string)
	_, isSwitch := value.(bool)
	if secretOption.MatchString(name) && !isSwitch || strings.Contains(text, "$__file{") {
		p.Addf(path, "is a secret, which may not be in a ConfigMap; it belongs in secureJsonData")
		return p
	}
	switch value := value.(type) {
	case map[string]any:
		for name, inner := range value {
			p.Add(validateOption(path+"."+name, name, inner)...)
		}
	case []any:
		for i, inner := range value {
			p.Add(validateOption(fmt.Sprintf("%s[%d]", path, i), "", inner)...)
		}
	}
	return p
}
