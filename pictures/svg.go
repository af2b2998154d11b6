package pictures

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image"
	"image/color"
	"math"
	"strconv"

	stdfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// fonts are the families of all text; a browser takes the first that it has. Text is measured in
// Liberation Sans, which is as wide as Arial and Helvetica.
const fonts = "Helvetica,Arial,'Liberation Sans',sans-serif"

// svg is a vg.Canvas that writes SVG, with a point of package vg as one pixel. A dashboard has
// thousands of points and texts. In contrast to package vgsvg, svg rounds to tenths of a pixel, leaves
// out points that lie on a line between others, repeats no style that is the default, and names
// families of fonts that readers have.
type svg struct {
	height vg.Length
	body   bytes.Buffer
	state  state
	saved  []state
	anchor draw.XAlignment // of the next text
}

// state is what Push saves.
type state struct {
	origin vg.Point
	color  color.Color
	width  vg.Length
	dash   []vg.Length
}

func newSVG(height vg.Length) *svg {
	c := &svg{height: height}
	vg.Initialize(c)
	return c
}

// document returns the picture, with a title that screen readers read.
func (c *svg) document(width vg.Length, title string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%[1]s" height="%[2]s" font-family="%s" font-size="12" fill="none">`+"\n<title>%s</title>\n",
		number(width), number(c.height), fonts, escape(title))
	b.Write(c.body.Bytes())
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func (c *svg) SetLineWidth(w vg.Length)                     { c.state.width = w }
func (c *svg) SetLineDash(pattern []vg.Length, _ vg.Length) { c.state.dash = pattern }
func (c *svg) SetColor(clr color.Color)                     { c.state.color = clr }
func (c *svg) Translate(pt vg.Point)                        { c.state.origin = c.state.origin.Add(pt) }
func (c *svg) Push()                                        { c.saved = append(c.saved, c.state) }

func (c *svg) Pop() {
	last := len(c.saved) - 1
	c.state, c.saved = c.saved[last], c.saved[:last]
}

// Nothing in a dashboard is rotated, scaled or an image.

func (c *svg) Rotate(float64)                      { panic("pictures: svg cannot rotate") }
func (c *svg) Scale(float64, float64)              { panic("pictures: svg cannot scale") }
func (c *svg) DrawImage(vg.Rectangle, image.Image) { panic("pictures: svg cannot draw images") }

func (c *svg) Stroke(path vg.Path) {
	if c.state.width <= 0 {
		return
	}
	fmt.Fprintf(&c.body, `<path d="%s" stroke="%s"`, c.data(path), hex(c.state.color))
	c.opacity("stroke-opacity")
	if c.state.width != 1 {
		fmt.Fprintf(&c.body, ` stroke-width="%s"`, number(c.state.width))
	}
	if len(c.state.dash) > 0 {
		c.body.WriteString(` stroke-dasharray="`)
		for i, length := range c.state.dash {
			if i > 0 {
				c.body.WriteByte(' ')
			}
			c.body.WriteString(number(length))
		}
		c.body.WriteByte('"')
	}
	c.body.WriteString("/>\n")
}

func (c *svg) Fill(path vg.Path) {
	fmt.Fprintf(&c.body, `<path d="%s" fill="%s"`, c.data(path), hex(c.state.color))
	c.opacity("fill-opacity")
	c.body.WriteString("/>\n")
}

func (c *svg) FillString(face font.Face, at vg.Point, text string) {
	x, y := c.place(at)
	fmt.Fprintf(&c.body, `<text x="%s" y="%s" fill="%s"`, tenths(x), tenths(y), hex(c.state.color))
	if face.Font.Size != 12 {
		fmt.Fprintf(&c.body, ` font-size="%s"`, number(face.Font.Size))
	}
	if face.Font.Weight == stdfont.WeightBold {
		c.body.WriteString(` font-weight="600"`)
	}
	switch c.anchor {
	case draw.XCenter:
		c.body.WriteString(` text-anchor="middle"`)
	case draw.XRight:
		c.body.WriteString(` text-anchor="end"`)
	}
	fmt.Fprintf(&c.body, ">%s</text>\n", escape(text))
}

// opacity writes the opacity of the colour, unless it is opaque.
func (c *svg) opacity(attribute string) {
	if alpha := toNRGBA(c.state.color).A; alpha < 255 {
		fmt.Fprintf(&c.body, ` %s="%s"`, attribute, strconv.FormatFloat(float64(alpha)/255, 'f', 2, 64))
	}
}

// place returns a point in tenths of a pixel from the top left corner.
func (c *svg) place(pt vg.Point) (x, y int) {
	pt = pt.Add(c.state.origin)
	return int(math.Round(float64(pt.X) * 10)), int(math.Round(float64(c.height-pt.Y) * 10))
}

// data returns the path as SVG's path data, in relative coordinates. A dashboard has only straight
// lines.
func (c *svg) data(path vg.Path) string {
	var b []byte
	var x, y int // where the pen is
	var run []vg.Point
	flush := func() {
		if len(run) < 2 {
			return
		}
		b = append(b, 'l')
		for i, pt := range straightened(run)[1:] {
			toX, toY := c.place(pt)
			if dx := toX - x; i > 0 && dx >= 0 {
				b = append(b, ' ')
			}
			b = append(b, tenths(toX-x)...)
			if toY >= y {
				b = append(b, ' ')
			}
			b = append(b, tenths(toY-y)...)
			x, y = toX, toY
		}
	}
	for _, part := range path {
		switch part.Type {
		case vg.MoveComp:
			flush()
			run = []vg.Point{part.Pos}
			x, y = c.place(part.Pos)
			b = fmt.Appendf(b, "M%s %s", tenths(x), tenths(y))
		case vg.LineComp:
			run = append(run, part.Pos)
		case vg.CloseComp:
			flush()
			run = nil
			b = append(b, 'z')
		default:
			panic(fmt.Sprintf("pictures: svg cannot draw a part of type %d", part.Type))
		}
	}
	flush()
	return string(b)
}

// straightened returns the points without those that are at most a quarter of a pixel away from the
// line between the points that remain (Ramer, Douglas and Peucker).
func straightened(points []vg.Point) []vg.Point {
	const tolerance = 0.25
	if len(points) < 3 {
		return points
	}
	first, last := points[0], points[len(points)-1]
	farthest, distance := 0, vg.Length(tolerance)
	along := last.Sub(first)
	length := vg.Length(math.Hypot(float64(along.X), float64(along.Y)))
	for i, pt := range points[1 : len(points)-1] {
		from := pt.Sub(first)
		d := vg.Length(math.Hypot(float64(from.X), float64(from.Y)))
		if length > 0 {
			d = vg.Length(math.Abs(float64(along.X*from.Y-along.Y*from.X))) / length
		}
		if d > distance {
			farthest, distance = i+1, d
		}
	}
	if farthest == 0 {
		return []vg.Point{first, last}
	}
	head := straightened(points[:farthest+1])
	return append(head[:len(head)-1:len(head)-1], straightened(points[farthest:])...)
}

// tenths returns a number of tenths as a decimal number.
func tenths(n int) string {
	return number(vg.Length(n) / 10)
}

// number returns a length with at most one decimal.
func number(length vg.Length) string {
	return strconv.FormatFloat(math.Round(float64(length)*10)/10, 'f', -1, 64)
}

// hex returns a colour without its opacity, such as #1f60c4.
func hex(c color.Color) string {
	rgb := toNRGBA(c)
	return fmt.Sprintf("#%02x%02x%02x", rgb.R, rgb.G, rgb.B)
}

func toNRGBA(c color.Color) color.NRGBA { return color.NRGBAModel.Convert(c).(color.NRGBA) }

func escape(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a buffer cannot fail
	return b.String()
}
