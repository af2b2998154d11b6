package pictures

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// format writes a value in a unit as Grafana does. decimals is nil for as many as three digits need.
type format func(value float64, decimals *int) string

// formats maps Grafana's names of units to how it writes them:
// https://github.com/grafana/grafana/blob/main/packages/grafana-data/src/valueFormats/categories.ts
var formats = map[string]format{
	"none":    fixed(""),
	"short":   scaled(1000, "", " K", " Mil", " Bil", " Tri", " Quadr"),
	"sishort": scaled(1000, "", " k", " M", " G", " T", " P"),
	"percent": fixed("%"),
	"percentunit": func(value float64, decimals *int) string {
		return fixed("%")(value*100, decimals)
	},
	"celsius": fixed(" °C"),

	"bytes":    binary("B"),
	"bits":     binary("b"),
	"binBps":   binary("B/s"),
	"binbps":   binary("b/s"),
	"decbytes": metric("B"),
	"decbits":  metric("b"),
	"Bps":      metric("B/s"),
	"bps":      metric("b/s"),
	"pps":      metric("p/s"),
	"hertz":    metric("Hz"),
	"watt":     metric("W"),

	"cps":   counts("c/s"),
	"ops":   counts("ops/s"),
	"reqps": counts("req/s"),
	"rps":   counts("rd/s"),
	"wps":   counts("wr/s"),
	"iops":  counts("io/s"),
	"eps":   counts("evt/s"),
	"mps":   counts("msg/s"),
	"recps": counts("rec/s"),
	"cpm":   counts("c/m"),
	"opm":   counts("ops/m"),
	"reqpm": counts("req/m"),

	"ns": seconds(1e-9),
	"µs": seconds(1e-6),
	"ms": seconds(1e-3),
	"s":  seconds(1),
	"m":  seconds(60),
	"h":  seconds(3600),
	"d":  seconds(86400),

	"dtdurations":  duration(1),
	"dtdurationms": duration(1e-3),

	"dateTimeAsIso":    date("2006-01-02 15:04:05"),
	"dateTimeAsSystem": date("2006-01-02 15:04:05"),
	"dateTimeAsLocal":  date("2006-01-02 15:04:05"),
	"dateTimeFromNow":  fromNow,

	"bool":        choice("True", "False"),
	"bool_yes_no": choice("Yes", "No"),
	"bool_on_off": choice("On", "Off"),
}

// formatOf returns how a unit is written; "" is none.
func formatOf(unit string) (format, error) {
	if unit == "" {
		unit = "none"
	}
	if f, ok := formats[unit]; ok {
		return f, nil
	}
	return nil, fmt.Errorf("cannot write the unit %q; allowed: %s", unit, strings.Join(slices.Sorted(maps.Keys(formats)), ", "))
}

// toFixed writes a number with decimals, or with as many as three digits need.
func toFixed(value float64, decimals *int) string {
	switch {
	case math.IsNaN(value):
		return "NaN"
	case math.IsInf(value, 0):
		return strings.Replace(strconv.FormatFloat(value, 'f', 0, 64), "Inf", "∞", 1)
	}
	n := 0
	if decimals != nil {
		n = *decimals
	} else if value != math.Trunc(value) {
		n = 2 - int(math.Floor(math.Log10(math.Abs(value))))
	}
	rounded := strconv.FormatFloat(value, 'f', max(n, 0), 64)
	if strings.Trim(rounded, "-0.") == "" {
		return strings.TrimPrefix(rounded, "-")
	}
	return rounded
}

func fixed(suffix string) format {
	return func(value float64, decimals *int) string { return toFixed(value, decimals) + suffix }
}

// scaled writes a value as a multiple of a power of the base, with the suffix of that power.
func scaled(base float64, suffixes ...string) format {
	return func(value float64, decimals *int) string {
		power := 0
		for math.Abs(value) >= base && power < len(suffixes)-1 {
			value /= base
			power++
		}
		return toFixed(value, decimals) + suffixes[power]
	}
}

func binary(symbol string) format {
	var suffixes []string
	for _, prefix := range []string{"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"} {
		suffixes = append(suffixes, " "+prefix+symbol)
	}
	return scaled(1024, suffixes...)
}

// metric writes values with the SI's prefixes.
func metric(symbol string) format {
	small := []string{" m" + symbol, " µ" + symbol, " n" + symbol}
	var suffixes []string
	for _, prefix := range []string{"", "k", "M", "G", "T", "P", "E"} {
		suffixes = append(suffixes, " "+prefix+symbol)
	}
	large := scaled(1000, suffixes...)
	return func(value float64, decimals *int) string {
		if value == 0 || math.Abs(value) >= 1 || math.IsNaN(value) {
			return large(value, decimals)
		}
		power := -1
		for math.Abs(value) < 1 && power < len(small)-1 {
			value *= 1000
			power++
		}
		return toFixed(value, decimals) + small[power]
	}
}

func counts(symbol string) format {
	return scaled(1000, " "+symbol, "K "+symbol, "M "+symbol, "B "+symbol, "T "+symbol)
}

// spans are the units of time, the longest first.
var spans = []struct {
	seconds      float64
	suffix, word string
}{
	{365 * 86400, " years", "year"},
	{30 * 86400, "", "month"}, // only in words
	{7 * 86400, " weeks", "week"},
	{86400, " days", "day"},
	{3600, " hours", "hour"},
	{60, " mins", "minute"},
	{1, " s", "second"},
	{1e-3, " ms", "millisecond"},
	{1e-6, " µs", ""},
	{1e-9, " ns", ""},
}

// seconds writes a value of so many seconds in the longest unit of time in which it is at least 1,
// but not in a shorter one than its own, except for seconds.
func seconds(unit float64) format {
	return func(value float64, decimals *int) string {
		value *= unit
		if value == 0 || math.IsNaN(value) || math.IsInf(value, 0) {
			return toFixed(value, decimals) + " s"
		}
		last := spans[len(spans)-1]
		for _, span := range spans {
			if span.suffix != "" && math.Abs(value) >= span.seconds {
				last = span
				break
			}
		}
		suffix := last.suffix
		if math.Abs(value) == last.seconds && last.seconds > 1 {
			suffix = strings.TrimSuffix(suffix, "s")
		}
		return toFixed(value/last.seconds, decimals) + suffix
	}
}

// duration writes a value of so many seconds in words, such as "1 day, 3 hours", with one unit of
// time more than decimals.
func duration(unit float64) format {
	return func(value float64, decimals *int) string {
		if value == 0 {
			return "0 seconds"
		}
		rest, suffix := math.Abs(value*unit), ""
		if value < 0 {
			suffix = " ago"
		}
		count := 1
		if decimals != nil {
			count = *decimals + 1
		}
		var words []string
		for _, span := range spans {
			if span.word == "" || count == 0 || rest < span.seconds && len(words) == 0 {
				continue
			}
			n := math.Floor(rest / span.seconds)
			rest -= n * span.seconds
			count--
			words = append(words, plural(int(n), span.word))
		}
		return strings.Join(words, ", ") + suffix
	}
}

func plural(n int, word string) string {
	if n != 1 {
		word += "s"
	}
	return fmt.Sprintf("%d %s", n, word)
}

// date writes milliseconds since 1970.
func date(layout string) format {
	return func(value float64, _ *int) string {
		return time.UnixMilli(int64(value)).UTC().Format(layout)
	}
}

// fromNow writes how far milliseconds since 1970 are away.
func fromNow(value float64, _ *int) string {
	away := value/1000 - float64(time.Now().Unix())
	words := duration(1)(math.Abs(away), nil)
	if away > 0 {
		return "in " + words
	}
	return words + " ago"
}

func choice(yes, no string) format {
	return func(value float64, _ *int) string {
		if value == 0 {
			return no
		}
		return yes
	}
}
