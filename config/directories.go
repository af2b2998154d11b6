package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

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

// validateDirectories rejects paths that no directory has, and those that are there twice. Whether the directories
// exist shows when they are read.
func validateDirectories(at string, directories []string) Problems {
	var p Problems
	for i, directory := range directories {
		path := fmt.Sprintf("%s[%d]", at, i)
		switch {
		case directory == "" || filepath.Clean(directory) != directory:
			p.Addf(path, "%q; allowed: a clean path, absolute or relative to the project", directory)
		case slices.Contains(directories[:i], directory):
			p.Addf(path, "%q is named twice", directory)
		}
	}
	return p
}
