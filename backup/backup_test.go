package backup

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/tests/ca"
)

// fakePods runs the commands of pods on this machine: below dir, in a directory for each pod, is what they have mounted.
type fakePods struct {
	dir      string
	silences string      // what Alertmanager answers
	posted   []string    // silences that it got
	tls      *tls.Config // of the programs; nil if they serve HTTP
	password string      // with which users log in; empty if none is asked for
	users    []string    // that logged in
}

func (f *fakePods) named(_ context.Context, program string) ([]string, error) {
	return []string{program + "-5f7d9"}, nil
}

func (f *fakePods) run(ctx context.Context, pod string, stdin io.Reader, stdout io.Writer, command ...string) error {
	if command[0] == "nc" {
		return f.connect(pod, command[2], stdin, stdout)
	}
	command = slices.Clone(command)
	for i, arg := range command {
		for _, mounted := range []string{render.PrometheusDataDir, render.GrafanaDataDir, render.LoginDir, render.TLSDir} {
			if rest, ok := strings.CutPrefix(arg, mounted); ok {
				command[i] = filepath.Join(f.dir, pod) + rest
			}
		}
	}
	if slices.Contains(command, "kill 1") {
		return nil
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout = stdin, stdout
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%v: %w: %s", command, err, stderr.String())
	}
	return nil
}

// connect connects to the program at a port in a pod.
func (f *fakePods) connect(pod, port string, stdin io.Reader, stdout io.Writer) error {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if f.users = append(f.users, user); password != f.password {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		body, err := io.ReadAll(r.Body)
		answer := ""
		if err == nil {
			answer, err = f.answer(pod, port, r.URL.Path, string(body))
		}
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			answer = err.Error()
		}
		_, _ = io.WriteString(w, answer)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if server.TLS = f.tls; f.tls != nil {
		server.StartTLS()
	} else {
		server.Start()
	}
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		return err
	}
	defer conn.Close()
	go func() { _, _ = io.Copy(conn, stdin) }()
	_, err = io.Copy(stdout, conn)
	return err
}

// answer answers as the program in a pod.
func (f *fakePods) answer(pod, port, path, body string) (string, error) {
	switch port + path {
	case "9090/metrics":
		blocks, err := filepath.Glob(filepath.Join(f.dir, pod, "01*"))
		return fmt.Sprintf("# TYPE prometheus_tsdb_blocks_loaded gauge\nprometheus_tsdb_blocks_loaded %d\n", len(blocks)), err
	case "9090/api/v1/admin/tsdb/snapshot":
		err := os.CopyFS(filepath.Join(f.dir, pod, "snapshots", "20261128T1-a"), os.DirFS(filepath.Join(f.dir, pod, "head")))
		return `{"status":"success","data":{"name":"20261128T1-a"}}`, err
	case "9093/api/v2/silences":
		if body == "" {
			return f.silences, nil
		}
		f.posted = append(f.posted, body)
		return `{"silenceID":"a"}`, nil
	default:
		return "", fmt.Errorf("unexpected request: %s", port+path)
	}
}

// write writes files of a pod, by path.
func (f *fakePods) write(t *testing.T, pod string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(f.dir, pod, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
}

// has returns the files of a pod.
func (f *fakePods) has(t *testing.T, pod string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(filepath.Join(f.dir, pod), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(filepath.Join(f.dir, pod), path)
		files[name] = string(text)
		return err
	}))
	return files
}

// stack returns a stack with fake pods, and what it reports.
func stack(t *testing.T, text string) (*Stack, *fakePods, *strings.Builder) {
	t.Helper()
	pods, reported := &fakePods{dir: t.TempDir(), silences: "[]"}, &strings.Builder{}
	return &Stack{
		Config: configtest.Config(t, text),
		Report: func(format string, args ...any) { fmt.Fprintf(reported, format+"\n", args...) },
		pods:   pods,
	}, pods, reported
}

const (
	older = "01JDAAAAAAAAAAAAAAAAAAAAAA/meta.json"
	newer = "01JDBBBBBBBBBBBBBBBBBBBBBB/meta.json"
)

// A backup has the blocks of the first replica, which a restore adds to what every replica has.
func TestBlocks(t *testing.T) {
	s, pods, reported := stack(t, "prometheus: {replicas: 2}\nalerting: {enabled: false}")
	pods.write(t, "prometheus-0", map[string]string{older: "a", newer: "b", "wal/00000001": "c", "chunks_head/000001": "d", "queries.active": "e"})
	dir := filepath.Join(t.TempDir(), "backup")
	require.NoError(t, s.Backup(t.Context(), dir))
	assert.Contains(t, reported.String(), `prometheus-0: without prometheus.extraArgs.web.enable-admin-api: "true", the samples of the last hours`)
	assert.NotContains(t, pods.has(t, "prometheus-0"), "backup.tmp/"+older, "nothing is left behind")

	fresh, others, _ := stack(t, "prometheus: {replicas: 2}\nalerting: {enabled: false}")
	others.write(t, "prometheus-0", map[string]string{"wal/00000001": "new"})
	others.write(t, "prometheus-1", map[string]string{"wal/00000001": "new", newer: "compacted"})
	for range 2 {
		require.NoError(t, fresh.Restore(t.Context(), dir))
		assert.Equal(t, map[string]string{older: "a", newer: "b", "wal/00000001": "new"}, others.has(t, "prometheus-0"))
		assert.Equal(t, map[string]string{older: "a", newer: "compacted", "wal/00000001": "new"}, others.has(t, "prometheus-1"), "it keeps the block that it has")
	}
}

func TestSnapshot(t *testing.T) {
	s, pods, _ := stack(t, "prometheus: {extraArgs: {web.enable-admin-api: 'true'}}\nalerting: {enabled: false}")
	pods.write(t, "prometheus-0", map[string]string{older: "a", "head/" + newer: "head"})
	dir := filepath.Join(t.TempDir(), "backup")
	require.NoError(t, s.Backup(t.Context(), dir))
	names, err := exec.CommandContext(t.Context(), "tar", "-t", "-f", filepath.Join(dir, "prometheus.tar")).Output()
	require.NoError(t, err)
	assert.Contains(t, string(names), newer)
	assert.NotContains(t, pods.has(t, "prometheus-0"), "snapshots/20261128T1-a/"+newer, "the snapshot is deleted")
}

func TestSamplesInAnObjectStore(t *testing.T) {
	s, _, reported := stack(t, "alerting: {enabled: false}\nlongTermStorage: {enabled: true, objectStore: {type: S3, config: {bucket: blocks, endpoint: s3.example.com}}}")
	dir := filepath.Join(t.TempDir(), "backup")
	require.NoError(t, s.Backup(t.Context(), dir))
	assert.Contains(t, reported.String(), "a backup has no samples with longTermStorage, whose object store has them")
	assert.NoFileExists(t, filepath.Join(dir, "prometheus.tar"))
}

func silence(state, end, comment string) string {
	return fmt.Sprintf(`{"id":"%s","status":{"state":%q},"updatedAt":"2026-01-01T00:00:00.000Z","comment":%q,"createdBy":"me","startsAt":"2026-01-01T00:00:00.000Z","endsAt":%q,`+
		`"matchers":[{"name":"alertname","value":"Watchdog","isRegex":false,"isEqual":true}]}`, comment, state, comment, end)
}

// A restore creates the silences that have not ended, each once.
func TestSilences(t *testing.T) {
	const alerting = `alerting: {slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}}`
	const later, past = "2099-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"
	s, pods, reported := stack(t, alerting)
	pods.write(t, "prometheus-0", map[string]string{older: "a"})
	pods.silences = "[" + strings.Join([]string{silence("active", later, "there"), silence("pending", later, "gone"), silence("expired", past, "over"), silence("active", past, "ends meanwhile")}, ",") + "]"
	dir := filepath.Join(t.TempDir(), "backup")
	require.NoError(t, s.Backup(t.Context(), dir))
	assert.Contains(t, reported.String(), "silences.json: 3 silence(s)")

	fresh, others, reported := stack(t, alerting)
	require.NoError(t, os.Remove(filepath.Join(dir, "prometheus.tar")))
	others.silences = "[" + silence("active", later, "there") + "]"
	require.NoError(t, fresh.Restore(t.Context(), dir))
	require.Len(t, others.posted, 1)
	assert.JSONEq(t, `{"comment":"gone","createdBy":"me","startsAt":"2026-01-01T00:00:00.000Z","endsAt":"2099-01-01T00:00:00.000Z",
		"matchers":[{"name":"alertname","value":"Watchdog","isRegex":false,"isEqual":true}]}`, others.posted[0])
	assert.Contains(t, reported.String(), "alertmanager-0: 1 of 3 silence(s)")
	assert.Contains(t, reported.String(), "there is no prometheus.tar to restore\n")
}

func TestGrafanaDatabase(t *testing.T) {
	const text = "alerting: {enabled: false}\ngrafana: {adminPassword: s3cret, persistence: {enabled: true}}"
	s, pods, _ := stack(t, text)
	pods.write(t, "grafana-5f7d9", map[string]string{"grafana.db": "dashboards"})
	dir := filepath.Join(t.TempDir(), "backup")
	require.NoError(t, s.backupGrafanaInto(t, dir))
	fresh, others, _ := stack(t, text)
	others.write(t, "grafana-5f7d9", map[string]string{"grafana.db": "none", "grafana.db-journal": "left"})
	require.NoError(t, fresh.restoreGrafana(t.Context(), dir))
	assert.Equal(t, map[string]string{"grafana.db": "dashboards"}, others.has(t, "grafana-5f7d9"))
	assert.Equal(t, map[string]string{"grafana.db": "dashboards"}, pods.has(t, "grafana-5f7d9"), "nothing is left behind")
}

// A database on a server is not copied, and a file is not lost on the way to one.
func TestGrafanaDatabaseOnServer(t *testing.T) {
	s, pods, reported := stack(t, "alerting: {enabled: false}\ngrafana: {adminPassword: s3cret, database: {type: postgres, host: 'db.example.com:5432', name: grafana, user: grafana, password: s3cret}}")
	pods.write(t, "grafana-5f7d9", map[string]string{"grafana.db": "not in use"})
	dir := filepath.Join(t.TempDir(), "backup")
	require.NoError(t, s.backupGrafanaInto(t, dir))
	assert.NoFileExists(t, grafanaFile(dir))
	assert.Contains(t, reported.String(), "it is on db.example.com:5432, whose own tools copy it")
	require.NoError(t, s.restoreGrafana(t.Context(), dir))
	require.NoError(t, os.WriteFile(grafanaFile(dir), []byte("dashboards"), 0o600))
	require.ErrorContains(t, s.restoreGrafana(t.Context(), dir), "grafana.db cannot be restored: the database is on db.example.com:5432")
	assert.Equal(t, map[string]string{"grafana.db": "not in use"}, pods.has(t, "grafana-5f7d9"))
}

func (s *Stack) backupGrafanaInto(t *testing.T, dir string) error {
	t.Helper()
	require.NoError(t, os.Mkdir(dir, 0o700))
	return s.backupGrafana(t.Context(), dir)
}

func TestExistingDirectory(t *testing.T) {
	s, _, _ := stack(t, "")
	require.ErrorIs(t, s.Backup(t.Context(), t.TempDir()), os.ErrExist)
	require.ErrorIs(t, s.Restore(t.Context(), filepath.Join(t.TempDir(), "none")), os.ErrNotExist)
}

// The kubeconfig of a stack is encrypted in its file, and the current context of somebody's own may be any cluster.
func TestKubeconfigOfTheStack(t *testing.T) {
	t.Setenv("KUBECONFIG", "")
	_, err := Connect(configtest.Config(t, "cluster: {name: a, kubeconfig: hunter2}"), nil)
	require.ErrorContains(t, err, "set KUBECONFIG to that file: pulumi config get --stack STACK --path 'kubernetes-prometheus:cluster.kubeconfig'")
	from := configtest.Config(t, "cluster: {name: a, kubeconfigFrom: {stack: acme/clusters/shop, output: admin}}")
	_, err = Connect(from, nil)
	require.ErrorContains(t, err, "pulumi stack output --stack acme/clusters/shop --show-secrets admin")

	file := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(file, []byte("{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a}}], clusters: [{name: a, cluster: {server: 'https://a.example.com'}}]}"), 0o600))
	t.Setenv("KUBECONFIG", file)
	_, err = Connect(from, nil)
	require.NoError(t, err)
}

// alertmanagerOf returns a stack whose Alertmanager has one silence, with settings in YAML.
func alertmanagerOf(t *testing.T, settings string) (*Stack, *fakePods) {
	t.Helper()
	s, pods, _ := stack(t, settings)
	pods.silences = "[" + silence("active", "2099-01-01T00:00:00.000Z", "there") + "]"
	return s, pods
}

// A program that asks for a login is asked as the user with whom programs of the stack log in.
func TestLogin(t *testing.T) {
	s, pods := alertmanagerOf(t, `alerting: {acknowledgeNoNotifications: true, access: {login: basic}}
login: {basic: {users: {stack: "$2a$04$5a4Kd4ZT5iDLz3AFdBOmWOQUxl5gpLpRtnM9XDWifzEjxS9clEFRe"}, client: {user: stack, password: s3cret}}}`)
	pods.password = "s3cret"
	pods.write(t, "alertmanager-0", map[string]string{"login-password": "hunter2"})
	_, err := s.silences(t.Context())
	require.ErrorContains(t, err, "GET http://localhost:9093/api/v2/silences in pod alertmanager-0: 401 Unauthorized")
	pods.write(t, "alertmanager-0", map[string]string{"login-password": "s3cret"})
	found, err := s.silences(t.Context())
	require.NoError(t, err)
	assert.Len(t, found, 1)
	assert.Equal(t, []string{"stack", "stack"}, pods.users)
}

// A program that serves TLS is asked with the certificate of its pod, and has to present one of the same authority.
func TestTLS(t *testing.T) {
	s, pods := alertmanagerOf(t, "tls: {secretName: certificate, clientCertificates: true}\nalerting: {acknowledgeNoNotifications: true}")
	authority, another := ca.New(t), ca.New(t)
	write := func(files map[string][]byte) {
		texts := map[string]string{}
		for name, data := range files {
			texts[name] = string(data)
		}
		pods.write(t, "alertmanager-0", texts)
	}
	issued := authority.Issue(t, "kubernetes-prometheus")
	pair, err := tls.X509KeyPair(issued["tls.crt"], issued["tls.key"])
	require.NoError(t, err)
	clients := x509.NewCertPool()
	require.True(t, clients.AppendCertsFromPEM(issued["ca.crt"]))
	pods.tls = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}

	write(issued)
	found, err := s.silences(t.Context())
	require.NoError(t, err)
	assert.Len(t, found, 1)
	write(another.Issue(t, "kubernetes-prometheus"))
	_, err = s.silences(t.Context())
	require.ErrorContains(t, err, "certificate signed by unknown authority")
}
