package broken

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// write writes the native files of a stack into dir, for the programs' own tools, and returns the
// text of all files.
func write(t *testing.T, dir string, stack *render.Stack) (all string) {
	t.Helper()
	put := func(name, text string) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	putAll := func(folder string, files map[string]string) {
		for _, name := range slices.Sorted(maps.Keys(files)) {
			all += files[name]
			put(folder+name, strings.ReplaceAll(files[name], render.AlertmanagerDir, filepath.Join(dir, "alertmanager")))
		}
	}
	putAll("", stack.PrometheusConfigs[0].Files)
	putAll("rules/", stack.PrometheusRules.Files)
	putAll("alertmanager/", stack.AlertmanagerConfig.Files)
	putAll("", stack.BlackboxConfig.Files)
	return all
}

// build builds an upstream program, in the version of a module's go.mod, and returns its path.
func build(t *testing.T, module, program string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), filepath.Base(program))
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", binary, program)
	cmd.Dir = filepath.Join("../..", module)
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
	return binary
}

// acceptedUpstream fails the test unless promtool and amtool accept all files below dir.
func acceptedUpstream(t *testing.T, dir string) {
	t.Helper()
	promtool := build(t, ".", "github.com/prometheus/prometheus/cmd/promtool")
	amtool := build(t, "tools/amtool", "github.com/prometheus/alertmanager/cmd/amtool")
	for _, tool := range []struct {
		files   string
		command []string
	}{
		// The files that a config refers to exist only in the pod.
		{"*/prometheus.yml", []string{promtool, "check", "config", "--syntax-only"}},
		{"*/rules/*.yaml", []string{promtool, "check", "rules"}},
		{"*/alertmanager/alertmanager.yml", []string{amtool, "check-config"}},
	} {
		files, err := filepath.Glob(filepath.Join(dir, tool.files))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for batch := range slices.Chunk(files, 500) {
			command := append(slices.Clone(tool.command), batch...)
			var output bytes.Buffer
			cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
			cmd.Stdout, cmd.Stderr = &output, &output
			if err := cmd.Run(); err != nil {
				t.Errorf("%s: %v\n%s", strings.Join(tool.command[1:], " "), err, complaints(output.String()))
			}
		}
		t.Logf("%s accepts %d files", filepath.Base(tool.command[0])+" "+strings.Join(tool.command[1:], " "), len(files))
	}
}

// complaints returns the lines of a tool's output about what it rejects, at most 4,000 characters.
func complaints(output string) string {
	var lines []string
	for line := range strings.Lines(output) {
		if !strings.Contains(line, "SUCCESS") && strings.TrimSpace(line) != "" && !strings.HasPrefix(line, " - ") {
			lines = append(lines, line)
		}
	}
	return fmt.Sprintf("%.4000s", strings.Join(lines, ""))
}
