package offline

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain runs the tests, or the program that they start from the same binary.
func TestMain(m *testing.M) {
	if os.Getenv(pulumi.EnvMonitor) == "" {
		os.Exit(m.Run())
	}
	var stack pulumi.RunInfo
	pulumi.Run(func(ctx *pulumi.Context) error {
		if stack.Config["kubernetes-prometheus:fail"] != "" {
			return errors.New("fail is set")
		}
		values := pulumi.Map{"secretKeys": pulumi.ToStringArray(stack.ConfigSecretKeys)}
		for key, value := range stack.Config {
			values[key] = pulumi.String(value)
		}
		var parent pulumi.ResourceState
		if err := ctx.RegisterComponentResource("test:index:Parent", "parent", &parent); err != nil {
			return err
		}
		var child pulumi.CustomResourceState
		return ctx.RegisterResource("test:index:Child", "child", pulumi.Map{
			"config": values,
			"hidden": pulumi.Map{"a.b": pulumi.ToSecret(pulumi.String("hunter2")), "list": pulumi.ToSecret(pulumi.ToStringArray([]string{"x", "y"}))},
		}, &child, pulumi.Parent(&parent), pulumi.Protect(true), pulumi.IgnoreChanges([]string{"config"}),
			pulumi.ReplaceWith([]pulumi.Resource{&parent}), pulumi.Aliases([]pulumi.Alias{{Name: pulumi.String("old")}}))
	}, func(run *pulumi.RunInfo) { stack = *run })
}

func TestProgram(t *testing.T) {
	engine, err := run(t, `
config:
  kubernetes-prometheus:cluster: {name: prod, nodes: 3}
  kubernetes-prometheus:alerting: {slack: {channel: "#alerts"}, secrets: {pager: {secure: AAABAA==}}}
  kubernetes-prometheus:grafana: {enabled: false}
  other:key: text
`)
	require.NoError(t, err)
	resources, err := engine.Resources()
	require.NoError(t, err)
	require.Len(t, resources, 2)
	child := resources[0]
	assert.Equal(t, "test:index:Parent$test:index:Child::child", child.URN)
	assert.Equal(t, []string{"test:index:Parent$test:index:Child::old"}, child.Aliases)
	assert.Equal(t, []string{"test:index:Parent::parent"}, child.ReplaceWith)
	assert.Equal(t, "parent", child.Parent)
	assert.True(t, child.Protect)
	assert.Equal(t, []string{"config"}, child.Ignores)
	assert.Equal(t, map[string]any{
		"kubernetes-prometheus:cluster": `{"name":"prod","nodes":3}`,
		// The webhook is required and not in the file.
		"kubernetes-prometheus:alerting": `{"secrets":{"pager":{"secure":"AAABAA=="}},"slack":{"channel":"#alerts","webhookUrl":{"secure":"missing"}}}`,
		"kubernetes-prometheus:grafana":  `{"enabled":false}`,
		"other:key":                      "text",
		"secretKeys":                     []any{"kubernetes-prometheus:alerting"},
	}, child.Inputs["config"].Mappable())

	assert.ElementsMatch(t, []string{`hidden["a.b"]`, "hidden.list"}, child.Secrets)
	hidden := resource.NewPropertyMapFromMap(map[string]any{"a.b": "[secret]", "list": []any{"[secret]", "[secret]"}})
	assert.Equal(t, hidden, child.Redacted()["hidden"].ObjectValue())
	assert.Equal(t, "hunter2", child.Inputs["hidden"].ObjectValue()["a.b"].StringValue(), "the inputs do not change")
}

func TestProgramFails(t *testing.T) {
	for text, want := range map[string]string{
		"config: {kubernetes-prometheus:fail: yes}": "fail is set",
		"config: [": "Pulumi.prod.yaml: yaml: line 1",
		"config: {kubernetes-prometheus:cluster: {1: a}}": "Pulumi.prod.yaml: json: unsupported type",
	} {
		_, err := run(t, text)
		assert.ErrorContains(t, err, want, text)
	}
	assert.ErrorContains(t, (&Engine{}).Program(t.Context(), t.TempDir(), "program", "prod"), "Pulumi.prod.yaml: no such file")
}

func run(t *testing.T, stack string) (*Engine, error) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Pulumi.prod.yaml"), []byte(stack), 0o600))
	program, err := os.Executable()
	require.NoError(t, err)
	engine := &Engine{}
	return engine, engine.Program(t.Context(), dir, program, "prod")
}
