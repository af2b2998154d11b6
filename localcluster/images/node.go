package images

import (
	"context"
	"fmt"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/localcluster/build"
)

// pause is the image of the container that keeps a pod's namespaces; see
// node/files/containerd.toml.
const pause = "localhost/pause:1"

// LoadNode builds and loads the images of the node itself, and returns the reference of
// the image of CoreDNS.
func (l *Loader) LoadNode(ctx context.Context) (coreDNS string, err error) {
	base, err := shell()
	if err != nil {
		return "", err
	}
	version, err := l.Builder.Version(build.CoreDNS)
	if err != nil {
		return "", err
	}
	coreDNS = "localhost/coredns:" + version
	return coreDNS, l.loadAll(ctx, map[string]recipe{
		pause: {
			layers:     [][]entry{base},
			user:       "65535:65535",
			entrypoint: []string{"/bin/sleep", "infinity"},
		},
		coreDNS: {
			layers:     [][]entry{baseFiles(), program(l.Builder.Path("coredns"), "coredns")},
			user:       "65532:65532",
			entrypoint: []string{"/coredns"},
		},
	})
}

// LoadObjectStore builds and loads the image of SeaweedFS, and returns its reference.
func (l *Loader) LoadObjectStore(ctx context.Context) (ref string, err error) {
	version, err := l.Builder.Version(build.SeaweedFS)
	if err != nil {
		return "", err
	}
	if err := l.Builder.Ensure(ctx, build.SeaweedFS); err != nil {
		return "", err
	}
	ref = "localhost/seaweedfs:" + version
	return ref, l.loadAll(ctx, map[string]recipe{ref: {
		layers:     [][]entry{baseFiles(), program(l.Builder.Path("weed"), "weed")},
		entrypoint: []string{"/weed"},
	}})
}

// loadAll builds and loads images by their references.
func (l *Loader) loadAll(ctx context.Context, recipes map[string]recipe) error {
	for ref, r := range recipes {
		image, err := r.build()
		if err != nil {
			return fmt.Errorf("image %s: %w", ref, err)
		}
		if err := l.load(ctx, ref, image, true); err != nil {
			return fmt.Errorf("image %s: %w", ref, err)
		}
	}
	return nil
}
