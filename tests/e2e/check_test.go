//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/check"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// seriesPossible fails if Prometheus has a series that the checks of the whole stack consider
// impossible: they would reject queries that work.
func seriesPossible(t *testing.T, n *node) { n.possible(t, 1_000) }

// possible fails as seriesPossible does. It waits until there are at least as many series as least.
func (n *node) possible(t *testing.T, least int) {
	t.Helper()
	cfg, err := config.FromFile(filepath.Join(n.cluster.dir, n.cluster.stackFile()))
	require.NoError(t, err)
	rendered, err := render.New(cfg)
	require.NoError(t, err)
	stack := check.Analyse(rendered)
	eventually(t, 3*time.Minute, "the checks know every series", func(ctx context.Context) string {
		vector, err := n.tryQuery(ctx, `{__name__!=""}`, time.Now())
		if err != nil {
			return err.Error()
		}
		if len(vector) < least {
			return fmt.Sprintf("%d series", len(vector))
		}
		var impossible []string
		for _, sample := range vector {
			if err := stack.Possible(sample.Metric); err != nil {
				impossible = append(impossible, fmt.Sprintf("%s: %v", sample.Metric[model.MetricNameLabel], err))
			}
		}
		slices.Sort(impossible)
		return strings.Join(slices.Compact(impossible), "\n")
	})
}
