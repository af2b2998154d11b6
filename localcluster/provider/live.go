package provider

import (
	"encoding/base64"

	pulumi "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// liveInputs is the live object cut down to the fields that the inputs set: what the inputs
// would be if they described the cluster as it is. Where nothing drifted it equals them.
func liveInputs(live *unstructured.Unstructured, inputs pulumi.PropertyMap) pulumi.PropertyMap {
	fields := pulumi.NewPropertyMapFromMap(live.Object)
	if isSecretKind(live.GroupVersionKind()) {
		splitStringData(fields, object(inputs["stringData"]))
	}
	return cut(pulumi.NewProperty(fields), pulumi.NewProperty(inputs), false).ObjectValue()
}

// splitStringData moves those keys of a live Secret's data to stringData that the inputs
// give there.
func splitStringData(fields, stringData pulumi.PropertyMap) {
	data := object(fields["data"])
	out := pulumi.PropertyMap{}
	for k := range stringData {
		if decoded, err := base64.StdEncoding.DecodeString(text(data[k])); err == nil && data.HasValue(k) {
			out[k] = pulumi.NewProperty(string(decoded))
			delete(data, k)
		}
	}
	if len(out) > 0 {
		fields["stringData"] = pulumi.NewProperty(out)
	}
}

// quantities are the fields whose values the API server rewrites in its own notation.
var quantities = map[pulumi.PropertyKey]bool{
	"capacity": true, "hard": true, "limits": true, "requests": true, "sizeLimit": true,
}

// cut reduces live to the shape of input. quantity tells that texts here are amounts.
func cut(live, input pulumi.PropertyValue, quantity bool) pulumi.PropertyValue {
	switch {
	case input.IsSecret():
		return pulumi.MakeSecret(cut(live, input.SecretValue().Element, quantity))
	case live.IsObject() && input.IsObject():
		out := pulumi.PropertyMap{}
		for k, want := range input.ObjectValue() {
			if has, ok := live.ObjectValue()[k]; ok {
				out[k] = cut(has, want, quantity || quantities[k])
			} else if isZero(want) {
				out[k] = want // the API server leaves empty fields out
			}
		}
		return pulumi.NewProperty(out)
	case live.IsArray() && input.IsArray():
		return pulumi.NewProperty(cutList(live.ArrayValue(), input.ArrayValue(), quantity))
	case quantity && sameQuantity(live, input):
		return input
	default:
		return live
	}
}

// mergeKeys are the fields by which the API server tells elements of a list apart; others
// may add elements to such a list, which are no drift of ours.
var mergeKeys = []pulumi.PropertyKey{"name", "mountPath", "containerPort", "port", "key", "ip", "topologyKey"}

func cutList(live, input []pulumi.PropertyValue, quantity bool) []pulumi.PropertyValue {
	out := []pulumi.PropertyValue{}
	if key, ok := mergeKey(live, input); ok {
		for _, want := range input {
			for _, has := range live {
				if has.ObjectValue()[key].DeepEquals(plain(object(want)[key])) {
					out = append(out, cut(has, want, quantity))
				}
			}
		}
		return out
	}
	for i, has := range live {
		if i < len(input) {
			has = cut(has, input[i], quantity)
		}
		out = append(out, has)
	}
	return out
}

// mergeKey finds a field that every element of both lists has, each with a value of its own.
func mergeKey(lists ...[]pulumi.PropertyValue) (pulumi.PropertyKey, bool) {
	for _, key := range mergeKeys {
		if unique(key, lists...) {
			return key, true
		}
	}
	return "", false
}

func unique(key pulumi.PropertyKey, lists ...[]pulumi.PropertyValue) bool {
	for _, list := range lists {
		seen := map[any]bool{}
		for _, e := range list {
			v := plain(object(e)[key])
			if (!v.IsString() && !v.IsNumber()) || seen[v.V] {
				return false
			}
			seen[v.V] = true
		}
	}
	return true
}

func isZero(v pulumi.PropertyValue) bool {
	v = plain(v)
	switch {
	case v.IsBool():
		return !v.BoolValue()
	case v.IsNumber():
		return v.NumberValue() == 0
	case v.IsString():
		return v.StringValue() == ""
	case v.IsArray():
		return len(v.ArrayValue()) == 0
	case v.IsObject():
		return len(v.ObjectValue()) == 0
	default:
		return v.IsNull()
	}
}

// sameQuantity compares amounts such as 0.5 and 500m.
func sameQuantity(a, b pulumi.PropertyValue) bool {
	if !a.IsString() || !b.IsString() {
		return false
	}
	qa, errA := resource.ParseQuantity(a.StringValue())
	qb, errB := resource.ParseQuantity(b.StringValue())
	return errA == nil && errB == nil && qa.Cmp(qb) == 0
}

// importedInputs makes inputs of an object that Pulumi did not create: all of it but what
// the API server and controllers write.
func importedInputs(live *unstructured.Unstructured) pulumi.PropertyMap {
	live = live.DeepCopy()
	delete(live.Object, "status")
	metadata := map[string]any{"name": live.GetName()}
	if ns := live.GetNamespace(); ns != "" {
		metadata["namespace"] = ns
	}
	annotations := live.GetAnnotations()
	delete(annotations, "deployment.kubernetes.io/revision")
	delete(annotations, "kubectl.kubernetes.io/last-applied-configuration")
	if len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	if labels := live.GetLabels(); len(labels) > 0 {
		metadata["labels"] = labels
	}
	live.Object["metadata"] = metadata
	inputs := pulumi.NewPropertyMapFromMap(live.Object)
	markSecretData(inputs)
	return inputs
}
