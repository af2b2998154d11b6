package config

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Transform changes objects of the stack in what no key of the config reaches.
type Transform struct {
	// API version of the objects, such as apps/v1. Required.
	APIVersion string `json:"apiVersion"`
	// Kind of the objects, such as StatefulSet. Required.
	Kind string `json:"kind"`
	// Name of the objects; * stands for any characters, ? for one. Required.
	Name string `json:"name"`
	// What changes, as for `kubectl patch`: a strategic merge patch, or a JSON merge patch where the kind is not one of
	// Kubernetes itself. https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/ Required.
	Patch map[string]any `json:"patch"`
}

// Matches reports whether the transform is for an object.
func (t Transform) Matches(apiVersion, kind, name string) bool {
	matched, err := path.Match(t.Name, name)
	return err == nil && matched && apiVersion == t.APIVersion && kind == t.Kind
}

func (t Transform) validate(at string) Problems {
	var p Problems
	for _, key := range []struct{ name, value, example string }{
		{"apiVersion", t.APIVersion, "apps/v1"}, {"kind", t.Kind, "StatefulSet"}, {"name", t.Name, "prometheus"},
	} {
		if key.value == "" {
			p.Addf(at+"."+key.name, "missing; allowed: that of an object of the stack, such as %s", key.example)
		}
	}
	if _, err := path.Match(t.Name, ""); err != nil {
		p.Addf(at+".name", "%q: %v; allowed: a name, in which * stands for any characters and ? for one", t.Name, err)
	}
	if len(t.Patch) == 0 {
		p.Addf(at+".patch", "missing; allowed: what changes in the objects, such as {spec: {minReadySeconds: 10}}")
	}
	for _, key := range slices.Sorted(maps.Keys(t.Patch)) {
		path := at + ".patch." + key
		switch {
		case slices.Contains([]string{"apiVersion", "kind", "status"}, key) || strings.HasPrefix(key, "$"):
			p.Addf(path, "cannot be changed; allowed: the other keys of the object")
		case slices.Contains([]string{"data", "stringData", "binaryData"}, key) && (t.Kind == "ConfigMap" || t.Kind == "Secret"):
			p.Addf(path, "is what the checks have proved to work, or a secret; allowed: metadata. Change files and secrets with the settings that they are made of")
		case key == "metadata":
			metadata, ok := t.Patch[key].(map[string]any)
			if !ok {
				p.Addf(path, "%s; allowed: an object with labels or annotations", describe(t.Patch[key]))
			}
			for _, field := range slices.Sorted(maps.Keys(metadata)) {
				if field != "labels" && field != "annotations" {
					p.Addf(path+"."+field, "cannot be changed, because others refer to the object by it, or the cluster sets it; allowed: labels, annotations")
				}
			}
		}
	}
	return p
}

func (c *Config) validateTransforms() Problems {
	var p Problems
	for i, transform := range c.Transforms {
		p.Add(transform.validate(fmt.Sprintf("transforms[%d]", i))...)
	}
	return p
}
