package render

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	relabeling "github.com/prometheus/prometheus/model/relabel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// withRule renders a stack of default settings and the given ones with an alert of its own.
func withRule(t *testing.T, settings, expr, summary string) *Stack {
	t.Helper()
	cfg := configtest.Config(t, settings)
	cfg.Alerting.ExtraRules = map[string]any{"own": map[string]any{"groups": []any{map[string]any{"name": "own", "rules": []any{
		map[string]any{"alert": "Own", "expr": expr, "annotations": map[string]any{"summary": summary}},
	}}}}}
	s, err := New(cfg)
	require.NoError(t, err)
	return s
}

func TestWhatAnExpressionSelectsIsStored(t *testing.T) {
	for _, c := range []struct {
		expr, summary string
		job           config.Job
		stored        []string
		dropped       []string
	}{
		{`node_arp_entries > 1`, "", config.NodeExporterJob, []string{"node_arp_entries"}, []string{"node_arp_states", "node_xfs_inode_operations_inode_lookups_total"}},
		{`{__name__="node_arp_entries"} > 1`, "", config.NodeExporterJob, []string{"node_arp_entries"}, []string{"node_xfs_inode_operations_inode_lookups_total"}},
		{`{__name__=~"node_xfs_.*_total"} > 1`, "", config.NodeExporterJob, []string{"node_xfs_inode_operations_inode_lookups_total", "node_xfs_unheard_of_total"}, []string{"node_arp_entries"}},
		{`{__name__=~"(?i)NODE_ARP_ENTRIES"} > 1`, "", config.NodeExporterJob, []string{"node_arp_entries"}, []string{"NODE_XFS_READ_CALLS_TOTAL", "node_xfs_read_calls_total", "NODE_CPU_SECONDS_TOTAL"}},
		{`max_over_time(rate(node_arp_entries[5m])[1h:]) > 1`, "", config.NodeExporterJob, []string{"node_arp_entries"}, nil},
		{`up * on (instance) group_left (release) node_os_info > 1`, "", config.NodeExporterJob, []string{"node_os_info"}, nil},
		{`node_hwmon_temp_celsius > 90`, "", config.NodeExporterJob, []string{"node_hwmon_temp_celsius"}, []string{"node_hwmon_fan_rpm"}},
		{`node_arp_entries{job="kubernetes-nodes"} > 1`, "", config.NodeExporterJob, nil, []string{"node_arp_entries"}},
		{`node_arp_entries{job=~"node-.*"} > 1`, "", config.NodeExporterJob, []string{"node_arp_entries"}, nil},
		{`rate(container_tasks_state[5m]) > 1`, "", config.CadvisorJob, []string{"container_tasks_state"}, nil},
		{`up == 0`, `{{ with query "node_os_info" }}{{ . | first | value }}{{ end }}`, config.NodeExporterJob, []string{"node_os_info"}, []string{"node_arp_entries"}},
		{`up == 0`, `{{ with printf "node_arp_entries{instance='%s'}" $labels.instance | query }}{{ . | first | value }}{{ end }}`, config.NodeExporterJob, []string{"node_arp_entries"}, nil},
		{`up == 0`, "nothing", config.NodeExporterJob, []string{"node_load15"}, []string{"node_arp_entries", "up_of_nothing"}},
		{`up == 0`, `{{ query "node_hwmon_temp_celsius" }}`, config.NodeExporterJob, []string{"node_hwmon_temp_celsius"}, nil},
		{`up == 0`, `{{ query "{__name__=~\"node_nfs_.*\"}" }}`, config.NodeExporterJob, []string{"node_nfs_connections_total"}, nil},
		{`up == 0`, `{{ printf "node_xfs_%s" $labels.instance | query }}`, config.NodeExporterJob, []string{"node_xfs_read_calls_total"}, nil},
		{`up == 0`, `{{ query "sum(rate(apiserver_watch_list_duration_seconds_count[5m]))" }}`, config.APIServersJob, []string{"apiserver_watch_list_duration_seconds"}, nil},
		{`grafana_api_seconds_count{job="grafana"} > 1`, "", config.GrafanaJob, []string{"grafana_api_seconds_count", "grafana_api_seconds"}, nil},
		{`unheard_of_total > 1`, "", config.NodesJob, []string{"unheard_of_total"}, []string{"kubelet_lifecycle_handler_http_fallbacks_total"}},
		{`grafana_http_request_duration_seconds_sum > 1`, "", config.GrafanaJob, []string{"grafana_http_request_duration_seconds_sum", "process_open_fds"}, []string{"node_load1"}},
	} {
		s := withRule(t, "", c.expr, c.summary)
		for _, name := range c.stored {
			assert.True(t, stores(s, c.job, name), "%s: %s is not stored", c.expr, name)
		}
		for _, name := range c.dropped {
			assert.False(t, stores(s, c.job, name), "%s: %s is stored", c.expr, name)
		}
		assert.Empty(t, s.Ingest[c.job].Whole, c.expr)
	}
}

// stores reports whether the server stores a sample of a job, by the rendered relabelling.
func stores(s *Stack, job config.Job, name string) bool {
	for _, scrape := range s.ScrapeConfigs {
		if scrape.JobName == string(job) {
			sample := labels.FromStrings(model.MetricNameLabel, name, model.JobLabel, string(job), "label_prometheus_io_alerts", "false")
			return relabeling.ProcessBuilder(labels.NewBuilder(sample), scrape.MetricRelabelConfigs...)
		}
	}
	return false
}

func TestASelectorOfAnyNameKeepsTheJob(t *testing.T) {
	for _, c := range []struct{ expr, why string }{
		{`count({job="node-exporter"}) > 1`, `alerting.extraRules/own.yaml/own/Own selects {job="node-exporter"}`},
		{`count({job="node-exporter", __name__=~".+"}) > 1`, `selects {__name__=~".+",job="node-exporter"}`},
		{`count({job="node-exporter", __name__!~"go_.*"}) > 1`, "selects"},
	} {
		s := withRule(t, "", c.expr, "")
		assert.Contains(t, s.Ingest[config.NodeExporterJob].Whole, c.why)
		assert.True(t, stores(s, config.NodeExporterJob, "node_arp_entries"), c.expr)
		assert.Nil(t, s.NodeCollectors(), c.expr)
		assert.False(t, stores(s, config.NodesJob, "node_arp_entries"), c.expr)
	}
	for _, job := range config.Jobs {
		s := withRule(t, "discovery: {ingest: all}", "up == 0", "")
		if ingest, ok := s.Ingest[job]; ok {
			assert.Equal(t, "discovery.ingest is all", ingest.Whole)
		}
	}
}

func TestUnknownVariablesInNames(t *testing.T) {
	for expr, stored := range map[string]map[string]bool{
		"rate($metric[5m])":                            {"node_arp_entries": true},
		"rate(node_intr_total[$interval])":             {"node_intr_total": true, "node_arp_entries": false},
		"increase(node_intr_total[${interval}:$step])": {"node_intr_total": true},
		"topk($n, node_arp_entries)":                   {"node_arp_entries": true, "node_intr_total": false},
		"node_arp_entries offset $off > $limit":        {"node_arp_entries": true, "node_intr_total": false},
		`{__name__=~"$metric"}`:                        {"node_arp_entries": true},
		`{__name__=~"node_edac_${kind}_.*"}`:           {"node_edac_csrow_correctable_errors_total": true, "node_arp_entries": false},
		`{__name__="node_edac_${kind}"}`:               {"node_edac_csrow_correctable_errors_total": true},
		`node_arp_entries{job="$job", instance=~"$i"}`: {"node_arp_entries": true},
		`node_arp_entries{job="$jobs"}`:                {"node_arp_entries": true},
		"sum by ($what) (node_arp_entries) $op 5":      {"node_arp_entries": true},
		"node_xfs_${what}_total":                       {"node_xfs_inode_operations_inode_lookups_total": true, "node_arp_entries": false},
		`node_load1{a="$metric"}`:                      {"node_arp_entries": false},
	} {
		s, err := NewWith(configtest.Config(t, ""), fstest.MapFS{"custom/own.json": {Data: fmt.Appendf(nil,
			`{"uid": "own", "title": "Own", "templating": {"list": [{"name": "metric", "type": "custom"}, {"name": "what", "type": "textbox"}, {"name": "jobs", "type": "query", "includeAll": true}]}, "panels": [{"title": "A", "targets": [{"refId": "A", "expr": %q}]}]}`, expr)}})
		require.NoError(t, err)
		for name, want := range stored {
			assert.Equal(t, want, stores(s, config.NodeExporterJob, name), "%s: %s", expr, name)
		}
	}
}

func TestKeepMetrics(t *testing.T) {
	s := withRule(t, "discovery: {jobs: {node-exporter: {keepMetrics: [node_arp_entries, 'node_xfs_.*', 'unheard_of']}}}", "up == 0", "")
	for _, name := range []string{"node_arp_entries", "node_xfs_anything", "unheard_of"} {
		assert.True(t, stores(s, config.NodeExporterJob, name), name)
	}
	assert.Contains(t, s.NodeCollectors(), "xfs")
	assert.Equal(t, []string{"kept to see: discovery.jobs.node-exporter.keepMetrics"}, s.Users(config.NodeExporterJob, "node_arp_entries"))
	s = withRule(t, "discovery: {jobs: {kubernetes-apiservers: {keepMetrics: [apiserver_flowcontrol_request_wait_duration_seconds_bucket]}}}", "up == 0", "")
	assert.True(t, stores(s, config.APIServersJob, "apiserver_flowcontrol_request_wait_duration_seconds"), "a histogram by a name of its classic form")
	s = withRule(t, "discovery: {jobs: {node-exporter: {metricRelabelConfigs: [{source_labels: [__name__], regex: node_load1, target_label: __name__, replacement: load}]}}}", "load > 5", "")
	assert.True(t, stores(s, config.NodeExporterJob, "node_load1"), "stored by the name that relabelling gives it")
	assert.Nil(t, s.NodeCollectors(), "any may be renamed to what is used")
}

// TestEverySelectedMetricIsStored shows, for every committed stack and platform, that relabelling
// keeps each known metric that any expression selects, and that something is left out.
func TestEverySelectedMetricIsStored(t *testing.T) {
	stacks := map[string]*config.Config{}
	for _, name := range []string{"dev", "prod", "kind", "scale"} {
		cfg, err := config.FromFile("../Pulumi." + name + ".yaml")
		require.NoError(t, err)
		stacks[name] = cfg
	}
	for platform := range config.Profiles {
		stacks[string(platform)] = configtest.Config(t, "cluster: {name: test, platform: "+string(platform)+"}")
	}
	for name, cfg := range stacks {
		t.Run(name, func(t *testing.T) {
			s, err := New(cfg)
			require.NoError(t, err)
			for job, exposed := range s.Exposed {
				dropped := 0
				for family := range exposed {
					for _, sample := range exposed[family].SampleNames() {
						used := slices.ContainsFunc(s.selected, func(u selection) bool { return u.from(job) && u.selects(sample) })
						if used {
							assert.True(t, stores(s, job, sample), "%s: %s", job, sample)
						} else if !stores(s, job, sample) {
							dropped++
						}
					}
				}
				if row, _ := job.Row(); len(exposed) > 10 && !row.Applications() {
					assert.Positive(t, dropped, job)
				}
			}
		})
	}
}

// TestIncidentMetricsExist shows that each name kept for incidents is one that the job exposes.
func TestIncidentMetricsExist(t *testing.T) {
	jobs := "discovery: {jobs: {kubernetes-ingresses: {enabled: true}}}\nexporters: {blackboxExporter: {targets: [{url: 'https://example.com'}]}}"
	s, err := New(configtest.Config(t, jobs))
	require.NoError(t, err)
	for job, exposed := range s.Exposed {
		for _, kept := range s.Config.Kept(job) {
			if !strings.HasPrefix(kept.Names, "process_") && !strings.HasPrefix(kept.Names, "go_") && exposed != nil {
				assert.True(t, s.exposes(job, byPattern(nil, nil, kept.Names)), "%s: %s", job, kept.Names)
			}
		}
	}
}

func TestSources(t *testing.T) {
	s := withRule(t, "", "my_app_requests_total > 5", "") // of an application: no reason to collect everything
	assert.Subset(t, s.NodeCollectors(), []string{"cpu", "diskstats", "filesystem", "loadavg", "meminfo", "netdev", "stat"})
	assert.NotContains(t, s.NodeCollectors(), "xfs")
	assert.NotContains(t, s.NodeCollectors(), "arp")
	assert.Contains(t, s.ReportedMetrics(), "kube_pod_info")
	assert.NotContains(t, s.ReportedMetrics(), "kube_service_info")
	assert.NotContains(t, s.ReportedKinds(), config.Kind("limitranges"))
	assert.Contains(t, s.ReportedKinds(), config.Kind("pods"))

	s = withRule(t, "", "kube_limitrange > 5 and on () node_arp_entries > 5", "")
	assert.Contains(t, s.NodeCollectors(), "arp")
	assert.Contains(t, s.ReportedMetrics(), "kube_limitrange")
	assert.Contains(t, s.ReportedKinds(), config.Kind("limitranges"))

	s = withRule(t, "", "node_new_in_the_next_version > 5 and on () kube_new_in_the_next_version > 5", "")
	assert.Nil(t, s.NodeCollectors(), "any collector may expose it")
	assert.Nil(t, s.ReportedMetrics())
	assert.Equal(t, len(s.Config.Exporters.KubeStateMetrics.Kinds), len(s.ReportedKinds()))

	s = withRule(t, "images: {overrides: {node-exporter: 'quay.io/prometheus/node-exporter:v1.8.2', kube-state-metrics: 'registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.10.0'}}", "up == 0", "")
	assert.Nil(t, s.NodeCollectors(), "an older version may not know a collector")
	assert.Nil(t, s.ReportedMetrics())

	s = withRule(t, "exporters: {kubeStateMetrics: {metricLabelsAllowlist: {services: ['*']}}}", "up == 0", "")
	assert.Contains(t, s.ReportedMetrics(), "kube_service_labels", "its labels are asked for")
	s = withRule(t, "exporters: {kubeStateMetrics: {metricDenylist: [kube_service_info]}}", "up == 0", "")
	assert.Nil(t, s.ReportedMetrics(), "the exporter takes one list only")
}

// TestEveryCollectorIsKnown shows that a collector is known for each metric of node-exporter, so
// that leaving out collectors loses none that is stored.
func TestEveryCollectorIsKnown(t *testing.T) {
	s := withRule(t, "", "up == 0", "")
	for family := range s.Exposed[config.NodeExporterJob] {
		if !strings.HasPrefix(family, "node_") || strings.HasPrefix(family, "node_scrape_") || family == "node_exporter_build_info" {
			continue
		}
		assert.True(t, slices.ContainsFunc(collectors, func(c collector) bool { return c.metrics.MatchString(strings.TrimSuffix(family, "*")) }), family)
	}
}

// TestRecordedNames shows that a metric is stored although a rule records another of its name.
func TestRecordedNames(t *testing.T) {
	cfg := configtest.Config(t, "")
	cfg.Alerting.ExtraRules = map[string]any{"own": map[string]any{"groups": []any{map[string]any{"name": "own", "rules": []any{
		map[string]any{"record": "node_arp_entries", "expr": `node_arp_entries{job="node-exporter"} * 2`},
	}}}}}
	s, err := New(cfg)
	require.NoError(t, err)
	assert.True(t, stores(s, config.NodeExporterJob, "node_arp_entries"))
}
