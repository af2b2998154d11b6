package images

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/localcluster/build"
)

// kit is how an image of the stack is built where it cannot be pulled. User,
// paths and arguments are those of the official image.
type kit struct {
	target  *build.Target           // nil: there is nothing but busybox in it
	base    func() ([]entry, error) // nil: it can only be pulled
	at      string                  // the program's path, without a leading slash
	args    []string
	cmd     []string
	user    string
	folders []entry
	workDir string
}

var kits = map[config.Image]kit{
	"prometheus": {
		target:  &build.Prometheus,
		base:    shell,
		at:      "bin/prometheus",
		cmd:     []string{"--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"},
		user:    "nobody",
		folders: []entry{{path: "etc/prometheus/", mode: 0o755, owner: nobody}, {path: "prometheus/", mode: 0o775, owner: nobody}},
		workDir: "/prometheus",
	},
	"alertmanager": {
		target:  &build.Alertmanager,
		base:    shell,
		at:      "bin/alertmanager",
		cmd:     []string{"--config.file=/etc/alertmanager/alertmanager.yml", "--storage.path=/alertmanager"},
		user:    "nobody",
		folders: []entry{{path: "etc/alertmanager/", mode: 0o755, owner: nobody}, {path: "alertmanager/", mode: 0o775, owner: nobody}},
		workDir: "/alertmanager",
	},
	"node-exporter": {
		target: &build.NodeExporter,
		base:   shell,
		at:     "bin/node_exporter",
		user:   "nobody",
	},
	"blackbox-exporter": {
		target: &build.BlackboxExporter,
		base:   shell,
		at:     "bin/blackbox_exporter",
		cmd:    []string{"--config.file=/etc/blackbox_exporter/config.yml"},
	},
	"kube-state-metrics": {
		target: &build.KubeStateMetrics,
		base:   func() ([]entry, error) { return bare(), nil },
		at:     "kube-state-metrics",
		args:   []string{"--port=8080", "--telemetry-port=8081"},
		user:   "nobody",
	},
	"busybox": {
		base: shell,
		cmd:  []string{"sh"},
	},
	"grafana": {}, // neither a Go module nor a package has it
	"curl":    {}, // Debian's is spread over too many packages
}

// LoadStack loads the images that a stack's config names: pulled where their
// registry answers, otherwise built and stored under the same names. What can be
// neither pulled nor built is reported and returned as missing: its pods will wait for it.
func (l *Loader) LoadStack(ctx context.Context, images config.Images) (missing []config.Image, err error) {
	refs := map[config.Image]name.Reference{}
	var registries []name.Registry
	for image := range kits {
		if images.Ref(image) == "" {
			continue // the stack has no such image
		}
		ref, err := name.ParseReference(images.Ref(image))
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", image, err)
		}
		refs[image] = ref
		if registry := ref.Context().Registry; !slices.Contains(registries, registry) {
			registries = append(registries, registry)
		}
	}
	unreachable := probe(ctx, registries)
	for _, image := range slices.Sorted(maps.Keys(refs)) {
		_, overridden := images.Overrides[image]
		loaded, err := l.loadStackImage(ctx, kits[image], refs[image], overridden, unreachable[refs[image].Context().Registry] == nil)
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", refs[image], err)
		}
		if !loaded {
			missing = append(missing, image)
		}
	}
	return missing, nil
}

func (l *Loader) loadStackImage(ctx context.Context, kit kit, ref name.Reference, overridden, reachable bool) (loaded bool, err error) {
	// The kubelet asks containerd for Docker Hub's images by its older name.
	stored := strings.Replace(ref.Name(), name.DefaultRegistry, "docker.io", 1)

	if reachable {
		pulled, err := remote.Image(ref, remote.WithContext(ctx), remote.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}))
		if err == nil {
			l.Report("pulling %s", ref)
			return true, l.load(ctx, stored, pulled, false)
		}
		l.Report("pulling %s failed: %v", ref, err)
	}
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}

	have, err := l.stored(ctx, stored)
	if err != nil {
		return false, err
	}
	if have != nil && !have.built {
		return true, nil // pulled earlier
	}
	switch {
	case kit.base == nil:
		l.Report("%s is left out: it cannot be pulled, and it cannot be built from Go modules", ref)
		return false, nil
	case overridden:
		// What the user's image holds is not known here.
		l.Report("%s is left out: it cannot be pulled, and only the images that this project pins can be built", ref)
		return false, nil
	}
	version, err := l.version(ctx, kit)
	if err != nil {
		return false, err
	}
	built, err := l.buildKit(ctx, kit)
	if err != nil {
		return false, err
	}
	if tag := ref.Identifier(); strings.TrimPrefix(tag, "v") != strings.TrimPrefix(version, "v") {
		l.Report("%s is %s here: the version pinned cannot be built from Go modules", ref, version)
	}
	return true, l.load(ctx, stored, built, true)
}

func (l *Loader) buildKit(ctx context.Context, kit kit) (v1.Image, error) {
	base, err := kit.base()
	if err != nil {
		return nil, err
	}
	r := recipe{layers: [][]entry{base}, user: kit.user, cmd: kit.cmd, workingDir: kit.workDir}
	if kit.target != nil {
		if err := l.Builder.Ensure(ctx, *kit.target); err != nil {
			return nil, err
		}
		layer := append(program(l.Builder.Path(kit.target.Names()[0]), kit.at), kit.folders...)
		r.layers = append(r.layers, layer)
		r.entrypoint = append([]string{path.Join("/", kit.at)}, kit.args...)
	}
	return r.build()
}

var busyboxVersion = regexp.MustCompile(`BusyBox v(\S+)`)

// version is the version of what is in a kit's image.
func (l *Loader) version(ctx context.Context, kit kit) (string, error) {
	if kit.target != nil {
		return l.Builder.Version(*kit.target)
	}
	output, err := exec.CommandContext(ctx, "busybox").Output()
	if err != nil {
		return "", err
	}
	match := busyboxVersion.FindSubmatch(output)
	if match == nil {
		return "", errors.New("busybox does not tell its version")
	}
	return string(match[1]), nil
}
