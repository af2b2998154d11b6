package render

import (
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// HTTPRouteSpec returns the HTTPRoute that leads from access to a port of a Service. It removes the
// path of access from requests, unless an oauth2-proxy does: https://gateway-api.sigs.k8s.io/api-types/httproute/
func HTTPRouteSpec(access config.Access, service string, port int) gatewayv1.HTTPRouteSpec {
	filters := access.HTTPRoute.Filters
	if access.Path != "/" && !access.Proxied() {
		filters = append([]gatewayv1.HTTPRouteFilter{{
			Type: gatewayv1.HTTPRouteFilterURLRewrite,
			URLRewrite: &gatewayv1.HTTPURLRewriteFilter{Path: &gatewayv1.HTTPPathModifier{
				Type:               gatewayv1.PrefixMatchHTTPPathModifier,
				ReplacePrefixMatch: new("/"),
			}},
		}}, filters...)
	}
	var backend gatewayv1.HTTPBackendRef
	backend.Name, backend.Port = gatewayv1.ObjectName(service), new(gatewayv1.PortNumber(port))
	return gatewayv1.HTTPRouteSpec{
		CommonRouteSpec: gatewayv1.CommonRouteSpec{ParentRefs: access.HTTPRoute.ParentRefs},
		Hostnames:       []gatewayv1.Hostname{gatewayv1.Hostname(access.Host)},
		Rules: []gatewayv1.HTTPRouteRule{{
			Matches: []gatewayv1.HTTPRouteMatch{{Path: &gatewayv1.HTTPPathMatch{
				Type:  new(gatewayv1.PathMatchPathPrefix),
				Value: &access.Path,
			}}},
			Filters:     filters,
			BackendRefs: []gatewayv1.HTTPBackendRef{backend},
		}},
	}
}
