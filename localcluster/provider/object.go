package provider

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Annotations of the official provider that this one respects.
// https://www.pulumi.com/registry/packages/kubernetes/installation-configuration
const (
	autonamedAnnotation   = "pulumi.com/autonamed"
	patchForceAnnotation  = "pulumi.com/patchForce"     // take fields over from other managers
	skipAwaitAnnotation   = "pulumi.com/skipAwait"      // do not wait for readiness
	timeoutAnnotation     = "pulumi.com/timeoutSeconds" // where the resource sets no custom timeout
	propagationAnnotation = "pulumi.com/deletionPropagationPolicy"
)

// plain strips the secret marks of a value, at any depth.
func plain(v resource.PropertyValue) resource.PropertyValue {
	switch {
	case v.IsSecret():
		return plain(v.SecretValue().Element)
	case v.IsOutput():
		if out := v.OutputValue(); out.Known {
			return plain(out.Element)
		}
		return resource.MakeComputed(resource.NewProperty(""))
	case v.IsArray():
		out := make([]resource.PropertyValue, len(v.ArrayValue()))
		for i, e := range v.ArrayValue() {
			out[i] = plain(e)
		}
		return resource.NewProperty(out)
	case v.IsObject():
		return resource.NewProperty(plainMap(v.ObjectValue()))
	default:
		return v
	}
}

func plainMap(m resource.PropertyMap) resource.PropertyMap {
	out := make(resource.PropertyMap, len(m))
	for k, v := range m {
		out[k] = plain(v)
	}
	return out
}

// object returns the map inside v, nil if it is something else or not known yet.
func object(v resource.PropertyValue) resource.PropertyMap {
	for v.IsSecret() {
		v = v.SecretValue().Element
	}
	if v.IsObject() {
		return v.ObjectValue()
	}
	return nil
}

// setMetadata sets one field of metadata, which stays secret as a whole if it was.
func setMetadata(inputs resource.PropertyMap, key resource.PropertyKey, value resource.PropertyValue) {
	metadata := maps.Clone(object(inputs["metadata"]))
	metadata[key] = value
	v := resource.NewProperty(metadata)
	if inputs["metadata"].IsSecret() {
		v = resource.MakeSecret(v)
	}
	inputs["metadata"] = v
}

func isAutonamed(metadata resource.PropertyMap) bool {
	v := plain(object(metadata["annotations"])[autonamedAnnotation])
	return v.IsString() && v.StringValue() == "true"
}

func text(v resource.PropertyValue) string {
	if v = plain(v); v.IsString() {
		return v.StringValue()
	}
	return ""
}

func gvkOf(inputs resource.PropertyMap) schema.GroupVersionKind {
	return schema.FromAPIVersionAndKind(text(inputs["apiVersion"]), text(inputs["kind"]))
}

func isSecretKind(gvk schema.GroupVersionKind) bool {
	return gvk.GroupKind() == schema.GroupKind{Kind: "Secret"}
}

// clusterScoped are the kinds of Kubernetes itself that live outside of namespaces.
var clusterScoped = map[schema.GroupKind]bool{
	{Kind: "Namespace"}:        true,
	{Kind: "Node"}:             true,
	{Kind: "PersistentVolume"}: true,
	{Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration"}:     true,
	{Group: "admissionregistration.k8s.io", Kind: "ValidatingAdmissionPolicy"}:        true,
	{Group: "admissionregistration.k8s.io", Kind: "ValidatingAdmissionPolicyBinding"}: true,
	{Group: "admissionregistration.k8s.io", Kind: "ValidatingWebhookConfiguration"}:   true,
	{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}:                 true,
	{Group: "apiregistration.k8s.io", Kind: "APIService"}:                             true,
	{Group: "certificates.k8s.io", Kind: "CertificateSigningRequest"}:                 true,
	{Group: "flowcontrol.apiserver.k8s.io", Kind: "FlowSchema"}:                       true,
	{Group: "flowcontrol.apiserver.k8s.io", Kind: "PriorityLevelConfiguration"}:       true,
	{Group: "networking.k8s.io", Kind: "IngressClass"}:                                true,
	{Group: "node.k8s.io", Kind: "RuntimeClass"}:                                      true,
	{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}:                         true,
	{Group: "rbac.authorization.k8s.io", Kind: "ClusterRoleBinding"}:                  true,
	{Group: "scheduling.k8s.io", Kind: "PriorityClass"}:                               true,
	{Group: "storage.k8s.io", Kind: "CSIDriver"}:                                      true,
	{Group: "storage.k8s.io", Kind: "CSINode"}:                                        true,
	{Group: "storage.k8s.io", Kind: "StorageClass"}:                                   true,
	{Group: "storage.k8s.io", Kind: "VolumeAttachment"}:                               true,
	{Group: "storage.k8s.io", Kind: "VolumeAttributesClass"}:                          true,
}

// namespaced tells whether objects of a kind live in namespaces. Kubernetes' own kinds are
// known without a cluster, so that a preview comes out the same with and without one;
// others are asked for and count as namespaced while unknown.
func (p *Provider) namespaced(gvk schema.GroupVersionKind) bool {
	builtIn := !strings.Contains(gvk.Group, ".") || strings.HasSuffix(gvk.Group, ".k8s.io")
	if clusterScoped[gvk.GroupKind()] || builtIn || p.cluster == nil {
		return !clusterScoped[gvk.GroupKind()]
	}
	mapping, err := p.cluster.mapping(gvk)
	return err != nil || mapping.Scope.Name() == meta.RESTScopeNameNamespace
}

// toObject builds the object to apply. A Secret's stringData is encoded here: the server
// would do the same, but server-side apply then never removes a key that has gone.
func toObject(inputs resource.PropertyMap) (*unstructured.Unstructured, error) {
	if inputs.ContainsUnknowns() {
		return nil, errors.New("inputs are not known yet")
	}
	fields, ok := toAny(plain(resource.NewProperty(inputs))).(map[string]any)
	if !ok {
		return nil, errors.New("inputs are not an object")
	}
	delete(fields, "status")
	obj := &unstructured.Unstructured{Object: fields}
	if obj.GetName() == "" {
		return nil, fmt.Errorf("%s: metadata.name is missing", obj.GroupVersionKind())
	}
	if stringData, found, err := unstructured.NestedStringMap(fields, "stringData"); isSecretKind(obj.GroupVersionKind()) && found {
		if err != nil {
			return nil, errors.New("stringData: want text for every key")
		}
		delete(fields, "stringData")
		for k, v := range stringData {
			encoded := base64.StdEncoding.EncodeToString([]byte(v))
			if err := unstructured.SetNestedField(fields, encoded, "data", k); err != nil {
				return nil, errors.New("data: want a map of base64 texts")
			}
		}
	}
	return obj, nil
}

// toAny converts a known value to what the API machinery works with; a field set to null
// counts as not set.
func toAny(v resource.PropertyValue) any {
	switch {
	case v.IsNumber():
		if n := v.NumberValue(); n == math.Trunc(n) {
			return int64(n)
		}
		return v.NumberValue()
	case v.IsArray():
		out := make([]any, len(v.ArrayValue()))
		for i, e := range v.ArrayValue() {
			out[i] = toAny(e)
		}
		return out
	case v.IsObject():
		out := map[string]any{}
		for k, e := range v.ObjectValue() {
			if !e.IsNull() {
				out[string(k)] = toAny(e)
			}
		}
		return out
	default:
		return v.V
	}
}

// toOutputs is the live object as the program sees it. What was secret among the inputs
// is secret again, and so is everything in a Secret.
func toOutputs(live *unstructured.Unstructured, inputs resource.PropertyMap) resource.PropertyMap {
	live = live.DeepCopy()
	unstructured.RemoveNestedField(live.Object, "metadata", "managedFields")
	outputs := resource.NewPropertyMapFromMap(live.Object)
	outputs = markSecrets(resource.NewProperty(outputs), resource.NewProperty(inputs)).ObjectValue()
	if stringData, ok := inputs["stringData"]; ok && isSecretKind(live.GroupVersionKind()) {
		outputs["stringData"] = stringData
	}
	markSecretData(outputs)
	return outputs
}

// markSecrets marks those parts of v that are marked in like.
func markSecrets(v, like resource.PropertyValue) resource.PropertyValue {
	switch {
	case like.IsSecret():
		return resource.MakeSecret(plain(v))
	case v.IsObject() && like.IsObject():
		out := v.ObjectValue().Copy()
		for k, e := range like.ObjectValue() {
			if has, ok := out[k]; ok {
				out[k] = markSecrets(has, e)
			}
		}
		return resource.NewProperty(out)
	case v.IsArray() && like.IsArray():
		out := append([]resource.PropertyValue{}, v.ArrayValue()...)
		for i, e := range like.ArrayValue() {
			if i < len(out) {
				out[i] = markSecrets(out[i], e)
			}
		}
		return resource.NewProperty(out)
	default:
		return v
	}
}

// markSecretData marks the content of a Secret, also the copy that kubectl apply keeps in
// an annotation.
func markSecretData(obj resource.PropertyMap) {
	if !isSecretKind(gvkOf(obj)) {
		return
	}
	mark := func(m resource.PropertyMap, key resource.PropertyKey) {
		if v, ok := m[key]; ok && !v.IsSecret() {
			m[key] = resource.MakeSecret(v)
		}
	}
	mark(obj, "data")
	mark(obj, "stringData")
	mark(object(object(obj["metadata"])["annotations"]), "kubectl.kubernetes.io/last-applied-configuration")
}

// redact removes secret inputs from an error: the API server quotes values that it rejects.
func redact(err error, inputs resource.PropertyMap) error {
	msg := err.Error()
	for _, secret := range secretTexts(resource.NewProperty(inputs), false) {
		for _, s := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))} {
			msg = strings.ReplaceAll(msg, s, "[secret]")
			msg = strings.ReplaceAll(msg, strings.Trim(strconv.Quote(s), `"`), "[secret]")
		}
	}
	if msg == err.Error() {
		return err
	}
	return errors.New(msg)
}

// secretTexts collects the texts under secret marks; inside tells that v is under one.
// Texts too short to be secrets would only garble messages.
func secretTexts(v resource.PropertyValue, inside bool) []string {
	var texts []string
	switch {
	case v.IsSecret():
		return secretTexts(v.SecretValue().Element, true)
	case v.IsString() && inside && len(v.StringValue()) >= 4:
		texts = append(texts, v.StringValue())
	case v.IsArray():
		for _, e := range v.ArrayValue() {
			texts = append(texts, secretTexts(e, inside)...)
		}
	case v.IsObject():
		for _, e := range v.ObjectValue() {
			texts = append(texts, secretTexts(e, inside)...)
		}
	}
	return texts
}

// idOf is namespace/name, or name alone outside of namespaces, as in the official provider.
func idOf(obj *unstructured.Unstructured) resource.ID {
	if ns := obj.GetNamespace(); ns != "" {
		return resource.ID(ns + "/" + obj.GetName())
	}
	return resource.ID(obj.GetName())
}

// reference builds the reference to an existing object from its ID; its kind comes from
// the inputs or, on import, from the resource type (kubernetes:apps/v1:StatefulSet).
func reference(id resource.ID, typ tokens.Type, inputs resource.PropertyMap) (*unstructured.Unstructured, error) {
	gvk := gvkOf(inputs)
	if gvk.Empty() {
		version := strings.TrimPrefix(string(typ.Module().Name()), "core/")
		gvk = schema.FromAPIVersionAndKind(version, string(typ.Name()))
	}
	ns, name, found := strings.Cut(string(id), "/")
	if !found {
		ns, name = "", string(id)
	}
	if name == "" || strings.Contains(name, "/") {
		return nil, fmt.Errorf("id %q: want namespace/name, or name for kinds outside of namespaces", id)
	}
	ref := &unstructured.Unstructured{Object: map[string]any{}}
	ref.SetGroupVersionKind(gvk)
	ref.SetNamespace(ns)
	ref.SetName(name)
	// The annotations that steer an operation travel with the reference.
	for k, v := range object(object(inputs["metadata"])["annotations"]) {
		if s := text(v); strings.HasPrefix(string(k), "pulumi.com/") && s != "" {
			_ = unstructured.SetNestedField(ref.Object, s, "metadata", "annotations", string(k))
		}
	}
	return ref, nil
}

func describe(obj *unstructured.Unstructured) string {
	return fmt.Sprintf("%s %s", obj.GetKind(), idOf(obj))
}

func annotated(obj *unstructured.Unstructured, annotation string) bool {
	return strings.EqualFold(obj.GetAnnotations()[annotation], "true")
}

// timeoutFor is the time an operation may take: the resource's custom timeout, else the
// object's annotation, else the default.
func timeoutFor(obj *unstructured.Unstructured, customSeconds float64) time.Duration {
	if customSeconds > 0 {
		return time.Duration(customSeconds * float64(time.Second))
	}
	if s, err := strconv.Atoi(obj.GetAnnotations()[timeoutAnnotation]); err == nil && s > 0 {
		return time.Duration(s) * time.Second
	}
	return defaultTimeout
}
