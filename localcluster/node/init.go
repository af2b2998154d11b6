package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// File descriptors that Start passes to Init.
const (
	listenerFD = 3 + iota // the API server's listener on the machine's loopback
	lockFD                // the lock file, locked
	parentFD              // a pipe; the node ends if it is closed before a byte is written
)

const (
	startTimeout = 2 * time.Minute // for a part to become ready
	stopTimeout  = 5 * time.Second // for stateful parts to end after SIGTERM
)

// Init runs as process 1 of the node's process namespace. It sets up the node's file
// system and network, starts its parts, reaps orphans, and forwards the machine's API
// port. When it ends, the kernel ends every process of the node. It returns nil after
// SIGTERM or SIGINT, and an error if the node could not start.
func Init(dir Dir) error {
	for _, fd := range []int{listenerFD, lockFD, parentFD} {
		syscall.CloseOnExec(fd)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ctx, fail := context.WithCancelCause(ctx)
	go func() {
		parent := os.NewFile(parentFD, "parent")
		defer parent.Close()
		if n, _ := parent.Read(make([]byte, 1)); n == 0 {
			fail(errors.New("the command that started the node ended before the node was ready"))
		}
	}()

	if err := mountAll(dir); err != nil {
		return err
	}
	if err := setUpNetwork(); err != nil {
		return err
	}

	p := &processes{running: map[int]part{}, stopped: map[string]bool{}, failures: stateMount + "/node/failures"}
	go p.reap()
	for _, part := range parts(dir.cgroup()) {
		if err := p.start(part); err != nil {
			return fmt.Errorf("starting %s: %w", part.name, err)
		}
		log.Printf("started %s", part.name)
		if part.ready == "" {
			continue
		}
		if err := p.await(ctx, part); err != nil {
			p.stop()
			return err
		}
		log.Printf("%s is ready", part.name)
	}
	listener, err := net.FileListener(os.NewFile(listenerFD, "listener"))
	if err != nil {
		return err
	}
	go forward(listener, "127.0.0.1:6443")
	go p.follow(ctx, parts(dir.cgroup()), stateMount+"/node/stopped")

	<-ctx.Done()
	log.Printf("stopping: %v", context.Cause(ctx))
	p.stop()
	return nil
}

// setUpNetwork configures the network namespace of this process.
func setUpNetwork() error {
	if err := unix.Sethostname([]byte(Name)); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"link", "set", "lo", "up"},
		{"address", "add", address + "/32", "dev", "lo"},
		// Without a route, the kernel refuses a connection before kube-proxy's rules lead it to a pod.
		{"route", "add", serviceRange, "dev", "lo", "src", address},
	} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %v: %w: %s", args, err, out)
		}
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}

// processes keeps the node's running parts by process id.
type processes struct {
	mu       sync.Mutex
	running  map[int]part
	stopped  map[string]bool // names of parts that follow has killed
	stopping bool
	failures string // path of Dir.failures inside the node
}

func (p *processes) start(part part) error {
	path, err := exec.LookPath(part.args[0])
	if err != nil {
		return err
	}
	output, err := os.Create("/var/log/" + part.name + ".log")
	if err != nil {
		return err
	}
	defer output.Close()
	p.mu.Lock() // reap must not see the process before p.running has it
	defer p.mu.Unlock()
	process, err := os.StartProcess(path, part.args, &os.ProcAttr{Files: []*os.File{nil, output, output}})
	if err != nil {
		return err
	}
	p.running[process.Pid] = part
	return process.Release()
}

// reap waits for every child and adopted orphan, as process 1 must, and records each
// part that ends while the node is not stopping.
func (p *processes) reap() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGCHLD)
	for range signals {
		for {
			var status syscall.WaitStatus
			p.mu.Lock()
			pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
			if err != nil || pid <= 0 {
				p.mu.Unlock()
				break
			}
			part, known := p.running[pid]
			delete(p.running, pid)
			if known && !p.stopping && !p.stopped[part.name] {
				p.record(part, status)
			}
			p.mu.Unlock()
		}
	}
}

// record appends how a part ended to the file of failures.
func (p *processes) record(part part, status syscall.WaitStatus) {
	how := fmt.Sprintf("exit status %d", status.ExitStatus())
	if status.Signaled() {
		how = status.Signal().String()
	}
	log.Printf("%s ended: %s", part.name, how)
	file, err := os.OpenFile(p.failures, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		log.Print(err)
		return
	}
	defer file.Close()
	fmt.Fprintf(file, "%s ended at %s: %s\n", part.name, time.Now().Format(time.TimeOnly), how)
}

// await waits until a part is ready. It returns an error if the part ends, is not ready
// within startTimeout, or the node is stopped.
func (p *processes) await(ctx context.Context, part part) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("%s did not answer %s within %s", part.name, part.ready, startTimeout))
	defer cancel()
	ca, err := os.ReadFile("/run/kubernetes/pki/ca.crt")
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, part.ready, nil)
		if err != nil {
			return err
		}
		if response, err := client.Do(request); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		if !p.isRunning(part) {
			return fmt.Errorf("%s ended before it was ready", part.name)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (p *processes) isRunning(part part) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, running := range p.running {
		if running.name == part.name {
			return true
		}
	}
	return false
}

// follow kills each part that has a file of its name in a directory, and starts it again when
// the file is gone.
func (p *processes) follow(ctx context.Context, parts []part, dir string) {
	for ctx.Err() == nil {
		for _, part := range parts {
			_, err := os.Stat(filepath.Join(dir, part.name))
			p.mu.Lock()
			was := p.stopped[part.name]
			p.stopped[part.name] = err == nil
			for pid, running := range p.running {
				if err == nil && running.name == part.name {
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
			}
			p.mu.Unlock()
			if was && err != nil {
				if err := p.start(part); err != nil {
					log.Printf("starting %s again: %v", part.name, err)
				}
			}
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// stop kills the parts that are not stateful, since they would restart containers. It
// sends SIGTERM to all others, so that etcd and the pods can flush their data. What still
// runs after stopTimeout ends with process 1.
func (p *processes) stop() {
	p.mu.Lock()
	p.stopping = true
	for pid, part := range p.running {
		if !part.stateful {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	p.mu.Unlock()
	_ = syscall.Kill(-1, syscall.SIGTERM) // all processes but this one
	time.Sleep(time.Second)               // for pods: p.running does not have their processes
	for deadline := time.Now().Add(stopTimeout); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		p.mu.Lock()
		running := len(p.running)
		p.mu.Unlock()
		if running == 0 {
			return
		}
	}
}

// forward passes the bytes of the listener's connections to and from address. The listener
// is in the machine's network namespace, the address in this process's.
func forward(listener net.Listener, address string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Printf("serving the API on %s: %v", listener.Addr(), err)
			return
		}
		go func() {
			defer client.Close()
			server, err := net.Dial("tcp", address)
			if err != nil {
				log.Print(err)
				return
			}
			defer server.Close()
			go func() {
				_, _ = io.Copy(server, client)
				_ = server.(*net.TCPConn).CloseWrite()
			}()
			_, _ = io.Copy(client, server)
		}()
	}
}
