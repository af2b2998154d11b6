package dashboards

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// everything describes a stack that collects the metrics of every job.
var everything = Options{
	Datasource: Datasource{UID: "prometheus", Name: "prometheus-datasource"},
	Has:        func(config.Job) bool { return true },
	RunbookURL: "https://example.com/runbooks",
}

// uids returns the UIDs of dashboards.
func uids(all []Dashboard) []string {
	var uids []string
	for _, d := range all {
		uids = append(uids, d.UID)
	}
	return uids
}

func TestAllReturnsTheSameBytesEveryTime(t *testing.T) {
	first, err := All(everything)
	require.NoError(t, err)
	for range 5 {
		again, err := All(everything)
		require.NoError(t, err)
		assert.Equal(t, first, again)
	}
}

func TestUIDsDoNotChange(t *testing.T) {
	all, err := All(everything)
	require.NoError(t, err)
	assert.Subset(t, uids(all), []string{"alerts-overview", "prometheus-stats", "kubernetes-pod-resources", "control-plane", "nodes", "node-directory-sizes"})
}

func TestDashboardsAreValidModels(t *testing.T) {
	plugins.RegisterDefaultPlugins() // so that options of panels and queries are checked too
	all, err := All(everything)
	require.NoError(t, err)
	for _, d := range all {
		t.Run(d.UID, func(t *testing.T) {
			var model dashboard.Dashboard
			var problems cog.BuildErrors // UnmarshalJSONStrict returns them even if empty
			if err := new(dashboard.Dashboard).UnmarshalJSONStrict(d.JSON); !errors.As(err, &problems) {
				require.NoError(t, err)
			}
			require.Empty(t, problems)
			require.NoError(t, json.Unmarshal(d.JSON, &model))
			assert.Equal(t, d.UID, *model.Uid)
			assert.Equal(t, d.Title, *model.Title)
			assert.NotEmpty(t, *model.Description)
			assert.Contains(t, model.Tags, tag)
			assert.NotEmpty(t, model.Links)
			assert.False(t, *model.Editable)

			var variables []string
			for _, v := range model.Templating.List {
				variables = append(variables, v.Name)
			}
			if d.UID == UIDClusters {
				assert.Equal(t, []string{"datasource"}, variables)
			} else {
				require.GreaterOrEqual(t, len(variables), 2)
				assert.Equal(t, []string{"datasource", "cluster"}, variables[:2])
			}

			ids := map[uint32]bool{}
			var taken [24][400]bool
			for _, p := range model.Panels {
				if p.RowPanel != nil {
					assert.False(t, ids[p.RowPanel.Id], "id %d twice", p.RowPanel.Id)
					ids[p.RowPanel.Id] = true
					assert.NotEmpty(t, *p.RowPanel.Title)
					continue
				}
				panel := p.Panel
				require.NotNil(t, panel.Id, *panel.Title)
				assert.False(t, ids[*panel.Id], "id %d twice", *panel.Id)
				ids[*panel.Id] = true
				assert.NotEmpty(t, *panel.Title)
				assert.NotEmpty(t, *panel.Description, *panel.Title)
				assert.Equal(t, "${datasource}", *panel.Datasource.Uid, *panel.Title)
				assert.NotEmpty(t, panel.Targets, *panel.Title)

				box := panel.GridPos
				require.LessOrEqual(t, box.X+box.W, uint32(24), "%s reaches over the edge", *panel.Title)
				for x := box.X; x < box.X+box.W; x++ {
					for y := box.Y; y < box.Y+box.H; y++ {
						require.False(t, taken[x][y], "%s lies on another panel", *panel.Title)
						taken[x][y] = true
					}
				}
				if panel.Type != "table" {
					assert.NotNil(t, panel.FieldConfig.Defaults.Unit, *panel.Title)
				}
			}
		})
	}
}

// Grafana overwrites one query with another if they have the same ID.
func TestQueriesOfAPanelHaveUniqueIDs(t *testing.T) {
	all, err := All(everything)
	require.NoError(t, err)
	for _, d := range all {
		queries, err := Queries(d, nil)
		require.NoError(t, err)
		var model struct{ Panels []panelModel }
		require.NoError(t, json.Unmarshal(d.JSON, &model))
		for _, p := range model.Panels {
			seen := map[string]bool{}
			for _, target := range p.Targets {
				assert.NotEmpty(t, target.RefID)
				assert.False(t, seen[target.RefID], "%s: %s: %s twice", d.UID, p.Title, target.RefID)
				seen[target.RefID] = true
			}
		}
		assert.NotEmpty(t, queries, d.UID)
	}
}

// A chart that mixes clusters misleads.
func TestEveryQuerySelectsTheCluster(t *testing.T) {
	all, err := All(everything)
	require.NoError(t, err)
	for _, d := range all {
		queries, err := Queries(d, map[string]string{"cluster": "here"})
		require.NoError(t, err)
		for _, q := range queries {
			assert.False(t, q.Guessed, "%s: %s", d.UID, q.Place)
			if strings.HasPrefix(q.Place, `variable "cluster"`) {
				continue
			}
			metrics, err := Metrics(q.Expr)
			require.NoError(t, err, q.Expr)
			assert.NotEmpty(t, metrics, q.Expr)
			if d.UID == UIDClusters {
				assert.NotContains(t, q.Expr, "here", q.Place)
				continue
			}
			selectors := strings.Count(q.Expr, "{") // none of the shipped queries holds a brace in a string
			filters := strings.Count(q.Expr, `cluster="here"`) + strings.Count(q.Expr, `cluster=~"|here"`)
			assert.Equal(t, selectors, filters, "%s: %s: %s", d.UID, q.Place, q.Expr)
		}
	}
}

// What is drawn or listed of all clusters has one value for each.
func TestClustersStandSideBySide(t *testing.T) {
	all, err := All(everything)
	require.NoError(t, err)
	i := slices.IndexFunc(all, func(d Dashboard) bool { return d.UID == UIDClusters })
	require.GreaterOrEqual(t, i, 0)
	var model dashboard.Dashboard
	require.NoError(t, json.Unmarshal(all[i].JSON, &model))
	for _, p := range model.Panels {
		if p.Panel == nil || p.Panel.Type == "stat" {
			continue
		}
		for _, target := range p.Panel.Targets {
			expr, err := parser.NewParser(parser.Options{}).ParseExpr(target.(*prometheus.Dataquery).Expr)
			require.NoError(t, err)
			assert.Contains(t, expr.String(), "by (cluster", *p.Panel.Title)
		}
	}
}

func TestDisabledJobsAreLeftOut(t *testing.T) {
	tests := map[string]struct {
		without []config.Job
		gone    string // UID of the dashboard that is left out; empty for none
		metrics string // prefix of metrics that no query may select
	}{
		"node-exporter":               {[]config.Job{config.NodeExporterJob}, UIDNodes, "node_cpu_"},
		"node-directory-size-metrics": {[]config.Job{config.NodeDirectorySizeMetricsJob}, UIDNodeDirectorySizes, "node_directory_size_"},
		"Grafana":                     {[]config.Job{config.GrafanaJob}, UIDGrafana, "grafana_"},
		"probes":                      {probeJobs, UIDProbes, "probe_success"},
		"kubelets":                    {[]config.Job{config.NodesJob}, UIDKubelet, "kubelet_running"},
		"kube-state-metrics":          {[]config.Job{config.KubeStateMetricsJob}, "", "kube_"},
		"control plane":               {append([]config.Job{config.APIServersJob}, config.ControlPlane...), UIDControlPlane, "apiserver_"},
		"scheduler":                   {[]config.Job{config.SchedulerJob}, "", "scheduler_"},
		"controller manager":          {[]config.Job{config.ControllerManagerJob}, "", "node_collector_"},
		"etcd":                        {[]config.Job{config.EtcdJob}, UIDEtcd, "etcd_server_"},
		"kube-proxy":                  {[]config.Job{config.KubeProxyJob}, "", "kubeproxy_"},
		"CoreDNS":                     {[]config.Job{config.CoreDNSJob}, UIDCoreDNS, "coredns_"},
		"alertmanager":                {[]config.Job{config.AlertmanagerJob}, UIDAlertmanager, "alertmanager_"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			text := func(o Options) (string, []string) {
				all, err := All(o)
				require.NoError(t, err)
				var b strings.Builder
				for _, d := range all {
					b.Write(d.JSON)
				}
				return b.String(), uids(all)
			}
			with, _ := text(everything)
			assert.Contains(t, with, test.metrics)

			o := everything
			o.Has = func(job config.Job) bool { return !slices.Contains(test.without, job) }
			without, left := text(o)
			assert.NotContains(t, without, test.metrics)
			if test.gone != "" {
				assert.NotContains(t, left, test.gone)
				assert.NotContains(t, without, "/d/"+test.gone, "a link to a dashboard that is left out")
			}
		})
	}
}

func TestDatasourceIsSelectedFirst(t *testing.T) {
	o := everything
	o.Datasource = Datasource{UID: "some-uid", Name: "some-name"}
	all, err := All(o)
	require.NoError(t, err)
	for _, d := range all {
		var model dashboard.Dashboard
		require.NoError(t, json.Unmarshal(d.JSON, &model))
		assert.Equal(t, "some-uid", *model.Templating.List[0].Current.Value.String)
		assert.Equal(t, "some-name", *model.Templating.List[0].Current.Text.String)
	}

	_, err = All(Options{})
	assert.ErrorContains(t, err, "datasource")
}

// file returns one custom dashboard, mine.json.
func file(text string) fstest.MapFS {
	return fstest.MapFS{"custom/mine.json": {Data: []byte(text)}}
}

func TestCustomDashboards(t *testing.T) {
	files := file(`{"id": 12, "uid": "mine", "title": "Mine", "version": 10000000000000000001, "panels": [
		{"title": "One", "datasource": {"type": "prometheus", "uid": "x"}, "targets": [{"refId": "A", "expr": "sum(up) by (job)"}]},
		{"title": "Logs", "datasource": {"type": "loki", "uid": "y"}, "targets": [{"refId": "A", "expr": "{job=\"x\"} |= \"error\""}]},
		{"title": "Choice", "targets": [{"refId": "A", "expr": "$function(up)"}]}]}`)
	files["custom/README.md"] = &fstest.MapFile{Data: []byte("no dashboard")}
	files["custom/also.json"] = &fstest.MapFile{Data: []byte(`{"uid": "also", "title": "Also"}`)}

	all, err := custom(files, "custom", "dashboards")
	require.NoError(t, err)
	require.NoError(t, check(all))
	require.Len(t, all, 2)
	assert.Equal(t, "also.json", all[0].File)

	mine := all[1]
	assert.Equal(t, "mine", mine.UID)
	assert.Equal(t, "Mine", mine.Title)
	assert.Equal(t, FolderCustom, mine.Folder)
	assert.NotContains(t, string(mine.JSON), `"id": 12`)
	assert.Contains(t, string(mine.JSON), `10000000000000000001`, "a large number survives")

	queries, err := Queries(mine, nil)
	require.NoError(t, err)
	require.Len(t, queries, 2, "Loki's query is not PromQL")
	assert.False(t, queries[0].Guessed)
	assert.True(t, queries[1].Guessed)
}

func TestCustomDashboardsThatGrafanaWouldReject(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"not JSON":         {`{"uid": `, "mine.json: want a JSON object"},
		"not an object":    {`[1]`, "mine.json: want a JSON object"},
		"two objects":      {`{"uid": "a", "title": "A"} {}`, "nothing after it"},
		"no uid":           {`{"title": "A"}`, `uid "": want 1 to 40`},
		"uid with a slash": {`{"uid": "a/b", "title": "A"}`, `uid "a/b": want 1 to 40`},
		"uid too long":     {`{"uid": "` + strings.Repeat("a", 41) + `", "title": "A"}`, "want 1 to 40"},
		"no title":         {`{"uid": "a", "title": " "}`, "title: want"},
		"unanswered input": {`{"uid": "a", "title": "A", "__inputs": [{"name": "DS_PROMETHEUS"}]}`, "__inputs"},
		"schema v2":        {`{"uid": "a", "title": "A", "apiVersion": "dashboard.grafana.app/v2beta1"}`, "classic dashboard model"},
		"uid of a folder":  {`{"uid": "folder-nodes", "title": "A"}`, ""},
		"title of folder":  {`{"uid": "a", "title": "custom"}`, "title of its folder"},
		"folder's uid":     {`{"uid": "folder-custom", "title": "A"}`, `uid "folder-custom" is taken by the folder Custom`},
		"shipped uid":      {`{"uid": "nodes", "title": "A"}`, `uid "nodes" is taken by nodes.json`},
		"too large":        {`{"uid": "a", "title": "A", "description": "` + strings.Repeat("x", maxBytes) + `"}`, "allowed: up to 921600"},
		"bad query": {`{"uid": "a", "title": "A", "panels": [{"title": "P", "panels": [{"title": "Inner", "targets": [{"refId": "B", "expr": "sum(up"}]}]}]}`,
			`panel "Inner", query B`},
		"bad variable": {`{"uid": "a", "title": "A", "templating": {"list": [{"name": "v", "type": "query", "query": {"query": "label_values(up{, job)"}}]}}`,
			`variable "v"`},
		"bad annotation":    {`{"uid": "a", "title": "A", "annotations": {"list": [{"name": "n", "expr": "up ="}]}}`, `annotation "n"`},
		"panels not a list": {`{"uid": "a", "title": "A", "panels": {}}`, "not a dashboard"},
	}
	shipped, err := All(everything)
	require.NoError(t, err)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			all, err := custom(file(test.text), "custom", "dashboards")
			if err == nil {
				err = check(append(shipped[:len(shipped):len(shipped)], all...))
			}
			if test.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, test.want)
			assert.ErrorContains(t, err, "mine.json")
		})
	}
}

func TestCustomDashboardsThatClash(t *testing.T) {
	two := func(a, b string) error {
		files := fstest.MapFS{"custom/a.json": {Data: []byte(a)}, "custom/b.json": {Data: []byte(b)}}
		all, err := custom(files, "custom", "dashboards")
		require.NoError(t, err)
		return check(all)
	}
	assert.ErrorContains(t, two(`{"uid": "x", "title": "A"}`, `{"uid": "x", "title": "B"}`), `b.json: uid "x" is taken by a.json`)
	assert.ErrorContains(t, two(`{"uid": "x", "title": "A"}`, `{"uid": "y", "title": "a"}`), `b.json: title "a" is taken by a.json`)
	assert.NoError(t, two(`{"uid": "x", "title": "A"}`, `{"uid": "y", "title": "B"}`))
}

// Dashboards of the stack's directories are custom ones, too, and messages name their files.
func TestDirectories(t *testing.T) {
	all := func(files map[string]string) ([]Dashboard, error) {
		o := everything
		for _, dir := range slices.Sorted(maps.Keys(files)) {
			o.Directories = append(o.Directories, Directory{dir, fstest.MapFS{
				"api.json": {Data: []byte(files[dir])}, "README.md": {Data: []byte("no dashboard")}, "old/api.json": {Data: []byte("no dashboard")},
			}})
		}
		return All(o)
	}
	shipped, err := All(everything)
	require.NoError(t, err)
	both, err := all(map[string]string{"../bank": `{"uid": "bank", "title": "Bank"}`, "../shop": `{"uid": "shop", "title": "Shop"}`})
	require.NoError(t, err, "two directories may have files of one name")
	require.Len(t, both, len(shipped)+2)
	last := both[len(both)-1]
	assert.Equal(t, "shop", last.UID)
	assert.Equal(t, FolderCustom, last.Folder)
	assert.Equal(t, "../shop/api.json", last.Path())

	_, err = all(map[string]string{"../shop": `{"uid": "a b", "title": "Shop"}`})
	require.EqualError(t, err, `../shop/api.json: uid "a b": want 1 to 40 letters, digits, '-' or '_'`)
	_, err = all(map[string]string{"../bank": `{"uid": "shop", "title": "Bank"}`, "../shop": `{"uid": "shop", "title": "Shop"}`})
	require.EqualError(t, err, `../shop/api.json: uid "shop" is taken by ../bank/api.json`)
	_, err = all(map[string]string{"../shop": `{"uid": "a", "title": "A", "panels": [{"title": "P", "targets": [{"refId": "A", "expr": "sum(up"}]}]}`})
	require.ErrorContains(t, err, `../shop/api.json: panel "P", query A`)
}

func TestVariablesAreReplaced(t *testing.T) {
	d := Dashboard{JSON: []byte(`{
		"templating": {"list": [
			{"name": "job", "type": "query", "query": "label_values(up{cluster=\"$cluster\"}, job)", "includeAll": true},
			{"name": "pod", "type": "query", "query": {"query": "query_result(count(up))"}, "includeAll": true, "allValue": ".*"},
			{"name": "cluster", "type": "query", "query": "label_values(cluster)"},
			{"name": "ds", "type": "datasource", "query": "prometheus"}]},
		"panels": [{"title": "P", "targets": [
			{"refId": "A", "expr": "rate(a{cluster=\"$cluster\", job=~\"${job:regex}\", pod=~\"[[pod]]\"}[$__rate_interval])"},
			{"refId": "B", "expr": "increase(b[${__range}]) > ${threshold}"},
			{"refId": "C", "expr": "label_replace(c, \"x\", \"$1\", \"y\", \"(.*)\")"}]}]}`)}
	queries, err := Queries(d, map[string]string{"cluster": "one"})
	require.NoError(t, err)
	var got []string
	for _, q := range queries {
		got = append(got, fmt.Sprintf("%s: %s %v", q.Place, q.Expr, q.Guessed))
	}
	assert.Equal(t, []string{
		`variable "job": up{cluster="one"} false`,
		`variable "pod": count(up) false`,
		`panel "P", query A: rate(a{cluster="one", job=~".+", pod=~".*"}[5m]) false`,
		`panel "P", query B: increase(b[3h]) > 0.5 true`,
		`panel "P", query C: label_replace(c, "x", "$1", "y", "(.*)") false`,
	}, got)
}

func TestMetrics(t *testing.T) {
	names, err := Metrics(`sum(rate(b_total{x="y"}[5m])) / on () group_left () a + count({__name__=~"c.*"}) + a`)
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b_total"}, names)

	_, err = Metrics("sum(")
	assert.Error(t, err)
}

func TestFilesFitIntoAConfigMap(t *testing.T) {
	all, err := All(everything)
	require.NoError(t, err)
	for _, d := range all {
		assert.Less(t, len(d.JSON), 200<<10, d.UID)
		assert.True(t, bytes.HasSuffix(d.JSON, []byte("}\n")))
		assert.Equal(t, d.UID+".json", d.File)
	}
}
