package tests

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// The secrets that scrape configs and modules refer to are files of a Secret at the expected paths.
func TestSecretsAreFiles(t *testing.T) {
	secret := func(s Snapshot, name, file string) {
		t.Helper()
		object := Get[*corev1.Secret](t, s, name)
		assert.Equal(t, map[string]string{file: "hunter2"}, object.StringData)
		assert.Contains(t, s.Of(object).Secrets, "stringData", "otherwise it is in the state in plain text")
	}
	at := func(pod corev1.PodTemplateSpec, name string) string {
		t.Helper()
		for _, volume := range pod.Spec.Volumes {
			if volume.Secret == nil || volume.Secret.SecretName != name {
				continue
			}
			for _, mount := range pod.Spec.Containers[0].VolumeMounts {
				if mount.Name == volume.Name {
					assert.True(t, mount.ReadOnly)
					assert.Empty(t, mount.SubPath, "a file of a subPath mount never changes")
					return mount.MountPath
				}
			}
		}
		return ""
	}
	s, set, _ := server(t, "prometheus: {secrets: {router: hunter2}}")
	secret(s, "prometheus-secrets", "router")
	assert.Equal(t, render.PrometheusSecretsDir, at(set.Spec.Template, "prometheus-secrets"))

	s = exporters(t, "blackboxExporter: {secrets: {shop: hunter2}}")
	secret(s, "blackbox-exporter-secrets", "shop")
	pod := Get[*appsv1.Deployment](t, s, "blackbox-exporter").Spec.Template
	assert.Equal(t, render.BlackboxSecretsDir, at(pod, "blackbox-exporter-secrets"))
	assert.Contains(t, mounted(t, s, pod), "/etc/blackbox/config/blackbox.yml")
	require.Len(t, pod.Spec.Containers[0].Args, 2)
	assert.Equal(t, "--config.file=/etc/blackbox/config/blackbox.yml", pod.Spec.Containers[0].Args[0])

	s, _, _ = server(t, "")
	assert.Empty(t, All[*corev1.Secret](s))
}
