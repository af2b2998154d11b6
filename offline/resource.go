package offline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/deepcopy"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// Resource is a resource that a program registered.
type Resource struct {
	// URN is the part after the stack and project, such as TYPE$TYPE::NAME. It identifies
	// the resource in the next version of the program.
	URN string
	// Aliases lists earlier URNs.
	Aliases []string
	Type    string // such as kubernetes:apps/v1:StatefulSet
	Name    string
	Parent  string // name of the parent resource
	Protect bool
	Depends []string // URNs
	Hooks   []string // before-update hooks
	Create  string   // timeout, such as 10m
	// Ignores lists the paths whose changes the engine ignores.
	Ignores []string
	// ReplaceOn lists the paths whose changes replace the resource.
	ReplaceOn []string
	// ReplaceWith lists the URNs of resources whose replacement replaces this one too.
	ReplaceWith []string
	// DeleteBeforeReplace deletes the old object before the new one is created.
	DeleteBeforeReplace bool
	// Inputs are plain values; Secrets lists the paths of those that are secret.
	Inputs  resource.PropertyMap
	Secrets []string
}

var keepSecrets = plugin.MarshalOptions{KeepSecrets: true, KeepResources: true, KeepUnknowns: true}

// Resources returns the resources of requests, sorted by type and name. It returns an error
// if two have the same type and name.
func Resources(requests []*pulumirpc.RegisterResourceRequest) ([]Resource, error) {
	seen := map[string]bool{}
	var resources []Resource
	for _, in := range requests {
		id := in.Type + " " + in.Name
		if seen[id] {
			return nil, fmt.Errorf("registered twice: %s", id)
		}
		seen[id] = true
		inputs, err := plugin.UnmarshalProperties(in.Object, keepSecrets)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
		r := Resource{
			URN:       qualified(in) + "::" + in.Name,
			Type:      in.Type,
			Name:      in.Name,
			Parent:    in.Parent[strings.LastIndex(in.Parent, ":")+1:],
			Protect:   in.GetProtect(),
			Depends:   in.Dependencies,
			Hooks:     in.GetHooks().GetBeforeUpdate(),
			Create:    in.GetCustomTimeouts().GetCreate(),
			Ignores:   in.IgnoreChanges,
			ReplaceOn: in.ReplaceOnChanges,

			DeleteBeforeReplace: in.GetDeleteBeforeReplace(),
		}
		for _, urn := range in.AliasURNs {
			r.Aliases = append(r.Aliases, belowStack(urn))
		}
		for _, urn := range in.ReplaceWith {
			r.ReplaceWith = append(r.ReplaceWith, belowStack(urn))
		}
		r.Inputs = reveal(resource.NewProperty(inputs), nil, &r.Secrets).ObjectValue()
		resources = append(resources, r)
	}
	slices.SortFunc(resources, func(a, b Resource) int {
		return cmp.Or(strings.Compare(a.Type, b.Type), strings.Compare(a.Name, b.Name))
	})
	return resources, nil
}

// belowStack returns a URN without urn:pulumi:STACK::PROJECT::.
func belowStack(urn string) string {
	parts := strings.SplitN(urn, "::", 3)
	return parts[len(parts)-1]
}

// Redacted returns a copy of the inputs in which "[secret]" replaces every secret.
func (r Resource) Redacted() resource.PropertyMap {
	inputs := resource.NewProperty(deepcopy.Copy(r.Inputs).(resource.PropertyMap))
	for _, secret := range r.Secrets {
		path, err := resource.ParsePropertyPath(secret)
		if err != nil {
			continue // reveal writes no such path
		}
		if value, ok := path.Get(inputs); ok {
			inputs, _ = path.Add(inputs, redact(value))
		}
	}
	return inputs.ObjectValue()
}

// redact returns a value in which "[secret]" replaces every value that is not an array or
// an object.
func redact(value resource.PropertyValue) resource.PropertyValue {
	switch {
	case value.IsArray():
		array := make([]resource.PropertyValue, len(value.ArrayValue()))
		for i, element := range value.ArrayValue() {
			array[i] = redact(element)
		}
		return resource.NewProperty(array)
	case value.IsObject():
		object := resource.PropertyMap{}
		for key, element := range value.ObjectValue() {
			object[key] = redact(element)
		}
		return resource.NewProperty(object)
	}
	return resource.NewProperty("[secret]")
}

// reveal returns a value without marks of secrets and outputs, and appends the paths that
// were secret to secrets.
func reveal(value resource.PropertyValue, path resource.PropertyPath, secrets *[]string) resource.PropertyValue {
	switch {
	case value.IsSecret():
		*secrets = append(*secrets, path.String())
		return reveal(value.SecretValue().Element, path, secrets)
	case value.IsOutput():
		return reveal(value.OutputValue().Element, path, secrets)
	case value.IsArray():
		array := make([]resource.PropertyValue, len(value.ArrayValue()))
		for i, element := range value.ArrayValue() {
			array[i] = reveal(element, append(slices.Clip(path), i), secrets)
		}
		return resource.NewProperty(array)
	case value.IsObject():
		object := resource.PropertyMap{}
		for key, element := range value.ObjectValue() {
			object[key] = reveal(element, append(slices.Clip(path), string(key)), secrets)
		}
		return resource.NewProperty(object)
	}
	return value
}
