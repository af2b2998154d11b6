package tests

import (
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
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

// Values in existing Secrets are files at the same paths, beside those of the stack, and no Secret is
// created without a value of the stack.
func TestExistingSecrets(t *testing.T) {
	own := func(name string) corev1.VolumeProjection {
		return corev1.VolumeProjection{Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}
	}
	from := func(name, key, file string) corev1.VolumeProjection {
		projection := own(name)
		projection.Secret.Items = []corev1.KeyToPath{{Key: key, Path: file}}
		return projection
	}
	projected := func(pod corev1.PodTemplateSpec, sources ...corev1.VolumeProjection) {
		t.Helper()
		for _, volume := range pod.Spec.Volumes {
			if volume.Name == "secrets" {
				require.NotNil(t, volume.Projected)
				assert.Equal(t, sources, volume.Projected.Sources)
				return
			}
		}
		assert.Fail(t, "no volume of secrets")
	}
	s, set, _ := server(t, "prometheus: {secrets: {router: hunter2, central: {secret: remote, key: password}, other: {secret: remote, key: token}}}")
	assert.Equal(t, map[string]string{"router": "hunter2"}, Get[*corev1.Secret](t, s, "prometheus-secrets").StringData)
	remote := from("remote", "password", "central")
	remote.Secret.Items = append(remote.Secret.Items, corev1.KeyToPath{Key: "token", Path: "other"})
	projected(set.Spec.Template, own("prometheus-secrets"), remote)

	s, set, _ = server(t, "prometheus: {secrets: {central: {secret: remote, key: password}}}")
	assert.Empty(t, All[*corev1.Secret](s))
	projected(set.Spec.Template, from("remote", "password", "central"))

	s = exporters(t, "blackboxExporter: {secrets: {shop: {secret: shop, key: login}}}")
	assert.Empty(t, All[*corev1.Secret](s))
	projected(Get[*appsv1.Deployment](t, s, "blackbox-exporter").Spec.Template, from("shop", "login", "shop"))

	for text, notifications := range map[string][]corev1.VolumeProjection{
		`{slack: {channel: "#a", webhookUrl: {secret: slack, key: url}}}`: {from("slack", "url", "slack-webhook-url")},
		`{slack: {channel: "#a", webhookUrl: {secret: slack, key: url}}, deadMansSwitchUrl: "https://hc.example.com/hunter2"}`: {
			own("alertmanager-secrets"), from("slack", "url", "slack-webhook-url"),
		},
		`{acknowledgeNoNotifications: true, secrets: {pager: {secret: pager, key: key}}}`: {from("pager", "key", "pager")},
	} {
		s = alertmanager(t, "alerting: "+text)
		pod := Get[*appsv1.StatefulSet](t, s, "alertmanager").Spec.Template
		projected(pod, notifications...)
		assert.Len(t, All[*corev1.Secret](s), len(notifications)-1)
		_, restarts := pod.Annotations["version/secret"]
		assert.Equal(t, len(notifications) > 1, restarts, "only the program's own Secret is known to change")
	}
	s = alertmanager(t, "")
	assert.Empty(t, All[*corev1.Secret](s))
	for _, mount := range Get[*appsv1.StatefulSet](t, s, "alertmanager").Spec.Template.Spec.Containers[0].VolumeMounts {
		assert.NotEqual(t, render.AlertmanagerSecretsDir, mount.MountPath)
	}
}

// alertmanager deploys Alertmanager with settings in YAML.
func alertmanager(t *testing.T, settings string) Snapshot {
	t.Helper()
	return Component(t, configtest.Config(t, settings), func(ctx *pulumi.Context, site components.Site) error {
		storages, err := components.DeployStorages(ctx, site)
		if err != nil {
			return err
		}
		_, err = components.DeployAlertmanager(ctx, site, storages.Alertmanager)
		return err
	})
}

// A Grafana whose password is in an existing Secret reads it at the path of the settings, as does the
// job that fills it, and one elsewhere gets its token from there.
func TestGrafanaOfExistingSecrets(t *testing.T) {
	credentials := func(s Snapshot) *corev1.SecretVolumeSource {
		for _, j := range All[*batchv1.Job](s) {
			for _, volume := range j.Spec.Template.Spec.Volumes {
				if volume.Name == "credentials" {
					return volume.Secret
				}
			}
		}
		return nil
	}
	deploy := func(text string) Snapshot {
		cfg := configtest.Config(t, text)
		s := Component(t, cfg, grafana)
		CheckStack(t, s, cfg)
		assert.Empty(t, All[*corev1.Secret](s))
		return s
	}
	s := deploy("grafana: {adminPassword: {secret: login, key: password}, import: job, persistence: {enabled: true}}")
	pod := Get[*appsv1.Deployment](t, s, "grafana").Spec.Template
	assert.NotContains(t, pod.Annotations, "version/secret")
	for _, volume := range pod.Spec.Volumes {
		if volume.Name == "secrets" {
			assert.Equal(t, []corev1.KeyToPath{{Key: "password", Path: "admin-password"}}, volume.Projected.Sources[0].Secret.Items)
		}
	}
	assert.Equal(t, &corev1.SecretVolumeSource{SecretName: "login", Items: []corev1.KeyToPath{{Key: "password", Path: "admin-password"}}}, credentials(s))

	s = deploy(`grafana: {import: job, external: {url: "https://grafana.example.com", token: {secret: account, key: jwt}, prometheusUrl: "https://prometheus.example.com"}}`)
	assert.Equal(t, &corev1.SecretVolumeSource{SecretName: "account", Items: []corev1.KeyToPath{{Key: "jwt", Path: "token"}}}, credentials(s))
}

// Thanos reads values of existing Secrets from environment variables, in every container that reaches
// the object store, and no other.
func TestObjectStoreOfExistingSecrets(t *testing.T) {
	cfg := configtest.Config(t, `longTermStorage: {enabled: true, objectStore: {type: S3, config: {bucket: blocks, endpoint: s3.example.com},
  secrets: {access_key: {secret: minio, key: user}, secret_key: {secret: minio, key: password}}}}
prometheus: {shards: 2}`)
	s := Component(t, cfg, thanos)
	CheckStack(t, s, cfg)
	assert.Contains(t, Get[*corev1.Secret](t, s, "thanos-object-store").StringData["objstore.yaml"], "secret_key: '$(OBJSTORE_SECRET_KEY)'")
	for name, pod := range Pods(s) {
		for _, container := range pod.Spec.Containers {
			var refs []string
			for _, env := range container.Env {
				if env.ValueFrom != nil && env.ValueFrom.SecretKeyRef != nil {
					refs = append(refs, env.Name+"="+env.ValueFrom.SecretKeyRef.Name+"/"+env.ValueFrom.SecretKeyRef.Key)
				}
			}
			if slices.Contains([]string{"thanos-sidecar", "thanos-store-gateway", "thanos-compactor", "thanos-ruler"}, container.Name) {
				assert.Equal(t, []string{"OBJSTORE_ACCESS_KEY=minio/user", "OBJSTORE_SECRET_KEY=minio/password"}, refs, "%s of %s", container.Name, name)
			} else {
				assert.Empty(t, refs, "%s of %s", container.Name, name)
			}
		}
	}
}
