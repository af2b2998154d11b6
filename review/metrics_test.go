package review

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// none is the regular expression of a job of which nothing is stored.
const none = ".+"

// scraping returns a scrape config of node-exporter that keeps names: everything if names is
// empty, nothing if it is none.
func scraping(names string) []map[string]any {
	scrape := map[string]any{"job_name": "node-exporter", "metric_relabel_configs": []any{map[string]any{"regex": "a", "action": "labeldrop"}}}
	if names != "" {
		action := "keep"
		if names == none {
			action = "drop"
		}
		scrape["metric_relabel_configs"] = append(scrape["metric_relabel_configs"].([]any),
			map[string]any{"source_labels": []any{"__name__"}, "regex": names, "action": action})
	}
	return []map[string]any{scrape}
}

func TestMetricsStored(t *testing.T) {
	for _, c := range []struct{ before, after, want string }{
		{"node_load1|node_load5", "node_load1|node_load5", ""},
		{"node_load1|node_load5", "node_load1|node_load15", "no longer stored: `node_load5`; stored now: `node_load15`"},
		{"node_load1", "node_load.*", "stored now: `node_load15`, `node_load5`"},
		{"node_load1|of_an_application", "node_load1", "no longer stored: `of_an_application`"},
		{"node_load1", "node_load1|node_memory_(Active|Cached)_bytes", "stored now: `node_memory_Active_bytes`, `node_memory_Cached_bytes`"},
		{"node_load1", `node_load1|of_[a|b|c]|(of_(a|b|c)|b)|of\|b|b_of_an_application`, "stored now: `b_of_an_application`"},
		{none, "node_load1", "stored now: `node_load1`"},
		{"node_load1|of_an_application", none, "no longer stored: `node_load1`, `of_an_application`"},
		{none, none, ""},
		{"", "node_load1", "no longer stored: "},
		{"node_load1", "", "stored now: "},
		{"", "", ""},
	} {
		changes, err := metricChanges(scraping(c.before), scraping(c.after))
		require.NoError(t, err)
		var texts []string
		for _, change := range changes {
			assert.Equal(t, "job `node-exporter`", change.What)
			for _, detail := range change.Details {
				texts = append(texts, detail.Text)
			}
		}
		text := strings.Join(texts, "; ")
		if c.want == "" || !strings.HasSuffix(c.want, " ") {
			assert.Equal(t, c.want, text)
		} else {
			assert.Contains(t, text, c.want)
			assert.Contains(t, text, " more")
		}
		assert.Empty(t, jobChanges(withoutKeptNames(scraping(c.before)), withoutKeptNames(scraping(c.after))))
	}
}
