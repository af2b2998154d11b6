package config

import (
	"fmt"
	"maps"
	"path"
	"slices"
)

// HasPrometheus reports whether the stack deploys Prometheus, as a server or an agent. Without one, it
// only queries other clusters.
func (c *Config) HasPrometheus() bool { return c.Prometheus.Mode != NoPrometheus }

// withoutPrometheus reports whether the values of a stack say that it has no Prometheus.
func withoutPrometheus(values map[string]any) bool {
	prometheus, _ := values["prometheus"].(map[string]any)
	return prometheus["mode"] == string(NoPrometheus)
}

// applyMode applies the defaults of a stack without a Prometheus, if values say that it has none:
// whatever a Prometheus scrapes, or sends alerts to, is off, and no job is missing in the clusters that
// the stack queries.
func (c *Config) applyMode(values map[string]any) {
	if !withoutPrometheus(values) {
		return
	}
	c.Alerting.Enabled = false
	c.LongTermStorage.Compactor.Enabled = false
	c.Exporters.NodeExporter.Enabled = false
	c.Exporters.NodeDirectorySizeMetrics.Enabled = false
	c.Exporters.KubeStateMetrics.Enabled = false
	c.Exporters.BlackboxExporter.Enabled = false
	for job, settings := range c.Discovery.Jobs {
		settings.Enabled = nil
		c.Discovery.Jobs[job] = settings
	}
}

// validateQueryOnly rejects a stack that has neither a Prometheus nor anything else to query.
func (c *Config) validateQueryOnly() Problems {
	var p Problems
	if c.HasPrometheus() {
		return nil
	}
	query := c.LongTermStorage.Query
	switch {
	case !c.LongTermStorage.Enabled:
		p.Addf("longTermStorage.enabled", "false, but with prometheus.mode: %s the stack has nothing but the querier of longTermStorage; set it to true", NoPrometheus)
	case len(query.Endpoints)+len(query.Stacks) == 0:
		p.Addf("longTermStorage.query.endpoints", "missing; with prometheus.mode: %s there is nothing else to query; name queriers of other clusters, or their stacks in longTermStorage.query.stacks", NoPrometheus)
	}
	if c.Storage.Mode == StorageLocal && c.Grafana.Deployed() && c.Grafana.Persistence.Enabled && len(c.Storage.Local.Nodes) == 0 {
		p.Addf("storage.local.nodes", "names no node for the volume of grafana; name one")
	}
	return p
}

// queryOnly describes what a stack without a Prometheus has of a top-level key.
type queryOnly struct {
	key  string
	has  []string // paths of the settings that have an effect, as patterns of path.Match
	lack string   // why the others have none, and what to do
}

// queryOnlySettings lists the top-level keys of which a stack without a Prometheus has only a part.
var queryOnlySettings = []queryOnly{
	{"prometheus", []string{
		"mode", "acknowledgeInsecureRemotes",
		"scrapeInterval", "retention", // which dashboards calculate with
		"extraArgs/query.lookback-delta", "extraArgs/query.timeout", // which are flags of the querier too
	}, "there is no Prometheus; remove it, and set it in the clusters that are queried"},
	{"storage", []string{"mode", "storageClass", "local", "protect"},
		"there is no Prometheus that stores samples; remove it, and set grafana.persistence.size for Grafana's volume"},
	{"longTermStorage", []string{"enabled", "tls", "query", "queryFrontend"},
		"there is no Prometheus whose samples are uploaded; remove it, and set it in the clusters that are queried"},
	{"discovery", []string{"histograms", "jobs/*/enabled", "jobs/*/histograms"},
		"there is no Prometheus that scrapes; remove it, and set it in the clusters that are queried"},
	{"exporters", nil, "there is no Prometheus that scrapes it; remove it"},
	{"alerting", []string{"apiServerObjective", "runbookUrl", "acknowledgeNoNotifications"},
		"there is no Prometheus that evaluates rules; remove it, and alert in the clusters that are queried"},
}

// refuseUnqueried rejects those settings in values that have no effect in a stack without a
// Prometheus, apart from those that switch something off.
func (c *Config) refuseUnqueried(values map[string]any) Problems {
	var p Problems
	if c.HasPrometheus() {
		return nil
	}
	for _, q := range queryOnlySettings {
		settings, _ := values[q.key].(map[string]any)
		p.Add(q.refuse(q.key, "", settings)...)
	}
	return p
}

// refuse rejects what has no effect in an object at the config path at, whose path below the key is dir.
func (q queryOnly) refuse(at, dir string, object map[string]any) Problems {
	var p Problems
	for _, name := range slices.Sorted(maps.Keys(object)) {
		at, setting, value := join(at, name), path.Join(dir, name), object[name]
		inner, _ := value.(map[string]any)
		switch {
		case q.matches(setting), name == "enabled" && value == false, len(inner) == 1 && inner["enabled"] == false:
		case inner != nil && q.matchesBelow(setting):
			p.Add(q.refuse(at, setting, inner)...)
		case inner["enabled"] == true:
			p.Addf(at+".enabled", "true has no effect, because with prometheus.mode: %s %s", NoPrometheus, q.lack)
		default:
			p.Addf(at, "%shas no effect, because with prometheus.mode: %s %s", shown(value), NoPrometheus, q.lack)
		}
	}
	return p
}

// matches reports whether the setting has an effect.
func (q queryOnly) matches(setting string) bool {
	return slices.ContainsFunc(q.has, func(pattern string) bool { return matches(pattern, setting) })
}

// matchesBelow reports whether some setting inside the object at a path has an effect.
func (q queryOnly) matchesBelow(object string) bool {
	return slices.ContainsFunc(q.has, func(pattern string) bool {
		for dir := path.Dir(pattern); dir != "."; dir = path.Dir(dir) {
			if matches(dir, object) {
				return true
			}
		}
		return false
	})
}

func matches(pattern, setting string) bool {
	ok, err := path.Match(pattern, setting)
	return ok && err == nil
}

// shown returns a number or a boolean for the start of a message; "" for any other value, which may be a
// secret.
func shown(value any) string {
	switch value.(type) {
	case bool, int, int64, uint64, float64:
		return fmt.Sprintf("%v ", value)
	}
	return ""
}
