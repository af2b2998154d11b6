package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// FromPulumi builds the Config of a running stack from Pulumi's raw values,
// keyed project:key, each a string or JSON.
func FromPulumi(raw map[string]string) (*Config, error) {
	values := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		name, ours := strings.CutPrefix(key, Project+":")
		if !ours {
			continue
		}
		var value any
		if err := json.Unmarshal([]byte(raw[key]), &value); err != nil {
			value = raw[key] // a plain string; decoding says what is allowed
		}
		values[name] = value
	}
	return Decode(values)
}

// FromFile builds the Config of a stack file such as Pulumi.dev.yaml. Its
// encrypted secrets stay encrypted, so the Config describes the stack and can
// not deploy it.
func FromFile(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Config map[string]any `yaml:"config"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	values := map[string]any{}
	for key, value := range file.Config {
		if name, ours := strings.CutPrefix(key, Project+":"); ours {
			values[name] = value
		}
	}
	cfg, err := Decode(values)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return cfg, nil
}
