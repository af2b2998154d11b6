package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answers of an API server with one node and two pods.
var answers = map[string]string{
	"/api/v1/nodes": `{"items": [{"metadata": {"name": "a"}}]}`,
	"/api/v1/namespaces/monitoring/pods": `{"items": [
		{"metadata": {"name": "b-0", "namespace": "monitoring", "labels": {"app.kubernetes.io/name": "blackbox-exporter"}}, "spec": {"containers": [{"ports": [{"name": "web", "containerPort": 9115}, {"name": "other", "containerPort": 1}]}]}},
		{"metadata": {"name": "d-0", "namespace": "monitoring", "labels": {"app.kubernetes.io/name": "node-directory-size-metrics"}}, "spec": {"containers": [{}, {"ports": [{"name": "metrics", "containerPort": 9102}]}]}}]}`,
	"/api/v1/namespaces/kube-system/pods": `{"items": []}`,

	"/metrics": `# TYPE kubernetes_build_info gauge
kubernetes_build_info{git_version="v1.35.4"} 1
# TYPE requests_seconds histogram
requests_seconds_bucket{verb="GET",le="0.5"} 1
requests_seconds_bucket{verb="GET",le="+Inf"} 1
requests_seconds_sum{verb="GET"} 1
requests_seconds_count{verb="GET"} 1
`,
	"/api/v1/nodes/a/proxy/metrics":                                     "kubelet_a 1\n",
	"/api/v1/nodes/a/proxy/metrics/cadvisor":                            "container_a{pod=\"x\"} 1\n",
	"/api/v1/namespaces/monitoring/pods/b-0:9115/proxy/metrics":         "blackbox_exporter_build_info{version=\"0.28.0\"} 1\n",
	"/api/v1/namespaces/monitoring/pods/b-0:9115/proxy/probe":           "# TYPE probe_success gauge\nprobe_success 1\n",
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

func TestCollect(t *testing.T) {
	kubeconfig, out, docs := server(t, answers), t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(docs, "pod-metrics.md"), []byte("| Metric name | Type |\n"+
		"| kube_pod_info | Gauge | | | `pod`=&lt;pod-name&gt; <br> `host_ip`=&lt;ip&gt; |\n"+
		"| kube_pod_labels | Gauge | | | `pod`=&lt;pod-name&gt; <br> `label_POD_LABEL`=&lt;label&gt; |\n"), 0o600))
	etcd := filepath.Join(t.TempDir(), "etcd")
	require.NoError(t, os.WriteFile(etcd, []byte("# TYPE etcd_server_has_leader gauge\netcd_server_has_leader 1\n"), 0o600))
	state := filepath.Join(t.TempDir(), "state")
	require.NoError(t, os.WriteFile(state, []byte("kube_state_metrics_build_info{version=\"2.15.0\"} 1\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(out, "etcd.txt"), []byte("# before\netcd_before counter code\n"), 0o600))

	require.NoError(t, run(t.Context(), kubeconfig, "monitoring", docs, out, []string{"etcd=" + etcd, "kube-state-metrics=" + state}))
	for file, want := range map[string]string{
		"kube-apiserver-v1.35.4.txt":      "# What kube-apiserver exposes: name type labels le. Written by `make metrics`.\nkubernetes_build_info gauge git_version\nrequests_seconds histogram verb le=0.5,+Inf\n",
		"kubelet.txt":                     "# What kubelet exposes: name type labels le. Written by `make metrics`.\nkubelet_a unknown -\n",
		"cadvisor.txt":                    "# What cadvisor exposes: name type labels le. Written by `make metrics`.\ncontainer_a unknown pod\n",
		"blackbox-exporter-v0.28.0.txt":   "# What blackbox-exporter exposes: name type labels le. Written by `make metrics`.\nblackbox_exporter_build_info unknown version\n",
		"probe.txt":                       "# What probe exposes: name type labels le. Written by `make metrics`.\nprobe_success gauge -\n",
		"node-directory-size-metrics.txt": "# What node-directory-size-metrics exposes: name type labels le. Written by `make metrics`.\nnode_directory_size_bytes unknown path\n",
		"etcd.txt":                        "# What etcd exposes: name type labels le. Written by `make metrics`.\netcd_before counter code\netcd_server_has_leader gauge -\n",
		"kube-state-metrics-v2.15.0.txt":  "# What kube-state-metrics exposes: name type labels le. Written by `make metrics`.\nkube_pod_info gauge host_ip,pod\nkube_pod_labels gauge pod,?\nkube_state_metrics_build_info unknown version\n",
	} {
		text, err := os.ReadFile(filepath.Join(out, file))
		require.NoError(t, err)
		assert.Equal(t, want, string(text), file)
	}
}

func TestCollectFails(t *testing.T) {
	out := t.TempDir()
	err := run(t.Context(), server(t, answers), "monitoring", "", out, []string{"etcd"})
	require.EqualError(t, err, `"etcd"; want EXPORTER=SOURCE`)
	err = run(t.Context(), server(t, answers), "elsewhere", "", out, nil)
	require.ErrorContains(t, err, "/api/v1/namespaces/elsewhere/pods")
	err = run(t.Context(), server(t, answers), "monitoring", "", out, []string{"etcd=/no/such/path"})
	require.EqualError(t, err, "etcd: /no/such/path: 404 Not Found")
	err = run(t.Context(), server(t, answers), "monitoring", out, out, nil)
	require.ErrorContains(t, err, "no kube-state-metrics was scraped")
	err = run(t.Context(), "/no/such/kubeconfig", "monitoring", "", out, nil)
	require.Error(t, err)
}
