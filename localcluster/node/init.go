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
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The descriptors that Start hands to Init.
const (
	listenerFD = 3 + iota // the API server's listener on the machine's loopback
	lockFD                // the lock file, locked
	leashFD               // a pipe: closed without a byte written, the node ends
)

const (
	startTimeout = 2 * time.Minute // for a part to answer
	stopTimeout  = 5 * time.Second // for the stateful parts to end by themselves
)

// Init is process 1 of the node's process namespace. It lays out the node's file
// system and network, starts its parts, reaps every orphan, and serves the API to
// the machine. When it ends, the kernel ends every process of the node. It returns
// when the node has been told to stop, or could not start.
func Init(dir Dir) error {
	for _, fd := range []int{listenerFD, lockFD, leashFD} {
		syscall.CloseOnExec(fd)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ctx, fail := context.WithCancelCause(ctx)
	go func() {
		leash := os.NewFile(leashFD, "leash")
		defer leash.Close()
		if n, _ := leash.Read(make([]byte, 1)); n == 0 {
			fail(errors.New("the command that started the node ended before the node was ready"))
		}
	}()

	if err := mountAll(dir); err != nil {
		return err
	}
	if err := setUpNetwork(); err != nil {
		return err
	}

	p := &processes{running: map[int]part{}, failures: stateMount + "/node/failures"}
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

	<-ctx.Done()
	log.Printf("stopping: %v", context.Cause(ctx))
	p.stop()
	return nil
}

// setUpNetwork configures the network namespace that this process has for itself.
func setUpNetwork() error {
	if err := unix.Sethostname([]byte(Name)); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"link", "set", "lo", "up"},
		{"address", "add", address + "/32", "dev", "lo"},
	} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %v: %w: %s", args, err, out)
		}
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}

// processes are the node's parts that run, by process id.
type processes struct {
	mu       sync.Mutex
	running  map[int]part
	stopping bool
	failures string // file that names the parts that ended by themselves
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
	p.mu.Lock() // reap must not see the process before it is known
	defer p.mu.Unlock()
	process, err := os.StartProcess(path, part.args, &os.ProcAttr{Files: []*os.File{nil, output, output}})
	if err != nil {
		return err
	}
	p.running[process.Pid] = part
	return process.Release()
}

// reap waits for every child and adopted orphan, as process 1 has to, and writes
// down each part that ends while the node is not stopping.
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
			if known && !p.stopping {
				p.record(part, status)
			}
			p.mu.Unlock()
		}
	}
}

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

// await returns when the part answers, or an error when it has ended, takes too
// long or the node is told to stop.
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

// stop ends the parts that keep no data and would start containers anew, then
// asks the rest to end, so that etcd and the pods can flush theirs. What still
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
	_ = syscall.Kill(-1, syscall.SIGTERM) // everyone but process 1
	time.Sleep(time.Second)               // for the pods, whose processes are not known here
	for deadline := time.Now().Add(stopTimeout); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		p.mu.Lock()
		running := len(p.running)
		p.mu.Unlock()
		if running == 0 {
			return
		}
	}
}

// forward serves the listener's connections by passing their bytes to and from
// the address, which is in this process' network namespace; the listener is in
// the machine's.
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
