package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/check"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// The lines around the generated table of sizes in docs/operations.md.
const (
	beginSizes = "<!-- Written by `make docs` from the estimate of `make check`. -->\n"
	endSizes   = "<!-- End of sizes. -->\n"
)

// clusters holds the sizes of clusters in the table.
var clusters = []struct{ nodes, pods int }{{3, 60}, {10, 300}, {20, 600}, {50, 1500}, {100, 5000}, {300, 9000}}

// writeSizes replaces the table of sizes in docs/operations.md.
func writeSizes(old []byte, _ source) ([]byte, error) {
	var b strings.Builder
	b.WriteString("\n| Nodes | Pods | Active series | Samples per second | Cores | Memory | Disk for 15 days |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	english := message.NewPrinter(language.English)
	for _, cluster := range clusters {
		estimate, err := estimateOf(cluster.nodes, cluster.pods)
		if err != nil {
			return nil, err
		}
		english.Fprintf(&b, "| %d | %d | %d | %d | %.2f | %.1f GiB | %.1f GiB |\n", cluster.nodes, cluster.pods,
			round(float64(estimate.Total)), round(estimate.Samples), estimate.CPU, float64(estimate.Memory)/(1<<30), float64(estimate.Disk)/(1<<30))
	}
	b.WriteString("\n")
	return replaceBetween(old, beginSizes, endSizes, []byte(b.String()))
}

// estimateOf returns the estimate for a stack with the defaults.
func estimateOf(nodes, pods int) (check.Estimate, error) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return check.Estimate{}, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "Pulumi.example.yaml")
	text := fmt.Sprintf("config: {%s:cluster: {name: example, nodes: %d, pods: %d}}\n", config.Project, nodes, pods)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return check.Estimate{}, err
	}
	cfg, err := config.FromFile(file)
	if err != nil {
		return check.Estimate{}, err
	}
	stack, err := render.New(cfg)
	if err != nil {
		return check.Estimate{}, err
	}
	estimate, ok := check.EstimateOf(check.Analyse(stack))
	if !ok {
		return check.Estimate{}, errors.New("no estimate of " + text)
	}
	return estimate, nil
}

// round rounds a number to two digits, so that the table changes only where a size does.
func round(value float64) int {
	unit := math.Pow(10, math.Floor(math.Log10(value))-1)
	return int(math.Round(value/unit) * unit)
}
