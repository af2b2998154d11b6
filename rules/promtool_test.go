package rules

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/histograms"
)

// unitTests returns the names of the files with unit tests.
func unitTests(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*" + testSuffix)
	require.NoError(t, err)
	return files
}

// TestPromtool runs the unit tests on the rendered files, for jobs that store classic histograms and
// for jobs that store native ones, with promtool of the Prometheus in go.mod, which is the deployed
// version. Without service discovery it builds in a fraction of the time.
func TestPromtool(t *testing.T) {
	recorded, err := filepath.Glob("recorded/*" + testSuffix) // by make test-faults RECORD=1
	require.NoError(t, err)
	args := []string{"run", "-tags=remove_all_sd", "github.com/prometheus/prometheus/cmd/promtool", "test", "rules"}
	for _, native := range []bool{false, true} {
		dir, options := t.TempDir(), Options{}
		if native {
			options.Histograms = histograms.New(everyJobNative(t))
		}
		for name, text := range render(t, options) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		}
		for _, name := range unitTests(t) {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			if native {
				text = withNativeHistograms(t, text)
			}
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
			args = append(args, filepath.Join(dir, name))
		}
		if native {
			continue
		}
		for _, name := range recorded {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			copied := filepath.Join(dir, "recorded-"+filepath.Base(name))
			require.NoError(t, os.WriteFile(copied, text, 0o600))
			args = append(args, copied)
		}
	}
	out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Equal(t, 2*len(unitTests(t))+len(recorded), strings.Count(string(out), "SUCCESS"), "%s", out)
}

// A unit test has each rule of an alert firing, and another has the alert not firing although
// its metrics have samples.
func TestEveryAlertHasUnitTests(t *testing.T) {
	type key struct{ alert, severity string }
	fires, silent := map[key]bool{}, map[string]bool{}
	for _, name := range unitTests(t) {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		var file struct {
			RuleFiles []string `yaml:"rule_files"`
			Tests     []struct {
				InputSeries   []any `yaml:"input_series"`
				AlertRuleTest []struct {
					Alertname string
					ExpAlerts []struct {
						ExpLabels map[string]string `yaml:"exp_labels"`
					} `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			}
		}
		require.NoError(t, yaml.Unmarshal(text, &file), name)
		assert.Equal(t, []string{strings.TrimSuffix(name, testSuffix) + ".yaml"}, file.RuleFiles, "%s tests the file beside it", name)
		for _, test := range file.Tests {
			for _, check := range test.AlertRuleTest {
				if len(check.ExpAlerts) == 0 && len(test.InputSeries) > 0 {
					silent[check.Alertname] = true
				}
				for _, alert := range check.ExpAlerts {
					fires[key{check.Alertname, alert.ExpLabels["severity"]}] = true
				}
			}
		}
	}
	for name, rules := range alerts(t, render(t, Options{})) {
		for _, rule := range rules {
			assert.True(t, fires[key{name, rule.Labels["severity"]}], "no unit test has %s firing with severity %s", name, rule.Labels["severity"])
		}
		if name != "Watchdog" { // it always fires
			assert.True(t, silent[name], "no unit test has %s not firing", name)
		}
	}
}
