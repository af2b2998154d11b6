// Package build compiles the demo's programs from Go modules that localcluster/binaries
// pins. Programs that build with the same versions share a go.mod, so that shared packages
// compile once.
package build

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// Target is one or more programs of a module that are built with the same settings.
type Target struct {
	module   string
	packages []string // paths in the module; their last elements are the names of the programs
	modfile  string   // directory, below Builder.Modfile, of the go.mod; empty: Builder.Modfile itself

	// version returns the version of the program from the version of its module, if they
	// differ.
	version func(module string) string
	// variables are set by the linker. %[1]s in a value is the version without the v.
	variables map[string]string
	// tags are build tags.
	tags string
	// missing contains files, by path, that the program embeds and its module lacks.
	missing map[string][]byte
	// generate returns missing files that depend on the module's own, in dir, and on the
	// version.
	generate func(dir, version string) (map[string][]byte, error)
}

// older is the modfile of programs that need an older version of a module than others.
const older = "older"

// Programs of the node.
var (
	Kubernetes = Target{
		module:   "k8s.io/kubernetes",
		packages: []string{"cmd/kube-apiserver", "cmd/kubelet", "cmd/kube-controller-manager", "cmd/kube-scheduler", "cmd/kube-proxy"},
		variables: map[string]string{
			"k8s.io/component-base/version.gitVersion": "v%[1]s",
		},
	}
	CoreDNS = Target{module: "github.com/coredns/coredns"}
	// SeaweedFS serves as the object store of a stack with long-term storage.
	SeaweedFS = Target{module: "github.com/seaweedfs/seaweedfs", packages: []string{"weed"}, modfile: "seaweedfs"}
	// Kwok plays the kubelets of simulated nodes.
	Kwok = Target{module: "sigs.k8s.io/kwok", packages: []string{"cmd/kwok"}, modfile: "kwok", generate: kwokInformers}
	// KubeRouter enforces NetworkPolicies where a test asks for it.
	KubeRouter = Target{module: "github.com/cloudnativelabs/kube-router/v2", packages: []string{"cmd/kube-router"}, modfile: "kube-router"}
	// Caddy serves HTTPRoutes where a test asks for it, as CaddyGateway configures it.
	Caddy        = Target{module: "github.com/caddyserver/caddy/v2", packages: []string{"cmd/caddy"}, modfile: "caddy"}
	CaddyGateway = Target{module: "github.com/caddyserver/gateway", modfile: "caddy-gateway"}
)

// Pulumi is the CLI with the engine.
var Pulumi = Target{
	module:    "github.com/pulumi/pulumi/pkg/v3",
	packages:  []string{"cmd/pulumi"},
	modfile:   older,
	variables: map[string]string{"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": "v%[1]s"},
}

// PulumiKubernetes is Pulumi's Kubernetes provider, built with the versions of its own
// go.mod, since it does not build with current versions of Kubernetes and Pulumi.
var PulumiKubernetes = Target{
	module:    "github.com/pulumi/pulumi-kubernetes/provider/v4",
	packages:  []string{"cmd/pulumi-resource-kubernetes"},
	modfile:   "provider",
	version:   providerVersion,
	variables: map[string]string{"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version": "%[1]s"},
	generate:  providerSchema,
}

// Programs of the stack.
var (
	Prometheus = Target{
		module:    "github.com/prometheus/prometheus",
		packages:  []string{"cmd/prometheus", "cmd/promtool"},
		version:   prometheusVersion,
		variables: prometheusVariables,
		// The other discovery mechanisms would triple its size and are not used here.
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
	Thanos           = Target{
		module:    "github.com/thanos-io/thanos",
		packages:  []string{"cmd/thanos"},
		modfile:   "thanos",
		variables: prometheusVariables,
		tags:      "slicelabels", // it casts labels to its own, which have this layout
	}
	OAuth2Proxy = Target{
		module:    "github.com/oauth2-proxy/oauth2-proxy/v7",
		modfile:   "oauth2-proxy",
		variables: map[string]string{"github.com/oauth2-proxy/oauth2-proxy/v7/pkg/version.VERSION": "v%[1]s"},
	}
)

// Targets lists all targets.
var Targets = []Target{
	Kubernetes, CoreDNS, SeaweedFS, Kwok, KubeRouter, Caddy, CaddyGateway, Pulumi, PulumiKubernetes,
	Prometheus, Alertmanager, NodeExporter, BlackboxExporter, KubeStateMetrics, Thanos, OAuth2Proxy,
}

// Find returns the target that builds a program. It returns an error that names all programs if none
// does.
func Find(name string) (Target, error) {
	var names []string
	for _, target := range Targets {
		if slices.Contains(target.Names(), name) {
			return target, nil
		}
		names = append(names, target.Names()...)
	}
	slices.Sort(names)
	return Target{}, fmt.Errorf("unknown program %q; allowed: %s", name, strings.Join(names, ", "))
}

// prometheusVariables sets the version that prometheus/common reports.
var prometheusVariables = map[string]string{"github.com/prometheus/common/version.Version": "%[1]s"}

// prometheusVersion returns the version of Prometheus from the version of its module, such as
// v3.13.2 from v0.313.2.
func prometheusVersion(module string) string {
	var minor, patch int
	if _, err := fmt.Sscanf(module, "v0.%d.%d", &minor, &patch); err != nil {
		return module
	}
	return fmt.Sprintf("v%d.%d.%d", minor/100, minor%100, patch)
}

// providerVersion returns a version that follows the last release before the commit of the
// provider's module, which has a pseudo-version.
func providerVersion(module string) string {
	return strings.Replace(module, "v4.0.0-", "v4.24.2-0.", 1)
}

// providerSchema returns the files that the provider's go:generate writes: the schema with
// the version, and the mapping of Terraform's resources, both without white space.
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

// kwokInformers returns kwok's informers, which watch from version 0 whatever version they listed. Since the
// API server answers that with the list too, it requires an etcd that reports its progress, as Debian's
// does not.
func kwokInformers(dir, _ string) (map[string][]byte, error) {
	const (
		path    = "pkg/utils/informer/informer.go"
		watch   = "opt.setup(&opts)\n\t\t\treturn listWatch.WatchWithContext("
		instead = "listed := opts.ResourceVersion\n\t\t\topt.setup(&opts)\n\t\t\topts.ResourceVersion = listed\n\t\t\treturn listWatch.WatchWithContext("
	)
	text, err := os.ReadFile(filepath.Join(dir, path))
	if err != nil {
		return nil, err
	}
	if !strings.Contains(string(text), watch) {
		return nil, fmt.Errorf("%s: there is no %q", path, watch)
	}
	return map[string][]byte{path: []byte(strings.ReplaceAll(string(text), watch, instead))}, nil
}

// Names returns the file names of the target's programs.
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
