package pictures

import (
	"context"
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// bar is a bar of a bar gauge.
type bar struct {
	name, text string
	value      float64
	low, high  float64 // the ends of the scale
	color      color.NRGBA
}

// barGauge draws the value of each series as a bar beside its name.
func (b *board) barGauge(ctx context.Context, c draw.Canvas, p panel) error {
	var o struct {
		Reduce      reduceOptions `json:"reduceOptions"`
		Orientation string        `json:"orientation"`
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
	if len(all) > longest {
		b.report("panel %q has %d bars, more than %d", b.caption(p.Title), len(all), longest)
	}
	bars, values := make([]bar, len(all)), make([]float64, len(all))
	for i, s := range all {
		if values[i], err = o.Reduce.reduce(s.values); err != nil {
			return err
		}
		bars[i] = bar{name: s.name, value: values[i]}
		if bars[i].text, bars[i].color, err = s.field.display(values[i]); err != nil {
			return err
		}
	}
	low, high := extreme(values, math.Min), extreme(values, math.Max)
	for i, s := range all {
		bars[i].low, bars[i].high = s.field.ends(low, high)
	}
	drawBars(c, bars)
	return nil
}

// ends returns the ends of the scale: the field's, or else the given ones.
func (f field) ends(low, high float64) (float64, float64) {
	if f.Min != nil {
		low = *f.Min
	}
	if f.Max != nil {
		high = *f.Max
	}
	return low, high
}

// drawBars draws as many bars as have room. As in Grafana, names are above high bars and beside low
// ones.
func drawBars(c draw.Canvas, bars []bar) {
	const lowest, highest, space = 20, 60, 4
	size := c.Rectangle.Size()
	rows := len(bars)
	if room := max(int((size.Y+space)/(lowest+space)), 1); rows > room {
		rows = room
	}
	height := min((size.Y+space)/vg.Length(rows), highest)
	style := lettering(13, primary)
	var names, figures vg.Length
	for _, b := range bars {
		names, figures = max(names, style.Width(b.name)), max(figures, bold(style).Width(b.text))
	}
	names = min(names+8, size.X*0.4)
	for i, b := range bars[:rows] {
		var at, name draw.Canvas
		at, c = splitTop(c, height)
		at = draw.Crop(at, 0, 0, space, 0)
		if i == rows-1 && rows < len(bars) {
			write(at, lettering(12, secondary), fmt.Sprintf("+ %d more", len(bars)-i))
			return
		}
		if height > 44 {
			name, at = splitTop(at, 20)
		} else {
			name, at = splitLeft(at, names)
			name = draw.Crop(name, 0, -8, 0, 0)
		}
		write(name, style, b.name)
		track, figure := splitLeft(at, at.Max.X-at.Min.X-figures-8)
		b.draw(track)
		write(draw.Crop(figure, 8, 0, 0, 0), bold(lettering(13, b.color)), b.text)
	}
}

// draw draws the bar on its scale.
func (b bar) draw(c draw.Canvas) {
	fill(c, unfilled)
	share := 1.0
	if b.high > b.low {
		share = min(max((b.value-b.low)/(b.high-b.low), 0), 1)
	}
	if done, _ := splitLeft(c, (c.Max.X-c.Min.X)*vg.Length(share)); share > 0 {
		fill(done, faded(b.color, 0.45))
		edge := done
		edge.Min.X = max(done.Max.X-2, done.Min.X)
		fill(edge, b.color)
	}
}
