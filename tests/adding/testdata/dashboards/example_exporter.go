package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// UIDExample is the UID of the dashboard of the example exporter.
const UIDExample = "example-exporter"

// example shows how many items wait in the queues.
func example(o Options) *dashboard.DashboardBuilder {
	const queue = `cluster="$cluster", job="example-exporter"`
	return newDashboard(o, UIDExample, "Example", "How many items wait in the queues.", "example_queue_length", "example").
		WithPanel(firingAlerts(o, `alertname=~"Example.+"`)).
		WithRow(row("Queues")).
		WithPanel(overTime("Items", "Items that wait in each pod.", units.Short).
			WithTarget(query(`max by (pod) (example_queue_length{`+queue+`})`, "{{pod}}")))
}
