package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/check"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

func TestRun(t *testing.T) {
	var out strings.Builder
	require.NoError(t, run(&out, "../../Pulumi.prod.yaml", true, ""))
	assert.Contains(t, out.String(), fmt.Sprintf("../../Pulumi.prod.yaml: %d checks passed\n", len(check.Checks)))
	assert.Regexp(t, `(?m)^Watchdog +none +null`, out.String())
	assert.Regexp(t, `(?m)^NodeCPUHigh +warning +slack`, out.String())
}

// What an object store holds is an estimate, too.
func TestBucket(t *testing.T) {
	file := filepath.Join(t.TempDir(), "Pulumi.long.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`
config:
  kubernetes-prometheus:cluster: {name: a, nodes: 10}
  kubernetes-prometheus:alerting: {acknowledgeNoNotifications: true}
  kubernetes-prometheus:longTermStorage: {enabled: true, objectStore: {type: GCS, config: {bucket: metrics}}, retention: {1h: 0s}}
`), 0o600))
	var out strings.Builder
	require.NoError(t, run(&out, file, false, ""))
	assert.Regexp(t, `(?m)^gcs://metrics/a/monitoring +GiB per day +kept +GiB$`, out.String())
	assert.Regexp(t, `(?m)^every sample +0\.\d +90d +\d+\.\d$`, out.String())
	assert.Regexp(t, `(?m)^1 hour +for ever: a year +\d\.\d$`, out.String())
	assert.Regexp(t, `(?m)^requests in 30 days, .* for \d+ blocks: \d+\.\d million reads and 0\.\d\d million writes, about \$\d+ at`, out.String())

	require.NoError(t, os.WriteFile(file, []byte(`
config:
  kubernetes-prometheus:cluster: {name: a, nodes: 10}
  kubernetes-prometheus:alerting: {acknowledgeNoNotifications: true}
  kubernetes-prometheus:longTermStorage: {enabled: true, objectStore: {type: FILESYSTEM, claim: blocks, config: {directory: /data}}}
`), 0o600))
	out.Reset()
	require.NoError(t, run(&out, file, false, ""))
	assert.Contains(t, out.String(), "GiB per day")
	assert.NotContains(t, out.String(), "requests in 30 days", "a file system has no price of requests")
}

// So is what each server of a shard needs.
func TestShards(t *testing.T) {
	file := filepath.Join(t.TempDir(), "Pulumi.large.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`
config:
  kubernetes-prometheus:cluster: {name: a, nodes: 10}
  kubernetes-prometheus:alerting: {acknowledgeNoNotifications: true}
  kubernetes-prometheus:prometheus: {shards: 3}
  kubernetes-prometheus:longTermStorage: {enabled: true, objectStore: {type: GCS, config: {bucket: metrics}}}
`), 0o600))
	var out strings.Builder
	require.NoError(t, run(&out, file, false, ""))
	assert.Regexp(t, `(?m)^shards +series of each +samples per second +cores +GiB of memory +GiB of disk\n3 +\d+ +\d+ +0\.\d\d +0\.\d +\d+\.\d$`, out.String())
}

func TestImages(t *testing.T) {
	file := filepath.Join(t.TempDir(), "Pulumi.mirrored.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`
config:
  kubernetes-prometheus:cluster: {name: a}
  kubernetes-prometheus:images:
    registryMirrors: {quay.io: registry.example.com/quay}
    overrides: {kube-state-metrics: "registry.example.com/kube-state-metrics:v2.19.9"}
  kubernetes-prometheus:exporters: {nodeDirectorySizeMetrics: {enabled: false}}
  kubernetes-prometheus:grafana: {enabled: false}
  kubernetes-prometheus:alerting:
    acknowledgeNoNotifications: true
    pod: {containers: [{name: proxy, image: "registry.example.com/proxy:1.0"}]}
`), 0o600))
	var out strings.Builder
	require.NoError(t, printImages(&out, file))
	var pulled []string
	for line := range strings.Lines(out.String()) {
		names := strings.Fields(line)
		pulled = append(pulled, names[len(names)-1])
		assert.Equal(t, strings.HasPrefix(line, "quay.io/"), len(names) == 2, line)
	}
	for _, image := range []config.Image{config.BusyboxImage, config.GrafanaImage, config.ThanosImage} {
		assert.NotContains(t, pulled, config.Images{}.Ref(image), "the stack has no pod that pulls it")
	}
	assert.Subset(t, pulled, []string{
		"registry.example.com/proxy:1.0", "registry.example.com/kube-state-metrics:v2.19.9",
		"registry.example.com/quay/prometheus/prometheus:" + config.Images{}.Version(config.PrometheusImage),
	})
	require.Error(t, printImages(&out, file+".missing"))
}

func TestRunFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "Pulumi.broken.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`
config:
  kubernetes-prometheus:cluster: {name: a, nodes: 1, createNamespace: false}
  kubernetes-prometheus:prometheus: {replicas: 2}
  kubernetes-prometheus:alerting: {acknowledgeNoNotifications: true}
`), 0o600))
	var out strings.Builder
	err := run(&out, file, false, "")
	require.ErrorContains(t, err, "prometheus.replicas: 2, each on a node of its own")
	assert.Contains(t, out.String(), file+": warning: cluster.createNamespace")
	require.Error(t, run(&out, file+".missing", false, ""))
}

func TestMetric(t *testing.T) {
	for name, want := range map[string]string{
		"node_arp_entries": "node_arp_entries, a gauge of job node-exporter: device\n" +
			"  not stored, because nothing in the stack uses it; a rule or dashboard that does is enough, or:\n" +
			"  pulumi config set --path 'kubernetes-prometheus:discovery.jobs.node-exporter.keepMetrics[0]' node_arp_entries\n",
		"node_load15":                                      "  kept to see: how many processes wait\n",
		"node_hwmon_temp_celsius":                          "keepMetrics[0]' node_hwmon_temp_celsius\n",
		"apiserver_request_duration_seconds_bucket":        "  used by rules/apiserver.yaml/apiserver/APIServerSlow\n",
		"kubelet_cgroup_manager_duration_seconds":          "keepMetrics[0]' kubelet_cgroup_manager_duration_seconds\n",
		"kube_pod_container_status_last_terminated_reason": "  used by rules/workloads.yaml/",
	} {
		var out strings.Builder
		require.NoError(t, run(&out, "../../Pulumi.prod.yaml", false, name))
		assert.Contains(t, out.String(), want)
	}
	require.ErrorContains(t, run(io.Discard, "../../Pulumi.prod.yaml", false, "my_app_requests_total"),
		"no enabled job of this program is known to expose my_app_requests_total, and no rule records it; jobs that scrape applications store every metric")
}

// Why a metric is stored, or not, depends on its own name and on the job's settings.
func TestMetricOf(t *testing.T) {
	file := filepath.Join(t.TempDir(), "Pulumi.own.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`
config:
  kubernetes-prometheus:cluster: {name: a}
  kubernetes-prometheus:exporters: {kubeStateMetrics: {metricLabelsAllowlist: {pods: [app]}}}
  kubernetes-prometheus:alerting:
    acknowledgeNoNotifications: true
    extraRules: {own: {groups: [{name: own, rules: [{record: "job:up:sum", expr: sum by (job) (up)}, {alert: Hot, expr: node_hwmon_temp_celsius > 90}]}]}}
`), 0o600))
	for name, want := range map[string]string{
		"kube_pod_labels":              "  asked for by exporters.kubeStateMetrics\n",
		"kube_persistentvolume_labels": "  not stored, ",
		"node_hwmon_temp_celsius":      "  used by alerting.extraRules/own.yaml/own/Hot\n",
		"node_hwmon_fan_rpm":           "keepMetrics[0]' node_hwmon_fan_rpm\n",
		"up":                           "up, written by the server itself\n  used by alerting.extraRules/own.yaml/own/job:up:sum\n  used by ",
		"ALERTS":                       "ALERTS, written by the server itself\n",
		"job:up:sum":                   "job:up:sum, written by alerting.extraRules/own.yaml/own/job:up:sum\n  stored, though nothing in the stack uses it\n",
	} {
		var out strings.Builder
		require.NoError(t, run(&out, file, false, name))
		assert.Contains(t, out.String(), want)
		if !strings.Contains(want, "stored, ") && !strings.Contains(want, "keepMetrics") {
			assert.NotContains(t, out.String(), "stored, ")
		}
	}
}
