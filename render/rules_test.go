package render

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
)

const withGrafana = "\ngrafana: {adminPassword: {secure: x}, externalUrl: https://grafana.example.com/}"

// The dashboard to which an alert links shows at least one metric that the alert is about.
func TestAlertsLinkToWhatShowsThem(t *testing.T) {
	// Alerts about nothing but alerts, which their dashboard lists.
	listed := []string{"Watchdog", "AlertsOff"}
	for _, platform := range []string{"kubeadm", "eks", "k3s"} {
		stack, err := New(configtest.Config(t, "cluster: {name: test, platform: "+platform+"}\nexporters: {blackboxExporter: {enabled: true}}"+withGrafana))
		require.NoError(t, err)
		shown := map[string]map[string]bool{} // names of metrics, by the dashboard's UID
		for _, d := range stack.Dashboards {
			shown[d.UID] = map[string]bool{}
		}
		recorded := map[string][]string{} // names of the metrics that a recording comes from
		for _, q := range stack.Queries {
			names, err := dashboards.Metrics(q.Expr.String())
			require.NoError(t, err)
			switch {
			case q.Panel:
				for _, name := range names {
					shown[strings.Split(q.Path, "/")[1]][name] = true
				}
			case q.Rule.Record != "":
				recorded[q.Rule.Record] = names
			}
		}
		var shows func(uid, name string) bool
		shows = func(uid, name string) bool {
			return shown[uid][name] || slices.ContainsFunc(recorded[name], func(name string) bool { return shows(uid, name) })
		}
		for _, q := range stack.Queries {
			if q.Panel || q.Rule.Alert == "" || slices.Contains(listed, q.Rule.Alert) {
				continue
			}
			link, err := url.Parse(expand(t, q.Rule.Annotations["dashboard_url"], nil))
			require.NoError(t, err, q.Rule.Alert)
			assert.Equal(t, "grafana.example.com", link.Host, q.Rule.Alert)
			uid := link.Path[len("/d/"):]
			if assert.Contains(t, shown, uid, q.Rule.Alert) {
				names, err := dashboards.Metrics(q.Rule.Expr)
				require.NoError(t, err)
				assert.True(t, slices.ContainsFunc(names, func(name string) bool { return shows(uid, name) }),
					"%s: %s links to %s, which shows none of %v", platform, q.Rule.Alert, uid, names)
			}
		}
	}
}

// An alert selects on its dashboard the object that it is about.
func TestAlertsSelectTheirObject(t *testing.T) {
	stack, err := New(configtest.Config(t, "cluster: {name: test}"+withGrafana))
	require.NoError(t, err)
	tests := map[string]struct {
		labels map[string]string
		want   url.Values
	}{
		"NodeMemoryHigh":                {map[string]string{"node": "a&b", "instance": "1.2.3.4:9100"}, url.Values{"var-cluster": {"test"}, "var-node": {"a&b"}}},
		"PodCrashLooping":               {map[string]string{"namespace": "shop", "pod": "cart-1"}, url.Values{"var-cluster": {"test"}, "var-namespace": {"shop"}, "var-pod": {"cart-1"}}},
		"StatefulSetRolloutStuck":       {map[string]string{"namespace": "shop", "statefulset": "db"}, url.Values{"var-cluster": {"test"}, "var-namespace": {"shop"}, "var-workload": {"db"}}},
		"PersistentVolumeClaimSpaceLow": {map[string]string{"namespace": "shop", "persistentvolumeclaim": "db-0"}, url.Values{"var-cluster": {"test"}, "var-namespace": {"shop"}, "var-persistentvolumeclaim": {"db-0"}}},
	}
	found := map[string]bool{}
	for _, q := range stack.Queries {
		if q.Panel {
			continue
		}
		test, ok := tests[q.Rule.Alert]
		if !ok {
			continue
		}
		found[q.Rule.Alert] = true
		link, err := url.Parse(expand(t, q.Rule.Annotations["dashboard_url"], test.labels))
		require.NoError(t, err)
		assert.Equal(t, test.want, link.Query(), q.Rule.Alert)
	}
	assert.Len(t, found, len(tests))
}

// Without a Grafana that people can open, alerts link to no dashboard; of a stack without an alert's
// dashboard, to that of all alerts.
func TestAlertsWithoutADashboard(t *testing.T) {
	stack, err := New(configtest.Config(t, "cluster: {name: test}\ngrafana: {adminPassword: {secure: x}}"))
	require.NoError(t, err)
	for _, file := range stack.Rules {
		assert.NotContains(t, file.Text, "dashboard_url")
	}
	stack, err = New(configtest.Config(t, "cluster: {name: test}\nexporters: {nodeExporter: {enabled: false}}"+withGrafana))
	require.NoError(t, err)
	for _, file := range stack.Rules {
		if file.Name == "nodes.yaml" {
			assert.Contains(t, file.Text, "https://grafana.example.com/d/alerts-overview?var-cluster=")
		}
	}
}

// expand expands the template of an annotation as Prometheus does for an alert with labels.
func expand(t *testing.T, text string, labels map[string]string) string {
	t.Helper()
	data := template.AlertTemplateData(labels, map[string]string{"cluster": "test"}, "", promql.Sample{})
	expander := template.NewTemplateExpander(context.Background(), "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}"+text, "test", data, model.Time(0), nil, &url.URL{}, nil)
	out, err := expander.Expand()
	require.NoError(t, err)
	return out
}

// Rule files of a directory are the stack's own, those of promtool are not rule files, and problems name the file.
func TestRuleDirectories(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	stack := func() (*Stack, error) {
		return New(configtest.Config(t, "alerting: {acknowledgeNoNotifications: true, extraRules: {bank: {groups: [{name: bank, rules: [{record: 'bank:up:sum', expr: sum(up)}]}]}}, ruleDirectories: ["+dir+"]}"))
	}
	_, err := stack()
	require.ErrorContains(t, err, `alerting.ruleDirectories[0]: "`+dir+`" has no *.yaml or *.yml file; allowed: a directory that has rule files directly in it`)

	write("shop_test.yml", "rule_files: [shop.yml]\n")
	_, err = stack()
	require.ErrorContains(t, err, "has no *.yaml or *.yml file", "none but promtool's")

	const shop = "groups:\n- name: shop\n  rules:\n  - {record: 'shop:up:sum', expr: sum(up)}\n"
	write("shop.yml", shop)
	write("README.md", "Rules of the shop.")
	s, err := stack()
	require.NoError(t, err)
	assert.Equal(t, shop, s.PrometheusRules.Files["shop.yaml"], "as it is")
	assert.Contains(t, s.PrometheusRules.Files, "bank.yaml")
	assert.NotContains(t, s.PrometheusRules.Files, "shop_test.yaml")
	path := slices.IndexFunc(s.Queries, func(q Query) bool { return q.Rule != nil && q.Rule.Record == "shop:up:sum" })
	assert.Equal(t, dir+"/shop.yaml/shop/shop:up:sum", s.Queries[path].Path)
	assert.True(t, s.Queries[path].Own)

	write("bank.yaml", "groups: [{name: a, rules: [{record: b, expr: sum(}]}]\n")
	_, err = stack()
	require.ErrorContains(t, err, dir+"/bank.yaml: two rule files are called bank.yaml; choose another name")
	require.ErrorContains(t, err, dir+`/bank.yaml: 1:46: group "a", rule 1, "b": could not parse expression: 1:5: parse error: `)

	require.NoError(t, os.Remove(filepath.Join(dir, "bank.yaml")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "old.yaml"), 0o700))
	_, err = stack()
	require.ErrorContains(t, err, `alerting.ruleDirectories[0]: "`+dir+`/old.yaml": is a directory`)
}
