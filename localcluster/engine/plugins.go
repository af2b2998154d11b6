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

	"golang.org/x/mod/modfile"
)

const (
	languagePlugin = "pulumi-language-go"
	resourcePlugin = "pulumi-resource-kubernetes"

	// downloads is where the CLI gets plugins from; a quick look decides.
	downloads    = "https://get.pulumi.com"
	probeTimeout = 2 * time.Second
)

// findPlugins takes the official plugins where they are present or can be
// downloaded, and the demo's own stand-ins elsewhere; those say so themselves. It
// tries to download only if told to, or when there is no plugin yet.
func (e *Engine) findPlugins(ctx context.Context, download bool) error {
	// Beside a CLI that was built here, the language host counts as a part of it.
	host := e.Builder.Path(languagePlugin)
	if path, err := exec.LookPath(languagePlugin); err != nil || path == host {
		if err := e.buildStandIn(ctx, languagePlugin, host); err != nil {
			return err
		}
		e.path = append(e.path, e.Builder.Bin)
	}

	version, err := e.providerVersion()
	if err != nil {
		return err
	}
	name := "resource-kubernetes-v" + version
	folder := e.home("plugins", name)
	program := filepath.Join(folder, resourcePlugin)
	// The CLI would warn of a resource plugin that it finds on PATH.
	standIn := filepath.Join(e.Dir, "stand-in", resourcePlugin)
	target, notLink := os.Readlink(program)
	if _, err := os.Stat(program); err == nil && (notLink != nil || target != standIn) {
		return nil // an official one
	}
	if home, err := os.UserHomeDir(); err == nil {
		official := filepath.Join(home, ".pulumi", "plugins", name, resourcePlugin)
		if _, err := os.Stat(official); err == nil {
			return link(official, program)
		}
	}
	if (download || target == "") && reachable(ctx) {
		e.Report("downloading %s %s", resourcePlugin, version)
		if err := os.RemoveAll(folder); err != nil {
			return err
		}
		output, err := e.Command(ctx, "plugin", "install", "resource", "kubernetes", "v"+version).CombinedOutput()
		if err == nil {
			return nil
		}
		e.Report("downloading it failed: %s", strings.TrimSpace(string(output)))
	}
	if err := e.buildStandIn(ctx, resourcePlugin, standIn); err != nil {
		return err
	}
	return link(standIn, program)
}

// buildStandIn builds one of this module's plugins.
func (e *Engine) buildStandIn(ctx context.Context, name, path string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "./cmd/"+name)
	cmd.Dir = filepath.Join(e.Root, "localcluster")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w: %s", name, err, output)
	}
	return nil
}

// providerVersion is that of the Kubernetes SDK that the program requires.
func (e *Engine) providerVersion() (string, error) {
	path := filepath.Join(e.Root, "go.mod")
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	file, err := modfile.ParseLax(path, data, nil)
	if err != nil {
		return "", err
	}
	for _, r := range file.Require {
		if r.Mod.Path == "github.com/pulumi/pulumi-kubernetes/sdk/v4" {
			return strings.TrimPrefix(r.Mod.Version, "v"), nil
		}
	}
	return "", fmt.Errorf("%s does not require the Kubernetes SDK of Pulumi", path)
}

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

// link makes path a link to target, in the place of whatever it was.
func link(target, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Symlink(target, path)
}
