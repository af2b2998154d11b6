package rules

import (
	"fmt"
	"strings"
)

// dashboardOf holds the UID of the dashboard that shows an alert: by the alert's name or, where all
// alerts of a file have one, by the file's name, unless that is the UID.
var dashboardOf = map[string]string{
	"apiserver-slo.yaml":               "api-server",
	"apiserver.yaml":                   "api-server",
	"blackbox-exporter.yaml":           "probes",
	"capacity.yaml":                    "capacity",
	"controller-manager.yaml":          "control-plane",
	"general.yaml":                     "alerts-overview",
	"kube-proxy.yaml":                  "control-plane",
	"kube-state-metrics.yaml":          "prometheus-stats",
	"node-directory-size-metrics.yaml": "node-directory-sizes",
	"node-exporter.yaml":               "node",
	"nodes.yaml":                       "node",
	"opt-out.yaml":                     "alerts-overview",
	"probes.yaml":                      "pod",
	"prometheus.yaml":                  "prometheus-stats",
	"scheduler.yaml":                   "control-plane",
	"storage.yaml":                     "persistent-volumes",
	"targets.yaml":                     "prometheus-stats",
	"usage.yaml":                       "pod",
	"volumes.yaml":                     "persistent-volumes",
	"workloads.yaml":                   "workload",

	"ContainerOOMKilled":       "pod",
	"ContainerWaiting":         "pod",
	"JobFailed":                "broken",
	"JobNotCompleted":          "broken",
	"KubeletUnreachable":       "kubelet",
	"KubeletTooManyPods":       "kubelet",
	"NodeTargetsDown":          "node",
	"NodesEvicted":             "nodes",
	"PodCrashLooping":          "pod",
	"PodNotReady":              "pod",
	"QuotaAlmostFull":          "namespace",
	"QuotaExceeded":            "namespace",
	"QuotaFull":                "namespace",
	"ZoneUnhealthy":            "nodes",
	"PrometheusScrapeLimitHit": "cardinality",
	"PrometheusTargetLimitHit": "cardinality",

	"HorizontalPodAutoscalerCannotScale":     "broken",
	"HorizontalPodAutoscalerMaxed":           "broken",
	"HorizontalPodAutoscalerReplicasMissing": "broken",
	"PodDisruptionBudgetAtLimit":             "broken",
	"PodDisruptionBudgetUnhealthy":           "broken",
}

// anyDashboard shows every alert.
const anyDashboard = "alerts-overview"

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
// anyDashboard where the stack lacks the alert's own.
func (o Options) dashboardURL(file, alert string) string {
	uid := Dashboard(file, alert)
	variables, ok := o.Dashboards[uid]
	if !ok {
		uid = anyDashboard
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
