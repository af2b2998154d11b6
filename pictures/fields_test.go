package pictures

import (
	"encoding/json"
	"image/color"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fieldOf returns a field from a panel's field config in JSON.
func fieldOf(t *testing.T, config, name string) field {
	t.Helper()
	var p panel
	require.NoError(t, json.Unmarshal([]byte(`{"fieldConfig": `+config+`}`), &p))
	b := &board{}
	f, err := b.field(p, name, "A", true)
	require.NoError(t, err)
	require.Empty(t, b.findings)
	return f
}

func TestDisplay(t *testing.T) {
	const config = `{"defaults": {"unit": "percentunit", "noValue": "none",
		"thresholds": {"mode": "absolute", "steps": [{"value": null, "color": "green"}, {"value": 0.8, "color": "yellow"}, {"value": 0.9, "color": "red"}]},
		"mappings": [
			{"type": "value", "options": {"0": {"text": "Idle", "color": "blue"}}},
			{"type": "range", "options": {"from": 2, "to": null, "result": {"text": "Too much"}}},
			{"type": "special", "options": {"match": "nan", "result": {"text": "Unknown", "color": "text"}}}
		]}}`
	f := fieldOf(t, config, "")
	for _, test := range []struct {
		value       float64
		text, color string
	}{
		{0.5, "50%", "green"},
		{0.8, "80%", "yellow"},
		{0.951, "95.1%", "red"},
		{0, "Idle", "blue"},
		{3, "Too much", "red"},
		{math.NaN(), "Unknown", "text"},
	} {
		text, clr, err := f.display(test.value)
		require.NoError(t, err)
		expected, err := paint(test.color)
		require.NoError(t, err)
		assert.Equal(t, test.text, text)
		assert.Equal(t, expected, clr, test.text)
	}
	f.Mappings = nil
	text, _, err := f.display(math.NaN())
	require.NoError(t, err)
	assert.Equal(t, "none", text)
}

func TestThresholdsInPercent(t *testing.T) {
	f := fieldOf(t, `{"defaults": {"min": 100, "max": 200, "thresholds": {"mode": "percentage", "steps": [{"color": "green"}, {"value": 80, "color": "red"}]}}}`, "")
	assert.Equal(t, "green", f.thresholdColor(179))
	assert.Equal(t, "red", f.thresholdColor(180))
}

func TestOverrides(t *testing.T) {
	const config = `{"defaults": {"unit": "bytes", "custom": {"fillOpacity": 10}}, "overrides": [
		{"matcher": {"id": "byName", "options": "limit"}, "properties": [
			{"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [10, 10]}}, {"id": "custom.fillOpacity", "value": 0}]},
		{"matcher": {"id": "byRegexp", "options": "/^sent/"}, "properties": [{"id": "custom.transform", "value": "negative-Y"}]},
		{"matcher": {"id": "byFrameRefID", "options": "B"}, "properties": [{"id": "unit", "value": "s"}]}]}`
	limit, sent := fieldOf(t, config, "limit"), fieldOf(t, config, "sent a")
	assert.Equal(t, []float64{10, 10}, limit.Custom.LineStyle.Dash)
	assert.Zero(t, limit.Custom.FillOpacity)
	assert.Equal(t, "negative-Y", sent.Custom.Transform)
	assert.Equal(t, 10.0, sent.Custom.FillOpacity, "an override changes only what it matches")
	assert.Equal(t, "bytes", sent.Unit)
}

func TestPaint(t *testing.T) {
	for name, expected := range map[string]color.NRGBA{
		"red":           {0xe0, 0x2f, 0x44, 0xff},
		"dark-green":    {0x19, 0x73, 0x0e, 0xff},
		"#0a50a1":       {0x0a, 0x50, 0xa1, 0xff},
		"transparent":   {},
		"semi-dark-red": {0xc4, 0x16, 0x2a, 0xff},
	} {
		c, err := paint(name)
		require.NoError(t, err)
		assert.Equal(t, expected, c, name)
	}
	for _, name := range []string{"", "mauve", "#fff", "light-mauve"} {
		_, err := paint(name)
		assert.ErrorContains(t, err, "unknown colour", name)
	}
	for _, name := range palette {
		_, err := paint(name)
		assert.NoError(t, err)
	}
}
