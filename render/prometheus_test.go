package render

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

func TestX(t *testing.T) {
	cfg, err := config.Decode(map[string]any{"cluster": map[string]any{"name": "x"}, "grafana": map[string]any{"enabled": false}})
	require.NoError(t, err)
	text, err := Prometheus(cfg)
	require.NoError(t, err)
	t.Log(text)
}
