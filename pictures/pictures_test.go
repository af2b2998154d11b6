package pictures

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot/vg/draw"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// sample is a series of a fake Prometheus, which has its values one after the other, and the last one
// until the end.
type sample struct {
	labels map[string]string
	values []float64
}

// fake is a Prometheus with fixed answers. asked lists what it was asked for.
type fake struct {
	samples map[string][]sample // by expression
	values  map[string][]string // of labels
	asked   []string
}

// all is the expression whose samples answer all expressions without samples of their own.
const all = "*"

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	expr := r.Form.Get("query")
	answer := func(data any) {
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": data})
	}
	var results []any
	found, ok := f.samples[expr]
	if !ok {
		found = f.samples[all]
	}
	for i := range found {
		if found[i].labels == nil {
			found[i].labels = map[string]string{}
		}
	}
	switch path := strings.TrimPrefix(r.URL.Path, "/api/v1/"); path {
	case "query":
		f.asked = append(f.asked, expr)
		for _, s := range found {
			results = append(results, map[string]any{"metric": s.labels, "value": []any{1, fmt.Sprint(s.values[len(s.values)-1])}})
		}
		answer(map[string]any{"resultType": "vector", "result": results})
	case "query_range":
		f.asked = append(f.asked, expr)
		var start, end, step float64
		_, _ = fmt.Sscan(r.Form.Get("start")+" "+r.Form.Get("end")+" "+r.Form.Get("step"), &start, &end, &step)
		for _, s := range found {
			var pairs []any
			for i := 0; start+float64(i)*step <= end; i++ {
				pairs = append(pairs, []any{start + float64(i)*step, fmt.Sprint(s.values[min(i, len(s.values)-1)])})
			}
			results = append(results, map[string]any{"metric": s.labels, "values": pairs})
		}
		answer(map[string]any{"resultType": "matrix", "result": results})
	default:
		label := strings.TrimSuffix(strings.TrimPrefix(path, "label/"), "/values")
		f.asked = append(f.asked, strings.Join(append(r.Form["match[]"], label), ", "))
		answer(f.values[label])
	}
}

// noon is the end of the time range of every test.
var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// options returns options with a fake Prometheus for the hour before noon.
func options(t *testing.T, f *fake) Options {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	client, err := api.NewClient(api.Config{Address: server.URL})
	require.NoError(t, err)
	return Options{Prometheus: promv1.NewAPI(client), ScrapeInterval: 30 * time.Second, End: noon, Range: time.Hour}
}

// drawn draws a dashboard of panels, without variables.
func drawn(t *testing.T, f *fake, panels string) (Picture, error) {
	t.Helper()
	d := dashboards.Dashboard{UID: "test", JSON: []byte(`{"uid": "test", "title": "Test", "panels": [` + panels + `]}`)}
	return Draw(t.Context(), d, options(t, f))
}

// texts returns the texts of a picture in their order.
func texts(t *testing.T, svg []byte) []string {
	t.Helper()
	var picture struct {
		Texts []string `xml:"text"`
	}
	require.NoError(t, xml.Unmarshal(svg, &picture))
	return picture.Texts
}

// Whatever the functions of package dashboards can make, pictures show.
func TestShippedDashboards(t *testing.T) {
	for _, stack := range []string{"dev", "prod"} {
		cfg, err := config.FromFile("../Pulumi." + stack + ".yaml")
		require.NoError(t, err)
		rendered, err := render.New(cfg)
		require.NoError(t, err)
		labels := func(n int) map[string]string {
			return map[string]string{"cluster": "a", "namespace": "b", "node": fmt.Sprint("node-", n), "pod": fmt.Sprint("pod-", n), "severity": "warning"}
		}
		f := &fake{
			samples: map[string][]sample{all: {{labels(1), []float64{0.25, 0.5, 0.75}}, {labels(2), []float64{1, 0, 1}}}},
			values:  map[string][]string{"cluster": {"a"}, "namespace": {"b"}, "node": {"node-1", "node-2"}},
		}
		for _, d := range rendered.Dashboards {
			if d.Folder == dashboards.FolderCustom {
				continue
			}
			picture, err := Draw(t.Context(), d, options(t, f))
			if assert.NoError(t, err) {
				for _, finding := range picture.Findings {
					assert.Regexp(t, `^variable ".*" has no value$`, finding, d.UID)
				}
				assert.Subset(t, texts(t, picture.SVG), []string{d.Title, "2026-11-27 11:00 to 12:00 UTC"}, d.UID)
			}
		}
	}
}

func TestPanels(t *testing.T) {
	f := &fake{samples: map[string][]sample{
		"cpu": {
			{map[string]string{"node": "a"}, []float64{1, 2, 3}},
			{map[string]string{"node": "b"}, []float64{4, 5, 6}},
		},
		"up":   {{nil, []float64{1}}},
		"none": {},
	}}
	picture, err := drawn(t, f, `
		{"type": "row", "title": "Row", "gridPos": {"w": 24, "h": 1}},
		{"type": "timeseries", "title": "Lines", "gridPos": {"y": 1, "w": 12, "h": 8},
			"targets": [{"refId": "A", "expr": "cpu", "legendFormat": "CPU {{node}}", "range": true}],
			"fieldConfig": {"defaults": {"unit": "s", "custom": {"lineWidth": 1}}},
			"options": {"legend": {"showLegend": true, "displayMode": "table", "placement": "bottom", "calcs": ["mean", "lastNotNull"], "sortBy": "Mean", "sortDesc": true}}},
		{"type": "stat", "title": "State", "gridPos": {"x": 12, "y": 1, "w": 6, "h": 4},
			"targets": [{"refId": "A", "expr": "up", "range": true}],
			"fieldConfig": {"defaults": {"mappings": [{"type": "value", "options": {"1": {"text": "Loaded", "color": "green"}}}]}},
			"options": {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "none"}},
		{"type": "bargauge", "title": "Bars", "gridPos": {"x": 18, "y": 1, "w": 6, "h": 4},
			"targets": [{"refId": "A", "expr": "cpu", "legendFormat": "{{node}}", "instant": true}],
			"fieldConfig": {"defaults": {"unit": "bytes", "min": 0}},
			"options": {"orientation": "horizontal", "reduceOptions": {"calcs": ["lastNotNull"]}}},
		{"type": "table", "title": "Nothing", "gridPos": {"y": 9, "w": 12, "h": 4},
			"targets": [{"refId": "A", "expr": "none", "instant": true, "format": "table"}],
			"fieldConfig": {"defaults": {"noValue": "All is well"}}},
		{"type": "timeseries", "title": "Gone", "gridPos": {"x": 12, "y": 9, "w": 12, "h": 4},
			"targets": [{"refId": "A", "expr": "none", "range": true}]}`)
	require.NoError(t, err)
	assert.Equal(t, []string{
		"Test", "2026-11-27 11:00 to 12:00 UTC",
		"Row",
		"Lines", "Last *", "Mean", "Name", "6 s", "5.98 s", "CPU b", "3 s", "2.98 s", "CPU a",
		"11:00", "11:10", "11:20", "11:30", "11:40", "11:50", "12:00", "2 s", "4 s", "6 s",
		"State", "Loaded",
		"Bars", "a", "3 B", "b", "6 B",
		"Nothing", "All is well",
		"Gone", "No data",
	}, texts(t, picture.SVG))
	assert.Equal(t, []string{`panel "Gone" has no data`}, picture.Findings)
	assert.Contains(t, string(picture.SVG), `font-family="Helvetica`)
	assert.Contains(t, string(picture.SVG), `stroke="#56a64b"`, "the first line has the palette's first colour")
}

func TestFigures(t *testing.T) {
	f := &fake{samples: map[string][]sample{
		"one":  {{nil, []float64{0.5}}},
		"none": {{nil, []float64{math.NaN()}}},
		"two":  {{map[string]string{"n": "x"}, []float64{1}}, {map[string]string{"n": "y"}, []float64{2}}},
	}}
	figure := func(title, expr, defaults, options string) string {
		return `{"type": "stat", "title": "` + title + `", "gridPos": {"w": 8, "h": 4}, "targets": [{"refId": "A", "expr": "` + expr + `", "legendFormat": "{{n}}", "range": true}],
			"fieldConfig": {"defaults": {` + defaults + `}}, "options": {` + options + `}}`
	}
	picture, err := drawn(t, f, strings.Join([]string{
		figure("Share", "one", `"unit": "percentunit"`, `"graphMode": "area"`),
		figure("Gone", "none", ``, `"colorMode": "background"`),
		figure("Told", "none", `"noValue": "never"`, ``),
		figure("Mapped", "none", `"mappings": [{"type": "special", "options": {"match": "null", "result": {"text": "off"}}}]`, ``),
		figure("Two", "two", ``, ``),
		figure("Name", "two", ``, `"textMode": "name"`),
	}, ","))
	require.NoError(t, err)
	assert.Equal(t, []string{"Share", "50%", "Gone", "No data", "Told", "never", "Mapped", "off", "Two", "x", "1", "y", "2", "Name", "x", "y"}, texts(t, picture.SVG)[2:])
	assert.Equal(t, []string{`panel "Gone" has no data`}, picture.Findings)
}

func TestLegendThatIsTooLong(t *testing.T) {
	f := &fake{samples: map[string][]sample{}}
	for n := range 25 {
		f.samples["many"] = append(f.samples["many"], sample{map[string]string{"n": fmt.Sprint(n)}, []float64{1}})
	}
	picture, err := drawn(t, f, `{"type": "timeseries", "title": "Many", "gridPos": {"w": 12, "h": 8},
		"targets": [{"refId": "A", "expr": "many", "legendFormat": "line {{n}}", "range": true}],
		"options": {"legend": {"showLegend": true, "displayMode": "table", "calcs": ["max"], "sortBy": "Name"}}}`)
	require.NoError(t, err)
	assert.Equal(t, []string{`panel "Many" has 25 series in its legend, more than 20`}, picture.Findings)
	written := texts(t, picture.SVG)
	assert.Contains(t, written, "line 1")
	assert.Contains(t, written, "+ 23 more")
	assert.NotContains(t, written, "line 2")
}

func TestErrors(t *testing.T) {
	const stat = `{"type": "stat", "title": "P", "targets": [{"refId": "A", "expr": "up", "instant": true}], `
	for name, test := range map[string]struct{ panel, message string }{
		"kind":           {`{"type": "geomap", "title": "P"}`, `cannot draw a panel of kind "geomap"; allowed: row, bargauge, stat, table, timeseries`},
		"repetition":     {`{"type": "stat", "title": "P", "repeat": "node"}`, "cannot repeat a panel"},
		"unit":           {stat + `"fieldConfig": {"defaults": {"unit": "furlongs"}}}`, `cannot write the unit "furlongs"; allowed: Bps, `},
		"colour":         {stat + `"fieldConfig": {"defaults": {"color": {"mode": "fixed", "fixedColor": "mauve"}}}}`, `unknown colour "mauve"`},
		"calculation":    {stat + `"options": {"reduceOptions": {"calcs": ["median"]}}}`, `unknown calculation "median"; allowed: count, `},
		"matcher":        {stat + `"fieldConfig": {"overrides": [{"matcher": {"id": "byValue", "options": "x"}}]}}`, `matcher "byValue" of an override is unknown`},
		"mapping":        {stat + `"fieldConfig": {"defaults": {"mappings": [{"type": "odd", "options": {}}]}}}`, `unknown type of mapping "odd"`},
		"variable":       {`{"type": "stat", "title": "P", "targets": [{"refId": "B", "expr": "up{a=\"$b\"}"}]}`, `query B: there is no variable "b"`},
		"transformation": {`{"type": "table", "title": "P", "transformations": [{"id": "joinByField"}]}`, `unknown transformation "joinByField"; allowed: filterFieldsByName, `},
		"two tables": {`{"type": "table", "title": "P", "targets": [{"refId": "A", "expr": "up", "instant": true, "format": "table"}, {"refId": "B", "expr": "up", "instant": true, "format": "table"}]}`,
			"has 2 tables, of which Grafana shows one"},
		"table over time": {`{"type": "table", "title": "P", "targets": [{"refId": "A", "expr": "up", "format": "table"}]}`, "query A: cannot show a query as a table that is not instant"},
		"bars over time": {`{"type": "timeseries", "title": "P", "targets": [{"refId": "A", "expr": "up", "instant": true}], "fieldConfig": {"defaults": {"custom": {"drawStyle": "bars"}}}}`,
			"cannot draw a line with drawStyle: bars; allowed: line"},
		"vertical bars": {`{"type": "bargauge", "title": "P", "options": {"orientation": "vertical"}}`, `orientation "vertical"; allowed: horizontal`},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{samples: map[string][]sample{"up": {{nil, []float64{1}}}}}
			_, err := drawn(t, f, test.panel+`, {"type": "row", "title": "Fine"}`)
			assert.ErrorContains(t, err, `dashboard test: panel "P": `)
			assert.ErrorContains(t, err, test.message)
		})
	}
}

// What Grafana shows and a picture does not is said.
func TestSettingsThatAreNotDrawn(t *testing.T) {
	picture, err := drawn(t, &fake{samples: map[string][]sample{"up": {{nil, []float64{1}}}}}, `{"type": "stat", "title": "P",
		"targets": [{"refId": "A", "expr": "up", "instant": true}], "fieldConfig": {"defaults": {"custom": {"axisPlacement": "right"}}}}`)
	require.NoError(t, err)
	assert.Equal(t, []string{`panel "P", Value: cannot draw a setting: json: unknown field "axisPlacement"`}, picture.Findings)
}

func TestPlaces(t *testing.T) {
	at := func(kind string, x, y, w, h int, below ...panel) panel {
		p := panel{Type: kind, Panels: below}
		p.Grid.X, p.Grid.Y, p.Grid.W, p.Grid.H = x, y, w, h
		return p
	}
	var rows []int
	for _, p := range opened([]panel{
		at("row", 0, 0, 24, 1, at("stat", 0, 1, 12, 4), at("stat", 0, 5, 12, 3)),
		at("row", 0, 1, 24, 1),
		at("stat", 12, 2, 12, 8),
	}) {
		rows = append(rows, p.Grid.Y)
	}
	assert.Equal(t, []int{0, 1, 5, 8, 9}, rows, "an opened row moves what is below it")

	picture := newSVG(1000)
	place := place(draw.NewCanvas(picture, 1448, 1000), at("stat", 12, 2, 12, 8))
	assert.InDelta(t, 728, float64(place.Min.X), 0.01)
	assert.InDelta(t, 1448, float64(place.Max.X), 0.01)
	assert.InDelta(t, 1000-76, float64(place.Max.Y), 0.01, "two rows of 30 pixels and their gaps")
	assert.InDelta(t, 8*38-8, float64(place.Max.Y-place.Min.Y), 0.01)
}

func TestAnnotations(t *testing.T) {
	f := &fake{samples: map[string][]sample{"up": {{nil, []float64{1}}}, "ALERTS": {{nil, []float64{0, 0, 1, 1, 0}}}}}
	const panels = `"panels": [{"type": "timeseries", "title": "P", "gridPos": {"w": 12, "h": 8}, "targets": [{"refId": "A", "expr": "up", "range": true}]}]`
	picture := func(enable bool) string {
		text := fmt.Sprintf(`{"uid": "test", %s, "annotations": {"list": [{"name": "Alerts", "enable": %t, "iconColor": "red", "expr": "ALERTS"}]}}`, panels, enable)
		result, err := Draw(t.Context(), dashboards.Dashboard{UID: "test", JSON: []byte(text)}, options(t, f))
		require.NoError(t, err)
		return string(result.SVG)
	}
	assert.Contains(t, picture(true), `stroke="#e02f44" stroke-dasharray="4 4"`)
	assert.NotContains(t, picture(false), "#e02f44")
}
