package e2e

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/rules"
)

var writeFlag = flag.Bool("write", false, "write docs/faults.md")

// TestEveryAlertIsProvoked expects that each alert of the rules is provoked by a fault, or that
// there is a reason why not.
func TestEveryAlertIsProvoked(t *testing.T) {
	known, by := ruleFiles(t), provokedBy()
	for name := range known {
		_, excused := notProvoked[name]
		provoked := by[name] != nil || slices.Contains(always, name)
		assert.NotEqual(t, provoked, excused, "%s must be in the table of faults or in notProvoked, and not in both", name)
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(by)), slices.Collect(maps.Keys(notProvoked)), always) {
		assert.Contains(t, known, name, "no such alert")
	}
	passed := map[string]bool{}
	for _, f := range faults {
		for _, alert := range slices.Concat(f.fires, f.muted) {
			passed[alertName(alert)] = passed[alertName(alert)] || !f.draft
		}
	}
	assert.GreaterOrEqual(t, len(slices.DeleteFunc(slices.Collect(maps.Keys(passed)), func(name string) bool { return !passed[name] })), 60, "alerts of faults that are no drafts")
	used := map[string]bool{}
	for _, f := range faults {
		assert.Contains(t, append(batches, logins), f.batch, f.name)
		assert.False(t, used[f.name], "two faults are called %s", f.name)
		used[f.name] = true
	}
}

// TestFaultsAreDocumented compares docs/faults.md with the table of faults.
func TestFaultsAreDocumented(t *testing.T) {
	page := filepath.Join("..", "..", "docs", "faults.md")
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	const marker = "<!-- The rest is written by: go test -tags e2e ./tests/e2e -run Documented -write -->\n"
	head, _, found := strings.Cut(string(text), marker)
	require.True(t, found, "%s lacks %q", page, marker)
	want := head + marker + tables(ruleFiles(t))
	if *writeFlag {
		require.NoError(t, os.WriteFile(page, []byte(want), 0o644))
		return
	}
	if want != string(text) {
		assert.Fail(t, page+" is not what the table of faults says", "run: go test -tags e2e ./tests/e2e -run Documented -write")
	}
}

// ruleFiles returns the file of each alert of the rules.
func ruleFiles(t *testing.T) map[string]string {
	t.Helper()
	files, err := rules.Render(rules.Options{})
	require.NoError(t, err)
	known := map[string]string{}
	for _, file := range files {
		for _, group := range file.Groups {
			for _, rule := range group.Rules {
				if rule.Alert != "" {
					known[rule.Alert] = file.Name
				}
			}
		}
	}
	return known
}

// alertName returns the name of an alert in the table of faults.
func alertName(alert string) string {
	name, _, _ := strings.Cut(alert, "{")
	return name
}

// provokedBy returns the names of the faults that provoke each alert, as the page shows them.
func provokedBy() map[string][]string {
	by := map[string][]string{}
	for _, f := range faults {
		for _, alert := range slices.Concat(f.fires, f.muted) {
			text := "`" + f.name + "`"
			if f.draft {
				text += " (draft)"
			}
			if name := alertName(alert); !slices.Contains(by[name], text) {
				by[name] = append(by[name], text)
			}
		}
	}
	return by
}

// tables returns the generated part of docs/faults.md.
func tables(files map[string]string) string {
	var b strings.Builder
	names := func(alerts []string) string {
		var list []string
		for _, alert := range alerts {
			list = append(list, "`"+alertName(alert)+"`")
		}
		return strings.Join(slices.Compact(list), ", ")
	}
	b.WriteString("\n## Faults\n\n| Fault | What is broken | Alerts that notify | Fire, and notify nobody | Stay silent |\n| --- | --- | --- | --- | --- |\n")
	for _, f := range faults {
		name := "`" + f.name + "`"
		if f.draft {
			name += " (draft)"
		} else if f.core {
			name += " *"
		} else if f.batch == logins {
			name += " (login)"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", name, f.breaks, names(f.fires), names(f.muted), names(f.silent))
	}
	b.WriteString("\n## Alerts\n\n| Alert | Provoked by, or why not |\n| --- | --- |\n")
	by := provokedBy()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		how := notProvoked[name]
		switch {
		case slices.Contains(always, name):
			how = "always fires"
		case by[name] != nil:
			how = strings.Join(by[name], ", ")
		default:
			how = fmt.Sprintf("%s; tested in `rules/%s_test.yaml`", how, strings.TrimSuffix(files[name], ".yaml"))
		}
		fmt.Fprintf(&b, "| [%s](runbooks/%s.md) | %s |\n", name, name, how)
	}
	return b.String()
}
