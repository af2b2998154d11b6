package config

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// LongTermStorage configures Thanos, which uploads Prometheus' samples to an object store and queries
// them there: https://thanos.io/tip/thanos/design.md/
type LongTermStorage struct {
	// Upload samples to an object store, and query them there and in Prometheus as one. With
	// prometheus.mode none, only query other clusters.
	Enabled bool `json:"enabled"`
	// Where the samples are stored.
	ObjectStore ObjectStore `json:"objectStore"`
	// How long the object store keeps samples.
	Retention BucketRetention `json:"retention"`
	// Certificate with which the parts of Thanos identify themselves to each other over gRPC, valid for the
	// name thanos unless serverName says otherwise; that of tls unless set.
	TLS Certificate `json:"tls"`
	// The account that the pods of the store gateway, the compactor and the ruler run as. The sidecars run as
	// prometheus.serviceAccount.
	ServiceAccount ServiceAccount `json:"serviceAccount"`
	// Uploads the samples of a Prometheus server; a container in each of its pods.
	Sidecar Sidecar `json:"sidecar"`
	// Answers queries from the object store.
	StoreGateway StoreGateway `json:"storeGateway"`
	// Compacts, downsamples and deletes what is in the object store.
	Compactor Compactor `json:"compactor"`
	// Queries Prometheus, the store gateways and other clusters as one.
	Query Query `json:"query"`
	// Splits and caches queries; Grafana sends its queries here.
	QueryFrontend QueryFrontend `json:"queryFrontend"`
	// Evaluates rules over all shards; only with prometheus.shards.
	Ruler Ruler `json:"ruler"`
}

// ObjectStore configures where samples are stored, in the format of Thanos:
// https://thanos.io/tip/thanos/storage.md/
type ObjectStore struct {
	// Kind of store: S3, GCS, AZURE, or FILESYSTEM for a directory of a volume that all nodes share.
	// Required with longTermStorage.enabled, unless prometheus.mode is none.
	Type ObjectStoreType `json:"type"`
	// Options of the store, in Thanos' own format, without its secrets.
	Config map[string]any `json:"config"`
	// Secret options of the store, such as secret_key: name to value. Without them, the cloud has to
	// identify the pods: longTermStorage.serviceAccount and prometheus.serviceAccount.
	Secrets map[string]Secret `json:"secrets"`
	// Directory in the bucket; cluster.name/cluster.namespace unless set.
	Prefix string `json:"prefix"`
	// Existing PersistentVolumeClaim of access mode ReadWriteMany that contains the directory of
	// FILESYSTEM.
	Claim string `json:"claim"`
}

// ObjectStoreType is a kind of object store, by the name that Thanos has for it.
type ObjectStoreType string

// The kinds of object stores.
const (
	S3         ObjectStoreType = "S3"
	GCS        ObjectStoreType = "GCS"
	Azure      ObjectStoreType = "AZURE"
	Filesystem ObjectStoreType = "FILESYSTEM"
)

func (ObjectStoreType) Values() []string {
	return []string{string(S3), string(GCS), string(Azure), string(Filesystem)}
}

// BucketRetention is how long the object store keeps samples, by their resolution.
type BucketRetention struct {
	// How long every sample is kept, more than 40h; 0s for ever.
	Raw Duration `json:"raw"`
	// How long one sample for each 5 minutes is kept, more than 16d; 0s for ever.
	FiveMinutes Duration `json:"5m"`
	// How long one sample for each hour is kept; 0s for ever.
	OneHour Duration `json:"1h"`
}

// Sidecar configures the container that uploads the samples of a Prometheus server.
type Sidecar struct {
	// Compute resources of each container.
	Resources Resources `json:"resources"`
}

// StoreGateway configures the pods that answer queries from the object store.
type StoreGateway struct {
	// Number of pods for each partition, 1 to 10.
	Replicas int `json:"replicas"`
	// Number of parts into which the blocks are divided by a hash, 1 to 100. Each is served by pods of
	// its own.
	Partitions int `json:"partitions"`
	// Disk space of each pod for a cache, 1Gi or more, which is deleted with the pod.
	Size Quantity `json:"size"`
	// PodDisruptionBudget of several pods of each partition, in Kubernetes' own format without its
	// selector; maxUnavailable: 1 unless set.
	PodDisruptionBudget *policyv1.PodDisruptionBudgetSpec `json:"podDisruptionBudget"`
	// Compute resources of each pod.
	Resources Resources `json:"resources"`
	Scheduling
}

// Compactor configures the pod that compacts the object store.
type Compactor struct {
	// Run the compactor. Exactly one may run for a bucket and prefix: switch it off in all stacks but
	// one that share both.
	Enabled bool `json:"enabled"`
	// Size of its volume, 1Gi or more, which holds what is compacted: about two weeks of samples,
	// twice. It can be increased in place but not reduced.
	Size Quantity `json:"size"`
	// Compute resources of the pod.
	Resources Resources `json:"resources"`
	Scheduling
}

// Query configures the pods that query everything as one.
type Query struct {
	// Number of pods, 1 to 10.
	Replicas int `json:"replicas"`
	// Queriers, or other parts with a Store API, of other clusters: host:port.
	Endpoints []string `json:"endpoints"`
	// Stacks of other clusters to query, organization/project/stack, with an externalAddress.
	Stacks []string `json:"stacks"`
	// Address at which the queriers of other clusters reach this one, such as that of an ingress:
	// host:port. It is an output of the stack, for the stacks of others, for whose dashboards this one
	// stores metrics even without a Grafana of its own.
	ExternalAddress string `json:"externalAddress"`
	// Namespaces whose pods, such as an ingress controller, may reach the querier over gRPC for other
	// clusters.
	FromNamespaces []string `json:"fromNamespaces"`
	// The account that the pods run as.
	ServiceAccount ServiceAccount `json:"serviceAccount"`
	// PodDisruptionBudget of several pods, in Kubernetes' own format without its selector; maxUnavailable: 1
	// unless set.
	PodDisruptionBudget *policyv1.PodDisruptionBudgetSpec `json:"podDisruptionBudget"`
	// Compute resources of each pod.
	Resources Resources `json:"resources"`
	Scheduling
}

// QueryFrontend configures the pods that split and cache queries.
type QueryFrontend struct {
	// Number of pods, 1 to 10.
	Replicas int `json:"replicas"`
	// Queries of a longer time are split into parts of this length, 1h or more.
	SplitInterval Duration `json:"splitInterval"`
	// Memory for cached results of each pod, 1Mi or more.
	CacheSize Quantity `json:"cacheSize"`
	// The account that the pods run as.
	ServiceAccount ServiceAccount `json:"serviceAccount"`
	// PodDisruptionBudget of several pods, in Kubernetes' own format without its selector; maxUnavailable: 1
	// unless set.
	PodDisruptionBudget *policyv1.PodDisruptionBudgetSpec `json:"podDisruptionBudget"`
	// How Thanos' web UI is reached from outside the cluster.
	Access Access `json:"access"`
	// Compute resources of each pod.
	Resources Resources `json:"resources"`
	Scheduling
}

// Ruler configures the pods that evaluate rules over all shards of Prometheus.
type Ruler struct {
	// Number of pods, 1 to 10, each of which evaluates every rule. Two or more survive the loss of a
	// node; Alertmanager and the querier show what they find once.
	Replicas int `json:"replicas"`
	// Size of each pod's volume, 1Gi or more, which holds what rules record for prometheus.retention. It
	// can be increased in place but not reduced.
	Size Quantity `json:"size"`
	// PodDisruptionBudget of several pods, in Kubernetes' own format without its selector; maxUnavailable: 1
	// unless set.
	PodDisruptionBudget *policyv1.PodDisruptionBudgetSpec `json:"podDisruptionBudget"`
	// Compute resources of each pod.
	Resources Resources `json:"resources"`
	Scheduling
}

// What Prometheus keeps itself, besides the object store.
const (
	// minUploadRetention is three blocks: the one that is written, one that is uploaded, and one for a
	// bucket that does not answer.
	minUploadRetention = 3 * 2 * time.Hour
)

func defaultLongTermStorage() LongTermStorage {
	const day = 24 * time.Hour
	return LongTermStorage{
		Retention: BucketRetention{Raw: duration(90 * day), FiveMinutes: duration(365 * day), OneHour: duration(5 * 365 * day)},
		TLS:       Certificate{ServerName: "thanos", IssuerRef: defaultIssuerRef()},
		Sidecar:   Sidecar{Resources: resources("50m", "128Mi", "512Mi")},
		StoreGateway: StoreGateway{
			Replicas: 1, Partitions: 1, Size: quantity("10Gi"),
			Resources: resources("100m", "1Gi", "4Gi"),
		},
		Compactor: Compactor{Enabled: true, Size: quantity("50Gi"), Resources: resources("100m", "512Mi", "4Gi")},
		Query:     Query{Replicas: 1, Resources: resources("100m", "256Mi", "2Gi")},
		QueryFrontend: QueryFrontend{
			Replicas: 1, SplitInterval: duration(day), CacheSize: quantity("256Mi"),
			Access:    defaultAccess(),
			Resources: resources("50m", "256Mi", "1Gi"),
		},
		Ruler: Ruler{Replicas: 1, Size: quantity("10Gi"), Resources: resources("100m", "256Mi", "1Gi")},
	}
}

// applyLongTermStorage applies the default of a stack with long-term storage, if values say that it has
// one: jobs store classic histograms, because the compactor crashes when it downsamples native ones with
// the buckets of classic ones, where a target has changed to other native ones.
func (c *Config) applyLongTermStorage(values map[string]any) {
	longTerm, _ := values["longTermStorage"].(map[string]any)
	if longTerm["enabled"] == true {
		c.Discovery.Histograms = ClassicHistograms
	}
}

// complete derives the prefix and the name of the Secret of a Certificate, unless they are set.
func (l *LongTermStorage) complete(cluster Cluster) {
	if l.ObjectStore.Prefix == "" {
		l.ObjectStore.Prefix = cluster.Name + "/" + cluster.Namespace
	}
	l.TLS.complete("thanos-certificate")
}

// HasObjectStore reports whether the stack uploads samples to an object store: with long-term storage,
// unless it has no Prometheus whose samples it could upload.
func (c *Config) HasObjectStore() bool { return c.LongTermStorage.Enabled && c.HasPrometheus() }

// HasCompactor reports whether the stack compacts an object store.
func (l LongTermStorage) HasCompactor() bool { return l.Enabled && l.Compactor.Enabled }

// HasRuler reports whether a ruler evaluates rules over all shards, because no Prometheus server has all samples.
func (c *Config) HasRuler() bool { return c.LongTermStorage.Enabled && c.Prometheus.Sharded() }

func (c *Config) validateLongTermStorage() Problems {
	p := c.LongTermStorage.validate(c.Prometheus)
	switch {
	case !c.HasPrometheus():
		return p
	case !c.LongTermStorage.Enabled:
		if !c.Agent() {
			p.Add(c.Prometheus.refuseShards()...)
		}
		return p
	}
	p.Add(c.LongTermStorage.validateObjectStore(c.Prometheus)...)
	if c.HasObjectStore() {
		p.Add(c.Prometheus.refuseBlocks()...)
	}
	p.Add(c.validateRuler()...)
	if c.Prometheus.RemoteWriteReceiver.Enabled {
		p.Addf("prometheus.remoteWriteReceiver.enabled", "true with longTermStorage: what is received would get the label cluster of this stack; "+
			"have the senders use longTermStorage of their own, and name their queriers in longTermStorage.query.endpoints")
	}
	if r := c.LongTermStorage.Retention; c.StoresCustomBuckets() && r.Raw.Duration != 0 && (r.FiveMinutes != r.Raw || r.OneHour != r.Raw) {
		p.Addf("longTermStorage.retention", "raw is %s, 5m %s and 1h %s, but nothing is downsampled with native histograms of custom buckets, so raw is all there is; "+
			"allowed with discovery.histograms: native, and with what converts histograms into such: three times the same", r.Raw, r.FiveMinutes, r.OneHour)
	}
	return p
}

// unreadableBlocks lists the features with which Prometheus writes samples in encodings that Thanos 0.42 does not know.
var unreadableBlocks = []FeatureFlag{"histograms-st-encoding", "st-storage", "xor2-encoding"}

// refuseBlocks rejects settings with which Prometheus writes blocks that Thanos cannot read, or would not compact.
func (c Prometheus) refuseBlocks() Problems {
	var p Problems
	for i, flag := range c.FeatureFlags {
		if slices.Contains(unreadableBlocks, flag) {
			p.Addf(fmt.Sprintf("prometheus.featureFlags[%d]", i), "%s has Prometheus write blocks that Thanos cannot read; remove it, or long-term storage", flag)
		}
	}
	if encoding, ok := c.setting("storage.tsdb.chunk_encoding.floats"); ok && encoding == "xor2" {
		p.Addf("prometheus.config.storage.tsdb.chunk_encoding.floats", "xor2 has Prometheus write blocks that Thanos cannot read; allowed with longTermStorage: xor")
	}
	if threshold, ok := c.setting("storage.tsdb.stale_series_compaction_threshold"); ok {
		p.Addf("prometheus.config.storage.tsdb.stale_series_compaction_threshold", "%v has Prometheus write blocks that overlap, at which the compactor of Thanos halts; remove it, or long-term storage", threshold)
	}
	return p
}

// refuseShards rejects shards without long-term storage.
func (c Prometheus) refuseShards() Problems {
	var p Problems
	if c.Shards > 1 {
		p.Addf("prometheus.shards", "%d, but without longTermStorage nothing shows the samples of several shards as one, and no rule sees them all; "+
			"allowed: 1, or more with longTermStorage.enabled: true", c.Shards)
	}
	if c.RetiredShards > 0 {
		p.Addf("prometheus.retiredShards", "%d, but without longTermStorage nothing uploads their samples; allowed: 0, or more with longTermStorage.enabled: true", c.RetiredShards)
	}
	return p
}

// validateRuler rejects what a stack with shards, whose rules a ruler evaluates, cannot have.
func (c *Config) validateRuler() Problems {
	var p Problems
	if !c.HasRuler() {
		return p
	}
	ruler := c.LongTermStorage.Ruler
	p.Add(ruler.validate("longTermStorage.ruler")...)
	if nodes := len(c.Storage.Local.Nodes); c.Storage.Mode == StorageLocal && ruler.Replicas > nodes {
		p.Addf("longTermStorage.ruler.replicas", "%d, but storage.local.nodes names %d node(s); name one per replica", ruler.Replicas, nodes)
	}
	for _, others := range []struct {
		path  string
		names []string
	}{{"endpoints", c.LongTermStorage.Query.Endpoints}, {"stacks", c.LongTermStorage.Query.Stacks}} {
		if n := len(others.names); n > 0 {
			p.Addf("longTermStorage.query."+others.path, "names %d querier(s) of others, but with prometheus.shards the ruler evaluates rules over all that the querier shows, "+
				"and would send alerts about other clusters as its own; remove them, and query all clusters from a stack without shards", n)
		}
	}
	return p
}

func (r Ruler) validate(path string) Problems {
	p := validateReplicas(path, r.Replicas)
	p.Add(validateSize(path, r.Size)...)
	p.Add(r.Resources.validate(path + ".resources")...)
	p.Add(validateBudget(path+".podDisruptionBudget", r.PodDisruptionBudget, r.Replicas)...)
	p.Add(r.Scheduling.validate(path)...)
	return p
}

func (l LongTermStorage) validate(prometheus Prometheus) Problems {
	var p Problems
	if !l.Enabled {
		if l.ObjectStore.Type != "" || len(l.ObjectStore.Config) > 0 || len(l.ObjectStore.Secrets) > 0 {
			p.Addf("longTermStorage.objectStore", "has no effect with longTermStorage.enabled: false")
		}
		return p
	}
	p.Add(l.TLS.validate("longTermStorage.tls")...)
	p.Add(l.Query.validate("longTermStorage.query", l.encrypted(prometheus))...)
	p.Add(l.QueryFrontend.validate("longTermStorage.queryFrontend")...)
	return p
}

// validateObjectStore checks the object store, and the parts that upload to it or work on it.
func (l LongTermStorage) validateObjectStore(prometheus Prometheus) Problems {
	var p Problems
	if prometheus.Retention.Duration < minUploadRetention {
		p.Addf("prometheus.retention", "%s; allowed with longTermStorage: %s (three blocks, so that they are uploaded before they are deleted) or more",
			prometheus.Retention, Duration{minUploadRetention})
	}
	p.Add(l.ObjectStore.validate("longTermStorage.objectStore")...)
	p.Add(l.Retention.validate("longTermStorage.retention")...)
	p.Add(l.ServiceAccount.validate("longTermStorage.serviceAccount")...)
	p.Add(l.Sidecar.Resources.validate("longTermStorage.sidecar.resources")...)
	p.Add(l.StoreGateway.validate("longTermStorage.storeGateway")...)
	p.Add(l.Compactor.validate("longTermStorage.compactor")...)
	return p
}

// SecretOptions holds the options of each kind of store whose values are secrets, with dots between the
// keys of objects.
var SecretOptions = map[ObjectStoreType][]string{
	S3:    {"access_key", "secret_key", "session_token", "sse_config.encryption_key"},
	GCS:   {"service_account"},
	Azure: {"storage_account_key", "storage_connection_string", "client_secret"},
}

func (o ObjectStore) validate(path string) Problems {
	var p Problems
	if o.Type == "" {
		p.Addf(path+".type", "missing; allowed: %s", strings.Join(o.Type.Values(), ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(o.Secrets)) {
		if !slices.Contains(SecretOptions[o.Type], name) && o.Type != "" {
			if len(SecretOptions[o.Type]) == 0 {
				p.Addf(path+".secrets."+name, "%s has no secret options", o.Type)
			} else {
				p.Add(UnknownName(path+".secrets."+name, name, SecretOptions[o.Type]))
			}
		}
	}
	if strings.HasPrefix(o.Prefix, "/") || strings.HasSuffix(o.Prefix, "/") || strings.ContainsAny(o.Prefix, " \\") {
		p.Addf(path+".prefix", "%q; allowed: names with slashes between them", o.Prefix)
	}
	switch {
	case o.Type == Filesystem && o.Claim == "":
		p.Addf(path+".claim", "missing; FILESYSTEM needs an existing PersistentVolumeClaim that all its pods mount")
	case o.Type != Filesystem && o.Claim != "":
		p.Addf(path+".claim", "%q is only used with type: FILESYSTEM, not %s", o.Claim, o.Type)
	case o.Claim != "":
		p.invalid(path+".claim", o.Claim, validation.IsDNS1123Subdomain(o.Claim))
	}
	return p
}

// validate rejects retentions with which the compactor does not start, or deletes samples before it
// has downsampled them: https://thanos.io/tip/components/compact.md/#downsampling
func (r BucketRetention) validate(path string) Problems {
	const (
		downsampled     = 40 * time.Hour      // age of the blocks that get one sample for each 5 minutes
		downsampledMore = 16 * 24 * time.Hour // and of two weeks, for each hour
	)
	var p Problems
	if r.Raw.Duration != 0 && r.Raw.Duration <= downsampled {
		p.Addf(path+".raw", "%s; allowed: more than 40h, when samples are downsampled, or 0s for ever", r.Raw)
	}
	if r.FiveMinutes.Duration != 0 && r.FiveMinutes.Duration <= downsampledMore {
		p.Addf(path+".5m", "%s; allowed: more than 16d, when blocks of two weeks are downsampled again, or 0s for ever", r.FiveMinutes)
	}
	longer := func(a, b Duration) bool {
		return a.Duration == 0 && b.Duration != 0 || b.Duration != 0 && a.Duration > b.Duration
	}
	if longer(r.Raw, r.FiveMinutes) {
		p.Addf(path+".5m", "%s is less than %s of %s.raw; a lower resolution is kept for as long, or longer", r.FiveMinutes, forever(r.Raw), path)
	}
	if longer(r.FiveMinutes, r.OneHour) {
		p.Addf(path+".1h", "%s is less than %s of %s.5m; a lower resolution is kept for as long, or longer", r.OneHour, forever(r.FiveMinutes), path)
	}
	return p
}

// Longest returns how long the object store keeps the samples that it keeps longest; 0 for ever.
func (r BucketRetention) Longest() time.Duration {
	if r.Raw.Duration == 0 || r.FiveMinutes.Duration == 0 || r.OneHour.Duration == 0 {
		return 0
	}
	return max(r.Raw.Duration, r.FiveMinutes.Duration, r.OneHour.Duration)
}

// forever returns a retention for messages.
func forever(d Duration) string {
	if d.Duration == 0 {
		return d.String() + " (for ever)"
	}
	return d.String()
}

func (s StoreGateway) validate(path string) Problems {
	var p Problems
	p.Add(validateReplicas(path, s.Replicas)...)
	if s.Partitions < 1 || s.Partitions > 100 {
		p.Addf(path+".partitions", "%d; allowed: 1 to 100", s.Partitions)
	}
	p.Add(validateSize(path, s.Size)...)
	p.Add(s.Resources.validate(path + ".resources")...)
	p.Add(validateBudget(path+".podDisruptionBudget", s.PodDisruptionBudget, s.Replicas)...)
	p.Add(s.Scheduling.validate(path)...)
	return p
}

func (c Compactor) validate(path string) Problems {
	p := validateSize(path, c.Size)
	p.Add(c.Resources.validate(path + ".resources")...)
	p.Add(c.Scheduling.validate(path)...)
	return p
}

// encrypted reports whether queries of other clusters are, or the stack accepts that they are not.
func (l LongTermStorage) encrypted(prometheus Prometheus) bool {
	return l.TLS.Enabled() || prometheus.AcknowledgeInsecureRemotes
}

// QueryEndpoint is the output of a stack with the host:port at which the queriers of other clusters reach
// its own.
const QueryEndpoint = "queryEndpoint"

// AddEndpoint adds what the stack at the config path says of its querier to those that are queried.
func (c *Config) AddEndpoint(path, endpoint string) Problems {
	query := &c.LongTermStorage.Query
	p := query.validateEndpoint(path, endpoint, query.Endpoints, c.LongTermStorage.encrypted(c.Prometheus))
	query.Endpoints = append(query.Endpoints, endpoint)
	return p
}

func (q Query) validate(path string, encrypted bool) Problems {
	p := validateReplicas(path, q.Replicas)
	for i, endpoint := range q.Endpoints {
		p.Add(q.validateEndpoint(fmt.Sprintf("%s.endpoints[%d]", path, i), endpoint, q.Endpoints[:i], encrypted)...)
	}
	for i, stack := range q.Stacks {
		at := fmt.Sprintf("%s.stacks[%d]", path, i)
		p.invalidStack(at, stack)
		if slices.Contains(q.Stacks[:i], stack) {
			p.Addf(at, "%q is named twice", stack)
		}
	}
	if q.ExternalAddress != "" && !isHostPort(q.ExternalAddress) {
		p.Addf(path+".externalAddress", "%q; allowed: host:port", q.ExternalAddress)
	}
	for i, namespace := range q.FromNamespaces {
		p.invalid(fmt.Sprintf("%s.fromNamespaces[%d]", path, i), namespace, validation.IsDNS1123Label(namespace))
	}
	p.Add(q.Resources.validate(path + ".resources")...)
	p.Add(q.ServiceAccount.validate(path + ".serviceAccount")...)
	p.Add(validateBudget(path+".podDisruptionBudget", q.PodDisruptionBudget, q.Replicas)...)
	p.Add(q.Scheduling.validate(path)...)
	return p
}

// validateEndpoint rejects, unless encrypted, an endpoint outside the cluster: queries and samples would
// pass in plain text. others are the endpoints before it.
func (q Query) validateEndpoint(path, endpoint string, others []string, encrypted bool) Problems {
	var p Problems
	switch host, _, _ := net.SplitHostPort(endpoint); {
	case !isHostPort(endpoint):
		p.Addf(path, "%q; allowed: host:port", endpoint)
	case slices.Contains(others, endpoint):
		p.Addf(path, "%q is named twice", endpoint)
	case !encrypted && !InCluster(host):
		p.Addf(path, "%q would answer unencrypted; allowed: any with longTermStorage.tls, a Service of the cluster such as NAME.NAMESPACE.svc:PORT, "+
			"or any with prometheus.acknowledgeInsecureRemotes: true", endpoint)
	}
	return p
}

func isHostPort(address string) bool {
	host, port, err := net.SplitHostPort(address)
	n, bad := strconv.ParseUint(port, 10, 16)
	return err == nil && bad == nil && n != 0 && host != "" && !strings.ContainsAny(host, "/ +")
}

func (f QueryFrontend) validate(path string) Problems {
	p := validateReplicas(path, f.Replicas)
	if f.SplitInterval.Duration < time.Hour {
		p.Addf(path+".splitInterval", "%s; allowed: 1h or more", f.SplitInterval)
	}
	limit := f.Resources.Limits.Memory
	if f.CacheSize.Value() < 1<<20 || limit != nil && f.CacheSize.Value() > limit.Value()/2 {
		allowed := "1Mi or more"
		if limit != nil {
			allowed = fmt.Sprintf("1Mi to half of the memory limit of %s", limit)
		}
		p.Addf(path+".cacheSize", "%s; allowed: %s", f.CacheSize, allowed)
	}
	p.Add(f.Resources.validate(path + ".resources")...)
	p.Add(f.ServiceAccount.validate(path + ".serviceAccount")...)
	p.Add(validateBudget(path+".podDisruptionBudget", f.PodDisruptionBudget, f.Replicas)...)
	p.Add(f.Scheduling.validate(path)...)
	return p
}

func validateReplicas(path string, replicas int) Problems {
	var p Problems
	if replicas < 1 || replicas > 10 {
		p.Addf(path+".replicas", "%d; allowed: 1 to 10", replicas)
	}
	return p
}

func validateSize(path string, size Quantity) Problems {
	var p Problems
	if size.Cmp(quantity("1Gi").Quantity) < 0 {
		p.Addf(path+".size", "%s is too small; allowed: 1Gi or more", size)
	}
	return p
}

// connectsClusters reports whether the querier connects to those of other clusters, or these to it.
func (q Query) connectsClusters() bool {
	return len(q.Endpoints) > 0 || len(q.Stacks) > 0 || q.ExternalAddress != ""
}

// InCluster reports whether a host is the name of a Service, as pods of its own namespace or with the
// suffix svc, with or without the domain cluster.local, call it.
func InCluster(host string) bool {
	if !strings.Contains(host, ".") {
		return net.ParseIP(host) == nil
	}
	return strings.HasSuffix(strings.TrimSuffix(host, ".cluster.local"), ".svc")
}
