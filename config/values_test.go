package config_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// A value is written in the notation in which it is read.
func TestTextRoundTrips(t *testing.T) {
	for in, want := range map[string]string{"90s": "1m30s", "15d": "15d", "1y": "1y", "2h": "2h", "0": "0s", "7d": "1w"} {
		var d config.Duration
		require.NoError(t, d.UnmarshalText([]byte(in)))
		assert.Equal(t, want, d.String())
		text, err := json.Marshal(d)
		require.NoError(t, err)
		assert.Equal(t, `"`+want+`"`, string(text))
	}
	for in, want := range map[string]string{"500m": "500m", "0.5": "500m", "2Gi": "2Gi", "2048Mi": "2Gi", "1": "1"} {
		var q config.Quantity
		require.NoError(t, q.UnmarshalText([]byte(in)))
		assert.Equal(t, want, q.String())
		text, err := json.Marshal(q)
		require.NoError(t, err)
		assert.Equal(t, `"`+want+`"`, string(text))
	}
	var u config.URL
	require.NoError(t, u.UnmarshalText([]byte("https://example.com/prometheus")))
	assert.Equal(t, "https://example.com/prometheus", u.String())
}

func TestNearest(t *testing.T) {
	known := []string{"cluster", "storage", "prometheus"}
	for name, want := range map[string]string{"storge": "storage", "CLUSTER": "cluster", "prometeus": "prometheus", "kafka": "", "": ""} {
		near, ok := config.Nearest(name, known)
		assert.Equal(t, want != "", ok, name)
		if ok {
			assert.Equal(t, want, near, name)
		}
	}
	_, ok := config.Nearest("anything", nil)
	assert.False(t, ok)
}
