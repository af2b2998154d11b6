package review

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// alertmanager is alertmanager.yml, its tree of routes laid out flat.
type alertmanager struct {
	receivers  []map[string]any
	routes     []route
	inhibits   []map[string]any
	everything map[string]any // but the above
}

// route is one way of an alert: what it must match from the root on, and what
// holds there.
type route struct {
	path     string
	settings map[string]any
}

func (a *alertmanager) read(text string, top map[string]any) error {
	var file struct {
		Route        map[string]any   `yaml:"route"`
		Receivers    []map[string]any `yaml:"receivers"`
		InhibitRules []map[string]any `yaml:"inhibit_rules"`
	}
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		return err
	}
	a.receivers, a.inhibits = file.Receivers, file.InhibitRules
	a.addRoute("", file.Route)
	for _, key := range []string{"route", "receivers", "inhibit_rules"} {
		delete(top, key)
	}
	a.everything = top
	return nil
}

func (a *alertmanager) addRoute(parent string, settings map[string]any) {
	path := "the root"
	if parent != "" || len(a.routes) > 0 {
		path = strings.TrimPrefix(parent+" › "+matchers(settings), "the root › ")
	}
	own := maps.Clone(settings)
	for _, key := range []string{"routes", "matchers", "match", "match_re"} {
		delete(own, key)
	}
	a.routes = append(a.routes, route{path: path, settings: own})
	children, _ := settings["routes"].([]any)
	for _, child := range children {
		if child, ok := child.(map[string]any); ok {
			a.addRoute(path, child)
		}
	}
}

// matchers are those of a route in one line, in every notation Alertmanager has.
func matchers(route map[string]any) string {
	var all []string
	list, _ := route["matchers"].([]any)
	for _, matcher := range list {
		all = append(all, fmt.Sprint(matcher))
	}
	for key, operator := range map[string]string{"match": "=", "match_re": "=~"} {
		labels, _ := route[key].(map[string]any)
		for label, value := range labels {
			all = append(all, fmt.Sprintf("%s%s%q", label, operator, fmt.Sprint(value)))
		}
	}
	if len(all) == 0 {
		return "every alert"
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func receiverChanges(before, after []map[string]any) []Change {
	sameName := func(a, b map[string]any) bool { return a["name"] == b["name"] }
	both, removed, added := pair(before, after, sameName)
	what := func(receiver map[string]any) string {
		var kinds []string
		for _, key := range slices.Sorted(maps.Keys(receiver)) {
			if kind, ok := strings.CutSuffix(key, "_configs"); ok {
				kinds = append(kinds, kind)
			}
		}
		name := code(fmt.Sprint(receiver["name"]))
		if len(kinds) == 0 {
			return name + ", which notifies nobody"
		}
		return name + " (" + strings.Join(kinds, ", ") + ")"
	}
	var changes []Change
	for _, receiver := range added {
		changes = append(changes, Change{Verb: "added", What: what(receiver)})
	}
	for _, receiver := range removed {
		changes = append(changes, Change{Verb: "removed", What: what(receiver)})
	}
	for _, receivers := range both {
		if details := settings(receivers[0], receivers[1]); len(details) > 0 {
			changes = append(changes, Change{Verb: "changed", What: what(receivers[0]), Details: details})
		}
	}
	return changes
}

func routeChanges(before, after []route) []Change {
	both, removed, added := pair(before, after, func(a, b route) bool { return a.path == b.path })
	what := func(r route) string {
		return fmt.Sprintf("%s to %s", code(r.path), code(fmt.Sprint(r.settings["receiver"])))
	}
	var changes []Change
	for _, r := range added {
		changes = append(changes, Change{Verb: "added", What: what(r)})
	}
	for _, r := range removed {
		changes = append(changes, Change{Verb: "removed", What: what(r)})
	}
	for _, routes := range both {
		if details := settings(routes[0].settings, routes[1].settings); len(details) > 0 {
			changes = append(changes, Change{Verb: "changed", What: code(routes[0].path), Details: details})
		}
	}
	if oldOrder, newOrder := order(before, both, 0), order(after, both, 1); !slices.Equal(oldOrder, newOrder) {
		changes = append(changes, Change{
			Verb: "reordered", What: "the first route that an alert matches takes it",
			Details: []Detail{{Lang: "diff", Block: lines(strings.Join(oldOrder, "\n"), strings.Join(newOrder, "\n"))}},
		})
	}
	return changes
}

// order is that of the routes of one version that the other has too.
func order(routes []route, both [][2]route, side int) []string {
	var paths []string
	for _, r := range routes {
		if slices.ContainsFunc(both, func(joined [2]route) bool { return joined[side].path == r.path }) {
			paths = append(paths, r.path)
		}
	}
	return paths
}

// inhibitChanges tells rules by their whole text, for they have no names.
func inhibitChanges(before, after []map[string]any) []Change {
	_, removed, added := pair(before, after, func(a, b map[string]any) bool { return toYAML(a, true) == toYAML(b, true) })
	var changes []Change
	for _, rule := range added {
		changes = append(changes, Change{Verb: "added", What: "an inhibition", Details: []Detail{{Lang: "yaml", Block: toYAML(rule, true)}}})
	}
	for _, rule := range removed {
		changes = append(changes, Change{Verb: "removed", What: "an inhibition", Details: []Detail{{Lang: "yaml", Block: toYAML(rule, true)}}})
	}
	return changes
}
