package main

import (
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

var example = regexp.MustCompile("(?ms)^ *```yaml\n(.*?)^ *```")

// Every example of the README is a config that deploys, given what every stack needs.
func TestExamples(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	examples := example.FindAllSubmatch(readme, -1)
	require.NotEmpty(t, examples)
	for i, match := range examples {
		var stack struct {
			Config map[string]map[string]any `yaml:"config"`
		}
		require.NoError(t, yaml.Unmarshal(match[1], &stack), "%s", match[1])
		set := func(key, name string, value any) {
			key = config.Project + ":" + key
			if stack.Config[key] == nil {
				stack.Config[key] = map[string]any{}
			}
			stack.Config[key][name] = value
		}
		set("cluster", "name", "example")
		set("alerting", "acknowledgeNoNotifications", true)
		if stack.Config[config.Project+":grafana"] == nil {
			set("grafana", "enabled", false)
		}
		t.Run(fmt.Sprint("example ", i+1), func(t *testing.T) {
			file := t.TempDir() + "/Pulumi.example.yaml"
			text, err := yaml.Marshal(stack)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(file, text, 0o600))
			cfg, err := config.FromFile(file)
			require.NoError(t, err)
			_, err = render.Prometheus(cfg)
			require.NoError(t, err)
			_, err = render.Rules(cfg)
			require.NoError(t, err)
			_, err = render.Alertmanager(cfg, "")
			require.NoError(t, err)
			all, err := render.Dashboards(cfg)
			require.NoError(t, err)
			if cfg.Grafana.Deployed() {
				_, err = render.GrafanaFiles(cfg, all)
				require.NoError(t, err)
			}
		})
	}
}
