package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// The sizes that are allowed for objects.
const (
	// maxConfigMap is in bytes. Kubernetes limits the data of a ConfigMap to 1 MiB,
	// https://kubernetes.io/docs/concepts/configuration/configmap/; the rest is room for
	// metadata and for longer encodings.
	maxConfigMap = 900 << 10
	// maxAnnotations is in bytes, names and values together:
	// https://pkg.go.dev/k8s.io/apimachinery/pkg/api/validation#ValidateAnnotationsSize
	maxAnnotations = 256 << 10
)

// objectSize finds ConfigMaps and annotations that are too large for a Kubernetes object.
func objectSize(a *Analysis) []Finding {
	var findings []Finding
	for _, object := range a.ConfigMaps() {
		size, largest := 0, ""
		for _, name := range slices.Sorted(maps.Keys(object.Files)) {
			size += len(name) + len(object.Files[name])
			if len(object.Files[name]) > len(object.Files[largest]) {
				largest = name
			}
		}
		if size > maxConfigMap {
			findings = append(findings, Finding{Path: object.Path, Severity: Error, Message: fmt.Sprintf(
				"ConfigMap %s has %d KiB, of which %d KiB are %s; allowed: up to %d KiB, because Kubernetes limits objects to 1 MiB",
				object.Name, size>>10, len(object.Files[largest])>>10, largest, maxConfigMap>>10)})
		}
	}
	for _, ui := range a.Config.UIs() {
		annotations := map[string]map[string]string{}
		if in := ui.Access.Ingress; in != nil {
			annotations["ingress"] = in.Annotations
		}
		if route := ui.Access.HTTPRoute; route != nil {
			annotations["httpRoute"] = route.Annotations
		}
		for key, set := range annotations {
			size := 0
			for name, value := range set {
				size += len(name) + len(value)
			}
			if size > maxAnnotations {
				findings = append(findings, Finding{Path: fmt.Sprintf("%s.access.%s.annotations", ui.Path, key), Severity: Error,
					Message: fmt.Sprintf("%d KiB; allowed: up to %d KiB on an object", size>>10, maxAnnotations>>10)})
			}
		}
	}
	return findings
}

// sampleLimit finds sample limits below what a job's targets are known to expose, and warns of
// limits below the estimate.
func sampleLimit(a *Analysis) []Finding {
	var findings []Finding
	estimate, estimated := EstimateOf(a)
	for _, j := range a.jobs {
		if j.limit == 0 || j.open {
			continue
		}
		path, least := "discovery.jobs."+j.name+".sampleLimit", a.series.leastSamples(j)
		if j.limit < uint(least) {
			findings = append(findings, Finding{Path: path, Severity: Error, Message: fmt.Sprintf(
				"%d is too low: every target of the job exposes at least %d samples, so every scrape fails; allowed: %d or more, or 0 for no limit", j.limit, least, 2*least)})
			continue
		}
		targets := 0
		if row, ok := config.Job(j.name).Row(); ok && row.Targets != nil {
			targets = row.Targets(a.Config, estimate.Nodes)
		}
		if !estimated || targets == 0 {
			continue
		}
		if expected := estimate.Series[config.Job(j.name)]/targets - len(scrapeMetrics); j.limit < uint(expected) {
			findings = append(findings, Finding{Path: path, Severity: Warning, Message: fmt.Sprintf(
				"%d is below the estimated %d samples of a target in a cluster of %d nodes and %d pods, so its scrapes will fail", j.limit, expected, estimate.Nodes, estimate.Pods)})
		}
	}
	return findings
}

// leastSamples returns how many metrics of the Go runtime and the process a job's targets are
// known to expose: they have them from their start.
func (c *catalogue) leastSamples(j *job) int {
	least := 0
	for _, name := range []string{"go_goroutines", "go_threads", "go_memstats_heap_inuse_bytes", "process_start_time_seconds", "process_open_fds", "process_resident_memory_bytes"} {
		for _, found := range c.byName[name] {
			if found.job == j && j.ingest.Stores(name) {
				least++
			}
		}
	}
	return least
}

// storagePersistent warns of volumes that are deleted with their pods.
func storagePersistent(a *Analysis) []Finding {
	if a.Config.Storage.Mode != config.StorageEphemeral || !a.Config.HasPrometheus() {
		return nil
	}
	lost := "samples"
	if a.Config.Alerting.Enabled {
		lost = "samples and silences"
	}
	return []Finding{{Path: "storage.mode", Severity: Warning, Message: fmt.Sprintf("ephemeral: %s are lost with each pod", lost)}}
}

// retentionFits finds a retention that does not fit into retentionSize on any cluster, and warns
// of one that does not by the estimate.
func retentionFits(a *Analysis) []Finding {
	if a.Config.Prometheus.Mode != config.ServerMode {
		return nil // an agent keeps samples only until they are sent
	}
	prometheus := a.Config.Prometheus
	retention, size := prometheus.Retention, prometheus.RetentionSize
	least := int64(retention.Seconds() * a.least.Samples * leastShare * leastSampleBytes)
	if least > size.Value() {
		return []Finding{{Path: "prometheus.retention", Severity: Error, Final: true, Message: fmt.Sprintf(
			"%s of even one idle node (%d series every %s) takes %s, but prometheus.retentionSize is %s; raise storage.size, or shorten retention",
			retention, int(float64(a.least.Total)*leastShare), prometheus.ScrapeInterval, inMi(least), size)}}
	}
	estimate, ok := EstimateOf(a)
	if !ok || estimate.Disk <= size.Value() {
		return nil
	}
	return []Finding{{Path: "prometheus.retention", Severity: Warning, Message: fmt.Sprintf(
		"%s of about %.0f samples per second (%d nodes, %d pods, %d series) takes %s, but prometheus.retentionSize is %s: samples are deleted after about %s; raise storage.size, or shorten retention",
		retention, estimate.Samples, estimate.Nodes, estimate.Pods, estimate.Total, inMi(estimate.Disk), size,
		config.Duration{Duration: estimate.retentionWithin(size.Value(), retention.Duration).Round(time.Hour)})}}
}

// memoryFits finds memory limits and requests of the server below the estimate: an error below
// half of it, otherwise a warning.
func memoryFits(a *Analysis) []Finding {
	estimate, ok := EstimateOf(a)
	if !ok {
		return nil
	}
	request, limit := a.Config.Prometheus.Resources.Requests.Memory, a.Config.Prometheus.Resources.Limits.Memory
	of := ""
	if shards := a.Config.Prometheus.Shards; shards > 1 {
		of = fmt.Sprintf(" of each of %d shards", shards)
	}
	need := fmt.Sprintf("about %d series%s (%d nodes, %d pods) take %s", estimate.Total, of, estimate.Nodes, estimate.Pods, inMi(estimate.Memory))
	switch {
	case limit != nil && limit.Value() < estimate.Memory/2:
		return []Finding{{Path: "prometheus.resources.limits.memory", Severity: Error, Message: fmt.Sprintf("%s is less than half of what is needed: %s", limit, need)}}
	case limit != nil && limit.Value() < estimate.Memory:
		return []Finding{{Path: "prometheus.resources.limits.memory", Severity: Warning, Message: fmt.Sprintf("%s is less than what is needed: %s", limit, need)}}
	case cmp.Or(request, limit) != nil && cmp.Or(request, limit).Value() < estimate.Memory:
		return []Finding{{Path: "prometheus.resources.requests.memory", Severity: Warning, Message: fmt.Sprintf("%s is less than what is needed: %s; a node short of memory is likely to evict the server", cmp.Or(request, limit), need)}}
	}
	return nil
}

// maxSeries is how many series a server should hold. By the estimate they need 36 GiB of memory, more than
// half of a node with 64 GiB, and a server that starts replays the samples of hours of them.
const maxSeries = 10_000_000

// shardsSuffice warns of servers with more series than they should hold.
func shardsSuffice(a *Analysis) []Finding {
	estimate, ok := EstimateOf(a)
	if !ok || estimate.Total <= maxSeries {
		return nil
	}
	shards, exporters := a.Config.Prometheus.Shards, a.Config.Exporters.KubeStateMetrics
	every := (int(estimate.stored) - estimate.Divided) / shards // series of the monitoring itself, which each shard has
	if every >= maxSeries {
		return nil
	}
	needed := max(shards, (estimate.Divided+maxSeries-every-1)/(maxSeries-every))
	var settings []string
	if needed > shards {
		settings = append(settings, fmt.Sprintf("prometheus.shards: %d", needed))
	}
	if exporters.Enabled && exporters.Shards < needed { // a shard scrapes a target whole
		settings = append(settings, fmt.Sprintf("exporters.kubeStateMetrics.shards: %d", needed))
	}
	advice := "set " + strings.Join(settings, " and ")
	switch {
	case len(settings) == 0:
		return nil // of another job with few targets
	case a.Config.Agent():
		advice = "divide the cluster's namespaces between several stacks"
	case !a.Config.LongTermStorage.Enabled:
		advice += ", which needs longTermStorage"
	}
	return []Finding{{Path: "prometheus.shards", Severity: Warning, Message: fmt.Sprintf(
		"%d, so that each server has about %d series (%d nodes, %d pods) and needs %s of memory; a server should have at most %d: %s, or store less",
		shards, estimate.Total, estimate.Nodes, estimate.Pods, inMi(estimate.Memory), maxSeries, advice)}}
}

// inMi returns a size in bytes as a quantity, rounded up to MiB.
func inMi(bytes int64) string {
	return resource.NewQuantity((bytes+1<<20-1)>>20<<20, resource.BinarySI).String()
}
