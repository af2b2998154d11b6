package broken

import (
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// Mutator changes stacks at random, into valid ones and into ones with mistakes that people make. A
// seed of Rand always gives the same changes.
type Mutator struct {
	*rand.Rand
	// Fragments are values of stacks to merge in. Parts of them are in the native formats of
	// Prometheus and Alertmanager.
	Fragments []map[string]any
}

// Mutate returns a changed copy of the values of a stack.
func (m *Mutator) Mutate(values map[string]any) map[string]any {
	values = clone(values).(map[string]any)
	for range 1 + m.IntN(4) {
		switch m.IntN(12) {
		case 0, 1, 2: // a value of the right type for a setting
			m.set(values, reflect.TypeFor[config.Config]())
		case 3, 4, 5:
			merge(values, clone(pick(m, m.Fragments)))
		default:
			m.change(values)
		}
	}
	return values
}

// set gives a random setting of an object of type t a value of the right type, which may be valid.
func (m *Mutator) set(object map[string]any, t reflect.Type) {
	fields := reflect.VisibleFields(t)
	fields = slices.DeleteFunc(fields, func(f reflect.StructField) bool { return f.Anonymous || f.Tag.Get("json") == "" })
	field := pick(m, fields)
	key := field.Tag.Get("json")
	ft := field.Type
	if ft.Kind() == reflect.Pointer {
		ft = ft.Elem()
	}
	if ft.Kind() == reflect.Struct && notationOf(ft) == "" && !isNative(ft) {
		inner, ok := object[key].(map[string]any)
		if !ok {
			inner = map[string]any{}
			object[key] = inner
		}
		m.set(inner, ft)
		return
	}
	object[key] = m.value(ft)
}

// value returns a value for a setting of type t.
func (m *Mutator) value(t reflect.Type) any {
	switch allowed := valuesOf(t); {
	case allowed != nil:
		return pick(m, allowed)
	case t == reflect.TypeFor[config.Secret]():
		return map[string]any{"secure": "AAABAJ"}
	case strings.Contains(notationOf(t), "duration"):
		return pick(m, durations)
	case strings.Contains(notationOf(t), "quantity"):
		return pick(m, quantities)
	case isNative(t):
		return pick(m, junk)
	case notationOf(t) != "":
		return pick(m, []string{"https://a.example.com", "http://b:9090/prometheus", "https://c.example.com/?d"})
	}
	switch t.Kind() {
	case reflect.Pointer:
		return m.value(t.Elem())
	case reflect.Bool:
		return m.IntN(2) == 0
	case reflect.Int:
		return pick(m, []int{0, 1, 2, 3, 5, 10, 1024, 9100, 100_000})
	case reflect.Slice:
		list := make([]any, m.IntN(3))
		for i := range list {
			list[i] = m.value(t.Elem())
		}
		return list
	case reflect.Map:
		object := map[string]any{}
		for range m.IntN(3) {
			key := pick(m, names)
			if allowed := valuesOf(t.Key()); allowed != nil {
				key = pick(m, allowed)
			}
			object[key] = m.value(t.Elem())
		}
		return object
	case reflect.Struct:
		object := map[string]any{}
		for range 1 + m.IntN(3) {
			m.set(object, t)
		}
		return object
	case reflect.String:
		return pick(m, names)
	}
	return pick(m, junk)
}

// valuesOf lists the values of an enumeration; nil for any other type.
func valuesOf(t reflect.Type) []string {
	if enum, ok := reflect.Zero(t).Interface().(interface{ Values() []string }); ok {
		return enum.Values()
	}
	return nil
}

// isNative reports whether t is a type of Kubernetes' API.
func isNative(t reflect.Type) bool { return strings.HasPrefix(t.PkgPath(), "k8s.io/api/") }

// notationOf returns what a type that is written as a string allows, in words; "" for any other
// type.
func notationOf(t reflect.Type) string {
	if text, ok := reflect.New(t).Interface().(interface{ Allowed() string }); ok {
		return text.Allowed()
	}
	return ""
}

// change makes a mistake somewhere in a value.
func (m *Mutator) change(values map[string]any) {
	places := placesIn(values, nil)
	if len(places) == 0 {
		return
	}
	at := pick(m, places)
	switch m.IntN(7) {
	case 0: // a typo in a key
		if key, ok := at.key.(string); ok {
			at.remove()
			at.key = m.typo(key)
			at.put(at.value)
		}
	case 1: // a value of another type
		at.put(clone(pick(m, junk)))
	case 2: // a typo, another unit or another size
		switch value := at.value.(type) {
		case string:
			at.put(m.respell(value))
		case int:
			at.put(pick(m, []any{-value, value * 1000, float64(value) + 0.5, math.MaxInt64, uint64(math.MaxUint64), 1e300}))
		default:
			at.put([]any{value})
		}
	case 3:
		at.remove()
	case 4: // two values swapped
		other := pick(m, places)
		value := clone(other.value)
		other.put(clone(at.value))
		at.put(value)
	case 5: // a value copied to another place
		pick(m, places).put(clone(at.value))
	case 6: // a value given twice
		if list, ok := at.value.([]any); ok {
			at.put(append(slices.Clone(list), list...))
		} else {
			at.put([]any{clone(at.value), clone(at.value)})
		}
	}
}

// typo returns a misspelling of a key, or another name.
func (m *Mutator) typo(key string) string {
	letters := []rune(key)
	if len(letters) == 0 {
		return "x"
	}
	i := m.IntN(len(letters))
	switch m.IntN(6) {
	case 0:
		return string(slices.Delete(letters, i, i+1))
	case 1:
		return string(slices.Insert(letters, i, letters[i]))
	case 2:
		j := (i + 1) % len(letters)
		letters[i], letters[j] = letters[j], letters[i]
		return string(letters)
	case 3:
		return strings.ToLower(key)
	case 4:
		return key + pick(m, []string{"s", ".", "[0]", " ", "\x00", "é"})
	}
	return pick(m, names)
}

// respell returns a string that is written differently from value.
func (m *Mutator) respell(value string) string {
	switch m.IntN(5) {
	case 0:
		return m.typo(value)
	case 1:
		return pick(m, durations)
	case 2:
		return pick(m, quantities)
	case 3:
		return value + pick(m, units)
	}
	return pick(m, names)
}

// The strings and values that mutations choose from. junk has values of every type.
var (
	durations  = []string{"0s", "1ms", "1s", "15s", "30s", "1m", "1m30s", "2h", "15d", "52w", "1y", "290y", "1.5h", "-1s", "5 m", ""}
	quantities = []string{"0", "1", "1m", "100m", "2", "64Mi", "1Gi", "4Gi", "50Gi", "1Ti", "8Ei", "1e3", "50GB", "-1Gi", "1.5Gi", "nan", "9223372036854775807", "1n"}
	units      = []string{"s", "m", "B", "i", "Gi", "%", " ", "e9", "\n", "$", "${A}", "{{ . }}", "\""}
	names      = []string{
		"", "a", "shop", "slack", "null", "up", "kubernetes-pods", "Watchdog", "TargetDown", "http_2xx", "severity", "cluster", "__name__", "a.b", "a/b", "a b", "a_b", "*",
		"(", "$1", "${POD_NAME}", "{{ .Labels.a }}", "{{", "/var", "/mnt/ssd", "../a", "quay.io", "quay.io/a/b:c", "quay.io/a/b:latest", "severity=\"critical\"", "sum(up)", "up ==", "a: [", "é", "\x00", "\xff", "true", "1", "~",
		strings.Repeat("a", 300), "groups: [{name: a, rules: [{record: 'a:b', expr: up}]}]",
	}
	junk = []any{
		nil, true, false, 0, 1, -1, 1.5, 1e300, math.NaN(), math.Inf(1), math.MaxInt64, uint64(math.MaxUint64), "", "a", "1", time.Unix(0, 0),
		[]any{}, []any{nil}, []any{"a"}, []any{[]any{}}, []any{map[string]any{}}, map[string]any{}, map[string]any{"a": "b"}, map[string]any{"": nil},
		map[string]any{"secure": "AAABAJ"}, map[string]any{"secure": 1}, map[any]any{1: "a"}, map[any]any{"a": map[any]any{}},
	}
)

// place is a place in a stack: a key of an object or an index of a list.
type place struct {
	in    any // map[string]any or []any
	key   any // string or int
	value any
}

// placesIn appends every place in a value, in a fixed order.
func placesIn(value any, places []place) []place {
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			places = append(places, place{value, key, value[key]})
			places = placesIn(value[key], places)
		}
	case []any:
		for i, element := range value {
			places = append(places, place{value, i, element})
			places = placesIn(element, places)
		}
	}
	return places
}

// put sets the value of the place.
func (p place) put(value any) {
	switch in := p.in.(type) {
	case map[string]any:
		in[p.key.(string)] = value
	case []any:
		in[p.key.(int)] = value
	}
}

// remove removes the key of an object, or makes the element of a list null.
func (p place) remove() {
	switch in := p.in.(type) {
	case map[string]any:
		delete(in, p.key.(string))
	case []any:
		in[p.key.(int)] = nil
	}
}

// pick returns a random element.
func pick[T any](m *Mutator, from []T) T { return from[m.IntN(len(from))] }

// clone returns a deep copy of a value of a stack.
func clone(value any) any {
	switch value := value.(type) {
	case map[string]any:
		copied := make(map[string]any, len(value))
		for key, element := range value {
			copied[key] = clone(element)
		}
		return copied
	case []any:
		copied := make([]any, len(value))
		for i, element := range value {
			copied[i] = clone(element)
		}
		return copied
	}
	return value
}
