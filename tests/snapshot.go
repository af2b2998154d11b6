package tests

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	autoscalingv1 "k8s.io/autoscaler/vertical-pod-autoscaler/pkg/apis/autoscaling.k8s.io/v1"
	"k8s.io/client-go/kubernetes/scheme"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	kjson "sigs.k8s.io/json"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/offline"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// Resource is one resource that a program registered.
type Resource struct {
	offline.Resource
	// Object is the decoded Kubernetes object; nil for providers and components.
	Object runtime.Object
}

// Snapshot lists everything that a program registered, in order.
type Snapshot []Resource

// Program deploys a rendered stack.
type Program func(*pulumi.Context, *render.Stack) error

// Deploy runs a program with the config of a stack and returns what it registered. The test
// fails unless the program succeeds and each Kubernetes object has only the fields of its
// type.
func Deploy(t testing.TB, program Program, cfg *config.Config) Snapshot {
	t.Helper()
	stack, err := render.New(cfg)
	require.NoError(t, err)
	recorder, err := Run(func(ctx *pulumi.Context) error { return program(ctx, stack) })
	require.NoError(t, err)
	return recorder.Snapshot(t)
}

// Component deploys one component of a stack with cfg and returns what it registered.
func Component(t testing.TB, cfg *config.Config, component func(*pulumi.Context, components.Site) error) Snapshot {
	t.Helper()
	return Deploy(t, func(ctx *pulumi.Context, stack *render.Stack) error { return component(ctx, site(stack)) }, cfg)
}

// site returns the site on which a component is deployed alone.
func site(stack *render.Stack) components.Site {
	return components.Site{Stack: stack, Namespace: pulumi.String(stack.Config.Cluster.Namespace)}
}

// Get returns the object of type T called name. The test fails unless there is exactly one.
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

// Of returns the resource of an object in the snapshot; it panics if there is none.
func (s Snapshot) Of(object any) Resource {
	i := slices.IndexFunc(s, func(r Resource) bool { return any(r.Object) == object })
	return s[i]
}

// snapshot returns resources with the Kubernetes objects among them decoded.
func snapshot(t testing.TB, resources []offline.Resource) Snapshot {
	t.Helper()
	var s Snapshot
	for _, r := range resources {
		res := Resource{Resource: r}
		if kubernetes, ok := strings.CutPrefix(r.Type, "kubernetes:"); ok {
			res.Object = decode(t, kubernetes, r.Inputs)
		}
		s = append(s, res)
	}
	return s
}

// objects has the types of all objects that stacks deploy: those of Kubernetes, its autoscaler, cert-manager and
// the Gateway API.
var objects = scheme.Scheme

func init() {
	utilruntime.Must(certmanagerv1.AddToScheme(objects))
	utilruntime.Must(autoscalingv1.AddToScheme(objects))
	utilruntime.Must(gatewayv1.Install(objects))
}

// decode decodes the inputs of a resource into a Kubernetes object. The test fails on fields that
// the object's type does not have. token is the resource's type, without "kubernetes:".
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
	object, err := objects.New(gv.WithKind(kind))
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
