package config

import "reflect"

// Values lists what a string type with a closed set of values allows, nil for
// any other type.
func Values(t reflect.Type) []string {
	if e, ok := reflect.Zero(t).Interface().(enum); ok {
		return e.values()
	}
	return nil
}

// Notation says how a value of a type such as Duration is written, as one
// string; "" for any other type.
func Notation(t reflect.Type) string {
	if value, ok := reflect.New(t).Interface().(text); ok {
		return value.allowed()
	}
	return ""
}
