package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/localcluster/build"
)

const (
	languagePlugin = "pulumi-language-go"
	resourcePlugin = "pulumi-resource-kubernetes"

	// downloads is the server from which the CLI downloads plugins.
	downloads    = "https://get.pulumi.com"
	probeTimeout = 2 * time.Second
)

// findLanguageHost uses the official Go language host if it is on PATH. Otherwise it builds
// the stand-in, since the module of the official one is not published.
func (e *Engine) findLanguageHost(ctx context.Context) error {
	// An earlier stand-in may be on PATH too; it is built again if it changed.
	host := e.Builder.Path(languagePlugin)
	if path, err := exec.LookPath(languagePlugin); err == nil && path != host {
		return nil
	}
	e.path = append(e.path, e.Builder.Bin)
	unlock, err := e.Builder.Lock(ctx, languagePlugin)
	if err != nil {
		return err
	}
	defer unlock()
	cmd := exec.CommandContext(ctx, "go", "build", "-o", host, "./cmd/"+languagePlugin)
	cmd.Dir = filepath.Join(e.Root, "localcluster")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w: %s", languagePlugin, err, output)
	}
	return nil
}

// findProvider makes Pulumi's Kubernetes provider available to the CLI: the release of the
// program's SDK if it is installed or can be downloaded, otherwise a provider built from its
// module. Unless renew is set, it keeps a provider that it built, and does not report one
// that it finds.
func (e *Engine) findProvider(ctx context.Context, renew bool) error {
	version, err := e.providerVersion()
	if err != nil {
		return err
	}
	name := "resource-kubernetes-v" + version
	dir := e.home("plugins", name)
	program := filepath.Join(dir, resourcePlugin)
	// Not in Builder.Bin: the CLI warns of resource plugins on PATH.
	built := filepath.Join(e.Builder.Bin, "provider", resourcePlugin)
	target, notLink := os.Readlink(program)
	if _, err := os.Stat(program); err == nil && (notLink != nil || target != built) {
		if renew {
			e.Report("Kubernetes provider %s", version)
		}
		return nil
	}
	if home, err := os.UserHomeDir(); err == nil {
		installed := filepath.Join(home, ".pulumi", "plugins", name, resourcePlugin)
		if _, err := os.Stat(installed); err == nil {
			e.Report("Kubernetes provider %s, installed in %s", version, filepath.Dir(installed))
			return link(installed, program)
		}
	}
	if (renew || target == "") && reachable(ctx) {
		e.Report("downloading the Kubernetes provider %s", version)
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		output, err := e.Command(ctx, "plugin", "install", "resource", "kubernetes", "v"+version).CombinedOutput()
		if err == nil {
			return nil
		}
		e.Report("downloading it failed: %s", strings.TrimSpace(string(output)))
	}
	builder := *e.Builder
	builder.Bin = filepath.Dir(built)
	if err := builder.Ensure(ctx, build.PulumiKubernetes); err != nil {
		return err
	}
	if renew {
		version, err := builder.Version(build.PulumiKubernetes)
		if err != nil {
			return err
		}
		e.Report("Kubernetes provider %s, built from its module", strings.TrimPrefix(version, "v"))
	}
	return link(built, program)
}

// providerVersion returns the version, without a v, of the Kubernetes SDK that the
// program requires. The provider is released with it, under the same version.
func (e *Engine) providerVersion() (string, error) {
	path := filepath.Join(e.Root, "go.mod")
	versions, err := build.Pins(path)
	if err != nil {
		return "", err
	}
	version, ok := versions["github.com/pulumi/pulumi-kubernetes/sdk/v4"]
	if !ok {
		return "", fmt.Errorf("%s does not require the Kubernetes SDK of Pulumi", path)
	}
	return strings.TrimPrefix(version, "v"), nil
}

// reachable reports whether the server of downloads answers within probeTimeout.
func reachable(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, downloads, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return true
}

// link makes path a symbolic link to target, and replaces a file at path.
func link(target, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Symlink(target, path)
}
