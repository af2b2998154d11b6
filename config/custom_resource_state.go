package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"k8s.io/apimachinery/pkg/util/validation"
)

// CustomResourceState says which fields of custom resources become metrics, in kube-state-metrics' own
// format. That program accepts any key; here, only those that it reads are allowed.
type CustomResourceState struct {
	// CustomResourceStateMetrics, as in a file of kube-state-metrics; may be left out.
	Kind CustomResourceStateKind `json:"kind" yaml:"kind"`
	// What is reported.
	Spec CustomResourceStateSpec `json:"spec" yaml:"spec"`
}

// CustomResourceStateSpec lists the custom resources to report on.
type CustomResourceStateSpec struct {
	// Custom resources, each kind once.
	Resources []CustomResource `json:"resources" yaml:"resources"`
}

// CustomResource is a kind of custom resource, and the metrics of its objects.
type CustomResource struct {
	// The kind.
	GroupVersionKind GroupVersionKind `json:"groupVersionKind" yaml:"groupVersionKind"`
	// Name of the resource in its CustomResourceDefinition, spec.names.plural, which the exporter may list and watch;
	// the plural of the kind in lower case unless set.
	ResourcePlural string `json:"resourcePlural" yaml:"resourcePlural,omitempty"`
	// What the names of the metrics start with, before an underscore. Empty for nothing; kube_customresource unless
	// set.
	MetricNamePrefix *string `json:"metricNamePrefix" yaml:"metricNamePrefix,omitempty"`
	// Metrics of each object.
	Metrics []CustomResourceMetric `json:"metrics" yaml:"metrics"`
	// Verbosity from which the exporter logs fields that it fails to read.
	ErrorLogV int `json:"errorLogV" yaml:"errorLogV,omitempty"`

	CustomResourceLabels `yaml:",inline"`
}

// GroupVersionKind names a kind of custom resource.
type GroupVersionKind struct {
	// API group, such as gateway.networking.k8s.io. Required.
	Group string `json:"group" yaml:"group"`
	// Version, such as v1; "*" for all, which reports each object once for each version. Required.
	Version string `json:"version" yaml:"version"`
	// Kind, such as HTTPRoute. Required.
	Kind string `json:"kind" yaml:"kind"`
}

// CustomResourceLabels holds labels of metrics. Those of a metric win over those of its resource.
type CustomResourceLabels struct {
	// Labels with a fixed value.
	CommonLabels map[string]string `json:"commonLabels" yaml:"commonLabels,omitempty"`
	// Label to the path of the field of the object with its value. A name that starts or ends with "*" stands for
	// one label for each entry of an object.
	LabelsFromPath map[string][]string `json:"labelsFromPath" yaml:"labelsFromPath,omitempty"`
}

// CustomResourceMetric is one metric of the objects of a kind.
type CustomResourceMetric struct {
	// Name, without metricNamePrefix. Required.
	Name string `json:"name" yaml:"name"`
	// Help text.
	Help string `json:"help" yaml:"help,omitempty"`
	// Where its series come from. Required.
	Each CustomResourceEach `json:"each" yaml:"each"`
	// Verbosity from which the exporter logs fields that it fails to read; the one of the resource unless set.
	ErrorLogV int `json:"errorLogV" yaml:"errorLogV,omitempty"`

	CustomResourceLabels `yaml:",inline"`
}

// CustomResourceEach says how the series of a metric are made: by one of gauge, stateSet and info, the one
// that type names.
type CustomResourceEach struct {
	// Gauge, StateSet or Info. Required.
	Type CustomResourceMetricType `json:"type" yaml:"type"`
	// A number of each object, or of each element of a list or an object in it.
	Gauge *CustomResourceGauge `json:"gauge" yaml:"gauge,omitempty"`
	// A series for each state that a field can have: 1 for the state that it has, 0 for the others.
	StateSet *CustomResourceStateSet `json:"stateSet" yaml:"stateSet,omitempty"`
	// Labels of each object, with the value 1.
	Info *CustomResourceInfo `json:"info" yaml:"info,omitempty"`
}

// CustomResourcePath is what the series of a metric are made of.
type CustomResourcePath struct {
	// Path of a field of the object: names of fields, indices of lists, or [key=value] for an element of a list.
	Path []string `json:"path" yaml:"path,omitempty"`
	// Label to the path of the field below path with its value.
	LabelsFromPath map[string][]string `json:"labelsFromPath" yaml:"labelsFromPath,omitempty"`
}

// CustomResourceGauge makes a gauge.
type CustomResourceGauge struct {
	CustomResourcePath `yaml:",inline"`

	// Label with the key, if path leads to an object.
	LabelFromKey string `json:"labelFromKey" yaml:"labelFromKey,omitempty"`
	// Path of the number below path. Texts such as true, 25m or 2026-01-02T15:04:05Z are numbers too.
	ValueFrom []string `json:"valueFrom" yaml:"valueFrom,omitempty"`
	// Whether a missing value is 0; otherwise, it has no series.
	NilIsZero bool `json:"nilIsZero" yaml:"nilIsZero,omitempty"`
}

// CustomResourceInfo makes an info metric.
type CustomResourceInfo struct {
	CustomResourcePath `yaml:",inline"`

	// Label with the key, if path leads to an object.
	LabelFromKey string `json:"labelFromKey" yaml:"labelFromKey,omitempty"`
}

// CustomResourceStateSet makes a series for each state.
type CustomResourceStateSet struct {
	CustomResourcePath `yaml:",inline"`

	// The states. Required.
	List []string `json:"list" yaml:"list"`
	// Label with the state. Required.
	LabelName string `json:"labelName" yaml:"labelName"`
	// Path of the state below path.
	ValueFrom []string `json:"valueFrom" yaml:"valueFrom,omitempty"`
}

// CustomResourceStateKind is the kind of a CustomResourceState.
type CustomResourceStateKind string

// CustomResourceStateMetrics is the only CustomResourceStateKind.
const CustomResourceStateMetrics CustomResourceStateKind = "CustomResourceStateMetrics"

func (CustomResourceStateKind) Values() []string { return []string{string(CustomResourceStateMetrics)} }

// CustomResourceMetricType is the type of a metric of custom resources.
type CustomResourceMetricType string

// The types of metrics of custom resources.
const (
	GaugeMetric    CustomResourceMetricType = "Gauge"
	StateSetMetric CustomResourceMetricType = "StateSet"
	InfoMetric     CustomResourceMetricType = "Info"
)

// overlaps reports whether two kinds have objects in common.
func (k GroupVersionKind) overlaps(other GroupVersionKind) bool {
	return k.Group == other.Group && k.Kind == other.Kind && (k.Version == other.Version || k.Version == "*" || other.Version == "*")
}

func (CustomResourceMetricType) Values() []string {
	return []string{string(GaugeMetric), string(StateSetMetric), string(InfoMetric)}
}

// MetricName returns the name of one of the resource's metrics as Prometheus stores it.
func (r CustomResource) MetricName(m CustomResourceMetric) string {
	switch {
	case r.MetricNamePrefix == nil:
		return "kube_customresource_" + m.Name
	case *r.MetricNamePrefix == "":
		return m.Name
	}
	return *r.MetricNamePrefix + "_" + m.Name
}

// validate rejects what kube-state-metrics would not report. denied holds the expressions of names of metrics
// that it leaves out.
func (s CustomResourceState) validate(path string, denied []*regexp.Regexp) Problems {
	var p Problems
	if s.Kind != "" && len(s.Spec.Resources) == 0 {
		p.Addf(path+".spec.resources", "is empty; name a custom resource, or remove %s", path)
	}
	types := map[string]CustomResourceMetricType{}
	for i, r := range s.Spec.Resources {
		at := fmt.Sprintf("%s.spec.resources[%d]", path, i)
		r.GroupVersionKind.validate(&p, at+".groupVersionKind")
		for j, other := range s.Spec.Resources[:i] { // the exporter would report only on the last of them
			if r.GroupVersionKind.overlaps(other.GroupVersionKind) {
				p.Addf(at+".groupVersionKind", "is that of %s.spec.resources[%d]; put the metrics of both there", path, j)
			}
		}
		if r.ResourcePlural != "" {
			p.invalid(at+".resourcePlural", r.ResourcePlural, validation.IsDNS1035Label(r.ResourcePlural))
		}
		r.CustomResourceLabels.validate(&p, at)
		if len(r.Metrics) == 0 {
			p.Addf(at+".metrics", "is empty; name a metric, or remove the resource")
		}
		own := map[string]bool{}
		for j, m := range r.Metrics {
			at, name := fmt.Sprintf("%s.metrics[%d]", at, j), r.MetricName(m)
			switch {
			case m.Name == "":
				p.Addf(at+".name", "missing; allowed: the name of a metric")
			case !model.LegacyValidation.IsValidMetricName(name):
				p.Addf(at+".name", "%q; allowed: letters, digits, _ and :, not starting with a digit", name)
			case own[name]:
				p.Addf(at+".name", "%q is named twice", m.Name)
			case types[name] != "" && types[name] != m.Each.Type:
				p.Addf(at+".each.type", "%s, but another resource has %s as %s; choose another name or metricNamePrefix", m.Each.Type, name, types[name])
			case slices.ContainsFunc(denied, func(r *regexp.Regexp) bool { return r.MatchString(name) }):
				p.Addf(at+".name", "%s is left out by exporters.kubeStateMetrics.metricDenylist", name)
			}
			own[name], types[name] = true, m.Each.Type
			m.CustomResourceLabels.validate(&p, at)
			m.Each.validate(&p, at+".each")
		}
	}
	return p
}

// validate rejects kinds that no CustomResourceDefinition can have, and several at once: the exporter may read
// only what is named.
func (k GroupVersionKind) validate(p *Problems, path string) {
	switch {
	case k.Group == "":
		p.Addf(path+".group", "missing; allowed: the API group of a CustomResourceDefinition")
	case slices.Contains(slices.Collect(maps.Values(KindGroups)), k.Group) || !strings.Contains(k.Group, "."):
		p.Addf(path+".group", "%q is not the group of a CustomResourceDefinition; kinds of Kubernetes itself belong into exporters.kubeStateMetrics.kinds", k.Group)
	default:
		p.invalid(path+".group", k.Group, validation.IsDNS1123Subdomain(k.Group))
	}
	switch {
	case k.Version == "":
		p.Addf(path+".version", `missing; allowed: a version such as v1, or "*" for all`)
	case k.Version != "*":
		p.invalid(path+".version", k.Version, validation.IsDNS1035Label(k.Version))
	}
	switch {
	case k.Kind == "":
		p.Addf(path+".kind", "missing; allowed: a kind, such as HTTPRoute")
	case k.Kind == "*":
		p.Addf(path+".kind", `"*"; allowed: one kind, because the exporter may list only what is named`)
	default:
		p.invalid(path+".kind", k.Kind, validation.IsDNS1035Label(strings.ToLower(k.Kind)))
	}
}

// validate rejects a way to make series that is missing, or that the type does not use.
func (e CustomResourceEach) validate(p *Problems, path string) {
	if e.Type == "" {
		p.Addf(path+".type", "missing; allowed: %s", strings.Join(e.Type.Values(), ", "))
		return
	}
	for _, way := range []struct {
		kind CustomResourceMetricType
		key  string
		set  bool
	}{{GaugeMetric, "gauge", e.Gauge != nil}, {StateSetMetric, "stateSet", e.StateSet != nil}, {InfoMetric, "info", e.Info != nil}} {
		switch {
		case way.kind == e.Type && !way.set:
			p.Addf(path+"."+way.key, "missing; type: %s requires it", e.Type)
		case way.kind != e.Type && way.set:
			p.Addf(path+"."+way.key, "has no effect with type: %s", e.Type)
		}
	}
	if gauge := e.Gauge; gauge != nil {
		gauge.CustomResourcePath.validate(p, path+".gauge")
		validateLabelFromKey(p, path+".gauge.labelFromKey", gauge.LabelFromKey)
		validatePath(p, path+".gauge.valueFrom", gauge.ValueFrom)
	}
	if info := e.Info; info != nil {
		info.CustomResourcePath.validate(p, path+".info")
		validateLabelFromKey(p, path+".info.labelFromKey", info.LabelFromKey)
	}
	if set := e.StateSet; set != nil {
		set.CustomResourcePath.validate(p, path+".stateSet")
		validatePath(p, path+".stateSet.valueFrom", set.ValueFrom)
		if set.LabelName == "" {
			p.Addf(path+".stateSet.labelName", "missing; allowed: the name of the label with the state")
		}
		validateLabelFromKey(p, path+".stateSet.labelName", set.LabelName)
		if len(set.List) == 0 {
			p.Addf(path+".stateSet.list", "is empty; list the states")
		}
	}
}

func (c CustomResourcePath) validate(p *Problems, path string) {
	validatePath(p, path+".path", c.Path)
	validateLabelsFromPath(p, path+".labelsFromPath", c.LabelsFromPath)
}

func (l CustomResourceLabels) validate(p *Problems, path string) {
	for _, name := range slices.Sorted(maps.Keys(l.CommonLabels)) {
		validateCustomLabel(p, fmt.Sprintf("%s.commonLabels[%q]", path, name), name)
	}
	validateLabelsFromPath(p, path+".labelsFromPath", l.LabelsFromPath)
}

// validateLabelsFromPath rejects labels that win over those of the target, and paths that lead nowhere. The
// exporter replaces characters that names of labels do not have by underscores.
func validateLabelsFromPath(p *Problems, path string, labels map[string][]string) {
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		at := fmt.Sprintf("%s[%q]", path, name)
		if !strings.HasPrefix(name, "*") && !strings.HasSuffix(name, "*") {
			validateCustomLabel(p, at, invalidInLabels.ReplaceAllString(name, "_"))
		}
		if len(labels[name]) == 0 {
			p.Addf(at, "is empty; allowed: the path of a field")
		}
		validatePath(p, at, labels[name])
	}
}

// invalidInLabels matches what the names of labels do not have.
var invalidInLabels = regexp.MustCompile(`[^a-zA-Z0-9_]`)

func validateLabelFromKey(p *Problems, path, name string) {
	if name != "" {
		validateCustomLabel(p, path, name)
	}
}

// validateCustomLabel rejects what is not the name of a label, and labels that tell targets apart: the job
// kube-state-metrics lets the labels of series win over the target's.
func validateCustomLabel(p *Problems, path, name string) {
	switch {
	case !model.LegacyValidation.IsValidLabelName(name) || strings.HasPrefix(name, "__"):
		p.Addf(path, "%q is not a label name; allowed: letters, digits and _, not starting with a digit or __", name)
	case slices.Contains([]string{"cluster", "instance", "job"}, name):
		p.Addf(path, "%q is a label of the exporter itself, which this would replace; choose another name", name)
	}
}

// validatePath rejects elements of a path that match nothing.
func validatePath(p *Problems, path string, elements []string) {
	for i, element := range elements {
		lookup := strings.HasPrefix(element, "[") && strings.HasSuffix(element, "]")
		if element == "" || lookup && !strings.Contains(element, "=") {
			p.Addf(fmt.Sprintf("%s[%d]", path, i), "%q; allowed: the name of a field, the index of an element, or [key=value] for the element with it", element)
		}
	}
}
