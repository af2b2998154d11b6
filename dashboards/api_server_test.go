package dashboards

import (
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBudgetFollowsTheObjective(t *testing.T) {
	text := func(o Options) string {
		all, err := All(o)
		require.NoError(t, err)
		i := slices.IndexFunc(all, func(d Dashboard) bool { return d.UID == UIDAPIServer })
		require.GreaterOrEqual(t, i, 0)
		return string(all[i].JSON)
	}
	assert.Contains(t, text(everything), `Objective: 99.9% of the requests in 30d`)
	assert.Contains(t, text(everything), `/ (1 - 0.999)`)

	other := everything
	other.APIServerObjective, other.ObjectivePeriod = 0.995, model.Duration(10*24*time.Hour)
	assert.Contains(t, text(other), `Objective: 99.5% of the requests in 10d`)
	assert.Contains(t, text(other), `/ (1 - 0.995)`)
	assert.Contains(t, text(other), `[10d]`)
	assert.NotContains(t, text(other), `[30d]`)
	assert.NotContains(t, text(other), `0.999`)
}
