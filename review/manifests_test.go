package review

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/offline"
)

func TestManifests(t *testing.T) {
	of := func(token, name string, inputs map[string]any, secrets ...string) offline.Resource {
		return offline.Resource{Type: token, Name: name, Secrets: secrets, Inputs: resource.NewPropertyMapFromMap(inputs)}
	}
	manifests, err := Manifests("prod", []offline.Resource{
		of("kubernetes-prometheus:components:Cluster", "cluster", nil),
		of("pulumi:providers:kubernetes", "kubernetes", map[string]any{"context": "prod"}),
		of("kubernetes:core/v1:Namespace", "namespace", map[string]any{"kind": "Namespace", "metadata": map[string]any{"name": "monitoring"}}),
		of("kubernetes:core/v1:Secret", "unmarked", map[string]any{
			"metadata": map[string]any{"name": "unmarked", "namespace": "monitoring"}, "stringData": map[string]any{"password": "hunter2"},
		}),
		of("kubernetes:core/v1:Service", "web", map[string]any{
			"metadata": map[string]any{"name": "web", "namespace": "monitoring", "annotations": map[string]any{"a.b/c": "hunter2", "d": "public"}},
			"spec":     map[string]any{"ports": []any{map[string]any{"port": 1000000, "share": 0.5, "name": nil}}},
		}, `metadata.annotations["a.b/c"]`),
		of("kubernetes:rbac.authorization.k8s.io/v1:Role", "role", map[string]any{"metadata": map[string]any{"name": "system:role", "namespace": "kube-system"}}),
	})
	require.NoError(t, err)
	texts := map[string]string{}
	for file, text := range manifests {
		texts[file] = string(text)
	}
	assert.Equal(t, map[string]string{
		"0-cluster/namespace-monitoring.yaml": header + "prod.\nkind: Namespace\nmetadata:\n  name: monitoring\n",
		"monitoring/secret-unmarked.yaml":     header + "prod.\nmetadata:\n  name: unmarked\n  namespace: monitoring\nstringData:\n  password: '[secret]'\n",
		"monitoring/service-web.yaml": header + "prod.\nmetadata:\n  annotations:\n    a.b/c: '[secret]'\n    d: public\n  name: web\n  namespace: monitoring\n" +
			"spec:\n  ports:\n    - port: 1000000\n      share: 0.5\n",
		"kube-system/role-system-role.yaml": header + "prod.\nmetadata:\n  name: system:role\n  namespace: kube-system\n",
	}, texts)
}

func TestWriteManifests(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	require.NoError(t, WriteManifests(dir, map[string][]byte{"a/old.yaml": []byte(header + "prod."), "a/kept.yaml": []byte(header + "1")}))
	require.NoError(t, WriteManifests(dir, map[string][]byte{"a/kept.yaml": []byte(header + "2")}))
	assert.NoFileExists(t, filepath.Join(dir, "a", "old.yaml"))
	text, err := os.ReadFile(filepath.Join(dir, "a", "kept.yaml"))
	require.NoError(t, err)
	assert.Equal(t, header+"2", string(text))

	foreign := filepath.Join(dir, "notes.txt")
	require.NoError(t, os.WriteFile(foreign, []byte("mine"), 0o600))
	assert.ErrorContains(t, WriteManifests(dir, nil), foreign+" is not a manifest of an earlier run")
	assert.FileExists(t, filepath.Join(dir, "a", "kept.yaml"))
}

// The base is where the branch began, and not what others have merged since.
func TestBase(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		command := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
		command.Dir = dir
		output, err := command.CombinedOutput()
		require.NoError(t, err, "%s", output)
	}
	commit := func(text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), []byte(text), 0o600))
		git("add", "file")
		git("commit", "--quiet", "--message", text)
	}
	git("init", "--quiet", "--initial-branch", "main")
	commit("began")
	git("checkout", "--quiet", "-b", "branch")
	commit("changed")
	git("checkout", "--quiet", "main")
	commit("merged since")
	git("checkout", "--quiet", "branch")
	for _, ref := range []string{"main", "branch", "main"} {
		tree, _, err := Base(t.Context(), dir, ref)
		require.NoError(t, err)
		text, err := os.ReadFile(filepath.Join(tree, "file"))
		require.NoError(t, err)
		want := map[string]string{"main": "began", "branch": "changed"}
		assert.Equal(t, want[ref], string(text))
	}
	_, _, err := Base(t.Context(), dir, "nowhere")
	assert.ErrorContains(t, err, "BASE=nowhere: git merge-base nowhere HEAD")
}
