//go:build e2e

package e2e

import (
	"cmp"
	"context"
	"crypto/rand"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

var (
	kubeconfigFlag = flag.String("kubeconfig", "", "kubeconfig of an existing cluster to test on; empty for the local node")
	stackFlag      = flag.String("stack", "kind", "stack to deploy on the existing cluster; its cluster.context selects the context of the kubeconfig")
)

// cluster is the cluster that a stack is deployed to, with what Pulumi needs for it.
type cluster struct {
	local      bool   // whether it is the local node, on which tests can run commands
	state      string // directory of what the local node keeps
	root       string
	kubeconfig string
	stack      string
	dir        string // directory of the Pulumi project, the stack's config and its state
}

// clusterUnderTest returns the cluster of the flag -kubeconfig, or the local node if the flag
// is not set, with the stack that localcluster takes.
func clusterUnderTest(t testing.TB, root string) cluster {
	t.Helper()
	local := filepath.Join(root, ".local")
	if *kubeconfigFlag == "" {
		c := cluster{local: true, root: root, stack: cmp.Or(os.Getenv("STACK"), "dev"), state: local}
		if c.stack != "dev" {
			c.state = filepath.Join(local, "stacks", c.stack)
		}
		c.kubeconfig, c.dir = filepath.Join(c.state, "kubeconfig"), filepath.Join(c.state, "pulumi")
		return c
	}
	path, err := filepath.Abs(*kubeconfigFlag)
	require.NoError(t, err)
	return cluster{root: root, kubeconfig: path, stack: *stackFlag, dir: filepath.Join(local, "e2e")}
}

// stackFile returns the name of the stack's config file, in the work tree and in dir.
func (c cluster) stackFile() string { return "Pulumi." + c.stack + ".yaml" }

// prepare starts the local node. For an existing cluster, it copies the project and the
// stack's config, and sets each missing secret to a random value.
func (c cluster) prepare(t testing.TB, n *node) {
	t.Helper()
	if c.local {
		n.localcluster(t, "up")
		return
	}
	require.NotEmpty(t, n.stack.Cluster.Context, "%s must set cluster.context, so that no other cluster is changed", c.stackFile())
	require.NoError(t, os.MkdirAll(filepath.Join(c.dir, "state"), 0o700))
	text, err := os.ReadFile(filepath.Join(c.root, "Pulumi.yaml"))
	require.NoError(t, err)
	var project map[string]any
	require.NoError(t, yaml.Unmarshal(text, &project))
	project["main"] = c.root
	text, err = yaml.Marshal(project)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(c.dir, "Pulumi.yaml"), text, 0o600))
	file := filepath.Join(c.dir, c.stackFile())
	text, err = os.ReadFile(filepath.Join(c.root, c.stackFile()))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, text, 0o600))

	n.pulumi(t, "stack", "select", "--create", c.stack)
	missing, err := config.MissingSecrets(file)
	require.NoError(t, err)
	for _, path := range missing {
		n.set(t, path, rand.Text(), "--secret")
	}
}

// command returns the localcluster command with args. On an existing cluster, it returns
// the installed CLI for the command pulumi, and skips the test for any other.
func (c cluster) command(ctx context.Context, t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	if c.local {
		cmd := exec.CommandContext(ctx, filepath.Join(c.root, ".local", "bin", "localcluster"), args...)
		cmd.Dir = c.root
		cmd.Env = append(os.Environ(), "STACK="+c.stack)
		return cmd
	}
	if args[0] != "pulumi" {
		c.localOnly(t, "localcluster "+args[0])
	}
	cmd := exec.CommandContext(ctx, "pulumi", args[1:]...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(),
		"KUBECONFIG="+c.kubeconfig,
		"PULUMI_BACKEND_URL=file://"+filepath.Join(c.dir, "state"),
		"PULUMI_CONFIG_PASSPHRASE=e2e", // protects nothing: the stack's secrets are random
		"PULUMI_SKIP_UPDATE_CHECK=true",
	)
	return cmd
}

// localOnly skips the rest of the test on an existing cluster. needs names what only the
// local node has.
func (c cluster) localOnly(t testing.TB, needs string) {
	t.Helper()
	if !c.local {
		t.Skipf("only on the local node: this needs %s", needs)
	}
}
