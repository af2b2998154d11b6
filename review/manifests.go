// Package review renders the objects of a stack as YAML, and describes in Markdown what
// a change of the program or of a stack's config does to the running system.
package review

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/offline"
)

// header is the first line of every manifest. It identifies files of an earlier run.
const header = "# Rendered by kubernetes-prometheus for the stack "

// Manifests returns the Kubernetes objects among the resources of a stack as
// YAML, by file name, such as monitoring/service-prometheus.yaml. Objects without a
// namespace are in 0-cluster, which sorts first, so that kubectl creates the
// namespace before its objects. Secrets are redacted.
func Manifests(stack string, resources []offline.Resource) (map[string][]byte, error) {
	manifests := map[string][]byte{}
	for _, r := range resources {
		if !isObject(r) {
			continue
		}
		inputs := r
		if r.Type == "kubernetes:core/v1:Secret" { // even if not marked as secret
			inputs.Secrets = append(slices.Clip(r.Secrets), "stringData", "data")
		}
		text := bytes.NewBufferString(header + stack + ".\n")
		encoder := yaml.NewEncoder(text)
		encoder.SetIndent(2)
		if err := encoder.Encode(native(resource.NewProperty(inputs.Redacted()))); err != nil {
			return nil, fmt.Errorf("%s: %w", r.Name, err)
		}
		o := objectOf(r)
		namespace := o.Namespace
		if namespace == "" {
			namespace = "0-cluster"
		}
		// Names of roles may contain colons, which not every file system allows.
		name := strings.ToLower(o.Kind) + "-" + strings.ReplaceAll(o.Name, ":", "-") + ".yaml"
		file := filepath.Join(namespace, name)
		if _, taken := manifests[file]; taken {
			return nil, fmt.Errorf("%s: another object is in %s", r.Name, file)
		}
		manifests[file] = text.Bytes()
	}
	return manifests, nil
}

// WriteManifests writes manifests to dir and removes the manifests of earlier runs. It
// returns an error, and writes nothing, if dir contains any other file.
func WriteManifests(dir string, manifests map[string][]byte) error {
	var old []string
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(text, []byte(header)) {
			return fmt.Errorf("%s is not a manifest of an earlier run; choose an empty directory", file)
		}
		old = append(old, file)
		return nil
	})
	if err != nil {
		return err
	}
	for _, file := range old {
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(manifests)) {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(file, manifests[name], 0o666); err != nil {
			return err
		}
	}
	return nil
}

// isObject reports whether a resource is a Kubernetes object, not a component or a
// provider.
func isObject(r offline.Resource) bool { return strings.HasPrefix(r.Type, "kubernetes:") }

// object identifies a Kubernetes object.
type object struct{ Kind, Namespace, Name string }

func objectOf(r offline.Resource) object {
	field := func(path ...any) string {
		if v, ok := resource.PropertyPath(path).Get(resource.NewProperty(r.Inputs)); ok && v.IsString() {
			return v.StringValue()
		}
		return ""
	}
	return object{
		Kind:      r.Type[strings.LastIndex(r.Type, ":")+1:],
		Namespace: field("metadata", "namespace"),
		Name:      field("metadata", "name"),
	}
}

func (o object) String() string {
	if o.Namespace == "" {
		return o.Kind + " " + o.Name
	}
	return o.Kind + " " + o.Namespace + "/" + o.Name
}

// native returns a value as plain Go types, without nulls. Whole numbers become
// integers, since Kubernetes rejects 1e+06 for one.
func native(value resource.PropertyValue) any {
	switch {
	case value.IsNumber():
		if n := value.NumberValue(); n == math.Trunc(n) && math.Abs(n) < 1<<53 {
			return int64(n)
		}
		return value.NumberValue()
	case value.IsArray():
		array := make([]any, len(value.ArrayValue()))
		for i, element := range value.ArrayValue() {
			array[i] = native(element)
		}
		return array
	case value.IsObject():
		object := map[string]any{}
		for key, element := range value.ObjectValue() {
			if !element.IsNull() {
				object[string(key)] = native(element)
			}
		}
		return object
	}
	return value.V
}
