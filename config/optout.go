package config

import "slices"

// AlertsLabel is the Kubernetes label of objects about which nobody wants to be notified: "false".
const AlertsLabel = "prometheus.io/alerts"

// OptOut is a kind of object that AlertsLabel mutes, and the label of alerts that names one.
type OptOut struct {
	Kind  Kind
	Label string
}

// OptOuts holds the kinds of objects that AlertsLabel mutes.
var OptOuts = []OptOut{
	{"namespaces", "namespace"},
	{"nodes", "node"},
	{"persistentvolumeclaims", "persistentvolumeclaim"},
	{"pods", "pod"},
	{"deployments", "deployment"},
	{"statefulsets", "statefulset"},
	{"daemonsets", "daemonset"},
	{"jobs", "job_name"},
	{"horizontalpodautoscalers", "horizontalpodautoscaler"},
}

// LabelsOf returns the Kubernetes labels of a kind that kube-state-metrics reports: those of
// exporters.kubeStateMetrics.metricLabelsAllowlist, and AlertsLabel.
func (k KubeStateMetrics) LabelsOf(kind Kind) []string {
	reported := slices.Clone(k.MetricLabelsAllowlist[kind])
	mutes := slices.ContainsFunc(OptOuts, func(o OptOut) bool { return o.Kind == kind })
	if mutes && !slices.Contains(reported, "*") && !slices.Contains(reported, AlertsLabel) {
		reported = append(reported, AlertsLabel)
	}
	return reported
}
