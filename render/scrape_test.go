package render

import (
	"fmt"
	"slices"
	"testing"

	"github.com/prometheus/common/model"
	prometheus "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"
	relabeling "github.com/prometheus/prometheus/model/relabel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

func TestAnnotatedPods(t *testing.T) {
	const twoContainers = `spec: {containers: [
		{name: app, ports: [{name: http, containerPort: 8080}, {name: metrics, containerPort: 9090}]},
		{name: proxy, ports: [{name: stats, containerPort: 15090}]}]}`
	for _, c := range []struct {
		name, pod string
		want      []string
	}{
		{
			"every declared port of every container", `
			metadata: {name: web, annotations: {prometheus.io/scrape: "true"}}
			` + twoContainers,
			[]string{
				"http://10.0.0.1:8080/metrics container=app endpoint=http namespace=shop node=node-1 pod=web",
				"http://10.0.0.1:9090/metrics container=app endpoint=metrics namespace=shop node=node-1 pod=web",
				"http://10.0.0.1:15090/metrics container=proxy endpoint=stats namespace=shop node=node-1 pod=web",
			},
		}, {
			"no annotation", `
			metadata: {name: web}
			` + twoContainers,
			nil,
		}, {
			"annotation that says no", `
			metadata: {name: web, annotations: {prometheus.io/scrape: "false"}}
			` + twoContainers,
			nil,
		}, {
			"annotated port, which a container declares", `
			metadata: {name: web, annotations: {prometheus.io/scrape: "true", prometheus.io/port: "9090"}}
			` + twoContainers,
			[]string{"http://10.0.0.1:9090/metrics namespace=shop node=node-1 pod=web"},
		}, {
			"annotated port, which no container declares", `
			metadata: {name: web, annotations: {prometheus.io/scrape: "true", prometheus.io/port: "7070"}}
			` + twoContainers,
			[]string{"http://10.0.0.1:7070/metrics namespace=shop node=node-1 pod=web"},
		}, {
			"annotated port of a pod that declares none", `
			metadata: {name: web, annotations: {prometheus.io/scrape: "true", prometheus.io/port: "7070"}}
			spec: {containers: [{name: app}, {name: proxy}], initContainers: [{name: setup}]}`,
			[]string{"http://10.0.0.1:7070/metrics namespace=shop node=node-1 pod=web"},
		}, {
			"no port at all", `
			metadata: {name: web, annotations: {prometheus.io/scrape: "true"}}
			spec: {containers: [{name: app}]}`,
			nil,
		}, {
			"one container without ports", `
			metadata: {name: web, annotations: {prometheus.io/scrape: "true"}}
			spec: {containers: [{name: app, ports: [{containerPort: 8080}]}, {name: worker}]}`,
			[]string{"http://10.0.0.1:8080/metrics container=app namespace=shop node=node-1 pod=web"},
		}, {
			"path and scheme", `
			metadata: {name: web, annotations: {prometheus.io/scrape: "true", prometheus.io/path: /actuator/prometheus, prometheus.io/scheme: https}}
			spec: {containers: [{name: app, ports: [{name: http, containerPort: 8443}]}]}`,
			[]string{"https://10.0.0.1:8443/actuator/prometheus container=app endpoint=http namespace=shop node=node-1 pod=web"},
		}, {
			"path without a slash", `
			metadata: {name: web, annotations: {prometheus.io/scrape: "true", prometheus.io/path: metrics/detailed}}
			spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]}`,
			[]string{"http://10.0.0.1:8080/metrics/detailed container=app endpoint=http namespace=shop node=node-1 pod=web"},
		}, {
			"scheme that Prometheus does not speak", `
			metadata: {name: web, annotations: {prometheus.io/scrape: "true", prometheus.io/scheme: ftp}}
			spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]}`,
			[]string{"http://10.0.0.1:8080/metrics container=app endpoint=http namespace=shop node=node-1 pod=web"},
		}, {
			"ports that are not TCP", `
			metadata: {name: dns, annotations: {prometheus.io/scrape: "true"}}
			spec: {containers: [{name: dns, ports: [{name: dns, containerPort: 53, protocol: UDP}, {name: sctp, containerPort: 54, protocol: SCTP}, {name: metrics, containerPort: 9153}]}]}`,
			[]string{"http://10.0.0.1:9153/metrics container=dns endpoint=metrics namespace=shop node=node-1 pod=dns"},
		}, {
			"annotated port beside one that is not TCP", `
			metadata: {name: dns, annotations: {prometheus.io/scrape: "true", prometheus.io/port: "9153"}}
			spec: {containers: [{name: dns, ports: [{name: dns, containerPort: 53, protocol: UDP}]}]}`,
			[]string{"http://10.0.0.1:9153/metrics namespace=shop node=node-1 pod=dns"},
		}, {
			"init containers and sidecars", `
			metadata: {name: web, annotations: {prometheus.io/scrape: "true"}}
			spec:
			  initContainers: [{name: setup, ports: [{name: debug, containerPort: 6060}]}, {name: mesh, restartPolicy: Always, ports: [{name: stats, containerPort: 15090}]}]
			  containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]`,
			[]string{"http://10.0.0.1:8080/metrics container=app endpoint=http namespace=shop node=node-1 pod=web"},
		}, {
			"IPv6", `
			metadata: {name: web, annotations: {prometheus.io/scrape: "true"}}
			spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]}
			status: {podIP: "fd00::1"}`,
			[]string{"http://[fd00::1]:8080/metrics container=app endpoint=http namespace=shop node=node-1 pod=web"},
		}, {
			"IPv6 with an annotated port", `
			metadata: {name: web, annotations: {prometheus.io/scrape: "true", prometheus.io/port: "7070"}}
			spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}]}, {name: worker}]}
			status: {podIP: "fd00::1"}`,
			[]string{"http://[fd00::1]:7070/metrics namespace=shop node=node-1 pod=web"},
		}, {
			"a pod that has ended", `
			metadata: {name: backup, annotations: {prometheus.io/scrape: "true"}}
			spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]}
			status: {phase: Succeeded}`,
			nil,
		}, {
			"a pod that has failed", `
			metadata: {name: backup, annotations: {prometheus.io/scrape: "true", prometheus.io/port: "8080"}}
			spec: {containers: [{name: app}]}
			status: {phase: Failed}`,
			nil,
		}, {
			"a pod without address", `
			metadata: {name: web, annotations: {prometheus.io/scrape: "true"}}
			spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]}
			status: {podIP: "", phase: Pending}`,
			nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			targets := cluster{pod(t, c.pod)}.targets(t, configtest.Config(t, only(config.PodsJob)))
			expect(t, targets, config.PodsJob, c.want...)
		})
	}
}

func TestAnnotatedEndpoints(t *testing.T) {
	const (
		app     = `{metadata: {name: web-0}, spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}, {name: admin, containerPort: 9901}]}]}}`
		replica = `{metadata: {name: web-1}, spec: {nodeName: node-2, containers: [{name: app, ports: [{name: http, containerPort: 8080}, {name: admin, containerPort: 9901}]}]}, status: {podIP: 10.0.0.2}}`
	)
	type setup struct {
		service string
		pods    []string
		change  func(*discoveryv1.EndpointSlice)
	}
	for _, c := range []struct {
		name string
		setup
		want []string
	}{
		{
			"the Service's ports, and no other port of its pods", setup{
				service: `{metadata: {name: web, annotations: {prometheus.io/scrape: "true"}}, spec: {ports: [{name: web, port: 80, targetPort: 8080}]}}`,
				pods:    []string{app, replica},
			}, []string{
				"http://10.0.0.1:8080/metrics container=app endpoint=web namespace=shop node=node-1 pod=web-0 service=web",
				"http://10.0.0.2:8080/metrics container=app endpoint=web namespace=shop node=node-2 pod=web-1 service=web",
			},
		}, {
			"no annotation", setup{
				service: `{metadata: {name: web}, spec: {ports: [{name: web, port: 80, targetPort: 8080}]}}`,
				pods:    []string{app},
			}, nil,
		}, {
			"port that the pods do not declare", setup{
				service: `{metadata: {name: web, annotations: {prometheus.io/scrape: "true"}}, spec: {ports: [{name: web, port: 80, targetPort: 3000}]}}`,
				pods:    []string{app},
			}, []string{"http://10.0.0.1:3000/metrics endpoint=web namespace=shop node=node-1 pod=web-0 service=web"},
		}, {
			"annotated port, path and scheme", setup{
				service: `{metadata: {name: web, annotations: {prometheus.io/scrape: "true", prometheus.io/port: "9901", prometheus.io/path: /stats, prometheus.io/scheme: https}},
					spec: {ports: [{name: web, port: 80, targetPort: 8080}, {name: tls, port: 443, targetPort: 8443}]}}`,
				pods: []string{app, replica},
			}, []string{
				"https://10.0.0.1:9901/stats namespace=shop node=node-1 pod=web-0 service=web",
				"https://10.0.0.2:9901/stats namespace=shop node=node-2 pod=web-1 service=web",
			},
		}, {
			"ports that are not TCP", setup{
				service: `{metadata: {name: dns, annotations: {prometheus.io/scrape: "true"}}, spec: {ports: [{name: dns, port: 53, protocol: UDP}, {name: metrics, port: 9153}]}}`,
				pods:    []string{app},
			}, []string{"http://10.0.0.1:9153/metrics endpoint=metrics namespace=shop node=node-1 pod=web-0 service=dns"},
		}, {
			"annotated port of a Service that is not TCP", setup{
				service: `{metadata: {name: dns, annotations: {prometheus.io/scrape: "true", prometheus.io/port: "9153"}}, spec: {ports: [{name: dns, port: 53, protocol: UDP}]}}`,
				pods:    []string{app},
			}, []string{"http://10.0.0.1:9153/metrics namespace=shop node=node-1 pod=web-0 service=dns"},
		}, {
			"IPv6", setup{
				service: `{metadata: {name: web, annotations: {prometheus.io/scrape: "true", prometheus.io/port: "9901"}}, spec: {ipFamilies: [IPv6], ports: [{name: web, port: 80, targetPort: 8080}]}}`,
				pods:    []string{`{metadata: {name: web-0}, spec: {containers: [{name: app}]}, status: {podIP: "fd00::1"}}`},
			}, []string{"http://[fd00::1]:9901/metrics namespace=shop node=node-1 pod=web-0 service=web"},
		}, {
			"endpoint that is not ready", setup{
				service: `{metadata: {name: web, annotations: {prometheus.io/scrape: "true"}}, spec: {ports: [{name: web, port: 80, targetPort: 8080}]}}`,
				pods:    []string{app, replica},
				change:  func(s *discoveryv1.EndpointSlice) { *s.Endpoints[1].Conditions.Ready = false },
			}, []string{"http://10.0.0.1:8080/metrics container=app endpoint=web namespace=shop node=node-1 pod=web-0 service=web"},
		}, {
			"endpoint that does not say whether it is ready", setup{
				service: `{metadata: {name: web, annotations: {prometheus.io/scrape: "true"}}, spec: {ports: [{name: web, port: 80, targetPort: 8080}]}}`,
				pods:    []string{app},
				change:  func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Conditions.Ready = nil },
			}, []string{"http://10.0.0.1:8080/metrics container=app endpoint=web namespace=shop node=node-1 pod=web-0 service=web"},
		}, {
			"endpoint outside the cluster", setup{
				service: `{metadata: {name: database, annotations: {prometheus.io/scrape: "true"}}, spec: {ports: [{name: metrics, port: 9187}]}}`,
				pods:    []string{app},
				change: func(s *discoveryv1.EndpointSlice) {
					endpoint := &s.Endpoints[0]
					endpoint.Addresses, endpoint.TargetRef, endpoint.NodeName = []string{"192.0.2.7"}, nil, nil
				},
			}, []string{"http://192.0.2.7:9187/metrics endpoint=metrics namespace=shop service=database"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			svc := service(t, c.service)
			var pods []*corev1.Pod
			objects := cluster{svc}
			for _, manifest := range c.pods {
				p := pod(t, manifest)
				pods, objects = append(pods, p), append(objects, p)
			}
			slice := endpoints(svc, pods...)
			if c.change != nil {
				c.change(slice)
			}
			objects = append(objects, slice)
			expect(t, objects.targets(t, configtest.Config(t, only(config.EndpointsJob))), config.EndpointsJob, c.want...)
		})
	}
}

// An annotated pod behind an annotated Service is scraped by kubernetes-pods, or by
// kubernetes-endpoints if that job is off.
func TestScrapedOnce(t *testing.T) {
	web := service(t, `{metadata: {name: web, annotations: {prometheus.io/scrape: "true"}}, spec: {ports: [{name: web, port: 80, targetPort: 8080}]}}`)
	asking := pod(t, `{metadata: {name: web-0, annotations: {prometheus.io/scrape: "true"}}, spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]}}`)
	silent := pod(t, `{metadata: {name: web-1}, spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]}, status: {podIP: 10.0.0.2}}`)
	c := cluster{web, asking, silent, endpoints(web, asking, silent)}

	targets := c.targets(t, configtest.Config(t, only(config.PodsJob, config.EndpointsJob)))
	expect(t, targets, config.PodsJob, "http://10.0.0.1:8080/metrics container=app endpoint=http namespace=shop node=node-1 pod=web-0")
	expect(t, targets, config.EndpointsJob, "http://10.0.0.2:8080/metrics container=app endpoint=web namespace=shop node=node-1 pod=web-1 service=web")

	targets = c.targets(t, configtest.Config(t, only(config.EndpointsJob)))
	expect(t, targets, config.EndpointsJob,
		"http://10.0.0.1:8080/metrics container=app endpoint=web namespace=shop node=node-1 pod=web-0 service=web",
		"http://10.0.0.2:8080/metrics container=app endpoint=web namespace=shop node=node-1 pod=web-1 service=web")
}

func TestProbedServices(t *testing.T) {
	for _, c := range []struct {
		name, service string
		want          []string
	}{
		{
			"every port", `{metadata: {name: web, annotations: {prometheus.io/probe: "true"}}, spec: {ports: [{name: web, port: 80}, {name: admin, port: 8080}]}}`,
			[]string{
				probe + "module=http_2xx&target=http%3A%2F%2Fweb.shop.svc%3A80 instance=http://web.shop.svc:80 module=http_2xx namespace=shop service=web",
				probe + "module=http_2xx&target=http%3A%2F%2Fweb.shop.svc%3A8080 instance=http://web.shop.svc:8080 module=http_2xx namespace=shop service=web",
			},
		}, {
			"no annotation", `{metadata: {name: web, annotations: {prometheus.io/scrape: "true"}}, spec: {ports: [{name: web, port: 80}]}}`,
			nil,
		}, {
			"scheme, port and path", `{metadata: {name: web, annotations: {prometheus.io/probe: "true", prometheus.io/probe_scheme: https, prometheus.io/probe_port: "443", prometheus.io/probe_path: /health/;deep}},
				spec: {ports: [{name: web, port: 80}, {name: tls, port: 443}]}}`,
			[]string{probe + "module=http_2xx&target=https%3A%2F%2Fweb.shop.svc%3A443%2Fhealth%2F%3Bdeep instance=https://web.shop.svc:443/health/;deep module=http_2xx namespace=shop service=web"},
		}, {
			"path without a slash", `{metadata: {name: web, annotations: {prometheus.io/probe: "true", prometheus.io/probe_path: health}}, spec: {ports: [{name: web, port: 80}]}}`,
			[]string{probe + "module=http_2xx&target=http%3A%2F%2Fweb.shop.svc%3A80%2Fhealth instance=http://web.shop.svc:80/health module=http_2xx namespace=shop service=web"},
		}, {
			"module that requires a host and port", `{metadata: {name: db, annotations: {prometheus.io/probe: "true", prometheus.io/probe_module: tcp_connect, prometheus.io/probe_path: /ignored, prometheus.io/probe_scheme: https}}, spec: {ports: [{name: sql, port: 5432}]}}`,
			[]string{probe + "module=tcp_connect&target=db.shop.svc%3A5432 instance=db.shop.svc:5432 module=tcp_connect namespace=shop service=db"},
		}, {
			"module of the stack", `{metadata: {name: web, annotations: {prometheus.io/probe: "true", prometheus.io/probe_module: slow.api, prometheus.io/probe_path: /}}, spec: {ports: [{name: web, port: 80}]}}`,
			[]string{probe + "module=slow.api&target=http%3A%2F%2Fweb.shop.svc%3A80%2F instance=http://web.shop.svc:80/ module=slow.api namespace=shop service=web"},
		}, {
			"ports that are not TCP", `{metadata: {name: dns, annotations: {prometheus.io/probe: "true"}}, spec: {ports: [{name: dns, port: 53, protocol: UDP}, {name: sctp, port: 54, protocol: SCTP}, {name: metrics, port: 9153}]}}`,
			[]string{probe + "module=http_2xx&target=http%3A%2F%2Fdns.shop.svc%3A9153 instance=http://dns.shop.svc:9153 module=http_2xx namespace=shop service=dns"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := configtest.Config(t, only(config.ServicesJob)+`
exporters: {blackboxExporter: {modules: {slow.api: {prober: http, timeout: 60s}}}}`)
			expect(t, cluster{service(t, c.service)}.targets(t, cfg), config.ServicesJob, c.want...)
		})
	}
}

// own returns a running pod of a program of the stack, in its namespace.
func own(t *testing.T, name, ports, address string) *corev1.Pod {
	t.Helper()
	p := pod(t, `{metadata: {name: `+name+`-0, namespace: monitoring}, spec: {containers: [{name: `+name+`, ports: [`+ports+`]}]}, status: {podIP: `+address+`}}`)
	p.Labels = map[string]string{"app.kubernetes.io/part-of": config.Project, "app.kubernetes.io/name": name}
	return p
}

// The jobs that do not depend on annotations, together on one cluster.
func TestOwnJobs(t *testing.T) {
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "node-1", Labels: map[string]string{"kubernetes.io/hostname": "node-1"}},
		Status: corev1.NodeStatus{
			Addresses:       []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: "node-1"}, {Type: corev1.NodeInternalIP, Address: "192.168.0.1"}},
			DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: 10250}},
		},
	}
	kubernetes := service(t, `{metadata: {name: kubernetes, namespace: default}, spec: {ports: [{name: https, port: 443, targetPort: 6443}]}}`)
	apiServer := endpoints(kubernetes)
	apiServer.Endpoints = []discoveryv1.Endpoint{{Addresses: []string{"192.168.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)}}}
	other := service(t, `{metadata: {name: other, namespace: default}, spec: {ports: [{name: https, port: 443}]}}`)
	otherPod := pod(t, `{metadata: {name: other-0, namespace: default}, spec: {containers: [{name: other}]}, status: {podIP: 10.9.0.1}}`)
	starting := own(t, "prometheus", "{name: web, containerPort: 9090}", "10.0.0.9")
	starting.Name, starting.Status.Phase = "prometheus-1", corev1.PodPending
	ended := own(t, "node-exporter", "{name: metrics, containerPort: 9100}", "192.168.0.2")
	ended.Name, ended.Status.Phase = "node-exporter-1", corev1.PodFailed
	foreign := own(t, "prometheus", "{name: web, containerPort: 9090}", "10.0.0.10")
	foreign.Name, foreign.Labels = "prometheus-of-someone-else", map[string]string{"app.kubernetes.io/name": "prometheus"}
	elsewhere := own(t, "prometheus", "{name: web, containerPort: 9090}", "10.0.0.11")
	elsewhere.Namespace = "staging"

	targets := cluster{
		node, kubernetes, apiServer, other, otherPod, endpoints(other, otherPod), starting, ended, foreign, elsewhere,
		own(t, "prometheus", "{name: web, containerPort: 9090}", "10.0.0.1"),
		own(t, "alertmanager", "{name: web, containerPort: 9093}, {name: cluster, containerPort: 9094}", "10.0.0.2"),
		own(t, "node-exporter", "{name: metrics, containerPort: 9100}", "192.168.0.1"),
		own(t, "kube-state-metrics", "{name: metrics, containerPort: 8080}, {name: telemetry, containerPort: 8081}", "10.0.0.3"),
		own(t, "blackbox-exporter", "{name: web, containerPort: 9115}", "10.0.0.4"),
	}.targets(t, configtest.Config(t, ""))

	expect(t, targets, config.NodesJob, "https://192.168.0.1:10250/metrics instance=node-1 node=node-1")
	expect(t, targets, config.CadvisorJob, "https://192.168.0.1:10250/metrics/cadvisor instance=node-1 node=node-1")
	expect(t, targets, config.APIServersJob, "https://192.168.0.1:6443/metrics namespace=default service=kubernetes")
	expect(t, targets, config.PrometheusJob,
		"http://10.0.0.1:9090/metrics container=prometheus endpoint=web namespace=monitoring node=node-1 pod=prometheus-0",
		"http://10.0.0.9:9090/metrics container=prometheus endpoint=web namespace=monitoring node=node-1 pod=prometheus-1")
	expect(t, targets, config.AlertmanagerJob,
		"http://10.0.0.2:9093/metrics container=alertmanager endpoint=web namespace=monitoring node=node-1 pod=alertmanager-0")
	expect(t, targets, config.NodeExporterJob,
		"http://192.168.0.1:9100/metrics container=node-exporter endpoint=metrics namespace=monitoring node=node-1 pod=node-exporter-0")
	// Without the namespace, pod, container and node of the exporter: series have those of
	// the object.
	expect(t, targets, config.KubeStateMetricsJob, "http://10.0.0.3:8080/metrics endpoint=metrics", "http://10.0.0.3:8081/metrics endpoint=telemetry")
	expect(t, targets, config.BlackboxExporterJob,
		"http://10.0.0.4:9115/metrics container=blackbox-exporter endpoint=web namespace=monitoring node=node-1 pod=blackbox-exporter-0")
	for _, job := range []config.Job{config.EndpointsJob, config.ServicesJob, config.PodsJob} {
		expect(t, targets, job)
	}

	scraped := map[string]string{}
	for job, all := range targets {
		for _, one := range all {
			assert.Empty(t, scraped[one.url], "%s is scraped by %s too", one.url, job)
			scraped[one.url] = job
		}
	}
}

// kube-state-metrics' labels name the object: they win over the target's.
func TestKubeStateMetricsHonorsLabels(t *testing.T) {
	for _, job := range loaded(t, configtest.Config(t, "")) {
		assert.Equal(t, job.JobName == string(config.KubeStateMetricsJob), job.HonorLabels, job.JobName)
	}
}

func TestDiscoveryNamespaces(t *testing.T) {
	const annotated = `annotations: {prometheus.io/scrape: "true", prometheus.io/probe: "true"}`
	var c cluster
	for i, namespace := range []string{"shop", "bank", "games"} {
		svc := service(t, `{metadata: {name: web, namespace: `+namespace+`, `+annotated+`}, spec: {ports: [{name: web, port: 80, targetPort: 8080}]}}`)
		behind := pod(t, `{metadata: {name: web, namespace: `+namespace+`}, spec: {containers: [{name: app}]}}`)
		alone := pod(t, `{metadata: {name: alone, namespace: `+namespace+`, `+annotated+`}, spec: {containers: [{name: app, ports: [{containerPort: 80}]}]}}`)
		behind.Status.PodIP, alone.Status.PodIP = fmt.Sprintf("10.0.1.%d", i), fmt.Sprintf("10.0.2.%d", i)
		c = append(c, svc, behind, alone, endpoints(svc, behind))
	}
	targets := c.targets(t, configtest.Config(t, "discovery: {namespaces: [shop, games]}"))
	for _, job := range []config.Job{config.EndpointsJob, config.ServicesJob, config.PodsJob} {
		var namespaces []string
		for _, one := range targets[string(job)] {
			namespaces = append(namespaces, one.labels["namespace"])
		}
		assert.ElementsMatch(t, []string{"shop", "games"}, namespaces, job)
	}
}

func TestExtraScrapeConfigs(t *testing.T) {
	targets := cluster{pod(t, `{metadata: {name: web}, spec: {containers: [{name: app, ports: [{containerPort: 80}]}]}}`)}.targets(t, configtest.Config(t, `
discovery:
  extraScrapeConfigs:
    - job_name: outside
      static_configs: [{targets: [192.0.2.1:80], labels: {rack: a}}]
    - job_name: other-cluster
      static_configs: [{targets: [192.0.2.2:80], labels: {cluster: other}}]
    - job_name: relabelled
      static_configs: [{targets: [192.0.2.3:80]}]
      relabel_configs: [{target_label: cluster, replacement: mine}]
    - job_name: every-pod
      kubernetes_sd_configs: [{role: pod}]`))
	cluster := func(job string) string {
		if assert.Len(t, targets[job], 1, job) {
			return targets[job][0].labels["cluster"]
		}
		return ""
	}
	assert.Equal(t, []string{"http://192.0.2.1:80/metrics rack=a"}, lines(targets["outside"]))
	assert.Equal(t, "test", cluster("outside"))
	assert.Equal(t, "other", cluster("other-cluster"))
	assert.Equal(t, "mine", cluster("relabelled"))
	assert.Equal(t, "test", cluster("every-pod"))
}

// docs/scraping.md shows this scrape config for a program of the nodes.
func TestProgramsOfTheHost(t *testing.T) {
	const gpu = `
discovery:
  ingest: used
  extraScrapeConfigs:
    - job_name: gpu
      kubernetes_sd_configs: [{role: node, selectors: [{role: node, label: example.com/gpu=true}]}]
      relabel_configs:
        - {source_labels: [__address__], regex: '(.+):\d+', target_label: __address__, replacement: '$1:9400'}
        - {source_labels: [__meta_kubernetes_node_name], target_label: host}`
	s, err := New(configtest.Config(t, gpu))
	require.NoError(t, err)
	var scrape *prometheus.ScrapeConfig
	for _, job := range s.ScrapeConfigs {
		if job.JobName == "gpu" {
			scrape = job
		}
	}
	require.NotNil(t, scrape)
	for discovered, want := range map[string]string{"10.0.0.1:10250": "10.0.0.1:9400", "[2001:db8::1]:10250": "[2001:db8::1]:9400"} {
		b := labels.NewBuilder(labels.FromStrings(model.AddressLabel, discovered, "__meta_kubernetes_node_name", "a"))
		require.True(t, relabeling.ProcessBuilder(b, scrape.RelabelConfigs...))
		assert.Equal(t, want, b.Get(model.AddressLabel))
		assert.Equal(t, "a", b.Get("host"))
		assert.Equal(t, "test", b.Get("cluster"))
	}
	assert.Empty(t, scrape.MetricRelabelConfigs, "whatever the program exposes is stored")

	// No other job lists nodes.
	const off = "\n  jobs: {kubernetes-nodes: {enabled: false}, kubernetes-cadvisor: {enabled: false}, kubernetes-probes: {enabled: false}}"
	for text, nodes := range map[string]bool{gpu + off: true, "discovery:" + off: false} {
		s, err := New(configtest.Config(t, text))
		require.NoError(t, err)
		assert.Equal(t, nodes, slices.Contains(s.Grants[0].Resources, "nodes"), text)
	}
}
