package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// workload returns the dashboard of one workload, such as a Deployment: its replicas, what they use
// of what they request, and its pods.
func workload(o Options) *dashboard.DashboardBuilder {
	const (
		inNamespace = inCluster + `, namespace="$namespace"`
		here        = inNamespace + `, workload_type=~"$workload_type", workload="$workload"`
		owner       = `namespace_workload_pod:kube_pod_owner:group{` + here + `}`
		deployment  = `{` + inNamespace + `, deployment="$workload"}`
		statefulSet = `{` + inNamespace + `, statefulset="$workload"}`
		daemonSet   = `{` + inNamespace + `, daemonset="$workload"}`
		desired     = `max(kube_deployment_spec_replicas` + deployment + ` or kube_statefulset_replicas` + statefulSet + ` or kube_daemonset_status_desired_number_scheduled` + daemonSet + `)`
		available   = `max(kube_deployment_status_replicas_available` + deployment + ` or kube_statefulset_status_replicas_ready` + statefulSet + ` or kube_daemonset_status_number_available` + daemonSet + `)`
		updated     = `max(kube_deployment_status_replicas_updated` + deployment + ` or kube_statefulset_status_replicas_updated` + statefulSet + ` or kube_daemonset_status_updated_number_scheduled` + daemonSet + `)`
	)
	// ofPods keeps the series of the workload's pods.
	ofPods := func(expr string) string {
		return expr + ` * on (namespace, pod) group_left () max by (namespace, pod) (` + owner + `)`
	}

	board := newDashboard(o, UIDWorkload, "Workload",
		"One workload, such as a Deployment: its replicas, what they use of what they request, and its pods.",
		"kube_pod_info", "kubernetes").
		WithVariable(namespaceVariable()).
		WithVariable(labelsVariable("workload_type", "Type", `label_values(namespace_workload_pod:kube_pod_owner:group{`+inNamespace+`}, workload_type)`)).
		WithVariable(labelVariable("workload", "Workload", `label_values(namespace_workload_pod:kube_pod_owner:group{`+inNamespace+`, workload_type=~"$workload_type"}, workload)`))

	board.WithRow(row("At a glance")).
		WithPanel(latest("Pods", "Pods of the workload, whatever their state.", units.Short, `count(`+owner+`) or vector(0)`)).
		WithPanel(latest("Pods not ready", "Pods that should run and are not ready.", units.Short,
			`count((max by (namespace, pod) (kube_pod_status_phase{`+inNamespace+`, phase=~"Pending|Running|Unknown"}) == 1 unless max by (namespace, pod) (kube_pod_status_ready{`+inNamespace+`, condition="true"}) == 1) and on (namespace, pod) `+owner+`) or vector(0)`).
			Thresholds(steps(green, at(1, orange)))).
		WithPanel(latest("Restarts", "Restarts of the containers within the last hour.", units.Short,
			`sum(round(`+ofPods(`sum by (namespace, pod) (increase(kube_pod_container_status_restarts_total{`+inNamespace+`}[1h]))`)+`)) or vector(0)`).
			Thresholds(steps(green, at(1, orange)))).
		WithPanel(latest("CPU requested", "Cores that the pods request.", units.Short, `sum(namespace_workload:kube_pod_container_resource_requests:sum{`+here+`, resource="cpu"})`).Decimals(2)).
		WithPanel(latest("Memory requested", "Memory that the pods request.", units.BytesIEC, `sum(namespace_workload:kube_pod_container_resource_requests:sum{`+here+`, resource="memory"})`)).
		WithPanel(latest("Memory limit", "Memory that the pods may use.", units.BytesIEC, `sum(namespace_workload:kube_pod_container_resource_limits:sum{`+here+`, resource="memory"})`))

	board.WithRow(row("Alerts")).
		WithPanel(firingAlerts(o, `namespace="$namespace", pod=~"|$workload-.+", deployment=~"|$workload", statefulset=~"|$workload", daemonset=~"|$workload"`))

	cpu := besideRequests("CPU", "Cores that the pods use, request and are limited to.", units.Short,
		`sum(namespace_workload:kube_pod_container_resource_requests:sum{`+here+`, resource="cpu"})`,
		`sum(namespace_workload:kube_pod_container_resource_limits:sum{`+here+`, resource="cpu"})`)
	memory := besideRequests("Memory", "Working set of the pods, and the memory that they request and are limited to.", units.BytesIEC,
		`sum(namespace_workload:kube_pod_container_resource_requests:sum{`+here+`, resource="memory"})`,
		`sum(namespace_workload:kube_pod_container_resource_limits:sum{`+here+`, resource="memory"})`)
	if o.Has(config.CadvisorJob) {
		cpu.WithTarget(query(`sum(namespace_workload:container_cpu_usage_seconds:sum_rate5m{`+here+`})`, "used"))
		memory.WithTarget(query(`sum(namespace_workload:container_memory_working_set_bytes:sum{`+here+`})`, "used"))
	}
	const autoscaler = ` * on (namespace, horizontalpodautoscaler) group_left () max by (namespace, horizontalpodautoscaler) (kube_horizontalpodautoscaler_info{` + inNamespace + `, scaletargetref_name="$workload"}))`
	board.WithRow(row("Replicas and use")).
		WithPanel(overTime("Replicas", "Replicas that the workload should have, has available, and has in its latest version, beside the range of its autoscaler. A Job or a pod without a controller has none.", units.Short).
			Decimals(0).
			Span(8).
			WithTarget(query(desired, "desired")).
			WithTarget(query(available, "available")).
			WithTarget(query(updated, "latest version")).
			WithTarget(query(`max(kube_horizontalpodautoscaler_spec_min_replicas{`+inNamespace+`}`+autoscaler, "autoscaler's least")).
			WithTarget(query(`max(kube_horizontalpodautoscaler_spec_max_replicas{`+inNamespace+`}`+autoscaler, "autoscaler's most")).
			OverrideByRegexp("/^autoscaler/", asLimit())).
		WithPanel(cpu.Span(8)).
		WithPanel(memory.Span(8)).
		WithPanel(overTime("Rollout", "Whether a Deployment's rollout exceeded its deadline, and pods of a DaemonSet on nodes where it should not run.", units.Short).
			Decimals(0).
			Height(6).
			WithTarget(query(`max(kube_deployment_status_condition{`+inNamespace+`, deployment="$workload", condition="Progressing", status="false"}) or vector(0)`, "rollout stuck")).
			WithTarget(query(`max(kube_daemonset_status_number_misscheduled`+daemonSet+`) or vector(0)`, "on wrong nodes"))).
		WithPanel(overTime("Generation", "Changes of the workload's spec, and the last one that its controller has seen. They differ for a moment after each change; for longer, the controller manager does not work.", units.Short).
			Decimals(0).
			Height(6).
			WithTarget(query(`max(kube_deployment_metadata_generation`+deployment+` or kube_statefulset_metadata_generation`+statefulSet+` or kube_daemonset_metadata_generation`+daemonSet+`)`, "spec")).
			WithTarget(query(`max(kube_deployment_status_observed_generation`+deployment+` or kube_statefulset_status_observed_generation`+statefulSet+` or kube_daemonset_status_observed_generation`+daemonSet+`)`, "seen")))

	const (
		requests = `sum by (namespace, pod) (namespace_pod:kube_pod_container_resource_requests:sum{` + inNamespace + `, resource=`
		limits   = `sum by (namespace, pod) (namespace_pod:kube_pod_container_resource_limits:sum{` + inNamespace + `, resource=`
		podCPU   = `sum by (namespace, pod) (namespace_pod:container_cpu_usage_seconds:sum_rate5m{` + inNamespace + `})`
		podMem   = `sum by (namespace, pod) (namespace_pod:container_memory_working_set_bytes:sum{` + inNamespace + `})`
	)
	pods := listing("Pods", "The pods of the workload: where they run, whether they are ready, and what they use of what they request.",
		namespaceColumn(o),
		podColumn(o),
		nodeColumn(o),
		column{"Value #A", createdAt, inUnit(units.DurationSeconds)},
		column{"Value #B", "Ready", yesOrNo()},
		column{"Value #C", "Restarts, 1 h", inUnit(units.Short)},
		column{"Value #E", "CPU", inUnit(units.Short)},
		column{"Value #F", "CPU / requested", asBar(0.8, 1)},
		column{"Value #G", "Memory", inUnit(units.BytesIEC)},
		column{"Value #H", "Memory / limit", asBar(0.8, 0.9)},
	).
		Height(12).
		SortBy(sortedBy("Pod", false)).
		NoValue("–").
		WithTarget(rows(`time() - ` + ofPods(`max by (namespace, pod) (kube_pod_created{`+inNamespace+`})`))).
		WithTarget(rows(ofPods(`max by (namespace, pod) (kube_pod_status_ready{` + inNamespace + `, condition="true"})`))).
		WithTarget(rows(`round(` + ofPods(`sum by (namespace, pod) (increase(kube_pod_container_status_restarts_total{`+inNamespace+`}[1h]))`) + `)`)).
		WithTarget(rows(`max by (namespace, pod, node) (kube_pod_info{` + inNamespace + `}) and on (namespace, pod) ` + owner))
	if o.Has(config.CadvisorJob) {
		pods.
			WithTarget(rows(ofPods(podCPU))).
			WithTarget(rows(ofPods(podCPU + ` / ` + requests + `"cpu"})`))).
			WithTarget(rows(ofPods(podMem))).
			WithTarget(rows(ofPods(podMem + ` / ` + limits + `"memory"})`)))
	}
	board.WithRow(row("Pods")).
		WithPanel(pods)

	if o.Has(config.CadvisorJob) {
		containers := inNamespace + `, job="kubernetes-cadvisor", container!=""`
		traffic := func(metric string) string {
			return ofPods(`sum by (namespace, pod) (rate(` + metric + `{` + inNamespace + `, job="kubernetes-cadvisor"}[$__rate_interval]))`)
		}
		board.
			WithPanel(overTime("CPU by pod", "Cores in use, of the 20 pods that use most at the end of the time range.", units.Short).
				WithTarget(query(largest(20, ofPods(podCPU)), "{{pod}}"))).
			WithPanel(overTime("Memory by pod", "Working set, of the 20 pods that use most at the end of the time range.", units.BytesIEC).
				WithTarget(query(largest(20, ofPods(podMem)), "{{pod}}"))).
			WithPanel(overTime("CPU throttled by container", "Share of the periods in which the containers of this name had to wait at their CPU limit. Above a quarter, latency suffers.", units.PercentUnit).
				Max(1).
				WithTarget(query(`sum by (container) (`+ofPods(`sum by (namespace, pod, container) (rate(container_cpu_cfs_throttled_periods_total{`+containers+`}[$__rate_interval]))`)+
					`) / sum by (container) (`+ofPods(`sum by (namespace, pod, container) (rate(container_cpu_cfs_periods_total{`+containers+`}[$__rate_interval]))`)+`)`, "{{container}}"))).
			WithPanel(bothWays("Network by pod", "Received above, sent below zero, of the ten pods with most traffic at the end of the time range. Pods on the host network show the traffic of their node.", units.BytesPerSecondIEC, "sent").
				WithTarget(query(largest(10, traffic("container_network_receive_bytes_total")), "received {{pod}}")).
				WithTarget(query(largest(10, traffic("container_network_transmit_bytes_total")), "sent {{pod}}")))
	}

	board.WithRow(row("Versions")).
		WithPanel(listing("Images", "The images that the containers run, and in how many pods. Several for one container mean that a rollout is not complete.",
			column{"container", "Container", nil},
			column{"image", "Image", nil},
			column{"Value", "Pods", inUnit(units.Short)},
		).
			Height(6).
			SortBy(sortedBy("Container", false)).
			WithTarget(rows(`count by (container, image) (max by (namespace, pod, container, image) (kube_pod_container_info{` + inNamespace + `}) and on (namespace, pod) ` + owner + `)`)))
	return board
}
