package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	var out strings.Builder
	require.NoError(t, run(&out, "../../Pulumi.prod.yaml", true, ""))
	assert.Contains(t, out.String(), "../../Pulumi.prod.yaml: 18 checks passed\n")
	assert.Regexp(t, `(?m)^Watchdog +none +null`, out.String())
	assert.Regexp(t, `(?m)^NodeCPUHigh +warning +slack`, out.String())
}

func TestRunFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "Pulumi.broken.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`
config:
  kubernetes-prometheus:cluster: {name: a, nodes: 1, createNamespace: false}
  kubernetes-prometheus:prometheus: {replicas: 2}
  kubernetes-prometheus:alerting: {acknowledgeNoNotifications: true}
`), 0o600))
	var out strings.Builder
	err := run(&out, file, false, "")
	require.ErrorContains(t, err, "prometheus.replicas: 2, each on a node of its own")
	assert.Contains(t, out.String(), file+": warning: cluster.createNamespace")
	require.Error(t, run(&out, file+".missing", false, ""))
}
