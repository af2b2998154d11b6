// Package metrics lists what each exporter exposes. `make metrics` writes a file for each exporter
// and version, from the exporter's sources and from live scrapes; additional.txt is maintained by
// hand and adds what neither shows.
//
// Each line is a metric: its name, its type, the labels that the exporter sets, and the upper
// bounds of a histogram's buckets:
//
//	apiserver_request_total counter code,component,verb
//	apiserver_request_duration_seconds histogram verb le=0.05,0.1,+Inf
//
// A dash stands for no labels, and a question mark for labels that depend on the cluster. In
// additional.txt, a line starts with the name of the exporter, and a name that ends in a star
// stands for all metrics with that prefix. types.txt adds types, and values.txt says which values
// samples and labels can have. series.txt says how many series each metric has.
package metrics

import (
	"bufio"
	"cmp"
	"embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// files contains a file for each exporter and version, and the ones that are maintained by hand.
//
//go:embed *.txt
var files embed.FS

// The files that are maintained by hand: more metrics, their types, and the values they can have.
const (
	additional = "additional.txt"
	typesFile  = "types.txt"
	valuesFile = "values.txt"
)

var byHand = []string{additional, typesFile, valuesFile}

// openEnded stands for labels that depend on the cluster in the list of a metric's labels.
const openEnded = "?"

// Metric is one metric of an exporter, under the name of its TYPE line:
// https://prometheus.io/docs/instrumenting/exposition_formats/
type Metric struct {
	Name   string           // without suffixes such as _bucket; may end in a star
	Type   model.MetricType // counter, gauge, histogram, summary or unknown
	Labels []string         // sorted, without the labels of the target
	Open   bool             // whether it may have further labels
	Bounds []float64        // upper bounds of a histogram's buckets, sorted
	Native bool             // whether Prometheus stores it as a native histogram
}

// Exposition holds the metrics of one exporter, by name.
type Exposition map[string]Metric

// Of returns what an exporter exposes in a version, such as v3.16.0, or in the newest version that
// has a file if that one has none; nil for an exporter without any file.
func Of(exporter, version string) (Exposition, error) {
	all, err := load()
	if err != nil {
		return nil, err
	}
	versions := all[exporter]
	if e, ok := versions[strings.TrimPrefix(version, "v")]; ok || len(versions) == 0 {
		return e, nil
	}
	return versions[slices.MaxFunc(slices.Collect(maps.Keys(versions)), compareVersions)], nil
}

// Has reports whether there is a list of what an exporter exposes in a version, such as v3.16.0.
func Has(exporter, version string) bool {
	all, err := load()
	_, ok := all[exporter][strings.TrimPrefix(version, "v")]
	return err == nil && ok
}

// load reads all files once and returns the expositions by exporter and version. An exporter whose
// file names no version has the version "".
var load = sync.OnceValues(func() (map[string]map[string]Exposition, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	all := map[string]map[string]Exposition{}
	for _, entry := range entries {
		if entry.Name() == SeriesFile || slices.Contains(byHand, entry.Name()) {
			continue
		}
		text, err := files.ReadFile(entry.Name())
		if err != nil {
			return nil, err
		}
		e, err := Parse(string(text))
		if err != nil {
			return nil, fmt.Errorf("metrics/%s: %w", entry.Name(), err)
		}
		exporter, version, _ := strings.Cut(strings.TrimSuffix(entry.Name(), ".txt"), "-v")
		if all[exporter] == nil {
			all[exporter] = map[string]Exposition{}
		}
		all[exporter][version] = e
	}
	if err := addByHand(all); err != nil {
		return nil, err
	}
	return all, addTypes(all)
})

// addByHand adds the metrics of additional.txt to every version of their exporters.
func addByHand(all map[string]map[string]Exposition) error {
	text, err := files.ReadFile(additional)
	if err != nil {
		return err
	}
	for number, line := range lines(string(text)) {
		exporter, rest, _ := strings.Cut(line, " ")
		metric, err := parseLine(rest)
		if err != nil {
			return fmt.Errorf("metrics/%s:%d: %w", additional, number, err)
		}
		if all[exporter] == nil {
			return fmt.Errorf("metrics/%s:%d: there is no file of %q", additional, number, exporter)
		}
		for _, exposition := range all[exporter] {
			exposition.Add(metric)
		}
	}
	return nil
}

// Prefix returns the name without the star that stands for all metrics with that prefix, and
// reports whether there is one.
func (m Metric) Prefix() (string, bool) { return strings.CutSuffix(m.Name, "*") }

// SampleNames returns the names under which Prometheus stores the metric's samples.
func (m Metric) SampleNames() []string {
	switch {
	case m.Native:
		return []string{m.Name}
	case m.Type == model.MetricTypeHistogram:
		return []string{m.Name + "_bucket", m.Name + "_sum", m.Name + "_count"}
	case m.Type == model.MetricTypeSummary:
		return []string{m.Name, m.Name + "_sum", m.Name + "_count"}
	}
	return []string{m.Name}
}

// Parse reads the text of a file. The error names the first line that is not valid.
func Parse(text string) (Exposition, error) {
	e := Exposition{}
	for number, line := range lines(text) {
		metric, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		e.Add(metric)
	}
	return e, nil
}

// lines iterates over the lines of a file that are neither empty nor comments, by number from 1.
func lines(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		scanner := bufio.NewScanner(strings.NewReader(text))
		for number := 1; scanner.Scan(); number++ {
			line, _, _ := strings.Cut(scanner.Text(), "#")
			if line = strings.TrimSpace(line); line != "" && !yield(number, line) {
				return
			}
		}
	}
}

// parseLine reads one metric.
func parseLine(line string) (Metric, error) {
	fields := strings.Fields(line)
	if len(fields) < 3 || len(fields) > 4 {
		return Metric{}, fmt.Errorf("%q; want: name type labels [le=bounds]", line)
	}
	m := Metric{Name: fields[0], Type: model.MetricType(fields[1])}
	for _, label := range strings.Split(fields[2], ",") {
		switch label {
		case "-":
		case openEnded:
			m.Open = true
		default:
			m.Labels = append(m.Labels, label)
		}
	}
	if len(fields) == 4 {
		for _, text := range strings.Split(strings.TrimPrefix(fields[3], "le="), ",") {
			bound, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return Metric{}, fmt.Errorf("%q: %w", line, err)
			}
			m.Bounds = append(m.Bounds, bound)
		}
	}
	return m, nil
}

// Add adds a metric, or merges its labels and bounds into the metric of the same name, so that
// several scrapes add up.
func (e Exposition) Add(m Metric) {
	known := e[m.Name]
	m.Labels = append(slices.Clone(known.Labels), m.Labels...)
	m.Bounds = append(slices.Clone(known.Bounds), m.Bounds...)
	m.Open = m.Open || known.Open
	if m.Type == model.MetricTypeUnknown {
		m.Type = cmp.Or(known.Type, m.Type)
	}
	slices.Sort(m.Labels)
	slices.Sort(m.Bounds)
	m.Labels, m.Bounds = slices.Compact(m.Labels), slices.Compact(m.Bounds)
	e[m.Name] = m
}

// Has reports whether every sample that m allows is also allowed by the exposition.
func (e Exposition) Has(m Metric) bool {
	known, ok := e[m.Name]
	if !ok || m.Open && !known.Open {
		return false
	}
	several := func(t model.MetricType) bool {
		return t == model.MetricTypeHistogram || t == model.MetricTypeSummary
	}
	if known.Type != m.Type && (several(known.Type) || several(m.Type)) {
		return false
	}
	if !known.Open && slices.ContainsFunc(m.Labels, func(label string) bool { return !slices.Contains(known.Labels, label) }) {
		return false
	}
	return !slices.ContainsFunc(m.Bounds, func(bound float64) bool { return !slices.Contains(known.Bounds, bound) })
}

// WithNativeHistograms returns the exposition of a job that stores its histograms as native ones.
func (e Exposition) WithNativeHistograms() Exposition {
	native := maps.Clone(e)
	for name, m := range native {
		m.Native = m.Type == model.MetricTypeHistogram
		native[name] = m
	}
	return native
}

// String returns the text of a file, sorted by name.
func (e Exposition) String() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(e)) {
		m := e[name]
		names := slices.Clone(m.Labels)
		if m.Open {
			names = append(names, openEnded)
		}
		fmt.Fprintf(&b, "%s %s %s", m.Name, m.Type, cmp.Or(strings.Join(names, ","), "-"))
		for i, bound := range m.Bounds {
			separator := ","
			if i == 0 {
				separator = " le="
			}
			b.WriteString(separator + FormatBound(bound))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// FormatBound returns the value of the label le for a bound as Prometheus stores it, such as 1.0.
func FormatBound(bound float64) string { return labels.FormatOpenMetricsFloat(bound) }

// compareVersions compares versions such as 1.9.0 and 1.10.0 number by number, as cmp.Compare does.
func compareVersions(a, b string) int {
	numbers := func(version string) []int {
		var list []int
		for _, part := range strings.FieldsFunc(version, func(r rune) bool { return r < '0' || r > '9' }) {
			number, _ := strconv.Atoi(part)
			list = append(list, number)
		}
		return list
	}
	return slices.Compare(numbers(a), numbers(b))
}
