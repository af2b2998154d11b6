package render

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

func TestDiscoveryGrants(t *testing.T) {
	read := []string{"list", "watch"}
	slices := Grant{Verbs: read, Group: "discovery.k8s.io", Resources: []string{"endpointslices"}}
	for _, c := range []struct {
		name, stack string
		want        []Grant
	}{
		{"defaults", "", []Grant{{Verbs: read, Resources: []string{"nodes", "pods", "services"}}, slices}},
		{"one job in its own namespace", only(config.PrometheusJob) + "\nalerting: {enabled: false}", []Grant{{Namespace: "monitoring", Verbs: read, Resources: []string{"pods"}}}},
		{"Alertmanagers to notify", only(), []Grant{{Namespace: "monitoring", Verbs: read, Resources: []string{"pods"}}}},
		{"nothing", only() + "\nalerting: {enabled: false}", nil},
		{"nodes", only(config.CadvisorJob) + "\nalerting: {enabled: false}", []Grant{{Verbs: read, Resources: []string{"nodes"}}}},
		{"annotated pods", only(config.PodsJob), []Grant{{Verbs: read, Resources: []string{"pods"}}}},
		{"probed Services", only(config.ServicesJob), []Grant{{Verbs: read, Resources: []string{"services"}}, {Namespace: "monitoring", Verbs: read, Resources: []string{"pods"}}}},
		{"API servers", only(config.APIServersJob) + "\nalerting: {enabled: false}", []Grant{
			{Namespace: "default", Verbs: read, Resources: []string{"pods", "services"}}, {Namespace: "default", Verbs: read, Group: "discovery.k8s.io", Resources: []string{"endpointslices"}},
		}},
		{"limited to namespaces", "discovery: {namespaces: [shop, monitoring]}", []Grant{
			{Verbs: read, Resources: []string{"nodes"}},
			{Namespace: "default", Verbs: read, Resources: []string{"pods", "services"}},
			{Namespace: "default", Verbs: read, Group: "discovery.k8s.io", Resources: []string{"endpointslices"}},
			{Namespace: "monitoring", Verbs: read, Resources: []string{"pods", "services"}},
			{Namespace: "monitoring", Verbs: read, Group: "discovery.k8s.io", Resources: []string{"endpointslices"}},
			{Namespace: "shop", Verbs: read, Resources: []string{"pods", "services"}},
			{Namespace: "shop", Verbs: read, Group: "discovery.k8s.io", Resources: []string{"endpointslices"}},
		}},
		{"the stack's own scrape configs", `
alerting: {enabled: false}
prometheus: {secrets: {elsewhere: s3cret}}
discovery:
  jobs: {` + jobsOff() + `}
  extraScrapeConfigs:
    - job_name: a
      kubernetes_sd_configs: [{role: endpoints, namespaces: {names: [shop], own_namespace: true}, attach_metadata: {node: true, deployment: true, cronjob: true}}]
    - job_name: b
      kubernetes_sd_configs: [{role: ingress}, {role: pod, api_server: 'https://elsewhere'}, {role: service, kubeconfig_file: /etc/prometheus/secrets/elsewhere}]
    - job_name: c
      static_configs: [{targets: [a]}]`, []Grant{
			{Verbs: read, Resources: []string{"nodes"}},
			{Verbs: read, Group: "networking.k8s.io", Resources: []string{"ingresses"}},
			{Namespace: "monitoring", Verbs: read, Resources: []string{"endpoints", "pods", "services"}},
			{Namespace: "monitoring", Verbs: read, Group: "apps", Resources: []string{"replicasets"}},
			{Namespace: "monitoring", Verbs: read, Group: "batch", Resources: []string{"jobs"}},
			{Namespace: "shop", Verbs: read, Resources: []string{"endpoints", "pods", "services"}},
			{Namespace: "shop", Verbs: read, Group: "apps", Resources: []string{"replicasets"}},
			{Namespace: "shop", Verbs: read, Group: "batch", Resources: []string{"jobs"}},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := configtest.Config(t, c.stack)
			_, loaded, err := (&Stack{Config: cfg}).prometheusConfig(0)
			require.NoError(t, err)
			cluster, namespaced := discoveryGrants(cfg, loaded)
			assert.Equal(t, c.want, append(cluster, namespaced...))
		})
	}
}
