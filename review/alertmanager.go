package review

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// alertmanager is alertmanager.yml, with its tree of routes as a list.
type alertmanager struct {
	receivers []map[string]any
	routes    []route
	inhibits  []map[string]any
	others    map[string]any // settings at the top level
}

// route is one node of the tree of routes.
type route struct {
	path     string         // the matchers from the root down
	settings map[string]any // without matchers and child routes
}

// read parses a file; top is its content, from which read removes what it parses.
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
	a.others = top
	return nil
}

// addRoute adds a route and its children. The root has no parent.
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

// matchers returns the matchers of a route in one line, sorted. Alertmanager has three
// notations: https://prometheus.io/docs/alerting/latest/configuration/#route
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
	what := func(receiver map[string]any) string {
		var kinds []string
		for _, key := range sorted(receiver) {
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
	return kind[map[string]any]{
		same:  sameField("name"),
		added: func(receiver map[string]any) (string, []Detail) { return what(receiver), nil },
		changed: func(before, after map[string]any) (string, []Detail) {
			return what(before), settings("", before, after)
		},
	}.changes(before, after)
}

func routeChanges(before, after []route) []Change {
	samePath := func(before, after route) bool { return before.path == after.path }
	changes := kind[route]{
		same: []func(before, after route) bool{samePath},
		added: func(r route) (string, []Detail) {
			return fmt.Sprintf("%s to %s", code(r.path), code(fmt.Sprint(r.settings["receiver"]))), nil
		},
		changed: func(before, after route) (string, []Detail) {
			return code(before.path), settings("", before.settings, after.settings)
		},
	}.changes(before, after)
	oldOrder, newOrder := sharedPaths(before, after), sharedPaths(after, before)
	if !slices.Equal(oldOrder, newOrder) {
		changes = append(changes, Change{
			Verb: "reordered", What: "the first route that an alert matches takes it",
			Details: []Detail{{Lang: "diff", Block: lines(strings.Join(oldOrder, "\n"), strings.Join(newOrder, "\n"))}},
		})
	}
	return changes
}

// sharedPaths returns the paths of the routes that other has too, in the order of routes.
func sharedPaths(routes, other []route) []string {
	var paths []string
	for _, r := range routes {
		if slices.ContainsFunc(other, func(o route) bool { return o.path == r.path }) {
			paths = append(paths, r.path)
		}
	}
	return paths
}

// inhibitChanges identifies rules by their whole text, since they have no names.
func inhibitChanges(before, after []map[string]any) []Change {
	whole := func(rule map[string]any) (string, []Detail) {
		return "an inhibition", []Detail{{Lang: "yaml", Block: toYAML(rule, true)}}
	}
	return kind[map[string]any]{
		same:    []func(before, after map[string]any) bool{func(before, after map[string]any) bool { return reflect.DeepEqual(before, after) }},
		added:   whole,
		removed: whole,
		changed: func(_, _ map[string]any) (string, []Detail) { return "", nil },
	}.changes(before, after)
}
