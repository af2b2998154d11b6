package metrics

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	const text = `a_total counter code,verb
b gauge -
c_seconds histogram verb le=0.5,1.0,+Inf
d_* gauge ?
e gauge pod,?
`
	e, err := Parse("# comment\n\n" + text)
	require.NoError(t, err)
	assert.Equal(t, text, e.String())
	assert.Equal(t, Metric{Name: "a_total", Type: model.MetricTypeCounter, Labels: []string{"code", "verb"}}, e["a_total"])
	assert.Len(t, e["c_seconds"].Bounds, 3)
	assert.True(t, e["e"].Open)
	prefix, several := e["d_*"].Prefix()
	assert.True(t, several)
	assert.Equal(t, "d_", prefix)
}

func TestParseRejects(t *testing.T) {
	for text, want := range map[string]string{
		"a gauge":             "line 1: \"a gauge\"; want: name type labels",
		"a gauge - le=1 more": "want: name type labels",
		"a histogram - le=x":  "invalid syntax",
	} {
		_, err := Parse(text)
		assert.ErrorContains(t, err, want)
	}
}

func TestAdd(t *testing.T) {
	e := Exposition{}
	e.Add(Metric{Name: "a", Type: model.MetricTypeHistogram, Labels: []string{"verb"}, Bounds: []float64{1}})
	e.Add(Metric{Name: "a", Type: model.MetricTypeUnknown, Labels: []string{"code", "verb"}, Bounds: []float64{0.5}, Open: true})
	assert.Equal(t, "a histogram code,verb,? le=0.5,1.0\n", e.String())
}

func TestOf(t *testing.T) {
	exact, err := Of("prometheus", "v3.16.0")
	require.NoError(t, err)
	assert.Contains(t, exact, "prometheus_tsdb_head_series")
	newest, err := Of("prometheus", "v99.0.0")
	require.NoError(t, err)
	assert.Equal(t, exact, newest)
	kubelet, err := Of("kubelet", "")
	require.NoError(t, err)
	assert.Contains(t, kubelet, "kubelet_volume_stats_health_status_abnormal", "added by hand")
	unknown, err := Of("no-such-exporter", "")
	require.NoError(t, err)
	assert.Nil(t, unknown)
}

func TestCompareVersions(t *testing.T) {
	assert.Negative(t, compareVersions("1.9.0", "1.10.0"))
	assert.Zero(t, compareVersions("1.9.0", "1.9.0"))
	assert.Positive(t, compareVersions("2.0.0", "1.10.0"))
	assert.Negative(t, compareVersions("", "1.0"))
}

func TestHas(t *testing.T) {
	e, err := Parse("a counter code\nb histogram - le=1,2\nc gauge ?\n")
	require.NoError(t, err)
	for line, want := range map[string]bool{
		"a counter code":     true,
		"a unknown -":        true, // stored like a counter
		"a counter verb":     false,
		"a counter ?":        false,
		"a histogram - le=1": false,
		"b histogram - le=2": true,
		"b histogram - le=3": false,
		"b gauge -":          false,
		"c gauge anything,?": true,
		"d gauge -":          false,
	} {
		m, err := parseLine(line)
		require.NoError(t, err)
		assert.Equal(t, want, e.Has(m), line)
	}
}

// TestKnown shows that the files have metrics that a new cluster does not expose yet, and none that
// an exporter never exposes.
func TestKnown(t *testing.T) {
	for _, tc := range []struct{ exporter, name, labels string }{
		{"kube-apiserver", "apiserver_request_post_timeout_total", "source,status"},
		{"kube-apiserver", "apiserver_watch_list_duration_seconds", "group,resource,scope,version"},
		{"kube-apiserver", "apiserver_admission_webhook_rejection_count", "error_type,name,operation,rejection_code,type"},
		{"kube-apiserver", "workqueue_depth", "name"},
		{"kube-apiserver", "go_goroutines", "-"},
		{"kube-apiserver", "apiserver_request_post_timeouts_total", ""},
		{"kube-scheduler", "scheduler_pod_scheduling_attempts", "-"},
		{"kube-controller-manager", "node_collector_evictions_total", "zone"},
		{"kube-proxy", "kubeproxy_network_programming_duration_seconds", "ip_family"},
		{"kubelet", "kubelet_evictions", "eviction_signal"},
		{"kubelet", "apiserver_request_total", ""}, // linked but never registered
		{"kubelet", "scheduler_pending_pods", ""},
		{"kubelet", "apiserver_delegated_authn_request_total", "code"},
		{"kubelet", "prober_probe_total", ""}, // exposed at another path
		{"kubelet", "kubernetes_healthcheck", ""},
		{"kubelet", "container_cpu_usage_seconds_total", ""},
		{"cadvisor", "container_cpu_usage_seconds_total", "container,cpu,id,image,name,namespace,pod"},
		{"cadvisor", "machine_node_memory_capacity_bytes", "boot_id,machine_id,node_id,system_uuid"},
		{"kube-state-metrics", "kube_node_spec_taint", "effect,key,node,value"},
		{"kube-state-metrics", "kube_pod_container_resource_limits", "container,namespace,node,pod,resource,uid,unit"},
		{"kube-state-metrics", "kube_pod_labels", "namespace,pod,uid,?"},
		{"kube-state-metrics", "kube_node_spec_taints", ""},
		{"node-exporter", "node_md_disks", "device,state"},
		{"node-exporter", "node_xfs_read_calls_total", "device"},
		{"node-exporter", "node_systemd_unit_state", ""}, // the collector is off
		{"prometheus", "prometheus_tsdb_wal_fsync_duration_seconds", "-"},
		{"prometheus", "prometheus_tsdb_out_of_order_wbl_truncations_total", "-"},
		{"prometheus", "prometheus_sd_kubernetes_events_total", "event,role"},
		{"alertmanager", "alertmanager_cluster_members", "-"},
		{"blackbox-exporter", "probe_success", ""},
		{"probe", "probe_ssl_earliest_cert_expiry", "-"},
		{"coredns", "coredns_forward_healthcheck_broken_total", "-"},
	} {
		t.Run(tc.exporter+"/"+tc.name, func(t *testing.T) {
			e, err := Of(tc.exporter, "")
			require.NoError(t, err)
			m, known := e[tc.name]
			if tc.labels == "" {
				assert.False(t, known)
				return
			}
			require.True(t, known)
			assert.Equal(t, tc.labels, strings.Fields(Exposition{m.Name: m}.String())[2])
		})
	}
}

// TestAdditional requires a comment with a reason above every addition, and rejects additions that
// a file has already.
func TestAdditional(t *testing.T) {
	text, err := files.ReadFile(additional)
	require.NoError(t, err)
	entries, err := files.ReadDir(".")
	require.NoError(t, err)
	reason, previous := false, ""
	for line := range strings.Lines(string(text)) {
		switch line = strings.TrimSpace(line); {
		case line == "":
			reason = false
		case strings.HasPrefix(line, "#"):
			reason = true
		default:
			exporter, rest, _ := strings.Cut(line, " ")
			assert.True(t, reason || exporter == previous, "no reason for %s", line)
			previous = exporter
			m, err := parseLine(rest)
			require.NoError(t, err)
			for _, entry := range entries {
				if name, _, _ := strings.Cut(strings.TrimSuffix(entry.Name(), ".txt"), "-v"); name != exporter {
					continue
				}
				file, err := files.ReadFile(entry.Name())
				require.NoError(t, err)
				exposed, err := Parse(string(file))
				require.NoError(t, err)
				assert.False(t, exposed.Has(m), "%s has %s", entry.Name(), rest)
			}
		}
	}
}

// TestTypes rejects types of metrics that no file has or whose type a file knows.
func TestTypes(t *testing.T) {
	text, err := files.ReadFile(typesFile)
	require.NoError(t, err)
	entries, err := files.ReadDir(".")
	require.NoError(t, err)
	untyped := map[string]bool{} // exporter and metric
	for _, entry := range entries {
		file, err := files.ReadFile(entry.Name())
		require.NoError(t, err)
		exporter, _, _ := strings.Cut(strings.TrimSuffix(entry.Name(), ".txt"), "-v")
		for _, line := range lines(string(file)) {
			if fields := strings.Fields(line); len(fields) > 2 && fields[1] == "unknown" {
				untyped[exporter+" "+fields[0]] = true
			}
		}
	}
	for _, line := range lines(string(text)) {
		fields := strings.Fields(line)
		assert.Contains(t, []string{"counter", "gauge"}, fields[1])
		for _, name := range fields[2:] {
			assert.True(t, untyped[fields[0]+" "+name], "%s %s", fields[0], name)
		}
	}
	e, err := Of("node-exporter", "")
	require.NoError(t, err)
	assert.Equal(t, "counter", string(e["node_cpu_seconds_total"].Type))
	assert.Equal(t, "gauge", string(e["node_load1"].Type))
}

// TestValues requires that every metric of values.txt is exposed, with its labels.
func TestValues(t *testing.T) {
	all, err := loadValues()
	require.NoError(t, err)
	expositions, err := load()
	require.NoError(t, err)
	known := func(name string, labels ...string) bool {
		for _, versions := range expositions {
			for _, e := range versions {
				m, ok := e[name]
				if ok && !slices.ContainsFunc(labels, func(label string) bool { return !slices.Contains(m.Labels, label) }) {
					return true
				}
			}
		}
		return strings.HasPrefix(name, "scrape_") || name == "up" || name == "ALERTS"
	}
	for name, v := range all {
		assert.True(t, known(name, slices.Collect(maps.Keys(v.Labels))...), name)
		assert.True(t, v.PartOf == "" || known(v.PartOf), name)
	}
	v, ok := ValuesOf("kube_namespace_status_phase")
	require.True(t, ok)
	assert.Equal(t, Values{High: 1, Whole: true, Labels: map[string][]string{"phase": {"Active", "Terminating"}}}, v)
	_, ok = ValuesOf("my_app_up")
	assert.False(t, ok)
	for _, line := range []string{"a", "a x..", "a 0,x", "a 0 b"} {
		_, _, err := parseValues(line)
		require.Error(t, err, line)
	}
}
