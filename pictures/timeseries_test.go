package pictures

import (
	"image/color"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

func TestArrange(t *testing.T) {
	gone := math.NaN()
	drawn := func(config string, values ...float64) line {
		return line{series: series{field: fieldOf(t, `{"defaults": {"custom": `+config+`}}`, ""), values: values}}
	}
	const stacked, down = `{"stacking": {"mode": "normal", "group": "A"}}`, `{"stacking": {"mode": "normal", "group": "A"}, "transform": "negative-Y"}`
	all := []line{drawn(stacked, 1, 2), drawn(stacked, gone, 3), drawn(stacked, 4, 4), drawn(down, 5, 5), drawn(down, 1, 1), drawn(`{}`, 7, 7), drawn(`{"transform": "negative-Y"}`, 8, 8)}
	arrange(all)
	var found [][]float64
	for _, l := range all {
		found = append(found, l.drawn)
	}
	require.True(t, math.IsNaN(found[1][0]))
	found[1][0] = 0
	assert.Equal(t, [][]float64{{1, 2}, {0, 5}, {5, 9}, {-5, -5}, {-6, -6}, {7, 7}, {-8, -8}}, found)
	assert.Equal(t, []float64{1, 5}, all[2].base)
	assert.Nil(t, all[5].base)
	assert.Equal(t, []float64{5, 5}, all[3].values, "a legend has the values as they are")
}

func TestScale(t *testing.T) {
	for _, test := range []struct {
		config    string
		low, high float64
		expected  [2]float64
	}{
		{`{}`, 10, 20, [2]float64{9, 21}},
		{`{}`, 0, 20, [2]float64{0, 22}},
		{`{}`, -20, -10, [2]float64{-21, -9}},
		{`{}`, 0, 0, [2]float64{0, 1}},
		{`{}`, math.Inf(1), math.Inf(-1), [2]float64{0, 1.1}},
		{`{"custom": {"axisSoftMin": 0}}`, 10, 20, [2]float64{0, 21}},
		{`{"custom": {"axisSoftMin": 0}}`, -10, 20, [2]float64{-13, 23}},
		{`{"custom": {"axisSoftMax": 100}}`, 10, 20, [2]float64{9, 100}},
		{`{"custom": {"axisSoftMin": 0, "axisCenteredZero": true}}`, -10, 20, [2]float64{-23, 23}},
		{`{"min": 0, "max": 1}`, 0.2, 5, [2]float64{0, 1}},
	} {
		low, high := fieldOf(t, `{"defaults": `+test.config+`}`, "").scale(test.low, test.high)
		assert.InDelta(t, test.expected[0], low, 1e-9, "%s: %v to %v", test.config, test.low, test.high)
		assert.InDelta(t, test.expected[1], high, 1e-9, "%s: %v to %v", test.config, test.low, test.high)
	}
}

func TestTicks(t *testing.T) {
	for _, test := range []struct {
		config    string
		low, high float64
		expected  string
	}{
		{`{"unit": "percentunit", "max": 1}`, 0, 1, "0% 20% 40% 60% 80% 100%"},
		{`{"unit": "bytes"}`, 0, 3 * 1024, "0 B, 1 KiB, 2 KiB, 3 KiB"},
		{`{"unit": "s"}`, 0, 0.011, "0 s, 2.5 ms, 5 ms, 7.5 ms, 10 ms"},
		{`{"unit": "s"}`, 0, 300, "0 s, 1 min, 2 mins, 3 mins, 4 mins, 5 mins"},
		{`{"unit": "dtdurations"}`, 0, 7 * 86400, "0 s, 2 days, 4 days, 6 days"},
		{`{"unit": "short", "decimals": 0}`, 0, 1.1, "0, 1"},
		{`{"unit": "short"}`, -1500, 1500, "-1 K, 0, 1 K"},
	} {
		var labels []string
		for _, tick := range fieldOf(t, `{"defaults": `+test.config+`}`, "").ticks(test.low, test.high, 5) {
			labels = append(labels, tick.Label)
		}
		separator := " "
		if strings.Contains(test.expected, ",") {
			separator = ", "
		}
		assert.Equal(t, strings.Split(test.expected, separator), labels, test.config)
	}
}

func TestTimeTicks(t *testing.T) {
	labels := func(span time.Duration, most int) (found []string) {
		for _, tick := range timeTicks(noon.Add(-span), noon.Add(time.Minute), most) {
			found = append(found, tick.Label)
		}
		return found
	}
	assert.Equal(t, []string{"11:00", "11:20", "11:40", "12:00"}, labels(time.Hour, 3))
	assert.Equal(t, []string{"11/25", "11/26", "11/27"}, labels(60*time.Hour, 3))
}

func TestLimits(t *testing.T) {
	f := fieldOf(t, `{"defaults": {"custom": {"thresholdsStyle": {"mode": "dashed+area"}}, "thresholds": {"steps": [{"color": "green"}, {"value": 0.5, "color": "red"}, {"value": 2, "color": "blue"}]}}}`, "")
	chart := newChart(noon.Add(-time.Hour), noon)
	chart.Y.Min, chart.Y.Max = 0, 1
	limits, err := f.limits(chart)
	require.NoError(t, err)
	for _, l := range limits {
		chart.Add(l)
	}
	picture := newSVG(100)
	chart.Draw(draw.NewCanvas(picture, 200, 100))
	assert.Equal(t, `<path d="M0 100l200 0 0-50-200 0z" fill="#56a64b" fill-opacity="0.10"/>
<path d="M0 50l200 0 0-50-200 0z" fill="#e02f44" fill-opacity="0.10"/>
<path d="M0 50l200 0" stroke="#e02f44" stroke-opacity="0.70" stroke-width="2" stroke-dasharray="10 10"/>
`, picture.body.String())
}

func TestMarks(t *testing.T) {
	after := func(minutes int) time.Time { return noon.Add(time.Duration(minutes-60) * time.Minute) }
	red, blue := color.NRGBA{R: 255, A: 255}, color.NRGBA{B: 255, A: 255}
	chart := newChart(after(0), noon)
	chart.Y.Min, chart.Y.Max = 0, 1
	chart.Add(marks{
		{after(10), after(20), red}, {after(10), after(15), red}, {after(15), after(30), red},
		{after(40), after(40), blue}, {after(-20), after(-10), blue}, {after(50), after(90), blue},
	})
	picture := newSVG(100)
	chart.Draw(draw.NewCanvas(picture, 600, 100))
	assert.Equal(t, `<path d="M100 100l0-100M150 100l0-100" stroke="#ff0000" stroke-dasharray="4 4"/>
<path d="M99 103l102 0 0-3-102 0zM199 103l102 0 0-3-102 0z" fill="#ff0000"/>
<path d="M400 100l0-100M500 100l0-100" stroke="#0000ff" stroke-dasharray="4 4"/>
<path d="M399 103l2 0 0-3-2 0zM499 103l102 0 0-3-102 0z" fill="#0000ff"/>
`, picture.body.String())
}

func TestSVG(t *testing.T) {
	picture := newSVG(100)
	var path vg.Path
	path.Move(vg.Point{X: 10, Y: 90})
	for x := vg.Length(11); x <= 20; x++ {
		path.Line(vg.Point{X: x, Y: 90 + x/100})
	}
	path.Line(vg.Point{X: 30, Y: 50.04})
	picture.SetLineWidth(1.5)
	picture.Stroke(path)
	write(draw.NewCanvas(picture, 100, 20), bold(lettering(14, primary)), "a <long> title that has no room")
	assert.Equal(t, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100" width="200" height="100" font-family="Helvetica,Arial,'Liberation Sans',sans-serif" font-size="12" fill="none">
<title>A &amp; B</title>
<path d="M10 10l10-0.2 10 40.2" stroke="#000000" stroke-width="1.5"/>
<text x="0" y="95" fill="#24292e" font-size="14" font-weight="600">a &lt;long&gt; titl…</text>
</svg>
`, string(picture.document(200, "A & B")))
}
