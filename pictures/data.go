package pictures

import (
	"context"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// series is one series that a panel's query returned.
type series struct {
	name   string
	refID  string
	labels model.Metric
	// values are those at the time first and every step later; NaN where there is none. Of an instant
	// query there is one.
	values []float64
	first  time.Time
	step   time.Duration
	field  field
}

// at returns the time of a value.
func (s series) at(i int) time.Time { return s.first.Add(time.Duration(i) * s.step) }

// steps are the intervals between the points of a query, as Grafana rounds them.
var steps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 20 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 20 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// stepFor returns the interval between the points of a query for so many pixels: a point for every four
// of them, at most 250, and not more than are scraped. Grafana asks for a point for every pixel,
// which would make the file of a picture four times as large.
func (b *board) stepFor(pixels float64) time.Duration {
	wanted := time.Duration(float64(b.end.Sub(b.start)) / min(pixels/4, 250))
	i, _ := slices.BinarySearch(steps, wanted)
	return max(steps[min(i, len(steps)-1)], b.ScrapeInterval)
}

// query runs the queries of a panel that is so many pixels wide, for panels that draw series.
func (b *board) query(ctx context.Context, p panel, pixels float64) ([]series, error) {
	step := b.stepFor(pixels)
	var all []series
	for _, t := range p.Targets {
		if t.Hide {
			continue
		}
		expr, err := b.interpolate(t.Expr, step)
		if err != nil {
			return nil, fmt.Errorf("query %s: %w", t.RefID, err)
		}
		found, err := b.series(ctx, expr, step, t.Instant && !t.Range)
		if err != nil {
			return nil, fmt.Errorf("query %s: %w", t.RefID, err)
		}
		for i := range found {
			found[i].refID = t.RefID
			found[i].name = b.legend(t.Legend, found[i].labels)
		}
		all = append(all, found...)
	}
	for i := range all {
		f, err := b.field(p, all[i].name, all[i].refID, true)
		if err != nil {
			return nil, err
		}
		all[i].field = f
		if f.DisplayName != "" {
			all[i].name = b.caption(f.DisplayName)
		}
	}
	return all, nil
}

// series returns the series of an expression over the time range, at multiples of the step, or of its
// end, in the order in which Prometheus returns them.
func (b *board) series(ctx context.Context, expr string, step time.Duration, instant bool) ([]series, error) {
	var all []series
	if instant {
		vector, err := b.instant(ctx, expr)
		for _, sample := range vector {
			all = append(all, series{labels: sample.Metric, values: []float64{float64(sample.Value)}})
		}
		return all, err
	}
	first, last := b.start.Truncate(step), b.end.Truncate(step)
	value, _, _, err := b.Prometheus.QueryRange(ctx, expr, promv1.Range{Start: first, End: last, Step: step})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", expr, err)
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return nil, fmt.Errorf("%s: Prometheus returned a %s", expr, value.Type())
	}
	for _, stream := range matrix {
		s := series{labels: stream.Metric, values: make([]float64, int(last.Sub(first)/step)+1), first: first, step: step}
		for i := range s.values {
			s.values[i] = math.NaN()
		}
		for _, pair := range stream.Values {
			if i := int(pair.Timestamp.Time().Sub(first) / step); i >= 0 && i < len(s.values) {
				s.values[i] = float64(pair.Value)
			}
		}
		all = append(all, s)
	}
	return all, nil
}

// instant returns the values of an expression at the end of the time range.
func (b *board) instant(ctx context.Context, expr string) (model.Vector, error) {
	value, _, _, err := b.Prometheus.Query(ctx, expr, b.end)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", expr, err)
	}
	switch value := value.(type) {
	case model.Vector:
		return value, nil
	case *model.Scalar:
		return model.Vector{{Value: value.Value, Timestamp: value.Timestamp, Metric: model.Metric{}}}, nil
	default:
		return nil, fmt.Errorf("%s: Prometheus returned a %s", expr, value.Type())
	}
}

// placeholder matches {{label}} in the format of a legend.
var placeholder = regexp.MustCompile(`\{\{\s*(.+?)\s*\}\}`)

// legend returns the name of a series in the format of a query's legend.
func (b *board) legend(format string, labels model.Metric) string {
	if format == "" || format == "__auto" {
		if len(labels) == 0 {
			return "Value"
		}
		return labels.String()
	}
	return placeholder.ReplaceAllStringFunc(b.caption(format), func(match string) string {
		return string(labels[model.LabelName(placeholder.FindStringSubmatch(match)[1])])
	})
}

// isEmpty reports whether no series has a value.
func isEmpty(all []series) bool {
	for _, s := range all {
		if !math.IsNaN(calculations["lastNotNull"](s.values)) {
			return false
		}
	}
	return true
}

// calculations reduce the values of a series, without those that are NaN, to one. They return NaN if
// there are none.
var calculations = map[string]func([]float64) float64{
	"lastNotNull": last,
	"last":        last,
	"firstNotNull": func(values []float64) float64 {
		values = present(values)
		if len(values) == 0 {
			return math.NaN()
		}
		return values[0]
	},
	"mean": func(values []float64) float64 {
		values = present(values)
		return total(values) / float64(len(values))
	},
	"sum": func(values []float64) float64 { return total(present(values)) },
	"min": func(values []float64) float64 { return extreme(values, math.Min) },
	"max": func(values []float64) float64 { return extreme(values, math.Max) },
	"count": func(values []float64) float64 {
		return float64(len(present(values)))
	},
}

// calculationTitles are the titles of calculations in legends.
var calculationTitles = map[string]string{
	"lastNotNull": "Last *", "last": "Last", "firstNotNull": "First *", "mean": "Mean", "sum": "Total", "min": "Min", "max": "Max", "count": "Count",
}

// calculation returns the calculation with Grafana's name.
func calculation(name string) (func([]float64) float64, error) {
	if c, ok := calculations[name]; ok {
		return c, nil
	}
	return nil, fmt.Errorf("unknown calculation %q; allowed: %s", name, strings.Join(slices.Sorted(maps.Keys(calculations)), ", "))
}

// reduce returns the value of a series that a panel shows.
func (o reduceOptions) reduce(values []float64) (float64, error) {
	if o.Values {
		return 0, fmt.Errorf("options: cannot show all values of a series")
	}
	name := "lastNotNull"
	if len(o.Calcs) > 0 {
		name = o.Calcs[0]
	}
	c, err := calculation(name)
	if err != nil {
		return 0, err
	}
	return c(values), nil
}

func present(values []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(values), math.IsNaN)
}

func last(values []float64) float64 {
	values = present(values)
	if len(values) == 0 {
		return math.NaN()
	}
	return values[len(values)-1]
}

func total(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum
}

func extreme(values []float64, choose func(a, b float64) float64) float64 {
	values = present(values)
	if len(values) == 0 {
		return math.NaN()
	}
	found := values[0]
	for _, v := range values {
		found = choose(found, v)
	}
	return found
}
