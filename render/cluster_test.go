package render

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	promclient "github.com/prometheus/client_golang/prometheus"
	promhttp "github.com/prometheus/common/config"
	prometheus "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/kubernetes"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/scrape"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	apilabels "k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// cluster serves the part of the Kubernetes API that Prometheus' service discovery uses: lists
// of objects, and watches without events.
type cluster []metav1.Object

func (c cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Query().Get("watch") != "" {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		return
	}
	// /api/v1/pods, /api/v1/namespaces/NAMESPACE/pods, /apis/GROUP/v1/KIND, …
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	namespace := ""
	if i := slices.Index(path, "namespaces"); i >= 0 && i+2 < len(path) {
		namespace = path[i+1]
	}
	selector, err := newSelector(r.URL.Query().Get("labelSelector"), r.URL.Query().Get("fieldSelector"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"metadata": map[string]any{"resourceVersion": "1"},
		"items":    c.list(path[len(path)-1], namespace, selector),
	})
}

// selector selects objects on the server's side.
type selector struct {
	labels apilabels.Selector
	fields fields.Selector
}

func newSelector(labels, field string) (s selector, err error) {
	if s.labels, err = apilabels.Parse(labels); err == nil {
		s.fields, err = fields.ParseSelector(field)
	}
	return s, err
}

func (s selector) matches(object metav1.Object) bool {
	set := fields.Set{"metadata.name": object.GetName()}
	if pod, ok := object.(*corev1.Pod); ok {
		set["status.phase"] = string(pod.Status.Phase)
	}
	return s.labels.Matches(apilabels.Set(object.GetLabels())) && s.fields.Matches(set)
}

// list returns the objects of a resource that selector matches; an empty namespace is all.
func (c cluster) list(resource, namespace string, selector selector) []metav1.Object {
	found := []metav1.Object{}
	for _, object := range c {
		if resourceOf(object) == resource && (namespace == "" || namespace == object.GetNamespace()) && selector.matches(object) {
			found = append(found, object)
		}
	}
	return found
}

// resourceOf returns the resource of an object, as in the API's paths.
func resourceOf(object metav1.Object) string {
	switch object.(type) {
	case *corev1.Pod:
		return "pods"
	case *corev1.Service:
		return "services"
	case *corev1.Node:
		return "nodes"
	case *discoveryv1.EndpointSlice:
		return "endpointslices"
	case *networkingv1.Ingress:
		return "ingresses"
	}
	return ""
}

func TestMain(m *testing.M) {
	// cluster cannot stream its first list as a watch.
	_ = os.Setenv("KUBE_FEATURE_WatchListClient", "false")
	os.Exit(m.Run())
}

// targets returns the targets that the stack's prometheus.yml has in the cluster, by job.
// Prometheus' own code discovers and relabels them; equal ones are removed, as it does.
func (c cluster) targets(t *testing.T, cfg *config.Config) map[string][]target {
	t.Helper()
	api := httptest.NewServer(c)
	t.Cleanup(api.Close)
	t.Cleanup(api.CloseClientConnections)
	found := map[string][]target{}
	for _, job := range loaded(t, cfg) {
		for _, sd := range job.ServiceDiscoveryConfigs {
			switch sd := sd.(type) {
			case *kubernetes.SDConfig:
				for _, group := range c.discover(t, api.URL, sd) {
					found[job.JobName] = append(found[job.JobName], scraped(t, job, group)...)
				}
			case discovery.StaticConfig:
				for _, group := range sd {
					found[job.JobName] = append(found[job.JobName], scraped(t, job, group)...)
				}
			}
		}
		slices.SortFunc(found[job.JobName], func(a, b target) int { return strings.Compare(a.String(), b.String()) })
		found[job.JobName] = slices.CompactFunc(found[job.JobName], func(a, b target) bool { return a.String() == b.String() })
	}
	return found
}

// loaded returns the scrape configs of the rendered prometheus.yml, that of the first shard.
func loaded(t testing.TB, cfg *config.Config) []*prometheus.ScrapeConfig {
	t.Helper()
	return loadedShard(t, cfg, 0)
}

// loadedShard returns the scrape configs of the rendered prometheus.yml of a shard.
func loadedShard(t testing.TB, cfg *config.Config, shard int) []*prometheus.ScrapeConfig {
	t.Helper()
	text, _, err := (&Stack{Config: cfg}).prometheusConfig(shard)
	require.NoError(t, err)
	file, err := prometheus.Load(text, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	jobs, err := file.GetScrapeConfigs()
	require.NoError(t, err)
	return jobs
}

// plurals holds the resource that each role discovers.
var plurals = map[kubernetes.Role]string{
	kubernetes.RoleNode: "nodes", kubernetes.RolePod: "pods", kubernetes.RoleService: "services",
	kubernetes.RoleEndpointSlice: "endpointslices", kubernetes.RoleIngress: "ingresses",
}

// discover runs service discovery until it has found every object of its role, and returns
// the groups.
func (c cluster) discover(t *testing.T, api string, sd *kubernetes.SDConfig) []*targetgroup.Group {
	t.Helper()
	var own kubernetes.SelectorConfig // the role's; it may have others of what it also watches
	for _, s := range sd.Selectors {
		if s.Role == sd.Role {
			own = s
		}
	}
	selector, err := newSelector(own.Label, own.Field)
	require.NoError(t, err)
	namespaces := sd.NamespaceDiscovery.Names
	if len(namespaces) == 0 {
		namespaces = []string{""}
	}
	expected := 0
	for _, namespace := range namespaces {
		expected += len(c.list(plurals[sd.Role], namespace, selector))
	}

	config := *sd
	address, err := url.Parse(api)
	require.NoError(t, err)
	config.APIServer = promhttp.URL{URL: address}
	registry := promclient.NewRegistry()
	d, err := kubernetes.New(slog.New(slog.DiscardHandler), config.NewDiscovererMetrics(registry, discovery.NewRefreshMetrics(registry)), &config)
	require.NoError(t, err)
	updates := make(chan []*targetgroup.Group)
	go d.Run(t.Context(), updates)
	groups := map[string]*targetgroup.Group{}
	timeout := time.After(20 * time.Second)
	for len(groups) < expected {
		select {
		case update := <-updates:
			for _, group := range update {
				groups[group.Source] = group
			}
		case <-timeout:
			require.Fail(t, "discovery", "role %s: %d of %d objects discovered", sd.Role, len(groups), expected)
		}
	}
	go func() { // until the test ends
		for range updates {
		}
	}()
	var all []*targetgroup.Group
	for _, group := range groups {
		all = append(all, group)
	}
	return all
}

// target is a target of a job, with its labels after relabelling.
type target struct {
	url    string
	labels map[string]string
}

// scraped returns the targets of a discovered group that relabelling keeps.
func scraped(t *testing.T, job *prometheus.ScrapeConfig, group *targetgroup.Group) []target {
	t.Helper()
	built, failures := scrape.TargetsFromGroup(group, job, nil, labels.NewBuilder(labels.EmptyLabels()))
	require.Empty(t, failures)
	var found []target
	for _, one := range built {
		set := one.Labels(labels.NewBuilder(labels.EmptyLabels())).Map()
		if len(set) == 0 { // dropped
			continue
		}
		found = append(found, target{one.URL().String(), set})
	}
	return found
}

// String returns the target's URL and labels, without those that every target has: job,
// cluster, and an instance that is the URL's host.
func (t target) String() string {
	words := []string{t.url}
	for name, value := range t.labels {
		u, _ := url.Parse(t.url)
		if name != "job" && name != "cluster" && (name != "instance" || value != u.Host) {
			words = append(words, name+"="+value)
		}
	}
	slices.Sort(words[1:])
	return strings.Join(words, " ")
}

// lines returns the targets as text.
func lines(targets []target) []string {
	text := []string{}
	for _, one := range targets {
		text = append(text, one.String())
	}
	return text
}

// only returns config, in YAML, that disables all other jobs.
func only(jobs ...config.Job) string {
	return "discovery: {jobs: {" + jobsOff(jobs...) + "}}"
}

// jobsOff returns settings of discovery.jobs, in YAML, that disable all jobs but the given.
func jobsOff(jobs ...config.Job) string {
	var off []string
	for _, job := range config.Jobs {
		if !slices.Contains(jobs, job) {
			off = append(off, string(job)+": {enabled: false}")
		}
	}
	return strings.Join(off, ", ")
}

// expect asserts the targets of one job, as lines, and that all have the labels job and
// cluster.
func expect(t *testing.T, targets map[string][]target, job config.Job, want ...string) {
	t.Helper()
	assert.ElementsMatch(t, want, lines(targets[string(job)]))
	for _, one := range targets[string(job)] {
		assert.Equal(t, string(job), one.labels["job"])
		assert.Equal(t, "test", one.labels["cluster"])
	}
}

// pod returns a pod from a manifest. By default it is running, in the namespace shop and has the
// address 10.0.0.1.
func pod(t testing.TB, manifest string) *corev1.Pod {
	t.Helper()
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop"},
		Spec:       corev1.PodSpec{NodeName: "node-1"},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.1"},
	}
	require.NoError(t, yaml.UnmarshalStrict([]byte(strings.ReplaceAll(manifest, "\t", "")), p))
	for _, containers := range [][]corev1.Container{p.Spec.Containers, p.Spec.InitContainers} {
		for _, container := range containers {
			for i := range container.Ports {
				if container.Ports[i].Protocol == "" {
					container.Ports[i].Protocol = corev1.ProtocolTCP
				}
			}
		}
	}
	return p
}

// service returns a Service from a manifest, by default in the namespace shop.
func service(t testing.TB, manifest string) *corev1.Service {
	t.Helper()
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}}
	require.NoError(t, yaml.UnmarshalStrict([]byte(strings.ReplaceAll(manifest, "\t", "")), s))
	for i := range s.Spec.Ports {
		if s.Spec.Ports[i].Protocol == "" {
			s.Spec.Ports[i].Protocol = corev1.ProtocolTCP
		}
	}
	return s
}

// endpoints returns the ready endpoints of a Service, as its controller writes them.
func endpoints(service *corev1.Service, pods ...*corev1.Pod) *discoveryv1.EndpointSlice {
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Name:      service.Name + "-x7k2p",
			Namespace: service.Namespace,
			Labels:    map[string]string{discoveryv1.LabelServiceName: service.Name},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
	for _, port := range service.Spec.Ports {
		number := port.TargetPort.IntVal
		if number == 0 {
			number = port.Port
		}
		slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: &port.Name, Port: &number, Protocol: &port.Protocol})
	}
	for _, p := range pods {
		if strings.Contains(p.Status.PodIP, ":") {
			slice.AddressType = discoveryv1.AddressTypeIPv6
		}
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses:  []string{p.Status.PodIP},
			Conditions: discoveryv1.EndpointConditions{Ready: new(true)},
			NodeName:   &p.Spec.NodeName,
			TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: p.Namespace, Name: p.Name},
		})
	}
	return slice
}
