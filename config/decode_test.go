package config_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// decode decodes the values of a stack, written in YAML without the project's prefix. A section
// that is absent gets its required keys.
func decode(t testing.TB, text string) (*config.Config, error) {
	t.Helper()
	values := map[string]any{}
	require.NoError(t, yaml.Unmarshal([]byte(text), &values))
	for section, required := range map[string]map[string]any{
		"cluster": {"name": "test"},
		"grafana": {"adminPassword": "hunter2"},
	} {
		if _, ok := values[section]; !ok {
			values[section] = required
		}
	}
	return config.Decode(values)
}

// accepted decodes values that must be valid.
func accepted(t testing.TB, text string) *config.Config {
	t.Helper()
	cfg, err := decode(t, text)
	require.NoError(t, err)
	return cfg
}

// rejected decodes values that must be invalid, and returns each problem as "path: message".
func rejected(t testing.TB, text string) []string {
	t.Helper()
	cfg, err := decode(t, text)
	require.Error(t, err, text)
	require.Nil(t, cfg)
	var problems config.Problems
	require.ErrorAs(t, err, &problems)
	var lines []string
	for _, problem := range problems {
		lines = append(lines, problem.Error())
	}
	return lines
}

// violation is a stack with one problem.
type violation struct{ name, stack, problem string }

// run asserts that each stack has exactly its one problem.
func run(t *testing.T, violations []violation) {
	t.Helper()
	for _, v := range violations {
		t.Run(v.name, func(t *testing.T) {
			assert.Equal(t, []string{v.problem}, rejected(t, v.stack))
		})
	}
}

func TestUnknownKeys(t *testing.T) {
	run(t, []violation{
		{
			"misspelt top-level key", "storge: {}",
			`storge: unknown "storge"; did you mean "storage"?`,
		}, {
			"wrong case", "prometheus: {scrapeinterval: 15s}",
			`prometheus.scrapeinterval: unknown "scrapeinterval"; did you mean "scrapeInterval"?`,
		}, {
			"native spelling", "prometheus: {scrape_interval: 15s}",
			`prometheus.scrape_interval: unknown "scrape_interval"; did you mean "scrapeInterval"?`,
		}, {
			"two levels down", "storage: {local: {noods: [a]}}",
			`storage.local.noods: unknown "noods"; did you mean "nodes"?`,
		}, {
			"three levels down", "prometheus: {resources: {limits: {memroy: 1Gi}}}",
			`prometheus.resources.limits.memroy: unknown "memroy"; did you mean "memory"?`,
		}, {
			"nothing near", "storage: {local: {disk: /a}}",
			`storage.local.disk: unknown "disk"; allowed: path, nodes`,
		}, {
			"of the shared scheduling settings", "prometheus: {nodeSelectors: {disk: ssd}}",
			`prometheus.nodeSelectors: unknown "nodeSelectors"; did you mean "nodeSelector"?`,
		}, {
			"in a list", "prometheus: {tolerations: [{operator: Exists}, {keys: a}]}",
			`prometheus.tolerations[1].keys: unknown "keys"; did you mean "key"?`,
		}, {
			"in the settings of a job", "discovery: {jobs: {kubernetes-pods: {interval: 15s}}}",
			`discovery.jobs.kubernetes-pods.interval: unknown "interval"; allowed: enabled, scrapeInterval, scrapeTimeout, sampleLimit, keepMetrics, histograms, tlsConfig, metricRelabelConfigs`,
		}, {
			"job", "discovery: {jobs: {kubernetes-pod: {enabled: false}}}",
			`discovery.jobs.kubernetes-pod: unknown "kubernetes-pod"; did you mean "kubernetes-pods"?`,
		}, {
			"image", "images: {overrides: {nodeexporter: 'quay.io/x/y:1'}}",
			`images.overrides.nodeexporter: unknown "nodeexporter"; did you mean "node-exporter"?`,
		}, {
			"kind", "exporters: {kubeStateMetrics: {metricLabelsAllowlist: {pod: ['*']}}}",
			`exporters.kubeStateMetrics.metricLabelsAllowlist.pod: unknown "pod"; did you mean "pods"?`,
		}, {
			"flag", "prometheus: {extraArgs: {query.max-concurency: '10'}}",
			`prometheus.extraArgs.query.max-concurency: unknown "query.max-concurency"; did you mean "query.max-concurrency"?`,
		}, {
			"set without --path", "prometheus.replicas: 2",
			`prometheus.replicas: is one key with a dot in it; remove it, and set the value inside prometheus with: pulumi config set --path 'kubernetes-prometheus:prometheus.replicas' VALUE`,
		},
	})
}

// If no known key is near, the message lists them all.
func TestUnrelatedTopLevelKey(t *testing.T) {
	var known []string
	for field := range reflect.TypeFor[config.Config]().Fields() {
		if field.IsExported() {
			known = append(known, field.Tag.Get("json"))
		}
	}
	assert.Equal(t, []string{`traces: unknown "traces"; allowed: ` + strings.Join(known, ", ")}, rejected(t, "traces: {}"))
}

func TestWrongTypes(t *testing.T) {
	run(t, []violation{
		{
			"string for an object", "storage: ssd",
			`storage: is a string; allowed: an object with mode, size, storageClass, local, protect`,
		}, {
			"list for an object", "storage: {local: [a]}",
			`storage.local: is a list; allowed: an object with path, nodes`,
		}, {
			"object for a list", "storage: {local: {nodes: {a: b}}}",
			`storage.local.nodes: is an object; allowed: a list`,
		}, {
			"string for a list", "discovery: {namespaces: shop}",
			`discovery.namespaces: is a string; allowed: a list`,
		}, {
			"list for a map", "prometheus: {nodeSelector: [disk]}",
			`prometheus.nodeSelector: is a list; allowed: an object`,
		}, {
			"string for a number", "prometheus: {replicas: two}",
			`prometheus.replicas: "two" is a string; allowed: a whole number`,
		}, {
			"quoted number", "prometheus: {replicas: '2'}",
			`prometheus.replicas: "2" is a string; allowed: a whole number`,
		}, {
			"fraction", "prometheus: {replicas: 1.5}",
			`prometheus.replicas: 1.5 is a number; allowed: a whole number`,
		}, {
			"number out of range", "prometheus: {replicas: 1e300}",
			`prometheus.replicas: 1e+300 is a number; allowed: a whole number`,
		}, {
			"string for a boolean", "cluster: {name: test, createNamespace: yess}",
			`cluster.createNamespace: "yess" is a string; allowed: true or false`,
		}, {
			"number for a boolean", "storage: {protect: 0}",
			`storage.protect: 0 is a number; allowed: true or false`,
		}, {
			"boolean for a string", "storage: {storageClass: true}",
			`storage.storageClass: true is a boolean; allowed: a string`,
		}, {
			"number for a string", "cluster: {name: 42}",
			`cluster.name: 42 is a number; allowed: a string`,
		}, {
			"number for an enum", "images: {pullPolicy: 1}",
			`images.pullPolicy: 1 is a number; allowed: IfNotPresent, Always, Never`,
		}, {
			"number for a duration", "prometheus: {retention: 15}",
			`prometheus.retention: 15 is a number; allowed: a duration in Prometheus' notation, such as 30s, 5m or 15d`,
		}, {
			"number for a quantity", "prometheus: {resources: {requests: {cpu: 2}}}",
			`prometheus.resources.requests.cpu: 2 is a number; allowed: a quantity in Kubernetes' notation, such as "500m" or "2Gi"`,
		}, {
			"date", "cluster: {name: 2024-01-01}",
			`cluster.name: 2024-01-01 is a date; allowed: a string`,
		}, {
			"keys that are not strings", "prometheus: {nodeSelector: {1: a}}",
			`prometheus.nodeSelector: is an object with keys that are not strings; allowed: an object`,
		}, {
			"nothing in a list", "storage: {mode: local, local: {nodes: [null]}}",
			`storage.local.nodes[0]: is empty`,
		},
	})
}

func TestUnparsableValues(t *testing.T) {
	run(t, []violation{
		{
			"duration", "prometheus: {scrapeInterval: 15 sec}",
			`prometheus.scrapeInterval: "15 sec": not a duration; allowed: a duration in Prometheus' notation, such as 30s, 5m or 15d`,
		}, {
			"Go duration", "prometheus: {retention: 1.5h}",
			`prometheus.retention: "1.5h": not a duration; allowed: a duration in Prometheus' notation, such as 30s, 5m or 15d`,
		}, {
			"duration of a job", "discovery: {jobs: {kubernetes-nodes: {scrapeTimeout: fast}}}",
			`discovery.jobs.kubernetes-nodes.scrapeTimeout: "fast": not a duration; allowed: a duration in Prometheus' notation, such as 30s, 5m or 15d`,
		}, {
			"quantity", "storage: {size: 50GB}",
			`storage.size: "50GB": not a quantity; allowed: a quantity in Kubernetes' notation, such as "500m" or "2Gi"`,
		}, {
			"unit without a number", "alerting: {size: Gi}",
			`alerting.size: "Gi": not a quantity; allowed: a quantity in Kubernetes' notation, such as "500m" or "2Gi"`,
		}, {
			"negative quantity", "storage: {size: -5Gi}",
			`storage.size: "-5Gi": negative; allowed: a quantity in Kubernetes' notation, such as "500m" or "2Gi"`,
		}, {
			"URL without scheme", "prometheus: {externalUrl: prometheus.example.com}",
			`prometheus.externalUrl: "prometheus.example.com": not an absolute URL; allowed: an absolute http:// or https:// URL`,
		}, {
			"URL with a query", "alerting: {runbookUrl: 'https://wiki.example.com/page?id='}",
			`alerting.runbookUrl: "https://wiki.example.com/page?id=" has a query or fragment; allowed: a URL without them`,
		}, {
			"URL of another scheme", "prometheus: {externalUrl: 'ftp://example.com'}",
			`prometheus.externalUrl: "ftp://example.com": not an absolute URL; allowed: an absolute http:// or https:// URL`,
		}, {
			"URL without host", "prometheus: {externalUrl: 'http:///graph'}",
			`prometheus.externalUrl: "http:///graph": not an absolute URL; allowed: an absolute http:// or https:// URL`,
		}, {
			"enum", "storage: {mode: locl}",
			`storage.mode: unknown "locl"; did you mean "local"?`,
		}, {
			"enum with nothing near", "storage: {mode: nfs}",
			`storage.mode: unknown "nfs"; allowed: dynamic, local, ephemeral`,
		}, {
			"empty enum", "storage: {mode: ''}",
			`storage.mode: unknown ""; allowed: dynamic, local, ephemeral`,
		}, {
			"enum in a list", "prometheus: {featureFlags: [exemplar-storag]}",
			`prometheus.featureFlags[0]: unknown "exemplar-storag"; did you mean "exemplar-storage"?`,
		}, {
			"taint effect", "exporters: {nodeExporter: {tolerations: [{key: a, effect: NoScheduled}]}}",
			`exporters.nodeExporter.tolerations[0].effect: unknown "NoScheduled"; did you mean "NoSchedule"?`,
		},
	})
}

// All problems are reported at once, sorted by path.
func TestSeveralProblems(t *testing.T) {
	_, err := decode(t, `
prometheus: {replicas: two, retention: long, resources: {requests: {cpus: 1}}}
discovery: {jobs: {kubernetes-pods: {sampleLimit: many}}}
storge: {}
images: latest`)
	require.EqualError(t, err, strings.TrimSpace(`
6 problem(s) in the stack's config:
  discovery.jobs.kubernetes-pods.sampleLimit: "many" is a string; allowed: a whole number
  images: is a string; allowed: an object with registryMirrors, overrides, pullPolicy, pullSecrets
  prometheus.replicas: "two" is a string; allowed: a whole number
  prometheus.resources.requests.cpus: unknown "cpus"; did you mean "cpu"?
  prometheus.retention: "long": not a duration; allowed: a duration in Prometheus' notation, such as 30s, 5m or 15d
  storge: unknown "storge"; did you mean "storage"?`))

	assert.Equal(t, []string{
		`cluster.namespace: "Monitoring": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character`,
		`prometheus.replicas: 0; allowed: 1 to 10`,
		`storage.size: 100Mi is too small; allowed: 1Gi or more`,
	}, rejected(t, `
cluster: {name: test, namespace: Monitoring}
prometheus: {replicas: 0}
storage: {size: 100Mi}`))
}

// `key:` without a value, as people leave it after deleting the value, means the default.
func TestEmptyValuesLeaveDefaults(t *testing.T) {
	cfg := accepted(t, `
storage:
prometheus: {retention: , resources: }
discovery: {jobs: {kubernetes-pods: }}`)
	assert.Equal(t, accepted(t, "discovery: {jobs: {kubernetes-pods: {}}}"), cfg)
}

func TestValuesMergeOntoDefaults(t *testing.T) {
	cfg := accepted(t, "prometheus: {resources: {limits: {memory: 8Gi}}}")
	assert.Equal(t, "8Gi", cfg.Prometheus.Resources.Limits.Memory.String())
	assert.Equal(t, config.Default().Prometheus.Resources.Requests, cfg.Prometheus.Resources.Requests, "the rest keeps its default")

	cfg = accepted(t, "exporters: {kubeStateMetrics: {kinds: [pods]}}")
	assert.Equal(t, []config.Kind{"pods"}, cfg.Exporters.KubeStateMetrics.Kinds, "a list replaces the default")
}

// Decoding does not change the defaults of the next stack.
func TestDefaultsAreNotShared(t *testing.T) {
	before := config.Default()
	accepted(t, `
exporters: {kubeStateMetrics: {kinds: [pods], resources: {requests: {cpu: 1m}}}, nodeExporter: {tolerations: []}}
alerting: {route: {groupBy: [alertname]}}`)
	assert.Equal(t, before, config.Default())
}

// A value that cannot be decoded does not hide problems elsewhere, and the default in its place
// is not validated.
func TestValidationContinuesAfterDecoding(t *testing.T) {
	_, err := config.Decode(map[string]any{
		"cluster":    map[string]any{"nam": "test"},
		"grafana":    map[string]any{"enabled": "no"},
		"storage":    map[string]any{"size": "4GB!", "storageClass": "Not A Class"},
		"prometheus": map[string]any{"replicas": 99, "retentionSize": "much", "retention": "1h"},
		"alerting":   map[string]any{"slack": map[string]any{"channel": "#a", "webhookUrl": []any{}}},
	})
	var problems config.Problems
	require.ErrorAs(t, err, &problems)
	var paths []string
	for _, problem := range problems {
		paths = append(paths, problem.Path)
	}
	assert.Equal(t, []string{
		"alerting.slack.webhookUrl", "cluster.nam", "grafana.adminPassword", "grafana.enabled",
		"prometheus.replicas", "prometheus.retention", "prometheus.retentionSize", "storage.size", "storage.storageClass",
	}, paths)
}
