package render

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/rules"
)

// burnRate matches what a rule of APIServerErrorBudgetBurn compares: both windows with the same factor.
var burnRate = regexp.MustCompile(`ratio_rate(\w+) > ([\d.]+) \*[^|]*ratio_rate(\w+) > ([\d.]+) \*`)

// The dashboard of the API servers draws each burn rate beside the limit of its alert.
func TestBurnRatesAreDrawnWithTheirLimits(t *testing.T) {
	cfg, err := config.FromFile("../Pulumi.prod.yaml")
	require.NoError(t, err)
	s, err := New(cfg)
	require.NoError(t, err)
	limits := map[string]float64{}
	for _, d := range s.Dashboards {
		if d.UID != dashboards.UIDAPIServer {
			continue
		}
		var model dashboard.Dashboard
		require.NoError(t, json.Unmarshal(d.JSON, &model))
		for _, p := range model.Panels {
			if p.Panel != nil && p.Panel.FieldConfig.Defaults.Thresholds != nil {
				if steps := p.Panel.FieldConfig.Defaults.Thresholds.Steps; len(steps) == 2 {
					limits[*p.Panel.Title] = *steps[1].Value
				}
			}
		}
	}
	rules := 0
	for _, q := range s.Queries {
		if q.Rule == nil || q.Rule.Alert != "APIServerErrorBudgetBurn" {
			continue
		}
		rules++
		compared := burnRate.FindStringSubmatch(regexp.MustCompile(`\s+`).ReplaceAllString(q.Rule.Expr, " "))
		require.NotNil(t, compared, q.Rule.Expr)
		factor, err := strconv.ParseFloat(compared[2], 64)
		require.NoError(t, err)
		assert.Equal(t, compared[2], compared[4])
		assert.Equal(t, factor, limits["Burn rate, "+compared[1]+" and "+compared[3]], q.Rule.Expr)
	}
	assert.Equal(t, 4, rules)
}

// A dashboard that an alert links to lists it among those that fire.
func TestLinkedDashboardsListTheirAlerts(t *testing.T) {
	all, err := dashboards.Shipped()
	require.NoError(t, err)
	listed := map[string][]*regexp.Regexp{} // selections of alerts by name, by UID; none lists all
	for _, d := range all {
		queries, err := dashboards.Queries(d, map[string]string{"cluster": "here"})
		require.NoError(t, err)
		for _, q := range queries {
			if !strings.HasPrefix(q.Place, `panel "Firing alerts"`) {
				continue
			}
			listed[d.UID] = []*regexp.Regexp{}
			for _, match := range regexp.MustCompile(`alertname=~"([^"]+)"`).FindAllStringSubmatch(q.Expr, -1) {
				listed[d.UID] = append(listed[d.UID], regexp.MustCompile("^(?:"+match[1]+")$"))
			}
		}
		assert.NotNil(t, listed[d.UID], "%s has no panel of firing alerts", d.UID)
	}
	files, err := rules.Render(rules.Options{})
	require.NoError(t, err)
	for _, file := range files {
		for _, group := range file.Groups {
			for _, rule := range group.Rules {
				for _, names := range listed[rules.Dashboard(file.Name, rule.Alert)] {
					assert.True(t, rule.Alert == "" || names.MatchString(rule.Alert), "%s is not listed on the dashboard it links to, %s", rule.Alert, rules.Dashboard(file.Name, rule.Alert))
				}
			}
		}
	}
}

// Tables of firing alerts select alerts that exist.
func TestTablesOfAlertsNameAlerts(t *testing.T) {
	files, err := rules.Render(rules.Options{})
	require.NoError(t, err)
	var names []string
	for _, file := range files {
		for _, group := range file.Groups {
			for _, rule := range group.Rules {
				names = append(names, rule.Alert)
			}
		}
	}
	all, err := dashboards.Shipped()
	require.NoError(t, err)
	selected := 0
	for _, d := range all {
		queries, err := dashboards.Queries(d, map[string]string{"cluster": "here"})
		require.NoError(t, err)
		for _, q := range queries {
			for _, match := range regexp.MustCompile(`alertname=~?"([^"]+)"`).FindAllStringSubmatch(q.Expr, -1) {
				for _, alternative := range strings.Split(match[1], "|") {
					pattern := regexp.MustCompile("^(?:" + alternative + ")$")
					assert.True(t, slices.ContainsFunc(names, pattern.MatchString), "%s: %s: no alert is called %s", d.UID, q.Place, alternative)
					selected++
				}
			}
		}
	}
	assert.Greater(t, selected, 30)
}

// Dashboards of a directory outside of the repository are rendered and checked as those of dashboards/custom.
func TestDashboardDirectories(t *testing.T) {
	dir := t.TempDir()
	stack := func(name string) (*Stack, error) {
		return New(configtest.Config(t, "grafana: {adminPassword: hunter2, dashboards: {directories: ["+name+"]}}"))
	}
	_, err := stack(dir)
	require.ErrorContains(t, err, `grafana.dashboards.directories[0]: "`+dir+`" has no *.json file; allowed: a directory that has dashboards directly in it`)
	file := filepath.Join(dir, "shop.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"uid": "shop", "title": "Shop", "panels": [{"title": "P", "targets": [{"refId": "A", "expr": "sum(shop_orders)"}]}]}`), 0o600))
	s, err := stack(dir)
	require.NoError(t, err)
	assert.Equal(t, "shop", s.Dashboards[len(s.Dashboards)-1].UID)
	assert.Equal(t, "sum(shop_orders)", s.Queries[len(s.Queries)-1].Text)
	last := s.ConfigMaps()[len(s.ConfigMaps())-1]
	assert.Equal(t, "grafana-dashboard-shop", last.Name)
	assert.Equal(t, file, last.Path)

	for name, reason := range map[string]string{filepath.Join(dir, "none"): "no such file or directory", file: "not a directory"} {
		_, err = stack(name)
		require.ErrorContains(t, err, `grafana.dashboards.directories[0]: "`+name+`": `+reason+`; allowed: a directory with dashboards, absolute or relative to the project`)
	}
}

// The folder with dashboards from ConfigMaps is there before any dashboard is, and with the import job too.
func TestDashboardConfigMaps(t *testing.T) {
	for _, settings := range []string{deployed, filled} {
		_, _, without := readByGrafana(t, grafanaStack(t, settings))
		_, _, with := readByGrafana(t, grafanaStack(t, settings+", dashboards: {configMaps: {namespaces: [shop, bank], labelValue: a}}"))
		require.Len(t, with.Providers, len(without.Providers)+1)
		first := with.Providers[0] // by title
		assert.Equal(t, "ConfigMaps", first.Folder)
		assert.Equal(t, "/etc/grafana-dashboards/folder-configmaps", first.Options.Path)
		assert.False(t, first.AllowUIUpdates)
		assert.False(t, first.DisableDeletion)
	}
}
