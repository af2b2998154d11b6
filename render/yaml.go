package render

import (
	"bytes"

	"go.yaml.in/yaml/v3"
)

// marshal returns value as YAML, indented by two spaces.
func marshal(value any) (string, error) {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(value); err != nil {
		return "", err
	}
	return out.String(), nil
}
