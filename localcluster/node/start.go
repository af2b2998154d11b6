package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/mod/semver"
	"golang.org/x/sys/unix"
	"k8s.io/client-go/tools/clientcmd"
)

// Node is a running node.
type Node struct {
	Dir     Dir
	PID     int    // of its process 1, in the machine's namespace
	Address string // of the API server, host:port on the machine's loopback
	Started time.Time

	parent *os.File // write end of the pipe at parentFD; nil if another command started the node, or after Keep
	exited <-chan struct{}
}

// record is the content of the lock file.
type record struct {
	PID     int       `json:"pid"`
	Address string    `json:"address"`
	Started time.Time `json:"started"`
}

// Find returns the node that runs in dir, or nil if none runs.
func Find(dir Dir) (*Node, error) {
	file, err := os.Open(dir.lock())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	// The kernel releases the lock when the process ends, so the record is valid exactly
	// while the file is locked.
	switch err := unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB); {
	case err == nil:
		return nil, nil
	case !errors.Is(err, unix.EWOULDBLOCK):
		return nil, err
	}
	var r record
	if err := json.NewDecoder(file).Decode(&r); err != nil {
		return nil, fmt.Errorf("%s: %w", dir.lock(), err)
	}
	return &Node{Dir: dir, PID: r.PID, Address: r.Address, Started: r.Started}, nil
}

// CheckVersion returns an error if the node's data is of another minor version of Kubernetes than
// version, vX.Y.Z, or the one before, from which Kubernetes can be upgraded.
// https://kubernetes.io/releases/version-skew-policy/
func CheckVersion(dir Dir, version string) error {
	data, err := os.ReadFile(dir.version())
	old := string(data)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(dir.lib()); errors.Is(err, fs.ErrNotExist) {
			return nil // a new node
		}
		old = "an earlier version"
	} else if err != nil {
		return err
	}
	if upgrade := minor(version) - minor(old); upgrade != 0 && upgrade != 1 {
		return fmt.Errorf("the node's data is of Kubernetes %s; to start one of %s from nothing, run: make demo-down && rm -r %s %s",
			old, version, dir.join("node"), dir.Pulumi())
	}
	return nil
}

// minor returns Y of vX.Y.Z, or 0 if version is something else.
func minor(version string) int {
	_, number, _ := strings.Cut(semver.MajorMinor(version), ".")
	y, _ := strconv.Atoi(number)
	return y
}

// Start starts a node with a version of Kubernetes, vX.Y.Z. Its process 1 runs command,
// which must call Init. Until Keep is called, the node ends when this process ends.
func Start(dir Dir, version string, command ...string) (*Node, error) {
	for _, path := range []string{dir.lib(), dir.Log(), dir.SSD()} {
		if err := os.MkdirAll(path, 0o755); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(dir.version(), []byte(version), 0o644); err != nil {
		return nil, err
	}
	if err := ensurePKI(dir.pki(), time.Now()); err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	// A node that was killed leaves its groups behind.
	if err := errors.Join(removeCgroup(dir.cgroup()), makeCgroup(dir.cgroup())); err != nil {
		return nil, err
	}
	if err := os.Remove(dir.failures()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := errors.Join(os.RemoveAll(dir.stopped()), os.Mkdir(dir.stopped(), 0o755)); err != nil {
		return nil, err
	}

	lock, err := os.OpenFile(dir.lock(), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, fmt.Errorf("a node already runs: locking %s: %w", dir.lock(), err)
	}
	listener, err := listen(lastPort(dir.Kubeconfig()), port)
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	socket, err := listener.File()
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	parentRead, parentWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer parentRead.Close()
	output, err := os.Create(dir.Log("node.log"))
	if err != nil {
		return nil, err
	}
	defer output.Close()

	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.ExtraFiles = []*os.File{socket, lock, parentRead} // listenerFD, lockFD, parentFD
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the node in namespaces of its own: %w", err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()

	n := &Node{
		Dir:     dir,
		PID:     cmd.Process.Pid,
		Address: listener.Addr().String(),
		Started: time.Now(),
		parent:  parentWrite,
		exited:  exited,
	}
	data, err := json.Marshal(record{n.PID, n.Address, n.Started})
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		lock.Truncate(0),
		func() error { _, err := lock.WriteAt(data, 0); return err }(),
		writeKubeconfig(dir.Kubeconfig(), dir.pki(), "admin", "https://"+n.Address),
	)
	return n, err
}

// listen listens on the first of the ports that is free, so that kubeconfigs remain valid; if none is, or for 0, on
// any that is free.
func listen(ports ...int) (*net.TCPListener, error) {
	loopback := net.IPv4(127, 0, 0, 1)
	for _, port := range ports {
		if port == 0 {
			continue
		}
		listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: loopback, Port: port})
		if !errors.Is(err, syscall.EADDRINUSE) {
			return listener, err
		}
	}
	return net.ListenTCP("tcp4", &net.TCPAddr{IP: loopback})
}

// lastPort returns the port in a kubeconfig that this package wrote, or 0 if there is none.
func lastPort(kubeconfig string) int {
	cfg, err := clientcmd.LoadFromFile(kubeconfig)
	if err != nil || cfg.Clusters[Name] == nil {
		return 0
	}
	address, err := url.Parse(cfg.Clusters[Name].Server)
	if err != nil {
		return 0
	}
	number, _ := strconv.Atoi(address.Port()) // 0 without one
	return number
}

// Keep lets the node run on when this process ends.
func (n *Node) Keep() error {
	if n.parent == nil {
		return nil
	}
	_, err := n.parent.Write([]byte{1})
	err = errors.Join(err, n.parent.Close())
	n.parent = nil
	return err
}

// Stop ends the node and waits until all of its processes have ended. Its data remains.
func (n *Node) Stop(ctx context.Context) error {
	// The descriptor refers to this process even if its id is reused.
	fd, err := unix.PidfdOpen(n.PID, 0)
	if err == nil {
		defer unix.Close(fd)
		if holder, findErr := Find(n.Dir); findErr != nil || holder != nil && holder.PID != n.PID {
			return errors.Join(findErr, fmt.Errorf("process %d is not the node", n.PID))
		} else if holder != nil {
			if err := end(ctx, fd); err != nil {
				return err
			}
		}
	} else if !errors.Is(err, unix.ESRCH) {
		return err
	}
	return removeCgroup(n.Dir.cgroup())
}

// end sends SIGTERM to the process of a pidfd, and SIGKILL after twice stopTimeout or when
// the context ends. It returns when the process has ended.
func end(ctx context.Context, fd int) error {
	if err := unix.PidfdSendSignal(fd, unix.SIGTERM, nil, 0); err != nil {
		return err
	}
	deadline := time.Now().Add(2 * stopTimeout)
	for killed := false; ; {
		// Process 1 of a namespace ends after all others in it.
		polled, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 100)
		switch {
		case polled > 0:
			return nil
		case err != nil && !errors.Is(err, unix.EINTR):
			return err
		}
		if !killed && (ctx.Err() != nil || time.Now().After(deadline)) {
			killed = true
			if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil {
				return err
			}
		}
	}
}

// SetPart kills a part of the node, such as kubelet, or starts it again. The node does so
// within a second.
func (n *Node) SetPart(name string, runs bool) error {
	var names []string
	for _, part := range parts("") {
		names = append(names, part.name)
	}
	if !slices.Contains(names, name) {
		return fmt.Errorf("the node has no part %q; allowed: %s", name, strings.Join(names, ", "))
	}
	path := filepath.Join(n.Dir.stopped(), name)
	if !runs {
		return os.WriteFile(path, nil, 0o644)
	}
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Failures returns a line for each part that ended although the node was not stopping, with
// the path of its log.
func (n *Node) Failures() []string {
	data, err := os.ReadFile(n.Dir.failures())
	if err != nil {
		return nil
	}
	var failures []string
	for line := range strings.Lines(string(data)) {
		name, _, _ := strings.Cut(line, " ")
		failures = append(failures, fmt.Sprintf("%s; its log is %s", strings.TrimSpace(line), n.Dir.Log(name+".log")))
	}
	return failures
}

// failure returns the error of a node that ended or lost a part.
func (n *Node) failure() error {
	failures := n.Failures()
	if len(failures) == 0 {
		failures = []string{"its log is " + n.Dir.Log("node.log")}
		if last := lastLine(n.Dir.Log("node.log")); last != "" {
			failures[0] += " and ends with: " + last
		}
	}
	return fmt.Errorf("the node failed: %s", strings.Join(failures, "; "))
}

func lastLine(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return lines[len(lines)-1]
}

// Root returns the path, on the machine, of a path inside the node.
func (n *Node) Root(path string) string {
	return filepath.Join("/proc", strconv.Itoa(n.PID), "root", path)
}

// Ours reports whether this process started the node and has not called Keep.
func (n *Node) Ours() bool { return n.parent != nil }

// Clean removes the cgroups of a node that was killed.
func Clean(dir Dir) error { return removeCgroup(dir.cgroup()) }
