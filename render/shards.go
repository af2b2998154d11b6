package render

import (
	"fmt"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// ShardLabel is the temporary label in which a target's shard is noted.
const ShardLabel = "__tmp_shard"

// PrometheusShard returns the servers of a shard, from 0. The first is called as the only one of a stack
// without shards, so that it keeps its volumes when others are added.
func PrometheusShard(shard int) Program {
	if shard == 0 {
		return Prometheus
	}
	return Program{fmt.Sprintf("%s-shard-%d", Prometheus.Name, shard), Prometheus.Port}
}

// Ruler holds what the ruler reads, besides rules.
type Ruler struct {
	Config ConfigMap // alertmanagers.yaml
	Rules  ConfigMap // rule files
}

// alertmanagersFile is what the ruler reads:
// https://thanos.io/tip/components/rule.md/#alertmanager
type alertmanagersFile struct {
	Alertmanagers []rulerAlertmanagers `yaml:"alertmanagers"`
}

type rulerAlertmanagers struct {
	HTTPConfig    *httpClient `yaml:"http_config,omitempty"`
	StaticConfigs []string    `yaml:"static_configs"`
	Scheme        string      `yaml:"scheme"`
	APIVersion    string      `yaml:"api_version"`
}

// ruler returns what the ruler reads. As the servers of Prometheus do, it sends alerts to every
// Alertmanager pod, which it finds by the SRV records of their headless Service.
func (s *Stack) ruler() (*Ruler, error) {
	file := alertmanagersFile{Alertmanagers: []rulerAlertmanagers{}}
	if s.Config.Alerting.Enabled {
		var client *httpClient
		if login := loginTo(s.Config, Alertmanager.Name); login != nil {
			client = &httpClient{login}
		}
		file.Alertmanagers = append(file.Alertmanagers, rulerAlertmanagers{
			HTTPConfig:    client,
			StaticConfigs: []string{fmt.Sprintf("dnssrv+_web._tcp.%s.%s.svc", Alertmanager.Headless(), s.Config.Cluster.Namespace)},
			Scheme:        "http",
			APIVersion:    "v2",
		})
	}
	text, err := marshal(file)
	if err != nil {
		return nil, err
	}
	r := &Ruler{
		Config: ConfigMap{ThanosRuler.Name + "-config", "longTermStorage.ruler", map[string]string{"alertmanagers.yaml": text}},
		Rules:  ConfigMap{ThanosRuler.Name + "-rules", "alerting.extraRules", map[string]string{}},
	}
	for _, file := range s.Rules {
		if file.Ruler {
			r.Rules.Files[file.Name] = file.Text
		}
	}
	return r, nil
}

// oneOf returns rules that keep what has a hash of some labels that leaves a remainder when divided by a
// number. They note the remainder in label.
func oneOf(remainder, number int, label string, of ...string) []relabel {
	return []relabel{
		{SourceLabels: of, Action: "hashmod", TargetLabel: label, Modulus: number},
		keep(fmt.Sprint(remainder), label),
	}
}

// targetsOf returns the rules that keep the targets of a shard, which are divided by a hash of their
// address and, where blackbox-exporter or a program like it is asked, of what it is asked for. Both are as
// they are after all other rules: targets that relabelling makes equal land in the same shard.
func targetsOf(cfg *config.Config, shard int) []relabel {
	if cfg.Prometheus.Shards == 1 {
		return nil
	}
	return oneOf(shard, cfg.Prometheus.Shards, ShardLabel, "__address__", "__param_target")
}

// ownScrapeConfigs returns what a shard scrapes of scrapeConfigs: of a job that the shards divide, its own
// targets, and nothing once it is retired.
func (s *Stack) ownScrapeConfigs(shard int) []scrapeConfig {
	var own []scrapeConfig
	for _, job := range s.scrapeConfigs() {
		if s.Config.Divided(config.Job(job.JobName)) {
			if shard >= s.Config.Prometheus.Shards {
				continue
			}
			job.RelabelConfigs = append(job.RelabelConfigs, targetsOf(s.Config, shard)...)
		}
		own = append(own, job)
	}
	return own
}

// podNames matches the names of the pods of Prometheus.
func podNames(cfg *config.Config) string {
	if cfg.Prometheus.Sharded() {
		return Prometheus.Name + `(-shard-\d+)?-\d+`
	}
	return Prometheus.Name + `-\d+`
}
