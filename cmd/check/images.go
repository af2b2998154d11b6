package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// printImages prints the images that the pods of a stack file pull, one per line and sorted. An image
// of a registry with a mirror is followed by a space and its name there.
func printImages(out io.Writer, file string) error {
	cfg, err := config.FromFile(file)
	if err != nil {
		return err
	}
	var lines []string
	for pulled, original := range render.Images(cfg) {
		line := original
		if pulled != original {
			line += " " + pulled
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	for _, line := range lines {
		fmt.Fprintln(out, line)
	}
	return nil
}
