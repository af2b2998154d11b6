// Package stacks tests whole stacks: the committed ones, variants of the config, every platform and
// the corpus of broken stacks. The test of package main runs each function with the program's own
// wiring, in the root of the work tree.
package stacks

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	property "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/tests"
)

// Committed asserts the invariants of package tests for the committed stacks.
func Committed(t *testing.T, program tests.Program) {
	for _, stack := range []string{"dev", "prod", "kind"} {
		t.Run(stack, func(t *testing.T) {
			cfg, err := config.FromFile("Pulumi." + stack + ".yaml")
			require.NoError(t, err)
			s := tests.Deploy(t, program, cfg)
			tests.CheckStack(t, s, cfg)
			checkImages(t, s, cfg)
		})
	}
}

// checkImages asserts that render.Images lists what the pods of a stack pull, and nothing else.
func checkImages(t *testing.T, s tests.Snapshot, cfg *config.Config) {
	t.Helper()
	pulled := map[string]bool{}
	for _, pod := range tests.Pods(s) {
		for _, container := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
			pulled[container.Image] = true
		}
		for _, volume := range pod.Spec.Volumes {
			if volume.Image != nil {
				pulled[volume.Image.Reference] = true
			}
		}
	}
	assert.Equal(t, slices.Sorted(maps.Keys(pulled)), slices.Sorted(maps.Keys(render.Images(cfg))))
}

// PreviewStops asserts that the findings of package check stop a preview if they are errors, and
// are logged otherwise.
func PreviewStops(t *testing.T, program Preview) {
	_, err := program.run("cluster: {name: test, nodes: 1, createNamespace: false}\nprometheus: {replicas: 2}")
	require.ErrorContains(t, err, "prometheus.replicas: 2, each on a node of its own, but cluster.nodes is 1")
	recorder, err := program.run("cluster: {name: test, createNamespace: false}\nstorage: {mode: ephemeral}")
	require.NoError(t, err)
	warnings := strings.Join(recorder.Warnings(), "\n")
	assert.Contains(t, warnings, "cluster.createNamespace: false, and exporters.nodeExporter uses the host's files")
	assert.Contains(t, warnings, "storage.mode: ephemeral: samples and silences are lost with each pod")

	t.Setenv("KUBECONFIG", os.DevNull)
	recorder, err = program.run("grafana: {adminPassword: {secret: login, key: password}}")
	require.NoError(t, err)
	warnings = strings.Join(recorder.Warnings(), "\n")
	assert.Contains(t, warnings, `grafana.adminPassword: is the key "password" of the existing Secret "login"`)
	assert.Contains(t, warnings, "not every existing Secret was looked up")
}

// Values of stacks, in YAML.
const (
	slack    = `alerting: {replicas: 3, slack: {channel: "#alerts", webhookUrl: "https://hooks.example.com/s3cret"}, deadMansSwitchUrl: "https://example.com/s3cret", secrets: {pager: s3cret}}`
	longTerm = `longTermStorage: {enabled: true, objectStore: {type: S3, config: {bucket: blocks, endpoint: s3.example.com}, secrets: {access_key: s3cret, secret_key: s3cret}}}`
	central  = "prometheus: {mode: none}\nlongTermStorage: {enabled: true, tls: {secretName: thanos-certificate}, query: {endpoints: ['thanos-query.shop.svc:10901', 'thanos.bank.example.com:443'], fromNamespaces: [ingress]}}"
	sidecars = `prometheus: {pod: {labels: {team: a}, volumes: [{name: scratch, emptyDir: {}}, {name: tools, image: {reference: "registry.example.com/tools:1.0"}}], containers: [{
  name: backup, image: "registry.example.com/backup:1.4.2", resources: {requests: {cpu: 10m, memory: 64Mi}, limits: {memory: 64Mi}},
  securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}},
  volumeMounts: [{name: data, mountPath: /prometheus, readOnly: true}, {name: scratch, mountPath: /tmp}, {name: tools, mountPath: /tools}]}]}}`
	external = `grafana: {import: job, external: {url: "https://grafana.example.com", token: s3cret, prometheusUrl: "https://prometheus.example.com"}}`
)

// basic is a login with a user name and a password, in YAML.
const basic = "login: {basic: {users: {stack: '$2a$04$5a4Kd4ZT5iDLz3AFdBOmWOQUxl5gpLpRtnM9XDWifzEjxS9clEFRe'}, client: {user: stack, password: s3cret}}}\n"

// existing is a stack all of whose secrets are in existing Secrets, in YAML.
const existing = `grafana: {adminPassword: {secret: login, key: password}, import: job, database: {type: postgres, host: "db.example.com:5432", name: grafana, user: grafana, password: {secret: db, key: password}, ca: {secret: db, key: ca}}, secrets: {oauth: {secret: login, key: oauth}}}
alerting: {replicas: 3, slack: {channel: "#alerts", webhookUrl: {secret: slack, key: url}}, deadMansSwitchUrl: {secret: healthchecks, key: url}}
prometheus: {shards: 2, secrets: {central: {secret: central, key: password}}}
exporters: {blackboxExporter: {secrets: {shop: {secret: shop, key: password}}}}
longTermStorage: {enabled: true, objectStore: {type: S3, config: {bucket: blocks, endpoint: s3.example.com}, secrets: {access_key: {secret: minio, key: user}, secret_key: {secret: minio, key: password}}}}`

// login is a stack whose UIs are published behind a login, without the settings of Thanos, in YAML.
const login = `cluster: {name: test, networkPolicies: {fromNamespaces: [ingress]}}
prometheus: {access: {host: example.com, path: /prometheus, login: oidc, ingress: {}}}
alerting: {acknowledgeNoNotifications: true, access: {host: example.com, path: /alertmanager, login: oidc, ingress: {}}}
grafana: {adminPassword: s3cret, access: {host: grafana.example.com, login: oidc, ingress: {}}}
login: {oidc: {issuerUrl: "https://login.example.com", clientId: monitoring, clientSecret: s3cret, cookieSecret: s3crets3crets3cr, groups: [sre], roles: {sre: Admin}, replicas: 2,
  endpoints: {authorization: "https://login.example.com/auth", token: "https://login.example.com/token", userinfo: "https://login.example.com/me"}}}
`

// published returns a stack whose UIs are published by an ingress or an httpRoute, in YAML.
func published(by string) string {
	access := func(host, login string) string {
		return "{host: " + host + ".example.com, path: /" + host + ", " + login + by + ", fromNamespaces: [ingress]}"
	}
	return "checks: {waive: {ui-login: a login is in front}}\nprometheus: {access: " + access("prometheus", "login: none, ") + "}\nalerting: {access: " + access("alertmanager", "login: none, ") +
		"}\ngrafana: {adminPassword: s3cret, access: " + access("grafana", "") + "}\n"
}

// Variants asserts the invariants for variants of the config, and that only Secrets contain
// secrets.
func Variants(t *testing.T, program tests.Program) {
	for name, text := range map[string]string{
		"defaults":                "",
		"ephemeral":               "storage: {mode: ephemeral}",
		"local":                   "storage: {mode: local, local: {path: /mnt/ssd, nodes: [a, b]}}\nprometheus: {replicas: 2}",
		"replicas":                "prometheus: {replicas: 3}\n" + slack,
		"no policies":             "cluster: {name: test, networkPolicies: {enabled: false}}",
		"policies for others":     "cluster: {name: test, networkPolicies: {fromNamespaces: [ingress]}}",
		"a namespace that exists": "cluster: {name: test, namespace: observability, createNamespace: false}",
		"published":               published("ingress: {className: nginx, annotations: {rewrite: a}, tls: {issuerRef: {name: letsencrypt}}}") + longTerm[:len(longTerm)-1] + ", queryFrontend: {access: {host: thanos.example.com, login: none, ingress: {}, fromNamespaces: [ingress]}}}",
		"published by a gateway":  published("httpRoute: {parentRefs: [{name: public, namespace: gateways, sectionName: https}], annotations: {a: b}}"),
		"basic login":             basic + "prometheus: {access: {login: basic}, replicas: 2}\nalerting: {access: {login: basic}, replicas: 3}\n",
		"basic login to Thanos": basic + "prometheus: {shards: 2, access: {login: basic}}\nalerting: {access: {login: basic}}\ngrafana: {adminPassword: s3cret, import: job, persistence: {enabled: true}}\n" +
			longTerm[:len(longTerm)-1] + ", queryFrontend: {access: {login: basic}}}",
		"certificates":          "tls: {secretName: certificate}\n" + login + longTerm[:len(longTerm)-1] + ", queryFrontend: {access: {host: thanos.example.com, login: oidc, ingress: {}}}}",
		"client certificates":   basic + "tls: {issuerRef: {name: authority}, clientCertificates: true}\nprometheus: {shards: 2, access: {login: basic}}\nexporters: {kubeStateMetrics: {shards: 2}}\n" + longTerm,
		"some namespaces":       "discovery: {namespaces: [shop, bank]}",
		"every job off":         "discovery: {jobs: {" + off() + "}}",
		"no exporters":          "exporters: {nodeExporter: {enabled: false}, kubeStateMetrics: {enabled: false}, blackboxExporter: {enabled: false}, nodeDirectorySizeMetrics: {enabled: false}}",
		"Windows nodes":         "exporters: {windowsExporter: {enabled: true}}",
		"sharded":               "exporters: {kubeStateMetrics: {shards: 3}}",
		"no alerting":           "alerting: {enabled: false}",
		"no Grafana":            "grafana: {enabled: false}",
		"Grafana without pod":   "grafana: {adminPassword: s3cret, replicas: 0}",
		"Grafana with a volume": "grafana: {adminPassword: s3cret, import: job, persistence: {enabled: true}, secrets: {oauth: s3cret}}",
		"Grafana, replicated":   "grafana: {adminPassword: s3cret, import: job, replicas: 2, plugins: {grafana-clock-panel: 2.1.8}, database: {type: mysql, host: 'mysql.databases.svc:3306', name: grafana, user: grafana, password: s3cret}}",
		"dashboards of others":  "grafana: {adminPassword: s3cret, dashboards: {configMaps: {namespaces: [shop, monitoring]}}}",
		"a Grafana elsewhere":   external,
		"remote write":          "prometheus: {secrets: {central: s3cret}, serviceAccount: {annotations: {eks.amazonaws.com/role-arn: a}}, remoteWrite: [{name: central, url: 'https://example.com', authorization: {credentials_file: /etc/prometheus/secrets/central}}]}",
		"agent":                 "prometheus: {mode: agent, remoteWrite: [{name: central, url: 'https://example.com'}]}\nalerting: {enabled: false}\ngrafana: {enabled: false}",
		"receivers":             "prometheus: {remoteWriteReceiver: {enabled: true, fromNamespaces: [shop]}, otlpReceiver: {enabled: true}}",
		"long-term storage":     longTerm,
		"more of it":            "prometheus: {replicas: 2, outOfOrderTimeWindow: 30m}\nstorage: {mode: local, local: {nodes: [a, b]}}\nlongTermStorage: {enabled: true, objectStore: {type: FILESYSTEM, claim: blocks, config: {directory: /blocks}}, serviceAccount: {annotations: {a: b}}, tls: {secretName: thanos-certificate}, storeGateway: {partitions: 2, replicas: 2}, query: {replicas: 2, endpoints: ['thanos.example.com:443'], fromNamespaces: [ingress]}, queryFrontend: {replicas: 2}}",
		"central":               central,
		"central, all of it":    "cluster: {name: test, platform: openshift}\nstorage: {mode: local, local: {nodes: [a]}}\nprometheus: {mode: none}\nlongTermStorage: {enabled: true, tls: {issuerRef: {name: thanos}}, query: {replicas: 2, endpoints: ['thanos.bank.example.com:443']}, queryFrontend: {replicas: 2}}\ngrafana: {adminPassword: s3cret, import: job, persistence: {enabled: true}}",
		"central, no Grafana":   "grafana: {enabled: false}\n" + central,
		"shards":                "prometheus: {shards: 2}\n" + longTerm,
		"more shards":           "prometheus: {replicas: 2, shards: 2, retiredShards: 1, secrets: {central: s3cret}}\nstorage: {mode: local, local: {nodes: [a, b, c, d, e, f]}}\nlongTermStorage: {enabled: true, objectStore: {type: FILESYSTEM, claim: blocks, config: {directory: /blocks}}, tls: {secretName: thanos-certificate}, ruler: {replicas: 3}}",
		"shards, no alerting":   "prometheus: {shards: 2}\nalerting: {enabled: false}\nstorage: {mode: ephemeral}\n" + longTerm,
		"existing Secrets":      existing,
		"mirrors":               "images: {registryMirrors: {quay.io: mirror.example.com}, pullPolicy: Always, pullSecrets: [registry]}",
		"scheduling":            "prometheus: {nodeSelector: {disk: ssd}, tolerations: [{operator: Exists}], priorityClassName: high}",
		"sidecars":              sidecars,
		"alerts elsewhere":      "prometheus: {shards: 2, secrets: {central: s3cret, other: s3cret}}\nalerting: {enabled: false, alertmanagers: [{scheme: https, static_configs: [{targets: ['alerts.example.com:443']}], authorization: {credentials_file: /etc/prometheus/secrets/central}}]}\n" + longTerm,
		"behind a login":        login + longTerm[:len(longTerm)-1] + ", queryFrontend: {access: {host: thanos.example.com, login: oidc, ingress: {}}}}",
	} {
		t.Run(name, func(t *testing.T) {
			cfg := configtest.Config(t, text)
			s := tests.Deploy(t, program, cfg)
			tests.CheckStack(t, s, cfg)
			checkImages(t, s, cfg)
			for _, r := range s {
				if r.Type == "kubernetes:core/v1:Secret" {
					continue
				}
				inputs, err := json.Marshal(r.Inputs.Mappable())
				require.NoError(t, err)
				assert.NotContains(t, string(inputs), configtest.Secret, "%s shows a secret", r.Name)
			}
		})
	}
}

// off returns settings that switch every job off, in YAML.
func off() string {
	text := ""
	for _, job := range config.Jobs {
		text += string(job) + ": {enabled: false}, "
	}
	return text
}

// Parts asserts that a stack deploys the workloads that its config enables, and no others.
func Parts(t *testing.T, program tests.Program) {
	all := []string{"alertmanager", "blackbox-exporter", "grafana", "kube-state-metrics", "node-directory-size-metrics", "node-exporter", "prometheus"}
	assert.Equal(t, all, workloads(t, program, ""))
	assert.ElementsMatch(t, append(all, "thanos-compactor", "thanos-query", "thanos-query-frontend", "thanos-store-gateway"), workloads(t, program, longTerm))
	assert.Equal(t, []string{"prometheus"}, workloads(t, program, `
exporters: {nodeExporter: {enabled: false}, kubeStateMetrics: {enabled: false}, blackboxExporter: {enabled: false}, nodeDirectorySizeMetrics: {enabled: false}}
alerting: {enabled: false}
grafana: {enabled: false}`))
}

// workloads returns the names of a stack's workloads, sorted.
func workloads(t *testing.T, program tests.Program, text string) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(tests.Pods(tests.Deploy(t, program, configtest.Config(t, text)))))
}

// InvariantsFail asserts that each invariant fails for stacks that violate it.
func InvariantsFail(t *testing.T, program tests.Program) {
	type breakage struct {
		invariant, name string
		change          func(s tests.Snapshot) tests.Snapshot
	}
	edit := func(change func(s tests.Snapshot)) func(tests.Snapshot) tests.Snapshot {
		return func(s tests.Snapshot) tests.Snapshot { change(s); return s }
	}
	server := func(change func(*appsv1.StatefulSet)) func(tests.Snapshot) tests.Snapshot {
		return edit(func(s tests.Snapshot) { change(tests.Get[*appsv1.StatefulSet](t, s, "prometheus")) })
	}
	container := func(change func(*corev1.Container)) func(tests.Snapshot) tests.Snapshot {
		return server(func(set *appsv1.StatefulSet) { change(&set.Spec.Template.Spec.Containers[0]) })
	}
	access := func(change func(*rbacv1.PolicyRule)) func(tests.Snapshot) tests.Snapshot {
		return edit(func(s tests.Snapshot) {
			change(&tests.Get[*rbacv1.ClusterRole](t, s, "monitoring-prometheus").Rules[0])
		})
	}
	without := func(kind, name string) func(tests.Snapshot) tests.Snapshot {
		return func(s tests.Snapshot) tests.Snapshot {
			kept := slices.DeleteFunc(s, func(r tests.Resource) bool { return r.Type == kind && r.Name == name })
			require.Less(t, len(kept), len(s), "%s %s", kind, name)
			return kept
		}
	}
	configMap := func(change func(*corev1.ConfigMap)) func(tests.Snapshot) tests.Snapshot {
		return edit(func(s tests.Snapshot) { change(tests.Get[*corev1.ConfigMap](t, s, "prometheus-config")) })
	}
	resource := func(name string, change func(*tests.Resource)) func(tests.Snapshot) tests.Snapshot {
		return edit(func(s tests.Snapshot) {
			change(&s[slices.IndexFunc(s, func(r tests.Resource) bool { return r.Name == name })])
		})
	}
	const (
		metadata   = "every object has a name, a namespace and the standard labels"
		parents    = "every resource is a child of its component"
		selectors  = "selectors match the pods they are meant for"
		services   = "Service ports lead to container ports"
		references = "what pods refer to exists"
		known      = "what pods have is known to what a stack may add to them"
		nodes      = "pods run on nodes that their images are for"
		security   = "pods meet the restricted standard"
		containers = "containers have probes, requests and limits"
		secrets    = "secrets are only in Secrets"
		parts      = "no object has an empty part"
		sizes      = "no object is near etcd's size limit"
		rights     = "access rights name what they grant"
		policies   = "every workload has a NetworkPolicy"
		replicas   = "replicas survive a drain"
	)
	cfg := configtest.Config(t, "prometheus: {replicas: 2}\nexporters: {windowsExporter: {enabled: true}}\n"+slack)
	require.Empty(t, tests.Violated(tests.Deploy(t, program, cfg), cfg))
	for _, b := range []breakage{
		{metadata, "no name", configMap(func(m *corev1.ConfigMap) { m.Name = "" })},
		{metadata, "another namespace", configMap(func(m *corev1.ConfigMap) { m.Namespace = "default" })},
		{metadata, "a missing label", configMap(func(m *corev1.ConfigMap) { delete(m.Labels, "app.kubernetes.io/part-of") })},
		{metadata, "two with one name", configMap(func(m *corev1.ConfigMap) { m.Name = "prometheus-rules" })},
		{parents, "no parent", resource("prometheus-server", func(r *tests.Resource) { r.Parent = "" })},
		{parents, "another name", resource("prometheus-server", func(r *tests.Resource) { r.Name = "server" })},
		{selectors, "pods of another label", server(func(s *appsv1.StatefulSet) { s.Spec.Template.Labels["app.kubernetes.io/name"] = "x" })},
		{selectors, "selector that changes", server(func(s *appsv1.StatefulSet) {
			s.Spec.Selector.MatchLabels["app.kubernetes.io/version"] = s.Spec.Template.Labels["app.kubernetes.io/version"]
		})},
		{services, "port of another name", container(func(c *corev1.Container) { c.Ports[0].Name = "http" })},
		{services, "Service without pods", edit(func(s tests.Snapshot) {
			tests.Get[*corev1.Service](t, s, "prometheus").Spec.Selector["app.kubernetes.io/name"] = "x"
		})},
		{services, "no headless Service", without("kubernetes:core/v1:Service", "prometheus-headless")},
		{references, "no ConfigMap", without("kubernetes:core/v1:ConfigMap", "discovery-config")},
		{references, "no ServiceAccount", without("kubernetes:core/v1:ServiceAccount", "prometheus-account")},
		{references, "no claim", without("kubernetes:core/v1:PersistentVolumeClaim", "storage-claim-1")},
		{references, "no Secret", without("kubernetes:core/v1:Secret", "alertmanager-secrets")},
		{references, "mount without volume", container(func(c *corev1.Container) { c.VolumeMounts[0].Name = "x" })},
		{references, "secret in the environment", container(func(c *corev1.Container) {
			c.Env = append(c.Env, corev1.EnvVar{Name: "X", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{Key: "x"}}})
		})},
		{known, "volume", server(func(s *appsv1.StatefulSet) {
			s.Spec.Template.Spec.Volumes = append(s.Spec.Template.Spec.Volumes, corev1.Volume{Name: "x"})
		})},
		{known, "variable", container(func(c *corev1.Container) { c.Env = append(c.Env, corev1.EnvVar{Name: "X"}) })},
		{nodes, "Windows nodes", edit(func(s tests.Snapshot) {
			tests.Get[*appsv1.DaemonSet](t, s, "node-exporter").Spec.Template.Spec.NodeSelector = nil
		})},
		{nodes, "Linux nodes", edit(func(s tests.Snapshot) {
			tests.Get[*appsv1.DaemonSet](t, s, "windows-exporter").Spec.Template.Spec.NodeSelector["kubernetes.io/os"] = "linux"
		})},
		{security, "a user of a HostProcess pod", edit(func(s tests.Snapshot) {
			tests.Get[*appsv1.DaemonSet](t, s, "windows-exporter").Spec.Template.Spec.SecurityContext.RunAsUser = new(int64(1))
		})},
		{security, "escalation", container(func(c *corev1.Container) { c.SecurityContext.AllowPrivilegeEscalation = new(true) })},
		{security, "writable root", container(func(c *corev1.Container) { c.SecurityContext.ReadOnlyRootFilesystem = new(false) })},
		{security, "privileged", container(func(c *corev1.Container) { c.SecurityContext.Privileged = new(true) })},
		{security, "capability", container(func(c *corev1.Container) { c.SecurityContext.Capabilities.Add = []corev1.Capability{"NET_RAW"} })},
		{security, "no security context", container(func(c *corev1.Container) { c.SecurityContext = nil })},
		{security, "root", server(func(s *appsv1.StatefulSet) { s.Spec.Template.Spec.SecurityContext.RunAsUser = new(int64(0)) })},
		{security, "host network", server(func(s *appsv1.StatefulSet) { s.Spec.Template.Spec.HostNetwork = true })},
		{security, "host path", server(func(s *appsv1.StatefulSet) {
			s.Spec.Template.Spec.Volumes[0].VolumeSource = corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/"}}
		})},
		{security, "writable host path", edit(func(s tests.Snapshot) {
			tests.Get[*appsv1.DaemonSet](t, s, "node-exporter").Spec.Template.Spec.Containers[0].VolumeMounts[0].ReadOnly = false
		})},
		{containers, "no readiness probe", container(func(c *corev1.Container) { c.ReadinessProbe = nil })},
		{containers, "no liveness probe", container(func(c *corev1.Container) { c.LivenessProbe = nil })},
		{containers, "no memory limit", container(func(c *corev1.Container) { c.Resources.Limits = nil })},
		{containers, "no requests", container(func(c *corev1.Container) { c.Resources.Requests = nil })},
		{containers, "image without a tag", container(func(c *corev1.Container) { c.Image = "quay.io:443/prometheus/prometheus" })},
		{containers, "image with tag latest", container(func(c *corev1.Container) { c.Image = "quay.io/prometheus/prometheus:latest" })},
		{secrets, "secret in a ConfigMap", resource("discovery-config", func(r *tests.Resource) { r.Secrets = []string{"data"} })},
		{secrets, "Secret in plain text", resource("alertmanager-secrets", func(r *tests.Resource) { r.Secrets = nil })},
		{parts, "empty data", resource("alertmanager-secrets", func(r *tests.Resource) { r.Inputs["stringData"] = property.NewProperty(property.PropertyMap{}) })},
		{sizes, "too large", configMap(func(m *corev1.ConfigMap) { m.Data["x"] = strings.Repeat("x", 1<<20) })},
		{rights, "every verb", access(func(r *rbacv1.PolicyRule) { r.Verbs = []string{"*"} })},
		{rights, "every resource", access(func(r *rbacv1.PolicyRule) { r.Resources = []string{"*"} })},
		{rights, "every URL", access(func(r *rbacv1.PolicyRule) { r.NonResourceURLs = []string{"/*"} })},
		{rights, "proxy to nodes", access(func(r *rbacv1.PolicyRule) { r.Resources = []string{"nodes/proxy"} })},
		{rights, "deletion", access(func(r *rbacv1.PolicyRule) { r.Verbs = []string{"delete"} })},
		{policies, "no policy", without("kubernetes:networking.k8s.io/v1:NetworkPolicy", "prometheus-network")},
		{policies, "policy for everyone", edit(func(s tests.Snapshot) {
			tests.Get[*networkingv1.NetworkPolicy](t, s, "prometheus").Spec.Ingress[0].From = nil
		})},
		{policies, "policy for every port", edit(func(s tests.Snapshot) {
			tests.Get[*networkingv1.NetworkPolicy](t, s, "prometheus").Spec.Ingress[0].Ports = nil
		})},
		{replicas, "no budget", without("kubernetes:policy/v1:PodDisruptionBudget", "prometheus-budget")},
		{replicas, "budget for other pods", edit(func(s tests.Snapshot) {
			tests.Get[*policyv1.PodDisruptionBudget](t, s, "prometheus").Spec.Selector.MatchLabels["app.kubernetes.io/name"] = "x"
		})},
		{replicas, "on one node", server(func(s *appsv1.StatefulSet) { s.Spec.Template.Spec.Affinity = nil })},
	} {
		t.Run(b.invariant+"/"+b.name, func(t *testing.T) {
			assert.Contains(t, tests.Violated(b.change(tests.Deploy(t, program, cfg)), cfg), b.invariant)
		})
	}
}
