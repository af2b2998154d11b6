// Package tests runs the program and its components under Pulumi's mocks and
// looks at what they register: unit tests of each component, and invariants
// that hold for every stack. Its folder e2e has the tests on a real node.
package tests

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	kjson "sigs.k8s.io/json"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// Resource is one resource that a program registered.
type Resource struct {
	Type    string // such as kubernetes:apps/v1:StatefulSet
	Name    string
	Parent  string // name of the parent resource
	Protect bool
	Depends []string // URNs
	Hooks   []string // before-update hooks
	Create  string   // timeout
	// DeleteBeforeReplace ends the old object before there is a new one.
	DeleteBeforeReplace bool
	// Inputs as plain values; Secrets says which of them, by path, are secret.
	Inputs  resource.PropertyMap
	Secrets []string
	// Object is the Kubernetes object, nil for providers and components.
	Object runtime.Object
}

// Snapshot is everything that a program registered.
type Snapshot []Resource

// Stack runs a program with the config of a stack and returns what it
// registered. The test fails unless the program succeeds and each Kubernetes
// object has only the fields of its type.
func Stack(t testing.TB, program func(*pulumi.Context, *config.Config) error, cfg *config.Config) Snapshot {
	t.Helper()
	r := &recorder{}
	require.NoError(t, r.run(t, func(ctx *pulumi.Context) error { return program(ctx, cfg) }))
	return r.snapshot(t)
}

// Component runs one component on a site of cfg.
func Component(t testing.TB, cfg *config.Config, component func(*pulumi.Context, components.Site) error) Snapshot {
	t.Helper()
	r := &recorder{}
	require.NoError(t, r.run(t, func(ctx *pulumi.Context) error {
		return component(ctx, components.Site{Config: cfg, Namespace: pulumi.String(cfg.Cluster.Namespace)})
	}))
	return r.snapshot(t)
}

// Fails runs one component and returns the error it must end with.
func Fails(t testing.TB, cfg *config.Config, component func(*pulumi.Context, components.Site) error) error {
	t.Helper()
	var err error
	_ = (&recorder{}).run(t, func(ctx *pulumi.Context) error {
		err = component(ctx, components.Site{Config: cfg, Namespace: pulumi.String(cfg.Cluster.Namespace)})
		return err
	})
	require.Error(t, err)
	return err
}

// Get returns the one object of type T called name.
func Get[T metav1.Object](t require.TestingT, s Snapshot, name string) T {
	var found []T
	for _, object := range All[T](s) {
		if object.GetName() == name {
			found = append(found, object)
		}
	}
	require.Len(t, found, 1, "objects %T called %s", *new(T), name)
	return found[0]
}

// All returns the objects of type T.
func All[T metav1.Object](s Snapshot) []T {
	var found []T
	for _, r := range s {
		if object, ok := r.Object.(T); ok {
			found = append(found, object)
		}
	}
	return found
}

// Of returns the resource of an object.
func (s Snapshot) Of(object any) Resource {
	i := slices.IndexFunc(s, func(r Resource) bool { return any(r.Object) == object })
	return s[i]
}

func (r *recorder) snapshot(t testing.TB) Snapshot {
	t.Helper()
	seen := map[string]bool{}
	var s Snapshot
	for _, rpc := range r.registered {
		id := rpc.Type + " " + rpc.Name
		require.False(t, seen[id], "registered twice: %s", id)
		seen[id] = true
		inputs, err := plugin.UnmarshalProperties(rpc.Object, keepSecrets)
		require.NoError(t, err)
		res := Resource{
			Type:    rpc.Type,
			Name:    rpc.Name,
			Parent:  rpc.Parent[strings.LastIndex(rpc.Parent, ":")+1:],
			Protect: rpc.GetProtect(),
			Depends: rpc.Dependencies,
			Hooks:   rpc.GetHooks().GetBeforeUpdate(),
			Create:  rpc.GetCustomTimeouts().GetCreate(),

			DeleteBeforeReplace: rpc.GetDeleteBeforeReplace(),
		}
		plain := reveal(resource.NewProperty(inputs), "", &res.Secrets)
		res.Inputs = plain.ObjectValue()
		if kubernetes, ok := strings.CutPrefix(rpc.Type, "kubernetes:"); ok {
			res.Object = decode(t, kubernetes, res.Inputs)
		}
		s = append(s, res)
	}
	slices.SortFunc(s, func(a, b Resource) int { return strings.Compare(a.Type+a.Name, b.Type+b.Name) })
	return s
}

// reveal strips secrets and outputs and notes the paths that were secret.
func reveal(value resource.PropertyValue, path string, secrets *[]string) resource.PropertyValue {
	switch {
	case value.IsSecret():
		*secrets = append(*secrets, path)
		return reveal(value.SecretValue().Element, path, secrets)
	case value.IsOutput():
		return reveal(value.OutputValue().Element, path, secrets)
	case value.IsArray():
		var array []resource.PropertyValue
		for i, element := range value.ArrayValue() {
			array = append(array, reveal(element, fmt.Sprintf("%s[%d]", path, i), secrets))
		}
		return resource.NewProperty(array)
	case value.IsObject():
		object := resource.PropertyMap{}
		for key, element := range value.ObjectValue() {
			object[key] = reveal(element, strings.TrimPrefix(path+"."+string(key), "."), secrets)
		}
		return resource.NewProperty(object)
	}
	return value
}

// decode makes a Kubernetes object of a resource's inputs and refuses fields
// that its type does not have.
func decode(t testing.TB, token string, inputs resource.PropertyMap) runtime.Object {
	t.Helper()
	groupVersion, kind, ok := strings.Cut(token, ":")
	require.True(t, ok, token)
	gv, err := schema.ParseGroupVersion(strings.TrimPrefix(groupVersion, "core/"))
	require.NoError(t, err)
	if !strings.HasPrefix(groupVersion, "core/") {
		version, ok := inputs["apiVersion"]
		require.True(t, ok, "%s has no apiVersion", token)
		gv, err = schema.ParseGroupVersion(version.StringValue())
		require.NoError(t, err)
	}
	object, err := scheme.Scheme.New(gv.WithKind(kind))
	require.NoError(t, err, token)
	text, err := json.Marshal(inputs.Mappable())
	require.NoError(t, err)
	strict, err := kjson.UnmarshalStrict(text, object)
	require.NoError(t, err, token)
	require.Empty(t, strict, "%s has fields that Kubernetes does not know", token)
	_, err = meta.Accessor(object)
	require.NoError(t, err)
	return object
}
