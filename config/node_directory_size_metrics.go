package config

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// NodeDirectorySizeMetrics configures the sizes of directories, as du measures
// them: allocated blocks, without other file systems mounted below.
type NodeDirectorySizeMetrics struct {
	// Deploy it.
	Enabled bool `json:"enabled"`
	// Directories to measure, each mounted read-only. One that a node lacks is
	// created there, empty, by most container runtimes.
	Directories []string `json:"directories"`
	// Levels of sub-directories that are reported too.
	Depth int `json:"depth"`
	// Smaller directories are measured and not reported.
	Threshold Quantity `json:"threshold"`
	// Time from the end of a scan to the start of the next, in whole seconds.
	Interval Duration `json:"interval"`
	// Time after which the scan of one directory is ended as failed, in whole seconds.
	Timeout Duration `json:"timeout"`
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
		p.Addf(at+".directories", "names none; set %s.enabled: false to measure nothing", at)
	}
	for i, directory := range n.Directories {
		at := fmt.Sprintf("%s.directories[%d]", at, i)
		if !measurable(directory) {
			p.Addf(at, `%q; allowed: a clean absolute path of up to 512 printable ASCII characters other than : $ " and \`, directory)
			continue
		}
		for _, before := range n.Directories[:i] {
			switch {
			case before == directory:
				p.Addf(at, "%q is named twice", directory)
			case within(directory, before), within(before, directory):
				p.Addf(at, "%q and %q are one in the other, which would be measured twice; name the outer one, and raise depth to see the inner", directory, before)
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
	p.Add(n.Scheduling.validate(at)...)
	return p
}

// measurable tells whether a directory can be mounted by its name, and be an
// argument of the container and a label as it is.
func measurable(directory string) bool {
	return path.IsAbs(directory) && path.Clean(directory) == directory && len(directory) <= 512 &&
		!strings.ContainsFunc(directory, func(r rune) bool { return r < ' ' || r > '~' || slices.Contains([]rune(`:$"\`), r) })
}

func within(inner, outer string) bool {
	return strings.HasPrefix(inner, strings.TrimSuffix(outer, "/")+"/")
}
