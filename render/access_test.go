package render

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

func TestAccess(t *testing.T) {
	slices := Grant{"", "discovery.k8s.io", []string{"endpointslices"}}
	for _, c := range []struct {
		name, stack string
		want        []Grant
	}{
		{"defaults", "", []Grant{{"", "", []string{"nodes", "pods", "services"}}, slices}},
		{"one job in its own namespace", only(config.PrometheusJob) + "\nalerting: {enabled: false}", []Grant{{"monitoring", "", []string{"pods"}}}},
		{"Alertmanagers to notify", only(), []Grant{{"monitoring", "", []string{"pods"}}}},
		{"nothing", only() + "\nalerting: {enabled: false}", nil},
		{"nodes", only(config.CadvisorJob) + "\nalerting: {enabled: false}", []Grant{{"", "", []string{"nodes"}}}},
		{"annotated pods", only(config.PodsJob), []Grant{{"", "", []string{"pods"}}}},
		{"probed Services", only(config.ServicesJob), []Grant{{"", "", []string{"services"}}, {"monitoring", "", []string{"pods"}}}},
		{"API servers", only(config.APIServersJob) + "\nalerting: {enabled: false}", []Grant{
			{"default", "", []string{"pods", "services"}}, {"default", "discovery.k8s.io", []string{"endpointslices"}},
		}},
		{"limited to namespaces", "discovery: {namespaces: [shop, monitoring]}", []Grant{
			{"", "", []string{"nodes"}},
			{"default", "", []string{"pods", "services"}},
			{"default", "discovery.k8s.io", []string{"endpointslices"}},
			{"monitoring", "", []string{"pods", "services"}},
			{"monitoring", "discovery.k8s.io", []string{"endpointslices"}},
			{"shop", "", []string{"pods", "services"}},
			{"shop", "discovery.k8s.io", []string{"endpointslices"}},
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
			{"", "", []string{"nodes"}},
			{"", "networking.k8s.io", []string{"ingresses"}},
			{"monitoring", "", []string{"endpoints", "pods", "services"}},
			{"monitoring", "apps", []string{"replicasets"}},
			{"monitoring", "batch", []string{"jobs"}},
			{"shop", "", []string{"endpoints", "pods", "services"}},
			{"shop", "apps", []string{"replicasets"}},
			{"shop", "batch", []string{"jobs"}},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Access(stack(t, c.stack))
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
	_, err := Access(stack(t, "discovery: {extraScrapeConfigs: [{job_name: a, b: c}]}"))
	require.Error(t, err)
}
