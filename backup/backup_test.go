package backup

import (
	"bytes"
	"context"
	"fmt"
	"io"
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
)

// fakePods runs the commands of pods on this machine: below dir, in a directory for each pod, is what they have mounted.
type fakePods struct {
	dir      string
	silences string   // what Alertmanager answers
	posted   []string // silences that it got
	users    []string // that logged in
}

func (f *fakePods) named(_ context.Context, program string) ([]string, error) {
	return []string{program + "-5f7d9"}, nil
}

func (f *fakePods) run(ctx context.Context, pod string, stdin io.Reader, stdout io.Writer, command ...string) error {
	if command[0] == "wget" {
		return f.request(pod, stdout, command[1:])
	}
	command = slices.Clone(command)
	for i, arg := range command {
		for _, mounted := range []string{render.PrometheusDataDir, render.GrafanaDataDir} {
			if rest, ok := strings.CutPrefix(arg, mounted); ok {
				command[i] = filepath.Join(f.dir, pod) + rest
			}
		}
	}
	if slices.Contains(command, withLogin) {
		f.users = append(f.users, command[4])
		return f.request(pod, stdout, []string{"http://localhost:" + command[6] + command[7]})
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

// request answers as the program in a pod.
func (f *fakePods) request(pod string, stdout io.Writer, args []string) error {
	data := ""
	for _, arg := range args {
		if text, ok := strings.CutPrefix(arg, "--post-data="); ok {
			data = text
		}
	}
	answer := ""
	switch url := args[len(args)-1]; url {
	case "http://localhost:9090/metrics":
		blocks, err := filepath.Glob(filepath.Join(f.dir, pod, "01*"))
		if err != nil {
			return err
		}
		answer = fmt.Sprintf("# TYPE prometheus_tsdb_blocks_loaded gauge\nprometheus_tsdb_blocks_loaded %d\n", len(blocks))
	case "http://localhost:9090/api/v1/admin/tsdb/snapshot":
		if err := os.CopyFS(filepath.Join(f.dir, pod, "snapshots", "20261128T1-a"), os.DirFS(filepath.Join(f.dir, pod, "head"))); err != nil {
			return err
		}
		answer = `{"status":"success","data":{"name":"20261128T1-a"}}`
	case "http://localhost:9093/api/v2/silences":
		if answer = f.silences; data != "" {
			f.posted = append(f.posted, data)
			answer = `{"silenceID":"a"}`
		}
	default:
		return fmt.Errorf("unexpected request: %s", url)
	}
	_, err := io.WriteString(stdout, answer)
	return err
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
	assert.Contains(t, reported.String(), "the samples of Prometheus are in the object store")
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

// A program that asks for a login is asked as the user with whom programs of the stack log in.
func TestLogin(t *testing.T) {
	s, pods, _ := stack(t, `alerting: {slack: {channel: "#a", webhookUrl: "https://hooks.example.com"}, access: {login: basic}}
login: {basic: {users: {stack: "$2a$04$5a4Kd4ZT5iDLz3AFdBOmWOQUxl5gpLpRtnM9XDWifzEjxS9clEFRe"}, client: {user: stack, password: s3cret}}}`)
	pods.write(t, "prometheus-0", map[string]string{older: "a"})
	require.NoError(t, s.Backup(t.Context(), filepath.Join(t.TempDir(), "backup")))
	assert.Equal(t, []string{"stack"}, pods.users)
}

// What logs in sends the password of the file, and not in an argument.
func TestAuthorization(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		body, _ := io.ReadAll(r.Body)
		got = append(got, strings.Join([]string{r.Method, r.URL.Path, user, password, string(body)}, " "))
		if password != "s3cret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, "first\n\nsecond\n")
	}))
	t.Cleanup(server.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	file := filepath.Join(t.TempDir(), "password")
	request := func(password string, args ...string) (string, error) {
		require.NoError(t, os.WriteFile(file, []byte(password), 0o600))
		cmd := exec.CommandContext(t.Context(), "busybox", append([]string{"sh", "-c", withLogin, "sh", "stack", file, port}, args...)...)
		out, err := cmd.Output()
		return string(out), err
	}
	out, err := request("s3cret", "/a")
	require.NoError(t, err)
	assert.Equal(t, "first\n\nsecond\n", out)
	_, err = request("s3cret", "/b", `{"comment": "ä"}`)
	require.NoError(t, err)
	_, err = request("hunter2", "/c")
	require.Error(t, err)
	assert.Equal(t, []string{"GET /a stack s3cret ", `POST /b stack s3cret {"comment": "ä"}`, "GET /c stack hunter2 "}, got)
}
