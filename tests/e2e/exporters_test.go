//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// directorySizes compares the size that node-directory-size-metrics reports for a directory
// with the output of du on the node.
func directorySizes(t *testing.T, n *node) {
	const directory = `/var/lib/e2e "sizes"`
	n.localcluster(t, "exec", "mkdir", "-p", directory+"/below")
	t.Cleanup(func() { n.localcluster(t, "exec", "rm", "-r", directory) })
	n.localcluster(t, "exec", "dd", "if=/dev/zero", "of="+directory+"/below/file", "bs=1M", "count=24", "status=none")
	n.localcluster(t, "exec", "sync")

	out := n.localcluster(t, "exec", "du", "-s", "-k", "-x", directory)
	kilobytes, err := strconv.ParseFloat(strings.Fields(out)[0], 64)
	require.NoError(t, err)
	require.Greater(t, kilobytes, 24.0*1024)

	query := fmt.Sprintf("node_directory_size_bytes{path=%q}", directory)
	eventually(t, 4*time.Minute, "the size of a new directory", func(ctx context.Context) string {
		samples, err := n.tryQuery(ctx, query, time.Now())
		if err != nil || len(samples) != 1 {
			return fmt.Sprintf("%d samples of %s, %v", len(samples), query, err)
		}
		if got := float64(samples[0].Value); got != kilobytes*1024 {
			return fmt.Sprintf("%f bytes, but du reports %f", got, kilobytes*1024)
		}
		return ""
	})
	require.NotEmpty(t, n.query(t, `node_directory_size_scan_success{path="/var"} == 1`, time.Now()))
}

// customResources has kube-state-metrics report the parents of HTTPRoutes, whose CustomResourceDefinition
// publishedUIs has created, and changes a label in its file, which must not restart it.
func customResources(t *testing.T, n *node) {
	routes := n.dynamic.Resource(httpRoutes).Namespace(workloads)
	route := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": gatewayv1.GroupVersion.String(), "kind": "HTTPRoute", "metadata": map[string]any{"name": "custom"},
		"spec": map[string]any{"parentRefs": []any{map[string]any{"name": "public"}, map[string]any{"name": "internal"}}},
	}}
	_, err := routes.Create(t.Context(), route, metav1.CreateOptions{})
	require.NoError(t, err)
	defer func() { require.NoError(t, routes.Delete(t.Context(), "custom", metav1.DeleteOptions{})) }()
	restore := n.upWith(t, func(put func(path string, value any)) {
		put("exporters.kubeStateMetrics.customResourceState.spec.resources", []any{map[string]any{
			"groupVersionKind": map[string]any{"group": gatewayv1.GroupName, "version": "v1", "kind": "HTTPRoute"},
			"metricNamePrefix": "gateway",
			"labelsFromPath":   map[string]any{"namespace": []any{"metadata", "namespace"}, "httproute": []any{"metadata", "name"}},
			"metrics": []any{map[string]any{"name": "route_parent_info", "each": map[string]any{"type": "Info", "info": map[string]any{
				"path": []any{"spec", "parentRefs"}, "labelsFromPath": map[string]any{"parent": []any{"name"}},
			}}}},
		}})
	})
	defer restore()
	parents := func(query, label string, want ...string) {
		t.Helper()
		eventually(t, 3*time.Minute, query, func(ctx context.Context) string {
			samples, err := n.tryQuery(ctx, query, time.Now())
			if err != nil {
				return err.Error()
			}
			var got []string
			for _, sample := range samples {
				got = append(got, string(sample.Metric[model.LabelName(label)]))
				if string(sample.Metric["cluster"]) != n.stack.Cluster.Name {
					return fmt.Sprintf("%s lacks the cluster label", sample.Metric)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				return fmt.Sprintf("%s: %q", label, got)
			}
			return ""
		})
	}
	const selected = `{job="kube-state-metrics", namespace="e2e", httproute="custom", customresource_kind="HTTPRoute"}`
	parents("gateway_route_parent_info"+selected+" == 1", "parent", "internal", "public")

	// The command line has the names of metrics, so another path of one is an edit of the file alone.
	pods := func() string {
		list, err := n.kubernetes.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=kube-state-metrics"})
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
		return string(list.Items[0].UID)
	}
	before := pods()
	n.set(t, "exporters.kubeStateMetrics.customResourceState.spec.resources[0].metrics[0].each.info.labelsFromPath.gateway[0]", "name")
	n.up(t)
	parents("gateway_route_parent_info"+selected, "gateway", "internal", "public")
	assert.Equal(t, before, pods(), "kube-state-metrics restarted, although it reads its file again")
	n.unchanged(t)
}

// hostProgram scrapes the port of node-exporter on every node as docs/scraping.md does that of a program outside of
// Kubernetes.
func hostProgram(t *testing.T, n *node) {
	restore := n.upWith(t, func(put func(path string, value any)) {
		put("discovery.extraScrapeConfigs", []any{map[string]any{
			"job_name":              "host",
			"kubernetes_sd_configs": []any{map[string]any{"role": "node"}},
			"relabel_configs": []any{
				map[string]any{"source_labels": []any{"__address__"}, "regex": `(.+):\d+`, "target_label": "__address__", "replacement": fmt.Sprintf("$1:%d", n.stack.Exporters.NodeExporter.Port)},
				map[string]any{"source_labels": []any{"__meta_kubernetes_node_name"}, "target_label": "host"},
			},
		}})
	})
	defer func() {
		restore()
		n.up(t) // the steps after this one look at what an update changes
	}()
	nodes, err := n.kubernetes.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	eventually(t, 3*time.Minute, "every node is scraped", func(ctx context.Context) string {
		samples, err := n.tryQuery(ctx, `up{job="host"} == 1`, time.Now())
		if err != nil || len(samples) != len(nodes.Items) {
			return fmt.Sprintf("%d targets are up, %v", len(samples), err)
		}
		for _, node := range nodes.Items {
			if !slices.ContainsFunc(samples, func(sample *model.Sample) bool { return string(sample.Metric["host"]) == node.Name }) {
				return node.Name + " is not scraped"
			}
		}
		return ""
	})
	require.NotEmpty(t, n.query(t, `node_arp_entries{job="host"}`, time.Now()), "every metric is stored, though nothing uses it")
	n.unchanged(t)
}
