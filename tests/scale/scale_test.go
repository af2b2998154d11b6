//go:build scale

// Package scale compares the estimate of a server's load with a server that scrapes a simulated
// cluster: recorded expositions of one node, replayed as those of many.
package scale

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"
	tsdbchunks "github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/check"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

var (
	binaries = flag.String("binaries", "../../.local/bin", "directory of the programs to measure, which localcluster builds")
	interval = flag.Duration("interval", 30*time.Second, "between two scrapes")
	scrapes  = flag.Int("scrapes", 9, "scrapes of each target before the measurement ends")
)

// replayed lists the jobs that the simulation has, with the exporter of their recording.
var replayed = map[config.Job]string{
	config.NodesJob: "kubelet", config.CadvisorJob: "cadvisor", config.NodeExporterJob: "node-exporter",
	config.APIServersJob: "kube-apiserver", config.KubeStateMetricsJob: "kube-state-metrics",
}

// TestScale measures a server at several sizes of a cluster, and holds the estimate to it within a
// fifth.
func TestScale(t *testing.T) {
	for _, variant := range []struct{ name, settings string }{
		{"default", ""}, {"all classic", "discovery: {ingest: all, histograms: classic}"},
	} {
		for _, nodes := range []int{10, 100, 300} {
			if variant.settings != "" && nodes > 100 {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", variant.name, nodes), func(t *testing.T) {
				cfg := configtest.Config(t, fmt.Sprintf("cluster: {name: test, nodes: %d, pods: %d}\nprometheus: {scrapeInterval: %s, scrapeTimeout: %s, evaluationInterval: 30s}\n%s",
					nodes, nodes*podsPerNode, model.Duration(*interval), model.Duration(*interval), variant.settings))
				stack, err := render.New(cfg)
				require.NoError(t, err)
				measure(t, stack, nodes)
			})
		}
	}
}

// measure runs a server for a stack and compares it with the estimate.
func measure(t *testing.T, stack *render.Stack, nodes int) {
	targets, err := newReplay(nodes, podsPerNode, reported(stack))
	require.NoError(t, err)
	server := httptest.NewServer(targets)
	t.Cleanup(server.Close)
	s := start(t, stack, 0, func(own string, job config.Job, scrape map[string]any) bool {
		return targets.replace(server.Listener.Addr().String(), own, job, scrape)
	})

	time.Sleep(time.Duration(*scrapes/2) * *interval)
	before := s.metrics(t)
	after, resident := before, 0.0
	for end := time.Now().Add(time.Duration(*scrapes-*scrapes/2) * *interval); time.Now().Before(end); time.Sleep(5 * time.Second) {
		after = s.metrics(t)
		resident = max(resident, after["process_resident_memory_bytes"])
	}

	estimate, ok := check.EstimateOf(check.Analyse(stack))
	require.True(t, ok)
	series, scraped, stored := 0.0, 0.0, 0.0
	for job := range replayed {
		series += float64(estimate.Series[job])
	}
	series += float64(estimate.Series[config.PrometheusJob])
	seconds := after["time"] - before["time"]
	scraped, stored = targets.rate(t), (after[appended+"float"]-before[appended+"float"]+after[appended+"histogram"]-before[appended+"histogram"])/seconds
	t.Logf("%.0f samples/s scraped, %.0f/s stored; heap in use %.0f MiB; %s", scraped, stored, after["go_memstats_heap_inuse_bytes"]/(1<<20), s.snapshot(t))
	for _, compared := range []struct {
		what                string
		measured, estimated float64
	}{
		{"series", after["prometheus_tsdb_head_series"], series},
		{"MiB of resident memory", resident / (1 << 20), float64(estimate.Resident) / (1 << 20)},
		{"cores", (after["process_cpu_seconds_total"] - before["process_cpu_seconds_total"]) / seconds, estimate.CPU},
	} {
		t.Logf("%d nodes: %.3f %s, estimated %.3f", nodes, compared.measured, compared.what, compared.estimated)
		// Identical runs of a small server differ by some thousandths of a core.
		assert.InDelta(t, compared.measured, compared.estimated, max(0.2*compared.measured, 0.005), compared.what)
	}
}

const appended = "prometheus_tsdb_head_samples_appended_total "

// rate returns how many samples the targets send in a second.
func (r *replay) rate(t *testing.T) float64 {
	total := 0
	for exporter, targets := range map[string]int{
		"kubelet": r.nodes, "cadvisor": r.nodes, "node-exporter": r.nodes, "kube-apiserver": min(3, r.nodes), "kube-state-metrics": 1,
	} {
		each, err := r.samples(exporter)
		require.NoError(t, err)
		total += targets * each
	}
	return float64(total) / interval.Seconds()
}

// prometheus is a running server.
type prometheus struct{ url, dir string }

// replace replaces the targets of a job with the replayed ones, and the labels that relabelling gives
// them. It returns false for a job that is not replayed.
func (r *replay) replace(address, own string, job config.Job, scrape map[string]any) bool {
	exporter, ok := replayed[job]
	var static []any
	switch {
	case job == config.PrometheusJob:
		static = []any{group(own, "/metrics", own, "")}
	case !ok:
		return false
	default:
		count := r.nodes
		switch job {
		case config.APIServersJob:
			count = min(3, count)
		case config.KubeStateMetricsJob:
			count = 1
		}
		for i := range count {
			node := fmt.Sprintf("demo-%d", i)
			if job == config.KubeStateMetricsJob || job == config.APIServersJob {
				node = ""
			}
			static = append(static, group(address, fmt.Sprintf("/%s/%d", exporter, i), fmt.Sprintf("10.0.%d.%d:1", i/250, i%250), node))
		}
	}
	for _, key := range []string{"kubernetes_sd_configs", "relabel_configs", "authorization", "tls_config", "scheme", "metrics_path", "params"} {
		delete(scrape, key)
	}
	scrape["static_configs"] = static
	return true
}

// start starts the server of a shard with the stack's configuration and rules, and without Alertmanager. change
// changes each scrape config of the server at the address own, or returns false to leave the job out.
func start(t *testing.T, stack *render.Stack, shard int, change func(own string, job config.Job, scrape map[string]any) bool) prometheus {
	dir := t.TempDir()
	own := freeAddress(t)
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	for name, text := range stack.PrometheusRules.Files {
		write(name, text)
	}
	var native map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(stack.PrometheusConfigs[shard].Files["prometheus.yml"]), &native))
	native["rule_files"] = []string{filepath.Join(dir, "*.yaml")}
	delete(native, "alerting")
	var jobs []any
	for _, each := range native["scrape_configs"].([]any) {
		scrape := each.(map[string]any)
		if change(own, config.Job(scrape["job_name"].(string)), scrape) {
			jobs = append(jobs, scrape)
		}
	}
	native["scrape_configs"] = jobs
	text, err := yaml.Marshal(native)
	require.NoError(t, err)
	write("prometheus.yml", string(text))
	run(t, "prometheus", "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+own, "--web.enable-admin-api")
	s := prometheus{"http://" + own, filepath.Join(dir, "data")}
	awaitOK(t, s.url+"/-/ready")
	return s
}

// freeAddress returns an address on the loopback device that is free.
func freeAddress(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// awaitOK waits until a URL answers with status 200.
func awaitOK(t *testing.T, url string) {
	require.Eventually(t, func() bool {
		response, err := http.Get(url)
		if err == nil {
			_ = response.Body.Close()
		}
		return err == nil && response.StatusCode == http.StatusOK
	}, time.Minute, time.Second/2, url)
}

// run runs a program until the test ends, and then prints the first error or warning that it logged.
func run(t *testing.T, name string, args ...string) {
	path, err := filepath.Abs(filepath.Join(*binaries, name))
	require.NoError(t, err)
	log, err := os.Create(filepath.Join(t.TempDir(), name+".log"))
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), path, args...)
	command.Stdout, command.Stderr = log, log
	command.Env = append(os.Environ(), "POD_NAME=prometheus-0") // which the configuration refers to
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		text, _ := os.ReadFile(log.Name())
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, "level=ERROR") || strings.Contains(line, "level=WARN") {
				t.Log(line)
				break
			}
		}
	})
}

// group returns a static target.
func group(address, path, instance, node string) map[string]any {
	names := map[string]string{"__metrics_path__": path, "instance": instance, "cluster": "test"}
	if node != "" {
		names["node"] = node
	}
	return map[string]any{"targets": []string{address}, "labels": names}
}

// metrics returns the server's metrics of itself: sums by name, and by type for appended samples.
func (s prometheus) metrics(t *testing.T) map[string]float64 { return sums(scrape(t, s.url)) }

// scrape returns the samples that a server exposes at /metrics.
func scrape(t *testing.T, url string) []sample {
	response, err := http.Get(url + "/metrics")
	require.NoError(t, err)
	defer response.Body.Close()
	return samples(t, response.Body)
}

// sums returns the sums of samples: by name, and by name and type; and the time.
func sums(samples []sample) map[string]float64 {
	sums := map[string]float64{"time": float64(time.Now().UnixMilli()) / 1000}
	for _, s := range samples {
		sums[s.name] += s.value
		if kind, ok := s.labels["type"]; ok {
			sums[s.name+" "+kind] += s.value
		}
	}
	return sums
}

// sample is a sample of an exposition. Of a histogram or a summary, it has the sum and the count.
type sample struct {
	name         string
	labels       map[string]string
	value, count float64
}

// samples returns the samples of an exposition.
func samples(t *testing.T, exposition io.Reader) []sample {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(exposition)
	require.NoError(t, err)
	var samples []sample
	for name, family := range families {
		for _, m := range family.GetMetric() {
			s := sample{
				name: name, labels: map[string]string{},
				value: m.GetGauge().GetValue() + m.GetCounter().GetValue() + m.GetHistogram().GetSampleSum() + m.GetSummary().GetSampleSum(),
				count: float64(m.GetHistogram().GetSampleCount() + m.GetSummary().GetSampleCount()),
			}
			for _, l := range m.GetLabel() {
				s.labels[l.GetName()] = l.GetValue()
			}
			samples = append(samples, s)
		}
	}
	return samples
}

// stored is what samples take on disk.
type stored struct {
	bytes, samples map[string]float64 // of chunks, by encoding
	index          float64            // bytes for each series
}

// String returns the bytes of a sample by encoding, and those of a series in the index.
func (s stored) String() string {
	var b strings.Builder
	for encoding, samples := range s.samples {
		fmt.Fprintf(&b, "%.2f bytes for each of %.0f %s samples, ", s.bytes[encoding]/samples, samples, encoding)
	}
	return fmt.Sprintf("%s%.0f bytes of index for each series", b.String(), s.index)
}

// snapshot writes the samples in memory as blocks, and measures them.
func (s prometheus) snapshot(t *testing.T) stored {
	response, err := http.Post(s.url+"/api/v1/admin/tsdb/snapshot", "", nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	dirs, err := filepath.Glob(filepath.Join(s.dir, "snapshots", "*", "*"))
	require.NoError(t, err)
	result := stored{bytes: map[string]float64{}, samples: map[string]float64{}}
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "index")); err != nil {
			continue
		}
		block, err := tsdb.OpenBlock(nil, dir, nil, nil)
		require.NoError(t, err)
		index, err := block.Index()
		require.NoError(t, err)
		chunks, err := block.Chunks()
		require.NoError(t, err)
		postings, err := index.Postings(t.Context(), "", "")
		require.NoError(t, err)
		var builder labels.ScratchBuilder
		for postings.Next() {
			var metas []tsdbchunks.Meta
			require.NoError(t, index.Series(postings.At(), &builder, &metas))
			for _, meta := range metas {
				chunk, _, err := chunks.ChunkOrIterable(meta)
				require.NoError(t, err)
				encoding := chunk.Encoding().String()
				result.bytes[encoding] += float64(len(chunk.Bytes()))
				result.samples[encoding] += float64(chunk.NumSamples())
			}
		}
		size, err := os.Stat(filepath.Join(dir, "index"))
		require.NoError(t, err)
		result.index = float64(size.Size()) / float64(block.Meta().Stats.NumSeries)
		require.NoError(t, index.Close())
		require.NoError(t, chunks.Close())
		require.NoError(t, block.Close())
	}
	return result
}

// reported returns the metrics that the stack's kube-state-metrics exposes.
func reported(stack *render.Stack) map[string]bool {
	names := stack.ReportedMetrics()
	all := map[string]bool{}
	for name := range stack.Exposed[config.KubeStateMetricsJob] {
		if names == nil || slices.Contains(names, name) {
			all[name] = true
		}
	}
	return all
}
