package tests

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// prometheus deploys the server on its storage, as main.go does.
func prometheus(ctx *pulumi.Context, site components.Site) error {
	storage, err := components.NewStorage(ctx, "storage", &components.StorageArgs{
		Site: site, App: "prometheus", Replicas: site.Stack.Config.Prometheus.Replicas, Size: site.Stack.Config.Storage.Size,
	})
	if err != nil {
		return err
	}
	rules := "prometheus-rules"
	if site.Stack.Config.Agent() {
		rules = ""
	}
	_, err = components.NewPrometheus(ctx, "prometheus", &components.PrometheusArgs{
		Site: site, ConfigMap: "prometheus-config", Rules: rules, Claims: storage.Claims,
	})
	return err
}

// server deploys Prometheus for a stack in YAML and returns its StatefulSet and container.
func server(t *testing.T, text string) (Snapshot, *appsv1.StatefulSet, corev1.Container) {
	t.Helper()
	s := Component(t, configtest.Config(t, text), prometheus)
	set := Get[*appsv1.StatefulSet](t, s, "prometheus")
	require.Len(t, set.Spec.Template.Spec.Containers, 1)
	return s, set, set.Spec.Template.Spec.Containers[0]
}

func TestPrometheusFlags(t *testing.T) {
	_, _, container := server(t, "")
	own := []string{"--config.file=/etc/prometheus/config/prometheus.yml", "--config.auto-reload", "--storage.tsdb.path=/prometheus", "--web.route-prefix=/"}
	assert.Equal(t, own, container.Args, "no lifecycle or admin API, and nothing that prometheus.yml can set")

	_, _, container = server(t, `
prometheus:
  externalUrl: https://example.com/prometheus
  featureFlags: [exemplar-storage, memory-snapshot-on-shutdown]
  extraArgs: {query.max-concurrency: "10", web.enable-admin-api: "true", auto-gomaxprocs: "false", log.level: debug}`)
	assert.Equal(t, append(own,
		"--web.external-url=https://example.com/prometheus",
		"--enable-feature=exemplar-storage,memory-snapshot-on-shutdown",
		"--log.level=debug", "--no-auto-gomaxprocs", "--query.max-concurrency=10", "--web.enable-admin-api",
	), container.Args)
}

func TestPrometheusAgent(t *testing.T) {
	s, _, container := server(t, `
prometheus: {mode: agent, remoteWrite: [{name: central, url: 'https://example.com'}], agentRetention: 8h}
alerting: {enabled: false}
grafana: {enabled: false}`)
	assert.Equal(t, []string{
		"--config.file=/etc/prometheus/config/prometheus.yml", "--config.auto-reload", "--agent", "--storage.agent.path=/prometheus/agent",
		"--storage.agent.retention.max-time=8h", "--web.route-prefix=/",
	}, container.Args)
	for _, mount := range container.VolumeMounts {
		assert.NotEqual(t, "rules", mount.Name)
	}
	assert.Len(t, All[*corev1.PersistentVolumeClaim](s), 1, "what waits outlives the pod")
}

// Receivers share the port of the web UI, which the namespaces of senders may reach.
func TestPrometheusReceivers(t *testing.T) {
	s, _, container := server(t, `
prometheus: {remoteWriteReceiver: {enabled: true, fromNamespaces: [shop, bank]}, otlpReceiver: {enabled: true, fromNamespaces: [shop]}}`)
	assert.Contains(t, container.Args, "--web.enable-remote-write-receiver")
	assert.Contains(t, container.Args, "--web.enable-otlp-receiver")
	policy := Get[*networkingv1.NetworkPolicy](t, s, "prometheus")
	var namespaces []string
	for _, from := range policy.Spec.Ingress[0].From {
		if from.NamespaceSelector != nil {
			namespaces = append(namespaces, from.NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"])
		}
	}
	assert.Equal(t, []string{"shop", "bank"}, namespaces)
}

// A server that replays a long write-ahead log at its start is not killed, and does not fail the
// update.
func TestPrometheusStartup(t *testing.T) {
	s, set, container := server(t, "prometheus: {startupTimeout: 1h}")
	probe := container.StartupProbe
	assert.Equal(t, int32(3600), probe.PeriodSeconds*probe.FailureThreshold)
	assert.Equal(t, "/-/ready", probe.HTTPGet.Path)
	assert.Equal(t, "/-/healthy", container.LivenessProbe.HTTPGet.Path, "a server that is not ready is not killed")
	assert.Equal(t, "/-/ready", container.ReadinessProbe.HTTPGet.Path)
	assert.Equal(t, "1h10m0s", s.Of(set).Create)
	assert.Greater(t, *set.Spec.Template.Spec.TerminationGracePeriodSeconds, int64(60))
}

func TestPrometheusReplicas(t *testing.T) {
	s, set, _ := server(t, "")
	assert.Equal(t, int32(1), *set.Spec.Replicas)
	assert.Nil(t, set.Spec.Template.Spec.Affinity)
	assert.Empty(t, set.Spec.Template.Spec.TopologySpreadConstraints)
	assert.Empty(t, All[*policyv1.PodDisruptionBudget](s), "it would block every drain")

	s, set, _ = server(t, "prometheus: {replicas: 2}")
	assert.Equal(t, int32(2), *set.Spec.Replicas)
	assert.Equal(t, appsv1.ParallelPodManagement, set.Spec.PodManagementPolicy, "a broken replica does not delay the others")
	terms := set.Spec.Template.Spec.Affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	require.Len(t, terms, 1)
	assert.Equal(t, "kubernetes.io/hostname", terms[0].TopologyKey)
	assert.Equal(t, set.Spec.Selector, terms[0].LabelSelector)
	spread := set.Spec.Template.Spec.TopologySpreadConstraints
	require.Len(t, spread, 1)
	assert.Equal(t, "topology.kubernetes.io/zone", spread[0].TopologyKey)
	assert.Equal(t, corev1.ScheduleAnyway, spread[0].WhenUnsatisfiable, "a cluster without zones")
	assert.Equal(t, set.Spec.Selector, spread[0].LabelSelector)
	budget := Get[*policyv1.PodDisruptionBudget](t, s, "prometheus")
	assert.Equal(t, 1, budget.Spec.MaxUnavailable.IntValue())
	assert.Equal(t, set.Spec.Selector, budget.Spec.Selector)
}

func TestPrometheusServices(t *testing.T) {
	s, set, _ := server(t, "")
	web := Get[*corev1.Service](t, s, "prometheus")
	require.Len(t, web.Spec.Ports, 1)
	assert.Equal(t, "web", web.Spec.Ports[0].Name)
	assert.Equal(t, int32(9090), web.Spec.Ports[0].Port)
	assert.Equal(t, "web", web.Spec.Ports[0].TargetPort.String())
	assert.Empty(t, web.Spec.ClusterIP)
	headless := Get[*corev1.Service](t, s, set.Spec.ServiceName)
	assert.Equal(t, corev1.ClusterIPNone, headless.Spec.ClusterIP)
	assert.True(t, headless.Spec.PublishNotReadyAddresses)
}

func TestPrometheusVolumes(t *testing.T) {
	mounts := func(container corev1.Container) map[string]string {
		at := map[string]string{}
		for _, mount := range container.VolumeMounts {
			at[mount.Name] = mount.MountPath
			assert.Equal(t, mount.Name != "data", mount.ReadOnly, mount.Name)
			assert.Empty(t, mount.SubPath, "a subPath mount never sees an update")
		}
		return at
	}
	want := map[string]string{"config": "/etc/prometheus/config", "rules": "/etc/prometheus/rules", "data": "/prometheus"}

	// The claim template has neither size nor class, so that changing them does not replace the
	// StatefulSet.
	_, set, container := server(t, "storage: {size: 100Gi, storageClass: fast}")
	assert.Equal(t, want, mounts(container))
	require.Len(t, set.Spec.VolumeClaimTemplates, 1)
	_, other, _ := server(t, "storage: {size: 10Gi}")
	assert.Equal(t, set.Spec.VolumeClaimTemplates, other.Spec.VolumeClaimTemplates)

	_, set, container = server(t, "storage: {mode: ephemeral, size: 5Gi}")
	assert.Equal(t, want, mounts(container))
	assert.Empty(t, set.Spec.VolumeClaimTemplates)
	for _, volume := range set.Spec.Template.Spec.Volumes {
		if volume.Name == "data" {
			assert.Equal(t, "5Gi", volume.EmptyDir.SizeLimit.String())
		}
	}
}

// An identity of a cloud is an annotation of the ServiceAccount, which clouds read when a pod starts.
func TestPrometheusIdentity(t *testing.T) {
	s, before, _ := server(t, "")
	assert.Empty(t, Get[*corev1.ServiceAccount](t, s, "prometheus").Annotations)
	assert.Empty(t, before.Spec.Template.Annotations)

	s, set, _ := server(t, `prometheus: {serviceAccount: {annotations: {eks.amazonaws.com/role-arn: "arn:aws:iam::1:role/a"}, podLabels: {azure.workload.identity/use: "true"}}}`)
	assert.Equal(t, map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/a"}, Get[*corev1.ServiceAccount](t, s, "prometheus").Annotations)
	assert.Equal(t, "true", set.Spec.Template.Labels["azure.workload.identity/use"])
	assert.Equal(t, before.Spec.Selector, set.Spec.Selector)
	_, other, _ := server(t, `prometheus: {serviceAccount: {annotations: {eks.amazonaws.com/role-arn: "arn:aws:iam::1:role/b"}}}`)
	assert.NotEqual(t, set.Spec.Template.Annotations, other.Spec.Template.Annotations, "the pods restart")
}

// rules returns access rules as lines such as "list apps/deployments".
func rules(policy []rbacv1.PolicyRule) []string {
	var lines []string
	for _, rule := range policy {
		for _, resource := range rule.Resources {
			for _, verb := range rule.Verbs {
				group := rule.APIGroups[0]
				if group != "" {
					group += "/"
				}
				lines = append(lines, verb+" "+group+resource)
			}
		}
		for _, url := range rule.NonResourceURLs {
			for _, verb := range rule.Verbs {
				lines = append(lines, verb+" "+url)
			}
		}
	}
	return lines
}

func TestPrometheusAccess(t *testing.T) {
	off := func(jobs ...string) string {
		text := "discovery: {jobs: {"
		for _, job := range jobs {
			text += job + ": {enabled: false}, "
		}
		return text + "}}"
	}
	read := func(resources ...string) []string {
		var lines []string
		for _, resource := range resources {
			lines = append(lines, "list "+resource, "watch "+resource)
		}
		return lines
	}
	const slices = "discovery.k8s.io/endpointslices"
	for _, c := range []struct {
		name, stack string
		cluster     []string
		namespaces  map[string][]string
	}{
		{
			"all jobs", "",
			append(read("nodes", "pods", "services", slices), "get nodes/metrics", "get /metrics"), nil,
		}, {
			"no kubelets", off("kubernetes-nodes", "kubernetes-cadvisor", "kubernetes-probes"),
			append(read("pods", "services", slices), "get /metrics"), nil,
		}, {
			"one job of the kubelets", off("kubernetes-nodes"),
			append(read("nodes", "pods", "services", slices), "get nodes/metrics", "get /metrics"), nil,
		}, {
			"no API servers", off("kubernetes-apiservers"),
			append(read("nodes", "pods", "services", slices), "get nodes/metrics"), nil,
		}, {
			"no annotations", off("kubernetes-endpoints", "kubernetes-services", "kubernetes-pods"),
			append(read("nodes"), "get nodes/metrics", "get /metrics"),
			map[string][]string{"default": read("pods", "services", slices), "monitoring": read("pods")},
		}, {
			"probed Ingresses", "discovery: {jobs: {kubernetes-ingresses: {enabled: true}}}",
			append(read("nodes", "pods", "services", slices, "networking.k8s.io/ingresses"), "get nodes/metrics", "get /metrics"), nil,
		}, {
			"some namespaces", "discovery: {namespaces: [shop]}",
			append(read("nodes"), "get nodes/metrics", "get /metrics"),
			map[string][]string{"default": read("pods", "services", slices), "monitoring": read("pods"), "shop": read("pods", "services", slices)},
		}, {
			"some namespaces, and nothing of the cluster", `
discovery:
  namespaces: [shop]
  jobs: {kubernetes-nodes: {enabled: false}, kubernetes-cadvisor: {enabled: false}, kubernetes-probes: {enabled: false}, kubernetes-apiservers: {enabled: false}}`,
			nil,
			map[string][]string{"monitoring": read("pods"), "shop": read("pods", "services", slices)},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, set, _ := server(t, c.stack)
			account := set.Spec.Template.Spec.ServiceAccountName
			assert.Equal(t, "prometheus", account)
			assert.False(t, *Get[*corev1.ServiceAccount](t, s, account).AutomountServiceAccountToken)
			assert.True(t, *set.Spec.Template.Spec.AutomountServiceAccountToken)
			subject := []rbacv1.Subject{{Kind: "ServiceAccount", Name: account, Namespace: "monitoring"}}

			if len(c.cluster) == 0 {
				assert.Empty(t, All[*rbacv1.ClusterRole](s))
				assert.Empty(t, All[*rbacv1.ClusterRoleBinding](s))
			} else {
				assert.ElementsMatch(t, c.cluster, rules(Get[*rbacv1.ClusterRole](t, s, "monitoring-prometheus").Rules))
				binding := Get[*rbacv1.ClusterRoleBinding](t, s, "monitoring-prometheus")
				assert.Equal(t, subject, binding.Subjects)
				assert.Equal(t, rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: "monitoring-prometheus"}, binding.RoleRef)
			}
			assert.Len(t, All[*rbacv1.Role](s), len(c.namespaces))
			for _, role := range All[*rbacv1.Role](s) {
				assert.ElementsMatch(t, c.namespaces[role.Namespace], rules(role.Rules), role.Namespace)
			}
			assert.Len(t, All[*rbacv1.RoleBinding](s), len(c.namespaces))
			for _, binding := range All[*rbacv1.RoleBinding](s) {
				assert.Equal(t, subject, binding.Subjects, "the account is in the server's namespace")
				assert.Equal(t, "Role", binding.RoleRef.Kind)
				assert.Contains(t, c.namespaces, binding.Namespace)
			}
		})
	}
}

func TestPrometheusNetworkPolicy(t *testing.T) {
	s, set, _ := server(t, "")
	policy := Get[*networkingv1.NetworkPolicy](t, s, "prometheus")
	assert.Equal(t, set.Spec.Selector, &policy.Spec.PodSelector)
	assert.Equal(t, []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}, policy.Spec.PolicyTypes)
	require.Len(t, policy.Spec.Ingress, 1)
	assert.Equal(t, "web", policy.Spec.Ingress[0].Ports[0].Port.String())
	var apps []string
	for _, peer := range policy.Spec.Ingress[0].From {
		apps = append(apps, peer.PodSelector.MatchLabels["app.kubernetes.io/name"])
		assert.Equal(t, "monitoring", peer.PodSelector.MatchLabels["app.kubernetes.io/instance"])
		assert.Nil(t, peer.NamespaceSelector)
	}
	assert.ElementsMatch(t, []string{"prometheus", "grafana"}, apps)

	s, _, _ = server(t, "cluster: {name: test, networkPolicies: {fromNamespaces: [ingress]}}")
	peers := Get[*networkingv1.NetworkPolicy](t, s, "prometheus").Spec.Ingress[0].From
	require.Len(t, peers, 3)
	assert.Equal(t, map[string]string{"kubernetes.io/metadata.name": "ingress"}, peers[2].NamespaceSelector.MatchLabels)

	s, _, _ = server(t, "cluster: {name: test, networkPolicies: {enabled: false}}")
	assert.Empty(t, All[*networkingv1.NetworkPolicy](s))
}

// The objects of two stacks on one cluster do not collide.
func TestTwoStacksOnOneCluster(t *testing.T) {
	first := Component(t, configtest.Config(t, "storage: {mode: local, local: {nodes: [a]}}"), prometheus)
	second := Component(t, configtest.Config(t, "cluster: {name: test, namespace: staging}\nstorage: {mode: local, local: {nodes: [a]}}"), prometheus)
	id := func(r Resource) string {
		metadata := r.Inputs["metadata"].ObjectValue()
		namespace := ""
		if value, ok := metadata["namespace"]; ok {
			namespace = value.StringValue()
		}
		return r.Type + " " + namespace + "/" + metadata["name"].StringValue()
	}
	taken := map[string]bool{}
	for _, r := range first.objects() {
		taken[id(r)] = true
	}
	for _, r := range second.objects() {
		assert.False(t, taken[id(r)], "both stacks have %s", id(r))
	}
}

func TestDiscoveryConfigMap(t *testing.T) {
	s := Component(t, configtest.Config(t, ""), func(ctx *pulumi.Context, site components.Site) error {
		_, err := components.NewDiscovery(ctx, "discovery", &components.DiscoveryArgs{Site: site})
		return err
	})
	text := Get[*corev1.ConfigMap](t, s, "prometheus-config").Data["prometheus.yml"]
	for _, job := range config.Jobs {
		if configtest.Config(t, "").Enabled(job) {
			assert.Contains(t, text, "job_name: "+string(job)+"\n")
		}
	}
}
