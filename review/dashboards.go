package review

import (
	"reflect"
	"slices"
	"strings"
)

// dashboard is what a reviewer wants to know of a dashboard; all is everything.
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

	all map[string]any
}

type panel struct {
	Type    string  `json:"type"`
	Title   string  `json:"title"`
	Panels  []panel `json:"panels"` // of a folded row
	Targets []struct {
		Expr string `json:"expr"`
	} `json:"targets"`
}

// query is what a panel asks for.
func (p panel) query() string {
	var exprs []string
	for _, target := range p.Targets {
		exprs = append(exprs, target.Expr)
	}
	return strings.Join(exprs, "\n")
}

// shown are the panels that show something, those of folded rows as well.
func shown(panels []panel) []panel {
	var all []panel
	for _, p := range panels {
		if p.Type != "row" {
			all = append(all, p)
		}
		all = append(all, shown(p.Panels)...)
	}
	return all
}

func dashboardChanges(before, after []dashboard) []Change {
	both, removed, added := pair(before, after,
		func(a, b dashboard) bool { return a.UID != "" && a.UID == b.UID },
		func(a, b dashboard) bool { return a.Title == b.Title },
	)
	var changes []Change
	for _, d := range added {
		changes = append(changes, Change{Verb: "added", What: code(d.Title)})
	}
	for _, d := range removed {
		changes = append(changes, Change{Verb: "removed", What: code(d.Title)})
	}
	for _, d := range both {
		if !reflect.DeepEqual(d[0].all, d[1].all) {
			changes = append(changes, Change{Verb: "changed", What: code(d[0].Title), Details: dashboardDetails(d[0], d[1])})
		}
	}
	return changes
}

func dashboardDetails(before, after dashboard) []Detail {
	var details []Detail
	if before.UID != after.UID {
		details = append(details, moved("UID, which links to it have", before.UID, after.UID))
	}
	if before.Title != after.Title {
		details = append(details, moved("title", before.Title, after.Title))
	}
	details = append(details, variables(before, after)...)
	both, removed, added := pair(shown(before.Panels), shown(after.Panels),
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
			details = append(details, moved("panel's title", p[0].Title, p[1].Title))
		}
		if p[0].Type != p[1].Type {
			details = append(details, moved("kind of panel "+code(p[1].Title), p[0].Type, p[1].Type))
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

func variables(before, after dashboard) []Detail {
	byName := func(d dashboard) map[string]any {
		all := map[string]any{}
		for _, variable := range d.Templating.List {
			all[variable.Name] = variable.Query
		}
		return all
	}
	details := settings(byName(before), byName(after))
	for i := range details {
		details[i].Text = "variable " + details[i].Text
	}
	return slices.Clip(details)
}
