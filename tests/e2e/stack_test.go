//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// The life of a stack. The steps build on each other.
func TestStack(t *testing.T) {
	n := start(t)
	step := func(name string, test func(*testing.T, *node)) {
		if !t.Run(name, func(t *testing.T) { test(t, n) }) {
			t.FailNow()
		}
	}
	step("up from empty", upFromEmpty)
	step("an annotated pod is scraped once, within two intervals", annotatedPod)
	step("every target of every job is up", targetsUp)
	step("each exporter's samples can be queried", exporterSamples)
	step("directory sizes equal du's", directorySizes)
	step("every query of every dashboard returns data", dashboardQueries)
	step("the checks think every series possible", seriesPossible)
	step("Grafana is filled by files and by the job", grafanaShows)
	step("a second up changes nothing", secondUp)
	step("a changed scrape interval reaches the running server", changedInterval)
	step("a changed alerting config keeps silences", keptSilence)
	step("samples outlive the process and the pod", samplesOutlive)
	step("a claim grows in place and does not shrink", growingClaim)
	step("protected volumes outlive a destroy", protectedVolumes)
	step("destroy keeps the samples, and a second up finds them", destroyAndUp)
}

// upFromEmpty deploys as `make demo` does, on a cluster without the stack.
func upFromEmpty(t *testing.T, n *node) {
	n.pulumi(t, "destroy", "--yes", "--refresh", "--skip-preview", "--color", "never")
	_, err := n.kubernetes.CoreV1().Namespaces().Get(t.Context(), namespace, metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), "the namespace is still there: %v", err)
	n.localcluster(t, "demo")
	// Without what this machine cannot run.
	n.stack, err = config.FromFile(filepath.Join(n.root, ".local", "pulumi", "Pulumi.dev.yaml"))
	require.NoError(t, err)
	n.emptyNamespace(t, workloads)
	n.annotatedService(t)
}

// workloads is the namespace of what the tests deploy to be monitored.
const workloads = "e2e"

// emptyNamespace makes the namespace anew.
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
	eventually(t, 3*time.Minute, "every enabled job has targets and all of them are up", func(ctx context.Context) string {
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
			if n.stack.JobEnabled(job) && up[string(job)] == 0 {
				return fmt.Sprintf("job %s has no target", job)
			}
		}
		return ""
	})
}

// annotatedService is a pod that serves metrics behind a Service that asks to
// be scraped and probed. The pod itself asks for nothing.
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

// metricsPod serves node-exporter's metrics on port 9100.
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
		config.AlertmanagerJob:     `alertmanager_build_info`,
		config.NodesJob:            `kubelet_running_pods{node="demo"} > 0`,
		config.CadvisorJob:         `container_memory_working_set_bytes{namespace="monitoring", container="prometheus"} > 0`,
		config.APIServersJob:       `apiserver_request_total{job="kubernetes-apiservers", resource="pods"} > 0`,
		config.EndpointsJob:        `node_uname_info{job="kubernetes-endpoints", service="annotated-service"}`,
		config.ServicesJob:         `probe_success{service="annotated-service"} == 1`,
		config.NodeExporterJob:     `node_filesystem_avail_bytes{job="node-exporter", node="demo"} > 0`,
		config.KubeStateMetricsJob: `kube_pod_status_phase{namespace="monitoring", phase="Running"} == 1`,
		config.BlackboxExporterJob: `blackbox_exporter_build_info`,
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
				if sample.Metric["cluster"] != "demo" {
					return fmt.Sprintf("%s lacks the cluster label", sample.Metric)
				}
			}
			return ""
		})
	}
}

func annotatedPod(t *testing.T, n *node) {
	pod := n.metricsPod("annotated-pod", map[string]string{"prometheus.io/scrape": "true", "prometheus.io/port": "9100"})
	pod.Labels["app"] = "annotated-service" // behind the annotated Service too
	// A second container with a port of its own must not make a second target.
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
	time.Sleep(n.stack.Prometheus.ScrapeInterval.Duration) // for a second target to show itself
	targets, err := n.prometheus.Targets(t.Context())
	require.NoError(t, err)
	var scraped []string
	for _, target := range targets.Active {
		if target.Labels["pod"] == "annotated-pod" {
			scraped = append(scraped, target.ScrapeURL)
		}
	}
	assert.Len(t, scraped, 1, "the pod is scraped once")
}

func secondUp(t *testing.T, n *node) {
	n.pulumi(t, "up", "--yes", "--skip-preview", "--expect-no-changes", "--color", "never")
	n.pulumi(t, "preview", "--expect-no-changes", "--color", "never")
}

func changedInterval(t *testing.T, n *node) {
	before := n.prometheusPod(t)
	n.set(t, "prometheus.scrapeInterval", "10s")
	n.up(t)
	eventually(t, 3*time.Minute, "the server reloads its config", func(ctx context.Context) string {
		loaded, err := n.prometheus.Config(ctx)
		if err != nil {
			return err.Error()
		}
		if !strings.Contains(loaded.YAML, "scrape_interval: 10s") {
			return "the old interval"
		}
		return ""
	})
	after := n.prometheusPod(t)
	assert.Equal(t, before.UID, after.UID)
	assert.Equal(t, before.Status.ContainerStatuses[0].RestartCount, after.Status.ContainerStatuses[0].RestartCount)
}

// keptSilence changes what restarts Alertmanager.
func keptSilence(t *testing.T, n *node) {
	silence := fmt.Sprintf(`{"matchers":[{"name":"alertname","value":"None","isRegex":false}],"startsAt":%q,"endsAt":%q,"createdBy":"e2e","comment":"kept"}`,
		time.Now().Format(time.RFC3339), time.Now().Add(time.Hour).Format(time.RFC3339))
	_, err := n.kubernetes.CoreV1().RESTClient().Post().Namespace(namespace).Resource("services").Name("alertmanager:web").
		SubResource("proxy").Suffix("api/v2/silences").SetHeader("Content-Type", "application/json").Body([]byte(silence)).DoRaw(t.Context())
	require.NoError(t, err)

	pods := n.kubernetes.CoreV1().Pods(namespace)
	before, err := pods.Get(t.Context(), "alertmanager-0", metav1.GetOptions{})
	require.NoError(t, err)
	n.set(t, "alerting.route.repeatInterval", "6h")
	n.up(t)
	after, err := pods.Get(t.Context(), "alertmanager-0", metav1.GetOptions{})
	require.NoError(t, err)
	assert.NotEqual(t, before.UID, after.UID, "the new config is in use")
	assert.Contains(t, n.get(t, "alertmanager:web", "api/v2/status", nil), "repeat_interval: 6h")
	assert.Contains(t, n.get(t, "alertmanager:web", "api/v2/silences", nil), `"comment":"kept"`)
}

func (n *node) prometheusPod(t *testing.T) *corev1.Pod {
	t.Helper()
	pod, err := n.kubernetes.CoreV1().Pods(namespace).Get(t.Context(), "prometheus-0", metav1.GetOptions{})
	require.NoError(t, err)
	return pod
}

// written is a moment of which Prometheus has samples.
var written time.Time

// hasOldSamples waits for the server and asks it for samples of that moment.
func (n *node) hasOldSamples(t *testing.T) {
	t.Helper()
	eventually(t, 3*time.Minute, "samples of "+written.Format(time.TimeOnly), func(ctx context.Context) string {
		samples, err := n.tryQuery(ctx, `up{job="prometheus"}`, written)
		if err != nil {
			return err.Error()
		}
		if len(samples) == 0 {
			return "they are gone"
		}
		return ""
	})
}

func samplesOutlive(t *testing.T, n *node) {
	written = time.Now()
	n.hasOldSamples(t)

	before := n.prometheusPod(t)
	n.localcluster(t, "exec", "busybox", "killall", "-9", "prometheus")
	eventually(t, time.Minute, "the killed container is started again", func(context.Context) string {
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

// preview is what `pulumi preview --json` says of the resources that change.
type preview struct {
	Steps []struct {
		Op       string `json:"op"`
		URN      string `json:"urn"`
		NewState struct {
			Type string `json:"type"`
		} `json:"newState"`
	} `json:"steps"`
}

func growingClaim(t *testing.T, n *node) {
	size := n.stack.Storage.Size.DeepCopy()
	size.Add(resource.MustParse("1Gi"))
	n.set(t, "storage.size", size.String())
	var planned preview
	require.NoError(t, json.Unmarshal([]byte(n.pulumi(t, "preview", "--json")), &planned))
	updated := map[string]bool{}
	for _, step := range planned.Steps {
		if step.Op == "same" {
			continue
		}
		assert.Equal(t, "update", step.Op, step.URN)
		updated[step.NewState.Type] = true
	}
	assert.True(t, updated["kubernetes:core/v1:PersistentVolumeClaim"], "updates: %v", updated)
	assert.False(t, updated["kubernetes:apps/v1:StatefulSet"], "updates: %v", updated)

	before := n.prometheusPod(t)
	n.up(t)
	claim, err := n.kubernetes.CoreV1().PersistentVolumeClaims(namespace).Get(t.Context(), "data-prometheus-0", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, size.String(), claim.Spec.Resources.Requests.Storage().String())
	assert.Equal(t, corev1.ClaimBound, claim.Status.Phase)
	volume, err := n.kubernetes.CoreV1().PersistentVolumes().Get(t.Context(), claim.Spec.VolumeName, metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, size.String(), volume.Spec.Capacity.Storage().String())
	assert.Equal(t, before.UID, n.prometheusPod(t).UID, "the pod is another one")
	n.hasOldSamples(t)

	n.set(t, "storage.size", "3Gi")
	out, err := n.try(t, "pulumi", "preview", "--color", "never")
	require.Error(t, err, "a preview that shrinks a claim fails")
	assert.Contains(t, out, fmt.Sprintf("storage-claim-0 would shrink from %s to 3Gi", size.String()))
	n.set(t, "storage.size", size.String())
}

// protectedVolumes destroys what is not protected, as the README says.
func protectedVolumes(t *testing.T, n *node) {
	t.Cleanup(func() { // or no other run could begin from empty
		n.set(t, "storage.protect", "false")
		n.pulumi(t, "state", "unprotect", "--all", "--yes")
	})
	n.set(t, "storage.protect", "true")
	n.up(t)
	pod := n.prometheusPod(t)
	out, err := n.try(t, "pulumi", "destroy", "--yes", "--color", "never")
	require.Error(t, err, "a plain destroy is refused")
	assert.Contains(t, out, "protected")
	assert.Equal(t, pod.UID, n.prometheusPod(t).UID, "the refused destroy destroys something")

	kept := n.volumes(t)
	require.NotEmpty(t, kept)
	n.pulumi(t, "destroy", "--yes", "--skip-preview", "--exclude-protected", "--color", "never")
	_, err = n.kubernetes.CoreV1().Namespaces().Get(t.Context(), namespace, metav1.GetOptions{})
	require.NoError(t, err)
	sets, err := n.kubernetes.AppsV1().StatefulSets(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	assert.Empty(t, sets.Items)
	assert.Equal(t, kept, n.volumes(t))

	n.up(t)
	assert.Equal(t, kept, n.volumes(t), "the claims and volumes are others")
	n.hasOldSamples(t)
}

// volumes are the claims of the stack and the volumes they are bound to, by UID.
func (n *node) volumes(t *testing.T) map[string]types.UID {
	t.Helper()
	claims, err := n.kubernetes.CoreV1().PersistentVolumeClaims(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	found := map[string]types.UID{}
	for _, claim := range claims.Items {
		volume, err := n.kubernetes.CoreV1().PersistentVolumes().Get(t.Context(), claim.Spec.VolumeName, metav1.GetOptions{})
		require.NoError(t, err, claim.Name)
		found["claim "+claim.Name], found["volume "+volume.Name] = claim.UID, volume.UID
	}
	return found
}

func destroyAndUp(t *testing.T, n *node) {
	n.pulumi(t, "destroy", "--yes", "--refresh", "--skip-preview", "--color", "never")
	_, err := n.kubernetes.CoreV1().Namespaces().Get(t.Context(), namespace, metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), "the namespace is still there: %v", err)
	roles, err := n.kubernetes.RbacV1().ClusterRoles().List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/part-of=" + config.Project})
	require.NoError(t, err)
	assert.Empty(t, roles.Items)

	n.set(t, "storage.size", n.stack.Storage.Size.String()) // of new claims, which may be smaller
	n.up(t)
	n.hasOldSamples(t)
}
