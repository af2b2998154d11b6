package rules

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/convertnhcb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/histograms"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/metrics"
)

// exposedHistograms returns the names of the histograms that each job exposes.
func exposedHistograms(t *testing.T) map[config.Job]map[string]bool {
	t.Helper()
	found := map[config.Job]map[string]bool{}
	for _, row := range config.ScrapeJobs {
		found[row.Name] = map[string]bool{}
		exposed, err := metrics.Of(row.Exporter, "")
		require.NoError(t, err)
		for name, metric := range exposed {
			if metric.Type == model.MetricTypeHistogram {
				found[row.Name][name] = true
			}
		}
	}
	found[config.GrafanaJob]["grafana_http_request_duration_seconds"] = true // which no file lists
	return found
}

// everyJobNative returns the form of histograms if every job stores native ones but those in classic.
func everyJobNative(t *testing.T, classic ...string) histograms.Stored {
	t.Helper()
	exposed := exposedHistograms(t)
	return func(histogram string, selector *parser.VectorSelector) (nativeJobs, classicJobs []string) {
		for job, names := range exposed {
			selected := !slices.ContainsFunc(selector.LabelMatchers, func(m *labels.Matcher) bool {
				return m.Name == model.JobLabel && !m.Matches(string(job))
			})
			switch {
			case !selected || !names[histogram]:
			case slices.Contains(classic, string(job)):
				classicJobs = append(classicJobs, string(job))
			default:
				nativeJobs = append(nativeJobs, string(job))
			}
		}
		return nativeJobs, classicJobs
	}
}

// withNativeHistograms returns a file of unit tests whose input series are native histograms
// where they were the buckets, sums and counts of classic ones.
func withNativeHistograms(t *testing.T, text []byte) []byte {
	t.Helper()
	known := map[string]bool{}
	for _, names := range exposedHistograms(t) {
		maps.Copy(known, names)
	}
	var document yaml.Node
	require.NoError(t, yaml.Unmarshal(text, &document))
	for _, test := range field(document.Content[0], "tests").Content {
		input := field(test, "input_series")
		if input == nil {
			continue
		}
		native := map[string]*steps{} // by series
		input.Content = slices.DeleteFunc(input.Content, func(series *yaml.Node) bool {
			lset, values, err := parser.NewParser(parser.Options{}).ParseSeriesDesc(value(series, "series") + " " + value(series, "values"))
			require.NoError(t, err)
			name := lset.Get(model.MetricNameLabel)
			histogram, ok := histograms.Series(name)
			if !ok || !known[histogram] {
				return false
			}
			key := labels.NewBuilder(lset).Set(model.MetricNameLabel, histogram).Del(model.BucketLabel).Labels().String()
			if native[key] == nil {
				native[key] = &steps{}
			}
			native[key].add(t, strings.TrimPrefix(name, histogram), lset.Get(model.BucketLabel), values)
			return true
		})
		for _, series := range slices.Sorted(maps.Keys(native)) {
			entry := &yaml.Node{Kind: yaml.MappingNode}
			set(entry, "series", series)
			set(entry, "values", native[series].text(t))
			input.Content = append(input.Content, entry)
		}
	}
	converted, err := yaml.Marshal(&document)
	require.NoError(t, err)
	return converted
}

// steps holds the histogram of a series at each step of a unit test; nil where it has no sample.
type steps []*convertnhcb.TempHistogram

// add adds the values of one of the series of a classic histogram.
func (s *steps) add(t *testing.T, suffix, le string, values []parser.SequenceValue) {
	t.Helper()
	for i, v := range values {
		if i == len(*s) {
			*s = append(*s, nil)
		}
		if v.Omitted {
			continue
		}
		if (*s)[i] == nil {
			empty := convertnhcb.NewTempHistogram()
			(*s)[i] = &empty
		}
		switch suffix {
		case "_bucket":
			bound, err := strconv.ParseFloat(le, 64)
			require.NoError(t, err)
			require.NoError(t, (*s)[i].SetBucketCount(bound, v.Value))
		case "_sum":
			require.NoError(t, (*s)[i].SetSum(v.Value))
		case "_count":
			require.NoError(t, (*s)[i].SetCount(v.Value))
		}
	}
}

// text returns the values in the notation of unit tests:
// https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/#series
func (s steps) text(t *testing.T) string {
	t.Helper()
	values := make([]string, len(s))
	for i, step := range s {
		values[i] = "_"
		if step == nil {
			continue
		}
		whole, float, err := step.Convert()
		require.NoError(t, err)
		if whole != nil {
			float = whole.ToFloat(nil)
		}
		values[i] = float.TestExpression()
	}
	return strings.Join(values, " ")
}

// Rules without histograms stay as they are, in text, and every other one selects native histograms.
func TestTranslated(t *testing.T) {
	classic, native := render(t, Options{}), render(t, Options{Histograms: histograms.New(everyJobNative(t))})
	series := regexp.MustCompile(`_(bucket|count)\{`) // of a histogram
	bucket := regexp.MustCompile(`_bucket\b`)
	changed := 0
	for name, text := range classic {
		if !bucket.MatchString(text) {
			assert.Equal(t, text, native[name], name)
			continue
		}
		changed++
		assert.NotContains(t, native[name], "_bucket", name)
		assert.Equal(t, strings.Count(text, "#"), strings.Count(native[name], "#"), "%s keeps its comments", name)
		before, after := groups(t, text), groups(t, native[name])
		require.Len(t, after, len(before), name)
		for i := range before {
			for j, rule := range before[i].Rules {
				translated := after[i].Rules[j]
				if !strings.Contains(rule.Expr, "_bucket") && !series.MatchString(rule.Expr) {
					assert.Equal(t, rule, translated)
				}
				translated.Expr = rule.Expr
				assert.Equal(t, rule, translated)
			}
		}
	}
	assert.GreaterOrEqual(t, changed, 5)
	assert.Contains(t, native["coredns.yaml"], `
      - alert: CoreDNSSlow
        expr: |-
          histogram_quantile(0.99, sum by (cluster) (rate(coredns_dns_request_duration_seconds[5m]))) > 1
        for: 10m
`)
}

// With no job that stores native histograms, every file is the shipped one.
func TestClassicStays(t *testing.T) {
	var all []string
	for _, job := range config.Jobs {
		all = append(all, string(job))
	}
	assert.Equal(t, render(t, Options{}), render(t, Options{Histograms: histograms.New(everyJobNative(t, all...))}))
}

// Where jobs differ, a rule selects what each of them stores. All but one rule are about one job.
func TestTranslatedForMixedJobs(t *testing.T) {
	for _, job := range config.Jobs {
		files := render(t, Options{Histograms: histograms.New(everyJobNative(t, string(job)))})
		if job == config.NodesJob {
			assert.Contains(t, files["apiserver.yaml"], fmt.Sprintf(`rate(apiserver_client_certificate_expiration_seconds_bucket{job=~"%s"}[1h])`, job))
			assert.Contains(t, files["apiserver.yaml"], fmt.Sprintf(`rate(apiserver_client_certificate_expiration_seconds{job!~"%s"}[1h])`, job))
		}
	}
}
