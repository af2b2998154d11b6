package metrics

import (
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	const text = `a_total counter code,verb
b gauge -
c_seconds histogram verb le=0.5,1.0,+Inf
d_* gauge ?
e gauge pod,?
`
	e, err := Parse("# comment\n\n" + text)
	require.NoError(t, err)
	assert.Equal(t, text, e.String())
	assert.Equal(t, Metric{Name: "a_total", Type: model.MetricTypeCounter, Labels: []string{"code", "verb"}}, e["a_total"])
	assert.Len(t, e["c_seconds"].Bounds, 3)
	assert.True(t, e["e"].Open)
	prefix, several := e["d_*"].Prefix()
	assert.True(t, several)
	assert.Equal(t, "d_", prefix)
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"a gauge":             "line 1: \"a gauge\"; want: name type labels",
		"a gauge - le=1 more": "want: name type labels",
		"a histogram - le=x":  "invalid syntax",
	} {
		_, err := Parse(text)
		assert.ErrorContains(t, err, want)
	}
}

func TestAdd(t *testing.T) {
	e := Exposition{}
	e.Add(Metric{Name: "a", Type: model.MetricTypeHistogram, Labels: []string{"verb"}, Bounds: []float64{1}})
	e.Add(Metric{Name: "a", Type: model.MetricTypeUnknown, Labels: []string{"code", "verb"}, Bounds: []float64{0.5}, Open: true})
	assert.Equal(t, "a histogram code,verb,? le=0.5,1.0\n", e.String())
}

func TestOf(t *testing.T) {
	exact, err := Of("prometheus", "v3.13.2")
	require.NoError(t, err)
	assert.Contains(t, exact, "prometheus_tsdb_head_series")
	newest, err := Of("prometheus", "v99.0.0")
	require.NoError(t, err)
	assert.Equal(t, exact, newest)
	kubelet, err := Of("kubelet", "")
	require.NoError(t, err)
	assert.Contains(t, kubelet, "kubelet_volume_stats_used_bytes", "added by hand")
	unknown, err := Of("no-such-exporter", "")
	require.NoError(t, err)
	assert.Nil(t, unknown)
}

func TestCompareVersions(t *testing.T) {
	assert.Negative(t, compareVersions("1.9.0", "1.10.0"))
	assert.Zero(t, compareVersions("1.9.0", "1.9.0"))
	assert.Positive(t, compareVersions("2.0.0", "1.10.0"))
	assert.Negative(t, compareVersions("", "1.0"))
}

// What is added by hand says why, and is nothing that a scrape has shown.
func TestAdditional(t *testing.T) {
	text, err := files.ReadFile(additional)
	require.NoError(t, err)
	reason, previous := false, ""
	for line := range strings.Lines(string(text)) {
		switch line = strings.TrimSpace(line); {
		case line == "":
			reason = false
		case strings.HasPrefix(line, "#"):
			reason = true
		default:
			exporter, _, _ := strings.Cut(line, " ")
			assert.True(t, reason || exporter == previous, "no reason for %s", line)
			previous = exporter
		}
	}
}
