package histograms

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// load returns the samples of an hour of the histogram foo, in both forms: of two instances of each
// of two jobs, one of which starts again after half an hour and one of which never observes anything.
func load() string {
	var b strings.Builder
	b.WriteString("load_with_nhcb 15s\n")
	bounds := []string{"0.1", "0.5", "1", "5", "+Inf"}
	for i, labels := range []string{`job="a", instance="1"`, `job="a", instance="2"`, `job="b", instance="1"`, `job="b", instance="idle"`} {
		for bound, le := range bounds {
			step := (bound + 1) * (bound + 1 + i)
			if i == 3 {
				step = 0
			}
			values := fmt.Sprintf("0+%dx240", step)
			if i == 1 {
				values = fmt.Sprintf("0+%dx120 0+%dx119", step, 2*step)
			}
			fmt.Fprintf(&b, "  foo_bucket{%s, le=%q} %s\n", labels, le, values)
			if le == "+Inf" {
				fmt.Fprintf(&b, "  foo_count{%s} %s\n", labels, values)
				fmt.Fprintf(&b, "  foo_sum{%s} %s\n", labels, strings.ReplaceAll(values, "+", "+1"))
			}
		}
		fmt.Fprintf(&b, "  info{%s, zone=\"z%d\"} 1x240\n", labels, i)
	}
	return b.String()
}

// TestEqual evaluates expressions in both forms, and compares the results.
func TestEqual(t *testing.T) {
	data := promqltest.LoadedStorage(t, load())
	engine := promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery)
	for _, expr := range []string{
		`histogram_quantile(0.9, rate(foo_bucket[5m]))`,
		`histogram_quantile(0.5, sum by (le) (rate(foo_bucket[5m])))`,
		`histogram_quantile(0.99, sum by (job, le) (increase(foo_bucket[10m] offset 5m)))`,
		`histogram_quantile(0.01, sum without (instance) (irate(foo_bucket[5m]))) > 0.001`,
		`histogram_quantile(0.9, avg by (le) (rate(foo_bucket[5m] @ 1800)))`,
		`histogram_quantile(0.9, sum by (le, zone) (rate(foo_bucket[5m]) * on (job, instance) group_left (zone) info))`,
		`histogram_quantile(0.9, sum_over_time(rate(foo_bucket[5m])[10m:1m]))`,
		`histogram_quantile(0.9, foo_bucket)`,
		`histogram_fraction(0, 0.5, rate(foo_bucket[5m]))`,
		`histogram_quantile(0.5, sum by (le) (rate(foo_bucket{job="a"}[5m])) + sum by (le) (rate(foo_bucket{job="b"}[5m])) * 3)`,
		`foo_count`,
		`foo_sum > 100`,
		`-foo_sum`,
		`rate(foo_count[5m])`,
		`sum by (job) (rate(foo_sum[5m]))`,
		`max by (job) (increase(foo_count[5m]))`,
		`rate(foo_count[5m] anchored)`,
		`sum(increase(foo_sum[5m] smoothed))`,
		`histogram_quantile(0.9, rate(foo_bucket[5m] smoothed))`,
		`histogram_quantile(0.9, rate(foo_bucket[5m] anchored))`,
		`foo_count smoothed`,
		`foo_bucket{le="1"} smoothed`,
		`histogram_quantile(0.9, foo_bucket smoothed)`,
		`rate(foo_sum[5m]) / rate(foo_count[5m])`,
		`sum by (job) (rate(foo_sum[5m])) / sum by (job) (rate(foo_count[5m]))`,
		`avg(rate(foo_sum[5m])) / (avg(rate(foo_count[5m])) > 0)`,
		`avg_over_time(foo_count[5m])`,
		`last_over_time(foo_sum[5m])`,
		`max_over_time(rate(foo_count[5m])[10m:1m])`,
		`rate(foo_count[10m:1m])`,
		`rate(foo_bucket{le="+Inf"}[5m])`,
		`foo_bucket{le="0.5"}`,
		`rate(foo_bucket{le="0.5"}[5m])`,
		`sum by (job) (rate(foo_bucket{le="1"}[5m]))`,
		`min by (job) (rate(foo_bucket{le="1"}[5m]))`,
		`sum(rate(foo_bucket{le="0.5"}[5m])) / sum(rate(foo_count[5m]))`,
		`rate(foo_bucket{le="5"}[5m]) / ignoring (le) rate(foo_count[5m])`,
		`1 - sum by (job) (rate(foo_bucket{le="1"}[5m])) / sum by (job) (rate(foo_bucket{le="+Inf"}[5m]))`,
		`(sum(rate(foo_bucket{le="0.1"}[5m])) + sum(rate(foo_bucket{le="0.5"}[5m]))) / 2 / sum(rate(foo_count[5m]))`,
		`absent(foo_bucket{instance="3"})`,
		`absent(foo_count)`,
		`count by (job) (foo_count)`,
		`count_over_time(foo_sum[5m])`,
		`present_over_time(foo_count[5m])`,
		`time() - timestamp(foo_count offset 7s)`,
		`absent(sum(rate(foo_count[5m])) > 1000000)`,
		`topk(1, sum by (job) (rate(foo_count[5m])))`,
	} {
		t.Run(expr, func(t *testing.T) {
			native, histogram, err := newTranslator(t).Translate(parse(t, expr))
			require.NoError(t, err)
			require.False(t, histogram)
			require.NotEqual(t, parse(t, expr).String(), native.String())
			for _, at := range []time.Duration{20*time.Minute + 7*time.Second, 32 * time.Minute, time.Hour - 4*time.Second} {
				want, got := evaluate(t, engine, data, expr, at), evaluate(t, engine, data, native.String(), at)
				require.Equal(t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)), "%s at %s", native, at)
				for series, value := range want {
					if math.IsNaN(value) {
						assert.True(t, math.IsNaN(got[series]), "%s at %s: %s is %v", native, at, series, got[series])
						continue
					}
					assert.InDelta(t, value, got[series], math.Abs(value)*1e-6+1e-12, "%s at %s: %s", native, at, series)
				}
			}
		})
	}
}

// evaluate returns the values of an expression at a time after the start of the samples, by the
// labels of their series without the name and the label le.
func evaluate(t *testing.T, engine *promql.Engine, data storage.Queryable, expr string, at time.Duration) map[string]float64 {
	t.Helper()
	query, err := engine.NewInstantQuery(context.Background(), data, nil, expr, time.Unix(0, 0).Add(at))
	require.NoError(t, err)
	defer query.Close()
	result := query.Exec(context.Background())
	require.NoError(t, result.Err)
	vector, err := result.Vector()
	require.NoError(t, err)
	values := map[string]float64{}
	for _, sample := range vector {
		require.Nil(t, sample.H, "%s: a histogram", expr)
		series := labels.NewBuilder(sample.Metric).Del(model.MetricNameLabel, model.BucketLabel).Labels().String()
		require.NotContains(t, values, series)
		values[series] = sample.F
	}
	return values
}
