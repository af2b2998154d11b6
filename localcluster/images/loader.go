package images

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/localcluster/build"
)

// probeTimeout is the time within which a registry must answer.
const probeTimeout = 2 * time.Second

// Loader loads images into a node.
type Loader struct {
	Containerd Containerd
	Builder    *build.Builder
	// Report prints what the loader does, and which images are missing.
	Report func(format string, args ...any)

	have map[string]stored // images in containerd by name; nil: not listed yet
}

// load stores an image under a name unless containerd has the same image.
func (l *Loader) load(ctx context.Context, ref string, image v1.Image, built bool) error {
	have, err := l.stored(ctx, ref)
	if err != nil {
		return err
	}
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	if have != nil && have.digest == digest.String() {
		return nil
	}
	return l.Containerd.load(ctx, ref, image, built)
}

// stored returns the image that containerd has under a name, or nil.
func (l *Loader) stored(ctx context.Context, ref string) (*stored, error) {
	if l.have == nil {
		have, err := l.Containerd.list(ctx)
		if err != nil {
			return nil, err
		}
		l.have = have
	}
	if image, ok := l.have[ref]; ok {
		return &image, nil
	}
	return nil, nil
}

// probeRegistries connects to all registries at once and returns an error for each, nil if
// it answers with any status.
func probeRegistries(ctx context.Context, registries []name.Registry) map[name.Registry]error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var (
		mu      sync.Mutex
		results = map[name.Registry]error{}
		all     sync.WaitGroup
	)
	for _, registry := range registries {
		all.Go(func() {
			err := probeRegistry(ctx, registry)
			mu.Lock()
			defer mu.Unlock()
			results[registry] = err
		})
	}
	all.Wait()
	return results
}

func probeRegistry(ctx context.Context, registry name.Registry) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, registry.Scheme()+"://"+registry.Name()+"/v2/", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// shell returns the base layer with the machine's static busybox.
func shell() ([]entry, error) {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return nil, err
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return nil, err
	}
	list, err := exec.Command(path, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("%s --list: %w", path, err)
	}
	return busyboxFiles(path, strings.Fields(string(list))), nil
}
