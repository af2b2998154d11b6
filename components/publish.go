package components

import (
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// publish creates the Ingress or HTTPRoute, and the Certificate, with which people reach a port of the app's
// Service from outside of the cluster, if access says so. Of a UI with an oauth2-proxy, only that one is
// published.
func (a app) publish(access config.Access, web port) error {
	switch {
	case access.Proxied() && a.name != render.OAuth2ProxyName:
		return nil
	case access.Ingress != nil:
		return a.ingress(access, web)
	case access.HTTPRoute != nil:
		return a.httpRoute(access, web)
	}
	return nil
}

// webUI returns the rule that admits to the port of a web UI the apps called from, those in namespaces, and what
// publishes it: its oauth2-proxy, or else the controller or gateway and cluster.networkPolicies.fromNamespaces.
func webUI(access config.Access, web port, from, namespaces []string) ingressRule {
	if access.Proxied() {
		from = append(from, render.OAuth2ProxyName)
	} else {
		namespaces = append(namespaces, access.FromNamespaces...)
	}
	return ingressRule{ports: []port{web}, from: from, webUI: !access.Proxied(), namespaces: namespaces}
}

func (a app) ingress(access config.Access, web port) error {
	cfg := access.Ingress
	metadata := a.metadata(a.objectName())
	annotations := pulumi.ToStringMap(cfg.Annotations)
	// Many controllers never set the load balancer address that Pulumi would wait for.
	annotations["pulumi.com/skipAwait"] = pulumi.String("true")
	metadata.Annotations = annotations
	spec := &networkingv1.IngressSpecArgs{
		Rules: networkingv1.IngressRuleArray{&networkingv1.IngressRuleArgs{
			Host: pulumi.String(access.Host),
			Http: &networkingv1.HTTPIngressRuleValueArgs{Paths: networkingv1.HTTPIngressPathArray{&networkingv1.HTTPIngressPathArgs{
				Path:     pulumi.String(access.Path),
				PathType: pulumi.String("Prefix"),
				Backend: &networkingv1.IngressBackendArgs{Service: &networkingv1.IngressServiceBackendArgs{
					Name: pulumi.String(a.objectName()),
					Port: &networkingv1.ServiceBackendPortArgs{Name: pulumi.String(web.name)},
				}},
			}}},
		}},
	}
	if cfg.ClassName != "" {
		spec.IngressClassName = pulumi.String(cfg.ClassName)
	}
	if secret := cfg.TLS.SecretName; secret != "" {
		spec.Tls = networkingv1.IngressTLSArray{&networkingv1.IngressTLSArgs{
			Hosts:      pulumi.ToStringArray([]string{access.Host}),
			SecretName: pulumi.String(secret),
		}}
		if cfg.TLS.IssuerRef.Name != "" {
			if err := a.certificate(cfg.TLS.IssuerRef, secret, []string{access.Host}, "server auth"); err != nil {
				return err
			}
		}
	}
	_, err := create(a, "ingress", networkingv1.NewIngress, &networkingv1.IngressArgs{Metadata: metadata, Spec: spec})
	return err
}

func (a app) httpRoute(access config.Access, web port) error {
	metadata := a.metadata(a.objectName())
	annotations := pulumi.ToStringMap(access.HTTPRoute.Annotations)
	// Its status is the gateway's to set, which may be created later.
	annotations["pulumi.com/skipAwait"] = pulumi.String("true")
	metadata.Annotations = annotations
	return a.customResource("http-route", "gateway.networking.k8s.io/v1", "HTTPRoute", metadata, render.HTTPRouteSpec(access, a.objectName(), web.number))
}
