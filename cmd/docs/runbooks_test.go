package main

import (
	"testing"
	"time"

	amlabels "github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

func TestWriteRunbook(t *testing.T) {
	for _, old := range []string{
		"# A\n\nSymptom: A disk fills up; it is full\n\n## Meaning\n\nText.\n",
		"# A\n\nSymptom: A disk fills up; it is full\n\n- Severity: old\n\n## Meaning\n\nText.\n",
	} {
		text, err := writeRunbook([]byte(old), "- Severity: info\n")
		require.NoError(t, err)
		assert.Equal(t, "# A\n\nSymptom: A disk fills up; it is full\n\n- Severity: info\n\n## Meaning\n\nText.\n", string(text))
	}
	for name, text := range map[string]string{
		"no symptom":     "# A\n\n## Meaning\n",
		"no section":     "# A\n\nSymptom: A disk fills up; it is full\n",
		"a late symptom": "# A\n\n## Meaning\n\nSymptom: A disk fills up; it is full\n",
	} {
		_, err := writeRunbook([]byte(text), "")
		assert.Error(t, err, name)
	}
}

func TestSeverity(t *testing.T) {
	rule := func(severity string, after time.Duration) rulefmt.Rule {
		return rulefmt.Rule{Labels: map[string]string{"severity": severity}, For: model.Duration(after)}
	}
	assert.Equal(t, "info, at once", severity([]rulefmt.Rule{rule("info", 0)}))
	assert.Equal(t, "critical after 5m; warning after 1h or 3h", severity([]rulefmt.Rule{
		rule("warning", time.Hour), rule("critical", 5*time.Minute), rule("warning", 3*time.Hour), rule("warning", time.Hour),
	}))
}

func TestCondition(t *testing.T) {
	alerts := func(matchers ...string) render.Alerts {
		var a render.Alerts
		for _, text := range matchers {
			m, err := amlabels.ParseMatcher(text)
			require.NoError(t, err)
			a.Labels = append(a.Labels, m)
		}
		return a
	}
	assert.Empty(t, condition(", if ", alerts()))
	assert.Equal(t, ", if of job `a`, `b` or `c`", condition(", if ", alerts(`job=~"a|b|c"`)))
	assert.Equal(t, ", if critical and of job `a`", condition(", if ", alerts(`job="a"`, `severity="critical"`)))
}

func TestScope(t *testing.T) {
	assert.Equal(t, "in the cluster", scope([]string{"cluster"}))
	assert.Equal(t, "of the same node and device", scope([]string{"cluster", "node", "device"}))
}
