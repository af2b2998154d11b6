package dashboards

import (
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// parent returns the UID of the nearest dashboard above one that the stack has; empty if none is.
func (o Options) parent(uid string) string {
	for uid = above(uid); uid != "" && !o.shows(uid); {
		uid = above(uid)
	}
	return uid
}

// above returns the UID of the dashboard above one; empty if there is none.
func above(uid string) string {
	for _, b := range shipped {
		if b.uid == uid {
			return b.above
		}
	}
	return ""
}

// shows reports whether the stack has the shipped dashboard with a UID.
func (o Options) shows(uid string) bool { return o.shown[uid] }

// navigation returns the links at the top of a dashboard: to the one above it, to those below it,
// and to all. They keep the time range and the variables. titles holds those of the stack's
// dashboards by UID; order is their order.
func (o Options) navigation(uid string, titles map[string]string, order []string) ([]dashboard.DashboardLink, error) {
	var links []dashboard.DashboardLink
	add := func(link *dashboard.DashboardLinkBuilder) error {
		built, err := link.IncludeVars(true).KeepTime(true).Build()
		built.Placement = nil // in sight, above the panels: the SDK's default is a menu
		links = append(links, built)
		return err
	}
	to := func(title, tooltip, uid string) error {
		return add(dashboard.NewDashboardLinkBuilder(title).
			Type(dashboard.DashboardLinkTypeLink).
			Icon("dashboard").
			Tooltip(tooltip).
			Url("/d/" + uid))
	}

	if up := o.parent(uid); up != "" {
		if err := to("↑ "+titles[up], "The wider view", up); err != nil {
			return nil, err
		}
	}
	for _, down := range order {
		if o.parent(down) == uid {
			if err := to(titles[down], "The closer view", down); err != nil {
				return nil, err
			}
		}
	}
	err := add(dashboard.NewDashboardLinkBuilder("Dashboards").
		Type(dashboard.DashboardLinkTypeDashboards).
		Tags([]string{tag}).
		AsDropdown(true))
	return links, err
}

// annotations returns what is marked on the panels of a dashboard: firing alerts and rollouts, of
// what its variables select. Readers can switch each off at the top.
func (o Options) annotations(model dashboard.Dashboard) ([]dashboard.AnnotationQuery, error) {
	has := map[string]bool{}
	for _, v := range model.Templating.List {
		has[v.Name] = true
	}
	cluster := "" // on a dashboard of all clusters
	if has["cluster"] {
		cluster = `cluster=~"|$cluster", `
	}

	// An alert without a label may be about anything that has it.
	about := ""
	for _, label := range []string{"namespace", "node", "pod", "persistentvolumeclaim"} {
		if has[label] {
			about += `, ` + label + `=~"|$` + label + `"`
		}
	}
	marks := []cog.Builder[dashboard.AnnotationQuery]{
		mark("Alerts", red, `ALERTS{`+cluster+`alertstate="firing", severity=~"critical|warning"`+about+`}`).
			Enable(true).
			TitleFormat("{{alertname}}").
			TextFormat("{{namespace}} {{pod}} {{node}}").
			TagKeys("severity"),
	}
	if o.Has(config.KubeStateMetricsJob) && has["cluster"] {
		marks = append(marks, mark("Rollouts", blue, rollouts(has["namespace"])).
			Enable(has["namespace"]).
			TitleFormat("Rollout of {{workload}}").
			TextFormat("{{namespace}}").
			TagKeys("workload_type"))
	}

	all := make([]dashboard.AnnotationQuery, len(marks))
	for i, builder := range marks {
		var err error
		if all[i], err = builder.Build(); err != nil {
			return nil, err
		}
		all[i].Placement = nil // in sight, as the links
	}
	return all, nil
}

// mark returns an annotation at the times at which a query has a value above 0.
func mark(name, color, expr string) *dashboard.AnnotationQueryBuilder {
	return dashboard.NewAnnotationQueryBuilder().
		Name(name).
		Datasource(datasource()).
		IconColor(color).
		Expr(expr).
		Step("60s")
}

// rollouts returns a query whose value is above 0 for the five minutes after a change of the spec of
// a workload, in the selected namespace or in all.
func rollouts(inNamespace bool) string {
	selected := `cluster="$cluster"`
	if inNamespace {
		selected += `, namespace=~"$namespace"`
	}
	var kinds []string
	for _, kind := range []string{"Deployment", "StatefulSet", "DaemonSet"} {
		kinds = append(kinds, asWorkload(`changes(kube_`+strings.ToLower(kind)+`_status_observed_generation{`+selected+`}[5m]) > 0`, kind))
	}
	return `max by (namespace, workload_type, workload) (` + strings.Join(kinds, " or ") + `)`
}
