package check

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// lines returns the lines of a file that are neither empty nor comments.
func lines(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var all []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	return all
}

// TestRightLabels shows that right and unusual expressions cause no finding in either form of
// histograms, in a stack without scrape configs of its own, of which the checks know the most.
func TestRightLabels(t *testing.T) {
	expressions := lines(t, "testdata/right_labels.txt")
	assert.GreaterOrEqual(t, len(expressions), 100)
	assertRight(t, load(t, "discovery: {histograms: classic}", expressions...))
	expressions = slices.DeleteFunc(expressions, func(expr string) bool {
		return strings.Contains(expr, "_bucket") || strings.Contains(expr, "_seconds_count")
	})
	assertRight(t, load(t, "", append(expressions,
		`histogram_quantile(0.99, sum by (verb) (rate(apiserver_request_duration_seconds[5m]))) > 5`,
		`histogram_quantile(0.99, sum by (le, verb) (rate(apiserver_request_duration_seconds{verb!="WATCH"}[5m]))) > 5`,
		`histogram_count(rate(apiserver_request_duration_seconds[5m])) / on (instance) group_left () sum by (instance) (rate(apiserver_request_total[5m])) > 5`,
	)...))
}

// assertRight fails for each expression in which a check finds anything.
func assertRight(t *testing.T, s *Analysis) {
	t.Helper()
	for _, finding := range s.Check().Findings {
		expr := ""
		for i := range s.Queries {
			if s.Queries[i].Path == finding.Path {
				expr = s.Queries[i].Rule.Expr
			}
		}
		t.Errorf("%s\n\t%s", expr, finding)
	}
}

// TestWrongLabels shows what the checks of labels say about mistakes, and how severe they are.
func TestWrongLabels(t *testing.T) {
	const (
		ksm  = `job="kube-state-metrics"`
		node = `job="node-exporter"`
	)
	mistakes := []struct {
		expr     string
		severity Severity
		check    string
		want     string
	}{
		// grouping-known
		{`sum by (nodename) (node_load1{` + node + `}) > 5`, Error, "grouping-known", "sum by (nodename): the series never have nodename"},
		{`sum by (nodename) (node_load1) > 5`, Warning, "grouping-known", "sum by (nodename): the series never have nodename"},
		{`sum by (namespace, pod_name) (rate(container_cpu_usage_seconds_total{job="kubernetes-cadvisor"}[5m])) > 5`, Warning, "grouping-known", "never have pod_name"},
		{`sum by (intance) (node_load1{` + node + `}) > 5`, Error, "grouping-known", "did you mean instance?"},
		{`sum by (pod) (sum by (namespace) (kube_pod_info{` + ksm + `})) > 5`, Error, "grouping-known", "never have pod; they have namespace"},
		{`sum by (pod) (count(kube_pod_info{` + ksm + `})) > 5`, Error, "grouping-known", "they have no labels"},
		{`topk by (hostname) (3, node_load1{` + node + `}) > 5`, Error, "grouping-known", "topk by (hostname)"},
		{`max without (intance) (node_load1{` + node + `}) > 5`, Warning, "grouping-known", "did you mean instance?"},
		{`node_load1{` + node + `} / ignoring (intance) node_load5{` + node + `} > 5`, Warning, "grouping-known", "did you mean instance?"},
		{`node_load1{` + node + `} / on (hostname) node_load5{` + node + `} > 5`, Error, "grouping-known", `"/" matches on (hostname), but neither side ever has hostname`},
		{`node_load1{` + node + `} / on (instance, hostname) node_load5{` + node + `} > 5`, Warning, "grouping-known", "neither side ever has hostname"},
		{`kube_pod_status_phase{` + ksm + `, phase="Failed"} * on (namespace, pod) group_left (node_name) kube_pod_info{` + ksm + `} == 1`, Error, "grouping-known", "group_left (node_name) copies from the right side, which never has node_name"},
		{`kube_pod_info{` + ksm + `} * on (namespace, pod) group_right (nodes) increase(kube_pod_container_status_restarts_total{` + ksm + `}[1h]) > 5`, Error, "grouping-known", "group_right (nodes) copies from the left side, which never has nodes; did you mean node?"},
		{`label_replace(node_load1{` + node + `}, "host", "$1", "hostname", "(.+)") > 5`, Error, "grouping-known", "label_replace sets host from hostname, which the series never have"},
		{`label_replace(node_load1{` + node + `}, "host", "$1", "hostname", "(.*)") > 5`, Error, "grouping-known", "label_replace sets host from hostname"},
		{`label_join(kube_pod_info{` + ksm + `}, "id", "/", "ns", "pods") == 1`, Error, "grouping-known", "label_join sets id from ns, pods"},
		{`label_join(kube_pod_info{` + ksm + `}, "id", "/", "ns", "pod") == 1`, Warning, "grouping-known", "label_join sets id from ns"},
		{`node_load1 > 5 or sum by (nodename) (node_load1{` + node + `}) > 5`, Warning, "grouping-known", "never have nodename"},
		// match-possible
		{`rate(node_cpu_seconds_total[5m]) / node_load1 > 5`, Error, "match-possible", "only the left one has the label"},
		{`rate(node_cpu_seconds_total[5m]) / on (instance) node_load1 > 5`, Error, "match-possible", `the left side of "/" has a series for each mode of a CPU`},
		{`rate(node_cpu_seconds_total{mode="idle"}[5m]) / on (instance) node_load1 > 5`, Warning, "match-possible", `the left side of "/" has a series for each cpu of a node`},
		{`node_load1 * on (instance) group_left () node_cpu_seconds_total > 5`, Error, "match-possible", `the right side of "*" has a series for each mode of a CPU`},
		{`increase(kube_pod_container_status_restarts_total[1h]) * on (namespace, pod) kube_pod_info > 5`, Warning, "match-possible", "has a series for each container of a pod"},
		{`increase(kube_pod_container_status_restarts_total[1h]) * on (namespace, pod) kube_pod_info > 5`, Warning, "match-possible", "put group_left behind the matching"},
		{`kube_namespace_created * on (namespace) kube_pod_info > 5`, Warning, "match-possible", "the right side of \"*\" has a series for each pod of a namespace"},
		{`kube_pod_info * on (namespace, pod) group_left () kube_pod_status_phase == 1`, Error, "match-possible", "has a series for each phase of a pod"},
		{`kube_node_info * on (node) kube_node_status_condition{condition="Ready"} == 1`, Error, "match-possible", "has a series for each status of a node"},
		{`rate(apiserver_request_duration_seconds_bucket[5m]) / on (instance, verb) rate(apiserver_request_duration_seconds_count[5m]) > 1`, Warning, "", ""},
		{`rate(apiserver_request_duration_seconds_bucket[5m]) / rate(apiserver_request_duration_seconds_count[5m]) > 1`, Error, "match-possible", "only the left one has the label le"},
		{`rate(node_cpu_seconds_total{mode="idle"}[5m]) / ignoring (mode) rate(node_cpu_seconds_total[5m]) > 1`, Error, "match-possible", "has a series for each mode"},
		{`sum by (namespace) (kube_pod_info) * on (namespace) group_left () count by (namespace, pod) (kube_pod_info) > 1`, Warning, "match-possible", "has a series for each pod of a namespace"},
		{`sum by (namespace, pod) (kube_pod_info) / sum by (namespace) (kube_pod_info) > 1`, Error, "match-possible", "only the left one has the label pod"},
		{`sum by (namespace) (kube_deployment_spec_replicas) / on (namespace, deployment) kube_deployment_status_replicas > 1`, Warning, "match-possible", `the sides of "/" are matched by deployment, which the right one has and the other aggregates away`},
		{`sum by (namespace) (kube_deployment_spec_replicas) / sum by (namespace, deployment) (kube_deployment_status_replicas) > 1`, Warning, "match-possible", `matched by deployment`},
	}
	expressions := make([]string, len(mistakes))
	for i, c := range mistakes {
		expressions[i] = c.expr
	}
	at := map[string][]string{}
	for _, finding := range load(t, "discovery: {histograms: classic}", expressions...).Check().Findings {
		at[finding.Path] = append(at[finding.Path], finding.String())
	}
	for i, c := range mistakes {
		found := at[fmt.Sprintf("alerting.extraRules/own.yaml/own/Own%d", i)]
		if c.want == "" {
			assert.Empty(t, found, c.expr)
			continue
		}
		if assert.Len(t, found, 1, c.expr) {
			assert.Contains(t, found[0], c.want, c.expr)
			assert.Contains(t, found[0], "("+c.check+")", c.expr)
			assert.Contains(t, found[0], string(c.severity)+":", c.expr)
		}
	}
}

// TestRightRoutes shows that right and unusual routing trees cause no finding.
func TestRightRoutes(t *testing.T) {
	const receivers = `slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}, receivers: [{name: pager, webhook_configs: [{url: "https://pager.example.com"}]}, {name: shop, webhook_configs: [{url: "https://shop.example.com"}]}]`
	for name, text := range map[string]string{
		"by severity":            `routes: [{matchers: ['severity="critical"'], receiver: pager}, {matchers: ['severity=~"warning|info"'], receiver: shop}]`,
		"old style":              `routes: [{match: {severity: critical}, receiver: pager}, {match_re: {namespace: "shop|store"}, receiver: shop}]`,
		"a catch-all at the end": `routes: [{matchers: ['severity="critical"'], receiver: pager}, {receiver: shop}]`,
		"all, and on":            `routes: [{receiver: shop, continue: true}, {matchers: ['severity="critical"'], receiver: pager}]`,
		"the same, and on":       `routes: [{matchers: ['severity="critical"'], receiver: shop, continue: true}, {matchers: ['severity="critical"'], receiver: pager}]`,
		"narrower first":         `routes: [{matchers: ['severity="critical"', 'namespace="shop"'], receiver: shop}, {matchers: ['severity="critical"'], receiver: pager}]`,
		"overlapping patterns":   `routes: [{matchers: ['namespace=~"shop-.*"'], receiver: shop}, {matchers: ['namespace=~"shop|shop-a"'], receiver: pager}, {matchers: ['namespace!="shop"', 'severity!="info"'], receiver: shop}]`,
		"nested":                 `routes: [{matchers: ['severity=~"critical|warning"'], receiver: shop, routes: [{matchers: ['severity="critical"'], receiver: pager, group_by: ['...']}, {matchers: ['namespace="shop"'], receiver: shop}]}]`,
		"an own label":           `overrides: {NodeCPUHigh: {labels: {team: shop}}}, routes: [{matchers: ['team="shop"'], receiver: shop}]`,
		"a label from a template": `routes: [{matchers: ['owner="shop"'], receiver: shop}], extraRules: {own: {groups: [{name: own, rules: [
			{alert: Own0, expr: node_load1 > 5, labels: {severity: warning, owner: '{{ with $labels.namespace }}{{ . }}{{ else }}nobody{{ end }}'}}]}]}}`,
		"labels of targets":       `routes: [{matchers: ['namespace="shop"'], receiver: shop}, {matchers: ['instance=~"10[.].*"', 'job="node-exporter"'], receiver: pager}, {matchers: ['cluster="test"', 'severity="critical"'], receiver: shop}]`,
		"without a label":         `routes: [{matchers: ['namespace=""', 'severity="critical"'], receiver: pager}, {matchers: ['team!="shop"', 'severity="info"'], receiver: shop}]`,
		"every value":             `routes: [{matchers: ['namespace!=""', 'severity="critical"'], receiver: pager}, {matchers: ['namespace=~".+"'], receiver: shop}, {matchers: ['severity=~".*"'], receiver: pager}]`,
		"an alert by name":        `routes: [{matchers: ['alertname=~"Node.*"'], receiver: pager}, {matchers: ['alertname="PodCrashLooping"', 'namespace="shop"'], receiver: shop}]`,
		"muted at night":          `timeIntervals: [{name: night, time_intervals: [{times: [{start_time: "22:00", end_time: "24:00"}]}]}], routes: [{matchers: ['severity="info"'], receiver: shop, mute_time_intervals: [night]}]`,
		"intervals":               `route: {groupInterval: 1m, repeatInterval: 1m}, routes: [{matchers: ['severity="critical"'], receiver: pager, repeat_interval: 1h, group_interval: 2m}]`,
		"a dead man's switch":     `deadMansSwitchUrl: "https://example.com", routes: [{matchers: ['alertname="OwnWatchdog"'], receiver: pager, group_interval: 1m, repeat_interval: 50s}], extraRules: {own: {groups: [{name: own, rules: [{alert: OwnWatchdog, expr: vector(1), labels: {severity: none}}]}]}}`,
		"inhibitions":             `inhibitRules: [{source_matchers: ['alertname="NodeNotReady"'], target_matchers: ['severity="warning"'], equal: [cluster, node]}, {source_matchers: ['severity="critical"'], target_matchers: ['severity="info"', 'alertname!="Watchdog"'], equal: [namespace]}]`,
		"an old-style inhibition": `inhibitRules: [{source_match: {severity: critical}, target_match_re: {severity: "warning|info"}, equal: [cluster, alertname, namespace]}]`,
		"an inhibition of all":    `inhibitRules: [{source_matchers: ['alertname="NodeNotReady"'], target_matchers: ['severity="info"']}]`,
	} {
		t.Run(name, func(t *testing.T) { assert.Empty(t, found(load(t, "alerting: {"+receivers+", "+text+"}"))) })
	}
}

// TestShippedInhibitions shows that the shipped inhibition rules name alerts that exist, and labels that
// both sides have.
func TestShippedInhibitions(t *testing.T) {
	const jobs = `discovery: {jobs: {etcd: {enabled: true}, kube-controller-manager: {enabled: true}, kube-scheduler: {enabled: true}}}
prometheus: {remoteWrite: [{name: central, url: "https://example.com"}]}
exporters: {windowsExporter: {enabled: true}}
longTermStorage: {enabled: true, objectStore: {type: GCS, config: {bucket: a}}}`
	var config struct {
		InhibitRules []map[string]any `yaml:"inhibit_rules"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(load(t, jobs).AlertmanagerConfig.Files["alertmanager.yml"]), &config))
	require.Greater(t, len(config.InhibitRules), 10)
	own, err := json.Marshal(config.InhibitRules[3:]) // the first ones are about severities and fit any alert
	require.NoError(t, err)
	assert.Empty(t, found(load(t, jobs+"\nalerting: {acknowledgeNoNotifications: true, inhibitRules: "+string(own)+"}")))
}

// TestFederation shows that series of another server may have any name, job and label.
func TestFederation(t *testing.T) {
	const stack = "discovery: {extraScrapeConfigs: [{job_name: federate, honor_labels: true, metrics_path: /federate, params: {'match[]': ['up']}, static_configs: [{targets: ['other:9090']}]}]}"
	assert.Empty(t, found(load(t, stack, `node_load1{job="node", cluster="other"} > 5`, `sum by (nodename) (node_load1{job="node"}) > 5`, `other:node_load1:sum > 5`)))
}

// TestRightObjects shows that unusual but right programs, ports and images cause no finding.
func TestRightObjects(t *testing.T) {
	for name, text := range map[string]string{
		"another port":          "exporters: {nodeExporter: {port: 19100}}",
		"a port of a pod":       "exporters: {nodeExporter: {port: 9153}}",
		"no node-exporter":      "exporters: {nodeExporter: {enabled: false, port: 10250}, windowsExporter: {port: 10250}}",
		"a patch":               "images: {overrides: {prometheus: 'mirror.example.com/prometheus:v3.16.9', busybox: 'busybox:1.36'}}",
		"a build of one's own":  "images: {overrides: {prometheus: 'mirror.example.com/prometheus:our-build', node-exporter: 'mirror.example.com/node-exporter:1.12.1-r3'}}",
		"a digest":              "images: {overrides: {grafana: 'mirror.example.com/grafana@sha256:0000000000000000000000000000000000000000000000000000000000000000'}}",
		"Grafana without a pod": "grafana: {adminPassword: s3cret, replicas: 0, persistence: {enabled: true}, import: job}",
		"no alerting":           "alerting: {enabled: false, disabled: [Watchdog]}",
		"seldom":                "prometheus: {scrapeInterval: 1m, evaluationInterval: 5m, retention: 4d, extraArgs: {query.lookback-delta: 15m}}\ndiscovery: {jobs: {node-directory-size-metrics: {scrapeInterval: 10m}}, extraScrapeConfigs: [{job_name: slow, scrape_interval: 5m, static_configs: [{targets: ['slow:80']}]}]}",
	} {
		t.Run(name, func(t *testing.T) { assert.Empty(t, found(load(t, text))) })
	}
}
