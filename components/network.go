package components

import (
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// service creates a Service of the app. A headless one lists pods that are not ready, too.
// The update does not wait for its endpoints: it waits for the workload behind it, whose
// timeout is configured.
func (a app) service(suffix, name string, headless bool, ports ...port) error {
	metadata := a.metadata(name)
	metadata.Annotations = pulumi.StringMap{"pulumi.com/skipAwait": pulumi.String("true")}
	spec := &corev1.ServiceSpecArgs{Selector: a.selector(), Type: pulumi.String("ClusterIP")}
	if headless {
		spec.ClusterIP = pulumi.String("None")
		spec.PublishNotReadyAddresses = pulumi.Bool(true)
	} else {
		// Replicas answer slightly differently; a graph that alternates between them flickers.
		spec.SessionAffinity = pulumi.String("ClientIP")
	}
	var array corev1.ServicePortArray
	for _, p := range ports {
		array = append(array, &corev1.ServicePortArgs{Name: pulumi.String(p.name), Port: pulumi.Int(p.number), Protocol: pulumi.String(p.protocol), TargetPort: pulumi.String(p.name)})
	}
	spec.Ports = array
	_, err := create(a, suffix, corev1.NewService, &corev1.ServiceArgs{Metadata: metadata, Spec: spec})
	return err
}

// ingressRule allows connections to ports of an app.
type ingressRule struct {
	ports []port
	from  []string // names of apps of this stack
	webUI bool     // also from the namespaces in cluster.networkPolicies.fromNamespaces

	namespaces []string // others from which it is allowed
}

// withScraper returns the names of apps, and the one of Prometheus if the stack has it: it scrapes every
// app.
func (a app) withScraper(apps ...string) []string {
	if a.Stack.Config.HasPrometheus() {
		apps = append(apps, render.Prometheus.Name)
	}
	return apps
}

// networkPolicy creates the app's NetworkPolicy, unless the stack turns policies off. It
// rejects every connection to the app that no rule allows.
func (a app) networkPolicy(rules ...ingressRule) error {
	policies := a.Stack.Config.Cluster.NetworkPolicies
	if !policies.Enabled {
		return nil
	}
	var ingress networkingv1.NetworkPolicyIngressRuleArray
	for _, rule := range rules {
		var peers networkingv1.NetworkPolicyPeerArray
		for _, name := range rule.from {
			peers = append(peers, &networkingv1.NetworkPolicyPeerArgs{PodSelector: &metav1.LabelSelectorArgs{
				MatchLabels: pulumi.StringMap{
					"app.kubernetes.io/name":     pulumi.String(name),
					"app.kubernetes.io/instance": pulumi.String(a.Stack.Config.Cluster.Namespace),
				},
			}})
		}
		namespaces := slices.Clone(rule.namespaces)
		if rule.webUI {
			namespaces = append(namespaces, policies.FromNamespaces...)
		}
		for i, namespace := range namespaces {
			if slices.Contains(namespaces[:i], namespace) {
				continue
			}
			peers = append(peers, &networkingv1.NetworkPolicyPeerArgs{NamespaceSelector: &metav1.LabelSelectorArgs{
				MatchLabels: pulumi.StringMap{"kubernetes.io/metadata.name": pulumi.String(namespace)},
			}})
		}
		var ports networkingv1.NetworkPolicyPortArray
		for _, p := range rule.ports {
			ports = append(ports, &networkingv1.NetworkPolicyPortArgs{Port: pulumi.String(p.name), Protocol: pulumi.String(p.protocol)})
		}
		if len(peers) > 0 { // a rule without peers would allow everyone
			ingress = append(ingress, &networkingv1.NetworkPolicyIngressRuleArgs{From: peers, Ports: ports})
		}
	}
	_, err := create(a, "network", networkingv1.NewNetworkPolicy, &networkingv1.NetworkPolicyArgs{
		Metadata: a.metadata(a.objectName()),
		Spec: &networkingv1.NetworkPolicySpecArgs{
			PodSelector: &metav1.LabelSelectorArgs{MatchLabels: a.selector()},
			PolicyTypes: pulumi.ToStringArray([]string{"Ingress"}),
			Ingress:     ingress,
		},
	})
	return err
}
