package config

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Resources are a container's compute requests and limits.
type Resources struct {
	// Guaranteed amounts.
	Requests ResourceList `json:"requests"`
	// Upper bounds; no CPU limit means no throttling.
	Limits ResourceList `json:"limits"`
}

// ResourceList is an amount of CPU and memory.
type ResourceList struct {
	// CPU cores, such as "250m".
	CPU *Quantity `json:"cpu"`
	// Memory, such as "512Mi".
	Memory *Quantity `json:"memory"`
}

// resources is a default: cpu and memory requested, memory limited.
func resources(cpu, memory, memoryLimit string) Resources {
	q := func(s string) *Quantity { parsed := quantity(s); return &parsed }
	return Resources{
		Requests: ResourceList{CPU: q(cpu), Memory: q(memory)},
		Limits:   ResourceList{Memory: q(memoryLimit)},
	}
}

func (r Resources) validate(path string) Problems {
	var p Problems
	check := func(kind string, request, limit *Quantity) {
		if request != nil && limit != nil && request.Cmp(limit.Quantity) > 0 {
			p.Addf(path+".requests."+kind, "%s is more than the limit of %s", request, limit)
		}
	}
	check("cpu", r.Requests.CPU, r.Limits.CPU)
	check("memory", r.Requests.Memory, r.Limits.Memory)
	p.Add(r.Requests.validate(path + ".requests")...)
	p.Add(r.Limits.validate(path + ".limits")...)
	return p
}

// validate refuses what is meant in another unit, such as 512m of memory.
func (l ResourceList) validate(path string) Problems {
	var p Problems
	if cpu := l.CPU; cpu != nil && !cpu.IsZero() && (cpu.Cmp(resource.MustParse("1m")) < 0 || cpu.Cmp(resource.MustParse("1k")) > 0) {
		p.Addf(path+".cpu", "%s; allowed: 1m (a thousandth of a core) to 1k", cpu)
	}
	if memory := l.Memory; memory != nil && !memory.IsZero() && memory.Cmp(resource.MustParse("1Mi")) < 0 {
		p.Addf(path+".memory", "%s is less than 1Mi; allowed: an amount of bytes, such as 512Mi", memory)
	}
	return p
}

// Scheduling says on which nodes pods may run, and before which others.
type Scheduling struct {
	// Labels a node must have.
	NodeSelector map[string]string `json:"nodeSelector"`
	// Taints the pods tolerate, as in a pod's spec.tolerations.
	Tolerations []Toleration `json:"tolerations"`
	// PriorityClass of the pods; empty for the cluster's default.
	PriorityClassName string `json:"priorityClassName"`
}

// Toleration is a Kubernetes toleration:
// https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
type Toleration struct {
	// Taint key; empty with operator Exists tolerates every taint.
	Key string `json:"key"`
	// Equal (default) or Exists.
	Operator TolerationOperator `json:"operator"`
	// Taint value, with operator Equal.
	Value string `json:"value"`
	// NoSchedule, PreferNoSchedule or NoExecute; empty for all.
	Effect TaintEffect `json:"effect"`
}

// TolerationOperator relates a toleration to a taint's value.
type TolerationOperator string

func (TolerationOperator) Values() []string { return []string{"Equal", "Exists"} }

// TaintEffect is what a taint does to pods that don't tolerate it.
type TaintEffect string

func (TaintEffect) Values() []string { return []string{"NoSchedule", "PreferNoSchedule", "NoExecute"} }

func (s Scheduling) validate(path string) Problems {
	var p Problems
	for _, key := range slices.Sorted(maps.Keys(s.NodeSelector)) {
		at := fmt.Sprintf("%s.nodeSelector[%q]", path, key)
		p.invalid(at, key, validation.IsQualifiedName(key))
		p.invalid(at, s.NodeSelector[key], validation.IsValidLabelValue(s.NodeSelector[key]))
	}
	for i, t := range s.Tolerations {
		at := fmt.Sprintf("%s.tolerations[%d]", path, i)
		if t.Key == "" && t.Operator != "Exists" {
			p.Addf(at+".key", "missing; only operator: Exists may leave it out")
		}
		if t.Operator == "Exists" && t.Value != "" {
			p.Addf(at+".value", "%q is not allowed with operator: Exists", t.Value)
		}
	}
	if s.PriorityClassName != "" {
		p.invalid(path+".priorityClassName", s.PriorityClassName, validation.IsDNS1123Subdomain(s.PriorityClassName))
	}
	return p
}
