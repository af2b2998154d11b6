// Package images loads container images into the node's containerd. It pulls them if their
// registry answers, and otherwise builds them from Go modules.
package images

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// nobody is the user and group id that owns the data directories of the official images.
const nobody = 65534

// entry is one path in a layer: a directory, a file, or a symbolic link.
type entry struct {
	path  string // without a leading slash; of a directory with a final one
	from  string // path of the file to copy
	text  string // content of the file, without from
	link  string // target of the link
	mode  fs.FileMode
	owner int // user and group
}

// recipe describes how to build an image. Its fields are those of the image config.
type recipe struct {
	layers     [][]entry
	user       string
	entrypoint []string
	cmd        []string
	workingDir string
}

// build builds the image. Equal content results in equal digests.
func (r recipe) build() (v1.Image, error) {
	image := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	for _, entries := range r.layers {
		var archive bytes.Buffer
		if err := writeTar(&archive, entries); err != nil {
			return nil, err
		}
		// Not compressed, since it does not leave the machine.
		var err error
		image, err = mutate.AppendLayers(image, static.NewLayer(archive.Bytes(), types.OCIUncompressedLayer))
		if err != nil {
			return nil, err
		}
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", runtime.GOARCH
	file.Config = v1.Config{
		User:       r.user,
		Entrypoint: r.entrypoint,
		Cmd:        r.cmd,
		WorkingDir: r.workingDir,
		Env:        []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
	}
	return mutate.ConfigFile(image, file)
}

// writeTar writes the entries as a tar archive.
func writeTar(w io.Writer, entries []entry) error {
	archive := tar.NewWriter(w)
	for _, e := range entries {
		if err := e.write(archive); err != nil {
			return fmt.Errorf("/%s: %w", e.path, err)
		}
	}
	return archive.Close()
}

func (e entry) write(archive *tar.Writer) error {
	header := &tar.Header{
		Name:    e.path,
		Mode:    int64(e.mode),
		Uid:     e.owner,
		Gid:     e.owner,
		ModTime: time.Unix(0, 0),
		Format:  tar.FormatPAX,
	}
	var content io.Reader = strings.NewReader(e.text)
	switch {
	case strings.HasSuffix(e.path, "/"):
		header.Typeflag = tar.TypeDir
	case e.link != "":
		header.Typeflag, header.Linkname = tar.TypeSymlink, e.link
	case e.from != "":
		file, err := os.Open(e.from)
		if err != nil {
			return err
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			return err
		}
		header.Typeflag, header.Size = tar.TypeReg, info.Size()
		content = file
	default:
		header.Typeflag, header.Size = tar.TypeReg, int64(len(e.text))
	}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	if header.Typeflag != tar.TypeReg {
		return nil
	}
	_, err := io.Copy(archive, content)
	return err
}

// program returns a layer with a program, from a file on the machine, at a path.
func program(from, at string) []entry {
	var entries []entry
	for dir := path.Dir(at); dir != "."; dir = path.Dir(dir) {
		entries = append([]entry{{path: dir + "/", mode: 0o755}}, entries...)
	}
	return append(entries, entry{path: at, from: from, mode: 0o755})
}

// baseFiles returns the base layer of images with nothing but a static program.
func baseFiles() []entry {
	return []entry{
		{path: "etc/", mode: 0o755},
		{path: "etc/passwd", mode: 0o644, text: "root:x:0:0:root:/root:/sbin/nologin\n" +
			"nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n" +
			"nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"},
		{path: "etc/group", mode: 0o644, text: "root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n"},
		{path: "etc/nsswitch.conf", mode: 0o644, text: "hosts: files dns\n"},
		{path: "etc/ssl/", mode: 0o755},
		{path: "etc/ssl/certs/", mode: 0o755},
		{path: "etc/ssl/certs/ca-certificates.crt", from: "/etc/ssl/certs/ca-certificates.crt", mode: 0o644},
		{path: "tmp/", mode: 0o777 | 0o1000},
	}
}

// busyboxFiles returns the base layer of images with a shell. busybox is the path of a static
// busybox, and applets are the names of its programs.
func busyboxFiles(busybox string, applets []string) []entry {
	entries := append(baseFiles(),
		entry{path: "bin/", mode: 0o755},
		entry{path: "bin/busybox", from: busybox, mode: 0o755},
	)
	for _, applet := range applets {
		if applet != "busybox" {
			entries = append(entries, entry{path: filepath.Join("bin", applet), link: "busybox", mode: 0o777})
		}
	}
	return entries
}
