// Package cmd tests the script that Pulumi runs as the program.
package cmd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// compiler is a script in place of the Go tool: what it builds prints the build tags.
// It fails if there is a file named broken, and waits while there is one named busy.
const compiler = `#!/bin/sh
[ "$1" = build ] || { printf 'a\nb\nc\n'; exit; }
while [ $# -gt 2 ]; do
	case $1 in -tags) tags=$2 ;; -o) program=$2 ;; esac
	shift
done
printf 'go: downloading example.com/module v1.0.0\nexample.com/module\n' >&2
while [ -e busy ] && [ -d "${program%/*}" ]; do /bin/sleep 0.01; done
[ ! -e broken ] || { printf '# example.com/module\n./source.go:1:1: syntax error\n' >&2; exit 1; }
printf '#!/bin/sh\necho "program with tags %s"\n' "$tags" >"$program"
chmod +x "$program"
`

const (
	withoutClouds = "program with tags remove_all_sd,enable_dns_sd,enable_kubernetes_sd\n"
	withClouds    = "program with tags \n"
)

// checkout is a directory with the script and a source file, in which the script's
// pauses of ten seconds last 50 milliseconds.
type checkout struct {
	*testing.T
	dir string
}

func newCheckout(t *testing.T) checkout {
	t.Helper()
	c := checkout{t, t.TempDir()}
	run, err := os.ReadFile("run")
	require.NoError(t, err)
	for name, text := range map[string]string{
		"cmd/run": string(run), "source.go": "package main\n", "tools/go": compiler, "tools/sleep": "#!/bin/sh\nexec /bin/sleep 0.05\n",
	} {
		c.write(name, text)
	}
	return c
}

func (c checkout) write(name, text string) {
	c.Helper()
	path := filepath.Join(c.dir, name)
	require.NoError(c, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(c, os.WriteFile(path, []byte(text), 0o755))
}

func (c checkout) remove(name string) {
	c.Helper()
	require.NoError(c, os.Remove(filepath.Join(c.dir, name)))
}

// start starts the script. The function that it returns reads what has been printed.
func (c checkout) start(stackConfig string, args ...string) (*exec.Cmd, func() string) {
	c.Helper()
	out, err := os.Create(filepath.Join(c.TempDir(), "out"))
	require.NoError(c, err)
	cmd := exec.CommandContext(c.Context(), filepath.Join(c.dir, "cmd", "run"), args...)
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(c.dir, "tools")+":"+os.Getenv("PATH"), "PULUMI_CONFIG="+stackConfig)
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(c, cmd.Start())
	require.NoError(c, out.Close())
	return cmd, func() string {
		text, err := os.ReadFile(out.Name())
		require.NoError(c, err)
		return string(text)
	}
}

// run runs the script until it ends, and returns what it has printed.
func (c checkout) run(stackConfig string, args ...string) string {
	c.Helper()
	cmd, out := c.start(stackConfig, args...)
	require.NoError(c, cmd.Wait(), out())
	return out()
}

// await waits, up to a minute, until a run has printed text.
func (c checkout) await(out func() string, text string) {
	c.Helper()
	require.Eventually(c, func() bool { return strings.Contains(out(), text) }, time.Minute, 10*time.Millisecond, out())
}

// built returns the names of the files in the directory of programs.
func (c checkout) built() (names []string) {
	c.Helper()
	entries, err := os.ReadDir(filepath.Join(c.dir, ".local/bin"))
	require.NoError(c, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// modified returns when the program was built, in nanoseconds since 1970.
func (c checkout) modified() int64 {
	c.Helper()
	info, err := os.Stat(filepath.Join(c.dir, ".local/bin/kubernetes-prometheus"))
	require.NoError(c, err)
	return info.ModTime().UnixNano()
}

func TestRunBuildsOnlyWhenAFileIsNewer(t *testing.T) {
	c := newCheckout(t)
	c.run("", "build")
	before := c.modified()
	assert.Equal(t, withoutClouds, c.run(""))
	assert.Equal(t, before, c.modified())
	c.write("source.go", "package main\n\n")
	assert.Contains(t, c.run(""), withoutClouds)
	assert.Greater(t, c.modified(), before)
}

func TestRunLeavesTheProgramWhenABuildFails(t *testing.T) {
	c := newCheckout(t)
	c.run("", "build")
	c.write("broken", "")
	cmd, out := c.start("")
	require.Error(t, cmd.Wait())
	assert.Contains(t, out(), "# example.com/module\n./source.go:1:1: syntax error\n")
	assert.NotContains(t, out(), "go: downloading")
	assert.Equal(t, []string{"kubernetes-prometheus"}, c.built())
}

// Two previews at once each build the program, and a file edited during the build is newer.
func TestRunReportsProgress(t *testing.T) {
	c := newCheckout(t)
	c.write("busy", "")
	one, first := c.start("")
	two, second := c.start("")
	for _, out := range []func() string{first, second} {
		c.await(out, "s: 1 of up to 3 packages\n")
	}
	c.write("source.go", "package main\n\n")
	c.remove("busy")
	require.NoError(t, one.Wait())
	require.NoError(t, two.Wait())
	assert.Contains(t, first(), withoutClouds)
	assert.Contains(t, second(), withoutClouds)
	assert.Equal(t, []string{"kubernetes-prometheus"}, c.built())
	before := c.modified()
	c.run("")
	assert.Greater(t, c.modified(), before)
}

func TestRunStopsCompilingWhenItIsCancelled(t *testing.T) {
	c := newCheckout(t)
	c.write("busy", "")
	cmd, out := c.start("")
	c.await(out, "packages\n")
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.Error(t, cmd.Wait())
	assert.Empty(t, c.built())
}

// The program of a stack that discovers targets in a cloud contains the SDKs of clouds.
func TestRunLinksTheDiscoveriesOfAStack(t *testing.T) {
	for name, test := range map[string]struct{ config, expected string }{
		"no config":        {"", withoutClouds},
		"no discovery":     {`{"p:discovery":"{\"extraScrapeConfigs\":[{\"static_configs\":[]}]}"}`, withoutClouds},
		"Kubernetes":       {`{"p:discovery":"{\"extraScrapeConfigs\":[{\"kubernetes_sd_configs\":[]}]}"}`, withoutClouds},
		"files, HTTP, DNS": {`{"p:discovery":"[{\"file_sd_configs\":[],\"http_sd_configs\":[],\"dns_sd_configs\":[]}]"}`, withoutClouds},
		"a cloud":          {`{"p:discovery":"{\"extraScrapeConfigs\":[{\"ec2_sd_configs\":[]}]}"}`, withClouds},
		"a cloud too":      {`{"p:discovery":"[{\"kubernetes_sd_configs\":[]},{\"azure_sd_configs\":[]}]"}`, withClouds},
		"a flow":           {"{p: [{gce_sd_configs: []}]}", withClouds},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCheckout(t)
			c.run(test.config, "build")
			assert.Equal(t, test.expected, c.run(test.config))
		})
	}
}
