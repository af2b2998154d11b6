package tests

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Schemas writes JSON schemas of the API of a Kubernetes version, such as v1.37.2, for kubeconform,
// and returns the value of its flag -schema-location. It makes them from the OpenAPI specification
// in the Go module of that version. They reject fields that the version does not have.
func Schemas(t testing.TB, version string) string {
	t.Helper()
	output, err := exec.Command("go", "mod", "download", "-json", "k8s.io/kubernetes@"+version).Output()
	require.NoError(t, err, "%s", output)
	var module struct{ Dir string }
	require.NoError(t, json.Unmarshal(output, &module))
	text, err := os.ReadFile(filepath.Join(module.Dir, "api", "openapi-spec", "swagger.json"))
	require.NoError(t, err)
	var specification struct {
		Definitions map[string]map[string]any `json:"definitions"`
	}
	require.NoError(t, json.Unmarshal(text, &specification))

	definitions := specification.Definitions
	for _, definition := range definitions {
		if _, open := definition["additionalProperties"]; definition["properties"] != nil && !open {
			definition["additionalProperties"] = false
		}
	}
	// OpenAPI 2 cannot express a value of either type.
	definitions["io.k8s.apimachinery.pkg.util.intstr.IntOrString"] = map[string]any{"type": []string{"string", "integer"}}
	definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"] = map[string]any{"type": []string{"string", "number"}}

	dir := t.TempDir()
	for name, definition := range definitions {
		kinds, _ := definition["x-kubernetes-group-version-kind"].([]any)
		if len(kinds) != 1 { // such as DeleteOptions, which belongs to every group
			continue
		}
		kind := kinds[0].(map[string]any)
		schema := maps.Clone(definition)
		schema["definitions"] = reachable(definitions, name)
		text, err := json.Marshal(schema)
		require.NoError(t, err)
		file := strings.ToLower(strings.Join([]string{kind["group"].(string), kind["version"].(string), kind["kind"].(string)}, "_")) + ".json"
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), text, 0o600))
	}
	return filepath.Join(dir, `{{if ne .Group .ResourceAPIVersion}}{{.Group}}{{end}}_{{.ResourceAPIVersion}}_{{.ResourceKind}}.json`)
}

// reachable returns the definitions that a definition refers to, directly or indirectly.
func reachable(definitions map[string]map[string]any, from string) map[string]any {
	found := map[string]any{}
	var visit func(value any)
	visit = func(value any) {
		switch value := value.(type) {
		case map[string]any:
			if ref, ok := value["$ref"].(string); ok {
				name := strings.TrimPrefix(ref, "#/definitions/")
				if _, seen := found[name]; !seen {
					found[name] = definitions[name]
					visit(definitions[name])
				}
			}
			for _, key := range slices.Sorted(maps.Keys(value)) {
				visit(value[key])
			}
		case []any:
			for _, element := range value {
				visit(element)
			}
		}
	}
	visit(definitions[from])
	return found
}
