//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// upgradeFrom is the version that TestUpgrade upgrades from: a commit or, once there are
// releases, the tag of the last one.
const upgradeFrom = "94c1c38"

// TestUpgrade deploys a stack with the last version and updates it with this one. The update
// must not replace anything that holds data, nor lose a sample, a silence or an alert.
func TestUpgrade(t *testing.T) {
	n := start(t)
	n.cluster.localOnly(t, "images with the names that the last version uses")
	n.localcluster(t, "demo") // which also copies the stack's config anew
	n.destroy(t)
	n.set(t, "grafana.persistence.enabled", "true") // so that each server has a volume
	n.set(t, "alerting.extraRules.e2e", `
groups:
  - name: e2e
    rules:
      - {alert: E2EUpgrade, expr: vector(1), labels: {severity: warning, cluster: demo, namespace: e2e}, annotations: {summary: survives an upgrade}}
      - {alert: E2EPending, expr: vector(1), for: 1h, labels: {severity: warning, cluster: demo, namespace: e2e}, annotations: {summary: keeps its age}}
`)
	n.upLastVersion(t)
	eventually(t, 3*time.Minute, "the alert reaches Alertmanager", func(ctx context.Context) string {
		alerts, err := n.tryGet(ctx, "alertmanager:web", "api/v2/alerts", map[string]string{"filter": "alertname=E2EUpgrade"})
		if err != nil || !strings.Contains(alerts, "E2EUpgrade") {
			return fmt.Sprint(alerts, err)
		}
		return ""
	})
	n.silence(t, "E2EUpgrade")
	eventually(t, 3*time.Minute, "the other alert is pending for longer than a restart takes", func(ctx context.Context) string {
		samples, err := n.tryQuery(ctx, `time() - ALERTS_FOR_STATE{alertname="E2EPending"} > 60`, time.Now())
		if err != nil || len(samples) != 1 {
			return fmt.Sprint("not yet ", err)
		}
		return ""
	})
	written = time.Now()
	n.hasOldSamples(t)
	before := n.identities(t)

	plan := n.plan(t)
	t.Logf("plan of the upgrade: %v", plan)
	for name, op := range plan {
		assert.NotContains(t, op, "replace", name)
		if name != "alertmanager-secrets" { // which the last version created without a value in it
			assert.NotContains(t, op, "delete", name)
		}
	}
	upgraded := time.Now()
	n.up(t)
	assert.Equal(t, before, n.identities(t), "a claim, a volume, a StatefulSet or the namespace was replaced")
	n.hasOldSamples(t)
	eventually(t, 3*time.Minute, "one alert fires and is silenced, and the other is pending since before the upgrade", func(ctx context.Context) string {
		samples, err := n.tryQuery(ctx, `ALERTS{alertname="E2EUpgrade", alertstate="firing"}`, time.Now())
		if err != nil || len(samples) != 1 {
			return fmt.Sprint("it does not fire ", err)
		}
		alerts, err := n.tryGet(ctx, "alertmanager:web", "api/v2/alerts", map[string]string{"filter": "alertname=E2EUpgrade", "active": "false"})
		if err != nil || !strings.Contains(alerts, `"silencedBy":["`) {
			return fmt.Sprint("it is not silenced: ", alerts, err)
		}
		samples, err = n.tryQuery(ctx, `ALERTS_FOR_STATE{alertname="E2EPending"}`, time.Now())
		if err != nil || len(samples) != 1 || float64(samples[0].Value) >= float64(upgraded.Unix()) {
			return fmt.Sprint("the pending alert started again: ", samples, err)
		}
		return ""
	})
	// What the last version's server scraped last of a pod that is gone has no end, and counts for
	// five minutes.
	eventually(t, time.Minute, "every target is up", func(ctx context.Context) string {
		down, err := n.tryQuery(ctx, "up == 0 and time() - timestamp(up) < 60", time.Now())
		if err != nil || len(down) > 0 {
			return fmt.Sprint(down, err)
		}
		return ""
	})
	n.unchanged(t)
}

// upLastVersion deploys the stack dev with version upgradeFrom and the current config.
func (n *node) upLastVersion(t *testing.T) {
	t.Helper()
	source, project := filepath.Join(n.root, ".local", "upgrade", "source"), filepath.Join(n.root, ".local", "upgrade", "project")
	run := func(dir, name string, args ...string) {
		t.Helper()
		command := exec.CommandContext(t.Context(), name, args...)
		command.Dir = dir
		command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
		out, err := command.CombinedOutput()
		require.NoError(t, err, "%s %s: %s", name, strings.Join(args, " "), out)
	}
	require.NoError(t, os.RemoveAll(source))
	run(n.root, "git", "worktree", "prune")
	run(n.root, "git", "worktree", "add", "--detach", source, upgradeFrom)
	t.Cleanup(func() { _ = exec.Command("git", "-C", n.root, "worktree", "remove", "--force", source).Run() })
	// With the current modules, which are already compiled. They do not change what the old
	// version deploys.
	modfile := filepath.Join(source, ".local", "modules", "go.mod")
	require.NoError(t, os.MkdirAll(filepath.Dir(modfile), 0o755))
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(n.root, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(modfile), name), text, 0o644))
	}
	run(source, "go", "build", "-mod=mod", "-modfile="+modfile, "-o", filepath.Join(source, ".local", "bin", config.Project), ".")

	// Images whose tag has changed since get the old tag too.
	text, err := os.ReadFile(filepath.Join(source, "config", "images.go"))
	require.NoError(t, err)
	for _, pin := range regexp.MustCompile(`"([a-z.]+/[^":]+):([^":]+)"`).FindAllStringSubmatch(string(text), -1) {
		for _, image := range []config.Image{config.PrometheusImage, config.AlertmanagerImage, config.NodeExporterImage,
			config.KubeStateMetricsImage, config.BlackboxExporterImage, config.BusyboxImage} {
			current := n.stack.Images.Ref(image)
			if old := pin[1] + ":" + pin[2]; strings.HasPrefix(current, pin[1]+":") && current != old {
				n.localcluster(t, "exec", "ctr", "--namespace", "k8s.io", "images", "tag", "--force", current, old)
			}
		}
	}

	require.NoError(t, os.MkdirAll(project, 0o755))
	stack, err := os.ReadFile(filepath.Join(n.root, ".local", "pulumi", "Pulumi.dev.yaml"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(project, "Pulumi.dev.yaml"), stack, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(project, "Pulumi.yaml"),
		fmt.Appendf(nil, "name: %s\nmain: %s\nruntime: {name: go, options: {binary: run}}\n", config.Project, source), 0o600))

	// The old version waits until its claims are pending, and misses it if the controller
	// binds them first. So the controller is stopped until the provider has seen them, and the
	// test makes the volumes available in its place.
	signal := func(name string) error {
		_, err := n.try(t, "exec", "busybox", "killall", "-"+name, "kube-controller-manager")
		return err
	}
	resumed := make(chan error, 1)
	t.Cleanup(func() { _ = signal("CONT") })
	require.NoError(t, signal("STOP"))
	go func() {
		const apps, seen = 3, 3 * time.Second // servers with a claim, and how soon the provider sees a new claim
		claims := n.kubernetes.CoreV1().PersistentVolumeClaims(namespace)
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
			n.makeVolumesAvailable()
			if found, err := claims.List(context.Background(), metav1.ListOptions{}); err == nil && len(found.Items) == apps {
				time.Sleep(seen)
				break
			}
		}
		resumed <- signal("CONT")
	}()
	out, err := n.try(t, "pulumi", "--cwd", project, "up", "--yes", "--skip-preview", "--color", "never", "--stack", "dev")
	require.NoError(t, <-resumed)
	require.NoError(t, err, out)
}

// makeVolumesAvailable sets the phase of new volumes as the controller would. What fails, such as for a
// volume that has just changed, the next call does.
func (n *node) makeVolumesAvailable() {
	volumes := n.kubernetes.CoreV1().PersistentVolumes()
	found, err := volumes.List(context.Background(), metav1.ListOptions{})
	if err != nil {
		return
	}
	for _, volume := range found.Items {
		if volume.Status.Phase == "" || volume.Status.Phase == corev1.VolumePending {
			volume.Status.Phase = corev1.VolumeAvailable
			_, _ = volumes.UpdateStatus(context.Background(), &volume, metav1.UpdateOptions{})
		}
	}
}

// identities returns the UIDs of everything that an upgrade must not replace.
func (n *node) identities(t *testing.T) map[string]types.UID {
	t.Helper()
	found := n.volumes(t)
	ns, err := n.kubernetes.CoreV1().Namespaces().Get(t.Context(), namespace, metav1.GetOptions{})
	require.NoError(t, err)
	found["namespace"] = ns.UID
	sets, err := n.kubernetes.AppsV1().StatefulSets(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.NotEmpty(t, sets.Items)
	for _, set := range sets.Items {
		found["StatefulSet "+set.Name] = set.UID
	}
	return found
}
