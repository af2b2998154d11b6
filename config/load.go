package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// FromPulumi returns the Config of a running stack from Pulumi's raw values,
// keyed project:key, each a plain string or JSON. secretKeys names the keys that
// hold an encrypted value: a secret below any other key is rejected, and so is an
// encrypted value below a key without secrets. The error is Problems.
func FromPulumi(raw map[string]string, secretKeys []string) (*Config, error) {
	values := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		name, ours := strings.CutPrefix(key, Project+":")
		if !ours {
			continue
		}
		var value any
		if err := json.Unmarshal([]byte(raw[key]), &value); err != nil {
			value = raw[key] // a plain string; decoding reports what is allowed
		}
		values[name] = value
	}
	cfg, problems := load(values, func(path string) bool {
		top, _, _ := strings.Cut(path, ".")
		return !slices.Contains(secretKeys, Project+":"+top)
	})
	problems.Add(misspeltProjects(slices.Sorted(maps.Keys(raw)))...)
	for _, key := range secretKeys {
		name, ours := strings.CutPrefix(key, Project+":")
		if field, known := fieldByKey(reflect.ValueOf(cfg).Elem(), name); ours && known && !holdsSecrets(field.Type()) {
			problems.Add(notSecret(name)) // or a value below it: Pulumi does not say which
		}
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return cfg, nil
}

// FromStack does what FromPulumi does, and rejects what is encrypted in the stack's file at path where no secret may be.
// A running stack has all values decrypted, and Pulumi does not say which of those below a key were not. A stack may
// have its config elsewhere, and then no such file.
func FromStack(path string, raw map[string]string, secretKeys []string) (*Config, error) {
	cfg, err := FromPulumi(raw, secretKeys)
	var problems Problems
	if err != nil && !errors.As(err, &problems) {
		return nil, err
	}
	_, ofFile, _ := loadFile(path)
	encrypted := slices.DeleteFunc(ofFile, func(p Problem) bool { return !p.notSecret })
	problems = slices.DeleteFunc(problems, func(p Problem) bool { // which the file tells more exactly
		return p.notSecret && slices.ContainsFunc(encrypted, func(e Problem) bool { return inside(e.Path, p.Path) })
	})
	problems.Add(encrypted...)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return cfg, nil
}

// FromFile returns the Config of a stack file such as Pulumi.dev.yaml. Its
// secrets stay encrypted and may be missing, so the Config describes the stack
// but cannot deploy it. The error names the file, and wraps Problems if it has any.
func FromFile(path string) (*Config, error) {
	cfg, problems, err := loadFile(path)
	if err != nil {
		return nil, err
	}
	problems = slices.DeleteFunc(problems, func(p Problem) bool { return p.missingSecret })
	if len(problems) > 0 {
		return nil, fmt.Errorf("%s: %w", path, problems.sorted())
	}
	return cfg, nil
}

// MissingSecrets returns the config paths of the required secrets that a stack
// file does not set.
func MissingSecrets(path string) ([]string, error) {
	_, problems, err := loadFile(path)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, p := range problems {
		if p.missingSecret {
			paths = append(paths, p.Path)
		}
	}
	return paths, nil
}

// stackFile is what a stack file says.
type stackFile struct {
	Config      map[string]any `yaml:"config"`
	Environment any            `yaml:"environment"`
	Others      map[string]any `yaml:",inline"`
}

// readStackFile reads a stack file. The error is about one that cannot be read or is not YAML.
func readStackFile(path string) (stackFile, error) {
	var file stackFile
	text, err := os.ReadFile(path)
	if err != nil {
		return file, err
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return file, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

// merged returns the values of the file by their full keys, with those of its environment as far as they are in the file,
// the environment, and the config paths of what that computes.
func (f stackFile) merged() (values map[string]any, e environment, computed []string, problems Problems) {
	e, problems = decodeEnvironment(f.Environment)
	values, computed = e.merge(f.Config)
	e.nameCluster(values, computed)
	return values, e, computed, problems
}

// FileValues returns the values of a stack file by their full keys, with those of its environment as far as they are
// in the file. A cluster whose name is not is called unknown.
func FileValues(path string) (map[string]any, error) {
	file, err := readStackFile(path)
	if err != nil {
		return nil, err
	}
	values, _, _, _ := file.merged()
	return values, nil
}

// loadFile loads a stack file. The error is about a file that cannot be read or is not YAML.
func loadFile(path string) (*Config, Problems, error) {
	file, err := readStackFile(path)
	if err != nil {
		return nil, nil, err
	}
	all, environment, computed, problems := file.merged()
	values := map[string]any{}
	for key, value := range all {
		if name, ours := strings.CutPrefix(key, Project+":"); ours {
			values[name] = value
		}
	}
	cfg, more := load(values, func(string) bool { return true })
	for _, problem := range more {
		if !problem.missing() || problem.missingSecret || !environment.mayHave(problem.Path, computed) {
			problems.Add(problem)
		} else if address, ok := cfg.requiredURLs()[problem.Path]; ok {
			*address = &URL{"https://unknown.example.com"} // without which nothing is rendered
		}
	}
	cfg.elsewhere = cfg.Cluster.unconnected() && slices.ContainsFunc(waysToCluster, func(way wayToCluster) bool { return environment.mayHave(way.path, computed) })
	cfg.unread = environment.unread(computed)
	for _, key := range slices.Sorted(maps.Keys(file.Config)) {
		if !strings.Contains(key, ":") {
			problems.Addf(key, "has no project prefix; write %s:%s", Project, key)
		}
	}
	problems.Add(misspeltProjects(slices.Sorted(maps.Keys(all)))...)
	for _, key := range slices.Sorted(maps.Keys(file.Others)) {
		if !slices.Contains(pulumiKeys, key) {
			problems.Add(UnknownName(key, key, append([]string{"config"}, pulumiKeys...)))
		}
	}
	return cfg, problems, nil
}

// pulumiKeys lists the keys of a stack file other than config:
// https://www.pulumi.com/docs/iac/concepts/projects/stack-settings-file/
var pulumiKeys = []string{"secretsprovider", "encryptedkey", "encryptionsalt", "environment"}

// misspeltProjects reports keys whose project is a likely typo of this one, so that
// no program reads them.
func misspeltProjects(keys []string) Problems {
	var p Problems
	for _, key := range keys {
		project, name, found := strings.Cut(key, ":")
		if _, near := Nearest(project, []string{Project}); found && near && project != Project {
			p.Addf(key, "unknown project %q; did you mean %s:%s?", project, Project, name)
		}
	}
	return p
}
