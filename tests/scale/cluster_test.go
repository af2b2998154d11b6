//go:build scale

package scale

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// copies is how often each simulated node has the pods of the recorded one.
const copies = 3

// leaseSeconds is how long the lease of a simulated node is valid; it is renewed four times as often. A
// kubelet renews it every ten seconds, which would take the API server of two cores most of its time.
const leaseSeconds = 120

// cluster is the local control plane with simulated nodes, whose kubelets kwok plays.
type cluster struct {
	root       string // the work tree
	kubeconfig string
	client     *kubernetes.Clientset
	nodes      []string
	pods       []recordedPod // that each node has copies of
	created    int           // pods
}

// startCluster starts a new local node, and replaces it by simulated ones. When the test ends, nothing of
// them remains.
func startCluster(t *testing.T, nodes int, pods []recordedPod) *cluster {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	c := &cluster{root: root, kubeconfig: filepath.Join(root, ".local", "kubeconfig"), pods: pods}
	for i := range nodes {
		c.nodes = append(c.nodes, fmt.Sprintf("node-%d", i))
	}
	c.forget(t)
	t.Cleanup(func() { c.forget(t) })
	c.localcluster(t, "up")
	client, err := clientcmd.BuildConfigFromFlags("", c.kubeconfig)
	require.NoError(t, err)
	client.QPS = -1 // no limit
	c.client, err = kubernetes.NewForConfig(client)
	require.NoError(t, err)
	for _, part := range []string{"kubelet", "kube-proxy"} {
		c.localcluster(t, "stop", part)
	}
	require.NoError(t, c.client.CoreV1().Nodes().Delete(t.Context(), "demo", metav1.DeleteOptions{}))

	stages, err := filepath.Abs("testdata/kwok.yaml")
	require.NoError(t, err)
	run(t, "kwok", "--kubeconfig="+c.kubeconfig, "--config="+stages, "--manage-all-nodes", "--cidr=10.128.0.0/9",
		fmt.Sprintf("--node-lease-duration-seconds=%d", leaseSeconds))
	c.populate(t)
	return c
}

// localcluster runs a localcluster command. Its context is not the test's, as cleanups run commands too.
func (c *cluster) localcluster(t *testing.T, args ...string) {
	command := exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(c.root, ".local", "bin", "localcluster"), args...)
	command.Dir = c.root
	out, err := command.CombinedOutput()
	require.NoError(t, err, "localcluster %s\n%s", strings.Join(args, " "), out)
}

// forget stops the local node and removes its data.
func (c *cluster) forget(t *testing.T) {
	c.localcluster(t, "down")
	for _, name := range []string{"node", "pulumi", "ssd"} {
		require.NoError(t, os.RemoveAll(filepath.Join(c.root, ".local", name)))
	}
}

// workload is a Deployment of the simulated cluster, with the nodes that its pods are on.
type workload struct {
	namespace string
	pod       recordedPod
	copied    int
	nodes     []int
}

// workloads returns the Deployments: one of each recorded pod, for each copy and each nodesPerNamespace
// nodes.
func (c *cluster) workloads() []workload {
	var all []workload
	for first := 0; first < len(c.nodes); first += nodesPerNamespace {
		var nodes []int
		for n := first; n < min(first+nodesPerNamespace, len(c.nodes)); n++ {
			nodes = append(nodes, n)
		}
		for copied := range copies {
			for _, pod := range c.pods {
				all = append(all, workload{pod.namespace + "-" + namespaceSuffix(first, copied, copies), pod, copied, nodes})
			}
		}
	}
	return all
}

// variables returns values of the dashboards' variables that select one object of the cluster.
func (c *cluster) variables() map[string]string {
	w := c.workloads()[len(c.pods)-1]
	return map[string]string{
		"cluster": "test", "__rate_interval": model.Duration(4 * *interval).String(),
		"namespace": w.namespace, "workload_type": "Deployment", "workload": w.pod.name, "pod": w.pod.name + "-" + podSuffix(w.nodes[0], w.copied), "node": c.nodes[0],
	}
}

// populate creates the nodes and the pods. The controller manager, which creates some twenty objects a
// second, is stopped meanwhile, and finds what it would have created.
func (c *cluster) populate(t *testing.T) {
	core, apps, ctx := c.client.CoreV1(), c.client.AppsV1(), t.Context()
	workloads := c.workloads()
	namespaces := []string{"monitoring"}
	seen := map[string]bool{}
	for _, w := range workloads {
		if !seen[w.namespace] {
			seen[w.namespace] = true
			namespaces = append(namespaces, w.namespace)
		}
	}
	each(t, "namespaces", len(namespaces), func(i int) error {
		_, err := core.Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespaces[i]}}, metav1.CreateOptions{})
		return err
	})
	each(t, "nodes", len(c.nodes), func(i int) error {
		_, err := core.Nodes().Create(ctx, simulatedNode(c.nodes[i], i), metav1.CreateOptions{})
		return err
	})
	await(t, "service accounts, and nodes without taints", func() (int, int) {
		accounts, err := core.ServiceAccounts("").List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=default"})
		require.NoError(t, err)
		nodes, err := core.Nodes().List(ctx, metav1.ListOptions{})
		require.NoError(t, err)
		untainted := 0
		for _, node := range nodes.Items {
			if len(node.Spec.Taints) == 0 {
				untainted++
			}
		}
		system := 4 // namespaces that every cluster has
		return len(accounts.Items) + untainted, len(namespaces) + system + len(c.nodes)
	})
	c.localcluster(t, "stop", "kube-controller-manager")
	time.Sleep(2 * time.Second) // the node does it within one

	sets := make([]*appsv1.ReplicaSet, len(workloads))
	each(t, "Deployments with their Services", len(workloads), func(i int) (err error) {
		w := workloads[i]
		labels := map[string]string{"app": w.pod.name}
		template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: w.pod.spec()}
		deployment, err := apps.Deployments(w.namespace).Create(ctx, &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Name: w.pod.name, Labels: labels},
			Spec:       appsv1.DeploymentSpec{Replicas: new(int32(len(w.nodes))), Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: template},
		}, metav1.CreateOptions{})
		if err != nil {
			return err
		}
		if _, err := core.Services(w.namespace).Create(ctx, &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: w.pod.name, Labels: labels},
			Spec:       corev1.ServiceSpec{Selector: labels, Ports: []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromString("http")}}},
		}, metav1.CreateOptions{}); err != nil {
			return err
		}
		labels = map[string]string{"app": w.pod.name, appsv1.DefaultDeploymentUniqueLabelKey: "simulated"}
		template.Labels = labels
		sets[i], err = apps.ReplicaSets(w.namespace).Create(ctx, &appsv1.ReplicaSet{
			ObjectMeta: metav1.ObjectMeta{Name: w.pod.name + "-simulated", Labels: labels, OwnerReferences: controlledBy("Deployment", deployment.Name, deployment.UID)},
			Spec:       appsv1.ReplicaSetSpec{Replicas: new(int32(len(w.nodes))), Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: template},
		}, metav1.CreateOptions{})
		return err
	})
	var pods []*corev1.Pod
	for i, w := range workloads {
		for _, n := range w.nodes {
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{
					Name: w.pod.name + "-" + podSuffix(n, w.copied), Namespace: w.namespace, Labels: sets[i].Spec.Template.Labels,
					OwnerReferences: controlledBy("ReplicaSet", sets[i].Name, sets[i].UID),
				},
				Spec: w.pod.spec(),
			}
			pod.Spec.NodeName = c.nodes[n]
			pods = append(pods, pod)
		}
	}
	pods = append(pods, c.ownPods(t)...)
	each(t, "pods", len(pods), func(i int) error {
		_, err := core.Pods(pods[i].Namespace).Create(ctx, pods[i], metav1.CreateOptions{})
		return err
	})
	c.created = len(pods)
	c.localcluster(t, "start", "kube-controller-manager")
	await(t, "available Deployments", func() (int, int) {
		deployments, err := apps.Deployments("").List(ctx, metav1.ListOptions{LabelSelector: "app"})
		require.NoError(t, err)
		available := 0
		for _, d := range deployments.Items {
			if d.Status.ObservedGeneration == d.Generation && d.Status.AvailableReplicas == *d.Spec.Replicas && d.Status.Replicas == *d.Spec.Replicas {
				available++
			}
		}
		return available, len(workloads)
	})
}

// ownPods returns the pods of the stack that are scraped: one of node-exporter on each node,
// kube-state-metrics and Prometheus.
func (c *cluster) ownPods(t *testing.T) []*corev1.Pod {
	labels := func(name string) map[string]string {
		return map[string]string{"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": config.Project}
	}
	pod := func(program, name, node string, ports ...string) *corev1.Pod {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "monitoring", Labels: labels(program)},
			Spec:       recordedPod{containers: []string{program}}.spec(),
		}
		pod.Spec.NodeName = node
		pod.Spec.Containers[0].Ports = nil
		for i, port := range ports {
			pod.Spec.Containers[0].Ports = append(pod.Spec.Containers[0].Ports, corev1.ContainerPort{Name: port, ContainerPort: int32(9100 + i)})
		}
		return pod
	}
	template := pod("node-exporter", "", "", "metrics")
	set, err := c.client.AppsV1().DaemonSets("monitoring").Create(t.Context(), &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "node-exporter", Labels: template.Labels},
		Spec: appsv1.DaemonSetSpec{
			Selector:       &metav1.LabelSelector{MatchLabels: template.Labels},
			Template:       corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: template.Labels}, Spec: template.Spec},
			UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}, // keeps the pods made here
		},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	pods := []*corev1.Pod{
		pod("prometheus", "prometheus-0", c.nodes[0], "web"),
		pod("kube-state-metrics", "kube-state-metrics-0", c.nodes[0], "metrics", "telemetry"),
	}
	for i, node := range c.nodes {
		p := pod("node-exporter", fmt.Sprintf("node-exporter-%d", i), node, "metrics")
		p.OwnerReferences = controlledBy("DaemonSet", set.Name, set.UID)
		pods = append(pods, p)
	}
	return pods
}

// spec returns the spec of a pod with the recorded containers. It tolerates every taint, as a node has some
// for a moment.
func (p recordedPod) spec() corev1.PodSpec {
	spec := corev1.PodSpec{
		TerminationGracePeriodSeconds: new(int64),
		Tolerations:                   []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
	}
	for i, name := range p.containers {
		memory := resource.MustParse("64Mi")
		container := corev1.Container{
			Name: name, Image: "registry.example/" + name + ":v1.0.0",
			Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: memory},
				Limits:   corev1.ResourceList{corev1.ResourceMemory: memory},
			},
		}
		if i == 0 {
			container.Ports = []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}}
		}
		spec.Containers = append(spec.Containers, container)
	}
	return spec
}

// simulatedNode returns a node, which kwok makes ready.
func simulatedNode(name string, i int) *corev1.Node {
	size := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("8"), corev1.ResourceMemory: resource.MustParse("32Gi"),
		corev1.ResourcePods: resource.MustParse("110"), corev1.ResourceEphemeralStorage: resource.MustParse("100Gi"),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
			corev1.LabelHostname: name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
		}},
		Status: corev1.NodeStatus{
			Capacity: size, Allocatable: size,
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: fmt.Sprintf("172.16.%d.%d", i/250, i%250+1)},
				{Type: corev1.NodeHostName, Address: name},
			},
			DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: 10250}},
			NodeInfo: corev1.NodeSystemInfo{
				KernelVersion: "6.12.0", OSImage: "simulated", ContainerRuntimeVersion: "containerd://2.2.0", KubeletVersion: "v1.37.2",
				OperatingSystem: "linux", Architecture: "amd64",
			},
		},
	}
}

// controlledBy returns the reference to the controller of an object.
func controlledBy(kind, name string, uid types.UID) []metav1.OwnerReference {
	return []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: name, UID: uid, Controller: new(true), BlockOwnerDeletion: new(true)}}
}

// each calls do with every number below count, sixteen at a time, and prints the progress.
func each(t *testing.T, what string, count int, do func(i int) error) {
	var (
		next, done atomic.Int64
		failed     atomic.Pointer[error]
		all        sync.WaitGroup
	)
	started, stop := time.Now(), make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(15 * time.Second):
				t.Logf("%d of %d %s created", done.Load(), count, what)
			}
		}
	}()
	for range 16 {
		all.Go(func() {
			for failed.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= count {
					return
				}
				if err := do(i); err != nil {
					failed.Store(&err)
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	close(stop)
	if err := failed.Load(); err != nil {
		require.NoError(t, *err, what)
	}
	t.Logf("%d %s created in %s", count, what, time.Since(started).Round(time.Second))
}

// await waits until as many are there as are wanted, and prints the progress.
func await(t *testing.T, what string, count func() (have, want int)) {
	started, printed := time.Now(), time.Now()
	for {
		have, want := count()
		if have >= want {
			t.Logf("%d %s after %s", have, what, time.Since(started).Round(time.Second))
			return
		}
		if time.Since(printed) > 15*time.Second {
			printed = time.Now()
			t.Logf("%d of %d %s", have, want, what)
		}
		require.Less(t, time.Since(started), 20*time.Minute, "%d of %d %s", have, want, what)
		time.Sleep(2 * time.Second)
	}
}

// annotatedPod creates a pod that is to be scraped, anywhere in the cluster.
func (c *cluster) annotatedPod(t *testing.T, name string) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default", Annotations: map[string]string{"prometheus.io/scrape": "true"}},
		Spec:       recordedPod{containers: []string{"application"}}.spec(),
	}
	_, err := c.client.CoreV1().Pods(pod.Namespace).Create(t.Context(), pod, metav1.CreateOptions{})
	require.NoError(t, err)
}

// apiServer is the load of the API server.
type apiServer struct {
	watches, events map[string]float64 // open watches, and events sent to watches, by resource
	bytes           map[string]float64 // of responses to lists and of events, by resource
	sums            map[string]float64 // of every metric
}

// apiServer reads the API server's metrics.
func (c *cluster) apiServer(t *testing.T) apiServer {
	text, err := c.client.RESTClient().Get().AbsPath("/metrics").DoRaw(t.Context())
	require.NoError(t, err)
	s := apiServer{watches: map[string]float64{}, events: map[string]float64{}, bytes: map[string]float64{}, sums: map[string]float64{}}
	for _, m := range samples(t, bytes.NewReader(text)) {
		resource := m.labels["resource"]
		switch {
		case m.name == "apiserver_longrunning_requests" && m.labels["verb"] == "WATCH":
			s.watches[resource] += m.value
		case m.name == "apiserver_watch_events_total":
			s.events[resource] += m.value
		case m.name == "apiserver_response_sizes" && m.labels["verb"] == "LIST", m.name == "apiserver_watch_events_sizes":
			s.bytes[resource] += m.value
		}
		s.sums[m.name] += m.value
	}
	return s
}
