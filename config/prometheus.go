package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Prometheus configures the server.
type Prometheus struct {
	// What the servers do: scrape, store, evaluate rules and answer queries (server), or only scrape
	// and send what they scrape to prometheus.remoteWrite (agent). With none there are no servers: the
	// stack shows what longTermStorage.query finds in other clusters.
	Mode Mode `json:"mode"`
	// Number of identical servers, 1 to 10, each of which scrapes every target. Two or more
	// survive the loss of a node.
	Replicas int `json:"replicas"`
	// Number of groups of replicas among which targets are divided, 1 to 100: every target is scraped by
	// the replicas of one. More than one only with longTermStorage.
	Shards int `json:"shards"`
	// Number of further groups of replicas that scrape no target but the monitoring itself, until their
	// samples are uploaded: what shards has been reduced by. 0 deletes them.
	RetiredShards int `json:"retiredShards"`
	// How long samples are kept, 2h or more; with longTermStorage, 6h or more.
	Retention Duration `json:"retention"`
	// How much disk space samples may use before the oldest are deleted; derived from
	// storage.size unless set.
	RetentionSize *Quantity `json:"retentionSize"`
	// How long an agent keeps samples that it cannot send, 5m or more.
	AgentRetention Duration `json:"agentRetention"`
	// How often targets are scraped, 1s to 1d, unless discovery.jobs sets another interval.
	ScrapeInterval Duration `json:"scrapeInterval"`
	// How long a scrape may take; at most the interval.
	ScrapeTimeout Duration `json:"scrapeTimeout"`
	// How often rules are evaluated, 1s to 1d.
	EvaluationInterval Duration `json:"evaluationInterval"`
	// How old an out-of-order sample may be to be stored, 0s to store none; 30m with otlpReceiver or
	// remoteWriteReceiver, whose senders try again, and otherwise 0s, unless set.
	OutOfOrderTimeWindow *Duration `json:"outOfOrderTimeWindow"`
	// Labels on everything that leaves the server, in addition to `cluster` and `replica`.
	ExternalLabels map[string]string `json:"externalLabels"`
	// URL at which people open the server, for links in alerts; that of access unless set.
	ExternalURL *URL `json:"externalUrl"`
	// How the server's web UI is reached from outside the cluster.
	Access Access `json:"access"`
	// How long a start may take, 1m to 24h. Replaying the write-ahead log of a large server
	// takes minutes.
	StartupTimeout Duration `json:"startupTimeout"`
	// Feature flags to enable: https://prometheus.io/docs/prometheus/latest/feature_flags/
	FeatureFlags []FeatureFlag `json:"featureFlags"`
	// Additional command-line flags: name without dashes to value. See
	// https://prometheus.io/docs/prometheus/latest/command-line/prometheus/
	ExtraArgs map[Flag]string `json:"extraArgs"`
	// Endpoints to which samples are sent, in Prometheus' own format, each with a name:
	// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#remote_write
	RemoteWrite []map[string]any `json:"remoteWrite"`
	// Endpoints that answer queries besides the server's own samples, in Prometheus' own format, each
	// with a name: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#remote_read
	RemoteRead []map[string]any `json:"remoteRead"`
	// Receive samples that other Prometheus servers and agents write, on /api/v1/write.
	RemoteWriteReceiver Receiver `json:"remoteWriteReceiver"`
	// Receive metrics of OpenTelemetry over HTTP, on /api/v1/otlp/v1/metrics.
	OTLPReceiver Receiver `json:"otlpReceiver"`
	// How metrics of OpenTelemetry become series, in Prometheus' own format; only with otlpReceiver:
	// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#configuration-file
	OTLP map[string]any `json:"otlp"`
	// Where the server sends traces of its queries and scrapes, in Prometheus' own format:
	// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#tracing_config
	Tracing map[string]any `json:"tracing"`
	// What prometheus.yml can say and no other key sets, such as storage.exemplars or global.body_size_limit, in
	// Prometheus' own format:
	// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#configuration-file
	Config map[string]any `json:"config"`
	// Accept remotes, and Alertmanagers elsewhere, outside the cluster with http://, on whose way everyone can
	// read samples, alerts and credentials.
	AcknowledgeInsecureRemotes bool `json:"acknowledgeInsecureRemotes"`
	// Secrets of scrape configs, remotes and alerting.alertmanagers: name to value. A *_file option of
	// theirs reads /etc/prometheus/secrets/NAME.
	Secrets map[string]Secret `json:"secrets"`
	// The account that the server's pods run as.
	ServiceAccount ServiceAccount `json:"serviceAccount"`
	// PodDisruptionBudget of several replicas, in Kubernetes' own format without its selector; maxUnavailable: 1
	// unless set.
	PodDisruptionBudget *policyv1.PodDisruptionBudgetSpec `json:"podDisruptionBudget"`
	// Compute resources of each replica.
	Resources Resources `json:"resources"`
	Scheduling
}

// Mode is what Prometheus does with the samples that it scrapes.
type Mode string

// Values of prometheus.mode.
const (
	ServerMode   Mode = "server"
	AgentMode    Mode = "agent"
	NoPrometheus Mode = "none"
)

func (Mode) Values() []string {
	return []string{string(ServerMode), string(AgentMode), string(NoPrometheus)}
}

// Receiver configures an API to which others send samples. It shares the port of the web UI.
type Receiver struct {
	// Serve the API.
	Enabled bool `json:"enabled"`
	// Namespaces whose pods, such as senders or an ingress controller, may reach it.
	FromNamespaces []string `json:"fromNamespaces"`
}

func (r Receiver) validate(path string) Problems {
	var p Problems
	for i, namespace := range r.FromNamespaces {
		p.invalid(fmt.Sprintf("%s.fromNamespaces[%d]", path, i), namespace, validation.IsDNS1123Label(namespace))
	}
	if !r.Enabled && len(r.FromNamespaces) > 0 {
		p.Addf(path+".fromNamespaces", "has no effect with %s.enabled: false", path)
	}
	return p
}

// Groups returns the number of groups of replicas: of shards, retired ones included; 0 without a
// Prometheus.
func (c Prometheus) Groups() int {
	if c.Mode == NoPrometheus {
		return 0
	}
	return c.Shards + c.RetiredShards
}

// Pods returns the number of servers in all groups.
func (c Prometheus) Pods() int { return c.Groups() * c.Replicas }

// Sharded reports whether no server has the samples of all targets, because there are several groups of
// replicas.
func (c Prometheus) Sharded() bool { return c.Groups() > 1 }

// Receives reports whether the server receives samples.
func (c Prometheus) Receives() bool { return c.RemoteWriteReceiver.Enabled || c.OTLPReceiver.Enabled }

// ServiceAccount configures a Kubernetes ServiceAccount and the pods that run as it.
type ServiceAccount struct {
	// Annotations of the account, such as the one that names an identity of a cloud. Pods restart
	// when they change, because clouds read them when a pod starts.
	Annotations map[string]string `json:"annotations"`
	// Labels of its pods, in addition to the program's own, such as
	// azure.workload.identity/use: "true".
	PodLabels map[string]string `json:"podLabels"`
}

func (s ServiceAccount) validate(path string) Problems {
	var p Problems
	for _, name := range slices.Sorted(maps.Keys(s.Annotations)) {
		p.invalid(fmt.Sprintf("%s.annotations[%q]", path, name), name, validation.IsQualifiedName(strings.ToLower(name)))
	}
	for _, name := range slices.Sorted(maps.Keys(s.PodLabels)) {
		at := fmt.Sprintf("%s.podLabels[%q]", path, name)
		p.invalidLabel(at, name, s.PodLabels[name])
		if strings.HasPrefix(name, "app.kubernetes.io/") {
			p.Addf(at, "%q is a label that the program sets; allowed: any other", name)
		}
	}
	return p
}

// maxShards is the largest number of shards, retired ones included.
const maxShards = 100

// FeatureFlag is a feature of the pinned server that is off by default.
type FeatureFlag string

func (FeatureFlag) Values() []string {
	return []string{
		"concurrent-rule-eval", "created-timestamp-zero-ingestion", "delayed-compaction", "exemplar-storage",
		"extra-scrape-metrics", "histograms-st-encoding", "memory-snapshot-on-shutdown", "metadata-wal-records", "old-ui",
		"openmetrics2", "otlp-deltatocumulative", "otlp-native-delta-ingestion", "promql-binop-fill-modifiers",
		"promql-delayed-name-removal", "promql-duration-expr", "promql-experimental-functions",
		"promql-extended-range-selectors", "promql-per-step-stats", "promql-unquoted-utf8-names", "query-cost",
		"search-api", "st-storage", "st-synthesis", "type-and-unit-labels", "use-start-timestamps", "use-uncached-io",
		"xor2-encoding", "zstd-scrape",
	}
}

func defaultPrometheus() Prometheus {
	return Prometheus{
		Mode:               ServerMode,
		Replicas:           1,
		Shards:             1,
		Retention:          duration(15 * 24 * time.Hour),
		AgentRetention:     duration(4 * time.Hour),
		ScrapeInterval:     duration(30 * time.Second),
		ScrapeTimeout:      duration(10 * time.Second),
		EvaluationInterval: duration(30 * time.Second),
		StartupTimeout:     duration(30 * time.Minute),
		Access:             defaultAccess(),
		Resources:          resources("500m", "2Gi", "4Gi"),
	}
}

// maxRetentionSize returns how much of a volume samples may fill. The rest, a fifth of the volume
// and at least 256Mi, is for the write-ahead log and for the block that a compaction writes before
// its sources are deleted.
func maxRetentionSize(size Quantity) *Quantity {
	headroom := max(size.Value()/5, 256<<20)
	return &Quantity{*resource.NewQuantity((size.Value()-headroom)>>20<<20, resource.BinarySI)}
}

// complete derives RetentionSize from the volume's size, and OutOfOrderTimeWindow from what is received,
// unless they are set.
func (c *Prometheus) complete(storage Storage) {
	if c.OutOfOrderTimeWindow == nil {
		window := duration(0)
		if c.Receives() && c.Mode == ServerMode {
			window = duration(30 * time.Minute)
		}
		c.OutOfOrderTimeWindow = &window
	}
	if c.RetentionSize == nil {
		c.RetentionSize = maxRetentionSize(storage.Size)
	}
}

func (c Prometheus) validate(storage Storage) Problems {
	var p Problems
	if c.Replicas < 1 || c.Replicas > 10 {
		p.Addf("prometheus.replicas", "%d; allowed: 1 to 10", c.Replicas)
	}
	if c.Shards < 1 || c.Shards > maxShards {
		p.Addf("prometheus.shards", "%d; allowed: 1 to %d", c.Shards, maxShards)
	} else if c.RetiredShards < 0 || c.Groups() > maxShards {
		p.Addf("prometheus.retiredShards", "%d; allowed: 0 to %d, as prometheus.shards is %d", c.RetiredShards, maxShards-c.Shards, c.Shards)
	}
	if c.Retention.Duration < 2*time.Hour {
		p.Addf("prometheus.retention", "%s; allowed: 2h (one block) or more", c.Retention)
	}
	switch {
	case c.AgentRetention.Duration < 5*time.Minute:
		p.Addf("prometheus.agentRetention", "%s; allowed: 5m or more", c.AgentRetention)
	case c.Mode == ServerMode && c.AgentRetention != defaultPrometheus().AgentRetention:
		p.Addf("prometheus.agentRetention", "has no effect in a server; set prometheus.retention")
	}
	if limit := maxRetentionSize(storage.Size); c.RetentionSize.Cmp(limit.Quantity) > 0 {
		p.Addf("prometheus.retentionSize", "%s leaves no room for the write-ahead log and compaction on a volume of %s (storage.size); allowed: up to %s",
			c.RetentionSize, storage.Size, limit)
	} else if c.RetentionSize.Value() < 1<<20 && limit.Sign() > 0 {
		p.Addf("prometheus.retentionSize", "%s; allowed: 1Mi or more, or leave it out to derive it from storage.size", c.RetentionSize)
	}
	p.Add(validateInterval("prometheus", c.ScrapeInterval, c.ScrapeTimeout)...)
	if !validInterval(c.EvaluationInterval) {
		p.Addf("prometheus.evaluationInterval", "%s; allowed: 1s to 1d", c.EvaluationInterval)
	}
	for _, name := range slices.Sorted(maps.Keys(c.ExternalLabels)) {
		path := fmt.Sprintf("prometheus.externalLabels[%q]", name)
		if !model.LegacyValidation.IsValidLabelName(name) || strings.HasPrefix(name, "__") {
			p.Addf(path, "not a label name; allowed: letters, digits and _, not starting with a digit or __")
		}
		if name == "cluster" || name == "replica" {
			p.Addf(path, "%s is set by this program (cluster from cluster.name)", name)
		}
	}
	if c.StartupTimeout.Duration < time.Minute || c.StartupTimeout.Duration > 24*time.Hour {
		p.Addf("prometheus.startupTimeout", "%s; allowed: 1m to 24h", c.StartupTimeout)
	}
	for _, name := range slices.Sorted(maps.Keys(c.ExtraArgs)) {
		switch flag, known := flags[name]; {
		case known && !flag.valid(c.ExtraArgs[name]):
			p.Addf("prometheus.extraArgs."+string(name), "%q; allowed: %s", c.ExtraArgs[name], flag.allowed)
		case flag.server && c.Mode == AgentMode:
			p.Addf("prometheus.extraArgs."+string(name), "is a flag of servers, which agents do not have; remove it")
		}
	}
	if c.ExternalURL != nil {
		p.Add(validateBaseURL("prometheus.externalUrl", *c.ExternalURL)...)
	}
	p.Add(validateRemotes("prometheus.remoteWrite", c.RemoteWrite)...)
	p.Add(validateRemotes("prometheus.remoteRead", c.RemoteRead)...)
	p.Add(c.RemoteWriteReceiver.validate("prometheus.remoteWriteReceiver")...)
	p.Add(c.OTLPReceiver.validate("prometheus.otlpReceiver")...)
	if len(c.OTLP) > 0 && !c.OTLPReceiver.Enabled {
		p.Addf("prometheus.otlp", "has no effect with prometheus.otlpReceiver.enabled: false")
	}
	p.Add(c.validateConfig()...)
	p.Add(validateSecretNames("prometheus.secrets", c.Secrets)...)
	p.Add(c.ServiceAccount.validate("prometheus.serviceAccount")...)
	p.Add(c.Resources.validate("prometheus.resources")...)
	p.Add(validateBudget("prometheus.podDisruptionBudget", c.PodDisruptionBudget, c.Replicas)...)
	p.Add(c.Scheduling.validate("prometheus")...)
	return p
}

// Agent reports whether Prometheus only sends what it scrapes.
func (c *Config) Agent() bool { return c.Prometheus.Mode == AgentMode }

// EvaluatesRules reports whether the stack evaluates rules, and not another one that has its samples.
func (c *Config) EvaluatesRules() bool { return c.Prometheus.Mode == ServerMode }

// ShownElsewhere reports whether the dashboards of another stack show the samples of this one, which then
// stores what they need: of the stack that an agent sends to, or of one that queries this one at
// longTermStorage.query.externalAddress.
func (c *Config) ShownElsewhere() bool {
	return c.Agent() || c.LongTermStorage.Enabled && c.LongTermStorage.Query.ExternalAddress != ""
}

// validateAgent rejects what an agent cannot do, which keeps samples only until they are sent.
func (c *Config) validateAgent() Problems {
	var p Problems
	if !c.Agent() {
		return nil
	}
	const stores = "has no effect, because an agent keeps samples only until they are sent; remove it, or set prometheus.agentRetention"
	defaults := defaultPrometheus()
	for _, refused := range []struct {
		applies       bool
		path, message string
	}{
		{len(c.Prometheus.RemoteWrite) == 0, "prometheus.remoteWrite", "missing; an agent needs an endpoint to send samples to"},
		{c.Prometheus.Retention != defaults.Retention && !c.LongTermStorage.Enabled, "prometheus.retention", stores},
		{c.Prometheus.RetentionSize.Cmp(maxRetentionSize(c.Storage.Size).Quantity) != 0, "prometheus.retentionSize", stores},
		{c.Prometheus.EvaluationInterval != defaults.EvaluationInterval, "prometheus.evaluationInterval", "has no effect, because an agent evaluates no rules; remove it"},
		{c.Prometheus.OutOfOrderTimeWindow.Duration != 0, "prometheus.outOfOrderTimeWindow", "has no effect in an agent; set it where the samples are received"},
		{len(c.Prometheus.RemoteRead) > 0, "prometheus.remoteRead", "an agent answers no queries; remove it"},
		{c.Prometheus.Shards > 1, "prometheus.shards", "an agent cannot be sharded: only longTermStorage shows the samples of several shards as one; set it to 1"},
		{c.Prometheus.RetiredShards > 0, "prometheus.retiredShards", "an agent uploads no samples; set it to 0"},
		{c.LongTermStorage.Enabled, "longTermStorage.enabled", "true, but an agent stores no blocks to upload; set it to false, and store samples for long where they are received"},
		{c.Alerting.Enabled, "alerting.enabled", "true, but an agent evaluates no rules; set it to false, and alert where the samples are received"},
		{len(c.Alerting.Alertmanagers) > 0, "alerting.alertmanagers", "an agent evaluates no rules; remove it, and alert where the samples are received"},
		{len(c.Alerting.ExtraRules) > 0, "alerting.extraRules", "an agent evaluates no rules; move them to where the samples are received"},
		{len(c.Alerting.RuleDirectories) > 0, "alerting.ruleDirectories", "an agent evaluates no rules; name them where the samples are received"},
		{c.Grafana.Enabled, "grafana.enabled", "true, but an agent answers no queries; set it to false, and use the Grafana where the samples are received"},
	} {
		if refused.applies {
			p.Addf(refused.path, "%s", refused.message)
		}
	}
	return p
}

// HasRemoteWrite reports whether the server has metrics about remote writes, its own or those of agents
// that write to it. Without a Prometheus, the clusters that the stack queries may have them.
func (c *Config) HasRemoteWrite() bool {
	return len(c.Prometheus.RemoteWrite) > 0 || c.Prometheus.RemoteWriteReceiver.Enabled || !c.HasPrometheus()
}

// validateRemotes rejects remotes below path that have no name of their own, by which metrics, alerts
// and dashboards tell them apart.
func validateRemotes(path string, remotes []map[string]any) Problems {
	var p Problems
	names := map[string]bool{}
	for i, remote := range remotes {
		path := fmt.Sprintf("%s[%d].name", path, i)
		name, text := remote["name"].(string)
		switch {
		case remote["name"] != nil && !text:
			p.Addf(path, "%s; allowed: a string", describe(remote["name"]))
		case name == "":
			p.Addf(path, "missing; metrics, alerts and dashboards call a remote by its name")
		case names[name]:
			p.Addf(path, "%q is used twice", name)
		}
		names[name] = true
	}
	return p
}

// validInterval reports whether interval is between 1s and 1d.
func validInterval(interval Duration) bool {
	return interval.Duration >= time.Second && interval.Duration <= 24*time.Hour
}

// validateInterval checks a scrape interval and timeout set below path.
func validateInterval(path string, interval, timeout Duration) Problems {
	var p Problems
	if !validInterval(interval) {
		p.Addf(path+".scrapeInterval", "%s; allowed: 1s to 1d", interval)
		return p
	}
	if timeout.Duration <= 0 || timeout.Duration > interval.Duration {
		p.Addf(path+".scrapeTimeout", "%s; allowed: more than 0s, at most the interval of %s", timeout, interval)
	}
	return p
}
