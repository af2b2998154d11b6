//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
