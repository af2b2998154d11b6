package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Prometheus configures the server.
type Prometheus struct {
	// Number of identical servers, 1 to 10, each of which scrapes every target. Two or more
	// survive the loss of a node.
	Replicas int `json:"replicas"`
	// How long samples are kept, 2h or more.
	Retention Duration `json:"retention"`
	// How much disk space samples may use before the oldest are deleted; derived from
	// storage.size unless set.
	RetentionSize *Quantity `json:"retentionSize"`
	// How often targets are scraped, 1s to 1d, unless discovery.jobs sets another interval.
	ScrapeInterval Duration `json:"scrapeInterval"`
	// How long a scrape may take; at most the interval.
	ScrapeTimeout Duration `json:"scrapeTimeout"`
	// How often rules are evaluated, 1s to 1d.
	EvaluationInterval Duration `json:"evaluationInterval"`
	// How old an out-of-order sample may be to be stored; 0s to store none.
	OutOfOrderTimeWindow Duration `json:"outOfOrderTimeWindow"`
	// Labels on everything that leaves the server, in addition to `cluster` and `replica`.
	ExternalLabels map[string]string `json:"externalLabels"`
	// URL at which the server is reached from outside the cluster, for links in alerts.
	ExternalURL *URL `json:"externalUrl"`
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
	// Accept remotes outside the cluster with an http:// URL, on whose way everyone can read samples
	// and credentials.
	AcknowledgeInsecureRemotes bool `json:"acknowledgeInsecureRemotes"`
	// Secrets of scrape configs and remotes: name to value. A *_file option of
	// discovery.extraScrapeConfigs or remoteWrite reads /etc/prometheus/secrets/NAME.
	Secrets map[string]Secret `json:"secrets"`
	// The account that the server's pods run as.
	ServiceAccount ServiceAccount `json:"serviceAccount"`
	// Compute resources of each replica.
	Resources Resources `json:"resources"`
	Scheduling
}

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
		p.invalid(at, name, validation.IsQualifiedName(name))
		p.invalid(at, s.PodLabels[name], validation.IsValidLabelValue(s.PodLabels[name]))
		if strings.HasPrefix(name, "app.kubernetes.io/") {
			p.Addf(at, "%q is a label that the program sets; allowed: any other", name)
		}
	}
	return p
}

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
		Replicas:             1,
		Retention:            duration(15 * 24 * time.Hour),
		ScrapeInterval:       duration(30 * time.Second),
		ScrapeTimeout:        duration(10 * time.Second),
		EvaluationInterval:   duration(30 * time.Second),
		OutOfOrderTimeWindow: duration(0),
		StartupTimeout:       duration(30 * time.Minute),
		Resources:            resources("500m", "2Gi", "4Gi"),
	}
}

// maxRetentionSize returns how much of a volume samples may fill. The rest, a fifth of the volume
// and at least 256Mi, is for the write-ahead log and for the block that a compaction writes before
// its sources are deleted.
func maxRetentionSize(size Quantity) *Quantity {
	headroom := max(size.Value()/5, 256<<20)
	return &Quantity{*resource.NewQuantity((size.Value()-headroom)>>20<<20, resource.BinarySI)}
}

// complete derives RetentionSize from the volume's size, unless it is set.
func (c *Prometheus) complete(storage Storage) {
	if c.RetentionSize == nil {
		c.RetentionSize = maxRetentionSize(storage.Size)
	}
}

func (c Prometheus) validate(storage Storage) Problems {
	var p Problems
	if c.Replicas < 1 || c.Replicas > 10 {
		p.Addf("prometheus.replicas", "%d; allowed: 1 to 10", c.Replicas)
	}
	if c.Retention.Duration < 2*time.Hour {
		p.Addf("prometheus.retention", "%s; allowed: 2h (one block) or more", c.Retention)
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
		if flag, known := flags[name]; known && !flag.valid(c.ExtraArgs[name]) {
			p.Addf("prometheus.extraArgs."+string(name), "%q; allowed: %s", c.ExtraArgs[name], flag.allowed)
		}
	}
	if c.ExternalURL != nil {
		p.Add(validateBaseURL("prometheus.externalUrl", *c.ExternalURL)...)
	}
	p.Add(validateRemotes("prometheus.remoteWrite", c.RemoteWrite)...)
	p.Add(validateSecretNames("prometheus.secrets", c.Secrets)...)
	p.Add(c.ServiceAccount.validate("prometheus.serviceAccount")...)
	p.Add(c.Resources.validate("prometheus.resources")...)
	p.Add(c.Scheduling.validate("prometheus")...)
	return p
}

// HasRemoteWrite reports whether the server has metrics about remote writes.
func (c *Config) HasRemoteWrite() bool { return len(c.Prometheus.RemoteWrite) > 0 }

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
