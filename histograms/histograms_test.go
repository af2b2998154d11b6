package histograms

import (
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// jobs holds the jobs of the tests that have a histogram, with whether they store it as a native
// one.
var jobs = map[string]map[string]bool{
	"foo":     {"a": true, "b": true},
	"foo.utf": {"a": true},
	"classic": {"a": false},
	"mixed":   {"a": true, "b": false, "c": false},
}

// stored implements Stored for jobs.
func stored(histogram string, selector *parser.VectorSelector) (native, classic []string) {
	if histogram == "unknown" && strings.HasSuffix(selector.Name, bucketSuffix) {
		return []string{"a"}, nil
	}
	for job, isNative := range jobs[histogram] {
		if slices.ContainsFunc(selector.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == model.JobLabel && !m.Matches(job) }) {
			continue
		}
		if isNative {
			native = append(native, job)
		} else {
			classic = append(classic, job)
		}
	}
	return native, classic
}

// parse parses an expression.
func parse(t testing.TB, text string) parser.Expr {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	require.NoError(t, err, text)
	return expr
}

func TestTranslate(t *testing.T) {
	for _, tc := range []struct{ classic, native string }{
		// Quantiles.
		{`histogram_quantile(0.9, rate(foo_bucket[5m]))`, `histogram_quantile(0.9, rate(foo[5m]))`},
		{`histogram_quantile(0.9, sum by (le) (rate(foo_bucket[5m])))`, `histogram_quantile(0.9, sum(rate(foo[5m])))`},
		{`histogram_quantile(0.9, sum by (le, a) (rate(foo_bucket{b=~"x|y"}[5m])))`, `histogram_quantile(0.9, sum by (a) (rate(foo{b=~"x|y"}[5m])))`},
		{`histogram_quantile(0.9, sum without (a) (rate(foo_bucket[5m])))`, `histogram_quantile(0.9, sum without (a) (rate(foo[5m])))`},
		{`histogram_quantile(0.9, avg by (le) (increase(foo_bucket[5m]))) > 1`, `histogram_quantile(0.9, avg(increase(foo[5m]))) > 1`},
		{`histogram_quantile(0.9, foo_bucket offset 5m) and on (a) up`, `histogram_quantile(0.9, foo offset 5m) and on (a) up`},
		{`histogram_quantile(0.9, rate(foo_bucket[5m] @ 100))`, `histogram_quantile(0.9, rate(foo[5m] @ 100.000))`},
		{`histogram_quantile(0.9, sum_over_time(rate(foo_bucket[5m])[1h:1m]))`, `histogram_quantile(0.9, sum_over_time(rate(foo[5m])[1h:1m]))`},
		{`histogram_quantile(0.9, sum by (le) (rate(foo_bucket[5m])) * 60)`, `histogram_quantile(0.9, sum(rate(foo[5m])) * 60)`},
		{`histogram_quantile(0.9, sum by (le, c) (rate(foo_bucket[5m]) * on (a) group_left (c) info))`, `histogram_quantile(0.9, sum by (c) (rate(foo[5m]) * on (a) group_left (c) info))`},
		{`histogram_quantile(0.9, rate(foo_bucket[5m]) and on (a) up)`, `histogram_quantile(0.9, rate(foo[5m]) and on (a) up)`},
		{`histogram_quantile(0.9, (rate(foo_bucket{a="x"}[5m])) + ignoring (a) rate(foo_bucket{a="y"}[5m]))`, `histogram_quantile(0.9, (rate(foo{a="x"}[5m])) + ignoring (a) rate(foo{a="y"}[5m]))`},
		{`histogram_quantile(0.9, label_replace(rate(foo_bucket[5m]), "b", "$1", "a", "(.*)"))`, `histogram_quantile(0.9, label_replace(rate(foo[5m]), "b", "$1", "a", "(.*)"))`},
		{`histogram_quantile(scalar(sum(foo_count)) / 100, foo_bucket)`, `histogram_quantile(scalar(sum(histogram_count(foo))) / 100, foo)`},
		{`histogram_fraction(0, 0.5, rate(foo_bucket[5m]))`, `histogram_fraction(0, 0.5, rate(foo[5m]))`},
		{`histogram_quantile(0.9, {"foo.utf_bucket"})`, `histogram_quantile(0.9, {"foo.utf"})`},
		{`histogram_quantile(0.9, {__name__="foo_bucket", a="b"})`, `histogram_quantile(0.9, {__name__="foo",a="b"})`},

		// Sums and counts.
		{`foo_count`, `histogram_count(foo)`},
		{`-foo_sum`, `-histogram_sum(foo)`},
		{`foo_count > 5`, `histogram_count(foo) > 5`},
		{`rate(foo_count{a="b"}[5m])`, `histogram_count(rate(foo{a="b"}[5m]))`},
		{`sum by (a) (increase(foo_sum[5m] offset 1h))`, `sum by (a) (histogram_sum(increase(foo[5m] offset 1h)))`},
		{`max by (a) (rate(foo_count[5m]))`, `max by (a) (histogram_count(rate(foo[5m])))`},
		{`topk(3, sum by (a) (rate(foo_count[5m])))`, `topk(3, sum by (a) (histogram_count(rate(foo[5m]))))`},
		{`max_over_time(rate(foo_count[5m])[1h:])`, `max_over_time(histogram_count(rate(foo[5m]))[1h:])`},
		{`rate(foo_count[5m] smoothed)`, `histogram_count(rate(foo[5m] smoothed))`},
		{`sum(rate((foo_count[5m])))`, `sum(histogram_count(rate(foo[5m])))`},
		{`rate(foo_count[1h:1m])`, `histogram_count(rate(foo[1h:1m]))`},
		{`rate(foo_bucket{le="+Inf"}[5m])`, `histogram_count(rate(foo[5m]))`},
		{`rate(foo_sum[5m]) / rate(foo_count[5m])`, `histogram_avg(rate(foo[5m]))`},
		{`sum by (a) (rate(foo_sum[5m])) / sum by (a) (rate(foo_count[5m]))`, `histogram_avg(sum by (a) (rate(foo[5m])))`},
		{`sum(rate(foo_sum[5m])) / (sum(rate(foo_count[5m])) > 0)`, `sum(histogram_sum(rate(foo[5m]))) / (sum(histogram_count(rate(foo[5m]))) > 0)`},
		{`sum by (a) (rate(foo_sum[5m])) / on (a) sum by (a) (rate(foo_count[5m]))`, `sum by (a) (histogram_sum(rate(foo[5m]))) / on (a) sum by (a) (histogram_count(rate(foo[5m])))`},
		{`rate(foo_sum[5m]) / rate(foo_count[10m])`, `histogram_sum(rate(foo[5m])) / histogram_count(rate(foo[10m]))`},
		{`clamp_max(rate(foo_count[5m]), 1)`, `clamp_max(histogram_count(rate(foo[5m])), 1)`},

		// One bucket.
		{`foo_bucket{le="0.5"}`, `histogram_count(foo </ 0.5)`},
		{`sum by (a) (rate(foo_bucket{le="0.5"}[5m])) > 2`, `histogram_count(sum by (a) (rate(foo[5m])) </ 0.5) > 2`},
		{`sum by (a, le) (rate(foo_bucket{le="0.5"}[5m]))`, `histogram_count(sum by (a) (rate(foo[5m])) </ 0.5)`},
		{`max by (a) (rate(foo_bucket{le="0.5"}[5m]))`, `max by (a) (histogram_count(rate(foo[5m]) </ 0.5))`},
		{`sum(rate(foo_bucket{le="0.5"}[5m])) / sum(rate(foo_count[5m]))`, `histogram_fraction(-Inf, 0.5, sum(rate(foo[5m])))`},
		{`1 - (sum(rate(foo_bucket{le="0.5"}[5m]))) / sum(rate(foo_bucket{le="+Inf"}[5m])) > 0.1`, `1 - histogram_fraction(-Inf, 0.5, sum(rate(foo[5m]))) > 0.1`},
		{`rate(foo_bucket{le="1"}[5m]) / ignoring (le) rate(foo_count[5m])`, `histogram_fraction(-Inf, 1, rate(foo[5m]))`},
		{
			`(sum(rate(foo_bucket{le="0.3"}[5m])) + sum(rate(foo_bucket{le="1.2"}[5m]))) / 2 / sum(rate(foo_count[5m]))`,
			`(histogram_count(sum(rate(foo[5m])) </ 0.3) + histogram_count(sum(rate(foo[5m])) </ 1.2)) / 2 / sum(histogram_count(rate(foo[5m])))`,
		},
		{
			`sum(rate(foo_bucket{le="0.5",code="200"}[5m])) / sum(rate(foo_count[5m]))`,
			`histogram_count(sum(rate(foo{code="200"}[5m])) </ 0.5) / sum(histogram_count(rate(foo[5m])))`,
		},
		{`rate(foo_count[5m]) - ignoring (le) rate(foo_bucket{le="1"}[5m])`, `histogram_count(rate(foo[5m])) - histogram_count(rate(foo[5m]) </ 1)`},

		{`rate(foo_bucket{le="1"}[5m]) > 2 and rate(foo_bucket{le="1.0"}[1h]) > 1`, `histogram_count(rate(foo[5m]) </ 1) > 2 and histogram_count(rate(foo[1h]) </ 1) > 1`},
		{`max by (a) (foo_bucket{le="0.1"}) > 1 or max by (a) (foo_bucket{le="1"}) > 1`, `max by (a) (histogram_count(foo </ 0.1)) > 1 or max by (a) (histogram_count(foo </ 1)) > 1`},
		{`foo_bucket{le="0.1"} unless on (a) foo_bucket{le="1"} > 1`, `histogram_count(foo </ 0.1) unless on (a) histogram_count(foo </ 1) > 1`},
		{`foo_bucket{le="1"} * on (a) up or up`, `histogram_count(foo </ 1) * on (a) up or up`},
		{`up == 0 or absent(foo_bucket{le="0.1"})`, `up == 0 or absent(foo)`},
		{`classic_bucket{le="1"} - ignoring (le) foo_bucket{le="1"}`, `classic_bucket{le="1"} - ignoring (le) histogram_count(foo </ 1)`},

		// Presence.
		{`absent(foo_bucket{a="b"})`, `absent(foo{a="b"})`},
		{`absent(foo_count)`, `absent(foo)`},
		{`absent_over_time(foo_bucket{le="0.5"}[5m])`, `absent_over_time(foo[5m])`},
		{`count by (a) (foo_count)`, `count by (a) (foo)`},
		{`present_over_time(foo_count[5m])`, `present_over_time(foo[5m])`},
		{`time() - timestamp(foo_count)`, `time() - timestamp(foo)`},
		{`absent(sum(rate(foo_count[5m])) > 0)`, `absent(sum(histogram_count(rate(foo[5m]))) > 0)`},

		// Buckets, for a heatmap.
		{`sum by (le) (rate(foo_bucket[5m]))`, `sum(rate(foo[5m]))`},

		// Recordings.
		{`histogram_quantile(0.9, sum by (le) (job:foo_bucket:rate5m))`, `histogram_quantile(0.9, sum(job:foo_bucket:rate5m))`},
		{`job:foo_bucket:rate5m{le="0.5"}`, `histogram_count(job:foo_bucket:rate5m </ 0.5)`},
		{`histogram_quantile(0.9, all:foo_bucket:rate5m)`, `histogram_quantile(0.9, all:foo_bucket:rate5m)`},
		{`job:foo:p90 > job:foo:rate5m`, `job:foo:p90 > job:foo:rate5m`},

		// What is known to be a histogram by its buckets alone.
		{`rate(unknown_sum{job="a"}[5m])`, `rate(unknown_sum{job="a"}[5m])`},
		{`sum(rate(unknown_bucket{job="a",le="1"}[5m])) / sum(rate(unknown_count{job="a"}[5m]))`, `histogram_fraction(-Inf, 1, sum(rate(unknown{job="a"}[5m])))`},
		{`histogram_quantile(0.9, unknown_bucket{job="a"}) > unknown_count{job="b"}`, `histogram_quantile(0.9, unknown{job="a"}) > unknown_count{job="b"}`},

		// What is not stored as a native histogram.
		{`rate(classic_count[5m])`, `rate(classic_count[5m])`},
		{`histogram_quantile(0.9, sum by (le) (rate(classic_bucket[5m])))`, `histogram_quantile(0.9, sum by (le) (rate(classic_bucket[5m])))`},
		{`my_event_count + on (a) foo_total{le="1"}`, `my_event_count + on (a) foo_total{le="1"}`},
		{`rate(foo_count{job="other"}[5m])`, `rate(foo_count{job="other"}[5m])`},
		{`histogram_quantile(0.9, rate(foo[5m]))`, `histogram_quantile(0.9, rate(foo[5m]))`},
		{`{__name__=~"foo_.*"}`, `{__name__=~"foo_.*"}`},
		{`quantile by (le) (0.9, label_replace(up, "le", "$1", "a", "(.*)"))`, `quantile by (le) (0.9, label_replace(up, "le", "$1", "a", "(.*)"))`},

		// Jobs that store different forms.
		{`rate(mixed_count{job="a"}[5m])`, `histogram_count(rate(mixed{job="a"}[5m]))`},
		{`rate(mixed_count{job=~"b|c"}[5m])`, `rate(mixed_count{job=~"b|c"}[5m])`},
		{
			`histogram_quantile(0.9, sum by (job, le) (rate(mixed_bucket[5m]))) > 1`,
			`histogram_quantile(0.9, sum by (job) (rate(mixed{job!~"b|c"}[5m]))) > 1 or histogram_quantile(0.9, sum by (job, le) (rate(mixed_bucket{job=~"b|c"}[5m]))) > 1`,
		},
		{
			`sum by (job) (rate(mixed_sum[5m])) / sum by (job) (rate(mixed_count[5m]))`,
			`histogram_avg(sum by (job) (rate(mixed{job!~"b|c"}[5m]))) or sum by (job) (rate(mixed_sum{job=~"b|c"}[5m])) / sum by (job) (rate(mixed_count{job=~"b|c"}[5m]))`,
		},
	} {
		t.Run(tc.classic, func(t *testing.T) {
			translator := newTranslator(t)
			before := parse(t, tc.classic)
			printed := before.String()
			translated, _, err := translator.Translate(before)
			require.NoError(t, err)
			assert.Equal(t, parse(t, tc.native).String(), translated.String())
			assert.Equal(t, translated.String(), parse(t, translated.String()).String(), "prints what it is")
			assert.Equal(t, printed, before.String(), "the original stays as it is")
			if printed != translated.String() {
				assert.True(t, translator.May(tc.classic))
			}
		})
	}
}

// newTranslator returns a translator that knows some recordings.
func newTranslator(t testing.TB) *Translator {
	translator := New(stored)
	var rules []Recording
	for name, expr := range map[string]string{
		"all:foo_bucket:rate5m": `sum by (le) (job:foo_bucket:rate5m{job!="c"})`,
		"job:foo_bucket:rate5m": `sum by (job, le) (rate(foo_bucket[5m]))`,
		"job:foo:rate5m":        `sum by (job) (rate(foo_count[5m]))`,
		"job:foo:p90":           `histogram_quantile(0.9, sum by (job, le) (rate(foo_bucket[5m])))`,
		"job:classic:rate5m":    `sum by (le) (rate(classic_bucket[5m]))`,
	} {
		rules = append(rules, Recording{name, parse(t, expr)})
	}
	translator.Record(rules)
	return translator
}

func TestTranslateRefuses(t *testing.T) {
	for expr, want := range map[string]string{
		`rate(foo_bucket{le=~"0.5|1"}[5m])`:                                      `a native histogram has no label le; select one bound with =`,
		`foo_bucket{le!="+Inf"}`:                                                 `a native histogram has no label le; select one bound with =`,
		`foo_bucket{le="half"}`:                                                  `select one bound with =, as in le="0.5"`,
		`foo_bucket > 5`:                                                         `> of buckets: a native histogram is not a number for each bucket`,
		`max by (le) (foo_bucket)`:                                               `max of buckets: a native histogram is not a number for each bucket`,
		`count(foo_bucket)`:                                                      `count of buckets`,
		`sum by (a) (rate(foo_bucket[5m]))`:                                      `sum adds up buckets of different bounds, because it does not keep the label le`,
		`sum without (le) (rate(foo_bucket[5m]))`:                                `sum adds up buckets of different bounds`,
		`histogram_quantile(0.9, rate(foo_bucket{le="0.5"}[5m]))`:                `histogram_quantile: rate(foo_bucket{le="0.5"}[5m]) has no buckets to calculate it from`,
		`histogram_quantile(0.9, rate(foo_count[5m]))`:                           `has no buckets to calculate it from`,
		`resets(foo_count[1h])`:                                                  `resets(foo_count[1h]) has no equal on native histograms; close to it is resets(histogram_count(foo)[1h:])`,
		`max_over_time(foo_bucket{le="1"}[1h])`:                                  `close to it is max_over_time(histogram_count(foo </ 1)[1h:])`,
		`delta((foo_count[1h]))`:                                                 `close to it is delta(histogram_count(foo)[1h:])`,
		`foo_count[1h]`:                                                          `use a function of the range`,
		`(mixed_sum[1h])`:                                                        `use a function of the range`,
		`delta(foo_bucket[1h])`:                                                  `delta of buckets`,
		`label_replace(foo_bucket, "bound", "$1", "le", "(.*)")`:                 `label_replace: a native histogram has no label le`,
		`foo_bucket * on (le) foo_count`:                                         `* matches by the label le`,
		`up * on (a) group_left (le) foo_bucket{le="1"}`:                         `* matches by the label le`,
		`rate(foo_bucket{le="0.1"}[5m]) > 1 or rate(foo_bucket{le="1"}[5m]) > 1`: `or matches by the label le, which differs between its sides`,
		`-foo_bucket{le="0.1"} and topk(3, foo_bucket{le="1"})`:                  `and matches by the label le`,
		`max by (a, le) (foo_bucket{le="0.1"} + 1) unless on (a, le) 2 * foo_bucket{le="1"}`: `unless matches by the label le`,
		`foo_bucket{le="0.1"} or foo_count`:                                                  `or matches by the label le`,
		`foo_bucket{le="0.1"} > foo_bucket{le="1"}`:                                          `> matches by the label le`,
		`clamp_max(foo_bucket{le="+Inf"}, 9) or up`:                                          `or matches by the label le`,
		`histogram_quantile(0.9, foo_bucket and foo_bucket{le="1"})`:                         `and matches by the label le`,
		`classic_bucket{le="1"} and foo_bucket{le="1"}`:                                      `and matches by the label le`,
		`-foo_bucket`:                                              `a native histogram is not a number for each bucket`,
		`sum(rate(mixed_count[5m]))`:                               `b, c store it as a classic histogram, other jobs as a native one, and the expression adds them up; select one job, or keep the label job`,
		`absent(mixed_count)`:                                      `select one job`,
		`up unless on (job) mixed_count`:                           `select one job`,
		`sum by (job, le) (rate(mixed_bucket[5m]))`:                `b, c store it as a classic histogram, and other jobs as a native one; select one job`,
		`1 / rate(foo_bucket[5m])`:                                 `/ of buckets`,
		`histogram_quantile(0.9, job:foo_bucket:rate5m{le=~".*"})`: `a native histogram has no label le`,
	} {
		t.Run(expr, func(t *testing.T) {
			_, _, err := newTranslator(t).Translate(parse(t, expr))
			assert.ErrorContains(t, err, want)
		})
	}
}

func TestRecord(t *testing.T) {
	translator := newTranslator(t)
	assert.Equal(t, map[string]bool{"job:foo_bucket:rate5m": true, "all:foo_bucket:rate5m": true}, translator.recorded)
}

func TestSeries(t *testing.T) {
	for name, want := range map[string]string{"a_bucket": "a", "a_sum": "a", "a_b_count": "a_b", "a": "", "_sum": ""} {
		histogram, ok := Series(name)
		assert.Equal(t, want, histogram, name)
		assert.Equal(t, want != "", ok, name)
	}
}

// FuzzTranslate holds that a translation is an expression that prints as itself, selects nothing of a
// translated histogram's classic series, and does not change when it is translated again.
func FuzzTranslate(f *testing.F) {
	for _, seed := range []string{
		`histogram_quantile(0.9, sum by (le) (rate(foo_bucket[5m])))`,
		`sum(rate(foo_bucket{le="0.5"}[5m])) / sum(rate(foo_count[5m]))`,
		`histogram_quantile(0.9, sum by (job, le) (rate(mixed_bucket[5m]))) > 1`,
		`max_over_time((rate(foo_sum[5m]) / rate(foo_count[5m]))[1h:1m] @ end()) unless -foo_count`,
		`delta((foo_count[5m])) or rate(((foo_sum[5m])))`,
		`(mixed_count[5m])`,
		`{__name__="foo_bucket",le="+Inf"} * on (a) group_left (b) (up or foo_sum offset -5m)`,
	} {
		f.Add(seed)
	}
	translator := newTranslator(f)
	expressions := parser.NewParser(parser.Options{})
	f.Fuzz(func(t *testing.T, text string) {
		expr, err := expressions.ParseExpr(text)
		if err != nil {
			return
		}
		translated, _, err := translator.Translate(expr)
		if err != nil {
			return
		}
		again, err := expressions.ParseExpr(translated.String())
		require.NoError(t, err, "%s becomes %s", text, translated)
		assert.Equal(t, translated.String(), again.String())
		if strings.Contains(translated.String(), ":foo_bucket:") {
			return // names that stay
		}
		twice, _, err := translator.Translate(again)
		require.NoError(t, err)
		assert.Equal(t, translated.String(), twice.String())
	})
}
