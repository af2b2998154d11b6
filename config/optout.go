package config

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
	{"services", "service"},
	{"ingresses", "ingress"},
}
