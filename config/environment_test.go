package config_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// An environment in the stack's file is part of the stack, and what the stack sets itself wins.
func TestEnvironmentInTheFile(t *testing.T) {
	file := write(t, `
environment:
  values:
    region: eu
    pulumiConfig:
      cluster: {name: shared, nodes: 20, labels: {team: platform, tier: shared}}
      kubernetes-prometheus:prometheus: {retention: 30d, secrets: {router: {"fn::secret": {ciphertext: ZXNj}}}, tolerations: [{key: a, operator: Exists}, {key: b, operator: Exists}]}
      kubernetes-prometheus:alerting: {slack: {channel: "#shared", webhookUrl: {"fn::secret": hunter2}}}
      aws:region: eu-west-1
config:
  kubernetes-prometheus:cluster: {name: shop, labels: {tier: own}}
  kubernetes-prometheus:prometheus: {tolerations: [{key: c, operator: Exists}]}
  kubernetes-prometheus:grafana: {enabled: false}
`)
	cfg, err := config.FromFile(file)
	require.NoError(t, err)
	assert.Equal(t, "shop", cfg.Cluster.Name)
	assert.Equal(t, 20, cfg.Cluster.Nodes)
	assert.Equal(t, map[string]string{"team": "platform", "tier": "own"}, cfg.Cluster.Labels)
	assert.Equal(t, "30d", cfg.Prometheus.Retention.String())
	require.Len(t, cfg.Prometheus.Tolerations, 1, "a list replaces the environment's")
	assert.Equal(t, "[encrypted]", cfg.Alerting.Slack.WebhookURL.Reveal())
	assert.Empty(t, cfg.Unread())
	missing, err := config.MissingSecrets(file)
	require.NoError(t, err)
	assert.Empty(t, missing)

	values, err := config.FileValues(file)
	require.NoError(t, err)
	assert.Equal(t, "eu-west-1", values["aws:region"])
	assert.Equal(t, map[string]any{"name": "shop", "nodes": 20, "labels": map[string]any{"team": "platform", "tier": "own"}}, values["kubernetes-prometheus:cluster"])
}

// What a stack takes from elsewhere is not known without it, and not missing.
func TestEnvironmentElsewhere(t *testing.T) {
	file := write(t, `
environment: [acme/clusters, acme/shop]
config:
  kubernetes-prometheus:alerting: {slack: {channel: "#shop"}}
  kubernetes-prometheus:longTermStorage: {enabled: true}
`)
	cfg, err := config.FromFile(file)
	require.NoError(t, err)
	assert.Equal(t, "unknown", cfg.Cluster.Name)
	assert.Equal(t, []string{
		"environment: acme/clusters is opened by previews and updates only; what it sets is not known here, and neither checked nor compared",
		"environment: acme/shop is opened by previews and updates only; what it sets is not known here, and neither checked nor compared",
	}, cfg.Unread())
	missing, err := config.MissingSecrets(file)
	require.NoError(t, err)
	assert.Contains(t, missing, "grafana.adminPassword", "a preview without an engine needs a placeholder")
	values, err := config.FileValues(file)
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"name": "unknown"}, values["kubernetes-prometheus:cluster"])

	_, err = config.FromFile(write(t, `
environment: {imports: [acme/clusters, {acme/shop: {merge: false}}]}
config:
  kubernetes-prometheus:cluster: {name: a, node: 3}
  kubernetes-prometheus:discovery: {extraScrapeConfigs: [{scheme: https}]}
  kubernetes-prometheus:alerting: {acknowledgeNoNotifications: true}
`))
	require.ErrorContains(t, err, "2 problem(s)")
	require.ErrorContains(t, err, `cluster.node: unknown "node"`)
	require.ErrorContains(t, err, "discovery.extraScrapeConfigs[0].job_name: missing", "the stack's list is the whole list")
}

// Of an environment in the file, values that others provide are not known, and everything else is.
func TestComputedValues(t *testing.T) {
	const text = `
environment:
  imports: [{acme/base: {merge: false}}]
  values:
    clusters: {"fn::open::pulumi-stacks": {stacks: {shop: {stack: clusters/shop}}}}
    pulumiConfig:
      kubernetes-prometheus:cluster: {name: "${clusters.shop.name}", nodes: 3, kubeconfig: "${clusters.shop.kubeconfig}"}
      kubernetes-prometheus:discovery: {namespaces: [a, "${environments.acme.teams.namespace}"]}
      kubernetes-prometheus:grafana: {"fn::fromJSON": "{}"}
      aws:region: "${region}"
config:
  kubernetes-prometheus:alerting: {acknowledgeNoNotifications: true}
  kubernetes-prometheus:grafana: {enabled: false}
  kubernetes-prometheus:cluster: {name: shop}
`
	cfg, err := config.FromFile(write(t, text))
	require.NoError(t, err)
	assert.Equal(t, "shop", cfg.Cluster.Name)
	assert.Equal(t, 3, cfg.Cluster.Nodes)
	assert.Nil(t, cfg.Cluster.Kubeconfig)
	assert.Empty(t, cfg.Discovery.Namespaces)
	assert.False(t, cfg.Grafana.Enabled)
	const computed = ": is computed when the environment is opened, by previews and updates only; it is not known here, and neither checked nor compared"
	assert.Equal(t, []string{
		"environment: acme/base is opened by previews and updates only; what it sets is not known here, and neither checked nor compared",
		"cluster.kubeconfig" + computed, "discovery.namespaces" + computed, "grafana" + computed,
	}, cfg.Unread())

	cfg, err = config.FromFile(write(t, `
environment: {values: {pulumiConfig: "${elsewhere}"}}
config: {kubernetes-prometheus:alerting: {acknowledgeNoNotifications: true}}
`))
	require.NoError(t, err)
	assert.Equal(t, []string{"environment.values.pulumiConfig" + computed}, cfg.Unread())

	cfg, err = config.FromFile(write(t, `
environment: {values: {pulumiConfig: {cluster: {name: "${name}"}}}}
config: {kubernetes-prometheus:alerting: {acknowledgeNoNotifications: true}}
`))
	require.NoError(t, err)
	assert.Equal(t, "unknown", cfg.Cluster.Name)

	for _, way := range []string{`context: "${a}"`, `kubeconfig: "${a}"`, `kubeconfigFrom: {stack: "${a}"}`} {
		cfg, err = config.FromFile(write(t, `
environment: {values: {pulumiConfig: {cluster: {name: shop, `+way+`}}}}
config: {kubernetes-prometheus:alerting: {acknowledgeNoNotifications: true}, kubernetes-prometheus:grafana: {enabled: false}}
`))
		require.NoError(t, err)
		require.Error(t, cfg.NeedsKubeconfig(""), way)
	}
}

func TestBrokenEnvironments(t *testing.T) {
	for name, test := range map[string]struct{ environment, want string }{
		"a name":               {"acme/shop", `environment: "acme/shop" is a string; allowed: a list of environments, or an object with imports and values`},
		"a misspelt key":       {"{import: [a]}", `environment.import: unknown "import"; did you mean "imports"?`},
		"imports of one":       {"{imports: acme/shop}", `environment.imports: "acme/shop" is a string; allowed: a list of environments`},
		"options in a list":    {"[{acme/shop: {merge: false}}]", `environment[0]: is an object; allowed: the name of an environment, such as project/environment`},
		"no values":            {"{values: [1]}", `environment.values: is a list; allowed: an object`},
		"no config":            {"{values: {pulumiConfig: [1]}}", `environment.values.pulumiConfig: is a list; allowed: an object`},
		"a wrong value":        {"{values: {pulumiConfig: {cluster: {nodes: many}}}}", `cluster.nodes: "many" is a string; allowed: a whole number`},
		"an unknown setting":   {"{values: {pulumiConfig: {cluser: {nodes: 1}}}}", `cluser: unknown "cluser"; did you mean "cluster"?`},
		"a misspelt project":   {"{values: {pulumiConfig: {'kubernetes-prometeus:cluster': {}}}}", `unknown project "kubernetes-prometeus"; did you mean kubernetes-prometheus:cluster?`},
		"secret in plain text": {"{values: {pulumiConfig: {grafana: {adminPassword: hunter2}}}}", "grafana.adminPassword: in plain text"},
		"a secret elsewhere":   {"{values: {pulumiConfig: {cluster: {namespace: {'fn::secret': a}}}}}", "cluster.namespace: is encrypted, but this setting is stored in clear text"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.FromFile(write(t, "environment: "+test.environment+`
config: {kubernetes-prometheus:cluster: {name: test}, kubernetes-prometheus:alerting: {acknowledgeNoNotifications: true}}`))
			require.ErrorContains(t, err, "1 problem(s) in the stack's config:\n  ")
			require.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), "hunter2")
		})
	}
}
