package config

import (
	"fmt"
	"regexp"

	appsv1 "k8s.io/api/apps/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// validateBudget rejects a PodDisruptionBudget that the API server would, one that has no effect on a
// number of replicas, and one with which no node can be drained; budget may be nil.
// https://kubernetes.io/docs/tasks/run-application/configure-pdb/
func validateBudget(path string, budget *policyv1.PodDisruptionBudgetSpec, replicas int) Problems {
	var p Problems
	if budget == nil {
		return p
	}
	if replicas < 2 {
		p.Addf(path, "is set, but a single pod has no budget, which would block every drain or do nothing; remove it, or deploy two or more")
		return p
	}
	p.Add(validateAmount(path+".minAvailable", budget.MinAvailable)...)
	p.Add(validateAmount(path+".maxUnavailable", budget.MaxUnavailable)...)
	if policy := budget.UnhealthyPodEvictionPolicy; policy != nil {
		p.Add(validateValue(path+".unhealthyPodEvictionPolicy", *policy, policyv1.IfHealthyBudget, policyv1.AlwaysAllow)...)
	}
	switch {
	case len(p) > 0:
	case budget.MinAvailable != nil && budget.MaxUnavailable != nil:
		p.Addf(path, "has minAvailable and maxUnavailable; allowed: one of them")
	case budget.MinAvailable != nil && scaled(*budget.MinAvailable, replicas) >= replicas:
		p.Addf(path+".minAvailable", "%s of %d pods can never leave a node, which blocks every drain; allowed: fewer than %[2]d pods", budget.MinAvailable, replicas)
	case budget.MaxUnavailable != nil && scaled(*budget.MaxUnavailable, replicas) == 0:
		p.Addf(path+".maxUnavailable", "%s lets no pod leave a node, which blocks every drain; allowed: 1 and more, or 1%% and more", budget.MaxUnavailable)
	}
	return p
}

// validateUpdateStrategy rejects a strategy that the API server would, and one with which an update waits
// for ever; strategy may be nil. surge says whether two pods can be on one node.
// https://kubernetes.io/docs/tasks/manage-daemon/update-daemon-set/
func validateUpdateStrategy(path string, strategy *appsv1.DaemonSetUpdateStrategy, surge bool) Problems {
	var p Problems
	if strategy == nil {
		return p
	}
	if t := strategy.Type; t != "" && t != appsv1.RollingUpdateDaemonSetStrategyType {
		p.Addf(path+".type", "%q; allowed: %s, because an update waits until the pods are replaced", t, appsv1.RollingUpdateDaemonSetStrategyType)
	}
	rolling := strategy.RollingUpdate
	if rolling == nil {
		return p
	}
	path += ".rollingUpdate"
	p.Add(validateAmount(path+".maxUnavailable", rolling.MaxUnavailable)...)
	p.Add(validateAmount(path+".maxSurge", rolling.MaxSurge)...)
	if len(p) > 0 {
		return p
	}
	unavailable, more := intstr.FromInt32(1), intstr.FromInt32(0) // the API server's defaults
	if rolling.MaxUnavailable != nil {
		unavailable = *rolling.MaxUnavailable
	}
	if rolling.MaxSurge != nil {
		more = *rolling.MaxSurge
	}
	switch nodes := 100; { // a number or a percentage is zero for any number of nodes
	case scaled(more, nodes) > 0 && !surge:
		p.Addf(path+".maxSurge", "%s; allowed: 0, because two pods of a node cannot have the same port", more.String())
	case scaled(unavailable, nodes) == 0 && scaled(more, nodes) == 0:
		p.Addf(path, "has neither maxUnavailable nor maxSurge above 0, so that no pod could be replaced; allowed: one of them")
	case scaled(unavailable, nodes) > 0 && scaled(more, nodes) > 0:
		p.Addf(path, "has maxUnavailable %s and maxSurge %s; allowed: one of them above 0", unavailable.String(), more.String())
	}
	return p
}

// percentage matches the notation of a share of pods.
var percentage = regexp.MustCompile(`^(100|[1-9]?[0-9])%$`)

// validateAmount rejects what is neither a number of pods nor a share of them; amount may be nil.
func validateAmount(path string, amount *intstr.IntOrString) Problems {
	var p Problems
	if amount == nil || amount.Type == intstr.Int && amount.IntVal >= 0 || amount.Type == intstr.String && percentage.MatchString(amount.StrVal) {
		return p
	}
	value := amount.String()
	if amount.Type == intstr.String {
		value = fmt.Sprintf("%q", value)
	}
	p.Addf(path, "%s; allowed: a number of pods from 0, or a share of them such as 50%%", value)
	return p
}

// scaled returns the number of pods that a valid amount is of a total, rounded up as Kubernetes does.
func scaled(amount intstr.IntOrString, total int) int {
	n, err := intstr.GetScaledValueFromIntOrPercent(&amount, total, true)
	if err != nil { // not valid
		panic(err)
	}
	return n
}
