// Package broken is a corpus of mistakes as people make them in stack files and custom dashboards.
// Each must be rejected with the messages that the corpus gives.
//
// Each file is a theme with a list of cases. A case is a change to a committed stack, or a whole
// stack file.
package broken

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing/fstest"

	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// corpus contains the files of cases.
//
//go:embed *.yaml
var corpus embed.FS

// Case is one mistake.
type Case struct {
	Theme string `yaml:"-"`    // name of the file, without its extension
	Name  string `yaml:"name"` // unique in the theme
	// Stack is the committed stack that the case changes; empty for dev.
	Stack string `yaml:"stack"`
	// Set is merged into the values of the stack. Its keys do not have the project's prefix.
	Set map[string]any `yaml:"set"`
	// File is a whole stack file that replaces Stack and Set.
	File string `yaml:"file"`
	// Dashboards replace the files of dashboards/custom, by name; nil to keep them.
	Dashboards map[string]string `yaml:"dashboards"`
	// InFile is whether only `make check`, which reads the stack's file, can find the mistake:
	// Pulumi turns dates into strings, and does not pass on which values of a section were
	// encrypted.
	InFile bool `yaml:"inFile"`
	// Want lists every problem that must be reported, each as "path: message". A <n> stands for
	// an estimated number.
	Want []string `yaml:"want"`
}

// Cases returns the corpus in the order of its files. It fails on unknown fields, and on cases
// without a unique name.
func Cases() ([]Case, error) {
	files, err := fs.Glob(corpus, "*.yaml")
	if err != nil {
		return nil, err
	}
	var all []Case
	seen := map[string]bool{}
	for _, file := range files {
		text, err := corpus.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var cases []Case
		decoder := yaml.NewDecoder(strings.NewReader(string(text)))
		decoder.KnownFields(true)
		if err := decoder.Decode(&cases); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, c := range cases {
			c.Theme = strings.TrimSuffix(file, path.Ext(file))
			if c.Name == "" || seen[c.String()] {
				return nil, fmt.Errorf("%s: the case %q needs a unique name", file, c.Name)
			}
			seen[c.String()] = true
			all = append(all, c)
		}
	}
	return all, nil
}

// String returns the name of the case with its theme.
func (c Case) String() string { return c.Theme + "/" + c.Name }

// custom returns the case's dashboards as files in custom/; nil for those of dashboards/custom.
func (c Case) custom() fs.FS {
	if c.Dashboards == nil {
		return nil
	}
	files := fstest.MapFS{}
	for name, text := range c.Dashboards {
		files["custom/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

// StackFile returns the text of the case's stack file. read returns a committed one by name.
func (c Case) StackFile(read func(name string) ([]byte, error)) ([]byte, error) {
	if c.File != "" {
		return []byte(c.File), nil
	}
	stack := c.Stack
	if stack == "" {
		stack = "dev"
	}
	text, err := read("Pulumi." + stack + ".yaml")
	if err != nil {
		return nil, err
	}
	var file struct {
		Config map[string]any `yaml:"config"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	for _, change := range []map[string]any{secrets(stack), c.Set} {
		for key, value := range change {
			key = config.Project + ":" + key
			file.Config[key] = merge(file.Config[key], value)
		}
	}
	return yaml.Marshal(file)
}

// secrets returns the values of secrets that a stack requires and that its committed file lacks.
func secrets(stack string) map[string]any {
	encrypted := map[string]any{"secure": "AAABAJ"}
	values := map[string]any{"grafana": map[string]any{"adminPassword": encrypted}}
	if stack == "prod" {
		values["alerting"] = map[string]any{"slack": map[string]any{"webhookUrl": encrypted}}
	}
	return values
}

// merge merges value into onto if both are objects, in place, and otherwise returns value. A secret is not an object
// in this sense.
func merge(onto, value any) any {
	object, ok := value.(map[string]any)
	if !ok {
		return value
	}
	before, ok := onto.(map[string]any)
	if _, secret := before["secure"]; !ok || secret {
		return value
	}
	for key, change := range object {
		before[key] = merge(before[key], change)
	}
	return before
}

// Raw returns the values of a stack file as Pulumi passes them to the program, by key: strings as
// they are, everything else in JSON. secretKeys lists the keys whose values contain a secret.
func Raw(text []byte) (values map[string]string, secretKeys []string, err error) {
	var file struct {
		Config map[string]any `yaml:"config"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, nil, err
	}
	values = map[string]string{}
	for key, value := range file.Config {
		if s, ok := value.(string); ok {
			values[key] = s
			continue
		}
		inJSON, err := json.Marshal(value)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", key, err)
		}
		values[key] = string(inJSON)
		if strings.Contains(values[key], `"secure":`) {
			secretKeys = append(secretKeys, key)
		}
	}
	slices.Sort(secretKeys)
	return values, secretKeys, nil
}
