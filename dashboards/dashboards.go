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
	"path"
	"slices"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"

	"github.com/prometheus/common/model"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/histograms"
)

// UIDs of the shipped dashboards. They must not change, because bookmarks, and notifications that
// link to a dashboard, contain them.
const (
	UIDClusters               = "clusters"
	UIDCluster                = "cluster"
	UIDBroken                 = "broken"
	UIDCapacity               = "capacity"
	UIDNamespace              = "namespace"
	UIDWorkload               = "workload"
	UIDPod                    = "pod"
	UIDKubernetesPodResources = "kubernetes-pod-resources"
	UIDNodes                  = "nodes"
	UIDNode                   = "node"
	UIDPersistentVolumes      = "persistent-volumes"
	UIDNetwork                = "network"
	UIDNodeDirectorySizes     = "node-directory-sizes"
	UIDWindowsNodes           = "windows-nodes"
	UIDKubelet                = "kubelet"
	UIDAPIServer              = "api-server"
	UIDControlPlane           = "control-plane"
	UIDEtcd                   = "etcd"
	UIDCoreDNS                = "coredns"
	UIDProbes                 = "probes"
	UIDAlertsOverview         = "alerts-overview"
	UIDAlertmanager           = "alertmanager"
	UIDPrometheusStats        = "prometheus-stats"
	UIDCardinality            = "cardinality"
	UIDRemoteWrite            = "remote-write"
	UIDGrafana                = "grafana"
	UIDThanos                 = "thanos"
)

// Dashboard is one dashboard, ready for provisioning or import.
type Dashboard struct {
	UID    string // unique in the Grafana organisation
	Title  string // unique in the folder
	Folder Folder
	File   string // file name below the folder's directory, e.g. "nodes.json"
	Dir    string // directory of the stack with the file; empty for those of this package
	JSON   []byte // indented, deterministic, ends in a newline

	// Variables holds the names of the variables that select series, in their order. Nil for a
	// custom dashboard.
	Variables []string
}

// Path returns the dashboard's file, for messages; of a shipped dashboard, whose file is Go code, the
// file that Grafana gets.
func (d Dashboard) Path() string {
	switch {
	case d.Dir != "":
		return path.Join(d.Dir, d.File)
	case d.Folder == FolderCustom:
		return "dashboards/custom/" + d.File
	default:
		return "dashboards/" + d.File
	}
}

// Folder groups dashboards by subject.
type Folder struct {
	// UID also names the folder's directory. Folders and dashboards share one table in Grafana,
	// so the prefix "folder-" avoids collisions with the UIDs of dashboards.
	UID   string
	Title string // differs from the title of every dashboard in the folder
}

// The folders, in the order in which Grafana lists them. That of ConfigMaps has dashboards that the stack does not
// know.
var (
	FolderConfigMaps     = Folder{UID: "folder-configmaps", Title: "ConfigMaps"}
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

	// RemoteWrite is whether the stack writes to remotes, or holds the metrics of agents, which do.
	RemoteWrite bool

	// Histograms translates the queries of the shipped dashboards, which are written on classic
	// histograms, into queries on the form that the stack's jobs store. Nil: they store classic
	// ones.
	Histograms *histograms.Translator

	// CollectedBy returns the job by which the stack collects the metrics of a job; nil for that job
	// itself.
	CollectedBy func(config.Job) config.Job

	// APIServerObjective is the share of requests that the API servers must serve well; 0 for 0.999.
	// ObjectivePeriod is the time over which it is measured; 0 for 30 days.
	APIServerObjective float64
	ObjectivePeriod    model.Duration

	// RunbookURL is the URL below which each alert has a page, <alert>.md. Tables of alerts link
	// to them.
	RunbookURL string

	// Custom contains the custom dashboards as custom/*.json; nil for the files of this package.
	Custom fs.FS

	// Directories holds further custom dashboards, each directory with *.json files.
	Directories []Directory

	// shown holds the UIDs of the shipped dashboards that the stack has; All sets it.
	shown map[string]bool
}

// Directory is a directory with dashboards that the stack names.
type Directory struct {
	Path  string // as the stack names it
	Files fs.FS
}

// Datasource identifies a Prometheus datasource in the Grafana that shows the dashboards.
type Datasource struct {
	UID  string
	Name string
}

// shipped lists the dashboards of this package, in the order in which links name them.
var shipped = []struct {
	uid    string
	above  string // UID of what a reader comes from, and goes back to for the wider view; empty for none
	folder Folder
	build  func(Options) *dashboard.DashboardBuilder
	needed func(Options) bool // whether the stack has what the dashboard shows
}{
	{UIDClusters, "", FolderKubernetes, clusters, always},
	{UIDAlertsOverview, UIDClusters, FolderMonitoring, alertsOverview, always},
	{UIDAlertmanager, UIDAlertsOverview, FolderMonitoring, alertmanager, collecting(config.AlertmanagerJob)},
	{UIDCluster, UIDClusters, FolderKubernetes, cluster, collecting(config.KubeStateMetricsJob)},
	{UIDBroken, UIDCluster, FolderKubernetes, broken, always},
	{UIDCapacity, UIDCluster, FolderKubernetes, capacity, collecting(config.KubeStateMetricsJob)},
	{UIDNamespace, UIDCluster, FolderKubernetes, namespace, collecting(config.KubeStateMetricsJob)},
	{UIDWorkload, UIDNamespace, FolderKubernetes, workload, collecting(config.KubeStateMetricsJob)},
	{UIDPod, UIDWorkload, FolderKubernetes, pod, collecting(config.KubeStateMetricsJob)},
	{UIDKubernetesPodResources, UIDNamespace, FolderKubernetes, kubernetesPodResources, always},
	{UIDNodes, UIDCluster, FolderInfrastructure, nodes, collecting(config.NodeExporterJob)},
	{UIDNode, UIDNodes, FolderInfrastructure, node, collecting(config.NodeExporterJob, config.CadvisorJob)},
	{UIDPersistentVolumes, UIDCluster, FolderInfrastructure, persistentVolumes, collecting(config.NodesJob)},
	{UIDNetwork, UIDCluster, FolderKubernetes, network, collecting(config.CadvisorJob)},
	{UIDNodeDirectorySizes, UIDNode, FolderInfrastructure, nodeDirectorySizes, collecting(config.NodeDirectorySizeMetricsJob)},
	{UIDWindowsNodes, UIDCluster, FolderInfrastructure, windowsNodes, collecting(config.WindowsExporterJob)},
	{UIDKubelet, UIDNodes, FolderInfrastructure, kubelet, collecting(config.NodesJob)},
	{UIDControlPlane, UIDCluster, FolderKubernetes, controlPlane, collecting(controlPlaneJobs...)},
	{UIDAPIServer, UIDControlPlane, FolderKubernetes, apiServer, collecting(config.APIServersJob)},
	{UIDEtcd, UIDControlPlane, FolderKubernetes, etcd, collecting(config.EtcdJob)},
	{UIDCoreDNS, UIDControlPlane, FolderKubernetes, coreDNS, collecting(config.CoreDNSJob)},
	{UIDProbes, UIDCluster, FolderMonitoring, probeTargets, collecting(probeJobs...)},
	{UIDPrometheusStats, UIDCluster, FolderMonitoring, prometheusStats, always},
	{UIDCardinality, UIDPrometheusStats, FolderMonitoring, cardinality, always},
	{UIDRemoteWrite, UIDPrometheusStats, FolderMonitoring, remoteWrite, Options.remoteWrites},
	{UIDThanos, UIDPrometheusStats, FolderMonitoring, thanos, collecting(config.ThanosSidecarJob)},
	{UIDGrafana, UIDCluster, FolderMonitoring, grafana, collecting(config.GrafanaJob)},
}

// always is for a dashboard of every stack.
func always(Options) bool { return true }

// collecting returns whether a stack collects the metrics of one of the jobs.
func collecting(jobs ...config.Job) func(Options) bool {
	return func(o Options) bool { return slices.ContainsFunc(jobs, o.Has) }
}

// remoteWrites reports whether the stack writes to remotes.
func (o Options) remoteWrites() bool { return o.RemoteWrite }

// job returns the job by which the stack collects the metrics of a job.
func (o Options) job(job config.Job) string {
	if o.CollectedBy == nil {
		return string(job)
	}
	return string(o.CollectedBy(job))
}

// All returns the shipped dashboards and then the custom ones, each group in a fixed order. The
// error names a shipped dashboard that cannot be built, or a custom file that Grafana would
// reject.
func All(o Options) ([]Dashboard, error) {
	if o.Datasource.UID == "" || o.Datasource.Name == "" {
		return nil, fmt.Errorf("dashboards: the datasource needs a uid and a name, got %+v", o.Datasource)
	}

	all, err := o.shipped()
	if err != nil {
		return nil, err
	}

	if o.Custom == nil {
		o.Custom = customFiles
	}
	own, err := custom(o.Custom, "custom", "dashboards")
	if err != nil {
		return nil, err
	}
	all = append(all, own...)
	for _, directory := range o.Directories {
		own, err := custom(directory.Files, ".", directory.Path)
		if err != nil {
			return nil, err
		}
		for i := range own {
			own[i].Dir = directory.Path
		}
		all = append(all, own...)
	}

	if err := check(all); err != nil {
		return nil, err
	}
	return all, nil
}

// Shipped returns every shipped dashboard, as a stack has it that collects the metrics of every job
// and writes to remotes.
func Shipped() ([]Dashboard, error) {
	return Options{
		Datasource:  Datasource{UID: "prometheus", Name: "Prometheus"},
		Has:         func(config.Job) bool { return true },
		RemoteWrite: true,
	}.shipped()
}

// shipped returns the shipped dashboards that the stack has.
func (o Options) shipped() ([]Dashboard, error) {
	o.shown = map[string]bool{}
	for _, b := range shipped {
		o.shown[b.uid] = b.needed(o)
	}

	var order []string
	models, titles := map[string]dashboard.Dashboard{}, map[string]string{}
	for _, b := range shipped {
		if !o.shows(b.uid) {
			continue
		}
		model, err := b.build(o).Build()
		if err != nil {
			return nil, fmt.Errorf("dashboards: %s: %w", b.uid, err)
		}
		models[b.uid], titles[b.uid] = model, *model.Title
		order = append(order, b.uid)
	}

	var all []Dashboard
	for _, b := range shipped {
		model, ok := models[b.uid]
		if !ok {
			continue
		}
		var err error
		if model.Links, err = o.navigation(b.uid, titles, order); err != nil {
			return nil, fmt.Errorf("dashboards: %s: %w", b.uid, err)
		}
		if model.Annotations.List, err = o.annotations(model); err != nil {
			return nil, fmt.Errorf("dashboards: %s: %w", b.uid, err)
		}
		d, err := o.finish(b.folder, model)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// finish encodes a dashboard as JSON. It numbers the panels, so that links to them keep working,
// gives the queries of a panel distinct IDs, and translates their histograms.
func (o Options) finish(folder Folder, model dashboard.Dashboard) (Dashboard, error) {
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

	var variables []string
	for _, v := range model.Templating.List {
		if v.Type == dashboard.VariableTypeQuery {
			variables = append(variables, v.Name)
		}
	}
	text, err := json.MarshalIndent(model, "", "  ")
	if err != nil {
		return Dashboard{}, fmt.Errorf("dashboards: %s: %w", uid, err)
	}
	return Dashboard{
		UID:       uid,
		Title:     *model.Title,
		Folder:    folder,
		File:      uid + ".json",
		JSON:      append(text, '\n'),
		Variables: variables,
	}, nil
}
