package config_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// central returns a stack without a Prometheus in YAML, and further settings of its long-term storage.
func central(further string) string {
	return "prometheus: {mode: none}\nlongTermStorage: {enabled: true, query: {endpoints: ['thanos-query.shop.svc:10901']}" + further + "}"
}

// A stack without a Prometheus has nothing that a Prometheus scrapes, uploads or sends alerts to.
func TestNoPrometheus(t *testing.T) {
	cfg := accepted(t, central(""))
	assert.False(t, cfg.HasPrometheus())
	assert.False(t, cfg.EvaluatesRules())
	assert.False(t, cfg.HasObjectStore())
	assert.Zero(t, cfg.Prometheus.Groups())
	assert.Zero(t, cfg.Prometheus.Pods())
	assert.False(t, cfg.Prometheus.Sharded())
	assert.False(t, cfg.LongTermStorage.HasCompactor())
	assert.False(t, cfg.HasRuler())
	assert.False(t, cfg.Alerting.Enabled)
	assert.Empty(t, cfg.Exporters.UsingHost())
	assert.False(t, cfg.Exporters.KubeStateMetrics.Enabled)
	assert.False(t, cfg.Exporters.BlackboxExporter.Enabled)
	assert.True(t, cfg.Grafana.Deployed())

	server := accepted(t, "")
	assert.True(t, server.HasPrometheus())
	assert.True(t, server.EvaluatesRules())
	assert.False(t, server.HasObjectStore())
	assert.True(t, accepted(t, longTerm("")).HasObjectStore())
	assert.False(t, accepted(t, "prometheus: {mode: agent, remoteWrite: [{name: a}]}\nalerting: {enabled: false}\ngrafana: {enabled: false}").EvaluatesRules())
}

// The clusters that it queries may have every job, whatever the platform of its own is, unless a setting
// says that they do not.
func TestJobsOfOtherClusters(t *testing.T) {
	for _, platform := range []string{"generic", "kubeadm", "eks", "gke-autopilot"} {
		cfg := accepted(t, "cluster: {name: test, platform: "+platform+"}\n"+central(""))
		for _, job := range config.Jobs {
			assert.Equal(t, job, cfg.CollectedBy(job), "%s on %s", job, platform)
		}
	}
	cfg := accepted(t, "cluster: {name: test, platform: k3s}\n"+central("")+"\ndiscovery: {jobs: {etcd: {enabled: false}, coredns: {enabled: true, histograms: native}}}")
	assert.Equal(t, config.NodesJob, cfg.CollectedBy(config.SchedulerJob), "as in clusters like its own")
	assert.False(t, cfg.Collected(config.EtcdJob))
	assert.True(t, cfg.Native(config.CoreDNSJob))
	assert.False(t, cfg.Native(config.NodesJob), "which object stores can downsample")
}

// What it has in common with other stacks, and what is only switched off, is accepted.
func TestSettingsWithoutPrometheus(t *testing.T) {
	accepted(t, `
cluster: {name: test, nodes: 3, networkPolicies: {fromNamespaces: [ingress]}}
images: {registryMirrors: {quay.io: mirror.example.com}}
storage: {mode: local, local: {path: /mnt/ssd, nodes: [a]}, protect: false}
prometheus: {mode: none, scrapeInterval: 15s, retention: 30d, acknowledgeInsecureRemotes: true, extraArgs: {query.timeout: 5m, query.lookback-delta: 10m}, remoteWriteReceiver: {enabled: false}}
longTermStorage:
  enabled: true
  compactor: {enabled: false}
  query: {replicas: 2, stacks: [acme/metrics/shop], endpoints: ['thanos.example.com:443'], externalAddress: 'thanos.central.example.com:443', fromNamespaces: [ingress]}
  queryFrontend: {replicas: 2, cacheSize: 128Mi}
discovery: {histograms: native, jobs: {thanos-ruler: {enabled: false}, kubernetes-nodes: {histograms: classic}}}
exporters: {nodeExporter: {enabled: false}}
alerting: {enabled: false, apiServerObjective: 99.5%, runbookUrl: 'https://example.com/runbooks'}
grafana: {adminPassword: s3cret, import: job, persistence: {enabled: true}}
checks: {waive: {image-known: tried}}`)
	accepted(t, central(", tls: {issuerRef: {name: thanos}}")+"\ngrafana: {enabled: false}")
	accepted(t, central("")+"\ngrafana: {adminPassword: s3cret, datasources: [{name: Traces, uid: traces, type: tempo}], exemplars: {datasourceUid: traces}}")
}

func TestRefusedWithoutPrometheus(t *testing.T) {
	const (
		prometheus = "has no effect, because with prometheus.mode: none there is no Prometheus; remove it, and set it in the clusters that are queried"
		uploads    = "has no effect, because with prometheus.mode: none there is no Prometheus whose samples are uploaded; remove it, and set it in the clusters that are queried"
		scrapes    = "has no effect, because with prometheus.mode: none there is no Prometheus that scrapes; remove it, and set it in the clusters that are queried"
		scrapesIt  = "has no effect, because with prometheus.mode: none there is no Prometheus that scrapes it; remove it"
		rules      = "has no effect, because with prometheus.mode: none there is no Prometheus that evaluates rules; remove it, and alert in the clusters that are queried"
	)
	of := func(setting string) string {
		return "prometheus: {mode: none, " + setting + "}\nlongTermStorage: {enabled: true, query: {endpoints: ['thanos-query.shop.svc:10901']}}"
	}
	run(t, []violation{
		{
			"nothing to show", "prometheus: {mode: none}",
			`longTermStorage.enabled: false, but with prometheus.mode: none the stack has nothing but the querier of longTermStorage; set it to true`,
		}, {
			"nothing to query", "prometheus: {mode: none}\nlongTermStorage: {enabled: true}",
			`longTermStorage.query.endpoints: missing; with prometheus.mode: none there is nothing else to query; name queriers of other clusters, or their stacks in longTermStorage.query.stacks`,
		}, {
			"querier in plain text", "prometheus: {mode: none}\nlongTermStorage: {enabled: true, query: {endpoints: ['thanos.example.com:443']}}",
			`longTermStorage.query.endpoints[0]: "thanos.example.com:443" would answer unencrypted; allowed: any with longTermStorage.tls, a Service of the cluster such as NAME.NAMESPACE.svc:PORT, or any with prometheus.acknowledgeInsecureRemotes: true`,
		}, {
			"volume without a node", central("") + "\nstorage: {mode: local}\ngrafana: {adminPassword: s3cret, persistence: {enabled: true}}",
			`storage.local.nodes: names no node for the volume of grafana; name one`,
		},
		{"shards", of("shards: 3"), "prometheus.shards: 3 " + prometheus},
		{"more replicas than there may be", of("replicas: 30"), "prometheus.replicas: 30 " + prometheus},
		{"remote write", of("remoteWrite: [{name: a, url: 'https://example.com'}]"), "prometheus.remoteWrite: " + prometheus},
		{"receiver", of("otlpReceiver: {enabled: true}"), "prometheus.otlpReceiver.enabled: true " + prometheus},
		{"secret", of("secrets: {pager: s3cret}"), "prometheus.secrets: " + prometheus},
		{"flag of a server", of("extraArgs: {query.timeout: 5m, query.max-samples: '1'}"), "prometheus.extraArgs.query.max-samples: " + prometheus},
		{"object store", central(", objectStore: {type: S3, config: {bucket: a}}"), "longTermStorage.objectStore: " + uploads},
		{"compactor", central(", compactor: {enabled: true, size: 10Gi}"), "longTermStorage.compactor.enabled: true " + uploads},
		{"ruler", central(", ruler: {replicas: 2}"), "longTermStorage.ruler: " + uploads},
		{"scrape config", central("") + "\ndiscovery: {extraScrapeConfigs: [{job_name: a}]}", "discovery.extraScrapeConfigs: " + scrapes},
		{"setting of a job", central("") + "\ndiscovery: {jobs: {etcd: {enabled: false, sampleLimit: 100}}}", "discovery.jobs.etcd.sampleLimit: 100 " + scrapes},
		{"exporter", central("") + "\nexporters: {nodeExporter: {enabled: true}}", "exporters.nodeExporter.enabled: true " + scrapesIt},
		{"settings of an exporter", central("") + "\nexporters: {kubeStateMetrics: {shards: 2}}", "exporters.kubeStateMetrics: " + scrapesIt},
		{"Alertmanager", central("") + "\nalerting: {enabled: true}", "alerting.enabled: true " + rules},
		{"rules", central("") + "\nalerting: {extraRules: {shop: {groups: []}}}", "alerting.extraRules: " + rules},
		{"directory of rules", central("") + "\nalerting: {ruleDirectories: [../rules]}", "alerting.ruleDirectories: " + rules},
		{"secret of a receiver", central("") + "\nalerting: {deadMansSwitchUrl: 'https://example.com/s3cret'}", "alerting.deadMansSwitchUrl: " + rules},
		{
			"volume of Prometheus", central("") + "\nstorage: {size: 10Gi}",
			"storage.size: has no effect, because with prometheus.mode: none there is no Prometheus that stores samples; remove it, and set grafana.persistence.size for Grafana's volume",
		},
	})
}
