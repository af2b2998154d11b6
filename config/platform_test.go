package config_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// on returns the default config on a platform.
func on(t *testing.T, platform config.Platform) *config.Config {
	t.Helper()
	return accepted(t, fmt.Sprintf("cluster: {name: test, platform: %s}", platform))
}

// By default only components of the control plane that the platform exposes are scraped.
func TestPlatformComponents(t *testing.T) {
	for platform, want := range map[config.Platform][]config.Job{
		"generic":       {config.APIServersJob},
		"kubeadm":       {config.APIServersJob, config.CoreDNSJob},
		"kind":          {config.APIServersJob, config.CoreDNSJob},
		"k3s":           {config.CoreDNSJob},
		"eks":           {config.APIServersJob, config.SchedulerJob, config.ControllerManagerJob, config.KubeProxyJob, config.CoreDNSJob},
		"aks":           {config.APIServersJob, config.CoreDNSJob},
		"gke":           {config.APIServersJob},
		"gke-autopilot": {config.APIServersJob},
		"openshift":     {config.APIServersJob, config.SchedulerJob, config.ControllerManagerJob},
	} {
		t.Run(string(platform), func(t *testing.T) {
			var scraped []config.Job
			for _, job := range append([]config.Job{config.APIServersJob}, config.ControlPlane...) {
				if on(t, platform).Enabled(job) {
					scraped = append(scraped, job)
				}
			}
			assert.Equal(t, want, scraped)
		})
	}
}

func TestProfilesAreComplete(t *testing.T) {
	assert.Len(t, config.Profiles, 9)
	for platform, profile := range config.Profiles {
		for job, component := range profile.ControlPlane {
			where := fmt.Sprintf("%s: %s", platform, job)
			ways := 0
			for _, way := range []string{component.Pods, component.Nodes, component.APIPath, string(component.CollectedBy)} {
				if way != "" {
					ways++
				}
			}
			assert.Equal(t, 1, ways, "%s: one way to reach it", where)
			assert.Equal(t, component.Pods != "", component.Namespace != "", where)
			assert.Equal(t, component.Pods != "" || component.Nodes != "", component.Port != 0, where)
			assert.Equal(t, component.APIPath != "", component.APIAccess != "", where)
			for _, selector := range []string{component.Pods, component.Nodes} {
				_, err := labels.Parse(selector)
				assert.NoError(t, err, where)
			}
		}
	}
}

// A component that requires a change in the cluster is scraped once its job is enabled.
func TestComponentsCanBeSwitchedOn(t *testing.T) {
	for platform, profile := range config.Profiles {
		for job, component := range profile.ControlPlane {
			if component.CollectedBy != "" {
				continue
			}
			cfg := accepted(t, fmt.Sprintf("cluster: {name: test, platform: %s}\ndiscovery: {jobs: {%s: {enabled: true}}}", platform, job))
			assert.True(t, cfg.Enabled(job), "%s: %s", platform, job)
			assert.True(t, cfg.Collected(job), "%s: %s", platform, job)
		}
	}
}

func TestPlatformRejects(t *testing.T) {
	const host = "Autopilot admits no pod with the host's network or files"
	run(t, []violation{
		{
			"unknown platform", "cluster: {name: test, platform: openshfit}",
			`cluster.platform: unknown "openshfit"; did you mean "openshift"?`,
		}, {
			"node-exporter without the host", "cluster: {name: test, platform: gke-autopilot}\nexporters: {nodeExporter: {enabled: true}}",
			`exporters.nodeExporter.enabled: true, but cluster.platform is gke-autopilot: ` + host,
		}, {
			"directory sizes without the host", "cluster: {name: test, platform: gke-autopilot}\nexporters: {nodeDirectorySizeMetrics: {enabled: true}}",
			`exporters.nodeDirectorySizeMetrics.enabled: true, but cluster.platform is gke-autopilot: ` + host,
		}, {
			"directories of nodes without the host", "cluster: {name: test, platform: gke-autopilot}\nstorage: {mode: local, local: {nodes: [a]}}",
			`storage.mode: local, but cluster.platform is gke-autopilot: ` + host,
		}, {
			"a certificate for a job that is off", "cluster: {name: test, platform: kubeadm}\ndiscovery: {jobs: {etcd: {tlsConfig: {insecure_skip_verify: true}}}}",
			`discovery.jobs.etcd.tlsConfig: has no effect, because job etcd is off; set discovery.jobs.etcd.enabled: true, or remove it`,
		}, {
			"a job of what nothing serves", "cluster: {name: test, platform: gke}\ndiscovery: {jobs: {etcd: {enabled: true}}}",
			`discovery.jobs.etcd.enabled: true, but on gke nothing serves its metrics`,
		}, {
			"a job that would repeat another", "cluster: {name: test, platform: k3s}\ndiscovery: {jobs: {kubernetes-apiservers: {enabled: true}}}",
			`discovery.jobs.kubernetes-apiservers.enabled: true, but on k3s, job kubernetes-nodes collects its metrics`,
		},
	})
}

func TestPlatformDefaults(t *testing.T) {
	autopilot := on(t, "gke-autopilot")
	assert.False(t, autopilot.Exporters.NodeExporter.Enabled)
	assert.False(t, autopilot.Exporters.NodeDirectorySizeMetrics.Enabled)
	assert.False(t, autopilot.Enabled(config.NodeExporterJob))
	assert.True(t, autopilot.Enabled(config.CadvisorJob))

	assert.Equal(t, "premium-rwo", on(t, "gke").Storage.StorageClass)
	assert.Equal(t, "standard-rwo", accepted(t, "cluster: {name: test, platform: gke}\nstorage: {storageClass: standard-rwo}").Storage.StorageClass)
	assert.Empty(t, accepted(t, "cluster: {name: test, platform: gke}\nstorage: {mode: ephemeral}").Storage.StorageClass)
	assert.Empty(t, on(t, "eks").Storage.StorageClass)

	assert.True(t, on(t, "eks").Discovery.VerifyKubeletCertificates)
	assert.False(t, accepted(t, "cluster: {name: test, platform: eks}\ndiscovery: {verifyKubeletCertificates: false}").Discovery.VerifyKubeletCertificates, "the stack has the last word")

	assert.Equal(t, 9199, on(t, "openshift").Exporters.NodeExporter.Port)
	assert.Equal(t, 9100, on(t, "generic").Exporters.NodeExporter.Port)
}

// On k3s the kubelet's endpoint also serves the metrics of the control plane.
func TestCollected(t *testing.T) {
	k3s := on(t, "k3s")
	for _, job := range []config.Job{config.APIServersJob, config.SchedulerJob, config.ControllerManagerJob, config.KubeProxyJob} {
		assert.False(t, k3s.Enabled(job), job)
		assert.True(t, k3s.Collected(job), job)
	}
	assert.False(t, k3s.Collected(config.EtcdJob))
	without := accepted(t, "cluster: {name: test, platform: k3s}\ndiscovery: {jobs: {kubernetes-nodes: {enabled: false}, kube-scheduler: {enabled: false}}}")
	assert.False(t, without.Collected(config.SchedulerJob))
	assert.False(t, without.Collected(config.APIServersJob))
	for _, job := range config.Jobs {
		assert.Equal(t, on(t, "generic").Enabled(job), on(t, "generic").Collected(job), job)
	}
}
