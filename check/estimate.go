package check

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/metrics"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// The figures of the estimate, from measurements that docs/operations.md describes. A native series
// holds a whole histogram in each sample, and takes the memory of a classic one nevertheless.
const (
	podsPerNode   = 30       // assumed unless cluster.pods is set
	serverMemory  = 50 << 20 // bytes of memory that a server without series needs
	seriesMemory  = 2600     // bytes of memory for each series in the head
	droppedMemory = 700      // bytes of memory for each that targets send, but that is not stored
	podMemory     = 40 << 10 // bytes of memory for each pod that discovery keeps, of which every shard watches all
	headroom      = 1.5      // times the memory, for queries and compactions
	storedCPU     = 2.6e-6   // seconds of a core for each sample that is stored
	droppedCPU    = 3.7e-6   // seconds of a core for each that targets send, but that is not stored
	sampleBytes   = 1.9      // bytes on disk for each sample, including the index
	walBytes      = 11.0     // bytes in an agent's log for each sample, at most
	nativeBytes   = 4.0      // the same for a sample of a native series

	// A cluster has at least this share of the estimated series of one node without pods, and every
	// sample takes at least this many bytes on disk. A retention that does not fit even so is an
	// error.
	leastShare       = 0.5
	leastSampleBytes = 1.0
)

// Estimate is the estimated load of a stack's Prometheus server; of each replica of the shard that has most.
type Estimate struct {
	Nodes, Pods int
	Series      map[config.Job]int // by enabled job, without jobs that discover by annotation; of all shards
	Divided     int                // active series of all jobs that shards divide; of all shards
	Total       int                // active series
	Native      int                // those of them whose samples are native histograms
	Samples     float64            // samples ingested per second
	Scraped     float64            // samples that the targets send per second, of which those are stored
	CPU         float64            // cores that each replica needs, without queries
	Resident    int64              // bytes of resident memory of each replica, without queries
	Memory      int64              // bytes that each replica needs, with queries
	Disk        int64              // bytes that each replica stores in the whole retention
	Remotes     []Remote           // in the order of prometheus.remoteWrite
	Bucket      Bucket             // zero without long-term storage

	each          map[*series]float64 // number of series
	stored        float64             // active series of all shards together, of one replica each
	storedSamples float64             // their samples per second
}

// EstimateOf estimates the load of a stack's server from cluster.nodes and cluster.pods. It
// returns false if cluster.nodes is not set, or if there is no server.
func EstimateOf(a *Analysis) (Estimate, bool) {
	return a.estimate, a.Config.Cluster.Nodes > 0 && a.Config.HasPrometheus()
}

// setEstimates sets the estimates for the configured cluster, and for one node without pods.
func (a *Analysis) setEstimates() {
	if !a.Config.HasPrometheus() {
		return
	}
	a.least = a.estimateFor(1, 0)
	if nodes := a.Config.Cluster.Nodes; nodes > 0 {
		a.estimate = a.estimateFor(nodes, cmp.Or(a.Config.Cluster.Pods, podsPerNode*nodes))
	}
}

// estimateFor estimates the load from what is stored of each job, in the form in which it is stored.
func (a *Analysis) estimateFor(nodes, pods int) Estimate {
	e := Estimate{Nodes: nodes, Pods: pods, Series: map[config.Job]int{}, each: map[*series]float64{}}
	collected := map[config.Job][]config.ScrapeJob{} // rows by the job that collects them
	for _, row := range config.ScrapeJobs {
		if job := a.Config.CollectedBy(row.Name); job != "" && row.Targets != nil {
			collected[job] = append(collected[job], row)
		}
	}
	total, others, native, disk := map[*job]float64{}, map[*job]float64{}, 0.0, 0.0
	for _, s := range a.series.stored() {
		for _, row := range collected[config.Job(s.job.name)] {
			e.each[s] += s.size(a.Sizes[row.Exporter]).In(row.Targets(a.Config, nodes), nodes, pods)
		}
		total[s.job] += e.each[s]
		if s.native {
			own := e.each[s] * a.share(s.job, nodes)
			native += own
			disk += own / s.job.interval.Seconds() * (nativeBytes - sampleBytes)
		}
	}
	reported, sent := a.ReportedMetrics(), 0.0
	for _, j := range a.jobs {
		name := config.Job(j.name)
		exposed := 0.0
		for _, row := range collected[name] {
			exposed += sentBy(row.Exporter, j.metrics, a.Sizes[row.Exporter], reported).In(row.Targets(a.Config, nodes), nodes, pods)
		}
		exposed *= a.share(j, nodes)
		sent += exposed
		e.Scraped += exposed / j.interval.Seconds()
		if row, ok := name.Row(); ok && row.Targets != nil {
			each := row.Series
			if j.ingest.Whole == "" {
				each = min(each, len(j.ingest.Names))
			}
			others[j] = float64(row.Targets(a.Config, nodes) * (each + len(scrapeMetrics)))
			total[j] += others[j]
		}
		if total[j] == 0 {
			continue
		}
		e.Series[name] = int(total[j])
		if row, _ := name.Row(); !row.EveryShard {
			e.Divided += e.Series[name]
		}
		e.stored += total[j] * a.copies(j)
		e.storedSamples += total[j] * a.copies(j) / j.interval.Seconds()
		own := total[j] * a.share(j, nodes)
		e.Total += int(own)
		e.Samples += own / j.interval.Seconds()
	}
	e.Native = int(native)
	e.CPU = e.Samples*storedCPU + max(0, e.Scraped-e.Samples)*droppedCPU
	e.Resident = serverMemory + int64(e.Total)*seriesMemory + int64(max(0, sent-float64(e.Total)))*droppedMemory
	if shards := a.Config.Prometheus.Shards; shards > 1 { // the memory of one server, measured, has that of its pods
		e.Resident += int64(pods) * podMemory * int64(shards-1) / int64(shards)
	}
	e.Memory = int64(float64(e.Resident) * headroom)
	for _, remote := range a.Prometheus.RemoteWriteConfigs {
		e.Remotes = append(e.Remotes, a.remote(e, remote, others))
	}
	e.Disk = int64((e.Samples*sampleBytes + disk) * a.Config.Prometheus.Retention.Seconds())
	if a.Config.Agent() {
		e.Disk = int64(e.Samples * walBytes * a.Config.Prometheus.AgentRetention.Seconds())
	}
	if a.Config.LongTermStorage.Enabled {
		e.Bucket = a.bucket(e)
	}
	return e
}

// share returns the share of a job's targets that is probably scraped by the shard with most of them, in a cluster
// with a number of nodes. A hash of their addresses divides them, so few targets are divided unevenly.
func (a *Analysis) share(j *job, nodes int) float64 {
	if !a.Config.Divided(config.Job(j.name)) {
		return 1
	}
	shards := float64(a.Config.Prometheus.Shards)
	targets := 0.0 // unknown
	if row, ok := config.Job(j.name).Row(); ok && row.Targets != nil {
		targets = float64(row.Targets(a.Config, nodes))
	}
	if targets == 0 {
		return 1 / shards
	}
	mean := targets / shards
	return min(targets, mean+math.Sqrt(mean*math.Log(shards))) / targets
}

// copies returns how many shards scrape each target of a job.
func (a *Analysis) copies(j *job) float64 {
	if a.Config.Divided(config.Job(j.name)) {
		return 1
	}
	return float64(a.Config.Prometheus.Shards)
}

// stored returns the series of scraped metrics that Prometheus stores, in the same order every time,
// so that sums of their numbers are the same too.
func (c *catalogue) stored() []*series {
	var stored []*series
	for _, name := range c.names {
		for _, s := range c.byName[name] {
			if s.metric != "" && s.job.ingest.Stores(s.name) {
				stored = append(stored, s)
			}
		}
	}
	prefixed := slices.Clone(c.prefixed)
	slices.SortFunc(prefixed, func(a, b *series) int { return cmp.Compare(a.job.name+" "+a.name, b.job.name+" "+b.name) })
	return append(stored, prefixed...)
}

// sentBy returns the number of samples in the scrapes of an exporter, whose histograms are classic
// ones. kube-state-metrics sends nothing of objects but the metrics that are reported; nil for all.
func sentBy(exporter string, exposed metrics.Exposition, sizes map[string]metrics.Size, reported []string) metrics.Size {
	var sum metrics.Size
	for _, name := range slices.Sorted(maps.Keys(sizes)) {
		size := sizes[name]
		if _, object := render.KindOf(name); exporter == string(config.KubeStateMetricsJob) && object && reported != nil {
			if _, found := slices.BinarySearch(reported, name); !found {
				continue
			}
		}
		each := 1.0
		switch m := exposed[name]; m.Type {
		case model.MetricTypeHistogram:
			each = float64(len(m.Bounds) + 2)
		case model.MetricTypeSummary:
			each = float64(size.Quantiles + 2)
		}
		sum = sum.Plus(size.Times(each))
	}
	return sum
}

// size returns the number of series in the sizes of an exporter's metrics.
func (s *series) size(sizes map[string]metrics.Size) metrics.Size {
	if s.metric == "" {
		return s.prefixSize(sizes)
	}
	size, each := sizes[s.metric], 1.0
	switch {
	case s.bucket:
		each = float64(len(s.bounds))
	case s.own.has(model.QuantileLabel):
		each = float64(size.Quantiles)
	}
	return size.Times(each)
}

// prefixSize returns the number of stored series whose names start with the prefix s.
func (s *series) prefixSize(sizes map[string]metrics.Size) metrics.Size {
	var sum metrics.Size
	for _, name := range slices.Sorted(maps.Keys(sizes)) {
		if _, known := s.job.metrics[name]; !known && strings.HasPrefix(name, s.name) && s.job.ingest.Stores(name) && s.keeps(name) {
			sum = sum.Plus(sizes[name])
		}
	}
	return sum
}

// retentionWithin returns for how long size bytes of disk can hold the samples.
func (e Estimate) retentionWithin(size int64, retention time.Duration) time.Duration {
	return time.Duration(float64(size) / float64(e.Disk) * float64(retention))
}
