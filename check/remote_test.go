package check

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// remotes returns the estimates of a stack of 10 nodes with these remotes, in YAML.
func remotes(t *testing.T, text string) []Remote {
	t.Helper()
	estimate, ok := EstimateOf(load(t, "cluster: {name: test, nodes: 10}\nprometheus: {remoteWrite: ["+text+"]}"))
	require.True(t, ok)
	return estimate.Remotes
}

func TestRemoteEstimates(t *testing.T) {
	const url = "url: 'https://example.com'"
	estimate, _ := EstimateOf(load(t, "cluster: {name: test, nodes: 10}\nprometheus: {remoteWrite: [{name: all, "+url+"}]}"))
	all := estimate.Remotes[0]
	assert.InDelta(t, estimate.Total, all.Series, 20, "everything is sent")
	assert.InDelta(t, estimate.Samples, all.Samples, 1)
	assert.Equal(t, 1, all.Shards)

	some := remotes(t, `
{name: classic, `+url+`, protobuf_message: prometheus.WriteRequest},
{name: no histograms, `+url+`, send_native_histograms: false, convert_nhcb_to_classic: false},
{name: a job, `+url+`, write_relabel_configs: [{source_labels: [job], regex: node-exporter, action: keep}]},
{name: not a metric, `+url+`, write_relabel_configs: [{source_labels: [__name__], regex: 'node_.+', action: drop}]},
{name: a namespace, `+url+`, write_relabel_configs: [{source_labels: [namespace], regex: shop, action: keep}]},
{name: small requests, `+url+`, queue_config: {max_samples_per_send: 10}}`)
	assert.Greater(t, some[0].Series, 2*all.Series, "a series for each bucket")
	assert.Greater(t, some[0].Bytes, all.Bytes)
	assert.Equal(t, estimate.Total-estimate.Native, some[1].Series)
	assert.InDelta(t, estimate.Series["node-exporter"], some[2].Series, 10)
	assert.InDelta(t, all.Series-some[2].Series, some[3].Series, 60, "up and the like stay")
	assert.Equal(t, all.Series, some[4].Series, "namespaces are not known")
	assert.Greater(t, some[5].Shards, 1)
}
