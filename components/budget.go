package components

import (
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// disruptionBudget creates the app's PodDisruptionBudget. Unless set says otherwise, it lets a drain evict
// one replica at a time. A single replica gets none: a budget would have no effect or block every drain.
func (a app) disruptionBudget(replicas int, set *policy.PodDisruptionBudgetSpec) error {
	if replicas < 2 {
		return nil
	}
	spec := &policyv1.PodDisruptionBudgetSpecArgs{
		MaxUnavailable: pulumi.Int(1),
		Selector:       &metav1.LabelSelectorArgs{MatchLabels: a.selector()},
	}
	if set != nil {
		if set.MinAvailable != nil || set.MaxUnavailable != nil {
			spec.MinAvailable, spec.MaxUnavailable = amount(set.MinAvailable), amount(set.MaxUnavailable)
		}
		if set.UnhealthyPodEvictionPolicy != nil {
			spec.UnhealthyPodEvictionPolicy = pulumi.String(string(*set.UnhealthyPodEvictionPolicy))
		}
	}
	_, err := create(a, "budget", policyv1.NewPodDisruptionBudget, &policyv1.PodDisruptionBudgetArgs{
		Metadata: a.metadata(a.objectName()),
		Spec:     spec,
	})
	return err
}

// amount returns a number of pods, or a share of them, as an input; nil if it is not set.
func amount(set *intstr.IntOrString) pulumi.Input {
	switch {
	case set == nil:
		return nil
	case set.Type == intstr.String:
		return pulumi.String(set.StrVal)
	default:
		return pulumi.Int(int(set.IntVal))
	}
}
