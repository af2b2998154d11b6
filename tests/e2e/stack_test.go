//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// TestStack takes a stack through its life. Each step relies on the steps before it.
func TestStack(t *testing.T) {
	n := start(t)
	step := func(name string, test func(*testing.T, *node)) {
		if !t.Run(name, func(t *testing.T) { test(t, n) }) {
			t.FailNow()
		}
	}
	// life is a step after which a refreshed preview must find nothing to change.
	life := func(name string, test func(*testing.T, *node)) {
		step(name, func(t *testing.T, n *node) {
			test(t, n)
			n.unchanged(t)
		})
	}
	life("up on an empty cluster", upFromEmpty)
	step("an annotated pod is scraped once, within two intervals", annotatedPod)
	step("every target of every job is up", targetsUp)
	step("samples of each exporter can be queried", exporterSamples)
	step("a label mutes the alerts about a pod", mutedPod)
	step("directory sizes equal those of du", directorySizes)
	step("every query of every dashboard returns data", dashboardQueries)
	step("the checks consider every series possible", seriesPossible)
	life("whatever the stack uses is stored, everything if asked for, and both forms of histograms agree", storedMetrics)
	step("Grafana is filled from files and by the import Job", grafanaShows)
	life("a second up changes nothing", secondUp)
	life("edits that programs reload restart nothing", reloadedEdits)
	step("web UIs are published by a route and an Ingress", publishedUIs)
	step("custom resources become metrics", customResources)
	step("a program of the nodes is scraped by a scrape config of the stack's own", hostProgram)
	life("edits that restart a program replace nothing", restartingEdits)
	life("silences survive a change of the alerting config", keptSilence)
	life("samples survive a killed process and a deleted pod", samplesOutlive)
	life("a claim grows in place, together with other changes", growingClaim)
	life("a claim that would shrink is refused before anything changes", shrinkingClaim)
	life("a missing image fails the update, and the next update corrects it", missingImage)
	life("a node that is too small fails the update, and the next update corrects it", smallNode)
	life("protected volumes survive a destroy", protectedVolumes)
	life("a stack without its state adopts its objects", lostState)
	life("an update whose engine was killed is completed by the next update", killedUp)
	life("samples survive a destroy and the next up", destroyAndUp)
}

// upFromEmpty deploys the stack as `make demo` does, on a cluster without it.
func upFromEmpty(t *testing.T, n *node) {
	// An aborted run may leave a lock and protected volumes.
	for _, args := range [][]string{{"pulumi", "cancel", "--yes"}, {"pulumi", "state", "unprotect", "--all", "--yes"}} {
		_, _ = n.try(t, args...)
	}
	n.destroy(t)
	_, err := n.kubernetes.CoreV1().Namespaces().Get(t.Context(), namespace, metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), "the namespace is still there: %v", err)
	n.deploy(t)
	n.emptyNamespace(t, workloads)
	n.annotatedService(t)
}

// workloads is the namespace of the pods and Services that the tests monitor.
const workloads = "e2e"

// emptyNamespace deletes a namespace, if it exists, and creates it.
func (n *node) emptyNamespace(t *testing.T, name string) {
	t.Helper()
	client := n.kubernetes.CoreV1().Namespaces()
	err := client.Delete(t.Context(), name, metav1.DeleteOptions{})
	require.True(t, err == nil || apierrors.IsNotFound(err), "%v", err)
	eventually(t, 2*time.Minute, "namespace "+name+" is gone", func(ctx context.Context) string {
		if _, err := client.Get(ctx, name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return fmt.Sprint(err)
		}
		return ""
	})
	_, err = client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	require.NoError(t, err)
	eventually(t, time.Minute, "pods can be created", func(ctx context.Context) string {
		if _, err := n.kubernetes.CoreV1().ServiceAccounts(name).Get(ctx, "default", metav1.GetOptions{}); err != nil {
			return err.Error()
		}
		return ""
	})
}

func targetsUp(t *testing.T, n *node) {
	eventually(t, 3*time.Minute, "every enabled job has targets, and all are up", func(ctx context.Context) string {
		targets, err := n.prometheus.Targets(ctx)
		if err != nil {
			return err.Error()
		}
		up := map[string]int{}
		for _, target := range targets.Active {
			if target.Health != promv1.HealthGood {
				return fmt.Sprintf("%s is %s: %s", target.ScrapeURL, target.Health, target.LastError)
			}
			up[string(target.Labels["job"])]++
		}
		for _, job := range config.Jobs {
			if n.stack.Enabled(job) && up[string(job)] == 0 {
				return fmt.Sprintf("job %s has no target", job)
			}
		}
		return ""
	})
}

// annotatedService creates a pod that serves metrics, and a Service in front of it with
// annotations to be scraped and probed. The pod has no such annotations.
func (n *node) annotatedService(t *testing.T) {
	t.Helper()
	pod := n.metricsPod("annotated-service", map[string]string{})
	_, err := n.kubernetes.CoreV1().Pods(workloads).Create(t.Context(), pod, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = n.kubernetes.CoreV1().Services(workloads).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Name:        pod.Name,
			Annotations: map[string]string{"prometheus.io/scrape": "true", "prometheus.io/probe": "true", "prometheus.io/probe-path": "/metrics"},
		},
		Spec: corev1.ServiceSpec{Selector: pod.Labels, Ports: []corev1.ServicePort{{Name: "http", Port: 9100}}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
}

// metricsPod returns a pod that serves node-exporter's metrics on port 9100.
func (n *node) metricsPod(name string, annotations map[string]string) *corev1.Pod {
	user, no := int64(65534), false
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": name}, Annotations: annotations},
		Spec: corev1.PodSpec{
			AutomountServiceAccountToken:  &no,
			TerminationGracePeriodSeconds: new(int64),
			SecurityContext:               &corev1.PodSecurityContext{RunAsUser: &user},
			Containers: []corev1.Container{{
				Name:  "exporter",
				Image: n.stack.Images.Ref(config.NodeExporterImage),
				Args:  []string{"--collector.disable-defaults", "--collector.uname"},
				Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 9100}},
			}},
		},
	}
}

func exporterSamples(t *testing.T, n *node) {
	for job, query := range map[config.Job]string{
		config.PrometheusJob:       `prometheus_tsdb_head_series > 0`,
		config.AlertmanagerJob:     `alertmanager_config_last_reload_successful == 1`,
		config.NodesJob:            `kubelet_running_pods{node!=""} > 0`,
		config.CadvisorJob:         `container_memory_working_set_bytes{namespace="monitoring", container="prometheus"} > 0`,
		config.APIServersJob:       `apiserver_request_total{job="kubernetes-apiservers", resource="pods"} > 0`,
		config.EndpointsJob:        `node_uname_info{job="kubernetes-endpoints", service="annotated-service"}`,
		config.ServicesJob:         `probe_success{service="annotated-service"} == 1`,
		config.NodeExporterJob:     `node_filesystem_avail_bytes{job="node-exporter", node!=""} > 0`,
		config.KubeStateMetricsJob: `kube_pod_status_phase{namespace="monitoring", phase="Running"} == 1`,
		config.BlackboxExporterJob: `blackbox_exporter_config_last_reload_successful == 1`,
	} {
		eventually(t, time.Minute, string(job), func(ctx context.Context) string {
			samples, err := n.tryQuery(ctx, query, time.Now())
			if err != nil {
				return err.Error()
			}
			if len(samples) == 0 {
				return "no samples for " + query
			}
			for _, sample := range samples {
				if string(sample.Metric["cluster"]) != n.stack.Cluster.Name {
					return fmt.Sprintf("%s lacks the cluster label", sample.Metric)
				}
			}
			return ""
		})
	}
}

// mutedPod waits until the pod that is labelled so is muted, and no other object is, but for what a
// fault muted a while ago.
func mutedPod(t *testing.T, n *node) {
	eventually(t, 2*time.Minute, "the alerts about a pod are muted", func(ctx context.Context) string {
		samples, err := n.tryQuery(ctx, `ALERTS{alertname="AlertsOff", alertstate="firing", namespace!~"fault-.*"}`, time.Now())
		if err != nil || len(samples) != 1 || samples[0].Metric["pod"] != "annotated-pod" || samples[0].Metric["muted"] != "pod" {
			return fmt.Sprint(samples, err)
		}
		return ""
	})
}

func annotatedPod(t *testing.T, n *node) {
	pod := n.metricsPod("annotated-pod", map[string]string{"prometheus.io/scrape": "true", "prometheus.io/port": "9100"})
	pod.Labels["app"] = "annotated-service" // so that the annotated Service selects it too
	pod.Labels[config.AlertsLabel] = "false"
	// A second container with another port must not become a second target.
	pod.Spec.Containers = append(pod.Spec.Containers, *pod.Spec.Containers[0].DeepCopy())
	pod.Spec.Containers[1].Name = "other"
	pod.Spec.Containers[1].Args = append(pod.Spec.Containers[1].Args, "--web.listen-address=:9101")
	pod.Spec.Containers[1].Ports = []corev1.ContainerPort{{Name: "other", ContainerPort: 9101}}
	_, err := n.kubernetes.CoreV1().Pods(workloads).Create(t.Context(), pod, metav1.CreateOptions{})
	require.NoError(t, err)
	eventually(t, time.Minute, "the pod runs", func(ctx context.Context) string {
		pod, err := n.kubernetes.CoreV1().Pods(workloads).Get(ctx, pod.Name, metav1.GetOptions{})
		if err != nil || pod.Status.Phase != corev1.PodRunning {
			return fmt.Sprint(pod.Status.Phase, err)
		}
		return ""
	})
	intervals := 2 * n.stack.Prometheus.ScrapeInterval.Duration
	eventually(t, intervals, "a sample of the pod", func(ctx context.Context) string {
		samples, err := n.tryQuery(ctx, `up{job="kubernetes-pods", namespace="e2e", pod="annotated-pod"} == 1`, time.Now())
		if err != nil || len(samples) == 0 {
			return fmt.Sprint("no sample ", err)
		}
		return ""
	})
	time.Sleep(n.stack.Prometheus.ScrapeInterval.Duration) // for a second target to appear
	targets, err := n.prometheus.Targets(t.Context())
	require.NoError(t, err)
	var scraped []string
	for _, target := range targets.Active {
		if target.Labels["pod"] == "annotated-pod" {
			scraped = append(scraped, target.ScrapeURL)
		}
	}
	assert.Len(t, scraped, 1, "the pod must be scraped once")
}

// silence silences an alert for an hour.
func (n *node) silence(t *testing.T, alert string) {
	t.Helper()
	silence := fmt.Sprintf(`{"matchers":[{"name":"alertname","value":%q,"isRegex":false}],"startsAt":%q,"endsAt":%q,"createdBy":"e2e","comment":"kept"}`,
		alert, time.Now().Format(time.RFC3339), time.Now().Add(time.Hour).Format(time.RFC3339))
	_, err := n.kubernetes.CoreV1().RESTClient().Post().Namespace(namespace).Resource("services").Name("alertmanager:web").
		SubResource("proxy").Suffix("api/v2/silences").SetHeader("Content-Type", "application/json").Body([]byte(silence)).DoRaw(t.Context())
	require.NoError(t, err)
}

// keptSilence changes a setting that restarts Alertmanager, and looks for the silence it made
// before.
func keptSilence(t *testing.T, n *node) {
	n.silence(t, "None")
	pods := n.kubernetes.CoreV1().Pods(namespace)
	before, err := pods.Get(t.Context(), "alertmanager-0", metav1.GetOptions{})
	require.NoError(t, err)
	n.set(t, "alerting.route.repeatInterval", "6h")
	n.up(t)
	after, err := pods.Get(t.Context(), "alertmanager-0", metav1.GetOptions{})
	require.NoError(t, err)
	assert.NotEqual(t, before.UID, after.UID, "Alertmanager did not restart")
	assert.Contains(t, n.get(t, "alertmanager:web", "api/v2/status", nil), "repeat_interval: 6h")
	assert.Contains(t, n.get(t, "alertmanager:web", "api/v2/silences", nil), `"comment":"kept"`)
}

func (n *node) prometheusPod(t *testing.T) *corev1.Pod {
	t.Helper()
	pod, err := n.kubernetes.CoreV1().Pods(namespace).Get(t.Context(), "prometheus-0", metav1.GetOptions{})
	require.NoError(t, err)
	return pod
}

// written is a time for which Prometheus has samples.
var written time.Time

// hasOldSamples waits until Prometheus returns samples for the time written.
func (n *node) hasOldSamples(t *testing.T) {
	t.Helper()
	eventually(t, 3*time.Minute, "samples of "+written.Format(time.TimeOnly), func(ctx context.Context) string {
		samples, err := n.tryQuery(ctx, `up{job="prometheus"}`, written)
		if err != nil {
			return err.Error()
		}
		if len(samples) == 0 {
			return "there are none"
		}
		return ""
	})
}

func samplesOutlive(t *testing.T, n *node) {
	written = time.Now()
	n.hasOldSamples(t)

	before := n.prometheusPod(t)
	n.localcluster(t, "exec", "busybox", "killall", "-9", "prometheus")
	eventually(t, time.Minute, "the killed container is restarted", func(context.Context) string {
		pod := n.prometheusPod(t)
		if pod.Status.ContainerStatuses[0].RestartCount == before.Status.ContainerStatuses[0].RestartCount {
			return "not restarted"
		}
		return ""
	})
	n.hasOldSamples(t)

	require.NoError(t, n.kubernetes.CoreV1().Pods(namespace).Delete(t.Context(), "prometheus-0", metav1.DeleteOptions{}))
	eventually(t, 2*time.Minute, "the deleted pod is replaced", func(ctx context.Context) string {
		pod, err := n.kubernetes.CoreV1().Pods(namespace).Get(ctx, "prometheus-0", metav1.GetOptions{})
		if err != nil || pod.UID == before.UID || len(pod.Status.ContainerStatuses) == 0 || !pod.Status.ContainerStatuses[0].Ready {
			return "not yet"
		}
		return ""
	})
	n.hasOldSamples(t)
}
