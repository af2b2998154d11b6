package config_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

func TestDefaults(t *testing.T) {
	cfg := accepted(t, "cluster: {name: test}")
	assert.Equal(t, "monitoring", cfg.Cluster.Namespace)
	assert.True(t, cfg.Cluster.CreateNamespace)
	assert.True(t, cfg.Cluster.NetworkPolicies.Enabled)
	assert.Equal(t, config.StorageDynamic, cfg.Storage.Mode)
	assert.True(t, cfg.Storage.Protected())
	assert.Equal(t, 1, cfg.Prometheus.Replicas)
	assert.Equal(t, 15*24*time.Hour, cfg.Prometheus.Retention.Duration)
	assert.Equal(t, "40Gi", cfg.Prometheus.RetentionSize.String(), "four fifths of the 50Gi of storage.size")
	assert.Equal(t, config.PullPolicy("IfNotPresent"), cfg.Images.PullPolicy)
	off := append([]config.Job{"kubernetes-ingresses", "blackbox-targets", config.OAuth2ProxyJob, config.WindowsExporterJob}, config.ControlPlane...)
	off = append(append(off, thanosJobs...), config.ThanosRulerJob)
	for _, job := range config.Jobs { // probes of Ingresses are opt-in, there are no targets, nobody logs in, few clusters have Windows nodes, and not every platform exposes its components
		assert.Equal(t, !slices.Contains(off, job), cfg.Enabled(job), job)
	}
	assert.NotContains(t, cfg.Exporters.KubeStateMetrics.Kinds, config.Kind("secrets"))
	assert.NotContains(t, cfg.Exporters.KubeStateMetrics.Kinds, config.Kind("configmaps"))
	for _, kind := range cfg.Exporters.KubeStateMetrics.Kinds {
		assert.Contains(t, config.KindGroups, kind)
	}
}

func TestCluster(t *testing.T) {
	run(t, []violation{
		{
			"no name", "cluster: {}",
			`cluster.name: missing; set it with: pulumi config set --path 'kubernetes-prometheus:cluster.name' NAME`,
		}, {
			"name with spaces", "cluster: {name: my cluster}",
			`cluster.name: "my cluster": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character`,
		}, {
			"namespace of a network policy", "cluster: {name: test, networkPolicies: {fromNamespaces: [ingress, '*']}}",
			`cluster.networkPolicies.fromNamespaces[1]: "*": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character`,
		},
	})
}

func TestStorage(t *testing.T) {
	run(t, []violation{
		{
			"too small", "storage: {size: 512Mi}",
			`storage.size: 512Mi is too small; allowed: 1Gi or more`,
		}, {
			"class of local volumes", "storage: {mode: local, storageClass: fast, local: {nodes: [a]}}",
			`storage.storageClass: "fast" is only used with storage.mode: dynamic, not local`,
		}, {
			"class of ephemeral volumes", "storage: {mode: ephemeral, storageClass: fast}",
			`storage.storageClass: "fast" is only used with storage.mode: dynamic, not ephemeral`,
		}, {
			"name of the class", "storage: {storageClass: Fast_SSD}",
			`storage.storageClass: "Fast_SSD": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character`,
		}, {
			"local without nodes", "storage: {mode: local}\nalerting: {enabled: false}",
			`storage.local.nodes: names 0 node(s) for 1 replica(s) of prometheus; name one node per replica`,
		}, {
			"fewer nodes than replicas", "storage: {mode: local, local: {nodes: [a]}}\nprometheus: {replicas: 2}",
			`storage.local.nodes: names 1 node(s) for 2 replica(s) of prometheus; name one node per replica`,
		}, {
			"fewer nodes than replicas", "storage: {mode: local, local: {nodes: [a, b]}}\nprometheus: {replicas: 3}",
			`storage.local.nodes: names 2 node(s) for 3 replica(s) of prometheus; name one node per replica`,
		}, {
			"one node twice", "storage: {mode: local, local: {nodes: [a, a]}}\nprometheus: {replicas: 2}",
			`storage.local.nodes[1]: "a" is named twice: replicas would share a directory`,
		}, {
			"nodes of dynamic volumes", "storage: {local: {nodes: [a]}}",
			`storage.local: is only used with storage.mode: local, not dynamic`,
		}, {
			"relative path", "storage: {mode: local, local: {nodes: [a], path: mnt/ssd}}",
			`storage.local.path: "mnt/ssd"; allowed: a clean absolute path below /`,
		}, {
			"path that climbs", "storage: {mode: local, local: {nodes: [a], path: /mnt/../etc}}",
			`storage.local.path: "/mnt/../etc"; allowed: a clean absolute path below /`,
		}, {
			"the root", "storage: {mode: local, local: {nodes: [a], path: /}}",
			`storage.local.path: "/"; allowed: a clean absolute path below /`,
		},
	})
	assert.False(t, accepted(t, "storage: {mode: ephemeral}").Storage.Protected(), "nothing to protect")
	assert.False(t, accepted(t, "storage: {protect: false}").Storage.Protected())
}

func TestPrometheus(t *testing.T) {
	run(t, []violation{
		{
			"too many replicas", "prometheus: {replicas: 11}",
			`prometheus.replicas: 11; allowed: 1 to 10`,
		}, {
			"retention below one block", "prometheus: {retention: 1h}",
			`prometheus.retention: 1h; allowed: 2h (one block) or more`,
		}, {
			"retention of more than the volume", "prometheus: {retentionSize: 45Gi}",
			`prometheus.retentionSize: 45Gi leaves no room for the write-ahead log and compaction on a volume of 50Gi (storage.size); allowed: up to 40Gi`,
		}, {
			"retention of nothing", "prometheus: {retentionSize: '0'}",
			`prometheus.retentionSize: 0; allowed: 1Mi or more, or leave it out to derive it from storage.size`,
		}, {
			"retention below Prometheus' unit", "prometheus: {retentionSize: 100Ki}",
			`prometheus.retentionSize: 100Ki; allowed: 1Mi or more, or leave it out to derive it from storage.size`,
		}, {
			"interval of nothing", "prometheus: {scrapeInterval: 0s}",
			`prometheus.scrapeInterval: 0s; allowed: 1s to 1d`,
		}, {
			"timeout above the interval", "prometheus: {scrapeInterval: 5s}",
			`prometheus.scrapeTimeout: 10s; allowed: more than 0s, at most the interval of 5s`,
		}, {
			"evaluation interval", "prometheus: {evaluationInterval: 500ms}",
			`prometheus.evaluationInterval: 500ms; allowed: 1s to 1d`,
		}, {
			"startup timeout too short", "prometheus: {startupTimeout: 30s}",
			`prometheus.startupTimeout: 30s; allowed: 1m to 24h`,
		}, {
			"startup timeout too long", "prometheus: {startupTimeout: 2d}",
			`prometheus.startupTimeout: 2d; allowed: 1m to 24h`,
		}, {
			"name of an external label", "prometheus: {externalLabels: {data-center: a}}",
			`prometheus.externalLabels["data-center"]: not a label name; allowed: letters, digits and _, not starting with a digit or __`,
		}, {
			"reserved external label", "prometheus: {externalLabels: {__name__: a}}",
			`prometheus.externalLabels["__name__"]: not a label name; allowed: letters, digits and _, not starting with a digit or __`,
		}, {
			"external label of the program", "prometheus: {externalLabels: {replica: a}}",
			`prometheus.externalLabels["replica"]: replica is set by this program (cluster from cluster.name)`,
		}, {
			"switch that is neither on nor off", "prometheus: {extraArgs: {web.enable-admin-api: 'yes'}}",
			`prometheus.extraArgs.web.enable-admin-api: "yes"; allowed: "true" or "false"`,
		}, {
			"interval of a flag", "prometheus: {extraArgs: {auto-gomemlimit.refresh-interval: '30'}}",
			`prometheus.extraArgs.auto-gomemlimit.refresh-interval: "30"; allowed: a duration in Prometheus' notation, such as 30s, 5m or 15d`,
		}, {
			"flag without value", "prometheus: {extraArgs: {log.level: 'true'}}",
			`prometheus.extraArgs.log.level: "true"; allowed: debug, info, warn, error`,
		}, {
			"flag with an empty value", "prometheus: {extraArgs: {log.level: }}",
			`prometheus.extraArgs.log.level: ""; allowed: debug, info, warn, error`,
		}, {
			"request above the limit", "prometheus: {resources: {requests: {memory: 5Gi}}}",
			`prometheus.resources.requests.memory: 5Gi is more than the limit of 4Gi`,
		}, {
			"CPU request above the limit", "prometheus: {resources: {limits: {cpu: 100m}}}",
			`prometheus.resources.requests.cpu: 500m is more than the limit of 100m`,
		}, {
			"label of a node", "prometheus: {nodeSelector: {disk: a b}}",
			`prometheus.nodeSelector["disk"]: "a b": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`,
		}, {
			"operating system", "prometheus: {nodeSelector: {kubernetes.io/os: windows}}",
			`prometheus.nodeSelector["kubernetes.io/os"]: "windows"; allowed: linux, which the images are for`,
		}, {
			"name of a node's label", "prometheus: {nodeSelector: {a b: disk}}",
			`prometheus.nodeSelector["a b"]: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`,
		}, {
			"toleration of every taint by mistake", "prometheus: {tolerations: [{effect: NoSchedule}]}",
			`prometheus.tolerations[0].key: missing; it may be left out only with operator: Exists`,
		}, {
			"toleration that contradicts itself", "prometheus: {tolerations: [{key: a, operator: Exists, value: b}]}",
			`prometheus.tolerations[0].value: "b" is not allowed with operator: Exists`,
		}, {
			"priority class", "prometheus: {priorityClassName: High!}",
			`prometheus.priorityClassName: "High!": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character`,
		},
	})
}

// The write-ahead log and compaction keep a fifth of the volume, at least 256Mi.
func TestRetentionSize(t *testing.T) {
	for size, want := range map[string]string{"1Gi": "768Mi", "4Gi": "3276Mi", "200Gi": "160Gi", "1Ti": "838860Mi"} {
		cfg := accepted(t, "prometheus: {retention: 2h}\nstorage: {size: "+size+"}")
		got := cfg.Prometheus.RetentionSize
		assert.Equal(t, want, got.String(), "of %s", size)
	}
	assert.Equal(t, "10Gi", accepted(t, "prometheus: {retentionSize: 10Gi}").Prometheus.RetentionSize.String())
}

func TestDiscovery(t *testing.T) {
	run(t, []violation{
		{
			"namespace", "discovery: {namespaces: [shop, Shop]}",
			`discovery.namespaces[1]: "Shop": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character`,
		}, {
			"namespace twice", "discovery: {namespaces: [shop, shop]}",
			`discovery.namespaces[1]: "shop" is named twice`,
		}, {
			"interval of a job", "discovery: {jobs: {kubernetes-pods: {scrapeInterval: 100ms, scrapeTimeout: 50ms}}}",
			`discovery.jobs.kubernetes-pods.scrapeInterval: 100ms; allowed: 1s to 1d`,
		}, {
			"interval of a job below the common timeout", "discovery: {jobs: {kubernetes-pods: {scrapeInterval: 5s}}}",
			`discovery.jobs.kubernetes-pods.scrapeTimeout: 10s; allowed: more than 0s, at most the interval of 5s`,
		}, {
			"timeout of a job above the common interval", "discovery: {jobs: {kubernetes-pods: {scrapeTimeout: 1m}}}",
			`discovery.jobs.kubernetes-pods.scrapeTimeout: 1m; allowed: more than 0s, at most the interval of 30s`,
		}, {
			"sample limit", "discovery: {jobs: {kubernetes-pods: {sampleLimit: -1}}}",
			`discovery.jobs.kubernetes-pods.sampleLimit: -1; allowed: 0 (no limit) or more`,
		}, {
			"job of an exporter that is off", "discovery: {jobs: {node-exporter: {enabled: true}}}\nexporters: {nodeExporter: {enabled: false}}",
			`discovery.jobs.node-exporter.enabled: true, but what it scrapes is off; set exporters.nodeExporter.enabled: true`,
		}, {
			"probes without their exporter", "discovery: {jobs: {kubernetes-services: {enabled: true}}}\nexporters: {blackboxExporter: {enabled: false}}",
			`discovery.jobs.kubernetes-services.enabled: true, but what it scrapes is off; set exporters.blackboxExporter.enabled: true`,
		}, {
			"job of Alertmanager when that is off", "discovery: {jobs: {alertmanager: {enabled: true}}}\nalerting: {enabled: false}",
			`discovery.jobs.alertmanager.enabled: true, but what it scrapes is off; set alerting.enabled: true`,
		}, {
			"scrape config without name", "discovery: {extraScrapeConfigs: [{metrics_path: /}]}",
			`discovery.extraScrapeConfigs[0].job_name: missing; every scrape config requires a job_name`,
		}, {
			"scrape config named like a job", "discovery: {extraScrapeConfigs: [{job_name: kubernetes-pods}]}",
			`discovery.extraScrapeConfigs[0].job_name: "kubernetes-pods" is a job of this program; choose another name`,
		}, {
			"two scrape configs of one name", "discovery: {extraScrapeConfigs: [{job_name: a}, {job_name: a}]}",
			`discovery.extraScrapeConfigs[1].job_name: "a" is used twice`,
		},
	})
}

func TestJobEnabled(t *testing.T) {
	cfg := accepted(t, `
discovery: {jobs: {kubernetes-pods: {enabled: false}, kubernetes-nodes: {enabled: true}}}
exporters: {blackboxExporter: {enabled: false}, kubeStateMetrics: {enabled: false}}
alerting: {enabled: false}`)
	off := map[config.Job]bool{
		config.PodsJob: true, config.BlackboxExporterJob: true, config.ServicesJob: true,
		config.KubeStateMetricsJob: true, config.AlertmanagerJob: true,
		"kubernetes-ingresses": true, "blackbox-targets": true, config.OAuth2ProxyJob: true, config.WindowsExporterJob: true,
	}
	for _, job := range append(slices.Concat(thanosJobs, []config.Job{config.ThanosRulerJob}), config.ControlPlane...) {
		off[job] = true
	}
	for _, job := range config.Jobs {
		assert.Equal(t, !off[job], cfg.Enabled(job), job)
	}
}

func TestExporters(t *testing.T) {
	run(t, []violation{
		{
			"privileged port", "exporters: {nodeExporter: {port: 80}}",
			`exporters.nodeExporter.port: 80; allowed: 1024 to 65535`,
		}, {
			"no kinds", "exporters: {kubeStateMetrics: {kinds: []}}",
			`exporters.kubeStateMetrics.kinds: is empty; set exporters.kubeStateMetrics.enabled: false to report on nothing`,
		}, {
			"kind twice", "exporters: {kubeStateMetrics: {kinds: [pods, nodes, pods]}}",
			`exporters.kubeStateMetrics.kinds[2]: "pods" is named twice`,
		}, {
			"labels of a kind that is not reported", "exporters: {kubeStateMetrics: {metricLabelsAllowlist: {secrets: ['*']}}}",
			`exporters.kubeStateMetrics.metricLabelsAllowlist.secrets: not in exporters.kubeStateMetrics.kinds; add it there`,
		}, {
			"annotations of a kind that is not reported", "exporters: {kubeStateMetrics: {metricAnnotationsAllowlist: {leases: ['*']}}}",
			`exporters.kubeStateMetrics.metricAnnotationsAllowlist.leases: not in exporters.kubeStateMetrics.kinds; add it there`,
		}, {
			"what is not a label", "exporters: {kubeStateMetrics: {metricLabelsAllowlist: {pods: [app, 'a,b]']}}}",
			`exporters.kubeStateMetrics.metricLabelsAllowlist.pods[1]: "a,b]": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`,
		}, {
			"resources", "exporters: {blackboxExporter: {resources: {limits: {memory: 1Mi}}}}",
			`exporters.blackboxExporter.resources.requests.memory: 24Mi is more than the limit of 1Mi`,
		}, {
			"module that is not an object", "exporters: {blackboxExporter: {modules: {icmp: true}}}",
			`exporters.blackboxExporter.modules.icmp: true is a boolean; allowed: an object`,
		},
	})
}

func TestImages(t *testing.T) {
	run(t, []violation{
		{
			"override without tag", "images: {overrides: {prometheus: quay.io/prometheus/prometheus}}",
			`images.overrides.prometheus: "quay.io/prometheus/prometheus" has neither tag nor digest; allowed: registry/repository:tag, with or without @sha256:digest`,
		}, {
			"override that is not a reference", "images: {overrides: {prometheus: 'Quay.io/Prom:v1:v2'}}",
			`images.overrides.prometheus: "Quay.io/Prom:v1:v2": invalid reference format: repository name (Prom) must be lowercase; allowed: registry/repository:tag, with or without @sha256:digest`,
		}, {
			"mirror of a registry that nothing comes from", "images: {registryMirrors: {quay.oi: mirror.example.com}}",
			`images.registryMirrors["quay.oi"]: unknown "quay.oi"; did you mean "quay.io"?`,
		}, {
			"mirror that is a URL", "images: {registryMirrors: {quay.io: 'https://mirror.example.com'}}",
			`images.registryMirrors["quay.io"]: "https://mirror.example.com": invalid reference format; allowed: host[:port][/path]`,
		}, {
			"pull secret", "images: {pullSecrets: [Registry_Key]}",
			`images.pullSecrets[0]: "Registry_Key": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character`,
		},
	})
}

func TestImageReferences(t *testing.T) {
	const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for _, c := range []struct{ name, stack, ref, version string }{
		{"pin", "images: {}", "quay.io/prometheus/prometheus:v3.16.0", "v3.16.0"},
		{"override", "images: {overrides: {prometheus: 'example.com/prom:v9'}}", "example.com/prom:v9", "v9"},
		{"digest", "images: {overrides: {prometheus: 'example.com/prom" + digest + "'}}", "example.com/prom" + digest, ""},
		{"tag and digest", "images: {overrides: {prometheus: 'example.com/prom:v9" + digest + "'}}", "example.com/prom:v9" + digest, "v9"},
		{"latest with a digest", "images: {overrides: {prometheus: 'example.com/prom:latest" + digest + "'}}", "example.com/prom:latest" + digest, "latest"},
		{
			"mirror of a tag and digest", "images: {overrides: {prometheus: 'quay.io/prometheus/prometheus:v3.16.1" + digest + "'}, registryMirrors: {quay.io: mirror.example.com}}",
			"mirror.example.com/prometheus/prometheus:v3.16.1" + digest, "v3.16.1",
		},
		{"mirror", "images: {registryMirrors: {quay.io: 'mirror.example.com:5000/quay/'}}", "mirror.example.com:5000/quay/prometheus/prometheus:v3.16.0", "v3.16.0"},
		{"mirror of another registry", "images: {registryMirrors: {registry.k8s.io: mirror.example.com}}", "quay.io/prometheus/prometheus:v3.16.0", "v3.16.0"},
		{
			"mirror of an override", "images: {overrides: {prometheus: 'example.com/prom:v9'}, registryMirrors: {example.com: mirror.example.com/x}}",
			"mirror.example.com/x/prom:v9", "v9",
		}, {
			"mirror of Docker Hub, named in short", "images: {overrides: {prometheus: 'prom/prometheus:v3'}, registryMirrors: {docker.io: mirror.example.com}}",
			"mirror.example.com/prom/prometheus:v3", "v3",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			images := accepted(t, c.stack).Images
			assert.Equal(t, c.ref, images.Ref(config.PrometheusImage))
			assert.Equal(t, c.version, images.Version(config.PrometheusImage))
		})
	}
}

func TestAlerting(t *testing.T) {
	run(t, []violation{
		{
			"replicas", "alerting: {replicas: 0}",
			`alerting.replicas: 0; allowed: 1 to 9`,
		}, {
			"more replicas than nodes with disks", "storage: {mode: local, local: {nodes: [a]}}\nalerting: {replicas: 3}",
			`alerting.replicas: 3, but storage.local.nodes names 1 node(s); name one per replica`,
		}, {
			"size", "alerting: {size: 1Mi}",
			`alerting.size: 1Mi is too small; allowed: 64Mi or more`,
		}, {
			"objective that cannot be met", "alerting: {apiServerObjective: 100%}",
			`alerting.apiServerObjective: "100%"; allowed: a share below 100%, such as 99.9%`,
		}, {
			"objective as a duration", "alerting: {apiServerObjective: 1h}",
			`alerting.apiServerObjective: "1h"; allowed: a share below 100%, such as 99.9%`,
		}, {
			"no channel", "alerting: {slack: {webhookUrl: 'https://hooks.example.com/x'}}",
			`alerting.slack.channel: missing; set it with: pulumi config set --path 'kubernetes-prometheus:alerting.slack.channel' '#CHANNEL'`,
		}, {
			"no webhook", "alerting: {slack: {channel: '#alerts'}}",
			`alerting.slack.webhookUrl: missing; set it with: pulumi config set --secret --path 'kubernetes-prometheus:alerting.slack.webhookUrl'; or name an existing Secret there: {secret: NAME, key: KEY}`,
		}, {
			"empty webhook", "alerting: {slack: {channel: '#alerts', webhookUrl: ''}}",
			"alerting.slack.webhookUrl: not a secret; allowed: a non-empty string, set with `pulumi config set --secret`, or {secret: NAME, key: KEY} of an existing Secret",
		}, {
			"severity", "alerting: {overrides: {Watchdog: {severty: info}}}",
			`alerting.overrides.Watchdog.severty: unknown "severty"; did you mean "severity"?`,
		}, {
			"name of a secret", "alerting: {secrets: {a/b: s3cret}}",
			`alerting.secrets: "a/b": a valid config key must consist of alphanumeric characters, '-', '_' or '.'`,
		}, {
			"secret with a name that the program uses", "alerting: {secrets: {slack-webhook-url: s3cret}}",
			`alerting.secrets.slack-webhook-url: the name is taken by this program; choose another`,
		},
	})
}
