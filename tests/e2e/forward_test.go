//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

// forward listens on a local address and forwards connections to a port of the first running
// pod that selector matches, until stop is called.
func (n *node) forward(t *testing.T, selector string, port int) (address string, stop func(), err error) {
	t.Helper()
	pods, err := n.kubernetes.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{
		LabelSelector: selector,
		FieldSelector: "status.phase=" + string(corev1.PodRunning),
	})
	if err != nil {
		return "", nil, err
	}
	if len(pods.Items) == 0 {
		return "", nil, fmt.Errorf("no running pod matches %s", selector)
	}
	roundTripper, upgrader, err := spdy.RoundTripperFor(n.rest)
	if err != nil {
		return "", nil, err
	}
	url := n.kubernetes.CoreV1().RESTClient().Post().Namespace(namespace).
		Resource("pods").Name(pods.Items[0].Name).SubResource("portforward").URL()
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: roundTripper}, http.MethodPost, url)
	stopped, ready := make(chan struct{}), make(chan struct{})
	forwarder, err := portforward.New(dialer, []string{fmt.Sprintf("0:%d", port)}, stopped, ready, io.Discard, io.Discard)
	if err != nil {
		return "", nil, err
	}
	failed := make(chan error, 1)
	go func() { failed <- forwarder.ForwardPorts() }()
	select {
	case err := <-failed:
		return "", nil, fmt.Errorf("port-forward to %s: %w", pods.Items[0].Name, err)
	case <-ready:
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		close(stopped)
		return "", nil, err
	}
	return fmt.Sprintf("localhost:%d", ports[0].Local), func() { close(stopped) }, nil
}

// transport connects to program:port of the stack, each time by a forwarding of its own: one whose connection breaks off
// ends.
func (n *node) transport(t *testing.T, client *tls.Config) *http.Transport {
	return &http.Transport{TLSClientConfig: client, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		program, text, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		port, err := strconv.Atoi(text)
		if err != nil {
			return nil, err
		}
		local, stop, err := n.forward(t, "app.kubernetes.io/name="+program, port)
		if err != nil {
			return nil, err
		}
		conn, err := new(net.Dialer).DialContext(ctx, network, local)
		if err != nil {
			stop()
			return nil, err
		}
		return &forwarded{conn, sync.OnceFunc(stop)}, nil
	}}
}

// forwarded is a connection with a forwarding of its own.
type forwarded struct {
	net.Conn
	stop func()
}

func (c *forwarded) Close() error {
	defer c.stop()
	return c.Conn.Close()
}
