package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// GrafanaDashboards says where further dashboards come from, besides those of the program and of dashboards/custom.
type GrafanaDashboards struct {
	// Directories with dashboards as *.json files, absolute or relative to the project, such as
	// ../shop/dashboards. Each preview reads and checks them.
	Directories []string `json:"directories"`
}

// ProjectDirVariable names the environment variable with the directory of the project, from which paths lead that
// leave it; the working directory unless set. `make diff` sets it: it also runs the program of another commit, in a
// directory of its own.
const ProjectDirVariable = "KUBERNETES_PROMETHEUS_PROJECT_DIR"

// ProjectPath returns the path at which the program finds what a stack names by a path.
func ProjectPath(path string) string {
	if filepath.IsAbs(path) || filepath.IsLocal(path) {
		return path
	}
	return filepath.Join(os.Getenv(ProjectDirVariable), path)
}

// validate rejects paths that no directory has, and those that are there twice. Whether the directories exist shows
// when they are read.
func (d GrafanaDashboards) validate(at string) Problems {
	var p Problems
	for i, directory := range d.Directories {
		path := fmt.Sprintf("%s.directories[%d]", at, i)
		switch {
		case directory == "" || filepath.Clean(directory) != directory:
			p.Addf(path, "%q; allowed: a clean path, absolute or relative to the project", directory)
		case slices.Contains(d.Directories[:i], directory):
			p.Addf(path, "%q is named twice", directory)
		}
	}
	return p
}
