package main

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/metrics"
)

// answers contains the responses of an API server with one node and three pods, by path.
var answers = map[string]string{
	"/api/v1/nodes": `{"items": [{"metadata": {"name": "a"}}]}`,
	"/api/v1/namespaces/monitoring/pods": `{"items": [
		{"metadata": {"name": "b-0", "namespace": "monitoring", "labels": {"app.kubernetes.io/name": "blackbox-exporter"}}, "spec": {"containers": [{"ports": [{"name": "web", "containerPort": 9115}, {"name": "other", "containerPort": 1}]}]}},
		{"metadata": {"name": "d-0", "namespace": "monitoring", "labels": {"app.kubernetes.io/name": "node-directory-size-metrics"}}, "spec": {"containers": [{}, {"ports": [{"name": "metrics", "containerPort": 9102}]}]}},
		{"metadata": {"name": "p-0", "namespace": "monitoring", "labels": {"app.kubernetes.io/name": "prometheus"}}, "spec": {"containers": [{"ports": [{"name": "sidecar", "containerPort": 10902}]}]}}]}`,
	"/api/v1/namespaces/kube-system/pods": `{"items": []}`,

	"/metrics": `# TYPE kubernetes_build_info gauge
kubernetes_build_info{git_version="v1.37.2"} 1
# TYPE requests_seconds histogram
requests_seconds_bucket{verb="GET",le="0.5"} 1
requests_seconds_bucket{verb="GET",le="+Inf"} 1
requests_seconds_sum{verb="GET"} 1
requests_seconds_count{verb="GET"} 1
`,
	"/api/v1/nodes/a/proxy/metrics":                                     "kubelet_a 1\n",
	"/api/v1/nodes/a/proxy/metrics/cadvisor":                            "container_a{pod=\"x\"} 1\n",
	"/api/v1/nodes/a/proxy/metrics/probes":                              "prober_a{pod=\"x\"} 1\n",
	"/api/v1/namespaces/monitoring/pods/b-0:9115/proxy/metrics":         "blackbox_exporter_build_info{version=\"0.28.0\"} 1\n",
	"/api/v1/namespaces/monitoring/pods/b-0:9115/proxy/probe":           "# TYPE probe_success gauge\nprobe_success 1\n",
	"/api/v1/namespaces/monitoring/pods/p-0:10902/proxy/metrics":        "thanos_build_info{version=\"0.42.4\"} 1\n",
	"/api/v1/namespaces/monitoring/pods/d-0:9102/proxy/cgi-bin/metrics": "node_directory_size_bytes{path=\"/\"} 1\n",
}

func server(t *testing.T, answers map[string]string) (kubeconfig string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := answers[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	text, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "a",
		"clusters": []any{map[string]any{"name": "a", "cluster": map[string]any{"server": s.URL}}},
		"contexts": []any{map[string]any{"name": "a", "context": map[string]any{"cluster": "a"}}},
	})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(kubeconfig, text, 0o600))
	return kubeconfig
}

// scraped has no exporters, so that no sources are read.
var scraped []exporter

func TestCollect(t *testing.T) {
	kubeconfig, out := server(t, answers), t.TempDir()
	etcd := filepath.Join(t.TempDir(), "etcd")
	require.NoError(t, os.WriteFile(etcd, []byte("# TYPE etcd_server_has_leader gauge\netcd_server_has_leader 1\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(out, "etcd.txt"), []byte("# before\netcd_before counter code\n"), 0o600))

	recordings := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(recordings, "kube-apiserver.prom.gz"), nil, 0o600))

	require.NoError(t, run(t.Context(), scraped, ".", kubeconfig, "monitoring", out, recordings, []string{"etcd=" + etcd}))
	written, err := os.ReadDir(recordings)
	require.NoError(t, err)
	assert.Len(t, written, 1, "only what is recorded already")
	recording, err := os.Open(filepath.Join(recordings, "kube-apiserver.prom.gz"))
	require.NoError(t, err)
	defer recording.Close()
	text, err := gzip.NewReader(recording)
	require.NoError(t, err)
	recorded, err := io.ReadAll(text)
	require.NoError(t, err)
	assert.Equal(t, answers["/metrics"], string(recorded))
	for file, want := range map[string]string{
		"kube-apiserver-v1.37.2.txt":      "kubernetes_build_info gauge git_version\nrequests_seconds histogram verb le=0.5,+Inf\n",
		"kubelet.txt":                     "kubelet_a unknown -\n",
		"cadvisor.txt":                    "container_a unknown pod\n",
		"kubelet-probes.txt":              "prober_a unknown pod\n",
		"blackbox-exporter-v0.28.0.txt":   "blackbox_exporter_build_info unknown version\n",
		"thanos-sidecar-v0.42.4.txt":      "thanos_build_info unknown version\n",
		"probe.txt":                       "probe_success gauge -\n",
		"node-directory-size-metrics.txt": "node_directory_size_bytes unknown path\n",
		"etcd.txt":                        "etcd_before counter code\netcd_server_has_leader gauge -\n",
	} {
		text, err := os.ReadFile(filepath.Join(out, file))
		require.NoError(t, err)
		exporter, _, _ := strings.Cut(strings.TrimSuffix(file, ".txt"), "-v")
		assert.Equal(t, "# What "+exporter+" exposes: name type labels le. Written by `make metrics`.\n# Seen in scrapes:\n"+want, string(text), file)
	}
}

// Metrics from the sources come first. A scraped metric remains unless it is among them.
func TestCollectSources(t *testing.T) {
	out, answer := t.TempDir(), filepath.Join(t.TempDir(), "answer")
	file := filepath.Join(out, "program.txt")
	require.NoError(t, os.WriteFile(file, []byte("program_requests_total counter code,verb\nprogram_before gauge -\n"), 0o600))
	require.NoError(t, os.WriteFile(answer, []byte("program_stat_cpu{node=\"a\"} 1\nprogram_stat_memory{zone=\"a\"} 1\nprogram_build_info{version=\"\"} 1\n"), 0o600))
	own := []exporter{{name: "program", program: program, only: []string{program + "/main.go"}, labels: []string{"pod"}}}

	var texts []string
	for range 2 { // the second time nothing changes
		require.NoError(t, run(t.Context(), own, ".", "/no/such/kubeconfig", "monitoring", out, "", []string{"program=" + answer}))
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		texts = append(texts, string(text))
	}
	assert.Equal(t, texts[0], texts[1])
	assert.Contains(t, texts[0], "# Read in the sources of "+program)
	assert.Contains(t, texts[0], "\nprogram_any gauge pod\n", "with the labels that the program finds")
	_, seen, ok := strings.Cut(texts[0], "\n# Seen in scrapes:\n")
	require.True(t, ok)
	assert.Equal(t, "program_before gauge -\nprogram_build_info unknown version\nprogram_stat_memory unknown zone\n", seen)
}

func TestCollectFails(t *testing.T) {
	out := t.TempDir()
	err := run(t.Context(), scraped, ".", server(t, answers), "monitoring", out, "", []string{"etcd"})
	require.EqualError(t, err, `"etcd"; want EXPORTER=SOURCE`)
	err = run(t.Context(), scraped, ".", server(t, answers), "elsewhere", out, "", nil)
	require.ErrorContains(t, err, "/api/v1/namespaces/elsewhere/pods")
	err = run(t.Context(), scraped, ".", server(t, answers), "monitoring", out, "", []string{"etcd=/no/such/path"})
	require.EqualError(t, err, "etcd: /no/such/path: 404 Not Found")
	err = run(t.Context(), scraped, ".", out, "monitoring", out, "", nil)
	require.Error(t, err)
	err = run(t.Context(), []exporter{{program: "example.com/none"}}, ".", "/no/such/kubeconfig", "monitoring", out, "", nil)
	require.ErrorContains(t, err, "no package example.com/none")
	other := filepath.Join(out, "other")
	require.NoError(t, os.WriteFile(other, []byte("prometheus_build_info{version=\"1.0.0\"} 1\n"), 0o600))
	c := &collector{sizes: metrics.Sizes{}, found: map[string]*exposition{"prometheus": {version: "2.0.0", scraped: metrics.Exposition{}}}}
	require.EqualError(t, c.scrape(source{"prometheus", other}), "prometheus: the cluster runs 1.0.0, and the sources are of 2.0.0")
}
