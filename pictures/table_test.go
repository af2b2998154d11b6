package pictures

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTable(t *testing.T) {
	node := func(name string) map[string]string { return map[string]string{"node": name, "job": "x"} }
	f := &fake{samples: map[string][]sample{
		"cores": {{node("a"), []float64{2}}, {node("b"), []float64{4}}, {node("c"), []float64{8}}},
		"busy":  {{node("a"), []float64{0.25}}, {node("b"), []float64{0.95}}, {node("d"), []float64{0.5}}},
	}}
	picture, err := drawn(t, f, `{"type": "table", "title": "Nodes", "gridPos": {"w": 24, "h": 8},
		"targets": [
			{"refId": "A", "expr": "cores", "instant": true, "format": "table"},
			{"refId": "B", "expr": "busy", "instant": true, "format": "table"}],
		"transformations": [
			{"id": "merge", "options": {}},
			{"id": "filterFieldsByName", "options": {"include": {"names": ["node", "Value #A", "Value #B"]}}},
			{"id": "organize", "options": {"indexByName": {"Value #B": 1, "Value #A": 2, "node": 0}, "renameByName": {"node": "Node", "Value #A": "Cores", "Value #B": "In use"}}}],
		"fieldConfig": {"overrides": [
			{"matcher": {"id": "byName", "options": "In use"}, "properties": [
				{"id": "unit", "value": "percentunit"}, {"id": "min", "value": 0}, {"id": "max", "value": 2}, {"id": "custom.cellOptions", "value": {"type": "gauge"}},
				{"id": "thresholds", "value": {"mode": "absolute", "steps": [{"color": "green"}, {"value": 0.9, "color": "red"}]}}]}]},
		"options": {"sortBy": [{"displayName": "In use", "desc": true}]}}`)
	require.NoError(t, err)
	assert.Equal(t, []string{
		"Test", "2026-11-27 11:00 to 12:00 UTC", "Nodes",
		"Node", "In use", "Cores",
		"b", "95%", "4",
		"d", "50%",
		"a", "25%", "2",
		"c", "8",
	}, texts(t, picture.SVG))
	assert.Contains(t, string(picture.SVG), `l222.3 0 0-16-222.3 0z" fill="#e02f44" fill-opacity="0.45"`, "the bar is 47.5% of 468 pixels")
	assert.Contains(t, string(picture.SVG), `fill="#e02f44" text-anchor="end">95%`)
}

func TestTransformations(t *testing.T) {
	rows := func() []grid {
		return []grid{{
			columns: []string{"name", "Value"},
			rows:    []map[string]any{{"name": "a10", "Value": 1.0}, {"name": "a9", "Value": 3.0}, {"Value": 2.0}},
		}}
	}
	for _, test := range []struct {
		id, options string
		expected    grid
	}{
		{"sortBy", `{"sort": [{"field": "Value", "desc": true}]}`, grid{[]string{"name", "Value"}, []map[string]any{{"name": "a9", "Value": 3.0}, {"Value": 2.0}, {"name": "a10", "Value": 1.0}}}},
		{"sortBy", `{"sort": [{"field": "name"}]}`, grid{[]string{"name", "Value"}, []map[string]any{{"Value": 2.0}, {"name": "a9", "Value": 3.0}, {"name": "a10", "Value": 1.0}}}},
		{"limit", `{"limitField": 1}`, grid{[]string{"name", "Value"}, []map[string]any{{"name": "a10", "Value": 1.0}}}},
		{"filterFieldsByName", `{"exclude": {"pattern": "/^V/"}}`, grid{[]string{"name"}, rows()[0].rows}},
		{"filterFieldsByName", `{"include": {"pattern": "^V"}}`, grid{[]string{"Value"}, rows()[0].rows}},
		{"organize", `{"excludeByName": {"name": true}}`, grid{[]string{"Value"}, rows()[0].rows}},
		{"organize", `{"indexByName": {"Value": 0}}`, grid{[]string{"Value", "name"}, rows()[0].rows}},
	} {
		found, err := transformations[test.id](rows(), json.RawMessage(test.options))
		require.NoError(t, err)
		assert.Equal(t, []grid{test.expected}, found, "%s %s", test.id, test.options)
	}
}

func TestMergeKeepsRowsThatDiffer(t *testing.T) {
	merged, err := merge([]grid{
		{[]string{"node", "A"}, []map[string]any{{"node": "a", "A": 1.0}}},
		{[]string{"node", "device", "B"}, []map[string]any{{"node": "a", "device": "x", "B": 2.0}, {"node": "a", "device": "y", "B": 3.0}}},
	}, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"node", "A", "device", "B"}, merged[0].columns)
	assert.Equal(t, []map[string]any{{"node": "a", "A": 1.0, "device": "x", "B": 2.0}, {"node": "a", "device": "y", "B": 3.0}}, merged[0].rows)
}
