package backup

import (
	"context"
	"fmt"
	"path"
	"path/filepath"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

func grafanaFile(dir string) string { return filepath.Join(dir, "grafana.db") }

// copyDatabase prints a database of SQLite as it is between two transactions: without a journal before and after, and
// the same all the time. It tries for a minute.
const copyDatabase = `set -eu
state() { stat -c '%s %Y' "$1"; ls "$1-journal" "$1-wal" 2>/dev/null || true; }
for attempt in 1 2 3 4 5 6 7 8 9 10 11 12; do
  before=$(state "$1")
  cp "$1" "$2"
  if [ ! -e "$1-journal" ] && [ ! -s "$1-wal" ] && cmp -s "$1" "$2" && [ "$before" = "$(state "$1")" ]; then
    cat "$2"
    rm "$2"
    exit 0
  fi
  sleep 5
done
rm "$2"
echo "$1 was written to all the time" >&2
exit 1`

// replaceDatabase replaces a database by what it reads. The program still has the old one open.
const replaceDatabase = `set -eu
cat > "$2"
mv "$2" "$1"
rm -f "$1-journal" "$1-wal" "$1-shm"`

// backupGrafana copies Grafana's database if it is on a volume.
func (s *Stack) backupGrafana(ctx context.Context, dir string) error {
	if server := s.databaseServer(); server != "" {
		s.Report("Grafana's database is left out: it is on %s, whose own tools copy it", server)
	}
	return s.onDatabase(ctx, func(pod, database, copied string) error {
		return s.save(ctx, grafanaFile(dir), pod, "sh", "-c", copyDatabase, "sh", database, copied)
	})
}

// restoreGrafana replaces Grafana's database, and has Grafana start again. It fails if the database of the backup
// is a file and that of the stack is on a server.
func (s *Stack) restoreGrafana(ctx context.Context, dir string) error {
	if server := s.databaseServer(); server != "" && s.exists(grafanaFile(dir)) {
		return fmt.Errorf("%s cannot be restored: the database is on %s", filepath.Base(grafanaFile(dir)), server)
	}
	return s.onDatabase(ctx, func(pod, database, copied string) error {
		if !s.exists(grafanaFile(dir)) {
			return nil
		}
		if err := s.load(ctx, grafanaFile(dir), pod, "sh", "-c", replaceDatabase, "sh", database, copied); err != nil {
			return err
		}
		s.Report("%s: its database; it starts again", pod)
		_, err := s.output(ctx, pod, "sh", "-c", "kill 1")
		return err
	})
}

// databaseServer returns the server with the database of a Grafana that the stack deploys; "" if it has none.
func (s *Stack) databaseServer() string {
	if grafana := s.Config.Grafana; grafana.Deployed() && grafana.Database != nil {
		return grafana.Database.Host
	}
	return ""
}

// onDatabase calls do with the pod, the path of its database and one beside it, if Grafana keeps it.
func (s *Stack) onDatabase(ctx context.Context, do func(pod, database, copied string) error) error {
	if grafana := s.Config.Grafana; !grafana.Runs() || !grafana.Persistence.Enabled {
		return nil
	}
	pods, err := s.pods.named(ctx, render.Grafana.Name)
	if err != nil {
		return err
	}
	database := path.Join(render.GrafanaDataDir, "grafana.db")
	return do(pods[0], database, database+".backup")
}
