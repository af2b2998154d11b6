package check

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	alertmanager "github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/dispatch"
	amlabels "github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// Destination names the receivers of one rule's alerts.
type Destination struct {
	Alert    string
	Severity string // the rule's label severity; empty without one
	Path     string // of the rule, as in Finding.Path
	// Receivers get the alerts whose varying labels, such as namespace, match no route. They
	// are sorted.
	Receivers []string
	// Also lists further receivers, each of the alerts with labels that a route matches.
	Also []ConditionalReceiver
}

// ConditionalReceiver is a receiver that gets only alerts with certain labels.
type ConditionalReceiver struct {
	Receiver string
	Labels   model.LabelSet
}

// String returns the receiver with its condition, such as `shop if {namespace="shop"}`.
func (c ConditionalReceiver) String() string { return c.Receiver + " if " + c.Labels.String() }

// Routes returns the receivers of every alert of a stack, in the order of its rules, as
// Alertmanager's dispatcher selects them; nil for a stack without Alertmanager.
func (a *Analysis) Routes() []Destination {
	if a.Alertmanager == nil {
		return nil
	}
	root := dispatch.NewRoute(a.Alertmanager.Route, nil)
	matchers := routeMatchers(root, nil)
	var all []Destination
	for i := range a.Queries {
		if rule := a.Queries[i].Rule; rule != nil && rule.Alert != "" {
			all = append(all, a.destination(&a.Queries[i], root, matchers))
		}
	}
	return all
}

// destination returns the receivers of an alerting rule's alerts: of an alert that has only its
// certain labels, then of one for each route whose matchers its varying labels can satisfy.
func (a *Analysis) destination(q *query, root *dispatch.Route, routes []amlabels.Matchers) Destination {
	certain, varying := a.alertLabels(q)
	d := Destination{Alert: q.Rule.Alert, Severity: q.Rule.Labels["severity"], Path: q.Path, Receivers: receivers(root, certain)}
	for _, matchers := range routes {
		with := model.LabelSet{}
		for _, m := range matchers {
			name := model.LabelName(m.Name)
			if _, known := certain[name]; known || !varying.has(m.Name) {
				continue
			}
			if value, ok := matchingValue(m); ok {
				with[name] = model.LabelValue(value)
			}
		}
		if len(with) == 0 {
			continue
		}
		for _, receiver := range receivers(root, certain.Merge(with)) {
			known := slices.Contains(d.Receivers, receiver) ||
				slices.ContainsFunc(d.Also, func(c ConditionalReceiver) bool { return c.Receiver == receiver })
			if !known {
				d.Also = append(d.Also, ConditionalReceiver{receiver, with})
			}
		}
	}
	return d
}

// alertLabels returns the labels that a rule's alerts certainly have, with their values, and the
// labels whose values vary.
func (a *Analysis) alertLabels(q *query) (model.LabelSet, labelSet) {
	varying := a.series.labelsOf(q.Expr)
	certain := model.LabelSet{}
	a.Prometheus.GlobalConfig.ExternalLabels.Range(func(l labels.Label) {
		if l.Name != "replica" { // alert_relabel_configs drop it
			certain[model.LabelName(l.Name)] = model.LabelValue(l.Value)
		}
	})
	for name, value := range q.Rule.Labels {
		if strings.Contains(value, "{{") {
			varying.add(name, true)
			delete(certain, model.LabelName(name))
		} else {
			certain[model.LabelName(name)] = model.LabelValue(value)
		}
	}
	certain[model.AlertNameLabel] = model.LabelValue(q.Rule.Alert)
	return certain, varying
}

// receivers returns the receivers that routes select for an alert, sorted.
func receivers(root *dispatch.Route, alert model.LabelSet) []string {
	var names []string
	for _, route := range root.Match(alert) {
		names = append(names, route.RouteOpts.Receiver)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// routeMatchers returns, for a route and each route below it, all matchers on the way to it.
func routeMatchers(route *dispatch.Route, above amlabels.Matchers) []amlabels.Matchers {
	all := []amlabels.Matchers{slices.Concat(above, route.Matchers)}
	for _, child := range route.Routes {
		all = append(all, routeMatchers(child, all[0])...)
	}
	return all
}

// matchingValue returns a value that a matcher accepts and that is not empty. It reports false if
// it finds none.
func matchingValue(m *amlabels.Matcher) (string, bool) {
	candidates := []string{m.Value, "example"}
	if m.Type == amlabels.MatchRegexp {
		candidates = append(strings.FieldsFunc(m.Value, func(r rune) bool { return strings.ContainsRune("|()^$", r) }),
			strings.NewReplacer(".*", "", ".+", "x", "(", "", ")", "").Replace(m.Value), "example")
	}
	for _, candidate := range candidates {
		if candidate != "" && m.Matches(candidate) {
			return candidate, true
		}
	}
	return "", false
}

// quietAlerts names the shipped alerts that by design reach nobody, or only a dead man's switch.
var quietAlerts = []string{"Watchdog", "InfoInhibitor"}

// alertRouted finds a root route that notifies nobody, which would lose most alerts, and warns of
// single alerts that reach nobody.
func alertRouted(a *Analysis) []Finding {
	if a.Alertmanager == nil || a.Config.Alerting.AcknowledgeNoNotifications {
		return nil
	}
	notifying := map[string]bool{}
	for _, receiver := range a.Alertmanager.Receivers {
		notifying[receiver.Name] = notifies(receiver)
	}
	if root := a.Alertmanager.Route.Receiver; !notifying[root] {
		return []Finding{{Path: "alerting", Severity: Error, Final: true, Message: fmt.Sprintf(
			"the root route's receiver %q notifies nobody; set alerting.slack, or alerting.route.receiver to one of alerting.receivers, "+
				"or accept it with: pulumi config set --path '%s:alerting.acknowledgeNoNotifications' true", root, config.Project)}}
	}
	// By alert, receiver and severity: several rules of one alert are one finding.
	lost := map[string]Finding{}
	for _, d := range a.Routes() {
		reached := slices.ContainsFunc(d.Receivers, func(name string) bool { return notifying[name] }) ||
			slices.ContainsFunc(d.Also, func(c ConditionalReceiver) bool { return notifying[c.Receiver] })
		if reached || slices.Contains(quietAlerts, d.Alert) || d.Severity == "none" {
			continue
		}
		message := fmt.Sprintf("severity %q goes to receiver %s, which notifies nobody", d.Severity, strings.Join(d.Receivers, ", "))
		lost[d.Path+message] = Finding{Path: d.Path, Message: message, Severity: Warning}
	}
	return slices.Collect(maps.Values(lost))
}

// notifies reports whether a receiver has any integration.
func notifies(receiver alertmanager.Receiver) bool {
	for _, field := range reflect.ValueOf(receiver).Fields() {
		if field.Kind() == reflect.Slice && field.Len() > 0 {
			return true
		}
	}
	return false
}
