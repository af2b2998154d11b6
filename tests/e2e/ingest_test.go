//go:build e2e

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// storedMetrics has the stack store everything, with classic histograms, and compares both forms of
// one. Then the stack stores what it uses, with native histograms, as by default. Of all that the
// exporters exposed, each metric that the stack uses must be stored again.
func storedMetrics(t *testing.T, n *node) {
	stack, err := render.New(n.stack)
	require.NoError(t, err)
	for job, names := range n.stored(t) {
		for _, name := range names {
			// The server itself stores some about a job, and alerts with its label.
			own := name == "up" || strings.HasPrefix(name, "scrape_") || strings.HasPrefix(name, "ALERTS")
			if ingest, ok := stack.Ingest[job]; ok && !own {
				assert.True(t, ingest.Stores(name), "%s is stored of %s, although nothing uses it", name, job)
			}
		}
	}
	require.False(t, t.Failed(), "too much is stored")
	file := filepath.Join(n.cluster.dir, n.cluster.stackFile())
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	restored := false
	restore := func() {
		if !restored {
			restored = true
			require.NoError(t, os.WriteFile(file, before, 0o600))
			if !t.Failed() {
				n.up(t)
			}
		}
	}
	t.Cleanup(restore)
	withScrapeConfig(t, file, bothForms(t, n))
	n.set(t, "discovery.ingest", "all")
	n.set(t, "discovery.histograms", "classic")
	n.up(t)
	n.possible(t, 10_000)
	n.compareHistograms(t)
	everything := n.stored(t)
	restore()

	var used []string
	for job, names := range everything {
		ingest, ok := stack.Ingest[job]
		for _, name := range names {
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				if histogram, cut := strings.CutSuffix(name, suffix); cut && stack.Exposed[job][histogram].Native {
					name = histogram
				}
			}
			if ok && ingest.Whole == "" && ingest.Stores(name) {
				used = append(used, string(job)+" "+name)
			}
		}
	}
	require.Greater(t, len(used), 200)
	eventually(t, 4*time.Minute, "whatever is used is stored", func(context.Context) string {
		now := n.stored(t)
		if slices.Contains(now[config.APIServersJob], "apiserver_request_duration_seconds_bucket") {
			return "the config is not loaded yet"
		}
		var missing []string
		for _, metric := range used {
			job, name, _ := strings.Cut(metric, " ")
			if !slices.Contains(now[config.Job(job)], name) {
				missing = append(missing, metric)
			}
		}
		slices.Sort(missing)
		return strings.Join(slices.Compact(missing), "\n")
	})
}

// stored returns the names of the metrics of each job of which Prometheus has samples of the last
// minute.
func (n *node) stored(t *testing.T) map[config.Job][]string {
	t.Helper()
	names := map[config.Job][]string{}
	for _, sample := range n.query(t, `count by (job, __name__) (last_over_time({job!=""}[1m]))`, time.Now()) {
		job := config.Job(sample.Metric[model.JobLabel])
		names[job] = append(names[job], string(sample.Metric[model.MetricNameLabel]))
	}
	return names
}
