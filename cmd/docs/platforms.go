package main

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// platforms returns a table, in Markdown, of how platforms differ.
func platforms() string {
	var b bytes.Buffer
	b.WriteString("| Platform | Control plane: scraped by default | Control plane: scraped when switched on, and what that requires | Defaults |\n| --- | --- | --- | --- |\n")
	for _, name := range slices.Sorted(maps.Keys(config.Profiles)) {
		profile := config.Profiles[name]
		scraped, requires := []string{}, map[string][]string{} // change -> jobs
		for _, job := range append([]config.Job{config.APIServersJob}, config.ControlPlane...) {
			target, known := profile.ControlPlane[job]
			switch {
			case target.CollectedBy != "":
				scraped = append(scraped, fmt.Sprintf("`%s` by `%s`", job, target.CollectedBy))
			case target.Requires != "":
				requires[target.Requires] = append(requires[target.Requires], code(string(job)))
			case known || job == config.APIServersJob:
				scraped = append(scraped, code(string(job)))
			}
		}
		var changes []string
		for _, change := range slices.SortedFunc(maps.Keys(requires), func(a, b string) int { return cmp.Compare(requires[a][0], requires[b][0]) }) {
			changes = append(changes, strings.Join(requires[change], ", ")+": "+change)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, strings.Join(scraped, ", "), cell(toMarkdown(strings.Join(changes, "; "))), strings.Join(profileDefaults(profile), ", "))
	}
	return b.String()
}

// profileDefaults describes, in Markdown, the defaults and restrictions of a platform that differ
// from those of the platform generic.
func profileDefaults(profile config.Profile) []string {
	var defaults []string
	if profile.StorageClass != "" {
		defaults = append(defaults, "`storage.storageClass: "+profile.StorageClass+"`")
	}
	if profile.SignsKubeletCertificates {
		defaults = append(defaults, "`discovery.verifyKubeletCertificates: true`")
	}
	if profile.NodeExporterPort != 0 {
		defaults = append(defaults, fmt.Sprintf("`exporters.nodeExporter.port: %d`", profile.NodeExporterPort))
	}
	if profile.NoHostAccess != "" {
		defaults = append(defaults, "neither node-exporter nor node-directory-size-metrics nor windows_exporter nor local storage: "+profile.NoHostAccess)
	}
	if profile.AssignsUsers {
		defaults = append(defaults, "pods without user ids; node-exporter, node-directory-size-metrics and windows_exporter with the SecurityContextConstraints `privileged`")
	}
	return defaults
}
