package check

import (
	"time"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// The figures of the estimate, from measurements with the shipped relabelling, which also give the
// series in config.ScrapeJobs; docs/operations.md lists them.
const (
	podsPerNode  = 30        // assumed unless cluster.pods is set
	kibPerSeries = 5         // KiB of memory for each series in the head, including queries
	serverMemory = 200 << 20 // bytes of memory that a server without series needs
	sampleBytes  = 1.5       // bytes on disk for each sample, including the index

	// Every cluster has at least this many series, the ones of an idle node, and every sample
	// takes at least this many bytes on disk. A retention that does not fit even so is an error.
	leastSeries      = 3000
	leastSampleBytes = 1.0
)

// Estimate is the estimated load of a stack's Prometheus server.
type Estimate struct {
	Nodes, Pods int
	Series      map[config.Job]int // by enabled job, without jobs that discover by annotation
	Total       int                // active series
	Samples     float64            // samples ingested per second
	Memory      int64              // bytes that each replica needs
	Disk        int64              // bytes that each replica stores in the whole retention
}

// EstimateOf estimates the load of a stack's server from cluster.nodes and cluster.pods. It
// returns false if cluster.nodes is not set.
func EstimateOf(cfg *config.Config) (Estimate, bool) {
	e := Estimate{Nodes: cfg.Cluster.Nodes, Pods: cfg.Cluster.Pods, Series: map[config.Job]int{}}
	if e.Nodes == 0 {
		return e, false
	}
	if e.Pods == 0 {
		e.Pods = podsPerNode * e.Nodes
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

// retentionWithin returns for how long size bytes of disk can hold the samples.
func (e Estimate) retentionWithin(size int64) time.Duration {
	return time.Duration(float64(size) / (e.Samples * sampleBytes) * float64(time.Second))
}
