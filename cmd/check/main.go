// Command check runs the checks of stacks on their files, without a cluster or
// Pulumi's engine: `make check STACK=prod`. It exits with status 1 if a file is
// not valid or a check fails.
//
//	check [-list] [-routes] [-images] [-metric NAME] FILE...
package main

import (
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"runtime/debug"
	"strings"
	"text/tabwriter"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/check"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

func main() {
	debug.SetGCPercent(400) // it ends within a second: to collect sooner would cost a third of its time
	list := flag.Bool("list", false, "list the checks")
	routes := flag.Bool("routes", false, "list which receivers each alert reaches")
	images := flag.Bool("images", false, "only list the images that the pods pull, each with its name in the mirror if there is one")
	metric := flag.String("metric", "", "say which jobs expose this metric or what else writes it, who uses it, and whether it is stored")
	flag.Parse()
	if *list {
		for _, c := range check.Checks {
			fmt.Printf("%-18s %s\n", c.Name, c.Doc)
		}
	}
	failed := false
	for _, file := range flag.Args() {
		var err error
		if *images {
			err = printImages(os.Stdout, file)
		} else {
			err = run(os.Stdout, file, *routes, *metric)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", file, err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

// run checks a stack file. It prints the warnings, how much of each job's metrics is stored, the
// estimate of what is sent to remotes and, if routes is set, the receivers of each alert. Findings
// that fail a check are returned as the error. If metric is set, it prints only what the stack does
// with that metric.
func run(out io.Writer, file string, routes bool, metric string) error {
	cfg, err := config.FromFile(file)
	if err != nil {
		return err
	}
	rendered, err := render.New(cfg)
	if err != nil {
		return err
	}
	if metric != "" {
		return printMetric(out, rendered, metric)
	}
	analysis := check.Analyse(rendered)
	if routes {
		if err := printRoutes(out, analysis.Routes()); err != nil {
			return err
		}
	}
	report := analysis.Check()
	for _, unread := range cfg.Unread() {
		fmt.Fprintf(out, "%s: warning: %s\n", file, unread)
	}
	for _, warning := range report.Warnings() {
		fmt.Fprintf(out, "%s: %s\n", file, warning)
	}
	if err := report.Err(); err != nil {
		return err
	}
	if err := printIngest(out, rendered); err != nil {
		return err
	}
	if estimate, ok := check.EstimateOf(analysis); ok {
		if cfg.Prometheus.Sharded() {
			if err := printShards(out, cfg.Prometheus, estimate); err != nil {
				return err
			}
		}
		if err := printRemotes(out, estimate.Remotes); err != nil {
			return err
		}
		if cfg.LongTermStorage.Enabled {
			if err := printBucket(out, rendered, estimate.Bucket); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(out, "%s: %d checks passed\n", file, len(check.Checks)-len(report.Waived))
	return nil
}

// printRoutes prints a table: alert, severity, receivers, and the receivers it also
// reaches under a condition.
func printRoutes(out io.Writer, all []check.Destination) error {
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, d := range all {
		also := make([]string, len(d.Also))
		for i, c := range d.Also {
			also[i] = c.String()
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", d.Alert, d.Severity, strings.Join(d.Receivers, ", "), strings.Join(also, "; "))
	}
	return table.Flush()
}

// printShards prints a table of what each server of a shard needs.
func printShards(out io.Writer, prometheus config.Prometheus, e check.Estimate) error {
	const gib = 1 << 30
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "shards\tseries of each\tsamples per second\tcores\tGiB of memory\tGiB of disk")
	fmt.Fprintf(table, "%d\t%d\t%.0f\t%.2f\t%.1f\t%.1f\n", prometheus.Shards, e.Total, e.Samples, e.CPU, float64(e.Memory)/gib, float64(e.Disk)/gib)
	return table.Flush()
}

// printBucket prints a table of what the object store holds of each resolution at the end of its
// retention; of a year, if it is kept for ever. Then it prints what is asked of it, unless it is a file system.
func printBucket(out io.Writer, stack *render.Stack, b check.Bucket) error {
	const gib = 1 << 30
	retention := stack.Config.LongTermStorage.Retention
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(table, "%s\tGiB per day\tkept\tGiB\n", stack.Thanos.Bucket.Name)
	fmt.Fprintf(table, "every sample\t%.1f\t%s\t%.1f\n", b.Daily/gib, kept(retention.Raw), b.Raw/gib)
	fmt.Fprintf(table, "5 minutes\t\t%s\t%.1f\n", kept(retention.FiveMinutes), b.FiveMinutes/gib)
	fmt.Fprintf(table, "1 hour\t\t%s\t%.1f\n", kept(retention.OneHour), b.Hours/gib)
	if err := table.Flush(); err != nil {
		return err
	}
	if stack.Config.LongTermStorage.ObjectStore.Type == config.Filesystem {
		return nil
	}
	const million = 1e6 / 30
	_, err := fmt.Fprintf(out, "requests in 30 days, without those of queries, for %.0f blocks: %.1f million reads and %.2f million writes, about $%.0f at the list price of S3\n",
		b.Blocks, b.Reads/million, b.Writes/million, math.Ceil(b.RequestCost()))
	return err
}

// kept returns for how long samples are kept.
func kept(retention config.Duration) string {
	if retention.Duration == 0 {
		return "for ever: a year"
	}
	return retention.String()
}

// printRemotes prints a table of what is sent to each remote, if there are any.
func printRemotes(out io.Writer, remotes []check.Remote) error {
	if len(remotes) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "remote\tseries\tsamples per second\tKiB per second\tshards")
	for _, r := range remotes {
		fmt.Fprintf(table, "%s\t%d\t%.0f\t%.0f\t%d\n", r.Name, r.Series, r.Samples, math.Ceil(r.Bytes/1024), r.Shards)
	}
	return table.Flush()
}
