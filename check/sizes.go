package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

const (
	// An object may have 1 MiB in etcd and a little more on the way there; the
	// rest is room for its metadata, and for whatever encodes it longer.
	maxConfigMap = 900 << 10
	// https://pkg.go.dev/k8s.io/apimachinery/pkg/api/validation#ValidateAnnotationsSize
	maxAnnotations = 256 << 10
)

func objectSize(s *Analysis) []Finding {
	var findings []Finding
	for _, object := range s.ConfigMaps() {
		size, largest := 0, ""
		for _, name := range slices.Sorted(maps.Keys(object.Files)) {
			size += len(name) + len(object.Files[name])
			if len(object.Files[name]) > len(object.Files[largest]) {
				largest = name
			}
		}
		if size > maxConfigMap {
			findings = append(findings, Finding{Path: object.Path, Severity: Error, Message: fmt.Sprintf(
				"the ConfigMap %s has %d KiB, of which %s %d KiB; allowed: up to %d KiB, because an object may have 1 MiB",
				object.Name, size>>10, largest, len(object.Files[largest])>>10, maxConfigMap>>10)})
		}
	}
	size := 0
	for name, value := range s.Config.Grafana.Ingress.Annotations {
		size += len(name) + len(value)
	}
	if size > maxAnnotations {
		findings = append(findings, Finding{Path: "grafana.ingress.annotations", Severity: Error,
			Message: fmt.Sprintf("%d KiB; allowed: up to %d KiB on an object", size>>10, maxAnnotations>>10)})
	}
	return findings
}

func sampleLimit(s *Analysis) []Finding {
	var findings []Finding
	estimate, estimated := EstimateOf(s.Config)
	for _, j := range s.jobs {
		if j.limit == 0 || j.open {
			continue
		}
		path, least := "discovery.jobs."+j.name+".sampleLimit", s.series.least(j)
		if j.limit < uint(least) {
			findings = append(findings, Finding{Path: path, Severity: Error, Message: fmt.Sprintf(
				"%d is below the %d samples that a target of the job is known to have at least, so that every scrape fails; allowed: %d or more, or 0 for no limit", j.limit, least, 2*least)})
			continue
		}
		targets := 0
		if row, ok := config.Job(j.name).Row(); ok && row.Targets != nil {
			targets = row.Targets(s.Config, estimate.Nodes)
		}
		if !estimated || targets == 0 {
			continue
		}
		if expected := estimate.Series[config.Job(j.name)] / targets; j.limit < uint(expected) {
			findings = append(findings, Finding{Path: path, Severity: Warning, Message: fmt.Sprintf(
				"%d is below the about %d samples of a target in a cluster of %d nodes and %d pods: its scrapes will fail", j.limit, expected, estimate.Nodes, estimate.Pods)})
		}
	}
	return findings
}

// least counts metrics that a job's targets have from their start: of the Go
// runtime and the process.
func (c *catalogue) least(j *job) int {
	least := 0
	for _, name := range []string{"go_goroutines", "go_threads", "go_memstats_heap_inuse_bytes", "process_start_time_seconds", "process_open_fds", "process_resident_memory_bytes"} {
		for _, found := range c.byName[name] {
			if found.job == j {
				least++
			}
		}
	}
	return least
}

// storagePersistent warns of volumes that go with their pods.
func storagePersistent(s *Analysis) []Finding {
	if s.Config.Storage.Mode != config.StorageEphemeral {
		return nil
	}
	lost := "samples"
	if s.Config.Alerting.Enabled {
		lost = "samples and silences"
	}
	return []Finding{{Path: "storage.mode", Severity: Warning, Message: fmt.Sprintf("ephemeral: %s are lost with each pod", lost)}}
}

func retentionFits(s *Analysis) []Finding {
	prometheus := s.Config.Prometheus
	retention, size := prometheus.Retention, prometheus.RetentionSize
	least := int64(retention.Seconds() / prometheus.ScrapeInterval.Seconds() * leastSeries * leastSampleBytes)
	if least > size.Value() {
		return []Finding{{Path: "prometheus.retention", Severity: Error, Message: fmt.Sprintf(
			"%s of even one idle node (%d series every %s) takes %s, but prometheus.retentionSize is %s; raise storage.size, or shorten retention",
			retention, leastSeries, prometheus.ScrapeInterval, inGi(least), size)}}
	}
	estimate, ok := EstimateOf(s.Config)
	if !ok || estimate.Disk <= size.Value() {
		return nil
	}
	return []Finding{{Path: "prometheus.retention", Severity: Warning, Message: fmt.Sprintf(
		"%s of about %.0f samples per second (%d nodes, %d pods, %d series) take %s, but prometheus.retentionSize is %s: the oldest go after about %s; raise storage.size, or shorten retention",
		retention, estimate.Samples, estimate.Nodes, estimate.Pods, estimate.Total, inGi(estimate.Disk), size,
		config.Duration{Duration: estimate.kept(size.Value()).Round(time.Hour)})}}
}

func memoryFits(s *Analysis) []Finding {
	estimate, ok := EstimateOf(s.Config)
	if !ok {
		return nil
	}
	request, limit := s.Config.Prometheus.Resources.Requests.Memory, s.Config.Prometheus.Resources.Limits.Memory
	need := fmt.Sprintf("about %d series (%d nodes, %d pods) take %s", estimate.Total, estimate.Nodes, estimate.Pods, inGi(estimate.Memory))
	switch {
	case limit != nil && limit.Value() < estimate.Memory/2:
		return []Finding{{Path: "prometheus.resources.limits.memory", Severity: Error, Message: fmt.Sprintf("%s is less than half of what is needed: %s", limit, need)}}
	case limit != nil && limit.Value() < estimate.Memory:
		return []Finding{{Path: "prometheus.resources.limits.memory", Severity: Warning, Message: fmt.Sprintf("%s is less than what is needed: %s", limit, need)}}
	case cmp.Or(request, limit) != nil && cmp.Or(request, limit).Value() < estimate.Memory:
		return []Finding{{Path: "prometheus.resources.requests.memory", Severity: Warning, Message: fmt.Sprintf("%s is less than what is needed: %s; under pressure the server is the first to be evicted", cmp.Or(request, limit), need)}}
	}
	return nil
}

func inGi(bytes int64) string {
	return resource.NewQuantity((bytes+1<<20-1)>>20<<20, resource.BinarySI).String()
}
