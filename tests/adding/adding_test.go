// Package adding adds an exporter to a copy of the program as CONTRIBUTING.md says, and runs
// the copy's tests: they fail if one more place has to be touched.
package adding

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const root = "../.."

// most is how many files an exporter may take, besides tests and what commands write.
const most = 12

// written are files that `make metrics` and `make docs` write.
var written = []string{"metrics/example-exporter-v1.0.0.txt", "docs/config.md", "docs/scraping.md", "docs/operations.md", "docs/runbooks/README.md", "config/schema.json", "Pulumi.yaml"}

func TestExporter(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the program")
	}
	copied := copyProgram(t)
	touched := map[string]bool{}
	addFiles(t, copied, touched)
	editFiles(t, copied, touched)
	var byHand []string
	for file := range touched {
		generated := strings.HasSuffix(file, "_test.yaml")
		for _, name := range written {
			generated = generated || strings.HasPrefix(file, name)
		}
		if !generated {
			byHand = append(byHand, file)
		}
	}
	assert.LessOrEqual(t, len(byHand), most, "files written by hand: %v", byHand)

	run(t, copied, "go", "run", "./cmd/docs")
	run(t, copied, "gofmt", "-w", "config", "dashboards")
	run(t, copied, "go", "test", "-short", "./config", "./rules", "./render", "./dashboards", "./check/...", "./docs/...", "./cmd/...", "./review")
	run(t, copied, "go", "test", "-run", "TestStacks|TestVariants|TestPlatforms|TestConnections", ".")
	assert.Contains(t, read(t, copied, "docs/scraping.md"), "| `example-exporter` | the example exporter |")
}

// copyProgram copies the files that git knows, without this test.
func copyProgram(t *testing.T) string {
	t.Helper()
	to := t.TempDir()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	output, err := list.Output()
	require.NoError(t, err)
	for file := range strings.Lines(string(output)) {
		file = strings.TrimSpace(file)
		if strings.HasPrefix(file, "tests/adding/") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, file))
		if os.IsNotExist(err) { // deleted, and not committed
			continue
		}
		require.NoError(t, err)
		write(t, to, file, string(text))
	}
	return to
}

// addFiles adds the files of testdata.
func addFiles(t *testing.T, to string, touched map[string]bool) {
	t.Helper()
	require.NoError(t, fs.WalkDir(os.DirFS("testdata"), ".", func(file string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && file != "edits.yaml" {
			touched[file] = true
			write(t, to, file, read(t, "testdata", file))
		}
		return err
	}))
}

// editFiles adds the lines of testdata/edits.yaml, after each line that has the text.
func editFiles(t *testing.T, to string, touched map[string]bool) {
	t.Helper()
	var edits []struct{ File, After, Lines string }
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "testdata", "edits.yaml")), &edits))
	for _, edit := range edits {
		touched[edit.File] = true
		var b strings.Builder
		found := false
		for line := range strings.Lines(read(t, to, edit.File)) {
			b.WriteString(line)
			if strings.Contains(line, edit.After) {
				found = true
				b.WriteString(edit.Lines)
			}
		}
		require.True(t, found, "%s has no %q", edit.File, edit.After)
		write(t, to, edit.File, b.String())
	}
}

func read(t *testing.T, dir, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, file))
	require.NoError(t, err)
	return string(text)
}

func write(t *testing.T, dir, file, text string) {
	t.Helper()
	path := filepath.Join(dir, file)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o755))
}

func run(t *testing.T, dir string, command ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir = dir
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", strings.Join(command, " "), output)
}
