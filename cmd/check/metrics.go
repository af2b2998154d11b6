package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/metrics"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// printIngest prints, for each job of the stack, how many of the metrics that it is known to
// expose Prometheus stores; nothing without a Prometheus.
func printIngest(out io.Writer, stack *render.Stack) error {
	if !stack.Config.HasPrometheus() {
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "job\tmetrics stored")
	for _, job := range config.Jobs {
		ingest, ok := stack.Ingest[job]
		families := stack.Families(job)
		stored := 0
		for _, f := range families {
			if f.Stored {
				stored++
			}
		}
		switch {
		case !ok:
		case ingest.Whole != "":
			fmt.Fprintf(table, "%s\tall: %s\n", job, ingest.Whole)
		case len(families) == 0:
			fmt.Fprintf(table, "%s\t%d names; what it exposes is not known here\n", job, len(ingest.Names))
		default:
			fmt.Fprintf(table, "%s\t%d of %d\n", job, stored, len(families))
		}
	}
	return table.Flush()
}

// printMetric prints what the stack does with a metric: which jobs expose it or who else writes it,
// whether Prometheus stores it and for whom, or how to keep it. name is a metric's, with or without
// a suffix such as _bucket. The error is about a metric that nothing of the stack is known to expose
// or write.
func printMetric(out io.Writer, stack *render.Stack, name string) error {
	found := printWritten(out, stack, name)
	for _, job := range config.Jobs {
		if metric, ok := family(stack.Exposed[job], name); ok {
			found = true
			printExposed(out, stack, job, metric, name)
		}
	}
	if !found {
		return fmt.Errorf("no enabled job of this program is known to expose %s, and no rule records it; jobs that scrape applications store every metric", name)
	}
	return nil
}

// printWritten prints who writes the series of a name that no target exposes, and who uses them.
// It reports whether there are such series.
func printWritten(out io.Writer, stack *render.Stack, name string) bool {
	writers, users := stack.Writers(name)
	if len(writers) == 0 {
		return false
	}
	fmt.Fprintf(out, "%s, written by %s\n", name, strings.Join(writers, ", "))
	for _, user := range users {
		fmt.Fprintf(out, "  used by %s\n", user)
	}
	if len(users) == 0 {
		fmt.Fprintln(out, "  stored, though nothing in the stack uses it")
	}
	return true
}

// printExposed prints what the stack does with a job's metric. name is what was asked about: the
// metric, one of its samples or, if the metric stands for a prefix, a name with that prefix.
func printExposed(out io.Writer, stack *render.Stack, job config.Job, metric metrics.Metric, name string) {
	labels := strings.Join(metric.Labels, ", ")
	if labels == "" {
		labels = "no labels of its own"
	}
	fmt.Fprintf(out, "%s, a %s of job %s: %s\n", metric.Name, metric.Type, job, labels)
	samples := metric.SampleNames()
	if _, star := metric.Prefix(); star {
		samples = []string{name}
	}
	for _, user := range stack.Users(job, samples...) {
		fmt.Fprintf(out, "  %s\n", user)
	}
	switch ingest := stack.Ingest[job]; {
	case ingest.Whole != "":
		fmt.Fprintf(out, "  stored, like every metric of the job: %s\n", ingest.Whole)
	case !slices.ContainsFunc(samples, ingest.Stores):
		keep := samples[0]
		if len(samples) > 1 {
			keep = fmt.Sprintf("'%s'", strings.Join(samples, "|"))
		}
		fmt.Fprintf(out, "  not stored, because nothing in the stack uses it; a rule or dashboard that does is enough, or:\n"+
			"  pulumi config set --path '%s:discovery.jobs.%s.keepMetrics[%d]' %s\n",
			config.Project, job, len(stack.Config.Discovery.Jobs[job].KeepMetrics), keep)
	}
}

// family returns the metric of an exposition that a name denotes, or one of whose samples it
// does.
func family(exposed metrics.Exposition, name string) (metrics.Metric, bool) {
	if metric, ok := exposed[name]; ok {
		return metric, true
	}
	for _, suffix := range []string{"_bucket", "_sum", "_count"} { // of a native histogram, which has none
		if histogram, ok := strings.CutSuffix(name, suffix); ok && exposed[histogram].Native {
			return exposed[histogram], true
		}
	}
	for _, metric := range exposed {
		prefix, star := metric.Prefix()
		if slices.Contains(metric.SampleNames(), name) || star && strings.HasPrefix(name, prefix) {
			return metric, true
		}
	}
	return metrics.Metric{}, false
}
