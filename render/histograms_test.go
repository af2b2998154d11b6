package render

import (
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/histograms"
)

// Jobs of exporters store native histograms unless they are set to classic ones, those of
// applications only if they are set to native ones.
func TestScrapedHistograms(t *testing.T) {
	for yaml, want := range map[string]map[config.Job]bool{
		"": {config.NodesJob: true, config.PrometheusJob: true, config.PodsJob: false, config.EndpointsJob: false},
		"discovery: {histograms: classic, jobs: {prometheus: {histograms: native}}}":                                 {config.NodesJob: false, config.PrometheusJob: true, config.PodsJob: false},
		"discovery: {jobs: {kubernetes-pods: {histograms: native}, kubernetes-nodes: {histograms: classic}}}":        {config.NodesJob: false, config.PodsJob: true, config.APIServersJob: true},
		"discovery: {histograms: classic, jobs: {kubernetes-apiservers: {histograms: classic, sampleLimit: 10000}}}": {config.APIServersJob: false},
	} {
		for _, job := range loaded(t, configtest.Config(t, yaml)) {
			if native, ok := want[config.Job(job.JobName)]; ok {
				assert.Equal(t, native, job.ScrapeNativeHistogramsEnabled(), "%s: %s", yaml, job.JobName)
				assert.Equal(t, native, job.ConvertClassicHistogramsToNHCBEnabled(), "%s: %s", yaml, job.JobName)
				assert.False(t, job.AlwaysScrapeClassicHistogramsEnabled())
			}
		}
	}
}

// No expression of a shipped rule or dashboard selects a histogram in a form that is not stored.
func TestShippedExpressionsSelectStoredHistograms(t *testing.T) {
	for _, yaml := range []string{
		"",
		"discovery: {histograms: classic}",
		"discovery: {jobs: {kubernetes-nodes: {histograms: classic}}}",
		"discovery: {histograms: classic, jobs: {kubernetes-nodes: {histograms: native}}}",
		"cluster: {name: test, platform: k3s}\ndiscovery: {jobs: {kubernetes-nodes: {histograms: classic}}}",
		"cluster: {name: test, platform: kubeadm}\ndiscovery: {jobs: {kube-proxy: {histograms: classic}, coredns: {histograms: classic}}}",
	} {
		stack, err := New(configtest.Config(t, yaml))
		require.NoError(t, err, yaml)
		for _, q := range stack.Queries {
			translated, _, err := stack.Histograms.Translate(q.Expr)
			require.NoError(t, err, "%s: %s", yaml, q.Path)
			if !strings.Contains(q.Expr.String(), "job=~") { // a rule that selects both forms
				assert.Equal(t, q.Expr.String(), translated.String(), "%s: %s", yaml, q.Path)
			}
		}
	}
}

func TestStoredHistogram(t *testing.T) {
	stack, err := New(configtest.Config(t, `
discovery:
  jobs: {kubernetes-nodes: {histograms: classic}, kubernetes-pods: {histograms: native}}
  extraScrapeConfigs: [{job_name: own, static_configs: [{targets: [a:1]}]}]
`))
	require.NoError(t, err)
	for text, want := range map[string]string{
		`apiserver_request_duration_seconds_bucket`:                        "kubernetes-apiservers/",
		`apiserver_request_duration_seconds_bucket{job="own"}`:             "/",
		`rest_client_request_duration_seconds_count{job=~"kubernetes-.*"}`: "kubernetes-apiservers/kubernetes-nodes",
		`kubelet_pod_start_duration_seconds_sum`:                           "/kubernetes-nodes",
		`prometheus_engine_query_duration_seconds_sum`:                     "/prometheus", // a summary
		`my_bucket`:                                                   "/", // of an application, or of the own job
		`my_bucket{job="kubernetes-pods"}`:                            "kubernetes-pods/",
		`my_count{job="kubernetes-pods"}`:                             "/", // of a summary, maybe
		`my_bucket{job=~"kubernetes-(pods|endpoints)"}`:               "/",
		`grafana_http_request_duration_seconds_bucket{job="grafana"}`: "grafana/",
		`{__name__="my_bucket", job="grafana"}`:                       "grafana/",
		`{__name__="prometheus_engine_query_duration_seconds_sum"}`:   "/prometheus",
	} {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
		require.NoError(t, err)
		selector := expr.(*parser.VectorSelector)
		histogram, _ := histograms.Series(histograms.MetricName(selector))
		native, classic := stack.storedHistogram(histogram, selector)
		assert.True(t, slices.IsSorted(native))
		assert.Equal(t, want, strings.Join(native, ",")+"/"+strings.Join(classic, ","), text)
	}
}
