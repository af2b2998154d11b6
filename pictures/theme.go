package pictures

import (
	"fmt"
	"image/color"
	"strings"

	stdfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Colours of Grafana's light theme.
var (
	background = color.NRGBA{0xf4, 0xf5, 0xf5, 0xff}
	surface    = color.NRGBA{0xff, 0xff, 0xff, 0xff}
	border     = color.NRGBA{0xe3, 0xe4, 0xe5, 0xff}
	lines      = color.NRGBA{0xec, 0xed, 0xee, 0xff} // of grids
	unfilled   = color.NRGBA{0xf0, 0xf1, 0xf2, 0xff}
	primary    = color.NRGBA{0x24, 0x29, 0x2e, 0xff}
	secondary  = color.NRGBA{0x5b, 0x60, 0x66, 0xff}
	link       = color.NRGBA{0x1f, 0x62, 0xe0, 0xff}
)

// hues maps Grafana's names of colours to those of its light theme, from the lightest to the darkest:
// super-light, light, no prefix, semi-dark, dark.
var hues = map[string][5]string{
	"red":    {"#ff7383", "#f2495c", "#e02f44", "#c4162a", "#ad0317"},
	"orange": {"#ffb357", "#ff9830", "#ff780a", "#fa6400", "#e55400"},
	"yellow": {"#ffee52", "#fade2a", "#f2cc0c", "#e0b400", "#cc9d00"},
	"green":  {"#96d98d", "#73bf69", "#56a64b", "#37872d", "#19730e"},
	"blue":   {"#8ab8ff", "#5794f2", "#3274d9", "#1f60c4", "#1250b0"},
	"purple": {"#ca95e5", "#b877d9", "#a352cc", "#8f3bb8", "#7c2ea3"},
}

var shades = []string{"super-light-", "light-", "", "semi-dark-", "dark-"}

// palette is Grafana's classic palette, from which series without a colour of their own get theirs in
// turn.
var palette = []string{
	"green", "semi-dark-yellow", "light-blue", "semi-dark-orange", "red", "blue", "purple", "#705da0",
	"dark-green", "yellow", "#447ebc", "#c15c17", "#890f02", "#0a437c", "#6d1f62", "#584477",
	"#b7dbab", "#f4d598", "#70dbed", "#f9ba8f", "#f29191", "#82b5d8", "#e5a8e2", "#aea2e0",
	"#629e51", "#e5ac0e", "#64b0c8", "#e0752d", "#bf1b00", "#0a50a1", "#962d82", "#614d93",
}

// paint returns the colour with Grafana's name, such as semi-dark-red, text or #e02f44.
func paint(name string) (color.NRGBA, error) {
	switch name {
	case "text":
		return primary, nil
	case "transparent":
		return color.NRGBA{}, nil
	case "white":
		return surface, nil
	case "black":
		return color.NRGBA{A: 255}, nil
	case "gray", "grey":
		return color.NRGBA{0x80, 0x80, 0x80, 0xff}, nil
	}
	for hue, values := range hues {
		for i, shade := range shades {
			if name == shade+hue {
				name = values[i]
			}
		}
	}
	c := color.NRGBA{A: 255}
	if n, err := fmt.Sscanf(name, "#%02x%02x%02x", &c.R, &c.G, &c.B); n != 3 || err != nil || len(name) != len("#rrggbb") {
		return color.NRGBA{}, fmt.Errorf("unknown colour %q; allowed: a colour such as red or semi-dark-red, text, transparent, #rrggbb", name)
	}
	return c, nil
}

// faded returns a colour with an opacity between 0 and 1.
func faded(c color.NRGBA, opacity float64) color.NRGBA {
	c.A = uint8(float64(c.A)*opacity + 0.5)
	return c
}

// onto returns black or white, whichever is read more easily on a colour.
func onto(c color.NRGBA) color.NRGBA {
	if 299*int(c.R)+587*int(c.G)+114*int(c.B) > 150_000 {
		return primary
	}
	return surface
}

// lettering returns the style of text of a size in pixels, whose left end is at the middle of its
// height.
func lettering(size vg.Length, c color.Color) text.Style {
	return text.Style{
		Color:   c,
		Font:    font.Font{Typeface: "Liberation", Variant: "Sans", Size: size},
		YAlign:  draw.YCenter,
		Handler: anchored{text.Plain{Fonts: font.DefaultCache}},
	}
}

// anchored draws text that SVG aligns, so that it is in its place in a font of another width, too.
type anchored struct{ text.Plain }

// Draw implements text.Handler. A canvas is the area of another, and the last of them is an svg.
func (a anchored) Draw(c vg.Canvas, words string, style text.Style, at vg.Point) {
	switch c := c.(type) {
	case *draw.Canvas:
		a.Draw(c.Canvas, words, style, at)
	case draw.Canvas:
		a.Draw(c.Canvas, words, style, at)
	case *svg:
		c.anchor = style.XAlign
		style.XAlign = draw.XLeft
		a.Plain.Draw(c, words, style, at)
	default:
		panic(fmt.Sprintf("pictures: cannot write on a %T", c))
	}
}

func bold(style text.Style) text.Style {
	style.Font.Weight = stdfont.WeightBold
	return style
}

func aligned(style text.Style, x text.XAlignment) text.Style {
	style.XAlign = x
	return style
}

// shortened returns a text that is cut off where it would be wider than width.
func shortened(style text.Style, words string, width vg.Length) string {
	if style.Width(words) <= width {
		return words
	}
	runes := []rune(words)
	for len(runes) > 0 && style.Width(string(runes)+"…") > width {
		runes = runes[:len(runes)-1]
	}
	return strings.TrimSpace(string(runes)) + "…"
}

// write writes a text into the area of the canvas, at its left, centre or right as the style says,
// and in the middle of its height. It is cut off at the width of the area.
func write(c draw.Canvas, style text.Style, words string) {
	x := c.Min.X - (c.Max.X-c.Min.X)*vg.Length(style.XAlign)
	// gonum centres the height from the top of the highest letter to the bottom of the lowest one.
	c.FillText(style, vg.Point{X: x, Y: c.Center().Y + style.FontExtents().Descent/2}, shortened(style, words, c.Max.X-c.Min.X))
}

// fill fills the area of the canvas.
func fill(c draw.Canvas, clr color.Color) {
	c.SetColor(clr)
	c.Fill(c.Rectangle.Path())
}

// splitTop divides a canvas into the part of a height at the top, and the rest.
func splitTop(c draw.Canvas, height vg.Length) (top, rest draw.Canvas) {
	total := c.Max.Y - c.Min.Y
	height = min(height, total)
	return draw.Crop(c, 0, 0, total-height, 0), draw.Crop(c, 0, 0, 0, -height)
}

// splitLeft divides a canvas into the part of a width at the left, and the rest.
func splitLeft(c draw.Canvas, width vg.Length) (left, rest draw.Canvas) {
	total := c.Max.X - c.Min.X
	width = min(width, total)
	return draw.Crop(c, 0, width-total, 0, 0), draw.Crop(c, width, 0, 0, 0)
}
