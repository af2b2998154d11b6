package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/localcluster/engine"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/localcluster/node"
)

// targetsTimeout is the time to wait until all of the stack's targets are up.
const targetsTimeout = time.Minute

// deploy starts the node, updates the stack on it and prints how to reach it.
func (d *demo) deploy(ctx context.Context) error {
	if err := d.up(ctx); err != nil {
		return err
	}
	e := d.engine()
	if err := e.Prepare(ctx, true); err != nil {
		return err
	}
	if slices.Contains(d.missing, config.GrafanaImage) {
		// `pulumi up` would wait for a pod that cannot start.
		d.report("Grafana's image is not available: all of Grafana is deployed except its pod (grafana.replicas: 0)")
		if err := e.Set(ctx, "grafana.replicas", "0"); err != nil {
			return err
		}
	}
	if err := d.setObjectStoreKey(ctx, e); err != nil {
		return err
	}
	d.report("compiling the program")
	if err := d.compile(ctx, e); err != nil {
		return err
	}
	d.report("pulumi up of the stack %s", d.stack)
	up := e.Command(ctx, "up", "--yes", "--skip-preview", "--stack", d.stack)
	up.Stdout, up.Stderr = os.Stdout, os.Stderr
	// A second interrupt would make the CLI exit without saving its state. In a process
	// group of its own, it gets only the one that this process sends, not the terminal's.
	up.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT}
	runtime.LockOSThread() // Pdeathsig is sent when the thread ends, not the process
	if err := up.Run(); err != nil {
		return fmt.Errorf("pulumi up: %w; the node still runs, `make demo-down` stops it", err)
	}
	d.report("the stack is up")
	return d.summary(ctx)
}

// setObjectStoreKey has a stack that uploads to an object store use the keys of the demo's object store.
func (d *demo) setObjectStoreKey(ctx context.Context, e *engine.Engine) error {
	stack, err := d.stackConfig()
	if err != nil || !stack.HasObjectStore() {
		return err
	}
	key, err := e.ObjectStoreKey()
	if err != nil {
		return err
	}
	const secrets = "longTermStorage.objectStore.secrets."
	return errors.Join(e.SetSecret(ctx, secrets+"access_key", node.ObjectStoreUser), e.SetSecret(ctx, secrets+"secret_key", key))
}

// compile builds the program before Pulumi does, which would show less progress. What
// has to be compiled depends on the stack's config.
func (d *demo) compile(ctx context.Context, e *engine.Engine) error {
	stackConfig, err := e.ConfigJSON()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(d.root, "cmd", "run"), "build")
	cmd.Env = append(os.Environ(), "PULUMI_CONFIG="+stackConfig)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("compiling the program: %w", err)
	}
	return nil
}

// pulumi replaces this process with the CLI, with the demo's environment.
func (d *demo) pulumi(ctx context.Context, args []string) error {
	if err := d.checkStack(); err != nil {
		return err
	}
	e := d.engine()
	if err := e.Prepare(ctx, false); err != nil {
		return err
	}
	cmd := e.Command(ctx, args...)
	if err := os.Chdir(cmd.Dir); err != nil {
		return err
	}
	return syscall.Exec(cmd.Path, cmd.Args, cmd.Environ())
}

func (d *demo) engine() *engine.Engine {
	return &engine.Engine{
		Stack:      d.stack,
		Root:       d.root,
		Dir:        d.dir.Pulumi(),
		Kubeconfig: d.dir.Kubeconfig(),
		Builder:    d.builder,
		Report:     d.report,
	}
}

// summary prints the state of the targets and how to reach Prometheus and Grafana.
func (d *demo) summary(ctx context.Context) error {
	n, err := node.Find(d.dir)
	if err != nil {
		return err
	}
	if n == nil {
		return errors.New("the node has ended; its logs are in " + d.relative(d.dir.Log()))
	}
	stack, err := d.stackConfig()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, targetsTimeout)
	defer cancel()
	targets, err := n.AwaitTargets(ctx, stack.Cluster.Namespace)
	if err != nil {
		return err
	}
	d.report("%d of %d targets are up", targets.Up, targets.Up+len(targets.Down))
	for _, down := range targets.Down {
		d.report("down: %s", down)
	}
	forward := fmt.Sprintf("KUBECONFIG=%s kubectl port-forward -n %s", d.relative(d.dir.Kubeconfig()), stack.Cluster.Namespace)
	fmt.Printf("\nTo reach Prometheus on http://localhost:9090:\n  %s service/prometheus 9090\n", forward)
	if stack.Grafana.Runs() && !slices.Contains(d.missing, config.GrafanaImage) {
		fmt.Printf("To reach Grafana on http://localhost:3000, as user %s:\n  %s service/grafana 3000\n", stack.Grafana.AdminUser, forward)
	}
	if secrets := d.engine().Secret(""); exists(secrets) {
		fmt.Printf("Secrets made for the demo are in %s.\n", d.relative(secrets))
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
