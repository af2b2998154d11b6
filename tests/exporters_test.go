package tests

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/directorysize"
)

// exporters deploys the exporters of a stack with these values below exporters, in YAML.
func exporters(t *testing.T, text string) Snapshot {
	t.Helper()
	cfg := configtest.Config(t, "exporters: {"+text+"}")
	s := Component(t, cfg, func(ctx *pulumi.Context, site components.Site) error { return components.DeployExporters(ctx, site) })
	CheckStack(t, s, cfg)
	return s
}

// sizesPod returns the pod of node-directory-size-metrics with its containers, which scan and
// serve.
func sizesPod(t *testing.T, s Snapshot) (pod corev1.PodTemplateSpec, scan, serve corev1.Container) {
	t.Helper()
	pod = Get[*appsv1.DaemonSet](t, s, "node-directory-size-metrics").Spec.Template
	require.Len(t, pod.Spec.Containers, 2)
	return pod, pod.Spec.Containers[0], pod.Spec.Containers[1]
}

func TestDirectoriesAreMountedReadOnly(t *testing.T) {
	for text, want := range map[string]map[string]string{ // host path: mount path
		"enabled: true":                     {"/var": "/host/var"},
		"directories: [/]":                  {"/": "/host"},
		"directories: [/var/log, /mnt/a b]": {"/var/log": "/host/var/log", "/mnt/a b": "/host/mnt/a b"},
	} {
		pod, scan, serve := sizesPod(t, exporters(t, "nodeDirectorySizeMetrics: {"+text+"}"))
		paths := map[string]string{} // volume: host path
		for _, volume := range pod.Spec.Volumes {
			if volume.HostPath != nil {
				assert.Nil(t, volume.HostPath.Type, "otherwise a node without the directory cannot run the pod")
				paths[volume.Name] = volume.HostPath.Path
			}
		}
		got := map[string]string{}
		for _, mount := range scan.VolumeMounts {
			if path, ok := paths[mount.Name]; ok {
				got[path] = mount.MountPath
				assert.True(t, mount.ReadOnly)
				assert.Equal(t, corev1.MountPropagationHostToContainer, *mount.MountPropagation)
			}
		}
		assert.Equal(t, want, got)
		for _, mount := range serve.VolumeMounts {
			assert.NotContains(t, paths, mount.Name, "the container that answers requests sees the node's files")
			assert.True(t, mount.ReadOnly)
		}
		assert.Len(t, scan.Command, 2+len(want))
		for path := range want {
			assert.Contains(t, scan.Command[2:], path)
		}
	}
}

func TestDirectorySizesPrivileges(t *testing.T) {
	pod, scan, serve := sizesPod(t, exporters(t, "nodeDirectorySizeMetrics: {enabled: true}"))
	assert.False(t, pod.Spec.HostNetwork)
	assert.Zero(t, *scan.SecurityContext.RunAsUser, "only root keeps the capability")
	assert.Equal(t, []corev1.Capability{"DAC_READ_SEARCH"}, scan.SecurityContext.Capabilities.Add)
	assert.Empty(t, scan.Ports)
	assert.True(t, *serve.SecurityContext.RunAsNonRoot)
	assert.Empty(t, serve.SecurityContext.Capabilities.Add)
	assert.Equal(t, []corev1.Toleration{{Operator: corev1.TolerationOpExists}}, pod.Spec.Tolerations, "it runs on every node")
}

func TestDirectorySizesRunScripts(t *testing.T) {
	s := exporters(t, "nodeDirectorySizeMetrics: {interval: 1m, timeout: 90s, depth: 3, threshold: 1Gi}")
	pod, scan, serve := sizesPod(t, s)
	scripts := Get[*corev1.ConfigMap](t, s, "node-directory-size-metrics").Data
	env := map[string]string{}
	for _, variable := range scan.Env {
		env[variable.Name] = variable.Value
	}
	assert.Equal(t, map[string]string{
		"OUT": "/metrics", "HOST": "/host", "DEPTH": "3", "THRESHOLD": "1073741824", "INTERVAL": "60", "TIMEOUT": "90",
	}, env)
	mounts := map[string]string{} // path: volume/subPath
	for _, mount := range slices.Concat(scan.VolumeMounts, serve.VolumeMounts) {
		mounts[mount.MountPath] = mount.Name + "/" + mount.SubPath
	}
	assert.Equal(t, []string{"sh", "/scripts/scan.sh"}, scan.Command[:2])
	assert.Equal(t, "scripts/", mounts["/scripts"])
	for name, text := range directorysize.Scripts {
		assert.Equal(t, text, scripts[name])
	}
	// A request can run every file in cgi-bin.
	assert.Equal(t, []string{"httpd", "-f", "-p", "9102", "-h", "/www"}, serve.Command)
	assert.Equal(t, "scripts/metrics", mounts["/www/cgi-bin/metrics"])
	assert.Equal(t, directorysize.CGI, scripts["metrics"])
	for path := range mounts {
		assert.False(t, strings.HasPrefix(path, "/www/") && path != "/www/cgi-bin/metrics", path)
	}
	assert.Equal(t, []corev1.EnvVar{{Name: "OUT", Value: env["OUT"]}}, serve.Env)
	assert.Equal(t, "metrics/", mounts[env["OUT"]])
	assert.Equal(t, "/cgi-bin/metrics", serve.ReadinessProbe.HTTPGet.Path)
	assert.NotEmpty(t, pod.Annotations["checksum/scripts"], "otherwise new scripts are not run")
	for _, volume := range pod.Spec.Volumes {
		if volume.EmptyDir != nil {
			assert.Equal(t, corev1.StorageMediumMemory, volume.EmptyDir.Medium, "otherwise it cannot report a full disk")
			assert.False(t, volume.EmptyDir.SizeLimit.IsZero())
		}
	}
}

func TestKubeStateMetricsInOnePod(t *testing.T) {
	s := exporters(t, "kubeStateMetrics: {metricDenylist: [kube_pod_owner, kube_.+_created]}")
	pod := Get[*appsv1.Deployment](t, s, "kube-state-metrics").Spec.Template.Spec.Containers[0]
	assert.Contains(t, pod.Args, "--metric-denylist=kube_pod_owner,kube_.+_created")
	for _, flag := range pod.Args {
		assert.NotContains(t, flag, "shard")
	}
	assert.Empty(t, All[*appsv1.StatefulSet](s))
}

// The pods share one command line, in which each has its own index.
func TestKubeStateMetricsInShards(t *testing.T) {
	s := exporters(t, "kubeStateMetrics: {shards: 3, resources: {requests: {memory: 200Mi}}}")
	set := Get[*appsv1.StatefulSet](t, s, "kube-state-metrics")
	assert.EqualValues(t, 3, *set.Spec.Replicas)
	pod := set.Spec.Template.Spec
	assert.Contains(t, pod.Containers[0].Args, "--shard=$(SHARD)")
	assert.Contains(t, pod.Containers[0].Args, "--total-shards=3")
	require.Len(t, pod.Containers[0].Env, 1)
	assert.Equal(t, "SHARD", pod.Containers[0].Env[0].Name)
	assert.Equal(t, "metadata.labels['"+appsv1.PodIndexLabel+"']", pod.Containers[0].Env[0].ValueFrom.FieldRef.FieldPath)
	assert.Equal(t, "200Mi", pod.Containers[0].Resources.Requests.Memory().String(), "of each shard")
	assert.Empty(t, pod.Affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution, "shards share a node if there are too few")
	for _, deployment := range All[*appsv1.Deployment](s) {
		assert.NotEqual(t, "kube-state-metrics", deployment.Name)
	}
	roles := All[*rbacv1.ClusterRole](s)
	require.Len(t, roles, 1)
	for _, rule := range roles[0].Rules {
		assert.Equal(t, []string{"list", "watch"}, rule.Verbs, "shards do not discover each other through the API server")
	}
}

func TestExportersThatAreOff(t *testing.T) {
	s := exporters(t, "nodeExporter: {enabled: false}, nodeDirectorySizeMetrics: {enabled: false}, kubeStateMetrics: {enabled: false}, blackboxExporter: {enabled: false}")
	assert.Empty(t, s.objects())
}
