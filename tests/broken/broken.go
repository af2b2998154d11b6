// Package broken is a corpus of mistakes: stack files, and files that a stack
// has beside its own, that have to be refused with the message beside them.
//
// Each file is a theme, a list of cases. A case is a change to a committed
// stack, or a whole stack file, as people get it wrong.
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

//go:embed *.yaml
var corpus embed.FS

// Case is one mistake.
type Case struct {
	Theme string `yaml:"-"` // name of the file
	Name  string `yaml:"name"`
	// Stack is the committed stack that the case changes; dev unless set.
	Stack string `yaml:"stack"`
	// Set is merged onto the values of the stack, without the project's prefix.
	Set map[string]any `yaml:"set"`
	// File is a whole stack file instead.
	File string `yaml:"file"`
	// Dashboards are files of dashboards/custom, by name.
	Dashboards map[string]string `yaml:"dashboards"`
	// InFile tells that only the stack's file shows the mistake, to `make check`:
	// Pulumi makes texts of dates, and does not say which values of a section it
	// has decrypted.
	InFile bool `yaml:"inFile"`
	// Want is every problem that is reported, each as "path: message".
	Want []string `yaml:"want"`
}

// Cases returns the corpus in the order of its files. Their names are unique.
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
				return nil, fmt.Errorf("%s: a case named %q has no name of its own", file, c.Name)
			}
			seen[c.String()] = true
			all = append(all, c)
		}
	}
	return all, nil
}

func (c Case) String() string { return c.Theme + "/" + c.Name }

// custom are the case's dashboards in place of those of dashboards/custom.
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

// StackFile is the text of the case's stack file. read returns a committed one.
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

// secrets are those that a stack has to have and its committed file lacks.
func secrets(stack string) map[string]any {
	encrypted := map[string]any{"secure": "AAABAJ"}
	values := map[string]any{"grafana": map[string]any{"adminPassword": encrypted}}
	if stack == "prod" {
		values["alerting"] = map[string]any{"slack": map[string]any{"webhookUrl": encrypted}}
	}
	return values
}

// merge puts objects into each other; any other value replaces.
func merge(onto, value any) any {
	object, ok := value.(map[string]any)
	if !ok {
		return value
	}
	before, ok := onto.(map[string]any)
	if !ok {
		return value
	}
	for key, change := range object {
		before[key] = merge(before[key], change)
	}
	return before
}

// Raw are the values of a stack file as Pulumi hands them to the program: by
// key, strings or JSON, and the keys of those that have a secret in them.
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
