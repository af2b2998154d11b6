package main

import (
	"encoding"
	"reflect"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// plain returns a default as JSON or YAML has it, without what is empty in it;
// nil if nothing is left.
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
		return value.Elem().Interface() // false or 0 on purpose
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
		for _, key := range keysOf(value) {
			if set := plain(key.value); set != nil {
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
