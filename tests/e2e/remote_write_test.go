//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// remote is the namespace of the receiver, and of an agent that writes to it too.
const remote = "remote"

// The configurations of the receiver, which scrapes nothing, and of the agent, which scrapes itself.
const (
	receiverConfig = "global: {}\n"
	agentInterval  = 5 * time.Second
	agentConfig    = `
global: {scrape_interval: 5s, scrape_timeout: 5s, external_labels: {cluster: agent}}
scrape_configs: [{job_name: agent, static_configs: [{targets: ["localhost:9090"]}]}]
remote_write: [{name: receiver, url: "http://receiver:9090/api/v1/write", protobuf_message: io.prometheus.write.v2.Request, send_native_histograms: true}]
`
)

func TestRemoteWrite(t *testing.T) {
	leftOut(t)
	n := start(t)
	n.cluster.localOnly(t, "processes to kill")
	n.deploy(t)
	writtenOnce(t, n)
}

// writtenOnce has the stack and an agent write to a receiver that is killed and cannot be reached for
// a minute, and restarts the agent after that. What the receiver then has is what the stack has, and
// nothing twice. Then the stack becomes an agent itself.
func writtenOnce(t *testing.T, n *node) {
	n.emptyNamespace(t, remote)
	n.prometheusIn(t, "receiver", receiverConfig, "--config.file=/etc/prometheus/config/prometheus.yml", "--web.enable-remote-write-receiver", "--storage.tsdb.path=/prometheus")
	n.prometheusIn(t, "agent", agentConfig, "--agent", "--config.file=/etc/prometheus/config/prometheus.yml", "--storage.agent.path=/prometheus")
	receiver := promv1.NewAPI(n.serviceIn(t, remote, "receiver:web"))

	n.set(t, "prometheus.remoteWrite[0].name", "receiver")
	n.set(t, "prometheus.remoteWrite[0].url", "http://receiver."+remote+".svc:9090/api/v1/write")
	n.up(t)
	n.poke(t, namespace, "app.kubernetes.io/name=prometheus")
	eventually(t, 2*time.Minute, "the receiver has samples of both senders", func(ctx context.Context) string {
		for _, selector := range []string{`up{job="node-exporter", cluster="` + n.stack.Cluster.Name + `"}`, `up{job="agent"}`} {
			if found, err := raw(ctx, receiver, selector, time.Minute, time.Now()); err != nil || len(found) == 0 {
				return fmt.Sprint("nothing for ", selector, " ", err)
			}
		}
		return ""
	})
	// By now the receiver has whatever the stack scrapes from here on.
	begin := time.Now()
	time.Sleep(n.stack.Prometheus.ScrapeInterval.Duration)

	n.patch(t, "v1", "Service", remote, "receiver", `{"spec":{"selector":{"app":"nobody"}}}`)
	n.shell(t, `kill -9 $(processes "/bin/prometheus --config.file=/etc/prometheus/config/prometheus.yml --web.enable-remote-write-receiver")`)
	time.Sleep(time.Minute)
	n.patch(t, "v1", "Service", remote, "receiver", `{"spec":{"selector":{"app":"receiver"}}}`)

	// The samples that wait in an agent are lost with it, so it is restarted once it has caught up.
	back := time.Now()
	eventually(t, time.Minute, "the agent has caught up", func(ctx context.Context) string {
		found, err := raw(ctx, receiver, `up{job="agent"}`, time.Minute, time.Now())
		for _, times := range found {
			if newest := times[len(times)-1]; newest.Time().After(back) {
				return ""
			}
		}
		return fmt.Sprint("not yet ", err)
	})
	n.shell(t, `kill $(processes "/bin/prometheus --agent")`)
	restart := n.restarted(t, "agent")

	end := time.Now()
	span := end.Sub(begin)
	selector := fmt.Sprintf(`{job=~"prometheus|node-exporter", cluster=%q}`, n.stack.Cluster.Name)
	eventually(t, time.Minute, "the receiver has each sample of the stack once", func(ctx context.Context) string {
		want, err := raw(ctx, n.prometheus, selector, span, end)
		if err != nil || len(want) < 100 {
			return fmt.Sprintf("the stack has %d series, %v", len(want), err)
		}
		got, err := raw(ctx, receiver, selector, span, end)
		if err != nil {
			return err.Error()
		}
		return differences(want, got)
	})

	eventually(t, time.Minute, "the agent sends again", func(ctx context.Context) string {
		found, err := raw(ctx, receiver, `up{job="agent"}`, agentInterval*3, time.Now())
		if err != nil || len(found) == 0 {
			return fmt.Sprint("nothing ", err)
		}
		return ""
	})
	scrapes, err := raw(t.Context(), receiver, `up{job="agent"}`, time.Since(begin), time.Now())
	require.NoError(t, err)
	require.Len(t, scrapes, 1)
	for _, times := range scrapes {
		for i := range times[1:] {
			gap := times[i+1].Sub(times[i])
			assert.LessOrEqual(t, gap, restart+3*agentInterval, "the agent sent nothing from %s on", times[i].Time().Format(time.TimeOnly))
			if gap > 2*agentInterval {
				assert.True(t, times[i].Time().After(back), "samples of the agent from %s on are lost", times[i].Time().Format(time.TimeOnly))
			}
		}
	}

	sentByAgent(t, n, receiver)
	n.localcluster(t, "demo") // with the stack's config
	require.NoError(t, n.kubernetes.CoreV1().Namespaces().Delete(t.Context(), remote, metav1.DeleteOptions{}))
}

// sentByAgent makes the stack itself an agent, and expects each of its targets in the receiver.
func sentByAgent(t *testing.T, n *node, receiver promv1.API) {
	n.set(t, "prometheus.mode", "agent")
	n.set(t, "alerting.enabled", "false")
	n.set(t, "grafana.enabled", "false")
	for _, setting := range []string{"retention", "evaluationInterval"} { // which agents do not have
		n.pulumi(t, "config", "rm", "--path", config.Project+":prometheus."+setting)
	}
	n.up(t)
	began := time.Now()
	eventually(t, 3*time.Minute, "the receiver has each target of the agent", func(ctx context.Context) string {
		targets, err := n.prometheus.Targets(ctx)
		if err != nil {
			return err.Error()
		}
		found, _, _, err := receiver.Query(ctx, fmt.Sprintf(`up{cluster=%[1]q} == 1 and timestamp(up{cluster=%[1]q}) > %[2]d`, n.stack.Cluster.Name, began.Unix()), time.Now())
		if err != nil {
			return err.Error()
		}
		if sent := len(found.(model.Vector)); len(targets.Active) < 10 || sent != len(targets.Active) {
			return fmt.Sprintf("%d of %d", sent, len(targets.Active))
		}
		return ""
	})
	_, err := n.tryQuery(t.Context(), "up", time.Now())
	require.ErrorContains(t, err, "unavailable with Prometheus Agent")
	_, err = n.kubernetes.AppsV1().StatefulSets(namespace).Get(t.Context(), "alertmanager", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), "Alertmanager is still there: %v", err)
}

// prometheusIn starts a Prometheus in the namespace remote, with a configuration and arguments, and a
// Service in front of it.
func (n *node) prometheusIn(t *testing.T, name, text string, args ...string) {
	t.Helper()
	_, err := n.kubernetes.CoreV1().ConfigMaps(remote).Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Data:       map[string]string{"prometheus.yml": text},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	pod := n.metricsPod(name, nil)
	pod.Spec.Volumes = []corev1.Volume{
		{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}},
		{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
	}
	pod.Spec.TerminationGracePeriodSeconds = nil
	pod.Spec.Containers = []corev1.Container{{
		Name:  "prometheus",
		Image: n.stack.Images.Ref(config.PrometheusImage),
		Args:  args,
		Ports: []corev1.ContainerPort{{Name: "web", ContainerPort: 9090}},
		VolumeMounts: []corev1.VolumeMount{
			{Name: "config", MountPath: "/etc/prometheus/config"},
			{Name: "data", MountPath: "/prometheus"},
		},
	}}
	_, err = n.kubernetes.CoreV1().Pods(remote).Create(t.Context(), pod, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = n.kubernetes.CoreV1().Services(remote).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       corev1.ServiceSpec{Selector: pod.Labels, Ports: []corev1.ServicePort{{Name: "web", Port: 9090}}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
}

// restarted waits until the container of a pod in the namespace remote was restarted, and returns for
// how long it did not run.
func (n *node) restarted(t *testing.T, pod string) time.Duration {
	t.Helper()
	var down time.Duration
	eventually(t, time.Minute, "the container of "+pod+" is restarted", func(ctx context.Context) string {
		found, err := n.kubernetes.CoreV1().Pods(remote).Get(ctx, pod, metav1.GetOptions{})
		if err != nil || len(found.Status.ContainerStatuses) == 0 {
			return fmt.Sprint("no status ", err)
		}
		status := found.Status.ContainerStatuses[0]
		if status.RestartCount == 0 || status.State.Running == nil || status.LastTerminationState.Terminated == nil {
			return "not yet"
		}
		down = status.State.Running.StartedAt.Sub(status.LastTerminationState.Terminated.FinishedAt.Time)
		return ""
	})
	return down
}

// raw returns the timestamps of the samples that a selector selects in a span of time before an
// instant, native histograms included: by series, without the label that tells replicas apart. It
// fails if a series is there twice.
func raw(ctx context.Context, server promv1.API, selector string, span time.Duration, end time.Time) (map[string][]model.Time, error) {
	value, _, _, err := server.Query(ctx, fmt.Sprintf("%s[%s]", selector, model.Duration(span.Truncate(time.Second))), end)
	if err != nil {
		return nil, err
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return nil, fmt.Errorf("%s returns a %s", selector, value.Type())
	}
	found := map[string][]model.Time{}
	for _, series := range matrix {
		delete(series.Metric, "replica")
		name := series.Metric.String()
		if _, twice := found[name]; twice {
			return nil, fmt.Errorf("%s is there twice", name)
		}
		for _, sample := range series.Values {
			found[name] = append(found[name], sample.Timestamp)
		}
		for _, sample := range series.Histograms {
			found[name] = append(found[name], sample.Timestamp)
		}
	}
	return found, nil
}

// differences describes the first series whose samples differ; empty if none do.
func differences(want, got map[string][]model.Time) string {
	for name, times := range want {
		if !assert.ObjectsAreEqual(times, got[name]) {
			return fmt.Sprintf("%s: %d samples, want %d", name, len(got[name]), len(times))
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			return name + " is not one of the stack's series"
		}
	}
	return ""
}
