package tests

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// basicUser is a login.basic, in YAML, with a user and the password s3cret.
const basicUser = "login: {basic: {users: {stack: '$2a$04$5a4Kd4ZT5iDLz3AFdBOmWOQUxl5gpLpRtnM9XDWifzEjxS9clEFRe'}, client: {user: stack, password: s3cret}}}\n"

// Programs that ask for a login read it from the Secret, and no probe has it.
func TestBasicLogin(t *testing.T) {
	cfg := configtest.Config(t, basicUser+`
prometheus: {shards: 2, access: {login: basic}}
alerting: {acknowledgeNoNotifications: true, access: {login: basic}}
longTermStorage: {enabled: true, objectStore: {type: GCS, config: {bucket: blocks}}, queryFrontend: {access: {login: basic}}}`)
	s := Component(t, cfg, func(ctx *pulumi.Context, site components.Site) error {
		if err := components.DeployBasicLogin(ctx, site); err != nil {
			return err
		}
		if _, err := components.NewAlertmanager(ctx, "alertmanager", &components.AlertmanagerArgs{Site: site}); err != nil {
			return err
		}
		return thanos(ctx, site)
	})
	secret := Get[*corev1.Secret](t, s, "basic-login").StringData
	assert.Equal(t, "basic_auth_users:\n  stack: $2a$04$5a4Kd4ZT5iDLz3AFdBOmWOQUxl5gpLpRtnM9XDWifzEjxS9clEFRe\n", secret["web.yml"])
	assert.Equal(t, "basic_auth:\n  username: stack\n  password_file: /etc/login/login-password\n", secret["client.yml"])
	assert.Equal(t, "stack", secret["login-user"])
	assert.Equal(t, "s3cret", secret["login-password"])

	pods := Pods(s)
	login := corev1.VolumeMount{Name: "login", MountPath: "/etc/login", ReadOnly: true}
	for name, flag := range map[string]string{
		"prometheus": "--web.config.file=/etc/login/web.yml", "prometheus-shard-1": "--web.config.file=/etc/login/web.yml",
		"alertmanager": "--web.config.file=/etc/login/web.yml", "thanos-query-frontend": "--http.config=/etc/login/web.yml",
	} {
		container := pods[name].Spec.Containers[0]
		assert.Contains(t, container.Args, flag, name)
		assert.Contains(t, container.VolumeMounts, login, name)
		assert.Equal(t, "web", container.LivenessProbe.TCPSocket.Port.String(), name)
		assert.Nil(t, container.LivenessProbe.HTTPGet, name)
		assert.Nil(t, container.ReadinessProbe.HTTPGet, name)
		assert.NotContains(t, pods[name].Annotations, "version/secret", "%s reads a new user without a restart", name)
	}
	server := pods["prometheus"].Spec.Containers
	ready := []string{"promtool", "check", "ready", "--url=http://localhost:9090", "--http.config.file=/etc/login/client.yml"}
	assert.Equal(t, ready, server[0].StartupProbe.Exec.Command)
	assert.Equal(t, int32(120), server[0].StartupProbe.FailureThreshold, "as long as a start may take")
	assert.Equal(t, ready, server[0].ReadinessProbe.Exec.Command)
	require.Len(t, server, 2)
	assert.Contains(t, server[1].Args, "--prometheus.http-client-file=/etc/login/client.yml")
	assert.Contains(t, server[1].VolumeMounts, login)
	assert.NotNil(t, server[1].ReadinessProbe.HTTPGet, "the sidecar asks for no login")
	assert.Contains(t, pods["thanos-ruler"].Spec.Containers[0].VolumeMounts, login, "it sends alerts to Alertmanager")
	assert.NotContains(t, pods["thanos-query"].Spec.Containers[0].VolumeMounts, login)
}

// Prometheus logs in to others also where it asks for no login itself.
func TestBasicLoginToOthers(t *testing.T) {
	s, set, container := server(t, basicUser+"alerting: {acknowledgeNoNotifications: true, access: {login: basic}}")
	assert.Contains(t, container.VolumeMounts, corev1.VolumeMount{Name: "login", MountPath: "/etc/login", ReadOnly: true})
	assert.NotContains(t, container.Args, "--web.config.file=/etc/login/web.yml")
	assert.NotNil(t, container.ReadinessProbe.HTTPGet)
	assert.Equal(t, set, Get[*appsv1.StatefulSet](t, s, "prometheus"))
}

func TestGrafanaLogsIn(t *testing.T) {
	const asks = basicUser + "prometheus: {access: {login: basic}}"
	s := grafanaSnapshot(t, files, asks)
	assert.Equal(t, "s3cret", Get[*corev1.Secret](t, s, "grafana").StringData["login-password"])
	found := mounted(t, s, Get[*appsv1.Deployment](t, s, "grafana").Spec.Template)
	assert.Contains(t, found["/etc/grafana/provisioning/datasources/datasources.yaml"], "basicAuthPassword: $__file{/etc/grafana-secrets/login-password}")

	for name, settings := range map[string]string{"our own": stored, "another": external} {
		s := grafanaSnapshot(t, settings, asks)
		template := job(t, s).Spec.Template
		found := mounted(t, s, template)
		file := "/import/datasource.prometheus.json"
		if settings == external {
			file = "/import/datasource.prometheus-test.json"
			assert.Equal(t, token, found["/credentials/token"])
		}
		assert.Contains(t, found[file], `"basicAuthPassword":"s3cret"`, name)
		assert.Contains(t, template.Annotations, "version/secret", "%s: a new password is imported", name)
	}
	assert.NotContains(t, job(t, grafanaSnapshot(t, stored)).Spec.Template.Annotations, "version/secret")
}
