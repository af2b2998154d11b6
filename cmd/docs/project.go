package main

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// declaration is a key of a Pulumi project:
// https://www.pulumi.com/docs/iac/concepts/projects/project-file/#config-options
type declaration struct {
	Type        string `yaml:"type"`
	Items       any    `yaml:"items,omitempty"` // what a list has
	Default     any    `yaml:"default"`         // lets a stack leave it out
	Description string `yaml:"description"`
}

// declare returns the declaration of a key with values of a type.
func declare(t reflect.Type, description string) declaration {
	if t.Kind() == reflect.Slice {
		return declaration{Type: "array", Items: map[string]string{"type": "object"}, Default: []any{}, Description: description}
	}
	return declaration{Type: "object", Default: map[string]any{}, Description: description}
}

// writeProject replaces the declarations of this program's keys in Pulumi.yaml.
func writeProject(old []byte, src source) ([]byte, error) {
	var file yaml.Node
	if err := yaml.Unmarshal(old, &file); err != nil {
		return nil, err
	}
	if len(file.Content) == 0 {
		return nil, errors.New("is empty")
	}
	declared := lookup(file.Content[0], "config")
	if declared == nil || declared.Kind != yaml.MappingNode {
		return nil, errors.New("config is missing or not an object")
	}
	for i := 0; i < len(declared.Content); i += 2 {
		if strings.HasPrefix(declared.Content[i].Value, config.Project+":") {
			declared.Content = slices.Delete(declared.Content, i, i+2)
			i -= 2
		}
	}
	for _, section := range keysOf(src.defaults) {
		var name, value yaml.Node
		if err := errors.Join(
			name.Encode(config.Project+":"+section.key),
			value.Encode(declare(section.value.Type(), src.comments[section.owner])),
		); err != nil {
			return nil, err
		}
		declared.Content = append(declared.Content, &name, &value)
	}
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(&file); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// lookup returns the value of key in a mapping; nil if the key is not there.
func lookup(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}
