package main

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	dto "github.com/prometheus/client_model/go"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/metrics"
)

// processors is the number of processors of the nodes that metrics.SeriesFile describes.
const processors = 4

// objects counts the pods, nodes and processors that the series of a scrape name.
type objects struct{ pods, nodes, processors map[string]bool }

// sizesOf returns how many label sets each metric of a scrape has.
func sizesOf(exporter string, families map[string]*dto.MetricFamily) map[string]metrics.Size {
	named := objects{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	for _, family := range families {
		for _, series := range family.GetMetric() {
			if pod := valueOf(series, "pod"); pod != "" {
				named.pods[valueOf(series, "namespace")+"/"+pod] = true
			}
			named.nodes[valueOf(series, "node")] = true
			named.processors[valueOf(series, "cpu")] = true
		}
	}
	delete(named.nodes, "")
	delete(named.processors, "")
	ofObjects := exporter == string(config.KubeStateMetricsJob)
	sizes := map[string]metrics.Size{}
	for name, family := range families {
		var size metrics.Size
		for _, series := range family.GetMetric() {
			size.Quantiles = max(size.Quantiles, len(series.GetSummary().GetQuantile()))
			pod, node := valueOf(series, "pod") != "", valueOf(series, "node") != ""
			switch {
			case pod, ofObjects && valueOf(series, "namespace") != "" && len(named.pods) > 0:
				size.Pod += 1 / float64(len(named.pods))
			case ofObjects && node:
				size.Node += 1 / float64(len(named.nodes))
			case exporter == string(config.NodeExporterJob) && valueOf(series, "cpu") != "":
				size.Target += processors / float64(len(named.processors))
			default:
				size.Target++
			}
		}
		sizes[name] = size
	}
	return sizes
}

// count adds the sizes of the metrics of a scrape. Of several targets, the largest counts.
func (c *collector) count(exporter string, families map[string]*dto.MetricFamily) {
	if c.sizes[exporter] == nil {
		c.sizes[exporter] = map[string]metrics.Size{}
	}
	for name, size := range sizesOf(exporter, families) {
		c.sizes[exporter][name] = size.Larger(c.sizes[exporter][name])
	}
}

// valueOf returns the value of a label of a series; empty if it has none.
func valueOf(series *dto.Metric, name string) string {
	for _, label := range series.GetLabel() {
		if label.GetName() == name {
			return label.GetValue()
		}
	}
	return ""
}

// writeSizes replaces the sizes of the metrics that were scraped.
func writeSizes(dir string, scraped metrics.Sizes) error {
	path := filepath.Join(dir, metrics.SeriesFile)
	sizes := metrics.Sizes{}
	switch text, err := os.ReadFile(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		if sizes, err = metrics.ParseSizes(string(text)); err != nil {
			return err
		}
	}
	for exporter, named := range scraped {
		if sizes[exporter] == nil {
			sizes[exporter] = map[string]metrics.Size{}
		}
		maps.Copy(sizes[exporter], named)
	}
	return os.WriteFile(path, []byte(sizes.String()), 0o644)
}
