package render

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
)

const central = "prometheus: {mode: none, acknowledgeInsecureRemotes: true}\nlongTermStorage: {enabled: true, query: {endpoints: ['thanos-query.shop.svc:10901', 'thanos.bank.example.com:443']}}"

// A stack without a Prometheus has no files of one, and asks only the queriers of others.
func TestNoPrometheus(t *testing.T) {
	s, err := New(configtest.Config(t, central))
	require.NoError(t, err)
	assert.Empty(t, s.PrometheusConfigs)
	assert.Empty(t, s.PrometheusRules.Files)
	assert.Empty(t, s.Grants)
	assert.Nil(t, s.Alertmanager)
	assert.Nil(t, s.Thanos.Bucket)
	assert.Nil(t, s.Thanos.Ruler)
	assert.Empty(t, s.Thanos.Selectors)
	assert.Equal(t, "endpoints:\n  - address: thanos-query.shop.svc:10901\n  - address: thanos.bank.example.com:443\n", s.Thanos.Query.Files["endpoints.yaml"])
	require.Len(t, s.Datasources, 1)
	assert.Equal(t, "http://thanos-query-frontend.monitoring.svc:10902", s.Datasources[0].URL)
	for _, configMap := range s.ConfigMaps() {
		if len(configMap.Files) > 0 {
			assert.NotRegexp(t, "^prometheus", configMap.Name)
		}
	}
}

// It has every dashboard that a cluster can fill.
func TestDashboardsWithoutPrometheus(t *testing.T) {
	names := func(text string) []string {
		s, err := New(configtest.Config(t, text))
		require.NoError(t, err)
		var names []string
		for _, d := range s.Dashboards {
			names = append(names, d.UID)
		}
		slices.Sort(names)
		return names
	}
	all := names(central)
	assert.Subset(t, all, names(`
cluster: {name: test, platform: kubeadm, nodes: 3}
prometheus: {remoteWrite: [{name: central, url: 'https://example.com'}], shards: 2}
longTermStorage: {enabled: true, objectStore: {type: S3, config: {bucket: blocks, endpoint: s3.example.com}}}
exporters: {blackboxExporter: {targets: [{url: 'https://example.com', module: http_2xx}]}}
discovery: {jobs: {etcd: {enabled: true}, kube-scheduler: {enabled: true}, kube-controller-manager: {enabled: true}, kube-proxy: {enabled: true}, kubernetes-ingresses: {enabled: true}}}`))
	assert.Equal(t, all, names("cluster: {name: test, platform: gke-autopilot}\n"+central))
	assert.Contains(t, all, dashboards.UIDAlertsOverview)
	assert.NotContains(t, names(central+"\ndiscovery: {jobs: {etcd: {enabled: false}}}"), "etcd")
}

// A stack that others query stores what their dashboards need, even if it has no Grafana itself.
func TestQueriedWithoutGrafana(t *testing.T) {
	rendered := func(further string) *Stack {
		s, err := New(configtest.Config(t, "longTermStorage: {enabled: true, objectStore: {type: S3, config: {bucket: blocks, endpoint: s3.example.com}}"+further))
		require.NoError(t, err)
		return s
	}
	shown, queried, alone := rendered("}"), rendered(", query: {externalAddress: 'thanos.example.com:443'}}\ngrafana: {enabled: false}"), rendered("}\ngrafana: {enabled: false}")
	assert.Empty(t, queried.Dashboards)
	assert.Empty(t, queried.GrafanaConfig.Files)
	for job, ingest := range queried.Ingest {
		assert.Equal(t, shown.Ingest[job].Names, ingest.Names, job)
	}
	assert.Less(t, len(alone.Ingest[config.NodeExporterJob].Names), len(queried.Ingest[config.NodeExporterJob].Names))
}
