package stacks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/offline"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/review"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/tests"
)

// Binary runs the program as a process on the committed stacks, whose secrets are encrypted or
// missing, and asserts that it renders them without any secret.
func Binary(t *testing.T, binary string) {
	for _, stack := range []string{"dev", "prod", "kind"} {
		t.Run(stack, func(t *testing.T) {
			engine := &offline.Engine{}
			require.NoError(t, engine.Program(t.Context(), ".", binary, stack))
			resources, err := engine.Resources()
			require.NoError(t, err)
			rendered, err := review.Manifests(stack, resources)
			require.NoError(t, err)
			assert.Greater(t, len(rendered), 40)
			for file, text := range rendered {
				assert.NotContains(t, string(text), "encrypted", file)
			}
			assert.Contains(t, string(rendered["monitoring/secret-grafana.yaml"]), "admin-password: '[secret]'")
			again, err := review.Compare(stack, resources, resources)
			require.NoError(t, err)
			assert.Contains(t, again.Markdown(), "Nothing.")
		})
	}
}

// kubernetesVersions lists the oldest and the newest version of Kubernetes that a stack supports.
var kubernetesVersions = []string{"v1.34.4", "v1.37.2"}

// Manifests asserts that the manifests of the committed stacks and of every platform are valid for
// kubeconform, and that kube-score finds nothing critical in them beyond the exceptions.
func Manifests(t *testing.T, program tests.Program) {
	dirs := map[string]string{}
	for _, stack := range []string{"dev", "prod", "kind"} {
		cfg, err := config.FromFile("Pulumi." + stack + ".yaml")
		require.NoError(t, err)
		dirs["stack-"+stack] = manifests(t, program, stack, cfg) // kind is a platform too
	}
	for platform := range config.Profiles {
		dirs[string(platform)] = manifests(t, program, string(platform), configtest.Config(t, fmt.Sprintf("cluster: {name: test, platform: %s}", platform)))
	}
	for _, version := range kubernetesVersions {
		t.Run("kubeconform/"+version, func(t *testing.T) {
			args := []string{"kubeconform", "-strict", "-summary", "-schema-location", tests.Schemas(t, version)}
			output, err := tool(append(args, slices.Sorted(maps.Values(dirs))...)...)
			require.NoError(t, err, "%s", output)
			assert.Contains(t, string(output), "Invalid: 0, Errors: 0, Skipped: 0")

			misspelt := filepath.Join(t.TempDir(), "service.yaml")
			require.NoError(t, os.WriteFile(misspelt, []byte("apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80, target: web}]}\n"), 0o600))
			output, err = tool(append(args, misspelt)...)
			require.Error(t, err)
			assert.Contains(t, string(output), "'target' not allowed")
		})
	}
	used := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(dirs)) {
		t.Run("kube-score/"+name, func(t *testing.T) { score(t, name, dirs[name], used) })
	}
	for exception := range exceptions {
		assert.True(t, used[exception], "nothing needs the exception of %s", exception)
	}
}

// exceptions maps critical findings of kube-score that are accepted to the reason. A key is a check
// alone, "check object" or "check on platform".
var exceptions = map[string]string{
	"container-resources":                                                  "a CPU limit would throttle programs that must answer within a scrape timeout; requests and memory limits are set",
	"container-ephemeral-storage-request-and-limit":                        "root file systems are read-only, and programs write to volumes",
	"container-image-pull-policy":                                          "images are pinned by tag, and a node that has an image starts it without the registry",
	"pod-probes-identical blackbox-exporter":                               "has one endpoint for both",
	"pod-probes-identical grafana":                                         "has one endpoint for both",
	"pod-probes-identical node-exporter":                                   "has one endpoint for both",
	"pod-probes-identical node-directory-size-metrics":                     "has one endpoint for both",
	"container-security-context-user-group-id grafana":                     "472, the user of the image",
	"container-security-context-user-group-id node-directory-size-metrics": "only root may read every directory, and it has no other capability",
	"container-security-context-user-group-id on openshift":                "OpenShift assigns the users",
	"pod-networkpolicy node-exporter":                                      "uses the host's network, where no NetworkPolicy applies",
}

// score fails the test if kube-score finds something critical in the manifests of a stack that is
// not an exception, and adds the exceptions that it needs to used. It runs once for all files,
// because kube-score looks at how objects refer to each other.
func score(t *testing.T, name, dir string, used map[string]bool) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	minor := kubernetesVersions[0][:strings.LastIndex(kubernetesVersions[0], ".")]
	args := append([]string{"kube-score", "score", "--output-format", "json", "--kubernetes-version", minor}, files...)
	output, err := tool(args...)
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) { // findings are exit status 1
		require.NoError(t, err)
	}
	var objects []struct {
		Meta   metav1.ObjectMeta `json:"object_meta"`
		Checks []struct {
			Check    struct{ ID string }
			Grade    int
			Skipped  bool
			Comments []struct{ Path, Summary string }
		}
	}
	require.NoError(t, json.Unmarshal(output, &objects), "%s", output)
	const critical = 1
	for _, object := range objects {
		for _, check := range object.Checks {
			if check.Skipped || check.Grade != critical {
				continue
			}
			excepted := false
			for _, exception := range []string{check.Check.ID, check.Check.ID + " " + object.Meta.Name, check.Check.ID + " on " + name} {
				if exceptions[exception] != "" {
					used[exception], excepted = true, true
				}
			}
			assert.True(t, excepted, "%s: %s: %v", object.Meta.Name, check.Check.ID, check.Comments)
		}
	}
}

// manifests writes the objects of a stack to a directory and returns its path.
func manifests(t *testing.T, program tests.Program, name string, cfg *config.Config) (dir string) {
	t.Helper()
	var resources []offline.Resource
	for _, r := range tests.Deploy(t, program, cfg) {
		resources = append(resources, r.Resource)
	}
	files, err := review.Manifests(name, resources)
	require.NoError(t, err)
	dir = filepath.Join(t.TempDir(), name)
	require.NoError(t, review.WriteManifests(dir, files))
	return dir
}

// tool runs a program of the module tools/manifests and returns its output.
func tool(args ...string) ([]byte, error) {
	command := exec.Command("go", append([]string{"tool"}, args...)...)
	command.Dir = filepath.Join("tools", "manifests")
	var errs bytes.Buffer
	command.Stderr = &errs
	output, err := command.Output()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, errs.Bytes())
	}
	return output, err
}
