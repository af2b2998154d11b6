package main

import (
	"encoding"
	"reflect"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// nonEmpty returns a default as a value for JSON or YAML, without the keys that are
// empty; nil if nothing is left. It never returns a secret.
func nonEmpty(value reflect.Value) any {
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
		if set := nonEmpty(value.Elem()); set != nil || value.Elem().Kind() == reflect.Struct {
			return set
		}
		return value.Elem().Interface() // false or 0 on purpose
	case reflect.Slice:
		var list []any
		for i := range value.Len() {
			list = append(list, nonEmpty(value.Index(i)))
		}
		if list == nil {
			return nil
		}
		return list
	case reflect.Map:
		object := map[string]any{}
		for _, name := range value.MapKeys() {
			object[name.String()] = nonEmpty(value.MapIndex(name))
		}
		if len(object) == 0 {
			return nil
		}
		return object
	case reflect.Struct:
		object := map[string]any{}
		for _, key := range keysOf(value) {
			if set := nonEmpty(key.value); set != nil {
				object[key.key] = set
			}
		}
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
