package config

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"
)

// GrafanaDashboards says where further dashboards come from, besides those of the program and of dashboards/custom.
type GrafanaDashboards struct {
	// Directories with dashboards as *.json files, absolute or relative to the project, such as
	// ../shop/dashboards. Each preview reads and checks them.
	Directories []string `json:"directories"`
	// Dashboards in ConfigMaps of this cluster, which Grafana follows without an update of the stack.
	ConfigMaps GrafanaConfigMaps `json:"configMaps"`
}

// GrafanaConfigMaps selects the ConfigMaps with dashboards that a sidecar of Grafana's reads, and that others create:
// https://github.com/kiwigrid/k8s-sidecar
type GrafanaConfigMaps struct {
	// Namespaces with the ConfigMaps, which exist; empty to read none. Grafana's account may read every ConfigMap in
	// them.
	Namespaces []string `json:"namespaces"`
	// Name of the label that the ConfigMaps have.
	Label string `json:"label"`
	// Value of the label; any unless set.
	LabelValue string `json:"labelValue"`
	// Compute resources of the sidecar.
	Resources Resources `json:"resources"`
}

// defaultConfigMapLabel is the label that Helm charts with dashboards set.
const defaultConfigMapLabel = "grafana_dashboard"

func defaultGrafanaDashboards() GrafanaDashboards {
	return GrafanaDashboards{ConfigMaps: GrafanaConfigMaps{Label: defaultConfigMapLabel, Resources: resources("10m", "96Mi", "256Mi")}}
}

// Read reports whether Grafana reads dashboards from ConfigMaps of others.
func (c GrafanaConfigMaps) Read() bool { return len(c.Namespaces) > 0 }

// validate rejects names that Kubernetes would, and what selects ConfigMaps in no namespace.
func (c GrafanaConfigMaps) validate(at string) Problems {
	var p Problems
	for i, namespace := range c.Namespaces {
		path := fmt.Sprintf("%s.namespaces[%d]", at, i)
		p.invalid(path, namespace, validation.IsDNS1123Label(namespace))
		if slices.Contains(c.Namespaces[:i], namespace) {
			p.Addf(path, "%q is named twice", namespace)
		}
	}
	p.invalid(at+".label", c.Label, validation.IsQualifiedName(c.Label))
	p.invalid(at+".labelValue", c.LabelValue, validation.IsValidLabelValue(c.LabelValue))
	p.Add(c.Resources.validate(at + ".resources")...)
	if !c.Read() && (c.Label != defaultConfigMapLabel || c.LabelValue != "") {
		p.Addf(at+".namespaces", "missing; allowed: the namespaces with the labelled ConfigMaps")
	}
	return p
}

func (d GrafanaDashboards) validate(at string) Problems {
	p := validateDirectories(at+".directories", d.Directories)
	p.Add(d.ConfigMaps.validate(at + ".configMaps")...)
	return p
}
