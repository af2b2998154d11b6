//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"math"
	"os"
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

// compareHistograms compares what both forms of a histogram say, which the job of bothForms stores from
// the same scrapes, the native one converted. Values may differ by 1 %.
func (n *node) compareHistograms(t *testing.T) {
	t.Helper()
	const job = `{job="e2e-histograms"}`
	var at time.Time
	eventually(t, 8*time.Minute, "both forms are stored for a minute", func(ctx context.Context) string {
		at = time.Now().Add(-10 * time.Second) // what is scraped later may be stored in one form, and not yet in the other
		for _, series := range []string{comparedHistogram, comparedHistogram + "_bucket"} {
			vector, err := n.tryQuery(ctx, "count("+series+job+" offset 1m)", at)
			if err != nil || len(vector) == 0 {
				return fmt.Sprintf("no %s, %v", series, err)
			}
		}
		return ""
	})

	compared := 0
	for _, tc := range []struct{ classic, native string }{
		{"%[1]s_bucket%[2]s", "%[1]s%[2]s"},
		{"sum by (verb, le) (%[1]s_bucket%[2]s)", "sum by (verb) (%[1]s%[2]s)"},
		// Not a rate: of a new series, it guesses what a bucket and a histogram had before each by itself.
		{"sum by (le) (%[1]s_bucket%[2]s - %[1]s_bucket%[2]s offset 50s)", "sum(%[1]s%[2]s - %[1]s%[2]s offset 50s)"},
	} {
		classic, native := fmt.Sprintf(tc.classic, comparedHistogram, job), fmt.Sprintf(tc.native, comparedHistogram, job)
		// A quantile that is the exact limit of two buckets has a value in each, and Prometheus
		// takes the lower one of a classic histogram, the upper one of a native one.
		for _, quantile := range []float64{0.4999, 0.8999, 0.9899} {
			compared += n.sameValues(t, at, fmt.Sprintf("histogram_quantile(%v, %s)", quantile, classic), fmt.Sprintf("histogram_quantile(%v, %s)", quantile, native))
		}
	}
	for _, suffix := range []string{"sum", "count"} {
		compared += n.sameValues(t, at, comparedHistogram+"_"+suffix+job, "histogram_"+suffix+"("+comparedHistogram+job+")")
	}
	bucket := `sum by (verb) (` + comparedHistogram + `_bucket{job="e2e-histograms", le="0.1"}) / sum by (verb) (` + comparedHistogram + `_count` + job + `)`
	compared += n.sameValues(t, at, bucket, "histogram_fraction(-Inf, 0.1, sum by (verb) ("+comparedHistogram+job+"))")
	require.Greater(t, compared, 100, "values that both forms have")
	require.False(t, t.Failed(), "the forms differ")
	t.Logf("compared %d values of both forms", compared)
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
	require.NoError(t, yaml.Unmarshal([]byte(stack.PrometheusConfigs[0].Files["prometheus.yml"]), &file))
	for _, scrape := range file.ScrapeConfigs {
		if scrape["job_name"] == string(config.APIServersJob) {
			scrape["job_name"] = "e2e-histograms"
			scrape["scrape_interval"], scrape["scrape_timeout"] = "5s", "5s"
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
