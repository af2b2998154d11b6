package dashboards

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// models returns the dashboards of a stack with everything, by UID.
func models(t *testing.T) map[string]dashboard.Dashboard {
	t.Helper()
	plugins.RegisterDefaultPlugins() // so that queries are read as those of Prometheus
	all, err := All(everything)
	require.NoError(t, err)
	models := map[string]dashboard.Dashboard{}
	for _, d := range all {
		var model dashboard.Dashboard
		require.NoError(t, json.Unmarshal(d.JSON, &model))
		models[d.UID] = model
	}
	return models
}

// Every dashboard but that of all clusters leads to the one above it, and that one back.
func TestDashboardsLinkUpAndDown(t *testing.T) {
	models := models(t)
	for uid, model := range models {
		parent := above(uid)
		if uid != UIDClusters {
			require.NotEmpty(t, parent, "%s has no dashboard above it", uid)
		}
		for models[parent].Uid == nil && parent != "" {
			parent = above(parent)
		}
		var urls []string
		for _, link := range model.Links {
			assert.True(t, link.KeepTime, uid)
			assert.Nil(t, link.Placement, "%s: hidden in a menu", uid)
			assert.True(t, link.IncludeVars, uid)
			if link.Url != nil && *link.Url != "" {
				urls = append(urls, *link.Url)
			}
		}
		if parent == "" {
			continue
		}
		assert.Equal(t, "/d/"+parent, urls[0], uid)
		assert.Equal(t, "↑ "+*models[parent].Title, model.Links[0].Title, uid)
		var down []string
		for _, link := range models[parent].Links {
			if link.Url != nil {
				down = append(down, *link.Url)
			}
		}
		assert.Contains(t, down, "/d/"+uid, "%s does not lead to %s", parent, uid)
	}
}

// Whatever a stack leaves out, no link leads to a dashboard that it does not have.
func TestLinksLeadSomewhere(t *testing.T) {
	target := regexp.MustCompile(`"/d/([a-z-]+)`)
	for _, row := range config.ScrapeJobs {
		o := everything
		o.Has = func(job config.Job) bool { return job != row.Name }
		all, err := All(o)
		require.NoError(t, err)
		for _, d := range all {
			for _, link := range target.FindAllStringSubmatch(string(d.JSON), -1) {
				assert.Contains(t, uids(all), link[1], "%s without %s", d.UID, row.Name)
			}
		}
	}
}

// A row that names an object leads to the dashboard of that object.
func TestTablesLinkToObjects(t *testing.T) {
	linked := 0
	for uid, model := range models(t) {
		for _, p := range model.Panels {
			if p.Panel == nil || p.Panel.Type != "table" {
				continue
			}
			titles := map[string]string{}
			for _, transformation := range p.Panel.Transformations {
				if options, ok := transformation.Options.(map[string]any); ok && transformation.Id == "organize" {
					for label, title := range options["renameByName"].(map[string]any) {
						titles[label] = title.(string)
					}
				}
			}
			for _, label := range []string{"namespace", "workload", "pod", "node", "persistentvolumeclaim"} {
				title, shown := titles[label]
				if !shown {
					continue
				}
				links := slices.ContainsFunc(p.Panel.FieldConfig.Overrides, func(o dashboard.DashboardFieldConfigSourceOverrides) bool {
					return o.Matcher.Options == title && slices.ContainsFunc(o.Properties, func(v dashboard.DynamicConfigValue) bool { return v.Id == "links" })
				})
				assert.True(t, links, "%s: %s: column %s has no link", uid, *p.Panel.Title, title)
				linked++
			}
		}
	}
	assert.Greater(t, linked, 20)
}

func TestAlertsLinkToRunbooks(t *testing.T) {
	model := models(t)[UIDBroken]
	text, err := json.Marshal(model)
	require.NoError(t, err)
	assert.Contains(t, string(text), `https://example.com/runbooks/${__value.raw}.md`)
}

// Alerts and rollouts are marked where the variables select them.
func TestAnnotations(t *testing.T) {
	for uid, model := range models(t) {
		marks := map[string]dashboard.AnnotationQuery{}
		for _, a := range model.Annotations.List {
			marks[a.Name] = a
			assert.Nil(t, a.Placement, "%s: hidden in a menu", uid)
		}
		variables := map[string]bool{}
		for _, v := range model.Templating.List {
			variables[v.Name] = true
		}
		assert.Contains(t, []string{"Alerts", "Alerts,Rollouts"}, strings.Join(slices.Sorted(maps.Keys(marks)), ","), uid)
		assert.True(t, marks["Alerts"].Enable, uid)
		for _, label := range []string{"namespace", "node", "pod"} {
			assert.Equal(t, variables[label], strings.Contains(*marks["Alerts"].Expr, label+`=~"|$`+label+`"`), "%s: %s", uid, label)
		}
		rollouts, ok := marks["Rollouts"]
		if !ok {
			continue
		}
		assert.Equal(t, variables["namespace"], rollouts.Enable, uid)
		assert.Equal(t, variables["namespace"], strings.Contains(*rollouts.Expr, `namespace=~"$namespace"`), uid)
	}
}

// In a cluster of 10,000 pods, only a panel of a few selected pods can have a line or a row for each.
func TestPanelsDoNotShowEveryPod(t *testing.T) {
	all, err := All(everything)
	require.NoError(t, err)
	for _, d := range all {
		if slices.Contains([]string{UIDPod, UIDWorkload, UIDNode}, d.UID) {
			continue
		}
		queries, err := Queries(d, map[string]string{"cluster": "here"})
		require.NoError(t, err)
		for _, q := range queries {
			if !strings.HasPrefix(q.Place, "panel") {
				continue
			}
			expr, err := parser.NewParser(parser.Options{}).ParseExpr(q.Expr)
			require.NoError(t, err)
			assert.False(t, hasEveryPod(expr), "%s: %s: %s", d.UID, q.Place, q.Text)
		}
	}
}

// A query over the time range reads each pod's series at each of its points: only those of a
// namespace or node can be read so.
func TestQueriesOverTimeSelectPods(t *testing.T) {
	selector := regexp.MustCompile(`([a-z_:0-9]+)\{([^}]*)\}`)
	seen := 0
	for uid, model := range models(t) {
		for _, p := range model.Panels {
			if p.Panel == nil {
				continue
			}
			for _, target := range p.Panel.Targets {
				query := target.(*prometheus.Dataquery)
				if query.Instant != nil && *query.Instant {
					continue
				}
				for _, match := range selector.FindAllStringSubmatch(query.Expr, -1) {
					if ofPods.MatchString(match[1]) {
						assert.Regexp(t, `(namespace|node|pod)=~?"\$|id="/"`, match[2], "%s: %s: %s", uid, *p.Panel.Title, query.Expr)
						seen++
					}
				}
			}
		}
	}
	assert.Greater(t, seen, 20)
}

// ofPods matches the metrics that have a series for each pod.
var ofPods = regexp.MustCompile(`^(container_|kube_pod_|namespace_pod:|namespace_workload_pod:)`)

// hasEveryPod reports whether an expression has a series for each pod that it selects.
func hasEveryPod(expr parser.Expr) bool {
	switch e := expr.(type) {
	case *parser.VectorSelector:
		return ofPods.MatchString(e.Name) && !strings.Contains(e.String(), `id="/"`)
	case *parser.MatrixSelector:
		return hasEveryPod(e.VectorSelector)
	case *parser.SubqueryExpr:
		return hasEveryPod(e.Expr)
	case *parser.ParenExpr:
		return hasEveryPod(e.Expr)
	case *parser.UnaryExpr:
		return hasEveryPod(e.Expr)
	case *parser.Call:
		return slices.ContainsFunc(e.Args, hasEveryPod)
	case *parser.AggregateExpr:
		if e.Op == parser.TOPK || e.Op == parser.BOTTOMK {
			return len(e.Grouping) > 0 && hasEveryPod(e.Expr)
		}
		return e.Without != slices.Contains(e.Grouping, "pod") && hasEveryPod(e.Expr)
	case *parser.BinaryExpr:
		switch e.Op {
		case parser.LAND:
			return hasEveryPod(e.LHS) && hasEveryPod(e.RHS)
		case parser.LUNLESS:
			return hasEveryPod(e.LHS)
		}
		return hasEveryPod(e.LHS) || hasEveryPod(e.RHS)
	}
	return false
}

func TestHasEveryPod(t *testing.T) {
	for text, want := range map[string]bool{
		`container_memory_rss`:                                                   true,
		`rate(container_cpu_usage_seconds_total[5m])`:                            true,
		`sum by (namespace) (kube_pod_info)`:                                     false,
		`sum by (pod) (kube_pod_info) > 0`:                                       true,
		`topk(5, sum by (pod) (kube_pod_info))`:                                  false,
		`sum by (pod) (kube_pod_info) and topk(5, sum by (pod) (kube_pod_info))`: false,
		`topk by (pod) (1, kube_pod_info)`:                                       true,
		`sum without (node) (kube_pod_info)`:                                     true,
		`max by (node) (node_load5)`:                                             false,
	} {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
		require.NoError(t, err)
		assert.Equal(t, want, hasEveryPod(expr), text)
	}
}
