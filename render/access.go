package render

import (
	"cmp"
	"log/slog"
	"maps"
	"slices"

	prometheus "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/kubernetes"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// Grant is the right to list and watch resources.
type Grant struct {
	Namespace string // empty: in every namespace, and what is in none
	Group     string // API group
	Resources []string
}

// Access returns what the server's service discovery has to list and watch, of
// the enabled jobs and the stack's own, sorted by namespace and group.
func Access(cfg *config.Config) ([]Grant, error) {
	text, err := Prometheus(cfg)
	if err != nil {
		return nil, err
	}
	file, err := prometheus.Load(text, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	var discoveries discovery.Configs
	for _, job := range file.ScrapeConfigs {
		discoveries = append(discoveries, job.ServiceDiscoveryConfigs...)
	}
	for _, alertmanagers := range file.AlertingConfig.AlertmanagerConfigs {
		discoveries = append(discoveries, alertmanagers.ServiceDiscoveryConfigs...)
	}

	everywhere := map[resource]bool{}
	namespaced := map[string]map[resource]bool{}
	for _, d := range discoveries {
		sd, ok := d.(*kubernetes.SDConfig)
		if !ok || sd.APIServer.URL != nil || sd.KubeConfig != "" { // not this cluster
			continue
		}
		namespaces := slices.Clone(sd.NamespaceDiscovery.Names)
		if sd.NamespaceDiscovery.IncludeOwnNamespace {
			namespaces = append(namespaces, cfg.Cluster.Namespace)
		}
		for _, r := range listed(sd) {
			if len(namespaces) == 0 || r.clusterScoped() {
				everywhere[r] = true
				continue
			}
			for _, namespace := range namespaces {
				if namespaced[namespace] == nil {
					namespaced[namespace] = map[resource]bool{}
				}
				namespaced[namespace][r] = true
			}
		}
	}
	grants := grant("", everywhere)
	for _, namespace := range slices.Sorted(maps.Keys(namespaced)) {
		maps.DeleteFunc(namespaced[namespace], func(r resource, _ bool) bool { return everywhere[r] })
		grants = append(grants, grant(namespace, namespaced[namespace])...)
	}
	return grants, nil
}

// resource is a kind of object, by its plural.
type resource struct{ group, name string }

func (r resource) clusterScoped() bool { return r.name == "nodes" || r.name == "namespaces" }

// listed are the resources that a service discovery lists and watches.
// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#kubernetes_sd_config
func listed(sd *kubernetes.SDConfig) []resource {
	pods, services := resource{"", "pods"}, resource{"", "services"}
	var resources []resource
	switch sd.Role {
	case kubernetes.RoleNode:
		resources = []resource{{"", "nodes"}}
	case kubernetes.RolePod:
		resources = []resource{pods}
	case kubernetes.RoleService:
		resources = []resource{services}
	case kubernetes.RoleEndpoint:
		resources = []resource{{"", "endpoints"}, pods, services}
	case kubernetes.RoleEndpointSlice:
		resources = []resource{{"discovery.k8s.io", "endpointslices"}, pods, services}
	case kubernetes.RoleIngress:
		resources = []resource{{"networking.k8s.io", "ingresses"}}
	}
	attach := func(wanted bool, group, name string) {
		if wanted {
			resources = append(resources, resource{group, name})
		}
	}
	attach(sd.AttachMetadata.Node, "", "nodes")
	attach(sd.AttachMetadata.Namespace, "", "namespaces")
	attach(sd.AttachMetadata.Deployment, "apps", "replicasets")
	attach(sd.AttachMetadata.Job || sd.AttachMetadata.CronJob, "batch", "jobs")
	return resources
}

// grant groups resources by API group.
func grant(namespace string, resources map[resource]bool) []Grant {
	var grants []Grant
	sorted := slices.SortedFunc(maps.Keys(resources), func(a, b resource) int {
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.name, b.name))
	})
	for _, r := range sorted {
		if last := len(grants) - 1; last < 0 || grants[last].Group != r.group {
			grants = append(grants, Grant{Namespace: namespace, Group: r.group})
		}
		last := &grants[len(grants)-1]
		last.Resources = append(last.Resources, r.name)
	}
	return grants
}
