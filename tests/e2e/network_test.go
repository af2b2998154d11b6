//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// kubeRouter is the path of kube-router on the local node.
const kubeRouter = "/run/localcluster/bin/kube-router"

// TestNetwork has kube-router enforce the NetworkPolicies of the stack: pods of other namespaces reach no port of
// a component, those of a namespace that is admitted reach the web UIs alone, and the stack goes on.
func TestNetwork(t *testing.T) {
	leftOut(t)
	const admitted = workloads + "-admitted"
	n := start(t)
	n.cluster.localOnly(t, "a network whose policies nobody enforces yet")
	n.deploy(t)
	n.set(t, "cluster.networkPolicies.fromNamespaces[0]", admitted)
	n.up(t)
	n.emptyNamespace(t, workloads)
	n.emptyNamespace(t, admitted)
	ports := n.podPorts(t)
	every := slices.Sorted(maps.Values(ports))
	require.Subset(t, every, []string{"alertmanager 9093", "blackbox-exporter 9115", "kube-state-metrics 8080", "prometheus 9090"})
	require.Equal(t, every, n.reached(t, workloads, ports), "before policies are enforced")

	n.enforcePolicies(t)
	eventually(t, 3*time.Minute, "pods of another namespace reach nothing", func(context.Context) string {
		return strings.Join(n.reached(t, workloads, ports), ", ")
	})
	assert.Equal(t, []string{"alertmanager 9093", "prometheus 9090"}, n.reached(t, admitted, ports), "web UIs, from a namespace that is admitted")
	n.goesOn(t)
	// What starts now finds its targets, volumes and Alertmanager, too.
	n.replacePods(t, "app.kubernetes.io/name in (prometheus, alertmanager, kube-state-metrics)")
	n.goesOn(t)
	n.unchanged(t)
}

// podPorts returns the component and the port of each address that the stack's pods have on the pod network.
func (n *node) podPorts(t *testing.T) map[string]string {
	t.Helper()
	pods, err := n.kubernetes.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	ports := map[string]string{}
	for _, pod := range pods.Items {
		if pod.Spec.HostNetwork || pod.Status.Phase != corev1.PodRunning {
			continue
		}
		for _, container := range pod.Spec.Containers {
			for _, port := range container.Ports {
				if port.Protocol == corev1.ProtocolTCP {
					ports[fmt.Sprintf("%s:%d", pod.Status.PodIP, port.ContainerPort)] = fmt.Sprintf("%s %d", pod.Labels["app.kubernetes.io/name"], port.ContainerPort)
				}
			}
		}
	}
	return ports
}

// reached returns the components and ports, of those given by address, that accept a connection of a pod in a
// namespace.
func (n *node) reached(t *testing.T, from string, ports map[string]string) []string {
	t.Helper()
	script := "for address in " + strings.Join(slices.Sorted(maps.Keys(ports)), " ") + `; do
  timeout 5 nc -w 2 ${address%:*} ${address#*:} </dev/null >/dev/null 2>&1 && echo $address
done
true`
	pods, user := n.kubernetes.CoreV1().Pods(from), int64(65534)
	created, err := pods.Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "client-"},
		Spec: corev1.PodSpec{
			RestartPolicy:                 corev1.RestartPolicyNever,
			TerminationGracePeriodSeconds: new(int64),
			SecurityContext:               &corev1.PodSecurityContext{RunAsUser: &user},
			Containers: []corev1.Container{{
				Name: "client", Image: n.stack.Images.Ref(config.BusyboxImage), Command: []string{"sh", "-c", script},
			}},
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	eventually(t, 3*time.Minute, "the client has tried each port", func(ctx context.Context) string {
		pod, err := pods.Get(ctx, created.Name, metav1.GetOptions{})
		if err != nil || pod.Status.Phase != corev1.PodSucceeded {
			return fmt.Sprint("its pod is ", pod.Status.Phase, " ", err)
		}
		return ""
	})
	log, err := pods.GetLogs(created.Name, &corev1.PodLogOptions{}).DoRaw(t.Context())
	require.NoError(t, err)
	require.NoError(t, pods.Delete(t.Context(), created.Name, metav1.DeleteOptions{}))
	var reached []string
	for address := range strings.FieldsSeq(string(log)) {
		reached = append(reached, ports[address])
	}
	slices.Sort(reached)
	return reached
}

// enforcePolicies starts kube-router, which only enforces NetworkPolicies. When the test ends, so do it and, with its
// rules, the node.
func (n *node) enforcePolicies(t *testing.T) {
	t.Helper()
	// Pods reach each other over a bridge, past the rules, unless the kernel is told otherwise.
	n.shell(t, "echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables")
	t.Cleanup(func() { n.localcluster(t, "down") })
	n.run(t, kubeRouter,
		"--run-firewall", "--run-router=false", "--run-service-proxy=false", "--run-loadbalancer=false", "--enable-cni=false",
		"--kubeconfig=/run/localcluster/kubeconfig", "--master=https://127.0.0.1:6443", "--hostname-override=demo",
		"--service-cluster-ip-range="+serviceRange, "--health-port=0")
}

// serviceRange is the range of the addresses of the local node's Services.
const serviceRange = "10.96.0.0/16"

// goesOn expects that from now on every target is scraped and alerts reach Alertmanager.
func (n *node) goesOn(t *testing.T) {
	t.Helper()
	since := time.Now()
	n.scraped(t, since, "prometheus", "alertmanager", "blackbox-exporter", "kube-state-metrics", "node-directory-size-metrics", "node-exporter")
	transport, err := rest.TransportFor(n.rest)
	require.NoError(t, err)
	alerted(t, &http.Client{Transport: transport}, n.rest.Host+"/api/v1/namespaces/"+namespace+"/services/alertmanager:web/proxy", since)
}
