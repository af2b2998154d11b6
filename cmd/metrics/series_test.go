package main

import (
	"os"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/metrics"
)

// Series of pods are divided by the pods of the scrape, and series of a processor are those of four.
func TestSizes(t *testing.T) {
	for exporter, test := range map[string]struct {
		text string
		want map[string]metrics.Size
	}{
		"cadvisor": {
			"cpu{pod=\"\",id=\"/\"} 1\ncpu{pod=\"a\",container=\"x\"} 1\ncpu{pod=\"a\",container=\"y\"} 1\ncpu{pod=\"b\"} 1\n",
			map[string]metrics.Size{"cpu": {Target: 1, Pod: 1.5}},
		},
		"node-exporter": {
			"node_cpu{cpu=\"0\",mode=\"idle\"} 1\nnode_cpu{cpu=\"1\",mode=\"idle\"} 1\nnode_load1 1\n",
			map[string]metrics.Size{"node_cpu": {Target: 4}, "node_load1": {Target: 1}},
		},
		"kube-state-metrics": {
			"kube_pod_info{namespace=\"n\",pod=\"a\",node=\"d\"} 1\nkube_pod_info{namespace=\"n\",pod=\"b\",node=\"d\"} 1\nkube_deployment_created{namespace=\"n\",deployment=\"a\"} 1\nkube_node_info{node=\"d\"} 1\nkube_storageclass_info{storageclass=\"s\"} 1\n",
			map[string]metrics.Size{"kube_pod_info": {Pod: 1}, "kube_deployment_created": {Pod: 0.5}, "kube_node_info": {Node: 1}, "kube_storageclass_info": {Target: 1}},
		},
		"etcd": {
			"# TYPE gc summary\ngc{quantile=\"0\"} 1\ngc{quantile=\"1\"} 2\ngc_sum 1\ngc_count 1\n# TYPE took histogram\ntook_bucket{le=\"1\"} 1\ntook_bucket{le=\"+Inf\"} 1\ntook_sum 1\ntook_count 1\n",
			map[string]metrics.Size{"gc": {Target: 1, Quantiles: 2}, "took": {Target: 1}},
		},
	} {
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(strings.NewReader(test.text))
		require.NoError(t, err)
		assert.Equal(t, test.want, sizesOf(exporter, families), exporter)
	}
}

// What was not scraped this time stays in the file.
func TestWriteSizes(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, writeSizes(dir, metrics.Sizes{"a": {"up": {Target: 1}}, "b": {"cpu": {Target: 9}, "up": {Target: 1}}}))
	require.NoError(t, writeSizes(dir, metrics.Sizes{"b": {"cpu": {Pod: 1.5, Quantiles: 3}}}))
	_, text, _ := strings.Cut(readFile(t, dir+"/"+metrics.SeriesFile), "\n\n")
	assert.Equal(t, "a up target=1\n\nb cpu pod=1.5 quantiles=3\nb up target=1\n", text)
}

func readFile(t *testing.T, path string) string {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}
