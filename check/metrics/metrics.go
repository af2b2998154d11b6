// Package metrics knows what each exporter exposes: a file per exporter and
// version, written by `make metrics` from the exporter's sources and from live
// scrapes, and additional.txt, kept by hand, for what neither of them shows.
//
// A line is a metric: its name, its type, the labels it has of its own, and the
// upper bounds of its buckets:
//
//	apiserver_request_total counter code,component,verb
//	apiserver_request_duration_seconds histogram verb le=0.05,0.1,+Inf
//
// A metric without labels has a dash in their place. A question mark among them
// stands for labels that depend on the cluster. A star at the end of a name, in
// additional.txt, stands for every metric whose name begins so.
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

//go:embed *.txt
var files embed.FS

// additional is the file kept by hand: its lines start with the exporter.
const additional = "additional.txt"

// openEnded stands for labels that depend on the cluster.
const openEnded = "?"

// Metric is one metric of an exporter, as its exposition's TYPE line names it.
type Metric struct {
	Name   string
	Type   model.MetricType // counter, gauge, histogram, summary or unknown
	Labels []string         // sorted; without those of the scraped target
	Open   bool             // may have other labels, too
	Bounds []float64        // of a histogram's buckets, sorted
}

// Exposition is what one exporter exposes, by name.
type Exposition map[string]Metric

// Of returns what an exporter exposes, in its given version if a file of that
// version is there, else in the newest one; nil for an exporter without a file.
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

var load = sync.OnceValues(func() (map[string]map[string]Exposition, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, err
	}
	all := map[string]map[string]Exposition{}
	for _, entry := range entries {
		if entry.Name() == additional {
			continue
		}
		text, err := files.ReadFile(entry.Name())
		if err != nil {
			return nil, err
		}
		e, err := Parse(string(text))
		if err != nil {
			return nil, fmt.Errorf("check/metrics/%s: %w", entry.Name(), err)
		}
		exporter, version, _ := strings.Cut(strings.TrimSuffix(entry.Name(), ".txt"), "-v")
		if all[exporter] == nil {
			all[exporter] = map[string]Exposition{}
		}
		all[exporter][version] = e
	}
	return all, addByHand(all)
})

// addByHand adds the metrics of additional.txt to every version.
func addByHand(all map[string]map[string]Exposition) error {
	text, err := files.ReadFile(additional)
	if err != nil {
		return err
	}
	for number, line := range lines(string(text)) {
		exporter, rest, _ := strings.Cut(line, " ")
		metric, err := parseLine(rest)
		if err != nil {
			return fmt.Errorf("check/metrics/%s:%d: %w", additional, number, err)
		}
		if all[exporter] == nil {
			return fmt.Errorf("check/metrics/%s:%d: there is no file of %q", additional, number, exporter)
		}
		for _, exposition := range all[exporter] {
			exposition.Add(metric)
		}
	}
	return nil
}

// Prefix is what a line for several metrics has in front of its star.
func (m Metric) Prefix() (string, bool) { return strings.CutSuffix(m.Name, "*") }

// Parse reads the lines of a file.
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

// lines are the lines of a file by number, without comments.
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

// Add merges a metric into the exposition: what one scrape shows of it and what
// another one does.
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

// Has reports whether the exposition allows every sample that a metric allows.
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

// String is the text of a file, sorted by name.
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

// FormatBound writes a bound as the `le` label has it in Prometheus' storage.
func FormatBound(bound float64) string { return labels.FormatOpenMetricsFloat(bound) }

// compareVersions orders versions such as 1.9.0 and 1.10.0 by their numbers.
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
