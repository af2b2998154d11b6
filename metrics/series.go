package metrics

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// SeriesFile is the file of this directory that says how many series each metric has.
const SeriesFile = "series.txt"

// seriesHeader is the first text of SeriesFile.
const seriesHeader = `# How many label sets each metric has: exporter name numbers. Written by ` + "`make metrics`" + ` from live
# scrapes of the local node.
#
# A number is for each target of the exporter, for each node of the cluster, or for each of its pods.
# A label set is a series, but a classic histogram has as many as bounds, and two more; of a summary,
# the number of quantiles is given. Label sets with a pod are divided by the number of pods in the
# same scrape. Of kube-state-metrics, so are those with only a namespace: workloads, services and
# other objects are taken to be as many, for each pod, as on the local node; and those with a node are
# divided by the number of nodes. Label sets for a processor are given for a node with four. What the
# local node does not expose, because it has not happened on it, is missing. A metric that was not
# scraped this time keeps its numbers; a stack with discovery.ingest: all exposes the most.
`

// Size says how many label sets a metric has.
type Size struct {
	Target, Node, Pod float64 // for each target of the exporter, and for each node and pod of the cluster
	Quantiles         int     // of a summary's label set
}

// In returns the number of label sets in a cluster.
func (s Size) In(targets, nodes, pods int) float64 {
	return s.Target*float64(targets) + s.Node*float64(nodes) + s.Pod*float64(pods)
}

// Times returns the size with each number of label sets multiplied.
func (s Size) Times(factor float64) Size {
	s.Target, s.Node, s.Pod = s.Target*factor, s.Node*factor, s.Pod*factor
	return s
}

// Plus returns the size with the numbers of label sets of another added.
func (s Size) Plus(other Size) Size {
	s.Target, s.Node, s.Pod = s.Target+other.Target, s.Node+other.Node, s.Pod+other.Pod
	return s
}

// Larger returns the larger of each number of both.
func (s Size) Larger(other Size) Size {
	return Size{max(s.Target, other.Target), max(s.Node, other.Node), max(s.Pod, other.Pod), max(s.Quantiles, other.Quantiles)}
}

// Sizes holds the sizes of metrics by exporter and name.
type Sizes map[string]map[string]Size

// Series returns the sizes of every exporter's metrics. A metric that is missing has no series.
var Series = sync.OnceValues(func() (Sizes, error) {
	text, err := files.ReadFile(SeriesFile)
	if err != nil {
		return nil, err
	}
	sizes, err := ParseSizes(string(text))
	if err != nil {
		return nil, fmt.Errorf("metrics/%s: %w", SeriesFile, err)
	}
	return sizes, nil
})

// ParseSizes reads the text of SeriesFile. The error names the first line that is not valid.
func ParseSizes(text string) (Sizes, error) {
	sizes := Sizes{}
	for number, line := range lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			return nil, fmt.Errorf("line %d: %q; want: exporter name numbers", number, line)
		}
		var size Size
		for _, field := range fields[2:] {
			of, text, _ := strings.Cut(field, "=")
			count, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return nil, fmt.Errorf("line %d: %q: %w", number, field, err)
			}
			switch of {
			case "target":
				size.Target = count
			case "node":
				size.Node = count
			case "pod":
				size.Pod = count
			case "quantiles":
				size.Quantiles = int(count)
			default:
				return nil, fmt.Errorf("line %d: %q; allowed: target, node, pod, quantiles", number, field)
			}
		}
		if sizes[fields[0]] == nil {
			sizes[fields[0]] = map[string]Size{}
		}
		sizes[fields[0]][fields[1]] = size
	}
	return sizes, nil
}

// String returns the text of SeriesFile, sorted by exporter and name.
func (s Sizes) String() string {
	var b strings.Builder
	b.WriteString(seriesHeader)
	for _, exporter := range slices.Sorted(maps.Keys(s)) {
		b.WriteByte('\n')
		for _, name := range slices.Sorted(maps.Keys(s[exporter])) {
			size := s[exporter][name]
			fmt.Fprintf(&b, "%s %s", exporter, name)
			for _, number := range []struct {
				of    string
				count float64
			}{{"target", size.Target}, {"node", size.Node}, {"pod", size.Pod}, {"quantiles", float64(size.Quantiles)}} {
				if number.count > 0 {
					fmt.Fprintf(&b, " %s=%s", number.of, strconv.FormatFloat(math.Round(number.count*100)/100, 'f', -1, 64))
				}
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}
