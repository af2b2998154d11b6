// Package runbooks tests the pages that alerts link to: all of them are in the index
// README.md, have the same headings, and name commands that parse and metrics that exist.
package runbooks

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/metrics"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/rules"
)

const index = "README.md"

// headings are the sections of every page, in this order. The index explains them.
var headings = []string{"Meaning", "Impact", "Urgency", "Diagnosis", "Fix"}

var (
	block       = regexp.MustCompile("(?ms)^```(\\S*)\n(.*?)^```$")
	heading     = regexp.MustCompile(`(?m)^#+ .*$`)
	link        = regexp.MustCompile(`\[([^\]]+)\]\(([^)]+)\)`)
	placeholder = regexp.MustCompile(`<([a-z_]+)>`)
)

// read returns the text of every page by file name, the index among them.
func read(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("*.md")
	require.NoError(t, err)
	pages := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		pages[name] = string(text)
	}
	require.Contains(t, pages, index)
	return pages
}

// blocks returns the code blocks of one language in a text.
func blocks(text, language string) []string {
	var found []string
	for _, match := range block.FindAllStringSubmatch(text, -1) {
		if match[1] == language {
			found = append(found, match[2])
		}
	}
	return found
}

// shippedRules returns the rules that the program ships.
func shippedRules(t *testing.T) []rulefmt.Rule {
	t.Helper()
	files, err := rules.Render(rules.Options{})
	require.NoError(t, err)
	var all []rulefmt.Rule
	for _, file := range files {
		for _, group := range file.Groups {
			all = append(all, group.Rules...)
		}
	}
	require.NotEmpty(t, all)
	return all
}

func TestIndexHasEveryPage(t *testing.T) {
	pages := read(t)
	linked := map[string]bool{}
	for _, match := range link.FindAllStringSubmatch(pages[index], -1) {
		if strings.HasSuffix(match[2], ".md") {
			linked[match[2]] = true
			assert.Equal(t, match[1]+".md", match[2], "the index calls a page by the name of its alert")
		}
	}
	for name := range pages {
		if name != index {
			assert.True(t, linked[name], "%s does not list %s", index, name)
		}
	}
}

func TestLinksLeadSomewhere(t *testing.T) {
	for name, text := range read(t) {
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(match[2], "#")
			switch {
			case strings.HasPrefix(match[2], "https://"): // needs the network
			case target == "":
				assert.Contains(t, anchors(text), anchor, "%s links to #%s", name, anchor)
			case assert.FileExists(t, filepath.FromSlash(target), "%s links to %s", name, target) && anchor != "":
				linked, err := os.ReadFile(filepath.FromSlash(target))
				require.NoError(t, err)
				assert.Contains(t, anchors(string(linked)), anchor, "%s links to %s", name, match[2])
			}
		}
	}
}

// anchors returns the names by which GitHub links to the headings of a text.
func anchors(text string) []string {
	var names []string
	for _, line := range heading.FindAllString(block.ReplaceAllString(text, ""), -1) {
		name := strings.ToLower(strings.TrimLeft(line, "# "))
		names = append(names, strings.ReplaceAll(regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(name, ""), " ", "-"))
	}
	return names
}

func TestPagesHaveTheSameHeadings(t *testing.T) {
	for name, text := range read(t) {
		if name == index {
			continue
		}
		want := []string{"# " + strings.TrimSuffix(name, ".md")}
		for _, section := range headings {
			want = append(want, "## "+section)
		}
		assert.Equal(t, want, heading.FindAllString(block.ReplaceAllString(text, ""), -1), name)
		assert.NotContains(t, text, "-n monitoring", "%s: the stack may be in another namespace; use <monitoring>, or <namespace> if the alert has it", name)
		for _, section := range regexp.MustCompile(`(?m)^## .*$`).Split(text, -1)[1:] {
			assert.NotEmpty(t, strings.TrimSpace(section), "%s has an empty section", name)
		}
		for _, match := range block.FindAllStringSubmatch(text, -1) {
			assert.Contains(t, []string{"sh", "promql"}, match[1], "%s: language of a code block", name)
		}
		assert.Zero(t, strings.Count(text, "\n```")%2, "%s: a code block does not end", name)
	}
}

// A word in angle brackets stands for a value of the alert.
func TestCommandsAreValidShell(t *testing.T) {
	for name, text := range read(t) {
		for _, commands := range blocks(text, "sh") {
			bash := exec.Command("bash", "-n")
			bash.Stdin = strings.NewReader(placeholder.ReplaceAllString(commands, "value"))
			out, err := bash.CombinedOutput()
			assert.NoError(t, err, "%s:\n%s\n%s", name, commands, out)
			assert.Empty(t, string(out), "%s:\n%s", name, commands)
		}
	}
}

// Whoever follows a page at night has the notification, and copies from it.
func TestPlaceholdersAreLabels(t *testing.T) {
	labels := alertLabels(t)
	for name, text := range read(t) {
		if name == index {
			continue
		}
		has := labels[strings.TrimSuffix(name, ".md")]
		for _, query := range blocks(text, "promql") {
			for _, match := range placeholder.FindAllStringSubmatch(query, -1) {
				if match[1] == "error" { // a value of the label code
					continue
				}
				assert.True(t, has[match[1]], "%s: the alert has no label %s", name, match[1])
			}
		}
		if strings.Contains(text, "<namespace>") {
			assert.True(t, has["namespace"], "%s: the alert has no label namespace; <monitoring> is the stack's", name)
		}
	}
}

// alertLabels returns the labels that the annotations of each alert show, and those of its rules.
func alertLabels(t *testing.T) map[string]map[string]bool {
	t.Helper()
	shown := regexp.MustCompile(`\$labels\.(\w+)`)
	labels := map[string]map[string]bool{}
	for _, rule := range shippedRules(t) {
		if labels[rule.Alert] == nil {
			labels[rule.Alert] = map[string]bool{}
		}
		for name := range rule.Labels {
			labels[rule.Alert][name] = true
		}
		for _, text := range rule.Annotations {
			for _, match := range shown.FindAllStringSubmatch(text, -1) {
				labels[rule.Alert][match[1]] = true
			}
		}
	}
	return labels
}

func TestQueriesNameMetricsThatExist(t *testing.T) {
	known := knownMetrics(t)
	queries := 0
	for name, text := range read(t) {
		for _, lines := range blocks(text, "promql") {
			for query := range strings.Lines(lines) {
				queries++
				for _, unknown := range unknownMetrics(t, known, name, query) {
					assert.Fail(t, "no exporter exposes "+unknown, "%s: %s", name, query)
				}
			}
		}
	}
	assert.Greater(t, queries, 90, "the blocks are not found")
}

// notStored ends a query of a metric that a stack stores only if it is told to.
const notStored = "# not stored by default"

// A query that returns nothing misleads whoever is in a hurry. A stack that has everything, and
// otherwise its defaults, stores what pages query, or the page says that it does not.
func TestQueriesAreStored(t *testing.T) {
	stored := storedMetrics(t)
	for name, text := range read(t) {
		for _, lines := range blocks(text, "promql") {
			for query := range strings.Lines(lines) {
				missing := unknownMetrics(t, stored, name, query)
				if strings.HasSuffix(strings.TrimSpace(query), notStored) {
					assert.NotEmpty(t, missing, "%s: all of it is stored: %s", name, query)
					continue
				}
				assert.Empty(t, missing, "%s: not stored by default, so nothing comes back: %s", name, query)
			}
		}
	}
}

// storedMetrics reports whether a stack with every job, and otherwise its defaults, stores samples
// of a name.
func storedMetrics(t *testing.T) func(name string) bool {
	t.Helper()
	var everything strings.Builder
	everything.WriteString("cluster: {name: test, platform: kubeadm}\ndiscovery:\n  histograms: native\n  jobs:\n")
	for _, job := range config.ScrapeJobs {
		if job.ControlPlane || job.OptIn {
			fmt.Fprintf(&everything, "    %s: {enabled: true}\n", job.Name)
		}
	}
	everything.WriteString(`prometheus: {shards: 2, remoteWrite: [{name: central, url: https://metrics.example.com/api/v1/write}]}
exporters:
  blackboxExporter:
    enabled: true
    targets: [{url: https://example.com}]
  windowsExporter: {enabled: true}
longTermStorage: {enabled: true, objectStore: {type: GCS, config: {bucket: metrics}}, retention: {raw: 1y, 5m: 1y, 1h: 1y}}
alerting: {acknowledgeNoNotifications: true, access: {host: example.com, login: oidc, ingress: {}, fromNamespaces: [ingress]}}
login: {oidc: {issuerUrl: "https://login.example.com", clientId: monitoring, clientSecret: s3cret, cookieSecret: s3crets3crets3cr, groups: [sre]}}
`)
	stack, err := render.New(configtest.Config(t, everything.String()))
	require.NoError(t, err)
	return func(name string) bool {
		if writers, _ := stack.Writers(name); writers != nil {
			return true
		}
		for job, exposition := range stack.Exposed {
			if exposition == nil && stack.Ingest[job].Whole == "" && stack.Ingest[job].Stores(name) { // Grafana, of which no file lists metrics
				return true
			}
			for _, metric := range exposition {
				for _, sample := range metric.SampleNames() {
					prefix, varies := strings.CutSuffix(sample, "*")
					if (sample == name || varies && strings.HasPrefix(name, prefix)) && stack.Ingest[job].Stores(name) {
						return true
					}
				}
			}
		}
		return false
	}
}

// unknownMetrics returns the metrics in a query that known does not report.
func unknownMetrics(t *testing.T, known func(string) bool, page, query string) []string {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if !assert.NoError(t, err, "%s: %s", page, query) {
		return nil
	}
	var unknown []string
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if ok && selector.Name != "" && !known(selector.Name) {
			unknown = append(unknown, selector.Name)
		}
		return nil
	})
	return unknown
}

// knownMetrics reports whether a metric is exposed by an exporter, is added by Prometheus,
// or is recorded by a shipped rule.
func knownMetrics(t *testing.T) func(name string) bool {
	t.Helper()
	exact := map[string]bool{}
	prefixes := []string{"grafana_"} // no file lists Grafana's
	for _, name := range []string{"ALERTS", "ALERTS_FOR_STATE", "up", "scrape_duration_seconds", "scrape_samples_scraped"} {
		exact[name] = true
	}
	for _, rule := range shippedRules(t) {
		if rule.Record != "" {
			exact[rule.Record] = true
		}
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "metrics", "*.txt"))
	require.NoError(t, err)
	for _, file := range files {
		exporter, version, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".txt"), "-v")
		exposition, err := metrics.Of(exporter, version)
		require.NoError(t, err)
		for _, metric := range exposition {
			if prefix, ok := metric.Prefix(); ok {
				prefixes = append(prefixes, prefix)
				continue
			}
			suffixes := []string{""}
			switch metric.Type {
			case model.MetricTypeSummary:
				suffixes = []string{"", "_sum", "_count"}
			}
			for _, suffix := range suffixes {
				exact[metric.Name+suffix] = true
			}
		}
	}
	require.Greater(t, len(exact), 1000, "the exporters' metrics are not found")
	return func(name string) bool {
		return exact[name] || slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	}
}
