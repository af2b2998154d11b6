package rules

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// levels returns thresholds by severity, from their texts.
func levels(t *testing.T, texts map[string]string) map[string]config.Threshold {
	t.Helper()
	found := map[string]config.Threshold{}
	for severity, text := range texts {
		var threshold config.Threshold
		require.NoError(t, threshold.UnmarshalText([]byte(text)))
		found[severity] = threshold
	}
	return found
}

// Each alert of the table exists and compares with a number that its unit allows.
func TestEveryThresholdIsInARule(t *testing.T) {
	shipped, err := load()
	require.NoError(t, err)
	found := map[string]bool{}
	for _, f := range shipped {
		for _, rule := range f.rules() {
			name := value(rule, "alert")
			unit, listed := thresholds[name]
			limit, _, ok := threshold(rule)
			if !listed || !ok {
				continue
			}
			found[name] = true
			assert.True(t, 0 < limit && limit < unit.high, "%s: %v", name, limit)
		}
	}
	for name := range thresholds {
		assert.True(t, found[name], name)
	}
}

func TestThresholds(t *testing.T) {
	files := render(t, Options{Overrides: map[string]config.AlertOverride{
		"NodeMemoryHigh":           {Thresholds: levels(t, map[string]string{"warning": "80%", "critical": "0.95"})},
		"ProbeCertificateExpiring": {Thresholds: levels(t, map[string]string{"critical": "3d"})},
		"CoreDNSSlow":              {Thresholds: levels(t, map[string]string{"warning": "250ms"})},
		"SchedulerBacklog":         {Thresholds: levels(t, map[string]string{"warning": "500"}), Severity: "critical"},
	}})
	for name, want := range map[string][]string{
		"node-exporter.yaml":     {"expr: node:node_memory_utilisation:ratio > 0.8\n", "expr: node:node_memory_utilisation:ratio > 0.95\n"},
		"blackbox-exporter.yaml": {"probe_ssl_earliest_cert_expiry - time() < 21 * 24 * 3600\n", "probe_ssl_earliest_cert_expiry - time() < 259200\n"},
		"coredns.yaml":           {"          > 0.25\n"},
		"scheduler.yaml":         {"(scheduler_pending_pods{queue=~\"active|backoff\"})) > 500\n"},
	} {
		for _, text := range want {
			assert.Equal(t, 1, strings.Count(files[name], text), "%s: %s", name, text)
		}
	}
}

func TestAnnotationsAndRunbooks(t *testing.T) {
	files := render(t, Options{
		RunbookURL: "https://wiki.example.com/runbooks",
		Overrides: map[string]config.AlertOverride{
			"NodeCPUHigh": {Annotations: map[string]string{"summary": "{{ $labels.node }} is busy.", "team_url": "https://example.com"}},
			"Watchdog":    {Annotations: map[string]string{"runbook_url": "https://wiki.example.com/alive"}},
		},
	})
	assert.Contains(t, files["node-exporter.yaml"], "summary: '{{ $labels.node }} is busy.'\n")
	assert.Contains(t, files["node-exporter.yaml"], "team_url: https://example.com\n")
	assert.Contains(t, files["node-exporter.yaml"], "runbook_url: https://wiki.example.com/runbooks/NodeCPUHigh.md\n")
	assert.Contains(t, files["general.yaml"], "runbook_url: https://wiki.example.com/alive\n")
	for name, text := range files {
		assert.NotContains(t, text, "github.com", name)
	}
}

// The objective of the API servers and the time over which it is measured follow the stack.
func TestAPIServerObjective(t *testing.T) {
	text := render(t, Options{APIServerObjective: 0.9995, Retention: 7 * 24 * time.Hour})[sloFile]
	assert.Equal(t, 8, strings.Count(text, " * (1 - 0.9995)\n"))
	assert.Equal(t, 2, strings.Count(text, ":rate5m[1w])\n"))
	assert.NotContains(t, text, "0.999)")
	assert.NotContains(t, text, "[30d]")
	shipped := render(t, Options{Retention: 90 * 24 * time.Hour})[sloFile]
	assert.Equal(t, 2, strings.Count(shipped, ":rate5m[30d])\n"))
}
