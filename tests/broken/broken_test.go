package broken

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/check"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// estimate stands in the corpus for a number that changes with the metrics that rules use.
const estimate = "<n>"

// Every mistake is rejected with exactly the messages that the corpus gives.
func TestRejected(t *testing.T) {
	cases, err := Cases()
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(cases), 150)
	for _, c := range cases {
		t.Run(c.String(), func(t *testing.T) {
			require.NotEmpty(t, c.Want)
			found := problems(t, c)
			for i := range min(len(found), len(c.Want)) {
				estimated := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(c.Want[i]), estimate, `[1-9]\d*`) + "$")
				if estimated.MatchString(found[i]) {
					found[i] = c.Want[i]
				}
			}
			assert.Equal(t, c.Want, found)
		})
	}
}

// committed returns the text of a committed stack file.
func committed(name string) ([]byte, error) { return os.ReadFile(filepath.Join("../..", name)) }

// checked renders a stack with files of custom dashboards, nil for the committed ones, and checks
// it.
func checked(cfg *config.Config, custom fs.FS) (check.Report, error) {
	stack, err := render.NewWith(cfg, custom)
	if err != nil {
		return check.Report{}, err
	}
	return check.Run(stack), nil
}

// problems returns the problems of a case as a preview reports them.
func problems(t *testing.T, c Case) []string {
	t.Helper()
	text, err := c.StackFile(committed)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "Pulumi.test.yaml")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	cfg, err := config.FromFile(file)
	var report check.Report
	if err == nil {
		report, err = checked(cfg, c.custom())
	}
	if found, ok := errors.AsType[config.Problems](err); ok {
		var lines []string
		for _, problem := range found {
			lines = append(lines, problem.Error())
		}
		return lines
	}
	if err != nil {
		return []string{strings.ReplaceAll(err.Error(), filepath.Dir(file)+"/", "")}
	}
	var lines []string
	for _, finding := range report.Findings {
		if finding.Severity == check.Error {
			lines = append(lines, fmt.Sprintf("%s: %s (%s)", finding.Path, finding.Message, finding.Check))
		}
	}
	return lines
}
