package render

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// directory returns a directory that a stack names at a config path, and the names, sorted, of the files in it that
// have one of the extensions and that wanted, if it is not nil, reports. It is a Problem if there are none; what says
// what they would be.
func directory(at, name, what string, wanted func(name string) bool, extensions ...string) (fs.FS, []string, config.Problems) {
	var problems config.Problems
	files := os.DirFS(config.ProjectPath(name))
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		problems.Addf(at, "%q: %v; allowed: a directory with %s, absolute or relative to the project", name, reason(err), what)
		return files, nil, problems
	}
	var found []string
	for _, entry := range entries {
		if slices.Contains(extensions, path.Ext(entry.Name())) && (wanted == nil || wanted(entry.Name())) {
			found = append(found, entry.Name())
		}
	}
	if len(found) == 0 {
		problems.Addf(at, "%q has no *%s file; allowed: a directory that has %s directly in it", name, strings.Join(extensions, " or *"), what)
	}
	return files, found, problems
}

// reason returns why a path cannot be read, without the path.
func reason(err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Err
	}
	return err
}
