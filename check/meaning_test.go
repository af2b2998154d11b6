package check

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// mistaken lists, by check, expressions that are certainly or probably mistakes, with a part of what
// that check alone finds in them. Lines of one entry are rules of one stack.
var mistaken = map[string][]struct {
	expressions string
	severity    Severity
	want        string
}{
	"counter-rated": {
		{`rate(node_load1[5m]) > 1`, Error, "takes each fall of a gauge for a restart of its program; use delta(…)"},
		{`increase(kube_deployment_status_replicas[1h]) > 0`, Error, "increase(kube_deployment_status_replicas[1h])"},
		{`irate(node_memory_MemAvailable_bytes{job="node-exporter"}[5m]) > 0`, Error, ""},
		{`rate(container_memory_working_set_bytes[5m]) > 1e6`, Error, "of a gauge"},
		{`rate(up[5m]) > 0`, Error, "of a gauge"},
		{`resets(node_load1[1h]) > 3`, Warning, "counts how often a gauge falls"},
		{`rate(rate(node_cpu_seconds_total[5m])[1h:1m])`, Error, "of a rate, count or other result"},
		{"cpu:rate5m := sum by (node) (rate(node_cpu_seconds_total[5m]))\nrate(cpu:rate5m[10m]) > 0", Error, "of a rate, count or other result"},
		{`rate(sum(node_cpu_seconds_total)[5m:1m]) > 1`, Error, "takes the restart of one program for a fall of the whole sum"},
		{`increase(sum by (namespace) (my_app_errors_total)[1h:1m]) > 1`, Warning, "calculate increase first and the sum of it then"},
		{"cpu:total := sum(node_cpu_seconds_total)\nrate(cpu:total[5m]) > 1", Error, "takes the restart of one program"},
		{"mode:cpu:total := sum by (mode) (node_cpu_seconds_total)\nrate(mode:cpu:total[5m]) > 1", Warning, "takes the restart of one program"},
		{`rate(kube_pod_info[5m]) > 0`, Error, "is always 0, because an info metric is always 1"},
	},
	"gauge-calculated": {
		{`delta(node_cpu_seconds_total[5m]) > 5`, Error, "is of a counter, which only grows until its program restarts; use increase(…)"},
		{`deriv(prometheus_http_requests_total[5m]) > 1`, Error, "use rate(…)"},
		{`predict_linear(node_network_receive_bytes_total[1h], 3600) > 1e9`, Error, "predict a gauge"},
		{`avg_over_time(kube_pod_container_status_restarts_total[1h]) > 0`, Error, ""},
		{`quantile_over_time(0.9, apiserver_request_total[1h])`, Error, ""},
		{`sum_over_time(prometheus_rule_evaluation_failures_total[5m]) > 0`, Error, "use increase(…)"},
		{`stddev_over_time(apiserver_request_duration_seconds_count[5m]) > 0`, Error, ""},
	},
	"counter-raw": {
		{`prometheus_http_requests_total > 1000`, Warning, "compares the count since a program started"},
		{`sum by (namespace) (kube_pod_container_status_restarts_total) >= 5`, Warning, "compare increase(…) or rate(…)"},
		{`100 < node_network_receive_errs_total`, Warning, ""},
		{`node_cpu_seconds_total{mode="idle"} < 0.1`, Warning, ""},
		{`max_over_time(container_oom_events_total[1h]) > 3`, Warning, ""},
	},
	"histogram-calculated": {
		{`histogram_quantile(0.9, sum by (verb) (rate(apiserver_request_duration_seconds_bucket[5m]))) > 1`, Error, "its series lack the label le"},
		{`histogram_quantile(0.9, rate(apiserver_request_duration_seconds_sum[5m])) > 1`, Error, "has no buckets"},
		{`histogram_quantile(0.9, node_load1) > 1`, Error, "has no buckets"},
		{`histogram_quantile(95, sum by (le) (rate(apiserver_request_duration_seconds_bucket[5m]))) > 1`, Error, "histogram_quantile of 95 is infinite; allowed: 0 to 1, such as 0.95"},
		{`histogram_quantile(0.9, sum by (le) (apiserver_request_duration_seconds_bucket)) > 1`, Warning, "is about everything since the programs started"},
		{`histogram_count(rate(apiserver_request_duration_seconds_count[5m])) > 1`, Error, "calculates from native histograms only"},
		{`histogram_avg(node_load1) > 1`, Error, "is of a gauge and so returns nothing"},
		{`histogram_fraction(0, 0.2, sum(rate(apiserver_request_duration_seconds_bucket[5m]))) < 0.9`, Error, "lack the label le"},
		{`quantile(99, node_load1) > 1`, Error, "quantile of 99 is infinite"},
		{`quantile_over_time(90, node_load1[1h]) > 1`, Error, "quantile_over_time of 90 is infinite"},
	},
	"info-joined": {
		{`node_load1 + on (instance) group_left (nodename) node_uname_info > 5`, Error, "to add its labels, multiply"},
		{`kube_pod_container_status_ready - on (namespace, pod) group_left () kube_pod_info`, Error, "calculates with kube_pod_info, which is always 1"},
		{`1 - kube_node_info`, Error, "to count its series: count(…)"},
	},
	"value-known": {
		{`rate(node_cpu_seconds_total{mode="idel"}[5m]) > 0`, Error, `no series has mode="idel"; mode is user, nice, system, idle`},
		{`kube_pod_status_phase{phase="CrashLoopBackOff"} == 1`, Error, "phase is Pending, Succeeded, Failed, Unknown, Running"},
		{`kube_node_status_condition{condition="Ready", status="True"} == 1`, Error, "status is true, false, unknown"},
		{`kube_pod_status_phase{phase=~"Pending|Failled"} == 1`, Warning, "phase is never Failled; it is Pending"},
		{`kube_pod_status_phase{phase!="Run"} == 1`, Warning, "phase is never Run"},
		{`kube_pod_status_phase{phase!~"Success|Running"} == 1`, Warning, "phase is never Success"},
		{`ALERTS{alertstate="fired"}`, Error, "alertstate is pending, firing"},
		{`kube_persistentvolumeclaim_status_phase{phase="pending"} == 1`, Error, ""},
	},
	"comparison-possible": {
		{`up == 2`, Error, "no value meets up == 2: up is 0 or 1"},
		{`up > 1`, Error, "up is 0 or 1"},
		{`up == 0.5`, Error, "up is 0 or 1"},
		{`probe_success < 0`, Error, ""},
		{`rate(node_cpu_seconds_total[5m]) < 0`, Error, "is at least 0"},
		{`prometheus_http_requests_total < 0`, Error, "is at least 0"},
		{`absent(up{job="prometheus"}) == 0`, Error, "is always 1"},
		{`count(up{job="prometheus"}) == 0`, Error, "is at least 1"},
		{`count by (job) (up == 0) < 1`, Error, "is at least 1"},
		{`node_load1 > 5 and node_load1 < 3`, Error, "no value meets both sides of"},
		{`node_load1 > 5 < 3`, Error, ""},
		{`node_load1 > node_load1`, Error, "both sides are the same"},
		{`node_filesystem_avail_bytes / node_filesystem_size_bytes < 0`, Error, "between 0 and 1"},
		{`1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes > 90`, Error, "between 0 and 1"},
		{`100 * (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes) > 110`, Error, "between 0 and 100"},
		{`sum(rate(apiserver_request_total{code=~"5.."}[5m])) / sum(rate(apiserver_request_total[5m])) > 5`, Error, "between 0 and 1"},
		{`node_mountpoint:node_filesystem_avail:ratio > 90`, Error, "between 0 and 1"},
		{`1 - avg by (node) (rate(node_cpu_seconds_total{mode="idle"}[5m])) > 80`, Error, "at most 1"},
		{`count(up == 0) / count(up) > 50`, Error, "between 0 and 1"},
		{`node_load1 > 5 and on () hour() > 23`, Error, "between 0 and 23"},
		{`node_load1 > 5 and on () day_of_week() == 7`, Error, "between 0 and 6"},
		{`absent(vector(1))`, Error, "its argument is never empty"},
		{`absent(node_load1 or vector(0))`, Error, "its argument is never empty"},
		{`absent(sum(node_load1) or vector(0))`, Error, ""},
		{`node_load1 > 5 or up == 2`, Warning, "up is 0 or 1"},
		{`quantile(0.9, up) > 1`, Error, "between 0 and 1"},
		{`kube_pod_info == 0`, Error, "always 1"},
		{`max_over_time(up[5m]) == 3`, Error, ""},
		{`sgn(node_load1) == 2`, Error, ""},
		{`count_over_time(up[5m]) == 0`, Error, "at least 1"},
		{`kube_deployment_status_replicas_available < 0`, Error, "at least 0"},
		{`clamp(my_app_load, 0, 5) > 7`, Error, "between 0 and 5"},
	},
	"alert-conditional": {
		{`alert: up`, Error, "fires whenever the series exist: up has no condition; compare it with a limit, such as > 0"},
		{`alert: rate(prometheus_rule_evaluation_failures_total[5m])`, Error, "has no condition"},
		{`alert: sum by (job) (increase(my_app_errors_total[5m]))`, Error, "has no condition"},
		{`alert: node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes`, Error, "has no condition"},
		{`alert: histogram_quantile(0.9, sum by (le) (rate(apiserver_request_duration_seconds_bucket[5m])))`, Error, ""},
		{`alert: node:node_cpu_utilisation:ratio_rate5m`, Error, "node:node_cpu_utilisation:ratio_rate5m has no condition"},
		{`alert: node_load1`, Error, "node_load1 has no condition"},
		{`alert: kube_job_failed{condition="true"}`, Warning, "has no condition"},
		{`alert: up == bool 0`, Error, "returns 0 instead of nothing where its condition is not met; remove bool"},
		{`alert: max by (node) (node_load1 > bool 5)`, Error, "remove bool"},
		{`alert: my_app_limit - my_app_used`, Warning, "has no condition"},
		{`up >= 0`, Error, "holds for every value, because up is 0 or 1"},
		{`prometheus_http_requests_total >= 0`, Error, "is at least 0"},
		{`apiserver_request_total{code="500"} >= 0`, Warning, "is at least 0"},
		{`node_filesystem_avail_bytes >= 0`, Error, ""},
		{`up < 2`, Error, "holds for every value"},
		{`node_filesystem_avail_bytes{fstype="ext4"} / node_filesystem_size_bytes < 10`, Error, "is between 0 and 1"},
		{`kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes < 15`, Error, ""},
		{`avg by (job) (up) < 50`, Error, "is between 0 and 1"},
		{`node_load1 > 5 or up <= 1`, Error, "up <= 1 holds for every value"},
		{`alert: predict_linear(node_filesystem_avail_bytes[6h], 3600)`, Error, "has no condition"},
		{`alert: rate(node_cpu_seconds_total{mode="idle"}[5m]) * 100`, Error, "has no condition"},
		{`alert: rate(node_cpu_seconds_total[5m]) * on (instance) group_left (nodename) node_uname_info`, Error, "has no condition"},
	},
	"record-named": {
		{`node_load1 := max by (node) (node_load5)`, Warning, "records node_load1, which job node-exporter scrapes too"},
		{`load.max := max by (node) (node_load5)`, Warning, `"load.max" can only be selected in quotes, as {"load.max"}`},
	},
}

// classicForm stores all histograms as classic ones.
const classicForm = "discovery: {histograms: classic}"

// TestMistaken shows what the checks find in expressions that are mistakes.
func TestMistaken(t *testing.T) {
	for check, rows := range mistaken {
		t.Run(check, func(t *testing.T) {
			var expressions []string
			last := make([]int, len(rows)) // index of each row's last expression
			for i, row := range rows {
				expressions = append(expressions, strings.Split(row.expressions, "\n")...)
				last[i] = len(expressions) - 1
			}
			found := map[string][]Finding{}
			for _, finding := range load(t, classicForm, expressions...).Check().Findings {
				assert.Equal(t, check, finding.Check, "%s", finding)
				rule := finding.Path[strings.LastIndex(finding.Path, "/")+1:]
				found[rule] = append(found[rule], finding)
			}
			for i, row := range rows {
				rule, _, recorded := strings.Cut(row.expressions, " := ")
				if !recorded || strings.Contains(row.expressions, "\n") {
					rule = fmt.Sprint("Own", last[i])
				}
				if assert.NotEmpty(t, found[rule], row.expressions) {
					assert.Contains(t, found[rule][0].Message, row.want, row.expressions)
					assert.Equal(t, row.severity, found[rule][0].Severity, "%s", found[rule][0])
				}
			}
		})
	}
}

// TestRight shows that right and unusual expressions cause no finding.
func TestRight(t *testing.T) {
	files, err := filepath.Glob("testdata/right*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			var expressions []string
			for line := range strings.Lines(string(text)) {
				if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
					expressions = append(expressions, strings.Split(line, " ;; ")...)
				}
			}
			form := "classic"
			if filepath.Base(file) == "right_native.txt" {
				form = "native"
			}
			stack := fmt.Sprintf(rightStack, form)
			for _, finding := range load(t, stack, expressions...).Check().Findings {
				i, err := strconv.Atoi(finding.Path[strings.LastIndex(finding.Path, "Own")+len("Own"):])
				require.NoError(t, err)
				assert.Fail(t, expressions[i], "%s", finding)
			}
		})
	}
}

// rightStack has what right expressions refer to.
const rightStack = `
discovery:
  histograms: %s
  extraScrapeConfigs:
    - {job_name: apps, scrape_interval: 1s, static_configs: [{targets: ["192.0.2.1:80"]}], relabel_configs: [{source_labels: [__address__], target_label: job}]}
    - {job_name: files, file_sd_configs: [{files: [/etc/prometheus/own.yml]}]}
    - {job_name: web, http_sd_configs: [{url: "https://example.com"}]}
`

// TestDrawn shows that only a line over time may not draw a counter.
func TestDrawn(t *testing.T) {
	stack, err := render.NewWith(configtest.Config(t, ""), fstest.MapFS{"custom/own.json": {Data: []byte(`{"uid": "own", "title": "Own", "panels": [
		{"title": "Line", "type": "timeseries", "targets": [{"refId": "A", "expr": "node_cpu_seconds_total"}, {"refId": "B", "expr": "rate(node_cpu_seconds_total[5m])"}, {"refId": "C", "expr": "node_cpu_seconds_total", "instant": true}]},
		{"title": "Number", "type": "stat", "targets": [{"refId": "A", "expr": "sum(kube_pod_container_status_restarts_total)"}]}]}`)}})
	require.NoError(t, err)
	report := Run(stack)
	require.Len(t, report.Findings, 1)
	assert.Equal(t, `warning: dashboards/own/panel "Line", query A: node_cpu_seconds_total draws the count since a program started, a line that only grows; draw rate(…) or increase(…) (counter-raw)`, report.Findings[0].String())
}

// TestMistakenNative shows what the checks find in expressions on native histograms.
func TestMistakenNative(t *testing.T) {
	for expr, want := range map[string]string{
		`apiserver_request_duration_seconds > 1`:                                             "compares a native histogram, which has no single value, with a number",
		`rate(apiserver_request_duration_seconds[5m]) > 1`:                                   "use histogram_quantile(…), histogram_count(…)",
		`max by (verb) (rate(apiserver_request_duration_seconds[5m]))`:                       "leaves out native histograms",
		`abs(rate(apiserver_request_duration_seconds[5m]))`:                                  "leaves out native histograms",
		`max_over_time(apiserver_request_duration_seconds[5m])`:                              "leaves out native histograms",
		`histogram_quantile(99, sum(rate(apiserver_request_duration_seconds[5m]))) > 1`:      "histogram_quantile of 99 is infinite",
		`histogram_count(apiserver_request_duration_seconds) > 1000`:                         "compares the count since a program started",
		`sum(histogram_count(rate(apiserver_request_duration_seconds[5m]))) < 0`:             "is at least 0",
		`histogram_fraction(0, 0.2, sum(rate(apiserver_request_duration_seconds[5m]))) > 99`: "is between 0 and 1",
		`alert: histogram_quantile(0.9, sum(rate(apiserver_request_duration_seconds[5m])))`:  "has no condition",
		`histogram_avg(rate(apiserver_request_total[5m])) > 1`:                               "calculates from native histograms only",
	} {
		t.Run(expr, func(t *testing.T) {
			findings := load(t, "", expr).Check().Findings
			if assert.Len(t, findings, 1) {
				assert.Contains(t, findings[0].Message, want)
			}
		})
	}
}
