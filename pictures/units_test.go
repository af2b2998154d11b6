package pictures

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFormats(t *testing.T) {
	two := 2
	for _, test := range []struct {
		unit     string
		value    float64
		decimals *int
		expected string
	}{
		{"", 3, nil, "3"},
		{"none", 1234.6, nil, "1235"},
		{"none", 0.00012345, nil, "0.000123"},
		{"none", math.NaN(), nil, "NaN"},
		{"none", math.Inf(1), nil, "+∞"},
		{"none", -0.001, &two, "0.00"},
		{"short", 999, nil, "999"},
		{"short", 1500, nil, "1.50 K"},
		{"short", -2.5e6, nil, "-2.50 Mil"},
		{"percent", 85, nil, "85%"},
		{"percentunit", 0.8512, nil, "85.1%"},
		{"percentunit", 1, &two, "100.00%"},
		{"bytes", 1.5 * 1024 * 1024 * 1024, nil, "1.50 GiB"},
		{"bytes", 1000, nil, "1000 B"},
		{"decbytes", 1500, nil, "1.50 kB"},
		{"binBps", 2048, nil, "2 KiB/s"},
		{"Bps", 2000, nil, "2 kB/s"},
		{"bps", 0.5, nil, "500 mb/s"},
		{"pps", 0, nil, "0 p/s"},
		{"reqps", 1234, nil, "1.23K req/s"},
		{"cps", 0.25, nil, "0.250 c/s"},
		{"s", 0.0123, nil, "12.3 ms"},
		{"s", 0.000_000_5, nil, "500 ns"},
		{"s", 90, nil, "1.50 mins"},
		{"s", 60, nil, "1 min"},
		{"s", 7200, nil, "2 hours"},
		{"s", -5, nil, "-5 s"},
		{"s", 0, nil, "0 s"},
		{"ms", 1500, nil, "1.50 s"},
		{"d", 7, nil, "1 week"},
		{"dtdurations", 93784, nil, "1 day"},
		{"dtdurations", 93784, &two, "1 day, 2 hours, 3 minutes"},
		{"dtdurations", 3600, &two, "1 hour, 0 minutes, 0 seconds"},
		{"dtdurations", -120, nil, "2 minutes ago"},
		{"dateTimeAsIso", 1795780800000, nil, "2026-11-27 12:00:00"},
		{"bool_yes_no", 1, nil, "Yes"},
		{"bool", 0, nil, "False"},
	} {
		write, err := formatOf(test.unit)
		require.NoError(t, err)
		assert.Equal(t, test.expected, write(test.value, test.decimals), "%v in %s", test.value, test.unit)
	}
}
