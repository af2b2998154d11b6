package components

import (
	autoscalingv1 "k8s.io/api/autoscaling/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// autoscale creates the VerticalPodAutoscaler of the app's workload, if the stack has one. kind is that of the
// workload: Deployment, StatefulSet or DaemonSet.
func (a app) autoscale(kind string, scheduling config.Scheduling) error {
	if scheduling.VerticalPodAutoscaler == nil {
		return nil
	}
	spec := *scheduling.VerticalPodAutoscaler
	spec.TargetRef = &autoscalingv1.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: kind, Name: a.objectName()}
	return a.customResource("autoscaler", "autoscaling.k8s.io/v1", "VerticalPodAutoscaler", a.metadata(a.objectName()), spec)
}
