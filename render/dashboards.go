package render

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
)

// dashboardDirectories returns the directories in grafana.dashboards.directories. The error is config.Problems with the
// path of each that cannot be read or has no dashboard.
func dashboardDirectories(cfg *config.Config) ([]dashboards.Directory, error) {
	var directories []dashboards.Directory
	var problems config.Problems
	for i, name := range cfg.Grafana.Dashboards.Directories {
		at, files := fmt.Sprintf("grafana.dashboards.directories[%d]", i), os.DirFS(config.ProjectPath(name))
		found, err := fs.Glob(files, "*.json")
		if err == nil {
			_, err = fs.ReadDir(files, ".")
		}
		var reason *fs.PathError
		switch {
		case errors.As(err, &reason):
			problems.Addf(at, "%q: %v; allowed: a directory with dashboards, absolute or relative to the project", name, reason.Err)
		case err != nil:
			problems.Addf(at, "%q: %v", name, err)
		case len(found) == 0:
			problems.Addf(at, "%q has no *.json file; allowed: a directory that has dashboards directly in it", name)
		}
		directories = append(directories, dashboards.Directory{Path: name, Files: files})
	}
	return directories, problems.Err()
}
