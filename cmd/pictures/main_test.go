package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const file = "../../Pulumi.dev.yaml"

// answers returns the URL of a server that answers with JSON whatever it is asked.
func answers(t *testing.T, status int, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestErrors(t *testing.T) {
	s := settings{prometheus: answers(t, http.StatusInternalServerError, "overloaded"), out: filepath.Join(t.TempDir(), "pictures"), span: time.Hour, variables: variables{}}
	var out bytes.Buffer
	err := run(t.Context(), &out, s, []string{file, "nodes"})
	require.ErrorContains(t, err, `dashboard nodes: variable "cluster": label_values(`)

	err = run(t.Context(), &out, s, []string{file, "nodes", "absent"})
	require.ErrorContains(t, err, `the stack has no dashboard "absent"; it has alertmanager, `)
	require.ErrorContains(t, run(t.Context(), &out, s, nil), "usage: pictures [flags] FILE [UID...]")
}

// A Prometheus that answers and has collected nothing yet.
func TestPicturesOfNothing(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data := `{"resultType": "vector", "result": []}`
		switch {
		case strings.HasSuffix(r.URL.Path, "/values"):
			data = `["a"]`
		case strings.HasSuffix(r.URL.Path, "/query_range"):
			data = `{"resultType": "matrix", "result": []}`
		}
		_, _ = fmt.Fprintf(w, `{"status": "success", "data": %s}`, data)
	}))
	defer server.Close()
	s := settings{prometheus: server.URL, out: filepath.Join(t.TempDir(), "pictures"), span: time.Hour, variables: variables{}}
	s.variables = variables{"node": "a", "pod": "b"}
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, s, []string{file, "nodes"}))
	assert.Contains(t, out.String(), "no dashboard offers pod=b\n")
	assert.NotContains(t, out.String(), "no dashboard offers node")
	assert.Contains(t, out.String(), "nodes: panel \"CPU in use\" has no data\n")
	picture, err := os.ReadFile(filepath.Join(s.out, "nodes.svg"))
	require.NoError(t, err)
	assert.Contains(t, string(picture), "<title>Nodes</title>")

	s.strict = true
	assert.ErrorContains(t, run(t.Context(), &out, s, []string{file, "nodes"}), "findings")
}

func TestVariables(t *testing.T) {
	v := variables{}
	require.NoError(t, v.Set("namespace=a,b"))
	require.NoError(t, v.Set("pod=x=y"))
	assert.Equal(t, variables{"namespace": "a,b", "pod": "x=y"}, v)
	assert.ErrorContains(t, v.Set("namespace"), "want name=value")
}

// The API server's proxy is asked instead of Prometheus.
func TestKubeconfig(t *testing.T) {
	url := answers(t, http.StatusForbidden, "no proxy for you")
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(kubeconfig, []byte(`{"apiVersion": "v1", "kind": "Config", "current-context": "c",
		"contexts": [{"name": "c", "context": {"cluster": "c"}}], "clusters": [{"name": "c", "cluster": {"server": "`+url+`"}}]}`), 0o600))
	s := settings{prometheus: "http://nowhere.invalid", kubeconfig: kubeconfig, out: t.TempDir(), span: time.Hour}
	err := run(t.Context(), &bytes.Buffer{}, s, []string{file, "nodes"})
	assert.ErrorContains(t, err, "403")
}
