package node

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCheckVersion(t *testing.T) {
	dir := Dir{State: t.TempDir()}
	require.NoError(t, CheckVersion(dir, "v1.37.2"), "a new node")
	require.NoError(t, os.MkdirAll(dir.lib(), 0o755))
	require.ErrorContains(t, CheckVersion(dir, "v1.37.2"), "the node's data is of Kubernetes an earlier version")
	require.NoError(t, os.WriteFile(dir.version(), []byte("v1.37.2"), 0o644))
	require.NoError(t, CheckVersion(dir, "v1.37.2"))
	require.NoError(t, CheckVersion(dir, "v1.37.3"))
	require.NoError(t, CheckVersion(dir, "v1.38.0"), "an upgrade")
	for _, version := range []string{"v1.36.3", "v1.39.0"} {
		err := CheckVersion(dir, version)
		require.ErrorContains(t, err, "the node's data is of Kubernetes v1.37.2; to start one of "+version)
		assert.ErrorContains(t, err, "make demo-down && rm -r "+dir.State)
	}
}

// A node that starts again has the address that clients know.
func TestListen(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, ensurePKI(dir, time.Now()))
	kubeconfig := filepath.Join(dir, "kubeconfig")
	assert.Zero(t, lastPort(kubeconfig), "a new node")
	first, err := listen(0)
	require.NoError(t, err)
	require.NoError(t, writeKubeconfig(kubeconfig, dir, "admin", "https://"+first.Addr().String()))
	last := first.Addr().(*net.TCPAddr).Port
	assert.Equal(t, last, lastPort(kubeconfig))

	other, err := listen(last, 0)
	require.NoError(t, err)
	defer other.Close()
	assert.NotEqual(t, first.Addr(), other.Addr(), "another node has it")
	require.NoError(t, first.Close())
	again, err := listen(last, port)
	require.NoError(t, err)
	defer again.Close()
	assert.Equal(t, last, again.Addr().(*net.TCPAddr).Port)
}
