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

// blueprint describes how to build an image of the stack that cannot be pulled. Users, paths
// and arguments are those of the official image.
type blueprint struct {
	target  *build.Target           // nil: nothing but busybox
	base    func() ([]entry, error) // base layer; nil: cannot be built
	at      string                  // path of the program, without a leading slash
	args    []string                // of the program
	cmd     []string                // default arguments, which a container may replace
	user    string
	dirs    []entry
	workDir string
}

var blueprints = map[config.Image]blueprint{
	"prometheus": {
		target:  &build.Prometheus,
		base:    shell,
		at:      "bin/prometheus",
		cmd:     []string{"--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"},
		user:    "nobody",
		dirs:    []entry{{path: "etc/prometheus/", mode: 0o755, owner: nobody}, {path: "prometheus/", mode: 0o775, owner: nobody}},
		workDir: "/prometheus",
	},
	"alertmanager": {
		target:  &build.Alertmanager,
		base:    shell,
		at:      "bin/alertmanager",
		cmd:     []string{"--config.file=/etc/alertmanager/alertmanager.yml", "--storage.path=/alertmanager"},
		user:    "nobody",
		dirs:    []entry{{path: "etc/alertmanager/", mode: 0o755, owner: nobody}, {path: "alertmanager/", mode: 0o775, owner: nobody}},
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
		base:   func() ([]entry, error) { return baseFiles(), nil },
		at:     "kube-state-metrics",
		args:   []string{"--port=8080", "--telemetry-port=8081"},
		user:   "nobody",
	},
	"thanos": {
		target: &build.Thanos,
		base:   shell,
		at:     "bin/thanos",
		user:   "1001",
	},
	"oauth2-proxy": {
		target: &build.OAuth2Proxy,
		base:   func() ([]entry, error) { return baseFiles(), nil },
		at:     "bin/oauth2-proxy",
		user:   "65532",
	},
	"busybox": {
		base: shell,
		cmd:  []string{"sh"},
	},
	"grafana": {}, // neither a Go module nor a Debian package
	"curl":    {}, // Debian's needs too many packages

	"k8s-sidecar": {}, // written in Python
}

// LoadStack loads the images that a stack deploys. It pulls an image if its registry answers;
// otherwise it builds one and stores it under the same name. It reports and returns images
// that can be neither pulled nor built: their pods will not start.
func (l *Loader) LoadStack(ctx context.Context, stack *config.Config) (missing []config.Image, err error) {
	refs := map[config.Image]name.Reference{}
	var registries []name.Registry
	images := stack.Images
	for image := range blueprints {
		if images.Ref(image) == "" || image == config.ThanosImage && !stack.LongTermStorage.Enabled ||
			image == config.OAuth2ProxyImage && len(stack.Proxied()) == 0 ||
			image == config.K8sSidecarImage && !stack.Grafana.Dashboards.ConfigMaps.Read() {
			continue
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
	unreachable := probeRegistries(ctx, registries)
	for _, image := range slices.Sorted(maps.Keys(refs)) {
		_, overridden := images.Overrides[image]
		loaded, err := l.loadStackImage(ctx, blueprints[image], refs[image], overridden, unreachable[refs[image].Context().Registry] == nil)
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", refs[image], err)
		}
		if !loaded {
			missing = append(missing, image)
		}
	}
	return missing, nil
}

func (l *Loader) loadStackImage(ctx context.Context, b blueprint, ref name.Reference, overridden, reachable bool) (loaded bool, err error) {
	// The kubelet uses Docker Hub's older name in containerd.
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
	case b.base == nil:
		l.Report("%s is left out: it cannot be pulled, and it cannot be built from Go modules", ref)
		return false, nil
	case overridden:
		// Another image may have anything in it.
		l.Report("%s is left out: it cannot be pulled, and only the images that this project pins can be built", ref)
		return false, nil
	}
	version, err := l.version(ctx, b)
	if err != nil {
		return false, err
	}
	built, err := l.buildImage(ctx, b)
	if err != nil {
		return false, err
	}
	if tag := ref.Identifier(); strings.TrimPrefix(tag, "v") != strings.TrimPrefix(version, "v") {
		l.Report("%s is %s here: the version pinned cannot be built from Go modules", ref, version)
	}
	return true, l.load(ctx, stored, built, true)
}

func (l *Loader) buildImage(ctx context.Context, b blueprint) (v1.Image, error) {
	base, err := b.base()
	if err != nil {
		return nil, err
	}
	r := recipe{layers: [][]entry{base}, user: b.user, cmd: b.cmd, workingDir: b.workDir}
	if b.target != nil {
		if err := l.Builder.Ensure(ctx, *b.target); err != nil {
			return nil, err
		}
		layer := program(l.Builder.Path(b.target.Names()[0]), b.at)
		for _, name := range b.target.Names()[1:] { // beside it
			layer = append(layer, entry{path: path.Join(path.Dir(b.at), name), from: l.Builder.Path(name), mode: 0o755})
		}
		r.layers = append(r.layers, append(layer, b.dirs...))
		r.entrypoint = append([]string{path.Join("/", b.at)}, b.args...)
	}
	return r.build()
}

var busyboxVersion = regexp.MustCompile(`BusyBox v(\S+)`)

// version returns the version of the program of an image that is built.
func (l *Loader) version(ctx context.Context, b blueprint) (string, error) {
	if b.target != nil {
		return l.Builder.Version(*b.target)
	}
	output, err := exec.CommandContext(ctx, "busybox").Output()
	if err != nil {
		return "", err
	}
	match := busyboxVersion.FindSubmatch(output)
	if match == nil {
		return "", errors.New("busybox does not print its version")
	}
	return string(match[1]), nil
}
