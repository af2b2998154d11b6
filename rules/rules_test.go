package rules

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// render returns the texts of the rule files, by name.
func render(t *testing.T, opts Options) map[string]string {
	t.Helper()
	files, err := Render(opts)
	require.NoError(t, err)
	texts := map[string]string{}
	for _, file := range files {
		texts[file.Name] = file.Text
	}
	return texts
}

// groups returns the rule groups of a file.
func groups(t *testing.T, text string) []rulefmt.RuleGroup {
	t.Helper()
	var file rulefmt.RuleGroups
	require.NoError(t, yaml.Unmarshal([]byte(text), &file))
	return file.Groups
}

// alerts returns the alerting rules of rendered files by alert name.
func alerts(t *testing.T, files map[string]string) map[string][]rulefmt.Rule {
	t.Helper()
	found := map[string][]rulefmt.Rule{}
	for _, text := range files {
		for _, group := range groups(t, text) {
			for _, rule := range group.Rules {
				if rule.Alert != "" {
					found[rule.Alert] = append(found[rule.Alert], rule)
				}
			}
		}
	}
	return found
}

func TestRenderKeepsShippedFiles(t *testing.T) {
	files := render(t, Options{})
	for name := range needs {
		assert.Contains(t, files, name)
	}
	for name, text := range files {
		shipped, err := os.ReadFile(name)
		require.NoError(t, err)
		switch name {
		case jobsFile:
			shipped = expandJobs(shipped, everyJob)
		case ShardsFile:
			shipped = []byte(expandShards(string(shipped), nil))
		}
		assert.Equal(t, string(shipped), text, name)
	}
}

func TestAlertsHaveAnnotations(t *testing.T) {
	for name, rules := range alerts(t, render(t, Options{})) {
		assert.FileExists(t, filepath.Join("..", "docs", "runbooks", name+".md"))
		for _, rule := range rules {
			assert.Contains(t, severities, rule.Labels["severity"], name)
			assert.NotEmpty(t, rule.Annotations["summary"], name)
			assert.Equal(t, DefaultRunbookURL+"/"+name+".md", rule.Annotations["runbook_url"], name)
			assert.Regexp(t, `\{\{ \$(labels|externalLabels)\.cluster \}\}`, rule.Annotations["description"], name)
		}
	}
}

// A critical alert wakes somebody up, so at most a quarter of the alerts are. An alert with rules for
// many jobs counts once for each severity.
func TestFewAlertsAreCritical(t *testing.T) {
	all, critical := 0, 0
	for _, list := range alerts(t, render(t, Options{})) {
		severities := map[string]bool{}
		for _, rule := range list {
			severities[rule.Labels["severity"]] = true
		}
		all += len(severities)
		if severities["critical"] {
			critical++
		}
	}
	assert.LessOrEqual(t, 4*critical, all, "%d of %d alerts are critical", critical, all)
}

// Each kind of object that a label mutes has a branch in AlertsOff, and no other has.
func TestMutedKinds(t *testing.T) {
	expr := alerts(t, render(t, Options{}))["AlertsOff"][0].Expr
	for _, muted := range config.OptOuts {
		assert.Contains(t, expr, fmt.Sprintf(`, %[1]s) (kube_%[2]s_labels{label_prometheus_io_alerts="false"}), "muted", %[1]q`, muted.Label, strings.TrimSuffix(muted.Label, "_name")), muted.Kind)
	}
	assert.Equal(t, len(config.OptOuts), strings.Count(expr, "label_replace("))
}

func TestRunbooksBelongToAlerts(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join("..", "docs", "runbooks", "*.md"))
	require.NoError(t, err)
	known := alerts(t, render(t, Options{}))
	for _, page := range pages {
		if name := strings.TrimSuffix(filepath.Base(page), ".md"); name != "README" {
			assert.Contains(t, known, name)
		}
	}
}

// An aggregation or vector matching without the label cluster mixes up clusters wherever their
// series meet: behind remote write, in a federation, in Alertmanager.
func TestExpressionsKeepTheCluster(t *testing.T) {
	for name, text := range render(t, Options{}) {
		for _, group := range groups(t, text) {
			for _, rule := range group.Rules {
				expr, err := parser.NewParser(parser.Options{}).ParseExpr(rule.Expr)
				require.NoError(t, err)
				where := name + ": " + rule.Alert + rule.Record
				parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
					switch n := node.(type) {
					case *parser.AggregateExpr:
						assert.NotEqual(t, n.Without, slices.Contains(n.Grouping, "cluster"), "%s: %s", where, n)
					case *parser.BinaryExpr:
						if m := n.VectorMatching; m != nil && (m.On || len(m.MatchingLabels) > 0) {
							assert.Equal(t, m.On, slices.Contains(m.MatchingLabels, "cluster"), "%s: %s", where, n)
						}
					case *parser.MatrixSelector:
						assert.GreaterOrEqual(t, n.Range, 5*time.Minute, "%s: %s holds too few scrapes", where, n)
					}
					return nil
				})
			}
		}
	}
}

func TestRenderLeavesOutWhatIsNotScraped(t *testing.T) {
	files := render(t, Options{Enabled: func(job config.Job) bool {
		return job != config.KubeStateMetricsJob && job != config.CadvisorJob
	}})
	for _, name := range []string{"kube-state-metrics.yaml", "nodes.yaml", "workloads.yaml"} {
		assert.NotContains(t, files, name)
	}
	for _, name := range []string{"general.yaml", "prometheus.yaml", "targets.yaml", "storage.yaml", "node-exporter.yaml"} {
		assert.Contains(t, files, name)
	}
	var jobs []string
	for _, rule := range alerts(t, files)["JobAbsent"] {
		jobs = append(jobs, rule.Labels["job"])
	}
	assert.Contains(t, jobs, "kubernetes-nodes")
	assert.NotContains(t, jobs, "kubernetes-cadvisor")
	assert.NotContains(t, jobs, "kube-state-metrics")
}

// A file stays if another job collects its metrics; rules about the targets of a job that is
// off do not.
func TestRenderKeepsWhatIsCollected(t *testing.T) {
	files := render(t, Options{
		Enabled:   func(job config.Job) bool { return job == config.NodesJob },
		Collected: func(job config.Job) bool { return job == config.NodesJob || job == config.ControllerManagerJob },
	})
	assert.NotContains(t, files, "scheduler.yaml")
	assert.Contains(t, files, "controller-manager.yaml")
	found := alerts(t, files)
	assert.Contains(t, found, "ZoneUnhealthy")
	assert.NotContains(t, found, "ControllerBacklog")
	assert.Len(t, found["JobAbsent"], 1)
}

// Every job that must have targets has a rule JobAbsent, and TargetDown names the blinding jobs.
func TestJobs(t *testing.T) {
	found := alerts(t, render(t, Options{}))
	watched := map[string]string{}
	for _, rule := range found["JobAbsent"] {
		watched[rule.Labels["job"]] = rule.Expr
	}
	for _, row := range config.ScrapeJobs {
		want := `absent(up{job="` + string(row.Name) + `"})`
		if row.MayBeEmpty {
			want = ""
		}
		assert.Equal(t, want, watched[string(row.Name)], row.Name)
		blinding, err := regexp.MatchString(`[|"]`+string(row.Name)+`[|"]`, found["TargetDown"][1].Expr)
		require.NoError(t, err)
		assert.Equal(t, row.Blinding, blinding, row.Name)
	}
}

func TestRenderAppliesOverrides(t *testing.T) {
	hour, never := config.Duration{Duration: time.Hour}, config.Duration{}
	opts := Options{
		Disabled: []string{"NodeCPUHigh"},
		Overrides: map[string]config.AlertOverride{
			"PodCrashLooping":        {For: &hour, Severity: "critical", Labels: map[string]string{"team": "{{ $labels.namespace }}"}},
			"NodeFilesystemSpaceLow": {For: &never},
			"Watchdog":               {For: &hour},
		},
	}
	before, files := alerts(t, render(t, Options{})), render(t, opts)
	after := alerts(t, files)

	assert.NotContains(t, after, "NodeCPUHigh")
	assert.Contains(t, files["node-exporter.yaml"], "node:node_cpu_utilisation:ratio_rate5m", "recordings stay")

	changed := before["PodCrashLooping"][0]
	changed.For = model.Duration(time.Hour)
	changed.Labels = map[string]string{"severity": "critical", "team": "{{ $labels.namespace }}"}
	assert.Equal(t, []rulefmt.Rule{changed}, after["PodCrashLooping"])
	for _, rule := range after["NodeFilesystemSpaceLow"] {
		assert.Zero(t, rule.For)
	}
	assert.Equal(t, model.Duration(time.Hour), after["Watchdog"][0].For)

	for name := range before {
		if _, touched := opts.Overrides[name]; !touched && name != "NodeCPUHigh" {
			assert.Equal(t, before[name], after[name], name)
		}
	}
	assert.Equal(t, files, render(t, opts), "the same config renders the same text")
	assert.Contains(t, files["workloads.yaml"], "# Over 5 minutes", "an edited file keeps its comments")
}

func TestRenderLeavesOutFilesWithoutRules(t *testing.T) {
	files := render(t, Options{Disabled: []string{"KubeStateMetricsErrors", "KubeStateMetricsShardsMissing", "NodeNotReady"}})
	assert.NotContains(t, files, "kube-state-metrics.yaml")
	assert.Contains(t, files, "nodes.yaml")
}

const cart = `groups:
  - name: cart
    rules:
      - alert: CartEmpty
        expr: cart_items{cluster="dev"} == 0
`

func TestRenderAddsFiles(t *testing.T) {
	files := render(t, Options{Extra: extraRules(map[string]string{"cart": cart, "shop.yaml": cart})})
	assert.Equal(t, cart, files["cart.yaml"])
	assert.Equal(t, cart, files["shop.yaml"])
}

// extraRules returns rule files as alerting.extraRules has them.
func extraRules(texts map[string]string) []Extra {
	var extra []Extra
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		extra = append(extra, Extra{Path: "alerting.extraRules." + name, From: "alerting.extraRules", Name: name, Text: texts[name]})
	}
	return extra
}

func TestIsTest(t *testing.T) {
	for name, want := range map[string]bool{"shop": false, "test": false, "shop_test": true} {
		assert.Equal(t, want, IsTest(name), name)
	}
}

func TestRenderRejects(t *testing.T) {
	for name, test := range map[string]struct {
		opts Options
		want []string
	}{
		"unknown names": {
			Options{
				Disabled:  []string{"Watchdog", "NodeCPUHihg", "Zebra"},
				Overrides: map[string]config.AlertOverride{"NodeNotRedy": {Severity: "info"}},
			},
			[]string{
				`alerting.disabled[1]: unknown "NodeCPUHihg"; did you mean "NodeCPUHigh"?`,
				`alerting.disabled[2]: unknown "Zebra"; allowed: APIServerErrorBudgetBurn, APIServerErrorsHigh, `,
				`alerting.overrides.NodeNotRedy: unknown "NodeNotRedy"; did you mean "NodeNotReady"?`,
			},
		},
		"severities": {
			Options{Overrides: map[string]config.AlertOverride{
				"NodeCPUHigh":    {Severity: "page"},
				"NodeMemoryHigh": {Severity: "info"},
				"NodeNotReady":   {Labels: map[string]string{"severity": "info", "alertname": "X"}},
			}},
			[]string{
				`alerting.overrides.NodeCPUHigh.severity: "page"; allowed: critical, warning, info, none`,
				`alerting.overrides.NodeMemoryHigh.severity: NodeMemoryHigh has rules of severity critical and warning, which one severity cannot replace`,
				`alerting.overrides.NodeNotReady.labels.alertname: reserved by Prometheus`,
				`alerting.overrides.NodeNotReady.labels.severity: cannot be set as a label; use alerting.overrides.NodeNotReady.severity`,
			},
		},
		"thresholds": {
			Options{Overrides: map[string]config.AlertOverride{
				"NodeCPUHigh":                   {Thresholds: levels(t, map[string]string{"warning": "95"})},
				"NodeNotReady":                  {Thresholds: levels(t, map[string]string{"critical": "1"})},
				"NodeMemoryHigh":                {Thresholds: levels(t, map[string]string{"warning": "98%"})},
				"NodeFilesystemSpaceLow":        {Thresholds: levels(t, map[string]string{"critical": "20%", "warnig": "30%"})},
				"PersistentVolumeClaimSpaceLow": {Thresholds: levels(t, map[string]string{"critical": "20%"})},
				"ProbeCertificateExpiring":      {Thresholds: levels(t, map[string]string{"warning": "21"})},
				"TargetDown":                    {Thresholds: levels(t, map[string]string{"critical": "10%"})},
			}},
			[]string{
				`alerting.overrides.NodeCPUHigh.thresholds.warning: "95"; allowed: a share of the whole, such as 85% or 0.85`,
				`alerting.overrides.NodeFilesystemSpaceLow.thresholds.warnig: unknown "warnig"; did you mean "warning"?`,
				`alerting.overrides.NodeMemoryHigh.thresholds: NodeMemoryHigh would be critical before it is a warning: warning 98%, critical 97%`,
				`alerting.overrides.NodeNotReady.thresholds: NodeNotReady has no threshold; allowed for: APIServerErrorsHigh, APIServerSlow, `,
				`alerting.overrides.PersistentVolumeClaimSpaceLow.thresholds: PersistentVolumeClaimSpaceLow would be critical before it is a warning: warning 10%, critical 20%`,
				`alerting.overrides.ProbeCertificateExpiring.thresholds.warning: "21"; allowed: a duration, such as 30s or 21d`,
				`alerting.overrides.TargetDown.thresholds.critical: unknown "critical"; allowed: warning`,
			},
		},
		"bad annotations": {
			Options{Overrides: map[string]config.AlertOverride{"NodeCPUHigh": {Annotations: map[string]string{"summary": "{{ $labels.node"}}}},
			[]string{`alerting.overrides.NodeCPUHigh`},
		},
		"bad labels": {
			Options{Overrides: map[string]config.AlertOverride{
				"NodeCPUHigh": {Labels: map[string]string{"team": "{{ $labels.node"}},
				"ProbeFailed": {Labels: map[string]string{"": "x"}},
			}},
			[]string{
				`alerting.overrides.NodeCPUHigh: label "team": `,
				`alerting.overrides.ProbeFailed: invalid label name: `,
			},
		},
		"bad rule files": {
			Options{Extra: extraRules(map[string]string{
				"expr":     strings.Replace(cart, "== 0", "==", 1),
				"field":    strings.Replace(cart, "expr:", "exper:", 1),
				"template": cart + "        annotations: {summary: '{{ $labels.cart | shout }}'}\n",
				"group":    cart + strings.TrimPrefix(cart, "groups:\n"),
				"empty":    "",
				"text":     "just words",
				"two":      cart + "---\n" + cart,
				"a/b":      cart,
				"nodes":    cart,
				"cart":     cart, "cart.yaml": cart,
			})},
			[]string{
				`alerting.extraRules.expr: 5:15: group "cart", rule 1, "CartEmpty": could not parse expression: `,
				`alerting.extraRules.field: yaml: unmarshal errors:`,
				`alerting.extraRules.template: group "cart", rule 1, "CartEmpty": annotation "summary": `,
				`alerting.extraRules.group: `,
				`alerting.extraRules.empty: no rule groups`,
				`alerting.extraRules.text: yaml: unmarshal errors:`,
				`alerting.extraRules.two: more than one YAML document`,
				`alerting.extraRules.a/b: name "a/b": `,
				`alerting.extraRules.nodes: nodes.yaml is a shipped rule file; choose another name`,
				`alerting.extraRules.cart.yaml: two rule files are called cart.yaml; choose another name`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			files, err := Render(test.opts)
			assert.Nil(t, files)
			var problems config.Problems
			require.ErrorAs(t, err, &problems)
			got := make([]string, len(problems))
			for i, problem := range problems {
				got[i] = problem.Error()
			}
			for _, want := range test.want {
				assert.True(t, slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, want) }), "no %q in:\n%s", want, strings.Join(got, "\n"))
			}
			paths := map[string]bool{}
			for _, problem := range problems {
				paths[problem.Path] = true
			}
			assert.Len(t, paths, len(test.want), "problems besides the expected ones:\n%s", strings.Join(got, "\n"))
		})
	}
}

// FuzzExtra checks that checkExtra rejects any text or loads groups of rules from it.
func FuzzExtra(f *testing.F) {
	for _, text := range []string{cart, "", "groups:", "groups: [{}]", "groups: [{name: a, rules: [{}]}]", "groups: [{name: a, rules: [{record: 'a:b', expr: vector(1)}]}]", "a: &a [*a]", "groups: [&a {name: a}, *a]", "groups: [{name: a, rules: [~]}]", "groups: [~]", "groups: [{name: a, rules: [{<<: {alert: A}, expr: a}]}]"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, errs := checkExtra(text); len(errs) > 0 {
			for _, err := range errs {
				assert.NotEmpty(t, err.Error())
			}
			return
		}
		assert.NotEmpty(t, groups(t, text))
	})
}
