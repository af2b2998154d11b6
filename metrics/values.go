package metrics

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/common/model"
)

// Values describes the values that the samples and labels of a metric can have.
type Values struct {
	Low, High float64             // the smallest and the largest value of a sample; infinite if unknown
	Whole     bool                // whether only whole numbers occur
	Labels    map[string][]string // label to its only values
	PartOf    string              // a metric of the same target and labels that is never smaller; "" if there is none
}

// ValuesOf returns what is known about the values of the metric with a name, and reports whether
// anything is.
func ValuesOf(name string) (Values, bool) {
	all, err := loadValues()
	if err != nil {
		panic(err) // the file is embedded, and a test reads it
	}
	v, ok := all[name]
	return v, ok
}

// loadValues reads values.txt once.
var loadValues = sync.OnceValues(func() (map[string]Values, error) {
	text, err := files.ReadFile(valuesFile)
	if err != nil {
		return nil, err
	}
	all := map[string]Values{}
	for number, line := range lines(string(text)) {
		name, v, err := parseValues(line)
		if err == nil && all[name].Labels != nil {
			err = fmt.Errorf("%s is listed twice", name)
		}
		if err != nil {
			return nil, fmt.Errorf("metrics/%s:%d: %w", valuesFile, number, err)
		}
		all[name] = v
	}
	return all, nil
})

// parseValues reads a line of values.txt.
func parseValues(line string) (string, Values, error) {
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return "", Values{}, fmt.Errorf("%q; want: name values [label=values ...] [part-of=name]", line)
	}
	v := Values{Low: math.Inf(-1), High: math.Inf(1), Labels: map[string][]string{}}
	switch text := fields[1]; {
	case text == "-":
	case strings.HasSuffix(text, ".."):
		var err error
		if v.Low, err = strconv.ParseFloat(strings.TrimSuffix(text, ".."), 64); err != nil {
			return "", Values{}, err
		}
	default:
		v.Whole = true
		low, high, ok := strings.Cut(text, ",")
		if !ok {
			high = low
		}
		var errLow, errHigh error
		v.Low, errLow = strconv.ParseFloat(low, 64)
		v.High, errHigh = strconv.ParseFloat(high, 64)
		if err := errors.Join(errLow, errHigh); err != nil {
			return "", Values{}, err
		}
	}
	for _, field := range fields[2:] {
		label, values, ok := strings.Cut(field, "=")
		switch {
		case !ok:
			return "", Values{}, fmt.Errorf("%q; want: label=values", field)
		case label == "part-of":
			v.PartOf = values
		default:
			v.Labels[label] = strings.Split(values, ",")
		}
	}
	return fields[0], v, nil
}

// addTypes sets the types of types.txt in every version of their exporters.
func addTypes(all map[string]map[string]Exposition) error {
	text, err := files.ReadFile(typesFile)
	if err != nil {
		return err
	}
	for number, line := range lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || all[fields[0]] == nil {
			return fmt.Errorf("metrics/%s:%d: %q; want: exporter type name ...", typesFile, number, line)
		}
		for _, exposition := range all[fields[0]] {
			for _, name := range fields[2:] {
				if m, ok := exposition[name]; ok {
					m.Type = model.MetricType(fields[1])
					exposition[name] = m
				}
			}
		}
	}
	return nil
}
