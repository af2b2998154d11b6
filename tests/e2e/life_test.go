//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// The steps of TestStack that change the stack, and what they may do to what is running.

// unchanged fails if the cluster differs from the stack, as a check for drift does.
func (n *node) unchanged(t testing.TB) {
	t.Helper()
	n.pulumi(t, "preview", "--refresh", "--expect-no-changes", "--diff", "--color", "never")
}

// plan returns the operations of an update by resource name, except those that change
// nothing.
func (n *node) plan(t testing.TB) map[string]string {
	t.Helper()
	var preview struct {
		Steps []struct {
			Op  string `json:"op"`
			URN string `json:"urn"`
		} `json:"steps"`
	}
	require.NoError(t, json.Unmarshal([]byte(n.pulumi(t, "preview", "--json")), &preview))
	plan := map[string]string{}
	for _, step := range preview.Steps {
		if step.Op != "same" {
			plan[step.URN[strings.LastIndex(step.URN, "::")+2:]] = step.Op
		}
	}
	return plan
}

// updates returns the plan. It fails if the plan does anything but update, or leaves out one
// of the resources.
func (n *node) updates(t testing.TB, resources ...string) map[string]string {
	t.Helper()
	plan := n.plan(t)
	for name, op := range plan {
		assert.Equal(t, "update", op, name)
	}
	for _, name := range resources {
		assert.Contains(t, plan, name)
	}
	return plan
}

func secondUp(t *testing.T, n *node) {
	n.pulumi(t, "up", "--yes", "--skip-preview", "--expect-no-changes", "--color", "never")
	n.pulumi(t, "preview", "--expect-no-changes", "--color", "never")
}

// ownRule is the format of a rule file for alerting.extraRules; its verb is the recorded value.
const ownRule = "groups:\n  - name: e2e\n    rules:\n      - {record: e2e:life:sum, expr: vector(%d)}\n"

func reloadedEdits(t *testing.T, n *node) {
	before := n.prometheusPod(t)
	n.set(t, "alerting.extraRules.e2e", fmt.Sprintf(ownRule, 1))
	n.set(t, "alerting.slack.channel", "#e2e")
	n.set(t, "alerting.slack.webhookUrl", "http://"+slackAddress+"/services/T0/B0/first", "--secret")
	plan := n.plan(t)
	assert.Equal(t, "update", plan["rules-config"])
	assert.Equal(t, "create", plan["alertmanager-secrets"], "there is none before the first secret")
	dashboard := filepath.Join(n.root, "dashboards", "custom", "e2e.json")
	t.Cleanup(func() { _ = os.Remove(dashboard) })
	write := func(title string) {
		text := fmt.Sprintf(`{"uid": "e2e", "title": %q, "schemaVersion": 39, "panels": []}`, title)
		require.NoError(t, os.WriteFile(dashboard, []byte(text), 0o644))
	}
	write("Before")
	n.up(t)

	for _, edit := range []struct {
		name    string
		change  func()
		updates string
	}{
		{"scrape interval", func() { n.set(t, "prometheus.scrapeInterval", "10s") }, "discovery-config"},
		{"retention", func() { n.set(t, "prometheus.retention", "6d") }, "discovery-config"},
		{"an alert's override", func() { n.set(t, "alerting.overrides.PodNotReady.for", "20m") }, "rules-config"},
		{"a rule in extraRules", func() { n.set(t, "alerting.extraRules.e2e", fmt.Sprintf(ownRule, 2)) }, "rules-config"},
		{"a receiver", func() { n.set(t, "alerting.slack.channel", "#other") }, "alertmanager-config"},
		{"a receiver's secret", func() {
			n.set(t, "alerting.slack.webhookUrl", "http://"+slackAddress+"/services/T0/B0/second", "--secret")
		}, "alertmanager-secrets"},
		{"a dashboard", func() { write("After") }, "grafana-dashboard-e2e"},
		{"a label of the namespace", func() { n.set(t, "cluster.labels.team", "e2e") }, "cluster-namespace"},
	} {
		edit.change()
		plan := n.updates(t, edit.updates)
		assert.NotContains(t, plan, "prometheus-server", "%s restarts Prometheus", edit.name)
	}
	n.up(t)
	eventually(t, 3*time.Minute, "Prometheus reloads its config and rules", func(ctx context.Context) string {
		loaded, err := n.prometheus.Config(ctx)
		if err != nil {
			return err.Error()
		}
		for _, line := range []string{"scrape_interval: 10s", "time: 6d"} {
			if !strings.Contains(loaded.YAML, line) {
				return "no " + line
			}
		}
		samples, err := n.tryQuery(ctx, "e2e:life:sum == 2", time.Now())
		if err != nil || len(samples) == 0 {
			return fmt.Sprint("still the old rule ", err)
		}
		return ""
	})
	after := n.prometheusPod(t)
	assert.Equal(t, before.UID, after.UID)
	assert.Equal(t, before.Status.ContainerStatuses[0].RestartCount, after.Status.ContainerStatuses[0].RestartCount)
	assert.Contains(t, n.get(t, "alertmanager:web", "api/v2/status", nil), "#other")

	require.NoError(t, os.Remove(dashboard))
	n.up(t)
}

func restartingEdits(t *testing.T, n *node) {
	written = time.Now()
	n.hasOldSamples(t)
	before, volumes := n.prometheusPod(t), n.volumes(t)
	image := n.stack.Images.Ref(config.PrometheusImage)
	n.localcluster(t, "exec", "ctr", "--namespace", "k8s.io", "images", "tag", "--force", image, image+"-e2e")
	n.set(t, "images.overrides.prometheus", image+"-e2e")
	n.set(t, "prometheus.resources.requests.cpu", "110m")
	n.set(t, "prometheus.tolerations[0].key", "e2e")
	n.set(t, "prometheus.tolerations[0].operator", "Exists")
	n.set(t, `prometheus.extraArgs["log.level"]`, "debug")
	n.updates(t, "prometheus-server")
	n.up(t)
	after := n.prometheusPod(t)
	assert.NotEqual(t, before.UID, after.UID)
	assert.Equal(t, image+"-e2e", after.Spec.Containers[0].Image)
	assert.Equal(t, "110m", after.Spec.Containers[0].Resources.Requests.Cpu().String())
	assert.Contains(t, after.Spec.Containers[0].Args, "--log.level=debug")
	assert.Equal(t, volumes, n.volumes(t))
	n.hasOldSamples(t)
}

func growingClaim(t *testing.T, n *node) {
	n.cluster.localOnly(t, "storage that can be resized")
	size := n.stack.Storage.Size.DeepCopy()
	size.Add(resource.MustParse("1Gi"))
	n.set(t, "storage.size", size.String())
	n.set(t, "prometheus.retention", "5d")
	plan := n.updates(t, "storage-claim-0", "discovery-config")
	assert.NotContains(t, plan, "prometheus-server")

	before := n.prometheusPod(t)
	n.up(t)
	claim, err := n.kubernetes.CoreV1().PersistentVolumeClaims(namespace).Get(t.Context(), "data-prometheus-0", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, size.String(), claim.Spec.Resources.Requests.Storage().String())
	assert.Equal(t, corev1.ClaimBound, claim.Status.Phase)
	volume, err := n.kubernetes.CoreV1().PersistentVolumes().Get(t.Context(), claim.Spec.VolumeName, metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, size.String(), volume.Spec.Capacity.Storage().String())
	class, err := n.kubernetes.StorageV1().StorageClasses().Get(t.Context(), *claim.Spec.StorageClassName, metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, "WaitForFirstConsumer", string(*class.VolumeBindingMode))
	assert.Equal(t, before.UID, n.prometheusPod(t).UID, "the pod was replaced")
	n.hasOldSamples(t)
	eventually(t, 3*time.Minute, "the other changes of the update are applied", func(ctx context.Context) string {
		loaded, err := n.prometheus.Config(ctx)
		if err != nil || !strings.Contains(loaded.YAML, "time: 5d") {
			return fmt.Sprint("still the old retention ", err)
		}
		return ""
	})
}

func shrinkingClaim(t *testing.T, n *node) {
	n.cluster.localOnly(t, "a claim that has grown")
	size, err := n.kubernetes.CoreV1().PersistentVolumeClaims(namespace).Get(t.Context(), "data-prometheus-0", metav1.GetOptions{})
	require.NoError(t, err)
	current := size.Spec.Resources.Requests.Storage().String()
	before := n.versions(t)
	n.set(t, "storage.size", "3Gi")
	n.set(t, "prometheus.retention", "4d")
	for _, args := range [][]string{{"preview"}, {"up", "--yes"}, {"up", "--yes", "--skip-preview"}} {
		out, err := n.try(t, append([]string{"pulumi"}, append(args, "--color", "never")...)...)
		require.Error(t, err, "%s", args)
		assert.Contains(t, out, "storage.size: 3Gi would shrink storage-")
		assert.Contains(t, out, "which has "+current)
		assert.Equal(t, before, n.versions(t), "%s changed something", args)
	}
	n.set(t, "storage.size", current)
	n.set(t, "prometheus.retention", "5d")
}

// versions returns the resource versions of every object that an update of storage and
// retention may change.
func (n *node) versions(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	claims, err := n.kubernetes.CoreV1().PersistentVolumeClaims(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, claim := range claims.Items {
		found["claim "+claim.Name] = claim.ResourceVersion
		volume, err := n.kubernetes.CoreV1().PersistentVolumes().Get(t.Context(), claim.Spec.VolumeName, metav1.GetOptions{})
		require.NoError(t, err)
		found["volume "+volume.Name] = volume.ResourceVersion
	}
	configMaps, err := n.kubernetes.CoreV1().ConfigMaps(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, configMap := range configMaps.Items {
		found["ConfigMap "+configMap.Name] = configMap.ResourceVersion
	}
	return found
}

// notReady makes a mistake and updates the stack. The update must fail within the documented
// time with an error that contains each text of what, and a warning event of a pod must contain
// event. After the correction, an update must succeed.
func (n *node) notReady(t *testing.T, within time.Duration, mistake, correction func(), event string, what ...string) {
	n.set(t, "cluster.readyTimeout", "30s")
	mistake()
	started := time.Now()
	out, err := n.try(t, "pulumi", "up", "--yes", "--skip-preview", "--color", "never")
	require.Error(t, err, "the update succeeded")
	assert.Less(t, time.Since(started), within+time.Minute) // for the rest of the update
	for _, text := range what {
		assert.Contains(t, out, text)
	}
	events, err := n.kubernetes.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "type=Warning"})
	require.NoError(t, err)
	assert.True(t, slices.ContainsFunc(events.Items, func(e corev1.Event) bool {
		return e.LastTimestamp.Time.After(started) && strings.Contains(e.Message, event) ||
			e.EventTime.Time.After(started) && strings.Contains(e.Message, event)
	}), "no event contains %q", event)
	correction()
	n.set(t, "cluster.readyTimeout", "10m")
	n.up(t)
}

func missingImage(t *testing.T, n *node) {
	const image = "registry.k8s.io/kube-state-metrics/kube-state-metrics:v0.0.0-missing"
	n.notReady(t, 30*time.Second,
		func() { n.set(t, "images.overrides.kube-state-metrics", image) },
		func() { n.pulumi(t, "config", "rm", "--path", config.Project+":images.overrides.kube-state-metrics") },
		image, "kube-state-metrics", "ImagePull", image)
}

func smallNode(t *testing.T, n *node) {
	n.cluster.localOnly(t, "volumes that remain when their claims are deleted")
	n.destroy(t)
	resources := n.stack.Prometheus.Resources
	n.set(t, "prometheus.startupTimeout", "1m")
	n.notReady(t, 90*time.Second,
		func() {
			n.set(t, "prometheus.resources.requests.memory", "500Gi")
			n.set(t, "prometheus.resources.limits.memory", "500Gi")
		},
		func() {
			n.set(t, "prometheus.resources.requests.memory", resources.Requests.Memory.String())
			n.set(t, "prometheus.resources.limits.memory", resources.Limits.Memory.String())
		},
		"Insufficient memory", "StatefulSet (prometheus-server)", "'prometheus' timed out waiting to be Ready")
	n.hasOldSamples(t)
}

// protectedVolumes destroys everything that is not protected, as documented.
func protectedVolumes(t *testing.T, n *node) {
	t.Cleanup(func() { // so that the next run can start without a stack
		n.set(t, "storage.protect", "false")
		n.pulumi(t, "state", "unprotect", "--all", "--yes")
	})
	n.set(t, "storage.protect", "true")
	n.up(t)
	pod := n.prometheusPod(t)
	out, err := n.try(t, "pulumi", "destroy", "--yes", "--color", "never")
	require.Error(t, err, "a plain destroy must be refused")
	assert.Contains(t, out, "protected")
	assert.Equal(t, pod.UID, n.prometheusPod(t).UID, "the refused destroy deleted something")

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
	assert.Equal(t, kept, n.volumes(t), "claims or volumes were replaced")
	n.hasOldSamples(t)
}

// lostState deletes the stack's state and adopts the objects, as documented.
func lostState(t *testing.T, n *node) {
	kept, pod := n.volumes(t), n.prometheusPod(t)
	n.pulumi(t, "stack", "rm", "--yes", "--force", "--preserve-config", "--stack", n.cluster.stack)
	n.pulumi(t, "stack", "select", "--create", n.cluster.stack)
	n.adopt(t)
	assert.Equal(t, kept, n.volumes(t), "claims or volumes were replaced")
	assert.Equal(t, pod.UID, n.prometheusPod(t).UID, "the pod was replaced")

	n.set(t, "prometheus.scrapeInterval", "20s") // updates an adopted object
	n.updates(t, "discovery-config")
	n.up(t)
}

// adopt updates the stack so that it takes over objects on the cluster that its state lacks,
// as documented. Later updates of the test still take over fields.
func (n *node) adopt(t *testing.T) {
	t.Helper()
	t.Setenv("PULUMI_K8S_ENABLE_PATCH_FORCE", "true")
	t.Setenv("PULUMI_K8S_UPSERT_EXISTING_OBJECTS", "true")
	n.up(t)
	require.NoError(t, os.Unsetenv("PULUMI_K8S_UPSERT_EXISTING_OBJECTS"))
	n.up(t)
}

// killedUp kills the engine in the middle of the first update.
func killedUp(t *testing.T, n *node) {
	n.cluster.localOnly(t, "volumes that remain when their claims are deleted")
	n.destroy(t)
	up := n.cluster.command(t.Context(), t, "pulumi", "up", "--yes", "--skip-preview", "--color", "never") // execs the CLI, which runs the engine
	var out bytes.Buffer
	up.Stdout, up.Stderr = &out, &out
	require.NoError(t, up.Start())
	eventually(t, 2*time.Minute, "the update is halfway", func(ctx context.Context) string {
		if _, err := n.kubernetes.AppsV1().Deployments(namespace).Get(ctx, "kube-state-metrics", metav1.GetOptions{}); err != nil {
			return err.Error()
		}
		return ""
	})
	// The file backend does not write the attributes of its file at once: an engine that is killed
	// meanwhile leaves a state that Pulumi does not read.
	attributes := filepath.Join(n.cluster.dir, "state", ".pulumi", "stacks", config.Project, n.cluster.stack+".json.attrs")
	eventually(t, time.Minute, "the state is complete", func(context.Context) string {
		require.NoError(t, up.Process.Signal(syscall.SIGSTOP))
		if text, err := os.ReadFile(attributes); err != nil || !json.Valid(text) {
			require.NoError(t, up.Process.Signal(syscall.SIGCONT))
			return fmt.Sprint("not yet ", err)
		}
		return ""
	})
	require.NoError(t, up.Process.Kill())
	require.Error(t, up.Wait(), "the update finished before it was killed: %s", out.String())

	n.pulumi(t, "cancel", "--yes")
	n.pulumi(t, "refresh", "--clear-pending-creates", "--yes", "--skip-preview", "--color", "never")
	n.adopt(t)
	targetsUp(t, n)
	n.hasOldSamples(t)
}

// volumes returns the UIDs of the stack's claims and of the volumes that they are bound to.
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
	n.destroy(t)
	_, err := n.kubernetes.CoreV1().Namespaces().Get(t.Context(), namespace, metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), "the namespace is still there: %v", err)
	roles, err := n.kubernetes.RbacV1().ClusterRoles().List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/part-of=" + config.Project})
	require.NoError(t, err)
	assert.Empty(t, roles.Items)

	n.cluster.localOnly(t, "volumes that remain when their claims are deleted")
	n.set(t, "storage.size", n.stack.Storage.Size.String()) // new claims may be smaller than the grown one
	n.up(t)
	n.hasOldSamples(t)
}
