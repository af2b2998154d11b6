package stacks

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	prometheus "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/kubernetes"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/check"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/tests"
)

// Platforms asserts, for every platform by default and with every job that it supports, that the
// invariants hold, that Prometheus may read what it scrapes, that the rules are about what is
// collected, and that the checks find nothing.
func Platforms(t *testing.T, program tests.Program) {
	for platform, profile := range config.Profiles {
		asked := ""
		for job, target := range profile.ControlPlane {
			if target.Requires != "" {
				asked += fmt.Sprintf("%s: {enabled: true}, ", job)
			}
		}
		for name, jobs := range map[string]string{"by default": "", "all jobs": asked} {
			t.Run(string(platform)+"/"+name, func(t *testing.T) {
				cfg := configtest.Config(t, fmt.Sprintf("cluster: {name: test, platform: %s}\ndiscovery: {jobs: {%s}}", platform, jobs))
				s := tests.Deploy(t, program, cfg)
				tests.CheckStack(t, s, cfg)
				checkPermissions(t, s)
				checkRules(t, s, cfg)
				rendered, err := render.New(cfg)
				require.NoError(t, err)
				assert.Empty(t, check.Run(rendered).Findings)
			})
		}
	}
}

// checkPermissions asserts that Prometheus has the rights to discover and scrape every job.
func checkPermissions(t *testing.T, s tests.Snapshot) {
	file, err := prometheus.Load(tests.Get[*corev1.ConfigMap](t, s, "prometheus-config").Data["prometheus.yml"], slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	plurals := map[kubernetes.Role]string{"node": "nodes", "pod": "pods", "service": "services", "endpointslice": "endpointslices", "ingress": "ingresses"}
	rules := prometheusRules(t, s)
	may := func(namespace, verb, resource string) bool {
		return slices.ContainsFunc(append(rules[""], rules[namespace]...), func(rule rbacv1.PolicyRule) bool {
			return slices.Contains(rule.Verbs, verb) && (slices.Contains(rule.Resources, resource) || slices.Contains(rule.NonResourceURLs, resource))
		})
	}
	for _, job := range file.ScrapeConfigs {
		for _, d := range job.ServiceDiscoveryConfigs {
			sd, ok := d.(*kubernetes.SDConfig)
			if !ok {
				continue
			}
			for _, namespace := range append(sd.NamespaceDiscovery.Names, "")[:max(1, len(sd.NamespaceDiscovery.Names))] {
				assert.True(t, may(namespace, "list", plurals[sd.Role]), "%s may not list %s in %q", job.JobName, sd.Role, namespace)
			}
		}
		if job.HTTPClientConfig.Authorization == nil {
			continue
		}
		resource := job.MetricsPath
		switch {
		case slices.Contains(config.Kubelets, config.Job(job.JobName)):
			resource = "nodes/metrics"
		case strings.HasPrefix(job.MetricsPath, "/apis/"): // /apis/GROUP/VERSION/COMPONENT/container/metrics
			resource = strings.Split(job.MetricsPath, "/")[4] + "/metrics"
		}
		assert.True(t, may("", "get", resource), "%s may not get %s", job.JobName, resource)
	}
}

// prometheusRules returns the access rights of Prometheus by namespace; "" for the whole cluster.
func prometheusRules(t *testing.T, s tests.Snapshot) map[string][]rbacv1.PolicyRule {
	rules := map[string][]rbacv1.PolicyRule{"": tests.Get[*rbacv1.ClusterRole](t, s, "monitoring-prometheus").Rules}
	for _, role := range tests.All[*rbacv1.Role](s) {
		if role.Labels["app.kubernetes.io/name"] == "prometheus" {
			rules[role.Namespace] = append(rules[role.Namespace], role.Rules...)
		}
	}
	return rules
}

// checkRules asserts that a stack has rules about what it collects, and no others.
func checkRules(t *testing.T, s tests.Snapshot, cfg *config.Config) {
	files := tests.Get[*corev1.ConfigMap](t, s, "prometheus-rules").Data
	for file, job := range map[string]config.Job{
		"apiserver.yaml": config.APIServersJob, "scheduler.yaml": config.SchedulerJob, "controller-manager.yaml": config.ControllerManagerJob,
		"etcd.yaml": config.EtcdJob, "kube-proxy.yaml": config.KubeProxyJob, "coredns.yaml": config.CoreDNSJob,
		"node-exporter.yaml": config.NodeExporterJob, "node-directory-size-metrics.yaml": config.NodeDirectorySizeMetricsJob,
		"windows-exporter.yaml": config.WindowsExporterJob,
	} {
		_, has := files[file]
		assert.Equal(t, cfg.Collected(job), has, file)
	}
	for _, row := range config.ScrapeJobs {
		watched := strings.Contains(files["targets.yaml"], fmt.Sprintf("absent(up{job=%q})", row.Name))
		assert.Equal(t, cfg.Enabled(row.Name) && !row.MayBeEmpty, watched, "JobAbsent of %s", row.Name)
	}
}

// Autopilot asserts that on GKE Autopilot no pod uses the host, and that the namespace rejects pods
// that do.
func Autopilot(t *testing.T, program tests.Program) {
	s := tests.Deploy(t, program, configtest.Config(t, "cluster: {name: test, platform: gke-autopilot}"))
	assert.Empty(t, tests.All[*appsv1.DaemonSet](s))
	for name, pod := range tests.Pods(s) {
		assert.False(t, pod.Spec.HostNetwork, name)
		for _, volume := range pod.Spec.Volumes {
			assert.Nil(t, volume.HostPath, name)
		}
		for _, container := range pod.Spec.Containers {
			for _, port := range container.Ports {
				assert.Zero(t, port.HostPort, name)
			}
		}
	}
	assert.Equal(t, "restricted", tests.Get[*corev1.Namespace](t, s, "monitoring").Labels["pod-security.kubernetes.io/enforce"])
}

// OpenShift asserts that the exporters that use the host may do so on OpenShift.
func OpenShift(t *testing.T, program tests.Program) {
	s := tests.Deploy(t, program, configtest.Config(t, "cluster: {name: test, platform: openshift}"))
	for _, name := range []string{"node-exporter", "node-directory-size-metrics"} {
		spec := tests.Get[*appsv1.DaemonSet](t, s, name).Spec.Template.Spec
		assert.Equal(t, "spc_t", spec.SecurityContext.SELinuxOptions.Type, name)
		assert.False(t, *spec.AutomountServiceAccountToken, name)
		binding := tests.Get[*rbacv1.RoleBinding](t, s, name)
		assert.Equal(t, "system:openshift:scc:privileged", binding.RoleRef.Name)
		assert.Equal(t, []rbacv1.Subject{{Kind: "ServiceAccount", Name: spec.ServiceAccountName, Namespace: "monitoring"}}, binding.Subjects)
	}
	windows := tests.Deploy(t, program, configtest.Config(t, "cluster: {name: test, platform: openshift}\nexporters: {windowsExporter: {enabled: true}}"))
	spec := tests.Get[*appsv1.DaemonSet](t, windows, "windows-exporter").Spec.Template.Spec
	assert.Nil(t, spec.SecurityContext.SELinuxOptions, "Windows has none")
	assert.Equal(t, spec.ServiceAccountName, tests.Get[*rbacv1.RoleBinding](t, windows, "windows-exporter").Subjects[0].Name)
	generic := tests.Deploy(t, program, configtest.Config(t, ""))
	assert.Nil(t, tests.Get[*appsv1.DaemonSet](t, generic, "node-exporter").Spec.Template.Spec.SecurityContext.SELinuxOptions)
}
