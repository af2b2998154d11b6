package config

import (
	"maps"
	"slices"
	"strings"
)

// ownedSettings holds the settings of prometheus.yml that this program writes, by path, with the keys that a
// stack sets instead.
var ownedSettings = map[string]string{
	"alerting":            "alerting.alertmanagers",
	"otlp":                "prometheus.otlp",
	"remote_read":         "prometheus.remoteRead",
	"remote_write":        "prometheus.remoteWrite",
	"rule_files":          "alerting.extraRules and alerting.ruleDirectories",
	"scrape_config_files": "discovery.extraScrapeConfigs",
	"scrape_configs":      "discovery.extraScrapeConfigs",
	"tracing":             "prometheus.tracing",

	"global.evaluation_interval": "prometheus.evaluationInterval",
	"global.external_labels":     "prometheus.externalLabels",
	"global.sample_limit":        "discovery.jobs.<job>.sampleLimit",
	"global.scrape_interval":     "prometheus.scrapeInterval",
	"global.scrape_timeout":      "prometheus.scrapeTimeout",

	"global.always_scrape_classic_histograms":   "discovery.histograms",
	"global.convert_classic_histograms_to_nhcb": "discovery.histograms",
	"global.scrape_native_histograms":           "discovery.histograms",

	"storage.tsdb.out_of_order_time_window": "prometheus.outOfOrderTimeWindow",
	"storage.tsdb.retention":                "prometheus.retention and prometheus.retentionSize",
}

// neededFlags holds the settings of prometheus.yml that have no effect without a feature flag, by path.
var neededFlags = map[string]FeatureFlag{
	"global.query_max_duration":     "query-cost",
	"global.query_max_samples_read": "query-cost",
	"global.query_max_series":       "query-cost",
	"storage.exemplars":             "exemplar-storage",
}

// serverSettings holds the settings of prometheus.yml that have no effect in an agent, by path, with what agents do
// not do.
var serverSettings = map[string]string{
	"global.evaluation_interval":    "evaluates no rules",
	"global.query_log_file":         "answers no queries",
	"global.query_max_duration":     "answers no queries",
	"global.query_max_samples_read": "answers no queries",
	"global.query_max_series":       "answers no queries",
	"global.rule_query_offset":      "evaluates no rules",
	"storage":                       "stores no blocks",
}

// validateConfig rejects, in prometheus.config, what this program writes itself, and what has no effect.
func (c Prometheus) validateConfig() Problems {
	var p Problems
	for _, block := range []string{"global", "storage", "storage.tsdb"} {
		if value, ok := c.setting(block); ok {
			if _, object := value.(map[string]any); !object && value != nil {
				p.Addf("prometheus.config."+block, "%s; allowed: an object", describe(value))
			}
		}
	}
	if c.Mode == AgentMode { // first, because what to set instead would have no effect either
		for _, setting := range slices.Sorted(maps.Keys(serverSettings)) {
			if _, ok := c.setting(setting); ok {
				p.Addf("prometheus.config."+setting, "has no effect in an agent, which %s; remove it", serverSettings[setting])
			}
		}
	}
	for _, setting := range slices.Sorted(maps.Keys(ownedSettings)) {
		if _, ok := c.setting(setting); ok {
			p.Addf("prometheus.config."+setting, "is written by this program; set %s instead", ownedSettings[setting])
		}
	}
	for _, setting := range slices.Sorted(maps.Keys(neededFlags)) {
		if _, ok := c.setting(setting); ok && !slices.Contains(c.FeatureFlags, neededFlags[setting]) {
			p.Addf("prometheus.config."+setting, "has no effect; allowed with prometheus.featureFlags: [%s]", neededFlags[setting])
		}
	}
	return p
}

// RuleQueryOffset returns how much earlier than now rules query, unless their group says so, as a duration of Prometheus;
// empty if that is not set.
func (c Prometheus) RuleQueryOffset() string {
	value, _ := c.setting("global.rule_query_offset")
	offset, _ := value.(string)
	return offset
}

// setting returns the value at a path of prometheus.config; false if there is none.
func (c Prometheus) setting(path string) (any, bool) {
	var value any = c.Config
	for name := range strings.SplitSeq(path, ".") {
		object, _ := value.(map[string]any)
		inner, ok := object[name]
		if !ok {
			return nil, false
		}
		value = inner
	}
	return value, true
}
