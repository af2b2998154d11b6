package node

import (
	"encoding/json"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func TestFilesParse(t *testing.T) {
	kubelet, err := fs.ReadFile(files, "files/kubelet.yaml")
	require.NoError(t, err)
	var config map[string]any
	require.NoError(t, yaml.UnmarshalStrict(kubelet, &config))
	assert.Equal(t, "KubeletConfiguration", config["kind"])

	network, err := fs.ReadFile(files, "files/10-bridge.conflist")
	require.NoError(t, err)
	assert.True(t, json.Valid(network))

	manifest := os.Expand(coreDNSManifest, func(string) string { return "localhost/coredns:v1" })
	for document := range strings.SplitSeq(manifest, "\n---\n") {
		var object unstructured.Unstructured
		require.NoError(t, yaml.UnmarshalStrict([]byte(document), &object.Object))
		assert.NotEmpty(t, object.GetKind())
		assert.NotEmpty(t, object.GetName())
	}
	assert.Contains(t, manifest, "image: localhost/coredns:v1\n")
}

func TestPartsHaveDistinctNames(t *testing.T) {
	names := map[string]bool{}
	for _, part := range parts("/group") {
		assert.False(t, names[part.name], part.name)
		names[part.name] = true
	}
}

func TestCgroupsOfTwoNodesDiffer(t *testing.T) {
	assert.NotEqual(t, Dir{State: "/a/.local"}.cgroup(), Dir{State: "/b/.local"}.cgroup())
}
