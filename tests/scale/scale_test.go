//go:build scale

// Package scale compares the estimate of a server's load with a server that scrapes a simulated
// cluster: recorded expositions of one node, replayed as those of many.
package scale

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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
	binary   = flag.String("prometheus", "../../.local/bin/prometheus", "the server to measure; `make demo` builds it")
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
	targets, err := newReplay(nodes, reported(stack))
	require.NoError(t, err)
	server := httptest.NewServer(targets)
	t.Cleanup(server.Close)
	s := start(t, stack, targets, server.Listener.Addr().String())

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

// start starts a server with the stack's configuration and rules, whose targets are the replayed
// ones with the labels that relabelling gives them, and itself.
func start(t *testing.T, stack *render.Stack, targets *replay, address string) prometheus {
	dir := t.TempDir()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	own := listener.Addr().String()
	require.NoError(t, listener.Close())
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	for name, text := range stack.PrometheusRules.Files {
		write(name, text)
	}
	var native map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(stack.PrometheusConfigs[0].Files["prometheus.yml"]), &native))
	native["rule_files"] = []string{filepath.Join(dir, "*.yaml")}
	delete(native, "alerting")
	var jobs []any
	for _, each := range native["scrape_configs"].([]any) {
		scrape := each.(map[string]any)
		name := config.Job(scrape["job_name"].(string))
		exporter, ok := replayed[name]
		var static []any
		switch {
		case name == config.PrometheusJob:
			static = []any{group(own, "/metrics", own, "")}
		case !ok:
			continue
		default:
			count := targets.nodes
			switch name {
			case config.APIServersJob:
				count = min(3, count)
			case config.KubeStateMetricsJob:
				count = 1
			}
			for i := range count {
				node := fmt.Sprintf("demo-%d", i)
				if name == config.KubeStateMetricsJob || name == config.APIServersJob {
					node = ""
				}
				static = append(static, group(address, fmt.Sprintf("/%s/%d", exporter, i), fmt.Sprintf("10.0.%d.%d:1", i/250, i%250), node))
			}
		}
		for _, key := range []string{"kubernetes_sd_configs", "relabel_configs", "authorization", "tls_config", "scheme", "metrics_path", "params"} {
			delete(scrape, key)
		}
		scrape["static_configs"] = static
		jobs = append(jobs, scrape)
	}
	native["scrape_configs"] = jobs
	text, err := yaml.Marshal(native)
	require.NoError(t, err)
	write("prometheus.yml", string(text))
	path, err := filepath.Abs(*binary)
	require.NoError(t, err)
	log, err := os.Create(filepath.Join(dir, "log"))
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), path, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+own, "--web.enable-admin-api")
	command.Stdout, command.Stderr = log, log
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		text, _ := os.ReadFile(log.Name())
		lines := strings.Split(string(text), "\n")
		for _, line := range lines {
			if strings.Contains(line, "level=ERROR") || strings.Contains(line, "level=WARN") {
				t.Log(line)
				break
			}
		}
	})
	s := prometheus{"http://" + own, filepath.Join(dir, "data")}
	require.Eventually(t, func() bool {
		response, err := http.Get(s.url + "/-/ready")
		if err == nil {
			_ = response.Body.Close()
		}
		return err == nil && response.StatusCode == http.StatusOK
	}, time.Minute, time.Second/2)
	return s
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
func (s prometheus) metrics(t *testing.T) map[string]float64 {
	response, err := http.Get(s.url + "/metrics")
	require.NoError(t, err)
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	require.NoError(t, err)
	sums := map[string]float64{"time": float64(time.Now().UnixMilli()) / 1000}
	for name, family := range families {
		for _, m := range family.GetMetric() {
			value := m.GetGauge().GetValue() + m.GetCounter().GetValue()
			sums[name] += value
			for _, l := range m.GetLabel() {
				if l.GetName() == "type" {
					sums[name+" "+l.GetValue()] += value
				}
			}
		}
	}
	return sums
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
