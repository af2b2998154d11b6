package render

import (
	"bytes"
	_ "embed"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/alert"
	alertmanager "github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/template"
	"github.com/prometheus/common/model"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
)

// NullReceiver names the receiver that notifies nobody.
const NullReceiver = "null"

// shippedTemplates names the file with the templates of the Slack message.
const shippedTemplates = "slack.tmpl"

//go:embed slack.tmpl
var slackTemplate string

// alertmanagerFile holds the part of alertmanager.yml that this program writes:
// https://prometheus.io/docs/alerting/latest/configuration/
type alertmanagerFile struct {
	Route         amRoute          `yaml:"route"`
	Receivers     []map[string]any `yaml:"receivers"`
	InhibitRules  []any            `yaml:"inhibit_rules"`
	TimeIntervals []map[string]any `yaml:"time_intervals,omitempty"`
	Templates     []string         `yaml:"templates"`
}

// amRoute holds a route: https://prometheus.io/docs/alerting/latest/configuration/#route
type amRoute struct {
	Receiver       string           `yaml:"receiver"`
	GroupBy        []string         `yaml:"group_by,flow,omitempty"`
	Matchers       []string         `yaml:"matchers,flow,omitempty"`
	GroupWait      *config.Duration `yaml:"group_wait,omitempty"`
	GroupInterval  *config.Duration `yaml:"group_interval,omitempty"`
	RepeatInterval *config.Duration `yaml:"repeat_interval,omitempty"`
	Routes         []any            `yaml:"routes,omitempty"`
}

// alertmanagerConfig returns alertmanager.yml and its notification templates, by file name,
// and the config that Alertmanager's loader reads from them. The error is config.Problems: it
// has everything that the loader rejects, templates that do not expand and secrets in plain
// text.
func alertmanagerConfig(cfg *config.Config) (map[string]string, *alertmanager.Config, error) {
	alerting := cfg.Alerting
	files := map[string]string{shippedTemplates: slackTemplate + slackLinks(cfg, cfg.Grafana.Link())}
	var problems config.Problems
	for _, name := range slices.Sorted(maps.Keys(alerting.Templates)) {
		if !strings.HasSuffix(name, ".tmpl") || name == shippedTemplates || len(validation.IsConfigMapKey(name)) > 0 {
			problems.Addf(fmt.Sprintf("alerting.templates[%q]", name),
				"allowed: a file name of letters, digits, -, _ and . that ends in .tmpl and is not %s", shippedTemplates)
		}
		files[name] = alerting.Templates[name]
	}
	file := alertmanagerFile{
		Route:         rootRoute(alerting),
		Receivers:     receivers(alerting),
		InhibitRules:  inhibitRules(alerting),
		TimeIntervals: alerting.TimeIntervals,
		Templates:     templateFiles(files),
	}
	problems.Add(checkAlertmanagerParts(alerting, file)...)
	problems.Add(checkTemplates(files, alerting, file)...)
	if err := problems.Err(); err != nil {
		return nil, nil, err
	}
	text, err := marshal(file)
	if err != nil {
		return nil, nil, err
	}
	loaded, err := alertmanager.Load(text)
	if err != nil {
		return nil, nil, fmt.Errorf("alertmanager.yml: %w", err)
	}
	files["alertmanager.yml"] = text
	return files, loaded, nil
}

// slackLinks returns the templates of the links below each alert: to its expression if people can open what
// evaluates it, and to the alert's dashboard: of an alert without one, if Grafana has the URL
// grafana, to that of all alerts.
func slackLinks(cfg *config.Config, grafana string) string {
	var graph, overview string
	if cfg.GraphURL() != nil {
		graph = "{{ with .GeneratorURL }}<{{ . }}|Prometheus>  {{ end }}"
	}
	if grafana != "" {
		overview = fmt.Sprintf("{{ else }}<%s/d/%s?var-cluster={{ .Labels.cluster | urlquery }}|Dashboard>", strings.TrimSuffix(grafana, "/"), dashboards.UIDAlertsOverview)
	}
	dashboard := "{{ with .Annotations.dashboard_url }}<{{ . }}|Dashboard>" + overview + "{{ end }}"
	return fmt.Sprintf("\n{{ define \"kubernetes-prometheus.slack.prometheus\" }}%s{{ end }}\n{{ define \"kubernetes-prometheus.slack.dashboard\" }}%s{{ end }}\n", graph, dashboard)
}

// templateFiles returns the paths of the templates in the order in which Alertmanager reads
// them: the stack's own come last, so that they may redefine the shipped ones.
func templateFiles(files map[string]string) []string {
	paths := []string{path.Join(AlertmanagerDir, shippedTemplates)}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if name != shippedTemplates {
			paths = append(paths, path.Join(AlertmanagerDir, name))
		}
	}
	return paths
}

// rootReceiver returns the name of the receiver of all alerts that match no other route.
func rootReceiver(alerting config.Alerting) string {
	switch {
	case alerting.Route.Receiver != "":
		return alerting.Route.Receiver
	case alerting.Slack != nil:
		return "slack"
	}
	return NullReceiver
}

// rootRoute returns the routing tree: the shipped routes, followed by the stack's own.
func rootRoute(alerting config.Alerting) amRoute {
	root := amRoute{
		Receiver:       rootReceiver(alerting),
		GroupBy:        alerting.Route.GroupBy,
		GroupWait:      &alerting.Route.GroupWait,
		GroupInterval:  &alerting.Route.GroupInterval,
		RepeatInterval: &alerting.Route.RepeatInterval,
	}
	watchdog := amRoute{Receiver: NullReceiver, Matchers: []string{`alertname="Watchdog"`}}
	if alerting.DeadMansSwitchURL != nil {
		watchdog.Receiver = "dead-mans-switch"
		// Notifies about every minute, so that the service behind the URL soon misses it.
		watchdog.GroupBy = []string{"cluster"}
		watchdog.GroupWait = &config.Duration{}
		watchdog.GroupInterval = &config.Duration{Duration: time.Minute}
		watchdog.RepeatInterval = &config.Duration{Duration: 50 * time.Second}
	}
	root.Routes = []any{
		watchdog,
		// These alerts only inhibit others and never notify.
		amRoute{Receiver: NullReceiver, Matchers: []string{`alertname=~"InfoInhibitor|AlertsOff"`}},
	}
	for _, native := range alerting.Routes {
		root.Routes = append(root.Routes, native)
	}
	return root
}

// receivers returns the shipped receivers, followed by the stack's own.
func receivers(alerting config.Alerting) []map[string]any {
	list := []map[string]any{{"name": NullReceiver}}
	if slack := alerting.Slack; slack != nil {
		message := map[string]any{
			"api_url_file":  AlertmanagerSecretsDir + "/" + config.SlackWebhookFile,
			"channel":       slack.Channel,
			"send_resolved": slack.SendResolved == nil || *slack.SendResolved,
			"color":         `{{ template "kubernetes-prometheus.slack.color" . }}`,
			"title":         `{{ template "kubernetes-prometheus.slack.title" . }}`,
			"title_link":    "", // the default is the pod's address, which only the cluster reaches
			"text":          `{{ template "kubernetes-prometheus.slack.text" . }}`,
			"fallback":      `{{ template "kubernetes-prometheus.slack.title" . }}`,
		}
		if alerting.ExternalURL != nil {
			message["title_link"] = "{{ .ExternalURL }}"
		}
		list = append(list, map[string]any{"name": "slack", "slack_configs": []any{message}})
	}
	if alerting.DeadMansSwitchURL != nil {
		list = append(list, map[string]any{"name": "dead-mans-switch", "webhook_configs": []any{map[string]any{
			"url_file":      AlertmanagerSecretsDir + "/" + config.DeadMansSwitchFile,
			"send_resolved": false,
		}}})
	}
	return append(list, alerting.Receivers...)
}

// checkAlertmanagerParts loads the stack's own receivers, routes, inhibition rules and time
// intervals one at a time, so that each error has its config path. It also rejects receivers
// with secrets in plain text, which the ConfigMap would show.
func checkAlertmanagerParts(alerting config.Alerting, file alertmanagerFile) config.Problems {
	var problems config.Problems
	check := func(path string, part alertmanagerFile) (loaded *alertmanager.Config) {
		text, err := marshal(part)
		if err == nil {
			loaded, err = alertmanager.Load(text)
		}
		if err != nil {
			problems.Addf(path, "%s", loaderMessage(err))
			return nil
		}
		return loaded
	}
	secrets := secretFiles{AlertmanagerSecretsDir, "alerting.secrets", slices.Sorted(maps.Keys(alerting.SecretFiles()))}
	minimal := alertmanagerFile{Route: amRoute{Receiver: NullReceiver}, Receivers: []map[string]any{{"name": NullReceiver}}}

	root := minimal
	root.Route = file.Route
	root.Route.Receiver, root.Route.Routes = NullReceiver, nil
	check("alerting.route", root)

	var names []string
	own := len(file.Receivers) - len(alerting.Receivers)
	for i, receiver := range file.Receivers {
		name, _ := receiver["name"].(string)
		path := fmt.Sprintf("alerting.receivers[%d]", i-own)
		switch {
		case i < own:
		case name != "" && slices.Contains(names, name):
			problems.Addf(path+".name", "%q is the name of another receiver; choose another", name)
		default:
			part := minimal
			part.Receivers = append(slices.Clone(part.Receivers), receiver)
			if loaded := check(path, part); loaded != nil {
				problems.Add(secrets.check(path, receiver, loaded.Receivers[1])...)
			}
		}
		if name != "" {
			names = append(names, name)
		}
	}
	intervals := map[string]bool{}
	for i, interval := range alerting.TimeIntervals {
		path := fmt.Sprintf("alerting.timeIntervals[%d]", i)
		if name := interval["name"]; name != nil && intervals[fmt.Sprint(name)] {
			problems.Addf(path+".name", "%q is the name of another time interval; choose another", name)
			continue
		}
		intervals[fmt.Sprint(interval["name"])] = true
		part := minimal
		part.TimeIntervals = []map[string]any{interval}
		check(path, part)
	}
	for i, rule := range alerting.InhibitRules {
		path := fmt.Sprintf("alerting.inhibitRules[%d]", i)
		if !slices.ContainsFunc(slices.Collect(maps.Keys(rule)), func(key string) bool { return key != "name" && key != "equal" }) {
			problems.Addf(path, "names no matchers, so nothing is inhibited; set source_matchers and target_matchers")
			continue
		}
		part := minimal
		part.InhibitRules = []any{rule}
		check(path, part)
	}
	problems.Add(unreachedRoutes("alerting.routes", alerting.Routes)...)
	for i, route := range alerting.Routes {
		path := fmt.Sprintf("alerting.routes[%d]", i)
		if unknown := unknownReceivers(path, route, names); len(unknown) > 0 {
			problems.Add(unknown...)
			continue
		}
		part := minimal
		part.Receivers = nil
		for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
			part.Receivers = append(part.Receivers, map[string]any{"name": name})
		}
		part.TimeIntervals = alerting.TimeIntervals
		part.Route.Routes = []any{route}
		check(path, part)
	}
	if receiver := rootReceiver(alerting); !slices.Contains(names, receiver) {
		problems.Add(config.UnknownName("alerting.route.receiver", receiver, names))
	}
	return problems
}

// unreachedRoutes rejects routes at path, a list, that are followed by others and match every
// alert.
func unreachedRoutes(path string, routes []map[string]any) config.Problems {
	var problems config.Problems
	for i, route := range routes {
		at := fmt.Sprintf("%s[%d]", path, i)
		matches := route["matchers"] != nil || route["match"] != nil || route["match_re"] != nil
		if !matches && route["continue"] != true && i < len(routes)-1 {
			problems.Addf(at, "has no matchers and matches every alert, so that the routes after it are never reached; move it to the end, or set continue: true")
		}
		var children []map[string]any
		list, _ := route["routes"].([]any)
		for _, child := range list {
			if route, ok := child.(map[string]any); ok {
				children = append(children, route)
			}
		}
		problems.Add(unreachedRoutes(at+".routes", children)...)
	}
	return problems
}

// unknownReceivers rejects the receivers of a route and its children that are not in names.
func unknownReceivers(path string, route map[string]any, names []string) config.Problems {
	var problems config.Problems
	if receiver, ok := route["receiver"].(string); ok && !slices.Contains(names, receiver) {
		problems.Add(config.UnknownName(path+".receiver", receiver, names))
	}
	children, _ := route["routes"].([]any)
	for i, child := range children {
		if route, ok := child.(map[string]any); ok {
			problems.Add(unknownReceivers(fmt.Sprintf("%s.routes[%d]", path, i), route, names)...)
		}
	}
	return problems
}

// checkTemplates rejects templates of any receiver that do not expand. It expands them as
// Alertmanager does, for a group with one firing and one resolved alert.
func checkTemplates(files map[string]string, alerting config.Alerting, file alertmanagerFile) config.Problems {
	var problems config.Problems
	add := func(path string, err error) {
		problems.Addf(path, "%v", err)
	}
	templates, err := template.FromGlobs(nil)
	if err != nil {
		return config.Problems{{Path: "alerting.templates", Message: err.Error()}}
	}
	templates.ExternalURL = &url.URL{Scheme: "http", Host: "alertmanager"}
	for _, file := range file.Templates {
		name := path.Base(file)
		if err := templates.Parse(bytes.NewBufferString(files[name])); err != nil {
			add(fmt.Sprintf("alerting.templates[%q]", name), err)
			return problems // after an error, templates cannot parse more files
		}
	}
	data := templates.Data("receiver", model.LabelSet{"alertname": "Example"}, nil, "", exampleAlerts()...)
	expand := func(path string, value any) {
		walk(path, value, func(path, _, text string) {
			if !strings.Contains(text, "{{") {
				return
			}
			if _, err := templates.ExecuteTextString(text, data); err != nil {
				add(path, err)
			}
		})
	}
	own := len(file.Receivers) - len(alerting.Receivers)
	for i, receiver := range file.Receivers {
		if i < own {
			expand("alerting.templates", receiver)
		} else {
			expand(fmt.Sprintf("alerting.receivers[%d]", i-own), receiver)
		}
	}
	return problems
}

// exampleAlerts returns a firing and a resolved alert with the labels that most alerts have.
func exampleAlerts() []*alert.Alert {
	example := func(endsAt time.Time) *alert.Alert {
		a := &alert.Alert{}
		a.Labels = model.LabelSet{"alertname": "Example", "cluster": "example", "namespace": "default", "severity": "warning"}
		a.Annotations = model.LabelSet{"summary": "An example", "description": "It shows", "runbook_url": "https://example.com"}
		a.GeneratorURL = "http://prometheus/graph"
		a.StartsAt, a.EndsAt = time.Now().Add(-time.Hour), endsAt
		return a
	}
	return []*alert.Alert{example(time.Now().Add(time.Hour)), example(time.Now().Add(-time.Minute))}
}
