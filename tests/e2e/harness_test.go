//go:build e2e

// Package e2e deploys a stack with the real Pulumi engine and checks what runs on the
// cluster: the stack dev on the local node, or another stack on an existing cluster.
package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

const (
	namespace = "monitoring"
	nodeIP    = "10.244.255.1" // of the local node, as pods reach it
)

// node is the cluster under test, the stack on it and their clients.
type node struct {
	root       string // the work tree
	cluster    cluster
	stack      *config.Config
	kubernetes *kubernetes.Clientset
	rest       *rest.Config
	prometheus promv1.API
	dynamic    dynamic.Interface
	mapper     meta.RESTMapper // of the kinds that the API server knows
	slack      *slack          // what Slack receives, once startSlack started it

	browse func(visit) []page // sends people to web UIs, once startProvider started the provider with which they log in
}

var leftOutFlag = flag.Bool("left-out", false, "run also the tests that `make test` leaves out; choose one with -run")

// leftOut skips a test that `make test` leaves out, unless the flag -left-out is set.
func leftOut(t *testing.T) {
	t.Helper()
	if !*leftOutFlag {
		t.Skip("-left-out is not set")
	}
}

// start prepares the cluster under test. It starts the local node with the images of the
// stack.
func start(t testing.TB) *node {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	n := &node{root: root, cluster: clusterUnderTest(t, root)}
	n.stack, err = config.FromFile(filepath.Join(root, n.cluster.stackFile()))
	require.NoError(t, err)
	n.cluster.prepare(t, n)
	// With the stack's context, so that the tests and Pulumi use the same cluster.
	n.rest, err = clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: n.cluster.kubeconfig},
		&clientcmd.ConfigOverrides{CurrentContext: n.stack.Cluster.Context},
	).ClientConfig()
	require.NoError(t, err)
	n.rest.QPS, n.rest.Burst = 50, 100
	n.kubernetes, err = kubernetes.NewForConfig(n.rest)
	require.NoError(t, err)
	n.dynamic, err = dynamic.NewForConfig(n.rest)
	require.NoError(t, err)
	n.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(n.kubernetes.Discovery()))
	n.prometheus = promv1.NewAPI(n.service(t, "prometheus:web"))
	return n
}

// service returns a client of a Service of the stack through the API server's proxy. nameAndPort is
// name:port.
func (n *node) service(t testing.TB, nameAndPort string) api.Client {
	t.Helper()
	return n.serviceIn(t, namespace, nameAndPort)
}

// serviceIn returns a client of a Service in any namespace, as service does.
func (n *node) serviceIn(t testing.TB, namespace, nameAndPort string) api.Client {
	t.Helper()
	transport, err := rest.TransportFor(n.rest)
	require.NoError(t, err)
	client, err := api.NewClient(api.Config{
		Address:      n.rest.Host + "/api/v1/namespaces/" + namespace + "/services/" + nameAndPort + "/proxy",
		RoundTripper: transport,
	})
	require.NoError(t, err)
	return client
}

// get returns the body of a Service's response.
func (n *node) get(t *testing.T, nameAndPort, path string, parameters map[string]string) string {
	t.Helper()
	body, err := n.tryGet(t.Context(), nameAndPort, path, parameters)
	require.NoError(t, err)
	return body
}

func (n *node) tryGet(ctx context.Context, nameAndPort, path string, parameters map[string]string) (string, error) {
	service, port, _ := strings.Cut(nameAndPort, ":")
	body, err := n.kubernetes.CoreV1().Services(namespace).ProxyGet("http", service, port, path, parameters).DoRaw(ctx)
	return string(body), err
}

// localcluster runs a localcluster command and returns its standard output. Its standard
// error appears in the test's output. On an existing cluster it runs only the command pulumi,
// and skips the test for any other.
func (n *node) localcluster(t testing.TB, args ...string) string {
	t.Helper()
	out, err := n.try(t, args...)
	require.NoError(t, err, "localcluster %s\n%s\n%s", strings.Join(args, " "), n.unready(), lastLines(out, 60))
	return out
}

// unready describes the nodes' conditions, the pods that are not ready and the newest warnings,
// for the messages of failed tests.
func (n *node) unready() string {
	if n.kubernetes == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var b strings.Builder
	if nodes, err := n.kubernetes.CoreV1().Nodes().List(ctx, metav1.ListOptions{}); err == nil {
		for _, node := range nodes.Items {
			fmt.Fprintf(&b, "node %s: taints %v\n", node.Name, node.Spec.Taints)
			for _, c := range node.Status.Conditions {
				fmt.Fprintf(&b, "  %s=%s %s\n", c.Type, c.Status, c.Message)
			}
		}
	}
	if pods, err := n.kubernetes.CoreV1().Pods("").List(ctx, metav1.ListOptions{}); err == nil {
		for _, pod := range pods.Items {
			for _, c := range pod.Status.Conditions {
				if c.Type == corev1.PodReady && c.Status != corev1.ConditionTrue {
					fmt.Fprintf(&b, "pod %s/%s: %s, not ready: %s\n", pod.Namespace, pod.Name, pod.Status.Phase, c.Message)
				}
				if c.Type == corev1.PodScheduled && c.Status != corev1.ConditionTrue {
					fmt.Fprintf(&b, "pod %s/%s: not scheduled: %s\n", pod.Namespace, pod.Name, c.Message)
				}
			}
			for _, c := range pod.Status.ContainerStatuses {
				if !c.Ready {
					fmt.Fprintf(&b, "  container %s: restarts %d, %s\n", c.Name, c.RestartCount, c.State.String())
				}
			}
		}
	}
	if events, err := n.kubernetes.CoreV1().Events("").List(ctx, metav1.ListOptions{FieldSelector: "type=Warning"}); err == nil {
		slices.SortFunc(events.Items, func(a, b corev1.Event) int { return a.LastTimestamp.Compare(b.LastTimestamp.Time) })
		for _, event := range events.Items[max(0, len(events.Items)-15):] {
			fmt.Fprintf(&b, "event %s of %s %s: %s\n", event.Reason, event.InvolvedObject.Kind, event.InvolvedObject.Name, event.Message)
		}
	}
	return b.String()
}

// startProgram builds the command in a directory of the tests under a name and starts it on the local node, where it
// listens on an address. It returns the command's standard input and output, and a function that waits for its end.
func (n *node) startProgram(t *testing.T, dir, name, address string) (stdin io.WriteCloser, stdout io.Reader, wait func() error) {
	t.Helper()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(n.root, ".local", "bin", name), dir)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	cmd := n.cluster.command(t.Context(), t, "exec", "/run/localcluster/bin/"+name, address)
	cmd.Stderr = os.Stderr
	stdin, err = cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err = cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return stdin, stdout, cmd.Wait
}

// run runs a program on the local node, by its absolute path, until the test ends; if that fails, its log is part of
// the test's.
func (n *node) run(t *testing.T, command ...string) {
	t.Helper()
	cmd := n.cluster.command(context.WithoutCancel(t.Context()), t, append([]string{"exec"}, command...)...)
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Log(command[0] + ":\n" + lastLines(string(text), 40))
		}
		program := slices.IndexFunc(command, filepath.IsAbs) // after env and variables
		n.shell(t, "processes '"+strings.Join(command[program:], " ")+"' | xargs -r kill")
		_ = cmd.Wait() // it was killed
	})
}

// lastLines returns the last n lines of a text.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func (n *node) try(t testing.TB, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Minute) // because cleanups run commands too
	defer cancel()
	cmd := n.cluster.command(ctx, t, args...)
	var out bytes.Buffer
	cmd.Stdout = &out
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	err := cmd.Run()
	return out.String(), err
}

func (n *node) pulumi(t testing.TB, args ...string) string {
	t.Helper()
	return n.localcluster(t, append([]string{"pulumi"}, args...)...)
}

// set changes a value of the stack's config. path is relative to the project's key.
func (n *node) set(t testing.TB, path, value string, flags ...string) {
	t.Helper()
	n.pulumi(t, append([]string{"config", "set", "--path", config.Project + ":" + path, value}, flags...)...)
}

// configure changes values of the stack's file. A path, without keys that have dots, is relative to the project's key.
func (n *node) configure(t testing.TB, change func(put func(path string, value any))) {
	t.Helper()
	file := filepath.Join(n.cluster.dir, n.cluster.stackFile())
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var stack map[string]any
	require.NoError(t, yaml.Unmarshal(text, &stack))
	change(func(path string, value any) {
		keys := strings.Split(config.Project+":"+path, ".")
		at := stack["config"].(map[string]any)
		for _, key := range keys[:len(keys)-1] {
			next, _ := at[key].(map[string]any)
			if next == nil {
				next = map[string]any{}
				at[key] = next
			}
			at = next
		}
		at[keys[len(keys)-1]] = value
	})
	text, err = yaml.Marshal(stack)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, text, 0o600))
}

// upWith updates the stack with changed values of its file. The function that it returns has the file as it was, for
// another update.
func (n *node) upWith(t testing.TB, change func(put func(path string, value any))) (restore func()) {
	t.Helper()
	file := filepath.Join(n.cluster.dir, n.cluster.stackFile())
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	n.configure(t, change)
	n.up(t)
	return func() { require.NoError(t, os.WriteFile(file, before, 0o600)) }
}

// deploy deploys the stack as a user does the first time.
func (n *node) deploy(t testing.TB) {
	t.Helper()
	if n.cluster.local {
		n.localcluster(t, "demo")
	} else {
		n.up(t)
	}
	// On the local node its copy leaves out programs that cannot run there.
	var err error
	n.stack, err = config.FromFile(filepath.Join(n.cluster.dir, n.cluster.stackFile()))
	require.NoError(t, err)
}

// destroy deletes everything that the stack has on the cluster.
func (n *node) destroy(t testing.TB) {
	t.Helper()
	n.pulumi(t, "destroy", "--yes", "--refresh", "--skip-preview", "--color", "never")
}

func (n *node) up(t testing.TB) {
	t.Helper()
	n.pulumi(t, "up", "--yes", "--skip-preview", "--color", "never")
	n.rolledOut(t)
}

// putSecret creates a Secret of which the stack only knows the name, or changes its values.
func (n *node) putSecret(t *testing.T, name string, data map[string][]byte) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // because cleanups call it too
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: data}
	secrets := n.kubernetes.CoreV1().Secrets(namespace)
	_, err := secrets.Create(ctx, secret, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = secrets.Update(ctx, secret, metav1.UpdateOptions{})
	}
	require.NoError(t, err)
}

// rolledOut waits until every pod of the stack's StatefulSets is updated and ready.
func (n *node) rolledOut(t testing.TB) {
	t.Helper()
	// The local node's version of the provider checks a StatefulSet before its controller has
	// seen the update, and finds it ready: https://github.com/pulumi/pulumi-kubernetes/pull/4094
	eventually(t, 3*time.Minute, "StatefulSets are rolled out", func(ctx context.Context) string {
		sets, err := n.kubernetes.AppsV1().StatefulSets(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err.Error()
		}
		for _, set := range sets.Items {
			status, replicas := set.Status, *set.Spec.Replicas
			if status.ObservedGeneration != set.Generation || status.UpdatedReplicas != replicas || status.ReadyReplicas != replicas {
				return fmt.Sprintf("%s: %d of %d pods are updated, %d ready", set.Name, status.UpdatedReplicas, replicas, status.ReadyReplicas)
			}
		}
		return ""
	})
}

// replacePods deletes the pods that a selector selects, and waits until others are ready.
func (n *node) replacePods(t testing.TB, selector string) {
	t.Helper()
	pods := n.kubernetes.CoreV1().Pods(namespace)
	options := metav1.ListOptions{LabelSelector: selector}
	before, err := pods.List(t.Context(), options)
	require.NoError(t, err)
	require.NotEmpty(t, before.Items, selector)
	require.NoError(t, pods.DeleteCollection(t.Context(), metav1.DeleteOptions{}, options))
	eventually(t, 3*time.Minute, "other pods are ready: "+selector, func(ctx context.Context) string {
		now, err := pods.List(ctx, options)
		if err != nil || len(now.Items) != len(before.Items) {
			return fmt.Sprint(len(now.Items), " pods ", err)
		}
		for _, pod := range now.Items {
			old := slices.ContainsFunc(before.Items, func(b corev1.Pod) bool { return b.UID == pod.UID })
			if old || !slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue }) {
				return pod.Name + " is not ready"
			}
		}
		return ""
	})
}

// query returns the result of an instant query at a time.
func (n *node) query(t testing.TB, query string, at time.Time) model.Vector {
	t.Helper()
	vector, err := n.tryQuery(t.Context(), query, at)
	require.NoError(t, err, query)
	return vector
}

func (n *node) tryQuery(ctx context.Context, query string, at time.Time) (model.Vector, error) {
	value, _, _, err := n.prometheus.Query(ctx, query, at)
	if err != nil {
		return nil, err
	}
	switch value := value.(type) {
	case model.Vector:
		return value, nil
	case *model.Scalar:
		return model.Vector{&model.Sample{Value: value.Value, Timestamp: value.Timestamp}}, nil
	default:
		return nil, nil
	}
}

// eventually calls check every second until it returns an empty string. After patience, it
// fails the test with the last reason that check returned.
func eventually(t testing.TB, patience time.Duration, what string, check func(ctx context.Context) (waiting string)) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		waiting := check(t.Context())
		if waiting == "" {
			return
		}
		if time.Now().After(deadline) {
			require.Fail(t, what, "after %s: %s", patience, waiting)
		}
		time.Sleep(time.Second)
	}
}
