package config

import (
	"maps"
	"regexp"
	"slices"
)

// pluginVersion matches the version of one release, not a range of them.
var pluginVersion = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`)

// maxPluginID is the longest ID of a plugin, so that PluginContainer returns a name of at most 63 characters.
const maxPluginID = 63 - len("plugin-")

// PluginContainer returns the name of the init container that installs a plugin.
func PluginContainer(id string) string { return "plugin-" + id }

// validatePlugins rejects plugins that no repository has, and versions that change.
func (g Grafana) validatePlugins() Problems {
	var p Problems
	for _, id := range slices.Sorted(maps.Keys(g.Plugins)) {
		path, version := join("grafana.plugins", id), g.Plugins[id]
		if !pluginID.MatchString(id) || len(id) > maxPluginID {
			p.Addf(path, "%q is not the ID of a plugin; allowed: up to %d lower case letters, digits and -, such as grafana-clock-panel", id, maxPluginID)
		}
		if !pluginVersion.MatchString(version) {
			p.Addf(path, "%q; allowed: the version of one release, such as 2.1.8", version)
		}
	}
	if repository := g.PluginRepository; repository != nil {
		p.Add(validateBaseURL("grafana.pluginRepository", *repository)...)
		if len(g.Plugins) == 0 {
			p.Addf("grafana.pluginRepository", "%q has no effect without grafana.plugins; remove it", repository)
		}
	}
	return p
}
