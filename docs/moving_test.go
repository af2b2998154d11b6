package docs

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/rules"
)

// kubePrometheusAlerts is the number of alerts of kube-prometheus, by name, of which moving.md says
// what became of each.
const kubePrometheusAlerts = 125

// alertRow matches a row of a table of alerts: a name of kube-prometheus, links to runbooks or
// "none", and what differs.
var alertRow = regexp.MustCompile("(?m)^\\| `([A-Za-z]+)` \\| ([^|]+) \\| ([^|]*)\\|$")

func TestMovingNamesAlerts(t *testing.T) {
	text := read(t, "docs/moving.md")
	_, text, ok := strings.Cut(text, "\n## Alerts\n")
	require.True(t, ok)
	alerts, text, ok := strings.Cut(text, "\n## Alerts that only the chart has\n")
	require.True(t, ok)
	chart, _, ok := strings.Cut(text, "\n## ")
	require.True(t, ok)

	ours, _ := shipped(t)
	seen := map[string]bool{}
	for _, row := range alertRow.FindAllStringSubmatch(alerts+chart, -1) {
		theirs, links, differs := row[1], row[2], strings.TrimSpace(row[3])
		assert.False(t, seen[theirs], "%s is in two rows", theirs)
		seen[theirs] = true
		if links == "none" {
			assert.NotEmpty(t, differs, "why is there nothing like %s?", theirs)
			continue
		}
		for link := range strings.SplitSeq(links, ", ") {
			name, _, _ := strings.Cut(strings.TrimPrefix(link, "["), "]")
			assert.Equal(t, "["+name+"](runbooks/"+name+".md)", link, theirs)
			assert.True(t, ours[name], "%s: there is no alert %s", theirs, name)
		}
		for _, name := range regexp.MustCompile(`\b[A-Z][a-z]+[A-Z]\w+\b`).FindAllString(codeSpan.ReplaceAllString(differs, ""), -1) {
			assert.True(t, ours[name] || notAlerts[name] || seen[name], "%s: there is no alert %s", theirs, name)
		}
	}
	assert.Len(t, alertRow.FindAllString(alerts, -1), kubePrometheusAlerts)
	assert.Len(t, alertRow.FindAllString(chart, -1), strings.Count(chart, "\n| ")-2, "a row of the chart's table has another form")
	assert.Equal(t, kubePrometheusAlerts, strings.Count(alerts, "\n| ")-2*strings.Count(alerts, "\n| ---"), "a row has another form")
}

// notAlerts are words of the tables that look like names of alerts.
var notAlerts = map[string]bool{"StatefulSet": true, "CronJob": true, "DaemonSets": true}

func TestMovingNamesRecordings(t *testing.T) {
	_, recordings, ok := strings.Cut(read(t, "docs/moving.md"), "\n## Recordings\n")
	require.True(t, ok)
	recordings, _, _ = strings.Cut(recordings, "\n## ")
	_, ours := shipped(t)
	names := 0
	for row := range strings.Lines(recordings) {
		cells := strings.Split(row, " | ")
		if len(cells) < 2 {
			continue
		}
		for _, name := range codeSpan.FindAllString(cells[1], -1) {
			if name = strings.Trim(name, "`"); strings.Contains(name, ":") {
				names++
				assert.True(t, ours[name], "no rule records %s", name)
			}
		}
	}
	assert.Greater(t, names, 9, "the table is not found")
}

func TestMovingNamesNoOtherDashboards(t *testing.T) {
	_, text, ok := strings.Cut(read(t, "docs/moving.md"), "\n## Dashboards\n")
	require.True(t, ok)
	all, err := dashboards.Shipped()
	require.NoError(t, err)
	for _, d := range all {
		text = strings.ReplaceAll(text, "`"+d.UID+"`", "")
	}
	table, _, _ := strings.Cut(text, "\n## ")
	assert.NotContains(t, table, "`", "a dashboard that does not exist")
}

// shipped returns the names of the alerts and of the recordings that the program ships.
func shipped(t *testing.T) (alerts, recordings map[string]bool) {
	t.Helper()
	files, err := rules.Render(rules.Options{})
	require.NoError(t, err)
	alerts, recordings = map[string]bool{}, map[string]bool{}
	for _, file := range files {
		for _, group := range file.Groups {
			for _, rule := range group.Rules {
				alerts[rule.Alert], recordings[rule.Record] = true, true
			}
		}
	}
	return alerts, recordings
}
