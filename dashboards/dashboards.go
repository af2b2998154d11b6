// Package dashboards builds the Grafana dashboards the program ships: one file per
// dashboard, on Grafana's Foundation SDK, and the JSON files dropped into custom/.
//
// The result is the classic dashboard model (schema version 1), the one that file
// provisioning reads and POST /api/dashboards/db accepts:
// https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
package dashboards

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// UIDs of the shipped dashboards. They are part of every bookmark and of every
// notification that links to a dashboard: they never change.
const (
	UIDPrometheusStats        = "prometheus-stats"
	UIDKubernetesPodResources = "kubernetes-pod-resources"
	UIDNodes                  = "nodes"
	UIDAlertsOverview         = "alerts-overview"
	UIDNodeDirectorySizes     = "node-directory-sizes"
	UIDControlPlane           = "control-plane"
)

// Dashboard is one dashboard, ready to provision or to import.
type Dashboard struct {
	UID    string // unique in the Grafana organisation
	Title  string // unique in the folder
	Folder Folder
	File   string // file name below the folder's directory, e.g. "nodes.json"
	JSON   []byte // indented, deterministic, ends in a newline
}

// Folder groups dashboards by subject.
type Folder struct {
	// UID also names the folder's directory. Grafana keeps folders and dashboards in
	// one table, so the prefix keeps it apart from the dashboards' UIDs.
	UID   string
	Title string // must differ from the title of every dashboard in it
}

// The folders, in the order Grafana lists them.
var (
	FolderCustom         = Folder{UID: "folder-custom", Title: "Custom"}
	FolderInfrastructure = Folder{UID: "folder-infrastructure", Title: "Infrastructure"}
	FolderKubernetes     = Folder{UID: "folder-kubernetes", Title: "Kubernetes"}
	FolderMonitoring     = Folder{UID: "folder-monitoring", Title: "Monitoring"}
)

// Options says what the dashboards can rely on.
type Options struct {
	// Datasource is selected when a dashboard opens; its datasource variable offers
	// every other Prometheus datasource too.
	Datasource Datasource

	// Has reports whether the metrics of a job are collected. A dashboard about a job
	// that is not is left out, and so are the panels and links that need it.
	Has func(config.Job) bool

	// Custom has the dropped-in files as custom/*.json; nil for those of this package.
	Custom fs.FS
}

// Datasource names a Prometheus datasource of the Grafana that shows the dashboards.
type Datasource struct {
	UID  string
	Name string
}

// shipped are the dashboards of this package, in the order Grafana lists them.
var shipped = []struct {
	folder Folder
	build  func(Options) *dashboard.DashboardBuilder
	jobs   []config.Job // it is left out of a stack that has none of them; empty for every stack
}{
	{FolderMonitoring, alertsOverview, nil},
	{FolderMonitoring, prometheusStats, nil},
	{FolderKubernetes, kubernetesPodResources, nil},
	{FolderKubernetes, controlPlane, append([]config.Job{config.APIServersJob}, config.ControlPlane...)},
	{FolderInfrastructure, nodes, []config.Job{config.NodeExporterJob}},
	{FolderInfrastructure, nodeDirectorySizes, []config.Job{config.NodeDirectorySizeMetricsJob}},
}

// All returns the shipped dashboards followed by those in custom/, each group in a fixed
// order. The error names the file or dashboard that is not valid: every shipped query has
// to parse, and every custom file has to be one that Grafana would accept.
func All(o Options) ([]Dashboard, error) {
	if o.Datasource.UID == "" || o.Datasource.Name == "" {
		return nil, fmt.Errorf("dashboards: the datasource needs a uid and a name, got %+v", o.Datasource)
	}

	var all []Dashboard
	for _, b := range shipped {
		if len(b.jobs) > 0 && !slices.ContainsFunc(b.jobs, o.Has) {
			continue
		}
		d, err := finish(b.folder, b.build(o))
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}

	if o.Custom == nil {
		o.Custom = customFiles
	}
	own, err := custom(o.Custom, "custom")
	if err != nil {
		return nil, err
	}
	all = append(all, own...)

	if err := check(all); err != nil {
		return nil, err
	}
	return all, nil
}

// finish numbers what the SDK leaves unnumbered, so that links to a panel stay good and
// queries can be told apart, and encodes the dashboard.
func finish(folder Folder, builder *dashboard.DashboardBuilder) (Dashboard, error) {
	model, err := builder.Build()
	if err != nil {
		return Dashboard{}, fmt.Errorf("dashboards: %w", err)
	}
	uid := *model.Uid

	var id uint32
	number := func(p *dashboard.Panel) error {
		id++
		p.Id = cog.ToPtr(id)
		for i, target := range p.Targets {
			query, ok := target.(prometheus.Dataquery)
			if !ok {
				return fmt.Errorf("dashboards: %s: a %T is no Prometheus query", uid, target)
			}
			query.RefId = cog.ToPtr(string(rune('A' + i)))
			query.Datasource = p.Datasource
			p.Targets[i] = query
		}
		return nil
	}
	for _, p := range model.Panels {
		if p.Panel != nil {
			if err := number(p.Panel); err != nil {
				return Dashboard{}, err
			}
			continue
		}
		id++
		p.RowPanel.Id = id
		for i := range p.RowPanel.Panels {
			if err := number(&p.RowPanel.Panels[i]); err != nil {
				return Dashboard{}, err
			}
		}
	}

	text, err := json.MarshalIndent(model, "", "  ")
	if err != nil {
		return Dashboard{}, fmt.Errorf("dashboards: %s: %w", uid, err)
	}
	return Dashboard{
		UID:    uid,
		Title:  *model.Title,
		Folder: folder,
		File:   uid + ".json",
		JSON:   append(text, '\n'),
	}, nil
}
