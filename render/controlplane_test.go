package render

import (
	"fmt"
	"slices"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	promrelabel "github.com/prometheus/prometheus/model/relabel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/rules"
)

// onPlatform returns the config of a stack with one job of the control plane on a platform.
func onPlatform(t *testing.T, platform string, job config.Job) *config.Config {
	t.Helper()
	return configtest.Config(t, fmt.Sprintf("cluster: {name: test, platform: %s}\ndiscovery: {jobs: {%s: {enabled: true}, %s}}", platform, job, jobsOff(job)))
}

func TestControlPlanePods(t *testing.T) {
	for _, c := range []struct {
		platform string
		job      config.Job
		pod      string
		want     string
	}{
		{
			"kubeadm", config.SchedulerJob, `
			metadata: {name: kube-scheduler-a, namespace: kube-system, labels: {component: kube-scheduler, tier: control-plane}}
			spec: {containers: [{name: kube-scheduler}]}`,
			"https://10.0.0.1:10259/metrics namespace=kube-system node=node-1 pod=kube-scheduler-a",
		}, {
			"kubeadm", config.ControllerManagerJob, `
			metadata: {name: kube-controller-manager-a, namespace: kube-system, labels: {component: kube-controller-manager}}
			spec: {containers: [{name: kube-controller-manager, ports: [{name: probe-port, containerPort: 10257}]}]}`,
			"https://10.0.0.1:10257/metrics namespace=kube-system node=node-1 pod=kube-controller-manager-a",
		}, {
			"kind", config.EtcdJob, `
			metadata: {name: etcd-a, namespace: kube-system, labels: {component: etcd}}
			spec: {containers: [{name: etcd}]}`,
			"http://10.0.0.1:2381/metrics namespace=kube-system node=node-1 pod=etcd-a",
		}, {
			"eks", config.KubeProxyJob, `
			metadata: {name: kube-proxy-x, namespace: kube-system, labels: {k8s-app: kube-proxy}}
			spec: {containers: [{name: kube-proxy}]}
			status: {podIP: "fd00::1"}`,
			"http://[fd00::1]:10249/metrics namespace=kube-system node=node-1 pod=kube-proxy-x",
		}, {
			"aks", config.KubeProxyJob, `
			metadata: {name: kube-proxy-x, namespace: kube-system, labels: {component: kube-proxy}}
			spec: {containers: [{name: kube-proxy}]}`,
			"http://10.0.0.1:10249/metrics namespace=kube-system node=node-1 pod=kube-proxy-x",
		}, {
			"k3s", config.CoreDNSJob, `
			metadata: {name: coredns-x, namespace: kube-system, labels: {k8s-app: kube-dns}}
			spec: {containers: [{name: coredns, ports: [{name: dns, containerPort: 53, protocol: UDP}, {name: dns-tcp, containerPort: 53}, {name: metrics, containerPort: 9153}]}]}`,
			"http://10.0.0.1:9153/metrics namespace=kube-system node=node-1 pod=coredns-x",
		}, {
			"openshift", config.SchedulerJob, `
			metadata: {name: openshift-kube-scheduler-a, namespace: openshift-kube-scheduler, labels: {app: openshift-kube-scheduler, scheduler: "true"}}
			spec: {containers: [{name: kube-scheduler, ports: [{containerPort: 10259}]}, {name: cert-syncer}], initContainers: [{name: wait}]}`,
			"https://10.0.0.1:10259/metrics namespace=openshift-kube-scheduler node=node-1 pod=openshift-kube-scheduler-a",
		},
	} {
		t.Run(c.platform+"/"+string(c.job), func(t *testing.T) {
			t.Parallel()
			other := pod(t, `{metadata: {name: other, namespace: kube-system, labels: {app: other}}, spec: {containers: [{name: other}]}, status: {podIP: 10.0.0.9}}`)
			cfg := onPlatform(t, c.platform, c.job)
			expect(t, cluster{other, pod(t, c.pod)}.targets(t, cfg), c.job, c.want)
			for _, job := range loaded(t, cfg) {
				secure := job.Scheme == "https"
				assert.Equal(t, secure, job.HTTPClientConfig.Authorization != nil, "only targets that require the token get it, and only by HTTPS")
			}
		})
	}
}

func TestControlPlaneNodes(t *testing.T) {
	node := func(name, ip string, labels map[string]string) *corev1.Node {
		return &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
			Status:     corev1.NodeStatus{Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: ip}}},
		}
	}
	nodes := cluster{node("a", "10.0.0.1", map[string]string{"node-role.kubernetes.io/etcd": "true"}), node("b", "10.0.0.2", nil)}
	expect(t, nodes.targets(t, onPlatform(t, "k3s", config.EtcdJob)), config.EtcdJob, "http://10.0.0.1:2381/metrics instance=a node=a")
}

// With a certificate, etcd is scraped on its port for clients.
func TestEtcdWithACertificate(t *testing.T) {
	const certificate = "{ca_file: /etc/prometheus/secrets/ca, cert_file: /etc/prometheus/secrets/crt, key_file: /etc/prometheus/secrets/key}"
	stack := func(platform, certificate string) *config.Config {
		return configtest.Config(t, fmt.Sprintf("cluster: {name: test, platform: %s}\nprometheus: {secrets: {ca: s3cret, crt: s3cret, key: s3cret}}\ndiscovery: {jobs: {etcd: {enabled: true, tlsConfig: %s}, %s}}",
			platform, certificate, jobsOff(config.EtcdJob)))
	}
	etcd := pod(t, `{metadata: {name: etcd-a, namespace: kube-system, labels: {component: etcd}}, spec: {containers: [{name: etcd}]}}`)
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{"node-role.kubernetes.io/etcd": "true"}},
		Status:     corev1.NodeStatus{Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "10.0.0.1"}}},
	}
	for platform, want := range map[string]string{
		"kubeadm": "https://10.0.0.1:2379/metrics namespace=kube-system node=node-1 pod=etcd-a",
		"k3s":     "https://10.0.0.1:2379/metrics instance=a node=a",
	} {
		cfg := stack(platform, certificate)
		expect(t, cluster{etcd, node}.targets(t, cfg), config.EtcdJob, want)
		for _, job := range loaded(t, cfg) {
			if job.JobName == string(config.EtcdJob) {
				assert.Equal(t, "/etc/prometheus/secrets/key", job.HTTPClientConfig.TLSConfig.KeyFile)
				assert.False(t, job.HTTPClientConfig.TLSConfig.InsecureSkipVerify)
				assert.Nil(t, job.HTTPClientConfig.Authorization)
			}
		}
	}

	const path = "discovery.jobs.etcd.tlsConfig"
	for certificate, want := range map[string]map[string]string{
		"{key: hunter2, cert: a}": {path + ".key": "in plain text; put it into prometheus.secrets and name its file: key_file: /etc/prometheus/secrets/NAME"},
		"{ca_file: /etc/kubernetes/pki/etcd/ca.crt}": {
			path + ".ca_file": "/etc/kubernetes/pki/etcd/ca.crt is not a file in the pod; put its content into prometheus.secrets and name it: /etc/prometheus/secrets/NAME"},
		"{caFile: /etc/prometheus/secrets/ca}": {"discovery.jobs.etcd": `unknown field "caFile"`},
		"{cert_file: /etc/prometheus/secrets/crt}": {
			"discovery.jobs.etcd": "exactly one of key or key_file must be configured when a client certificate is configured"},
	} {
		_, _, err := (&Stack{Config: stack("kubeadm", certificate)}).prometheusConfig(0)
		assert.Equal(t, want, rejected(t, err), certificate)
	}
}

// EKS serves the metrics of its scheduler and controller manager at the API servers.
func TestControlPlaneOfEKS(t *testing.T) {
	kubernetes := service(t, `{metadata: {name: kubernetes, namespace: default}, spec: {ports: [{name: https, port: 443, targetPort: 443}]}}`)
	slice := endpoints(kubernetes)
	slice.Endpoints = []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.1"}}, {Addresses: []string{"10.0.0.2"}}}
	for job, component := range map[config.Job]string{config.SchedulerJob: "ksh", config.ControllerManagerJob: "kcm"} {
		path := ":443/apis/metrics.eks.amazonaws.com/v1/" + component + "/container/metrics namespace=default service=kubernetes"
		expect(t, cluster{kubernetes, slice}.targets(t, onPlatform(t, "eks", job)), job, "https://10.0.0.1"+path, "https://10.0.0.2"+path)
	}
}

// Most installers annotate CoreDNS, which has a job of its own.
func TestAnnotatedComponentsAreScrapedOnce(t *testing.T) {
	const dns = `spec: {containers: [{name: coredns, ports: [{name: metrics, containerPort: 9153}]}]}`
	annotated := pod(t, `
		metadata: {name: coredns-x, namespace: kube-system, labels: {k8s-app: kube-dns}, annotations: {prometheus.io/scrape: "true", prometheus.io/port: "9153"}}
		`+dns)
	plain := pod(t, `
		metadata: {name: coredns-y, namespace: kube-system, labels: {k8s-app: kube-dns}}
		status: {podIP: 10.0.0.2}
		`+dns)
	behind := service(t, `{metadata: {name: kube-dns, namespace: kube-system, annotations: {prometheus.io/scrape: "true", prometheus.io/port: "9153"}}, spec: {ports: [{name: metrics, port: 9153}]}}`)
	everything := cluster{annotated, plain, behind, endpoints(behind, annotated, plain)}

	targets := everything.targets(t, configtest.Config(t, "cluster: {name: test, platform: kubeadm}"))
	assert.Len(t, targets[string(config.CoreDNSJob)], 2)
	assert.Empty(t, targets[string(config.PodsJob)])
	assert.Empty(t, targets[string(config.EndpointsJob)])

	targets = everything.targets(t, configtest.Config(t, "cluster: {name: test, platform: kubeadm}\ndiscovery: {jobs: {coredns: {enabled: false}}}"))
	assert.Len(t, targets[string(config.PodsJob)], 1)
	assert.Len(t, targets[string(config.EndpointsJob)], 1)
}

// On k3s the kubelets also expose the API servers' metrics: the same ones are dropped.
func TestKubeletsOfK3s(t *testing.T) {
	for _, platform := range []string{"k3s", "generic"} {
		cfg := configtest.Config(t, fmt.Sprintf("cluster: {name: test, platform: %s}\ndiscovery: {histograms: classic}", platform))
		names := map[string]bool{}
		for _, job := range loaded(t, cfg) {
			names[job.JobName] = true
			if job.JobName != string(config.NodesJob) {
				continue
			}
			builder := labels.NewBuilder(labels.FromStrings("__name__", "apiserver_response_sizes_bucket"))
			assert.Equal(t, platform != "k3s", promrelabel.ProcessBuilder(builder, job.MetricRelabelConfigs...), platform)
		}
		require.Equal(t, platform != "k3s", names[string(config.APIServersJob)])
		rendered, err := (&Stack{Config: cfg}).ruleFiles()
		require.NoError(t, err)
		assert.True(t, slices.ContainsFunc(rendered, func(file rules.File) bool { return file.Name == "apiserver.yaml" }), platform)
	}
}
