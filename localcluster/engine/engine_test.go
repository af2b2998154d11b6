package engine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// newEngine returns an engine whose work tree has these files.
func newEngine(t *testing.T, files map[string]string) *Engine {
	t.Helper()
	e := &Engine{Stack: "dev", Root: t.TempDir(), Dir: t.TempDir()}
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(e.Root, name), []byte(content), 0o644))
	}
	return e
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

func TestCopyProjectPointsToTheProgram(t *testing.T) {
	e := newEngine(t, map[string]string{"Pulumi.yaml": "name: p\nruntime:\n  name: go\n  options: {buildTarget: x}\n"})
	require.NoError(t, e.copyProject())
	var project map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(read(t, filepath.Join(e.Dir, "Pulumi.yaml"))), &project))
	assert.Equal(t, e.Root, project["main"])
	assert.Equal(t, "p", project["name"])
	assert.Equal(t, map[string]any{"name": "go", "options": map[string]any{"buildTarget": "x"}}, project["runtime"])
}

func TestCopyConfig(t *testing.T) {
	const committed = "config:\n  p:key: committed\n"
	for name, c := range map[string]struct {
		earlier string
		renew   bool
		want    string
	}{
		"the first":                     {want: committed},
		"an earlier one is kept":        {earlier: "config:\n  p:key: edited\n", want: "config:\n  p:key: edited\n"},
		"renewed":                       {earlier: "config:\n  p:key: edited\n", renew: true, want: committed},
		"renewed, with its salt":        {earlier: "encryptionsalt: s\nconfig: {}\n", renew: true, want: "encryptionsalt: s\n" + committed},
		"renewed, with salt at its end": {earlier: "config: {}\nencryptionsalt: s", renew: true, want: "encryptionsalt: s\n" + committed},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, map[string]string{"Pulumi.dev.yaml": committed})
			path := filepath.Join(e.Dir, "Pulumi.dev.yaml")
			if c.earlier != "" {
				require.NoError(t, os.WriteFile(path, []byte(c.earlier), 0o600))
			}
			require.NoError(t, e.copyConfig(c.renew))
			assert.Equal(t, c.want, read(t, path))
			assert.Equal(t, committed, read(t, filepath.Join(e.Root, "Pulumi.dev.yaml")), "the work tree stays as it is")
		})
	}
}

func TestConfigJSON(t *testing.T) {
	e := newEngine(t, map[string]string{"Pulumi.dev.yaml": "encryptionsalt: s\nconfig:\n  # ec2_sd_configs\n  p:key: {list: [1, {secure: AAAB}]}\n"})
	require.NoError(t, e.copyConfig(true))
	text, err := e.ConfigJSON()
	require.NoError(t, err)
	assert.JSONEq(t, `{"p:key":{"list":[1,{"secure":"AAAB"}]}}`, text)
}

func TestSecretsAreGeneratedOnce(t *testing.T) {
	e := newEngine(t, nil)
	first, err := e.secret("grafana.adminPassword")
	require.NoError(t, err)
	again, err := e.secret("grafana.adminPassword")
	require.NoError(t, err)
	other, err := e.secret("grafana.token")
	require.NoError(t, err)
	assert.NotEmpty(t, first)
	assert.Equal(t, first, again)
	assert.NotEqual(t, first, other)
	info, err := os.Stat(e.Secret("grafana.adminPassword"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestProviderVersion(t *testing.T) {
	e := newEngine(t, map[string]string{"go.mod": "module m\nrequire github.com/pulumi/pulumi-kubernetes/sdk/v4 v4.24.1\n"})
	version, err := e.providerVersion()
	require.NoError(t, err)
	assert.Equal(t, "4.24.1", version)

	_, err = newEngine(t, map[string]string{"go.mod": "module m\n"}).providerVersion()
	assert.ErrorContains(t, err, "does not require the Kubernetes SDK")
}
