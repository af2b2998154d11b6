package build

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVersionIsWhatTheProgramReports(t *testing.T) {
	b := &Builder{Modfile: "../binaries"}
	for module, want := range map[string]string{
		"v0.313.2":  "v3.13.2",
		"v0.300.0":  "v3.0.0",
		"v1.2.3":    "v1.2.3",
		"v0.313.2x": "v3.13.2",
	} {
		assert.Equal(t, want, prometheusVersion(module), module)
	}
	for _, target := range []Target{
		Kubernetes, CoreDNS, Pulumi, Prometheus, Alertmanager, NodeExporter, BlackboxExporter, KubeStateMetrics,
	} {
		version, err := b.Version(target)
		require.NoError(t, err)
		assert.Regexp(t, `^v\d+\.\d+\.\d+$`, version, target.module)
	}
	_, err := b.Version(Target{module: "example.com/unpinned"})
	assert.ErrorContains(t, err, "does not pin example.com/unpinned")
}

func TestNamesAreThoseOfTheGoCommand(t *testing.T) {
	assert.Equal(t, []string{"kube-state-metrics"}, KubeStateMetrics.Names())
	assert.Equal(t, []string{"pulumi"}, Pulumi.Names())
	assert.Equal(t, []string{"kube-apiserver", "kubelet", "kube-controller-manager", "kube-scheduler", "kube-proxy"}, Kubernetes.Names())
}

func TestStale(t *testing.T) {
	pinned := t.TempDir()
	gomod := filepath.Join(pinned, "go.mod")
	write := func(path, content string) { require.NoError(t, os.WriteFile(path, []byte(content), 0o644)) }
	write(gomod, "module m\nrequire example.com/x v1.0.0\n")
	write(filepath.Join(pinned, "go.sum"), "")
	target := Target{module: "example.com/x"}
	fresh := func() *Builder { return &Builder{Modfile: pinned, Bin: filepath.Join(pinned, "bin")} }
	stale := func() bool {
		stale, err := fresh().Stale(target)
		require.NoError(t, err)
		return stale
	}
	require.NoError(t, os.Mkdir(filepath.Join(pinned, "bin"), 0o755))

	assert.True(t, stale(), "nothing is built")
	key, err := fresh().key(target)
	require.NoError(t, err)
	write(fresh().stamp(target), key)
	assert.True(t, stale(), "the program is missing")
	write(fresh().Path("x"), "")
	assert.False(t, stale(), "built as it would be now")

	write(gomod, "module m\nrequire example.com/x v1.0.1\n")
	assert.True(t, stale(), "another version is pinned")
	write(gomod, "module m\nrequire example.com/x v1.0.0\n")
	target.variables = map[string]string{"main.version": "%[1]s"}
	assert.True(t, stale(), "it would be linked in another way")
	target.variables = nil
	target.missing = map[string][]byte{"page": []byte("new")}
	assert.True(t, stale(), "it would embed something else")
}
