//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ktypes "k8s.io/apimachinery/pkg/types"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

const (
	slackAddress = nodeIP + ":9999"
	slackSecret  = "e2eSECRETe2eSECRETe2e" // the secret part of the webhook URL
)

// Each alert reaches Slack once, whether three Alertmanagers run or two.
func TestAlerting(t *testing.T) {
	n := start(t)
	n.cluster.localOnly(t, "an address on the node for the Slack receiver")
	slack := startSlack(t, n)
	n.emptyNamespace(t, workloads)
	n.localcluster(t, "demo") // which also copies the stack's config anew
	step := func(name string, test func(*testing.T)) {
		if !t.Run(name, test) {
			t.FailNow()
		}
	}
	step("up with three Alertmanagers and Slack", func(t *testing.T) { n.upWithSlack(t) })
	step("a pod that is not ready is reported once, and so is its recovery", func(t *testing.T) { n.podNotReady(t, slack, workloads) })
	step("an inhibited alert stays silent", func(t *testing.T) { n.inhibited(t, slack) })
	step("the same with one Alertmanager killed", func(t *testing.T) {
		n.killAlertmanager(t)
		// In another namespace, and so in another group: for a while Prometheus repeats
		// that the first alert is resolved.
		n.emptyNamespace(t, workloads+"-peer-down")
		n.podNotReady(t, slack, workloads+"-peer-down")
	})
	step("the webhook URL is only in its Secret", func(t *testing.T) { n.webhookHidden(t) })
}

// threeAlertmanagers changes the stack dev so that it has three, without volumes: only one node has a disk.
func (n *node) threeAlertmanagers(t *testing.T) {
	n.set(t, "storage.mode", "ephemeral")
	n.pulumi(t, "config", "rm", "--path", config.Project+":storage.local")
	n.set(t, "prometheus.retention", "2h")
	n.set(t, "alerting.replicas", "3")
}

// upWithSlack deploys the stack dev with Slack, and with alerts that fire sooner.
func (n *node) upWithSlack(t *testing.T) {
	n.threeAlertmanagers(t)
	n.set(t, "alerting.slack.channel", "#e2e")
	n.set(t, "alerting.slack.webhookUrl", "http://"+slackAddress+"/services/T0/B0/"+slackSecret, "--secret")
	n.set(t, "alerting.route.groupWait", "5s")
	n.set(t, "alerting.route.groupInterval", "1m") // peers wait up to 30s for each other
	n.set(t, "prometheus.scrapeInterval", "5s")
	n.set(t, "prometheus.scrapeTimeout", "5s")
	n.set(t, "prometheus.evaluationInterval", "5s")
	n.set(t, "alerting.overrides.PodNotReady.for", "10s")
	n.set(t, "alerting.extraRules.e2e", inhibitedRules)
	n.up(t)
}

// inhibitedRules fire one alert with two severities: the critical one mutes the warning, which fires later, because
// an Alertmanager that is found between the two would have the warning alone.
const inhibitedRules = `
groups:
  - name: e2e
    rules:
      - {alert: E2EInhibited, expr: vector(1), labels: {severity: critical, cluster: demo, namespace: e2e}, annotations: {summary: critical speaks}}
      - {alert: E2EInhibited, expr: vector(1), for: 30s, labels: {severity: warning, cluster: demo, namespace: e2e}, annotations: {summary: warning is silent}}
`

// podNotReady creates a pod that fits on no node, expects one message about PodNotReady,
// deletes the pod and expects one more.
func (n *node) podNotReady(t *testing.T, slack *slack, namespace string) {
	pod := n.metricsPod("waiting-in-"+namespace, nil)
	pod.Spec.NodeSelector = map[string]string{"e2e": "no-node"}
	pods := n.kubernetes.CoreV1().Pods(namespace)
	_, err := pods.Create(t.Context(), pod, metav1.CreateOptions{})
	require.NoError(t, err)
	about := func(m slackMessage) bool {
		return strings.Contains(m.title(), "PodNotReady") && strings.Contains(m.text(), namespace+"/"+pod.Name)
	}
	firing := slack.await(t, 4*time.Minute, "the alert", func(m slackMessage) bool { return about(m) && !m.resolved() })
	assert.Equal(t, "#e2e", firing.Message.Channel)
	assert.Equal(t, "/services/T0/B0/"+slackSecret, firing.Path)
	assert.Contains(t, firing.title(), "WARNING")
	assert.Contains(t, firing.title(), "on demo / "+namespace)
	assert.Contains(t, firing.text(), "docs/runbooks/PodNotReady.md|Runbook>")
	assert.Equal(t, "#ecb22e", firing.Message.Attachments[0].Color)

	require.NoError(t, pods.Delete(t.Context(), pod.Name, metav1.DeleteOptions{}))
	slack.await(t, 4*time.Minute, "the resolved alert", func(m slackMessage) bool { return about(m) && m.resolved() })
	time.Sleep(30 * time.Second) // in which the other peers could notify again
	var titles []string
	for _, m := range slack.messages() {
		if about(m) {
			titles = append(titles, m.title())
		}
	}
	assert.Len(t, titles, 2, "one message when it fired and one when it resolved")
}

func (n *node) inhibited(t *testing.T, slack *slack) {
	slack.await(t, 2*time.Minute, "the critical alert", func(m slackMessage) bool { return strings.Contains(m.text(), "critical speaks") })
	for _, m := range slack.messages() {
		assert.NotContains(t, m.text(), "warning is silent")
	}
	suppressed := n.get(t, "alertmanager:web", "api/v2/alerts", map[string]string{"filter": "alertname=E2EInhibited"})
	assert.Contains(t, suppressed, `"inhibitedBy":["`)
}

// killAlertmanager kills one of the three Alertmanagers, and cordons the node so that the
// pod does not start again before the test ends.
func (n *node) killAlertmanager(t *testing.T) {
	n.cordon(t, true)
	t.Cleanup(func() { n.cordon(t, false) })
	now := int64(0)
	pods := n.kubernetes.CoreV1().Pods(namespace)
	require.NoError(t, pods.Delete(t.Context(), "alertmanager-2", metav1.DeleteOptions{GracePeriodSeconds: &now}))
	eventually(t, time.Minute, "alertmanager-2 is gone", func(ctx context.Context) string {
		pod, err := pods.Get(ctx, "alertmanager-2", metav1.GetOptions{})
		if err != nil || pod.Status.Phase != corev1.PodPending {
			return fmt.Sprint("still there ", err)
		}
		return ""
	})
}

// cordon closes the local node, whose name is that of its context, to new pods, or opens it again.
func (n *node) cordon(t *testing.T, cordoned bool) {
	require.NoError(t, n.tryCordon(cordoned))
}

func (n *node) tryCordon(cordoned bool) error {
	patch := fmt.Sprintf(`{"spec":{"unschedulable":%v}}`, cordoned)
	_, err := n.kubernetes.CoreV1().Nodes().Patch(context.Background(), n.stack.Cluster.Context, ktypes.MergePatchType, []byte(patch), metav1.PatchOptions{})
	return err
}

// webhookHidden fails if the secret part of the webhook URL is in anything that Pulumi or the
// cluster stores or logs, except its Secret.
func (n *node) webhookHidden(t *testing.T) {
	needles := [][]byte{[]byte(slackSecret), []byte(base64.StdEncoding.EncodeToString([]byte(slackSecret)))[:20]}
	hidden := func(where string, text []byte) {
		for _, needle := range needles {
			assert.False(t, bytes.Contains(text, needle), "the webhook URL is in %s", where)
		}
	}
	for _, folder := range []string{"state", "Pulumi.dev.yaml"} {
		err := filepath.WalkDir(filepath.Join(n.root, ".local", "pulumi", folder), func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			hidden(path, text)
			return err
		})
		require.NoError(t, err)
	}
	configMaps, err := n.kubernetes.CoreV1().ConfigMaps(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.NotEmpty(t, configMaps.Items)
	for _, configMap := range configMaps.Items {
		text, err := json.Marshal(configMap)
		require.NoError(t, err)
		hidden("ConfigMap "+configMap.Name, text)
	}
	pods, err := n.kubernetes.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, pod := range pods.Items {
		text, err := json.Marshal(pod)
		require.NoError(t, err)
		hidden("pod "+pod.Name, text)
		for _, container := range pod.Spec.Containers {
			logs, err := n.kubernetes.CoreV1().Pods(namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Container: container.Name}).DoRaw(t.Context())
			if err == nil {
				hidden("log of "+pod.Name, logs)
			}
		}
	}
	events, err := n.kubernetes.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	text, err := json.Marshal(events)
	require.NoError(t, err)
	hidden("the events", text)
	hidden("Alertmanager's status", []byte(n.get(t, "alertmanager:web", "api/v2/status", nil)))

	secret, err := n.kubernetes.CoreV1().Secrets(namespace).Get(t.Context(), "alertmanager-secrets", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Contains(t, string(secret.Data[config.SlackWebhookFile]), slackSecret, "the Secret lacks the webhook URL: the test looks for the wrong text")
}

// slackMessage is a line that the receiver prints.
type slackMessage struct {
	Path    string
	Message struct {
		Channel     string
		Attachments []struct{ Title, Text, Color string }
	}
}

func (m slackMessage) title() string  { return m.Message.Attachments[0].Title }
func (m slackMessage) text() string   { return m.Message.Attachments[0].Text }
func (m slackMessage) resolved() bool { return strings.HasPrefix(m.title(), "RESOLVED") }

// slack holds what the receiver on the node has received.
type slack struct {
	commands io.Writer // of the receiver
	mu       sync.Mutex
	received []slackMessage
}

func startSlack(t *testing.T, n *node) *slack {
	t.Helper()
	stdin, stdout, wait := n.startProgram(t, "./receiver", "receiver", slackAddress)
	s := &slack{commands: stdin}
	n.slack = s
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines := bufio.NewScanner(stdout)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var m slackMessage
			if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
				continue
			}
			s.mu.Lock()
			s.received = append(s.received, m)
			s.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = stdin.Close() // ends the receiver
		<-done
		_ = wait()
	})
	return s
}

// answer has the receiver answer requests below a path with a status, after a delay; with status
// 200 as usual.
func (s *slack) answer(t *testing.T, path string, status int, delay time.Duration) {
	t.Helper()
	_, err := fmt.Fprintln(s.commands, path, status, delay)
	require.NoError(t, err)
}

func (s *slack) messages() []slackMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]slackMessage(nil), s.received...)
}

// await waits for a message that matches, and returns the first one.
func (s *slack) await(t *testing.T, patience time.Duration, what string, match func(slackMessage) bool) slackMessage {
	t.Helper()
	var found slackMessage
	eventually(t, patience, what+" reaches Slack", func(context.Context) string {
		messages := s.messages()
		for _, m := range messages {
			if match(m) {
				found = m
				return ""
			}
		}
		return fmt.Sprintf("none of %d messages", len(messages))
	})
	return found
}
