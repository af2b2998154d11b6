// Command program creates metrics in the ways in which exporters do.
package main

import (
	"fmt"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

const namespace = "program"

var bounds = append([]float64{0.1}, prometheus.LinearBuckets(1, 1, 2)...)

var tables = []struct{ name, label string }{{"rows", "table"}, {"columns", "table"}}

// stat describes several metrics.
type stat struct {
	name   string
	labels []string
}

func (s stat) desc(more []string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "stat", s.name), "", append(more, s.labels...), nil)
}

type collector struct{ subsystem string }

func (c collector) describe(name, label string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, c.subsystem, name), "", []string{label}, nil)
}

func main() {
	registry := prometheus.NewRegistry()
	promauto.With(registry).NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "requests_total"}, []string{"code", "verb"})
	promauto.With(registry).NewHistogram(prometheus.HistogramOpts{Name: "program_seconds", Buckets: bounds})
	prometheus.NewHistogram(prometheus.HistogramOpts{Name: "program_default_seconds"})
	prometheus.NewHistogram(prometheus.HistogramOpts{Name: "program_native_seconds", NativeHistogramBucketFactor: 1.1})
	options := prometheus.GaugeOpts{Name: fmt.Sprintf("%s_info", namespace), ConstLabels: prometheus.Labels{"version": "1"}}
	prometheus.NewGauge(options)
	unused := prometheus.SummaryOpts{Name: "program_unused"}
	fmt.Println(unused)

	for _, t := range tables {
		prometheus.NewDesc("program_table_"+t.name, "", []string{t.label}, nil)
	}
	for name := range map[string]int{"up": 1, "down": 2} {
		prometheus.NewDesc("program_key_"+name, "", nil, nil)
	}
	for _, s := range []stat{{name: "cpu", labels: []string{"mode"}}, {name: "memory"}} {
		s.desc([]string{"node"})
	}
	c := collector{subsystem: "disk"}
	c.describe("reads", "device")
	c.describe("mounts", "path")

	prometheus.NewDesc("program_"+os.Args[0], "", nil, nil)                    // a name that is known at run time only
	prometheus.NewDesc("program_open", "", []string{os.Args[0]}, nil)          // a label likewise
	prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "program_any"}, os.Args) // labels likewise
}
