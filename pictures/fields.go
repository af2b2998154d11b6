package pictures

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/color"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// field says how the values of a series or a column look.
type field struct {
	DisplayName string   `json:"displayName"`
	Unit        string   `json:"unit"`
	Decimals    *int     `json:"decimals"`
	Min         *float64 `json:"min"`
	Max         *float64 `json:"max"`
	NoValue     string   `json:"noValue"`
	Color       struct {
		Mode  string `json:"mode"`
		Fixed string `json:"fixedColor"`
	} `json:"color"`
	Thresholds struct {
		Mode  string      `json:"mode"` // absolute or percentage
		Steps []threshold `json:"steps"`
	} `json:"thresholds"`
	Mappings []mapping         `json:"mappings"`
	Links    []json.RawMessage `json:"links"`
	Custom   struct {
		// Of time series.
		DrawStyle     string  `json:"drawStyle"`         // line
		Interpolation string  `json:"lineInterpolation"` // linear, stepBefore or stepAfter
		LineWidth     float64 `json:"lineWidth"`
		FillOpacity   float64 `json:"fillOpacity"` // in percent
		LineStyle     struct {
			Fill string    `json:"fill"` // solid, dash or dot
			Dash []float64 `json:"dash"`
		} `json:"lineStyle"`
		ShowPoints string `json:"showPoints"` // drawn as never
		Stacking   struct {
			Mode  string `json:"mode"` // none or normal
			Group string `json:"group"`
		} `json:"stacking"`
		SoftMin         *float64 `json:"axisSoftMin"`
		SoftMax         *float64 `json:"axisSoftMax"`
		CenteredZero    bool     `json:"axisCenteredZero"`
		ThresholdsStyle struct {
			Mode string `json:"mode"` // off, line, dashed, area, line+area, dashed+area
		} `json:"thresholdsStyle"`
		Transform string `json:"transform"` // negative-Y
		HideFrom  struct {
			Legend  bool `json:"legend"`
			Viz     bool `json:"viz"`
			Tooltip bool `json:"tooltip"`
		} `json:"hideFrom"`

		// Of tables.
		Cell struct {
			Type         string `json:"type"` // auto, color-text, color-background, gauge
			Mode         string `json:"mode"`
			ValueDisplay string `json:"valueDisplayMode"`
		} `json:"cellOptions"`
		Align      string  `json:"align"`
		Width      float64 `json:"width"`
		MinWidth   float64 `json:"minWidth"`
		Filterable bool    `json:"filterable"`
		Hidden     bool    `json:"hidden"`
		Inspect    bool    `json:"inspect"`
	} `json:"custom"`

	write format
}

// threshold is a value from which on values have a colour; without a value, the colour of all below
// the first one.
type threshold struct {
	Value *float64 `json:"value"`
	Color string   `json:"color"`
}

// override changes how the series or columns that it matches look.
type override struct {
	Matcher struct {
		ID      string          `json:"id"`
		Options json.RawMessage `json:"options"`
	} `json:"matcher"`
	Properties []struct {
		ID    string `json:"id"`
		Value any    `json:"value"`
	} `json:"properties"`
}

// matches reports whether an override is about a field: a column or series with a name, of a query,
// of numbers or else of texts.
func (o override) matches(name, refID string, numeric bool) (bool, error) {
	var text string
	if err := json.Unmarshal(o.Matcher.Options, &text); err != nil {
		return false, fmt.Errorf("matcher %q of an override: %w", o.Matcher.ID, err)
	}
	switch o.Matcher.ID {
	case "byName":
		return name == text, nil
	case "byRegexp":
		pattern, err := regexp.Compile(strings.Trim(text, "/"))
		if err != nil {
			return false, fmt.Errorf("matcher byRegexp of an override: %w", err)
		}
		return pattern.MatchString(name), nil
	case "byFrameRefID":
		return refID == text, nil
	case "byType":
		return (text == "number") == numeric, nil
	default:
		return false, fmt.Errorf("matcher %q of an override is unknown; allowed: byName, byRegexp, byFrameRefID, byType", o.Matcher.ID)
	}
}

// field returns how a series or column looks: the panel's defaults with the overrides that match it.
// What it cannot draw of them is reported.
func (b *board) field(p panel, name, refID string, numeric bool) (field, error) {
	settings := maps.Clone(p.FieldConfig.Defaults)
	if settings == nil {
		settings = map[string]any{}
	}
	for _, o := range p.FieldConfig.Overrides {
		ok, err := o.matches(name, refID, numeric)
		if err != nil {
			return field{}, err
		}
		if ok {
			for _, property := range o.Properties {
				settings = with(settings, strings.Split(property.ID, "."), property.Value)
			}
		}
	}
	text, err := json.Marshal(settings)
	if err != nil {
		return field{}, err
	}
	var f field
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&f); err != nil {
		b.report("panel %q, %s: cannot draw a setting: %v", b.caption(p.Title), name, err)
		f = field{}
		if err := json.Unmarshal(text, &f); err != nil {
			return field{}, err
		}
	}
	f.write, err = formatOf(f.Unit)
	return f, err
}

// with returns a copy of settings with a value at a path.
func with(settings map[string]any, path []string, value any) map[string]any {
	settings = maps.Clone(settings)
	if settings == nil {
		settings = map[string]any{}
	}
	if len(path) > 1 {
		below, _ := settings[path[0]].(map[string]any)
		value = with(below, path[1:], value)
	}
	settings[path[0]] = value
	return settings
}

// mapping replaces values by texts and colours.
type mapping struct {
	Type    string          `json:"type"` // value, range, regex or special
	Options json.RawMessage `json:"options"`
}

type replacement struct {
	Text  string `json:"text"`
	Color string `json:"color"`
}

// find returns what replaces a value, a float64 or a string.
func (m mapping) find(value any) (replacement, bool, error) {
	var single struct {
		From, To *float64
		Match    string
		Pattern  string
		Result   replacement
	}
	var values map[string]replacement
	target := any(&single)
	if m.Type == "value" {
		target = &values
	}
	if err := json.Unmarshal(m.Options, target); err != nil {
		return replacement{}, false, fmt.Errorf("mapping: %w", err)
	}
	number, numeric := value.(float64)
	text := fmt.Sprint(value)
	if numeric {
		text = strconv.FormatFloat(number, 'f', -1, 64)
	}
	found := false
	switch m.Type {
	case "value":
		r, ok := values[text]
		return r, ok, nil
	case "range":
		found = numeric && (single.From == nil || number >= *single.From) && (single.To == nil || number <= *single.To)
	case "regex":
		pattern, err := regexp.Compile(strings.Trim(single.Pattern, "/"))
		if err != nil {
			return replacement{}, false, fmt.Errorf("mapping: %w", err)
		}
		found = pattern.MatchString(text)
	case "special":
		missing := numeric && math.IsNaN(number)
		found = missing && slices.Contains([]string{"null", "nan", "null+nan"}, single.Match) || !numeric && text == "" && single.Match == "empty"
	default:
		return replacement{}, false, fmt.Errorf("unknown type of mapping %q; allowed: value, range, regex, special", m.Type)
	}
	return single.Result, found, nil
}

// mapped returns what replaces a value, a float64 or a string.
func (f field) mapped(value any) (replacement, bool, error) {
	for _, m := range f.Mappings {
		if r, ok, err := m.find(value); ok || err != nil {
			return r, ok, err
		}
	}
	return replacement{}, false, nil
}

// display returns how a value is written and its colour: of its mapping, a fixed one, or that of the
// thresholds.
func (f field) display(value float64) (string, color.NRGBA, error) {
	r, ok, err := f.mapped(value)
	if err != nil {
		return "", color.NRGBA{}, err
	}
	text, name := f.write(value, f.Decimals), f.thresholdColor(value)
	if f.Color.Mode == "fixed" {
		name = f.Color.Fixed
	}
	if ok && r.Text != "" {
		text = r.Text
	}
	if ok && r.Color != "" {
		name = r.Color
	}
	if math.IsNaN(value) && !ok {
		text = f.missing()
	}
	c, err := paint(name)
	return text, c, err
}

// missing returns what stands in place of a value that there is none of.
func (f field) missing() string {
	if f.NoValue != "" {
		return f.NoValue
	}
	return "No data"
}

// thresholdColor returns the name of the colour of a value by the thresholds.
func (f field) thresholdColor(value float64) string {
	name := "text"
	for _, t := range f.Thresholds.Steps {
		if t.Value == nil || value >= f.absolute(*t.Value) {
			name = t.Color
		}
	}
	return name
}

// absolute returns the value of a threshold, which may be a percentage of the way from the minimum to
// the maximum.
func (f field) absolute(threshold float64) float64 {
	if f.Thresholds.Mode != "percentage" {
		return threshold
	}
	low, high := f.ends(0, 100)
	return low + threshold/100*(high-low)
}

// seriesColor returns the colour of the series of a panel with an index.
func (f field) seriesColor(index int, values []float64) (color.NRGBA, error) {
	switch f.Color.Mode {
	case "fixed":
		return paint(f.Color.Fixed)
	case "thresholds":
		return paint(f.thresholdColor(last(values)))
	case "", "palette-classic", "palette-classic-by-name":
		return paint(palette[index%len(palette)])
	default:
		return color.NRGBA{}, fmt.Errorf("unknown colour mode %q; allowed: fixed, thresholds, palette-classic", f.Color.Mode)
	}
}
