//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// comparedHistogram is a histogram of the API servers that has observations with many label sets.
const comparedHistogram = "apiserver_request_duration_seconds"

// histogramsCompared scrapes the API servers with another job that stores both forms of a histogram
// from the same scrape, the native one converted, and compares what they say. Values may differ by
// 1 %.
func histogramsCompared(t *testing.T, n *node) {
	require.True(t, n.stack.Native(config.APIServersJob))
	file := filepath.Join(n.cluster.dir, n.cluster.stackFile())
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, os.WriteFile(file, before, 0o600))
		n.up(t)
	})
	withScrapeConfig(t, file, bothForms(t, n))
	n.up(t)

	const job = `{job="e2e-histograms"}`
	var at time.Time
	eventually(t, 8*time.Minute, "both forms are stored for three minutes", func(ctx context.Context) string {
		at = time.Now()
		for _, series := range []string{comparedHistogram, comparedHistogram + "_bucket"} {
			vector, err := n.tryQuery(ctx, "count("+series+job+" offset 3m)", at)
			if err != nil || len(vector) == 0 {
				return fmt.Sprintf("no %s, %v", series, err)
			}
		}
		return ""
	})

	compared := 0
	for _, tc := range []struct{ classic, native string }{
		{"%s_bucket%s", "%s%s"},
		{"sum by (verb, le) (%s_bucket%s)", "sum by (verb) (%s%s)"},
		{"sum by (le) (rate(%s_bucket%s[2m]))", "sum(rate(%s%s[2m]))"},
	} {
		classic, native := fmt.Sprintf(tc.classic, comparedHistogram, job), fmt.Sprintf(tc.native, comparedHistogram, job)
		for _, quantile := range []float64{0.5, 0.9, 0.99} {
			compared += n.sameValues(t, at, fmt.Sprintf("histogram_quantile(%v, %s)", quantile, classic), fmt.Sprintf("histogram_quantile(%v, %s)", quantile, native))
		}
	}
	for _, suffix := range []string{"sum", "count"} {
		compared += n.sameValues(t, at, comparedHistogram+"_"+suffix+job, "histogram_"+suffix+"("+comparedHistogram+job+")")
	}
	bucket := `sum by (verb) (` + comparedHistogram + `_bucket{job="e2e-histograms", le="0.1"}) / sum by (verb) (` + comparedHistogram + `_count` + job + `)`
	compared += n.sameValues(t, at, bucket, "histogram_fraction(-Inf, 0.1, sum by (verb) ("+comparedHistogram+job+"))")
	require.Greater(t, compared, 100, "values that both forms have")
	t.Logf("compared %d values of both forms", compared)

	shipped := fmt.Sprintf(`{job=%q}`, config.APIServersJob)
	assert.NotEmpty(t, n.query(t, "histogram_count("+comparedHistogram+shipped+")", at))
	assert.Empty(t, n.query(t, comparedHistogram+"_bucket"+shipped, at))
}

// sameValues compares the results of two queries at a time by their labels, without the name, and
// returns their number.
func (n *node) sameValues(t *testing.T, at time.Time, classic, native string) int {
	t.Helper()
	values := func(query string) map[string]float64 {
		found := map[string]float64{}
		for _, sample := range n.query(t, query, at) {
			labels := sample.Metric.Clone()
			for _, name := range []model.LabelName{model.MetricNameLabel, "job", "cluster", "namespace", "service"} {
				delete(labels, name)
			}
			found[labels.String()] = float64(sample.Value)
		}
		return found
	}
	want, got := values(classic), values(native)
	assert.Len(t, got, len(want), "%s\n%s", classic, native)
	for series, value := range want {
		if math.IsNaN(value) { // nothing observed
			assert.True(t, math.IsNaN(got[series]), "%s of %s", native, series)
			continue
		}
		assert.InDelta(t, value, got[series], math.Abs(value)/100, "%s of %s", native, series)
	}
	return len(want)
}

// bothForms returns a scrape config of the API servers that stores comparedHistogram in both forms.
func bothForms(t *testing.T, n *node) map[string]any {
	t.Helper()
	stack, err := render.New(n.stack)
	require.NoError(t, err)
	var file struct {
		ScrapeConfigs []map[string]any `yaml:"scrape_configs"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(stack.PrometheusConfig.Files["prometheus.yml"]), &file))
	for _, scrape := range file.ScrapeConfigs {
		if scrape["job_name"] == string(config.APIServersJob) {
			scrape["job_name"] = "e2e-histograms"
			scrape["always_scrape_classic_histograms"] = true
			scrape["scrape_native_histograms"] = false // which has other buckets, if there is one
			scrape["metric_relabel_configs"] = []any{map[string]any{
				"source_labels": []string{"__name__"}, "regex": comparedHistogram + "(_bucket|_sum|_count)?", "action": "keep",
			}}
			return scrape
		}
	}
	require.FailNow(t, "no job scrapes the API servers")
	return nil
}

// withScrapeConfig adds an extra scrape config to a stack file.
func withScrapeConfig(t *testing.T, file string, scrape map[string]any) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var stack map[string]any
	require.NoError(t, yaml.Unmarshal(text, &stack))
	values := stack["config"].(map[string]any)
	discovery, _ := values[config.Project+":discovery"].(map[string]any)
	if discovery == nil {
		discovery = map[string]any{}
		values[config.Project+":discovery"] = discovery
	}
	own, _ := discovery["extraScrapeConfigs"].([]any)
	discovery["extraScrapeConfigs"] = append(own, scrape)
	text, err = yaml.Marshal(stack)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, text, 0o600))
}
