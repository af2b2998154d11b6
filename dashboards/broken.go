package dashboards

import (
	"fmt"
	"slices"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// problem is a kind of thing that can be broken.
type problem struct {
	title       string
	description string
	color       string // of the figure, if there is any
	// expr has a series for each broken thing.
	expr    string
	columns []column // of its labels
	value   column   // of its values; none if they say nothing
}

// mostRows is the number of rows that a table of broken things shows at most.
const mostRows = 100

// broken returns the dashboard of everything that is broken now: a figure for each kind of problem
// on the first screen, and the list behind each figure below. All its queries are about now: over
// time, their cost would grow with the number of pods.
func broken(o Options) *dashboard.DashboardBuilder {
	board := newDashboard(o, UIDBroken, "What is broken",
		"Everything that is not as it should be now: a figure for each kind of problem, and a table behind each figure. Alerts that fire say what is urgent.",
		"up", "kubernetes").
		Time("now-1h", "now")

	problems := o.problems()
	board.WithRow(row("At a glance"))
	for _, severity := range []struct{ title, description, level, color string }{
		{"Critical alerts", "Firing alerts that need somebody now.", "critical", red},
		{"Warnings", "Firing alerts that need somebody during working hours.", "warning", orange},
	} {
		board.WithPanel(countNow(severity.title, severity.description, severity.color,
			`ALERTS{cluster=~"|$cluster", alertstate="firing", severity="`+severity.level+`"}`))
	}
	for _, p := range problems {
		board.WithPanel(countNow(p.title, p.description, p.color, p.expr))
	}

	board.WithRow(row("Alerts")).
		WithPanel(firingAlerts(o, "").Height(8))
	board.WithRow(row("What it is"))
	for _, p := range problems {
		columns, order := p.columns, sortedBy(p.columns[0].title, false)
		if p.value.title != "" {
			p.value.field = "Value"
			columns, order = append(columns, p.value), sortedBy(p.value.title, p.value.title != expiresIn)
		}
		board.WithPanel(listing(p.title, p.description, columns...).
			Span(12).
			Height(7).
			SortBy(order).
			NoValue("None").
			WithTarget(rows(fmt.Sprintf("topk(%d, %s)", mostRows, p.expr))))
	}
	return board
}

// countNow returns a figure of the number of series that an expression has now.
func countNow(title, description, color, expr string) *stat.PanelBuilder {
	return figure(title, description, units.Short).
		Span(3).
		Height(3).
		ColorMode(common.BigValueColorModeBackground).
		GraphMode(common.BigValueGraphModeNone).
		Thresholds(steps(green, at(1, color))).
		WithTarget(instant("count("+expr+") or vector(0)", ""))
}

// Titles of columns with values of several problems.
const (
	expiresIn = "Expires in"
	createdAt = "Age"
)

// problems returns the kinds of problems that the metrics of the stack show.
func (o Options) problems() []problem {
	var problems []problem
	if o.Has(config.KubeStateMetricsJob) {
		problems = append(problems, o.brokenNodes()...)
		problems = append(problems, o.brokenPods()...)
		problems = append(problems, o.brokenWorkloads()...)
		problems = append(problems, o.brokenLimits()...)
	}
	problems = append(problems, o.brokenVolumes()...)
	return append(problems, o.brokenAround()...)
}

// brokenNodes returns the problems of nodes.
func (o Options) brokenNodes() []problem {
	return []problem{{
		title:       "Nodes not ready",
		description: "Nodes that are not ready, short of memory, disk or process IDs, or without a network, with the condition that says so.",
		color:       red,
		expr: `(max by (node, condition) (kube_node_status_condition{` + inCluster + `, condition="Ready", status=~"false|unknown"}) == 1` +
			` or max by (node, condition) (kube_node_status_condition{` + inCluster + `, condition=~"MemoryPressure|DiskPressure|PIDPressure|NetworkUnavailable", status="true"}) == 1)`,
		columns: []column{nodeColumn(o), {"condition", "Condition", nil}},
	}}
}

// brokenPods returns the problems of pods and their containers.
func (o Options) brokenPods() []problem {
	const (
		// The age of each pod that is not ready, and why it is not, as far as its containers and the
		// scheduler say.
		unready = `(time() - max by (namespace, pod) (kube_pod_created{` + inCluster + `}))` +
			` * on (namespace, pod) group_right () (max by (namespace, pod, phase) (kube_pod_status_phase{` + inCluster + `, phase=~"Pending|Running|Failed|Unknown"}) == 1` +
			` unless on (namespace, pod) max by (namespace, pod) (kube_pod_status_ready{` + inCluster + `, condition="true"}) == 1)`
		reasons = `max by (namespace, pod, reason) (` +
			`kube_pod_container_status_waiting_reason{` + inCluster + `} or kube_pod_init_container_status_waiting_reason{` + inCluster + `}` +
			` or kube_pod_container_status_terminated_reason{` + inCluster + `, reason!="Completed"}` +
			` or label_replace(kube_pod_status_unschedulable{` + inCluster + `}, "reason", "Unschedulable", "", "")) == 1`
	)
	return []problem{{
		title:       "Pods not ready",
		description: "Pods that are pending, run without being ready, have failed, or are on a node that is lost, with a reason that a container or the scheduler gives.",
		color:       orange,
		expr: `(` + unready + ` * on (namespace, pod) group_left (reason) topk by (namespace, pod) (1, ` + reasons + `)` +
			` or on (namespace, pod) ` + unready + `)`,
		columns: []column{namespaceColumn(o), podColumn(o), {"phase", "Phase", nil}, {"reason", "Reason", nil}},
		value:   column{title: createdAt, style: inUnit(units.DurationSeconds)},
	}, {
		title:       "Containers waiting",
		description: "Containers that crash again and again, or cannot be started, within the last five minutes.",
		color:       red,
		expr:        waitingContainers(inCluster),
		columns:     []column{namespaceColumn(o), podColumn(o), {"container", "Container", nil}, {"reason", "Reason", nil}},
	}, {
		title:       "Containers restarted",
		description: "Containers that restarted within the last 15 minutes, how often, and how they ended before.",
		color:       orange,
		expr: `(sum by (namespace, pod, container) (increase(kube_pod_container_status_restarts_total{` + inCluster + `}[15m])) > 0` +
			` ) * on (namespace, pod, container) group_left (reason) topk by (namespace, pod, container) (1, kube_pod_container_status_last_terminated_reason{` + inCluster + `} == 1)`,
		columns: []column{namespaceColumn(o), podColumn(o), {"container", "Container", nil}, {"reason", "Ended as", nil}},
		value:   column{title: "Restarts", style: inUnit(units.Short)},
	}}
}

// brokenWorkloads returns the problems of what creates pods.
func (o Options) brokenWorkloads() []problem {
	workload := []column{namespaceColumn(o), workloadTypeColumn(), workloadColumn(o)}
	return []problem{{
		title:       "Replicas unavailable",
		description: "Workloads that have fewer available pods than they should, with the number of pods that they lack. A rollout shows here as long as it lasts.",
		color:       orange,
		expr: `(` + asWorkload(`max by (namespace, deployment) (kube_deployment_spec_replicas{`+inCluster+`}) - max by (namespace, deployment) (kube_deployment_status_replicas_available{`+inCluster+`}) > 0`, "Deployment") +
			` or ` + asWorkload(`max by (namespace, statefulset) (kube_statefulset_replicas{`+inCluster+`}) - max by (namespace, statefulset) (kube_statefulset_status_replicas_ready{`+inCluster+`}) > 0`, "StatefulSet") +
			` or ` + asWorkload(`max by (namespace, daemonset) (kube_daemonset_status_desired_number_scheduled{`+inCluster+`}) - max by (namespace, daemonset) (kube_daemonset_status_number_available{`+inCluster+`}) > 0`, "DaemonSet") + `)`,
		columns: workload,
		value:   column{title: "Unavailable", style: inUnit(units.Short)},
	}, {
		title:       "Rollouts stuck",
		description: "Deployments that exceeded their progress deadline: the new version is not fully rolled out.",
		color:       red,
		expr:        asWorkload(`max by (namespace, deployment) (kube_deployment_status_condition{`+inCluster+`, condition="Progressing", status="false"}) == 1`, "Deployment"),
		columns:     workload,
	}, {
		title:       "Jobs failed",
		description: "Jobs that failed and are not retried, and the time since they started. A failed run of a CronJob no longer counts once a later run has succeeded.",
		color:       orange,
		expr: `(time() - max by (namespace, job_name) (kube_job_status_start_time{` + inCluster + `})` +
			` and max by (namespace, job_name) (kube_job_failed{` + inCluster + `, condition="true"}) == 1 unless ` + succeededLater + `)`,
		columns: []column{namespaceColumn(o), {"job_name", "Job", nil}},
		value:   column{title: "Started", style: inUnit(units.DurationSeconds)},
	}, {
		title:       "Autoscalers at maximum",
		description: "HorizontalPodAutoscalers that run as many replicas as they may, and so cannot add more.",
		color:       orange,
		expr: `(max by (namespace, horizontalpodautoscaler) (kube_horizontalpodautoscaler_status_current_replicas{` + inCluster + `})` +
			` >= (max by (namespace, horizontalpodautoscaler) (kube_horizontalpodautoscaler_spec_max_replicas{` + inCluster + `})` +
			` > max by (namespace, horizontalpodautoscaler) (kube_horizontalpodautoscaler_spec_min_replicas{` + inCluster + `})))` +
			` * on (namespace, horizontalpodautoscaler) group_left (workload_type, workload) ` + autoscaled,
		columns: append([]column{{"horizontalpodautoscaler", "Autoscaler", nil}}, workload...),
		value:   column{title: "Replicas", style: inUnit(units.Short)},
	}, {
		title:       "Autoscalers unable",
		description: "HorizontalPodAutoscalers that cannot read their metrics or change their target.",
		color:       red,
		expr: `(max by (namespace, horizontalpodautoscaler) (kube_horizontalpodautoscaler_status_condition{` + inCluster + `, condition=~"AbleToScale|ScalingActive", status="false"}) == 1` +
			` unless max by (namespace, horizontalpodautoscaler) (kube_horizontalpodautoscaler_status_current_replicas{` + inCluster + `}) == 0)` +
			` * on (namespace, horizontalpodautoscaler) group_left (workload_type, workload) ` + autoscaled,
		columns: append([]column{{"horizontalpodautoscaler", "Autoscaler", nil}}, workload...),
	}}
}

// succeededLater has the Jobs of CronJobs of which a later run has succeeded.
const succeededLater = `max by (namespace, job_name) (label_replace(` +
	`max by (namespace, job_name) (kube_job_status_start_time{` + inCluster + `})` +
	` * on (namespace, job_name) group_right () max by (namespace, job_name, owner_name) (kube_job_owner{` + inCluster + `, owner_kind="CronJob"}), "cronjob", "$1", "owner_name", "(.+)")` +
	` < on (namespace, cronjob) group_left () max by (namespace, cronjob) (kube_cronjob_status_last_successful_time{` + inCluster + `}))`

// autoscaled has the workload that each HorizontalPodAutoscaler scales.
const autoscaled = `topk by (namespace, horizontalpodautoscaler) (1, label_replace(label_replace(` +
	`kube_horizontalpodautoscaler_info{` + inCluster + `}, "workload", "$1", "scaletargetref_name", "(.+)"), "workload_type", "$1", "scaletargetref_kind", "(.+)"))`

// brokenLimits returns what stands in the way of changes: budgets, quotas and claims.
func (o Options) brokenLimits() []problem {
	return []problem{{
		title:       "Disruption budgets at 0",
		description: "PodDisruptionBudgets that allow no pod to be evicted, so that no node with one can be drained, and the number of healthy pods that they ask for.",
		color:       yellow,
		expr: `(max by (namespace, poddisruptionbudget) (kube_poddisruptionbudget_status_desired_healthy{` + inCluster + `})` +
			` and max by (namespace, poddisruptionbudget) (kube_poddisruptionbudget_status_pod_disruptions_allowed{` + inCluster + `}) == 0` +
			` and max by (namespace, poddisruptionbudget) (kube_poddisruptionbudget_status_expected_pods{` + inCluster + `}) > 0)`,
		columns: []column{namespaceColumn(o), {"poddisruptionbudget", "Budget", nil}},
		value:   column{title: "Healthy pods required", style: inUnit(units.Short)},
	}, {
		title:       "Quotas full",
		description: "Quotas that are used up to 90% or more. Nothing that needs more than the rest can be created.",
		color:       orange,
		expr: `max by (namespace, resourcequota, resource) (kube_resourcequota{` + inCluster + `, type="used"})` +
			` / (max by (namespace, resourcequota, resource) (kube_resourcequota{` + inCluster + `, type="hard"}) > 0) >= 0.9`,
		columns: []column{namespaceColumn(o), {"resourcequota", "Quota", nil}, {"resource", "Resource", nil}},
		value:   column{title: "In use", style: asBar(0.9, 1)},
	}, {
		title:       "Claims not bound",
		description: "Claims that lost their volume, or wait for one although a pod needs it.",
		color:       red,
		expr: `(max by (namespace, persistentvolumeclaim, phase) (kube_persistentvolumeclaim_status_phase{` + inCluster + `, phase=~"Pending|Lost"}) == 1` +
			` and on (namespace, persistentvolumeclaim) kube_pod_spec_volumes_persistentvolumeclaims_info{` + inCluster + `})`,
		columns: []column{namespaceColumn(o), claimColumn(o), {"phase", "Phase", nil}},
	}}
}

// nearlyFull returns a query for what uses 90% or more of its space or of its inodes, from the metrics of
// the shares that are left. The label resource says of which.
func nearlyFull(space, inodes string) string {
	used := func(left, resource string) string {
		return `1 - label_replace(` + left + `{` + inCluster + `}, "resource", "` + resource + `", "", "") >= 0.9`
	}
	return `(` + used(space, "space") + ` or ` + used(inodes, "inodes") + `)`
}

// brokenVolumes returns the problems of volumes and of the file systems of nodes.
func (o Options) brokenVolumes() []problem {
	var problems []problem
	if o.Has(config.NodesJob) {
		problems = append(problems, problem{
			title:       "Volumes full",
			description: "Claims that use 90% or more of their space or of their inodes.",
			color:       red,
			expr:        nearlyFull("namespace_persistentvolumeclaim:kubelet_volume_stats_available:ratio", "namespace_persistentvolumeclaim:kubelet_volume_stats_inodes_free:ratio"),
			columns:     []column{namespaceColumn(o), claimColumn(o), {"resource", "Resource", nil}},
			value:       column{title: "In use", style: asBar(0.9, 0.97)},
		})
	}
	if o.Has(config.NodeExporterJob) {
		problems = append(problems, problem{
			title:       "Disks full",
			description: "File systems of nodes that use 90% or more of their space or of their inodes.",
			color:       red,
			expr:        nearlyFull("node_mountpoint:node_filesystem_avail:ratio", "node_mountpoint:node_filesystem_files_free:ratio"),
			columns:     []column{nodeColumn(o), {"mountpoint", "Mounted on", nil}, {"resource", "Resource", nil}},
			value:       column{title: "In use", style: asBar(0.9, 0.97)},
		})
	}
	return problems
}

// brokenAround returns the problems of what the cluster depends on: certificates, APIs, and the
// targets of the monitoring itself.
func (o Options) brokenAround() []problem {
	var problems []problem
	if expr := o.expiringCertificates(); expr != "" {
		problems = append(problems, problem{
			title:       "Certificates expiring",
			description: "Certificates that were not renewed within the last four days: of probed endpoints with less than 21 days left, of kubelets with less than 7.",
			color:       orange,
			expr:        expr,
			columns:     []column{{"certificate", "Certificate", nil}, {"instance", "Endpoint", nil}, nodeColumn(o)},
			value:       column{title: expiresIn, style: inUnit(units.DurationSeconds)},
		})
	}
	if o.Has(config.APIServersJob) {
		problems = append(problems, problem{
			title:       "APIs unavailable",
			description: "APIs that other servers answer for the API server, such as metrics for autoscaling, and that do not answer.",
			color:       red,
			expr:        `max by (name) (aggregator_unavailable_apiservice{` + inCluster + `}) == 1`,
			columns:     []column{{"name", "API", nil}},
		})
	}
	return append(problems, problem{
		title:       "Targets down",
		description: "What Prometheus cannot scrape. Alerts and dashboards do not see it.",
		color:       red,
		expr:        `max by (job, instance, namespace, pod, node) (up{` + inCluster + `}) == 0`,
		columns:     []column{{"job", "Job", nil}, {"instance", "Instance", nil}, namespaceColumn(o), podColumn(o), nodeColumn(o)},
	})
}

// expiringCertificates returns an expression for the remaining time of the certificates that expire
// soon; empty if the stack knows of none. A certificate that is renewed often always expires soon.
func (o Options) expiringCertificates() string {
	expr := ""
	add := func(kind, remaining string) {
		if expr != "" {
			expr += " or "
		}
		expr += `label_replace(` + remaining + `, "certificate", "` + kind + `", "", "")`
	}
	if slices.ContainsFunc(probeJobs, o.Has) {
		add("probed", `min by (instance) (probe_ssl_earliest_cert_expiry{`+inCluster+`} unless changes(probe_ssl_earliest_cert_expiry{`+inCluster+`}[4d]) > 0) - time() < 21 * 86400`)
	}
	if o.Has(config.NodesJob) {
		for _, kind := range []string{"client", "server"} {
			ttl := `min by (node) (kubelet_certificate_manager_` + kind + `_ttl_seconds{` + inCluster + `, job="kubernetes-nodes"}`
			add("kubelet "+kind, ttl+`) < 7 * 86400 and `+ttl+`) < `+ttl+` offset 4d) - 95 * 3600`)
		}
	}
	if expr == "" {
		return ""
	}
	return "(" + expr + ")"
}
