package components

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"strings"

	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// transformed returns the option with which an object is registered as the stack's transforms change it.
func transformed(transforms []config.Transform) pulumi.ResourceOption {
	if len(transforms) == 0 {
		return pulumi.Transformations(nil)
	}
	return pulumi.Transformations([]pulumi.ResourceTransformation{func(args *pulumi.ResourceTransformationArgs) *pulumi.ResourceTransformationResult {
		kind, ok := kindOf(args.Type)
		if !ok {
			return nil
		}
		inputs, changed := inputsOf(args.Props), false
		name := nameOf(inputs) // which no transform changes, but one makes an output of what it patches
		for _, t := range transforms {
			if !t.Matches(kind.GroupVersion().String(), kind.Kind, name) {
				continue
			}
			changed = true
			for key, change := range t.Patch { // each on its own: the others keep their secrets and dependencies
				inputs[key] = pulumi.ToOutput(inputs[key]).ApplyT(func(value any) (any, error) {
					patched, err := patch(kind, map[string]any{key: plain(reflect.ValueOf(value))}, map[string]any{key: change})
					return patched[key], err
				})
			}
		}
		if !changed {
			return nil
		}
		return &pulumi.ResourceTransformationResult{Props: inputs, Opts: args.Opts}
	}})
}

// patch returns an object of a kind, or a part of it, as a patch changes it: a strategic merge patch if the kind is one of
// Kubernetes itself, and a JSON merge patch of any other.
func patch(kind schema.GroupVersionKind, object, change map[string]any) (map[string]any, error) {
	for key, value := range object {
		if value == nil {
			delete(object, key)
		}
	}
	typed, err := scheme.Scheme.New(kind)
	if runtime.IsNotRegisteredError(err) {
		patched, _ := mergePatch(object, change).(map[string]any)
		return patched, nil
	}
	before, errBefore := json.Marshal(object)
	changeJSON, errChange := json.Marshal(change)
	if err := errors.Join(err, errBefore, errChange); err != nil {
		return nil, err
	}
	after, err := strategicpatch.StrategicMergePatch(before, changeJSON, typed)
	if err != nil {
		return nil, err
	}
	var patched map[string]any
	err = json.Unmarshal(after, &patched)
	return patched, err
}

// mergePatch returns onto with the changes of a JSON merge patch: https://www.rfc-editor.org/rfc/rfc7396
func mergePatch(onto, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	merged := map[string]any{}
	if object, ok := onto.(map[string]any); ok {
		maps.Copy(merged, object)
	}
	for key, change := range changes {
		if change == nil {
			delete(merged, key)
		} else {
			merged[key] = mergePatch(merged[key], change)
		}
	}
	return merged
}

// kindOf returns the kind of a resource's type, such as kubernetes:core/v1:Service; false if it is no object of
// Kubernetes.
func kindOf(token string) (schema.GroupVersionKind, bool) {
	parts := strings.Split(token, ":")
	if len(parts) != 3 || parts[0] != "kubernetes" {
		return schema.GroupVersionKind{}, false
	}
	version, err := schema.ParseGroupVersion(strings.TrimPrefix(parts[1], "core/"))
	return version.WithKind(parts[2]), err == nil
}

// inputsOf returns the inputs of an object by the names that they have in Kubernetes' API.
func inputsOf(args pulumi.Input) pulumi.Map {
	inputs := pulumi.Map{}
	value := reflect.Indirect(reflect.ValueOf(args))
	if value.Kind() == reflect.Map { // a custom resource
		for _, key := range value.MapKeys() {
			input := value.MapIndex(key).Interface()
			inputs[key.String()] = pulumi.Any(input)
			if input, ok := input.(pulumi.Input); ok {
				inputs[key.String()] = input
			}
		}
		return inputs
	}
	plain := args.ElementType()
	for i := range plain.NumField() {
		field := plain.Field(i)
		if input, ok := value.FieldByName(field.Name).Interface().(pulumi.Input); ok {
			inputs[field.Tag.Get("pulumi")] = input
		}
	}
	return inputs
}

// nameOf returns the name of the object with these inputs.
func nameOf(inputs pulumi.Map) string {
	metadata, ok := inputs["metadata"].(*metav1.ObjectMetaArgs)
	if !ok {
		return ""
	}
	name, _ := metadata.Name.(pulumi.String)
	return string(name)
}

// plain returns a value of the SDK as encoding/json decodes it: an object by the names of its fields in Kubernetes' API,
// without those that are not set; nil if the value is not set.
func plain(value reflect.Value) any {
	switch value.Kind() {
	case reflect.Invalid:
		return nil
	case reflect.Pointer, reflect.Interface:
		return plain(value.Elem())
	case reflect.Struct:
		object := map[string]any{}
		for i := range value.NumField() {
			if field := plain(value.Field(i)); field != nil {
				object[value.Type().Field(i).Tag.Get("pulumi")] = field
			}
		}
		return object
	case reflect.Map:
		if value.IsNil() {
			return nil
		}
		object := map[string]any{}
		for _, key := range value.MapKeys() {
			object[key.String()] = plain(value.MapIndex(key))
		}
		return object
	case reflect.Slice:
		if value.IsNil() {
			return nil
		}
		list := make([]any, value.Len())
		for i := range list {
			list[i] = plain(value.Index(i))
		}
		return list
	default:
		return value.Interface()
	}
}
