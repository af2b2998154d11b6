package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const program = "github.com/kubernetes-prometheus/kubernetes-prometheus/cmd/metrics/testdata/program"

func TestReadMetrics(t *testing.T) {
	sources, err := listSources(".", []string{program})
	require.NoError(t, err)
	linked, err := sources.linked(program)
	require.NoError(t, err)
	found, unknown := readMetrics(sources.fileSet, linked, exporter{only: []string{program}, off: "defaultDisabled"}.counts)
	assert.Equal(t, `program_any gauge ?
program_default_seconds histogram - le=0.005,0.01,0.025,0.05,0.1,0.25,0.5,1.0,2.5,5.0,10.0,+Inf
program_disk_mounts unknown path
program_disk_reads unknown device
program_info gauge version
program_key_down unknown -
program_key_up unknown -
program_native_seconds histogram - le=+Inf
program_open unknown ?
program_requests_total counter code,verb
program_seconds histogram - le=0.1,1.0,2.0,+Inf
program_stat_cpu unknown mode,node
program_stat_memory unknown node
program_table_columns unknown table
program_table_rows unknown table
program_unused summary ?
`, found.String())
	require.Len(t, unknown, 1)
	assert.Regexp(t, `main.go:\d+: name$`, unknown[0])
}

func TestExporterCounts(t *testing.T) {
	for _, tc := range []struct {
		name     string
		exporter exporter
		file     string
		counts   bool
	}{
		{"everything", exporter{}, "example.com/a/a.go", true},
		{"only these", exporter{only: []string{"example.com/a/"}}, "example.com/a/a.go", true},
		{"not those", exporter{only: []string{"example.com/a/"}}, "example.com/b/b.go", false},
		{"except a file", exporter{except: []string{"example.com/a/a.go"}}, "example.com/a/a.go", false},
		{"another component's", exporter{except: others("k8s.io/kubernetes/pkg/kubelet/")}, "k8s.io/kubernetes/pkg/scheduler/metrics/metrics.go", false},
		{"its own", exporter{except: others("k8s.io/kubernetes/pkg/kubelet/")}, "k8s.io/kubernetes/pkg/kubelet/metrics/metrics.go", true},
		{"but another", exporter{except: []string{"example.com/a/a.go"}}, "example.com/a/b.go", true},
	} {
		t.Run(tc.name, func(t *testing.T) { assert.Equal(t, tc.counts, tc.exporter.counts(tc.file, nil)) })
	}
}

func TestSourcesFail(t *testing.T) {
	_, err := listSources("/no/such/directory", []string{program})
	require.Error(t, err)
	sources, err := listSources(".", []string{program})
	require.NoError(t, err)
	_, err = sources.linked("example.com/none")
	require.EqualError(t, err, "no package example.com/none")
}
