package dashboards

import (
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/histograms"
)

// native holds every series with the suffix of a classic histogram's for one of a native histogram.
var native = histograms.New(func(string, *parser.VectorSelector) (native, classic []string) {
	return []string{"a"}, nil
})

func TestTranslate(t *testing.T) {
	for expr, want := range map[string]string{
		`histogram_quantile(0.9, sum by (le) (rate(foo_bucket{cluster="$cluster", pod=~"${pod:regex}|[[pod]]"}[$__rate_interval])))`: `histogram_quantile(0.9, sum(rate(foo{cluster="$cluster",pod=~"${pod:regex}|[[pod]]"}[$__rate_interval])))`,
		`max_over_time(rate(foo_count[$__rate_interval])[$__range:$__interval]) > $limit`:                                            `max_over_time(histogram_count(rate(foo[$__rate_interval]))[$__range:$__interval]) > $limit`,
		`sum(rate(foo_sum[5m] offset $ago))`:                         `sum(histogram_sum(rate(foo[5m] offset $ago)))`,
		`sum by ($by) (rate(${metric}_count[$__rate_interval]))`:     `sum by ($by) (histogram_count(rate(${metric}[$__rate_interval])))`,
		`sum(up{  cluster="$cluster" })`:                             `sum(up{  cluster="$cluster" })`,
		`rate(foo_count{a="$1$2$10"}[$a]) + rate(foo_count[${b}])`:   `histogram_count(rate(foo{a="$1$2$10"}[$a])) + histogram_count(rate(foo[${b}]))`,
		`sum(rate(a_count{job="x:$job"}[$__rate_interval])) / $rate`: `sum(histogram_count(rate(a{job="x:$job"}[$__rate_interval]))) / $rate`,
	} {
		translated, err := Translate(native, expr)
		require.NoError(t, err, expr)
		assert.Equal(t, want, translated)
		same, err := Translate(nil, expr)
		require.NoError(t, err)
		assert.Equal(t, expr, same)
	}
	for expr, want := range map[string]string{
		`topk($n, foo_count)`:     "parse error",
		`foo_bucket{le="$bound"}`: "no label le",
	} {
		_, err := Translate(native, expr)
		assert.ErrorContains(t, err, want, expr)
	}
}

// Of the shipped dashboards only the queries of histograms change, and none selects a classic one.
func TestShippedDashboardsOnNativeHistograms(t *testing.T) {
	options := Options{Datasource: Datasource{"uid", "name"}, Has: func(config.Job) bool { return true }}
	classic, err := All(options)
	require.NoError(t, err)
	options.Histograms = histograms.New(func(histogram string, _ *parser.VectorSelector) (native, classic []string) {
		if histogram == "prometheus_engine_query_duration_seconds" { // a summary
			return nil, nil
		}
		return []string{"a"}, nil
	})
	translated, err := All(options)
	require.NoError(t, err)
	changed := 0
	for i := range classic {
		before, after := strings.Split(string(classic[i].JSON), "\n"), strings.Split(string(translated[i].JSON), "\n")
		require.Len(t, after, len(before), classic[i].UID)
		for j := range before {
			if before[j] != after[j] {
				changed++
				assert.Contains(t, before[j], `"expr"`)
			}
			assert.NotContains(t, after[j], "_bucket{")
		}
	}
	assert.GreaterOrEqual(t, changed, 8)
}
