package main

import (
	"encoding"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// valuesOf returns the allowed values of a string type with a closed set of them, or
// of a pointer to one; nil for any other type.
func valuesOf(t reflect.Type) []string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if enum, ok := reflect.Zero(t).Interface().(interface{ Values() []string }); ok {
		return enum.Values()
	}
	return nil
}

// notationOf describes the notation of a type that is written as one string, such
// as Duration; "" for any other type.
func notationOf(t reflect.Type) string {
	if text, ok := reflect.New(t).Interface().(interface {
		encoding.TextUnmarshaler
		Allowed() string
	}); ok {
		return text.Allowed()
	}
	return ""
}

// isObject reports whether values of type t are objects with declared keys.
func isObject(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && notationOf(t) == "" && !isNative(t)
}

// isNative reports whether t is a type of Kubernetes' API, its autoscaler's or the Gateway API, whose own
// reference describes its keys.
func isNative(t reflect.Type) bool {
	return slices.ContainsFunc([]string{"k8s.io/api/", "k8s.io/autoscaler/", "sigs.k8s.io/gateway-api/"}, func(module string) bool {
		return strings.HasPrefix(t.PkgPath(), module)
	})
}

// field is one key of an object, or an embedded object whose keys are the outer
// object's own.
type field struct {
	key   string // "" if embedded
	owner string // Type.Field, under which comments has its comment
	value reflect.Value
}

// fieldsOf returns the fields of an object that a stack can set.
func fieldsOf(object reflect.Value) []field {
	var fields []field
	for i := range object.NumField() {
		f := object.Type().Field(i)
		key := f.Tag.Get("json")
		if !f.Anonymous && (!f.IsExported() || key == "" || key == "-") {
			continue
		}
		if f.Anonymous {
			key = ""
		}
		fields = append(fields, field{key, object.Type().Name() + "." + f.Name, object.Field(i)})
	}
	return fields
}

// keysOf returns the keys of an object, including those of embedded objects.
func keysOf(object reflect.Value) []field {
	var keys []field
	for _, f := range fieldsOf(object) {
		if f.key == "" {
			keys = append(keys, keysOf(f.value)...)
		} else {
			keys = append(keys, f)
		}
	}
	return keys
}

// sharedTypes returns the types of objects that several types contain. The
// reference describes each of them once.
func sharedTypes(root reflect.Type) map[reflect.Type]bool {
	parents := map[reflect.Type]map[reflect.Type]bool{}
	var visit func(parent, t reflect.Type)
	visit = func(parent, t reflect.Type) {
		switch {
		case isObject(t):
			seen := parents[t] != nil
			if !seen {
				parents[t] = map[reflect.Type]bool{}
			}
			parents[t][parent] = true
			if seen {
				return
			}
			for _, f := range fieldsOf(reflect.Zero(t)) {
				visit(t, f.value.Type())
			}
		case notationOf(t) != "":
		case t.Kind() == reflect.Pointer, t.Kind() == reflect.Slice, t.Kind() == reflect.Map:
			visit(parent, t.Elem())
		}
	}
	visit(nil, root)
	shared := map[reflect.Type]bool{}
	for t, of := range parents {
		shared[t] = len(of) > 1
	}
	return shared
}

// typeName returns the name of a type in words: "feature flag" for FeatureFlag.
func typeName(t reflect.Type) string {
	if t.Name() == "string" {
		return "name"
	}
	var b strings.Builder
	runes := []rune(t.Name())
	for i, r := range runes {
		acronym := i+1 >= len(runes) || unicode.IsUpper(runes[i+1])
		if unicode.IsUpper(r) && !acronym {
			if i > 0 {
				b.WriteByte(' ')
			}
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// anchor returns the anchor of the heading typeName(t).
func anchor(t reflect.Type) string {
	return strings.ReplaceAll(strings.ToLower(typeName(t)), " ", "-")
}
