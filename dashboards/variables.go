package dashboards

import "encoding/json"

// Variables returns the names of the dashboard's variables that select series, in their order.
func (d Dashboard) Variables() []string {
	var model struct {
		Templating struct {
			List []variableModel `json:"list"`
		} `json:"templating"`
	}
	_ = json.Unmarshal(d.JSON, &model) // All has parsed it
	var names []string
	for _, v := range model.Templating.List {
		if v.Type == "query" {
			names = append(names, v.Name)
		}
	}
	return names
}
