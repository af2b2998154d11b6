package render

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	prometheus "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"
	promrelabel "github.com/prometheus/prometheus/model/relabel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/rules"
)

// server returns the config that Prometheus starts with.
func server(t testing.TB, cfg *config.Config) *prometheus.Config {
	t.Helper()
	text, _, err := (&Stack{Config: cfg}).prometheusConfig(0)
	require.NoError(t, err)
	file, err := prometheus.Load(text, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return file
}

func TestPrometheusSettings(t *testing.T) {
	t.Setenv("POD_NAME", "prometheus-1")
	t.Setenv("HOME", "leaked")
	file := server(t, configtest.Config(t, `
prometheus:
  retention: 30d
  scrapeInterval: 15s
  scrapeTimeout: 5s
  evaluationInterval: 20s
  outOfOrderTimeWindow: 10m
  externalLabels: {region: eu, price: $HOME}
storage: {size: 100Gi}`))
	assert.Equal(t, model.Duration(15*time.Second), file.GlobalConfig.ScrapeInterval)
	assert.Equal(t, model.Duration(5*time.Second), file.GlobalConfig.ScrapeTimeout)
	assert.Equal(t, model.Duration(20*time.Second), file.GlobalConfig.EvaluationInterval)
	assert.Equal(t, (10 * time.Minute).Milliseconds(), file.StorageConfig.TSDBConfig.OutOfOrderTimeWindow)
	assert.Equal(t, model.Duration(30*24*time.Hour), file.StorageConfig.TSDBConfig.Retention.Time)
	assert.EqualValues(t, 80<<30, file.StorageConfig.TSDBConfig.Retention.Size, "four fifths of the volume")
	assert.Equal(t, map[string]string{"cluster": "test", "replica": "prometheus-1", "region": "eu", "price": "$HOME"}, file.GlobalConfig.ExternalLabels.Map())
	assert.Equal(t, []string{RulesDir + "/*.yaml"}, file.RuleFiles)
}

// What prometheus.yml has besides is added to what the program writes.
func TestPrometheusConfig(t *testing.T) {
	const stack = `
prometheus:
  featureFlags: [exemplar-storage]
  config:
    global: {body_size_limit: 50MB, query_log_file: /prometheus/queries.log}
    runtime: {gogc: 50}
    storage: {exemplars: {max_exemplars: 1000}, tsdb: {stale_series_compaction_threshold: 0.5}}`
	file, plain := server(t, configtest.Config(t, stack)), server(t, configtest.Config(t, "prometheus: {featureFlags: [exemplar-storage]}"))
	assert.EqualValues(t, 50<<20, file.GlobalConfig.BodySizeLimit)
	assert.Equal(t, plain.GlobalConfig.ScrapeInterval, file.GlobalConfig.ScrapeInterval)
	assert.Equal(t, 50, file.Runtime.GoGC)
	assert.EqualValues(t, 1000, file.StorageConfig.ExemplarsConfig.MaxExemplars)
	assert.InDelta(t, 0.5, file.StorageConfig.TSDBConfig.StaleSeriesCompactionThreshold, 0)
	assert.Equal(t, plain.StorageConfig.TSDBConfig.Retention, file.StorageConfig.TSDBConfig.Retention)

	for text, want := range map[string]string{
		"{runtimes: {gogc: 50}}":                          `prometheus.config: unknown field "runtimes"`,
		"{runtime: {log_level: loud}}":                    `prometheus.config: `,
		"{global: {body_size_limit: much}}":               `prometheus.config: `,
		"{global: {query_log_file: /var/log/queries}}":    `prometheus.config.global.query_log_file: "/var/log/queries"; allowed: a file below /prometheus, where the server can write`,
		"{storage: {tsdb: {out_of_order: 1h}}}":           `prometheus.config: unknown field "out_of_order"`,
		"{global: {scrape_failure_log_file: failed.log}}": `prometheus.config.global.scrape_failure_log_file: "failed.log"; allowed: a file below /prometheus, where the server can write`,
	} {
		_, _, err := (&Stack{Config: configtest.Config(t, "prometheus: {config: "+text+"}")}).prometheusConfig(0)
		assert.ErrorContains(t, err, want, text)
	}
}

// Every setting that the program writes is refused in prometheus.config, which names the key that sets it.
func TestPrometheusConfigCannotReplaceWhatIsWritten(t *testing.T) {
	text, _, err := (&Stack{Config: configtest.Config(t, `
prometheus:
  remoteWrite: [{name: a, url: 'https://a'}]
  remoteRead: [{name: a, url: 'https://a'}]
  tracing: {endpoint: "collector.tracing.svc:4317", insecure: true}
  otlpReceiver: {enabled: true}
  otlp: {promote_resource_attributes: [service.name]}`)}).prometheusConfig(0)
	require.NoError(t, err)
	var file map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &file))
	refused := func(path ...string) {
		var native any = "a"
		for _, name := range slices.Backward(path) {
			native = map[string]any{name: native}
		}
		_, err := configtest.Decode(map[string]any{"cluster": map[string]any{"name": "test"}, "prometheus": map[string]any{"config": native}})
		assert.ErrorContains(t, err, "prometheus.config."+strings.Join(path, ".")+": is written by this program; set ")
	}
	for name := range file {
		if name != "global" && name != "storage" {
			refused(name)
		}
	}
	for name := range file["global"].(map[string]any) {
		refused("global", name)
	}
	storage := file["storage"].(map[string]any)
	assert.Len(t, storage, 1)
	for name := range storage["tsdb"].(map[string]any) {
		refused("storage", "tsdb", name)
	}
}

func TestJobSettings(t *testing.T) {
	job := func(text string, job config.Job) *prometheus.ScrapeConfig {
		for _, one := range loaded(t, configtest.Config(t, text)) {
			if one.JobName == string(job) {
				return one
			}
		}
		return nil
	}
	pods := job("", config.PodsJob)
	assert.Equal(t, model.Duration(30*time.Second), pods.ScrapeInterval)
	assert.Equal(t, model.Duration(10*time.Second), pods.ScrapeTimeout)
	assert.EqualValues(t, configtest.Config(t, "").Discovery.Jobs[config.PodsJob].SampleLimit, pods.SampleLimit)

	const changed = `
discovery:
  jobs:
    kubernetes-pods: {scrapeInterval: 5s, scrapeTimeout: 3s, sampleLimit: 1000}
    kubernetes-cadvisor:
      metricRelabelConfigs: [{source_labels: [__name__], regex: container_network_.*, action: drop}]`
	pods = job(changed, config.PodsJob)
	assert.Equal(t, model.Duration(5*time.Second), pods.ScrapeInterval)
	assert.Equal(t, model.Duration(3*time.Second), pods.ScrapeTimeout)
	assert.EqualValues(t, 1000, pods.SampleLimit)
	assert.Equal(t, model.Duration(30*time.Second), job(changed, config.EndpointsJob).ScrapeInterval, "other jobs keep theirs")
	cadvisor := job(changed, config.CadvisorJob)
	assert.False(t, stored(cadvisor, "container_network_receive_bytes_total"), "the stack's relabelling")
	assert.False(t, stored(cadvisor, "container_tasks_state"), "after the job's own")
	assert.False(t, cadvisor.HonorTimestamps)

	for _, off := range config.Jobs {
		if !configtest.Config(t, "").Enabled(off) { // already off by default
			continue
		}
		text := "discovery: {jobs: {" + string(off) + ": {enabled: false}}}"
		assert.Nil(t, job(text, off), off)
		assert.Equal(t, len(loaded(t, configtest.Config(t, "")))-1, len(loaded(t, configtest.Config(t, text))), "only %s is off", off)
	}
}

func TestKubeletCertificates(t *testing.T) {
	for _, verify := range []bool{false, true} {
		text := "discovery: {verifyKubeletCertificates: false}"
		if verify {
			text = "discovery: {verifyKubeletCertificates: true}"
		}
		for _, job := range loaded(t, configtest.Config(t, text)) {
			tls := job.HTTPClientConfig.TLSConfig
			switch config.Job(job.JobName) {
			case config.NodesJob, config.CadvisorJob, config.ContainerProbesJob:
				assert.Equal(t, !verify, tls.InsecureSkipVerify, job.JobName)
				assert.Equal(t, verify, tls.CAFile != "", job.JobName)
				assert.NotNil(t, job.HTTPClientConfig.Authorization, job.JobName)
			case config.APIServersJob:
				assert.False(t, tls.InsecureSkipVerify, "the API server's certificate is always verified")
				assert.NotEmpty(t, tls.CAFile)
				assert.NotNil(t, job.HTTPClientConfig.Authorization)
			default: // no other target gets the ServiceAccount's token
				assert.Nil(t, job.HTTPClientConfig.Authorization, job.JobName)
			}
		}
	}
}

// stored reports whether a sample of metric survives the metric relabelling of a job.
func stored(job *prometheus.ScrapeConfig, metric string) bool {
	return promrelabel.ProcessBuilder(labels.NewBuilder(labels.FromStrings("__name__", metric, "job", job.JobName, "label_prometheus_io_alerts", "false")), job.MetricRelabelConfigs...)
}

func TestMetricsDropped(t *testing.T) {
	jobs := loaded(t, configtest.Config(t, "discovery: {histograms: classic}"))
	for metric, want := range map[string]bool{
		"container_tasks_state":                                false,
		"container_memory_failures_total":                      false,
		"container_memory_working_set_bytes":                   true,
		"container_cpu_usage_seconds_total":                    true,
		"container_fs_usage_bytes":                             true,
		"apiserver_request_sli_duration_seconds_bucket":        false,
		"apiserver_request_sli_duration_seconds_count":         true,
		"apiserver_request_duration_seconds_bucket":            true,
		"apiserver_request_total":                              true,
		"etcd_request_duration_seconds_bucket":                 false,
		"etcd_request_duration_seconds_sum":                    true,
		"workqueue_work_duration_seconds_bucket":               false,
		"workqueue_depth":                                      true,
		"kubelet_volume_stats_available_bytes":                 true,
		"kube_pod_status_phase":                                true,
		"node_filesystem_avail_bytes":                          true,
		"apiserver_storage_objects":                            true,
		"apiserver_watch_events_sizes_bucket":                  false,
		"apiserver_admission_controller_admission_seconds_sum": true,
	} {
		kept := true
		for _, job := range jobs {
			kept = kept && stored(job, metric)
		}
		assert.Equal(t, want, kept, metric)
	}
}

// No job drops a metric that a rule or dashboard queries.
func TestNothingNeededIsDropped(t *testing.T) {
	needed := map[string]string{}
	need := func(where, expr string) {
		names, err := dashboards.Metrics(expr)
		require.NoError(t, err)
		for _, name := range names {
			needed[name] = where
		}
	}
	files, err := rules.Render(rules.Options{})
	require.NoError(t, err)
	for _, file := range files {
		for _, group := range file.Groups {
			for _, rule := range group.Rules {
				need(file.Name, rule.Expr)
			}
		}
	}
	all, err := dashboards.Shipped()
	require.NoError(t, err)
	for _, dashboard := range all {
		queries, err := dashboards.Queries(dashboard, nil)
		require.NoError(t, err)
		for _, query := range queries {
			if !query.Guessed {
				need(dashboard.UID, query.Expr)
			}
		}
	}
	assert.Greater(t, len(needed), 100, "metrics that rules and dashboards need")
	for _, job := range loaded(t, configtest.Config(t, "")) {
		for metric, where := range needed {
			assert.True(t, stored(job, metric), "%s drops %s, which %s needs", job.JobName, metric, where)
		}
	}
}

func TestRejectedScrapeConfigs(t *testing.T) {
	for name, c := range map[string]struct {
		discovery string
		want      []string // in the error
	}{
		"misspelt field": {
			"extraScrapeConfigs: [{job_name: outside, relabel_confgs: []}]",
			[]string{`discovery.extraScrapeConfigs[0]: job "outside": `, "unknown field \"relabel_confgs\""},
		},
		"bad regular expression": {
			"extraScrapeConfigs: [{job_name: fine, static_configs: [{targets: [a]}]}, {job_name: outside, relabel_configs: [{source_labels: [a], regex: '(', action: keep}]}]",
			[]string{`discovery.extraScrapeConfigs[1]: job "outside": `, "missing closing )"},
		},
		"relabelling that is not a list": {
			"extraScrapeConfigs: [{job_name: outside, relabel_configs: keep}]",
			[]string{`discovery.extraScrapeConfigs[0]: job "outside": `, "cannot unmarshal"},
		},
		"timeout above the interval": {
			"extraScrapeConfigs: [{job_name: outside, scrape_interval: 5s, scrape_timeout: 10s}]",
			[]string{`discovery.extraScrapeConfigs[0]: job "outside": `, "scrape timeout greater than scrape interval"},
		},
		"unknown service discovery": {
			"extraScrapeConfigs: [{job_name: outside, kubernetes_sd_config: [{role: pod}]}]",
			[]string{`discovery.extraScrapeConfigs[0]: job "outside": `, "kubernetes_sd_config"},
		},
		"unknown role": {
			"extraScrapeConfigs: [{job_name: outside, kubernetes_sd_configs: [{role: pods}]}]",
			[]string{`discovery.extraScrapeConfigs[0]: job "outside": `, "pods"},
		},
		"metric relabelling of a job": {
			"jobs: {kubernetes-cadvisor: {metricRelabelConfigs: [{source_labels: [__name__], regex: '*', action: drop}]}}",
			[]string{"discovery.jobs.kubernetes-cadvisor", "missing argument to repetition operator"},
		},
		"misspelt metric relabelling of a job": {
			"jobs: {kubernetes-pods: {metricRelabelConfigs: [{source_label: [__name__], action: drop}]}}",
			[]string{"discovery.jobs.kubernetes-pods", "unknown field \"source_label\""},
		},
		"several": {
			"{jobs: {kubernetes-pods: {metricRelabelConfigs: [{action: drpo}]}}, extraScrapeConfigs: [{job_name: a, x: y}, {job_name: b, x: y}]}",
			[]string{"discovery.jobs.kubernetes-pods", `discovery.extraScrapeConfigs[0]: job "a": `, `discovery.extraScrapeConfigs[1]: job "b": `},
		},
	} {
		t.Run(name, func(t *testing.T) {
			discovery := "discovery: {" + c.discovery + "}"
			if name == "several" {
				discovery = "discovery: " + c.discovery
			}
			_, _, err := (&Stack{Config: configtest.Config(t, discovery)}).prometheusConfig(0)
			require.Error(t, err)
			for _, part := range c.want {
				assert.Contains(t, err.Error(), part)
			}
		})
	}
}

// The committed stacks render to the same bytes every time.
func TestCommittedStacks(t *testing.T) {
	for _, path := range []string{"../Pulumi.dev.yaml", "../Pulumi.prod.yaml", "../Pulumi.kind.yaml", "../Pulumi.scale.yaml", "../Pulumi.login.yaml"} {
		cfg, err := config.FromFile(path)
		require.NoError(t, err)
		first, _, err := (&Stack{Config: cfg}).prometheusConfig(0)
		require.NoError(t, err)
		for range 3 {
			again, _, err := (&Stack{Config: cfg}).prometheusConfig(0)
			require.NoError(t, err)
			assert.Equal(t, first, again, path)
		}
		var names []string
		for _, job := range loaded(t, cfg) {
			names = append(names, job.JobName)
		}
		var enabled []string
		for _, job := range config.Jobs {
			if cfg.Enabled(job) {
				enabled = append(enabled, string(job))
			}
		}
		slices.Sort(names)
		slices.Sort(enabled)
		assert.Equal(t, enabled, names, path)
	}
}
