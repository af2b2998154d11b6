package stacks

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	prometheus "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/kubernetes"
	promlabels "github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/tests"
)

// The local node does not enforce NetworkPolicies, so the functions below evaluate them as
// Kubernetes documents: https://kubernetes.io/docs/concepts/services-networking/network-policies/

// peer is the pod that a connection comes from.
type peer struct {
	namespace string
	labels    labels.Set
}

// admitted reports whether the NetworkPolicies of a stack let a peer connect to a port of the pods
// of a workload.
func admitted(t *testing.T, s tests.Snapshot, from peer, to string, port int32, protocol corev1.Protocol) bool {
	t.Helper()
	pod, ok := tests.Pods(s)[to]
	require.True(t, ok, to)
	if pod.Spec.HostNetwork {
		return true // policies do not apply
	}
	isolated := false
	for _, policy := range tests.All[*networkingv1.NetworkPolicy](s) {
		if !selects(t, &policy.Spec.PodSelector, pod.Labels) {
			continue
		}
		isolated = true
		for _, rule := range policy.Spec.Ingress {
			if comesFrom(t, rule.From, from, policy.Namespace) && opens(rule.Ports, pod, port, protocol) {
				return true
			}
		}
	}
	return !isolated
}

// selects reports whether a selector matches labels.
func selects(t *testing.T, selector *metav1.LabelSelector, set labels.Set) bool {
	t.Helper()
	matcher, err := metav1.LabelSelectorAsSelector(selector)
	require.NoError(t, err)
	return matcher.Matches(set)
}

// comesFrom reports whether a rule in a namespace admits a peer.
func comesFrom(t *testing.T, peers []networkingv1.NetworkPolicyPeer, from peer, namespace string) bool {
	t.Helper()
	for _, p := range peers {
		inNamespace := from.namespace == namespace
		if p.NamespaceSelector != nil {
			inNamespace = selects(t, p.NamespaceSelector, labels.Set{corev1.LabelMetadataName: from.namespace})
		}
		if inNamespace && (p.PodSelector == nil || selects(t, p.PodSelector, from.labels)) {
			return true
		}
	}
	return len(peers) == 0
}

// opens reports whether a rule admits connections to a port of a pod.
func opens(ports []networkingv1.NetworkPolicyPort, pod corev1.PodTemplateSpec, port int32, protocol corev1.Protocol) bool {
	for _, p := range ports {
		if *p.Protocol != protocol {
			continue
		}
		if p.Port.Type == intstr.Int && p.Port.IntVal == port {
			return true
		}
		for _, container := range pod.Spec.Containers {
			for _, declared := range container.Ports { // a name stands for a port and its protocol
				if declared.Name == p.Port.StrVal && declared.ContainerPort == port && declared.Protocol == protocol {
					return true
				}
			}
		}
	}
	return len(ports) == 0
}

// pod returns a pod of one of the stack's workloads as a peer.
func pod(t *testing.T, s tests.Snapshot, name string) peer {
	t.Helper()
	template, ok := tests.Pods(s)[name]
	require.True(t, ok, name)
	return peer{"monitoring", template.Labels}
}

// importJob returns the name of the Job that imports dashboards, which changes with their content.
func importJob(t *testing.T, s tests.Snapshot) string {
	t.Helper()
	for name, template := range tests.Pods(s) {
		if template.Labels["app.kubernetes.io/name"] == "grafana-import" {
			return name
		}
	}
	require.Fail(t, "no import job")
	return ""
}

// scraped returns the ports of the stack's own pods that the rendered prometheus.yml scrapes: by
// job, then by "workload:port name".
func scraped(t *testing.T, s tests.Snapshot) map[string]map[string]int32 {
	t.Helper()
	text := tests.Get[*corev1.ConfigMap](t, s, "prometheus-config").Data["prometheus.yml"]
	loaded, err := prometheus.Load(text, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	withoutShards(loaded)
	found := map[string]map[string]int32{}
	for _, job := range loaded.ScrapeConfigs {
		for _, sd := range job.ServiceDiscoveryConfigs {
			pods, ok := sd.(*kubernetes.SDConfig)
			if !ok || pods.Role != kubernetes.RolePod || len(pods.Selectors) == 0 {
				continue
			}
			selector, err := labels.Parse(pods.Selectors[0].Label)
			require.NoError(t, err)
			for name, template := range tests.Pods(s) {
				if !selector.Matches(labels.Set(template.Labels)) {
					continue
				}
				for _, container := range template.Spec.Containers {
					for _, port := range container.Ports {
						target := promlabels.NewBuilder(promlabels.FromStrings(
							"__address__", "10.0.0.1:"+strconv.Itoa(int(port.ContainerPort)),
							"__meta_kubernetes_pod_phase", "Running",
							"__meta_kubernetes_pod_ready", "true",
							"__meta_kubernetes_pod_container_name", container.Name,
							"__meta_kubernetes_pod_container_port_name", port.Name,
							"__meta_kubernetes_pod_container_port_protocol", string(port.Protocol),
						))
						if relabel.ProcessBuilder(target, job.RelabelConfigs...) {
							if found[job.JobName] == nil {
								found[job.JobName] = map[string]int32{}
							}
							found[job.JobName][name+":"+port.Name] = port.ContainerPort
						}
					}
				}
			}
		}
	}
	return found
}

// withoutShards removes the rules by which a server scrapes the targets of its shard only.
func withoutShards(loaded *prometheus.Config) {
	for _, job := range loaded.ScrapeConfigs {
		if n := len(job.RelabelConfigs); n > 1 && job.RelabelConfigs[n-2].Action == relabel.HashMod {
			job.RelabelConfigs = job.RelabelConfigs[:n-2]
		}
	}
}

// ConnectionsAreAdmitted asserts that the NetworkPolicies admit every connection that a stack
// needs.
func ConnectionsAreAdmitted(t *testing.T, program tests.Program) {
	const policies = "cluster: {name: test, networkPolicies: {fromNamespaces: [ingress]}}\n"
	for name, text := range map[string]string{
		"defaults":       policies,
		"everything":     policies + "prometheus: {replicas: 2}\nexporters: {kubeStateMetrics: {shards: 2}, windowsExporter: {enabled: true}}\n" + slack + "\ngrafana: {adminPassword: s3cret, import: job, persistence: {enabled: true}}",
		"other Grafana":  policies + external,
		"Thanos":         policies + longTerm,
		"shards":         policies + "prometheus: {shards: 2, replicas: 2}\n" + longTerm,
		"certificates":   policies + "tls: {secretName: certificate, clientCertificates: true}\n" + longTerm,
		"a login":        login + longTerm[:len(longTerm)-1] + ", queryFrontend: {access: {host: thanos.example.com, login: oidc, ingress: {}}}}",
		"no own targets": policies + "exporters: {nodeDirectorySizeMetrics: {enabled: false}, kubeStateMetrics: {enabled: false}}",
	} {
		t.Run(name, func(t *testing.T) {
			cfg := configtest.Config(t, text)
			s := tests.Deploy(t, program, cfg)
			needed := func(from, to string, port int32, protocol corev1.Protocol) {
				t.Helper()
				assert.True(t, admitted(t, s, pod(t, s, from), to, port, protocol), "%s does not reach %s on %d/%s", from, to, port, protocol)
			}
			targets := scraped(t, s)
			for _, job := range []config.Job{
				config.PrometheusJob, config.AlertmanagerJob, config.GrafanaJob, config.KubeStateMetricsJob,
				config.BlackboxExporterJob, config.NodeExporterJob, config.NodeDirectorySizeMetricsJob, config.WindowsExporterJob,
				config.ThanosSidecarJob, config.ThanosStoreGatewayJob, config.ThanosCompactorJob, config.ThanosQueryJob, config.ThanosQueryFrontendJob,
				config.ThanosRulerJob, config.OAuth2ProxyJob,
			} {
				assert.Equal(t, cfg.Enabled(job), len(targets[string(job)]) > 0, "targets of %s", job)
			}
			for job, ports := range targets {
				for target, port := range ports {
					to, _, _ := strings.Cut(target, ":")
					assert.True(t, admitted(t, s, pod(t, s, "prometheus"), to, port, corev1.ProtocolTCP), "job %s does not reach %s on %d", job, target, port)
				}
			}
			needed("prometheus", "alertmanager", 9093, corev1.ProtocolTCP)
			needed("prometheus", "blackbox-exporter", 9115, corev1.ProtocolTCP)
			assert.Equal(t, cfg.TLS.Enabled(), admitted(t, s, pod(t, s, "blackbox-exporter"), "prometheus", 9090, corev1.ProtocolTCP), "it reads the certificate")
			if cfg.Alerting.Replicas > 1 {
				needed("alertmanager", "alertmanager", 9094, corev1.ProtocolTCP)
				needed("alertmanager", "alertmanager", 9094, corev1.ProtocolUDP)
			}
			if cfg.Grafana.Deployed() {
				needed("grafana", "prometheus", 9090, corev1.ProtocolTCP)
				needed("grafana", "alertmanager", 9093, corev1.ProtocolTCP)
			}
			for _, ui := range cfg.Proxied() {
				backend := map[string]string{"Alertmanager": "alertmanager", "Prometheus": "prometheus", "Thanos": "thanos-query-frontend"}[ui.Name]
				port := map[string]int32{"Alertmanager": 9093, "Prometheus": 9090, "Thanos": 10902}[ui.Name]
				needed(ui.ProxyName(), backend, port, corev1.ProtocolTCP)
				assert.True(t, admitted(t, s, peer{namespace: "ingress"}, ui.ProxyName(), 4180, corev1.ProtocolTCP), ui.ProxyName())
				assert.False(t, admitted(t, s, peer{namespace: "ingress"}, ui.ProxyName(), 44180, corev1.ProtocolTCP), "metrics of %s", ui.ProxyName())
			}
			if cfg.LongTermStorage.Enabled {
				needed("grafana", "thanos-query-frontend", 10902, corev1.ProtocolTCP)
				needed("thanos-query-frontend", "thanos-query", 10902, corev1.ProtocolTCP)
				needed("thanos-query", "prometheus", 10901, corev1.ProtocolTCP)
				needed("thanos-query", "thanos-store-gateway", 10901, corev1.ProtocolTCP)
			}
			if cfg.Prometheus.Sharded() {
				for _, server := range []string{"prometheus", "prometheus-shard-1"} {
					needed(server, "thanos-ruler", 10902, corev1.ProtocolTCP)
					needed(server, "alertmanager", 9093, corev1.ProtocolTCP)
					needed("thanos-query", server, 10901, corev1.ProtocolTCP)
				}
				needed("prometheus-shard-1", "prometheus", 9090, corev1.ProtocolTCP)
				needed("prometheus", "prometheus-shard-1", 10902, corev1.ProtocolTCP)
				needed("thanos-ruler", "thanos-query", 10902, corev1.ProtocolTCP)
				needed("thanos-ruler", "alertmanager", 9093, corev1.ProtocolTCP)
				needed("thanos-query", "thanos-ruler", 10901, corev1.ProtocolTCP)
			}
			if cfg.Grafana.Deployed() && cfg.Grafana.Imports() {
				needed(importJob(t, s), "grafana", 3000, corev1.ProtocolTCP)
			}
		})
	}
}

// OtherConnectionsAreRefused asserts that the NetworkPolicies admit only the web UIs from the
// allowed namespaces, and nothing from other namespaces.
func OtherConnectionsAreRefused(t *testing.T, program tests.Program) {
	cfg := configtest.Config(t, "cluster: {name: test, networkPolicies: {fromNamespaces: [ingress]}}\n"+slack+"\ngrafana: {adminPassword: s3cret, import: job, persistence: {enabled: true}}\nprometheus: {shards: 2}\n"+longTerm)
	s := tests.Deploy(t, program, cfg)
	ingress, stranger := peer{namespace: "ingress"}, peer{namespace: "default"}
	impostor := peer{"default", pod(t, s, "prometheus").labels}

	for port, to := range map[int32]string{9090: "prometheus", 9093: "alertmanager", 3000: "grafana"} {
		assert.True(t, admitted(t, s, ingress, to, port, corev1.ProtocolTCP), "%s has a web UI", to)
		assert.False(t, admitted(t, s, ingress, to, port, corev1.ProtocolUDP), to)
	}
	for _, c := range []struct {
		from     peer
		to       string
		port     int32
		protocol corev1.Protocol
	}{
		{pod(t, s, "grafana"), "kube-state-metrics", 8080, corev1.ProtocolTCP},
		{pod(t, s, "grafana"), "blackbox-exporter", 9115, corev1.ProtocolTCP},
		{pod(t, s, "alertmanager"), "prometheus", 9090, corev1.ProtocolTCP},
		{pod(t, s, "alertmanager"), "alertmanager", 9093, corev1.ProtocolTCP},
		{pod(t, s, "prometheus"), "alertmanager", 9094, corev1.ProtocolTCP},
		{pod(t, s, "prometheus"), "alertmanager", 9094, corev1.ProtocolUDP},
		{pod(t, s, "grafana"), "alertmanager", 9094, corev1.ProtocolTCP},
		{ingress, "alertmanager", 9094, corev1.ProtocolTCP},
		{ingress, "alertmanager", 9094, corev1.ProtocolUDP},
		{ingress, "kube-state-metrics", 8080, corev1.ProtocolTCP},
		{ingress, "blackbox-exporter", 9115, corev1.ProtocolTCP},
		{pod(t, s, "grafana"), "thanos-query", 10902, corev1.ProtocolTCP},
		{pod(t, s, "grafana"), "thanos-store-gateway", 10901, corev1.ProtocolTCP},
		{pod(t, s, "grafana"), "prometheus", 10901, corev1.ProtocolTCP},
		{pod(t, s, "thanos-query"), "prometheus", 9090, corev1.ProtocolTCP},
		{pod(t, s, "thanos-query"), "thanos-compactor", 10902, corev1.ProtocolTCP},
		{ingress, "thanos-query", 10901, corev1.ProtocolTCP},
		{ingress, "thanos-compactor", 10902, corev1.ProtocolTCP},
		{pod(t, s, "thanos-ruler"), "prometheus", 10901, corev1.ProtocolTCP},
		{pod(t, s, "thanos-ruler"), "thanos-store-gateway", 10901, corev1.ProtocolTCP},
		{pod(t, s, "grafana"), "thanos-ruler", 10902, corev1.ProtocolTCP},
		{ingress, "thanos-ruler", 10901, corev1.ProtocolTCP},
		{pod(t, s, importJob(t, s)), "prometheus", 9090, corev1.ProtocolTCP},
		{pod(t, s, "prometheus"), importJob(t, s), 80, corev1.ProtocolTCP},
	} {
		assert.False(t, admitted(t, s, c.from, c.to, c.port, c.protocol), "%s may connect to %s on %d/%s", describe(c.from), c.to, c.port, c.protocol)
	}
	for to, template := range tests.Pods(s) {
		if template.Spec.HostNetwork {
			continue
		}
		for _, container := range template.Spec.Containers {
			for _, port := range container.Ports {
				for _, from := range []peer{stranger, impostor} {
					assert.False(t, admitted(t, s, from, to, port.ContainerPort, port.Protocol), "%s may connect to %s on %d", describe(from), to, port.ContainerPort)
				}
			}
		}
	}
}

// describe returns a peer's app and namespace for messages.
func describe(p peer) string {
	return fmt.Sprintf("%s of %s", p.labels["app.kubernetes.io/name"], p.namespace)
}
