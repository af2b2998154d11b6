package check

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// BenchmarkCheck shows that the time of the checks grows linearly with rules and dashboards.
func BenchmarkCheck(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("rule files and dashboards=%d", n), func(b *testing.B) {
			cfg := manyRules(b, n)
			for b.Loop() {
				stack, err := render.New(cfg)
				require.NoError(b, err)
				addDashboards(stack, n)
				require.Empty(b, Run(stack).Findings)
			}
		})
	}
}

// BenchmarkStack measures what every preview of a committed stack waits for.
func BenchmarkStack(b *testing.B) {
	for _, stack := range []string{"dev", "prod"} {
		b.Run(stack, func(b *testing.B) {
			for b.Loop() {
				cfg, err := config.FromFile("../Pulumi." + stack + ".yaml")
				require.NoError(b, err)
				stack, err := render.New(cfg)
				require.NoError(b, err)
				Run(stack)
			}
		})
	}
}

// manyRules returns a stack with n rule files, small enough to fit into one ConfigMap together.
func manyRules(b *testing.B, n int) *config.Config {
	cfg := configtest.Config(b, "")
	cfg.Alerting.ExtraRules = map[string]any{}
	for i := range n {
		cfg.Alerting.ExtraRules[fmt.Sprint("own", i)] = fmt.Sprintf(`{groups: [{name: own%[1]d, rules: [
			{record: "node:own%[1]d:max", expr: "max by (cluster, node) (rate(node_cpu_seconds_total[5m]))"},
			{alert: Own%[1]d, labels: {severity: info}, expr: "node:own%[1]d:max > on (cluster, node) max by (cluster, node) (node_load1)"}]}]}`, i)
	}
	return cfg
}

// addDashboards adds n custom dashboards to a stack.
func addDashboards(s *render.Stack, n int) {
	for i := range n {
		s.Dashboards = append(s.Dashboards, dashboards.Dashboard{
			UID: fmt.Sprint("own", i), File: fmt.Sprintf("own%d.json", i), Folder: dashboards.FolderCustom,
			JSON: []byte(`{"panels": [{"title": "Load", "targets": [
				{"refId": "A", "expr": "sum by (node) (rate(node_cpu_seconds_total{cluster=\"$cluster\"}[5m])) / on (node) group_left () count by (node) (node_load1)"},
				{"refId": "B", "expr": "node:own0:max{cluster=\"$cluster\"}"}]}]}`),
		})
	}
}
