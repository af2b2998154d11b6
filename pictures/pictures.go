// Package pictures draws dashboards as SVG files from the data of a live Prometheus, laid out and
// coloured as Grafana's light theme shows them, without Grafana.
//
// It reads the JSON that Grafana gets. A kind of panel, a unit or a transformation that it does not
// know is an error, so that no picture lacks something in silence.
package pictures

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"maps"
	"slices"
	"strings"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
)

// Options say what pictures show.
type Options struct {
	Prometheus promv1.API
	// ScrapeInterval is that of the datasource: the shortest step of a query.
	ScrapeInterval time.Duration
	End            time.Time
	Range          time.Duration // up to End
	// Variables are values of dashboards' variables by name, several separated by commas. A dashboard
	// without such a variable ignores them, and one whose variable does not offer them too: a pod of
	// one dashboard may be any, and of another one only of CoreDNS.
	Variables map[string]string
}

// Picture is a dashboard as a picture.
type Picture struct {
	SVG []byte
	// Chosen are the names of the variables that have the value that the options give them.
	Chosen []string
	// Findings say what a reader of the picture misses: panels without data, legends that are too
	// long to read, and settings that it does not show. Each names what it is about, such as a panel.
	Findings []string
}

// board is a dashboard while it is drawn.
type board struct {
	definition
	Options
	start, end time.Time
	variables  map[string]variable
	order      []string // of variables
	chosen     []string // variables
	findings   []string
	marks      []mark
}

// report adds a finding, once.
func (b *board) report(format string, args ...any) {
	finding := fmt.Sprintf(format, args...)
	if !slices.Contains(b.findings, finding) {
		b.findings = append(b.findings, finding)
	}
}

// Sizes of a dashboard in pixels. Grafana's grid has 24 columns, and rows of 30 pixels.
const (
	pageWidth   = 1480
	margin      = 16
	gap         = 8
	gridColumns = 24
	columnWidth = (pageWidth - 2*margin - (gridColumns-1)*gap) / float64(gridColumns)
	rowHeight   = 30
	titleHeight = 54
	barHeight   = 38 // of variables and links
)

// Draw draws a dashboard. The error has a line for each panel that cannot be drawn, with the names of
// the dashboard and the panel.
func Draw(ctx context.Context, d dashboards.Dashboard, o Options) (Picture, error) {
	b := &board{Options: o, start: o.End.Add(-o.Range), end: o.End}
	prepare := func() error {
		if err := json.Unmarshal(d.JSON, &b.definition); err != nil {
			return err
		}
		if err := b.resolve(ctx); err != nil {
			return err
		}
		return b.annotate(ctx)
	}
	if err := prepare(); err != nil {
		return Picture{}, fmt.Errorf("dashboard %s: %w", d.UID, err)
	}
	svg, err := b.draw(ctx)
	if err != nil {
		return Picture{}, err
	}
	const most = 300_000
	if len(svg) > most {
		b.report("the picture has %d kB, more than %d", len(svg)/1000, most/1000)
	}
	return Picture{SVG: svg, Chosen: b.chosen, Findings: b.findings}, nil
}

// draw returns the dashboard as SVG.
func (b *board) draw(ctx context.Context) ([]byte, error) {
	panels := opened(b.Panels)
	rows := 0
	for _, p := range panels {
		rows = max(rows, p.Grid.Y+p.Grid.H)
	}
	heading, names := titleHeight, b.shown()
	if len(names)+len(b.Links) > 0 {
		heading += barHeight
	}
	height := vg.Length(heading + rows*(rowHeight+gap) - gap + margin)
	picture := newSVG(height)
	all := draw.NewCanvas(picture, pageWidth, height)
	fill(all, background)
	top, grid := splitTop(draw.Crop(all, margin, -margin, 0, 0), vg.Length(heading))
	b.header(top, names)
	var failed []error
	for _, p := range panels {
		if err := b.panel(ctx, place(grid, p), p); err != nil {
			failed = append(failed, fmt.Errorf("dashboard %s: panel %q: %w", b.UID, p.Title, err))
		}
	}
	return picture.document(pageWidth, b.Title), errors.Join(failed...)
}

// opened returns the panels with collapsed rows opened, which moves what is below them down.
func opened(panels []panel) []panel {
	var all []panel
	down := 0
	for _, p := range panels {
		p.Grid.Y += down
		all = append(all, p)
		if len(p.Panels) == 0 {
			continue
		}
		first, end := p.Panels[0].Grid.Y, 0
		for _, below := range p.Panels {
			first, end = min(first, below.Grid.Y), max(end, below.Grid.Y+below.Grid.H)
		}
		for _, below := range p.Panels {
			below.Grid.Y += p.Grid.Y + 1 - first
			all = append(all, below)
		}
		down += end - first
	}
	return all
}

// place returns the area of a panel in the grid.
func place(grid draw.Canvas, p panel) draw.Canvas {
	g := p.Grid
	left, top := float64(g.X)*(columnWidth+gap), float64(g.Y)*(rowHeight+gap)
	w, h := float64(g.W)*(columnWidth+gap)-gap, float64(g.H)*(rowHeight+gap)-gap
	grid.Min.X += vg.Length(left)
	grid.Max.X = grid.Min.X + vg.Length(w)
	grid.Max.Y -= vg.Length(top)
	grid.Min.Y = grid.Max.Y - vg.Length(h)
	return grid
}

// shown returns the names of the variables that Grafana shows, except for that of the datasource.
func (b *board) shown() []string {
	return slices.DeleteFunc(slices.Clone(b.order), func(name string) bool {
		return b.variables[name].hidden || name == "datasource"
	})
}

// header draws the dashboard's title, the time range, the named variables and the links.
func (b *board) header(c draw.Canvas, names []string) {
	title, rest := splitTop(draw.Crop(c, 0, 0, 0, -8), 38)
	write(title, bold(lettering(18, primary)), b.Title)
	const day = "2006-01-02 15:04"
	end := b.end.UTC().Format(day)
	if b.start.UTC().YearDay() == b.end.UTC().YearDay() {
		end = b.end.UTC().Format("15:04")
	}
	write(title, aligned(lettering(12, secondary), draw.XRight), b.start.UTC().Format(day)+" to "+end+" UTC")

	bar, _ := splitTop(rest, 30)
	style := lettering(12, primary)
	const inset = 8
	for _, name := range names {
		v := b.variables[name]
		value := shortened(style, v.text(), 300)
		label, after := splitLeft(bar, style.Width(v.label)+2*inset)
		box, after := splitLeft(after, style.Width(value)+2*inset)
		boxed(label, surface)
		boxed(box, surface)
		write(draw.Crop(label, inset, 0, 0, 0), bold(lettering(12, secondary)), v.label)
		write(draw.Crop(box, inset, 0, 0, 0), style, value)
		bar = draw.Crop(after, 12, 0, 0, 0)
	}
	links := lettering(12, link)
	for _, l := range slices.Backward(b.Links) {
		room, need := bar.Max.X-bar.Min.X, links.Width(l.Title)+2*inset
		if need > room {
			return
		}
		rest, box := splitLeft(bar, room-need)
		boxed(box, surface)
		write(draw.Crop(box, inset, 0, 0, 0), links, l.Title)
		bar = draw.Crop(rest, 0, -6, 0, 0)
	}
}

// boxed fills the area of the canvas and draws a border around it.
func boxed(c draw.Canvas, clr color.Color) {
	fill(c, clr)
	c.SetColor(border)
	c.SetLineWidth(1)
	c.SetLineDash(nil, 0)
	c.Stroke(c.Rectangle.Path())
}

// kinds maps Grafana's kinds of panels to what draws their content.
var kinds = map[string]func(*board, context.Context, draw.Canvas, panel) error{
	"timeseries": (*board).timeSeries,
	"stat":       (*board).stat,
	"bargauge":   (*board).barGauge,
	"table":      (*board).table,
}

// panel draws a panel or the heading of a row.
func (b *board) panel(ctx context.Context, c draw.Canvas, p panel) error {
	title := b.caption(p.Title)
	if p.Repeat != "" {
		return fmt.Errorf("cannot repeat a panel")
	}
	if p.Type == "row" {
		write(draw.Crop(c, 4, 0, 0, 0), bold(lettering(15, primary)), title)
		return nil
	}
	content, ok := kinds[p.Type]
	if !ok {
		return fmt.Errorf("cannot draw a panel of kind %q; allowed: row, %s", p.Type, strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
	}
	const padding = 8
	boxed(c, surface)
	inner := draw.Crop(c, padding, -padding, padding, 0)
	if title != "" {
		var top draw.Canvas
		top, inner = splitTop(inner, 32)
		write(top, bold(lettering(14, primary)), title)
	} else {
		inner = draw.Crop(inner, 0, 0, 0, -padding)
	}
	return content(b, ctx, inner, p)
}

// empty draws what stands in a panel without data.
func (b *board) empty(c draw.Canvas, p panel) {
	write(c, aligned(lettering(14, secondary), draw.XCenter), b.missing(p))
}

// missing returns what stands in a panel without data. It reports the panel, unless it has its own
// words for that.
func (b *board) missing(p panel) string {
	if words, _ := p.FieldConfig.Defaults["noValue"].(string); words != "" {
		return words
	}
	b.report("panel %q has no data", b.caption(p.Title))
	return field{}.missing()
}
