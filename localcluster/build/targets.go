// Package build makes the demo's programs from Go modules, pinned in the modfiles of
// localcluster/binaries: one for all that build with each other's versions, so that what
// they share compiles once.
package build

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// Target is a program, or several that are linked alike.
type Target struct {
	module   string
	packages []string // below the module; their last elements name the programs
	modfile  string   // folder below the Builder's, of a target that has a modfile of its own

	// version gives the program's own version from its module's, if they differ.
	version func(module string) string
	// variables are set by the linker; %[1]s in a value is the version without its v.
	variables map[string]string
	// tags are build tags.
	tags string
	// missing are files that the program embeds and its module lacks, by path.
	missing map[string][]byte
	// generate returns such files where they are made from the module's own, which are in
	// dir, and the program's version.
	generate func(dir, version string) (map[string][]byte, error)
}

// older is the modfile of programs that do not build with the newest version of a module
// that others need.
const older = "older"

// The node's programs.
var (
	Kubernetes = Target{
		module:   "k8s.io/kubernetes",
		packages: []string{"cmd/kube-apiserver", "cmd/kubelet", "cmd/kube-controller-manager", "cmd/kube-scheduler", "cmd/kube-proxy"},
		variables: map[string]string{
			"k8s.io/component-base/version.gitVersion": "v%[1]s",
		},
	}
	CoreDNS = Target{module: "github.com/coredns/coredns"}
)

// Pulumi is the engine.
var Pulumi = Target{
	module:    "github.com/pulumi/pulumi/pkg/v3",
	packages:  []string{"cmd/pulumi"},
	modfile:   older,
	variables: map[string]string{"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": "v%[1]s"},
}

// PulumiKubernetes is Pulumi's official Kubernetes provider, with the modules that its own
// go.mod selects: it builds with neither today's Kubernetes nor today's Pulumi.
var PulumiKubernetes = Target{
	module:    "github.com/pulumi/pulumi-kubernetes/provider/v4",
	packages:  []string{"cmd/pulumi-resource-kubernetes"},
	modfile:   "provider",
	version:   providerVersion,
	variables: map[string]string{"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version": "%[1]s"},
	generate:  providerSchema,
}

// The stack's programs.
var (
	Prometheus = Target{
		module:    "github.com/prometheus/prometheus",
		packages:  []string{"cmd/prometheus"},
		version:   prometheusVersion,
		variables: prometheusVariables,
		// The other discoveries would triple the program and are of no use here.
		tags: "remove_all_sd,enable_kubernetes_sd",
	}
	Alertmanager = Target{
		module:    "github.com/prometheus/alertmanager",
		packages:  []string{"cmd/alertmanager"},
		modfile:   older,
		variables: prometheusVariables,
		missing:   map[string][]byte{"ui/app/dist/index.html.gz": alertmanagerPage},
	}
	NodeExporter     = Target{module: "github.com/prometheus/node_exporter", variables: prometheusVariables}
	BlackboxExporter = Target{module: "github.com/prometheus/blackbox_exporter", variables: prometheusVariables}
	KubeStateMetrics = Target{module: "k8s.io/kube-state-metrics/v2", modfile: older, variables: prometheusVariables}
)

// prometheusVariables are those of every program that reports prometheus/common's
// build information.
var prometheusVariables = map[string]string{"github.com/prometheus/common/version.Version": "%[1]s"}

// prometheusVersion turns v0.313.2, the module's version, into v3.13.2.
func prometheusVersion(module string) string {
	var minor, patch int
	if _, err := fmt.Sscanf(module, "v0.%d.%d", &minor, &patch); err != nil {
		return module
	}
	return fmt.Sprintf("v%d.%d.%d", minor/100, minor%100, patch)
}

// providerVersion turns the pseudo-version of the provider's module, which has no tags,
// into one that follows the release before that commit.
func providerVersion(module string) string {
	return strings.Replace(module, "v4.0.0-", "v4.24.2-0.", 1)
}

// providerSchema makes what the provider's own go:generate makes: its schema with the
// version in it, and its mapping of Terraform's resources, without white space.
func providerSchema(dir, version string) (map[string][]byte, error) {
	files := map[string][]byte{}
	for from, to := range map[string]string{
		"schema.json":            "schema-embed.json",
		"terraform-mapping.json": "terraform-mapping-embed.json",
	} {
		path := filepath.Join("cmd", "pulumi-resource-kubernetes", from)
		text, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			return nil, err
		}
		content := map[string]json.RawMessage{}
		if err := json.Unmarshal(text, &content); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if from == "schema.json" {
			content["version"], err = json.Marshal(strings.TrimPrefix(version, "v"))
		}
		text, marshalErr := json.Marshal(content)
		if err := errors.Join(err, marshalErr); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		files[filepath.Join(filepath.Dir(path), to)] = text
	}
	return files, nil
}

// Names are the file names of the target's programs.
func (t Target) Names() []string {
	var names []string
	for _, path := range t.importPaths() {
		prefix, _, _ := module.SplitPathVersion(path) // without a final /v2
		names = append(names, filepath.Base(prefix))
	}
	return names
}

func (t Target) importPaths() []string {
	if len(t.packages) == 0 {
		return []string{t.module}
	}
	var paths []string
	for _, p := range t.packages {
		paths = append(paths, t.module+"/"+p)
	}
	return paths
}

// Pins returns the versions of the modules that a go.mod requires.
func Pins(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, err := modfile.ParseLax(path, data, nil)
	if err != nil {
		return nil, err
	}
	versions := map[string]string{}
	for _, r := range file.Require {
		versions[r.Mod.Path] = r.Mod.Version
	}
	return versions, nil
}
