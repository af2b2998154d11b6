package check

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
)

// TestRightInNativeForm shows that what the checks tell people to use causes no finding: the right
// expressions on classic histograms, translated for jobs that store native ones.
func TestRightInNativeForm(t *testing.T) {
	files, err := filepath.Glob("testdata/right*.txt")
	require.NoError(t, err)
	native := strings.Replace(rightStack, "%s", "native", 1)
	translator := load(t, native).Histograms
	var translated, original []string
	for _, file := range files {
		for _, line := range lines(t, file) {
			for _, expr := range strings.Split(line, " ;; ") {
				name, expr, recorded := cutRecord(expr)
				got, err := dashboards.Translate(translator, expr)
				if err != nil || got == expr {
					continue
				}
				if recorded {
					got = name + " := " + got
				}
				original, translated = append(original, expr), append(translated, got)
			}
		}
	}
	require.GreaterOrEqual(t, len(translated), 10)
	for _, finding := range load(t, native, translated...).Check().Findings {
		assert.Fail(t, "a finding about a translation", "%s\n%s", finding, strings.Join(original, "\n"))
	}
}

// cutRecord splits "name := expression", if it is that.
func cutRecord(text string) (name, expr string, recorded bool) {
	if name, expr, recorded = strings.Cut(text, " := "); recorded {
		return name, expr, true
	}
	return "", text, false
}
