package config_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

const project = config.Project + ":"

// write writes a stack file, and returns its path.
func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "Pulumi.test.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// raw returns the values that Pulumi passes to the program of a stack file: strings as they are,
// everything else as JSON.
func raw(t testing.TB, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var file struct{ Config map[string]any }
	require.NoError(t, yaml.Unmarshal(text, &file))
	values := map[string]string{}
	for key, value := range file.Config {
		if s, ok := value.(string); ok {
			values[key] = s
			continue
		}
		text, err := json.Marshal(value)
		require.NoError(t, err)
		values[key] = string(text)
	}
	return values
}

func TestCommittedStacks(t *testing.T) {
	dev, err := config.FromFile("../Pulumi.dev.yaml")
	require.NoError(t, err)
	assert.Equal(t, 1, dev.Prometheus.Replicas)
	assert.Equal(t, config.StorageLocal, dev.Storage.Mode)

	prod, err := config.FromFile("../Pulumi.prod.yaml")
	require.NoError(t, err)
	assert.Equal(t, 2, prod.Prometheus.Replicas)
	assert.NotEmpty(t, prod.Storage.StorageClass)
	assert.True(t, prod.Storage.Protected())
}

// The committed stacks are valid once their missing secrets are set.
func TestCommittedStacksWithSecrets(t *testing.T) {
	for _, path := range []string{"../Pulumi.dev.yaml", "../Pulumi.prod.yaml", "../Pulumi.kind.yaml", "../Pulumi.scale.yaml", "../Pulumi.login.yaml"} {
		values, secretKeys := raw(t, path), []string{}
		missing, err := config.MissingSecrets(path)
		require.NoError(t, err)
		for _, at := range missing {
			keys := strings.Split(at, ".")
			top := map[string]any{}
			if text, ok := values[project+keys[0]]; ok {
				require.NoError(t, json.Unmarshal([]byte(text), &top))
			}
			object := top
			for _, key := range keys[1 : len(keys)-1] {
				object = object[key].(map[string]any)
			}
			object[keys[len(keys)-1]] = "s3crets3crets3cr"
			text, err := json.Marshal(top)
			require.NoError(t, err)
			values[project+keys[0]] = string(text)
			secretKeys = append(secretKeys, project+keys[0])
		}
		_, err = config.FromPulumi(values, secretKeys)
		assert.NoError(t, err, path)
	}
}

// FromPulumi and FromFile return the same Config, although Pulumi passes JSON.
func TestFromPulumiEqualsFromFile(t *testing.T) {
	everything := write(t, `
config:
  kubernetes-prometheus:cluster:
    name: test
    createNamespace: false
  kubernetes-prometheus:storage:
    protect: false
  kubernetes-prometheus:grafana:
    enabled: false
    config: {server: {http_addr: "::", enable_gzip: true}, dataproxy: {timeout: 60}}
  kubernetes-prometheus:prometheus:
    replicas: 2
    retentionSize: 12Gi
    externalUrl: https://prometheus.example.com/
    tolerations:
      - {key: dedicated, value: monitoring, effect: NoSchedule}
  kubernetes-prometheus:discovery:
    jobs:
      kubernetes-pods:
        sampleLimit: 50000
        metricRelabelConfigs:
          - {source_labels: [__name__], regex: go_.*, action: drop}
    extraScrapeConfigs:
      - job_name: outside
        honor_timestamps: false
        sample_limit: 12000000
        native_histogram_min_bucket_factor: 1.5
        relabel_configs: [{source_labels: [a], modulus: 8, target_label: b, action: hashmod}]
        static_configs: [{targets: ["192.0.2.1:80"]}]
  kubernetes-prometheus:exporters:
    nodeExporter: {port: 19100}
    blackboxExporter: {modules: {slow: {prober: http, timeout: 60s, http: {valid_status_codes: [200, 204]}}}}`)
	want, err := config.FromFile(everything)
	require.NoError(t, err)
	got, err := config.FromPulumi(raw(t, everything), nil)
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestFromPulumi(t *testing.T) {
	t.Run("other projects' keys are theirs", func(t *testing.T) {
		cfg, err := config.FromPulumi(map[string]string{
			project + "cluster": `{"name": "test"}`, project + "grafana": `{"enabled": false}`,
			"kubernetes:context": "x", "prometheus": "{}", "pulumi:disable-default-providers": `["*"]`,
		}, nil)
		require.NoError(t, err)
		assert.Equal(t, accepted(t, "{cluster: {name: test}, grafana: {enabled: false}}"), cfg)
	})
	for name, c := range map[string]struct{ key, value, problem string }{
		"a plain string where an object belongs": {
			"images", "latest",
			"images: is a string; allowed: an object with registryMirrors, overrides, pullPolicy, pullSecrets",
		},
		"JSON that does not parse":   {"storage", `{"size": `, "storage: is a string; allowed: an object with mode, size, storageClass, local, protect"},
		"a number":                   {"storage", `12`, "storage: 12 is a number; allowed: an object with mode, size, storageClass, local, protect"},
		"a misspelt key":             {"promtheus", `{}`, `promtheus: unknown "promtheus"; did you mean "prometheus"?`},
		"a key set without --path":   {"storage.size", "5Gi", `storage.size: is one key with a dot in it; remove it, and set the value inside storage with: pulumi config set --path 'kubernetes-prometheus:storage.size' VALUE`},
		"a number that is not whole": {"prometheus", `{"replicas": 1.5}`, `prometheus.replicas: 1.5 is a number; allowed: a whole number`},
	} {
		t.Run(name, func(t *testing.T) {
			values := map[string]string{project + "cluster": `{"name": "test"}`, project + "grafana": `{"enabled": false}`}
			values[project+c.key] = c.value
			_, err := config.FromPulumi(values, nil)
			assert.EqualError(t, err, "1 problem(s) in the stack's config:\n  "+c.problem)
		})
	}
}

func TestFromFile(t *testing.T) {
	_, err := config.FromFile("no-such-file.yaml")
	require.ErrorIs(t, err, os.ErrNotExist)

	_, err = config.FromFile(write(t, "config: ["))
	require.ErrorContains(t, err, "Pulumi.test.yaml: yaml: ")

	path := write(t, "config: {kubernetes-prometheus:cluster: {name: test}, kubernetes-prometheus:storge: {}}")
	_, err = config.FromFile(path)
	require.EqualError(t, err, path+": 1 problem(s) in the stack's config:\n  storge: unknown \"storge\"; did you mean \"storage\"?")
}

const webhook = "https://hooks.slack.example.com/services/T0/B0/s3cret"

func TestSecrets(t *testing.T) {
	alerting := fmt.Sprintf(`{"slack": {"channel": "#alerts", "webhookUrl": %q}, "secrets": {"token": "s3cret"}}`, webhook)
	values := map[string]string{project + "cluster": `{"name": "test"}`, project + "grafana": `{"enabled": false}`, project + "alerting": alerting}

	t.Run("reach the config when they are encrypted", func(t *testing.T) {
		cfg, err := config.FromPulumi(values, []string{project + "alerting"})
		require.NoError(t, err)
		assert.Equal(t, webhook, cfg.Alerting.Slack.WebhookURL.Reveal())
		assert.Equal(t, "s3cret", cfg.Alerting.Secrets["token"].Reveal())
	})
	t.Run("are rejected in plain text", func(t *testing.T) {
		_, err := config.FromPulumi(values, []string{project + "grafana"})
		require.EqualError(t, err, `2 problem(s) in the stack's config:
  alerting.secrets.token: in plain text; encrypt it with: pulumi config set --secret --path 'kubernetes-prometheus:alerting.secrets.token'
  alerting.slack.webhookUrl: in plain text; encrypt it with: pulumi config set --secret --path 'kubernetes-prometheus:alerting.slack.webhookUrl'`)

		_, err = config.FromFile(write(t, `config: {kubernetes-prometheus:cluster: {name: test}, kubernetes-prometheus:alerting: `+alerting+`}`))
		require.ErrorContains(t, err, "alerting.slack.webhookUrl: in plain text")
		assert.NotContains(t, err.Error(), "s3cret")
	})
	t.Run("stay encrypted in a file", func(t *testing.T) {
		cfg, err := config.FromFile(write(t, `
config:
  kubernetes-prometheus:cluster: {name: test}
  kubernetes-prometheus:alerting: {slack: {channel: "#alerts", webhookUrl: {secure: AAABAJ}}}`))
		require.NoError(t, err)
		assert.True(t, cfg.Alerting.Slack.WebhookURL.IsSet())
		assert.Equal(t, "[encrypted]", cfg.Alerting.Slack.WebhookURL.Reveal())
	})
	t.Run("may be missing from a file", func(t *testing.T) {
		path := write(t, `config: {kubernetes-prometheus:cluster: {name: test}, kubernetes-prometheus:alerting: {slack: {channel: "#alerts"}}, kubernetes-prometheus:grafana: {enabled: false}}`)
		_, err := config.FromFile(path)
		require.NoError(t, err)
		missing, err := config.MissingSecrets(path)
		require.NoError(t, err)
		assert.Equal(t, []string{"alerting.slack.webhookUrl"}, missing)
	})
	t.Run("are rejected where they would be readable", func(t *testing.T) {
		path := write(t, `
config:
  kubernetes-prometheus:cluster: {name: test}
  kubernetes-prometheus:grafana: {enabled: false, config: {smtp: {password: {secure: AAABAJ}}}}
  kubernetes-prometheus:discovery: {extraScrapeConfigs: [{job_name: a, basic_auth: {password: {secure: AAABAJ}}}]}
  kubernetes-prometheus:alerting: {receivers: [{name: a, webhook_configs: [{http_config: {http_headers: {X: {secrets: [{secure: AAABAJ}]}}}}]}]}
  kubernetes-prometheus:prometheus: {externalUrl: {secure: AAABAJ}, secrets: {token: {secure: AAABAJ}}}`)
		_, err := config.FromFile(path)
		var problems config.Problems
		require.ErrorAs(t, err, &problems)
		var paths []string
		for _, problem := range problems {
			assert.Contains(t, problem.Message, "is encrypted, but")
			paths = append(paths, problem.Path)
		}
		assert.Equal(t, []string{
			"alerting.receivers[0].webhook_configs[0].http_config.http_headers.X.secrets[0]",
			"discovery.extraScrapeConfigs[0].basic_auth.password",
			"grafana.config.smtp.password",
			"prometheus.externalUrl",
		}, paths)

		values := map[string]string{project + "cluster": `{"name": "test"}`, project + "grafana": `{"enabled": false}`, project + "discovery": `{}`}
		_, err = config.FromPulumi(values, []string{project + "discovery", project + "grafana", "other:cluster"})
		require.ErrorContains(t, err, "1 problem(s) in the stack's config:\n  discovery: is encrypted, but")

		// A running stack has them decrypted, and its file tells.
		running := map[string]string{
			project + "cluster": `{"name": "test"}`, project + "grafana": `{"enabled": false}`, project + "alerting": `{"acknowledgeNoNotifications": true}`,
			project + "discovery":  `{"extraScrapeConfigs": [{"job_name": "a", "basic_auth": {"password": "s3cret"}}]}`,
			project + "prometheus": `{"externalUrl": "https://s3cret.example.com", "secrets": {"token": "s3cret"}}`,
		}
		_, err = config.FromStack(path, running, []string{project + "discovery", project + "prometheus"})
		var ofStack config.Problems
		require.ErrorAs(t, err, &ofStack)
		assert.ElementsMatch(t, problems, ofStack)
		_, err = config.FromStack(path, map[string]string{}, nil)
		require.ErrorContains(t, err, "cluster.name: missing")
		require.ErrorContains(t, err, "prometheus.externalUrl: is encrypted, but")
		_, err = config.FromStack(filepath.Join(t.TempDir(), "Pulumi.none.yaml"), running, []string{project + "prometheus"})
		require.NoError(t, err, "a stack without a file")
	})
	t.Run("are not shown", func(t *testing.T) {
		cfg, err := config.FromPulumi(values, []string{project + "alerting"})
		require.NoError(t, err)
		text, err := json.Marshal(cfg)
		require.NoError(t, err)
		native, err := yaml.Marshal(cfg.Alerting)
		require.NoError(t, err)
		outputs := []string{string(text), string(native), fmt.Sprint(cfg.Alerting.Slack.WebhookURL)}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			outputs = append(outputs, fmt.Sprintf(verb, cfg.Alerting), fmt.Sprintf(verb, cfg.Alerting.Secrets), fmt.Sprintf(verb, *cfg.Alerting.Slack))
		}
		for _, text := range outputs {
			assert.NotContains(t, text, "s3cret")
			assert.NotContains(t, text, fmt.Sprintf("%x", "s3cret"))
		}
	})
	t.Run("are not in errors, even in the wrong place", func(t *testing.T) {
		for _, alerting := range []string{
			`"s3cret"`, `{"slack": "s3cret"}`, `{"slack": {"channel": "#a", "webhookUrl": ["s3cret"]}}`, `{"secrets": "s3cret"}`, `{"secrets": ["s3cret"]}`,
			`{"secrets": {"token": {"value": "s3cret"}}}`, `{"receivers": "s3cret"}`, `{"receivers": ["s3cret"]}`,
		} {
			_, err := config.FromPulumi(map[string]string{project + "cluster": `{"name": "test"}`, project + "alerting": alerting}, []string{project + "alerting"})
			require.Error(t, err, alerting)
			assert.NotContains(t, err.Error(), "s3cret")
		}
	})
}
