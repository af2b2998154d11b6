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
	program := Prometheus
	program.Name = fmt.Sprintf("%s-shard-%d", Prometheus.Name, shard)
	return program
}

// Ruler holds what the ruler reads, besides rules.
type Ruler struct {
	Config ConfigMap // alertmanagers.yaml and, if the querier serves TLS, query.yaml
	Rules  ConfigMap // rule files

	Secrets map[string]config.Secret // of prometheus.secrets, by name
}

// RulerQueryFile is the name of the file that says how the ruler connects to a querier that does not answer everyone.
const RulerQueryFile = "query.yaml"

// rulerQuery is one of the queriers that the ruler asks: https://thanos.io/tip/components/rule.md/#query-api
type rulerQuery struct {
	HTTPConfig    *rulerHTTP `yaml:"http_config"`
	StaticConfigs []string   `yaml:"static_configs"`
	Scheme        string     `yaml:"scheme"`
}

// renderRuler sets what the ruler reads, if the stack has one.
func (s *Stack) renderRuler() error {
	if !s.Config.HasRuler() {
		return nil
	}
	text, err := marshal(rulerAlertmanagersOf(s.Config, otherAlertmanagers(s.Config, s.Prometheus)))
	if err != nil {
		return err
	}
	files := map[string]string{"alertmanagers.yaml": text}
	if client := rulerTo(s.Config, ThanosQuery); client != nil {
		if files[RulerQueryFile], err = marshal([]rulerQuery{{client, []string{ThanosQuery.Address(s.Config)}, ThanosQuery.Scheme(s.Config)}}); err != nil {
			return err
		}
	}
	r := &Ruler{
		Config: ConfigMap{ThanosRuler.Name + "-config", "longTermStorage.ruler", files},
		Rules:  ConfigMap{ThanosRuler.Name + "-rules", ownRulesPath(s.Config), map[string]string{}},

		Secrets: rulerSecrets(s.Config),
	}
	for _, file := range s.Rules {
		if file.Ruler {
			r.Rules.Files[file.Name] = file.Text
		}
	}
	s.Thanos.Ruler = r
	return nil
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
