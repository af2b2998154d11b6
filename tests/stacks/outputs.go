package stacks

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/offline"
)

// Outputs asserts that a stack has outputs of what it deploys, and of nothing else.
func Outputs(t *testing.T, binary string) {
	const forward = "kubectl port-forward -n monitoring service/"
	grafana := map[string]any{"grafanaUrl": "http://grafana.monitoring.svc:3000", "grafanaPortForward": forward + "grafana 3000"}
	query := map[string]any{
		"queryUrl": "http://thanos-query-frontend.monitoring.svc:10902", "queryGrpcAddress": "thanos-query.monitoring.svc:10901",
		"queryPortForward": forward + "thanos-query-frontend 10902",
	}
	server := map[string]any{"prometheusUrl": "http://prometheus.monitoring.svc:9090", "prometheusPortForward": forward + "prometheus 9090"}
	alertmanager := map[string]any{"alertmanagerUrl": "http://alertmanager.monitoring.svc:9093", "alertmanagerPortForward": forward + "alertmanager 9093"}
	for name, test := range map[string]struct {
		stack   string
		outputs []map[string]any
	}{
		"defaults": {"alerting: {acknowledgeNoNotifications: true}", []map[string]any{grafana, server, alertmanager}},
		"long-term storage": {
			"grafana: {enabled: false}\nalerting: {enabled: false}\nlongTermStorage: {enabled: true, objectStore: {type: S3, config: {bucket: blocks, endpoint: s3.example.com}}, query: {externalAddress: 'thanos.shop.example.com:443'}}",
			[]map[string]any{server, query, {"bucket": "s3://blocks/test/monitoring", "queryEndpoint": "thanos.shop.example.com:443"}},
		},
		// The kubeconfig, and where its querier is, are not known without the other stack.
		"with outputs of another stack": {
			"cluster: {name: test, kubeconfigFrom: {stack: acme/clusters/shop}}\ngrafana: {enabled: false}\nalerting: {enabled: false}\n" +
				"longTermStorage: {enabled: true, objectStore: {type: S3, config: {bucket: blocks, endpoint: s3.example.com}}, query: {stacks: [acme/clusters/shop]}}",
			[]map[string]any{server, query, {"bucket": "s3://blocks/test/monitoring"}},
		},
		"central": {central, []map[string]any{grafana, query}},
	} {
		t.Run(name, func(t *testing.T) {
			want := map[string]any{"version": config.Version, "namespace": "monitoring"}
			for _, outputs := range test.outputs {
				for name, value := range outputs {
					want[name] = value
				}
			}
			engine := &offline.Engine{}
			require.NoError(t, engine.Program(t.Context(), stackFile(t, test.stack), binary, "test"))
			assert.Equal(t, want, engine.Outputs())
		})
	}
}

// stackFile writes the stack file of a stack called test, given in YAML, and returns its directory.
func stackFile(t *testing.T, text string) string {
	t.Helper()
	values, file := map[string]any{"cluster": map[string]any{"name": "test"}}, map[string]any{}
	require.NoError(t, yaml.Unmarshal([]byte(text), &values))
	for key, value := range values {
		file[config.Project+":"+key] = value
	}
	content, err := yaml.Marshal(map[string]any{"config": file})
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Pulumi.test.yaml"), content, 0o600))
	return dir
}
