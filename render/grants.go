package render

import (
	"cmp"
	"maps"
	"slices"

	prometheus "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/kubernetes"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// Grant is a right of Prometheus' ServiceAccount, either to Resources or to URLs.
type Grant struct {
	Namespace string // empty for the whole cluster
	Verbs     []string
	Group     string // API group of Resources
	Resources []string
	URLs      []string // paths of the API server; Group and Resources are empty
}

// grants returns the rights that the server needs to discover and scrape its targets: first
// those in the whole cluster, then those in namespaces, sorted by namespace and API group.
func grants(cfg *config.Config, file *prometheus.Config) []Grant {
	cluster, namespaced := discoveryGrants(cfg, file)
	if slices.ContainsFunc(config.Kubelets, cfg.Enabled) {
		// Enough for the kubelets' own ports; nodes/proxy would grant far more.
		cluster = append(cluster, Grant{Verbs: []string{"get"}, Resources: []string{"nodes/metrics"}})
	}
	return slices.Concat(cluster, controlPlaneGrants(cfg), namespaced)
}

// controlPlaneGrants returns the rights to scrape the API servers and the control plane.
func controlPlaneGrants(cfg *config.Config) []Grant {
	var all []Grant
	metrics := cfg.Enabled(config.APIServersJob)
	for _, job := range config.ControlPlane {
		target, _ := cfg.ControlPlaneTarget(job)
		if !cfg.Enabled(job) {
			continue
		}
		metrics = metrics || target.Secure
		if target.APIAccess != "" {
			all = append(all, Grant{Verbs: []string{"get"}, Group: config.EKSMetricsGroup, Resources: []string{target.APIAccess}})
		}
	}
	if metrics {
		all = append(all, Grant{Verbs: []string{"get"}, URLs: []string{"/metrics"}})
	}
	return all
}

// discoveryGrants returns the rights to what the server's service discovery lists and watches,
// in the whole cluster and in single namespaces.
func discoveryGrants(cfg *config.Config, file *prometheus.Config) (cluster, namespaced []Grant) {
	var discoveries discovery.Configs
	for _, job := range file.ScrapeConfigs {
		discoveries = append(discoveries, job.ServiceDiscoveryConfigs...)
	}
	for _, alertmanagers := range file.AlertingConfig.AlertmanagerConfigs {
		discoveries = append(discoveries, alertmanagers.ServiceDiscoveryConfigs...)
	}

	everywhere := map[resource]bool{}
	inNamespace := map[string]map[resource]bool{}
	for _, d := range discoveries {
		sd, ok := d.(*kubernetes.SDConfig)
		if !ok || sd.APIServer.URL != nil || sd.KubeConfig != "" { // not this cluster
			continue
		}
		namespaces := slices.Clone(sd.NamespaceDiscovery.Names)
		if sd.NamespaceDiscovery.IncludeOwnNamespace {
			namespaces = append(namespaces, cfg.Cluster.Namespace)
		}
		for _, r := range listedBy(sd) {
			if len(namespaces) == 0 || r.clusterScoped() {
				everywhere[r] = true
				continue
			}
			for _, namespace := range namespaces {
				if inNamespace[namespace] == nil {
					inNamespace[namespace] = map[resource]bool{}
				}
				inNamespace[namespace][r] = true
			}
		}
	}
	cluster = byGroup("", everywhere)
	for _, namespace := range slices.Sorted(maps.Keys(inNamespace)) {
		maps.DeleteFunc(inNamespace[namespace], func(r resource, _ bool) bool { return everywhere[r] })
		namespaced = append(namespaced, byGroup(namespace, inNamespace[namespace])...)
	}
	return cluster, namespaced
}

// resource is a kind of object: its API group and its plural name.
type resource struct{ group, name string }

// clusterScoped reports whether objects of this kind belong to no namespace.
func (r resource) clusterScoped() bool { return r.name == "nodes" || r.name == "namespaces" }

// listedBy returns the resources that a service discovery lists and watches.
// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#kubernetes_sd_config
func listedBy(sd *kubernetes.SDConfig) []resource {
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

// byGroup returns the rights to list and watch resources in namespace, which is empty for the
// whole cluster: a grant for each API group.
func byGroup(namespace string, resources map[resource]bool) []Grant {
	var all []Grant
	sorted := slices.SortedFunc(maps.Keys(resources), func(a, b resource) int {
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.name, b.name))
	})
	for _, r := range sorted {
		if last := len(all) - 1; last < 0 || all[last].Group != r.group {
			all = append(all, Grant{Namespace: namespace, Verbs: []string{"list", "watch"}, Group: r.group})
		}
		last := &all[len(all)-1]
		last.Resources = append(last.Resources, r.name)
	}
	return all
}
