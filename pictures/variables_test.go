package pictures

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
)

func TestVariables(t *testing.T) {
	f := &fake{
		samples: map[string][]sample{all: {{map[string]string{"job": "a"}, []float64{7}}}},
		values:  map[string][]string{"cluster": {"east", "west"}, "node": {"node-10", "node-9"}, "pod": {"a.b", "c"}},
	}
	o := options(t, f)
	o.Variables = map[string]string{"pod": "a.b,c", "elsewhere": "x", "cluster": "north"}
	picture, err := Draw(t.Context(), dashboards.Dashboard{UID: "test", JSON: []byte(`{"uid": "test", "title": "Test", "links": [{"title": "Up"}, {"title": "Down"}],
		"templating": {"list": [
			{"name": "datasource", "type": "datasource", "query": "prometheus", "current": {"value": "prometheus"}},
			{"name": "cluster", "label": "Cluster", "type": "query", "query": "label_values(up, cluster)"},
			{"name": "node", "label": "Node", "type": "query", "query": {"query": "label_values(up{cluster=\"$cluster\"}, node)"}, "sort": 7},
			{"name": "every", "type": "query", "query": "label_values(node)", "sort": 7, "multi": true, "includeAll": true, "current": {"value": ["$__all"]}},
			{"name": "any", "type": "query", "query": "label_values(node)", "includeAll": true, "allValue": ".*", "current": {"value": "$__all"}},
			{"name": "pod", "type": "query", "query": "label_values(pod)", "multi": true},
			{"name": "result", "type": "query", "query": "query_result(sum by (job) (up))", "regex": "/\"(.)\"/", "hide": 2},
			{"name": "window", "type": "custom", "query": "five minutes : 5m, 1h"}
		]},
		"panels": [{"type": "stat", "title": "Of $node", "gridPos": {"w": 12, "h": 4}, "targets": [{"refId": "A", "instant": true,
			"expr": "up{cluster=\"$cluster\", node=\"${node}\", every=~\"$every\", any=~\"$any\", pod=~\"$pod\", raw=\"${pod:raw}\", job=\"$result\"}[$window] $__rate_interval $__interval $__range ${__range_s} foo$"}]}]}`)}, o)
	require.NoError(t, err)
	assert.Equal(t, []string{"pod"}, picture.Chosen, "there is no cluster north")
	assert.Equal(t, []string{
		`up, cluster`,
		`up{cluster="east"}, node`,
		`node`,
		`node`,
		`pod`,
		`sum by (job) (up)`,
		`up{cluster="east", node="node-9", every=~"(node-9|node-10)", any=~".*", pod=~"(a\\.b|c)", raw="a.b,c", job="a"}[5m] 2m 30s 3600s 3600 foo$`,
	}, f.asked)
	assert.Equal(t, []string{
		"Test", "2026-11-27 11:00 to 12:00 UTC",
		"Cluster", "east", "Node", "node-9", "every", "All", "any", "All", "pod", "a.b + c", "window", "5m", "Down", "Up",
		"Of node-9", "7",
	}, texts(t, picture.SVG))
}

func TestVariablesThatCannotBeResolved(t *testing.T) {
	for variable, message := range map[string]string{
		`"type": "adhoc"`:                                        `unknown type "adhoc"; allowed: query, custom, interval, constant, textbox, datasource`,
		`"type": "query", "query": "metrics(x)"`:                 `unknown query "metrics(x)"; allowed: label_values(label), `,
		`"type": "query", "query": "label_values($y)"`:           `there is no variable "y"`,
		`"type": "query", "query": "label_values(z)", "sort": 9`: "unknown sort order 9",
	} {
		text := []byte(`{"uid": "test", "templating": {"list": [{"name": "x", ` + variable + `}]}}`)
		_, err := Draw(t.Context(), dashboards.Dashboard{UID: "test", JSON: text}, options(t, &fake{}))
		assert.ErrorContains(t, err, `dashboard test: variable "x": `)
		assert.ErrorContains(t, err, message)
	}

	text := []byte(`{"uid": "test", "templating": {"list": [{"name": "x", "type": "query", "query": "label_values(x)"}]}}`)
	picture, err := Draw(t.Context(), dashboards.Dashboard{UID: "test", JSON: text}, options(t, &fake{}))
	require.NoError(t, err)
	assert.Equal(t, []string{`variable "x" has no value`}, picture.Findings)
}

func TestSteps(t *testing.T) {
	for _, test := range []struct {
		span     time.Duration
		pixels   float64
		expected time.Duration
	}{
		{time.Hour, 700, 30 * time.Second}, // not less than the scrape interval
		{3 * time.Hour, 1400, time.Minute},
		{3 * time.Hour, 700, 2 * time.Minute},
		{24 * time.Hour, 700, 10 * time.Minute},
		{1000 * 24 * time.Hour, 700, 24 * time.Hour},
	} {
		b := &board{Options: Options{ScrapeInterval: 30 * time.Second}, start: noon.Add(-test.span), end: noon}
		assert.Equal(t, test.expected, b.stepFor(test.pixels), "%s in %v pixels", test.span, test.pixels)
	}
}
