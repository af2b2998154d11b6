package review

import (
	"reflect"
	"strings"
)

// dashboard holds the fields of a Grafana dashboard that the report describes.
type dashboard struct {
	UID        string  `json:"uid"`
	Title      string  `json:"title"`
	Panels     []panel `json:"panels"`
	Templating struct {
		List []struct {
			Name  string `json:"name"`
			Query any    `json:"query"`
		} `json:"list"`
	} `json:"templating"`

	all map[string]any // every field
}

type panel struct {
	Type    string  `json:"type"`
	Title   string  `json:"title"`
	Panels  []panel `json:"panels"` // of a folded row
	Targets []struct {
		Expr string `json:"expr"`
	} `json:"targets"`
}

// query returns the PromQL expressions of a panel, one a line.
func (p panel) query() string {
	var exprs []string
	for _, target := range p.Targets {
		exprs = append(exprs, target.Expr)
	}
	return strings.Join(exprs, "\n")
}

// allPanels returns the panels, and the panels of folded rows, but not the rows.
func allPanels(panels []panel) []panel {
	var all []panel
	for _, p := range panels {
		if p.Type != "row" {
			all = append(all, p)
		}
		all = append(all, allPanels(p.Panels)...)
	}
	return all
}

func dashboardChanges(before, after []dashboard) []Change {
	return kind[dashboard]{
		same: []func(before, after dashboard) bool{
			func(a, b dashboard) bool { return a.UID != "" && a.UID == b.UID },
			func(a, b dashboard) bool { return a.Title == b.Title },
		},
		added: func(d dashboard) (string, []Detail) { return code(d.Title), nil },
		changed: func(before, after dashboard) (string, []Detail) {
			return code(before.Title), dashboardDetails(before, after)
		},
	}.changes(before, after)
}

func dashboardDetails(before, after dashboard) []Detail {
	if reflect.DeepEqual(before.all, after.all) {
		return nil
	}
	var details []Detail
	if before.UID != after.UID {
		details = append(details, changedValue("UID, which links to it have", before.UID, after.UID))
	}
	if before.Title != after.Title {
		details = append(details, changedValue("title", before.Title, after.Title))
	}
	details = append(details, settings("variable ", before.variables(), after.variables())...)
	both, removed, added := match(allPanels(before.Panels), allPanels(after.Panels),
		func(a, b panel) bool { return reflect.DeepEqual(a, b) },
		func(a, b panel) bool { return a.Title == b.Title && a.Type == b.Type },
		func(a, b panel) bool { return a.Title == b.Title },
		func(a, b panel) bool { return a.query() != "" && a.query() == b.query() },
	)
	for _, p := range added {
		details = append(details, Detail{Text: "panel added: " + code(p.Title), Lang: "promql", Block: p.query()})
	}
	for _, p := range removed {
		details = append(details, Detail{Text: "panel removed: " + code(p.Title)})
	}
	for _, p := range both {
		if p[0].Title != p[1].Title {
			details = append(details, changedValue("panel's title", p[0].Title, p[1].Title))
		}
		if p[0].Type != p[1].Type {
			details = append(details, changedValue("kind of panel "+code(p[1].Title), p[0].Type, p[1].Type))
		}
		if p[0].query() != p[1].query() {
			details = append(details, Detail{Text: "query of panel " + code(p[1].Title) + ":", Lang: "diff", Block: lines(p[0].query(), p[1].query())})
		}
	}
	if len(details) == 0 {
		details = append(details, Detail{Text: "layout or display options"})
	}
	return details
}

// variables returns the queries of a dashboard's variables by name.
func (d dashboard) variables() map[string]any {
	queries := map[string]any{}
	for _, variable := range d.Templating.List {
		queries[variable.Name] = variable.Query
	}
	return queries
}
