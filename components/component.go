// Package components holds the parts of the monitoring system, each a Pulumi
// ComponentResource that owns its Kubernetes objects.
package components

import (
	"errors"
	"fmt"
	"reflect"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// Site is what components deploy, and where.
type Site struct {
	Stack     *render.Stack
	Namespace pulumi.StringInput // of every namespaced object; exists once this resolves
}

func (s Site) site() Site { return s }

func (s Site) check() error {
	if s.Stack == nil || s.Namespace == nil {
		return errors.New("Site needs a Stack and a Namespace")
	}
	return nil
}

// app is one program of a component: what its objects are called and labelled, and whose
// children they are.
type app struct {
	Site
	ctx       *pulumi.Context
	component pulumi.ComponentResource // parent of the objects
	prefix    string                   // of the objects' resource names

	name  string       // app.kubernetes.io/name, and the name of its objects
	role  string       // app.kubernetes.io/component
	image config.Image // empty for an app that runs nothing
}

// arguments are a component's arguments.
type arguments interface {
	site() Site
	check() error
	inputs() pulumi.Map // what people see in the component's state
}

// construct checks args and registers c as a component of this project, of type
// kubernetes-prometheus:components:<kind>. deploy creates its objects and returns its
// outputs. Errors name the component.
func construct(ctx *pulumi.Context, kind, name string, c pulumi.ComponentResource, args arguments, opts []pulumi.ResourceOption,
	a app, deploy func(a app) (pulumi.Map, error),
) error {
	wrap := func(err error) error { return fmt.Errorf("%s: %w", name, err) }
	if reflect.ValueOf(args).IsNil() {
		return wrap(errors.New("needs arguments"))
	}
	if err := args.check(); err != nil {
		return wrap(err)
	}
	if err := ctx.RegisterComponentResourceV2(config.Project+":components:"+kind, name, args.inputs(), c, opts...); err != nil {
		return wrap(err)
	}
	a.Site, a.ctx, a.component, a.prefix = args.site(), ctx, c, name
	outputs, err := deploy(a)
	if err != nil {
		return wrap(err)
	}
	if err := ctx.RegisterResourceOutputs(c, outputs); err != nil {
		return wrap(err)
	}
	return nil
}

// create creates an object of the component: a child whose resource name is the
// component's with the suffix.
func create[Args, Resource any](a app, suffix string, object func(*pulumi.Context, string, *Args, ...pulumi.ResourceOption) (*Resource, error),
	args *Args, opts ...pulumi.ResourceOption,
) (*Resource, error) {
	return object(a.ctx, a.prefix+"-"+suffix, args, append(opts, pulumi.Parent(a.component))...)
}

// selector identifies the app's pods. It never changes: selectors are immutable.
func (a app) selector() pulumi.StringMap {
	return pulumi.StringMap{
		"app.kubernetes.io/name":      pulumi.String(a.name),
		"app.kubernetes.io/instance":  pulumi.String(a.Stack.Config.Cluster.Namespace),
		"app.kubernetes.io/component": pulumi.String(a.role),
	}
}

func (a app) labels() pulumi.StringMap {
	labels := a.selector()
	labels["app.kubernetes.io/part-of"] = pulumi.String(config.Project)
	labels["app.kubernetes.io/managed-by"] = pulumi.String("pulumi")
	if version := a.Stack.Config.Images.Version(a.image); version != "" {
		labels["app.kubernetes.io/version"] = pulumi.String(version)
	}
	return labels
}

// metadata returns the metadata of a namespaced object.
func (a app) metadata(name string) *metav1.ObjectMetaArgs {
	return &metav1.ObjectMetaArgs{
		Name:      pulumi.String(name),
		Namespace: a.Namespace,
		Labels:    a.labels(),
	}
}

// workload returns the metadata of the app's workload, which has the version of this
// program as a label. Its pods do not have it: a new version alone restarts nothing.
func (a app) workload() *metav1.ObjectMetaArgs {
	metadata := a.metadata(a.name)
	labels := a.labels()
	labels[config.VersionLabel] = pulumi.String(config.Version)
	metadata.Labels = labels
	return metadata
}

// clusterMetadata returns the metadata of a cluster-scoped object. The namespace in its
// name keeps two stacks on one cluster apart.
func (a app) clusterMetadata(name string) *metav1.ObjectMetaArgs {
	return &metav1.ObjectMetaArgs{
		Name:   pulumi.String(a.Stack.Config.Cluster.Namespace + "-" + name),
		Labels: a.labels(),
	}
}

// configMap creates a rendered ConfigMap.
func (a app) configMap(suffix string, configMap render.ConfigMap, opts ...pulumi.ResourceOption) (*corev1.ConfigMap, error) {
	return create(a, suffix, corev1.NewConfigMap, &corev1.ConfigMapArgs{
		Metadata: a.metadata(configMap.Name),
		Data:     pulumi.ToStringMap(configMap.Files),
	}, opts...)
}
