package check

import "fmt"

// replicasPlaced finds more replicas of Prometheus than nodes. Only Prometheus needs a node for
// each replica, unless the stack sets its podAntiAffinity: replicas of other components share nodes if
// there are too few.
func replicasPlaced(a *Analysis) []Finding {
	nodes, replicas := a.Config.Cluster.Nodes, a.Config.Prometheus.Replicas
	affinity := a.Config.Prometheus.Pod.Affinity
	if nodes == 0 || replicas <= nodes || affinity != nil && affinity.PodAntiAffinity != nil {
		return nil
	}
	return []Finding{{Path: "prometheus.replicas", Severity: Error, Message: fmt.Sprintf(
		"%d, each on a node of its own, but cluster.nodes is %d: %d would never start; allowed: up to %d", replicas, nodes, replicas-nodes, nodes)}}
}

// namespaceAdmits warns when exporters that use the host need a privileged namespace that the
// stack does not create, because only the cluster knows the namespace's labels.
func namespaceAdmits(a *Analysis) []Finding {
	using := a.Config.Exporters.UsingHost()
	if a.Config.Cluster.CreateNamespace || len(using) == 0 {
		return nil
	}
	return []Finding{{Path: "cluster.createNamespace", Severity: Warning, Message: fmt.Sprintf(
		"false, and %s uses the host's files: unless namespace %s is labelled pod-security.kubernetes.io/enforce: privileged, its pods may be rejected; label it, or set %s.enabled: false",
		using[0], a.Config.Cluster.Namespace, using[0])}}
}
