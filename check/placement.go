package check

import "fmt"

// replicasPlaced counts the nodes for Prometheus' replicas, which never share
// one. Those of other components do when they have to.
func replicasPlaced(s *Analysis) []Finding {
	nodes, replicas := s.Config.Cluster.Nodes, s.Config.Prometheus.Replicas
	if nodes == 0 || replicas <= nodes {
		return nil
	}
	return []Finding{{Path: "prometheus.replicas", Severity: Error, Message: fmt.Sprintf(
		"%d, each on a node of its own, but cluster.nodes is %d: %d would never start; allowed: up to %d", replicas, nodes, replicas-nodes, nodes)}}
}

// namespaceAdmits looks at a namespace that the stack does not create. What it
// admits is known on the cluster only, but not what has to be there.
func namespaceAdmits(s *Analysis) []Finding {
	var needs string
	switch cfg := s.Config; {
	case cfg.Cluster.CreateNamespace:
		return nil
	case cfg.Exporters.NodeExporter.Enabled:
		needs = "exporters.nodeExporter"
	case cfg.Exporters.NodeDirectorySizeMetrics.Enabled:
		needs = "exporters.nodeDirectorySizeMetrics"
	default:
		return nil
	}
	return []Finding{{Path: "cluster.createNamespace", Severity: Warning, Message: fmt.Sprintf(
		"false, and %s uses the host's files: unless namespace %s is labelled pod-security.kubernetes.io/enforce: privileged, its pods may be refused; label it, or set %s.enabled: false",
		needs, s.Config.Cluster.Namespace, needs)}}
}
