//go:build e2e

package e2e

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/rules"
)

var faultsFlag = flag.String("faults", "core", "faults to provoke: none, core, all, drafts, or names of faults or of batches, separated by commas")

var deployedFlag = flag.Bool("deployed", false, "the stack of TestFaults or TestScale is deployed")

// The time from a fault to its alert and to its message: scrapes, an evaluation, `for`, a group.
const faultPatience = 4 * time.Minute

// TestFaults breaks things on the local node and expects what the table of faults says: which
// alerts fire, which reach Slack, and that all of them end when the faults do.
func TestFaults(t *testing.T) {
	if *faultsFlag == "none" {
		t.Skip("-faults=none")
	}
	n := start(t)
	n.cluster.localOnly(t, "a node to break")
	slack := startSlack(t, n)
	alerts := timings(t)
	n.upForFaults(t, alerts)
	var mended endings
	for _, batch := range batches {
		chosen := slices.DeleteFunc(slices.Clone(faults), func(f fault) bool { return f.batch != batch || !f.chosen() })
		if len(chosen) == 0 {
			continue
		}
		t.Run(batch, func(t *testing.T) {
			for _, f := range chosen {
				t.Run(f.name, func(t *testing.T) {
					t.Parallel()
					n.provoke(t, slack, alerts, f)
					mended.add(f)
				})
			}
		})
	}
	t.Run("all of it ends with the faults", func(t *testing.T) { mended.await(t, n, alerts) })
	if !*deployedFlag { // other tests need the stack dev, and only what that has stored
		n.localcluster(t, "demo")
		n.forget(t)
	}
}

// chosen reports whether the flag -faults asks for a fault.
func (f fault) chosen() bool {
	return slices.ContainsFunc(strings.Split(*faultsFlag, ","), func(name string) bool {
		switch name {
		case f.name:
			return true
		case "drafts":
			return f.draft
		case "core":
			return f.core && !f.draft
		case "all", f.batch:
			return !f.draft
		}
		return false
	})
}

// selector returns an alert of a fault as Prometheus selects it, with the labels of ALERTS.
func (f fault) selector(alert string) string {
	name, labels, exact := strings.Cut(strings.TrimSuffix(alert, "}"), "{")
	if !exact {
		labels = fmt.Sprintf("namespace=%q", "fault-"+f.name)
	}
	return strings.TrimSuffix(fmt.Sprintf(`ALERTS{alertname=%q, alertstate="firing", %s`, name, labels), ", ") + "}"
}

// matchers returns what the labels of an alert of a fault match, as Alertmanager has them.
func (f fault) matchers(alert string) []*labels.Matcher {
	matchers, err := parser.NewParser(parser.Options{}).ParseMetricSelector(f.selector(alert))
	if err != nil {
		panic(fmt.Sprintf("the table of faults: %s: %s: %v", f.name, alert, err))
	}
	return slices.DeleteFunc(matchers, func(m *labels.Matcher) bool { return m.Name == model.MetricNameLabel || m.Name == "alertstate" })
}

// provoke breaks something, expects its alerts, and mends it.
func (n *node) provoke(t *testing.T, slack *slack, alerts map[string]timing, f fault) {
	before, sent := time.Now(), len(slack.messages())
	broken, ok := breaks[f.name]
	if !ok {
		broken = func(*testing.T, *node, fault) func() { return func() {} }
	}
	mend := once(func() { n.removeNamespace(t, f) })
	t.Cleanup(func() { mend() })
	already := map[string]bool{} // that something else made fire, and Slack has heard of
	for _, alert := range f.fires {
		already[alert] = n.counted(t.Context(), f, alert) > 0
	}
	n.applyFault(t, f)
	undo := broken(t, n, f)
	mend = once(func() {
		undo()
		n.removeNamespace(t, f)
	})
	fired := func(alert string) string {
		query := fmt.Sprintf("max_over_time(%s[%ds])", f.selector(alert), int(time.Since(before).Seconds())+1)
		samples, err := n.tryQuery(context.WithoutCancel(t.Context()), query, time.Now())
		if err != nil || len(samples) == 0 {
			return fmt.Sprint("not yet ", err)
		}
		return ""
	}
	deadline := time.Now().Add(faultPatience)
	if f.slow {
		deadline = time.Now().Add(14 * time.Minute)
	}
	for _, alert := range slices.Concat(f.fires, f.muted) {
		if !soon(time.Until(deadline), func() bool { return fired(alert) == "" }) {
			assert.Fail(t, alert+" does not fire", "%s", fired(alert))
			continue
		}
		t.Logf("%s fires after %s", alert, time.Since(before).Round(time.Second))
	}
	for _, alert := range f.fires {
		if !soon(90*time.Second, func() bool { return already[alert] || slices.ContainsFunc(slack.messages()[sent:], f.about(alert)) }) {
			assert.Fail(t, alert+" does not reach Slack")
		}
	}
	for _, alert := range f.muted {
		// Alertmanager forgets what has ended; that it reached nobody, Slack says.
		heard := func() bool { return n.heard(t.Context(), f, alert) == "" || n.counted(t.Context(), f, alert) == 0 }
		if !f.deaf && !soon(30*time.Second, heard) {
			assert.Fail(t, alert+" is not muted", "%s", n.heard(t.Context(), f, alert))
		}
		if i := slices.IndexFunc(slack.messages()[sent:], f.about(alert)); i >= 0 {
			assert.Fail(t, alert+" reaches Slack", "%s\n%s", slack.messages()[sent+i].title(), slack.messages()[sent+i].text())
		}
	}
	if tables := n.brokenTables(t, f); len(tables) > 0 && !soon(30*time.Second, func() bool { return n.lists(t.Context(), tables, f) }) {
		assert.Fail(t, "the dashboard What is broken does not list it", f.listed)
	}
	var wait time.Duration // of what stays silent: by then it would have fired
	for _, alert := range f.silent {
		wait = max(wait, alerts[alertName(alert)].wait+20*time.Second)
	}
	time.Sleep(time.Until(before.Add(wait)))
	for _, alert := range f.silent {
		if fired(alert) == "" {
			assert.Fail(t, alert+" fires")
		}
	}
	if *recordFlag && !t.Failed() {
		n.record(t, f, before)
	}
	mend()
}

// counted returns how many alerts of a fault fire as a selector says; -1 if Prometheus does not answer.
func (n *node) counted(ctx context.Context, f fault, alert string) int {
	samples, err := n.tryQuery(ctx, f.selector(alert), time.Now())
	if err != nil {
		return -1
	}
	return len(samples)
}

// heard returns how Alertmanager treats an alert of a fault that it should mute, or nothing if it
// inhibits it or has no receiver for it.
func (n *node) heard(ctx context.Context, f fault, alert string) string {
	body, err := n.tryGet(ctx, "alertmanager:web", "api/v2/alerts", map[string]string{"filter": fmt.Sprintf("alertname=%q", alertName(alert))})
	if err != nil {
		return err.Error()
	}
	var all []struct {
		Labels    map[string]string
		Status    struct{ State string }
		Receivers []struct{ Name string }
	}
	if err := json.Unmarshal([]byte(body), &all); err != nil {
		return err.Error()
	}
	known := false
	for _, a := range all {
		if slices.ContainsFunc(f.matchers(alert), func(m *labels.Matcher) bool { return !m.Matches(a.Labels[m.Name]) }) {
			continue
		}
		known = true
		receiver := a.Receivers[0].Name
		if a.Status.State != "suppressed" && receiver != render.NullReceiver {
			return fmt.Sprintf("%v is %s, for receiver %s", a.Labels, a.Status.State, receiver)
		}
	}
	if !known {
		return "Alertmanager does not know it"
	}
	return ""
}

// brokenTables returns the queries of the table of the dashboard What is broken that should list a
// fault; none if no table should.
func (n *node) brokenTables(t *testing.T, f fault) []string {
	t.Helper()
	if f.listed == "" {
		return nil
	}
	stack, err := render.New(n.stack)
	require.NoError(t, err)
	board := slices.IndexFunc(stack.Dashboards, func(d dashboards.Dashboard) bool { return d.UID == dashboards.UIDBroken })
	queries, err := dashboards.Queries(stack.Dashboards[board], map[string]string{"cluster": n.stack.Cluster.Name})
	require.NoError(t, err)
	var tables []string
	for _, q := range queries {
		if strings.HasPrefix(q.Place, fmt.Sprintf("panel %q", f.listed)) && strings.HasPrefix(q.Expr, "topk(") {
			tables = append(tables, q.Expr)
		}
	}
	require.NotEmpty(t, tables, "no table of %s is called %s", dashboards.UIDBroken, f.listed)
	return tables
}

// lists reports whether one of the queries returns a row of the namespace of a fault.
func (n *node) lists(ctx context.Context, queries []string, f fault) bool {
	return slices.ContainsFunc(queries, func(query string) bool {
		rows, err := n.tryQuery(ctx, query, time.Now())
		return err == nil && slices.ContainsFunc(rows, func(row *model.Sample) bool { return row.Metric["namespace"] == model.LabelValue("fault-"+f.name) })
	})
}

// soon waits until a condition holds, and reports whether it did within the patience.
func soon(patience time.Duration, condition func() bool) bool {
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(2 * time.Second) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// about returns whether a message says that an alert of the fault fires: with its name in the
// title, and the values of its labels in the title or the text.
func (f fault) about(alert string) func(slackMessage) bool {
	var words []string
	severity := ""
	for _, m := range f.matchers(alert) {
		if m.Type != labels.MatchEqual {
			continue
		}
		switch m.Name {
		case "alertname", "integration", "mechanism", "volume_plugin", "verb", "eviction_signal", "endpoint":
		case "severity":
			severity = strings.ToUpper(m.Value)
		default:
			words = append(words, m.Value)
		}
	}
	return func(m slackMessage) bool {
		if m.resolved() || !strings.Contains(m.title(), ") "+alertName(alert)+" on ") || !strings.HasPrefix(m.title(), severity) {
			return false
		}
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(m.title()+m.text(), word) })
	}
}

// endings holds the alerts of faults that are mended, as Prometheus selects them, by name.
type endings struct {
	mu     sync.Mutex
	alerts map[string]string // selector to name
}

func (e *endings) add(f fault) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.alerts == nil {
		e.alerts = map[string]string{}
	}
	for _, alert := range slices.Concat(f.fires, f.muted) {
		name, _, _ := strings.Cut(alert, "{")
		e.alerts[f.selector(alert)] = name
	}
}

// await waits until no alert fires any more. An alert looks back over the window of its
// expression, so it may end that much later than the fault. For longer than 15 minutes, of
// the core for longer than a minute, nobody waits.
func (e *endings) await(t *testing.T, n *node, alerts map[string]timing) {
	longest := 15 * time.Minute
	if *faultsFlag == "core" {
		longest = time.Minute
	}
	began := time.Now()
	waits := map[string]time.Duration{}
	for selector, name := range e.alerts {
		if window := alerts[name].window; window <= longest {
			waits[selector] = window
		} else {
			t.Logf("not awaited, since it looks back over %s: %s", window, selector)
		}
	}
	for len(waits) > 0 {
		for selector, window := range waits {
			samples, err := n.tryQuery(t.Context(), selector, time.Now())
			switch {
			case err == nil && len(samples) == 0:
				delete(waits, selector)
			case time.Since(began) > window+3*time.Minute:
				assert.Fail(t, selector+" still fires", "%v %v", samples, err)
				delete(waits, selector)
			}
		}
		time.Sleep(5 * time.Second)
	}
}

// timing is how an alert relates to time: how long it waits in the test, and how far it looks back.
type timing struct{ wait, window time.Duration }

// timings returns the timing of each alert. It waits a twentieth of what it does as shipped, at
// least 5 seconds and at most a minute; of several rules of an alert the slowest counts, so that
// what is muted fires after what mutes it. It looks back over the longest range of its expression
// and of the recordings that it reads, with their offsets, and then may keep firing.
func timings(t *testing.T) map[string]timing {
	t.Helper()
	files, err := rules.Render(rules.Options{})
	require.NoError(t, err)
	recordings, alerts := map[string]string{}, []rulefmt.Rule{}
	for _, file := range files {
		for _, group := range file.Groups {
			for _, rule := range group.Rules {
				if rule.Record != "" {
					recordings[rule.Record] = rule.Expr
				} else {
					alerts = append(alerts, rule)
				}
			}
		}
	}
	all := map[string]timing{}
	for _, rule := range alerts {
		alert := all[rule.Alert]
		if wait := time.Duration(rule.For); wait > 0 {
			alert.wait = max(alert.wait, min(max(wait/20, 5*time.Second), time.Minute))
		}
		alert.window = max(alert.window, lookBack(t, rule.Expr, recordings)+time.Duration(rule.KeepFiringFor))
		all[rule.Alert] = alert
	}
	for name, wait := range waits {
		all[name] = timing{wait, all[name].window}
	}
	return all
}

// waits holds the alerts that wait for another time than timings says by itself.
var waits = map[string]time.Duration{
	"APIServerErrorBudgetBurn": 15 * time.Second, // the fastest of its rules, which mutes APIServerErrorsHigh
	"DirectorySizeScanFailed":  10 * time.Second, // shorter than the time between two scans
	"JobAbsent":                15 * time.Second, // shorter than TargetDown by the two scrapes until a target that is gone is stale
	"KubeStateMetricsErrors":   90 * time.Second, // longer than the rates still show an outage of
	"KubernetesClientErrors":   90 * time.Second, // the API server that no longer mutes these
}

// lookBack returns how far an expression looks back, with the recordings that it reads.
func lookBack(t *testing.T, expr string, recordings map[string]string) time.Duration {
	t.Helper()
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	require.NoError(t, err)
	var longest time.Duration
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.MatrixSelector:
			longest = max(longest, n.Range+n.VectorSelector.(*parser.VectorSelector).OriginalOffset)
		case *parser.SubqueryExpr:
			longest = max(longest, n.Range)
		case *parser.VectorSelector:
			longest = max(longest, n.OriginalOffset)
			if recorded, ok := recordings[n.Name]; ok {
				longest = max(longest, lookBack(t, recorded, recordings))
			}
		}
		return nil
	})
	return longest
}

// upForFaults deploys the stack dev with what the faults need: everything stored, Slack, two
// shards, the parts of the control plane as targets, and alerts that wait as timings says.
func (n *node) upForFaults(t *testing.T, alerts map[string]timing) {
	if *deployedFlag {
		return
	}
	n.sweep(t)
	// Faults change fields of the stack's objects, which the next update takes back.
	t.Setenv("PULUMI_K8S_ENABLE_PATCH_FORCE", "true")
	n.localcluster(t, "demo") // which also copies the stack's config anew
	n.forget(t)
	n.slackSoon(t)
	n.configure(t, func(put func(path string, value any)) {
		put("prometheus.scrapeInterval", "10s")
		put("prometheus.scrapeTimeout", "5s")
		put("prometheus.evaluationInterval", "5s")
		put("prometheus.resources.limits.memory", "3Gi")
		put("prometheus.acknowledgeInsecureRemotes", true)
		put("prometheus.remoteWrite", []any{
			remoteWrite("refusing", `up`),
			remoteWrite("slow", `.+`),
		})
		put("discovery.ingest", "all")
		for _, job := range []string{"kube-scheduler", "kube-controller-manager", "etcd", "kube-proxy"} {
			put("discovery.jobs."+job, map[string]any{"enabled": true})
		}
		put("discovery.jobs.kubernetes-pods", map[string]any{"sampleLimit": 2000})
		put("discovery.extraScrapeConfigs", []any{map[string]any{
			"job_name":        "discovered",
			"http_sd_configs": []any{map[string]any{"url": "http://web.fault-base.svc:8080/targets.json", "refresh_interval": "10s"}},
		}})
		put("exporters.kubeStateMetrics.shards", 2)
		put("exporters.blackboxExporter.targets", []any{map[string]any{"url": "http://web.fault-base.svc:8080/"}})
		put("exporters.nodeDirectorySizeMetrics.interval", "20s")
		put("alerting.extraRules.faults", `groups:
  - name: faults
    rules:
      - record: fault:containers:matched
        expr: kube_pod_container_info{namespace="fault-rule-failing"} * on (cluster, namespace) kube_pod_container_info{namespace="fault-rule-failing"}
`)
		alertSoon(put, alerts)
		for path, value := range map[string]string{
			"DirectorySizeScanStale.thresholds.warning": "1m",
			"JobNotCompleted.thresholds.warning":        "30s",
			"NodeCPUHigh.thresholds.warning":            "60%",
		} {
			put("alerting.overrides."+path, value)
		}
	})
	n.applyFault(t, fault{name: "base"})
	n.applyFault(t, fault{name: "control-plane"})
	n.up(t)
	var err error
	n.stack, err = config.FromFile(filepath.Join(n.cluster.dir, n.cluster.stackFile()))
	require.NoError(t, err)
	eventually(t, 3*time.Minute, "all targets are up", func(ctx context.Context) string {
		targets, err := n.prometheus.Targets(ctx)
		if err != nil {
			return err.Error()
		}
		jobs := map[model.LabelValue]bool{}
		for _, target := range targets.Active {
			if target.Health != promv1.HealthGood {
				return target.ScrapeURL + " is not up: " + target.LastError
			}
			jobs[target.Labels[model.JobLabel]] = true
		}
		if len(jobs) < 16 {
			return fmt.Sprint("only jobs ", jobs)
		}
		return ""
	})
}

// slackSoon has notifications go to Slack, soon after an alert fires.
func (n *node) slackSoon(t *testing.T) {
	t.Helper()
	n.set(t, "alerting.slack.webhookUrl", "http://"+slackAddress+"/services/T0/B0/"+slackSecret, "--secret")
	n.configure(t, func(put func(path string, value any)) {
		put("alerting.slack.channel", "#faults")
		put("alerting.route.groupWait", "10s")
		put("alerting.route.groupInterval", "20s")
	})
}

// alertSoon has alerts wait as timings says.
func alertSoon(put func(path string, value any), alerts map[string]timing) {
	for name, alert := range alerts {
		if alert.wait > 0 {
			put("alerting.overrides."+name, map[string]any{"for": alert.wait.String()})
		}
	}
}

// remoteWrite returns a remote that is sent the metrics whose names match, by a single shard.
func remoteWrite(name, metrics string) map[string]any {
	return map[string]any{
		"name":                  name,
		"url":                   "http://" + slackAddress + "/write/" + name,
		"protobuf_message":      "prometheus.WriteRequest",
		"queue_config":          map[string]any{"max_shards": 1},
		"write_relabel_configs": []any{map[string]any{"source_labels": []any{"__name__"}, "regex": metrics, "action": "keep"}},
	}
}

// forget removes what Prometheus and Alertmanager have stored: alerts look back over days, and what
// an earlier run notified of is not repeated for hours.
func (n *node) forget(t *testing.T) {
	t.Helper()
	for _, name := range []string{"prometheus", "alertmanager"} {
		scaleUp := scaledDown("StatefulSet", namespace, name)(t, n, fault{})
		eventually(t, 2*time.Minute, name+" has ended", func(ctx context.Context) string {
			if _, err := n.kubernetes.CoreV1().Pods(namespace).Get(ctx, name+"-0", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
				return fmt.Sprint("not yet ", err)
			}
			return ""
		})
		n.shell(t, "rm -rf /mnt/ssd/"+name+"/*")
		scaleUp()
	}
}

// sweep deletes what another test, or a run that was killed, has left, and uncordons the node.
func (n *node) sweep(t *testing.T) {
	t.Helper()
	n.cordon(t, false)
	eventually(t, 2*time.Minute, "nothing is left of an earlier run", func(ctx context.Context) string {
		left := ""
		for _, kind := range [][2]string{
			{"v1", "Namespace"}, {"v1", "Node"}, {"v1", "PersistentVolume"}, {"storage.k8s.io/v1", "StorageClass"},
			{"admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"},
			{"admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"},
			{"admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding"},
			{"flowcontrol.apiserver.k8s.io/v1", "FlowSchema"}, {"flowcontrol.apiserver.k8s.io/v1", "PriorityLevelConfiguration"},
		} {
			object := &unstructured.Unstructured{}
			object.SetAPIVersion(kind[0])
			object.SetKind(kind[1])
			list, err := n.client(t, object).List(ctx, metav1.ListOptions{})
			if err != nil {
				return err.Error()
			}
			for _, item := range list.Items {
				if strings.HasPrefix(item.GetName(), "fault-") || strings.HasPrefix(item.GetName(), workloads) {
					left += " " + item.GetName()
					n.deleteObject(t, &item)
				}
			}
		}
		return left
	})
}

//go:embed faults/*.yaml
var manifests embed.FS

// applyFault creates the objects of a fault's manifest, if it has one, those with a namespace in
// fault-NAME.
func (n *node) applyFault(t *testing.T, f fault) {
	t.Helper()
	manifest, err := manifests.ReadFile("faults/" + cmp.Or(f.manifest, f.name) + ".yaml")
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	require.NoError(t, err)
	namespaced := "fault-" + f.name
	replaced := []string{
		"BUSYBOX", n.stack.Images.Ref(config.BusyboxImage),
		"NODE_EXPORTER", n.stack.Images.Ref(config.NodeExporterImage),
		"FAULT", namespaced,
	}
	if special, ok := words[f.name]; ok {
		replaced = append(special(t), replaced...)
	}
	replaced = append(replaced, "RECLAIM", "Retain", "COMMAND", "true")
	n.apply(t, namespaced, strings.NewReplacer(replaced...).Replace(string(manifest)))
}

// apply creates a namespace, and the objects of a text in it.
func (n *node) apply(t *testing.T, namespaced, text string) {
	t.Helper()
	require.NoError(t, n.applyObject(t, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": namespaced},
	}}))
	eventually(t, time.Minute, "pods can be created in "+namespaced, func(ctx context.Context) string {
		if _, err := n.kubernetes.CoreV1().ServiceAccounts(namespaced).Get(ctx, "default", metav1.GetOptions{}); err != nil {
			return err.Error()
		}
		return ""
	})
	documents := kyaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(text)), 4096)
	for {
		var object unstructured.Unstructured
		err := documents.Decode(&object)
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err, namespaced)
		mapping, err := n.mapper.RESTMapping(object.GroupVersionKind().GroupKind(), object.GroupVersionKind().Version)
		require.NoError(t, err)
		if mapping.Scope.Name() == "namespace" && object.GetNamespace() == "" {
			object.SetNamespace(namespaced)
		} else if object.GetNamespace() == "" {
			t.Cleanup(func() { n.deleteObject(t, &object) })
		}
		require.NoError(t, n.applyObject(t, &object), "%s %s", object.GetKind(), object.GetName())
	}
}

// client returns the client of an object's kind and namespace.
func (n *node) client(t *testing.T, object *unstructured.Unstructured) dynamic.ResourceInterface {
	t.Helper()
	kind := object.GroupVersionKind()
	mapping, err := n.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	require.NoError(t, err)
	if namespace := object.GetNamespace(); namespace != "" {
		return n.dynamic.Resource(mapping.Resource).Namespace(namespace)
	}
	return n.dynamic.Resource(mapping.Resource)
}

func (n *node) applyObject(t *testing.T, object *unstructured.Unstructured) error {
	t.Helper()
	_, err := n.client(t, object).Apply(context.WithoutCancel(t.Context()), object.GetName(), object, metav1.ApplyOptions{FieldManager: "faults", Force: true})
	return err
}

func (n *node) deleteObject(t *testing.T, object *unstructured.Unstructured) {
	t.Helper()
	err := n.client(t, object).Delete(context.WithoutCancel(t.Context()), object.GetName(), metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Errorf("deleting %s %s: %v", object.GetKind(), object.GetName(), err)
	}
}

// removeNamespace deletes the namespace of a fault, if it has one.
func (n *node) removeNamespace(t *testing.T, f fault) {
	t.Helper()
	err := n.kubernetes.CoreV1().Namespaces().Delete(context.WithoutCancel(t.Context()), "fault-"+f.name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Errorf("deleting the namespace of %s: %v", f.name, err)
	}
}
