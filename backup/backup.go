// Package backup copies what only a stack's volumes have: the samples of Prometheus, the silences of Alertmanager and
// Grafana's database. It works through the API server, with what the programs' images have.
package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// Stack is a stack that runs on a cluster.
type Stack struct {
	Config *config.Config
	Report func(format string, args ...any) // says what is done, and what a backup leaves out

	pods pods
}

// pods runs commands in the pods of a stack.
type pods interface {
	// named returns the names of the running pods of a program, in order.
	named(ctx context.Context, program string) ([]string, error)
	// run runs a command in the first container of a pod. stdin may be nil.
	run(ctx context.Context, pod string, stdin io.Reader, stdout io.Writer, command ...string) error
}

// Connect returns the stack on the cluster of its kubeconfig context. If the stack has a kubeconfig of its own, which
// is not read, the environment must name one.
func Connect(cfg *config.Config, report func(format string, args ...any)) (*Stack, error) {
	if err := cfg.NeedsKubeconfig(os.Getenv(clientcmd.RecommendedConfigPathEnvVar)); err != nil {
		return nil, err
	}
	rest, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(),
		&clientcmd.ConfigOverrides{CurrentContext: cfg.Cluster.Context}).ClientConfig()
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(rest)
	if err != nil {
		return nil, err
	}
	return &Stack{Config: cfg, Report: report, pods: cluster{client, rest, cfg.Cluster.Namespace}}, nil
}

// part is what is stored of one program.
type part struct {
	name    string
	backup  func(s *Stack, ctx context.Context, dir string) error
	restore func(s *Stack, ctx context.Context, dir string) error
}

var parts = []part{
	{"Prometheus", (*Stack).backupPrometheus, (*Stack).restorePrometheus},
	{"Alertmanager", (*Stack).backupAlertmanager, (*Stack).restoreAlertmanager},
	{"Grafana", (*Stack).backupGrafana, (*Stack).restoreGrafana},
}

// Backup writes what the stack has stored into files of a directory, which must not exist.
func (s *Stack) Backup(ctx context.Context, dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil { // Grafana's database has password hashes
		return err
	}
	return s.each(func(p part) error { return p.backup(s, ctx, dir) })
}

// Restore puts what Backup wrote into a directory into the running stack, whatever it has stored since. To do it again
// changes nothing.
func (s *Stack) Restore(ctx context.Context, dir string) error {
	if _, err := os.Stat(dir); err != nil {
		return err
	}
	return s.each(func(p part) error { return p.restore(s, ctx, dir) })
}

// each calls do for every part, even if it fails for one.
func (s *Stack) each(do func(part) error) error {
	var failed []error
	for _, p := range parts {
		if err := do(p); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", p.name, err))
		}
	}
	return errors.Join(failed...)
}

// output returns what a command in a pod prints.
func (s *Stack) output(ctx context.Context, pod string, command ...string) (string, error) {
	var out bytes.Buffer
	err := s.pods.run(ctx, pod, nil, &out, command...)
	return out.String(), err
}

// save writes what a command in a pod prints into a file.
func (s *Stack) save(ctx context.Context, file, pod string, command ...string) (err error) {
	out, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if err := s.pods.run(ctx, pod, nil, out, command...); err != nil {
		return err
	}
	info, err := out.Stat()
	if err != nil {
		return err
	}
	s.Report("%s: %d MiB of %s", filepath.Base(file), info.Size()>>20, pod)
	return nil
}

// load passes a file to a command in a pod.
func (s *Stack) load(ctx context.Context, file, pod string, command ...string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	return s.pods.run(ctx, pod, in, io.Discard, command...)
}

// exists reports whether a backup has a file. It says so if not.
func (s *Stack) exists(file string) bool {
	_, err := os.Stat(file)
	if errors.Is(err, os.ErrNotExist) {
		s.Report("there is no %s to restore", filepath.Base(file))
		return false
	}
	return true
}

// cluster is where the pods run.
type cluster struct {
	client    kubernetes.Interface
	config    *rest.Config
	namespace string
}

func (c cluster) named(ctx context.Context, program string) ([]string, error) {
	list, err := c.client.CoreV1().Pods(c.namespace).List(ctx, metav1.ListOptions{
		LabelSelector: "app.kubernetes.io/name=" + program + ",app.kubernetes.io/instance=" + c.namespace,
		FieldSelector: "status.phase=" + string(corev1.PodRunning),
	})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, pod := range list.Items { // sorted by name
		names = append(names, pod.Name)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no pod of %s runs in namespace %s", program, c.namespace)
	}
	return names, nil
}

func (c cluster) run(ctx context.Context, pod string, stdin io.Reader, stdout io.Writer, command ...string) error {
	object, err := c.client.CoreV1().Pods(c.namespace).Get(ctx, pod, metav1.GetOptions{})
	if err != nil {
		return err
	}
	url := c.client.CoreV1().RESTClient().Post().Namespace(c.namespace).Resource("pods").Name(pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{
			Container: object.Spec.Containers[0].Name, Command: command, Stdin: stdin != nil, Stdout: true, Stderr: true,
		}, scheme.ParameterCodec).URL()
	// As kubectl does: by WebSocket, unless something on the way does not know it.
	websocket, err := remotecommand.NewWebSocketExecutor(c.config, "GET", url.String())
	if err != nil {
		return err
	}
	spdy, err := remotecommand.NewSPDYExecutor(c.config, "POST", url)
	if err != nil {
		return err
	}
	executor, err := remotecommand.NewFallbackExecutor(websocket, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	if err != nil {
		return err
	}
	var stderr bytes.Buffer
	if err := executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: stdin, Stdout: stdout, Stderr: &stderr}); err != nil {
		return fmt.Errorf("%s in pod %s: %w: %s", command[0], pod, err, strings.TrimSpace(stderr.String()))
	}
	return nil
}
