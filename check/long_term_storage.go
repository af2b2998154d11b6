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
	uploadRetention = 24 * time.Hour
)

// Bucket is the estimated size of an object store.
type Bucket struct {
	Daily                   float64 // bytes uploaded per day, compacted
	Raw, FiveMinutes, Hours float64 // bytes of each resolution at the end of its retention; of a year, if it is kept for ever
}

// bucket estimates what the sidecars of all replicas of all shards upload.
func (a *Analysis) bucket(e Estimate) Bucket {
	cfg := a.Config.LongTermStorage
	servers := float64(a.Config.Prometheus.Replicas * a.Config.Prometheus.Shards)
	days := func(retention config.Duration) float64 {
		if retention.Duration == 0 {
			return 365
		}
		return retention.Hours() / 24
	}
	const day = 24 * 60 * 60
	windows := func(window time.Duration) float64 {
		return float64(e.Total) * aggregates * day / window.Seconds() * bucketBytes * servers
	}
	b := Bucket{Daily: e.Samples * day * bucketBytes * servers}
	b.Raw = b.Daily * days(cfg.Retention.Raw)
	if !a.Config.StoresNative() { // else nothing is downsampled
		b.FiveMinutes = windows(5*time.Minute) * days(cfg.Retention.FiveMinutes)
		b.Hours = windows(time.Hour) * days(cfg.Retention.OneHour)
	}
	return b
}

// compactorNeeds returns how many bytes of disk the compactor needs: for the blocks of one server that
// it compacts into its largest one, and for that.
func (a *Analysis) compactorNeeds(e Estimate) int64 {
	return int64(2 * compactedDays * e.Bucket.Daily / float64(a.Config.Prometheus.Replicas*a.Config.Prometheus.Shards))
}

// uploadInTime warns of samples that Prometheus may delete before they are uploaded.
func uploadInTime(a *Analysis) []Finding {
	if !a.Config.LongTermStorage.Enabled {
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
