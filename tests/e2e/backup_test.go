//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/api/v2/models"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestBackup saves the samples and silences of a stack whose volumes are deleted with its pods, and restores them into
// new pods.
func TestBackup(t *testing.T) {
	leftOut(t)
	n := start(t)
	n.deploy(t)
	n.threeAlertmanagers(t)
	n.set(t, "prometheus.extraArgs[\"web.enable-admin-api\"]", "true", "--type", "string") // not a boolean
	n.up(t)
	n.silence(t, "BackedUp")
	n.scraped(t, time.Now(), "prometheus")
	written = time.Now()
	n.hasOldSamples(t)

	dir := filepath.Join(t.TempDir(), "backup")
	report := n.makeBackup(t, "backup", "TO="+dir)
	assert.Contains(t, report, "prometheus.tar: ")
	assert.Contains(t, report, "silences.json: 1 silence(s)")
	assert.NotContains(t, report, "are left out")

	n.replacePods(t, "app.kubernetes.io/name=prometheus")
	n.endSilence(t, "BackedUp")
	samples, err := n.tryQuery(t.Context(), `up{job="prometheus"}`, written)
	require.NoError(t, err)
	require.Empty(t, samples, "the new server has no samples")

	report = n.makeBackup(t, "restore", "FROM="+dir)
	assert.Contains(t, report, "alertmanager-0: 1 of 1 silence(s)")
	n.hasOldSamples(t)
	eventually(t, time.Minute, "each Alertmanager has the silence", func(ctx context.Context) string {
		for replica := range 3 {
			body, err := n.kubernetes.CoreV1().Pods(namespace).ProxyGet("http", fmt.Sprintf("alertmanager-%d", replica), "9093", "api/v2/silences", nil).DoRaw(ctx)
			if err != nil || len(activeSilences(t, string(body), "BackedUp")) != 1 {
				return fmt.Sprint(replica, err)
			}
		}
		return ""
	})
	assert.Contains(t, n.makeBackup(t, "restore", "FROM="+dir), "alertmanager-0: 0 of 1 silence(s)", "nothing is restored twice")
}

// activeSilences returns the ids of an alert's silences that have not ended, of those that Alertmanager answered.
func activeSilences(t *testing.T, answer, alert string) (ids []string) {
	t.Helper()
	var silences models.GettableSilences
	require.NoError(t, json.Unmarshal([]byte(answer), &silences))
	for _, silence := range silences {
		if *silence.Matchers[0].Value == alert && *silence.Status.State == models.SilenceStatusStateActive {
			ids = append(ids, *silence.ID)
		}
	}
	return ids
}

// endSilence ends the silence of an alert.
func (n *node) endSilence(t *testing.T, alert string) {
	t.Helper()
	for _, id := range activeSilences(t, n.get(t, "alertmanager:web", "api/v2/silences", nil), alert) {
		_, err := n.kubernetes.CoreV1().RESTClient().Delete().Namespace(namespace).Resource("services").Name("alertmanager:web").
			SubResource("proxy").Suffix("api/v2/silence", id).DoRaw(t.Context())
		require.NoError(t, err)
	}
}

// makeBackup runs a command of cmd/backup as its make target does, and returns what it reports.
func (n *node) makeBackup(t *testing.T, target, dir string) string {
	t.Helper()
	flags := []string{}
	if target == "restore" {
		flags = append(flags, "-restore")
	}
	_, path, _ := strings.Cut(dir, "=")
	cmd := exec.CommandContext(t.Context(), "go", append(append([]string{"run", "./cmd/backup"}, flags...), filepath.Join(n.cluster.dir, n.cluster.stackFile()), path)...)
	cmd.Dir = n.root
	cmd.Env = append(cmd.Environ(), "KUBECONFIG="+n.cluster.kubeconfig)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}
