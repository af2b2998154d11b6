package tests

import (
	"slices"
	"strings"
	"testing"

	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// encrypted deploys everything that serves or asks over HTTP, with settings of tls.
func encrypted(t *testing.T, tls string) Snapshot {
	t.Helper()
	cfg := configtest.Config(t, "tls: {"+tls+`}
prometheus: {shards: 2}
longTermStorage: {enabled: true, objectStore: {type: GCS, config: {bucket: blocks}}}`)
	return Component(t, cfg, func(ctx *pulumi.Context, site components.Site) error {
		if err := components.DeployTLS(ctx, site); err != nil {
			return err
		}
		if _, err := components.NewAlertmanager(ctx, "alertmanager", &components.AlertmanagerArgs{Site: site}); err != nil {
			return err
		}
		if err := components.DeployExporters(ctx, site); err != nil {
			return err
		}
		if _, err := components.DeployGrafana(ctx, site, nil); err != nil {
			return err
		}
		return thanos(ctx, site)
	})
}

// webPorts holds the ports of programs that serve TLS, by pod and container, with the flag that has them do so.
var webPorts = map[string]string{
	"alertmanager/alertmanager": "--web.config.file", "prometheus/prometheus": "--web.config.file", "prometheus-shard-1/prometheus": "--web.config.file",
	"prometheus/thanos-sidecar": "--http.config", "prometheus-shard-1/thanos-sidecar": "--http.config",
	"node-exporter/node-exporter": "--web.config.file", "blackbox-exporter/blackbox-exporter": "--web.config.file", "kube-state-metrics/kube-state-metrics": "--tls-config",
	"thanos-store-gateway/thanos-store-gateway": "--http.config", "thanos-compactor/thanos-compactor": "--http.config", "thanos-query/thanos-query": "--http.config",
	"thanos-query-frontend/thanos-query-frontend": "--http.config", "thanos-ruler/thanos-ruler": "--http.config",
}

// Every program with a web configuration has the certificate, and the kubelet asks it over HTTPS.
func TestTLS(t *testing.T) {
	s := encrypted(t, "secretName: certificate")
	assert.Empty(t, All[*certmanagerv1.Certificate](s), "the Secret exists")
	files := Get[*corev1.ConfigMap](t, s, "tls").Data
	assert.Equal(t, "tls_server_config:\n  cert_file: /etc/tls/tls.crt\n  key_file: /etc/tls/tls.key\n", files["web.yml"])
	assert.Equal(t, "tls_config:\n  ca_file: /etc/tls/ca.crt\n  server_name: kubernetes-prometheus\n", files["client.yml"])

	seen := map[string]string{}
	for name, pod := range Pods(s) {
		for _, container := range pod.Spec.Containers {
			at := name + "/" + container.Name
			for _, arg := range container.Args {
				if flag, file, _ := strings.Cut(arg, "="); file == "/etc/tls/web.yml" {
					seen[at] = flag
				}
			}
			if _, serves := webPorts[at]; !serves {
				continue
			}
			assert.Contains(t, container.VolumeMounts, corev1.VolumeMount{Name: "tls", MountPath: "/etc/tls", ReadOnly: true}, at)
			for _, probe := range []*corev1.Probe{container.StartupProbe, container.ReadinessProbe, container.LivenessProbe} {
				if probe != nil {
					require.NotNil(t, probe.HTTPGet, at)
					assert.Equal(t, corev1.URISchemeHTTPS, probe.HTTPGet.Scheme, at)
				}
			}
		}
		for _, volume := range pod.Spec.Volumes {
			if volume.Name == "tls" && volume.Projected != nil {
				sources := volume.Projected.Sources
				require.Len(t, sources, 2)
				assert.Equal(t, "tls", sources[0].ConfigMap.Name, name)
				assert.Equal(t, "certificate", sources[1].Secret.Name, name)
				assert.Equal(t, []corev1.KeyToPath{{Key: "ca.crt", Path: "ca.crt"}, {Key: "tls.crt", Path: "tls.crt"}, {Key: "tls.key", Path: "tls.key"}}, sources[1].Secret.Items)
			}
		}
	}
	assert.Equal(t, webPorts, seen)

	container := func(pod, name string) corev1.Container {
		containers := Pods(s)[pod].Spec.Containers
		return containers[slices.IndexFunc(containers, func(c corev1.Container) bool { return c.Name == name })]
	}
	sidecar := container("prometheus", "thanos-sidecar").Args
	assert.Contains(t, sidecar, "--prometheus.url=https://localhost:9090")
	assert.Contains(t, sidecar, "--prometheus.http-client-file=/etc/tls/client.yml")
	frontend := container("thanos-query-frontend", "thanos-query-frontend").Args
	assert.Contains(t, frontend, "--query-frontend.downstream-url=https://thanos-query.monitoring.svc:10902")
	assert.Contains(t, frontend, "--query-frontend.downstream-tripper-config-file=/etc/thanos/config/downstream.yaml")
	ruler := container("thanos-ruler", "thanos-ruler").Args
	assert.Contains(t, ruler, "--query.config-file=/etc/thanos/config/query.yaml")
	assert.False(t, slices.ContainsFunc(ruler, func(arg string) bool { return strings.HasPrefix(arg, "--query=") }), "not both")
	assert.Contains(t, ruler, "--grpc-server-tls-client-ca=/etc/thanos/tls/ca.crt", "gRPC uses the same certificate")
	admitted := Get[*networkingv1.NetworkPolicy](t, s, "prometheus").Spec.Ingress[0].From
	assert.True(t, slices.ContainsFunc(admitted, func(peer networkingv1.NetworkPolicyPeer) bool {
		return peer.PodSelector.MatchLabels["app.kubernetes.io/name"] == "blackbox-exporter"
	}), "it reads the certificate")
}

// Where programs ask for a certificate, the kubelet, which has none, only connects, and promtool asks Prometheus.
func TestClientCertificates(t *testing.T) {
	s := encrypted(t, "secretName: certificate, clientCertificates: true")
	files := Get[*corev1.ConfigMap](t, s, "tls").Data
	assert.Contains(t, files["web.yml"], "client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: /etc/tls/ca.crt\n")
	assert.Contains(t, files["client.yml"], "cert_file: /etc/tls/tls.crt\n  key_file: /etc/tls/tls.key\n")
	for name, pod := range Pods(s) {
		for _, container := range pod.Spec.Containers {
			at := name + "/" + container.Name
			if _, serves := webPorts[at]; !serves {
				continue
			}
			for _, probe := range []*corev1.Probe{container.StartupProbe, container.ReadinessProbe, container.LivenessProbe} {
				switch {
				case probe == nil:
				case container.Name == "prometheus" && probe != container.LivenessProbe:
					assert.Equal(t, []string{"promtool", "check", "ready", "--url=https://localhost:9090", "--http.config.file=/etc/tls/client.yml"}, probe.Exec.Command)
				default:
					assert.Nil(t, probe.HTTPGet, at)
					require.NotNil(t, probe.TCPSocket, at)
				}
			}
		}
	}
	telemetry := Pods(s)["kube-state-metrics"].Spec.Containers[0]
	assert.Equal(t, "telemetry", telemetry.ReadinessProbe.TCPSocket.Port.String())
	assert.Equal(t, "metrics", telemetry.LivenessProbe.TCPSocket.Port.String())
}

// A program that asks for a user has one web configuration for both.
func TestTLSWithLogin(t *testing.T) {
	cfg := configtest.Config(t, basicUser+"tls: {secretName: certificate}\nalerting: {acknowledgeNoNotifications: true, access: {login: basic}}")
	s := Component(t, cfg, func(ctx *pulumi.Context, site components.Site) error {
		if err := components.DeployBasicLogin(ctx, site); err != nil {
			return err
		}
		_, err := components.NewAlertmanager(ctx, "alertmanager", &components.AlertmanagerArgs{Site: site})
		return err
	})
	container := Pods(s)["alertmanager"].Spec.Containers[0]
	assert.Contains(t, container.Args, "--web.config.file=/etc/login/web.yml")
	assert.NotContains(t, container.Args, "--web.config.file=/etc/tls/web.yml")
	assert.Contains(t, container.VolumeMounts, corev1.VolumeMount{Name: "tls", MountPath: "/etc/tls", ReadOnly: true})
	assert.NotNil(t, container.LivenessProbe.TCPSocket)
	secret := Get[*corev1.Secret](t, s, "basic-login").StringData
	assert.Contains(t, secret["web.yml"], "cert_file: /etc/tls/tls.crt\n")
	assert.Contains(t, secret["web.yml"], "basic_auth_users:\n")
	assert.Contains(t, secret["client.yml"], "ca_file: /etc/tls/ca.crt\n")
}

// A Certificate makes the Secret, valid for whatever name programs and people know the servers by. Thanos uses the same.
func TestTLSCertificate(t *testing.T) {
	s := encrypted(t, "issuerRef: {name: authority}")
	certificates := All[*certmanagerv1.Certificate](s)
	require.Len(t, certificates, 1)
	assert.Equal(t, "tls-certificate", certificates[0].Spec.SecretName)
	assert.Equal(t, []string{
		"kubernetes-prometheus", "localhost", "alertmanager.monitoring.svc", "thanos-query-frontend.monitoring.svc", "prometheus.monitoring.svc",
	}, certificates[0].Spec.DNSNames)
	assert.Equal(t, []certmanagerv1.KeyUsage{certmanagerv1.UsageServerAuth, certmanagerv1.UsageClientAuth}, certificates[0].Spec.Usages)
}

// oauth2-proxy has the authority, and no key.
func TestTLSBehindOAuth2Proxy(t *testing.T) {
	cfg := configtest.Config(t, "tls: {secretName: certificate}\nprometheus: {access: {host: example.com, login: oidc, fromNamespaces: [gateways], ingress: {}}}\nlogin: {oidc: {"+oidc+"}}")
	s := Component(t, cfg, func(ctx *pulumi.Context, site components.Site) error {
		return components.DeployOAuth2Proxies(ctx, site)
	})
	spec := Get[*appsv1.Deployment](t, s, "prometheus-login").Spec.Template.Spec
	assert.Contains(t, spec.Containers[0].VolumeMounts, corev1.VolumeMount{Name: "tls", MountPath: "/etc/tls", ReadOnly: true})
	volume := spec.Volumes[slices.IndexFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == "tls" })]
	assert.Equal(t, []corev1.KeyToPath{{Key: "ca.crt", Path: "ca.crt"}}, volume.Secret.Items)
}

// Grafana, which reads certificates only when it starts, is restarted for another one. It has the key only if it presents
// the certificate.
func TestGrafanaRestartsForCertificate(t *testing.T) {
	spec := Pods(encrypted(t, "secretName: certificate"))["grafana"].Spec
	assert.Equal(t, []corev1.KeyToPath{{Key: "ca.crt", Path: "ca.crt"}}, spec.Volumes[slices.IndexFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == "tls" })].Secret.Items)
	spec = Pods(encrypted(t, "secretName: certificate, clientCertificates: true"))["grafana"].Spec
	container := spec.Containers[0]
	assert.Contains(t, container.VolumeMounts, corev1.VolumeMount{Name: "tls", MountPath: "/etc/tls", ReadOnly: true})
	assert.Equal(t, []string{"sh", "-c", "cat /etc/tls/*.crt >/tmp/certificates"}, container.Lifecycle.PostStart.Exec.Command)
	assert.Equal(t, []string{
		"sh", "-c",
		"cat /etc/tls/*.crt | cmp -s - /tmp/certificates && { curl -sf -o /dev/null http://localhost:3000/api/health || wget -q -O /dev/null http://localhost:3000/api/health; }",
	}, container.LivenessProbe.Exec.Command)
	assert.NotNil(t, container.ReadinessProbe.HTTPGet, "it serves HTTP itself")
}
