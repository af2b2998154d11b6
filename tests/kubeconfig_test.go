package tests

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// readKubeconfig reads the kubeconfig of a stack, whose other stacks have outputs.
func readKubeconfig(t *testing.T, cfg *config.Config, others otherStacks) error {
	t.Helper()
	return pulumi.RunErr(func(ctx *pulumi.Context) error { return components.ReadKubeconfig(ctx, cfg) }, pulumi.WithMocks(config.Project, "test", others))
}

func TestKubeconfigFromAnotherStack(t *testing.T) {
	text := kubeconfig("https://shop.example.com", "{token: hunter2}", "test")
	var object map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &object))
	others := otherStacks{"acme/clusters/shop": {
		"kubeconfig": resource.MakeSecret(resource.NewProperty(text)), "object": object, "number": 1, "none": "", "other": kubeconfig("https://shop.example.com", "{}", "none"),
	}}
	read := func(output string) (*config.Config, error) {
		cfg := configtest.Config(t, "cluster: {name: shop, kubeconfigFrom: {stack: acme/clusters/shop"+output+"}}")
		return cfg, readKubeconfig(t, cfg, others)
	}
	cfg, err := read("")
	require.NoError(t, err)
	assert.Equal(t, text, cfg.Cluster.Kubeconfig.Reveal())
	cfg, err = read(", output: object")
	require.NoError(t, err)
	assert.Contains(t, cfg.Cluster.Kubeconfig.Reveal(), `"token":"hunter2"`)
	for _, output := range []string{"number", "none", "missing"} {
		_, err = read(", output: " + output)
		require.ErrorContains(t, err, `cluster.kubeconfigFrom.output: stack "acme/clusters/shop" has no kubeconfig in its output "`+output+`"; allowed: `)
	}
	_, err = read(", output: other")
	require.ErrorContains(t, err, "cluster.kubeconfigFrom: not a kubeconfig to connect with: ")
}

// A preview finds a kubeconfig that is none, and does not show it.
func TestKubeconfigThatDoesNotConnect(t *testing.T) {
	server := "https://shop.example.com"
	for name, test := range map[string]struct{ text, want string }{
		"valid":              {kubeconfig(server, "{token: hunter2}", "test"), ""},
		"no YAML":            {"hunter2: [", "cluster.kubeconfig: not a kubeconfig to connect with: "},
		"a password":         {"hunter2", "cluster.kubeconfig: not a kubeconfig to connect with: "},
		"empty":              {"{apiVersion: v1, kind: Config}", "it has no current-context; allowed: what `kubectl config view --raw --minify --flatten` prints"},
		"a context of none":  {kubeconfig(server, "{}", "hunter"), "not a kubeconfig to connect with: "},
		"a file of the user": {kubeconfig(server, "{client-certificate: /nonexistent/hunter.crt, client-key: /nonexistent/hunter.key}", "test"), "unable to read client-cert"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := configtest.Config(t, "")
			require.NoError(t, cfg.SetKubeconfig(test.text).Err())
			err := readKubeconfig(t, cfg, nil)
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), "hunter2")
		})
	}
	require.NoError(t, readKubeconfig(t, configtest.Config(t, ""), nil), "the user has one")
}
