//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/stretchr/testify/require"
)

// BenchmarkUp measures the time from `pulumi up` on an empty cluster until every pod is
// ready and every target is up.
func BenchmarkUp(b *testing.B) {
	n := start(b)
	n.localcluster(b, "demo") // its copy of the config leaves out programs without an image
	for b.Loop() {
		b.StopTimer()
		n.destroy(b)
		b.StartTimer()
		n.up(b)
		eventually(b, 5*time.Minute, "every target is up", func(ctx context.Context) string {
			targets, err := n.prometheus.Targets(ctx)
			if err != nil {
				return err.Error()
			}
			for _, target := range targets.Active {
				if target.Health != promv1.HealthGood {
					return target.ScrapeURL
				}
			}
			if len(targets.Active) == 0 {
				return "no targets"
			}
			return ""
		})
	}
}

// BenchmarkPreview compares a preview without changes to the preview of an empty program,
// with the same engine and node: the CPU and wall time of building and running the program,
// and the wall time of the whole command.
func BenchmarkPreview(b *testing.B) {
	n := start(b)
	n.localcluster(b, "demo")
	empty := n.emptyProject(b)
	preview := func(flags ...string) (whole float64, program usage) {
		file := filepath.Join(b.TempDir(), "usage")
		b.Setenv("LANGUAGE_GO_USAGE", file)
		started := time.Now()
		n.pulumi(b, append(flags, "preview", "--expect-no-changes", "--color", "never")...)
		whole = time.Since(started).Seconds()
		text, err := os.ReadFile(file)
		require.NoError(b, err, "only the demo's language host reports the program's usage; the official one does not")
		_, err = fmt.Sscan(string(text), &program.wall, &program.cpu)
		require.NoError(b, err)
		return whole, program
	}
	preview() // builds the program
	preview("--cwd", empty)
	var ours, theirs usage
	var oursWhole, theirsWhole float64
	for b.Loop() {
		whole, program := preview()
		oursWhole += whole
		ours.add(program)
		whole, program = preview("--cwd", empty)
		theirsWhole += whole
		theirs.add(program)
	}
	b.ReportMetric(ours.cpu/theirs.cpu, "program-cpu-ratio")
	b.ReportMetric(ours.wall/theirs.wall, "program-wall-ratio")
	b.ReportMetric(oursWhole/theirsWhole, "command-wall-ratio")
	b.ReportMetric(ours.cpu/float64(b.N), "program-cpu-s/op")
	b.ReportMetric(ours.wall/float64(b.N), "program-wall-s/op")
}

type usage struct{ wall, cpu float64 } // seconds

func (u *usage) add(more usage) { u.wall += more.wall; u.cpu += more.cpu }

// emptyProject creates a project and a stack of the empty program, and returns the project's
// directory.
func (n *node) emptyProject(b *testing.B) string {
	b.Helper()
	dir := filepath.Join(n.root, ".local", "bench")
	require.NoError(b, os.MkdirAll(dir, 0o755))
	project := fmt.Sprintf("name: empty\nmain: %s/tests/e2e/emptyprogram\nruntime:\n  name: go\n  options:\n    buildTarget: %s/.local/bin/emptyprogram\n", n.root, n.root)
	require.NoError(b, os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), []byte(project), 0o600))
	n.pulumi(b, "--cwd", dir, "stack", "select", "--create", "bench")
	n.pulumi(b, "--cwd", dir, "up", "--yes", "--skip-preview", "--color", "never")
	return dir
}

// BenchmarkPrometheus reports the series and the memory of the stack dev's Prometheus server,
// on a node that runs only the stack.
func BenchmarkPrometheus(b *testing.B) {
	n := start(b)
	n.localcluster(b, "demo")
	var series, memory float64
	for b.Loop() {
		series = float64(n.query(b, `prometheus_tsdb_head_series{job="prometheus"}`, time.Now())[0].Value)
		memory = float64(n.query(b, `process_resident_memory_bytes{job="prometheus"}`, time.Now())[0].Value)
	}
	b.ReportMetric(series, "series")
	b.ReportMetric(memory/(1<<20), "MiB")
}
