//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// BenchmarkIngest runs two servers beside each other for some minutes: one with the stack's config
// as it is by default, and one that stores everything, with classic histograms. Both scrape the same
// targets of the same node. The metrics are the default's figures, and their ratios to the other's. It
// prints both, because the log of a benchmark is cut.
func BenchmarkIngest(b *testing.B) {
	const minutes = 6
	n := start(b)
	n.cluster.localOnly(b, "a server on the host")
	n.localcluster(b, "demo")
	n.set(b, "discovery.ingest", "all") // so that the exporters expose everything
	n.up(b)
	b.Cleanup(func() {
		n.pulumi(b, "config", "rm", "--path", config.Project+":discovery.ingest")
		n.pulumi(b, "up", "--yes", "--skip-preview", "--color", "never")
	})
	for b.Loop() {
		used := n.server(b, "used", config.IngestUsed, config.NativeHistograms)
		all := n.server(b, "all", config.IngestAll, config.ClassicHistograms)
		time.Sleep(minutes * time.Minute)
		ours, theirs := used.figures(b), all.figures(b)
		for _, name := range slices.Sorted(maps.Keys(ours)) {
			fmt.Printf("%-22s %12.4g, everything and classic: %12.4g, ratio %.3f\n", name, ours[name], theirs[name], ours[name]/theirs[name])
			b.ReportMetric(ours[name]/theirs[name], strings.ReplaceAll(name, " ", "-")+"-ratio")
		}
		b.ReportMetric(ours["series"], "series")
		slowest(b, used, all)
		used.stop()
		all.stop()
	}
}

// server is a Prometheus server on the node, outside of pods.
type server struct {
	stack *render.Stack
	dir   string
	api   rest.Interface
	path  string // of the server, through the API server's proxy
	cmd   *exec.Cmd
}

// server starts a server with the config of the stack under test, changed to run outside of a pod,
// and without Alertmanager.
func (n *node) server(b *testing.B, name string, ingest config.Ingest, histograms config.Histograms) *server {
	b.Helper()
	cfg, err := config.FromFile(filepath.Join(n.cluster.dir, n.cluster.stackFile()))
	require.NoError(b, err)
	cfg.Discovery.Ingest, cfg.Discovery.Histograms = ingest, histograms
	stack, err := render.New(cfg)
	require.NoError(b, err)

	port := map[string]string{"used": "19090", "all": "19091"}[name]
	nodes, err := n.kubernetes.CoreV1().Nodes().List(b.Context(), metav1.ListOptions{})
	require.NoError(b, err)
	s := &server{
		stack: stack, dir: filepath.Join(n.root, ".local", "bench", name), // the node has a /tmp of its own
		api: n.kubernetes.CoreV1().RESTClient(), path: "/api/v1/nodes/http:" + nodes.Items[0].Name + ":" + port + "/proxy",
	}
	require.NoError(b, os.RemoveAll(s.dir))
	account := filepath.Join(s.dir, "account")
	require.NoError(b, os.MkdirAll(account, 0o700))
	hours := int64(2 * 60 * 60)
	token, err := n.kubernetes.CoreV1().ServiceAccounts(namespace).CreateToken(b.Context(), "prometheus",
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &hours}}, metav1.CreateOptions{})
	require.NoError(b, err)
	require.NoError(b, os.WriteFile(filepath.Join(account, "token"), []byte(token.Status.Token), 0o600))
	ca, err := n.kubernetes.CoreV1().ConfigMaps(namespace).Get(b.Context(), "kube-root-ca.crt", metav1.GetOptions{})
	require.NoError(b, err)
	require.NoError(b, os.WriteFile(filepath.Join(account, "ca.crt"), []byte(ca.Data["ca.crt"]), 0o600))
	rules := filepath.Join(s.dir, "rules")
	require.NoError(b, os.MkdirAll(rules, 0o700))
	for file, text := range stack.PrometheusRules.Files {
		require.NoError(b, os.WriteFile(filepath.Join(rules, file), []byte(text), 0o600))
	}
	text := strings.ReplaceAll(stack.PrometheusConfigs[0].Files["prometheus.yml"], "/var/run/secrets/kubernetes.io/serviceaccount", account)
	var prometheus map[string]any
	require.NoError(b, yaml.Unmarshal([]byte(text), &prometheus))
	delete(prometheus, "alerting")
	prometheus["rule_files"] = []string{rules + "/*.yaml"}
	for _, scrape := range prometheus["scrape_configs"].([]any) {
		configs, _ := scrape.(map[string]any)["kubernetes_sd_configs"].([]any)
		for _, discovery := range configs {
			maps.Copy(discovery.(map[string]any), map[string]any{
				"api_server":    "https://" + nodeIP + ":6443",
				"authorization": map[string]any{"credentials_file": account + "/token"},
				"tls_config":    map[string]any{"ca_file": account + "/ca.crt"},
			})
		}
	}
	rendered, err := yaml.Marshal(prometheus)
	require.NoError(b, err)
	file := filepath.Join(s.dir, "prometheus.yml")
	require.NoError(b, os.WriteFile(file, rendered, 0o600))

	bin := filepath.Join(n.root, ".local", "bin")
	s.cmd = exec.Command(filepath.Join(bin, "localcluster"), "exec", "env", "--chdir=/", filepath.Join(bin, "prometheus"), "--config.file="+file,
		"--storage.tsdb.path="+filepath.Join(s.dir, "data"), "--web.listen-address="+nodeIP+":"+port, "--web.enable-admin-api", "--web.enable-lifecycle")
	s.cmd.Dir = n.root
	s.cmd.Env = append(os.Environ(), "POD_NAME=prometheus-0")
	log, err := os.Create(filepath.Join(s.dir, "log"))
	require.NoError(b, err)
	s.cmd.Stderr = log
	require.NoError(b, s.cmd.Start())
	b.Cleanup(s.stop)
	eventually(b, time.Minute, "the server is ready", func(ctx context.Context) string {
		if err := s.api.Get().AbsPath(s.path + "/-/ready").Do(ctx).Error(); err != nil {
			text, _ := os.ReadFile(log.Name())
			return fmt.Sprintf("%v; its log: %s", err, text)
		}
		return ""
	})
	return s
}

// stop ends the server.
func (s *server) stop() {
	if s.cmd.ProcessState == nil {
		_ = s.api.Post().AbsPath(s.path + "/-/quit").Do(context.Background()).Error()
		_ = s.cmd.Wait()
	}
}

// get returns the response of the server to a request.
func (s *server) get(b *testing.B, path string, parameters map[string]string) []byte {
	b.Helper()
	request := s.api.Get().AbsPath(s.path + path)
	for name, value := range parameters {
		request.Param(name, value)
	}
	body, err := request.DoRaw(b.Context())
	require.NoError(b, err, "%s %v", path, parameters)
	return body
}

// figures returns what the server's own metrics and a snapshot of its samples say.
func (s *server) figures(b *testing.B) map[string]float64 {
	b.Helper()
	own := s.metrics(b)
	size, samples := s.snapshot(b)
	return map[string]float64{
		"series":                own["prometheus_tsdb_head_series"],
		"resident bytes":        own["process_resident_memory_bytes"],
		"heap bytes":            own["go_memstats_heap_inuse_bytes"],
		"cpu seconds":           own["process_cpu_seconds_total"],
		"disk bytes":            size,
		"disk bytes per sample": size / samples,
		"rule seconds":          own["prometheus_rule_evaluation_duration_seconds_sum"],
	}
}

// metrics returns the sums of the server's own samples by name.
func (s *server) metrics(b *testing.B) map[string]float64 {
	b.Helper()
	sums := map[string]float64{}
	lines := bufio.NewScanner(bytes.NewReader(s.get(b, "/metrics", nil)))
	for lines.Scan() {
		series, value, _ := strings.Cut(lines.Text(), " ")
		if strings.Contains(series, "{") { // labels may contain spaces
			series, value = lines.Text()[:strings.LastIndex(lines.Text(), " ")], lines.Text()[strings.LastIndex(lines.Text(), " ")+1:]
		}
		name, _, _ := strings.Cut(series, "{")
		if number, err := strconv.ParseFloat(value, 64); err == nil {
			sums[name] += number
		}
	}
	require.NoError(b, lines.Err())
	return sums
}

// snapshot returns the size and the number of the samples that the server has stored.
func (s *server) snapshot(b *testing.B) (size, samples float64) {
	b.Helper()
	require.NoError(b, s.api.Post().AbsPath(s.path+"/api/v1/admin/tsdb/snapshot").Do(b.Context()).Error())
	require.NoError(b, filepath.WalkDir(filepath.Join(s.dir, "data", "snapshots"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		size += float64(info.Size())
		if entry.Name() == "meta.json" {
			var meta struct {
				Stats struct{ NumSamples float64 }
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if err := json.Unmarshal(text, &meta); err != nil {
				return err
			}
			samples += meta.Stats.NumSamples
		}
		return nil
	}))
	return size, samples
}

// slowest compares the latencies of the ten dashboard queries that are slowest in the second server:
// the fastest of several attempts, in which the servers take turns, over the last five minutes.
func slowest(b *testing.B, used, all *server) {
	b.Helper()
	const attempts = 15
	now := time.Now()
	ours, theirs := map[string]time.Duration{}, map[string]time.Duration{}
	for i, q := range used.stack.Queries {
		if !q.Panel {
			continue
		}
		one, other := time.Hour, time.Hour
		for range attempts {
			one = min(one, used.latency(b, q.Expr.String(), now))
			other = min(other, all.latency(b, all.stack.Queries[i].Expr.String(), now))
		}
		ours[q.Path], theirs[q.Path] = max(ours[q.Path], one), max(theirs[q.Path], other)
	}
	paths := slices.SortedFunc(maps.Keys(theirs), func(x, y string) int { return int(theirs[y] - theirs[x]) })
	worst := 0.0
	for _, path := range paths[:10] {
		ratio := float64(ours[path]) / float64(theirs[path])
		worst = max(worst, ratio)
		fmt.Printf("%-90s %8s, everything and classic: %8s, ratio %.2f\n", path, ours[path].Round(10*time.Microsecond), theirs[path].Round(10*time.Microsecond), ratio)
	}
	b.ReportMetric(worst, "slowest-query-ratio")
}

// latency returns how long the server takes for a query over the last five minutes.
func (s *server) latency(b *testing.B, query string, now time.Time) time.Duration {
	b.Helper()
	var answer struct {
		Data struct {
			Stats struct {
				Timings struct {
					ExecTotalTime float64 `json:"execTotalTime"` // seconds
				} `json:"timings"`
			} `json:"stats"`
		} `json:"data"`
	}
	require.NoError(b, json.Unmarshal(s.get(b, "/api/v1/query_range", map[string]string{
		"query": query, "start": fmt.Sprint(now.Add(-5 * time.Minute).Unix()), "end": fmt.Sprint(now.Unix()), "step": "5", "stats": "all",
	}), &answer), query)
	return time.Duration(answer.Data.Stats.Timings.ExecTotalTime * float64(time.Second))
}
