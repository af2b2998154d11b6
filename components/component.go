// Package components deploys the parts of the monitoring system. Each part is a Pulumi
// ComponentResource that owns its Kubernetes objects.
package components

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"

	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// Site is the stack that the components deploy, and the namespace that they deploy it to.
type Site struct {
	Stack     *render.Stack
	Namespace pulumi.StringInput // of every namespaced object; exists once this resolves
}

// site returns s, which makes arguments that embed a Site implement the interface arguments.
func (s Site) site() Site { return s }

// check rejects a Site with an empty field.
func (s Site) check() error {
	if s.Stack == nil || s.Namespace == nil {
		return errors.New("Site needs a Stack and a Namespace")
	}
	return nil
}

// app holds what the objects of a component's program have in common: their names, labels and
// parent.
type app struct {
	Site
	ctx       *pulumi.Context
	component pulumi.ComponentResource // parent of the objects
	prefix    string                   // of the objects' resource names: the component's name

	name   string       // app.kubernetes.io/name, and the name of most of its objects unless object is set
	object string       // name of most of its objects, where several apps of a stack have one name
	role   string       // app.kubernetes.io/component
	image  config.Image // empty if the component runs no pods
	os     string       // of the nodes of its pods; empty for Linux

	account config.ServiceAccount // what the stack sets of the account that its pods run as
}

// arguments is implemented by the arguments of every component.
type arguments interface {
	site() Site
	check() error       // rejects arguments that the component cannot be built from
	inputs() pulumi.Map // inputs of the component in the state, for people to read
}

// construct checks args and registers c as a component of this project, of type
// kubernetes-prometheus:components:<kind>. deploy then creates the component's objects and
// returns its outputs; it gets a with the fields that construct fills in. Errors start with
// the component's name.
func construct[C pulumi.ComponentResource](ctx *pulumi.Context, kind, name string, c C, args arguments, opts []pulumi.ResourceOption,
	a app, deploy func(a app) (pulumi.Map, error),
) (C, error) {
	fail := func(err error) (C, error) {
		var none C
		return none, fmt.Errorf("%s: %w", name, err)
	}
	if reflect.ValueOf(args).IsNil() {
		return fail(errors.New("args must not be nil"))
	}
	if err := args.check(); err != nil {
		return fail(err)
	}
	if err := ctx.RegisterComponentResourceV2(config.Project+":components:"+kind, name, args.inputs(), c, opts...); err != nil {
		return fail(err)
	}
	a.Site, a.ctx, a.component, a.prefix = args.site(), ctx, c, name
	outputs, err := deploy(a)
	if err != nil {
		return fail(err)
	}
	if err := ctx.RegisterResourceOutputs(c, outputs); err != nil {
		return fail(err)
	}
	return c, nil
}

// create creates an object as a child of the component. Its resource name is the
// component's name, a hyphen and suffix; object is its constructor in the SDK.
func create[Args, Resource any](a app, suffix string, object func(*pulumi.Context, string, *Args, ...pulumi.ResourceOption) (*Resource, error),
	args *Args, opts ...pulumi.ResourceOption,
) (*Resource, error) {
	return object(a.ctx, a.prefix+"-"+suffix, args, append(opts, pulumi.Parent(a.component), transformed(a.Stack.Config.Transforms))...)
}

// selector returns the labels that select the app's pods. They never change: the selectors
// of Deployments, StatefulSets and DaemonSets are immutable.
func (a app) selector() pulumi.StringMap {
	return pulumi.StringMap{
		"app.kubernetes.io/name":      pulumi.String(a.name),
		"app.kubernetes.io/instance":  pulumi.String(a.Stack.Config.Cluster.Namespace),
		"app.kubernetes.io/component": pulumi.String(a.role),
	}
}

// labels returns the labels of the app's objects: the selector's and those that describe it.
// https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
func (a app) labels() pulumi.StringMap {
	labels := a.selector()
	labels["app.kubernetes.io/part-of"] = pulumi.String(config.Project)
	labels["app.kubernetes.io/managed-by"] = pulumi.String("pulumi")
	if version := a.Stack.Config.Images.Version(a.image); version != "" {
		labels["app.kubernetes.io/version"] = pulumi.String(version)
	}
	return labels
}

// objectName returns the name of most of the app's objects.
func (a app) objectName() string { return cmp.Or(a.object, a.name) }

// metadata returns the metadata of a namespaced object of the app.
func (a app) metadata(name string) *metav1.ObjectMetaArgs {
	return &metav1.ObjectMetaArgs{
		Name:      pulumi.String(name),
		Namespace: a.Namespace,
		Labels:    a.labels(),
	}
}

// workloadMetadata returns the metadata of the app's Deployment, StatefulSet or DaemonSet.
// It has the version of this program as a label. Its pods do not: a new version alone
// restarts nothing.
func (a app) workloadMetadata() *metav1.ObjectMetaArgs {
	labels := a.labels()
	labels[config.VersionLabel] = pulumi.String(config.Version)
	metadata := a.metadata(a.objectName())
	metadata.Labels = labels
	return metadata
}

// clusterMetadata returns the metadata of a cluster-scoped object of the app. Its name
// starts with the namespace, so that two stacks on one cluster do not share it.
func (a app) clusterMetadata(name string) *metav1.ObjectMetaArgs {
	return &metav1.ObjectMetaArgs{
		Name:   pulumi.String(a.Stack.Config.Cluster.Namespace + "-" + name),
		Labels: a.labels(),
	}
}
