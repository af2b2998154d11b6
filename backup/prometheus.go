package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// linkBlocks links the blocks of a server into a directory, from where they can be copied while the server deletes or
// compacts them. A block is complete once it has its name, an ULID.
const linkBlocks = `set -eu
cd "$1"
rm -rf "$2"
mkdir "$2"
for block in 01*; do
  [ -d "$block" ] || continue
  cp -rl "$block" "$2/"
done`

// addBlocks unpacks blocks beside those of a server and gives each its name in one step, unless the server has it.
const addBlocks = `set -eu
cd "$1"
rm -rf "$2"
mkdir "$2"
tar -x -f - -C "$2"
for block in "$2"/01*; do
  [ -d "$block" ] || continue
  [ -e "${block##*/}" ] || mv "$block" .
done
rm -rf "$2"`

// countBlocks prints how many blocks a server has on disk.
const countBlocks = `cd "$1"; ls -d 01* 2>/dev/null | wc -l`

// scratch is the directory, beside the blocks, in which they are linked and unpacked.
const scratch = "backup.tmp"

func prometheusFile(dir string) string { return filepath.Join(dir, "prometheus.tar") }

// keepsSamples reports whether the samples of the servers are nowhere else, and says so if they are. There are no
// shards then.
func (s *Stack) keepsSamples() bool {
	switch {
	case !s.Config.EvaluatesRules():
		return false
	case s.Config.LongTermStorage.Enabled:
		s.Report("a backup has no samples with longTermStorage, whose object store has them, except the newest and those from before it was switched on")
		return false
	}
	return true
}

// backupPrometheus copies the blocks of the first replica: with the admin API, of all samples; otherwise those that
// are complete, which lack the newest two to three hours.
func (s *Stack) backupPrometheus(ctx context.Context, dir string) error {
	if !s.keepsSamples() {
		return nil
	}
	return s.copyBlocks(ctx, render.Prometheus.Name+"-0", prometheusFile(dir))
}

func (s *Stack) copyBlocks(ctx context.Context, pod, file string) (err error) {
	blocks := path.Join(render.PrometheusDataDir, scratch)
	if s.Config.Prometheus.ExtraArgs["web.enable-admin-api"] == "true" {
		if blocks, err = s.snapshot(ctx, pod); err != nil {
			return err
		}
	} else {
		s.Report("%s: without prometheus.extraArgs.web.enable-admin-api: \"true\", the samples of the last hours, which are in no block yet, are left out", pod)
		if _, err := s.output(ctx, pod, "sh", "-c", linkBlocks, "sh", render.PrometheusDataDir, scratch); err != nil {
			return err
		}
	}
	defer func() {
		_, removed := s.output(context.WithoutCancel(ctx), pod, "rm", "-rf", blocks)
		err = errors.Join(err, removed)
	}()
	return s.save(ctx, file, pod, "tar", "-c", "-f", "-", "-C", blocks, ".")
}

// snapshot has a server write a snapshot, and returns its directory:
// https://prometheus.io/docs/prometheus/latest/querying/api/#snapshot
func (s *Stack) snapshot(ctx context.Context, pod string) (dir string, err error) {
	text, err := s.post(ctx, pod, render.Prometheus, "/api/v1/admin/tsdb/snapshot", "")
	if err != nil {
		return "", err
	}
	var answer struct {
		Data struct {
			Name string `json:"name"`
		} `json:"data"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Data.Name == "" {
		return "", fmt.Errorf("the answer to a snapshot is %q", text)
	}
	return path.Join(render.PrometheusDataDir, "snapshots", answer.Data.Name), nil
}

// restorePrometheus adds the blocks to those of every replica, and waits until each has loaded them.
func (s *Stack) restorePrometheus(ctx context.Context, dir string) error {
	if !s.keepsSamples() || !s.exists(prometheusFile(dir)) {
		return nil
	}
	for replica := range s.Config.Prometheus.Replicas {
		pod := fmt.Sprintf("%s-%d", render.Prometheus.Name, replica)
		if err := s.load(ctx, prometheusFile(dir), pod, "sh", "-c", addBlocks, "sh", render.PrometheusDataDir, scratch); err != nil {
			return err
		}
		if err := s.blocksLoaded(ctx, pod); err != nil {
			return err
		}
	}
	return nil
}

// loadTimeout is how long a server may take to load blocks, which it looks for every minute.
const loadTimeout = 5 * time.Minute

// blocksLoaded waits until a server has loaded all blocks that are on its disk.
func (s *Stack) blocksLoaded(ctx context.Context, pod string) error {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	for {
		onDisk, err := s.output(ctx, pod, "sh", "-c", countBlocks, "sh", render.PrometheusDataDir)
		if err != nil {
			return err
		}
		exposed, err := s.get(ctx, pod, render.Prometheus, "/metrics")
		if err != nil {
			return err
		}
		want, err := strconv.Atoi(strings.TrimSpace(onDisk))
		if err != nil {
			return err
		}
		if loaded, ok := gauge(exposed, "prometheus_tsdb_blocks_loaded"); ok && int(loaded) >= want {
			s.Report("%s: %d blocks", pod, want)
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s has not loaded its %d blocks after %s", pod, want, loadTimeout)
		case <-time.After(5 * time.Second):
		}
	}
}

// gauge returns the value of a metric without labels in the text format.
func gauge(text, name string) (float64, bool) {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			number, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return number, err == nil
		}
	}
	return 0, false
}
