package images

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// builtLabel marks images that were built here, not pulled.
const builtLabel = "localcluster=built"

// Containerd is the path of the socket of the node's containerd.
type Containerd string

// stored is an image in containerd.
type stored struct {
	digest string
	built  bool
}

// list returns the images in containerd by name.
func (c Containerd) list(ctx context.Context) (map[string]stored, error) {
	output, err := c.ctr(ctx, nil, "list")
	if err != nil {
		return nil, err
	}
	images := map[string]stored{}
	lines := bufio.NewScanner(bytes.NewReader(output))
	lines.Scan() // column headings
	for lines.Scan() {
		// REF TYPE DIGEST SIZE PLATFORMS LABELS
		fields := strings.Fields(lines.Text())
		if len(fields) < 3 {
			return nil, fmt.Errorf("ctr images list: unexpected line %q", lines.Text())
		}
		images[fields[0]] = stored{digest: fields[2], built: strings.Contains(lines.Text(), builtLabel)}
	}
	return images, lines.Err()
}

// load stores an image under a name; built marks it as built here.
func (c Containerd) load(ctx context.Context, name string, image v1.Image, built bool) error {
	dir, err := os.MkdirTemp("", "localcluster-image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	annotations := layout.WithAnnotations(map[string]string{"io.containerd.image.name": name})
	if err := path.AppendImage(image, annotations); err != nil {
		return err
	}

	archive, feed, err := os.Pipe()
	if err != nil {
		return err
	}
	written := make(chan error, 1)
	go func() {
		writer := tar.NewWriter(feed)
		written <- errors.Join(writer.AddFS(os.DirFS(dir)), writer.Close(), feed.Close())
	}()
	_, err = c.ctr(ctx, archive, "import", "-")
	archive.Close() // unblocks the writer if the import failed
	if err := errors.Join(err, <-written); err != nil {
		return err
	}
	if built {
		_, err = c.ctr(ctx, nil, "label", name, builtLabel)
	}
	return err
}

func (c Containerd) ctr(ctx context.Context, stdin *os.File, args ...string) ([]byte, error) {
	args = append([]string{"--address=" + string(c), "--namespace=k8s.io", "images"}, args...)
	cmd := exec.CommandContext(ctx, "ctr", args...)
	if stdin != nil {
		cmd.Stdin = stdin
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return output, nil
}
