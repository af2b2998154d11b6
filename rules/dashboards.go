package rules

import (
	"fmt"
	"strings"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
)

// dashboardOf holds the UID of the dashboard that shows an alert: by the alert's name or, where all
// alerts of a file have one, by the file's name, unless that is the UID.
var dashboardOf = map[string]string{
	"apiserver-slo.yaml":               dashboards.UIDAPIServer,
	"apiserver.yaml":                   dashboards.UIDAPIServer,
	"blackbox-exporter.yaml":           dashboards.UIDProbes,
	"capacity.yaml":                    dashboards.UIDCapacity,
	"controller-manager.yaml":          dashboards.UIDControlPlane,
	"general.yaml":                     dashboards.UIDAlertsOverview,
	"kube-proxy.yaml":                  dashboards.UIDControlPlane,
	"kube-state-metrics.yaml":          dashboards.UIDPrometheusStats,
	"node-directory-size-metrics.yaml": dashboards.UIDNodeDirectorySizes,
	"node-exporter.yaml":               dashboards.UIDNode,
	"nodes.yaml":                       dashboards.UIDNode,
	NotificationsFile:                  dashboards.UIDAlertmanager,
	"oauth2-proxy.yaml":                dashboards.UIDAlertsOverview,
	"opt-out.yaml":                     dashboards.UIDAlertsOverview,
	"probes.yaml":                      dashboards.UIDPod,
	"prometheus.yaml":                  dashboards.UIDPrometheusStats,
	"scheduler.yaml":                   dashboards.UIDControlPlane,
	"shards.yaml":                      dashboards.UIDPrometheusStats,
	"storage.yaml":                     dashboards.UIDPersistentVolumes,
	"targets.yaml":                     dashboards.UIDPrometheusStats,
	"thanos-ruler.yaml":                dashboards.UIDThanos,
	monitoringFile:                     dashboards.UIDPrometheusStats,
	"usage.yaml":                       dashboards.UIDPod,
	"volumes.yaml":                     dashboards.UIDPersistentVolumes,
	"windows-exporter.yaml":            dashboards.UIDWindowsNodes,
	"workloads.yaml":                   dashboards.UIDWorkload,

	"ContainerOOMKilled":       dashboards.UIDPod,
	"ContainerWaiting":         dashboards.UIDPod,
	"JobFailed":                dashboards.UIDBroken,
	"JobNotCompleted":          dashboards.UIDBroken,
	"KubeletUnreachable":       dashboards.UIDKubelet,
	"KubeletTooManyPods":       dashboards.UIDKubelet,
	"NodeTargetsDown":          dashboards.UIDNode,
	"NodesEvicted":             dashboards.UIDNodes,
	"PodCrashLooping":          dashboards.UIDPod,
	"PodNotReady":              dashboards.UIDPod,
	"QuotaAlmostFull":          dashboards.UIDNamespace,
	"QuotaExceeded":            dashboards.UIDNamespace,
	"QuotaFull":                dashboards.UIDNamespace,
	"ZoneUnhealthy":            dashboards.UIDNodes,
	"PrometheusScrapeLimitHit": dashboards.UIDCardinality,
	"PrometheusTargetLimitHit": dashboards.UIDCardinality,

	"HorizontalPodAutoscalerCannotScale":     dashboards.UIDBroken,
	"HorizontalPodAutoscalerMaxed":           dashboards.UIDBroken,
	"HorizontalPodAutoscalerReplicasMissing": dashboards.UIDBroken,
	"PodDisruptionBudgetAtLimit":             dashboards.UIDBroken,
	"PodDisruptionBudgetUnhealthy":           dashboards.UIDBroken,
}

// sources holds the labels from whose first one an alert selects the value of a variable, for
// variables that are not called like their label.
var sources = map[string][]string{
	"workload": {"deployment", "statefulset", "daemonset", "job_name"},
}

// Dashboard returns the UID of the dashboard that shows an alert of a file.
func Dashboard(file, alert string) string {
	if uid, ok := dashboardOf[alert]; ok {
		return uid
	}
	if uid, ok := dashboardOf[file]; ok {
		return uid
	}
	return strings.TrimSuffix(file, ".yaml")
}

// dashboardURL returns the annotation dashboard_url of an alert: a template of the URL of the
// dashboard that shows it, with the alert's labels as values of the dashboard's variables. It links to
// that of all alerts where the stack lacks the alert's own.
func (o Options) dashboardURL(file, alert string) string {
	uid := Dashboard(file, alert)
	variables, ok := o.Dashboards[uid]
	if !ok {
		uid = dashboards.UIDAlertsOverview
		variables = o.Dashboards[uid]
	}
	var url strings.Builder
	fmt.Fprintf(&url, "%s/d/%s?var-cluster={{ $externalLabels.cluster | urlQueryEscape }}", o.GrafanaURL, uid)
	for _, variable := range variables {
		if variable == "cluster" {
			continue
		}
		labels, ok := sources[variable]
		if !ok {
			labels = []string{variable}
		}
		fmt.Fprintf(&url, "{{ with or $labels.%s }}&var-%s={{ . | urlQueryEscape }}{{ end }}", strings.Join(labels, " $labels."), variable)
	}
	return url.String()
}
