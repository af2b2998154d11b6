package pictures

import (
	"encoding/json"
	"fmt"
)

// definition is the part of a dashboard in Grafana's JSON that a picture shows:
// https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
type definition struct {
	UID        string  `json:"uid"`
	Title      string  `json:"title"`
	Panels     []panel `json:"panels"`
	Templating struct {
		List []variableDefinition `json:"list"`
	} `json:"templating"`
	Annotations struct {
		List []annotation `json:"list"`
	} `json:"annotations"`
	Links []struct {
		Title string `json:"title"`
	} `json:"links"`
}

// variableDefinition is a variable of a dashboard.
type variableDefinition struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	Type  string `json:"type"`
	Query query  `json:"query"`
	Regex string `json:"regex"`
	Sort  int    `json:"sort"`
	Hide  int    `json:"hide"` // 2: not shown

	Multi      bool   `json:"multi"`
	IncludeAll bool   `json:"includeAll"`
	AllValue   string `json:"allValue"`
	Current    struct {
		Value oneOrMore `json:"value"`
	} `json:"current"`
}

// query is a variable's query, which is a string or an object that contains it.
type query string

func (q *query) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		return json.Unmarshal(data, (*string)(q))
	}
	var object struct {
		Query string `json:"query"`
	}
	err := json.Unmarshal(data, &object)
	*q = query(object.Query)
	return err
}

// oneOrMore is a string or a list of strings.
type oneOrMore []string

func (o *oneOrMore) UnmarshalJSON(data []byte) error {
	if data[0] == '[' {
		return json.Unmarshal(data, (*[]string)(o))
	}
	var one string
	err := json.Unmarshal(data, &one)
	*o = oneOrMore{one}
	return err
}

// annotation marks the times at which a query returns values above zero.
type annotation struct {
	Name   string `json:"name"`
	Enable bool   `json:"enable"`
	Color  string `json:"iconColor"`
	Expr   string `json:"expr"`
	Target target `json:"target"`
}

// panel is a panel or a row.
type panel struct {
	Title  string `json:"title"`
	Type   string `json:"type"`
	Repeat string `json:"repeat"`
	// Grid is in columns, of which there are 24, and in rows of 30 pixels and a gap.
	Grid struct {
		X int `json:"x"`
		Y int `json:"y"`
		W int `json:"w"`
		H int `json:"h"`
	} `json:"gridPos"`
	Targets         []target `json:"targets"`
	Transformations []struct {
		ID       string          `json:"id"`
		Disabled bool            `json:"disabled"`
		Options  json.RawMessage `json:"options"`
	} `json:"transformations"`
	FieldConfig struct {
		Defaults  map[string]any `json:"defaults"`
		Overrides []override     `json:"overrides"`
	} `json:"fieldConfig"`
	Options json.RawMessage `json:"options"`
	Panels  []panel         `json:"panels"` // of a collapsed row
}

// target is a query of a panel.
type target struct {
	RefID   string `json:"refId"`
	Expr    string `json:"expr"`
	Legend  string `json:"legendFormat"`
	Instant bool   `json:"instant"`
	Range   bool   `json:"range"`
	Format  string `json:"format"` // table, or else time series
	Hide    bool   `json:"hide"`
}

// options decodes the options of the panel's kind into value.
func (p panel) options(value any) error {
	if len(p.Options) == 0 {
		return nil
	}
	if err := json.Unmarshal(p.Options, value); err != nil {
		return fmt.Errorf("options: %w", err)
	}
	return nil
}

// reduceOptions say which of a series' values a panel shows.
type reduceOptions struct {
	Values bool     `json:"values"`
	Calcs  []string `json:"calcs"`
}

// legendOptions say which legend a panel has.
type legendOptions struct {
	DisplayMode string   `json:"displayMode"` // list, table or hidden
	Placement   string   `json:"placement"`   // bottom or right
	ShowLegend  bool     `json:"showLegend"`
	Calcs       []string `json:"calcs"`
	SortBy      string   `json:"sortBy"` // the title of a column
	SortDesc    bool     `json:"sortDesc"`
}
