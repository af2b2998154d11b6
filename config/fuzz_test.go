package config_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// FuzzDecode decodes arbitrary YAML, of which JSON is a part. Decode never panics, every error
// is a list of problems, and what it accepts is also accepted as Pulumi's JSON.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"grafana: {enabled: false}\ncluster: {name: test}",
		"cluster: {name: test, networkPolicies: {fromNamespaces: [ingress]}}\nstorage: {mode: local, local: {path: /a, nodes: [a]}}",
		"grafana: {enabled: false}\ncluster: {name: test}\nprometheus: {replicas: 2, retention: 15d, retentionSize: 5Gi, externalUrl: 'http://a', externalLabels: {a: b}}",
		"grafana: {enabled: false}\ncluster: {name: test}\nprometheus: {extraArgs: {log.level: debug}, featureFlags: [exemplar-storage], tolerations: [{key: a, operator: Exists}]}",
		"grafana: {enabled: false}\ncluster: {name: test}\ndiscovery: {namespaces: [a], jobs: {kubernetes-pods: {sampleLimit: 5, metricRelabelConfigs: [{action: drop}]}}}",
		"grafana: {enabled: false}\ncluster: {name: test}\ndiscovery: {extraScrapeConfigs: [{job_name: a, sample_limit: 1e3}]}",
		"grafana: {enabled: false}\ncluster: {name: test}\nexporters: {kubeStateMetrics: {kinds: [pods], metricLabelsAllowlist: {pods: ['*']}}}",
		"grafana: {enabled: false}\ncluster: {name: test}\nalerting: {slack: {channel: '#a', webhookUrl: {secure: x}}, secrets: {a: b}, routes: [{receiver: a}]}",
		"grafana: {adminPassword: {secret: a, key: b}}\ncluster: {name: test}\nalerting: {slack: {channel: '#a', webhookUrl: {secret: a.b, key: c_d}}, secrets: {a: {secret: A, key: ''}}}",
		"grafana: {enabled: false}\ncluster: {name: test}\nalerting: {acknowledgeNoNotifications: true, deadMansSwitchUrl: {secret: {secure: x}, key: 1}}\nprometheus: {secrets: {a: {secret: b}, c: {secure: d, key: e}}}",
		`{"cluster": {"name": "test"}, "images": {"overrides": {"prometheus": "a/b:c"}, "registryMirrors": {"quay.io": "m/n"}}}`,
		"storage: {size: .inf}", "storage: {size: 1e400}", "? [a]\n: b", "cluster: {1: a}", "cluster: 2001-01-01", "a: &a [*a]", "- a", "null", "cluster: [null]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var values map[string]any
		if yaml.Unmarshal(text, &values) != nil {
			return
		}
		cfg, err := config.Decode(values)
		if err != nil {
			var problems config.Problems
			require.ErrorAs(t, err, &problems)
			require.NotEmpty(t, problems)
			for _, problem := range problems {
				require.NotEmpty(t, problem.Message)
			}
			return
		}
		raw := map[string]string{}
		var secrets []string
		for key, value := range values {
			text, err := json.Marshal(value)
			if err != nil { // NaN and infinity
				return
			}
			raw[config.Project+":"+key] = string(text)
			if slices.Contains([]string{"prometheus", "exporters", "alerting", "grafana", "login"}, key) { // which contain secrets
				secrets = append(secrets, config.Project+":"+key)
			}
		}
		again, err := config.FromPulumi(raw, secrets)
		require.NoError(t, err)
		want, err := json.Marshal(cfg)
		require.NoError(t, err)
		got, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	})
}
