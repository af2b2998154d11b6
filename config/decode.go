package config

import (
	"encoding"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/agnivade/levenshtein"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// enum is a string type with a closed set of values.
type enum interface {
	// Values lists the allowed values.
	Values() []string
}

// text is a value written as one string, such as a duration or a size.
type text interface {
	encoding.TextUnmarshaler
	// Allowed describes the notation, for error messages.
	Allowed() string
}

// decode merges values onto cfg and reports every unknown key, wrong type and
// unparsable value with its path. isPlaintext reports whether the secret at a path is in
// plain text.
func decode(values map[string]any, isPlaintext func(path string) bool, cfg *Config) Problems {
	d := decoder{isPlaintext: isPlaintext}
	d.into("", values, reflect.ValueOf(cfg).Elem())
	return d.problems
}

// decoder decodes YAML or JSON values onto Go values, and collects problems.
type decoder struct {
	isPlaintext func(path string) bool
	problems    Problems
}

// into decodes in, the value at path, onto out.
func (d *decoder) into(path string, in any, out reflect.Value) {
	if in == nil { // `key:` without a value keeps the default
		return
	}
	if _, secret := out.Addr().Interface().(*Secret); isEncrypted(in) && !secret && out.Kind() != reflect.Pointer {
		d.problems.Add(notSecret(path))
		return
	}
	if t, ok := out.Addr().Interface().(text); ok {
		d.text(path, in, t)
		return
	}
	switch value := out.Addr().Interface().(type) { // of Kubernetes, each with a notation of its own
	case *resource.Quantity:
		d.quantity(path, in, value)
		return
	case *intstr.IntOrString:
		d.intOrString(path, in, value)
		return
	}
	switch out.Kind() {
	case reflect.Pointer:
		value := reflect.New(out.Type().Elem())
		d.into(path, in, value.Elem())
		out.Set(value)
	case reflect.Struct:
		d.object(path, in, out)
	case reflect.Map:
		d.mapping(path, in, out)
	case reflect.Slice:
		d.list(path, in, out)
	case reflect.Interface:
		d.checkNative(path, in)
		out.Set(reflect.ValueOf(native(in)))
	default:
		d.scalar(path, in, out)
	}
}

// text decodes a string onto a value with a notation of its own.
func (d *decoder) text(path string, in any, out text) {
	if secret, ok := out.(*Secret); ok {
		d.secret(path, in, secret)
		return
	}
	s, ok := in.(string)
	if !ok {
		d.mistyped(path, in, out.Allowed())
		return
	}
	if err := out.UnmarshalText([]byte(s)); err != nil {
		d.problems.Addf(path, "%q: %v; allowed: %s", s, err, out.Allowed())
	}
}

// quantity decodes a quantity in an object of Kubernetes, which may also be a number.
func (d *decoder) quantity(path string, in any, out *resource.Quantity) {
	switch in.(type) {
	case int, int64, uint64, float64:
		if n, ok := integer(in); ok {
			in = n
		}
		in = fmt.Sprint(in)
	}
	var value Quantity
	d.text(path, in, &value)
	*out = value.Quantity
}

// intOrString decodes a number or a name, such as of a port.
func (d *decoder) intOrString(path string, in any, out *intstr.IntOrString) {
	if n, ok := integer(in); ok && n == int64(int32(n)) {
		*out = intstr.FromInt32(int32(n))
	} else if s, ok := in.(string); ok {
		*out = intstr.FromString(s)
	} else {
		d.mistyped(path, in, "a whole number or a string")
	}
}

// secret accepts a decrypted value or, in a stack file, an encrypted one, and where to find it in an
// existing Secret. Its errors never show the value.
func (d *decoder) secret(path string, in any, out *Secret) {
	if isEncrypted(in) {
		unknown := encrypted
		out.value = &unknown
		return
	}
	if _, ok := in.(map[string]any); ok {
		d.existingSecret(path, in, out)
		return
	}
	value, ok := in.(string)
	switch {
	case !ok || value == "":
		d.problems.Addf(path, "not a secret; allowed: %s", out.Allowed())
	case d.isPlaintext(path):
		d.problems.Addf(path, "in plain text; encrypt it with: %s", SecretCommand(path))
	default:
		out.value = &value
	}
}

// existingSecret decodes where to find a value in an existing Secret.
func (d *decoder) existingSecret(path string, in any, out *Secret) {
	key, known := SecretKey{}, len(d.problems)
	d.object(path, in, reflect.ValueOf(&key).Elem())
	if len(d.problems) == known {
		d.problems.Add(key.validate(path)...)
	}
	out.existing = &key
}

// object decodes an object onto a struct. Fields that it does not name keep their values.
func (d *decoder) object(path string, in any, out reflect.Value) {
	object, ok := in.(map[string]any)
	if !ok {
		d.misshapen(path, in, "an object with "+strings.Join(fieldNames(out.Type()), ", "))
		return
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		field, ok := fieldByKey(out, key)
		if !ok {
			d.problems.Add(unknownKey(path, key, fieldNames(out.Type())))
			continue
		}
		d.into(join(path, key), object[key], field)
	}
}

// mapping decodes an object onto a map. Keys that it does not name keep their values.
func (d *decoder) mapping(path string, in any, out reflect.Value) {
	object, ok := in.(map[string]any)
	if !ok {
		d.misshapen(path, in, "an object")
		return
	}
	merged := reflect.MakeMap(out.Type())
	for _, key := range out.MapKeys() {
		merged.SetMapIndex(key, out.MapIndex(key))
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		value := reflect.New(out.Type().Elem()).Elem()
		name := reflect.ValueOf(key).Convert(out.Type().Key())
		if set := merged.MapIndex(name); set.IsValid() {
			value.Set(set)
		}
		if e, ok := name.Interface().(enum); ok && !slices.Contains(e.Values(), key) {
			d.problems.Add(UnknownName(join(path, key), key, e.Values()))
			continue
		}
		d.into(join(path, key), object[key], value)
		merged.SetMapIndex(name, value)
	}
	out.Set(merged)
}

// list decodes a list, which replaces the default.
func (d *decoder) list(path string, in any, out reflect.Value) {
	items, ok := in.([]any)
	if !ok {
		d.misshapen(path, in, "a list")
		return
	}
	list := reflect.MakeSlice(out.Type(), len(items), len(items))
	for i, item := range items {
		at := fmt.Sprintf("%s[%d]", path, i)
		if item == nil {
			d.problems.Addf(at, "is empty")
			continue
		}
		d.into(at, item, list.Index(i))
	}
	out.Set(list)
}

// checkNative reports what is not allowed in a value of another program's format: encrypted
// values, because its text goes into a ConfigMap, and empty list elements, which upstream loaders
// misread or reject without an explanation.
func (d *decoder) checkNative(path string, in any) {
	if isEncrypted(in) {
		d.problems.Add(notSecret(path))
		return
	}
	switch value := in.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			d.checkNative(join(path, key), value[key])
		}
	case []any:
		for i, element := range value {
			at := fmt.Sprintf("%s[%d]", path, i)
			if element == nil {
				d.problems.Addf(at, "is empty")
			}
			d.checkNative(at, element)
		}
	}
}

// native returns a value of another program's format that is the same whether it was read from
// JSON, where every number is a float64, or from YAML.
func native(in any) any {
	switch value := in.(type) {
	case map[string]any:
		object := make(map[string]any, len(value))
		for key, element := range value {
			object[key] = native(element)
		}
		return object
	case []any:
		list := make([]any, len(value))
		for i, element := range value {
			list[i] = native(element)
		}
		return list
	case int, int64, uint64, float64:
		if n, ok := integer(value); ok {
			return n
		}
	}
	return in
}

// scalar decodes a string, a boolean or a whole number.
func (d *decoder) scalar(path string, in any, out reflect.Value) {
	switch value := in.(type) {
	case string:
		if out.Kind() != reflect.String {
			break
		}
		if e, ok := out.Interface().(enum); ok && !slices.Contains(e.Values(), value) {
			d.problems.Add(UnknownName(path, value, e.Values()))
			return
		}
		out.SetString(value)
		return
	case bool:
		if out.Kind() == reflect.Bool {
			out.SetBool(value)
			return
		}
		// The name "true" without quotes, which `pulumi config set` leaves out too.
		if e, ok := out.Interface().(enum); ok && slices.Contains(e.Values(), fmt.Sprint(value)) {
			out.SetString(fmt.Sprint(value))
			return
		}
	case int, int64, uint64, float64:
		if n, ok := integer(value); ok && out.CanInt() && !out.OverflowInt(n) {
			out.SetInt(n)
			return
		}
	}
	d.mistyped(path, in, allowedKind(out))
}

// integer converts a number that encoding/json or yaml has read; false if it is not a whole number
// that an int64 holds exactly.
func integer(value any) (int64, bool) {
	switch n := value.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	case uint64:
		return int64(n), n <= math.MaxInt64
	case float64:
		return int64(n), n == math.Trunc(n) && math.Abs(n) < 1<<53
	}
	return 0, false
}

// misshapen reports a value where an object or a list belongs. Unlike mistyped it does not quote a
// string, which may be a secret that was set one level too high.
func (d *decoder) misshapen(path string, in any, allowed string) {
	if _, ok := in.(string); ok {
		d.problems.Addf(path, "is a string; allowed: %s", allowed)
		return
	}
	d.mistyped(path, in, allowed)
}

// mistyped reports a value of the wrong type.
func (d *decoder) mistyped(path string, in any, allowed string) {
	d.problems.Addf(path, "%s; allowed: %s", describe(in), allowed)
}

// describe returns the type of a value, and the value itself unless it is an object or a list.
func describe(in any) string {
	switch value := in.(type) {
	case string:
		return fmt.Sprintf("%q is a string", value)
	case bool:
		return fmt.Sprintf("%v is a boolean", value)
	case map[string]any:
		return "is an object"
	case []any:
		return "is a list"
	case int, int64, uint64, float64:
		return fmt.Sprintf("%v is a number", value)
	case map[any]any: // only in YAML, as are dates
		return "is an object with keys that are not strings"
	case time.Time:
		return value.Format(time.DateOnly) + " is a date"
	default:
		return fmt.Sprintf("%v is a %T", value, value)
	}
}

// allowedKind describes what may be written for a scalar, for error messages.
func allowedKind(out reflect.Value) string {
	if e, ok := out.Interface().(enum); ok {
		return strings.Join(e.Values(), ", ")
	}
	switch {
	case out.CanInt():
		return "a whole number"
	case out.Kind() == reflect.Bool:
		return "true or false"
	default:
		return "a string"
	}
}

// fieldByKey returns the field of object, or of a struct embedded in it, that a key sets; false if
// there is none.
func fieldByKey(object reflect.Value, key string) (reflect.Value, bool) {
	for i := range object.NumField() {
		field := object.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		switch name := fieldName(field); {
		case field.Anonymous && name == "":
			if inner, ok := fieldByKey(object.Field(i), key); ok {
				return inner, true
			}
		case name == key:
			return object.Field(i), !slices.Contains(Unsupported[object.Type()], key)
		}
	}
	return reflect.Value{}, false
}

// fieldNames returns the keys of an object in the order of their declaration.
func fieldNames(object reflect.Type) []string {
	var names []string
	for i := range object.NumField() {
		field := object.Field(i)
		if name := fieldName(field); slices.Contains(Unsupported[object], name) {
			continue
		} else if name != "" {
			names = append(names, name)
		} else if field.Anonymous {
			names = append(names, fieldNames(field.Type)...)
		}
	}
	return names
}

// fieldName returns the key of a field; "" if it has none, or is embedded.
func fieldName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}

// join returns the path of key in the object at path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// moved maps keys of earlier versions to what to set instead.
var moved = map[string]string{
	"grafana.ingress": "set grafana.access: {host: HOST, ingress: {className: CLASS, annotations: {...}, tls: {secretName: SECRET}}}",
}

// unknownKey returns the Problem of a key that is not one of known. It explains the dotted key
// that `pulumi config set a.b` creates without --path.
func unknownKey(path, key string, known []string) Problem {
	if first, _, dotted := strings.Cut(key, "."); path == "" && dotted && slices.Contains(known, first) {
		return Problem{Path: key, Message: fmt.Sprintf("is one key with a dot in it; remove it, and set the value inside %s with: pulumi config set --path '%s:%s' VALUE", first, Project, key)}
	}
	if instead, ok := moved[join(path, key)]; ok {
		return Problem{Path: join(path, key), Message: "is not a setting any more; " + instead}
	}
	problem := UnknownName(join(path, key), key, known)
	if near, ok := Nearest(key, known); ok {
		problem.meant = join(path, near)
	}
	return problem
}

// UnknownName returns the Problem of a name that is not one of known. It suggests the nearest
// known name, or lists them all if none is near.
func UnknownName(path, name string, known []string) Problem {
	if near, ok := Nearest(name, known); ok {
		return Problem{Path: path, Message: fmt.Sprintf("unknown %q; did you mean %q?", name, near)}
	}
	return Problem{Path: path, Message: fmt.Sprintf("unknown %q; allowed: %s", name, strings.Join(known, ", "))}
}

// Nearest returns the known name that name was most likely meant to be; false if none is near.
func Nearest(name string, known []string) (string, bool) {
	best, distance := "", math.MaxInt
	for _, candidate := range known {
		if d := levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(candidate)); d < distance {
			best, distance = candidate, d
		}
	}
	return best, distance <= max(2, len(name)/3)
}
