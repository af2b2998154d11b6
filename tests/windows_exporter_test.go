package tests

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// windowsPod returns the pod of windows_exporter with these settings, in YAML.
func windowsPod(t *testing.T, settings string) corev1.PodSpec {
	t.Helper()
	s := exporters(t, "windowsExporter: {enabled: true"+settings+"}")
	return Get[*appsv1.DaemonSet](t, s, "windows-exporter").Spec.Template.Spec
}

func TestWindowsExporterRunsOnWindows(t *testing.T) {
	pod := windowsPod(t, ", nodeSelector: {pool: a}")
	assert.Equal(t, map[string]string{"kubernetes.io/os": "windows", "pool": "a"}, pod.NodeSelector)
	assert.Equal(t, []corev1.Toleration{{Operator: corev1.TolerationOpExists}}, pod.Tolerations, "pools of Windows nodes usually have a taint")
	assert.False(t, *pod.AutomountServiceAccountToken)
	container := pod.Containers[0]
	assert.Equal(t, "ghcr.io/prometheus-community/windows-exporter:0.31.8", container.Image)
	assert.Equal(t, []string{
		"--web.listen-address=[$(HOST_IP)]:9182",
		"--collectors.enabled=cpu,logical_disk,memory,net,os,physical_disk,system,service",
		"--collector.logical_disk.volume-exclude=HarddiskVolume.+",
		"--collector.service.include=(?i:containerd|csi-proxy|kube-proxy|kubelet|kubeproxy)",
	}, container.Args)
	assert.Equal(t, "status.hostIP", container.Env[0].ValueFrom.FieldRef.FieldPath)
	assert.Equal(t, "/health", container.LivenessProbe.HTTPGet.Path)
}

func TestWindowsServices(t *testing.T) {
	// Kubernetes makes one $ of two, in which otherwise a variable may begin.
	assert.Contains(t, windowsPod(t, ", services: ['MSSQL$PROD', w3svc]").Containers[0].Args, `--collector.service.include=(?i:MSSQL\$$PROD|w3svc)`)
	assert.NotContains(t, windowsPod(t, ", services: []").Containers[0].Args[1], "service", "a node has hundreds")
}

func TestWindowsFirewall(t *testing.T) {
	pod := windowsPod(t, ", port: 9183")
	require.Len(t, pod.InitContainers, 1)
	assert.Equal(t, pod.Containers[0].Image, pod.InitContainers[0].Image, "no other image has to be mirrored")
	assert.Equal(t, []string{"powershell.exe", "-NoProfile", "-Command", "Remove-NetFirewallRule -Name kubernetes-prometheus -ErrorAction SilentlyContinue; " +
		"New-NetFirewallRule -Name kubernetes-prometheus -DisplayName 'kubernetes-prometheus: windows_exporter' -Direction Inbound -Action Allow -Protocol TCP -LocalPort 9183 -ErrorAction Stop"},
		pod.InitContainers[0].Command)
	assert.Empty(t, windowsPod(t, ", openFirewall: false").InitContainers)
}
