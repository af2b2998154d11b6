package importer_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-openapi-client-go/models"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/importer"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

const (
	// Characters that break a script that does not quote.
	password = `pa"ss wo'rd\$(x):%s`
	token    = "glsa_0123456789abcdefghijABCDEFGHIJ_01234567"
)

func basic(password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte("admin:"+password))
}

func stack(t *testing.T) *render.Stack {
	t.Helper()
	stack, err := render.New(configtest.Config(t, ""))
	require.NoError(t, err)
	return stack
}

func datasources(t *testing.T, prometheusURL string) []importer.Datasource {
	t.Helper()
	all := stack(t).Datasources
	all[0].URL = prometheusURL
	return all
}

func shipped(t *testing.T) []dashboards.Dashboard {
	t.Helper()
	return stack(t).Dashboards
}

func payload(t *testing.T) *importer.Payload {
	t.Helper()
	p, err := importer.New(datasources(t, "http://prometheus:9090"), shipped(t))
	require.NoError(t, err)
	return p
}

// job is the Job's container: its mounts and its environment. Of this test's own
// environment it has only PATH.
type job struct {
	dir   string
	shell []string
	env   []string
	calls string // file to which curl's arguments and environment are written
}

// newJob mounts the payload as Kubernetes does, and adds to PATH a curl that records how it
// was called and then runs the real one.
func newJob(t *testing.T, p *importer.Payload, address string, ready time.Duration, login importer.Login) *job {
	t.Helper()
	curl, err := exec.LookPath("curl")
	require.NoError(t, err, "the script needs curl")

	dir := t.TempDir()
	for _, files := range []map[string]string{p.Files, p.Dashboards} {
		for name, text := range files {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o400))
		}
	}
	j := &job{dir: dir, shell: []string{"sh"}, calls: filepath.Join(t.TempDir(), "calls")}

	bin := t.TempDir()
	wrapper := fmt.Sprintf("#!/bin/sh\n{ printf '%%s\\n' \"$@\"; env; tr '\\0' '\\n' < /proc/$PPID/cmdline; } 2>/dev/null >> %s\nexec %s \"$@\"\n", j.calls, curl)
	require.NoError(t, os.WriteFile(filepath.Join(bin, "curl"), []byte(wrapper), 0o700))

	env, err := importer.Environment(address, ready, login)
	require.NoError(t, err)
	for name, value := range env {
		j.env = append(j.env, name+"="+value)
	}
	j.env = append(j.env, "PATH="+bin+":"+os.Getenv("PATH"))
	return j
}

func (j *job) run(t *testing.T) (stdout, stderr string, err error) {
	t.Helper()
	var out, errors bytes.Buffer
	cmd := exec.Command(j.shell[0], append(j.shell[1:], filepath.Join(j.dir, "import.sh"))...)
	cmd.Dir = "/"
	cmd.Env = j.env
	cmd.Stdout, cmd.Stderr = &out, &errors
	err = cmd.Run()
	return out.String(), errors.String(), err
}

func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "credential")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o400))
	return name
}

func admin(t *testing.T) importer.Login {
	return importer.Login{User: "admin", PasswordFile: write(t, password+"\n")}
}

func TestImportIntoAnEmptyGrafana(t *testing.T) {
	logins := map[string]struct {
		authorization string
		login         importer.Login
	}{
		"password": {basic(password), admin(t)},
		"token":    {"Bearer " + token, importer.Login{TokenFile: write(t, token)}},
	}
	// The image has BusyBox, whose shell differs from Debian's. Both are tested if installed.
	shells := map[string][]string{"sh": {"sh"}}
	if _, err := exec.LookPath("busybox"); err == nil {
		shells["busybox"] = []string{"busybox", "sh"}
	}
	for name, login := range logins {
		for shellName, shell := range shells {
			t.Run(name+" "+shellName, func(t *testing.T) {
				g := newGrafana(t, login.authorization)
				j := newJob(t, payload(t), g.URL, time.Minute, login.login)
				j.shell = shell

				stdout, stderr, err := j.run(t)
				require.NoError(t, err, stderr)
				assert.Empty(t, stderr)
				all := shipped(t)
				assert.Equal(t, fmt.Sprintf("import: 2 datasources are in place\nimport: 3 folders are in place\nimport: %d dashboards are in place\n", len(all)), stdout)

				require.Len(t, g.dashboards, len(all))
				for _, d := range all {
					saved, ok := g.dashboards[d.UID]
					require.True(t, ok, d.UID)
					assert.Equal(t, d.Folder.UID, saved.FolderUID)
					assert.Equal(t, d.Title, saved.Dashboard.(map[string]any)["title"])
					assert.Equal(t, d.Folder.Title, g.folders[d.Folder.UID])
				}
				require.Contains(t, g.datasources, "prometheus")
				assert.Equal(t, "http://prometheus:9090", g.datasources["prometheus"].URL)
				assert.Equal(t, "prometheus-datasource", g.datasources["prometheus"].Name)
				assert.Equal(t, models.DsAccess("proxy"), g.datasources["prometheus"].Access)
				assert.Contains(t, g.datasources, "alertmanager")
			})
		}
	}
}

func TestImportAgainChangesNothing(t *testing.T) {
	g := newGrafana(t, basic(password))
	j := newJob(t, payload(t), g.URL, time.Minute, admin(t))
	_, stderr, err := j.run(t)
	require.NoError(t, err, stderr)
	first := g.state()
	assert.Contains(t, g.take(), "POST /api/datasources")

	_, stderr, err = j.run(t)
	require.NoError(t, err, stderr)
	assert.Equal(t, first, g.state())
	again := g.take()
	assert.Contains(t, again, "PUT /api/datasources/uid/prometheus")
	assert.NotContains(t, again, "POST /api/datasources")
	assert.NotContains(t, again, "POST /api/folders")
}

func TestImportBringsBackWhatSomebodyChanged(t *testing.T) {
	g := newGrafana(t, basic(password))
	j := newJob(t, payload(t), g.URL, time.Minute, admin(t))
	_, stderr, err := j.run(t)
	require.NoError(t, err, stderr)
	want := g.state()

	g.datasources["prometheus"] = models.AddDataSourceCommand{UID: "prometheus", Name: "prometheus-datasource", URL: "http://elsewhere"}
	g.dashboards["nodes"] = models.SaveDashboardCommand{}
	delete(g.dashboards, "prometheus-stats")
	_, stderr, err = j.run(t)
	require.NoError(t, err, stderr)
	assert.Equal(t, want, g.state())
}

// A folder's title may be changed in Grafana: the import identifies folders by UID.
func TestImportLeavesAFolderItsTitle(t *testing.T) {
	g := newGrafana(t, basic(password))
	g.folders["folder-monitoring"] = "Überwachung"
	_, stderr, err := newJob(t, payload(t), g.URL, time.Minute, admin(t)).run(t)
	require.NoError(t, err, stderr)
	assert.Equal(t, "Überwachung", g.folders["folder-monitoring"])
}

// What the stack has imported and does not have any more is deleted, unless another stack has imported it
// too. What people have created stays, copies of imported dashboards included.
func TestImportDeletesWhatTheStackDoesNotHaveAnyMore(t *testing.T) {
	g := newGrafana(t, basic(password))
	imported := func(datasources []importer.Datasource, all []dashboards.Dashboard) string {
		p, err := importer.New(datasources, all)
		require.NoError(t, err)
		stdout, stderr, err := newJob(t, p, g.URL, time.Minute, admin(t)).run(t)
		require.NoError(t, err, stderr)
		assert.Empty(t, stderr)
		return stdout
	}
	named := func(uids ...string) (list []dashboards.Dashboard) {
		for _, uid := range uids {
			list = append(list, dashboards.Dashboard{UID: uid, Folder: dashboards.FolderMonitoring, JSON: []byte(`{"uid": "` + uid + `", "title": "Dashboard ` + uid + `"}`)})
		}
		return list
	}
	source := func(uid string) importer.Datasource {
		return importer.Datasource{Name: "datasource " + uid, UID: uid, Type: "prometheus", Access: "proxy", URL: "http://" + uid}
	}
	loki := source("loki")
	loki.JSONData = map[string]any{"derivedFields": []any{map[string]any{"datasourceUid": "by-hand"}}}

	first := imported([]importer.Datasource{source("prometheus-a"), source("alertmanager-a"), loki}, named("nodes", "node", "pod", "custom.one"))
	assert.NotContains(t, first, "deleted")
	imported([]importer.Datasource{source("prometheus-b")}, named("nodes"))
	g.dashboards["copy-of-pod"] = g.dashboards["pod"]
	g.dashboards["by-hand"] = models.SaveDashboardCommand{FolderUID: "folder-monitoring"}
	g.datasources["by-hand"] = models.AddDataSourceCommand{UID: "by-hand", Name: "by hand"}
	delete(g.dashboards, "custom.one") // by somebody
	g.take()

	second := imported([]importer.Datasource{source("prometheus-a")}, named("node"))
	assert.Contains(t, second, "import: dashboard pod is deleted, as the stack does not have it any more\n")
	var deleted []string
	for _, request := range g.take() {
		if path, ok := strings.CutPrefix(request, "DELETE /api/"); ok {
			deleted = append(deleted, path)
		}
	}
	assert.Equal(t, []string{"dashboards/uid/pod", "datasources/uid/alertmanager-a", "datasources/uid/loki"}, deleted)
	assert.Equal(t, []string{"by-hand", "copy-of-pod", "node", "nodes"}, slices.Sorted(maps.Keys(g.dashboards)), "the other stack has nodes")
	assert.Equal(t, []string{"by-hand", "prometheus-a", "prometheus-b"}, slices.Sorted(maps.Keys(g.datasources)))

	assert.NotContains(t, imported([]importer.Datasource{source("prometheus-a")}, named("node")), "deleted")
	imported([]importer.Datasource{source("prometheus-b")}, named("node"))
	assert.NotContains(t, g.dashboards, "nodes", "no stack has it")
	assert.Contains(t, g.dashboards, "node")
	assert.Contains(t, g.folders, "folder-monitoring")
}

func TestNoCredentialOutsideItsFile(t *testing.T) {
	encoded := strings.TrimPrefix(basic(password), "Basic ")
	tests := map[string]struct {
		authorization string
		login         importer.Login
		secrets       []string
	}{
		"password": {basic(password), admin(t), []string{password, encoded}},
		"token":    {"Bearer " + token, importer.Login{TokenFile: write(t, token)}, []string{token}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			g := newGrafana(t, test.authorization)
			j := newJob(t, payload(t), g.URL, time.Minute, test.login)
			stdout, stderr, err := j.run(t)
			require.NoError(t, err, stderr)

			calls, err := os.ReadFile(j.calls)
			require.NoError(t, err)
			require.Contains(t, string(calls), "--data-binary", "the arguments were not recorded")
			require.Contains(t, string(calls), "GRAFANA_URL=", "the environment was not recorded")
			requests := strings.Join(g.take(), "\n")
			require.Contains(t, requests, "/api/dashboards/db")
			for _, secret := range test.secrets {
				assert.NotContains(t, string(calls), secret, "curl's arguments or environment")
				assert.NotContains(t, requests, secret, "URL")
				assert.NotContains(t, stdout+stderr, secret, "log")
			}
		})
	}
}

func TestImportFailsLoudly(t *testing.T) {
	tests := map[string]struct {
		prepare func(*grafana)
		change  func(*importer.Payload)
		want    []string
	}{
		"wrong password": {
			prepare: func(g *grafana) { g.authorization = basic("another") },
			want:    []string{"HTTP 401", `"message":"Invalid username or password"`, "GET", "/api/datasources/uid/prometheus"},
		},
		"name of another datasource": {
			prepare: func(g *grafana) {
				g.datasources["by-hand"] = models.AddDataSourceCommand{UID: "by-hand", Name: "prometheus-datasource"}
			},
			want: []string{"HTTP 409", "data source with the same name already exists", "datasource.prometheus.json"},
		},
		"datasource provisioned by file": {
			prepare: func(g *grafana) {
				g.datasources["prometheus"] = models.AddDataSourceCommand{UID: "prometheus", Name: "prometheus-datasource"}
				g.readOnly["prometheus"] = true
			},
			want: []string{"HTTP 403", "Cannot update read-only data source"},
		},
		"title of another folder": {
			prepare: func(g *grafana) { g.folders["by-hand"] = "Kubernetes" },
			want:    []string{"HTTP 409", "a folder with the same name already exists", "folder.folder-kubernetes.json"},
		},
		"dashboard provisioned by file": {
			prepare: func(g *grafana) { g.provisioned["nodes"] = true },
			want:    []string{"HTTP 400", "Cannot save provisioned dashboard", "dashboard.nodes.json"},
		},
		"conflict": {
			change: func(p *importer.Payload) {
				text := p.Dashboards["dashboard.nodes.json"]
				p.Dashboards["dashboard.nodes.json"] = strings.Replace(text, `"overwrite":true`, `"overwrite":false`, 1)
			},
			prepare: func(g *grafana) { g.dashboards["nodes"] = models.SaveDashboardCommand{} },
			want:    []string{"HTTP 412", "version-mismatch", "dashboard.nodes.json"},
		},
		"field the API does not have": {
			change: func(p *importer.Payload) {
				p.Dashboards["dashboard.nodes.json"] = strings.Replace(p.Dashboards["dashboard.nodes.json"], `"overwrite"`, `"overwrites"`, 1)
			},
			want: []string{"HTTP 400", `unknown field \"overwrites\"`},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			g := newGrafana(t, basic(password))
			if test.prepare != nil {
				test.prepare(g)
			}
			p := payload(t)
			if test.change != nil {
				test.change(p)
			}
			_, stderr, err := newJob(t, p, g.URL, time.Minute, admin(t)).run(t)
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit)
			assert.Equal(t, 1, exit.ExitCode())
			for _, want := range test.want {
				assert.Contains(t, stderr, want)
			}
			assert.NotContains(t, stderr, password)
		})
	}
}

func TestImportStopsAtTheFirstError(t *testing.T) {
	g := newGrafana(t, basic(password))
	g.folders["by-hand"] = "Infrastructure"
	_, _, err := newJob(t, payload(t), g.URL, time.Minute, admin(t)).run(t)
	require.Error(t, err)
	assert.Empty(t, g.dashboards, "a dashboard without its folder")
}

func TestImportWaitsUntilGrafanaIsReady(t *testing.T) {
	g := newGrafana(t, basic(password))
	g.notReady = 2
	_, stderr, err := newJob(t, payload(t), g.URL, time.Minute, admin(t)).run(t)
	require.NoError(t, err, stderr)
	requests := g.take()
	assert.Equal(t, []string{"GET /api/health", "GET /api/health", "GET /api/health"}, requests[:3])
	assert.NotContains(t, requests[3:], "GET /api/health")
}

func TestImportWaitsUntilGrafanaListens(t *testing.T) {
	g := newGrafana(t, basic(password))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())

	started := make(chan error, 1)
	server := &http.Server{Handler: g.Config.Handler}
	t.Cleanup(func() { _ = server.Close() })
	time.AfterFunc(1500*time.Millisecond, func() {
		late, err := net.Listen("tcp", address)
		started <- err
		if err == nil {
			_ = server.Serve(late)
		}
	})
	_, stderr, err := newJob(t, payload(t), "http://"+address, time.Minute, admin(t)).run(t)
	require.NoError(t, <-started)
	require.NoError(t, err, stderr)
	assert.Len(t, g.dashboards, len(shipped(t)))
}

func TestImportGivesUpAtTheDeadline(t *testing.T) {
	g := newGrafana(t, basic(password))
	g.notReady = 1 << 30
	start := time.Now()
	_, stderr, err := newJob(t, payload(t), g.URL, 2*time.Second, admin(t)).run(t)
	require.Error(t, err)
	assert.Contains(t, stderr, "/api/health: HTTP 503, not ready after 2 s")
	assert.Less(t, time.Since(start), 20*time.Second)
	for _, request := range g.take() {
		assert.Equal(t, "GET /api/health", request)
	}
}

func TestImportNeedsACredential(t *testing.T) {
	g := newGrafana(t, basic(""))
	for _, file := range []string{write(t, ""), "/does/not/exist"} {
		_, stderr, err := newJob(t, payload(t), g.URL, time.Minute, importer.Login{User: "admin", PasswordFile: file}).run(t)
		require.Error(t, err)
		assert.Contains(t, stderr, file+": no credential in it")
	}
	assert.Empty(t, g.take())
}

func TestHashChangesWithTheContentAlone(t *testing.T) {
	base := payload(t)
	assert.Len(t, base.Hash, 10)
	assert.Equal(t, base.Hash, payload(t).Hash)

	moved, err := importer.New(datasources(t, "http://elsewhere:9090"), shipped(t))
	require.NoError(t, err)
	assert.NotEqual(t, base.Hash, moved.Hash)

	fewer, err := importer.New(datasources(t, "http://prometheus:9090"), shipped(t)[1:])
	require.NoError(t, err)
	assert.NotEqual(t, base.Hash, fewer.Hash)

	edited := shipped(t)
	edited[0].JSON = bytes.Replace(edited[0].JSON, []byte("Critical"), []byte("critical"), 1)
	other, err := importer.New(datasources(t, "http://prometheus:9090"), edited)
	require.NoError(t, err)
	assert.NotEqual(t, base.Hash, other.Hash)
}

func TestFilesFitIntoConfigMaps(t *testing.T) {
	p := payload(t)
	var size int
	for name, text := range p.Files {
		size += len(text)
		assert.Regexp(t, `^[-._a-zA-Z0-9]+$`, name)
	}
	assert.Less(t, size, 100<<10)
	for name, text := range p.Dashboards {
		assert.Regexp(t, `^[-._a-zA-Z0-9]+$`, name)
		assert.Less(t, len(text), 1000<<10)
	}
}

func TestEnvironmentRefuses(t *testing.T) {
	login := importer.Login{TokenFile: "/token"}
	for address, want := range map[string]string{
		"grafana:3000":                       "want the base URL",
		"ftp://grafana":                      "want the base URL",
		"":                                   "want the base URL",
		"https://admin:hunter2@grafana":      "holds a credential",
		"https://grafana.example.com/?org=1": "without a query",
	} {
		_, err := importer.Environment(address, time.Minute, login)
		assert.ErrorContains(t, err, want, address)
		assert.NotContains(t, err.Error(), "hunter2")
	}
	for _, login := range []importer.Login{{}, {User: "admin"}, {TokenFile: "/a", User: "admin", PasswordFile: "/b"}} {
		_, err := importer.Environment("https://grafana", time.Minute, login)
		assert.ErrorContains(t, err, "either a token file")
	}

	env, err := importer.Environment("https://example.com/grafana/", 5*time.Minute, login)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{
		"GRAFANA_URL":           "https://example.com/grafana",
		"GRAFANA_READY_SECONDS": "300",
		"GRAFANA_TOKEN_FILE":    "/token",
	}, env)
}

// A datasource with a password is the same but for that, with the record of what is imported.
func TestPassword(t *testing.T) {
	datasources := []importer.Datasource{{UID: "prometheus", Name: "Prometheus", Type: "prometheus"}, {UID: "alertmanager", Name: "Alertmanager", Type: "alertmanager"}}
	p, err := importer.New(datasources, nil)
	require.NoError(t, err)
	before := p.Files["datasource.prometheus.json"]
	require.Contains(t, before, `" datasource.alertmanager datasource.prometheus "`)
	name, request, err := p.WithPassword("prometheus", "s3cret")
	require.NoError(t, err)
	assert.Equal(t, "datasource.prometheus.json", name)
	assert.NotContains(t, p.Files, name)
	var want map[string]any
	require.NoError(t, json.Unmarshal([]byte(before), &want))
	want["secureJsonData"] = map[string]any{"basicAuthPassword": "s3cret"}
	text, err := json.Marshal(want)
	require.NoError(t, err)
	assert.JSONEq(t, string(text), request)
}
