package tests

import (
	"slices"
	"testing"

	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	certmanagermeta "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// thanos deploys the parts of Thanos and the server, as main.go does.
func thanos(ctx *pulumi.Context, site components.Site) error {
	storage, err := components.DeployStorages(ctx, site)
	if err != nil {
		return err
	}
	parts, err := components.DeployThanos(ctx, site, storage)
	if err != nil {
		return err
	}
	discovery, err := components.NewDiscovery(ctx, "discovery", &components.DiscoveryArgs{Site: site, Claims: storage.PrometheusClaims()})
	if err != nil {
		return err
	}
	rules, err := components.DeployRules(ctx, site)
	if err != nil {
		return err
	}
	_, err = components.DeployPrometheus(ctx, site, discovery, rules, parts.Store, storage.Prometheus)
	return err
}

// longTerm deploys a stack with long-term storage and further settings of it, in YAML.
func longTerm(t *testing.T, further string) Snapshot {
	t.Helper()
	return Component(t, configtest.Config(t, "longTermStorage: {enabled: true, objectStore: {type: S3, config: {bucket: blocks, endpoint: s3.example.com}, secrets: {access_key: me, secret_key: s3cret}}"+further), thanos)
}

func TestThanosSidecar(t *testing.T) {
	s := longTerm(t, "}\nprometheus: {startupTimeout: 1h}")
	set := Get[*appsv1.StatefulSet](t, s, "prometheus")
	require.Len(t, set.Spec.Template.Spec.Containers, 2)
	prometheus, sidecar := set.Spec.Template.Spec.Containers[0], set.Spec.Template.Spec.Containers[1]
	assert.Subset(t, prometheus.Args, []string{"--storage.tsdb.min-block-duration=2h", "--storage.tsdb.max-block-duration=2h", "--no-storage.tsdb.allow-overlapping-compaction"})
	assert.Equal(t, "quay.io/thanos/thanos:v0.42.4", sidecar.Image)
	assert.Equal(t, []string{
		"sidecar", "--prometheus.url=http://localhost:9090", "--prometheus.ready_timeout=1h0m0s", "--tsdb.path=/prometheus",
		"--objstore.config-file=/etc/thanos/object-store/objstore.yaml",
	}, sidecar.Args)
	assert.Equal(t, "/-/ready", sidecar.ReadinessProbe.HTTPGet.Path)
	assert.Equal(t, "/-/healthy", sidecar.LivenessProbe.HTTPGet.Path)
	headless := Get[*corev1.Service](t, s, "prometheus-headless")
	require.Len(t, headless.Spec.Ports, 2)
	assert.Equal(t, "grpc", headless.Spec.Ports[1].Name, "of the SRV records that the querier looks up")
	assert.Equal(t, int32(10901), headless.Spec.Ports[1].Port)
	assert.Len(t, Get[*corev1.Service](t, s, "prometheus").Spec.Ports, 1)

}

// The store's secrets are only in its Secret, which restarts who reads it.
func TestObjectStoreSecret(t *testing.T) {
	s := longTerm(t, ", serviceAccount: {annotations: {eks.amazonaws.com/role-arn: a}, podLabels: {azure.workload.identity/use: 'true'}}}")
	assert.Contains(t, Get[*corev1.Secret](t, s, "thanos-object-store").StringData["objstore.yaml"], "secret_key: s3cret")
	assert.Equal(t, "a", Get[*corev1.ServiceAccount](t, s, "thanos").Annotations["eks.amazonaws.com/role-arn"])
	for _, name := range []string{"thanos-store-gateway", "thanos-compactor", "prometheus"} {
		pod := Get[*appsv1.StatefulSet](t, s, name).Spec.Template
		assert.Contains(t, pod.Annotations, "version/object-store", name)
		if name != "prometheus" {
			assert.Equal(t, "thanos", pod.Spec.ServiceAccountName, name)
			assert.False(t, *pod.Spec.AutomountServiceAccountToken, "%s calls no API of Kubernetes", name)
			assert.Equal(t, "true", pod.Labels["azure.workload.identity/use"], name)
			assert.Contains(t, pod.Annotations, "checksum/service-account", name)
		}
	}
}

// Who may reach whom: only the querier asks for samples, only Grafana asks the frontend, and Prometheus
// scrapes all. The ruler asks the querier.
func TestThanosNetworkPolicies(t *testing.T) {
	s := longTerm(t, ", query: {fromNamespaces: [ingress]}}\nprometheus: {shards: 2}")
	for name, want := range map[string]map[string][]string{
		"prometheus-shard-1":    {"grpc": {"thanos-query"}, "sidecar": {"prometheus"}, "web": {"prometheus", "grafana"}},
		"thanos-ruler":          {"grpc": {"thanos-query"}, "web": {"prometheus"}},
		"prometheus":            {"grpc": {"thanos-query"}, "sidecar": {"prometheus"}, "web": {"prometheus", "grafana"}},
		"thanos-store-gateway":  {"grpc": {"thanos-query"}, "web": {"prometheus"}},
		"thanos-compactor":      {"web": {"prometheus"}},
		"thanos-query":          {"grpc": {"namespace ingress"}, "web": {"thanos-query-frontend", "prometheus", "thanos-ruler"}},
		"thanos-query-frontend": {"web": {"grafana", "prometheus"}},
	} {
		got := map[string][]string{}
		for _, rule := range Get[*networkingv1.NetworkPolicy](t, s, name).Spec.Ingress {
			for _, port := range rule.Ports {
				for _, from := range rule.From {
					peer := "namespace "
					if from.PodSelector != nil {
						peer = from.PodSelector.MatchLabels["app.kubernetes.io/name"]
					} else {
						peer += from.NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"]
					}
					got[port.Port.String()] = append(got[port.Port.String()], peer)
				}
			}
		}
		assert.Equal(t, want, got, name)
	}
}

func TestThanosStoreGateway(t *testing.T) {
	s := longTerm(t, ", storeGateway: {replicas: 2, partitions: 2}}")
	names := map[string]bool{}
	for _, name := range []string{"thanos-store-gateway-0", "thanos-store-gateway-1"} {
		set := Get[*appsv1.StatefulSet](t, s, name)
		assert.Equal(t, int32(2), *set.Spec.Replicas)
		assert.Equal(t, set.Spec.Selector, Get[*policyv1.PodDisruptionBudget](t, s, name).Spec.Selector)
		assert.Equal(t, name, set.Spec.ServiceName)
		names[set.Spec.Template.Labels["app.kubernetes.io/name"]] = true
		args := set.Spec.Template.Spec.Containers[0].Args
		assert.True(t, slices.ContainsFunc(args, func(arg string) bool { return len(arg) > 30 && arg[:28] == "--selector.relabel-config=- " }), "%v", args)
	}
	assert.Equal(t, map[string]bool{"thanos-store-gateway": true}, names, "one job scrapes all partitions")

	container := Get[*appsv1.StatefulSet](t, longTerm(t, "}"), "thanos-store-gateway").Spec.Template.Spec.Containers[0]
	assert.Equal(t, []string{"store", "--data-dir=/thanos", "--objstore.config-file=/etc/thanos/object-store/objstore.yaml"}, container.Args)
}

// Two compactors would destroy each other's blocks.
func TestThanosCompactor(t *testing.T) {
	s := longTerm(t, ", retention: {raw: 30d, 5m: 90d, 1h: 0s}, compactor: {size: 20Gi}}")
	set := Get[*appsv1.StatefulSet](t, s, "thanos-compactor")
	assert.Equal(t, int32(1), *set.Spec.Replicas)
	assert.Equal(t, []string{
		"compact", "--wait", "--data-dir=/thanos", "--retention.resolution-raw=30d", "--retention.resolution-5m=90d", "--retention.resolution-1h=0s",
		"--disable-admin-operations", "--block-viewer.global.sync-block-interval=15m", "--objstore.config-file=/etc/thanos/object-store/objstore.yaml",
	}, set.Spec.Template.Spec.Containers[0].Args)
	claim := Get[*corev1.PersistentVolumeClaim](t, s, "data-thanos-compactor-0")
	assert.Equal(t, "20Gi", claim.Spec.Resources.Requests.Storage().String())

	args := func(further string) []string {
		return Get[*appsv1.StatefulSet](t, longTerm(t, further), "thanos-compactor").Spec.Template.Spec.Containers[0].Args
	}
	assert.Contains(t, args("}\nprometheus: {outOfOrderTimeWindow: 30m}"), "--compact.enable-vertical-compaction", "blocks of late samples overlap others")
	assert.Contains(t, args(", retention: {raw: 1y, 5m: 1y, 1h: 1y}}\ndiscovery: {histograms: native}"), "--downsampling.disable")

	for _, set := range All[*appsv1.StatefulSet](longTerm(t, ", compactor: {enabled: false}}")) {
		assert.NotEqual(t, "thanos-compactor", set.Name)
	}
}

func TestThanosQuery(t *testing.T) {
	s := longTerm(t, "}")
	query := Get[*appsv1.Deployment](t, s, "thanos-query").Spec.Template.Spec.Containers[0]
	assert.Equal(t, []string{"query", "--endpoint.sd-config-file=/etc/thanos/config/endpoints.yaml", "--query.replica-label=replica", "--query.auto-downsampling", "--query.default-evaluation-interval=30s", "--enable-feature=promql-experimental-functions"}, query.Args)

	own := longTerm(t, "}\nprometheus: {extraArgs: {query.lookback-delta: 1d, query.timeout: 5m, query.max-concurrency: '40'}, evaluationInterval: 1m}")
	args := Get[*appsv1.Deployment](t, own, "thanos-query").Spec.Template.Spec.Containers[0].Args
	assert.Subset(t, args, []string{"--query.lookback-delta=24h0m0s", "--query.timeout=5m", "--query.max-concurrent=40", "--query.default-evaluation-interval=1m"})

	frontend := Get[*appsv1.Deployment](t, s, "thanos-query-frontend").Spec.Template.Spec.Containers[0]
	assert.Equal(t, []string{
		"query-frontend", "--query-frontend.downstream-url=http://thanos-query.monitoring.svc:10902", "--query-range.split-interval=24h0m0s",
		"--query-range.response-cache-config-file=/etc/thanos/config/cache.yaml", "--query-frontend.compress-responses",
	}, frontend.Args)
	assert.Equal(t, "type: IN-MEMORY\nconfig:\n  max_size: 256MB\n  validity: 0s\n", Get[*corev1.ConfigMap](t, s, "thanos-query-frontend-config").Data["cache.yaml"])
}

// Every part that answers over gRPC presents the certificate, and asks for one.
func TestThanosTLS(t *testing.T) {
	s := longTerm(t, ", tls: {secretName: certificate}}\nprometheus: {shards: 2}")
	for name, pod := range Pods(s) {
		for _, container := range pod.Spec.Containers {
			grpc := slices.ContainsFunc(container.Ports, func(p corev1.ContainerPort) bool { return p.Name == "grpc" })
			assert.Equal(t, grpc, slices.Contains(container.Args, "--grpc-server-tls-client-ca=/etc/thanos/tls/ca.crt"), name)
			assert.Equal(t, grpc, slices.ContainsFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == "/etc/thanos/tls" && m.ReadOnly }), name)
		}
	}
}

// A Certificate makes the Secret that every part mounts, valid for the name that the querier expects.
func TestThanosCertificate(t *testing.T) {
	s := longTerm(t, ", tls: {issuerRef: {name: authority, kind: Issuer}}}")
	certificate := Get[*certmanagerv1.Certificate](t, s, "thanos-certificate")
	assert.Equal(t, certmanagermeta.IssuerReference{Name: "authority", Kind: "Issuer", Group: "cert-manager.io"}, certificate.Spec.IssuerRef)
	assert.Equal(t, "monitoring", certificate.Namespace)
	assert.Equal(t, "thanos-certificate", certificate.Spec.SecretName)
	assert.Equal(t, []string{"thanos"}, certificate.Spec.DNSNames)
	assert.Equal(t, []certmanagerv1.KeyUsage{certmanagerv1.UsageServerAuth, certmanagerv1.UsageClientAuth}, certificate.Spec.Usages)
	mounted := 0
	for _, pod := range Pods(s) {
		for _, volume := range pod.Spec.Volumes {
			if volume.Secret != nil && volume.Secret.SecretName == certificate.Spec.SecretName {
				mounted++
			}
		}
	}
	assert.Equal(t, 3, mounted, "the sidecar, the store gateway and the querier")

	own := Get[*certmanagerv1.Certificate](t, longTerm(t, ", tls: {secretName: mine, issuerRef: {name: authority}}, query: {externalAddress: 'thanos.example.com:443'}}"), "mine")
	assert.Equal(t, "mine", own.Spec.SecretName)
	assert.Equal(t, []string{"thanos", "thanos.example.com"}, own.Spec.DNSNames, "the queriers of other clusters ask for this host")
	assert.Empty(t, own.Spec.IPAddresses)

	address := Get[*certmanagerv1.Certificate](t, longTerm(t, ", tls: {issuerRef: {name: authority}}, query: {externalAddress: '192.0.2.1:443'}}"), "thanos-certificate")
	assert.Equal(t, []string{"thanos"}, address.Spec.DNSNames)
	assert.Equal(t, []string{"192.0.2.1"}, address.Spec.IPAddresses)
	assert.Empty(t, All[*certmanagerv1.Certificate](longTerm(t, ", tls: {secretName: mine}}")), "the Secret exists")
}

// Each shard is a server of its own. The first is called as the only one of a stack without shards, whose
// volume it keeps, and has what all use.
func TestPrometheusShards(t *testing.T) {
	s := longTerm(t, "}\nprometheus: {replicas: 2, shards: 2, retiredShards: 1, secrets: {central: s3cret}}")
	selectors := map[string]bool{}
	for shard, name := range []string{"prometheus", "prometheus-shard-1", "prometheus-shard-2"} {
		set := Get[*appsv1.StatefulSet](t, s, name)
		assert.Equal(t, int32(2), *set.Spec.Replicas)
		assert.Equal(t, name+"-headless", set.Spec.ServiceName)
		assert.Equal(t, set.Spec.Selector.MatchLabels, Get[*corev1.Service](t, s, name+"-headless").Spec.Selector)
		assert.Equal(t, set.Spec.Selector.MatchLabels, Get[*corev1.Service](t, s, name).Spec.Selector)
		assert.Equal(t, set.Spec.Selector, Get[*policyv1.PodDisruptionBudget](t, s, name).Spec.Selector)
		assert.Equal(t, *set.Spec.Selector, Get[*networkingv1.NetworkPolicy](t, s, name).Spec.PodSelector)
		assert.Equal(t, "prometheus", set.Spec.Template.Labels["app.kubernetes.io/name"], "one job scrapes all shards")
		selectors[set.Spec.Selector.MatchLabels["app.kubernetes.io/component"]] = true
		spec := set.Spec.Template.Spec
		assert.Equal(t, "prometheus", spec.ServiceAccountName)
		assert.Len(t, spec.Containers, 2)
		assert.Contains(t, Get[*corev1.ConfigMap](t, s, name+"-config").Data["prometheus.yml"], "scrape_configs:")
		var volumes []string
		for _, volume := range spec.Volumes {
			if volume.ConfigMap != nil {
				volumes = append(volumes, volume.ConfigMap.Name)
			} else {
				volumes = append(volumes, volume.Secret.SecretName)
			}
		}
		assert.Equal(t, []string{name + "-config", "prometheus-rules", "prometheus-secrets", "thanos-object-store"}, volumes, "shard %d", shard)
		for _, claim := range []string{"data-" + name + "-0", "data-" + name + "-1"} {
			assert.Equal(t, "50Gi", Get[*corev1.PersistentVolumeClaim](t, s, claim).Spec.Resources.Requests.Storage().String())
		}
	}
	assert.Len(t, selectors, 3, "pods of a shard are told apart by their selectors")
	assert.Len(t, All[*corev1.Secret](s), 2)
}

// The nodes of the volumes are those of the first shard, of the second, and so on.
func TestNodesOfShards(t *testing.T) {
	s := longTerm(t, "}\nprometheus: {replicas: 2, shards: 2}\nstorage: {mode: local, local: {path: /mnt/ssd, nodes: [a, b, c, d]}}")
	for claim, node := range map[string]string{
		"data-prometheus-0": "a", "data-prometheus-1": "b", "data-prometheus-shard-1-0": "c", "data-prometheus-shard-1-1": "d", "data-thanos-ruler-0": "a",
	} {
		volume := Get[*corev1.PersistentVolume](t, s, "monitoring-"+claim)
		assert.Equal(t, []string{node}, volume.Spec.NodeAffinity.Required.NodeSelectorTerms[0].MatchExpressions[0].Values, claim)
		assert.Equal(t, claim, volume.Spec.ClaimRef.Name)
		assert.Equal(t, "monitoring", volume.Spec.ClaimRef.Namespace)
		directory := "/mnt/ssd/prometheus"
		if claim == "data-thanos-ruler-0" {
			directory = "/mnt/ssd/thanos-ruler"
		}
		assert.Equal(t, directory, volume.Spec.Local.Path, claim)
	}
}

func TestThanosRuler(t *testing.T) {
	s := longTerm(t, `, ruler: {replicas: 2, size: 5Gi}, serviceAccount: {podLabels: {a: b}}}
prometheus: {shards: 2, retention: 10d, evaluationInterval: 1m, externalLabels: {region: 'a"$b'}, featureFlags: [promql-experimental-functions, concurrent-rule-eval], config: {global: {rule_query_offset: 1m}}, extraArgs: {rules.alert.for-outage-tolerance: 1d}}`)
	set := Get[*appsv1.StatefulSet](t, s, "thanos-ruler")
	assert.Equal(t, int32(2), *set.Spec.Replicas)
	assert.Equal(t, "thanos-ruler", set.Spec.ServiceName)
	assert.Equal(t, set.Spec.Selector, Get[*policyv1.PodDisruptionBudget](t, s, "thanos-ruler").Spec.Selector)
	container := set.Spec.Template.Spec.Containers[0]
	assert.Equal(t, []string{
		"rule", "--data-dir=/thanos", "--rule-file=/etc/thanos/rules/*.yaml", "--eval-interval=1m0s",
		"--query=http://thanos-query.monitoring.svc:10902", "--alert.query-url=http://thanos-query.monitoring.svc:10902",
		"--alertmanagers.config-file=/etc/thanos/config/alertmanagers.yaml", "--alert.label-drop=replica", "--tsdb.retention=10d",
		`--label=cluster="test"`, `--label=region="a\"$$b"`, `--label=replica="$(POD_NAME)"`, "--for-grace-period=0s",
		"--for-outage-tolerance=24h0m0s", "--rule-query-offset=1m0s", "--rule-concurrent-evaluation=4", "--enable-feature=promql-experimental-functions",
		"--objstore.config-file=/etc/thanos/object-store/objstore.yaml",
	}, container.Args)
	assert.Equal(t, "metadata.name", container.Env[0].ValueFrom.FieldRef.FieldPath)
	assert.Equal(t, "/-/ready", container.ReadinessProbe.HTTPGet.Path)
	assert.Equal(t, "/-/healthy", container.LivenessProbe.HTTPGet.Path)
	pod := set.Spec.Template
	assert.Equal(t, "thanos", pod.Spec.ServiceAccountName, "which may write to the object store")
	assert.Equal(t, "b", pod.Labels["a"])
	for _, annotation := range []string{"version/object-store", "checksum/config", "checksum/rules"} {
		assert.Contains(t, pod.Annotations, annotation, "it restarts to read what is new")
	}
	for _, claim := range []string{"data-thanos-ruler-0", "data-thanos-ruler-1"} {
		assert.Equal(t, "5Gi", Get[*corev1.PersistentVolumeClaim](t, s, claim).Spec.Resources.Requests.Storage().String())
	}
	headless := Get[*corev1.Service](t, s, "thanos-ruler")
	assert.Equal(t, "None", headless.Spec.ClusterIP)
	assert.Equal(t, "grpc", headless.Spec.Ports[1].Name, "of the SRV records that the querier looks up")
	assert.Contains(t, Get[*corev1.ConfigMap](t, s, "thanos-ruler-rules").Data, "general.yaml")
	assert.NotContains(t, Get[*corev1.ConfigMap](t, s, "prometheus-rules").Data, "general.yaml")
}
