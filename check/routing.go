package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/inhibit"
	amlabels "github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// alert holds the labels of an alerting rule's alerts.
type alert struct {
	*query
	certain model.LabelSet // labels that each has, with their value
	varying labelSet       // labels whose values vary
}

// alerts returns the alerts of every alerting rule, in the order of the rules.
func (a *Analysis) alerts() []alert {
	var all []alert
	for i := range a.Queries {
		if rule := a.Queries[i].Rule; rule != nil && rule.Alert != "" {
			certain, varying := a.alertLabels(&a.Queries[i])
			all = append(all, alert{&a.Queries[i], certain, varying})
		}
	}
	return all
}

// mayHave reports whether an alert may have a label.
func (al alert) mayHave(label string) bool {
	_, certain := al.certain[model.LabelName(label)]
	return certain || al.varying.has(label)
}

// satisfies reports whether an alert may satisfy a matcher.
func (a *Analysis) satisfies(al alert, m *amlabels.Matcher) bool {
	value, known := al.certain[model.LabelName(m.Name)]
	switch {
	case known:
		return m.Matches(string(value))
	case !al.varying.has(m.Name):
		return m.Matches("")
	case al.varying.must[m.Name] && m.Type == amlabels.MatchEqual && m.Value == "":
		return false
	case m.Name == model.JobLabel && !m.Matches("") && al.varying.must[model.JobLabel]:
		return slices.ContainsFunc(a.jobs, func(j *job) bool { return j.anyName || j.open && j.honors || m.Matches(j.name) })
	}
	return true
}

// satisfying returns the alerts that may satisfy every matcher.
func (a *Analysis) satisfying(alerts []alert, matchers amlabels.Matchers) []alert {
	return slices.DeleteFunc(slices.Clone(alerts), func(al alert) bool {
		return slices.ContainsFunc(matchers, func(m *amlabels.Matcher) bool { return !a.satisfies(al, m) })
	})
}

// ownRoute is a route of the stack's own.
type ownRoute struct {
	*dispatch.Route
	path    string            // such as alerting.routes[0].routes[1]
	parent  *dispatch.Route   // the route that it is below
	above   amlabels.Matchers // of the routes that it is below
	before  []*dispatch.Route // the routes before it on its level
	shipped int               // how many of those are shipped
}

// matchers returns all matchers on the way to the route, its own included.
func (r ownRoute) matchers() amlabels.Matchers { return slices.Concat(r.above, r.Matchers) }

// ownRoutes returns every route of alerting.routes, each before the routes below it; none without
// Alertmanager.
func (a *Analysis) ownRoutes() []ownRoute {
	if a.Alertmanager == nil {
		return nil
	}
	root := dispatch.NewRoute(a.Alertmanager.Route, nil)
	var all []ownRoute
	var add func(parent *dispatch.Route, shipped int, path string, above amlabels.Matchers)
	add = func(parent *dispatch.Route, shipped int, path string, above amlabels.Matchers) {
		for i, route := range parent.Routes[shipped:] {
			own := ownRoute{route, fmt.Sprintf("%s[%d]", path, i), parent, above, parent.Routes[:shipped+i], shipped}
			all = append(all, own)
			add(route, 0, own.path+".routes", own.matchers())
		}
	}
	add(root, len(root.Routes)-len(a.Config.Alerting.Routes), "alerting.routes", nil)
	return all
}

// routePossible finds routes and inhibitions of the stack's own whose matchers no alert of the stack
// can satisfy. Others may send alerts to Alertmanager too, so these are warnings.
func routePossible(a *Analysis) []Finding {
	if a.Alertmanager == nil {
		return nil
	}
	alerts := a.alerts()
	var findings []Finding
	warn := func(path, format string, args ...any) {
		findings = append(findings, Finding{Path: path, Severity: Warning, Message: fmt.Sprintf(format, args...)})
	}
	var unreached string // path of a route that no alert reaches, whose children are not reported too
	for _, route := range a.ownRoutes() {
		reaching := a.satisfying(alerts, route.above)
		switch {
		case unreached != "" && strings.HasPrefix(route.path, unreached+"."):
		case len(a.satisfying(reaching, route.Matchers)) == 0:
			unreached = route.path
			warn(route.path, "no alert of the stack reaches it: %s", a.unsatisfied(reaching, route.Matchers))
		}
	}
	shipped := len(a.Alertmanager.InhibitRules) - len(a.Config.Alerting.InhibitRules)
	for i, native := range a.Alertmanager.InhibitRules[shipped:] {
		path, rule := fmt.Sprintf("alerting.inhibitRules[%d]", i), inhibit.NewInhibitRule(native)
		sources, targets := a.satisfying(alerts, rule.SourceMatchers), a.satisfying(alerts, rule.TargetMatchers)
		switch {
		case len(sources) == 0:
			warn(path+".source_matchers", "no alert of the stack inhibits by it: %s", a.unsatisfied(alerts, rule.SourceMatchers))
		case len(targets) == 0:
			warn(path+".target_matchers", "it inhibits no alert of the stack: %s", a.unsatisfied(alerts, rule.TargetMatchers))
		default:
			if problem := unequal(sources, targets, slices.Sorted(maps.Keys(rule.Equal))); problem != "" {
				warn(path+".equal", "%s", problem)
			}
		}
	}
	return findings
}

// unsatisfied explains why no alert satisfies all matchers.
func (a *Analysis) unsatisfied(alerts []alert, matchers amlabels.Matchers) string {
	for _, m := range matchers {
		if len(a.satisfying(alerts, amlabels.Matchers{m})) > 0 {
			continue
		}
		values := map[string]bool{}
		lacking := true
		for _, al := range alerts {
			if value, ok := al.certain[model.LabelName(m.Name)]; ok {
				values[string(value)] = true
			}
			lacking = lacking && !al.mayHave(m.Name)
		}
		known := slices.Sorted(maps.Keys(values))
		if near, ok := config.Nearest(m.Value, known); ok {
			return fmt.Sprintf("none has %s; did you mean %q?", m, near)
		}
		switch {
		case lacking:
			return fmt.Sprintf("none has the label %s%s", m.Name, a.lost(alerts, matchers, m))
		case len(known) > 0:
			return fmt.Sprintf("none has %s; %s is %s", m, m.Name, abbreviated(known))
		}
		return fmt.Sprintf("none has %s", m)
	}
	hint := ""
	for _, m := range matchers {
		if hint = a.lost(alerts, matchers, m); hint != "" {
			break
		}
	}
	return fmt.Sprintf("none satisfies all of %s%s", matchers, hint)
}

// lost names an alert that would satisfy all matchers if its expression did not aggregate a label
// away, as the end of a message; "" if there is none.
func (a *Analysis) lost(alerts []alert, matchers amlabels.Matchers, m *amlabels.Matcher) string {
	others := slices.DeleteFunc(slices.Clone(matchers), func(other *amlabels.Matcher) bool { return other == m })
	for _, al := range a.satisfying(alerts, others) {
		if !al.mayHave(m.Name) && a.series.selectsWith(al.Expr, m.Name) {
			return fmt.Sprintf("; the expression of %s aggregates %s away", al.Rule.Alert, m.Name)
		}
	}
	return ""
}

// selectsWith reports whether any series that an expression selects is known to have a label.
func (c *catalogue) selectsWith(expr parser.Expr, label string) bool {
	found := false
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			found = found || c.selectorLabels(selector).may[label]
		}
		return nil
	})
	return found
}

// unequal explains by which label no source ever equals a target, or which one none of them has; ""
// if they may be equal.
func unequal(sources, targets []alert, equal []model.LabelName) string {
	if name, ok := alwaysDiffers(sources, targets, equal); ok {
		return fmt.Sprintf("it inhibits nothing: of the alerts that it applies to, no two ever have the same %s, because only one has it or their values differ; leave it out, or keep it in the alerts' expressions", name)
	}
	for _, name := range equal {
		if !slices.ContainsFunc(slices.Concat(sources, targets), func(al alert) bool { return al.mayHave(string(name)) }) {
			return fmt.Sprintf("none of the alerts that it applies to has the label %s, so that it does not tell them apart; name one that they have", name)
		}
	}
	return ""
}

// alwaysDiffers returns a label in which a source differs from a target; false if any pair may be
// equal in all of them.
func alwaysDiffers(sources, targets []alert, equal []model.LabelName) (model.LabelName, bool) {
	var by model.LabelName
	for _, source := range sources {
		for _, target := range targets {
			i := slices.IndexFunc(equal, func(name model.LabelName) bool { return differ(source, target, name) })
			if i < 0 {
				return "", false
			}
			by = cmp.Or(by, equal[i])
		}
	}
	return by, true
}

// differ reports whether two alerts certainly differ in a label.
func differ(one, other alert, name model.LabelName) bool {
	value, known := one.certain[name]
	otherValue, otherKnown := other.certain[name]
	label := string(name)
	switch {
	case known && otherKnown:
		return value != otherValue
	case known, one.varying.must[label]:
		return !other.mayHave(label)
	case otherKnown, other.varying.must[label]:
		return !one.mayHave(label)
	}
	return false
}

// routeReached finds routes behind one that takes every alert that they match.
func routeReached(a *Analysis) []Finding {
	var findings []Finding
	for _, route := range a.ownRoutes() {
		i := slices.IndexFunc(route.before, func(before *dispatch.Route) bool {
			return !before.Continue && implied(before.Matchers, route.matchers())
		})
		if i < 0 {
			continue
		}
		what, fix := "route", "set continue: true there, or move this one before it"
		if i < route.shipped {
			what, fix = "shipped route", "remove this one; alerting.deadMansSwitchUrl notifies of Watchdog"
		}
		findings = append(findings, Finding{Path: route.path, Severity: Error, Message: fmt.Sprintf(
			"is never reached: the %s with %s before it takes every alert that it matches; %s", what, route.before[i].Matchers, fix)})
	}
	return findings
}

// implied reports whether every alert that satisfies the matchers given certainly satisfies the
// matchers wanted.
func implied(wanted, given amlabels.Matchers) bool {
	return !slices.ContainsFunc(wanted, func(w *amlabels.Matcher) bool {
		every := w.Type == amlabels.MatchRegexp && (w.Value == ".*" || w.Value == ".+" && w.Name == model.AlertNameLabel)
		return !every && !slices.ContainsFunc(given, func(g *amlabels.Matcher) bool { return implies(g, w) })
	})
}

// implies reports whether every value that g accepts is certainly one that w accepts.
func implies(g, w *amlabels.Matcher) bool {
	if g.Name != w.Name {
		return false
	}
	if g.Type == w.Type && g.Value == w.Value {
		return true
	}
	if values, ok := accepts(g); ok {
		return !slices.ContainsFunc(values, func(value string) bool { return !w.Matches(value) })
	}
	if values, ok := rejects(w); ok {
		return !slices.ContainsFunc(values, g.Matches)
	}
	return false
}

// accepts returns the only values that a matcher accepts; false if they are not a list.
func accepts(m *amlabels.Matcher) ([]string, bool) {
	switch m.Type {
	case amlabels.MatchEqual:
		return []string{m.Value}, true
	case amlabels.MatchRegexp:
		return alternatives(m.Value)
	}
	return nil, false
}

// rejects returns the only values that a matcher rejects; false if they are not a list.
func rejects(m *amlabels.Matcher) ([]string, bool) {
	switch m.Type {
	case amlabels.MatchNotEqual:
		return []string{m.Value}, true
	case amlabels.MatchNotRegexp:
		return alternatives(m.Value)
	case amlabels.MatchRegexp:
		return []string{""}, m.Value == ".+"
	}
	return nil, false
}

// alternatives returns the only values that an anchored regular expression matches; false if they
// are not a list.
func alternatives(pattern string) ([]string, bool) {
	m, err := labels.NewMatcher(labels.MatchRegexp, "", pattern)
	if err != nil {
		return nil, false
	}
	values := m.SetMatches()
	return values, len(values) > 0
}

// repeatInterval finds repeat intervals below the group interval, at which groups are looked at.
// Routes of alerts that always fire, as a dead man's switch does, have them on purpose: then each look
// notifies, however late it is.
func repeatInterval(a *Analysis) []Finding {
	if a.Alertmanager == nil {
		return nil
	}
	short := func(route *dispatch.Route) bool {
		return route.RouteOpts.RepeatInterval < route.RouteOpts.GroupInterval
	}
	finding := func(path string, route *dispatch.Route) Finding {
		return Finding{Path: path, Severity: Warning, Message: fmt.Sprintf(
			"%s is shorter than the group interval of %s, and so repeats no more often than that; allowed: the group interval, or a multiple of it",
			model.Duration(route.RouteOpts.RepeatInterval), model.Duration(route.RouteOpts.GroupInterval))}
	}
	var findings []Finding
	if root := dispatch.NewRoute(a.Alertmanager.Route, nil); short(root) {
		findings = append(findings, finding("alerting.route.repeatInterval", root))
	}
	alerts := a.alerts()
	for _, route := range a.ownRoutes() {
		inherited := route.RouteOpts.RepeatInterval == route.parent.RouteOpts.RepeatInterval && route.RouteOpts.GroupInterval == route.parent.RouteOpts.GroupInterval
		if !short(route.Route) || inherited {
			continue
		}
		reaching := a.satisfying(alerts, route.matchers())
		if len(reaching) == 0 || slices.ContainsFunc(reaching, func(al alert) bool { return selects(al.Expr) }) {
			findings = append(findings, finding(route.path+".repeat_interval", route.Route))
		}
	}
	return findings
}
