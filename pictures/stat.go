package pictures

import (
	"cmp"
	"context"
	"fmt"
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

// barGauge draws the value of each series as a bar beside its name.
func (b *board) barGauge(ctx context.Context, c draw.Canvas, p panel) error {
	var o struct {
		Reduce      reduceOptions `json:"reduceOptions"`
		Orientation string        `json:"orientation"`
		DisplayMode string        `json:"displayMode"`
	}
	if err := p.options(&o); err != nil {
		return err
	}
	if o.Orientation != "horizontal" {
		return fmt.Errorf("cannot draw bars with the orientation %q; allowed: horizontal", o.Orientation)
	}
	all, err := b.query(ctx, p, float64(c.Max.X-c.Min.X))
	if err != nil {
		return err
	}
	if isEmpty(all) {
		b.empty(c, p)
		return nil
	}
	values := make([]float64, len(all))
	for i, s := range all {
		if values[i], err = o.Reduce.reduce(s.values); err != nil {
			return err
		}
	}
	low, high := extreme(values, math.Min), extreme(values, math.Max)

	const smallest = 20
	size := c.Rectangle.Size()
	room := max(int((size.Y+4)/(smallest+4)), 1)
	if len(all) > longest {
		b.report("panel %q has %d bars, more than %d", b.caption(p.Title), len(all), longest)
	}
	count, more := len(all), 0
	if count > room {
		count, more = room-1, len(all)-room+1
	}
	each := min((size.Y+4)/vg.Length(max(count+min(more, 1), 1)), 60)
	style, figures := lettering(13, primary), make([]string, len(all))
	var names, numbers vg.Length
	colors := make([]color.NRGBA, len(all))
	for i, s := range all {
		if figures[i], colors[i], err = s.field.display(values[i]); err != nil {
			return err
		}
		names, numbers = max(names, style.Width(s.name)), max(numbers, bold(style).Width(figures[i]))
	}
	names = min(names+8, size.X*0.4)
	above := each > 44
	for i, s := range all[:count] {
		var at draw.Canvas
		at, c = splitTop(c, each)
		at = draw.Crop(at, 0, 0, 4, 0)
		var name draw.Canvas
		if above {
			name, at = splitTop(at, 20)
		} else {
			name, at = splitLeft(at, names)
			name = draw.Crop(name, 0, -8, 0, 0)
		}
		write(name, style, s.name)
		track, number := splitLeft(at, at.Max.X-at.Min.X-numbers-8)
		bottom, top := low, high
		if s.field.Min != nil {
			bottom = *s.field.Min
		}
		if s.field.Max != nil {
			top = *s.field.Max
		}
		s.field.bar(track, values[i], bottom, top, colors[i])
		write(draw.Crop(number, 8, 0, 0, 0), bold(lettering(13, colors[i])), figures[i])
	}
	if more > 0 {
		at, _ := splitTop(c, each)
		write(at, lettering(12, secondary), fmt.Sprintf("+ %d more", more))
	}
	return nil
}

// bar draws a bar whose length is that of a value between low and high.
func (f field) bar(c draw.Canvas, value, low, high float64, clr color.NRGBA) {
	fill(c, unfilled)
	share := 1.0
	if high > low {
		share = min(max((value-low)/(high-low), 0), 1)
	}
	if done, _ := splitLeft(c, (c.Max.X-c.Min.X)*vg.Length(share)); share > 0 {
		fill(done, faded(clr, 0.45))
		edge := done
		edge.Min.X = max(done.Max.X-2, done.Min.X)
		fill(edge, clr)
	}
}
