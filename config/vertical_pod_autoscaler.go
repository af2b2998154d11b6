package config

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	autoscalingv1 "k8s.io/autoscaler/vertical-pod-autoscaler/pkg/apis/autoscaling.k8s.io/v1"
)

// validateAutoscaler rejects a VerticalPodAutoscaler that its API would, one that does not say what it
// changes, and bounds that no recommendation meets; autoscaler may be nil. Whether the pods have the containers
// that it names is for package check.
// https://github.com/kubernetes/autoscaler/blob/master/vertical-pod-autoscaler/docs/api.md
func validateAutoscaler(path string, autoscaler *autoscalingv1.VerticalPodAutoscalerSpec) Problems {
	var p Problems
	if autoscaler == nil {
		return p
	}
	if len(autoscaler.Recommenders) > 1 {
		p.Addf(path+".recommenders", "has %d; allowed: one, or none for the default one", len(autoscaler.Recommenders))
	}
	p.Add(validateUpdatePolicy(path+".updatePolicy", autoscaler.UpdatePolicy)...)
	if autoscaler.ResourcePolicy == nil {
		return p
	}
	seen := map[string]bool{}
	for i, policy := range autoscaler.ResourcePolicy.ContainerPolicies {
		at := fmt.Sprintf("%s.resourcePolicy.containerPolicies[%d]", path, i)
		switch name := policy.ContainerName; {
		case name == "":
			p.Addf(at+".containerName", "missing; the name of a container, or %s for all others", autoscalingv1.DefaultContainerResourcePolicy)
		case seen[name]:
			p.Addf(at+".containerName", "%q is there twice", name)
		}
		seen[policy.ContainerName] = true
		p.Add(validateContainerPolicy(at, policy)...)
	}
	return p
}

// validateUpdatePolicy rejects a policy without a mode, of which the autoscaler's default evicts pods.
func validateUpdatePolicy(path string, policy *autoscalingv1.PodUpdatePolicy) Problems {
	var p Problems
	modes := []autoscalingv1.UpdateMode{
		autoscalingv1.UpdateModeOff, autoscalingv1.UpdateModeInitial, autoscalingv1.UpdateModeRecreate, autoscalingv1.UpdateModeInPlaceOrRecreate,
	}
	if policy == nil || policy.UpdateMode == nil {
		p.Addf(path+".updateMode", "missing; %s only recommends, %s sets resources of new pods, and %s and %s also of running ones",
			modes[0], modes[1], modes[2], modes[3])
		return p
	}
	p.Add(validateValue(path+".updateMode", *policy.UpdateMode, modes...)...)
	if n := policy.MinReplicas; n != nil && *n < 1 {
		p.Addf(path+".minReplicas", "%d; allowed: 1 and more", *n)
	}
	for i, requirement := range policy.EvictionRequirements {
		at := fmt.Sprintf("%s.evictionRequirements[%d]", path, i)
		p.Add(validateControlled(at+".resources", requirement.Resources)...)
		p.Add(validateValue(at+".changeRequirement", requirement.ChangeRequirement, autoscalingv1.TargetHigherThanRequests, autoscalingv1.TargetLowerThanRequests)...)
	}
	return p
}

func validateContainerPolicy(path string, policy autoscalingv1.ContainerResourcePolicy) Problems {
	var p Problems
	if policy.Mode != nil {
		p.Add(validateValue(path+".mode", *policy.Mode, autoscalingv1.ContainerScalingModeAuto, autoscalingv1.ContainerScalingModeOff)...)
	}
	if policy.ControlledValues != nil {
		p.Add(validateValue(path+".controlledValues", *policy.ControlledValues,
			autoscalingv1.ContainerControlledValuesRequestsAndLimits, autoscalingv1.ContainerControlledValuesRequestsOnly)...)
	}
	if policy.ControlledResources != nil {
		p.Add(validateControlled(path+".controlledResources", *policy.ControlledResources)...)
	}
	p.Add(validateControlled(path+".minAllowed", slices.Sorted(maps.Keys(policy.MinAllowed)))...)
	p.Add(validateControlled(path+".maxAllowed", slices.Sorted(maps.Keys(policy.MaxAllowed)))...)
	for _, name := range slices.Sorted(maps.Keys(policy.MinAllowed)) {
		least := policy.MinAllowed[name]
		if most, set := policy.MaxAllowed[name]; set && least.Cmp(most) > 0 {
			p.Addf(join(path+".minAllowed", string(name)), "%s is more than maxAllowed of %s", least.String(), most.String())
		}
	}
	return p
}

// validateControlled rejects resources that the autoscaler does not know.
func validateControlled(path string, names []corev1.ResourceName) Problems {
	var p Problems
	for _, name := range names {
		p.Add(validateValue(path, name, corev1.ResourceCPU, corev1.ResourceMemory)...)
	}
	return p
}

// validateValue rejects a value that is not one of those allowed.
func validateValue[T ~string](path string, value T, allowed ...T) Problems {
	if slices.Contains(allowed, value) {
		return nil
	}
	names := make([]string, len(allowed))
	for i, name := range allowed {
		names[i] = string(name)
	}
	return Problems{UnknownName(path, string(value), names)}
}
