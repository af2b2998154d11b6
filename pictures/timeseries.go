package pictures

import (
	"cmp"
	"context"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// mark is a period that an annotation marks in every panel with a time axis.
type mark struct {
	from, to time.Time
	color    color.NRGBA
}

// annotate finds what the dashboard's annotations mark.
func (b *board) annotate(ctx context.Context) error {
	step := b.stepFor(pageWidth)
	for _, a := range b.Annotations.List {
		expr := cmp.Or(a.Expr, a.Target.Expr)
		if !a.Enable || expr == "" {
			continue
		}
		fail := func(err error) error { return fmt.Errorf("annotation %q: %w", a.Name, err) }
		clr, err := paint(cmp.Or(a.Color, "red"))
		if err != nil {
			return fail(err)
		}
		if expr, err = b.interpolate(expr, step); err != nil {
			return fail(err)
		}
		found, err := b.series(ctx, expr, step, false)
		if err != nil {
			return fail(err)
		}
		for _, s := range found {
			for from, to := range runs(s.values, func(v float64) bool { return v > 0 }) {
				m := mark{s.at(from), s.at(to - 1), clr}
				if !slices.Contains(b.marks, m) {
					b.marks = append(b.marks, m)
				}
			}
		}
	}
	return nil
}

// timeSeries draws series as lines over time, and their legend.
func (b *board) timeSeries(ctx context.Context, c draw.Canvas, p panel) error {
	var o struct {
		Legend legendOptions `json:"legend"`
	}
	if err := p.options(&o); err != nil {
		return err
	}
	all, err := b.query(ctx, p, float64(c.Max.X-c.Min.X))
	if err != nil {
		return err
	}
	if isEmpty(all) {
		b.empty(c, p)
		return nil
	}
	shown := make([]line, 0, len(all))
	for i, s := range all {
		clr, err := s.field.seriesColor(i, s.values)
		if err != nil {
			return err
		}
		l := line{series: s, color: clr}
		if err := l.check(); err != nil {
			return err
		}
		shown = append(shown, l)
	}
	chart, err := b.legendArea(c, p, o.Legend, shown)
	if err != nil {
		return err
	}
	return b.chart(chart, p, shown)
}

// line is a series of a chart.
type line struct {
	series
	color color.NRGBA
	// base holds the values that the line is stacked on, or nil; drawn those that are drawn.
	base, drawn []float64
}

// check returns an error if the line cannot be drawn as Grafana draws it.
func (l line) check() error {
	custom := l.field.Custom
	for _, setting := range []struct {
		name, value string
		allowed     []string
	}{
		{"drawStyle", custom.DrawStyle, []string{"line"}},
		{"lineInterpolation", custom.Interpolation, []string{"linear", "stepBefore", "stepAfter"}},
		{"stacking.mode", custom.Stacking.Mode, []string{"none", "normal"}},
		{"transform", custom.Transform, []string{"negative-Y"}},
	} {
		if setting.value != "" && !slices.Contains(setting.allowed, setting.value) {
			return fmt.Errorf("cannot draw a line with %s: %s; allowed: %s", setting.name, setting.value, strings.Join(setting.allowed, ", "))
		}
	}
	return nil
}

// arrange sets the values that are drawn: turned downwards, and stacked on those before.
func arrange(all []line) {
	type group struct {
		name string
		down bool
	}
	sums := map[group][]float64{}
	for i := range all {
		l := &all[i]
		l.drawn = slices.Clone(l.values)
		down := l.field.Custom.Transform == "negative-Y"
		if down {
			for j := range l.drawn {
				l.drawn[j] = -l.drawn[j]
			}
		}
		if l.field.Custom.Stacking.Mode != "normal" {
			continue
		}
		g := group{l.field.Custom.Stacking.Group, down}
		if sums[g] == nil {
			sums[g] = make([]float64, len(l.drawn))
		}
		l.base = slices.Clone(sums[g])
		for j, v := range l.drawn {
			if !math.IsNaN(v) {
				sums[g][j] += v
				l.drawn[j] = sums[g][j]
			}
		}
	}
}

// chart draws lines with their axes.
func (b *board) chart(c draw.Canvas, p panel, all []line) error {
	arrange(all)
	f, err := b.field(p, "", "", true) // of the axis
	if err != nil {
		return err
	}
	chart := newChart(b.start, b.end)
	low, high := math.Inf(1), math.Inf(-1)
	for _, l := range all {
		if l.field.Custom.HideFrom.Viz || isEmpty([]series{{values: l.drawn}}) {
			continue
		}
		low, high = min(low, extreme(l.drawn, math.Min)), max(high, extreme(l.drawn, math.Max))
	}
	chart.Y.Min, chart.Y.Max = f.scale(low, high)

	axis := lettering(11, secondary)
	chart.X.Tick.Label, chart.Y.Tick.Label = axis, axis
	chart.X.Tick.Length, chart.X.Tick.Width, chart.X.Tick.Color = 5, 1, lines
	chart.X.Tick.Label.XAlign, chart.X.Tick.Label.YAlign = draw.XCenter, draw.YTop
	chart.Y.Tick.Label.XAlign = draw.XRight
	chart.Y.Label.TextStyle = axis // its spaces keep labels away from the axis
	values := f.ticks(chart.Y.Min, chart.Y.Max, int(c.Max.Y-c.Min.Y)/34)
	chart.Y.Tick.Marker = plot.ConstantTicks(values)
	chart.X.Tick.Marker = plot.ConstantTicks(timeTicks(b.start, b.end, int(c.Max.X-c.Min.X)/80))
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = lines, lines
	grid.Vertical.Width, grid.Horizontal.Width = 1, 1
	chart.Add(grid)

	for _, l := range all {
		if l.field.Custom.HideFrom.Viz {
			continue
		}
		if err := l.addTo(chart); err != nil {
			return err
		}
	}
	limits, err := f.limits(chart)
	if err != nil {
		return err
	}
	for _, l := range limits {
		chart.Add(l)
	}
	chart.Add(marks(b.marks))
	chart.Draw(c)
	return nil
}

// newChart returns a chart of a time range without axes.
func newChart(start, end time.Time) *plot.Plot {
	chart := plot.New()
	chart.BackgroundColor = nil
	chart.HideAxes()
	chart.X.Padding, chart.Y.Padding = 0, 0
	chart.X.Min, chart.X.Max = float64(start.Unix()), float64(end.Unix())
	return chart
}

// addTo adds the line and the area below it to a chart.
func (l line) addTo(chart *plot.Plot) error {
	for from, to := range runs(l.drawn, func(v float64) bool { return !math.IsNaN(v) }) {
		var upper, lower plotter.XYs
		for i := from; i < to; i++ {
			x, base := float64(l.at(i).Unix()), min(max(0, chart.Y.Min), chart.Y.Max)
			if l.base != nil {
				base = l.base[i]
			}
			upper = append(upper, plotter.XY{X: x, Y: l.drawn[i]})
			lower = append(lower, plotter.XY{X: x, Y: base})
		}
		if len(upper) == 1 { // else it would be invisible
			upper = append(upper, plotter.XY{X: upper[0].X + l.step.Seconds()/4, Y: upper[0].Y})
			lower = append(lower, plotter.XY{X: upper[1].X, Y: lower[0].Y})
		}
		if opacity := l.field.Custom.FillOpacity; opacity > 0 {
			slices.Reverse(lower)
			area, err := plotter.NewPolygon(append(slices.Clone(upper), lower...))
			if err != nil {
				return err
			}
			area.Color, area.LineStyle.Width = faded(l.color, opacity/100), 0
			addLater(chart, area)
		}
		curve, err := plotter.NewLine(upper)
		if err != nil {
			return err
		}
		curve.LineStyle = l.style()
		switch l.field.Custom.Interpolation {
		case "stepAfter":
			curve.StepStyle = plotter.PostStep
		case "stepBefore":
			curve.StepStyle = plotter.PreStep
		}
		addLater(chart, curve)
	}
	return nil
}

// addLater adds to a chart without a change of its axes.
func addLater(chart *plot.Plot, p plot.Plotter) {
	x, y := chart.X, chart.Y
	chart.Add(p)
	chart.X, chart.Y = x, y
}

// style returns how the line is drawn.
func (l line) style() draw.LineStyle {
	style := draw.LineStyle{Color: l.color, Width: vg.Length(l.field.Custom.LineWidth)}
	switch custom := l.field.Custom.LineStyle; custom.Fill {
	case "dash":
		for _, length := range custom.Dash {
			style.Dashes = append(style.Dashes, vg.Length(length))
		}
		if style.Dashes == nil {
			style.Dashes = []vg.Length{10, 10}
		}
	case "dot":
		style.Dashes = []vg.Length{1, 3}
	}
	return style
}

// runs calls yield with the index of the first and after the last of each longest run of values with
// a property.
func runs(values []float64, has func(float64) bool) func(yield func(from, to int) bool) {
	return func(yield func(from, to int) bool) {
		from := -1
		for i := 0; i <= len(values); i++ {
			in := i < len(values) && has(values[i])
			if in && from < 0 {
				from = i
			}
			if !in && from >= 0 {
				if !yield(from, i) {
					return
				}
				from = -1
			}
		}
	}
}

// scale returns the ends of the axis for values between low and high, both of which are infinite if
// there are none. As in Grafana, an axis has room of a tenth beyond the values, but ends at zero or a
// soft limit that the values do not cross.
func (f field) scale(low, high float64) (float64, float64) {
	if low > high {
		low, high = 0, 1
	}
	bottom, top := low, high
	room := (high - low) / 10
	if room == 0 {
		room = cmp.Or(math.Abs(high)/10, 1)
	}
	bottom -= room
	top += room
	if low >= 0 {
		bottom = max(bottom, 0)
	}
	if high <= 0 && low < 0 {
		top = min(top, 0)
	}
	if soft := f.Custom.SoftMin; soft != nil && low >= *soft {
		bottom = *soft
	}
	if soft := f.Custom.SoftMax; soft != nil && high <= *soft {
		top = *soft
	}
	if f.Custom.CenteredZero {
		top = max(math.Abs(bottom), math.Abs(top))
		bottom = -top
	}
	if f.Min != nil {
		bottom = *f.Min
	}
	if f.Max != nil {
		top = *f.Max
	}
	if bottom >= top {
		top = bottom + 1
	}
	return bottom, top
}

// ticks returns at most so many round values between two, and one where they have no room.
func (f field) ticks(low, high float64, most int) []plot.Tick {
	step := f.tickStep((high - low) / float64(max(most, 1)))
	var ticks []plot.Tick
	for n := math.Ceil(low/step - 1e-9); n*step <= high+step*1e-9; n++ {
		ticks = append(ticks, plot.Tick{Value: n * step, Label: f.tickLabel(n * step)})
	}
	return ticks
}

// tickLabel writes a value without zeros behind its decimals.
func (f field) tickLabel(value float64) string {
	write, decimals := f.write, 6
	if strings.HasPrefix(f.Unit, "dtduration") { // in words, ticks would be too long
		write = formats["s"]
	}
	text := write(value, &decimals)
	suffix := strings.TrimLeft(text, "-0123456789.")
	number := strings.TrimSuffix(text, suffix)
	if strings.Contains(number, ".") {
		number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
	}
	return number + suffix
}

// tickStep returns a round step of at least a size: in bytes a power of two, in time a part of a
// minute, an hour or a day.
func (f field) tickStep(least float64) float64 {
	switch f.Unit {
	case "bytes", "bits", "binBps", "binbps":
		return math.Exp2(math.Ceil(math.Log2(least)))
	case "s", "dtdurations":
		for _, step := range []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 4 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400} {
			if least > 0.5 && step >= least {
				return step
			}
		}
	}
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, factor := range []float64{1, 2, 2.5, 5, 10} {
		if step := factor * power; step >= least*(1-1e-9) && !(f.whole() && step != math.Trunc(step)) {
			return step
		}
	}
	return 1
}

// whole reports whether the axis shows whole numbers only.
func (f field) whole() bool {
	return f.Decimals != nil && *f.Decimals == 0 && (f.Unit == "" || f.Unit == "short" || f.Unit == "none")
}

// timeTicks returns round times between two, with at most so many intervals between them.
func timeTicks(start, end time.Time, most int) []plot.Tick {
	step, layout := 24*time.Hour, "01/02"
	for _, s := range steps {
		if s >= time.Minute && int(end.Sub(start)/s) <= most {
			step = s
			break
		}
	}
	if step < 24*time.Hour {
		layout = "15:04"
	}
	var ticks []plot.Tick
	for at := start.Truncate(step); !at.After(end); at = at.Add(step) {
		if !at.Before(start) {
			ticks = append(ticks, plot.Tick{Value: float64(at.Unix()), Label: at.UTC().Format(layout)})
		}
	}
	return ticks
}

// limits returns what marks the thresholds in a chart: lines, or areas up to the next one.
func (f field) limits(chart *plot.Plot) ([]plot.Plotter, error) {
	var all []plot.Plotter
	mode := f.Custom.ThresholdsStyle.Mode
	if mode == "" || mode == "off" {
		return nil, nil
	}
	thresholds := f.Thresholds.Steps
	for i, t := range thresholds {
		clr, err := paint(t.Color)
		if err != nil {
			return nil, err
		}
		from, to := chart.Y.Min, chart.Y.Max
		if t.Value != nil {
			from = f.absolute(*t.Value)
		}
		if i+1 < len(thresholds) && thresholds[i+1].Value != nil {
			to = f.absolute(*thresholds[i+1].Value)
		}
		all = append(all, limit{from, to, clr, mode, t.Value != nil})
	}
	return all, nil
}

// limit marks a threshold in a chart.
type limit struct {
	from, to float64
	color    color.NRGBA
	mode     string
	line     bool // the first threshold has none
}

// Plot implements plot.Plotter.
func (l limit) Plot(c draw.Canvas, chart *plot.Plot) {
	_, y := chart.Transforms(&c)
	from, to := y(max(l.from, chart.Y.Min)), y(min(l.to, chart.Y.Max))
	if slices.Contains([]string{"area", "line+area", "dashed+area"}, l.mode) && from < to {
		fill(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: vg.Point{X: c.Min.X, Y: from}, Max: vg.Point{X: c.Max.X, Y: to}}}, faded(l.color, 0.1))
	}
	if !l.line || l.mode == "area" || l.from < chart.Y.Min || l.from > chart.Y.Max {
		return
	}
	style := draw.LineStyle{Color: faded(l.color, 0.7), Width: 2}
	if l.mode == "dashed" || l.mode == "dashed+area" {
		style.Dashes = []vg.Length{10, 10}
	}
	c.StrokeLine2(style, c.Min.X, from, c.Max.X, from)
}

// marks draws periods: a dashed line where each begins, and a bar below the axis.
type marks []mark

// Plot implements plot.Plotter.
func (m marks) Plot(c draw.Canvas, chart *plot.Plot) {
	x, _ := chart.Transforms(&c)
	type span struct{ from, to vg.Length }
	spans := map[color.NRGBA][]span{}
	var order []color.NRGBA
	for _, mark := range m {
		from, to := max(x(float64(mark.from.Unix())), c.Min.X), min(x(float64(mark.to.Unix())), c.Max.X)
		if from > to {
			continue
		}
		if spans[mark.color] == nil {
			order = append(order, mark.color)
		}
		spans[mark.color] = append(spans[mark.color], span{from, to})
	}
	// One path for all of a colour: a dashboard has dozens of charts, and there may be dozens of marks.
	for _, clr := range order {
		all := spans[clr]
		slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.from, b.from) })
		var begins, bars vg.Path
		until := c.Min.X - 1
		for i, s := range all {
			if i == 0 || s.from > all[i-1].from {
				begins.Move(vg.Point{X: s.from, Y: c.Min.Y})
				begins.Line(vg.Point{X: s.from, Y: c.Max.Y})
			}
			if from := max(s.from, until); from < s.to || s.from == s.to {
				bar := vg.Rectangle{Min: vg.Point{X: from - 1, Y: c.Min.Y - 3}, Max: vg.Point{X: s.to + 1, Y: c.Min.Y}}
				bars = append(bars, bar.Path()...)
				until = max(until, s.to)
			}
		}
		c.SetLineStyle(draw.LineStyle{Color: clr, Width: 1, Dashes: []vg.Length{4, 4}})
		c.Stroke(begins)
		c.Fill(bars)
	}
}
