//go:build e2e

package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	ktypes "k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// words holds the words of a fault's manifest that its objects replace by other text.
var words = map[string]func(*testing.T) []string{
	"bad-exposition": timestamps,
	"certificate":    shortCertificate,
	"volume-failed":  text("RECLAIM", "Delete"),
	"volume-full":    text("COMMAND", "dd if=/dev/zero of=/data/full bs=1M count=100"),
	"volume-inodes":  text("COMMAND", "for i in $(seq 100); do touch /data/$i; done"),
	"volume-filling": text("COMMAND", "dd if=/dev/zero of=/data/half bs=1M count=10; sleep 45; dd if=/dev/zero of=/data/most bs=1M count=15"),
	"inodes-filling": text("COMMAND", "for i in $(seq 300); do touch /data/$i; done; sleep 75; for i in $(seq 301 850); do touch /data/$i; done"),
}

func text(words ...string) func(*testing.T) []string {
	return func(*testing.T) []string { return words }
}

// breaks holds what a fault does besides creating its objects. Each returns what mends it;
// whatever lasts longer than the test ends with its cleanup.
var breaks = map[string]func(*testing.T, *node, fault) func(){
	"crash-loop":     observedPod,
	"volume-resize":  resizeVolume,
	"volume-failed":  releaseVolume,
	"volume-full":    smallVolume("size=4m"),
	"volume-inodes":  smallVolume("size=4m,nr_inodes=40"),
	"volume-filling": smallVolume("size=30m"),
	"inodes-filling": smallVolume("size=4m,nr_inodes=1000"),
	"drain-blocked":  blockedDrain,
	"rollout-stuck":  stuckRollout,

	"autoscaler-fought": foughtAutoscaler,

	"alertmanager-gone":   noAlertmanager,
	"alertmanager-config": reloadedConfig,
	"bad-discovery":       badDiscovery,
	"prometheus-config":   brokenConfig("prometheus-config", "prometheus.yml", "prometheus"),
	"blackbox-config":     brokenConfig("blackbox-exporter", "blackbox.yml", "blackbox-exporter"),

	"slack-fails":     failingSlack,
	"remote-refuses":  answered("/write/refusing", http.StatusBadRequest, 0),
	"remote-slow":     answered("/write/slow", http.StatusOK, 8*time.Second),
	"server-gone":     scaledDown("Deployment", "fault-base", "web"),
	"broken-block":    brokenBlock,
	"shard-forbidden": forbiddenShard,

	"alertmanager-frozen":  frozen("/bin/alertmanager", 3*time.Minute+30*time.Second),
	"shard-frozen":         frozen("/kube-state-metrics.*SHARD0", 100*time.Second),
	"telemetry-closed":     closedTelemetry,
	"node-exporter-frozen": frozen("/bin/node_exporter --web", 110*time.Second),
	"blackbox-gone":        scaledDown("Deployment", namespace, "blackbox-exporter"),
	"directory-sizes-fail": failingScans,
	"prometheus-frozen":    frozen("/bin/prometheus", 30*time.Second),

	"clock-skew": traced("/bin/node_exporter --web", clockOff),
	"etcd-slow":  traced("etcd --", "fdatasync:delay_exit=300000"),

	"disk-full":          smallDisk("", "fallocate -l 8M %[1]s/half; sleep 25; fallocate -l $(($(stat -f -c '%%a*%%S' %[1]s) - 65536)) %[1]s/rest"),
	"disk-inodes":        smallDisk("-N 64", "touch $(seq -f %[1]s/a%%g 20); sleep 25; touch $(seq -f %[1]s/b%%g 100)"),
	"link-flapping":      flappingLink,
	"crash-alertmanager": killedAgainAndAgain("/bin/alertmanager", 5),

	"node-lost":     lostNode,
	"misscheduled":  taintedNode,
	"zone-lost":     lostZone,
	"node-flapping": flappingNode,
	"node-network":  readyNode("fault-network", "10.244.254.4", nodeCondition(corev1.NodeNetworkUnavailable, corev1.ConditionTrue)),
	"overcommitted": nodeWithoutRoom,

	"memory-pressure": shortOfMemory,
	"kubelet-killed":  killedPart("kubelet", 100*time.Second),
	"runtime-frozen":  frozenRuntime,

	"dns-upstream": corefile("forward . 10.255.255.1"),
	"dns-corefile": corefile("no-such-plugin"),
	"dns-gone":     scaledDown("Deployment", "kube-system", "coredns"),

	"webhook-failing":         failingCreates,
	"slow-binding":            slowBinding,
	"unbindable":              refusedBinding,
	"webhook-slow":            slowCreates,
	"throttling":              throttledClient,
	"client-certificate":      shortClientCertificate,
	"aggregated-api-flapping": flappingAPI,

	"controller-manager-killed": killedControllerManager,
	"api-server-killed":         killedPart("kube-apiserver kube-controller-manager kube-scheduler", 100*time.Second),
	"etcd-killed":               killedPart("etcd", 100*time.Second),
	"wal-corrupt":               corruptWAL,

	"provider-down":        noProvider,
	"provider-refuses":     refusedTokens,
	"login-killed":         killedLogins,
	"login-secret-missing": noClientSecret,
}

// once returns a function that calls mend the first time only, even if that fails the test.
func once(mend func()) func() {
	called := false
	return func() {
		if !called {
			called = true
			mend()
		}
	}
}

// shell runs a script on the node and returns its output. In the script, `processes PATTERN` prints
// the ids of the processes whose command line begins with PATTERN.
func (n *node) shell(t *testing.T, script string) string {
	t.Helper()
	return n.localcluster(t, "exec", "sh", "-c", `processes() {
	for dir in /proc/[0-9]*; do
		tr '\0' ' ' 2>/dev/null <$dir/cmdline | grep -q "^$1" && echo ${dir#/proc/}
	done
	true
}
`+script)
}

// patch changes an object.
func (n *node) patch(t *testing.T, apiVersion, kind, namespace, name, patch string) {
	t.Helper()
	object := &unstructured.Unstructured{}
	object.SetAPIVersion(apiVersion)
	object.SetKind(kind)
	object.SetNamespace(namespace)
	_, err := n.client(t, object).Patch(context.WithoutCancel(t.Context()), name, ktypes.MergePatchType, []byte(patch), metav1.PatchOptions{})
	require.NoError(t, err, "%s %s", kind, name)
}

// poke has the kubelet update the files of the pods of a program, which it does every minute by
// itself.
func (n *node) poke(t *testing.T, namespace, selector string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	pods, err := n.kubernetes.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	require.NoError(t, err)
	for _, pod := range pods.Items {
		n.patch(t, "v1", "Pod", namespace, pod.Name, fmt.Sprintf(`{"metadata":{"annotations":{"fault":"%d"}}}`, time.Now().UnixNano()))
	}
}

// observedPod has the kubelet look at a pod again and again, and so report that it waits before it
// starts a container again. By itself it does within a minute and a half.
func observedPod(t *testing.T, n *node, f fault) func() {
	pods := n.kubernetes.CoreV1().Pods("fault-" + f.name)
	return every(t, 5*time.Second, func(ctx context.Context) {
		patch := fmt.Sprintf(`{"metadata":{"annotations":{"fault":"%d"}}}`, time.Now().UnixNano())
		_, _ = pods.Patch(ctx, f.name, ktypes.MergePatchType, []byte(patch), metav1.PatchOptions{})
	})
}

func scaledDown(kind, namespace, name string) func(*testing.T, *node, fault) func() {
	return func(t *testing.T, n *node, _ fault) func() {
		n.patch(t, "apps/v1", kind, namespace, name, `{"spec":{"replicas":0}}`)
		return func() { n.patch(t, "apps/v1", kind, namespace, name, `{"spec":{"replicas":1}}`) }
	}
}

// noAlertmanager leaves the stack without Alertmanager for longer than the alert looks back. It
// ends before the messages are counted, as no other alert could arrive.
func noAlertmanager(t *testing.T, n *node, f fault) func() {
	mend := once(scaledDown("StatefulSet", namespace, "alertmanager")(t, n, f))
	t.Cleanup(mend)
	time.Sleep(6 * time.Minute)
	return mend
}

func resizeVolume(t *testing.T, n *node, f fault) func() {
	unmount := smallVolume("size=4m")(t, n, f)
	n.boundClaim(t, f)
	n.patch(t, "v1", "PersistentVolumeClaim", "fault-"+f.name, "data", `{"spec":{"resources":{"requests":{"storage":"20Mi"}}}}`)
	return unmount
}

func releaseVolume(t *testing.T, n *node, f fault) func() {
	unmount := smallVolume("size=4m")(t, n, f)
	n.boundClaim(t, f)
	require.NoError(t, n.kubernetes.CoreV1().Pods("fault-"+f.name).Delete(t.Context(), "user", metav1.DeleteOptions{}))
	require.NoError(t, n.kubernetes.CoreV1().PersistentVolumeClaims("fault-"+f.name).Delete(t.Context(), "data", metav1.DeleteOptions{}))
	return unmount
}

func (n *node) boundClaim(t *testing.T, f fault) {
	t.Helper()
	eventually(t, time.Minute, "the claim is bound", func(ctx context.Context) string {
		claim, err := n.kubernetes.CoreV1().PersistentVolumeClaims("fault-"+f.name).Get(ctx, "data", metav1.GetOptions{})
		if err != nil || claim.Status.Phase != corev1.ClaimBound {
			return fmt.Sprint(claim.Status.Phase, err)
		}
		return ""
	})
}

// smallVolume mounts a file system in memory where the pod's volume is to be.
func smallVolume(options string) func(*testing.T, *node, fault) func() {
	return func(t *testing.T, n *node, f fault) func() {
		at := "/mnt/fault-" + f.name
		n.shell(t, "mkdir -p "+at+" && mount -t tmpfs -o "+options+" fault "+at)
		return func() { n.shell(t, "umount -l "+at+" && rmdir "+at) }
	}
}

// smallDisk mounts a new ext4 of 20 MB, which mkfs.ext4 makes with flags, and runs a script that
// fills it.
func smallDisk(flags, script string) func(*testing.T, *node, fault) func() {
	return func(t *testing.T, n *node, f fault) func() {
		at := "/mnt/fault-" + f.name
		n.shell(t, fmt.Sprintf("mkdir -p %[1]s && truncate -s 20M /tmp/%[2]s && mkfs.ext4 -q -m 0 %[3]s /tmp/%[2]s && mount -o loop /tmp/%[2]s %[1]s", at, f.name, flags))
		t.Cleanup(func() { n.shell(t, fmt.Sprintf("umount -l %s; rm -f /tmp/%s", at, f.name)) })
		time.Sleep(25 * time.Second) // for samples of the empty one
		n.shell(t, fmt.Sprintf(script, at)+"; true")
		return func() { n.shell(t, "rm -rf "+at+"/*") }
	}
}

// timestamps returns a time in milliseconds, and one before it.
func timestamps(*testing.T) []string {
	now := time.Now().UnixMilli()
	return []string{"NOW", fmt.Sprint(now), "BEFORE", fmt.Sprint(now - 5000)}
}

func shortCertificate(t *testing.T) []string {
	cert, key := certificate(t, "web", time.Now().Add(time.Hour), nil, nil)
	indented := func(pem string) string { return "|\n    " + strings.ReplaceAll(strings.TrimSpace(pem), "\n", "\n    ") }
	return []string{"CERTIFICATE", indented(cert), ": KEY", ": " + indented(key)}
}

// certificate returns a certificate and its key in PEM. Without an authority it signs itself.
func certificate(t *testing.T, name string, until time.Time, ca *x509.Certificate, caKey any) (cert, private string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Minute),
		NotAfter:     until,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:     []string{name},
	}
	if ca == nil {
		ca, caKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, key.Public(), caKey)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
}

// every calls do in intervals until the test ends or the returned function is called.
func every(t *testing.T, interval time.Duration, do func(ctx context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			do(ctx)
			select {
			case <-ctx.Done():
			case <-time.After(interval):
			}
		}
	})
	stop = func() {
		cancel()
		done.Wait()
	}
	t.Cleanup(stop)
	return stop
}

func blockedDrain(t *testing.T, n *node, f fault) func() {
	n.awaitPod(t, "fault-"+f.name, f.name) // a budget does not protect a pod that is pending
	refused := 0
	stop := every(t, 200*time.Millisecond, func(ctx context.Context) {
		err := n.kubernetes.PolicyV1().RESTClient().Post().AbsPath("/api/v1").Namespace("fault-" + f.name).Resource("pods").Name(f.name).
			SubResource("eviction").Body(&policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: f.name}}).MaxRetries(0).Do(ctx).Error()
		if apierrors.IsTooManyRequests(err) {
			refused++
		}
	})
	time.Sleep(time.Minute)
	stop()
	require.Greater(t, refused, 100, "evictions refused with 429")
	return func() {}
}

// foughtAutoscaler scales a Deployment to one replica every second.
func foughtAutoscaler(t *testing.T, n *node, f fault) func() {
	deployments := n.kubernetes.AppsV1().Deployments("fault-" + f.name)
	return every(t, time.Second, func(ctx context.Context) {
		_, _ = deployments.Patch(ctx, f.name, ktypes.MergePatchType, []byte(`{"spec":{"replicas":1}}`), metav1.PatchOptions{})
	})
}

func stuckRollout(t *testing.T, n *node, f fault) func() {
	time.Sleep(30 * time.Second) // until the pods are ready, and scraped
	for _, object := range [][2]string{{"StatefulSet", "set"}, {"DaemonSet", "daemon"}} {
		n.patch(t, "apps/v1", object[0], "fault-"+f.name, object[1], `{"spec":{"template":{"metadata":{"annotations":{"changed":"true"}}}}}`)
	}
	return func() {}
}

// brokenConfig replaces a file of a ConfigMap by one that its program cannot load.
func brokenConfig(configMap, file, program string) func(*testing.T, *node, fault) func() {
	return func(t *testing.T, n *node, _ fault) func() {
		client := n.kubernetes.CoreV1().ConfigMaps(namespace)
		before, err := client.Get(t.Context(), configMap, metav1.GetOptions{})
		require.NoError(t, err)
		write := func(text string) {
			now, err := client.Get(context.WithoutCancel(t.Context()), configMap, metav1.GetOptions{})
			require.NoError(t, err)
			now.Data[file] = text
			_, err = client.Update(context.WithoutCancel(t.Context()), now, metav1.UpdateOptions{})
			require.NoError(t, err)
			n.poke(t, namespace, "app.kubernetes.io/name="+program)
		}
		write("broken: [")
		return func() { write(before.Data[file]) }
	}
}

// reloadedConfig has Alertmanager reload its configuration until it is no longer broken. By itself
// it loads one at start only.
func reloadedConfig(t *testing.T, n *node, f fault) func() {
	mend := brokenConfig("alertmanager-config", "alertmanager.yml", "alertmanager")(t, n, f)
	stop := every(t, 5*time.Second, func(context.Context) {
		n.shell(t, `kill -HUP $(processes /bin/alertmanager); true`)
	})
	return func() {
		mend()
		time.Sleep(20 * time.Second) // for the kubelet and a reload
		stop()
	}
}

// badDiscovery has the discovery return a target whose labels Prometheus refuses.
func badDiscovery(t *testing.T, n *node, _ fault) func() {
	write := func(targets string) {
		patch, err := json.Marshal(map[string]any{"data": map[string]string{"targets.json": targets}})
		require.NoError(t, err)
		n.patch(t, "v1", "ConfigMap", "fault-base", "pages", string(patch))
		n.poke(t, "fault-base", "app=web")
	}
	write(`[{"targets": ["127.0.0.1:1"], "labels": {"__scrape_interval__": "soon"}}]`)
	return func() { write("[]") }
}

func failingSlack(t *testing.T, n *node, _ fault) func() {
	mend := n.answers(t, "/services/", http.StatusInternalServerError, 0)
	for i := range 4 {
		alert := fmt.Sprintf(`[{"labels":{"alertname":"Fault%d","cluster":"demo","severity":"warning"}}]`, i)
		_, err := n.kubernetes.CoreV1().RESTClient().Post().Namespace(namespace).Resource("services").Name("alertmanager:web").
			SubResource("proxy").Suffix("api/v2/alerts").SetHeader("Content-Type", "application/json").Body([]byte(alert)).DoRaw(t.Context())
		require.NoError(t, err)
	}
	time.Sleep(70 * time.Second)
	mend()
	return func() {}
}

// answered has the receiver of remote write answer requests below a path as answers does.
func answered(path string, status int, delay time.Duration) func(*testing.T, *node, fault) func() {
	return func(t *testing.T, n *node, _ fault) func() { return n.answers(t, path, status, delay) }
}

// answers has the receiver answer requests below a path with a status, after a delay, until the fault is
// mended.
func (n *node) answers(t *testing.T, path string, status int, delay time.Duration) func() {
	n.slack.answer(t, path, status, delay)
	mend := once(func() { n.slack.answer(t, path, http.StatusOK, 0) })
	t.Cleanup(mend)
	return mend
}

func brokenBlock(t *testing.T, n *node, _ fault) func() {
	const block = "01HF0000000000000000000000"
	meta := `{"ulid":"` + block + `","minTime":1,"maxTime":2,"version":1,"stats":{},"compaction":{"level":1,"sources":["` + block + `"]}}`
	n.shell(t, "cd /mnt/ssd/prometheus && mkdir -p "+block+"/chunks && echo '"+meta+"' >"+block+"/meta.json && echo broken >"+block+"/index && chmod -R a+rwX "+block)
	return func() { n.shell(t, "rm -rf /mnt/ssd/prometheus/"+block) }
}

func forbiddenShard(t *testing.T, n *node, _ fault) func() {
	ctx := context.WithoutCancel(t.Context())
	client := n.kubernetes.RbacV1().ClusterRoles()
	roles, err := client.List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=kube-state-metrics"})
	require.NoError(t, err)
	require.NotEmpty(t, roles.Items)
	before := roles.Items[0]
	restart := func() {
		require.NoError(t, n.kubernetes.CoreV1().Pods(namespace).Delete(ctx, "kube-state-metrics-0", metav1.DeleteOptions{}))
	}
	n.patch(t, "rbac.authorization.k8s.io/v1", "ClusterRole", "", before.Name, `{"rules":[]}`)
	restart()
	return func() {
		now, err := client.Get(ctx, before.Name, metav1.GetOptions{})
		require.NoError(t, err)
		now.Rules = before.Rules
		_, err = client.Update(ctx, now, metav1.UpdateOptions{})
		require.NoError(t, err)
		restart()
	}
}

// frozen stops the node's processes whose command line matches, and those that replace them, for
// a time.
func frozen(command string, length time.Duration) func(*testing.T, *node, fault) func() {
	return func(t *testing.T, n *node, _ fault) func() {
		n.freeze(t, command, length)
		return func() {}
	}
}

// freeze stops and continues processes by their ids. A first SHARD0 in the command stands for
// the pod with that shard, which only the environment names.
func (n *node) freeze(t *testing.T, command string, length time.Duration) {
	t.Helper()
	command, inShard := strings.CutSuffix(command, ".*SHARD0")
	condition := "true"
	if inShard {
		condition = `tr '\0' '\n' </proc/$pid/environ | grep -q '^SHARD=0$'`
	}
	pids := fmt.Sprintf(`for pid in $(processes '%s'); do %s && kill -%%s $pid; done`, command, condition)
	t.Cleanup(func() { n.shell(t, fmt.Sprintf(pids, "CONT")+"; true") })
	n.shell(t, fmt.Sprintf(`end=$(($(date +%%s) + %d)); while [ $(date +%%s) -lt $end ]; do `+fmt.Sprintf(pids, "STOP")+`; sleep 2; done; `+fmt.Sprintf(pids, "CONT")+"; true", int(length.Seconds())))
}

// clockOff has adjtimex say that the clock is off by half a second, which it counts in nanoseconds,
// or in microseconds if no time service has chosen the unit. The struct begins with the modes of
// the request.
const clockOff = "adjtimex:poke_exit=@arg1=00000000000000000065cd1d00000000"

// traced changes the system calls of the node's processes whose command line matches, as strace's
// --inject describes, until the fault is mended.
func traced(command, inject string) func(*testing.T, *node, fault) func() {
	return func(t *testing.T, n *node, _ fault) func() {
		call, _, _ := strings.Cut(inject, ":")
		n.shell(t, fmt.Sprintf(`for pid in $(processes '%s'); do
	strace -f -q -o /dev/null -e trace=%s -e inject=%s -p $pid >/dev/null 2>&1 &
done; sleep 1; test -n "$(processes 'strace.* -e trace=%[2]s ')"`, command, call, inject))
		end := once(func() {
			n.shell(t, fmt.Sprintf(`for pid in $(processes 'strace.* -e trace=%s '); do kill $pid; done; true`, call))
		})
		t.Cleanup(end)
		return end
	}
}

func closedTelemetry(t *testing.T, n *node, _ fault) func() {
	rule := `for pid in $(processes /kube-state-metrics); do nsenter -t $pid -n iptables %s INPUT -p tcp --dport 8081 -j REJECT; done; true`
	n.shell(t, fmt.Sprintf(rule, "-I"))
	return func() { n.shell(t, fmt.Sprintf(rule, "-D")) }
}

// failingScans makes a directory whose path is longer than a system call takes, and then stops the
// scanner.
func failingScans(t *testing.T, n *node, _ fault) func() {
	clean := func() { n.shell(t, "rm -rf /var/log/fault-deep /var/log/fault-lower") }
	clean() // an interrupted test may have left something
	remove := once(clean)
	// No path may have more than 4096 bytes, so two halves are put together.
	n.shell(t, `cd /var/log; half=; for i in $(seq 10); do half=$half/$(printf %0250d 0); done
mkdir -p fault-deep$half fault-lower$half && mv fault-lower fault-deep$half/`)
	t.Cleanup(remove)
	time.Sleep(70 * time.Second)
	remove()
	n.freeze(t, "sh /scripts/scan.sh", 110*time.Second)
	return func() {}
}

func flappingLink(t *testing.T, n *node, _ fault) func() {
	n.shell(t, "ip link add fault0 type veth peer name fault1 && ip link set fault0 up && ip link set fault1 up")
	t.Cleanup(func() { n.shell(t, "ip link del fault0") })
	time.Sleep(25 * time.Second)
	n.shell(t, "for i in 1 2 3 4 5 6; do ip link set fault1 down; sleep 1; ip link set fault1 up; sleep 1; done")
	return func() {}
}

// killedAgainAndAgain kills a program each time that it has started, and then waits until it has
// once more. The kubelet waits before it starts it again, each time twice as long.
func killedAgainAndAgain(command string, times int) func(*testing.T, *node, fault) func() {
	return func(t *testing.T, n *node, _ fault) func() {
		pid := ""
		for kills := 0; ; kills++ {
			eventually(t, 4*time.Minute, command+" has started", func(context.Context) string {
				now := strings.TrimSpace(n.shell(t, "processes "+command))
				if now == "" || now == pid {
					return "processes: " + now
				}
				pid = now
				return ""
			})
			if kills == times {
				return func() {}
			}
			time.Sleep(12 * time.Second) // for a scrape
			n.shell(t, "kill -9 "+strings.Join(strings.Fields(pid), " "))
		}
	}
}

// addNode adds a node without a kubelet, and has it report conditions in the kubelet's place. Its taint
// keeps the pods of other faults from it.
func (n *node) addNode(t *testing.T, name, address string, labels map[string]string, conditions ...corev1.NodeCondition) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	nodes := n.kubernetes.CoreV1().Nodes()
	all := map[string]string{corev1.LabelOSStable: "linux"} // as a kubelet sets it; the DaemonSets select it
	maps.Copy(all, labels)
	_, err := nodes.Create(ctx, &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: all},
		Spec:       corev1.NodeSpec{Taints: []corev1.Taint{{Key: "fault-node", Effect: corev1.TaintEffectNoSchedule}}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = nodes.Delete(ctx, name, metav1.DeleteOptions{}) })
	capacity := corev1.ResourceList{"cpu": quantityOf("1"), "memory": quantityOf("1Gi"), "pods": quantityOf("10")}
	n.report(t, name, func(node *corev1.Node) {
		node.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: address}}
		node.Status.DaemonEndpoints.KubeletEndpoint.Port = 10250
		node.Status.Capacity, node.Status.Allocatable = capacity, capacity
		node.Status.Conditions = conditions
	})
}

// report changes a node's status.
func (n *node) report(t *testing.T, name string, change func(*corev1.Node)) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	require.Eventually(t, func() bool {
		node, err := n.kubernetes.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false
		}
		change(node)
		_, err = n.kubernetes.CoreV1().Nodes().UpdateStatus(ctx, node, metav1.UpdateOptions{})
		return err == nil
	}, 20*time.Second, 100*time.Millisecond, "the status of node %s is updated", name)
}

func nodeCondition(kind corev1.NodeConditionType, status corev1.ConditionStatus) corev1.NodeCondition {
	now := metav1.Now()
	return corev1.NodeCondition{Type: kind, Status: status, LastHeartbeatTime: now, LastTransitionTime: now, Reason: "Fault", Message: "fault"}
}

func lostNode(t *testing.T, n *node, _ fault) func() {
	n.addNode(t, "fault-lost", "10.244.254.1", map[string]string{"fault": "lost"}, nodeCondition(corev1.NodeReady, corev1.ConditionFalse))
	return func() { n.removeNode(t, "fault-lost") }
}

func (n *node) removeNode(t *testing.T, name string) {
	t.Helper()
	err := n.kubernetes.CoreV1().Nodes().Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{})
	require.True(t, err == nil || apierrors.IsNotFound(err), "%v", err)
}

// nodeWithoutRoom adds a node whose CPU and memory count, though they are next to nothing.
func nodeWithoutRoom(t *testing.T, n *node, f fault) func() {
	remove := readyNode("fault-small", "10.244.254.5")(t, n, f)
	n.report(t, "fault-small", func(node *corev1.Node) {
		node.Status.Allocatable = corev1.ResourceList{"cpu": quantityOf("100m"), "memory": quantityOf("100Mi"), "pods": quantityOf("0")}
	})
	n.patch(t, "v1", "Node", "", "fault-small", `{"spec":{"taints":null}}`)
	return remove
}

func taintedNode(t *testing.T, n *node, f fault) func() {
	remove := readyNode("fault-tainted", "10.244.254.2")(t, n, f)
	eventually(t, time.Minute, "the DaemonSet has a pod there", func(ctx context.Context) string {
		pods, err := n.kubernetes.CoreV1().Pods("fault-"+f.name).List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=fault-tainted"})
		if err != nil || len(pods.Items) == 0 {
			return fmt.Sprint("none ", err)
		}
		return ""
	})
	n.patch(t, "v1", "Node", "", "fault-tainted", `{"spec":{"taints":[{"key":"fault","effect":"NoSchedule"}]}}`)
	// The controller looks at a DaemonSet again when it changes.
	n.patch(t, "apps/v1", "DaemonSet", "fault-"+f.name, f.name, `{"metadata":{"annotations":{"fault":"tainted"}}}`)
	return remove
}

// heartbeats returns a function that has a node report conditions again.
func (n *node) heartbeats(name string, conditions ...corev1.NodeCondition) func(context.Context) {
	return func(ctx context.Context) {
		node, err := n.kubernetes.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return
		}
		for i := range conditions {
			conditions[i].LastHeartbeatTime = metav1.Now()
		}
		node.Status.Conditions = conditions
		_, _ = n.kubernetes.CoreV1().Nodes().UpdateStatus(ctx, node, metav1.UpdateOptions{})
	}
}

func lostZone(t *testing.T, n *node, _ fault) func() {
	labels := map[string]string{"topology.kubernetes.io/zone": "fault-zone", "topology.kubernetes.io/region": "fault"}
	for i := range 3 {
		n.addNode(t, fmt.Sprint("fault-zone-", i), fmt.Sprint("10.244.254.1", i), labels, nodeCondition(corev1.NodeReady, corev1.ConditionFalse))
	}
	return func() {
		for i := range 3 {
			n.removeNode(t, fmt.Sprint("fault-zone-", i))
		}
	}
}

func flappingNode(t *testing.T, n *node, _ fault) func() {
	n.addNode(t, "fault-flapping", "10.244.254.3", nil, nodeCondition(corev1.NodeReady, corev1.ConditionTrue))
	ready := true
	stop := every(t, 13*time.Second, func(ctx context.Context) {
		status := corev1.ConditionFalse
		if ready = !ready; ready {
			status = corev1.ConditionTrue
		}
		n.heartbeats("fault-flapping", nodeCondition(corev1.NodeReady, status))(ctx)
	})
	return func() {
		stop()
		n.removeNode(t, "fault-flapping")
	}
}

// readyNode adds a node that reports to be ready, and other conditions.
func readyNode(name, address string, conditions ...corev1.NodeCondition) func(*testing.T, *node, fault) func() {
	return func(t *testing.T, n *node, _ fault) func() {
		conditions := append([]corev1.NodeCondition{nodeCondition(corev1.NodeReady, corev1.ConditionTrue)}, conditions...)
		n.addNode(t, name, address, map[string]string{"fault": name}, conditions...)
		stop := every(t, 10*time.Second, n.heartbeats(name, conditions...))
		return func() {
			stop()
			n.removeNode(t, name)
		}
	}
}

// shortOfMemory restarts the kubelet with a threshold of eviction above the memory that there
// is, which evicts nothing within its grace period, and with as many pods as it may run.
func shortOfMemory(t *testing.T, n *node, _ fault) func() {
	var pods *corev1.PodList
	eventually(t, 3*time.Minute, "no pod is about to end", func(ctx context.Context) (left string) {
		var err error
		pods, err = n.kubernetes.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "status.phase=Running"})
		if err != nil {
			return err.Error()
		}
		for _, pod := range pods.Items {
			if pod.DeletionTimestamp != nil || strings.HasPrefix(pod.Namespace, "fault-") && pod.Namespace != "fault-base" && pod.Namespace != "fault-control-plane" {
				left += " " + pod.Name
			}
		}
		return left
	})
	const file = "/run/kubernetes/kubelet.yaml"
	n.shell(t, fmt.Sprintf(`cp %[1]s /tmp/kubelet.yaml && printf 'evictionSoft: {memory.available: 99%%%%}\nevictionSoftGracePeriod: {memory.available: 1h}\nmaxPods: %[2]d\n' >>%[1]s`, file, len(pods.Items)))
	restart := func() {
		n.localcluster(t, "stop", "kubelet")
		time.Sleep(2 * time.Second)
		n.localcluster(t, "start", "kubelet")
	}
	restart()
	mend := once(func() {
		n.shell(t, "mv /tmp/kubelet.yaml "+file)
		restart()
	})
	t.Cleanup(mend)
	return mend
}

// killedPart kills parts of the node for a time: one, or several that end without it.
func killedPart(parts string, length time.Duration) func(*testing.T, *node, fault) func() {
	return func(t *testing.T, n *node, _ fault) func() {
		start := once(func() {
			for _, part := range strings.Fields(parts) {
				n.localcluster(t, "start", part)
				n.available(t)
			}
		})
		t.Cleanup(start)
		names := strings.Fields(parts)
		for i := range names { // the first one last
			n.localcluster(t, "stop", names[len(names)-1-i])
		}
		time.Sleep(length)
		start()
		return func() {}
	}
}

// available waits until the API server is ready.
func (n *node) available(t *testing.T) {
	t.Helper()
	eventually(t, 2*time.Minute, "the API server is ready", func(ctx context.Context) string {
		if err := n.kubernetes.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error(); err != nil {
			return err.Error()
		}
		return ""
	})
}

func frozenRuntime(t *testing.T, n *node, f fault) func() {
	for range 4 {
		n.freeze(t, "containerd --config", 14*time.Second)
		time.Sleep(5 * time.Second)
	}
	return killedPart("containerd", 50*time.Second)(t, n, f)
}

// corefile adds a line to CoreDNS' configuration.
func corefile(line string) func(*testing.T, *node, fault) func() {
	return func(t *testing.T, n *node, _ fault) func() {
		ctx := context.WithoutCancel(t.Context())
		client := n.kubernetes.CoreV1().ConfigMaps("kube-system")
		before, err := client.Get(ctx, "coredns", metav1.GetOptions{})
		require.NoError(t, err)
		write := func(text string) {
			now, err := client.Get(ctx, "coredns", metav1.GetOptions{})
			require.NoError(t, err)
			now.Data["Corefile"] = text
			_, err = client.Update(ctx, now, metav1.UpdateOptions{})
			require.NoError(t, err)
			n.poke(t, "kube-system", "k8s-app=kube-dns")
		}
		write(strings.Replace(before.Data["Corefile"], "    errors\n", "    errors\n    "+line+"\n", 1))
		mend := once(func() { write(before.Data["Corefile"]) })
		t.Cleanup(mend)
		return mend
	}
}

// failingCreates creates ConfigMaps, some forty each second for a minute, once the webhook is in
// force.
func failingCreates(t *testing.T, n *node, f fault) func() {
	client := n.clientOf(t, func(*rest.Config) {})
	eventually(t, time.Minute, "the webhook is asked", func(context.Context) string {
		if err := n.createConfigMap(t, client, f); !apierrors.IsInternalError(err) {
			return fmt.Sprint(err)
		}
		return ""
	})
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		err := n.createConfigMap(t, client, f)
		require.True(t, apierrors.IsInternalError(err), "%v", err)
	}
	return func() {}
}

// slowCreates creates ConfigMaps, forty at once and three times.
func slowCreates(t *testing.T, n *node, f fault) func() {
	n.awaitPod(t, "fault-"+f.name, f.name)
	client := n.clientOf(t, func(*rest.Config) {})
	for range 3 {
		var creates sync.WaitGroup
		for range 40 {
			creates.Go(func() { _ = n.createConfigMap(t, client, f) })
		}
		creates.Wait()
	}
	return func() {}
}

// createConfigMap asks for a ConfigMap that is not stored.
func (n *node) createConfigMap(t *testing.T, client *kubernetes.Clientset, f fault) error {
	_, err := client.CoreV1().ConfigMaps("fault-"+f.name).Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "fault-"},
	}, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	return err
}

// awaitPod waits until a pod runs, and a little until Services lead to it.
func (n *node) awaitPod(t *testing.T, namespace, name string) {
	t.Helper()
	eventually(t, time.Minute, "pod "+name+" runs", func(ctx context.Context) string {
		pod, err := n.kubernetes.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil || pod.Status.Phase != corev1.PodRunning {
			return fmt.Sprint(pod.Status.Phase, err)
		}
		return ""
	})
	time.Sleep(5 * time.Second)
}

// slowBinding creates pods that wait for the webhook, once that runs.
func slowBinding(t *testing.T, n *node, f fault) func() {
	n.awaitPod(t, "fault-"+f.name, f.name)
	n.patch(t, "apps/v1", "Deployment", "fault-"+f.name, "late", `{"spec":{"replicas":8}}`)
	return func() {}
}

// refusedBinding creates pods once the policy that refuses them is in force.
func refusedBinding(t *testing.T, n *node, f fault) func() {
	time.Sleep(10 * time.Second)
	n.patch(t, "apps/v1", "Deployment", "fault-"+f.name, f.name, `{"spec":{"replicas":70}}`)
	return func() {}
}

// clientOf returns a client without a limit of its own, with a changed config.
func (n *node) clientOf(t *testing.T, change func(*rest.Config)) *kubernetes.Clientset {
	t.Helper()
	config := rest.CopyConfig(n.rest)
	config.QPS = -1
	change(config)
	client, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	return client
}

func throttledClient(t *testing.T, n *node, _ fault) func() {
	client := n.clientOf(t, func(c *rest.Config) { c.Impersonate.UserName = "fault-throttled" })
	var refused atomic.Int64
	stop := every(t, time.Second, func(ctx context.Context) {
		var requests sync.WaitGroup
		for range 150 { // at once: a level without a share still serves one after another
			requests.Go(func() {
				err := client.CoreV1().RESTClient().Get().AbsPath("/api/v1/pods").MaxRetries(0).Do(ctx).Error()
				if apierrors.IsTooManyRequests(err) {
					refused.Add(1)
				}
			})
		}
		requests.Wait()
	})
	time.Sleep(80 * time.Second)
	stop()
	require.Greater(t, refused.Load(), int64(400), "requests refused with 429")
	return func() {}
}

func shortClientCertificate(t *testing.T, n *node, _ fault) func() {
	pki := filepath.Join(n.root, ".local", "node", "pki")
	read := func(file string) []byte {
		text, err := os.ReadFile(filepath.Join(pki, file))
		require.NoError(t, err)
		block, _ := pem.Decode(text)
		require.NotNil(t, block)
		return block.Bytes
	}
	ca, err := x509.ParseCertificate(read("ca.crt"))
	require.NoError(t, err)
	caKey, err := x509.ParsePKCS8PrivateKey(read("ca.key"))
	require.NoError(t, err)
	cert, key := certificate(t, "fault", time.Now().Add(time.Hour), ca, caKey)
	client := n.clientOf(t, func(c *rest.Config) {
		c.TLSClientConfig = rest.TLSClientConfig{CAData: c.CAData, CAFile: c.CAFile, CertData: []byte(cert), KeyData: []byte(key)}
	})
	time.Sleep(20 * time.Second)
	for range 3000 {
		_ = client.RESTClient().Get().AbsPath("/version").Do(t.Context()).Error()
	}
	return func() {}
}

func flappingAPI(t *testing.T, n *node, _ fault) func() {
	object := func(service string) *unstructured.Unstructured {
		spec := map[string]any{"group": "fault.example.com", "version": "v2", "groupPriorityMinimum": int64(100), "versionPriority": int64(100)}
		if service != "" {
			spec["service"] = map[string]any{"namespace": "default", "name": service}
			spec["insecureSkipTLSVerify"] = true
		}
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
			"metadata": map[string]any{"name": "v2.fault.example.com"}, "spec": spec,
		}}
	}
	t.Cleanup(func() { n.deleteObject(t, object("")) })
	for range 8 {
		require.NoError(t, n.applyObject(t, object("")))
		time.Sleep(6 * time.Second)
		require.NoError(t, n.applyObject(t, object("missing")))
		time.Sleep(6 * time.Second)
	}
	return func() { n.deleteObject(t, object("")) }
}

func killedControllerManager(t *testing.T, n *node, _ fault) func() {
	workloads := fault{name: "generations"}
	n.applyFault(t, workloads)
	t.Cleanup(func() { n.removeNamespace(t, workloads) })
	time.Sleep(15 * time.Second)
	start := once(func() { n.localcluster(t, "start", "kube-controller-manager") })
	t.Cleanup(start)
	n.localcluster(t, "stop", "kube-controller-manager")
	time.Sleep(2 * time.Second)
	for _, kind := range []string{"Deployment", "StatefulSet"} {
		n.patch(t, "apps/v1", kind, "fault-generations", "old", `{"spec":{"template":{"metadata":{"annotations":{"changed":"true"}}}}}`)
	}
	return start
}

// corruptWAL overwrites a part of the newest segment of the write-ahead log, and kills
// Prometheus and its pod. The next pod repairs it.
func corruptWAL(t *testing.T, n *node, _ fault) func() {
	n.shell(t, `cd /mnt/ssd/prometheus/wal && segment=$(ls | grep '^[0-9]*$' | tail -1) && size=$(stat -c %s $segment) &&
for pid in $(processes /bin/prometheus); do kill -STOP $pid; done &&
dd if=/dev/urandom of=$segment bs=1 count=2000 seek=$((size - 40000)) conv=notrunc`)
	now := int64(0)
	require.NoError(t, n.kubernetes.CoreV1().Pods(namespace).Delete(t.Context(), "prometheus-0", metav1.DeleteOptions{GracePeriodSeconds: &now}))
	return func() {}
}

func quantityOf(text string) resource.Quantity { return resource.MustParse(text) }
