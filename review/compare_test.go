package review

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/offline"
)

var update = flag.Bool("update", false, "write the reports that the tests expect")

// Each file in testdata has the resources of a stack before and after a change;
// the report beside it is what a reviewer reads.
func TestCompare(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			before, after := versions(t, file)
			report, err := Compare("prod", before, after)
			require.NoError(t, err)
			golden := strings.TrimSuffix(file, ".yaml") + ".md"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(report.Markdown()), 0o666))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), report.Markdown())
		})
	}
}

func versions(t *testing.T, file string) (before, after []offline.Resource) {
	t.Helper()
	type described struct {
		Type, Name string
		Protect    bool
		Ignores    []string
		Secrets    []string
		Aliases    []string
		With       []string
		Inputs     map[string]any
	}
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var change struct{ Before, After []described }
	require.NoError(t, yaml.Unmarshal(text, &change))
	resources := func(all []described) []offline.Resource {
		var resources []offline.Resource
		for _, d := range all {
			resources = append(resources, offline.Resource{
				URN: d.Type + "::" + d.Name, Type: d.Type, Name: d.Name, Protect: d.Protect, Ignores: d.Ignores,
				Secrets: d.Secrets, Aliases: d.Aliases, ReplaceWith: d.With, Inputs: resource.NewPropertyMapFromMap(d.Inputs),
			})
		}
		return resources
	}
	return resources(change.Before), resources(change.After)
}
