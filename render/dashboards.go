package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
)

// dashboardDirectories returns the directories in grafana.dashboards.directories. The error is config.Problems with the
// path of each that cannot be read or has no dashboard.
func dashboardDirectories(cfg *config.Config) ([]dashboards.Directory, error) {
	var directories []dashboards.Directory
	var problems config.Problems
	for i, name := range cfg.Grafana.Dashboards.Directories {
		files, _, err := directory(fmt.Sprintf("grafana.dashboards.directories[%d]", i), name, "dashboards", nil, ".json")
		problems.Add(err...)
		directories = append(directories, dashboards.Directory{Path: name, Files: files})
	}
	return directories, problems.Err()
}

// DashboardSidecar is the name of the container in Grafana's pods that copies dashboards from ConfigMaps of others into
// files, and DashboardSidecarPort the port at which it says whether it does.
const (
	DashboardSidecar     = "dashboards"
	DashboardSidecarPort = 8080
)

// DashboardSidecarEnv returns the settings of the container, as environment variables:
// https://github.com/kiwigrid/k8s-sidecar#configuration-environment-variables
func DashboardSidecarEnv(cfg config.GrafanaConfigMaps) map[string]string {
	env := map[string]string{
		"METHOD":           "WATCH",
		"RESOURCE":         "configmap",
		"NAMESPACE":        strings.Join(slices.Sorted(slices.Values(cfg.Namespaces)), ","),
		"LABEL":            cfg.Label,
		"FOLDER":           DashboardDir(dashboards.FolderConfigMaps),
		"UNIQUE_FILENAMES": "true", // two ConfigMaps may have a key of the same name
	}
	if cfg.LabelValue != "" {
		env["LABEL_VALUE"] = cfg.LabelValue
	}
	return env
}

// GrafanaGrants returns the rights of Grafana's ServiceAccount: to read the ConfigMaps in the namespaces with dashboards.
// RBAC cannot restrict that to those with a label.
func GrafanaGrants(cfg *config.Config) []Grant {
	var grants []Grant
	for _, namespace := range slices.Sorted(slices.Values(cfg.Grafana.Dashboards.ConfigMaps.Namespaces)) {
		grants = append(grants, Grant{Namespace: namespace, Verbs: []string{"get", "list", "watch"}, Resources: []string{"configmaps"}})
	}
	return grants
}
