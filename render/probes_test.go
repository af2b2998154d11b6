package render

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// probe is the start of the URL of every probe.
const probe = "http://blackbox-exporter.monitoring.svc:9115/probe?"

// ingress returns an Ingress in the namespace shop.
func ingress(t *testing.T, manifest string) *networkingv1.Ingress {
	t.Helper()
	i := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}}
	require.NoError(t, yaml.UnmarshalStrict([]byte(strings.ReplaceAll(manifest, "\t", "")), i))
	return i
}

func TestProbedIngresses(t *testing.T) {
	const rules = `spec: {rules: [{host: shop.example.com, http: {paths: [{path: /, pathType: Prefix}, {path: /api, pathType: Prefix}]}}]}`
	for _, c := range []struct {
		name, ingress string
		want          []string
	}{
		{
			"every path of every host", `{metadata: {name: web, annotations: {prometheus.io/probe: "true"}}, spec: {
				tls: [{hosts: [shop.example.com]}],
				rules: [{host: shop.example.com, http: {paths: [{path: /, pathType: Prefix}, {path: /api, pathType: Prefix}]}}, {host: old.example.com}]}}`,
			[]string{
				probe + "module=http_2xx&target=https%3A%2F%2Fshop.example.com%2F ingress=web instance=https://shop.example.com/ module=http_2xx namespace=shop",
				probe + "module=http_2xx&target=https%3A%2F%2Fshop.example.com%2Fapi ingress=web instance=https://shop.example.com/api module=http_2xx namespace=shop",
				probe + "module=http_2xx&target=http%3A%2F%2Fold.example.com%2F ingress=web instance=http://old.example.com/ module=http_2xx namespace=shop",
			},
		}, {
			"no annotation", `{metadata: {name: web, annotations: {prometheus.io/scrape: "true"}}, ` + rules + `}`,
			nil,
		}, {
			"no host and a wildcard", `{metadata: {name: web, annotations: {prometheus.io/probe: "true"}}, spec: {rules: [{host: "*.example.com"}, {http: {paths: [{path: /, pathType: Prefix}]}}]}}`,
			nil,
		}, {
			"pattern for a path", `{metadata: {name: web, annotations: {prometheus.io/probe: "true", prometheus.io/probe-path: api/health}}, spec: {rules: [{host: shop.example.com, http: {paths: [{path: "/api(/|$)(.*)", pathType: ImplementationSpecific}]}}]}}`,
			[]string{probe + "module=http_2xx&target=http%3A%2F%2Fshop.example.com%2Fapi%2Fhealth ingress=web instance=http://shop.example.com/api/health module=http_2xx namespace=shop"},
		}, {
			"one path instead of many", `{metadata: {name: web, annotations: {prometheus.io/probe: "true", prometheus.io/probe-path: /health}}, ` + rules + `}`,
			[]string{probe + "module=http_2xx&target=http%3A%2F%2Fshop.example.com%2Fhealth ingress=web instance=http://shop.example.com/health module=http_2xx namespace=shop"},
		}, {
			"module that requires a host and port", `{metadata: {name: web, annotations: {prometheus.io/probe: "true", prometheus.io/probe-module: tcp_connect, prometheus.io/probe-path: /ignored}}, spec: {tls: [{hosts: [a.example.com]}], rules: [{host: a.example.com}, {host: b.example.com}]}}`,
			[]string{
				probe + "module=tcp_connect&target=a.example.com%3A443 ingress=web instance=a.example.com:443 module=tcp_connect namespace=shop",
				probe + "module=tcp_connect&target=b.example.com%3A80 ingress=web instance=b.example.com:80 module=tcp_connect namespace=shop",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			enabled := "discovery: {jobs: {kubernetes-ingresses: {enabled: true}}}"
			expect(t, cluster{ingress(t, c.ingress)}.targets(t, configtest.Config(t, enabled)), config.IngressesJob, c.want...)
		})
	}
	t.Run("off by default", func(t *testing.T) {
		for _, job := range loaded(t, configtest.Config(t, "")) {
			assert.NotEqual(t, string(config.IngressesJob), job.JobName)
		}
	})
}

func TestProbedTargets(t *testing.T) {
	cfg := configtest.Config(t, `
exporters:
  blackboxExporter:
    modules:
      ping: {prober: icmp}
      login: {prober: http, http: {method: POST}}
    targets:
      - {url: "https://example.com/a?b=$1&c=2"}
      - {url: "http://[fd00::1]:8080/", module: login, labels: {team: web, cost: "$5"}}
      - {url: "db.example.com:5432", module: tcp_connect}
      - {url: 10.0.0.1, module: ping}`)
	expect(t, cluster{}.targets(t, cfg), config.BlackboxTargetsJob,
		probe+"module=http_2xx&target=https%3A%2F%2Fexample.com%2Fa%3Fb%3D%241%26c%3D2 instance=https://example.com/a?b=$1&c=2 module=http_2xx",
		probe+"module=login&target=http%3A%2F%2F%5Bfd00%3A%3A1%5D%3A8080%2F cost=$5 instance=http://[fd00::1]:8080/ module=login team=web",
		probe+"module=tcp_connect&target=db.example.com%3A5432 instance=db.example.com:5432 module=tcp_connect",
		probe+"module=ping&target=10.0.0.1 instance=10.0.0.1 module=ping",
	)
	t.Run("no job without targets", func(t *testing.T) {
		for _, job := range loaded(t, configtest.Config(t, "")) {
			assert.NotEqual(t, string(config.BlackboxTargetsJob), job.JobName)
		}
	})
}

func TestDirectorySizesOfEveryNode(t *testing.T) {
	own := pod(t, `{metadata: {name: sizes-x, namespace: monitoring, labels: {app.kubernetes.io/part-of: kubernetes-prometheus, app.kubernetes.io/name: node-directory-size-metrics}},
		spec: {containers: [{name: scan}, {name: serve, ports: [{name: metrics, containerPort: 9102}]}]}}`)
	expect(t, cluster{own}.targets(t, configtest.Config(t, "")), config.NodeDirectorySizeMetricsJob,
		"http://10.0.0.1:9102/cgi-bin/metrics container=serve endpoint=metrics namespace=monitoring node=node-1 pod=sizes-x")
}
