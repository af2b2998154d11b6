//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/tsdbutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

var scaleFlag = flag.String("scale", "none", "steps of TestScale to run: none, core, all")

// TestScale deploys the stack scale on a new node of its own, with two shards and SeaweedFS as its object store, and
// takes away what long-term storage is for: servers with their volumes, one replica of each shard, the object
// store.
func TestScale(t *testing.T) {
	if *scaleFlag == "none" {
		t.Skip("-scale is none")
	}
	t.Setenv("STACK", "scale")
	if !*deployedFlag {
		forgetNode(t)
	}
	n := start(t)
	if !*deployedFlag {
		n.localcluster(t, "demo")
		t.Cleanup(func() {
			if !t.Failed() { // others need the CPUs
				n.localcluster(t, "down")
			}
		})
		n.twoReplicas(t)
	}
	require.Len(t, shards, n.stack.Prometheus.Groups())
	for _, step := range []struct {
		name string
		core bool
		run  func(*testing.T, *node)
	}{
		{"each target is scraped by one shard, and queried as one", true, queriedAsOne},
		{"the parts of Thanos answer only who has a certificate of their authority", true, certificatesAsked},
		{"the ruler records over both shards", true, rulerRecords},
		{"alerts of two rulers arrive once", true, alertsArriveOnce},
		{"blocks of all servers and of the ruler arrive in the bucket", true, blocksArrive},
		{"a key that the object store refuses says so, and nothing is lost", false, keyRefused},
		{"what is uploaded outlives the volumes of all servers", true, volumesWiped},
		{"a replica of each shard that is gone for a while leaves no gap", false, replicaGone},
		{"a stack without a Prometheus shows this one, which it finds by its outputs", false, centralQueries},
		{"the bucket is away for minutes, and nothing is lost", false, bucketAway},
		{"history is compacted and downsampled, and expires, by a compactor that is killed at work", false, historyKept},
	} {
		if step.core || *scaleFlag == "all" {
			require.True(t, t.Run(step.name, func(t *testing.T) { step.run(t, n) }))
		}
	}
}

// twoReplicas has each shard of Prometheus, and the ruler, run twice on the one node, which a stack refuses for
// Prometheus, and write a block every two minutes, so that the test does not wait for hours.
func (n *node) twoReplicas(t *testing.T) {
	t.Helper()
	for _, shard := range shards {
		n.changeSet(t, shard, func(set *appsv1.StatefulSetSpec) {
			*set.Replicas = 2
			set.Template.Spec.Affinity = nil
			args := set.Template.Spec.Containers[0].Args
			for i, arg := range args {
				if flag, _, _ := strings.Cut(arg, "="); flag == "--storage.tsdb.min-block-duration" || flag == "--storage.tsdb.max-block-duration" {
					args[i] = flag + "=2m"
				}
			}
		})
	}
	n.changeSet(t, "thanos-ruler", func(set *appsv1.StatefulSetSpec) {
		*set.Replicas = 2
		container := &set.Template.Spec.Containers[0]
		container.Args = append(container.Args, "--tsdb.block-duration=2m")
	})
	n.rolledOut(t)
}

// changeSet changes the spec of a StatefulSet.
func (n *node) changeSet(t *testing.T, name string, change func(*appsv1.StatefulSetSpec)) {
	t.Helper()
	sets := n.kubernetes.AppsV1().StatefulSets(namespace)
	require.NoError(t, retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		set, err := sets.Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		before := set.Spec.DeepCopy()
		change(&set.Spec)
		require.NotEqual(t, before, &set.Spec)
		_, err = sets.Update(t.Context(), set, metav1.UpdateOptions{})
		return err
	}))
}

// frontend returns a client of the query frontend.
func (n *node) frontend(t *testing.T) promv1.API {
	t.Helper()
	return promv1.NewAPI(n.service(t, "thanos-query-frontend:web"))
}

// shards are the StatefulSets of Prometheus, whose pods are the servers.
var (
	shards  = []string{"prometheus", "prometheus-shard-1"}
	servers = []string{"prometheus-0", "prometheus-1", "prometheus-shard-1-0", "prometheus-shard-1-1"}
)

// queriedAsOne expects each target in exactly one shard, those of the monitoring itself in both, and all of them
// once in the query frontend.
func queriedAsOne(t *testing.T, n *node) {
	frontend := n.frontend(t)
	eventually(t, 5*time.Minute, "each target is there once", func(ctx context.Context) string {
		// By the labels of the target, and by shard.
		shardsOf, wanted, up, divided := map[string]int{}, map[string]int{}, map[string]bool{}, map[string]int{}
		for _, shard := range shards {
			found, err := promv1.NewAPI(n.service(t, shard+":web")).Targets(ctx)
			if err != nil {
				return err.Error()
			}
			for _, target := range found.Active {
				shardsOf[target.Labels.String()]++
				if target.Health == promv1.HealthGood {
					up[target.Labels.String()] = true
				}
				wanted[target.Labels.String()] = len(shards)
				if n.stack.Divided(config.Job(target.Labels[model.JobLabel])) {
					wanted[target.Labels.String()] = 1
					divided[shard]++
				}
			}
		}
		for target, want := range wanted {
			if shardsOf[target] != want {
				return fmt.Sprintf("%s is in %d shards, want %d", target, shardsOf[target], want)
			}
		}
		if len(divided) != len(shards) {
			return fmt.Sprintf("a shard has nothing of its own: %v", divided)
		}
		value, _, _, err := frontend.Query(ctx, `up == 1`, time.Now())
		if err != nil {
			return err.Error()
		}
		vector := value.(model.Vector)
		for _, sample := range vector {
			if replica, ok := sample.Metric["replica"]; ok {
				return fmt.Sprintf("%s is of replica %s", sample.Metric, replica)
			}
		}
		if len(vector) != len(up) {
			return fmt.Sprintf("%d targets in the query frontend, and %d in the shards", len(vector), len(up))
		}
		return ""
	})
}

// certificatesAsked expects each part that answers over gRPC to refuse a client without a certificate, and one
// with a certificate of another authority, and to present its own, valid for the name that the querier expects, to
// one with a certificate of its authority. The blackbox exporter, which has none, reads when it expires.
func certificatesAsked(t *testing.T, n *node) {
	secret, err := n.kubernetes.CoreV1().Secrets(namespace).Get(t.Context(), n.stack.LongTermStorage.TLS.SecretName, metav1.GetOptions{})
	require.NoError(t, err)
	own, err := tls.X509KeyPair(secret.Data["tls.crt"], secret.Data["tls.key"])
	require.NoError(t, err)
	authority := x509.NewCertPool()
	require.True(t, authority.AppendCertsFromPEM(secret.Data["ca.crt"]))
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	defer server.Close()
	foreign := server.TLS.Certificates[0]

	for _, name := range []string{"prometheus", "thanos-store-gateway", "thanos-query", "thanos-ruler"} {
		// With TLS 1.3, a server says after the handshake that it refuses the client.
		dial := func(certificates ...tls.Certificate) error {
			forwarded, err := n.transport(t, nil).DialContext(t.Context(), "tcp", fmt.Sprintf("%s:%d", name, render.ThanosGRPCPort))
			if err != nil {
				return err
			}
			conn := tls.Client(forwarded, &tls.Config{
				RootCAs: authority, ServerName: n.stack.LongTermStorage.TLS.ServerName, NextProtos: []string{"h2"},
				// Whatever authorities the server names.
				GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					if len(certificates) == 0 {
						return &tls.Certificate{}, nil
					}
					return &certificates[0], nil
				},
			})
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
				return err
			}
			_, err = conn.Read(make([]byte, 1)) // of the server's settings
			return err
		}
		require.NoError(t, dial(own), name)
		require.ErrorContains(t, dial(), "certificate required", name)
		require.ErrorContains(t, dial(foreign), "certificate", name)
	}
	frontend := n.frontend(t)
	eventually(t, 3*time.Minute, "the end of the certificate is known", func(ctx context.Context) string {
		value, _, _, err := frontend.Query(ctx, `probe_ssl_earliest_cert_expiry{job="blackbox-targets", instance="thanos-query.monitoring.svc:10901"}`, time.Now())
		if err != nil || len(value.(model.Vector)) == 0 {
			return fmt.Sprint("nothing ", err)
		}
		return ""
	})
}

// rulerRecords expects what rules record in the query frontend, and only there.
func rulerRecords(t *testing.T, n *node) {
	const recorded = `namespace:container_memory_working_set_bytes:sum`
	frontend := n.frontend(t)
	eventually(t, 5*time.Minute, "recordings are there", func(ctx context.Context) string {
		value, _, _, err := frontend.Query(ctx, recorded, time.Now())
		if err != nil || len(value.(model.Vector)) == 0 {
			return fmt.Sprint("nothing ", err)
		}
		seen := map[string]bool{}
		for _, sample := range value.(model.Vector) {
			if _, ok := sample.Metric["replica"]; ok || seen[sample.Metric.String()] {
				return fmt.Sprintf("%s is not there once", sample.Metric)
			}
			seen[sample.Metric.String()] = true
		}
		return ""
	})
	own, err := n.tryQuery(t.Context(), recorded, time.Now())
	require.NoError(t, err)
	assert.Empty(t, own, "a server records nothing about what shards divide")
}

// alertsArriveOnce expects the alert that always fires from the rulers, and every alert in Alertmanager without
// the name of who sent it.
func alertsArriveOnce(t *testing.T, n *node) {
	type received struct {
		Labels       map[string]string
		GeneratorURL string
	}
	eventually(t, 5*time.Minute, "Watchdog arrives", func(ctx context.Context) string {
		body, err := n.tryGet(ctx, "alertmanager:web", "api/v2/alerts", nil)
		if err != nil {
			return err.Error()
		}
		var alerts []received
		if err := json.Unmarshal([]byte(body), &alerts); err != nil {
			return err.Error()
		}
		watchdogs := 0
		for _, alert := range alerts {
			if replica, ok := alert.Labels["replica"]; ok {
				return fmt.Sprintf("%v is of replica %s", alert.Labels, replica)
			}
			if alert.Labels["alertname"] != "Watchdog" {
				continue
			}
			watchdogs++
			if !strings.HasPrefix(alert.GeneratorURL, "http://thanos-query.") || alert.Labels["cluster"] != n.stack.Cluster.Name {
				return fmt.Sprintf("%v comes from %s", alert.Labels, alert.GeneratorURL)
			}
		}
		if watchdogs != 1 {
			return fmt.Sprintf("%d of %d alerts are Watchdog", watchdogs, len(alerts))
		}
		return ""
	})
	frontend := n.frontend(t)
	eventually(t, time.Minute, "both rulers have it, and the querier shows it once", func(ctx context.Context) string {
		firing, _, _, err := frontend.Query(ctx, `ALERTS{alertname="Watchdog"}`, time.Now())
		if err != nil || len(firing.(model.Vector)) != 1 {
			return fmt.Sprint(firing, err)
		}
		return ""
	})
}

// uploaded is the metadata of a block in the bucket, as `thanos tools bucket ls --output=json` prints it.
type uploaded struct {
	ULID             string
	MinTime, MaxTime int64
	Compaction       struct{ Level int }
	Thanos           struct {
		Labels     map[string]string
		Downsample struct{ Resolution int64 }
		Source     string
	}
}

// blocks returns the blocks in the bucket, by the time at which they begin.
func (n *node) blocks(t *testing.T, flags ...string) []uploaded {
	t.Helper()
	out := n.bucketTool(t, append([]string{"ls", "--output=json"}, flags...)...)
	var all []uploaded
	for decoder := json.NewDecoder(strings.NewReader(out)); ; {
		var block uploaded
		if err := decoder.Decode(&block); err == io.EOF {
			slices.SortFunc(all, func(a, b uploaded) int { return int(a.MinTime - b.MinTime) })
			return all
		} else {
			require.NoError(t, err, out)
		}
		all = append(all, block)
	}
}

// bucketTool runs a command of `thanos tools bucket` on the node, and returns its standard output.
func (n *node) bucketTool(t *testing.T, args ...string) string {
	t.Helper()
	secret, err := n.kubernetes.CoreV1().Secrets(namespace).Get(t.Context(), "thanos-object-store", metav1.GetOptions{})
	require.NoError(t, err)
	service, err := n.kubernetes.CoreV1().Services("object-store").Get(t.Context(), "seaweedfs", metav1.GetOptions{})
	require.NoError(t, err)
	require.Len(t, secret.Data, 1)
	file := filepath.Join(n.cluster.state, "ssd", "bucket.yaml")
	for _, text := range secret.Data {
		// The node itself does not ask the cluster's DNS server.
		own := strings.ReplaceAll(string(text), "seaweedfs.object-store.svc:", service.Spec.ClusterIP+":")
		require.NoError(t, os.WriteFile(file, []byte(own), 0o600))
	}
	return n.localcluster(t, append([]string{"exec", "/run/localcluster/bin/thanos", "tools", "bucket", "--log.level=warn", "--objstore.config-file=/mnt/ssd/bucket.yaml"}, args...)...)
}

// ofReplica returns the blocks that a replica of Prometheus or of the ruler uploaded and that are as it wrote
// them.
func ofReplica(blocks []uploaded, replica string) []uploaded {
	return slices.DeleteFunc(slices.Clone(blocks), func(b uploaded) bool {
		return b.Thanos.Labels["replica"] != replica || b.Thanos.Source == "compactor"
	})
}

func blocksArrive(t *testing.T, n *node) {
	wanted := 2
	if *scaleFlag == "core" {
		wanted = 1
	}
	eventually(t, 12*time.Minute, fmt.Sprint("blocks of each replica are uploaded: ", wanted), func(context.Context) string {
		blocks := n.blocks(t)
		for _, replica := range append(slices.Clone(servers), "thanos-ruler-0", "thanos-ruler-1") {
			if own := ofReplica(blocks, replica); len(own) < wanted {
				time.Sleep(5 * time.Second)
				return fmt.Sprintf("%d of %s", len(own), replica)
			}
		}
		return ""
	})
	for _, block := range n.blocks(t) {
		assert.Equal(t, n.stack.Cluster.Name, block.Thanos.Labels["cluster"], block.ULID)
	}
}

// keyRefused has the object store take another key than the stack's, and then that one again.
func keyRefused(t *testing.T, n *node) {
	before := ofReplica(n.blocks(t), servers[0])
	secret, err := n.kubernetes.CoreV1().Secrets("object-store").Get(t.Context(), "seaweedfs", metav1.GetOptions{})
	require.NoError(t, err)
	valid := string(secret.Data["s3.json"])
	take := func(identities string) {
		n.scaleStore(t, 0)
		patch, err := json.Marshal(map[string]any{"stringData": map[string]string{"s3.json": identities}})
		require.NoError(t, err)
		n.patch(t, "v1", "Secret", "object-store", "seaweedfs", string(patch))
		n.scaleStore(t, 1)
	}
	mend := once(func() { take(valid) })
	t.Cleanup(mend)
	other := strings.Replace(valid, `"secretKey": "`, `"secretKey": "another-`, 1)
	require.NotEqual(t, valid, other)
	take(other)

	eventually(t, 5*time.Minute, "a sidecar says what is wrong", func(ctx context.Context) string {
		text, err := n.kubernetes.CoreV1().Pods(namespace).GetLogs(servers[0], &corev1.PodLogOptions{Container: "thanos-sidecar"}).DoRaw(ctx)
		if err != nil || !strings.Contains(string(text), "stat s3 object: Access Denied") {
			return fmt.Sprint(lastLines(string(text), 5), err)
		}
		return ""
	})
	n.bucketAlert(t)

	back := time.Now()
	mend()
	n.uploadedSince(t, back)
	n.withoutGap(t, len(before))
}

// volumesWiped replaces the pods of Prometheus, whose volumes are lost with them.
func volumesWiped(t *testing.T, n *node) {
	blocks := n.blocks(t)
	end := time.Now().UnixMilli() // of what all servers have uploaded
	for _, server := range servers {
		own := ofReplica(blocks, server)
		end = min(end, own[len(own)-1].MaxTime)
	}
	at := time.UnixMilli(end - 1)
	const query = `count(last_over_time(up[30s]))`
	for _, server := range servers {
		require.NoError(t, n.kubernetes.CoreV1().Pods(namespace).Delete(t.Context(), server, metav1.DeleteOptions{}))
	}
	n.replacePods(t, "app.kubernetes.io/name=thanos-store-gateway") // which otherwise looks for new blocks every few minutes
	n.rolledOut(t)
	eventually(t, 3*time.Minute, "the servers are up without their old samples", func(ctx context.Context) string {
		samples, err := n.tryQuery(ctx, query, at)
		if err != nil || len(samples) > 0 {
			return fmt.Sprint(samples, err)
		}
		return ""
	})
	frontend := n.frontend(t)
	eventually(t, 3*time.Minute, "old samples of both shards come from the bucket", func(ctx context.Context) string {
		then, _, _, err := frontend.Query(ctx, query, at)
		if err != nil || len(then.(model.Vector)) == 0 {
			return fmt.Sprint("nothing ", err)
		}
		now, _, _, err := frontend.Query(ctx, query, time.Now())
		if err != nil || len(now.(model.Vector)) == 0 || then.(model.Vector)[0].Value < now.(model.Vector)[0].Value {
			return fmt.Sprint("then ", then, ", and now ", now, " targets ", err)
		}
		return ""
	})
}

// replicaGone takes a replica of each shard away for a minute and a half, and expects every sample in a query.
func replicaGone(t *testing.T, n *node) {
	begin := time.Now()
	n.cordon(t, true)
	t.Cleanup(func() { n.cordon(t, false) })
	for _, shard := range shards {
		require.NoError(t, n.kubernetes.CoreV1().Pods(namespace).Delete(t.Context(), shard+"-1", metav1.DeleteOptions{}))
	}
	time.Sleep(90 * time.Second)
	n.cordon(t, false)
	n.rolledOut(t)
	time.Sleep(2 * n.stack.Prometheus.ScrapeInterval.Duration)

	step := n.stack.Prometheus.ScrapeInterval.Duration
	value, _, _, err := n.frontend(t).QueryRange(t.Context(), `count_over_time(up{job="node-exporter"}[`+model.Duration(2*step).String()+`])`,
		promv1.Range{Start: begin, End: time.Now().Add(-step), Step: step})
	require.NoError(t, err)
	matrix := value.(model.Matrix)
	require.Len(t, matrix, 1, "the series of the one target")
	for i, pair := range matrix[0].Values[1:] {
		assert.LessOrEqual(t, pair.Timestamp.Sub(matrix[0].Values[i].Timestamp), step, "a gap before %s", pair.Timestamp.Time().Format(time.TimeOnly))
	}
}

// centralQueries deploys a stack of its own namespace that only queries, and expects it to show what the query
// frontend of this stack shows, and to run nothing else.
func centralQueries(t *testing.T, n *node) {
	const central = "central" // the stack and its namespace
	certificate, err := n.kubernetes.CoreV1().Secrets(namespace).Get(t.Context(), n.stack.LongTermStorage.TLS.SecretName, metav1.GetOptions{})
	require.NoError(t, err)
	_, err = n.kubernetes.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: central}}, metav1.CreateOptions{})
	require.NoError(t, err)
	certificate.ObjectMeta = metav1.ObjectMeta{Name: certificate.Name}
	_, err = n.kubernetes.CoreV1().Secrets(central).Create(t.Context(), certificate, metav1.CreateOptions{})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(n.cluster.dir, "Pulumi."+central+".yaml"), fmt.Appendf(nil, `config:
  kubernetes-prometheus:cluster: {name: %[1]s, namespace: %[1]s, context: %[2]s, createNamespace: false}
  kubernetes-prometheus:prometheus: {mode: none}
  kubernetes-prometheus:longTermStorage:
    enabled: true
    tls: {secretName: %[3]s}
    query: {stacks: [organization/%[4]s/%[5]s]}
  kubernetes-prometheus:grafana: {replicas: 0}
`, central, n.stack.Cluster.Context, certificate.Name, config.Project, n.cluster.stack), 0o600))
	n.pulumi(t, "stack", "init", central, "--no-select")
	t.Cleanup(func() {
		n.pulumi(t, "destroy", "--yes", "--color", "never", "--stack", central)
		n.pulumi(t, "stack", "rm", "--yes", "--stack", central)
		require.NoError(t, n.kubernetes.CoreV1().Namespaces().Delete(context.WithoutCancel(t.Context()), central, metav1.DeleteOptions{}))
	})
	n.pulumi(t, "config", "set", "--stack", central, "--secret", "--path", config.Project+":grafana.adminPassword", "nobody-logs-in")
	n.pulumi(t, "up", "--yes", "--skip-preview", "--color", "never", "--stack", central)

	own, other := n.frontend(t), promv1.NewAPI(n.serviceIn(t, central, "thanos-query-frontend:web"))
	const targets = `count by (cluster, job) (up == 1)`
	eventually(t, 2*time.Minute, "both show the same targets", func(ctx context.Context) string {
		at := time.Now().Add(-30 * time.Second)
		want, _, _, err := own.Query(ctx, targets, at)
		if err != nil {
			return err.Error()
		}
		got, _, _, err := other.Query(ctx, targets, at)
		if err != nil || len(want.(model.Vector)) == 0 || got.String() != want.String() {
			return fmt.Sprintf("want %s, got %s, %v", want, got, err)
		}
		return ""
	})
	pods, err := n.kubernetes.CoreV1().Pods(central).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	running := map[string]bool{}
	for _, pod := range pods.Items {
		running[pod.Labels["app.kubernetes.io/name"]] = true
	}
	assert.Equal(t, map[string]bool{"thanos-query": true, "thanos-query-frontend": true}, running)
}

// bucketAway takes the object store away while blocks are written, and expects all of them afterwards.
func bucketAway(t *testing.T, n *node) {
	before := ofReplica(n.blocks(t), servers[0])
	mend := once(func() { n.scaleStore(t, 1) })
	t.Cleanup(mend)
	n.scaleStore(t, 0)
	n.bucketAlert(t)
	time.Sleep(2 * time.Minute)
	back := time.Now()
	mend()
	n.uploadedSince(t, back)
	n.withoutGap(t, len(before))
}

// scaleStore sets the number of pods of the object store, and waits until the one is ready.
func (n *node) scaleStore(t *testing.T, replicas int32) {
	t.Helper()
	n.patch(t, "apps/v1", "Deployment", "object-store", "seaweedfs", fmt.Sprintf(`{"spec":{"replicas":%d}}`, replicas))
	eventually(t, 2*time.Minute, "the object store is scaled", func(ctx context.Context) string {
		store, err := n.kubernetes.AppsV1().Deployments("object-store").Get(ctx, "seaweedfs", metav1.GetOptions{})
		if err != nil || store.Status.ReadyReplicas != replicas || store.Status.Replicas != replicas {
			return fmt.Sprint("not yet ", err)
		}
		return ""
	})
}

// bucketAlert waits for the alert about an object store that fails the sidecars, at least pending.
func (n *node) bucketAlert(t *testing.T) {
	t.Helper()
	eventually(t, 6*time.Minute, "an alert is about to fire", func(ctx context.Context) string {
		samples, err := n.tryQuery(ctx, `ALERTS{alertname="ThanosBucketOperationsFailing", job="thanos-sidecar"}`, time.Now())
		if err != nil || len(samples) == 0 {
			return fmt.Sprint("not yet ", err)
		}
		return ""
	})
}

// uploadedSince waits until the first replica has uploaded a block that ends after a time.
func (n *node) uploadedSince(t *testing.T, since time.Time) {
	t.Helper()
	eventually(t, 8*time.Minute, "blocks written meanwhile and after are uploaded", func(context.Context) string {
		own := ofReplica(n.blocks(t), servers[0])
		if newest := own[len(own)-1]; time.UnixMilli(newest.MaxTime).Before(since) {
			time.Sleep(10 * time.Second)
			return fmt.Sprintf("the newest of %d ends at %s", len(own), time.UnixMilli(newest.MaxTime).Format(time.TimeOnly))
		}
		return ""
	})
}

// withoutGap expects that the first replica's blocks, from one on, follow each other.
func (n *node) withoutGap(t *testing.T, from int) {
	t.Helper()
	own := ofReplica(n.blocks(t), servers[0])[from:]
	for i, block := range own[1:] {
		assert.LessOrEqual(t, block.MinTime-own[i].MaxTime, int64(20_000), "samples are missing after %s", time.UnixMilli(own[i].MaxTime).Format(time.TimeOnly))
	}
}

// The history that historyKept uploads: a sample each minute, whose value tells its time.
const (
	historyInterval = time.Minute
	day             = 24 * time.Hour
)

// historyKept uploads blocks of months ago, as if the stack had run by then.
func historyKept(t *testing.T, n *node) {
	today := time.Now().UTC().Truncate(2 * time.Hour)
	replica := fmt.Sprintf("history-%d", time.Now().Unix())
	dir := filepath.Join(n.cluster.state, "ssd", replica)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	// Four days in the blocks of two hours that servers write, two weeks in one block, which is long
	// enough for both resolutions, and a day that is older than what the stack keeps.
	recent := today.Add(-6 * day).Truncate(2 * day)
	old := today.Add(-60 * day).Truncate(14 * day)
	expired := today.Add(-n.stack.LongTermStorage.Retention.Raw.Duration - 10*day).Truncate(day)
	writeHistory(t, dir, recent, recent.Add(4*day), 2*time.Hour)
	writeHistory(t, dir, old, old.Add(14*day), 14*day)
	writeHistory(t, dir, expired, expired.Add(2*time.Hour), 2*time.Hour)
	n.bucketTool(t, "upload-blocks", "--path=/mnt/ssd/"+replica,
		fmt.Sprintf("--label=cluster=%q", n.stack.Cluster.Name), fmt.Sprintf("--label=replica=%q", replica))
	// The compactor would leave what is new alone for half an hour, and wait between its runs.
	n.changeSet(t, "thanos-compactor", func(set *appsv1.StatefulSetSpec) {
		container := &set.Template.Spec.Containers[0]
		container.Args = append(slices.DeleteFunc(container.Args, func(arg string) bool { return strings.HasPrefix(arg, "--consistency-delay=") }), "--consistency-delay=1s")
	})
	for range 3 {
		n.killCompactorAtWork(t)
	}

	of := func(blocks []uploaded, match func(uploaded) bool) bool {
		return slices.ContainsFunc(blocks, func(b uploaded) bool { return b.Thanos.Labels["replica"] == replica && match(b) })
	}
	eventually(t, 20*time.Minute, "the compactor has done its work", func(context.Context) string {
		time.Sleep(10 * time.Second)
		live := n.blocks(t, "--exclude-delete")
		for what, done := range map[string]bool{
			"no block of two days": of(live, func(b uploaded) bool {
				return b.Compaction.Level > 1 && b.MaxTime-b.MinTime > (47*time.Hour).Milliseconds() && b.MinTime >= recent.UnixMilli()
			}),
			"no block of five minutes":   of(live, func(b uploaded) bool { return b.Thanos.Downsample.Resolution == (5 * time.Minute).Milliseconds() }),
			"no block of one hour":       of(live, func(b uploaded) bool { return b.Thanos.Downsample.Resolution == time.Hour.Milliseconds() }),
			"the expired block is there": !of(live, func(b uploaded) bool { return b.MinTime < old.UnixMilli() }),
		} {
			if !done {
				return fmt.Sprintf("%s among %d blocks", what, len(live))
			}
		}
		return ""
	})
	ends := map[int64]int64{} // of the newest block so far, by resolution
	for _, block := range n.blocks(t, "--exclude-delete") {
		if resolution := block.Thanos.Downsample.Resolution; block.Thanos.Labels["replica"] == replica {
			assert.GreaterOrEqual(t, block.MinTime, ends[resolution], "%s overlaps with another block", block.ULID)
			ends[resolution] = block.MaxTime
		}
	}
	n.replacePods(t, "app.kubernetes.io/name=thanos-store-gateway")

	for name, c := range map[string]struct {
		at         time.Time
		resolution time.Duration
	}{
		"raw":             {recent.Add(25*time.Hour + 30*time.Minute), 0},
		"by five minutes": {old.Add(3 * day), 5 * time.Minute},
		"by the hour":     {old.Add(9 * day), time.Hour},
	} {
		for query, want := range map[string]float64{
			`max_over_time(history_gauge[3h])`:                           float64(c.at.Unix()),
			`sum(increase(history_total[3h]))`:                           (3 * time.Hour).Seconds(),
			`histogram_count(sum(increase(history_native_seconds[3h])))`: 3 * 60 * historyObservations,
		} {
			var got float64
			eventually(t, 2*time.Minute, name+": "+query, func(ctx context.Context) string {
				vector, err := n.resolved(ctx, query, c.at, c.resolution)
				if err != nil || len(vector) != 1 {
					return fmt.Sprint(vector, err)
				}
				got = float64(vector[0].Value)
				return ""
			})
			assert.InEpsilon(t, want, got, 0.05, "%s: %s", name, query)
		}
	}
	compactor, err := n.kubernetes.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=thanos-compactor"})
	require.NoError(t, err)
	require.Len(t, compactor.Items, 1)
	assert.Empty(t, n.query(t, `thanos_compact_halted == 1`, time.Now()))
}

// killCompactorAtWork kills the compactor once it has begun to write a block, or to download one.
func (n *node) killCompactorAtWork(t *testing.T) {
	t.Helper()
	n.shell(t, `last=; end=$(($(date +%s) + 240)); while [ $(date +%s) -lt $end ]; do
	for pid in $(processes '/bin/thanos compact'); do
		[ "$pid" = "$last" ] || { last=$pid; touch /tmp/compactor; }
		[ -n "$(find /proc/$pid/root`+render.ThanosDataDir+`/compact -mindepth 2 -newer /tmp/compactor 2>/dev/null)" ] && kill -9 $pid && exit 0
	done
done; false`)
}

// historyObservations is what each sample of the histogram in the history has more than the one before.
const historyObservations = 9

// writeHistory writes blocks of a length into a directory.
func writeHistory(t *testing.T, dir string, from, until time.Time, length time.Duration) {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	for ; from.Before(until); from = from.Add(length) {
		w, err := tsdb.NewBlockWriter(logger, dir, length.Milliseconds())
		require.NoError(t, err)
		app := w.Appender(t.Context())
		for at := from; at.Before(from.Add(length)); at = at.Add(historyInterval) {
			for _, name := range []string{"history_gauge", "history_total"} {
				_, err := app.Append(0, labels.FromStrings(model.MetricNameLabel, name), at.UnixMilli(), float64(at.Unix()))
				require.NoError(t, err)
			}
			// Its count grows by the same number with each sample.
			h := tsdbutil.GenerateTestHistogram(at.Unix() / int64(historyInterval.Seconds()))
			_, err := app.AppendHistogram(0, labels.FromStrings(model.MetricNameLabel, "history_native_seconds"), at.UnixMilli(), h, nil)
			require.NoError(t, err)
		}
		require.NoError(t, app.Commit())
		_, err = w.Flush(t.Context())
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
}

// resolved returns the result of an instant query of Thanos from blocks of at most a resolution.
func (n *node) resolved(ctx context.Context, query string, at time.Time, resolution time.Duration) (model.Vector, error) {
	body, err := n.tryGet(ctx, "thanos-query-frontend:web", "api/v1/query", map[string]string{
		"query": query, "time": fmt.Sprint(at.Unix()), "max_source_resolution": resolution.String(),
	})
	if err != nil {
		return nil, err
	}
	var response struct {
		Data struct {
			Result model.Vector
		}
	}
	err = json.Unmarshal([]byte(body), &response)
	return response.Data.Result, err
}
