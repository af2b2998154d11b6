package config_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

var thanosJobs = []config.Job{"thanos-sidecar", "thanos-store-gateway", "thanos-compactor", "thanos-query", "thanos-query-frontend"}

// longTerm returns a stack with long-term storage in YAML, and further settings of it.
func longTerm(further string) string {
	return fmt.Sprintf("longTermStorage: {enabled: true, objectStore: {type: S3, config: {bucket: a}}%s}", further)
}

func TestLongTermStorageDefaults(t *testing.T) {
	cfg := accepted(t, longTerm(""))
	assert.Equal(t, 15*24*time.Hour, cfg.Prometheus.Retention.Duration, "an update deletes nothing")
	assert.Equal(t, config.ClassicHistograms, cfg.Discovery.Histograms, "which Thanos can downsample")
	assert.Equal(t, "test/monitoring", cfg.LongTermStorage.ObjectStore.Prefix)
	for _, job := range thanosJobs {
		assert.True(t, cfg.Enabled(job), job)
	}

	cfg = accepted(t, longTerm(", compactor: {enabled: false}, retention: {raw: 1y, 5m: 1y, 1h: 1y}")+"\nprometheus: {retention: 6h}\ndiscovery: {histograms: native}")
	assert.Equal(t, 6*time.Hour, cfg.Prometheus.Retention.Duration, "what a stack sets is kept")
	assert.Equal(t, config.NativeHistograms, cfg.Discovery.Histograms)
	assert.False(t, cfg.Enabled("thanos-compactor"))
	assert.False(t, cfg.LongTermStorage.HasCompactor())
}

// A ruler evaluates rules where no server has all samples.
func TestShards(t *testing.T) {
	cfg := accepted(t, longTerm(""))
	assert.False(t, cfg.Prometheus.Sharded())
	assert.False(t, cfg.Enabled(config.ThanosRulerJob))
	assert.False(t, cfg.Divided(config.NodesJob))

	for _, settings := range []string{"shards: 3", "shards: 2, retiredShards: 1", "shards: 1, retiredShards: 2"} {
		cfg = accepted(t, longTerm("")+"\nprometheus: {replicas: 2, "+settings+"}")
		assert.True(t, cfg.Prometheus.Sharded(), settings)
		assert.Equal(t, 3, cfg.Prometheus.Groups(), settings)
		assert.Equal(t, 6, cfg.Prometheus.Pods(), settings)
		assert.True(t, cfg.HasRuler(), settings)
		for _, job := range append(slices.Concat(thanosJobs, []config.Job{config.ThanosRulerJob}), config.PrometheusJob, config.AlertmanagerJob) {
			assert.True(t, cfg.Enabled(job), job)
			assert.False(t, cfg.Divided(job), "each shard scrapes %s", job)
		}
		for _, job := range []config.Job{config.NodesJob, config.PodsJob, config.BlackboxTargetsJob, config.GrafanaJob, "of the stack's own"} {
			assert.True(t, cfg.Divided(job), job)
		}
	}
	cfg = accepted(t, longTerm("")+"\nprometheus: {shards: 3, replicas: 2}\nstorage: {mode: local, local: {nodes: [a, b, c, d, e, f]}}")
	assert.Equal(t, 6, cfg.Prometheus.Pods())
}

func TestRefusedShards(t *testing.T) {
	run(t, []violation{
		{
			"no shard", longTerm("") + "\nprometheus: {shards: 0}", `prometheus.shards: 0; allowed: 1 to 100`,
		}, {
			"too many shards", longTerm("") + "\nprometheus: {shards: 101}", `prometheus.shards: 101; allowed: 1 to 100`,
		}, {
			"shards that are not retired yet", longTerm("") + "\nprometheus: {retiredShards: -1}",
			`prometheus.retiredShards: -1; allowed: 0 to 99, as prometheus.shards is 1`,
		}, {
			"too many retired shards", longTerm("") + "\nprometheus: {shards: 60, retiredShards: 41}",
			`prometheus.retiredShards: 41; allowed: 0 to 40, as prometheus.shards is 60`,
		}, {
			"shards that nothing shows as one", "prometheus: {shards: 2}",
			`prometheus.shards: 2, but without longTermStorage nothing shows the samples of several shards as one, and no rule sees them all; allowed: 1, or more with longTermStorage.enabled: true`,
		}, {
			"retired shards that upload nothing", "prometheus: {retiredShards: 1}",
			`prometheus.retiredShards: 1, but without longTermStorage nothing uploads their samples; allowed: 0, or more with longTermStorage.enabled: true`,
		}, {
			"sharded agent", "prometheus: {mode: agent, shards: 2, remoteWrite: [{name: a}]}\nalerting: {enabled: false}\ngrafana: {enabled: false}",
			`prometheus.shards: an agent cannot be sharded: only longTermStorage shows the samples of several shards as one; set it to 1`,
		}, {
			"agent with retired shards", "prometheus: {mode: agent, retiredShards: 2, remoteWrite: [{name: a}]}\nalerting: {enabled: false}\ngrafana: {enabled: false}",
			`prometheus.retiredShards: an agent uploads no samples; set it to 0`,
		}, {
			"fewer nodes than servers", longTerm("") + "\nprometheus: {shards: 2, retiredShards: 1, replicas: 2}\nstorage: {mode: local, local: {nodes: [a, b, c]}}",
			`storage.local.nodes: names 3 node(s) for 2 replica(s) of prometheus in each of 3 shards, retired ones included; name one node per replica`,
		}, {
			"fewer nodes than rulers", longTerm(", ruler: {replicas: 3}") + "\nprometheus: {shards: 2}\nstorage: {mode: local, local: {nodes: [a, b]}}",
			`longTermStorage.ruler.replicas: 3, but storage.local.nodes names 2 node(s); name one per replica`,
		}, {
			"alerts about other stacks", longTerm(", query: {stacks: [a/b/c]}") + "\nprometheus: {shards: 2}",
			`longTermStorage.query.stacks: names 1 querier(s) of others, but with prometheus.shards the ruler evaluates rules over all that the querier shows, and would send alerts about other clusters as its own; remove them, and query all clusters from a stack without shards`,
		}, {
			"alerts about other clusters", longTerm(", query: {endpoints: ['thanos-query.other.svc:10901']}") + "\nprometheus: {shards: 2}",
			`longTermStorage.query.endpoints: names 1 querier(s) of others, but with prometheus.shards the ruler evaluates rules over all that the querier shows, and would send alerts about other clusters as its own; remove them, and query all clusters from a stack without shards`,
		}, {
			"no ruler", longTerm(", ruler: {replicas: 0}") + "\nprometheus: {shards: 2}", `longTermStorage.ruler.replicas: 0; allowed: 1 to 10`,
		}, {
			"volume of a ruler", longTerm(", ruler: {size: 1Mi}") + "\nprometheus: {shards: 2}", `longTermStorage.ruler.size: 1Mi is too small; allowed: 1Gi or more`,
		}, {
			"job of a ruler that there is not", longTerm("") + "\ndiscovery: {jobs: {thanos-ruler: {enabled: true}}}",
			`discovery.jobs.thanos-ruler.enabled: true, but what it scrapes is off; set prometheus.shards: 2`,
		},
	})
}

func TestLongTermStorage(t *testing.T) {
	run(t, []violation{
		{
			"store of nobody", "longTermStorage: {objectStore: {type: S3}}",
			`longTermStorage.objectStore: has no effect with longTermStorage.enabled: false`,
		}, {
			"no store", "longTermStorage: {enabled: true}",
			`longTermStorage.objectStore.type: missing; allowed: S3, GCS, AZURE, FILESYSTEM`,
		}, {
			"store that Thanos does not have", "longTermStorage: {enabled: true, objectStore: {type: MINIO}}",
			`longTermStorage.objectStore.type: unknown "MINIO"; allowed: S3, GCS, AZURE, FILESYSTEM`,
		}, {
			"two blocks", longTerm("") + "\nprometheus: {retention: 4h}",
			`prometheus.retention: 4h; allowed with longTermStorage: 6h (three blocks, so that they are uploaded before they are deleted) or more`,
		}, {
			"agent", longTerm("") + "\nprometheus: {mode: agent, remoteWrite: [{name: a}]}\nalerting: {enabled: false}\ngrafana: {enabled: false}",
			`longTermStorage.enabled: true, but an agent stores no blocks to upload; set it to false, and store samples for long where they are received`,
		}, {
			"secret that is none", "longTermStorage: {enabled: true, objectStore: {type: S3, secrets: {secretkey: a}}}",
			`longTermStorage.objectStore.secrets.secretkey: unknown "secretkey"; did you mean "secret_key"?`,
		}, {
			"secret of a directory", "longTermStorage: {enabled: true, objectStore: {type: FILESYSTEM, claim: a, secrets: {key: a}}}",
			`longTermStorage.objectStore.secrets.key: FILESYSTEM has no secret options`,
		}, {
			"prefix with a slash in front", "longTermStorage: {enabled: true, objectStore: {type: S3, prefix: /a}}",
			`longTermStorage.objectStore.prefix: "/a"; allowed: names with slashes between them`,
		}, {
			"directory without a volume", "longTermStorage: {enabled: true, objectStore: {type: FILESYSTEM}}",
			`longTermStorage.objectStore.claim: missing; FILESYSTEM needs an existing PersistentVolumeClaim that all its pods mount`,
		}, {
			"volume of a bucket", "longTermStorage: {enabled: true, objectStore: {type: GCS, claim: a}}",
			`longTermStorage.objectStore.claim: "a" is only used with type: FILESYSTEM, not GCS`,
		}, {
			"deleted before it is downsampled", longTerm(", retention: {raw: 1d}"),
			`longTermStorage.retention.raw: 1d; allowed: more than 40h, when samples are downsampled, or 0s for ever`,
		}, {
			"deleted before it is downsampled again", longTerm(", retention: {raw: 3d, 5m: 15d}"),
			`longTermStorage.retention.5m: 15d; allowed: more than 16d, when blocks of two weeks are downsampled again, or 0s for ever`,
		}, {
			"native histograms, which are not downsampled", longTerm("") + "\ndiscovery: {histograms: native}",
			`longTermStorage.retention: raw is 90d, 5m 1y and 1h 5y, but nothing is downsampled with native histograms of custom buckets, so raw is all there is; allowed with discovery.histograms: native, and with what converts histograms into such: three times the same`,
		}, {
			"histograms that a scrape config converts", longTerm("") + "\ndiscovery: {extraScrapeConfigs: [{job_name: a, convert_classic_histograms_to_nhcb: true}]}",
			`longTermStorage.retention: raw is 90d, 5m 1y and 1h 5y, but nothing is downsampled with native histograms of custom buckets, so raw is all there is; allowed with discovery.histograms: native, and with what converts histograms into such: three times the same`,
		}, {
			"histograms that the receiver of OTLP converts", longTerm("") + "\nprometheus: {otlpReceiver: {enabled: true}, otlp: {convert_histograms_to_nhcb: true}}",
			`longTermStorage.retention: raw is 90d, 5m 1y and 1h 5y, but nothing is downsampled with native histograms of custom buckets, so raw is all there is; allowed with discovery.histograms: native, and with what converts histograms into such: three times the same`,
		}, {
			"blocks in an encoding that Thanos does not know", longTerm("") + "\nprometheus: {featureFlags: [exemplar-storage, xor2-encoding]}",
			`prometheus.featureFlags[1]: xor2-encoding has Prometheus write blocks that Thanos cannot read; remove it, or long-term storage`,
		}, {
			"the same as a setting", longTerm("") + "\nprometheus: {config: {storage: {tsdb: {chunk_encoding: {floats: xor2}}}}}",
			`prometheus.config.storage.tsdb.chunk_encoding.floats: xor2 has Prometheus write blocks that Thanos cannot read; allowed with longTermStorage: xor`,
		}, {
			"blocks that overlap", longTerm("") + "\nprometheus: {config: {storage: {tsdb: {stale_series_compaction_threshold: 0.3}}}}",
			`prometheus.config.storage.tsdb.stale_series_compaction_threshold: 0.3 has Prometheus write blocks that overlap, at which the compactor of Thanos halts; remove it, or long-term storage`,
		}, {
			"samples of other clusters", longTerm("") + "\nprometheus: {remoteWriteReceiver: {enabled: true}}",
			`prometheus.remoteWriteReceiver.enabled: true with longTermStorage: what is received would get the label cluster of this stack; have the senders use longTermStorage of their own, and name their queriers in longTermStorage.query.endpoints`,
		}, {
			"raw samples for longest", longTerm(", retention: {raw: 2y}"),
			`longTermStorage.retention.5m: 1y is less than 2y of longTermStorage.retention.raw; a lower resolution is kept for as long, or longer`,
		}, {
			"hours for less than ever", longTerm(", retention: {5m: 0s}"),
			`longTermStorage.retention.1h: 5y is less than 0s (for ever) of longTermStorage.retention.5m; a lower resolution is kept for as long, or longer`,
		}, {
			"Secret of the program", longTerm(", tls: {secretName: thanos-object-store}"),
			`longTermStorage.tls.secretName: "thanos-object-store" is a Secret that this program creates; allowed: the name of any other`,
		}, {
			"name of the certificate", longTerm(", tls: {secretName: thanos, serverName: '*'}"),
			`longTermStorage.tls.serverName: "*": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character`,
		}, {
			"no store gateway", longTerm(", storeGateway: {replicas: 0}"),
			`longTermStorage.storeGateway.replicas: 0; allowed: 1 to 10`,
		}, {
			"no partition", longTerm(", storeGateway: {partitions: 0}"),
			`longTermStorage.storeGateway.partitions: 0; allowed: 1 to 100`,
		}, {
			"small disk of the compactor", longTerm(", compactor: {size: 10Mi}"),
			`longTermStorage.compactor.size: 10Mi is too small; allowed: 1Gi or more`,
		}, {
			"issuer without a name", longTerm(", tls: {issuerRef: {kind: Issuer}}"),
			`longTermStorage.tls.issuerRef.name: missing; allowed: the name of an issuer of kind Issuer`,
		}, {
			"issuer of an unknown kind", longTerm(", tls: {issuerRef: {name: authority, kind: issuer}}"),
			`longTermStorage.tls.issuerRef.kind: "issuer"; allowed: Issuer, ClusterIssuer, or another with the group of an external issuer`,
		}, {
			"external issuer without a kind", longTerm(", tls: {issuerRef: {name: authority, group: awspca.cert-manager.io, kind: ''}}"),
			`longTermStorage.tls.issuerRef.kind: missing; allowed: a kind of the group awspca.cert-manager.io`,
		}, {
			"endpoint with a scheme", longTerm(", query: {endpoints: ['https://example.com:443']}, tls: {secretName: a}"),
			`longTermStorage.query.endpoints[0]: "https://example.com:443"; allowed: host:port`,
		}, {
			"endpoint twice", longTerm(", query: {endpoints: ['a.b.svc:1', 'a.b.svc:1']}"),
			`longTermStorage.query.endpoints[1]: "a.b.svc:1" is named twice`,
		}, {
			"stack without a project", longTerm(", query: {stacks: [shop]}"),
			`longTermStorage.query.stacks[0]: "shop"; allowed: organization/project/stack`,
		}, {
			"stack twice", longTerm(", query: {stacks: [a/b/c, a/b/c]}"),
			`longTermStorage.query.stacks[1]: "a/b/c" is named twice`,
		}, {
			"external address with a scheme", longTerm(", query: {externalAddress: 'https://example.com'}"),
			`longTermStorage.query.externalAddress: "https://example.com"; allowed: host:port`,
		}, {
			"endpoint in plain text", longTerm(", query: {endpoints: ['thanos.example.com:10901']}"),
			`longTermStorage.query.endpoints[0]: "thanos.example.com:10901" would answer unencrypted; allowed: any with longTermStorage.tls, a Service of the cluster such as NAME.NAMESPACE.svc:PORT, or any with prometheus.acknowledgeInsecureRemotes: true`,
		}, {
			"queries of minutes", longTerm(", queryFrontend: {splitInterval: 30m}"),
			`longTermStorage.queryFrontend.splitInterval: 30m; allowed: 1h or more`,
		}, {
			"cache of more than the memory", longTerm(", queryFrontend: {cacheSize: 1Gi}"),
			`longTermStorage.queryFrontend.cacheSize: 1Gi; allowed: 1Mi to half of the memory limit of 1Gi`,
		},
	})
	accepted(t, longTerm(", query: {endpoints: ['thanos.example.com:10901']}, tls: {secretName: thanos}"))
	accepted(t, longTerm(", tls: {issuerRef: {name: authority, group: awspca.cert-manager.io, kind: AWSPCAClusterIssuer}}"))
	accepted(t, longTerm(", query: {endpoints: ['thanos.example.com:10901']}, tls: {issuerRef: {name: authority}}"))
	accepted(t, longTerm(", retention: {raw: 0s, 5m: 0s, 1h: 0s}"))
}
