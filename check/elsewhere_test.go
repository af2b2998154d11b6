package check

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

const central = "prometheus: {mode: none}\nlongTermStorage: {enabled: true, query: {endpoints: ['thanos-query.shop.svc:10901']}}"

// A stack without a Prometheus does not know which clusters, jobs and recordings others have. What jobs of
// this program have, it does.
func TestOtherClusters(t *testing.T) {
	stack, err := render.NewWith(configtest.Config(t, central), fstest.MapFS{"custom/own.json": {Data: []byte(`{"uid": "own", "title": "Own", "panels": [
		{"title": "Cluster", "targets": [{"refId": "A", "expr": "node_load1{job=\"node-exporter\", cluster=\"shop\"}"}]},
		{"title": "Job", "targets": [{"refId": "A", "expr": "sum(rate(orders_total{job=\"orders\"}[5m]))"}, {"refId": "B", "expr": "up{job=~\"orders|carts\"}"}]},
		{"title": "Recording", "targets": [{"refId": "A", "expr": "shop:orders:rate5m"}]},
		{"title": "Typo", "targets": [{"refId": "A", "expr": "node_laod1{job=\"node-exporter\"}"}]}]}`)}})
	require.NoError(t, err)
	assert.Equal(t, []string{`error: dashboards/own/panel "Typo", query A: no enabled job collects node_laod1; did you mean node_load1? (metric-collected)`}, found(Analyse(stack)))
	_, ok := EstimateOf(Analyse(stack))
	assert.False(t, ok, "there is no server")
}

// A stack whose dashboards another one shows stores what its custom dashboards need, but does not know which
// other clusters, jobs and recordings that one has.
func TestShownElsewhere(t *testing.T) {
	own := fstest.MapFS{"custom/own.json": {Data: []byte(`{"uid": "own", "title": "Own", "panels": [
		{"title": "Job", "targets": [{"refId": "A", "expr": "sum(rate(orders_total{job=\"orders\"}[5m]))"}]},
		{"title": "Recording", "targets": [{"refId": "A", "expr": "shop:orders:rate5m"}]},
		{"title": "Node", "targets": [{"refId": "A", "expr": "node_entropy_available_bits{job=\"node-exporter\"}"}]}]}`)}}
	const longTerm = "longTermStorage: {enabled: true, objectStore: {type: GCS, config: {bucket: a}}, query: {externalAddress: 'thanos.example.com:443'}}\n"
	of := func(values string) *render.Stack {
		stack, err := render.NewWith(configtest.Config(t, longTerm+values), own)
		require.NoError(t, err)
		return stack
	}
	const recording = `error: dashboards/own/panel "Recording", query A: no rule records shop:orders:rate5m (rule-records)`
	assert.Contains(t, found(Analyse(of(""))), recording, "this stack shows it")
	hidden := of("grafana: {enabled: false}")
	assert.Empty(t, found(Analyse(hidden)))
	assert.True(t, hidden.Ingest[config.NodeExporterJob].Stores("node_entropy_available_bits"))
}
