package pictures

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// longest is the number of series above which nobody finds one in a legend.
const longest = 20

// legendRow is the height of a row of a legend in pixels.
const legendRow = 20

// legendArea draws the legend of a chart and returns the area that remains for the chart.
func (b *board) legendArea(c draw.Canvas, p panel, o legendOptions, all []line) (draw.Canvas, error) {
	var named []line
	for _, l := range all {
		if !l.field.Custom.HideFrom.Legend && !isEmpty([]series{l.series}) {
			named = append(named, l)
		}
	}
	if !o.ShowLegend || o.DisplayMode == "hidden" || len(named) == 0 {
		return c, nil
	}
	if len(named) > longest {
		b.report("panel %q has %d series in its legend, more than %d", b.caption(p.Title), len(named), longest)
	}
	height, width := c.Max.Y-c.Min.Y, c.Max.X-c.Min.X
	var chart, legend draw.Canvas
	if o.Placement == "right" {
		chart, legend = splitLeft(c, width*0.65)
		legend = draw.Crop(legend, gap, 0, 0, 0)
	} else {
		const most = 0.35 // of the panel
		rows := min(len(named)+1, int(height*most/legendRow))
		if o.DisplayMode == "list" {
			rows = 1
		}
		chart, legend = splitTop(c, height-vg.Length(rows*legendRow))
		chart = draw.Crop(chart, 0, 0, 4, 0)
	}
	if o.DisplayMode == "list" && o.Placement != "right" {
		legendList(legend, named)
		return chart, nil
	}
	return chart, legendTable(legend, o, named)
}

// legendList draws names one after the other, as many as have room.
func legendList(c draw.Canvas, all []line) {
	style := lettering(12, primary)
	for i, l := range all {
		need := swatchWidth + style.Width(l.name) + 16
		if more := fmt.Sprintf("+ %d more", len(all)-i); c.Max.X-c.Min.X < need+style.Width(more) && i < len(all)-1 || c.Max.X-c.Min.X < need {
			write(c, lettering(12, secondary), more)
			return
		}
		var at draw.Canvas
		at, c = splitLeft(c, need)
		write(l.swatch(at), style, l.name)
	}
}

// swatchWidth is the width of the stroke before a name in pixels.
const swatchWidth = 20

// swatch draws a stroke in the line's colour, and returns the area behind it.
func (l line) swatch(c draw.Canvas) draw.Canvas {
	at := c
	middle := c.Center().Y
	at.Min, at.Max = vg.Point{X: c.Min.X, Y: middle - 2}, vg.Point{X: c.Min.X + 14, Y: middle + 2}
	fill(at, l.color)
	return draw.Crop(c, swatchWidth, 0, 0, 0)
}

// legendTable draws a table of names and calculations, with as many rows as have room.
func legendTable(c draw.Canvas, o legendOptions, all []line) error {
	type row struct {
		line
		values []float64
	}
	rows := make([]row, len(all))
	for i, l := range all {
		rows[i].line = l
		for _, name := range o.Calcs {
			calculate, err := calculation(name)
			if err != nil {
				return err
			}
			rows[i].values = append(rows[i].values, calculate(l.values))
		}
	}
	titles := make([]string, len(o.Calcs))
	for i, name := range o.Calcs {
		titles[i] = calculationTitles[name]
	}
	if by := slices.Index(titles, o.SortBy); by >= 0 || o.SortBy == "Name" {
		slices.SortStableFunc(rows, func(a, b row) int {
			order := natural(a.name, b.name)
			if by >= 0 {
				order = compareValues(a.values[by], b.values[by], o.SortDesc)
			} else if o.SortDesc {
				order = -order
			}
			return order
		})
	}
	head, style := bold(lettering(11, link)), lettering(12, primary)
	widths := make([]vg.Length, len(titles))
	for i, title := range titles {
		widths[i] = head.Width(title)
		for _, r := range rows {
			widths[i] = max(widths[i], style.Width(r.field.write(r.values[i], r.field.Decimals)))
		}
		widths[i] += 16
	}
	// cells draws a row's cells and returns the area that remains for the name.
	cells := func(at draw.Canvas, cell func(at draw.Canvas, column int)) draw.Canvas {
		for i := len(widths) - 1; i >= 0; i-- {
			var right draw.Canvas
			at, right = splitLeft(at, at.Max.X-at.Min.X-widths[i])
			cell(right, i)
		}
		return at
	}
	room := int((c.Max.Y - c.Min.Y + 0.5) / legendRow)
	if len(titles) > 0 {
		top, rest := splitTop(c, legendRow)
		name := cells(top, func(at draw.Canvas, i int) { write(at, aligned(head, draw.XRight), titles[i]) })
		write(name, head, "Name")
		c = rest
		room--
	}
	for i, r := range rows {
		var at draw.Canvas
		at, c = splitTop(c, legendRow)
		if i == room-1 && len(rows) > room {
			write(draw.Crop(at, swatchWidth, 0, 0, 0), lettering(12, secondary), fmt.Sprintf("+ %d more", len(rows)-i))
			break
		}
		name := cells(at, func(at draw.Canvas, i int) {
			write(at, aligned(style, draw.XRight), r.field.write(r.values[i], r.field.Decimals))
		})
		write(r.swatch(name), style, r.name)
	}
	return nil
}

// compareValues orders numbers, with those that are not numbers last.
func compareValues(a, b float64, descending bool) int {
	switch {
	case math.IsNaN(a) || math.IsNaN(b):
		return cmp.Compare(b, a) // NaN is less than all
	case descending:
		return cmp.Compare(b, a)
	default:
		return cmp.Compare(a, b)
	}
}
