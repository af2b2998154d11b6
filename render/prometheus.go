// Package render turns a stack's config into the native configuration of
// Prometheus, Alertmanager and Grafana. Every result has been accepted by the
// parser of the program that will read it.
package render

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	prometheus "github.com/prometheus/prometheus/config"
	targets "github.com/prometheus/prometheus/discovery"
	relabeling "github.com/prometheus/prometheus/model/relabel"
	_ "github.com/prometheus/prometheus/plugins" // scrape configs may use any service discovery

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// Where the server finds its rule files, and what scrape configs refer to.
const (
	RulesDir             = "/etc/prometheus/rules"
	PrometheusSecretsDir = "/etc/prometheus/secrets"
)

// prometheusFile is the part of prometheus.yml that this program writes:
// https://prometheus.io/docs/prometheus/latest/configuration/configuration/
type prometheusFile struct {
	Global        global    `yaml:"global"`
	Storage       tsdb      `yaml:"storage"`
	RuleFiles     []string  `yaml:"rule_files,omitempty"`
	Alerting      *alerting `yaml:"alerting,omitempty"`
	ScrapeConfigs []any     `yaml:"scrape_configs"`
}

type global struct {
	ScrapeInterval     config.Duration   `yaml:"scrape_interval"`
	ScrapeTimeout      config.Duration   `yaml:"scrape_timeout"`
	EvaluationInterval config.Duration   `yaml:"evaluation_interval"`
	ExternalLabels     map[string]string `yaml:"external_labels"`
}

type tsdb struct {
	TSDB struct {
		OutOfOrderTimeWindow config.Duration `yaml:"out_of_order_time_window"`
		Retention            struct {
			Time config.Duration `yaml:"time"`
			Size string          `yaml:"size"`
		} `yaml:"retention"`
	} `yaml:"tsdb"`
}

type alerting struct {
	AlertRelabelConfigs []relabel            `yaml:"alert_relabel_configs,omitempty"`
	Alertmanagers       []alertmanagerConfig `yaml:"alertmanagers,omitempty"`
}

type alertmanagerConfig struct {
	KubernetesSDConfigs []kubernetesSD `yaml:"kubernetes_sd_configs"`
	RelabelConfigs      []relabel      `yaml:"relabel_configs"`
}

// Prometheus renders prometheus.yml. Errors are config.Problems: what Prometheus'
// own loader says against a scrape job, and its secrets in plain text, by config path.
func Prometheus(cfg *config.Config) (string, error) {
	file := prometheusFile{
		Global: global{
			ScrapeInterval:     cfg.Prometheus.ScrapeInterval,
			ScrapeTimeout:      cfg.Prometheus.ScrapeTimeout,
			EvaluationInterval: cfg.Prometheus.EvaluationInterval,
			ExternalLabels:     externalLabels(cfg),
		},
		RuleFiles: []string{RulesDir + "/*.yaml"},
		Alerting:  alertmanagers(cfg),
	}
	file.Storage.TSDB.OutOfOrderTimeWindow = cfg.Prometheus.OutOfOrderTimeWindow
	file.Storage.TSDB.Retention.Time = cfg.Prometheus.Retention
	// Prometheus' units are powers of two: 1MB is 1Mi.
	file.Storage.TSDB.Retention.Size = fmt.Sprintf("%dMB", cfg.Prometheus.RetentionSize.Value()>>20)

	own, extra := scrapeConfigs(cfg), extraScrapeConfigs(cfg)
	if err := checkScrapeConfigs(cfg, own, extra); err != nil {
		return "", err
	}
	for _, job := range own {
		file.ScrapeConfigs = append(file.ScrapeConfigs, job)
	}
	for _, job := range extra {
		file.ScrapeConfigs = append(file.ScrapeConfigs, job)
	}
	text, err := marshal(file)
	if err != nil {
		return "", err
	}
	if _, err := loadPrometheus(text); err != nil {
		return "", fmt.Errorf("prometheus.yml: %w", err)
	}
	return text, nil
}

// alertmanagers sends alerts to every Alertmanager pod. They agree among
// themselves who notifies, which a Service in between would break.
func alertmanagers(cfg *config.Config) *alerting {
	if !cfg.Alerting.Enabled {
		return nil
	}
	pods, web := shippedPods(cfg, "alertmanager")
	return &alerting{
		// Replicas send the same alert; without this label Alertmanager sees one.
		AlertRelabelConfigs: []relabel{{SourceLabels: []string{"replica"}, Regex: `prometheus-\d+`, TargetLabel: "replica", Replacement: ptr("")}},
		Alertmanagers:       []alertmanagerConfig{{KubernetesSDConfigs: pods, RelabelConfigs: web}},
	}
}

func externalLabels(cfg *config.Config) map[string]string {
	labels := map[string]string{}
	for name, value := range cfg.Prometheus.ExternalLabels {
		labels[name] = strings.ReplaceAll(value, "$", "$$") // $ starts an environment variable
	}
	labels["cluster"] = cfg.Cluster.Name
	labels["replica"] = "${POD_NAME}" // the server expands it
	return labels
}

// extraScrapeConfigs are the stack's own, each with the cluster label added
// unless it sets that label itself.
func extraScrapeConfigs(cfg *config.Config) []map[string]any {
	var extra []map[string]any
	for _, native := range cfg.Discovery.ExtraScrapeConfigs {
		native = maps.Clone(native)
		rules, _ := native["relabel_configs"].([]any)
		if native["relabel_configs"] == nil || rules != nil {
			native["relabel_configs"] = append(slices.Clone(rules), map[string]any{
				"source_labels": []string{"cluster"}, "regex": "^$", "target_label": "cluster", "replacement": cfg.Cluster.Name,
			})
		}
		extra = append(extra, native)
	}
	return extra
}

// checkScrapeConfigs loads each scrape config alone, so that an error carries
// its job's name and none hides another.
func checkScrapeConfigs(cfg *config.Config, own []scrapeConfig, extra []map[string]any) error {
	secrets := secretFiles{PrometheusSecretsDir, "prometheus.secrets", slices.Sorted(maps.Keys(cfg.Prometheus.Secrets))}
	var problems config.Problems
	check := func(path, prefix string, scrapeConfig any) (loaded *prometheus.Config) {
		text, err := marshal(map[string]any{
			"global": map[string]any{
				"scrape_interval": cfg.Prometheus.ScrapeInterval,
				"scrape_timeout":  cfg.Prometheus.ScrapeTimeout,
			},
			"scrape_configs": []any{scrapeConfig},
		})
		if err == nil {
			loaded, err = loadPrometheus(text)
		}
		if err != nil {
			problems = append(problems, config.Problem{Path: path, Message: prefix + refusal(err)})
			return nil
		}
		return loaded
	}
	for _, job := range own {
		check("discovery.jobs."+job.JobName, "", job)
	}
	for i, job := range extra {
		path := fmt.Sprintf("discovery.extraScrapeConfigs[%d]", i)
		if loaded := check(path, fmt.Sprintf("job %q: ", job["job_name"]), job); loaded != nil {
			problems = append(problems, secrets.check(path, cfg.Discovery.ExtraScrapeConfigs[i], loaded.ScrapeConfigs[0])...)
			problems = append(problems, checkAddresses(path, loaded.ScrapeConfigs[0])...)
		}
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}

// checkAddresses refuses what the server only finds when it scrapes.
func checkAddresses(path string, job *prometheus.ScrapeConfig) config.Problems {
	var problems config.Problems
	if job.Scheme != "http" && job.Scheme != "https" {
		problems = append(problems, config.Problem{Path: path + ".scheme", Message: fmt.Sprintf("%q; allowed: http, https", job.Scheme)})
	}
	for _, rule := range job.RelabelConfigs {
		if rule.TargetLabel == model.AddressLabel || rule.Action == relabeling.LabelMap {
			return problems // the address is a parameter of something else, such as a probe
		}
	}
	for _, discovery := range job.ServiceDiscoveryConfigs {
		groups, static := discovery.(targets.StaticConfig)
		if !static {
			continue
		}
		for _, group := range groups {
			for _, target := range group.Targets {
				if address := string(target[model.AddressLabel]); !isAddress(address) {
					problems = append(problems, config.Problem{Path: path + ".static_configs", Message: fmt.Sprintf("target %q; allowed: host:port, with the rest in scheme and metrics_path", address)})
				}
			}
		}
	}
	return problems
}

// isAddress tells whether something is a host, with or without a port.
func isAddress(address string) bool {
	if address == "" || strings.ContainsAny(address, "/ ") {
		return false
	}
	if !strings.Contains(address, ":") {
		return true
	}
	host, port, err := net.SplitHostPort(address)
	n, bad := strconv.ParseUint(port, 10, 16)
	return err == nil && bad == nil && host != "" && n > 0
}

// What a loader's messages have that is of no help: lines of a text that nobody
// sees, and names of Go's types.
var (
	lineNumbers  = regexp.MustCompile(`(yaml: unmarshal errors:)?\s*line \d+: `)
	unknownField = regexp.MustCompile(`field (\S+) not found in type \S+`)
)

// refusal is a loader's message in one line.
func refusal(err error) string {
	lines := strings.Split(strings.TrimPrefix(err.Error(), "yaml: unmarshal errors:\n"), "\n")
	for i, line := range lines {
		line = lineNumbers.ReplaceAllString(line, "")
		lines[i] = strings.TrimSpace(unknownField.ReplaceAllString(line, `unknown field "$1"`))
	}
	return strings.Join(lines, "; ")
}

// loadPrometheus parses text as the server does at start.
func loadPrometheus(text string) (*prometheus.Config, error) {
	loaded, err := prometheus.Load(text, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		return nil, err
	}
	_, err = loaded.GetScrapeConfigs()
	return loaded, err
}
