package cmd

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func TestStacks(t *testing.T) {
	dir := t.TempDir()
	script, err := os.ReadFile("stacks")
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "cmd"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cmd", "stacks"), script, 0o700))
	stacks := func() string {
		out, err := exec.CommandContext(t.Context(), filepath.Join(dir, "cmd", "stacks")).CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	assert.Empty(t, stacks())
	for name, cluster := range map[string]string{
		"staging":    "{name: a, context: staging}",
		"production": "\n    name: a\n    context: demo-of-2019 # context: demo",
		"current":    "{name: demo}",
		"given":      "{name: a, kubeconfig: {secure: AAABAA==}}",
		"node":       "{name: a, context: demo}",
		"quoted":     "\n    context: \"demo\"\n    name: a",
		"comment":    "\n    name: a\n    context: demo # of make demo",
		"kind":       "\n    name: a\n    context: kind-kind",
		"kind2":      "{context: kind-two, name: a}",
	} {
		text := "config:\n  kubernetes-prometheus:cluster: " + cluster + "\n"
		require.NoError(t, yaml.Unmarshal([]byte(text), new(any)))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "Pulumi."+name+".yaml"), []byte(text), 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), []byte("name: project\n"), 0o600))
	assert.Equal(t, "current\ngiven\nstaging\nproduction\n", stacks())
}

// Another stack is delivered without a change of a workflow: none names one, and those that run once for
// each stack ask the script which there are.
func TestWorkflowsNameNoStacks(t *testing.T) {
	files, err := filepath.Glob("../Pulumi.*.yaml")
	require.NoError(t, err)
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "Pulumi."), ".yaml"))
	}
	require.Contains(t, names, "prod")
	named := regexp.MustCompile(`\b(` + strings.Join(names, "|") + `)\b`)
	for _, workflow := range []string{"pull-request", "deploy", "up", "drift"} {
		text, err := os.ReadFile("../.github/workflows/" + workflow + ".yml")
		require.NoError(t, err)
		assert.Empty(t, named.FindAllString(string(text), -1), workflow)
		if workflow != "up" {
			assert.Contains(t, string(text), "cmd/stacks", workflow)
		}
	}
}
