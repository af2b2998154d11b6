package images

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/localcluster/build"
)

func TestBuildImage(t *testing.T) {
	from := filepath.Join(t.TempDir(), "server")
	require.NoError(t, os.WriteFile(from, []byte("program"), 0o600))
	r := recipe{
		layers: [][]entry{
			{{path: "etc/", mode: 0o755}, {path: "etc/passwd", text: "root", mode: 0o644}},
			append(program(from, "usr/bin/server"),
				entry{path: "data/", mode: 0o775, owner: nobody},
				entry{path: "usr/bin/alias", link: "server", mode: 0o777}),
		},
		user:       "nobody",
		entrypoint: []string{"/usr/bin/server"},
		cmd:        []string{"--flag"},
		workingDir: "/data",
	}
	image, err := r.build()
	require.NoError(t, err)

	file, err := image.ConfigFile()
	require.NoError(t, err)
	assert.Equal(t, "linux", file.OS)
	assert.Equal(t, runtime.GOARCH, file.Architecture)
	assert.Equal(t, "nobody", file.Config.User)
	assert.Equal(t, []string{"/usr/bin/server"}, file.Config.Entrypoint)
	assert.Equal(t, "/data", file.Config.WorkingDir)

	content := map[string]*tar.Header{}
	flat := mutate.Extract(image)
	defer flat.Close()
	archive := tar.NewReader(flat)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		content[header.Name] = header
	}
	assert.Contains(t, content, "usr")
	assert.EqualValues(t, 0o755, content["usr/bin/server"].Mode, "every user can run a program")
	assert.EqualValues(t, len("program"), content["usr/bin/server"].Size)
	assert.Equal(t, "server", content["usr/bin/alias"].Linkname)
	assert.Equal(t, nobody, content["data"].Uid)
	assert.EqualValues(t, len("root"), content["etc/passwd"].Size)
}

func TestDigestsDependOnContent(t *testing.T) {
	digest := func(text string) string {
		image, err := recipe{layers: [][]entry{{{path: "file", text: text, mode: 0o644}}}}.build()
		require.NoError(t, err)
		digest, err := image.Digest()
		require.NoError(t, err)
		return digest.String()
	}
	once := digest("same")
	assert.Equal(t, once, digest("same"))
	assert.NotEqual(t, digest("one"), digest("other"))
}

func TestBuildFailsWithoutTheProgram(t *testing.T) {
	_, err := recipe{layers: [][]entry{program("/no/such/program", "bin/server")}}.build()
	assert.ErrorContains(t, err, "/bin/server")
}

func TestBlueprintsMatchConfigAndPrograms(t *testing.T) {
	images := config.Images{}
	builder := &build.Builder{Modfile: "../binaries"}
	used := 0
	for image, b := range blueprints {
		if images.Ref(image) != "" {
			used++
		}
		if b.target != nil {
			_, err := builder.Version(*b.target)
			assert.NoError(t, err, image)
			assert.Equal(t, b.target.Names()[0], filepath.Base(b.at), "%s has its program under its own name", image)
		}
	}
	assert.GreaterOrEqual(t, used, 4, "config has these images")
}
