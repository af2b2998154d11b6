package tests

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// Secrets, and values below grafana in YAML.
const (
	password = "correct horse battery staple"
	oauth    = "oauth client secret"
	token    = "glsa_0123456789"

	files    = "adminPassword: " + password
	stored   = files + ", import: job, persistence: {enabled: true}"
	external = "import: job, external: {url: 'https://grafana.example.com/base/', token: " + token + ", prometheusUrl: 'https://prometheus.example.com'}"
)

// grafanaConfig returns a stack with these values below grafana and further top-level ones, in
// YAML.
func grafanaConfig(t *testing.T, grafana string, others ...string) *config.Config {
	t.Helper()
	return configtest.Config(t, "cluster: {name: test, networkPolicies: {fromNamespaces: [ingress]}}\ngrafana: {"+grafana+"}\n"+strings.Join(others, "\n"))
}

// grafana deploys Grafana on its storage, and its import.
func grafana(ctx *pulumi.Context, site components.Site) error {
	storage, err := components.DeployStorages(ctx, site)
	if err != nil {
		return err
	}
	_, err = components.DeployGrafana(ctx, site, storage.Grafana)
	return err
}

// grafanaSnapshot deploys Grafana for the values of grafanaConfig and asserts the invariants.
func grafanaSnapshot(t *testing.T, settings string, others ...string) Snapshot {
	t.Helper()
	cfg := grafanaConfig(t, settings, others...)
	s := Component(t, cfg, grafana)
	CheckStack(t, s, cfg)
	return s
}

// mounted returns the files that the kubelet mounts from ConfigMaps and Secrets into a pod's first
// container, by path.
func mounted(t *testing.T, s Snapshot, pod corev1.PodTemplateSpec) map[string]string {
	t.Helper()
	mounts := map[string]string{}
	for _, m := range pod.Spec.Containers[0].VolumeMounts {
		for _, other := range mounts {
			assert.False(t, strings.HasPrefix(m.MountPath+"/", other+"/"), "%s is inside of %s, which may be read-only", m.MountPath, other)
		}
		mounts[m.Name] = m.MountPath
	}
	found := map[string]string{}
	add := func(dir string, data map[string]string, items []corev1.KeyToPath) {
		paths := map[string]string{}
		for key := range data {
			paths[key] = key
		}
		if items != nil {
			paths = map[string]string{}
			for _, item := range items {
				require.Contains(t, data, item.Key)
				paths[item.Key] = item.Path
			}
		}
		for key, file := range paths {
			at := path.Join(dir, file)
			assert.NotContains(t, found, at, "two sources of one file")
			found[at] = data[key]
		}
	}
	for _, volume := range pod.Spec.Volumes {
		dir := mounts[volume.Name]
		switch {
		case volume.ConfigMap != nil:
			add(dir, Get[*corev1.ConfigMap](t, s, volume.ConfigMap.Name).Data, volume.ConfigMap.Items)
		case volume.Secret != nil:
			add(dir, Get[*corev1.Secret](t, s, volume.Secret.SecretName).StringData, volume.Secret.Items)
		case volume.Projected != nil:
			for _, source := range volume.Projected.Sources {
				switch {
				case source.ConfigMap != nil:
					add(dir, Get[*corev1.ConfigMap](t, s, source.ConfigMap.Name).Data, source.ConfigMap.Items)
				case slices.Contains([]string{config.GrafanaSecret, config.GrafanaImportSecret}, source.Secret.Name): // others are existing ones
					add(dir, Get[*corev1.Secret](t, s, source.Secret.Name).StringData, source.Secret.Items)
				}
			}
		}
	}
	return found
}

func TestGrafanaByFiles(t *testing.T) {
	s := grafanaSnapshot(t, files)
	deployment := Get[*appsv1.Deployment](t, s, "grafana")
	assert.Equal(t, int32(1), *deployment.Spec.Replicas)
	assert.Equal(t, appsv1.RollingUpdateDeploymentStrategyType, deployment.Spec.Strategy.Type)
	require.NotNil(t, deployment.Spec.Strategy.RollingUpdate, "otherwise defaults of the API server prevent a change of the strategy")
	assert.Equal(t, 0, deployment.Spec.Strategy.RollingUpdate.MaxUnavailable.IntValue())
	for _, claim := range All[*corev1.PersistentVolumeClaim](s) {
		assert.NotContains(t, claim.Name, "grafana")
	}
	assert.Empty(t, All[*networkingv1.Ingress](s))
	assert.Empty(t, All[*batchv1.Job](s))
	assert.Equal(t, "docker.io/grafana/grafana:13.1.3", deployment.Spec.Template.Spec.Containers[0].Image)
	assert.Equal(t, int64(472), *deployment.Spec.Template.Spec.SecurityContext.RunAsUser)

	found := mounted(t, s, deployment.Spec.Template)
	assert.Equal(t, password, found["/etc/grafana-secrets/admin-password"])
	assert.Contains(t, found["/etc/grafana/grafana.ini"], "$__file{/etc/grafana-secrets/admin-password}")
	assert.Contains(t, found["/etc/grafana/provisioning/datasources/datasources.yaml"], "prometheus-datasource")

	// Each dashboard is where a provider looks for it, and nowhere else.
	var providers struct {
		Providers []struct {
			Options struct{ Path string }
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(found["/etc/grafana/provisioning/dashboards/dashboards.yaml"]), &providers))
	dirs := map[string]int{}
	for _, p := range providers.Providers {
		dirs[p.Options.Path] = 0
	}
	dashboards := map[string]string{}
	for file, text := range found {
		if !strings.HasPrefix(file, "/etc/grafana-dashboards/") {
			continue
		}
		require.Contains(t, dirs, path.Dir(file))
		dirs[path.Dir(file)]++
		var model struct{ UID, Title string }
		require.NoError(t, json.Unmarshal([]byte(text), &model), file)
		dashboards[model.UID] = model.Title
	}
	for dir, count := range dirs {
		assert.NotZero(t, count, dir)
	}
	assert.Equal(t, "Prometheus Stats", dashboards["prometheus-stats"])
	assert.Equal(t, "Kubernetes Pod Resources", dashboards["kubernetes-pod-resources"])
	assert.Contains(t, dashboards, "nodes")
	assert.Contains(t, dashboards, "alerts-overview")
	for uid := range dashboards {
		assert.Len(t, Get[*corev1.ConfigMap](t, s, "grafana-dashboard-"+uid).Data, 1, "one ConfigMap for each dashboard")
	}
}

// Grafana restarts for a change of files that it reads only at its start, not for one of
// dashboards.
func TestGrafanaRestartsForItsConfig(t *testing.T) {
	annotations := func(settings string, others ...string) map[string]string {
		return Get[*appsv1.Deployment](t, grafanaSnapshot(t, settings, others...), "grafana").Spec.Template.Annotations
	}
	base := annotations(files)
	assert.NotEmpty(t, base["checksum/config"])
	assert.Equal(t, base, annotations(files))
	assert.NotEqual(t, base, annotations(files+", config: {log: {level: debug}}"))
	assert.NotEqual(t, base, annotations(files, "alerting: {enabled: false}"), "one datasource fewer")
	// Without kube-state-metrics, dashboards have fewer panels.
	assert.Equal(t, base, annotations(files, "exporters: {kubeStateMetrics: {enabled: false}}"))
	assert.Equal(t, base, annotations("adminPassword: another"), "a checksum of the password would help to guess it")
}

// An annotation of the pods has the version of the Secret, which the API server assigns.
func TestGrafanaRestartsForANewSecret(t *testing.T) {
	s := grafanaSnapshot(t, files)
	deployment := s.Of(Get[*appsv1.Deployment](t, s, "grafana"))
	assert.Contains(t, strings.Join(deployment.Depends, " "), "kubernetes:core/v1:Secret::grafana-secret")
	assert.Contains(t, strings.Join(deployment.Depends, " "), "kubernetes:core/v1:ConfigMap::grafana-config")
	assert.Contains(t, Get[*appsv1.Deployment](t, s, "grafana").Spec.Template.Annotations, "version/secret")
}

func TestGrafanaOnAVolume(t *testing.T) {
	s := grafanaSnapshot(t, files+", persistence: {enabled: true, size: 2Gi}", "storage: {storageClass: fast}")
	deployment := Get[*appsv1.Deployment](t, s, "grafana")
	assert.Equal(t, appsv1.RecreateDeploymentStrategyType, deployment.Spec.Strategy.Type)
	claim := Get[*corev1.PersistentVolumeClaim](t, s, "data-grafana-0")
	assert.Equal(t, "2Gi", claim.Spec.Resources.Requests.Storage().String())
	assert.Equal(t, "fast", *claim.Spec.StorageClassName)
	assert.True(t, s.Of(claim).Protect)
	assert.NotEmpty(t, s.Of(claim).Hooks, "shrinking is not rejected")
}

func TestGrafanaOnALocalVolume(t *testing.T) {
	s := grafanaSnapshot(t, files+", persistence: {enabled: true}", "storage: {mode: local, local: {path: /ssd, nodes: [a]}}")
	volume := Get[*corev1.PersistentVolume](t, s, "monitoring-data-grafana-0")
	assert.Equal(t, "/ssd/grafana", volume.Spec.Local.Path)
	assert.Equal(t, "data-grafana-0", volume.Spec.ClaimRef.Name)
}

// Several pods share a database on a server: they keep nothing, and one can be replaced at a time.
func TestGrafanaOnADatabase(t *testing.T) {
	s := grafanaSnapshot(t, files+", replicas: 2, database: {type: postgres, host: 'db.example.com:5432', name: grafana, user: grafana, password: "+oauth[:5]+", ca: {secret: db, key: ca.crt}}")
	deployment := Get[*appsv1.Deployment](t, s, "grafana")
	assert.Equal(t, int32(2), *deployment.Spec.Replicas)
	assert.Equal(t, appsv1.RollingUpdateDeploymentStrategyType, deployment.Spec.Strategy.Type)
	for _, claim := range All[*corev1.PersistentVolumeClaim](s) {
		assert.NotContains(t, claim.Name, "grafana")
	}
	pod := deployment.Spec.Template.Spec
	require.NotNil(t, pod.Affinity)
	assert.NotEmpty(t, pod.Affinity.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution)
	assert.Len(t, pod.TopologySpreadConstraints, 1)
	budget := Get[*policyv1.PodDisruptionBudget](t, s, "grafana")
	assert.Equal(t, deployment.Spec.Selector.MatchLabels, budget.Spec.Selector.MatchLabels)
	for _, volume := range pod.Volumes {
		switch volume.Name {
		case "data":
			assert.NotNil(t, volume.EmptyDir)
		case "secrets":
			require.Len(t, volume.Projected.Sources, 2)
			assert.Equal(t, []corev1.KeyToPath{{Key: "ca.crt", Path: "database-ca"}}, volume.Projected.Sources[1].Secret.Items)
		}
	}
	assert.Equal(t, oauth[:5], Get[*corev1.Secret](t, s, "grafana").StringData["database-password"])
	assert.Empty(t, All[*policyv1.PodDisruptionBudget](grafanaSnapshot(t, files)))
}

// Each plugin is installed before Grafana starts, with what the stack adds to Grafana's container, such as a proxy.
func TestGrafanaPlugins(t *testing.T) {
	pod := func(settings string) corev1.PodSpec {
		return Get[*appsv1.Deployment](t, grafanaSnapshot(t, files+", "+settings), "grafana").Spec.Template.Spec
	}
	const plugins = "plugins: {grafana-clock-panel: 2.1.8, a-datasource: 1.0.0}"
	spec := pod(plugins)
	require.Len(t, spec.InitContainers, 2)
	first, second := spec.InitContainers[0], spec.InitContainers[1]
	assert.Equal(t, "plugin-a-datasource", first.Name)
	assert.Equal(t, "plugin-grafana-clock-panel", second.Name)
	assert.Equal(t, []string{"grafana", "cli", "--pluginsDir", "/var/lib/grafana/plugins", "plugins", "install", "grafana-clock-panel", "2.1.8"}, second.Command)
	assert.Equal(t, spec.Containers[0].Image, second.Image)
	assert.Equal(t, spec.Containers[0].Resources, second.Resources, "less would evict it, and more would reserve it for ever")
	assert.Subset(t, spec.Containers[0].VolumeMounts, second.VolumeMounts)

	mirrored := pod(plugins + ", pluginRepository: 'https://mirror.example.com/plugins/'")
	assert.Equal(t, []string{"--repo", "https://mirror.example.com/plugins"}, mirrored.InitContainers[0].Command[4:6])

	added := pod(plugins + ", pod: {env: [{name: HTTPS_PROXY, value: a}], volumes: [{name: ca, emptyDir: {}}], volumeMounts: [{name: ca, mountPath: /ca}], " +
		"initContainers: [{name: wait, image: 'wait:1', securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}}]}")
	require.Len(t, added.InitContainers, 3)
	for _, container := range []corev1.Container{added.InitContainers[0], added.InitContainers[1], added.Containers[0]} {
		assert.Contains(t, container.Env, corev1.EnvVar{Name: "HTTPS_PROXY", Value: "a"}, container.Name)
		assert.Contains(t, container.VolumeMounts, corev1.VolumeMount{Name: "ca", MountPath: "/ca"}, container.Name)
	}
	assert.Equal(t, "wait", added.InitContainers[2].Name)
	assert.Empty(t, added.InitContainers[2].Env)
	assert.Empty(t, pod("pod: {env: [{name: HTTPS_PROXY, value: a}]}").InitContainers)
}

// A sidecar copies dashboards from ConfigMaps of others into files before Grafana starts, and from then on. Nothing else
// may ask the API server, and the pod stays ready while that does not answer.
func TestDashboardsInConfigMaps(t *testing.T) {
	s := grafanaSnapshot(t, files+", serviceAccount: {annotations: {a: b}}, dashboards: {configMaps: {namespaces: [shop, bank], label: team/dashboard, labelValue: a}}, pod: {env: [{name: HTTPS_PROXY, value: a}]}")
	pod := Get[*appsv1.Deployment](t, s, "grafana").Spec.Template.Spec
	require.Len(t, pod.InitContainers, 1)
	grafana, sidecar := pod.Containers[0], pod.InitContainers[0]
	assert.Equal(t, corev1.ContainerRestartPolicyAlways, *sidecar.RestartPolicy)
	assert.NotNil(t, sidecar.StartupProbe, "Grafana would delete dashboards that are not there yet")
	assert.Equal(t, "quay.io/kiwigrid/k8s-sidecar:2.11.2", sidecar.Image)
	env := map[string]string{}
	for _, variable := range sidecar.Env {
		env[variable.Name] = variable.Value
	}
	const dir = "/etc/grafana-dashboards/folder-configmaps"
	assert.Equal(t, map[string]string{
		"METHOD": "WATCH", "RESOURCE": "configmap", "NAMESPACE": "bank,shop", "LABEL": "team/dashboard", "LABEL_VALUE": "a", "FOLDER": dir, "UNIQUE_FILENAMES": "true",
	}, env)
	assert.Nil(t, sidecar.ReadinessProbe)
	assert.Equal(t, 8080, sidecar.StartupProbe.HTTPGet.Port.IntValue())
	assert.Nil(t, sidecar.LivenessProbe, "it asks again by itself")
	assert.Contains(t, grafana.VolumeMounts, corev1.VolumeMount{Name: "folder-configmaps", MountPath: dir, ReadOnly: true})
	assert.Contains(t, sidecar.VolumeMounts, corev1.VolumeMount{Name: "folder-configmaps", MountPath: dir})

	assert.Equal(t, "grafana", pod.ServiceAccountName)
	assert.Equal(t, map[string]string{"a": "b"}, Get[*corev1.ServiceAccount](t, s, "grafana").Annotations)
	assert.False(t, *pod.AutomountServiceAccountToken)
	assert.Contains(t, sidecar.VolumeMounts, corev1.VolumeMount{Name: "api-access", MountPath: "/var/run/secrets/kubernetes.io/serviceaccount", ReadOnly: true})
	for _, mount := range grafana.VolumeMounts {
		assert.NotEqual(t, "api-access", mount.Name)
	}
	assert.Empty(t, All[*rbacv1.ClusterRole](s))
	roles := All[*rbacv1.Role](s)
	require.Len(t, roles, 2)
	for i, namespace := range []string{"bank", "shop"} {
		assert.Equal(t, namespace, roles[i].Namespace)
		assert.Equal(t, []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get", "list", "watch"}}}, roles[i].Rules)
	}

	plain := grafanaSnapshot(t, files)
	assert.Empty(t, All[*rbacv1.Role](plain))
	assert.Empty(t, Get[*appsv1.Deployment](t, plain, "grafana").Spec.Template.Spec.InitContainers)
}

func TestGrafanaWithoutAPod(t *testing.T) {
	s := grafanaSnapshot(t, stored+", replicas: 0")
	assert.Equal(t, int32(0), *Get[*appsv1.Deployment](t, s, "grafana").Spec.Replicas)
	assert.Empty(t, All[*batchv1.Job](s), "there is nothing to import into")
}

func TestWhoMayConnectToGrafana(t *testing.T) {
	peers := func(settings string) (apps, namespaces []string) {
		policy := Get[*networkingv1.NetworkPolicy](t, grafanaSnapshot(t, settings), "grafana")
		require.Len(t, policy.Spec.Ingress, 1)
		for _, peer := range policy.Spec.Ingress[0].From {
			if peer.NamespaceSelector != nil {
				namespaces = append(namespaces, peer.NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"])
			} else {
				apps = append(apps, peer.PodSelector.MatchLabels["app.kubernetes.io/name"])
			}
		}
		return apps, namespaces
	}
	apps, namespaces := peers(files)
	assert.Equal(t, []string{"prometheus"}, apps)
	assert.Equal(t, []string{"ingress"}, namespaces)
	apps, _ = peers(stored)
	assert.Equal(t, []string{"prometheus", "grafana-import"}, apps)
}

// job returns the Job of a snapshot. The test fails unless there is exactly one.
func job(t *testing.T, s Snapshot) *batchv1.Job {
	t.Helper()
	jobs := All[*batchv1.Job](s)
	require.Len(t, jobs, 1)
	return jobs[0]
}

// environment returns the environment of a pod's first container.
func environment(pod corev1.PodTemplateSpec) map[string]string {
	env := map[string]string{}
	for _, variable := range pod.Spec.Containers[0].Env {
		env[variable.Name] = variable.Value
	}
	return env
}

func TestImportIntoOurGrafana(t *testing.T) {
	s := grafanaSnapshot(t, stored+", adminUser: root")
	j := job(t, s)
	assert.Equal(t, map[string]string{
		"GRAFANA_URL":           "http://grafana.monitoring.svc:3000",
		"GRAFANA_USER":          "root",
		"GRAFANA_PASSWORD_FILE": "/credentials/admin-password",
		"GRAFANA_READY_SECONDS": "300",
	}, environment(j.Spec.Template))
	assert.Equal(t, corev1.RestartPolicyNever, j.Spec.Template.Spec.RestartPolicy)
	assert.Equal(t, corev1.TerminationMessageFallbackToLogsOnError, j.Spec.Template.Spec.Containers[0].TerminationMessagePolicy)
	assert.Greater(t, *j.Spec.ActiveDeadlineSeconds, int64(300)*2, "there is time for a second try")
	assert.Equal(t, "16m0s", s.Of(j).Create, "Pulumi waits longer than the Job runs")
	assert.True(t, s.Of(j).DeleteBeforeReplace, "otherwise two Jobs import at the same time")
	assert.Equal(t, "true", j.Annotations["pulumi.com/replaceUnready"], "otherwise a failed Job never runs again")

	found := mounted(t, s, j.Spec.Template)
	assert.Equal(t, password, found["/credentials/admin-password"])
	assert.Contains(t, found["/import/import.sh"], "#!/bin/sh")
	for _, file := range []string{"datasource.prometheus.json", "datasource.alertmanager.json", "folder.folder-monitoring.json"} {
		assert.Contains(t, found, path.Join("/import", file))
	}
	stack, err := render.New(grafanaConfig(t, stored))
	require.NoError(t, err)
	for _, d := range stack.Dashboards {
		assert.Contains(t, found, "/import/dashboard."+d.UID+".json")
		assert.Contains(t, Get[*corev1.ConfigMap](t, s, "grafana-import-dashboard-"+d.UID).Data, "dashboard."+d.UID+".json")
	}

	depends := strings.Join(s.Of(j).Depends, " ")
	for _, before := range []string{"apps/v1:Deployment::grafana-deployment", "Secret::grafana-secret", "ConfigMap::grafana-import-files", "ConfigMap::grafana-import-dashboard-nodes"} {
		assert.Contains(t, depends, before, "the Job could start before it")
	}

	// Files provision nothing in addition.
	grafana := mounted(t, s, Get[*appsv1.Deployment](t, s, "grafana").Spec.Template)
	for file := range grafana {
		assert.NotContains(t, file, "dashboard.")
		assert.NotContains(t, file, render.GrafanaDashboardsDir)
	}
}

func TestImportIntoAnExternalGrafana(t *testing.T) {
	s := grafanaSnapshot(t, external)
	assert.Empty(t, All[*appsv1.Deployment](s))
	assert.Empty(t, All[*corev1.Service](s))
	j := job(t, s)
	assert.Equal(t, map[string]string{
		"GRAFANA_URL":           "https://grafana.example.com/base",
		"GRAFANA_TOKEN_FILE":    "/credentials/token",
		"GRAFANA_READY_SECONDS": "300",
	}, environment(j.Spec.Template))
	found := mounted(t, s, j.Spec.Template)
	assert.Equal(t, token, found["/credentials/token"])
	assert.Contains(t, found["/import/datasource.prometheus-test.json"], `"url":"https://prometheus.example.com"`)
	assert.Contains(t, strings.Join(s.Of(j).Depends, " "), "Secret::grafana-import-secret")

	policy := Get[*networkingv1.NetworkPolicy](t, s, "grafana-import")
	assert.Empty(t, policy.Spec.Ingress, "nobody connects to it")
	assert.Equal(t, []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}, policy.Spec.PolicyTypes)
}

func TestImportRunsAgainWhenItsContentChanges(t *testing.T) {
	name := func(settings string, others ...string) string {
		return job(t, grafanaSnapshot(t, settings, others...)).Name
	}
	base := name(stored)
	assert.Regexp(t, `^grafana-import-[0-9a-f]{10}$`, base)
	assert.Equal(t, base, name(stored))
	assert.Equal(t, base, name(stored+", config: {log: {level: debug}}, importResources: {limits: {memory: 128Mi}}"))
	assert.NotEqual(t, base, name(stored, "prometheus: {scrapeInterval: 15s}"), "the datasource changes")
	assert.NotEqual(t, base, name(stored, "exporters: {nodeExporter: {enabled: false}}"), "one dashboard fewer")
}

// Only Secrets contain secrets, and the stack's state does not contain them in plain text.
func TestGrafanaSecretsAreOnlyInSecrets(t *testing.T) {
	settings := ", secrets: {oauth: " + oauth + "}, config: {auth.generic_oauth: {client_secret: '$__file{/etc/grafana-secrets/oauth}'}}"
	for name, s := range map[string]Snapshot{
		"files":    grafanaSnapshot(t, files+settings),
		"job":      grafanaSnapshot(t, stored+settings),
		"external": grafanaSnapshot(t, external),
	} {
		for _, r := range s {
			text, err := json.Marshal(r.Inputs.Mappable())
			require.NoError(t, err)
			for _, secret := range []string{password, oauth, token} {
				if !strings.Contains(string(text), secret) {
					continue
				}
				assert.Equal(t, "kubernetes:core/v1:Secret", r.Type, "%s: %s has a secret", name, r.Name)
				assert.Equal(t, []string{"stringData"}, r.Secrets, "%s: in plain text in the state", name)
			}
		}
	}
}
