package language

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/structpb"
)

// program writes the files of a Go program to a new directory.
func program(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	return dir
}

const goMod = "module program\n\ngo 1.26.0\n"

func run(t *testing.T, dir string, opts map[string]any) *pulumirpc.RunResponse {
	t.Helper()
	o, err := structpb.NewStruct(opts)
	require.NoError(t, err)
	resp, err := NewHost("127.0.0.1:1").Run(t.Context(), &pulumirpc.RunRequest{
		Project: "proj", Stack: "dev", Pwd: dir, DryRun: true, Parallel: 4, MonitorAddress: "127.0.0.1:2",
		Config: map[string]string{"proj:key": "value"}, ConfigSecretKeys: []string{"proj:pw"},
		Info: &pulumirpc.ProgramInfo{RootDirectory: dir, ProgramDirectory: dir, EntryPoint: ".", Options: o},
	})
	require.NoError(t, err)
	return resp
}

func TestRunBuildsOnceAndSetsTheEnvironment(t *testing.T) {
	dir := program(t, map[string]string{"go.mod": goMod, "main.go": `package main

import "os"

func main() {
	want := map[string]string{
		"PULUMI_PROJECT": "proj", "PULUMI_STACK": "dev", "PULUMI_DRY_RUN": "true", "PULUMI_PARALLEL": "4",
		"PULUMI_MONITOR": "127.0.0.1:2", "PULUMI_ENGINE": "127.0.0.1:1",
		"PULUMI_CONFIG": "{\"proj:key\":\"value\"}", "PULUMI_CONFIG_SECRET_KEYS": "[\"proj:pw\"]",
	}
	for k, v := range want {
		if os.Getenv(k) != v {
			println(k, os.Getenv(k))
			os.Exit(3)
		}
	}
}
`})
	target := filepath.Join(dir, "bin", "program")
	assert.Equal(t, "", run(t, dir, map[string]any{"buildTarget": "bin/program"}).GetError())
	first, err := os.Stat(target)
	require.NoError(t, err)
	run(t, dir, map[string]any{"buildTarget": "bin/program"})
	second, err := os.Stat(target)
	require.NoError(t, err)
	assert.True(t, os.SameFile(first, second), "an unchanged program is not linked again")

	assert.Equal(t, "", run(t, dir, map[string]any{"binary": "bin/program"}).GetError())
	assert.Equal(t, "", run(t, dir, nil).GetError())
}

func TestOutcome(t *testing.T) {
	exit := func(code string) error { return exec.Command("sh", "-c", "exit "+code).Run() }
	assert.Equal(t, "", outcome(exit("0")).GetError())
	assert.True(t, outcome(exit("32")).GetBail())
	assert.Equal(t, "program exited with code 3", outcome(exit("3")).GetError())
	assert.False(t, outcome(exit("3")).GetBail())
	assert.Equal(t, "program: no such file", outcome(errors.New("no such file")).GetError())
}

func TestOptions(t *testing.T) {
	got, err := parseOptions(map[string]any{"buildTarget": "bin/x"})
	require.NoError(t, err)
	assert.Equal(t, options{buildTarget: "bin/x"}, got)
	_, err = parseOptions(map[string]any{"buildTarget": "a", "binary": "b"})
	assert.ErrorContains(t, err, "exclude each other")
	_, err = parseOptions(map[string]any{"binary": 1.0})
	assert.ErrorContains(t, err, "runtime.options.binary: 1 is not a path")
}

func TestRequiredPackages(t *testing.T) {
	dir := program(t, map[string]string{
		"go.mod": goMod + "require (\n\texample.com/sdk v1.0.0\n\texample.com/other v1.0.0\n)\n" +
			"replace example.com/sdk => ./sdk\nreplace example.com/other => ./other\n",
		"main.go":                          "package main\n\nfunc main() {}\n",
		"sdk/go.mod":                       "module example.com/sdk\n",
		"sdk/go/clouds/pulumi-plugin.json": `{"resource": true, "name": "clouds", "version": "1.2.3"}`,
		"other/go.mod":                     "module example.com/other\n",
	})
	packages, err := requiredPackages(t.Context(), dir)
	require.NoError(t, err)
	require.Len(t, packages, 1)
	assert.Equal(t, "clouds", packages[0].GetName())
	assert.Equal(t, "1.2.3", packages[0].GetVersion())
	assert.Equal(t, "resource", packages[0].GetKind())

	packages, err = requiredPackages(t.Context(), t.TempDir())
	require.NoError(t, err)
	assert.Empty(t, packages, "not in a module")
}
