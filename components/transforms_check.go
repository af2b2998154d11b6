package components

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	kjson "sigs.k8s.io/json"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/check"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/offline"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// CheckTransforms rejects transforms that no object matches or that change nothing, and objects that they spoil: with
// fields that their kind does not have, other names or selectors, pods that are not restricted any more, or access rights
// without names. It runs deploy without an engine to see the objects, so that nothing is registered before. The error is
// config.Problems.
func CheckTransforms(stack *render.Stack, deploy func(*pulumi.Context, *render.Stack) error) error {
	if len(stack.Config.Transforms) == 0 {
		return nil
	}
	before, cfg := *stack, *stack.Config
	cfg.Transforms, before.Config = nil, &cfg
	objects, err := objectsOf(func(ctx *pulumi.Context) error { return deploy(ctx, &before) })
	if err != nil {
		return err
	}
	var problems config.Problems
	for i, t := range stack.Config.Transforms {
		at := fmt.Sprintf("transforms[%d]", i)
		matched, changed := false, false
		for j := range objects {
			object := &objects[j]
			if !t.Matches(object.kind.GroupVersion().String(), object.kind.Kind, object.name()) {
				continue
			}
			matched = true
			after, err := patch(object.kind, maps.Clone(object.fields), t.Patch)
			if err != nil {
				problems.Addf(at+".patch", "%s: %v", object, err)
				changed = true // nobody knows whether it would
				continue
			}
			changed = changed || !reflect.DeepEqual(object.fields, after)
			for _, spoilt := range object.spoilt(after) {
				problems.Addf(at+".patch", "%s: %s", object, spoilt)
			}
			object.fields = after
		}
		switch {
		case !matched:
			problems.Add(unmatched(at, t, objects))
		case !changed:
			problems.Addf(at+".patch", "changes nothing; remove the transform")
		}
	}
	return problems.Err()
}

// unmatched returns the Problem of a transform that is for no object.
func unmatched(at string, t config.Transform, objects []object) config.Problem {
	var kinds, names []string
	for _, object := range objects {
		kind := object.kind.GroupVersion().String() + " " + object.kind.Kind
		kinds = append(kinds, kind)
		if kind == t.APIVersion+" "+t.Kind {
			names = append(names, object.name())
		}
	}
	distinct := func(all []string) []string { return slices.Compact(slices.Sorted(slices.Values(all))) }
	if len(names) == 0 {
		return config.UnknownName(at+".kind", t.APIVersion+" "+t.Kind, distinct(kinds))
	}
	return config.UnknownName(at+".name", t.Name, distinct(names))
}

// object is an object of Kubernetes that a stack registers.
type object struct {
	kind   schema.GroupVersionKind
	fields map[string]any // as encoding/json decodes it
}

// objectsOf returns the objects that a program registers.
func objectsOf(program pulumi.RunFunc) ([]object, error) {
	resources, err := offline.Register("transforms", program)
	if err != nil {
		return nil, err
	}
	var objects []object
	for _, r := range resources {
		kind, ok := kindOf(r.Type)
		if !ok {
			continue
		}
		o := object{kind: kind}
		text, err := json.Marshal(r.Inputs.Mappable())
		if err == nil {
			err = json.Unmarshal(text, &o.fields)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Name, err)
		}
		objects = append(objects, o)
	}
	return objects, nil
}

func (o object) name() string {
	name, _, _ := unstructured.NestedString(o.fields, "metadata", "name")
	return name
}

func (o object) String() string { return o.kind.Kind + " " + o.name() }

// fixed lists the fields by which objects find each other.
var fixed = [][]string{
	{"spec", "selector"}, {"spec", "podSelector"}, {"spec", "serviceName"}, {"spec", "scaleTargetRef"}, {"spec", "targetRef"}, {"roleRef"}, {"subjects"},
}

// labelled lists where objects have the labels by which they are found.
var labelled = [][]string{{"metadata", "labels"}, {"spec", "template", "metadata", "labels"}}

// spoilt says what is wrong with the object after a change.
func (o object) spoilt(after map[string]any) []string {
	var spoilt []string
	for _, path := range fixed {
		was, _, _ := unstructured.NestedFieldNoCopy(o.fields, path...)
		is, _, _ := unstructured.NestedFieldNoCopy(after, path...)
		if !reflect.DeepEqual(was, is) {
			spoilt = append(spoilt, strings.Join(path, ".")+" cannot be changed, because objects find each other by it")
		}
	}
	for _, path := range labelled {
		was, _, _ := unstructured.NestedMap(o.fields, path...)
		is, _, _ := unstructured.NestedMap(after, path...)
		for _, label := range slices.Sorted(maps.Keys(was)) {
			if is[label] != was[label] {
				spoilt = append(spoilt, fmt.Sprintf("%s: %q is a label of the program; allowed: further labels", strings.Join(path, "."), label))
			}
		}
	}
	typed, err := o.typed(after)
	if err != nil {
		return append(spoilt, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	was, err := o.typed(o.fields)
	if err != nil { // by another transform, of which this has been said
		return spoilt
	}
	if forbidden := unrestricted(typed); forbidden != "" && forbidden != unrestricted(was) {
		spoilt = append(spoilt, forbidden+"; allowed: what the Pod Security Standard restricted allows. What is set below a key pod can be waived, with its reason")
	}
	for _, rule := range rulesOf(typed) {
		if slices.Contains(slices.Concat(rule.Verbs, rule.Resources, rule.APIGroups), "*") || slices.Contains(rule.Resources, "nodes/proxy") {
			spoilt = append(spoilt, "rules: grants everything of a kind, or nodes/proxy, with which a pod can run commands in others; allowed: the names of what is granted")
		}
	}
	return spoilt
}

// typed returns fields as an object of its kind's type; nil if the kind is not one of Kubernetes itself. It fails for fields
// that the kind does not have, and for values of other types.
func (o object) typed(fields map[string]any) (runtime.Object, error) {
	typed, err := scheme.Scheme.New(o.kind)
	if runtime.IsNotRegisteredError(err) {
		return nil, nil
	}
	text, errText := json.Marshal(fields)
	if err := errors.Join(err, errText); err != nil {
		return nil, err
	}
	strict, err := kjson.UnmarshalStrict(text, typed)
	return typed, errors.Join(append(strict, err)...)
}

// unrestricted says what the Pod Security Standard restricted forbids of the pods of a workload; "" if it forbids nothing, or the
// object has no pods.
func unrestricted(workload runtime.Object) string {
	var pod corev1.PodTemplateSpec
	switch workload := workload.(type) {
	case *appsv1.StatefulSet:
		pod = workload.Spec.Template
	case *appsv1.Deployment:
		pod = workload.Spec.Template
	case *appsv1.DaemonSet:
		pod = workload.Spec.Template
	case *batchv1.Job:
		pod = workload.Spec.Template
	default:
		return ""
	}
	return check.Unrestricted(pod.Annotations, pod.Spec)
}

// rulesOf returns the rules of a role; nil for any other object.
func rulesOf(role runtime.Object) []rbacv1.PolicyRule {
	switch role := role.(type) {
	case *rbacv1.Role:
		return role.Rules
	case *rbacv1.ClusterRole:
		return role.Rules
	default:
		return nil
	}
}
