package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/semver"
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
	assert.Equal(t, "v4.24.2-0.20260115033456-f47bc2d6f199", providerVersion("v4.0.0-20260115033456-f47bc2d6f199"))
	for _, target := range Targets {
		version, err := b.Version(target)
		require.NoError(t, err)
		assert.True(t, semver.IsValid(version), "%s: %s", target.module, version)
	}
	_, err := b.Version(Target{module: "example.com/unpinned"})
	assert.ErrorContains(t, err, "does not pin example.com/unpinned")
}

func TestNamesMatchTheGoCommand(t *testing.T) {
	assert.Equal(t, []string{"kube-state-metrics"}, KubeStateMetrics.Names())
	assert.Equal(t, []string{"pulumi"}, Pulumi.Names())
	assert.Equal(t, []string{"kube-apiserver", "kubelet", "kube-controller-manager", "kube-scheduler", "kube-proxy"}, Kubernetes.Names())
}

func TestFind(t *testing.T) {
	for name, want := range map[string]Target{"kube-scheduler": Kubernetes, "kwok": Kwok, "kube-state-metrics": KubeStateMetrics} {
		target, err := Find(name)
		require.NoError(t, err)
		assert.Equal(t, want.module, target.module, name)
	}
	_, err := Find("grafana")
	assert.ErrorContains(t, err, `unknown program "grafana"; allowed: alertmanager, blackbox_exporter, `)
}

func TestKubernetesVersions(t *testing.T) {
	b := &Builder{Modfile: "../binaries"}
	newest, err := b.Version(Kubernetes)
	require.NoError(t, err)
	for _, version := range []string{"", strings.TrimPrefix(newest, "v")} {
		target, err := b.Kubernetes(version)
		require.NoError(t, err)
		assert.Equal(t, Kubernetes, target)
	}
	_, err = b.Kubernetes("1.2")
	require.ErrorContains(t, err, `KUBERNETES: "1.2"; allowed: `+strings.TrimPrefix(newest, "v")+", ")
	_, allowed, _ := strings.Cut(err.Error(), "allowed: ")
	minors := map[string]bool{}
	for version := range strings.SplitSeq(allowed, ", ") {
		target, err := b.Kubernetes(version)
		require.NoError(t, err)
		got, err := b.Version(target)
		require.NoError(t, err)
		assert.Equal(t, "v"+version, got, "the go.mod pins the version of its directory")
		minors[semver.MajorMinor(got)] = true
	}
	assert.Len(t, minors, 4, "the newest four minors are supported")
}

// The schema contains the version, as in the provider's own build.
func TestProviderSchema(t *testing.T) {
	dir := t.TempDir()
	directory := filepath.Join(dir, "cmd", "pulumi-resource-kubernetes")
	require.NoError(t, os.MkdirAll(directory, 0o755))
	_, err := providerSchema(dir, "v1.2.3")
	require.ErrorContains(t, err, "no such file")
	require.NoError(t, os.WriteFile(filepath.Join(directory, "schema.json"), []byte(`{"name": "kubernetes", "types": { }}`), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(directory, "terraform-mapping.json"), []byte(`{"resources": [ ]}`), 0o644))
	files, err := providerSchema(dir, "v1.2.3")
	require.NoError(t, err)
	assert.Equal(t, map[string][]byte{
		"cmd/pulumi-resource-kubernetes/schema-embed.json":            []byte(`{"name":"kubernetes","types":{},"version":"1.2.3"}`),
		"cmd/pulumi-resource-kubernetes/terraform-mapping-embed.json": []byte(`{"resources":[]}`),
	}, files)
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
		stale, err := fresh().stale(target)
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
	assert.False(t, stale(), "nothing changed")

	write(gomod, "module m\nrequire example.com/x v1.0.1\n")
	assert.True(t, stale(), "another version is pinned")
	write(gomod, "module m\nrequire example.com/x v1.0.0\n")
	target.variables = map[string]string{"main.version": "%[1]s"}
	assert.True(t, stale(), "the linker flags changed")
	target.variables = nil
	target.missing = map[string][]byte{"page": []byte("new")}
	assert.True(t, stale(), "an embedded file changed")
}
