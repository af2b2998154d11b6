package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// analysed renders and analyses a stack.
func analysed(t testing.TB, cfg *config.Config) *Analysis {
	t.Helper()
	stack, err := render.New(cfg)
	require.NoError(t, err)
	return Analyse(stack)
}

// load analyses a stack, given in YAML, with one rule of its own for each expression: a recording
// rule for "name := expression" and for one without a condition, otherwise an alert. "alert: expression"
// is always an alert.
func load(t testing.TB, text string, expressions ...string) *Analysis {
	t.Helper()
	cfg := configtest.Config(t, text)
	if len(expressions) > 0 {
		var rules []any
		for i, expr := range expressions {
			rule := map[string]any{"alert": fmt.Sprint("Own", i), "expr": expr, "labels": map[string]any{"severity": "warning"}}
			name, recorded, ok := strings.Cut(expr, " := ")
			if tree, err := parser.NewParser(parser.Options{}).ParseExpr(expr); err == nil && !conditional(tree) {
				name, recorded, ok = fmt.Sprint("Own", i), expr, true
			}
			if ok {
				rule = map[string]any{"record": name, "expr": recorded}
			} else if alert, always := strings.CutPrefix(expr, "alert: "); always {
				rule["expr"] = alert
			}
			rules = append(rules, rule)
		}
		cfg.Alerting.ExtraRules = map[string]any{"own": map[string]any{"groups": []any{map[string]any{"name": "own", "rules": rules}}}}
	}
	return analysed(t, cfg)
}

// found returns the findings of a stack as lines.
func found(s *Analysis) []string {
	var lines []string
	for _, finding := range s.Check().Findings {
		lines = append(lines, finding.String())
	}
	return lines
}

// TestNoFinding shows that the committed stacks, every platform and stacks with parts switched off
// pass all checks.
func TestNoFinding(t *testing.T) {
	for _, file := range []string{"dev", "prod", "kind"} {
		t.Run(file, func(t *testing.T) {
			cfg, err := config.FromFile("../Pulumi." + file + ".yaml")
			require.NoError(t, err)
			report := analysed(t, cfg).Check()
			assert.Empty(t, report.Findings)
			assert.Empty(t, report.Waived)
			require.NoError(t, report.Err())
		})
	}
	for name, text := range map[string]string{
		"defaults":            "",
		"replicas":            "prometheus: {replicas: 3}",
		"local":               "storage: {mode: local, local: {path: /mnt/ssd, nodes: [a, b]}}\nprometheus: {replicas: 2}",
		"some namespaces":     "discovery: {namespaces: [shop, bank]}",
		"no exporters":        "exporters: {nodeExporter: {enabled: false}, kubeStateMetrics: {enabled: false}, blackboxExporter: {enabled: false}, nodeDirectorySizeMetrics: {enabled: false}}",
		"sharded":             "exporters: {kubeStateMetrics: {shards: 3}}",
		"Windows nodes":       "cluster: {name: test, nodes: 3}\nexporters: {windowsExporter: {enabled: true}}",
		"no alerting":         "alerting: {enabled: false}",
		"no Grafana":          "grafana: {enabled: false}",
		"a Grafana elsewhere": `grafana: {import: job, external: {url: "https://grafana.example.com", token: s3cret, prometheusUrl: "https://prometheus.example.com"}}`,
		"a known size":        "cluster: {name: test, nodes: 3, pods: 100}",
		"targets to probe":    "exporters: {blackboxExporter: {targets: [{url: 'https://example.com', labels: {team: shop}}]}}",
		"classic histograms":  "discovery: {histograms: classic}",
		"classic kubelets":    "discovery: {jobs: {kubernetes-nodes: {histograms: classic}}}",
		"native applications": "discovery: {jobs: {kubernetes-pods: {histograms: native}}}",
		"everything, mixed":   "cluster: {name: test, platform: k3s}\ndiscovery: {ingest: all, histograms: classic, jobs: {kubernetes-nodes: {histograms: native}}}",
		"slow scrapes":        "prometheus: {scrapeInterval: 1m, evaluationInterval: 1m}",
		"central":             central,
		"central, ephemeral":  "cluster: {name: test, platform: k3s, nodes: 1, pods: 10}\nstorage: {mode: ephemeral}\n" + central,
		"central, native":     "cluster: {name: test, platform: gke-autopilot}\ndiscovery: {histograms: native}\n" + central,
	} {
		t.Run(name, func(t *testing.T) { assert.Empty(t, found(load(t, text))) })
	}
	for platform := range config.Profiles {
		t.Run(string(platform), func(t *testing.T) {
			assert.Empty(t, found(load(t, "cluster: {name: test, platform: "+string(platform)+"}")))
		})
	}
}

// TestSoundExpressions shows that expressions that work cause no finding.
func TestSoundExpressions(t *testing.T) {
	for _, expr := range []string{
		`vector(1)`,
		`my_app_requests_total > 5`,
		`rate(http_requests_total{job="kubernetes-pods"}[2m])`,
		`node_md_disks{state="failed"} > 0`,
		`rate(node_md_blocks_synced[5m]) > 0`, // a gauge that grows until an array is in step
		`histogram_quantile(0.9, sum by (verb) (rate(apiserver_request_duration_seconds[5m]))) > 1`,
		`histogram_fraction(0, 1, rate(apiserver_request_duration_seconds[5m])) < 0.9`,
		`rate(apiserver_request_duration_seconds_bucket{job="kubernetes-pods", le="1.0"}[5m])`,
		`rate(grafana_http_request_duration_seconds_count{job="grafana"}[5m])`, // of a summary, maybe
		`rate(my_duration_seconds_bucket{le="1.0"}[5m])`,
		`rate(http_request_duration_seconds_count[5m])`, // of kube-state-metrics, but likely another's
		`rate(prometheus_engine_query_duration_seconds_count[5m])`,
		`{__name__=~"node_load.*"} > 5`,
		`rate({__name__=~".+_duration_seconds_bucket"}[5m])`,           // of any program
		`rate({__name__=~"http_request_duration_seconds_.+"}[5m]) > 1`, // likely of an application
		`rate({__name__=~"prometheus_http_.+_(sum|count)", job="kubernetes-pods"}[5m]) > 1`,
		`up == 0`,
		`up{job=~"prometheus|no-such-job"} == 0`,
		`absent(up{job="prometheus"})`,
		`node_load1 or vector(0)`,
		`node_load1 unless on (instance) up{job="node-exporter"} == 0`,
		`node_load1 / on (instance) group_left () count by (instance) (node_cpu_seconds_total{mode="idle"})`,
		`sum by (cluster, node) (node_load1) / sum by (cluster, node) (node_load5)`,
		`kube_pod_info * on (namespace, pod) group_left (node) kube_pod_info`,
		`ALERTS{alertname="Watchdog", alertstate="firing"}`,
		`label_replace(node_load1, "host", "$1", "instance", "(.*):.*") * on (host) group_left () label_replace(node_load5, "host", "$1", "instance", "(.*):.*")`,
		`max_over_time(rate(node_cpu_seconds_total[5m])[1h:1m])`,
		`kube_pod_labels{label_app="shop"}`,
		`rate(apiserver_request_post_timeout_total{job="kubernetes-apiservers", source="timeout-handler"}[5m]) > 0`,
		`histogram_count(rate(apiserver_watch_list_duration_seconds{job="kubernetes-apiservers", scope="cluster"}[5m])) > 0`,
		`kube_node_spec_taint{job="kube-state-metrics", key="node.kubernetes.io/unreachable", effect="NoExecute"} == 1`,
	} {
		assert.Empty(t, found(load(t, "", expr)), expr)
	}
}

// TestShippedNamesAreKnown shows that, with every job on, the checks know every metric that
// shipped rules and dashboards select, optional ones included, but for Grafana's.
func TestShippedNamesAreKnown(t *testing.T) {
	jobs := map[string]any{}
	for _, job := range append([]config.Job{config.IngressesJob}, config.ControlPlane...) {
		jobs[string(job)] = map[string]any{"enabled": true}
	}
	text, err := yaml.Marshal(map[string]any{
		"discovery": map[string]any{"jobs": jobs},
		"exporters": map[string]any{"kubeStateMetrics": map[string]any{"kinds": slices.Collect(maps.Keys(config.KindGroups))}, "windowsExporter": map[string]any{"enabled": true}},
	})
	require.NoError(t, err)
	s := load(t, string(text))
	for _, u := range s.uses() {
		if u.selector.Name == "" || isRecorded(u.selector.Name) || s.unlisted(u) {
			continue
		}
		assert.NotEmpty(t, s.series.named(u.selector), "%s: %s", u.Path, u.selector.Name)
	}
}

// TestSoundTemplates shows that templates may test for a label before they show it.
func TestSoundTemplates(t *testing.T) {
	assert.Empty(t, found(load(t, `alerting: {acknowledgeNoNotifications: true, extraRules: {own: {groups: [{name: own, rules: [
		{alert: A, labels: {severity: info}, expr: "sum by (cluster) (node_load1) > 5", annotations: {summary: "{{ $labels.cluster }}{{ with $labels.node }} on {{ . }}{{ end }}{{ if .Labels.pod }} in {{ .Labels.pod }}{{ end }}"}},
		{alert: B, labels: {severity: info}, expr: "my_app_up == 0", annotations: {summary: "{{ $labels.whatever }} {{ $value }} {{ $externalLabels.cluster }} {{ range query \"up\" }}{{ .Labels.node }}{{ end }}"}}]}]}}}`)))
}

// basicLogin is a login with a user name and a password, in YAML.
const basicLogin = "login: {basic: {users: {a: '$2a$04$5a4Kd4ZT5iDLz3AFdBOmWOQUxl5gpLpRtnM9XDWifzEjxS9clEFRe'}, client: {user: a, password: s3cret}}}"

// broken lists, by check, stacks in which that check alone has findings. path and want name one of
// them: its path and a part of its message.
var broken = map[string][]struct {
	name, stack string
	expressions []string
	severity    Severity
	path, want  string
}{
	"metric-collected": {
		{"a misspelt metric", "", []string{`node_laod1 > 5`}, Error, "alerting.extraRules/own.yaml/own/Own0", "did you mean node_load1?"},
		{"a job that is off", "exporters: {nodeExporter: {enabled: false}}", []string{`node_load1{job="node-exporter"} > 5`}, Error, "alerting.extraRules/own.yaml/own/Own0", "job node-exporter would, but is off"},
		{"a job whose metrics another collects", "cluster: {name: test, platform: k3s}", []string{`rate(apiserver_request_duration_seconds_count{job="kubernetes-apiservers"}[5m]) > 5`}, Error, "alerting.extraRules/own.yaml/own/Own0", `job kubernetes-nodes collects the metrics of job kubernetes-apiservers on this platform: select {job="kubernetes-nodes"}`},
		{"a job that is off, and none that may have anything", offExcept("prometheus"), []string{`my_app_up == 0`}, Error, "alerting.extraRules/own.yaml/own/Own0", "no enabled job collects my_app_up"},
		{"a misspelt name of the API server's", "", []string{`rate(apiserver_request_post_timeouts_total{job="kubernetes-apiservers"}[5m]) > 0`}, Error, "alerting.extraRules/own.yaml/own/Own0", "did you mean apiserver_request_post_timeout_total?"},
		{"a kind that is not reported on", "", []string{`kube_secret_info{job="kube-state-metrics"}`}, Error, "alerting.extraRules/own.yaml/own/Own0", "add secrets to exporters.kubeStateMetrics.kinds"},
		{"a kind that shipped alerts need", "exporters: {kubeStateMetrics: {kinds: [pods, nodes, deployments, daemonsets, statefulsets, persistentvolumeclaims, persistentvolumes, horizontalpodautoscalers]}}", nil, Error, "rules/workloads.yaml/workloads/JobFailed", "add jobs to exporters.kubeStateMetrics.kinds; to switch the alert off: alerting.disabled: [JobFailed]"},
		{"a denied metric", "exporters: {kubeStateMetrics: {metricDenylist: ['kube_job_.*']}}", nil, Error, "rules/workloads.yaml/workloads/JobFailed", "no enabled job collects kube_job_failed"},
		{"one side of or", "", []string{`node_load1 or node_laod5{job="node-exporter"}`}, Warning, "alerting.extraRules/own.yaml/own/Own0", "no enabled job collects node_laod5; did you mean node_load5?"},
		{"what absent waits for", "", []string{`absent(node_bootime_seconds{job="node-exporter"})`}, Error, "alerting.extraRules/own.yaml/own/Own0", "did you mean node_boot_time_seconds?"},
		{"a shipped dashboard", "discovery: {jobs: {kubernetes-cadvisor: {enabled: false}}}", nil, Warning, "dashboards/kubernetes-pod-resources", "more; job kubernetes-cadvisor would, but is off"},
		{"a misspelt histogram", "", []string{`rate(apiserver_request_duration_second_count[5m]) > 5`}, Error, "alerting.extraRules/own.yaml/own/Own0", "did you mean apiserver_request_duration_seconds?"},
		{"a pattern of names", "", []string{`{__name__=~"nodes_.*", job="node-exporter"}`}, Error, "alerting.extraRules/own.yaml/own/Own0", `no enabled job collects {__name__=~"nodes_.*",job="node-exporter"}`},
	},
	"metric-kept": {
		{"dropped by name", "discovery: {jobs: {node-exporter: {metricRelabelConfigs: [{source_labels: [__name__], regex: node_load5, action: drop}]}}}", []string{`node_load5{job="node-exporter"} > 5`}, Error, "alerting.extraRules/own.yaml/own/Own0", "metric relabelling of job node-exporter drops node_load5; see discovery.jobs.node-exporter.metricRelabelConfigs"},
		{"not kept", "discovery: {jobs: {node-exporter: {metricRelabelConfigs: [{source_labels: [__name__], regex: 'node_(load|cpu|memory|filesystem|network|nf|time).*', action: keep}]}}}", []string{`node_vmstat_pgfault > 0`}, Error, "alerting.extraRules/own.yaml/own/Own0", "drops node_vmstat_pgfault"},
		{"buckets of the API server, by the job's own rules", "discovery: {histograms: classic, ingest: all}", []string{`rate(apiserver_watch_list_duration_seconds_bucket[5m]) > 0`}, Error, "alerting.extraRules/own.yaml/own/Own0", "job kubernetes-apiservers drops apiserver_watch_list_duration_seconds_bucket"},
		{"by the job's own rules", "discovery: {ingest: all}", []string{`rate(container_tasks_state[5m]) > 0`}, Error, "alerting.extraRules/own.yaml/own/Own0", "job kubernetes-cadvisor drops container_tasks_state"},
		{"of a shipped alert", "discovery: {jobs: {kube-state-metrics: {metricRelabelConfigs: [{source_labels: [__name__], regex: kube_job_failed, action: drop}]}}}", nil, Error, "rules/workloads.yaml/workloads/JobFailed", "drops kube_job_failed"},
		{"one of many that a line stands for", "discovery: {jobs: {node-exporter: {metricRelabelConfigs: [{source_labels: [__name__], regex: node_md_.*, action: drop}]}}}", []string{`node_md_disks > 0`}, Error, "alerting.extraRules/own.yaml/own/Own0", "drops node_md_disks"},
	},
	"job-known": {
		{"a misspelt job", "", []string{`node_load1{job="node_exporter"} > 5`}, Error, "alerting.extraRules/own.yaml/own/Own0", "no enabled job that it selects has this metric; jobs that have it: node-exporter"},
		{"another job's metric", "", []string{`node_load1{job="kubernetes-nodes"} > 5`}, Error, "alerting.extraRules/own.yaml/own/Own0", "jobs that have it: node-exporter"},
		{"absent of no job", "", []string{`absent(up{job="promteheus"})`}, Error, "alerting.extraRules/own.yaml/own/Own0", "no enabled job that it selects has this metric"},
	},
	"label-known": {
		{"a label that the metric lacks", "", []string{`node_load1{job="node-exporter", mode="idle"}`}, Error, "alerting.extraRules/own.yaml/own/Own0", `no series has mode="idle"; its labels are cluster, container, endpoint, instance, job, namespace, node, pod`},
		{"a label of the API server's metric", "", []string{`apiserver_watch_list_duration_seconds{job="kubernetes-apiservers", verb="WATCH"}`}, Error, "alerting.extraRules/own.yaml/own/Own0", `no series has verb="WATCH"`},
		{"a misspelt label of a taint", "", []string{`kube_node_spec_taint{job="kube-state-metrics", effects="NoExecute"}`}, Error, "alerting.extraRules/own.yaml/own/Own0", `no series has effects="NoExecute"`},
		{"another cluster", "", []string{`node_load1{job="node-exporter", cluster="prod"}`}, Error, "alerting.extraRules/own.yaml/own/Own0", "cluster is always test in job node-exporter"},
		{"another namespace", "", []string{`prometheus_build_info{job="prometheus", namespace="shop"}`}, Error, "alerting.extraRules/own.yaml/own/Own0", "namespace is always monitoring in job prometheus"},
		{"a label that relabelling drops", "discovery: {jobs: {kube-state-metrics: {metricRelabelConfigs: [{regex: uid, action: labeldrop}]}}}", []string{`kube_pod_info{job="kube-state-metrics", uid=~"a.*"}`}, Error, "alerting.extraRules/own.yaml/own/Own0", `no series has uid=~"a.*"`},
		{"a label that a recording rule aggregates away", "", []string{`node:load1:max := max by (cluster, node) (node_load1)`, `node:load1:max{namespace="monitoring"} > 1`}, Error, "alerting.extraRules/own.yaml/own/Own1", "its labels are cluster, node"},
	},
	"histogram-form": {
		{"a quantile of buckets", "", []string{`histogram_quantile(0.9, sum by (le, verb) (rate(apiserver_request_duration_seconds_bucket{job="kubernetes-apiservers"}[5m]))) > 1`}, Error, "alerting.extraRules/own.yaml/own/Own0", `job kubernetes-apiservers stores apiserver_request_duration_seconds as a native histogram, which has no series apiserver_request_duration_seconds_bucket; use: histogram_quantile(0.9, sum by (verb) (rate(apiserver_request_duration_seconds{job="kubernetes-apiservers"}[5m]))) > 1`},
		{"a count without a job", "", []string{`rate(apiserver_request_duration_seconds_count[5m]) > 1`}, Error, "alerting.extraRules/own.yaml/own/Own0", `use: histogram_count(rate(apiserver_request_duration_seconds[5m])) > 1 (if one of your applications exposes it, select its job: {job="kubernetes-endpoints"})`},
		{"of a library", "", []string{`rate(workqueue_queue_duration_seconds_count[5m]) > 1`}, Warning, "alerting.extraRules/own.yaml/own/Own0", `(if one of your applications exposes it, select its job`},
		{"a share", "", []string{`sum(rate(apiserver_request_duration_seconds_bucket{job="kubernetes-apiservers", le="0.1"}[5m])) / sum(rate(apiserver_request_duration_seconds_count{job="kubernetes-apiservers"}[5m])) < 0.9`}, Error, "alerting.extraRules/own.yaml/own/Own0", `use: histogram_fraction(-Inf, 0.1, sum(rate(apiserver_request_duration_seconds{job="kubernetes-apiservers"}[5m]))) < 0.9`},
		{"what has no translation", "", []string{`max by (le) (apiserver_request_duration_seconds_bucket{job="kubernetes-apiservers"}) > 1`}, Error, "alerting.extraRules/own.yaml/own/Own0", `which has no series apiserver_request_duration_seconds_bucket: max of buckets: a native histogram is not a number for each bucket`},
		{"one side of or", "", []string{`up == 0 or rate(apiserver_request_duration_seconds_count{job="kubernetes-apiservers"}[5m]) > 1`}, Warning, "alerting.extraRules/own.yaml/own/Own0", `use: up == 0 or histogram_count(rate(apiserver_request_duration_seconds{job="kubernetes-apiservers"}[5m])) > 1`},
		{"jobs that differ", "discovery: {jobs: {kubernetes-nodes: {histograms: classic}}}", []string{`sum by (job) (rate(rest_client_request_duration_seconds_count[5m])) > 9`}, Warning, "alerting.extraRules/own.yaml/own/Own0", `use: sum by (job) (histogram_count(rate(rest_client_request_duration_seconds{job!~"kubernetes-nodes"}[5m]))) > 9 or sum by (job) (rate(rest_client_request_duration_seconds_count{job=~"kubernetes-nodes"}[5m])) > 9`},
		{"jobs that differ, added up", "discovery: {jobs: {kubernetes-nodes: {histograms: classic}}}", []string{`sum(rate(rest_client_request_duration_seconds_count[5m])) > 9`}, Warning, "alerting.extraRules/own.yaml/own/Own0", `kubernetes-nodes store it as a classic histogram, other jobs as a native one, and the expression adds them up; select one job, or keep the label job`},
		{"an application's that is asked for", "discovery: {jobs: {kubernetes-pods: {histograms: native}}}", []string{`sum by (le) (rate(shop_seconds_bucket{job="kubernetes-pods"}[5m]))`}, Error, "alerting.extraRules/own.yaml/own/Own0", `use: sum(rate(shop_seconds{job="kubernetes-pods"}[5m]))`},
		{"an application's that may be a summary", "discovery: {jobs: {kubernetes-pods: {histograms: native}}}", []string{`rate(rest_client_request_duration_seconds_count{job="kubernetes-pods"}[5m]) > 1`}, Warning, "alerting.extraRules/own.yaml/own/Own0", `use: histogram_count(rate(rest_client_request_duration_seconds{job="kubernetes-pods"}[5m])) > 1 (unless rest_client_request_duration_seconds is a summary there)`},
		{"Grafana's buckets", "", []string{`histogram_quantile(0.9, rate(grafana_http_request_duration_seconds_bucket{job="grafana"}[5m])) > 1`}, Error, "alerting.extraRules/own.yaml/own/Own0", `use: histogram_quantile(0.9, rate(grafana_http_request_duration_seconds{job="grafana"}[5m])) > 1`},
		{"a native one that is classic", "discovery: {histograms: classic}", []string{`histogram_quantile(0.9, rate(apiserver_request_duration_seconds[5m])) > 1`}, Error, "alerting.extraRules/own.yaml/own/Own0", `job kubernetes-apiservers stores apiserver_request_duration_seconds as a classic histogram: its series are apiserver_request_duration_seconds_bucket, apiserver_request_duration_seconds_sum and apiserver_request_duration_seconds_count; or store a native one, with discovery.jobs.kubernetes-apiservers.histograms: native`},
		{"a name as a label", "", []string{`rate({__name__="apiserver_request_duration_seconds_count", job="kubernetes-apiservers"}[5m]) > 1`}, Error, "alerting.extraRules/own.yaml/own/Own0", `which has no series apiserver_request_duration_seconds_count; use: histogram_count(rate({__name__="apiserver_request_duration_seconds",job="kubernetes-apiservers"}[5m])) > 1`},
		{"a native one that is classic, by a label", "discovery: {histograms: classic}", []string{`histogram_quantile(0.9, rate({__name__="apiserver_request_duration_seconds"}[5m])) > 1`}, Error, "alerting.extraRules/own.yaml/own/Own0", `stores apiserver_request_duration_seconds as a classic histogram: its series are apiserver_request_duration_seconds_bucket,`},
		{"a pattern of counts and sums", "", []string{`rate({__name__=~"prometheus_http_request_duration_seconds_(count|sum)"}[5m]) > 1`}, Warning, "alerting.extraRules/own.yaml/own/Own0", `job prometheus stores prometheus_http_request_duration_seconds as a native histogram, and no series has a name that {__name__=~"prometheus_http_request_duration_seconds_(count|sum)"} selects; select prometheus_http_request_duration_seconds, with histogram_count,`},
		{"a pattern of buckets of a job", "", []string{`rate({__name__=~"prometheus_http_.+_bucket", job="prometheus"}[5m]) > 1`}, Error, "alerting.extraRules/own.yaml/own/Own0", `as a native histogram, and no series has a name`},
		{"a recording of buckets", "", []string{`job:seconds:rate5m := sum by (job, le) (rate(apiserver_request_duration_seconds_bucket{job="kubernetes-apiservers"}[5m]))`, `histogram_quantile(0.9, sum by (le) (job:seconds:rate5m)) > 1`}, Error, "alerting.extraRules/own.yaml/own/job:seconds:rate5m", `use: sum by (job) (rate(apiserver_request_duration_seconds{job="kubernetes-apiservers"}[5m]))`},
	},
	"bucket-kept": {
		{"a bound that does not exist", "discovery: {histograms: classic}", []string{`rate(apiserver_request_duration_seconds_bucket{job="kubernetes-apiservers", le="0.33"}[5m])`}, Error, "alerting.extraRules/own.yaml/own/Own0", `there is no bucket with le="0.33"`},
		{"a bound that is stored with a fraction", "discovery: {histograms: classic}", []string{`rate(apiserver_request_duration_seconds_bucket{job="kubernetes-apiservers", le="1"}[5m])`}, Error, "alerting.extraRules/own.yaml/own/Own0", `0.8, 1.0, 1.25,`},
		{"a bound that relabelling drops", "discovery: {jobs: {kubernetes-apiservers: {histograms: classic, metricRelabelConfigs: [{source_labels: [__name__, le], regex: 'apiserver_request_duration_seconds_bucket;0.1', action: drop}]}}}", []string{`rate(apiserver_request_duration_seconds_bucket{job="kubernetes-apiservers", le="0.1"}[5m])`}, Error, "alerting.extraRules/own.yaml/own/Own0", `there is no bucket with le="0.1"`},
	},
	"rule-records": {
		{"recorded nowhere", "", []string{`node:load1:max > 5`}, Error, "alerting.extraRules/own.yaml/own/Own0", "no rule records node:load1:max"},
		{"a misspelt record", "", []string{`node:load1:max := max by (cluster, node) (node_load1)`, `node:laod1:max > 5`}, Error, "alerting.extraRules/own.yaml/own/Own1", "did you mean node:load1:max?"},
	},
	"rule-order": {
		{"used before", "", []string{`node:load1:max > 5`, `node:load1:max := max by (cluster, node) (node_load1)`}, Error, "alerting.extraRules/own.yaml/own/Own0", "uses node:load1:max before a later rule of its group records it"},
	},
	"range-covers": {
		{"two scrapes", "", []string{`rate(node_cpu_seconds_total{job="node-exporter"}[1m])`}, Error, "alerting.extraRules/own.yaml/own/Own0", "rate over 1m is shorter than four scrapes of job node-exporter, which are 30s apart: one failed scrape leaves a gap; allowed: 2m or more"},
		{"of a slow job", "discovery: {jobs: {node-exporter: {scrapeInterval: 2m}}}", []string{`increase(node_cpu_seconds_total[7m])`}, Error, "alerting.extraRules/own.yaml/own/Own0", "allowed: 8m or more"},
		{"of a job with unknown metrics", "", []string{`irate(http_requests_total{job="kubernetes-pods"}[1m])`}, Error, "alerting.extraRules/own.yaml/own/Own0", "four scrapes of job kubernetes-pods"},
		{"of a shipped alert", "discovery: {jobs: {prometheus: {scrapeInterval: 5m}}}", nil, Error, "rules/notifications.yaml/notifications/PrometheusNotificationsDropped", "allowed: 20m or more"},
		{"of a shipped dashboard", "discovery: {jobs: {kubernetes-cadvisor: {scrapeInterval: 1m}}}", nil, Warning, `dashboards/kubernetes-pod-resources/panel "CPU by node", query A`, "allowed: 4m or more"},
	},
	"range-retained": {
		{"a range", "", []string{`avg_over_time(node_load1[30d]) > 5`}, Warning, "alerting.extraRules/own.yaml/own/Own0", "node_load1 looks back 30d, but samples are kept for 15d, so that it sees only the end of that"},
		{"an offset", "", []string{`node_load1 / (node_load1 offset 30d) > 5`}, Error, "alerting.extraRules/own.yaml/own/Own0", "node_load1 offset 30d looks at samples of 30d ago and before, but they are kept for 15d"},
		{"a subquery and an offset", "", []string{`max_over_time(rate(node_cpu_seconds_total[1h] offset 6d)[10d:1h])`}, Warning, "alerting.extraRules/own.yaml/own/Own0", "looks back 16d1h"},
		{"an offset of a subquery", "", []string{`max_over_time(rate(node_cpu_seconds_total[1h])[1d:1h] offset 3w)`}, Error, "alerting.extraRules/own.yaml/own/Own0", "looks at samples of 3w ago and before"},
		{"a short retention", "prometheus: {retention: 1d}", []string{`avg_over_time(node_load1[2d]) > 5`}, Warning, "alerting.extraRules/own.yaml/own/Own0", "kept for 1d"},
		{"shipped rules", "prometheus: {retention: 3h}", nil, Warning, "prometheus.retention", "3h is shorter than the time that shipped rules look back, which is up to 4d: "},
	},
	"series-fresh": {
		{"a job", "discovery: {jobs: {node-directory-size-metrics: {scrapeInterval: 10m}}}", nil, Error, "discovery.jobs.node-directory-size-metrics.scrapeInterval", "10m is longer than the 5m for which a sample is seen"},
		{"a flag", "prometheus: {extraArgs: {query.lookback-delta: 1m}}\ndiscovery: {jobs: {node-directory-size-metrics: {scrapeInterval: 2m}}}", nil, Error, "discovery.jobs.node-directory-size-metrics.scrapeInterval", "allowed: up to 1m"},
		{"a scrape config", "discovery: {extraScrapeConfigs: [{job_name: slow, scrape_interval: 1h, static_configs: [{targets: ['slow:80']}]}]}", nil, Warning, "discovery.extraScrapeConfigs[0].scrape_interval", "1h is longer than the 5m"},
		{"a group", `alerting: {acknowledgeNoNotifications: true, extraRules: {own: {groups: [{name: own, interval: 10m, rules: [{record: "node:load1:max", expr: "max by (node) (node_load1)"}]}]}}}`, nil, Warning, "alerting.extraRules/own.yaml/own", "its interval of 10m is longer than the 5m"},
	},
	"for-evaluated": {
		{"for", `alerting: {acknowledgeNoNotifications: true, extraRules: {own: {groups: [{name: own, rules: [{alert: Own0, expr: "node_load1 > 5", for: 10s, labels: {severity: warning}}]}]}}}`, nil, Warning, "alerting.extraRules/own.yaml/own/Own0", "for: 10s is shorter than the 30s between evaluations"},
		{"keep_firing_for", `alerting: {acknowledgeNoNotifications: true, extraRules: {own: {groups: [{name: own, interval: 2m, rules: [{alert: Own0, expr: "node_load1 > 5", for: 2m, keep_firing_for: 1m, labels: {severity: warning}}]}]}}}`, nil, Warning, "alerting.extraRules/own.yaml/own/Own0", "keep_firing_for: 1m is shorter than the 2m"},
		{"an override", "alerting: {acknowledgeNoNotifications: true, overrides: {NodeCPUHigh: {for: 10s}}}", nil, Warning, "alerting.overrides.NodeCPUHigh.for", "for: 10s is shorter"},
		{"rare evaluations", "prometheus: {evaluationInterval: 2m}\ndiscovery: {jobs: {etcd: {enabled: true}}}", nil, Warning, "prometheus.evaluationInterval", "2m is longer than alerts must hold before they fire: "},
	},
	"group-in-time": {
		{"a subquery over days", "cluster: {name: test, nodes: 50}\nprometheus: {resources: {requests: {memory: 16Gi}, limits: {memory: 16Gi}}}\nstorage: {size: 2Ti}", []string{`max_over_time(rate(container_cpu_usage_seconds_total[1h])[10d:30s])`}, Warning, "alerting.extraRules/own.yaml/own", "million samples, most of them for Own0, and takes longer than the 30s between two"},
	},
	"match-possible": {
		{"a label on one side", "", []string{`sum by (cluster, node) (node_load1) / sum by (node) (node_load5)`}, Error, "alerting.extraRules/own.yaml/own/Own0", `the sides of "/" never match: only the left one has the label cluster`},
		{"a label of on", "", []string{`node_load1 * on (instance) group_left () sum by (node) (node_load5)`}, Error, "alerting.extraRules/own.yaml/own/Own0", "only the left one has the label instance"},
		{"and", "", []string{`sum by (node) (node_load5) and node_load1`}, Error, "alerting.extraRules/own.yaml/own/Own0", "only the right one has the label"},
		{"replicas", "prometheus: {replicas: 2}", []string{`prometheus_tsdb_head_series * on (job) group_left (version) prometheus_build_info{job="prometheus"}`}, Error, "alerting.extraRules/own.yaml/own/Own0", `prometheus_build_info{job="prometheus"} is matched on (job), which does not tell the several targets of job prometheus apart`},
		{"what unless takes away", "", []string{`node_load1 unless sum by (node) (node_load5)`}, Warning, "alerting.extraRules/own.yaml/own/Own0", `the sides of "unless" never match`},
	},
	"alert-named": {
		{"a shipped alert's name", ownAlert("NodeCPUHigh", "node_load1 > 5", "severity: info"), nil, Warning, "alerting.extraRules/own.yaml/own/NodeCPUHigh", "is also the name of rules/node-exporter.yaml/node-exporter/NodeCPUHigh"},
	},
	"severity-known": {
		{"none", ownAlert("Own0", "node_load1 > 5", ""), nil, Warning, "alerting.extraRules/own.yaml/own/Own0", "has no label severity, by which alerts are routed and inhibited; allowed: critical, warning, info, none"},
		{"a misspelt one", ownAlert("Own0", "node_load1 > 5", "severity: critcal"), nil, Warning, "alerting.extraRules/own.yaml/own/Own0", `no route or inhibition knows severity "critcal"`},
	},
	"labels-kept": {
		{"alertname", ownAlert("Own0", "node_load1 > 5", "severity: info, alertname: Load"), nil, Error, "alerting.extraRules/own.yaml/own/Own0", "label alertname: Load has no effect"},
		{"instance", ownAlert("Own0", "node_load1 > 5", "severity: info, instance: all"), nil, Warning, "alerting.extraRules/own.yaml/own/Own0", "label instance: all replaces the label instance of every series"},
	},
	"grouping-known": {
		{"by a label that no series has", "", []string{`sum by (nodename) (node_load1{job="node-exporter"}) > 5`}, Error, "alerting.extraRules/own.yaml/own/Own0", "sum by (nodename): the series never have nodename"},
	},
	"template-labels": {
		{"an aggregated label", `alerting: {acknowledgeNoNotifications: true, extraRules: {own: {groups: [{name: own, rules: [{alert: Own0, labels: {severity: info}, expr: "sum by (cluster) (node_load1) > 5", annotations: {summary: "Load of {{ $labels.node }}"}}]}]}}}`, nil, Error, "alerting.extraRules/own.yaml/own/Own0", "annotation summary shows $labels.node, which the expression never has; it has cluster"},
		{"in a condition", `alerting: {acknowledgeNoNotifications: true, extraRules: {own: {groups: [{name: own, rules: [{alert: Own0, expr: "sum by (cluster) (node_load1) > 5", labels: {severity: info, team: "{{ if eq .Labels.cluster \"a\" }}{{ .Labels.pod }}{{ end }}"}}]}]}}}`, nil, Error, "alerting.extraRules/own.yaml/own/Own0", "label team shows $labels.pod"},
	},
	"alert-routed": {
		{"a route to nobody", `alerting: {slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}, routes: [{receiver: "null", matchers: ['alertname="NodeCPUHigh"']}]}`, nil, Warning, "rules/node-exporter.yaml/node-exporter/NodeCPUHigh", `severity "warning" goes to receiver null, which notifies nobody`},
		{"an own alert", `alerting: {slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}, receivers: [{name: none}], routes: [{matchers: ['severity="critical"'], receiver: slack}, {matchers: ['severity=~"warning|info"', 'team="own"'], receiver: none}], overrides: {NodeCPUHigh: {labels: {team: own}}}}`, nil, Warning, "rules/node-exporter.yaml/node-exporter/NodeCPUHigh", `receiver none, which notifies nobody`},
	},
	"route-possible": {
		{"a misspelt severity", `alerting: {slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}, routes: [{matchers: ['severity="critcal"'], receiver: slack}]}`, nil, Warning, "alerting.routes[0]", `no alert of the stack reaches it: none has severity="critcal"; did you mean "critical"?`},
		{"a label that no alert has", `alerting: {slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}, routes: [{matchers: ['team="shop"'], receiver: slack}]}`, nil, Warning, "alerting.routes[0]", "none has the label team"},
		{"another cluster", `alerting: {slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}, routes: [{matchers: ['cluster="prod"'], receiver: slack}]}`, nil, Warning, "alerting.routes[0]", `none has cluster="prod"; cluster is test`},
		{"a misspelt job", `alerting: {slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}, routes: [{matchers: ['job="node_exporter"'], receiver: slack}]}`, nil, Warning, "alerting.routes[0]", `none has job="node_exporter"`},
		{"below another route", `alerting: {slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}, routes: [{matchers: ['severity="critical"'], receiver: slack, routes: [{matchers: ['severity="warning"'], receiver: slack}]}]}`, nil, Warning, "alerting.routes[0].routes[0]", `none has severity="warning"; severity is critical`},
		{"a label that is aggregated away", `alerting: {slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}, routes: [{matchers: ['alertname="Own0"', 'node="a"'], receiver: slack}]}`, []string{"sum by (cluster) (node_load1) > 5"}, Warning, "alerting.routes[0]", "the expression of Own0 aggregates node away"},
		{"an inhibition's source", `alerting: {slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}, inhibitRules: [{source_matchers: ['alertname="NodeNotRedy"'], target_matchers: ['severity="warning"'], equal: [node]}]}`, nil, Warning, "alerting.inhibitRules[0].source_matchers", `did you mean "NodeNotReady"?`},
		{"an inhibition's target", `alerting: {slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}, inhibitRules: [{source_matchers: ['alertname="NodeNotReady"'], target_matchers: ['severity="warn"'], equal: [node]}]}`, nil, Warning, "alerting.inhibitRules[0].target_matchers", `none has severity="warn"`},
		{"an inhibition by a label that is aggregated away", `alerting: {slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}, inhibitRules: [{source_matchers: ['alertname="Own0"'], target_matchers: ['alertname="NodeCPUHigh"'], equal: [cluster, node]}]}`, []string{"sum by (cluster) (node_load1) > 5"}, Warning, "alerting.inhibitRules[0].equal", "no two ever have the same node"},
		{"an inhibition by a label that no alert has", `alerting: {slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}, inhibitRules: [{source_matchers: ['alertname="NodeNotReady"'], target_matchers: ['alertname="NodeCPUHigh"'], equal: [hostname]}]}`, nil, Warning, "alerting.inhibitRules[0].equal", "has the label hostname"},
	},
	"route-reached": {
		{"behind a superset", `alerting: {slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}, routes: [{matchers: ['severity=~"critical|warning"'], receiver: slack}, {matchers: ['severity="critical"', 'namespace="shop"'], receiver: slack}]}`, nil, Error, "alerting.routes[1]", `is never reached: the route with {severity=~"critical|warning"} before it takes every alert that it matches`},
		{"behind the same", `alerting: {slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}, routes: [{match: {severity: critical}, receiver: slack}, {matchers: ['severity="critical"'], receiver: slack}]}`, nil, Error, "alerting.routes[1]", "is never reached"},
		{"below another route", `alerting: {slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}, routes: [{matchers: ['severity="critical"'], receiver: slack, routes: [{matchers: ['namespace!="shop"'], receiver: slack}, {matchers: ['namespace=~"bank|store"'], receiver: slack}]}]}`, nil, Error, "alerting.routes[0].routes[1]", "is never reached"},
		{"behind an empty list of matchers", `alerting: {slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}, routes: [{matchers: [], receiver: slack}, {matchers: ['severity="critical"'], receiver: slack}]}`, nil, Error, "alerting.routes[1]", "is never reached: the route with {}"},
		{"behind one for every name", `alerting: {slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}, routes: [{matchers: ['alertname=~".+"'], receiver: slack}, {matchers: ['severity="critical"'], receiver: slack}]}`, nil, Error, "alerting.routes[1]", "is never reached"},
		{"behind a shipped route", `alerting: {slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}, routes: [{matchers: ['alertname="Watchdog"'], receiver: slack}]}`, nil, Error, "alerting.routes[0]", `the shipped route with {alertname="Watchdog"}`},
	},
	"repeat-interval": {
		{"of the root", `alerting: {slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}, route: {repeatInterval: 1m}}`, nil, Warning, "alerting.route.repeatInterval", "1m is shorter than the group interval of 5m"},
		{"of a route", `alerting: {slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}, routes: [{matchers: ['severity="critical"'], receiver: slack, repeat_interval: 4m}]}`, nil, Warning, "alerting.routes[0].repeat_interval", "4m is shorter than the group interval of 5m"},
		{"of a group interval", `alerting: {slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}, routes: [{matchers: ['severity="critical"'], receiver: slack, group_interval: 1d}]}`, nil, Warning, "alerting.routes[0].repeat_interval", "12h is shorter than the group interval of 1d"},
	},
	"object-size": {
		{"rules", "alerting: {acknowledgeNoNotifications: true, extraRules: {large: '" + largeRules() + "'}}", nil, Error, "alerting.extraRules", "ConfigMap prometheus-rules has "},
		{"annotations", "grafana: {adminPassword: s3cret, access: {host: grafana.example.com, fromNamespaces: [a], ingress: {tls: {secretName: a}, annotations: {note: " + strings.Repeat("x", maxAnnotations) + "}}}}", nil, Error, "grafana.access.ingress.annotations", "256 KiB; allowed: up to 256 KiB on an object"},
	},
	"sample-limit": {
		{"below what every target has", "discovery: {jobs: {node-exporter: {sampleLimit: 3}}}", nil, Error, "discovery.jobs.node-exporter.sampleLimit", "3 is too low: every target of the job exposes at least"},
		{"below the estimate", "cluster: {name: test, nodes: 10, pods: 500}\ndiscovery: {jobs: {kubernetes-cadvisor: {sampleLimit: 1000}}}", nil, Warning, "discovery.jobs.kubernetes-cadvisor.sampleLimit", "1000 is below the estimated 1124 samples of a target in a cluster of 10 nodes and 500 pods"},
	},
	"storage-persistent": {
		{"ephemeral", "storage: {mode: ephemeral}", nil, Warning, "storage.mode", "ephemeral: samples and silences are lost with each pod"},
	},
	"retention-fits": {
		{"two years of one idle node", "storage: {size: 1Gi}\nprometheus: {retention: 730d}", nil, Error, "prometheus.retention", "2y of even one idle node ("},
		{"a year", "cluster: {name: test, nodes: 50}\nprometheus: {retention: 365d, resources: {requests: {memory: 16Gi}, limits: {memory: 32Gi}}}", nil, Warning, "prometheus.retention", "but prometheus.retentionSize is 40Gi: samples are deleted after about"},
	},
	"shards-suffice": {
		{"thousands of nodes", "cluster: {name: test, nodes: 10000}\nstorage: {size: 8Ti}\nprometheus: {resources: {requests: {memory: 200Gi}, limits: {memory: 200Gi}}}", nil, Warning, "prometheus.shards", ": set prometheus.shards: 3 and exporters.kubeStateMetrics.shards: 3, which needs longTermStorage, or store less"},
		{"too few shards", strings.Replace(longTerm(", compactor: {size: 4Ti}}\nstorage: {size: 8Ti}\nprometheus: {shards: 2, resources: {requests: {memory: 200Gi}, limits: {memory: 200Gi}}}"), "nodes: 10}", "nodes: 15000}", 1), nil, Warning, "prometheus.shards", "a server should have at most 10000000: set prometheus.shards: 4 and exporters.kubeStateMetrics.shards: 4, or store less"},
	},
	"memory-fits": {
		{"far too small a limit", "cluster: {name: test, nodes: 1000}\nstorage: {size: 2Ti}", nil, Error, "prometheus.resources.limits.memory", "4Gi is less than half of what is needed: about"},
		{"too small a limit", "cluster: {name: test, nodes: 400}\nstorage: {size: 2Ti}", nil, Warning, "prometheus.resources.limits.memory", "(400 nodes, 12000 pods)"},
		{"too small a request", "cluster: {name: test, nodes: 200}\nstorage: {size: 2Ti}", nil, Warning, "prometheus.resources.requests.memory", "2Gi is less than what is needed"},
	},
	"remote-write-shards": {
		{"one shard for a large cluster", "cluster: {name: test, nodes: 100}\nstorage: {size: 2Ti}\nprometheus: {remoteWrite: [{name: central, url: 'https://example.com', queue_config: {max_shards: 1, max_samples_per_send: 100}}]}", nil, Warning, "prometheus.remoteWrite[0].queue_config.max_shards", "1 is less than the estimated "},
	},
	"upload-in-time": {
		{"hours", longTerm("}\nprometheus: {retention: 12h}\nchecks: {waive: {range-retained: a test}}"), nil, Warning, "prometheus.retention", "12h: if the object store does not answer for longer, samples are lost to it"},
	},
	"certificate-renewed": {
		{"a sidecar", longTerm("}\ntls: {secretName: certificate, clientCertificates: true}"), nil, Warning, "tls.clientCertificates", "true, but the sidecars in the pods of Prometheus connect no more once the certificate has been renewed"},
		{"that nobody watches", "tls: {secretName: certificate}\nexporters: {blackboxExporter: {enabled: false}}", nil, Warning, "tls", "no alert says that the certificate expires, because exporters.blackboxExporter.enabled is false"},
		{"of Thanos, that nobody watches", longTerm(", tls: {secretName: certificate}}\nexporters: {blackboxExporter: {enabled: false}}"), nil, Warning, "longTermStorage.tls", "no alert says that the certificate expires"},
	},
	"compactor-alone": {
		{"a prefix for all", "longTermStorage: {enabled: true, objectStore: {type: GCS, config: {bucket: a}, prefix: all}}", nil, Warning, "longTermStorage.objectStore.prefix", `"all" has no parts that are called like the cluster, test`},
	},
	"compactor-fits": {
		{"a small volume", longTerm(", compactor: {size: 1Gi}}"), nil, Warning, "longTermStorage.compactor.size", "1Gi is less than the estimated "},
	},
	"replicas-placed": {
		{"more replicas than nodes of a kind", "cluster: {name: test, nodes: 2}\nprometheus: {replicas: 3, pod: {affinity: {nodeAffinity: {}}}}", nil, Error, "prometheus.replicas", "1 would never start"},
		{"more replicas than nodes", "cluster: {name: test, nodes: 2}\nprometheus: {replicas: 3}", nil, Error, "prometheus.replicas", "3, each on a node of its own, but cluster.nodes is 2: 1 would never start; allowed: up to 2"},
	},
	"host-port-free": {
		{"the kubelet's", "exporters: {nodeExporter: {port: 10250}}", nil, Error, "exporters.nodeExporter.port", "10250 is the port of the kubelet on every node"},
		{"a component's that is scraped", "cluster: {name: test, platform: kubeadm}\nexporters: {nodeExporter: {port: 10249}}\ndiscovery: {jobs: {kube-proxy: {enabled: true}}}", nil, Error, "exporters.nodeExporter.port", "10249 is the port of kube-proxy, which this stack scrapes there"},
		{"the API server's", "exporters: {nodeExporter: {port: 6443}}", nil, Warning, "exporters.nodeExporter.port", "6443 is the port of the API server on nodes that run it"},
		{"a Service's", "exporters: {nodeExporter: {port: 31000}}", nil, Warning, "exporters.nodeExporter.port", "31000 is the port of whichever Service of type NodePort gets it"},
		{"the kubelet's on Windows", "exporters: {windowsExporter: {enabled: true, port: 10250}}", nil, Error, "exporters.windowsExporter.port", "10250 is the port of the kubelet on every node"},
		{"the platform's own node-exporter's", "cluster: {name: test, platform: openshift}\nexporters: {nodeExporter: {port: 9100}}", nil, Error, "exporters.nodeExporter.port", "9100 is the port of another node-exporter, which every node of openshift has"},
	},
	"image-known": {
		{"an older server", "images: {overrides: {prometheus: 'quay.io/prometheus/prometheus:v2.55.1'}}", nil, Warning, "images.overrides.prometheus", "v2.55.1, but flags, settings and metrics are known for v3."},
		{"a newer exporter", "images: {overrides: {kube-state-metrics: 'registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.99.0'}}", nil, Warning, "images.overrides.kube-state-metrics", "v2.99.0, but"},
	},
	"ui-login": {
		{"none", "prometheus: {access: {host: prometheus.example.com, login: none, fromNamespaces: [a], ingress: {}}}", nil, Error, "prometheus.access.login", "none, so everyone who reaches http://prometheus.example.com/ sees every metric"},
		{"passwords in clear text", basicLogin + "\nprometheus: {access: {host: prometheus.example.com, login: basic, fromNamespaces: [a], ingress: {}}}", nil, Warning, "prometheus.access.login", "basic, so passwords are in clear text on their way to http://prometheus.example.com/"},
		{"a cookie in plain text", "prometheus: {access: {host: prometheus.example.com, login: oidc, fromNamespaces: [a], ingress: {}}}\n" +
			"login: {oidc: {issuerUrl: 'https://login.example.com', clientId: monitoring, clientSecret: s3cret, cookieSecret: s3crets3crets3cr, groups: [sre]}}", nil, Warning, "prometheus.access.login", "oidc, but people open http://prometheus.example.com/, so that others on the way can read the cookie"},
		{"passwords of Grafana in clear text", "grafana: {adminPassword: s3cret, access: {host: grafana.example.com, fromNamespaces: [a], ingress: {}}}", nil, Warning, "grafana.access.login", "people open http://grafana.example.com/, so that the passwords with which they log in to Grafana are in clear text on their way"},
		{"a proxy that everyone can pass by", "cluster: {name: test, networkPolicies: {enabled: false}}\nprometheus: {access: {host: prometheus.example.com, login: oidc, httpRoute: {parentRefs: [{name: public}]}}}\n" +
			"login: {oidc: {issuerUrl: 'https://login.example.com', clientId: monitoring, clientSecret: s3cret, cookieSecret: s3crets3crets3cr, groups: [sre]}}", nil, Warning, "prometheus.access.login", "oidc, but cluster.networkPolicies.enabled is false, so that every pod of the cluster reaches Prometheus without its oauth2-proxy"},
		{"a Grafana where people sign up", "grafana: {adminPassword: s3cret, config: {users: {allow_sign_up: 'On'}}, access: {host: grafana.example.com, fromNamespaces: [a], ingress: {}}}", nil, Error, `grafana.config["users"].allow_sign_up`, "On, so everyone who reaches http://grafana.example.com/ may make an account"},
		{"anonymous users of Grafana", "grafana: {adminPassword: s3cret, config: {auth.anonymous: {enabled: true}}, access: {host: grafana.example.com, fromNamespaces: [a], ingress: {}}}", nil, Error, `grafana.config["auth.anonymous"].enabled`, "true, so everyone who reaches http://grafana.example.com/ may query every metric"},
	},
	"credentials-encrypted": {
		{"a provider", "prometheus: {access: {host: prometheus.example.com, login: oidc, fromNamespaces: [a], httpRoute: {parentRefs: [{name: public}]}}}\n" +
			"login: {oidc: {issuerUrl: 'http://login.example.com', clientId: monitoring, clientSecret: s3cret, cookieSecret: s3crets3crets3cr, groups: [sre]}}", nil, Error, "login.oidc.issuerUrl", "http://login.example.com sends the secret of the client, and who somebody is, in clear text; allowed: https://, a Service"},
		{"an endpoint of a provider", "grafana: {adminPassword: s3cret, access: {host: grafana.example.com, login: oidc, fromNamespaces: [a], httpRoute: {parentRefs: [{name: public}]}}}\n" +
			"login: {oidc: {issuerUrl: 'https://login.example.com', clientId: monitoring, clientSecret: s3cret, roles: {sre: Admin}, " +
			"endpoints: {authorization: 'https://login.example.com/auth', token: 'http://10.0.0.1/token', userinfo: 'http://dex.login.svc:5556/me'}}}", nil, Error, "login.oidc.endpoints.token", "http://10.0.0.1/token sends the secret"},
		{"a Grafana elsewhere", "grafana: {import: job, external: {url: 'http://grafana.example.com', token: s3cret, prometheusUrl: 'http://prometheus.example.com'}}", nil, Error, "grafana.external.url", "http://grafana.example.com sends the token of Grafana, and passwords of its datasources, in clear text"},
		{"a datasource with a password", "grafana: {import: job, external: {url: 'http://127.0.0.1:3000', token: s3cret, prometheusUrl: 'http://prometheus.example.com'}}\nprometheus: {access: {login: basic}}\n" + basicLogin, nil, Error, "grafana.external.prometheusUrl", "http://prometheus.example.com sends the password of login.basic.client in clear text"},
		{"a datasource with a password, of Alertmanager", "grafana: {import: job, external: {url: 'https://grafana.example.com', token: s3cret, prometheusUrl: 'http://prometheus.example.com', alertmanagerUrl: 'http://alerts.example.com'}}\nalerting: {acknowledgeNoNotifications: true, access: {login: basic}}\n" + basicLogin, nil, Error, "grafana.external.alertmanagerUrl", "http://alerts.example.com sends the password"},
	},
	"secret-known": {
		{"a webhook", `alerting: {slack: {channel: "#a", webhookUrl: {secret: slack, key: url}}}`, nil, Warning, "alerting.slack.webhookUrl", `is the key "url" of the existing Secret "slack", whose value the preview does not know`},
		{"a key of the object store", "longTermStorage: {enabled: true, objectStore: {type: S3, config: {bucket: a, endpoint: b}, secrets: {access_key: me, secret_key: {secret: minio, key: password}}}}", nil, Warning, "longTermStorage.objectStore.secrets.secret_key", `is the key "password" of the existing Secret "minio"`},
	},
	"program-deployed": {
		{"targets that nobody probes", "exporters: {blackboxExporter: {enabled: false, targets: [{url: 'https://example.com'}]}}", nil, Warning, "exporters.blackboxExporter.targets", "nothing probes them"},
		{"notifications without Alertmanager", `alerting: {enabled: false, slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}}`, nil, Warning, "alerting.slack", "the stack has no Alertmanager that notifies"},
		{"a dead man's switch without Watchdog", `alerting: {acknowledgeNoNotifications: true, deadMansSwitchUrl: "https://example.com", disabled: [Watchdog]}`, nil, Error, "alerting.deadMansSwitchUrl", "alerting.disabled names Watchdog"},
		{"a login of no Alertmanager", "alerting: {enabled: false, access: {login: basic}}", nil, Warning, "alerting.access.login", "the stack deploys no Alertmanager"},
		{"an Ingress without Grafana", "grafana: {enabled: false, access: {host: grafana.example.com, fromNamespaces: [a], ingress: {}}}", nil, Warning, "grafana.access.host", "the stack deploys no Grafana"},
	},
	"pod-distinct": {
		{"a volume", "prometheus: {pod: {volumes: [{name: data, emptyDir: {}}]}}", nil, Error, "prometheus.pod.volumes[0].name", `"data" is a volume of the component; allowed: any name but`},
		{"a mount above the files", "prometheus: {pod: {volumes: [{name: a, emptyDir: {}}], volumeMounts: [{name: a, mountPath: /etc}]}}", nil, Error, "prometheus.pod.volumeMounts[0].mountPath", `"/etc"; allowed: a directory neither within nor above /etc/prometheus/config,`},
		{"a mount of no volume in a sidecar", "alerting: {acknowledgeNoNotifications: true, pod: {initContainers: [{name: a, image: 'a:1', volumeMounts: [{name: dat, mountPath: /a}], " + restricted + "}]}}", nil, Error, "alerting.pod.initContainers[0].volumeMounts[0].name", `"dat" is not a volume of the pods; allowed: those in pod.volumes, and the component's own: config, data`},
		{"a mount over the token", "exporters: {kubeStateMetrics: {pod: {volumes: [{name: a, emptyDir: {}}], volumeMounts: [{name: a, mountPath: /var/run/secrets}]}}}", nil, Error, "exporters.kubeStateMetrics.pod.volumeMounts[0].mountPath", "neither within nor above /var/run/secrets/kubernetes.io/serviceaccount"},
		{"a port that would be scraped", "exporters: {blackboxExporter: {pod: {containers: [{name: a, image: 'a:1', ports: [{name: metrics, containerPort: 9200}], " + restricted + "}]}}}", nil, Error, "exporters.blackboxExporter.pod.containers[0].ports[0].name", `"metrics" is a name by which the stack scrapes or admits ports of its own; allowed: any name but grpc, metrics, sidecar, telemetry, web`},
		{"a port that would be admitted", "alerting: {acknowledgeNoNotifications: true, pod: {initContainers: [{name: a, image: 'a:1', restartPolicy: Always, ports: [{name: gossip, containerPort: 9200}], " + restricted + "}]}}", nil, Error, "alerting.pod.initContainers[0].ports[0].name", "any name but gossip, gossip-udp, grpc, metrics,"},
		{"a port of the component", "exporters: {kubeStateMetrics: {pod: {containers: [{name: a, image: 'a:1', ports: [{name: a, containerPort: 8081}], " + restricted + "}]}}}", nil, Error, "exporters.kubeStateMetrics.pod.containers[0].ports[0].containerPort", "8081 is a port of the component; allowed: any port but 8080, 8081"},
		{"a limit for a sidecar that is not there", "prometheus: {verticalPodAutoscaler: {updatePolicy: {updateMode: Initial}, resourcePolicy: {containerPolicies: [{containerName: thanos-sidecar, maxAllowed: {memory: 4Gi}}]}}}", nil, Error, "prometheus.verticalPodAutoscaler.resourcePolicy.containerPolicies[0].containerName", `"thanos-sidecar" is not a container of the pods; allowed: *, prometheus`},
		{"a mount over an object store", longTerm(", storeGateway: {pod: {volumes: [{name: a, emptyDir: {}}], volumeMounts: [{name: a, mountPath: /etc/thanos/object-store}]}}}"), nil, Error, "longTermStorage.storeGateway.pod.volumeMounts[0].mountPath", "neither within nor above /thanos,"},
	},
	"pod-restricted": {
		{"a profile", "exporters: {blackboxExporter: {pod: {annotations: {container.apparmor.security.beta.kubernetes.io/blackbox-exporter: unconfined}}}}", nil, Error, "exporters.blackboxExporter.pod.annotations", "forbidden AppArmor profile"},
		{"a profile beside a sidecar", "exporters: {blackboxExporter: {pod: {annotations: {container.apparmor.security.beta.kubernetes.io/a: unconfined}, containers: [{name: a, image: 'a:1', " + restricted + "}]}}}", nil, Error, "exporters.blackboxExporter.pod.annotations", "kubernetes.io/a="},
		{"the node's files in a sidecar", "exporters: {nodeExporter: {pod: {containers: [{name: a, image: 'a:1', volumeMounts: [{name: root, mountPath: /host}], " + restricted + "}]}}}", nil, Error, "exporters.nodeExporter.pod.containers[0].volumeMounts[0]", `volume "root" uses restricted volume type "hostPath"`},
		{"the node's files once more", "exporters: {nodeDirectorySizeMetrics: {pod: {volumeMounts: [{name: directory-0, mountPath: /a}]}}}", nil, Error, "exporters.nodeDirectorySizeMetrics.pod.volumeMounts[0]", `volume "directory-0" uses restricted volume type "hostPath"`},
		{"a directory of the node", "prometheus: {pod: {volumes: [{name: a, hostPath: {path: /}}]}}", nil, Error, "prometheus.pod.volumes[0]", "namespace monitoring admits these pods, because it is labelled privileged for exporters.nodeExporter"},
		{"in a restricted namespace", withoutHost + "prometheus: {pod: {volumes: [{name: a, hostPath: {path: /}}]}}", nil, Error, "prometheus.pod.volumes[0]", "namespace monitoring enforces it and refuses these pods"},
		{"in a namespace of others", "cluster: {name: test, createNamespace: false}\n" + withoutHost + "prometheus: {pod: {volumes: [{name: a, hostPath: {path: /}}]}}", nil, Error, "prometheus.pod.volumes[0]", "namespace monitoring refuses these pods if it enforces restricted"},
		{"root beside the scanner", "exporters: {nodeDirectorySizeMetrics: {pod: {containers: [{name: a, image: 'a:1', " + restricted + "}]}}}", nil, Error, "exporters.nodeDirectorySizeMetrics.pod.containers[0]", "runAsNonRoot != true"},
		{"a port of the node", "exporters: {blackboxExporter: {pod: {containers: [{name: a, image: 'a:1', ports: [{containerPort: 80, hostPort: 80}], " + restricted + "}]}}}", nil, Error, "exporters.blackboxExporter.pod.containers[0]", "hostPort"},
		{"a capability", "exporters: {blackboxExporter: {pod: {containers: [{name: a, image: 'a:1', " + strings.Replace(restricted, "drop:", "add: [NET_ADMIN], drop:", 1) + "}]}}}", nil, Error, "exporters.blackboxExporter.pod.containers[0]", "NET_ADMIN"},
	},
	"sidecar-resources": {
		{"no requests", "exporters: {blackboxExporter: {pod: {containers: [{name: a, image: 'a:1', resources: {limits: {memory: 1Mi}}, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]}}}", nil, Warning, "exporters.blackboxExporter.pod.containers[0].resources", "without requests.cpu the scheduler reserves no CPU for it"},
		{"no limit", "exporters: {blackboxExporter: {pod: {containers: [{name: a, image: 'a:1', " + restricted + "}], initContainers: [{name: b, image: 'b:1', resources: {requests: {cpu: 1m, memory: 1Mi}}, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]}}}", nil, Warning, "exporters.blackboxExporter.pod.initContainers[0].resources", "without limits.memory it may use all memory of the node"},
	},
	"namespace-admits": {
		{"a namespace that exists", "cluster: {name: test, createNamespace: false}", nil, Warning, "cluster.createNamespace", "unless namespace monitoring is labelled pod-security.kubernetes.io/enforce: privileged"},
		{"directory sizes alone", "cluster: {name: test, createNamespace: false}\nexporters: {nodeExporter: {enabled: false}}", nil, Warning, "cluster.createNamespace", "exporters.nodeDirectorySizeMetrics uses the host's files"},
	},
}

// Parts of stacks, in YAML.
const (
	// restricted completes a sidecar that the Pod Security Standard restricted allows.
	restricted = "securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}, resources: {requests: {cpu: 1m, memory: 1Mi}, limits: {memory: 1Mi}}"
	// withoutHost switches off what needs the host.
	withoutHost = "exporters: {nodeExporter: {enabled: false}, nodeDirectorySizeMetrics: {enabled: false}}\n"
)

func TestBroken(t *testing.T) {
	if testing.Short() {
		t.Skip("renders a stack for each mistake")
	}
	names := map[string]bool{}
	for _, check := range Checks {
		names[check.Name] = true
		assert.Positive(t, len(broken[check.Name])+len(mistaken[check.Name]), "no test of %s", check.Name)
		for _, c := range broken[check.Name] {
			t.Run(check.Name+"/"+c.name, func(t *testing.T) {
				s := load(t, c.stack, c.expressions...)
				var at []Finding
				for _, finding := range s.Check().Findings {
					assert.Equal(t, check.Name, finding.Check, "%s", finding)
					if finding.Path == c.path {
						at = append(at, finding)
					}
				}
				if assert.NotEmpty(t, at, "%s", strings.Join(found(s), "\n")) {
					assert.Contains(t, at[0].Message, c.want)
					assert.Equal(t, c.severity, at[0].Severity)
				}
			})
		}
	}
	for name := range maps.Keys(broken) {
		assert.True(t, names[name], "there is no check %s", name)
	}
}

// TestOwnDashboard shows that custom dashboards are checked like the stack's own rules.
func TestOwnDashboard(t *testing.T) {
	stack, err := render.NewWith(configtest.Config(t, ""), fstest.MapFS{"custom/own.json": {Data: []byte(`{"uid": "own", "title": "Own",
		"templating": {"list": [{"name": "pool", "type": "custom"}]},
		"panels": [
			{"title": "Load", "targets": [{"refId": "A", "expr": "node_laod1"}, {"refId": "B", "expr": "node_load1{cluster=\"$cluster\"}"}]},
			{"title": "Rate", "targets": [{"refId": "A", "expr": "rate(node_cpu_seconds_total[30s])"}, {"refId": "B", "expr": "rate(node_cpu_seconds_total[$__rate_interval])"}]},
			{"title": "Pool", "targets": [{"refId": "A", "expr": "node_load1{cluster=\"$pool\"}"}]}]}`)}})
	require.NoError(t, err)
	report := Run(stack)
	var at []string
	for _, finding := range report.Findings {
		at = append(at, finding.Path+" "+finding.Check+" "+string(finding.Severity))
	}
	assert.Equal(t, []string{
		`dashboards/own/panel "Load", query A metric-collected error`,
		`dashboards/own/panel "Rate", query A range-covers error`,
	}, at)
}

func TestWaivers(t *testing.T) {
	const stack = "cluster: {name: test, createNamespace: false, nodes: 2}\nprometheus: {replicas: 3}\n"
	report := load(t, stack+"checks: {waive: {replicas-placed: a third node comes on Monday, namespace-admits: it is labelled}}").Check()
	require.NoError(t, report.Err())
	assert.Empty(t, report.Findings)
	warnings := strings.Join(report.Warnings(), "\n")
	assert.Contains(t, warnings, "waived: prometheus.replicas: 3, each on a node of its own")
	assert.Contains(t, warnings, "(replicas-placed: a third node comes on Monday)")

	report = load(t, stack+"checks: {waive: {replicas-plcaed: typo, memory-fits: nothing to find}}").Check()
	require.Error(t, report.Err())
	err := report.Err().Error()
	assert.Contains(t, err, `checks.waive.replicas-plcaed: unknown "replicas-plcaed"; did you mean "replicas-placed"? (waivers)`)
	assert.Contains(t, err, "checks.waive.memory-fits: finds nothing in this stack; remove the waiver (waivers)")
	assert.Contains(t, err, "prometheus.replicas: 3, each on a node of its own")
	assert.Contains(t, err, "3 problem(s)")
	assert.Contains(t, strings.Join(report.Warnings(), "\n"), "warning: cluster.createNamespace")
}

func TestRoutes(t *testing.T) {
	s := load(t, `
alerting:
  slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}
  deadMansSwitchUrl: https://example.com
  receivers: [{name: pager, webhook_configs: [{url: "https://pager.example.com"}]}, {name: shop, webhook_configs: [{url: "https://shop.example.com"}]}]
  routes:
    - {matchers: ['severity="critical"'], receiver: pager, continue: true}
    - {matchers: ['namespace=~"shop|store"'], receiver: shop}`)
	routes := map[string]string{}
	for _, d := range s.Routes() {
		also := ""
		for _, c := range d.Also {
			also += " " + c.String()
		}
		routes[d.Alert+" "+d.Severity] = strings.Join(d.Receivers, ",") + also
	}
	assert.Equal(t, "dead-mans-switch", routes["Watchdog none"])
	assert.Equal(t, "null", routes["InfoInhibitor none"])
	assert.Equal(t, "slack", routes["NodeCPUHigh warning"])
	assert.Equal(t, `slack shop if {namespace="shop"}`, routes["PodCrashLooping warning"])
	assert.Equal(t, `pager`, routes["NodeMemoryHigh critical"])
	assert.Nil(t, load(t, "alerting: {enabled: false}").Routes())
}

// ownAlert returns YAML with one alert of the stack's own.
func ownAlert(name, expr, labels string) string {
	return fmt.Sprintf("alerting: {acknowledgeNoNotifications: true, extraRules: {own: {groups: [{name: own, rules: [{alert: %s, expr: %q, labels: {%s}}]}]}}}", name, expr, labels)
}

// offExcept returns YAML that switches off every other job, all exporters and Grafana.
func offExcept(on ...string) string {
	var b strings.Builder
	b.WriteString("exporters: {nodeExporter: {enabled: false}, kubeStateMetrics: {enabled: false}, blackboxExporter: {enabled: false}, nodeDirectorySizeMetrics: {enabled: false}}\ngrafana: {enabled: false}\ndiscovery: {jobs: {")
	for _, job := range config.Jobs {
		if !strings.Contains(strings.Join(on, " "), string(job)) {
			fmt.Fprintf(&b, "%s: {enabled: false}, ", job)
		}
	}
	return b.String() + "}}"
}

// largeRules returns a rule file that is too large for a ConfigMap.
func largeRules() string {
	var b strings.Builder
	b.WriteString("{groups: [{name: large, rules: [")
	for i := range 10_000 {
		fmt.Fprintf(&b, `{alert: Large%d, expr: up == 0, labels: {severity: info}, annotations: {summary: "`+strings.Repeat("x", 60)+`"}}, `, i)
	}
	return b.String() + "]}]}"
}

// TestEstimate compares the estimate with a measurement: on the local node, with seven pods in all,
// the server that stored everything had 9,075 series, 8,800 of them of these jobs, and used 122 MiB.
func TestEstimate(t *testing.T) {
	estimate, ok := EstimateOf(load(t, "cluster: {name: test, nodes: 1, pods: 7}\ndiscovery: {ingest: all}\nprometheus: {scrapeInterval: 15s}\ngrafana: {enabled: false}"))
	require.True(t, ok)
	total := 0
	for job, measured := range map[config.Job]int{
		config.APIServersJob: 4361, config.CadvisorJob: 1029, config.PrometheusJob: 955, config.KubeStateMetricsJob: 736,
		config.NodesJob: 703, config.NodeExporterJob: 538, config.AlertmanagerJob: 316, config.BlackboxExporterJob: 64, config.NodeDirectorySizeMetricsJob: 13,
	} {
		assert.InEpsilon(t, measured, estimate.Series[job], 0.3, job)
		total += measured
	}
	assert.InEpsilon(t, total, estimate.Total, 0.1)
	assert.InEpsilon(t, float64(total)/15, estimate.Samples, 0.1)
	assert.InEpsilon(t, 122<<20, estimate.Memory, 0.3)
	assert.Greater(t, estimate.Native, 500)

	used, ok := EstimateOf(load(t, "cluster: {name: test, nodes: 1, pods: 7}\ngrafana: {enabled: false}"))
	require.True(t, ok)
	assert.Less(t, used.Total, estimate.Total/3)

	estimate, ok = EstimateOf(load(t, "cluster: {name: test, nodes: 2}"))
	require.True(t, ok)
	assert.Equal(t, 60, estimate.Pods)

	windows := "\nexporters: {windowsExporter: {enabled: true}, nodeDirectorySizeMetrics: {enabled: false}}"
	linux, ok := EstimateOf(load(t, "cluster: {name: test, nodes: 10}"+windows))
	require.True(t, ok)
	mixed, ok := EstimateOf(load(t, "cluster: {name: test, nodes: 10, windowsNodes: 4}"+windows))
	require.True(t, ok)
	assert.Zero(t, linux.Series[config.WindowsExporterJob])
	assert.Positive(t, mixed.Series[config.WindowsExporterJob])
	assert.InEpsilon(t, 0.6*float64(linux.Series[config.NodeExporterJob]), mixed.Series[config.NodeExporterJob], 0.01)
	assert.Equal(t, linux.Series[config.NodesJob], mixed.Series[config.NodesJob])

	_, ok = EstimateOf(load(t, ""))
	assert.False(t, ok)
}

func TestPossible(t *testing.T) {
	s := load(t, "")
	node := model.Metric{"__name__": "node_load1", "job": "node-exporter", "cluster": "test", "instance": "a", "namespace": "monitoring", "pod": "a", "container": "a", "endpoint": "metrics", "node": "a"}
	with := func(name model.LabelName, value model.LabelValue) model.Metric {
		changed := node.Clone()
		changed[name] = value
		if value == "" {
			delete(changed, name)
		}
		return changed
	}
	require.NoError(t, s.Possible(node))
	require.NoError(t, s.Possible(with("job", "kubernetes-pods")), "a job whose metrics are unknown")
	require.ErrorContains(t, s.Possible(with("job", "prometheus")), `no series of this name in job "prometheus"`)
	require.ErrorContains(t, s.Possible(with("cluster", "prod")), "cluster is always test")
	require.ErrorContains(t, s.Possible(with("mode", "idle")), `no series has mode="idle"`)
	require.ErrorContains(t, s.Possible(with("instance", "")), "every series has instance")
}
