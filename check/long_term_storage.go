package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// The figures of the estimate of an object store. Those of downsampled blocks follow from what Thanos
// stores for each series and window: the count, sum, minimum, maximum and counter of its samples.
const (
	bucketBytes     = 1.3 // for each sample after compaction, index included; assumed
	aggregates      = 5   // of each series in each window of a downsampled block
	compactedDays   = 14  // in the largest block that the compactor writes
	youngBlocks     = 40  // of each server: up to two weeks old, or compacted into others and deleted two days later
	uploadRetention = 24 * time.Hour
)

// The requests with which the parts of Thanos find the blocks of a bucket, which are more than those that
// move samples. Each time, a part lists the bucket, asks for the metadata of each block and reads whether
// the block has marks: https://thanos.io/tip/components/compact.md/#flags
const (
	storeSyncs       = 96       // per day, of each store gateway: one in 15 minutes
	compactorRuns    = 288      // per day: one in 5 minutes
	uploadedFiles    = 80       // per day and server: files of uploaded, compacted and downsampled blocks, and marks
	compactions      = 4        // how often a sample is written: uploaded, and compacted three times
	uploadedPart     = 64 << 20 // bytes of a large file that one request uploads
	syncsOfARun      = 3        // before it compacts, before it deletes, and for its progress
	downsampledSyncs = 2        // and before each pass of downsampling
)

// Bucket is the estimated size of an object store, and what its parts of Thanos ask of it.
type Bucket struct {
	Daily                   float64 // bytes uploaded per day, compacted
	Raw, FiveMinutes, Hours float64 // bytes of each resolution at the end of its retention; of a year, if it is kept for ever
	Blocks                  float64 // at the end of the retention
	Reads                   float64 // requests GET and HEAD per day, without those of queries
	Writes                  float64 // requests PUT and LIST per day
}

// The price of a request, in US dollars, as S3 and Google's store have it in the USA without discounts;
// others differ by less than the estimate: https://aws.amazon.com/s3/pricing/
const (
	readPrice  = 0.4e-6
	writePrice = 5e-6
)

// RequestCost returns what the requests of 30 days cost, in US dollars, at the list price of S3.
func (b Bucket) RequestCost() float64 { return 30 * (b.Reads*readPrice + b.Writes*writePrice) }

// servers returns the number of servers that upload samples: replicas of all shards.
func (a *Analysis) servers() float64 {
	return float64(a.Config.Prometheus.Replicas * a.Config.Prometheus.Shards)
}

// bucket estimates what the sidecars of all replicas of all shards upload.
func (a *Analysis) bucket(e Estimate) Bucket {
	cfg := a.Config.LongTermStorage
	servers, replicas := a.servers(), float64(a.Config.Prometheus.Replicas)
	days := func(retention config.Duration) float64 {
		if retention.Duration == 0 {
			return 365
		}
		return retention.Hours() / 24
	}
	const day = 24 * 60 * 60
	windows := func(window time.Duration) float64 {
		return e.stored * aggregates * day / window.Seconds() * bucketBytes * replicas
	}
	b := Bucket{Daily: e.storedSamples * day * bucketBytes * replicas}
	b.Raw = b.Daily * days(cfg.Retention.Raw)
	if !a.Config.StoresCustomBuckets() { // else nothing is downsampled
		b.FiveMinutes = windows(5*time.Minute) * days(cfg.Retention.FiveMinutes)
		b.Hours = windows(time.Hour) * days(cfg.Retention.OneHour)
	}
	uploaders := servers
	if a.Config.HasRuler() {
		uploaders += float64(cfg.Ruler.Replicas)
	}
	kept := days(cfg.Retention.Raw)
	if !a.Config.StoresCustomBuckets() {
		kept += days(cfg.Retention.FiveMinutes) + days(cfg.Retention.OneHour)
	}
	b.Blocks = uploaders * (youngBlocks + kept/compactedDays)
	b.Reads, b.Writes = a.requests(b.Blocks)
	b.Writes += uploaders*uploadedFiles + compactions*b.Daily/uploadedPart
	return b
}

// requests estimates the requests per day with which the store gateways and the compactor find out which
// blocks an object store has.
func (a *Analysis) requests(blocks float64) (reads, writes float64) {
	cfg := a.Config.LongTermStorage
	gateways, partitions := float64(cfg.StoreGateway.Replicas*cfg.StoreGateway.Partitions), float64(cfg.StoreGateway.Partitions)
	// A store gateway reads the mark for deletion of the blocks in its partition.
	reads = storeSyncs * gateways * blocks * (1 + 1/partitions)
	writes = storeSyncs * gateways
	if !cfg.HasCompactor() {
		return reads, writes
	}
	// The compactor also reads the mark against compaction, and that against downsampling.
	syncs, marks := float64(syncsOfARun), 2.0
	if !a.Config.StoresCustomBuckets() {
		syncs, marks = syncs+downsampledSyncs, marks+1
	}
	reads += compactorRuns * syncs * blocks * (1 + marks)
	writes += compactorRuns * syncs
	// Its web UI shows the blocks without their marks, and looks for them as often as a store gateway.
	return reads + storeSyncs*blocks, writes + storeSyncs
}

// compactorNeeds returns how many bytes of disk the compactor needs: for the blocks of the server with most samples
// that it compacts into its largest one, and for that.
func (a *Analysis) compactorNeeds(e Estimate) int64 {
	return int64(2 * compactedDays * e.Samples * 24 * 60 * 60 * bucketBytes)
}

// uploadInTime warns of samples that Prometheus may delete before they are uploaded.
func uploadInTime(a *Analysis) []Finding {
	if !a.Config.HasObjectStore() {
		return nil
	}
	prometheus := a.Config.Prometheus
	if prometheus.Retention.Duration < uploadRetention {
		return []Finding{{Path: "prometheus.retention", Severity: Warning, Message: fmt.Sprintf(
			"%s: if the object store does not answer for longer, samples are lost to it; allowed without this warning: %s or more", prometheus.Retention, config.Duration{Duration: uploadRetention})}}
	}
	estimate, ok := EstimateOf(a)
	if !ok || estimate.Disk <= prometheus.RetentionSize.Value() {
		return nil
	}
	within := estimate.retentionWithin(prometheus.RetentionSize.Value(), prometheus.Retention.Duration)
	if within >= uploadRetention {
		return nil
	}
	return []Finding{{Path: "prometheus.retentionSize", Severity: Warning, Message: fmt.Sprintf(
		"%s holds the estimated samples for about %s (%d nodes, %d pods): if the object store does not answer for longer, samples are lost to it; raise storage.size",
		prometheus.RetentionSize, config.Duration{Duration: within.Round(time.Minute)}, estimate.Nodes, estimate.Pods)}}
}

// compactorAlone warns of a compactor that may share its blocks with that of another stack. A stack
// does not know the others: it knows whether its prefix has names that only it has.
func compactorAlone(a *Analysis) []Finding {
	cfg := a.Config.LongTermStorage
	names, cluster := strings.Split(cfg.ObjectStore.Prefix, "/"), a.Config.Cluster
	if !cfg.HasCompactor() || slices.Contains(names, cluster.Name) && slices.Contains(names, cluster.Namespace) {
		return nil
	}
	return []Finding{{Path: "longTermStorage.objectStore.prefix", Severity: Warning, Message: fmt.Sprintf(
		"%q has no parts that are called like the cluster, %s, and the namespace, %s: the compactor of another stack with the same bucket and prefix would destroy blocks; "+
			"leave it out, or set longTermStorage.compactor.enabled: false in all of these stacks but one, and never share it within a cluster", cfg.ObjectStore.Prefix, cluster.Name, cluster.Namespace)}}
}

// compactorFits warns of a volume on which the estimated blocks cannot be compacted.
func compactorFits(a *Analysis) []Finding {
	cfg := a.Config.LongTermStorage
	estimate, ok := EstimateOf(a)
	if !ok || !cfg.HasCompactor() {
		return nil
	}
	if need := a.compactorNeeds(estimate); need > cfg.Compactor.Size.Value() {
		return []Finding{{Path: "longTermStorage.compactor.size", Severity: Warning, Message: fmt.Sprintf(
			"%s is less than the estimated %s of two weeks of samples, twice (%d nodes, %d pods), which the compactor needs", cfg.Compactor.Size, inMi(need), estimate.Nodes, estimate.Pods)}}
	}
	return nil
}

// certificateRenewed warns of certificates whose end nobody watches, and of programs of Thanos that connect with client
// certificates of tls: once the files have changed, they refuse every connection until they restart: https://github.com/thanos-io/thanos/issues/8969
func certificateRenewed(a *Analysis) []Finding {
	cfg := a.Config
	var findings []Finding
	if cfg.HasPrometheus() && !cfg.Exporters.BlackboxExporter.Enabled {
		for _, path := range cfg.CertificatePaths() {
			findings = append(findings, Finding{Path: path, Severity: Warning,
				Message: "no alert says that the certificate expires, because exporters.blackboxExporter.enabled is false; set it to true, or waive this if something else watches it"})
		}
	}
	var pods []string
	if cfg.HasObjectStore() {
		pods = append(pods, "the sidecars in the pods of Prometheus")
	}
	if cfg.HasRuler() {
		pods = append(pods, "the ruler")
	}
	if !cfg.TLS.Enabled() || !cfg.TLS.ClientCertificates || len(pods) == 0 {
		return findings
	}
	return append(findings, Finding{Path: "tls.clientCertificates", Severity: Warning, Message: fmt.Sprintf(
		"true, but %s connect no more once the certificate has been renewed, a fault of Thanos; restart these pods after each renewal, or waive this if something does", strings.Join(pods, " and "))})
}
