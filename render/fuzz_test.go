package render

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// FuzzPrometheus checks that Prometheus' loader accepts what is rendered of any valid config,
// unless it rejects a native part of the config, which the error then names.
func FuzzPrometheus(f *testing.F) {
	for _, seed := range []string{
		"{}",
		"storage: {size: 1Gi}\nprometheus: {retention: 2h, retentionSize: 1Mi, scrapeInterval: 1h, scrapeTimeout: 1ms, evaluationInterval: 1y}",
		"prometheus: {externalLabels: {a: '$b', c_1: '${d}', e: \"\\x00\"}, outOfOrderTimeWindow: 1w}",
		"discovery: {namespaces: [a, b], verifyKubeletCertificates: true}",
		"discovery: {jobs: {kubernetes-pods: {enabled: false}, kubernetes-nodes: {scrapeInterval: 1s500ms, scrapeTimeout: 1s, sampleLimit: 9223372036854775807}}}",
		"discovery: {jobs: {prometheus: {metricRelabelConfigs: [{action: drop, regex: a, source_labels: [b]}]}}}",
		"discovery: {extraScrapeConfigs: [{job_name: a, static_configs: [{targets: [b]}]}]}",
		"exporters: {nodeExporter: {enabled: false}, blackboxExporter: {modules: {a.b: {prober: http}, 'c;d|e(': {prober: http}}}}",
		"exporters: {blackboxExporter: {modules: {http_2xx: {prober: tcp}, http_2xx_insecure: {prober: dns}}}}",
		"cluster: {name: a.b, namespace: c}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		values := map[string]any{}
		if yaml.Unmarshal(text, &values) != nil || values == nil {
			return
		}
		if _, ok := values["cluster"]; !ok {
			values["cluster"] = map[string]any{"name": "test"}
		}
		values["grafana"] = map[string]any{"enabled": false}
		cfg, err := configtest.Decode(values)
		if err != nil {
			return
		}
		if _, _, err := (&Stack{Config: cfg}).prometheusConfig(0); err != nil {
			named := false
			for i := range cfg.Discovery.ExtraScrapeConfigs {
				named = named || strings.Contains(err.Error(), cfg.Discovery.ExtraScrapeConfigs[i]["job_name"].(string))
			}
			for job, settings := range cfg.Discovery.Jobs {
				named = named || len(settings.MetricRelabelConfigs) > 0 && strings.Contains(err.Error(), string(job))
			}
			require.True(t, named, "%v", err)
		}
		if _, err := blackboxConfig(cfg); err != nil {
			require.ErrorContains(t, err, "exporters.blackboxExporter.modules.")
		}
	})
}
