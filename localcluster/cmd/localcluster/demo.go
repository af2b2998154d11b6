package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/localcluster/build"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/localcluster/engine"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/localcluster/host"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/localcluster/images"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/localcluster/node"
)

// initCommand is the command of the node's process 1; its arguments are its node.Dir.
const initCommand = "init"

// demo runs the node of a stack, its images and its engine.
type demo struct {
	root    string // work tree
	stack   string // the one that the environment variable STACK names, or dev
	dir     node.Dir
	started time.Time
	builder *build.Builder
	missing []config.Image // images of the stack that are not available; set by up
}

// newDemo returns the demo of the work tree that contains the current directory.
func newDemo() (*demo, error) {
	root, err := workTree()
	if err != nil {
		return nil, err
	}
	d := &demo{root: root, stack: cmp.Or(os.Getenv("STACK"), mainStack), started: time.Now()}
	d.dir = d.nodeDir(d.stack)
	d.builder = &build.Builder{
		Modfile: filepath.Join(root, "localcluster", "binaries"),
		Bin:     d.dir.Bin,
		Report:  d.report,
	}
	return d, nil
}

// mainStack is the stack whose node keeps its state in .local itself.
const mainStack = "dev"

// local is the directory of everything that is not in the repository.
func (d *demo) local(elem ...string) string {
	return filepath.Join(append([]string{d.root, ".local"}, elem...)...)
}

// nodeDir returns the directories of the node of a stack.
func (d *demo) nodeDir(stack string) node.Dir {
	dir := node.Dir{State: d.local(), Bin: d.local("bin")}
	if stack != mainStack {
		dir.State = d.local("stacks", stack)
	}
	return dir
}

// stacks returns the stacks for the local node.
func (d *demo) stacks() ([]string, error) {
	stacks, err := engine.Stacks(d.root)
	return slices.DeleteFunc(stacks, func(stack string) bool {
		// What is wrong with a file is reported when it is used.
		cfg, err := config.FromFile(filepath.Join(d.root, engine.StackFile(stack)))
		return err == nil && cfg.Cluster.Context != node.Name
	}), err
}

// checkStack returns an error if the stack is not one for the local node.
func (d *demo) checkStack() error {
	allowed, err := d.stacks()
	if err == nil && !slices.Contains(allowed, d.stack) {
		err = fmt.Errorf("STACK: %q; allowed: %s", d.stack, strings.Join(allowed, ", "))
	}
	return err
}

// workTree returns the nearest directory, from the current one up, that is a work tree.
func workTree() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "localcluster", "binaries", "go.mod")); err == nil {
			return dir, nil
		}
		if dir == "/" {
			return "", errors.New("run it in a work tree of kubernetes-prometheus")
		}
	}
}

// report prints a line with the time since the command started to standard error. Results
// go to standard output.
func (d *demo) report(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "[%5.1fs] %s\n", time.Since(d.started).Seconds(), fmt.Sprintf(format, args...))
}

// up starts the node unless it runs, loads the images of the stack, and waits until the
// node is ready.
func (d *demo) up(ctx context.Context) error {
	if err := errors.Join(host.Check(), d.checkStack()); err != nil {
		return err
	}
	if missing := host.Missing(); len(missing) > 0 {
		d.report("installing Debian packages: %s", strings.Join(missing, " "))
		if err := host.Install(ctx, missing); err != nil {
			return err
		}
	}
	unlock, err := d.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	kubernetes, err := d.builder.Kubernetes(os.Getenv("KUBERNETES"))
	if err != nil {
		return err
	}
	version, err := d.builder.Version(kubernetes)
	if err != nil {
		return err
	}
	if err := node.CheckVersion(d.dir, version); err != nil {
		return err
	}
	for _, target := range []build.Target{kubernetes, build.CoreDNS} {
		if err := d.builder.Ensure(ctx, target); err != nil {
			return err
		}
	}

	n, err := node.Find(d.dir)
	if err != nil {
		return err
	}
	if n != nil && len(n.Failures()) > 0 {
		d.report("a part of the node ended, so it is started again: %s", strings.Join(n.Failures(), "; "))
		if err := n.Stop(ctx); err != nil {
			return err
		}
		n = nil
	}
	if n != nil {
		d.report("the node has been running since %s", n.Started.Format(time.DateTime))
	} else if n, err = d.start(version); err != nil {
		return err
	}
	if err := d.prepare(ctx, n); err != nil {
		if n.Ours() {
			d.report("stopping the node")
			return errors.Join(err, n.Stop(context.WithoutCancel(ctx)))
		}
		return err
	}
	if err := n.Keep(); err != nil {
		return err
	}
	d.report("the node is ready: KUBECONFIG=%s", d.relative(d.dir.Kubeconfig()))
	return nil
}

func (d *demo) start(version string) (*node.Node, error) {
	d.report("starting the node, Kubernetes %s; its logs are in %s", version, d.relative(d.dir.Log()))
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return node.Start(d.dir, version, self, initCommand, d.dir.State, d.dir.Bin)
}

// prepare waits for a running node, and loads what the stack needs to be deployed.
func (d *demo) prepare(ctx context.Context, n *node.Node) error {
	if err := n.AwaitAPI(ctx); err != nil {
		return err
	}
	d.report("API server ready on https://%s", n.Address)
	if err := n.AwaitReady(ctx); err != nil {
		return err
	}
	d.report("node %s ready", node.Name)

	loader := images.Loader{
		Containerd: images.Containerd(n.Root("run/containerd/containerd.sock")),
		Builder:    d.builder,
		Report:     d.report,
	}
	coreDNS, err := loader.LoadNode(ctx)
	if err != nil {
		return err
	}
	if err := n.ApplyDNS(ctx, coreDNS); err != nil {
		return err
	}
	d.report("CoreDNS ready")
	stack, err := d.stackConfig()
	if err != nil {
		return err
	}
	if d.missing, err = loader.LoadStack(ctx, stack); err != nil || !stack.HasObjectStore() {
		return err
	}
	image, err := loader.LoadObjectStore(ctx)
	if err != nil {
		return err
	}
	key, err := d.engine().ObjectStoreKey()
	if err != nil {
		return err
	}
	if err := n.ApplyObjectStore(ctx, image, key); err != nil {
		return err
	}
	d.report("object store ready")
	if tls := stack.LongTermStorage.TLS; tls.SecretName != "" {
		return n.ApplyCertificate(ctx, stack.Cluster.Namespace, tls.SecretName)
	}
	return nil
}

// stackConfig returns the config of the stack.
func (d *demo) stackConfig() (*config.Config, error) {
	return config.FromFile(filepath.Join(d.root, engine.StackFile(d.stack)))
}

// down stops the node of the stack, or of every stack if the environment names none.
func (d *demo) down(ctx context.Context) error {
	stacks := []string{d.stack}
	if os.Getenv("STACK") == "" {
		var err error
		if stacks, err = d.stacks(); err != nil {
			return err
		}
	}
	running := false
	for _, stack := range stacks {
		dir := d.nodeDir(stack)
		n, err := node.Find(dir)
		if err == nil && n == nil {
			err = node.Clean(dir)
		}
		if err != nil {
			return err
		}
		if n == nil {
			continue
		}
		running = true
		if err := n.Stop(ctx); err != nil {
			return err
		}
		d.report("the node of the stack %s is stopped; its data remains in %s", stack, d.relative(dir.State))
	}
	if !running {
		d.report("no node is running")
	}
	return nil
}

func (d *demo) status(ctx context.Context) error {
	n, err := node.Find(d.dir)
	if err != nil {
		return err
	}
	if n == nil {
		return errors.New("the node is not running; `make demo` starts it")
	}
	fmt.Printf("process     %d, since %s\n", n.PID, n.Started.Format(time.DateTime))
	fmt.Printf("API         https://%s\n", n.Address)
	fmt.Printf("kubeconfig  %s\n", d.relative(d.dir.Kubeconfig()))
	fmt.Printf("logs        %s\n", d.relative(d.dir.Log()))
	for _, failure := range n.Failures() {
		fmt.Printf("failed      %s\n", failure)
	}
	if len(n.Failures()) > 0 {
		return errors.New("a part of the node ended; `make demo` starts the node again")
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return n.AwaitAPI(ctx)
}

// build builds programs, by name, that are not up to date.
func (d *demo) build(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return errors.New("build requires the name of a program")
	}
	unlock, err := d.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	for _, name := range names {
		target, err := build.Find(name)
		if err != nil {
			return err
		}
		if err := d.builder.Ensure(ctx, target); err != nil {
			return err
		}
	}
	return nil
}

// exec replaces this process with a command in the node's namespaces.
func (d *demo) exec(args []string) error {
	if len(args) == 0 {
		return errors.New("exec requires a command")
	}
	n, err := node.Find(d.dir)
	if err != nil {
		return err
	}
	if n == nil {
		return errors.New("the node is not running; `make demo` starts it")
	}
	nsenter, err := exec.LookPath("nsenter")
	if err != nil {
		return err
	}
	args = append([]string{"nsenter", "--target", strconv.Itoa(n.PID), "--all", "--wd=/", "--"}, args...)
	return syscall.Exec(nsenter, args, os.Environ())
}

// setPart kills a part of the node, or starts it again.
func (d *demo) setPart(args []string, runs bool) error {
	if len(args) != 1 {
		return errors.New("stop and start require the name of one part")
	}
	n, err := node.Find(d.dir)
	if err != nil {
		return err
	}
	if n == nil {
		return errors.New("the node is not running; `make demo` starts it")
	}
	return n.SetPart(args[0], runs)
}

// lock waits until no other node starts, and no other command builds.
func (d *demo) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(d.dir.Bin, 0o755); err != nil {
		return nil, err
	}
	return host.Lock(ctx, d.local("up.lock"), func() { d.report("waiting for another localcluster to finish") })
}

// relative returns a path relative to the work tree, for messages.
func (d *demo) relative(path string) string {
	if relative, err := filepath.Rel(d.root, path); err == nil {
		return relative
	}
	return path
}
