package pictures

import (
	"cmp"
	"context"
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// stat draws the value of each series as a large number, over a small chart of the series.
func (b *board) stat(ctx context.Context, c draw.Canvas, p panel) error {
	var o struct {
		Reduce    reduceOptions `json:"reduceOptions"`
		ColorMode string        `json:"colorMode"` // value, background or none
		GraphMode string        `json:"graphMode"` // area or none
		TextMode  string        `json:"textMode"`  // auto, value, name, value_and_name or none
	}
	if err := p.options(&o); err != nil {
		return err
	}
	all, err := b.query(ctx, p, float64(c.Max.X-c.Min.X))
	if err != nil {
		return err
	}
	if len(all) == 0 {
		b.empty(c, p)
		return nil
	}
	parts := split(c, len(all))
	for i, s := range all {
		value, err := o.Reduce.reduce(s.values)
		if err != nil {
			return err
		}
		text, clr, err := s.field.display(value)
		if err != nil {
			return err
		}
		if text == s.field.missing() { // no mapping says what no value means
			b.missing(p)
		}
		at, ink, small := parts[i], clr, secondary
		switch o.ColorMode {
		case "background", "background_solid":
			fill(at, clr)
			ink, small = onto(clr), onto(clr)
		case "none":
			ink = primary
		}
		if o.GraphMode == "area" && len(s.values) > 1 {
			var graph draw.Canvas
			at, graph = splitTop(at, (at.Max.Y-at.Min.Y)*0.6)
			graph = draw.Crop(graph, -8, 8, -8, 0) // to the border of the panel
			if err := b.sparkline(graph, s, clr); err != nil {
				return err
			}
		}
		mode := cmp.Or(o.TextMode, "auto")
		if mode == "auto" && len(all) > 1 {
			mode = "value_and_name"
		}
		switch mode {
		case "none":
			continue
		case "name":
			text = s.name
		case "value_and_name":
			var top draw.Canvas
			top, at = splitTop(at, min(20, (at.Max.Y-at.Min.Y)*0.3))
			write(top, aligned(lettering(13, small), draw.XCenter), s.name)
		}
		large(at, text, ink)
	}
	return nil
}

// large writes a text as large as there is room.
func large(c draw.Canvas, text string, clr color.Color) {
	room := c.Rectangle.Size()
	style := aligned(bold(lettering(min(room.Y*0.75, 52), clr)), draw.XCenter)
	if wide := style.Width(text); wide > room.X*0.94 {
		style.Font.Size = max(style.Font.Size*room.X*0.94/wide, 10)
	}
	write(c, style, text)
}

// split divides a canvas into equal parts side by side, or one above the other if it is higher than
// wide.
func split(c draw.Canvas, n int) []draw.Canvas {
	size := c.Rectangle.Size()
	parts := make([]draw.Canvas, n)
	for i := range parts {
		if size.X > size.Y {
			each := (size.X + gap) / vg.Length(n)
			left := each * vg.Length(i)
			parts[i] = draw.Crop(c, left, left+each-gap-size.X, 0, 0)
			continue
		}
		parts[i], c = splitTop(c, size.Y/vg.Length(n))
	}
	return parts
}

// sparkline draws a series as an area without axes.
func (b *board) sparkline(c draw.Canvas, s series, clr color.NRGBA) error {
	l := line{series: s, color: clr, drawn: s.values}
	l.field.Custom.FillOpacity, l.field.Custom.LineWidth = 20, 1
	chart := newChart(b.start, b.end)
	low, high := extreme(s.values, math.Min), extreme(s.values, math.Max)
	chart.Y.Min, chart.Y.Max = s.field.scale(low, high)
	if low == high { // a level that nothing moves is in the middle
		chart.Y.Min, chart.Y.Max = low-1, high+1
	}
	if err := l.addTo(chart); err != nil {
		return err
	}
	chart.Draw(c)
	return nil
}
