package backup

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// get returns what the program in a pod answers at a path.
func (s *Stack) get(ctx context.Context, pod string, program render.Program, path string) (string, error) {
	return s.request(ctx, http.MethodGet, pod, program, path, "")
}

// post returns what the program in a pod answers to JSON that is posted to a path.
func (s *Stack) post(ctx context.Context, pod string, program render.Program, path, body string) (string, error) {
	return s.request(ctx, http.MethodPost, pod, program, path, body)
}

// request sends a request as other programs of the stack do, with the certificate and the password in files of the pod.
func (s *Stack) request(ctx context.Context, method, pod string, program render.Program, path, body string) (string, error) {
	url := fmt.Sprintf("%s://localhost:%d%s", program.Scheme(s.Config), program.Port, path)
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	if render.AsksForLogin(s.Config, program.Name) {
		password, err := s.file(ctx, pod, render.LoginDir, config.LoginPasswordFile)
		if err != nil {
			return "", err
		}
		request.SetBasicAuth(s.Config.Login.Basic.Client.User, password)
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return s.dial(ctx, pod, program.Port), nil },
	}
	if program.ServesTLS(s.Config) {
		if transport.TLSClientConfig, err = s.certificate(ctx, pod); err != nil {
			return "", err
		}
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return "", fmt.Errorf("%s %s in pod %s: %w", method, url, pod, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, strings.TrimSpace(string(text)))
	}
	if err != nil {
		return "", fmt.Errorf("%s %s in pod %s: %w", method, url, pod, err)
	}
	return string(text), nil
}

// certificate returns how programs in a pod connect to those that serve TLS.
func (s *Stack) certificate(ctx context.Context, pod string) (*tls.Config, error) {
	files := map[string]string{}
	for _, key := range config.CertificateKeys {
		var err error
		if files[key], err = s.file(ctx, pod, render.TLSDir, key); err != nil {
			return nil, err
		}
	}
	client := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool(), ServerName: s.Config.TLS.ServerName}
	if !client.RootCAs.AppendCertsFromPEM([]byte(files["ca.crt"])) {
		return nil, fmt.Errorf("ca.crt in pod %s has no certificate", pod)
	}
	pair, err := tls.X509KeyPair([]byte(files["tls.crt"]), []byte(files["tls.key"]))
	client.Certificates = []tls.Certificate{pair} // which a server that asks for none does not get
	return client, err
}

// file returns the content of a file in a pod.
func (s *Stack) file(ctx context.Context, pod, dir, name string) (string, error) {
	return s.output(ctx, pod, "cat", path.Join(dir, name))
}

// dial connects to a port in a pod, with nc of its image.
func (s *Stack) dial(ctx context.Context, pod string, port int) net.Conn {
	here, there := net.Pipe()
	c := &connection{Conn: here}
	go func() {
		if err := s.pods.run(ctx, pod, there, there, "nc", "localhost", strconv.Itoa(port)); err != nil {
			c.failed.Store(&err)
		}
		_ = there.Close()
	}()
	return c
}

// connection is a connection to a port in a pod. Reading from it returns why it has failed.
type connection struct {
	net.Conn
	failed atomic.Pointer[error]
}

func (c *connection) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if failed := c.failed.Load(); errors.Is(err, io.EOF) && failed != nil {
		err = *failed
	}
	return n, err
}
