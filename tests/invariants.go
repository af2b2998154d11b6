package tests

import (
	"encoding/json"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// hostApps names the workloads that may use the host, because they report on it.
var hostApps = []string{"node-exporter", "node-directory-size-metrics", windowsApp}

// windowsApp is the workload of Windows nodes. Its containers are HostProcess containers, to which nothing else of the
// Pod Security Standards applies.
const windowsApp = "windows-exporter"

// invariants lists what holds for every stack, whatever its config.
var invariants = []struct {
	name  string
	check func(require.TestingT, Snapshot, *config.Config)
}{
	{"every object has a name, a namespace and the standard labels", checkMetadata},
	{"every resource is a child of its component", checkParents},
	{"selectors match the pods they are meant for", checkSelectors},
	{"Service ports lead to container ports", checkServices},
	{"what pods refer to exists", checkReferences},
	{"what pods have is known to what a stack may add to them", checkKnownPods},
	{"pods run on nodes that their images are for", checkNodes},
	{"pods meet the restricted standard", checkPodSecurity},
	{"containers have probes, requests and limits", checkContainers},
	{"secrets are only in Secrets", checkSecrets},
	{"no object has an empty part", checkEmptyFields},
	{"no object is near etcd's size limit", checkSizes},
	{"access rights name what they grant", checkRBAC},
	{"every workload has a NetworkPolicy", checkNetworkPolicies},
	{"replicas survive a drain", checkReplicas},
}

// CheckStack asserts every invariant for what a stack with cfg registered.
func CheckStack(t *testing.T, s Snapshot, cfg *config.Config) {
	for _, invariant := range invariants {
		t.Run(invariant.name, func(t *testing.T) { invariant.check(t, s, cfg) })
	}
}

// Violated returns the names of the invariants that do not hold.
func Violated(s Snapshot, cfg *config.Config) []string {
	var violated []string
	for _, invariant := range invariants {
		f := &failures{}
		done := make(chan struct{})
		go func() { // FailNow ends the goroutine
			defer close(done)
			defer func() {
				if recover() != nil { // an object that it reads is missing
					f.failed = true
				}
			}()
			invariant.check(f, s, cfg)
		}()
		<-done
		if f.failed {
			violated = append(violated, invariant.name)
		}
	}
	return violated
}

// failures is a require.TestingT that records whether the test failed.
type failures struct{ failed bool }

// Errorf records a failure.
func (f *failures) Errorf(string, ...any) { f.failed = true }

// FailNow records a failure and ends the goroutine.
func (f *failures) FailNow() { f.failed = true; runtime.Goexit() }

// clusterScoped lists the kinds of a stack that have no namespace.
var clusterScoped = []string{"Namespace", "PersistentVolume", "StorageClass", "ClusterRole", "ClusterRoleBinding"}

// checkMetadata asserts the names, namespaces and standard labels of objects, and that no two
// objects are the same.
func checkMetadata(t require.TestingT, s Snapshot, cfg *config.Config) {
	seen := map[string]bool{}
	for _, r := range s.objects() {
		kind := r.Type[strings.LastIndex(r.Type, ":")+1:]
		object, err := meta.Accessor(r.Object)
		require.NoError(t, err)
		assert.NotEmpty(t, object.GetName(), "%s has no name, so Pulumi would generate one", r.Name)
		if slices.Contains(clusterScoped, kind) {
			assert.Empty(t, object.GetNamespace(), r.Name)
		} else if kind == "Role" || kind == "RoleBinding" {
			assert.NotEmpty(t, object.GetNamespace(), r.Name)
		} else {
			assert.Equal(t, cfg.Cluster.Namespace, object.GetNamespace(), r.Name)
		}
		id := kind + "/" + object.GetNamespace() + "/" + object.GetName()
		assert.False(t, seen[id], "two resources are %s", id)
		seen[id] = true
		for _, label := range []string{"part-of", "managed-by"} {
			assert.Contains(t, object.GetLabels(), "app.kubernetes.io/"+label, r.Name)
		}
		if kind != "Namespace" {
			for _, label := range []string{"name", "instance", "component"} {
				assert.Contains(t, object.GetLabels(), "app.kubernetes.io/"+label, r.Name)
			}
		}
	}
}

// checkParents asserts that resources are children of components and are named after them.
func checkParents(t require.TestingT, s Snapshot, _ *config.Config) {
	components := map[string]bool{}
	for _, r := range s {
		if strings.HasPrefix(r.Type, "kubernetes-prometheus:components:") {
			components[r.Name] = true
		}
	}
	for _, r := range s {
		if components[r.Name] {
			continue
		}
		assert.True(t, components[r.Parent], "the parent of %s is %q, not a component", r.Name, r.Parent)
		assert.True(t, strings.HasPrefix(r.Name, r.Parent+"-"), "%s is not named after its component %s", r.Name, r.Parent)
	}
}

// Pods returns the pod templates of a snapshot, by the name of their workload.
func Pods(s Snapshot) map[string]corev1.PodTemplateSpec {
	pods := map[string]corev1.PodTemplateSpec{}
	for _, w := range All[*appsv1.StatefulSet](s) {
		pods[w.Name] = w.Spec.Template
	}
	for _, w := range All[*appsv1.Deployment](s) {
		pods[w.Name] = w.Spec.Template
	}
	for _, w := range All[*appsv1.DaemonSet](s) {
		pods[w.Name] = w.Spec.Template
	}
	for _, w := range All[*batchv1.Job](s) {
		pods[w.Name] = w.Spec.Template
	}
	return pods
}

// checkSelectors asserts that selectors of workloads, budgets and policies match the right pods by
// labels that do not change.
func checkSelectors(t require.TestingT, s Snapshot, _ *config.Config) {
	selectors := map[string]*metav1.LabelSelector{}
	for _, w := range All[*appsv1.StatefulSet](s) {
		selectors[w.Name] = w.Spec.Selector
	}
	for _, w := range All[*appsv1.Deployment](s) {
		selectors[w.Name] = w.Spec.Selector
	}
	for _, w := range All[*appsv1.DaemonSet](s) {
		selectors[w.Name] = w.Spec.Selector
	}
	pods := Pods(s)
	for name, selector := range selectors {
		assert.Equal(t, []string{"app.kubernetes.io/component", "app.kubernetes.io/instance", "app.kubernetes.io/name"},
			slices.Sorted(maps.Keys(selector.MatchLabels)), "selector of %s: other labels change, but a selector cannot", name)
		assert.Equal(t, []string{name}, selected(t, pods, selector), "pods that %s selects", name)
	}
	for _, budget := range All[*policyv1.PodDisruptionBudget](s) {
		assert.Len(t, selected(t, pods, budget.Spec.Selector), 1, "pods of budget %s", budget.Name)
	}
	for _, policy := range All[*networkingv1.NetworkPolicy](s) {
		assert.NotEmpty(t, selected(t, pods, &policy.Spec.PodSelector), "pods of network policy %s", policy.Name)
	}
}

// selected returns the names of the workloads whose pods a selector matches, sorted.
func selected(t require.TestingT, pods map[string]corev1.PodTemplateSpec, selector *metav1.LabelSelector) []string {
	matcher, err := metav1.LabelSelectorAsSelector(selector)
	require.NoError(t, err)
	var names []string
	for _, name := range slices.Sorted(maps.Keys(pods)) {
		if matcher.Matches(labels.Set(pods[name].Labels)) {
			names = append(names, name)
		}
	}
	return names
}

// checkServices asserts that Services and Ingresses lead to ports that exist.
func checkServices(t require.TestingT, s Snapshot, _ *config.Config) {
	pods := Pods(s)
	for _, service := range All[*corev1.Service](s) {
		behind := selected(t, pods, &metav1.LabelSelector{MatchLabels: service.Spec.Selector})
		if !assert.Len(t, behind, 1, "workloads behind Service %s", service.Name) {
			continue
		}
		ports := map[string]int32{}
		for _, container := range pods[behind[0]].Spec.Containers {
			for _, port := range container.Ports {
				ports[port.Name] = port.ContainerPort
			}
		}
		for _, port := range service.Spec.Ports {
			assert.Contains(t, ports, port.TargetPort.String(), "Service %s", service.Name)
		}
	}
	for _, set := range All[*appsv1.StatefulSet](s) {
		service := Get[*corev1.Service](t, s, set.Spec.ServiceName)
		assert.Equal(t, "None", service.Spec.ClusterIP, "the Service of a StatefulSet is headless")
	}
	for _, ingress := range All[*networkingv1.Ingress](s) {
		assert.Equal(t, "true", ingress.Annotations["pulumi.com/skipAwait"], "many controllers never set the address of %s", ingress.Name)
		for _, rule := range ingress.Spec.Rules {
			for _, path := range rule.HTTP.Paths {
				service := Get[*corev1.Service](t, s, path.Backend.Service.Name)
				assert.True(t, slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool {
					return p.Name == path.Backend.Service.Port.Name
				}), "Ingress %s leads to no port of Service %s", ingress.Name, service.Name)
			}
		}
	}
	for _, route := range All[*gatewayv1.HTTPRoute](s) {
		for _, rule := range route.Spec.Rules {
			for _, backend := range rule.BackendRefs {
				service := Get[*corev1.Service](t, s, string(backend.Name))
				assert.True(t, slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == *backend.Port }),
					"HTTPRoute %s leads to no port of Service %s", route.Name, service.Name)
			}
		}
	}
}

// checkReferences asserts that the accounts, ConfigMaps, Secrets, claims and volumes that pods
// refer to exist, and that pods mount all their volumes.
func checkReferences(t require.TestingT, s Snapshot, cfg *config.Config) {
	names := func(objects ...metav1.Object) map[string]bool {
		found := map[string]bool{}
		for _, object := range objects {
			found[object.GetName()] = true
		}
		return found
	}
	configMaps, secrets, accounts, claims := names(), names(), names(), names()
	for _, o := range All[*corev1.ConfigMap](s) {
		configMaps[o.Name] = true
	}
	for _, o := range All[*corev1.Secret](s) {
		secrets[o.Name] = true
	}
	for _, o := range All[*corev1.ServiceAccount](s) {
		accounts[o.Name] = true
	}
	for _, o := range All[*corev1.PersistentVolumeClaim](s) {
		claims[o.Name] = true
	}
	// Those that the stack says exist.
	existing := map[string]bool{}
	for _, e := range cfg.ExistingSecrets() {
		secrets[e.Secret], existing[e.Secret] = true, true
	}
	secrets[cfg.LongTermStorage.TLS.SecretName], secrets[cfg.TLS.SecretName] = true, true
	claims[cfg.LongTermStorage.ObjectStore.Claim] = true
	for name, pod := range Pods(s) {
		if account := pod.Spec.ServiceAccountName; account != "" {
			assert.True(t, accounts[account], "%s uses ServiceAccount %s", name, account)
		} else {
			assert.False(t, *pod.Spec.AutomountServiceAccountToken, "%s mounts the default account's token", name)
		}
		volumes := map[string]bool{}
		for _, volume := range pod.Spec.Volumes {
			volumes[volume.Name] = true
			switch {
			case volume.ConfigMap != nil:
				assert.True(t, configMaps[volume.ConfigMap.Name], "%s mounts ConfigMap %s", name, volume.ConfigMap.Name)
			case volume.Projected != nil:
				for _, source := range volume.Projected.Sources {
					switch {
					case source.ConfigMap != nil:
						// Kubernetes keeps the CA of the API server in every namespace.
						assert.True(t, configMaps[source.ConfigMap.Name] || source.ConfigMap.Name == "kube-root-ca.crt", "%s projects ConfigMap %s", name, source.ConfigMap.Name)
					case source.ServiceAccountToken != nil, source.DownwardAPI != nil:
						assert.NotEmpty(t, pod.Spec.ServiceAccountName, "%s projects the default account's token", name)
					case source.Secret != nil:
						assert.True(t, secrets[source.Secret.Name], "%s projects Secret %s", name, source.Secret.Name)
					default:
						assert.Fail(t, "projects something else", name)
					}
				}
			case volume.Secret != nil:
				assert.True(t, secrets[volume.Secret.SecretName], "%s mounts Secret %s", name, volume.Secret.SecretName)
			case volume.PersistentVolumeClaim != nil:
				assert.True(t, claims[volume.PersistentVolumeClaim.ClaimName], "%s mounts claim %s", name, volume.PersistentVolumeClaim.ClaimName)
			}
		}
		for _, set := range All[*appsv1.StatefulSet](s) {
			if set.Name != name {
				continue
			}
			for _, template := range set.Spec.VolumeClaimTemplates {
				volumes[template.Name] = true
			}
		}
		used := map[string]bool{}
		for _, container := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
			for _, mount := range container.VolumeMounts {
				assert.True(t, volumes[mount.Name], "%s mounts volume %s", name, mount.Name)
				used[mount.Name] = true
			}
			for _, env := range container.Env {
				if env.ValueFrom != nil && env.ValueFrom.SecretKeyRef != nil {
					// Thanos reads those of existing Secrets from nowhere else.
					assert.True(t, strings.HasPrefix(env.Name, "OBJSTORE_") && existing[env.ValueFrom.SecretKeyRef.Name],
						"secret in the environment of %s: %s; processes read secrets from files", name, env.Name)
				}
			}
		}
		assert.Equal(t, volumes, used, "volumes of %s that no container mounts", name)
	}
	for _, set := range All[*appsv1.StatefulSet](s) {
		for _, template := range set.Spec.VolumeClaimTemplates {
			claim := Get[*corev1.PersistentVolumeClaim](t, s, template.Name+"-"+set.Name+"-0")
			assert.Equal(t, *set.Spec.Replicas, int32(len(claimsOf(s, template.Name+"-"+set.Name+"-"))), "claims of %s", set.Name)
			assert.Equal(t, claim.Spec.AccessModes, template.Spec.AccessModes)
			assert.NotEmpty(t, s.Of(set).Depends, "%s does not wait for its claims", set.Name)
		}
	}
}

// checkNodes asserts that pods select nodes of the operating system that the images are for.
func checkNodes(t require.TestingT, s Snapshot, _ *config.Config) {
	for name, pod := range Pods(s) {
		want := "linux"
		if name == windowsApp {
			want = "windows"
		}
		assert.Equal(t, want, pod.Spec.NodeSelector["kubernetes.io/os"], "%s may be placed on a node of another operating system", name)
	}
}

// checkKnownPods asserts that render.Pods lists what the pods of each component have, so that what a
// stack adds to pods cannot clash with it.
func checkKnownPods(t require.TestingT, s Snapshot, cfg *config.Config) {
	known := map[string]render.Pod{}
	for _, pod := range render.Pods(cfg) {
		known[pod.Name] = pod
	}
	for name, pod := range Pods(s) {
		of, ok := known[pod.Labels["app.kubernetes.io/name"]]
		if !ok {
			assert.Equal(t, render.GrafanaImport, pod.Labels["app.kubernetes.io/name"], "render.Pods does not have %s", name)
			continue
		}
		if !reflect.ValueOf(of.Settings.Pod).IsZero() {
			continue
		}
		var volumes []string
		for _, volume := range pod.Spec.Volumes {
			volumes = append(volumes, volume.Name)
			assert.Equal(t, volume.HostPath != nil, slices.Contains(of.HostVolumes, volume.Name), "volume %s of %s", volume.Name, name)
		}
		for _, set := range All[*appsv1.StatefulSet](s) {
			for _, template := range set.Spec.VolumeClaimTemplates {
				if set.Name == name {
					volumes = append(volumes, template.Name)
				}
			}
		}
		for _, volume := range of.Volumes {
			// A folder of Grafana is a volume only if it has dashboards.
			assert.True(t, slices.Contains(volumes, volume) || strings.HasPrefix(volume, "folder-"), "%s has no volume %s", name, volume)
		}
		assert.Subset(t, of.Volumes, volumes, name)
		var containers []string
		for _, container := range slices.Concat(pod.Spec.Containers, pod.Spec.InitContainers) {
			containers = append(containers, container.Name)
			for _, port := range container.Ports {
				assert.Equal(t, of.Ports[port.Name], int(port.ContainerPort), "port %s of %s", port.Name, name)
			}
		}
		assert.ElementsMatch(t, of.Containers, containers, name)
		for _, variable := range pod.Spec.Containers[0].Env {
			assert.Contains(t, of.Env, variable.Name, name)
		}
		for _, mount := range pod.Spec.Containers[0].VolumeMounts {
			assert.True(t, slices.ContainsFunc(of.Mounts, func(dir string) bool {
				return mount.MountPath == dir || strings.HasPrefix(mount.MountPath, dir+"/")
			}), "render.Pods does not list the mount %s of %s", mount.MountPath, name)
		}
		assert.Equal(t, *pod.Spec.AutomountServiceAccountToken, slices.Contains(of.Mounts, "/var/run/secrets/kubernetes.io/serviceaccount"), "token of %s", name)
	}
}

// claimsOf returns the claims whose names start with prefix.
func claimsOf(s Snapshot, prefix string) []*corev1.PersistentVolumeClaim {
	return slices.DeleteFunc(All[*corev1.PersistentVolumeClaim](s), func(c *corev1.PersistentVolumeClaim) bool {
		ordinal, ok := strings.CutPrefix(c.Name, prefix)
		return !ok || strings.Trim(ordinal, "0123456789") != "" // of prometheus-shard-1
	})
}

// checkPodSecurity asserts the restricted Pod Security Standard, except for hostApps:
// https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
func checkPodSecurity(t require.TestingT, s Snapshot, cfg *config.Config) {
	platform := cfg.Cluster.Profile()
	for name, pod := range Pods(s) {
		spec := pod.Spec
		if name == windowsApp {
			checkHostProcess(t, name, spec, platform)
			continue
		}
		for _, container := range append(spec.InitContainers, spec.Containers...) {
			security := container.SecurityContext
			if !assert.NotNil(t, security, name) {
				continue
			}
			assert.False(t, *security.AllowPrivilegeEscalation, name)
			assert.True(t, *security.ReadOnlyRootFilesystem, name)
			assert.Equal(t, []corev1.Capability{"ALL"}, security.Capabilities.Drop, name)
			assert.Nil(t, security.Privileged, name)
			if !slices.Contains(hostApps, name) {
				assert.Empty(t, security.Capabilities.Add, name)
			}
		}
		assert.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, spec.SecurityContext.SeccompProfile.Type, name)
		assert.False(t, spec.HostPID, name)
		assert.False(t, spec.HostIPC, name)
		for _, volume := range spec.Volumes {
			if volume.HostPath != nil {
				assert.Contains(t, hostApps, name, "only these mount the host's files")
				assert.Empty(t, platform.NoHostAccess, name)
				for _, container := range spec.Containers {
					for _, mount := range container.VolumeMounts {
						assert.True(t, mount.Name != volume.Name || mount.ReadOnly, "%s can write to the host", name)
					}
				}
			}
		}
		if !slices.Contains(hostApps, name) {
			assert.True(t, *spec.SecurityContext.RunAsNonRoot, name)
			checkUser(t, name, spec.SecurityContext, platform.AssignsUsers)
			assert.False(t, spec.HostNetwork, name)
		} else if platform.AssignsUsers {
			assert.NotEmpty(t, spec.ServiceAccountName, "%s has no account that could have the right to the host", name)
		}
	}
}

// checkHostProcess asserts that a pod consists of HostProcess containers, without settings that Windows refuses or
// files of the host. https://kubernetes.io/docs/tasks/configure-pod-container/create-hostprocess-pod/
func checkHostProcess(t require.TestingT, name string, spec corev1.PodSpec, platform config.Profile) {
	assert.Empty(t, platform.NoHostAccess, name)
	assert.Equal(t, corev1.Windows, spec.OS.Name, name)
	assert.True(t, spec.HostNetwork, name)
	user := `NT AUTHORITY\SYSTEM`
	assert.Equal(t, &corev1.PodSecurityContext{WindowsOptions: &corev1.WindowsSecurityContextOptions{HostProcess: new(true), RunAsUserName: &user}}, spec.SecurityContext, name)
	assert.Empty(t, spec.Volumes, name)
	for _, container := range append(spec.InitContainers, spec.Containers...) {
		assert.Nil(t, container.SecurityContext, name)
	}
	if platform.AssignsUsers {
		assert.NotEmpty(t, spec.ServiceAccountName, "%s has no account that could have the right to the host", name)
	}
}

// checkUser asserts that a pod sets its user, which is not root, or leaves it to a platform that
// assigns users.
func checkUser(t require.TestingT, name string, security *corev1.PodSecurityContext, assigned bool) {
	if assigned {
		assert.Nil(t, security.RunAsUser, name)
		assert.Nil(t, security.RunAsGroup, name)
		assert.Nil(t, security.FSGroup, name)
	} else if assert.NotNil(t, security.RunAsUser, name) {
		assert.NotZero(t, *security.RunAsUser, name)
	}
}

// checkContainers asserts that containers have probes, requests, a memory limit and a pinned image.
func checkContainers(t require.TestingT, s Snapshot, _ *config.Config) {
	jobs := map[string]bool{}
	for _, job := range All[*batchv1.Job](s) {
		jobs[job.Name] = true
	}
	for name, pod := range Pods(s) {
		for _, container := range pod.Spec.Containers {
			if !jobs[name] && len(container.Ports) > 0 {
				assert.NotNil(t, container.ReadinessProbe, "readiness of %s", name)
				assert.NotNil(t, container.LivenessProbe, "liveness of %s", name)
			}
			assert.NotZero(t, container.Resources.Requests.Cpu().MilliValue(), "CPU request of %s", name)
			assert.NotZero(t, container.Resources.Requests.Memory().Value(), "memory request of %s", name)
			assert.NotZero(t, container.Resources.Limits.Memory().Value(), "memory limit of %s", name)
			_, tag, tagged := strings.Cut(container.Image[strings.LastIndex(container.Image, "/")+1:], ":")
			assert.True(t, tagged && tag != "latest", "image %s of %s is not pinned", container.Image, name)
		}
	}
}

// checkSecrets asserts that only Secrets have secret inputs, and that each Secret's values are
// secret.
func checkSecrets(t require.TestingT, s Snapshot, _ *config.Config) {
	for _, r := range s {
		for _, path := range r.Secrets {
			assert.Equal(t, "kubernetes:core/v1:Secret", r.Type, "%s.%s is secret", r.Name, path)
		}
		_, hasData := r.Inputs["data"]
		_, hasStringData := r.Inputs["stringData"]
		if (hasData || hasStringData) && r.Type == "kubernetes:core/v1:Secret" {
			assert.NotEmpty(t, r.Secrets, "%s is in plain text in the stack's state", r.Name)
		}
	}
}

// checkEmptyFields rejects empty values at the top of objects, such as a Secret's stringData: the
// API server drops them, so that every preview would add them again.
func checkEmptyFields(t require.TestingT, s Snapshot, _ *config.Config) {
	for _, r := range s {
		if r.Object == nil {
			continue
		}
		for key, value := range r.Inputs {
			empty := value.IsObject() && len(value.ObjectValue()) == 0 || value.IsArray() && len(value.ArrayValue()) == 0
			assert.False(t, empty, "%s of %s is empty", key, r.Name)
		}
	}
}

// checkSizes asserts that objects are smaller than 900 KiB; etcd accepts requests of up to 1.5 MiB:
// https://etcd.io/docs/v3.5/dev-guide/limit/
func checkSizes(t require.TestingT, s Snapshot, _ *config.Config) {
	for _, r := range s.objects() {
		text, err := json.Marshal(r.Object)
		require.NoError(t, err)
		assert.Less(t, len(text), 900<<10, r.Name)
	}
}

// checkRBAC asserts that roles only grant reading, without wildcards.
func checkRBAC(t require.TestingT, s Snapshot, _ *config.Config) {
	check := func(name string, rules []rbacv1.PolicyRule) {
		for _, rule := range rules {
			for _, list := range [][]string{rule.APIGroups, rule.Resources, rule.Verbs, rule.NonResourceURLs} {
				for _, value := range list {
					assert.NotContains(t, value, "*", "%s grants a wildcard", name)
				}
			}
			assert.NotContains(t, rule.Resources, "nodes/proxy", "%s could run commands in every pod", name)
			for _, verb := range rule.Verbs {
				assert.Contains(t, []string{"get", "list", "watch"}, verb, "%s can change things", name)
			}
		}
	}
	for _, role := range All[*rbacv1.ClusterRole](s) {
		check(role.Name, role.Rules)
	}
	for _, role := range All[*rbacv1.Role](s) {
		check(role.Name, role.Rules)
	}
}

// checkNetworkPolicies asserts that every pod outside the host's network has a NetworkPolicy that
// names peers and ports, unless the stack switches NetworkPolicies off.
func checkNetworkPolicies(t require.TestingT, s Snapshot, cfg *config.Config) {
	if !cfg.Cluster.NetworkPolicies.Enabled {
		assert.Empty(t, All[*networkingv1.NetworkPolicy](s))
		return
	}
	pods := Pods(s)
	covered := map[string]bool{}
	for _, policy := range All[*networkingv1.NetworkPolicy](s) {
		for _, name := range selected(t, pods, &policy.Spec.PodSelector) {
			covered[name] = true
		}
		for _, rule := range policy.Spec.Ingress {
			assert.NotEmpty(t, rule.From, "%s lets everyone in", policy.Name)
			assert.NotEmpty(t, rule.Ports, "%s opens every port", policy.Name)
		}
	}
	for name, pod := range pods {
		if !pod.Spec.HostNetwork { // policies do not apply to the host's network
			assert.True(t, covered[name], "no NetworkPolicy for %s", name)
		}
	}
}

// checkReplicas asserts that StatefulSets with several replicas, and only those, have a disruption
// budget, and that they have an affinity.
func checkReplicas(t require.TestingT, s Snapshot, _ *config.Config) {
	pods := Pods(s)
	budgets := map[string]bool{}
	for _, budget := range All[*policyv1.PodDisruptionBudget](s) {
		for _, name := range selected(t, pods, budget.Spec.Selector) {
			budgets[name] = true
		}
	}
	for _, set := range All[*appsv1.StatefulSet](s) {
		several := *set.Spec.Replicas > 1
		assert.Equal(t, several, budgets[set.Name], "disruption budget of %s with %d replicas", set.Name, *set.Spec.Replicas)
		if several {
			assert.NotNil(t, set.Spec.Template.Spec.Affinity, "replicas of %s may share a node", set.Name)
		}
	}
}

// objects returns the resources that are Kubernetes objects.
func (s Snapshot) objects() []Resource {
	return slices.DeleteFunc(slices.Clone(s), func(r Resource) bool { return r.Object == nil })
}
