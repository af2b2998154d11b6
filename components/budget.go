package components

import (
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// disruptionBudget creates the app's PodDisruptionBudget, which lets a drain evict one replica
// at a time. A single replica gets none: a budget would have no effect or block every drain.
func (a app) disruptionBudget(replicas int) error {
	if replicas < 2 {
		return nil
	}
	_, err := create(a, "budget", policyv1.NewPodDisruptionBudget, &policyv1.PodDisruptionBudgetArgs{
		Metadata: a.metadata(a.objectName()),
		Spec: &policyv1.PodDisruptionBudgetSpecArgs{
			MaxUnavailable: pulumi.Int(1),
			Selector:       &metav1.LabelSelectorArgs{MatchLabels: a.selector()},
		},
	})
	return err
}
