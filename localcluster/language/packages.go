package language

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"golang.org/x/mod/modfile"
)

// readModule parses the go.mod of the module that contains dir. It returns an empty file if
// there is no such module.
func readModule(ctx context.Context, dir string) (*modfile.File, error) {
	out, err := goTool(ctx, dir, "env", "GOMOD")
	path := strings.TrimSpace(string(out))
	if err != nil || filepath.Base(path) != "go.mod" {
		return &modfile.File{}, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return modfile.ParseLax(path, data, nil)
}

// requiredPackages returns the resource plugins of the modules with a pulumi-plugin.json,
// which are SDKs.
func requiredPackages(ctx context.Context, dir string) ([]*pulumirpc.PackageDependency, error) {
	mod, err := readModule(ctx, dir)
	if err != nil || len(mod.Require) == 0 {
		return nil, err
	}
	// The directory is empty for a module that is not in the module cache, since the program
	// imports none of its packages.
	args := []string{"list", "-m", "-f", "{{.Dir}}"}
	for _, r := range mod.Require {
		args = append(args, r.Mod.Path)
	}
	out, err := goTool(ctx, dir, args...)
	if err != nil {
		return nil, err
	}
	var packages []*pulumirpc.PackageDependency
	for _, moduleDir := range strings.Fields(string(out)) {
		p, err := readPlugin(moduleDir)
		if err != nil {
			return nil, err
		}
		if p != nil {
			packages = append(packages, p)
		}
	}
	return packages, nil
}

// readPlugin reads a module's pulumi-plugin.json, which is in the root or, in modules with an
// SDK for each language, below go/. It returns nil if there is none.
func readPlugin(moduleDir string) (*pulumirpc.PackageDependency, error) {
	for _, pattern := range []string{"pulumi-plugin.json", "go/pulumi-plugin.json", "go/*/pulumi-plugin.json", "*/pulumi-plugin.json"} {
		paths, err := filepath.Glob(filepath.Join(moduleDir, pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			p, err := plugin.LoadPulumiPluginJSON(path)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				continue
			case err != nil:
				return nil, fmt.Errorf("%s: %w", path, err)
			case !p.Resource:
				return nil, nil
			}
			return &pulumirpc.PackageDependency{Name: p.Name, Version: p.Version, Kind: "resource", Server: p.Server}, nil
		}
	}
	return nil, nil
}

func goTool(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, exit.Stderr)
	}
	return out, err
}
