package components

import (
	"encoding/json"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	autoscalingv1 "k8s.io/api/autoscaling/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// autoscale creates the VerticalPodAutoscaler of the app's workload, if the stack has one. kind is that of the
// workload: Deployment, StatefulSet or DaemonSet. The API server must know the CRD of the autoscaler.
func (a app) autoscale(kind string, scheduling config.Scheduling) error {
	if scheduling.VerticalPodAutoscaler == nil {
		return nil
	}
	spec := *scheduling.VerticalPodAutoscaler
	spec.TargetRef = &autoscalingv1.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: kind, Name: a.objectName()}
	text, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	_, err = create(a, "autoscaler", apiextensions.NewCustomResource, &apiextensions.CustomResourceArgs{
		ApiVersion:  pulumi.String("autoscaling.k8s.io/v1"),
		Kind:        pulumi.String("VerticalPodAutoscaler"),
		Metadata:    a.metadata(a.objectName()),
		OtherFields: kubernetes.UntypedArgs{"spec": fields},
	})
	return err
}
