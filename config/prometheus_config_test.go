package config_test

import "testing"

func TestPrometheusConfig(t *testing.T) {
	run(t, []violation{
		{
			"block with a key of its own", "prometheus: {config: {scrape_configs: []}}",
			`prometheus.config.scrape_configs: is written by this program; set discovery.extraScrapeConfigs instead`,
		}, {
			"setting with a key of its own", "prometheus: {config: {global: {scrape_interval: 15s, body_size_limit: 50MB}}}",
			`prometheus.config.global.scrape_interval: is written by this program; set prometheus.scrapeInterval instead`,
		}, {
			"setting further inside", "prometheus: {config: {storage: {tsdb: {retention: {time: 30d}}}}}",
			`prometheus.config.storage.tsdb.retention: is written by this program; set prometheus.retention and prometheus.retentionSize instead`,
		}, {
			"list for a block", "prometheus: {config: {global: [body_size_limit]}}",
			`prometheus.config.global: is a list; allowed: an object`,
		}, {
			"exemplars that nobody stores", "prometheus: {config: {storage: {exemplars: {max_exemplars: 1000}}}}",
			`prometheus.config.storage.exemplars: has no effect; allowed with prometheus.featureFlags: [exemplar-storage]`,
		}, {
			"storage of an agent", "prometheus: {mode: agent, remoteWrite: [{name: a, url: 'https://a'}], config: {storage: {tsdb: {stale_series_compaction_threshold: 0.5}}}}\nalerting: {enabled: false}\ngrafana: {enabled: false}",
			`prometheus.config.storage: has no effect in an agent, which stores no blocks; remove it`,
		}, {
			"stack without a Prometheus", "prometheus: {mode: none, config: {runtime: {gogc: 50}}}\nlongTermStorage: {enabled: true, query: {endpoints: ['thanos-query.shop.svc:10901']}}",
			`prometheus.config: has no effect, because with prometheus.mode: none there is no Prometheus; remove it, and set it in the clusters that are queried`,
		},
	})
}
