package check

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

// TestRightLabels shows that right and unusual expressions cause no finding.
func TestRightLabels(t *testing.T) {
	expressions := lines(t, "testdata/right_labels.txt")
	assert.GreaterOrEqual(t, len(expressions), 100)
	s := load(t, "", expressions...)
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
	for _, c := range []struct {
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
		{`kube_pod_info{` + ksm + `} * on (namespace, pod) group_right (nodes) kube_pod_container_status_restarts_total{` + ksm + `} > 5`, Error, "grouping-known", "group_right (nodes) copies from the left side, which never has nodes; did you mean node?"},
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
		{`kube_pod_container_status_restarts_total * on (namespace, pod) kube_pod_info > 5`, Warning, "match-possible", "has a series for each container of a pod"},
		{`kube_pod_container_status_restarts_total * on (namespace, pod) kube_pod_info > 5`, Warning, "match-possible", "put group_left behind the matching"},
		{`kube_namespace_created * on (namespace) kube_pod_info > 5`, Warning, "match-possible", "the right side of \"*\" has a series for each pod of a namespace"},
		{`kube_pod_info * on (namespace, pod) group_left () kube_pod_status_phase == 1`, Error, "match-possible", "has a series for each phase of a pod"},
		{`kube_node_info * on (node) kube_node_status_condition{condition="Ready"} == 1`, Error, "match-possible", "has a series for each status of a node"},
		{`rate(apiserver_request_duration_seconds_bucket[5m]) / on (instance, verb) rate(apiserver_request_duration_seconds_count[5m]) > 1`, Warning, "", ""},
		{`rate(apiserver_request_duration_seconds_bucket[5m]) / rate(apiserver_request_duration_seconds_count[5m]) > 1`, Error, "match-possible", "only the left one has the label le"},
		{`rate(node_cpu_seconds_total{mode="idle"}[5m]) / ignoring (mode) rate(node_cpu_seconds_total[5m]) > 1`, Error, "match-possible", "has a series for each mode"},
		{`sum by (namespace) (kube_pod_info) * on (namespace) group_left () count by (namespace, pod) (kube_pod_info) > 1`, Warning, "match-possible", "has a series for each pod of a namespace"},
		{`sum by (namespace, pod) (kube_pod_info) / sum by (namespace) (kube_pod_info) > 1`, Error, "match-possible", "only the left one has the label pod"},
	} {
		var at []string
		for _, finding := range load(t, "", c.expr).Check().Findings {
			at = append(at, finding.String())
		}
		switch got := strings.Join(at, "\n"); {
		case c.want == "":
			assert.Empty(t, got, c.expr)
		default:
			assert.Contains(t, got, c.want, c.expr)
			assert.Contains(t, got, "("+c.check+")", c.expr)
			assert.Contains(t, got, string(c.severity)+":", c.expr)
			assert.Len(t, at, 1, "%s\n%s", c.expr, got)
		}
	}
}
