//go:build e2e

package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var quietFlag = flag.Duration("quiet", 0, "how long TestQuiet watches the healthy node; 0 to skip it")

// olderKubernetes is the version that the node of TestQuiet is upgraded from.
const olderKubernetes = "1.36.3"

// TestQuiet expects that on a healthy node no alert fires but the Watchdog, and that none is
// pending; and that none fires when the node is drained and uncordoned, when all its processes are
// restarted, or when its Kubernetes is upgraded, and in half the time of -quiet after that. The
// alerts are the shipped ones: their `for` is what keeps them silent. The node is a new one; its disk is the machine's.
func TestQuiet(t *testing.T) {
	if *quietFlag == 0 {
		t.Skip("-quiet is not set")
	}
	t.Setenv("KUBERNETES", olderKubernetes)
	forgetNode(t)
	n := start(t)
	n.localcluster(t, "demo")
	notQuiet := notQuietOn(t, n.cluster.state)
	// What the update itself did to the pods and the CPUs is over, also in rates over five minutes.
	const settled = 5 * time.Minute
	time.Sleep(settled)
	eventually(t, 2*settled, "nothing has been pending for a while", func(ctx context.Context) string {
		samples, err := n.tryQuery(ctx, fmt.Sprintf(`max_over_time(%s, alertstate=~"pending|firing"}[%ds])`, notQuiet, int(time.Minute.Seconds())), time.Now())
		if err != nil || len(samples) > 0 {
			return fmt.Sprint(samples, err)
		}
		return ""
	})
	for _, step := range []struct {
		name    string
		change  func(*testing.T, *node)
		pending bool // whether alerts may be pending
	}{
		{"healthy", func(*testing.T, *node) { time.Sleep(*quietFlag) }, false},
		{"drained and uncordoned", drainAndUncordon, true},
		{"restarted", restartNode, true},
		{"upgraded", upgradeNode, true},
	} {
		t.Run(step.name, func(t *testing.T) {
			began := time.Now()
			step.change(t, n)
			states := "firing"
			if !step.pending {
				states = "pending|firing"
			}
			for _, sample := range n.query(t, fmt.Sprintf("max_over_time(%s, alertstate=~%q}[%ds])", notQuiet, states, int(time.Since(began).Seconds())), time.Now()) {
				assert.Fail(t, "not quiet", "%s", sample.Metric)
			}
		})
	}
}

// notQuietOn begins a selector of the alerts that a healthy node does not have on a disk. The clock is the one of
// the machine, which may have no time server. So is the disk: if a fifth of it is not available, as a forecast
// requires that it fills up, whatever else writes to it decides on that.
func notQuietOn(t *testing.T, dir string) string {
	t.Helper()
	allowed := "Watchdog|NodeClockNotSynchronising"
	var disk unix.Statfs_t
	require.NoError(t, unix.Statfs(dir, &disk))
	if available := float64(disk.Bavail) / float64(disk.Blocks); available < 0.2 {
		t.Logf("%.0f %% of the machine's disk is available, so forecasts that it fills up are left out", 100*available)
		allowed += "|NodeFilesystemFillingUp|PersistentVolumeClaimFillingUp"
	}
	return fmt.Sprintf("ALERTS{alertname!~%q", allowed)
}

// forgetNode stops the local node, and removes its data, its disk and the stack's state.
func forgetNode(t *testing.T) {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	n := &node{root: root, cluster: clusterUnderTest(t, root)}
	n.cluster.localOnly(t, "a node to drain, to restart and to upgrade")
	n.localcluster(t, "down")
	for _, name := range []string{"node", "pulumi", "ssd"} {
		require.NoError(t, os.RemoveAll(filepath.Join(n.cluster.state, name)))
	}
}

// drainAndUncordon drains the node, waits a while, and lets its pods return.
func drainAndUncordon(t *testing.T, n *node) {
	n.drain(t)
	time.Sleep(time.Minute)
	n.cordon(t, false)
	n.quietAgain(t)
}

// drain evicts every pod but those of DaemonSets.
func (n *node) drain(t *testing.T) {
	t.Helper()
	n.cordon(t, true)
	t.Cleanup(func() { n.cordon(t, false) })
	pods, err := n.kubernetes.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for _, pod := range pods.Items {
		if len(pod.OwnerReferences) == 0 || pod.OwnerReferences[0].Kind == "DaemonSet" {
			continue
		}
		err := n.kubernetes.CoreV1().Pods(pod.Namespace).EvictV1(t.Context(), &policyv1.Eviction{
			ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace},
		})
		require.NoError(t, err, pod.Name)
	}
}

// restartNode ends every process of the node, and starts it again.
func restartNode(t *testing.T, n *node) {
	n.localcluster(t, "down")
	n.localcluster(t, "up")
	n.quietAgain(t)
}

// upgradeNode drains the node, and starts it again with the newest version of Kubernetes.
func upgradeNode(t *testing.T, n *node) {
	before, err := n.kubernetes.Discovery().ServerVersion()
	require.NoError(t, err)
	n.drain(t)
	n.localcluster(t, "down")
	t.Setenv("KUBERNETES", "")
	up := make(chan error, 1)
	go func() {
		_, err := n.try(t, "up") // which waits for CoreDNS, whose pod was evicted, too
		up <- err
	}()
	eventually(t, 40*time.Minute, "the node is uncordoned", func(context.Context) string {
		if err := n.tryCordon(false); err != nil {
			return err.Error()
		}
		return ""
	})
	require.NoError(t, <-up)
	after, err := n.kubernetes.Discovery().ServerVersion()
	require.NoError(t, err)
	require.NotEqual(t, before.Minor, after.Minor)
	n.quietAgain(t)
}

// quietAgain waits until every target is up again, and then for longer than most alerts wait.
func (n *node) quietAgain(t *testing.T) {
	t.Helper()
	eventually(t, 5*time.Minute, "Prometheus is back", func(ctx context.Context) string {
		samples, err := n.tryQuery(ctx, "up == 0", time.Now())
		if err != nil || len(samples) > 0 {
			return strings.TrimSpace(fmt.Sprint(samples, err))
		}
		return ""
	})
	time.Sleep(*quietFlag / 2)
}
