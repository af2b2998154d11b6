// Package dashboards builds the Grafana dashboards that the program ships, one Go file for each on
// Grafana's Foundation SDK, and reads the JSON files in custom/.
//
// Both are in the classic dashboard model (schema version 1), which file provisioning reads and
// POST /api/dashboards/db accepts:
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
	"github.com/kubernetes-prometheus/kubernetes-prometheus/histograms"
)

// UIDs of the shipped dashboards. They must not change, because bookmarks, and notifications that
// link to a dashboard, contain them.
const (
	UIDPrometheusStats        = "prometheus-stats"
	UIDKubernetesPodResources = "kubernetes-pod-resources"
	UIDNodes                  = "nodes"
	UIDAlertsOverview         = "alerts-overview"
	UIDNodeDirectorySizes     = "node-directory-sizes"
	UIDControlPlane           = "control-plane"
)

// Dashboard is one dashboard, ready for provisioning or import.
type Dashboard struct {
	UID    string // unique in the Grafana organisation
	Title  string // unique in the folder
	Folder Folder
	File   string // file name below the folder's directory, e.g. "nodes.json"
	JSON   []byte // indented, deterministic, ends in a newline
}

// Path returns the dashboard's file in the repository, for messages; of a shipped dashboard,
// whose file is Go code, the file that Grafana gets.
func (d Dashboard) Path() string {
	if d.Folder == FolderCustom {
		return "dashboards/custom/" + d.File
	}
	return "dashboards/" + d.File
}

// Folder groups dashboards by subject.
type Folder struct {
	// UID also names the folder's directory. Folders and dashboards share one table in Grafana,
	// so the prefix "folder-" avoids collisions with the UIDs of dashboards.
	UID   string
	Title string // differs from the title of every dashboard in the folder
}

// The folders, in the order in which Grafana lists them.
var (
	FolderCustom         = Folder{UID: "folder-custom", Title: "Custom"}
	FolderInfrastructure = Folder{UID: "folder-infrastructure", Title: "Infrastructure"}
	FolderKubernetes     = Folder{UID: "folder-kubernetes", Title: "Kubernetes"}
	FolderMonitoring     = Folder{UID: "folder-monitoring", Title: "Monitoring"}
)

// Options describes the stack that dashboards are built for.
type Options struct {
	// Datasource is selected when a dashboard opens. The dashboard's datasource variable offers
	// all other Prometheus datasources too.
	Datasource Datasource

	// Has reports whether the stack collects the metrics of a job. All leaves out dashboards,
	// panels and links that need metrics which the stack does not collect.
	Has func(config.Job) bool

	// Histograms translates the queries of the shipped dashboards, which are written on classic
	// histograms, into queries on the form that the stack's jobs store. Nil: they store classic
	// ones.
	Histograms *histograms.Translator

	// Custom contains the custom dashboards as custom/*.json; nil for the files of this package.
	Custom fs.FS
}

// Datasource identifies a Prometheus datasource in the Grafana that shows the dashboards.
type Datasource struct {
	UID  string
	Name string
}

// shipped lists the dashboards of this package, in the order in which Grafana lists them.
var shipped = []struct {
	folder Folder
	build  func(Options) *dashboard.DashboardBuilder
	jobs   []config.Job // the stack must have one of them; empty for a dashboard of every stack
}{
	{FolderMonitoring, alertsOverview, nil},
	{FolderMonitoring, prometheusStats, nil},
	{FolderKubernetes, kubernetesPodResources, nil},
	{FolderKubernetes, controlPlane, append([]config.Job{config.APIServersJob}, config.ControlPlane...)},
	{FolderInfrastructure, nodes, []config.Job{config.NodeExporterJob}},
	{FolderInfrastructure, nodeDirectorySizes, []config.Job{config.NodeDirectorySizeMetricsJob}},
}

// All returns the shipped dashboards and then the custom ones, each group in a fixed order. The
// error names a shipped dashboard that cannot be built, or a custom file that Grafana would
// reject.
func All(o Options) ([]Dashboard, error) {
	if o.Datasource.UID == "" || o.Datasource.Name == "" {
		return nil, fmt.Errorf("dashboards: the datasource needs a uid and a name, got %+v", o.Datasource)
	}

	var all []Dashboard
	for _, b := range shipped {
		if len(b.jobs) > 0 && !slices.ContainsFunc(b.jobs, o.Has) {
			continue
		}
		d, err := o.finish(b.folder, b.build(o))
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

// finish encodes a dashboard as JSON. It numbers the panels, so that links to them keep working,
// gives the queries of a panel distinct IDs, and translates their histograms.
func (o Options) finish(folder Folder, builder *dashboard.DashboardBuilder) (Dashboard, error) {
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
				return fmt.Errorf("dashboards: %s: a %T is not a Prometheus query", uid, target)
			}
			query.RefId = cog.ToPtr(string(rune('A' + i)))
			query.Datasource = p.Datasource
			expr, err := Translate(o.Histograms, query.Expr)
			if err != nil {
				return fmt.Errorf("dashboards: %s: panel %q: %w", uid, *p.Title, err)
			}
			query.Expr = expr
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
