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

// Resource is one resource that a program registered.
type Resource struct {
	// URN below the stack, such as TYPE$TYPE::NAME: what makes it the same
	// resource in the next version of the program.
	URN string
	// Aliases are URNs under which it is the same as well.
	Aliases []string
	Type    string // such as kubernetes:apps/v1:StatefulSet
	Name    string
	Parent  string // name of the parent resource
	Protect bool
	Depends []string // URNs
	Hooks   []string // before-update hooks
	Create  string   // timeout
	// Ignores are the paths whose changes the engine drops.
	Ignores []string
	// ReplaceOn are the paths whose changes replace the resource.
	ReplaceOn []string
	// ReplaceWith are the URNs of resources that are not replaced without it.
	ReplaceWith []string
	// DeleteBeforeReplace ends the old object before there is a new one.
	DeleteBeforeReplace bool
	// Inputs as plain values; Secrets says which of them, by path, are secret.
	Inputs  resource.PropertyMap
	Secrets []string
}

var keepSecrets = plugin.MarshalOptions{KeepSecrets: true, KeepResources: true, KeepUnknowns: true}

// Resources returns what a program registered with requests, by type and name.
// It refuses two of one type and name.
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

// belowStack is a URN without urn:pulumi:STACK::PROJECT::.
func belowStack(urn string) string {
	parts := strings.SplitN(urn, "::", 3)
	return parts[len(parts)-1]
}

// Redacted returns the inputs with every secret replaced.
func (r Resource) Redacted() resource.PropertyMap {
	inputs := resource.NewProperty(deepcopy.Copy(r.Inputs).(resource.PropertyMap))
	for _, secret := range r.Secrets {
		path, err := resource.ParsePropertyPath(secret)
		if err != nil {
			continue // not a path that reveal writes
		}
		if value, ok := path.Get(inputs); ok {
			inputs, _ = path.Add(inputs, redact(value))
		}
	}
	return inputs.ObjectValue()
}

// redact keeps the shape of a value and none of its texts and numbers.
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

// reveal strips secrets and outputs and notes the paths that were secret.
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
