package main

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// key is one key of a stack file, at any depth.
type key struct {
	path        string // such as storage.size; <name> stands for a map's keys, [] for a list's elements
	kind        string // what may be written, in Markdown
	value       string // the default, or what says it in words, in Markdown
	description string
	names       []reflect.Type // types that kind refers to by name
}

// keysOf lists every key of the objects in defaults, each object before its keys.
func keysOf(defaults reflect.Value, types typeDocs) ([]key, error) {
	w := walker{types: types}
	w.object("", defaults)
	if len(w.undocumented) > 0 {
		return nil, fmt.Errorf("no comment on %s", strings.Join(w.undocumented, ", "))
	}
	return w.keys, nil
}

type walker struct {
	types        typeDocs
	keys         []key
	undocumented []string
}

func (w *walker) object(path string, object reflect.Value) {
	for i := range object.NumField() {
		field := object.Type().Field(i)
		if field.Anonymous { // its keys are the object's own
			w.object(path, object.Field(i))
			continue
		}
		owner := object.Type().Name() + "." + field.Name
		comment, ok := w.types[owner]
		if !ok || comment == "" {
			w.undocumented = append(w.undocumented, owner)
		}
		name := field.Tag.Get("json")
		if path != "" {
			name = path + "." + name
		}
		w.key(name, comment, object.Field(i))
	}
}

func (w *walker) key(path, comment string, value reflect.Value) {
	k := key{path: path}
	k.kind = describe(value.Type(), &k.names)
	k.description, k.value = split(comment)
	if k.value == "" {
		k.value = code(written(value))
	}
	w.keys = append(w.keys, k)
	w.below(path, value)
}

// below lists the keys of the objects that value is, holds or may hold.
func (w *walker) below(path string, value reflect.Value) {
	t := value.Type()
	switch {
	case notationOf(t) != "":
	case t.Kind() == reflect.Struct:
		w.object(path, value)
	case t.Kind() == reflect.Pointer:
		w.below(path, reflect.Zero(t.Elem()))
	case t.Kind() == reflect.Slice:
		w.below(path+"[]", reflect.Zero(t.Elem()))
	case t.Kind() == reflect.Map:
		w.below(path+".<"+words(t.Key())+">", reflect.Zero(t.Elem()))
	}
}

// fewValues is how many values of a type are listed at each key that takes them.
const fewValues = 6

// describe says what may be written for a value of type t. Types whose values
// are described apart are added to names.
func describe(t reflect.Type, names *[]reflect.Type) string {
	named := func() string {
		*names = append(*names, t)
		return "[" + words(t) + "](#" + anchor(t) + ")"
	}
	if notationOf(t) != "" {
		return named()
	}
	if values := valuesOf(t); len(values) > fewValues {
		return named()
	} else if len(values) > 0 {
		return oneOf(values)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return describe(t.Elem(), names)
	case reflect.Slice:
		return "list of " + plural(describe(t.Elem(), names))
	case reflect.Map:
		if t.Elem().Kind() == reflect.Interface {
			return "native object"
		}
		return fmt.Sprintf("map of %s to %s", describe(t.Key(), names), describe(t.Elem(), names))
	case reflect.Struct:
		return "object"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "whole number"
	default:
		return t.Kind().String()
	}
}

// plural makes several of what describe said; alternatives stay as they are.
func plural(kind string) string {
	if link := strings.Index(kind, "](#"); link >= 0 {
		return kind[:link] + "s" + kind[link:]
	}
	if strings.HasPrefix(kind, "`") {
		return kind
	}
	return kind + "s"
}

func oneOf(values []string) string {
	last := len(values) - 1
	if last == 0 {
		return code(values[0])
	}
	return codes(values[:last]) + " or " + code(values[last])
}

func codes(values []string) string {
	quoted := make([]string, len(values))
	for i, value := range values {
		quoted[i] = code(value)
	}
	return strings.Join(quoted, ", ")
}

// words is the name of a type in lower case: feature flag for FeatureFlag.
func words(t reflect.Type) string {
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

func anchor(t reflect.Type) string {
	return strings.ReplaceAll(strings.ToLower(words(t)), " ", "-")
}

// split takes apart a comment: the description, and what its last sentence or
// clause says of a key that is not set.
func split(comment string) (description, unset string) {
	sentences := strings.Split(comment, ". ")
	last := sentences[len(sentences)-1]
	if rest, ok := strings.CutPrefix(last, "Required"); ok {
		return strings.TrimSpace(strings.TrimSuffix(comment, last)), "**required**" + strings.TrimSuffix(rest, ".")
	}
	if clause, ok := strings.CutSuffix(comment, " unless set."); ok {
		if i := strings.LastIndex(clause, "; "); i >= 0 {
			return clause[:i] + ".", clause[i+len("; "):]
		}
	}
	return comment, ""
}

// written is a default as in a stack file, "" for what is empty or left to the
// keys below.
func written(value reflect.Value) string {
	switch value.Kind() {
	case reflect.Bool, reflect.Int:
		return fmt.Sprint(value.Interface())
	case reflect.Struct:
		if notationOf(value.Type()) == "" {
			return ""
		}
	}
	node := plain(value)
	if node == nil {
		return ""
	}
	var root yaml.Node
	if err := root.Encode(node); err != nil {
		return ""
	}
	flow(&root)
	text, err := yaml.Marshal(&root)
	if err != nil {
		return ""
	}
	return strings.Join(strings.Fields(string(text)), " ")
}

// plain is value without what is empty in it, nil when nothing is left.
func plain(value reflect.Value) any {
	if _, secret := value.Interface().(config.Secret); secret {
		return nil
	}
	if text, ok := value.Interface().(encoding.TextMarshaler); ok && notationOf(value.Type()) != "" {
		b, err := text.MarshalText()
		if err != nil || len(b) == 0 {
			return nil
		}
		return string(b)
	}
	switch value.Kind() {
	case reflect.Pointer, reflect.Interface:
		if value.IsNil() {
			return nil
		}
		if set := plain(value.Elem()); set != nil || value.Elem().Kind() == reflect.Struct {
			return set
		}
		return value.Elem().Interface() // false or 0, said on purpose
	case reflect.Slice:
		var list []any
		for i := range value.Len() {
			list = append(list, plain(value.Index(i)))
		}
		if list == nil {
			return nil
		}
		return list
	case reflect.Map:
		object := map[string]any{}
		for _, name := range value.MapKeys() {
			object[name.String()] = plain(value.MapIndex(name))
		}
		if len(object) == 0 {
			return nil
		}
		return object
	case reflect.Struct:
		object := map[string]any{}
		fields(value, object)
		if len(object) == 0 {
			return nil
		}
		return object
	}
	if value.IsZero() {
		return nil
	}
	return value.Interface()
}

// fields adds what is not empty of an object.
func fields(value reflect.Value, object map[string]any) {
	for i := range value.NumField() {
		field := value.Type().Field(i)
		if field.Anonymous {
			fields(value.Field(i), object)
		} else if set := plain(value.Field(i)); set != nil {
			object[field.Tag.Get("json")] = set
		}
	}
}

// flow writes lists and objects on one line.
func flow(node *yaml.Node) {
	node.Style |= yaml.FlowStyle
	for _, child := range node.Content {
		flow(child)
	}
}
