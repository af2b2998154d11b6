package pictures

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"image/color"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// grid is a table of texts and numbers. A cell that a row does not have is empty.
type grid struct {
	columns []string
	rows    []map[string]any
}

// numeric reports whether a column has only numbers.
func (g grid) numeric(column string) bool {
	for _, row := range g.rows {
		if _, text := row[column].(string); text {
			return false
		}
	}
	return true
}

// ends returns the least and the largest number of a column; NaN if there is none.
func (g grid) ends(column string) (low, high float64) {
	var numbers []float64
	for _, row := range g.rows {
		if number, ok := row[column].(float64); ok {
			numbers = append(numbers, number)
		}
	}
	return extreme(numbers, math.Min), extreme(numbers, math.Max)
}

// grids returns the results of a panel's queries as tables: a column for each label, and one for the
// value.
func (b *board) grids(ctx context.Context, p panel) ([]grid, error) {
	var all []grid
	shown := slices.DeleteFunc(slices.Clone(p.Targets), func(t target) bool { return t.Hide })
	for _, t := range shown {
		fail := func(err error) ([]grid, error) { return nil, fmt.Errorf("query %s: %w", t.RefID, err) }
		if !t.Instant || t.Format != "table" {
			return fail(fmt.Errorf("cannot show a query as a table that is not instant and of the format table"))
		}
		expr, err := b.interpolate(t.Expr, b.stepFor(pageWidth))
		if err != nil {
			return fail(err)
		}
		vector, err := b.instant(ctx, expr)
		if err != nil {
			return fail(err)
		}
		value := "Value"
		if len(shown) > 1 {
			value = "Value #" + t.RefID
		}
		g, labels := grid{}, map[string]bool{}
		for _, sample := range vector {
			row := map[string]any{value: float64(sample.Value), "Time": float64(sample.Timestamp)}
			for name, text := range sample.Metric {
				labels[string(name)] = true
				row[string(name)] = string(text)
			}
			g.rows = append(g.rows, row)
		}
		g.columns = append(append([]string{"Time"}, slices.Sorted(maps.Keys(labels))...), value)
		all = append(all, g)
	}
	return all, nil
}

// transformations maps Grafana's transformations to what they do with the tables of a panel:
// https://grafana.com/docs/grafana/latest/panels-visualizations/query-transform-data/transform-data/
var transformations = map[string]func(all []grid, options json.RawMessage) ([]grid, error){
	"merge":              merge,
	"filterFieldsByName": filterFields,
	"organize":           organize,
	"sortBy":             sortRows,
	"limit":              limitRows,
}

// transform returns the table that the panel's transformations make of the results of its queries.
func (b *board) transform(all []grid, p panel) (grid, error) {
	for _, t := range p.Transformations {
		if t.Disabled {
			continue
		}
		run, ok := transformations[t.ID]
		if !ok {
			return grid{}, fmt.Errorf("unknown transformation %q; allowed: %s", t.ID, strings.Join(slices.Sorted(maps.Keys(transformations)), ", "))
		}
		var err error
		if all, err = run(all, t.Options); err != nil {
			return grid{}, fmt.Errorf("transformation %s: %w", t.ID, err)
		}
	}
	if len(all) != 1 {
		return grid{}, fmt.Errorf("has %d tables, of which Grafana shows one; the transformation merge makes one of them", len(all))
	}
	return all[0], nil
}

// merge makes one table of several. Rows that agree in all columns that both have become one.
func merge(all []grid, _ json.RawMessage) ([]grid, error) {
	var merged grid
	for _, g := range all {
		var shared, added []string
		for _, column := range g.columns {
			if slices.Contains(merged.columns, column) {
				shared = append(shared, column)
			} else {
				added = append(added, column)
			}
		}
		before := len(merged.rows)
		for _, row := range g.rows {
			i := slices.IndexFunc(merged.rows[:before], func(other map[string]any) bool {
				return !slices.ContainsFunc(shared, func(c string) bool { return row[c] != other[c] }) &&
					!slices.ContainsFunc(added, func(c string) bool { return other[c] != nil })
			})
			if i < 0 {
				merged.rows = append(merged.rows, row)
				continue
			}
			maps.Copy(merged.rows[i], row)
		}
		merged.columns = append(merged.columns, added...)
	}
	return []grid{merged}, nil
}

// names selects columns by a list or a pattern.
type names struct {
	Names   []string `json:"names"`
	Pattern string   `json:"pattern"`
}

func (n names) has(column string) (bool, error) {
	if n.Pattern == "" {
		return slices.Contains(n.Names, column), nil
	}
	pattern, err := regexp.Compile(strings.Trim(n.Pattern, "/"))
	return err == nil && (pattern.MatchString(column) || slices.Contains(n.Names, column)), err
}

// filterFields keeps columns by their names.
func filterFields(all []grid, options json.RawMessage) ([]grid, error) {
	var o struct {
		Include *names `json:"include"`
		Exclude *names `json:"exclude"`
	}
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, err
	}
	for i, g := range all {
		all[i].columns = nil
		for _, column := range g.columns {
			keep := true
			var err error
			if o.Include != nil {
				keep, err = o.Include.has(column)
			}
			if o.Exclude != nil && err == nil {
				var drop bool
				drop, err = o.Exclude.has(column)
				keep = keep && !drop
			}
			if err != nil {
				return nil, err
			}
			if keep {
				all[i].columns = append(all[i].columns, column)
			}
		}
	}
	return all, nil
}

// organize orders, renames and removes columns.
func organize(all []grid, options json.RawMessage) ([]grid, error) {
	var o struct {
		Index   map[string]int    `json:"indexByName"`
		Rename  map[string]string `json:"renameByName"`
		Exclude map[string]bool   `json:"excludeByName"`
	}
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, err
	}
	for i, g := range all {
		position := func(column string) int {
			if at, ok := o.Index[column]; ok {
				return at
			}
			return len(o.Index)
		}
		g.columns = slices.DeleteFunc(g.columns, func(c string) bool { return o.Exclude[c] })
		slices.SortStableFunc(g.columns, func(a, b string) int { return cmp.Compare(position(a), position(b)) })
		for j, column := range g.columns {
			title := o.Rename[column]
			if title == "" || title == column {
				continue
			}
			g.columns[j] = title
			for _, row := range g.rows {
				if value, ok := row[column]; ok {
					row[title] = value
				}
			}
		}
		all[i] = g
	}
	return all, nil
}

// sortRows orders the rows by a column.
func sortRows(all []grid, options json.RawMessage) ([]grid, error) {
	var o struct {
		Sort []struct {
			Field string `json:"field"`
			Desc  bool   `json:"desc"`
		} `json:"sort"`
	}
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, err
	}
	for _, g := range all {
		for _, by := range slices.Backward(o.Sort) {
			g.sort(by.Field, by.Desc)
		}
	}
	return all, nil
}

// limitRows keeps the first rows.
func limitRows(all []grid, options json.RawMessage) ([]grid, error) {
	var o struct {
		Limit int `json:"limitField"`
	}
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, err
	}
	for i, g := range all {
		all[i].rows = g.rows[:min(len(g.rows), o.Limit)]
	}
	return all, nil
}

// sort orders the rows by a column.
func (g grid) sort(column string, descending bool) {
	slices.SortStableFunc(g.rows, func(a, b map[string]any) int {
		x, isNumber := a[column].(float64)
		y, both := b[column].(float64)
		if isNumber && both {
			return compareValues(x, y, descending)
		}
		left, _ := a[column].(string)
		right, _ := b[column].(string)
		order := natural(left, right)
		switch {
		case isNumber:
			order = -1 // before what has no number
		case both:
			order = 1
		case descending:
			order = -order
		}
		return order
	})
}

// table draws the results of queries as a table.
func (b *board) table(ctx context.Context, c draw.Canvas, p panel) error {
	var o struct {
		ShowHeader *bool `json:"showHeader"`
		SortBy     []struct {
			Name string `json:"displayName"`
			Desc bool   `json:"desc"`
		} `json:"sortBy"`
	}
	if err := p.options(&o); err != nil {
		return err
	}
	all, err := b.grids(ctx, p)
	if err != nil {
		return err
	}
	g, err := b.transform(all, p)
	if err != nil {
		return err
	}
	if len(g.rows) == 0 {
		b.empty(c, p)
		return nil
	}
	for _, by := range slices.Backward(o.SortBy) {
		g.sort(by.Name, by.Desc)
	}
	var shown []tableColumn
	for _, name := range g.columns {
		f, err := b.field(p, name, "", g.numeric(name))
		if err != nil {
			return fmt.Errorf("column %q: %w", name, err)
		}
		if !f.Custom.Hidden {
			t := tableColumn{name: name, field: f, title: cmp.Or(b.caption(f.DisplayName), name), numbers: g.numeric(name)}
			t.low, t.high = f.ends(g.ends(name))
			shown = append(shown, t)
		}
	}
	widths := columnWidths(g, shown, c.Max.X-c.Min.X)
	const row = 28
	each := func(at draw.Canvas, cell func(at draw.Canvas, i int) error) error {
		for i, w := range widths {
			var left draw.Canvas
			left, at = splitLeft(at, w)
			if err := cell(left, i); err != nil {
				return fmt.Errorf("column %q: %w", shown[i].title, err)
			}
		}
		return nil
	}
	if o.ShowHeader == nil || *o.ShowHeader {
		var head draw.Canvas
		head, c = splitTop(c, row)
		_ = each(head, func(at draw.Canvas, i int) error {
			write(draw.Crop(at, 6, -6, 0, 0), aligned(bold(lettering(12, link)), shown[i].align()), shown[i].title)
			return nil
		})
		underline(head)
	}
	room := int((c.Max.Y - c.Min.Y + 1) / row)
	for n, values := range g.rows {
		var at draw.Canvas
		at, c = splitTop(c, row)
		if n == room-1 && len(g.rows) > room {
			write(draw.Crop(at, 6, 0, 0, 0), lettering(12, secondary), fmt.Sprintf("+ %d more", len(g.rows)-n))
			return nil
		}
		if err := each(at, func(at draw.Canvas, i int) error { return shown[i].cell(at, values[shown[i].name]) }); err != nil {
			return err
		}
		underline(at)
	}
	return nil
}

// tableColumn is a column with how it looks.
type tableColumn struct {
	name    string
	field   field
	title   string
	numbers bool
	// low and high are the ends of the scale of bars.
	low, high float64
}

func (t tableColumn) align() draw.XAlignment {
	switch {
	case t.field.Custom.Align == "center":
		return draw.XCenter
	case t.field.Custom.Align == "right", t.numbers && t.field.Custom.Align != "left":
		return draw.XRight
	default:
		return draw.XLeft
	}
}

// text returns how a value is written and its colour, which is that of a mapping or of the
// thresholds.
func (t tableColumn) text(value any) (string, color.NRGBA, error) {
	switch value := value.(type) {
	case float64:
		return t.field.display(value)
	case string:
		r, ok, err := t.field.mapped(value)
		if err != nil || !ok {
			return value, primary, err
		}
		clr, err := paint(cmp.Or(r.Color, "text"))
		return cmp.Or(r.Text, value), clr, err
	default:
		return "", primary, nil
	}
}

// cell draws a cell as text, on its colour, or as a bar.
func (t tableColumn) cell(c draw.Canvas, value any) error {
	text, clr, err := t.text(value)
	if err != nil {
		return err
	}
	inner, ink := draw.Crop(c, 6, -6, 0, 0), primary
	if len(t.field.Links) > 0 {
		ink = link
	}
	number, isNumber := value.(float64)
	switch t.field.Custom.Cell.Type {
	case "", "auto":
	case "color-text":
		ink = clr
	case "color-background":
		if value != nil {
			fill(draw.Crop(c, 1, -1, 1, -1), clr)
			ink = onto(clr)
		}
	case "gauge":
		if isNumber && !math.IsNaN(number) {
			track, rest := splitLeft(inner, (inner.Max.X-inner.Min.X)-figureWidth)
			bar{value: number, low: t.low, high: t.high, color: clr}.draw(draw.Crop(track, 0, 0, 6, -6))
			write(rest, aligned(lettering(12, clr), draw.XRight), text)
			return nil
		}
	default:
		return fmt.Errorf("unknown type of cell %q; allowed: auto, color-text, color-background, gauge", t.field.Custom.Cell.Type)
	}
	write(inner, aligned(lettering(12, ink), t.align()), text)
	return nil
}

// figureWidth is the room for the number beside a bar in pixels.
const figureWidth = 56

// columnWidths shares the width out among the columns: each gets what its longest text needs, and an
// equal part of the rest; or less in proportion, if there is too little.
func columnWidths(g grid, shown []tableColumn, width vg.Length) []vg.Length {
	widths := make([]vg.Length, len(shown))
	sum := vg.Length(0)
	for i, t := range shown {
		widths[i] = bold(lettering(12, primary)).Width(t.title)
		for _, row := range g.rows {
			text, _, _ := t.text(row[t.name]) // an error is that of the cell
			widths[i] = max(widths[i], lettering(12, primary).Width(text))
		}
		if t.field.Custom.Cell.Type == "gauge" {
			widths[i] = max(widths[i], 120)
		}
		if w := t.field.Custom.Width; w > 0 {
			widths[i] = vg.Length(w)
		}
		widths[i] += 14
		sum += widths[i]
	}
	for i := range widths {
		if sum > width {
			widths[i] *= width / sum
		} else {
			widths[i] += (width - sum) / vg.Length(len(widths))
		}
	}
	return widths
}

// underline draws a line below a row.
func underline(c draw.Canvas) {
	c.StrokeLine2(draw.LineStyle{Color: lines, Width: 1}, c.Min.X, c.Min.Y, c.Max.X, c.Min.Y)
}
