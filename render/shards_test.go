package render

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/kubernetes"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"
	relabeling "github.com/prometheus/prometheus/model/relabel"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// largeCluster has thousands of targets, of every kind of job.
func largeCluster(t *testing.T) cluster {
	t.Helper()
	var c cluster
	address := func(n int) string { return fmt.Sprintf("10.%d.%d.%d", n>>16, n>>8&255, n&255) }
	next := 1
	add := func(p *corev1.Pod) {
		p.Status.PodIP = address(next)
		next++
		c = append(c, p)
	}
	kubernetesService := service(t, `{metadata: {name: kubernetes, namespace: default}, spec: {ports: [{name: https, port: 443, targetPort: 6443}]}}`)
	var apiServers []*corev1.Pod
	for n := range 300 {
		name := fmt.Sprintf("node-%d", n)
		ip := "192.168." + strings.SplitN(address(n), ".", 3)[2]
		c = append(c, &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Status: corev1.NodeStatus{
				Addresses:       []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: ip}},
				DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: 10250}},
			},
		})
		for program, port := range map[string]string{
			"node-exporter":               "{name: metrics, containerPort: 9100}",
			"node-directory-size-metrics": "{name: metrics, containerPort: 9888}",
			"windows-exporter":            "{name: metrics, containerPort: 9182}",
		} {
			p := own(t, program, port, "")
			p.Name = fmt.Sprintf("%s-%d", program, n)
			add(p)
		}
		for component, selector := range map[string]string{"kube-proxy": "k8s-app", "kube-scheduler": "component", "kube-controller-manager": "component", "etcd": "component"} {
			if component != "kube-proxy" && n > 2 {
				continue
			}
			p := pod(t, fmt.Sprintf(`{metadata: {name: %s-%d, namespace: kube-system, labels: {%s: %s}}, spec: {containers: [{name: main}]}}`, component, n, selector, component))
			p.Status.PodIP = ip // as pods of the host's network
			c = append(c, p)
		}
		if n < 3 {
			p := pod(t, `{metadata: {name: a}}`)
			p.Status.PodIP = ip
			apiServers = append(apiServers, p)
		}
	}
	c = append(c, kubernetesService, endpoints(kubernetesService, apiServers...))
	for n := range 500 {
		add(pod(t, fmt.Sprintf(`{metadata: {name: ports-%d, annotations: {prometheus.io/scrape: "true"}}, spec: {containers: [
			{name: app, ports: [{name: http, containerPort: 8080}, {name: metrics, containerPort: 9090}]}, {name: proxy, ports: [{containerPort: 15090}]}]}}`, n)))
		// Three discovered targets that become one.
		add(pod(t, fmt.Sprintf(`{metadata: {name: port-%d, annotations: {prometheus.io/scrape: "true", prometheus.io/port: "9090"}}, spec: {containers: [
			{name: app, ports: [{name: http, containerPort: 8080}, {name: metrics, containerPort: 9090}]}, {name: proxy}]}}`, n)))
		probed := service(t, fmt.Sprintf(`{metadata: {name: probed-%d, annotations: {prometheus.io/probe: "true"}}, spec: {ports: [{name: http, port: 80}, {name: https, port: 443}]}}`, n))
		scraped := service(t, fmt.Sprintf(`{metadata: {name: scraped-%d, annotations: {prometheus.io/scrape: "true"}}, spec: {ports: [{name: http, port: 80, targetPort: 8080}]}}`, n))
		behind := pod(t, fmt.Sprintf(`{metadata: {name: behind-%d}, spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]}}`, n))
		add(behind)
		c = append(c, probed, scraped, endpoints(scraped, behind), ingress(t, fmt.Sprintf(
			`{metadata: {name: ingress-%[1]d, annotations: {prometheus.io/probe: "true"}}, spec: {rules: [{host: shop-%[1]d.example.com, http: {paths: [{path: /, pathType: Prefix}, {path: /api, pathType: Prefix}]}}]}}`, n)))
	}
	thanosPorts := "{name: web, containerPort: 10902}, {name: grpc, containerPort: 10901}"
	programs := map[string]string{
		"prometheus":   "{name: web, containerPort: 9090}, {name: sidecar, containerPort: 10902}, {name: grpc, containerPort: 10901}",
		"alertmanager": "{name: web, containerPort: 9093}", "grafana": "{name: web, containerPort: 3000}",
		"kube-state-metrics": "{name: metrics, containerPort: 8080}, {name: telemetry, containerPort: 8081}",
		"blackbox-exporter":  "{name: web, containerPort: 9115}",
		"thanos-query":       thanosPorts, "thanos-query-frontend": "{name: web, containerPort: 10902}", "thanos-store-gateway": thanosPorts,
		"thanos-compactor": "{name: web, containerPort: 10902}", "thanos-ruler": thanosPorts,
	}
	onEachNode := []config.Job{config.NodeExporterJob, config.NodeDirectorySizeMetricsJob, config.WindowsExporterJob}
	for _, job := range config.Jobs { // of exporters of which there is one
		if programs[string(job)] == "" && !slices.Contains(onEachNode, job) {
			programs[string(job)] = "{name: metrics, containerPort: 8080}"
		}
	}
	for program, ports := range programs {
		add(own(t, program, ports, ""))
	}
	coreDNS := pod(t, `{metadata: {name: coredns, namespace: kube-system, labels: {k8s-app: kube-dns}}, spec: {containers: [{name: coredns, ports: [{name: metrics, containerPort: 9153}]}]}}`)
	add(coreDNS)
	return c
}

// shardedStack returns a stack with every job, in a number of shards.
func shardedStack(t *testing.T, shards, retired int) *config.Config {
	t.Helper()
	targets, static := make([]string, 200), make([]string, 200)
	for i := range targets {
		targets[i] = fmt.Sprintf("{url: 'https://site-%d.example.com'}", i)
		static[i] = fmt.Sprintf("'machine-%d:9100'", i)
	}
	var on []string
	for _, job := range append([]config.Job{config.IngressesJob}, config.ControlPlane...) {
		on = append(on, string(job)+": {enabled: true}")
	}
	return configtest.Config(t, fmt.Sprintf(`cluster: {name: test, platform: kubeadm}
prometheus: {shards: %d, retiredShards: %d}
discovery: {jobs: {%s}, extraScrapeConfigs: [{job_name: machines, static_configs: [{targets: [%s]}]}]}
exporters: {blackboxExporter: {targets: [%s]}, nodeDirectorySizeMetrics: {enabled: true}, windowsExporter: {enabled: true}}
%s`, shards, retired, strings.Join(on, ", "), strings.Join(static, ", "), strings.Join(targets, ", "), longTerm(s3, "")))
}

// Whatever the number of shards, each target is one of exactly one shard, and those of the monitoring
// itself are ones of all, retired shards included.
func TestEveryTargetIsInOneShard(t *testing.T) {
	c := largeCluster(t)
	api := httptest.NewServer(c)
	t.Cleanup(api.Close)
	t.Cleanup(api.CloseClientConnections)
	groups, all := map[string][]*targetgroup.Group{}, map[string]map[string]bool{} // by job
	number := 0
	for _, job := range loaded(t, shardedStack(t, 1, 0)) {
		for _, sd := range job.ServiceDiscoveryConfigs {
			switch sd := sd.(type) {
			case *kubernetes.SDConfig:
				groups[job.JobName] = append(groups[job.JobName], c.discover(t, api.URL, sd)...)
			case discovery.StaticConfig:
				groups[job.JobName] = append(groups[job.JobName], sd...)
			}
		}
		all[job.JobName] = map[string]bool{}
		for _, group := range groups[job.JobName] {
			for _, one := range lines(scraped(t, job, group)) {
				all[job.JobName][one] = true
			}
		}
		number += len(all[job.JobName])
	}
	assert.Greater(t, number, 5000)
	cfg := shardedStack(t, 1, 0)
	for _, job := range config.Jobs {
		if cfg.Enabled(job) {
			assert.NotEmpty(t, all[string(job)], "no target of %s", job)
		}
	}

	// A ruler is part of a stack with shards only; its job is like those of the other parts.
	groups[string(config.ThanosRulerJob)] = groups[string(config.ThanosQueryJob)]
	for _, shards := range []struct{ number, retired int }{{1, 1}, {2, 0}, {3, 2}, {4, 0}, {5, 0}, {6, 0}, {7, 0}, {8, 0}, {9, 0}, {10, 1}} {
		t.Run(fmt.Sprintf("%d shards, %d retired", shards.number, shards.retired), func(t *testing.T) {
			cfg := shardedStack(t, shards.number, shards.retired)
			found := map[string]map[string]int{} // shards by job and target
			for shard := range cfg.Prometheus.Groups() {
				own := 0
				for _, job := range loadedShard(t, cfg, shard) {
					if found[job.JobName] == nil {
						found[job.JobName] = map[string]int{}
					}
					here := map[string]bool{}
					for _, group := range groups[job.JobName] {
						for _, one := range lines(scraped(t, job, group)) {
							here[one] = true
						}
					}
					for one := range here {
						found[job.JobName][one]++
					}
					if cfg.Divided(config.Job(job.JobName)) {
						own += len(here)
					}
				}
				if shard >= shards.number {
					assert.Zero(t, own, "shard %d is retired", shard)
				} else {
					assert.InEpsilon(t, number/shards.number, own, 0.15, "share of shard %d", shard)
				}
			}
			for job, targets := range all {
				want := 1
				if !cfg.Divided(config.Job(job)) {
					want = cfg.Prometheus.Groups()
				}
				assert.Len(t, found[job], len(targets), "targets of %s", job)
				for one := range targets {
					if found[job][one] != want {
						assert.Equal(t, want, found[job][one], "shards of %s of job %s", one, job)
					}
				}
			}
			assert.Contains(t, found, string(config.ThanosRulerJob))
		})
	}
}

// The first shard is the server of a stack without shards, and everything is as it was.
func TestNamesOfShards(t *testing.T) {
	one, err := New(shardedStack(t, 1, 0))
	require.NoError(t, err)
	require.Len(t, one.PrometheusConfigs, 1)
	assert.Equal(t, "prometheus-config", one.PrometheusConfigs[0].Name)
	assert.NotContains(t, one.PrometheusConfigs[0].Files["prometheus.yml"], "hashmod")
	assert.Contains(t, one.PrometheusConfigs[0].Files["prometheus.yml"], `regex: prometheus-\d+`)
	assert.Nil(t, one.Thanos.Ruler)

	three, err := New(shardedStack(t, 2, 1))
	require.NoError(t, err)
	var names []string
	for shard, file := range three.PrometheusConfigs {
		names = append(names, file.Name, PrometheusShard(shard).Headless())
	}
	assert.Equal(t, []string{
		"prometheus-config", "prometheus-headless", "prometheus-shard-1-config", "prometheus-shard-1-headless", "prometheus-shard-2-config", "prometheus-shard-2-headless",
	}, names)
	assert.Equal(t, `endpoints:
  - address: dnssrv+_grpc._tcp.prometheus-headless.monitoring.svc
  - address: dnssrv+_grpc._tcp.prometheus-shard-1-headless.monitoring.svc
  - address: dnssrv+_grpc._tcp.prometheus-shard-2-headless.monitoring.svc
  - address: dnssrv+_grpc._tcp.thanos-store-gateway.monitoring.svc
  - address: dnssrv+_grpc._tcp.thanos-ruler.monitoring.svc
`, three.Thanos.Query.Files["endpoints.yaml"])
	assert.Equal(t, `alertmanagers:
  - static_configs:
      - dnssrv+_web._tcp.alertmanager-headless.monitoring.svc
    scheme: http
    api_version: v2
`, three.Thanos.Ruler.Config.Files["alertmanagers.yaml"])
}

// Alertmanager gets the alerts of all servers as one.
func TestAlertsOfShardsAreOne(t *testing.T) {
	stack, err := New(shardedStack(t, 2, 1))
	require.NoError(t, err)
	rules := stack.Prometheus.AlertingConfig.AlertRelabelConfigs
	for replica, want := range map[string]string{"prometheus-0": "", "prometheus-shard-1-0": "", "prometheus-shard-12-9": "", "kafka-0": "kafka-0"} {
		b := labels.NewBuilder(labels.FromStrings("alertname", "a", "replica", replica))
		require.True(t, relabeling.ProcessBuilder(b, rules...))
		assert.Equal(t, want, b.Labels().Get("replica"), replica)
	}
}

// With shards, each rule is evaluated once: by every server if all that it selects is of the monitoring
// itself, which every server scrapes, and otherwise by the ruler.
func TestRulesOfShards(t *testing.T) {
	extra := "\nalerting: {acknowledgeNoNotifications: true, extraRules: {shop: {groups: [{name: shop, rules: [{record: 'shop:up:sum', expr: sum(up)}]}]}}}"
	whole, err := New(configtest.Config(t, longTerm(s3, "")+extra))
	require.NoError(t, err)
	stack, err := New(configtest.Config(t, longTerm(s3, "")+extra+"\nprometheus: {shards: 2}"))
	require.NoError(t, err)

	var here, there []string
	for _, file := range stack.Rules {
		if file.Ruler {
			there = append(there, file.Name)
			assert.Equal(t, file.Text, stack.Thanos.Ruler.Rules.Files[file.Name])
			assert.NotContains(t, stack.PrometheusRules.Files, file.Name)
			continue
		}
		here = append(here, file.Name)
		assert.Equal(t, file.Text, stack.PrometheusRules.Files[file.Name])
		assert.NotContains(t, stack.Thanos.Ruler.Rules.Files, file.Name)
		for _, group := range file.Groups {
			for _, rule := range group.Rules {
				expr, err := parser.NewParser(parser.Options{}).ParseExpr(rule.Expr)
				require.NoError(t, err)
				parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
					if selector, ok := node.(*parser.VectorSelector); ok {
						assert.True(t, onlyMonitoring(stack.Config, selector), "%s: %s selects %s", file.Name, rule.Alert, selector)
					}
					return nil
				})
			}
		}
	}
	assert.Equal(t, []string{"alertmanager.yaml", "notifications.yaml", "prometheus.yaml", "shards.yaml", "targets-monitoring.yaml", "thanos-ruler.yaml", "thanos.yaml"}, here)
	assert.Contains(t, there, "general.yaml", "Watchdog shows that the ruler works")
	assert.Contains(t, there, "shop.yaml")

	// Nothing is lost, and nothing is there twice.
	assert.ElementsMatch(t, append(ruleNames(whole), "ThanosRulerEvaluationsFailing", "ThanosRulerMissedEvaluations", "ThanosRulerAlertsDropped",
		"ThanosRulerAlertsFailing", "ThanosRulerNoRules", "PrometheusShardDown", "PrometheusShardDown", "JobAbsent of thanos-ruler", "TargetDown"), ruleNames(stack), "TargetDown of the jobs of each")
}

// ruleNames returns the names of all rules, with the job in their labels if they have one.
func ruleNames(stack *Stack) []string {
	var names []string
	for _, file := range stack.Rules {
		for _, group := range file.Groups {
			for _, rule := range group.Rules {
				name := rule.Alert + rule.Record
				if job := rule.Labels["job"]; job != "" {
					name += " of " + job
				}
				names = append(names, name)
			}
		}
	}
	return names
}

// onlyMonitoring reports whether a selector can only select series of jobs that shards do not divide.
func onlyMonitoring(cfg *config.Config, selector *parser.VectorSelector) bool {
	named := false
	for _, m := range selector.LabelMatchers {
		if m.Name != "job" {
			continue
		}
		named = true
		if slices.ContainsFunc(config.Jobs, func(job config.Job) bool { return cfg.Enabled(job) && cfg.Divided(job) && m.Matches(string(job)) }) {
			return false
		}
	}
	return named
}

// The ruler and the querier have an older parser than Prometheus, which the preview takes into account.
func TestExpressionsThatThanosDoesNotKnow(t *testing.T) {
	stack := func(expr, settings string) error {
		_, err := New(configtest.Config(t, longTerm(s3, "")+"\nalerting: {acknowledgeNoNotifications: true, extraRules: {shop: {groups: [{name: shop, rules: [{record: 'shop:up:sum', expr: '"+expr+"'}]}]}}}"+settings))
		return err
	}
	for expr, what := range map[string]string{
		"rate(up[5m * 2])":              "a duration that is calculated",
		"max_over_time(up[5m:30s * 2])": "a duration that is calculated",
		"up offset (5m * 2)":            "a duration that is calculated",
		"rate(up[5m] anchored)":         "the modifier anchored",
		"rate(up[5m] smoothed)":         "the modifier smoothed",
	} {
		require.NoError(t, stack(expr, ""), "%s is evaluated by Prometheus", expr)
		require.ErrorContains(t, stack(expr, "\nprometheus: {shards: 2}"), "alerting.extraRules/shop.yaml/shop/shop:up:sum: has "+what+", which Thanos 0.42 does not know; write it without", expr)
	}
	require.NoError(t, stack("rate(up[5m] offset 5m)", "\nprometheus: {shards: 2}"))
}
