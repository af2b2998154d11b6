package render

import (
	"cmp"
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

// prometheusFile holds the part of prometheus.yml that this program writes:
// https://prometheus.io/docs/prometheus/latest/configuration/configuration/
type prometheusFile struct {
	Global      global    `yaml:"global"`
	Storage     *tsdb     `yaml:"storage,omitempty"`
	RuleFiles   []string  `yaml:"rule_files,omitempty"`
	Alerting    *alerting `yaml:"alerting,omitempty"`
	RemoteWrite []any     `yaml:"remote_write,omitempty"`
	RemoteRead  []any     `yaml:"remote_read,omitempty"`

	OTLP    map[string]any `yaml:"otlp,omitempty"`
	Tracing map[string]any `yaml:"tracing,omitempty"`

	ScrapeConfigs []any `yaml:"scrape_configs"`

	Others map[string]any `yaml:",inline"` // blocks of prometheus.config
}

type global struct {
	ScrapeInterval     config.Duration   `yaml:"scrape_interval"`
	ScrapeTimeout      config.Duration   `yaml:"scrape_timeout"`
	EvaluationInterval config.Duration   `yaml:"evaluation_interval"`
	ExternalLabels     map[string]string `yaml:"external_labels"`

	Others map[string]any `yaml:",inline"`
}

type tsdb struct {
	TSDB struct {
		OutOfOrderTimeWindow config.Duration `yaml:"out_of_order_time_window"`
		Retention            struct {
			Time config.Duration `yaml:"time"`
			Size string          `yaml:"size"`
		} `yaml:"retention"`

		Others map[string]any `yaml:",inline"`
	} `yaml:"tsdb"`

	Others map[string]any `yaml:",inline"`
}

// serverOnly sets the parts of the file that only a server has.
func (f *prometheusFile) serverOnly(cfg *config.Config) {
	f.RuleFiles = []string{RulesDir + "/*.yaml"}
	f.Alerting = alertmanagers(cfg)
	f.Storage = &tsdb{}
	f.Storage.TSDB.OutOfOrderTimeWindow = *cfg.Prometheus.OutOfOrderTimeWindow
	f.Storage.TSDB.Retention.Time = cfg.Prometheus.Retention
	// Prometheus' units are powers of two: its 1MB is 1 MiB.
	f.Storage.TSDB.Retention.Size = fmt.Sprintf("%dMB", cfg.Prometheus.RetentionSize.Value()>>20)
}

// addConfig adds prometheus.config, which has none of the settings above.
func (f *prometheusFile) addConfig(native map[string]any) {
	f.Others = maps.Clone(native)
	take := func(from map[string]any, block string) map[string]any {
		object, _ := from[block].(map[string]any)
		delete(from, block)
		return maps.Clone(object)
	}
	f.Global.Others = take(f.Others, "global")
	storage := take(f.Others, "storage")
	if f.Storage != nil {
		f.Storage.TSDB.Others = take(storage, "tsdb")
		f.Storage.Others = storage
	}
}

// configPath is the config path of what prometheus.yml has besides.
const configPath = "prometheus.config"

// checkConfig rejects log files of prometheus.config that the server cannot write.
func checkConfig(cfg *config.Config) config.Problems {
	var problems config.Problems
	walk(configPath, cfg.Prometheus.Config, func(path, key, value string) {
		if strings.HasSuffix(key, "_log_file") && !strings.HasPrefix(value, PrometheusDataDir+"/") {
			problems.Addf(path, "%q; allowed: a file below %s, where the server can write", value, PrometheusDataDir)
		}
	})
	return problems
}

// prometheusConfig returns the prometheus.yml of a shard and the config that Prometheus' loader reads from it.
// The error is config.Problems, with what the loader rejects in scrape jobs and remotes and with
// secrets in plain text; it is another if the loader rejects the file for any other reason.
func (s *Stack) prometheusConfig(shard int) (string, *prometheus.Config, error) {
	cfg := s.Config
	file := prometheusFile{
		Global: global{
			ScrapeInterval:     cfg.Prometheus.ScrapeInterval,
			ScrapeTimeout:      cfg.Prometheus.ScrapeTimeout,
			EvaluationInterval: cfg.Prometheus.EvaluationInterval,
			ExternalLabels:     ExternalLabels(cfg, "${POD_NAME}"), // which the server expands
		},
	}
	if !cfg.Agent() {
		file.serverOnly(cfg)
	}
	file.addConfig(cfg.Prometheus.Config)
	file.OTLP, file.Tracing = cfg.Prometheus.OTLP, cfg.Prometheus.Tracing

	own, extra := s.ownScrapeConfigs(shard), extraScrapeConfigs(cfg, shard)
	for _, job := range own {
		file.ScrapeConfigs = append(file.ScrapeConfigs, job)
	}
	for _, job := range extra {
		file.ScrapeConfigs = append(file.ScrapeConfigs, job)
	}
	for _, remote := range cfg.Prometheus.RemoteRead {
		file.RemoteRead = append(file.RemoteRead, remote)
	}
	for _, remote := range remoteWrites(cfg) {
		file.RemoteWrite = append(file.RemoteWrite, remote)
	}
	text, err := marshal(file)
	if err != nil {
		return "", nil, err
	}
	loaded, err := loadPrometheus(text)
	if err != nil {
		return "", nil, cmp.Or(rejectedParts(cfg, own, extra).Err(), fmt.Errorf("prometheus.yml: %w", err))
	}
	var problems config.Problems
	for _, job := range loaded.ScrapeConfigs[:len(own)] {
		problems.Add(checkCertificate(cfg, job)...)
	}
	for i, job := range loaded.ScrapeConfigs[len(own):] {
		problems.Add(checkExtraScrapeConfig(cfg, i, job)...)
	}
	problems.Add(checkConfig(cfg)...)
	problems.Add(checkRemotes(cfg, loaded)...)
	problems.Add(checkAlertmanagers(cfg, loaded)...)
	if err := problems.Err(); err != nil {
		return "", nil, err
	}
	return text, loaded, nil
}

// ExternalLabels returns the configured labels, the cluster and the replica, which refers to the name of
// the pod. Any other $ is escaped as $$.
func ExternalLabels(cfg *config.Config, replica string) map[string]string {
	labels := map[string]string{}
	for name, value := range cfg.Prometheus.ExternalLabels {
		labels[name] = strings.ReplaceAll(value, "$", "$$")
	}
	labels["cluster"] = cfg.Cluster.Name
	labels["replica"] = replica
	return labels
}

// extraScrapeConfigs returns the stack's own scrape configs of a shard; none once it is retired. Each sets
// the label cluster on targets that do not have it.
func extraScrapeConfigs(cfg *config.Config, shard int) []map[string]any {
	var extra []map[string]any
	if shard >= cfg.Prometheus.Shards {
		return nil
	}
	for _, native := range cfg.Discovery.ExtraScrapeConfigs {
		native = maps.Clone(native)
		rules, _ := native["relabel_configs"].([]any)
		if native["relabel_configs"] == nil || rules != nil {
			rules = append(slices.Clone(rules), map[string]any{
				"source_labels": []string{"cluster"}, "regex": "^$", "target_label": "cluster", "replacement": cfg.Cluster.Name,
			})
			for _, rule := range targetsOf(cfg, shard) {
				rules = append(rules, rule)
			}
			native["relabel_configs"] = rules
		}
		extra = append(extra, native)
	}
	return extra
}

// rejectedParts returns what the loader rejects in each scrape config and each remote. It loads them
// one at a time, so that an error has the config path of its part and hides no other.
func rejectedParts(cfg *config.Config, own []scrapeConfig, extra []map[string]any) config.Problems {
	var problems config.Problems
	load := func(path, prefix, key string, part any) *prometheus.Config {
		text, err := marshal(map[string]any{
			"global": map[string]any{
				"scrape_interval": cfg.Prometheus.ScrapeInterval,
				"scrape_timeout":  cfg.Prometheus.ScrapeTimeout,
			},
			key: part,
		})
		var loaded *prometheus.Config
		if err == nil {
			loaded, err = loadPrometheus(text)
		}
		if err != nil {
			problems.Addf(path, "%s", prefix+loaderMessage(err))
		}
		return loaded
	}
	problems.Add(checkConfig(cfg)...)
	if text, err := marshal(cfg.Prometheus.Config); err != nil {
		problems.Addf(configPath, "%v", err)
	} else if _, err := loadPrometheus(text); err != nil {
		problems.Addf(configPath, "%s", loaderMessage(err))
	}
	for _, job := range own {
		if loaded := load("discovery.jobs."+job.JobName, "", "scrape_configs", []any{job}); loaded != nil {
			problems.Add(checkCertificate(cfg, loaded.ScrapeConfigs[0])...)
		}
	}
	for i, job := range extra {
		if loaded := load(extraPath(i), fmt.Sprintf("job %q: ", job["job_name"]), "scrape_configs", []any{job}); loaded != nil {
			problems.Add(checkExtraScrapeConfig(cfg, i, loaded.ScrapeConfigs[0])...)
		}
	}
	for i, remote := range remoteWrites(cfg) {
		if loaded := load(remoteWritePath(i), fmt.Sprintf("remote %q: ", remote["name"]), "remote_write", []any{remote}); loaded != nil {
			problems.Add(checkRemoteWrite(cfg, i, loaded.RemoteWriteConfigs[0])...)
		}
	}
	for i, remote := range cfg.Prometheus.RemoteRead {
		if loaded := load(remoteReadPath(i), fmt.Sprintf("remote %q: ", remote["name"]), "remote_read", []any{remote}); loaded != nil {
			problems.Add(checkRemoteRead(cfg, i, loaded.RemoteReadConfigs[0])...)
		}
	}
	for i, native := range cfg.Alerting.Alertmanagers {
		if loaded := load(alertmanagersPath(i), "", "alerting", alerting{Alertmanagers: []any{native}}); loaded != nil {
			problems.Add(checkAlertmanager(cfg, i, loaded.AlertingConfig.AlertmanagerConfigs[0])...)
		}
	}
	if len(cfg.Prometheus.OTLP) > 0 {
		load("prometheus.otlp", "", "otlp", cfg.Prometheus.OTLP)
	}
	if len(cfg.Prometheus.Tracing) > 0 {
		if loaded := load(tracingPath, "", "tracing", cfg.Prometheus.Tracing); loaded != nil {
			problems.Add(checkTracing(cfg, loaded.TracingConfig)...)
		}
	}
	return problems
}

// extraPath returns the config path of the extra scrape config i.
func extraPath(i int) string { return fmt.Sprintf("discovery.extraScrapeConfigs[%d]", i) }

// checkExtraScrapeConfig rejects, in the extra scrape config i, secrets in plain text and addresses of
// which no scrape succeeds. job is the same scrape config as loaded.
func checkExtraScrapeConfig(cfg *config.Config, i int, job *prometheus.ScrapeConfig) config.Problems {
	where := addresses{extraPath(i), "metrics_path", job.Scheme, job.RelabelConfigs, job.ServiceDiscoveryConfigs}
	return append(prometheusSecrets(cfg).check(extraPath(i), cfg.Discovery.ExtraScrapeConfigs[i], job), where.check()...)
}

// prometheusSecrets returns the secrets that the server reads as files.
func prometheusSecrets(cfg *config.Config) secretFiles {
	return secretFiles{PrometheusSecretsDir, "prometheus.secrets", slices.Sorted(maps.Keys(cfg.Prometheus.Secrets))}
}

// addresses holds what says where a server connects to.
type addresses struct {
	path        string // config path of the native object that has them
	urlPath     string // its option for the path of the URL
	scheme      string
	rules       []*relabeling.Config
	discoveries targets.Configs
}

// check rejects schemes and static targets that the loader accepts, but that fail each time.
func (a addresses) check() config.Problems {
	var problems config.Problems
	if a.scheme != "http" && a.scheme != "https" {
		problems.Addf(a.path+".scheme", "%q; allowed: http, https", a.scheme)
	}
	for _, address := range a.static() {
		if !isAddress(address) {
			problems.Addf(a.path+".static_configs", "target %q; allowed: host:port, with the rest in scheme and %s", address, a.urlPath)
		}
	}
	return problems
}

// static returns the static targets. It returns none if relabelling makes an address of something else,
// as in a probe.
func (a addresses) static() []string {
	for _, rule := range a.rules {
		if rule.TargetLabel == model.AddressLabel || rule.Action == relabeling.LabelMap {
			return nil
		}
	}
	var all []string
	for _, discovery := range a.discoveries {
		groups, _ := discovery.(targets.StaticConfig)
		for _, group := range groups {
			for _, target := range group.Targets {
				all = append(all, string(target[model.AddressLabel]))
			}
		}
	}
	return all
}

// isAddress reports whether address is a host, with or without a port.
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

// Parts of loaders' messages that do not help users, who do not see the text or the Go types.
var (
	lineNumbers  = regexp.MustCompile(`(yaml: unmarshal errors:)?\s*line \d+: `)
	unknownField = regexp.MustCompile(`field (\S+) not found in type \S+`)
)

// loaderMessage returns a loader's message in one line, without line numbers and Go types.
func loaderMessage(err error) string {
	lines := strings.Split(strings.TrimPrefix(err.Error(), "yaml: unmarshal errors:\n"), "\n")
	for i, line := range lines {
		line = lineNumbers.ReplaceAllString(line, "")
		lines[i] = strings.TrimSpace(unknownField.ReplaceAllString(line, `unknown field "$1"`))
	}
	return strings.Join(lines, "; ")
}

// loadPrometheus loads the text of a prometheus.yml as the server does when it starts.
func loadPrometheus(text string) (*prometheus.Config, error) {
	loaded, err := prometheus.Load(text, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		return nil, err
	}
	_, err = loaded.GetScrapeConfigs()
	return loaded, err
}
