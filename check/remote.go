package check

import (
	"fmt"
	"math"
	"slices"

	"github.com/prometheus/common/model"
	prometheus "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
)

// The figures of the estimate of what is sent: bytes after compression, measured on the recorded scrapes
// in tests/scale/testdata, in requests of 500 samples.
const (
	sentBytes       = 15.0 // for each sample over remote write 2.0
	sentBytesV1     = 28.0 // for each sample over remote write 1.0
	sentNativeBytes = 47.0 // for each native histogram of 17 buckets
	requestSeconds  = 0.1  // that a remote is assumed to take for a request
)

// Remote is the estimated load of what each server sends to one remote.
type Remote struct {
	Name    string
	Series  int
	Samples float64 // per second
	Bytes   float64 // per second
	Shards  int     // connections that send at the same time
}

// remote estimates what is sent to a remote of the samples of an estimate. others holds the numbers
// of series by job that the catalogue has no name of.
func (a *Analysis) remote(e Estimate, remote *prometheus.RemoteWriteConfig, others map[*job]float64) Remote {
	r := Remote{Name: remote.Name}
	total, floatBytes := 0.0, sentBytes
	if remote.ProtobufMessage == prometheus.DefaultRemoteWriteConfig.ProtobufMessage { // that of 1.0
		floatBytes = sentBytesV1
	}
	add := func(series, bytes float64, j *job) {
		series *= a.share(j, e.Nodes)
		total += series
		r.Samples += series / j.interval.Seconds()
		r.Bytes += series / j.interval.Seconds() * bytes
	}
	for _, s := range a.series.stored() {
		switch number := e.each[s]; {
		case !mayKeep(remote.WriteRelabelConfigs, s.name, s.job.name):
		case !s.native:
			add(number, floatBytes, s.job)
		case remote.ConvertNHCBToClassic:
			add(number*float64(len(s.job.metrics[s.metric].Bounds)+2), floatBytes, s.job)
		case remote.SendNativeHistograms:
			add(number, sentNativeBytes, s.job)
		}
	}
	for _, j := range a.jobs {
		if mayKeep(remote.WriteRelabelConfigs, "", j.name) {
			add(others[j], floatBytes, j)
		}
	}
	r.Series = int(total)
	needed := r.Samples * requestSeconds / float64(remote.QueueConfig.MaxSamplesPerSend)
	r.Shards = max(remote.QueueConfig.MinShards, int(math.Ceil(needed)))
	return r
}

// mayKeep reports whether relabelling keeps series of a name, which is empty if it is not known, and a
// job. It assumes that a rule keeps what depends on other labels.
func mayKeep(rules []*relabel.Config, name, job string) bool {
	b := labels.NewBuilder(labels.FromStrings(model.MetricNameLabel, name, model.JobLabel, job))
	for _, rule := range rules {
		unknown := slices.ContainsFunc(rule.SourceLabels, func(l model.LabelName) bool { return b.Get(string(l)) == "" })
		if (rule.Action == relabel.Keep || rule.Action == relabel.Drop) && !unknown && !relabel.ProcessBuilder(b, rule) {
			return false
		}
	}
	return true
}

// remoteWriteShards warns of remotes that need more shards than they may use.
func remoteWriteShards(a *Analysis) []Finding {
	var findings []Finding
	estimate, _ := EstimateOf(a)
	for i, r := range estimate.Remotes {
		if limit := a.Prometheus.RemoteWriteConfigs[i].QueueConfig.MaxShards; r.Shards > limit {
			findings = append(findings, Finding{Path: fmt.Sprintf("prometheus.remoteWrite[%d].queue_config.max_shards", i), Severity: Warning, Message: fmt.Sprintf(
				"%d is less than the estimated %d for %.0f samples per second (%d nodes, %d pods); raise it, or max_samples_per_send, or send less", limit, r.Shards, r.Samples, estimate.Nodes, estimate.Pods)})
		}
	}
	return findings
}
