//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/tests/ca"
)

// With client certificates, every program answers only who has one, and the stack goes on, also with another
// certificate.
func TestTLS(t *testing.T) {
	leftOut(t)
	n := start(t)
	n.deploy(t)
	authority := ca.New(t)
	own := n.certify(t, authority)
	n.set(t, "tls.secretName", certificateSecret)
	n.set(t, "tls.clientCertificates", "true")
	n.up(t) // which waits for the probes of all
	since := time.Now()

	addresses := []string{"prometheus:9090", "alertmanager:9093", "blackbox-exporter:9115", "kube-state-metrics:8080", "kube-state-metrics:8081"}
	stranger := own.Clone()
	stranger.Certificates = nil
	impostor := own.Clone()
	impostor.Certificates = []tls.Certificate{pair(t, ca.New(t).Issue(t, "kubernetes-prometheus"))}
	plain := &http.Client{Transport: n.transport(t, nil)}
	for _, address := range addresses {
		for _, path := range []string{"/", "/metrics", "/-/healthy", "/api/v1/targets", "/api/v2/alerts"} {
			if response, err := plain.Get("http://" + address + path); assert.NoError(t, err, address) {
				assert.Equal(t, http.StatusBadRequest, response.StatusCode, "%s answers over HTTP at %s", address, path)
				assert.NoError(t, response.Body.Close())
			}
			for _, client := range []*tls.Config{stranger, impostor} {
				_, err := n.presented(t, client, address+path)
				assert.Error(t, err, "%s answers at %s", address, path)
			}
		}
		serial, err := n.presented(t, own, address+"/metrics")
		require.NoError(t, err, address)
		assert.Equal(t, serialOf(own), serial, address)
	}
	// node-exporter listens only on the address of the node, to which no port is forwarded.
	out := n.localcluster(t, "exec", "bash", "-c", fmt.Sprintf(`exec 3<>/dev/tcp/%s/%d; printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3; cat <&3`,
		n.hostOf(t, "node-exporter"), n.stack.Exporters.NodeExporter.Port))
	assert.Contains(t, out, "400 Bad Request")
	assert.NotContains(t, out, "node_")

	client := &http.Client{Transport: n.transport(t, own)}
	prometheus, err := api.NewClient(api.Config{Address: "https://prometheus:9090", Client: client})
	require.NoError(t, err)
	n.prometheus = promv1.NewAPI(prometheus)
	n.scraped(t, since, "prometheus", "alertmanager", "blackbox-exporter", "kube-state-metrics", "node-exporter", "node-directory-size-metrics")
	alerted(t, client, "https://alertmanager:9093", since)
	eventually(t, 3*time.Minute, "the certificate is probed", func(ctx context.Context) string {
		const expiry = `probe_ssl_earliest_cert_expiry{job="blackbox-targets", instance="prometheus.monitoring.svc:9090"}`
		samples, err := n.tryQuery(ctx, expiry, time.Now())
		if err != nil || len(samples) != 1 {
			return fmt.Sprint(samples, err)
		}
		if left := time.Until(time.Unix(int64(samples[0].Value), 0)); left < 4*time.Hour || left > 5*time.Hour {
			return fmt.Sprint("it expires in ", left)
		}
		return ""
	})
	eventually(t, 2*time.Minute, "an alert says that the certificate expires", func(ctx context.Context) string {
		alerts, err := n.tryQuery(ctx, `ALERTS{alertname="ProbeCertificateExpiring", severity="critical", instance="prometheus.monitoring.svc:9090"}`, time.Now())
		if err != nil || len(alerts) == 0 {
			return fmt.Sprint("neither pending nor firing ", err)
		}
		return ""
	})
	assert.Contains(t, n.makeBackup(t, "backup", "TO="+filepath.Join(t.TempDir(), "backup")), "silences.json")

	// A renewed certificate needs no restart.
	const programs = "app.kubernetes.io/part-of=kubernetes-prometheus"
	before := n.started(t, programs)
	renewed := n.certify(t, authority)
	require.NotEqual(t, serialOf(own), serialOf(renewed))
	n.poke(t, namespace, programs)
	eventually(t, 3*time.Minute, "the renewed certificate is served", func(context.Context) string {
		for _, address := range addresses {
			if serial, err := n.presented(t, renewed, address+"/metrics"); err != nil || serial != serialOf(renewed) {
				return fmt.Sprint(address, " presents ", serial, err)
			}
		}
		return ""
	})
	n.scraped(t, time.Now(), "prometheus", "alertmanager", "blackbox-exporter", "kube-state-metrics", "node-exporter")
	alerted(t, client, "https://alertmanager:9093", time.Now())

	// While it has expired nobody is let in, and then all are again.
	n.putSecret(t, certificateSecret, authority.IssueUntil(t, time.Now().Add(-time.Minute), "kubernetes-prometheus"))
	n.poke(t, namespace, programs)
	eventually(t, 3*time.Minute, "the expired certificate is refused", func(context.Context) string {
		for _, address := range addresses {
			if _, err := n.presented(t, renewed, address+"/metrics"); err == nil {
				return address + " presents another"
			}
		}
		return ""
	})
	n.certify(t, authority)
	n.poke(t, namespace, programs)
	n.scraped(t, time.Now(), "prometheus", "alertmanager", "blackbox-exporter", "kube-state-metrics", "node-exporter")
	alerted(t, client, "https://alertmanager:9093", time.Now())
	assert.Equal(t, before, n.started(t, programs), "containers")
	n.unchanged(t)
}

// certificateSecret is the Secret with the certificate.
const certificateSecret = "certificate"

// certify writes a certificate of an authority into the Secret, and returns a client that presents it.
func (n *node) certify(t *testing.T, authority *ca.Authority) *tls.Config {
	t.Helper()
	issued := authority.IssueUntil(t, time.Now().Add(5*time.Hour), "kubernetes-prometheus")
	n.putSecret(t, certificateSecret, issued)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(issued["ca.crt"]))
	return &tls.Config{RootCAs: roots, ServerName: "kubernetes-prometheus", Certificates: []tls.Certificate{pair(t, issued)}}
}

// pair returns a certificate with its key.
func pair(t *testing.T, issued map[string][]byte) tls.Certificate {
	t.Helper()
	certificate, err := tls.X509KeyPair(issued["tls.crt"], issued["tls.key"])
	require.NoError(t, err)
	return certificate
}

// serialOf returns the serial number of the certificate that a client presents.
func serialOf(client *tls.Config) string { return client.Certificates[0].Leaf.SerialNumber.String() }

// presented returns the serial number of the certificate with which program:port/path answers a client.
func (n *node) presented(t *testing.T, client *tls.Config, address string) (string, error) {
	transport := n.transport(t, client)
	transport.DisableKeepAlives = true
	response, err := (&http.Client{Transport: transport}).Get("https://" + address)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.TLS.PeerCertificates[0].SerialNumber.String(), err
}

// hostOf returns the address of the node of a program's pod.
func (n *node) hostOf(t *testing.T, program string) string {
	t.Helper()
	pods, err := n.kubernetes.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=" + program})
	require.NoError(t, err)
	require.NotEmpty(t, pods.Items)
	return pods.Items[0].Status.HostIP
}
