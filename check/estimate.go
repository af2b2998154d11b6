package check

import (
	"time"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

const (
	podsOnNode   = 30        // where a stack does not say
	kibPerSeries = 5         // memory for each series in the head, queries included, in KiB
	serverMemory = 200 << 20 // bytes, of a server without series
	sampleBytes  = 1.5       // on disk, with the index

	// An idle node has about this many series, and a sample at least this many bytes: what
	// they rule out is ruled out on every cluster.
	leastSeries      = 3000
	leastSampleBytes = 1.0
)

// Estimate is what a stack's server is estimated to hold.
type Estimate struct {
	Nodes, Pods int
	Series      map[config.Job]int // of each enabled job whose targets no annotation decides
	Total       int                // active series
	Samples     float64            // ingested per second
	Memory      int64              // bytes, for each replica
	Disk        int64              // bytes of the whole retention, for each replica
}

// EstimateOf estimates a stack from cluster.nodes and cluster.pods; false if it
// does not say how many nodes it has.
func EstimateOf(cfg *config.Config) (Estimate, bool) {
	e := Estimate{Nodes: cfg.Cluster.Nodes, Pods: cfg.Cluster.Pods, Series: map[config.Job]int{}}
	if e.Nodes == 0 {
		return e, false
	}
	if e.Pods == 0 {
		e.Pods = podsOnNode * e.Nodes
	}
	for _, row := range config.ScrapeJobs {
		job := cfg.CollectedBy(row.Name)
		if job == "" || row.Targets == nil || row.Series == (config.Series{}) {
			continue
		}
		series := row.Targets(cfg, e.Nodes)*row.Series.Target + e.Nodes*row.Series.Node + e.Pods*row.Series.Pod
		e.Series[job] += series
		e.Total += series
		every := cfg.Prometheus.ScrapeInterval.Duration
		if own := cfg.Discovery.Jobs[job].ScrapeInterval; own != nil {
			every = own.Duration
		}
		e.Samples += float64(series) / every.Seconds()
	}
	e.Memory = serverMemory + int64(e.Total)*kibPerSeries<<10
	e.Disk = int64(e.Samples * sampleBytes * cfg.Prometheus.Retention.Seconds())
	return e, true
}

// kept returns how long samples are kept that may use size bytes of the disk.
func (e Estimate) kept(size int64) time.Duration {
	return time.Duration(float64(size) / (e.Samples * sampleBytes) * float64(time.Second))
}
