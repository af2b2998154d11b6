package config

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
)

// NodeDirectorySizeMetrics configures the exporter of the sizes of directories, as du measures
// them: allocated blocks, without other file systems that are mounted below.
type NodeDirectorySizeMetrics struct {
	// Deploy the exporter.
	Enabled bool `json:"enabled"`
	// Directories to measure, each mounted read-only. If a node lacks one, most container
	// runtimes create it, empty.
	Directories []string `json:"directories"`
	// Levels of subdirectories to report: 0 (only the directories themselves) to 5.
	Depth int `json:"depth"`
	// Size below which a directory is measured but not reported; 0 to report all.
	Threshold Quantity `json:"threshold"`
	// Time from the end of a scan to the start of the next: 10s to 1h, in whole seconds.
	Interval Duration `json:"interval"`
	// Time after which the scan of one directory is stopped and counts as failed: 1s to 1h, in
	// whole seconds.
	Timeout Duration `json:"timeout"`
	// How an update replaces the pods, in Kubernetes' own format; on 10% of the nodes at a time unless
	// set.
	UpdateStrategy *appsv1.DaemonSetUpdateStrategy `json:"updateStrategy"`
	// Compute resources of each of the pod's two containers.
	Resources Resources `json:"resources"`
	Scheduling
}

func defaultNodeDirectorySizeMetrics() NodeDirectorySizeMetrics {
	return NodeDirectorySizeMetrics{
		Enabled:     true,
		Directories: []string{"/var"},
		Depth:       2,
		Threshold:   quantity("100Mi"),
		Interval:    duration(5 * time.Minute),
		Timeout:     duration(15 * time.Minute),
		Resources:   resources("10m", "16Mi", "128Mi"),
		Scheduling:  Scheduling{Tolerations: []Toleration{{Operator: "Exists"}}},
	}
}

func (n NodeDirectorySizeMetrics) validate() Problems {
	const at = "exporters.nodeDirectorySizeMetrics"
	var p Problems
	if len(n.Directories) == 0 {
		p.Addf(at+".directories", "is empty; set %s.enabled: false to measure nothing", at)
	}
	for i, directory := range n.Directories {
		at := fmt.Sprintf("%s.directories[%d]", at, i)
		if !isMeasurable(directory) {
			p.Addf(at, `%q; allowed: a clean absolute path of up to 512 printable ASCII characters other than : $ " and \`, directory)
			continue
		}
		for _, before := range n.Directories[:i] {
			switch {
			case before == directory:
				p.Addf(at, "%q is named twice", directory)
			case within(directory, before), within(before, directory):
				p.Addf(at, "%q and %q overlap, so the inner one would be measured twice; name only the outer one, and raise depth to report the inner", directory, before)
			}
		}
	}
	if threshold := n.Threshold; !threshold.IsZero() && threshold.Cmp(quantity("1").Quantity) < 0 {
		p.Addf(at+".threshold", "%s is less than a byte; allowed: 0, or an amount of bytes, such as 100Mi", threshold)
	}
	if n.Depth < 0 || n.Depth > 5 {
		p.Addf(at+".depth", "%d; allowed: 0 (only the directories themselves) to 5", n.Depth)
	}
	for _, d := range []struct {
		key   string
		value Duration
		least time.Duration
	}{{"interval", n.Interval, 10 * time.Second}, {"timeout", n.Timeout, time.Second}} {
		if d.value.Duration < d.least || d.value.Duration > time.Hour || d.value.Duration%time.Second != 0 {
			p.Addf(at+"."+d.key, "%s; allowed: %s to 1h, in whole seconds", d.value, Duration{d.least})
		}
	}
	p.Add(n.Resources.validate(at + ".resources")...)
	p.Add(validateUpdateStrategy(at+".updateStrategy", n.UpdateStrategy, true)...)
	if security := n.Pod.SecurityContext; security != nil && security.RunAsNonRoot != nil && *security.RunAsNonRoot {
		p.Addf(at+".pod.securityContext.runAsNonRoot", "true, but the scanner reads the files of every user as root; remove it")
	}
	p.Add(n.Scheduling.validate(at)...)
	return p
}

// isMeasurable reports whether the name of a directory can be a mount path, an argument of the
// container and a label without being changed.
func isMeasurable(directory string) bool {
	return path.IsAbs(directory) && path.Clean(directory) == directory && len(directory) <= 512 &&
		!strings.ContainsFunc(directory, func(r rune) bool { return r < ' ' || r > '~' || slices.Contains([]rune(`:$"\`), r) })
}

// within reports whether the path inner is below outer.
func within(inner, outer string) bool {
	return strings.HasPrefix(inner, strings.TrimSuffix(outer, "/")+"/")
}
