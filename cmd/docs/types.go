package main

import (
	"encoding"
	"reflect"
)

// valuesOf lists what a string type with a closed set of values allows; nil for
// any other type.
func valuesOf(t reflect.Type) []string {
	if enum, ok := reflect.Zero(t).Interface().(interface{ Values() []string }); ok {
		return enum.Values()
	}
	return nil
}

// notationOf describes how a value of a type such as Duration is written as one
// string; "" for any other type.
func notationOf(t reflect.Type) string {
	if text, ok := reflect.New(t).Interface().(interface {
		encoding.TextUnmarshaler
		Allowed() string
	}); ok {
		return text.Allowed()
	}
	return ""
}
