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
	for ref, r := range map[string]recipe{
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
	} {
		image, err := r.build()
		if err != nil {
			return "", fmt.Errorf("image %s: %w", ref, err)
		}
		if err := l.load(ctx, ref, image, true); err != nil {
			return "", fmt.Errorf("image %s: %w", ref, err)
		}
	}
	return coreDNS, nil
}
