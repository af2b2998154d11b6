package check

import (
	"time"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// What one of each has, measured on the local node with what the shipped
// relabelling keeps. Nodes with more cores, disks and devices have more.
const (
	kubeletSeries      = 2300  // a kubelet
	cgroupSeries       = 240   // cadvisor, of a node without pods
	podCadvisorSeries  = 100   // cadvisor, of a pod with one container
	podStateSeries     = 60    // kube-state-metrics, of a pod and its share of what owns it
	nodeStateSeries    = 30    // kube-state-metrics, of a node
	nodeExporterSeries = 900   // node-exporter, of a node with four cores; 532 with two and no disk
	apiServerSeries    = 16300 // an API server
	componentSeries    = 2500  // a scheduler or controller manager; others have fewer
	serverSeries       = 800   // Prometheus, Alertmanager or Grafana
	exporterSeries     = 120   // what exporters have about themselves

	controlPlanes  = 3  // as the nodes of highly available control planes
	podsOnNode     = 30 // where a stack does not say
	kilobyteSeries = 5  // KiB of memory for each series in the head, queries included
	serverMemory   = 200 << 20
	sampleBytes    = 1.5 // on disk, with the index
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
	servers := min(controlPlanes, e.Nodes)
	count := map[config.Job]int{
		config.NodesJob:             e.Nodes * kubeletSeries,
		config.CadvisorJob:          e.Nodes*cgroupSeries + e.Pods*podCadvisorSeries,
		config.APIServersJob:        servers * apiServerSeries,
		config.NodeExporterJob:      e.Nodes * nodeExporterSeries,
		config.KubeStateMetricsJob:  e.Nodes*nodeStateSeries + e.Pods*podStateSeries + exporterSeries*cfg.Exporters.KubeStateMetrics.Shards,
		config.PrometheusJob:        cfg.Prometheus.Replicas * serverSeries,
		config.AlertmanagerJob:      cfg.Alerting.Replicas * serverSeries,
		config.GrafanaJob:           serverSeries,
		config.BlackboxExporterJob:  exporterSeries,
		config.SchedulerJob:         servers * componentSeries,
		config.ControllerManagerJob: servers * componentSeries,
		config.EtcdJob:              servers * componentSeries,
		config.KubeProxyJob:         e.Nodes * serverSeries,
		config.CoreDNSJob:           2 * exporterSeries,
	}
	for job, series := range count {
		component, _ := cfg.Component(job)
		switch {
		case cfg.JobEnabled(job):
		case component.Repeated != "" && cfg.Reported(job): // which another job scrapes, from one process
			job = component.Repeated
		default:
			continue
		}
		e.Series[job] += series
		e.Total += series
		every := cfg.Prometheus.ScrapeInterval.Duration
		if own := cfg.Discovery.Jobs[job].ScrapeInterval; own != nil {
			every = own.Duration
		}
		e.Samples += float64(series) / every.Seconds()
	}
	e.Memory = serverMemory + int64(e.Total)*kilobyteSeries<<10
	e.Disk = int64(e.Samples * sampleBytes * cfg.Prometheus.Retention.Seconds())
	return e, true
}

// kept is how long samples are kept on a disk of which they may use size bytes.
func (e Estimate) kept(size int64) time.Duration {
	return time.Duration(float64(size) / (e.Samples * sampleBytes) * float64(time.Second))
}
