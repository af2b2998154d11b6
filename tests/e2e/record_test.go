//go:build e2e

package e2e

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/rules"
)

var recordFlag = flag.Bool("record", false, "write what exporters say during the faults to rules/recorded")

// recordStep is the interval of the recorded samples, and of the evaluation in their tests.
const recordStep = 10 * time.Second

// recording is a unit test of promtool, with what exporters said during a fault as its input:
// https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
type recording struct {
	RuleFiles          []string        `yaml:"rule_files"`
	EvaluationInterval model.Duration  `yaml:"evaluation_interval"`
	Tests              []recordedFault `yaml:"tests"`
}

type recordedFault struct {
	Name           string           `yaml:"name"`
	Interval       model.Duration   `yaml:"interval"`
	InputSeries    []recordedSeries `yaml:"input_series"`
	PromqlExprTest []recordedAlert  `yaml:"promql_expr_test"`
}

type recordedSeries struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type recordedAlert struct {
	Expr       string           `yaml:"expr"`
	EvalTime   model.Duration   `yaml:"eval_time"`
	ExpSamples []recordedSample `yaml:"exp_samples"`
}

type recordedSample struct {
	Labels string  `yaml:"labels"`
	Value  float64 `yaml:"value"`
}

// record writes a unit test for each alert of a fault that fires: what its expression reads, from
// a minute before the fault until now and then unchanged for as long as the shipped alert waits,
// when it must fire. Alerts that read a histogram or other alerts are left out.
func (n *node) record(t *testing.T, f fault, since time.Time) {
	t.Helper()
	since = since.Add(-time.Minute).Truncate(recordStep)
	files, err := rules.Render(rules.Options{})
	require.NoError(t, err)
	for _, alert := range slices.Concat(f.fires, f.muted) {
		samples, err := n.tryQuery(context.WithoutCancel(t.Context()), f.selector(alert), time.Now())
		if err != nil || len(samples) == 0 {
			continue // it has ended already
		}
		metric := samples[0].Metric
		file := recording{EvaluationInterval: model.Duration(recordStep)}
		var expr string
		var wait time.Duration
		file.RuleFiles, expr, wait = alertingRule(files, metric)
		if holds, err := n.tryQuery(context.WithoutCancel(t.Context()), expr, time.Now()); err != nil || len(holds) == 0 {
			continue // the fault is over
		}
		series, ok := n.inputs(t, files, &file.RuleFiles, expr, metric, since)
		if !ok {
			t.Logf("%s is not recorded", alert)
			continue
		}
		length := time.Since(since).Truncate(recordStep)
		want := metric.Clone()
		delete(want, "replica")
		file.Tests = []recordedFault{{
			Name:        f.breaks,
			Interval:    model.Duration(recordStep),
			InputSeries: series,
			PromqlExprTest: []recordedAlert{{
				Expr:       want.String(),
				EvalTime:   model.Duration(length + wait + time.Minute),
				ExpSamples: []recordedSample{{want.String(), 1}},
			}},
		}}
		text, err := yaml.Marshal(file)
		require.NoError(t, err)
		dir := filepath.Join(n.root, "rules", "recorded")
		require.NoError(t, os.MkdirAll(dir, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, f.name+"-"+alertName(alert)+"_test.yaml"), text, 0o644))
	}
}

// alertingRule returns the file, the expression and the wait of the rule of a firing alert.
func alertingRule(files []rules.File, alert model.Metric) ([]string, string, time.Duration) {
	for _, file := range files {
		for _, group := range file.Groups {
			for _, rule := range group.Rules {
				if rule.Alert == string(alert["alertname"]) && rule.Labels["severity"] == string(alert["severity"]) &&
					(rule.Labels["job"] == "" || rule.Labels["job"] == string(alert["job"])) {
					return []string{file.Name}, rule.Expr, time.Duration(rule.For)
				}
			}
		}
	}
	return nil, "", 0
}

// inputs returns the series that an expression reads, with those of the recordings in it, as far
// as they are about the alert. The files of those recordings are added to ruleFiles. It returns
// false if the expression reads what cannot be written.
func (n *node) inputs(t *testing.T, files []rules.File, ruleFiles *[]string, expr string, about model.Metric, since time.Time) ([]recordedSeries, bool) {
	t.Helper()
	found := map[string]string{}
	ok := true
	var read func(expr string)
	read = func(expr string) {
		parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
		require.NoError(t, err)
		parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
			selector, isSelector := node.(*parser.VectorSelector)
			if !isSelector {
				return nil
			}
			if selector.Name == "ALERTS" {
				ok = false
				return nil
			}
			if file, rule := recordedBy(files, selector.Name); rule.Record != "" {
				if !slices.Contains(*ruleFiles, file) {
					*ruleFiles = append(*ruleFiles, file)
				}
				read(rule.Expr)
				return nil
			}
			ok = n.samplesOf(t, selector.LabelMatchers, about, since, found) && ok
			return nil
		})
	}
	read(expr)
	var series []recordedSeries
	for _, name := range slices.Sorted(maps.Keys(found)) {
		series = append(series, recordedSeries{name, found[name]})
	}
	return series, ok && len(series) > 0 && len(series) <= 150
}

func recordedBy(files []rules.File, name string) (string, rulefmt.Rule) {
	for _, file := range files {
		for _, group := range file.Groups {
			for _, rule := range group.Rules {
				if rule.Record != "" && rule.Record == name {
					return file.Name, rule
				}
			}
		}
	}
	return "", rulefmt.Rule{}
}

// samplesOf adds the samples of a selector since a time to found. It returns false if there are
// histograms among them.
func (n *node) samplesOf(t *testing.T, matchers []*labels.Matcher, about model.Metric, since time.Time, found map[string]string) bool {
	t.Helper()
	var list []string
	for _, matcher := range matchers {
		list = append(list, matcher.String())
	}
	value, _, _, err := n.prometheus.QueryRange(context.WithoutCancel(t.Context()), "{"+strings.Join(list, ",")+"}", promv1.Range{Start: since, End: time.Now(), Step: recordStep})
	require.NoError(t, err)
	for _, stream := range value.(model.Matrix) {
		if len(stream.Histograms) > 0 {
			return false
		}
		if isAbout(stream.Metric, about) {
			found[stream.Metric.String()] = notation(stream.Values, since)
		}
	}
	return true
}

// isAbout reports whether a series has no other value of a label of the alert.
func isAbout(series, about model.Metric) bool {
	for _, label := range []model.LabelName{"job", "node", "namespace", "pod", "persistentvolumeclaim", "device", "mountpoint", "deployment", "statefulset", "daemonset", "job_name"} {
		if value, ok := series[label]; ok && about[label] != "" && value != about[label] {
			return false
		}
	}
	return true
}

var wholeRun = regexp.MustCompile(`^-?\d+$`)

// notation returns samples in promtool's notation, with _ where there is none and unix times
// relative to since, and then as they go on for an hour: a counter as in its last minute, anything
// else unchanged.
func notation(samples []model.SamplePair, since time.Time) string {
	var values []string
	number := func(v float64) string {
		if v > 1e9 && v < 3e9 && math.Abs(v-float64(since.Unix())) < 1e8 { // a time
			v -= float64(since.Unix())
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	at := since
	for _, sample := range samples {
		for ; at.Before(sample.Timestamp.Time().Truncate(time.Second)); at = at.Add(recordStep) {
			values = append(values, "_")
		}
		values = append(values, number(float64(sample.Value)))
		at = at.Add(recordStep)
	}
	last := float64(samples[len(samples)-1].Value)
	earlier := float64(samples[max(0, len(samples)-7)].Value)
	slope := 0.0
	if rising(samples) {
		slope = (last - earlier) / 6
	}
	if time.Since(samples[len(samples)-1].Timestamp.Time()) < 30*time.Second {
		values = append(values, fmt.Sprintf("%s+%sx360", number(last+slope), strconv.FormatFloat(slope, 'f', -1, 64)))
	}
	return compress(values)
}

// rising reports whether samples only rise, and in their last minute do.
func rising(samples []model.SamplePair) bool {
	for i := 1; i < len(samples); i++ {
		if samples[i].Value < samples[i-1].Value {
			return false
		}
	}
	return samples[len(samples)-1].Value > samples[max(0, len(samples)-7)].Value
}

// compress writes equal values in a row as VALUExREPEATS.
func compress(values []string) string {
	var out []string
	for i := 0; i < len(values); {
		end := i + 1
		for end < len(values) && values[end] == values[i] {
			end++
		}
		switch {
		case end-i > 1 && values[i] == "_":
			out = append(out, fmt.Sprintf("_x%d", end-i))
		case end-i > 1 && wholeRun.MatchString(values[i]):
			out = append(out, fmt.Sprintf("%sx%d", values[i], end-i-1))
		default:
			out = append(out, values[i:end]...)
		}
		i = end
	}
	return strings.Join(out, " ")
}
