// Package components holds the parts of the monitoring system, each a Pulumi
// ComponentResource that owns its Kubernetes objects.
package components

import (
	"fmt"

	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// Site is where components put their objects.
type Site struct {
	Config    *config.Config
	Namespace pulumi.StringInput // of every namespaced object; exists once this resolves
}

// register makes c a component of this project: kubernetes-prometheus:components:<kind>.
func register(ctx *pulumi.Context, kind, name string, c pulumi.ComponentResource, opts ...pulumi.ResourceOption) error {
	if err := ctx.RegisterComponentResourceV2(config.Project+":components:"+kind, name, nil, c, opts...); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// app is one deployed program: what its objects are called and labelled.
type app struct {
	site  Site
	name  string       // app.kubernetes.io/name, and the name of its objects
	role  string       // app.kubernetes.io/component
	image config.Image // empty for an app that runs nothing
}

// selector identifies the app's pods. It never changes: selectors are immutable.
func (a app) selector() pulumi.StringMap {
	return pulumi.StringMap{
		"app.kubernetes.io/name":      pulumi.String(a.name),
		"app.kubernetes.io/instance":  pulumi.String(a.site.Config.Cluster.Namespace),
		"app.kubernetes.io/component": pulumi.String(a.role),
	}
}

func (a app) labels() pulumi.StringMap {
	labels := a.selector()
	labels["app.kubernetes.io/part-of"] = pulumi.String(config.Project)
	labels["app.kubernetes.io/managed-by"] = pulumi.String("pulumi")
	if version := a.site.Config.Images.Version(a.image); version != "" {
		labels["app.kubernetes.io/version"] = pulumi.String(version)
	}
	return labels
}

// metadata is that of a namespaced object.
func (a app) metadata(name string) *metav1.ObjectMetaArgs {
	return &metav1.ObjectMetaArgs{
		Name:      pulumi.String(name),
		Namespace: a.site.Namespace,
		Labels:    a.labels(),
	}
}

// clusterMetadata is that of a cluster-scoped object. The namespace in its name
// keeps two stacks on one cluster apart.
func (a app) clusterMetadata(name string) *metav1.ObjectMetaArgs {
	return &metav1.ObjectMetaArgs{
		Name:   pulumi.String(a.site.Config.Cluster.Namespace + "-" + name),
		Labels: a.labels(),
	}
}
