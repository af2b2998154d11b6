package config_test

import "testing"

// agent is what a stack with an agent does without, in YAML.
const agent = "alerting: {enabled: false}\ngrafana: {enabled: false}\n"

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
			"interval of rules of an agent", agent + "prometheus: {mode: agent, remoteWrite: [{name: a}], evaluationInterval: 1m}",
			"prometheus.evaluationInterval: has no effect, because an agent evaluates no rules; remove it",
		}, {
			"interval of rules of an agent, in its own place", agent + "prometheus: {mode: agent, remoteWrite: [{name: a}], config: {global: {evaluation_interval: 1m}}}",
			"prometheus.config.global.evaluation_interval: has no effect in an agent, which evaluates no rules; remove it",
		}, {
			"offset of rules of an agent", agent + "prometheus: {mode: agent, remoteWrite: [{name: a}], config: {global: {rule_query_offset: 1m}}}",
			"prometheus.config.global.rule_query_offset: has no effect in an agent, which evaluates no rules; remove it",
		}, {
			"log of queries of an agent", agent + "prometheus: {mode: agent, remoteWrite: [{name: a}], config: {global: {query_log_file: /prometheus/queries.log}}}",
			"prometheus.config.global.query_log_file: has no effect in an agent, which answers no queries; remove it",
		}, {
			"limit of queries of an agent", agent + "prometheus: {mode: agent, remoteWrite: [{name: a}], config: {global: {query_max_series: 1000}}}",
			"prometheus.config.global.query_max_series: has no effect in an agent, which answers no queries; remove it",
		}, {
			"stack without a Prometheus", "prometheus: {mode: none, config: {runtime: {gogc: 50}}}\nlongTermStorage: {enabled: true, query: {endpoints: ['thanos-query.shop.svc:10901']}}",
			`prometheus.config: has no effect, because with prometheus.mode: none there is no Prometheus; remove it, and set it in the clusters that are queried`,
		},
	})
	accepted(t, agent+"prometheus: {mode: agent, remoteWrite: [{name: a}], config: {global: {scrape_failure_log_file: /prometheus/scrapes.log, body_size_limit: 50MB}}}")
}
