package config

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
	autoscalingv1 "k8s.io/autoscaler/vertical-pod-autoscaler/pkg/apis/autoscaling.k8s.io/v1"
)

// Resources holds a container's compute requests and limits.
type Resources struct {
	// Guaranteed amounts.
	Requests ResourceList `json:"requests"`
	// Upper bounds. Without a CPU limit, the container is not throttled.
	Limits ResourceList `json:"limits"`
}

// ResourceList is an amount of CPU and memory.
type ResourceList struct {
	// Number of CPU cores, such as "250m" for a quarter of one.
	CPU *Quantity `json:"cpu"`
	// Bytes of memory, such as "512Mi".
	Memory *Quantity `json:"memory"`
}

// resources returns default requests for CPU and memory, and a default limit for memory.
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

// validate rejects amounts that were likely meant in another unit, such as 512m of memory.
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

// OSLabel is the label of nodes with their operating system. Linux is the one that the images of every
// component are for but windows_exporter: pods select no other nodes.
// https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-os
const (
	OSLabel = "kubernetes.io/os"
	Linux   = "linux"
	Windows = "windows"
)

// Scheduling determines which nodes pods may run on, their priority, and what they have besides what
// the component gives them.
type Scheduling struct {
	// Labels a node must have, besides kubernetes.io/os.
	NodeSelector map[string]string `json:"nodeSelector"`
	// Taints that the pods tolerate, as in a pod's spec.tolerations.
	Tolerations []Toleration `json:"tolerations"`
	// PriorityClass of the pods; empty for the cluster's default.
	PriorityClassName string `json:"priorityClassName"`
	// VerticalPodAutoscaler of the pods, in its own format without targetRef; none unless set.
	VerticalPodAutoscaler *autoscalingv1.VerticalPodAutoscalerSpec `json:"verticalPodAutoscaler"`
	// What the pods have besides, in Kubernetes' own format.
	Pod Pod `json:"pod"`
}

// Toleration is a Kubernetes toleration:
// https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
type Toleration struct {
	// Key of the taint; empty, with operator Exists, for every taint.
	Key string `json:"key"`
	// Which values match: Equal (default) for value alone, or Exists for any.
	Operator TolerationOperator `json:"operator"`
	// Value of the taint, with operator Equal.
	Value string `json:"value"`
	// Effect of the taint: NoSchedule, PreferNoSchedule or NoExecute; empty for all.
	Effect TaintEffect `json:"effect"`
}

// TolerationOperator is how a toleration matches the value of a taint.
type TolerationOperator string

func (TolerationOperator) Values() []string { return []string{"Equal", "Exists"} }

// TaintEffect is what a taint does to pods that do not tolerate it.
type TaintEffect string

func (TaintEffect) Values() []string { return []string{"NoSchedule", "PreferNoSchedule", "NoExecute"} }

func (s Scheduling) validate(path string) Problems { return s.validateOn(Linux, path) }

// validateOn validates the scheduling of pods that run on nodes with an operating system.
func (s Scheduling) validateOn(os, path string) Problems {
	var p Problems
	for _, key := range slices.Sorted(maps.Keys(s.NodeSelector)) {
		at := fmt.Sprintf("%s.nodeSelector[%q]", path, key)
		p.invalidLabel(at, key, s.NodeSelector[key])
	}
	if other, set := s.NodeSelector[OSLabel]; set && other != os {
		p.Addf(fmt.Sprintf("%s.nodeSelector[%q]", path, OSLabel), "%q; allowed: %s, which the images are for", other, os)
	}
	for i, t := range s.Tolerations {
		at := fmt.Sprintf("%s.tolerations[%d]", path, i)
		if t.Key == "" && t.Operator != "Exists" {
			p.Addf(at+".key", "missing; it may be left out only with operator: Exists")
		}
		if t.Operator == "Exists" && t.Value != "" {
			p.Addf(at+".value", "%q is not allowed with operator: Exists", t.Value)
		}
	}
	if s.PriorityClassName != "" {
		p.invalid(path+".priorityClassName", s.PriorityClassName, validation.IsDNS1123Subdomain(s.PriorityClassName))
	}
	p.Add(validateAutoscaler(path+".verticalPodAutoscaler", s.VerticalPodAutoscaler)...)
	p.Add(s.Pod.validate(path + ".pod")...)
	return p
}
