package review

import (
	"fmt"
	"math"
	"slices"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/check"
)

// Series returns the changes of a server's estimated active series, in all and by job,
// of its memory and disk, and of what is sent to remotes and to an object store. An estimate of zero series is unknown.
func Series(before, after check.Estimate) Section {
	section := Section{Title: "Active series, estimated"}
	if after.Total == 0 || before.Total == after.Total && before.Memory == after.Memory && before.Disk == after.Disk && slices.Equal(before.Remotes, after.Remotes) && before.Bucket == after.Bucket {
		return section
	}
	number := func(known bool, text string) string {
		if !known {
			return ""
		}
		return text
	}
	count := func(e check.Estimate, n int) string { return number(e.Total > 0, fmt.Sprint(n)) }
	gibibytes := func(e check.Estimate, bytes int64) string {
		return number(e.Total > 0, fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30)))
	}
	change := Change{Verb: "changed", What: "each Prometheus server, on " + fmt.Sprintf("%d nodes with %d pods", after.Nodes, after.Pods)}
	add := func(name, before, after string) {
		if before != after {
			change.Details = append(change.Details, changedValue(name, before, after))
		}
	}
	add("active series", count(before, before.Total), count(after, after.Total))
	add("memory", gibibytes(before, before.Memory), gibibytes(after, after.Memory))
	add("disk", gibibytes(before, before.Disk), gibibytes(after, after.Disk))
	uploaded := func(e check.Estimate) string {
		return number(e.Bucket.Daily > 0, fmt.Sprintf("%.1f GiB per day", e.Bucket.Daily/(1<<30)))
	}
	add("uploaded", uploaded(before), uploaded(after))
	sent := map[string][2]string{} // to a remote, before and after
	for i, e := range []check.Estimate{before, after} {
		for _, r := range e.Remotes {
			both := sent[r.Name]
			both[i] = fmt.Sprintf("%d series, %.0f samples and %.0f KiB per second, shards: %d", r.Series, r.Samples, math.Ceil(r.Bytes/1024), r.Shards)
			sent[r.Name] = both
		}
	}
	for _, name := range sorted(sent) {
		add("sent to "+code(name), sent[name][0], sent[name][1])
	}
	jobs := sorted(after.Series)
	for _, job := range sorted(before.Series) {
		if _, both := after.Series[job]; !both {
			jobs = append(jobs, job)
		}
	}
	for _, job := range jobs {
		if before.Total > 0 {
			add("series of "+code(string(job)), fmt.Sprint(before.Series[job]), fmt.Sprint(after.Series[job]))
		}
	}
	section.Changes = []Change{change}
	return section
}
