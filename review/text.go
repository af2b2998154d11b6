package review

import (
	"bytes"
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"go.yaml.in/yaml/v3"
)

// kind describes how to compare things of one kind, such as alerts or scrape jobs.
type kind[T any] struct {
	same    []func(before, after T) bool                          // see match
	added   func(T) (what string, details []Detail)               // of one that was added
	removed func(T) (what string, details []Detail)               // nil: as added, without details
	changed func(before, after T) (what string, details []Detail) // no details: nothing changed
}

// changes returns what was added, removed and changed, in this order.
func (k kind[T]) changes(before, after []T) []Change {
	both, removed, added := match(before, after, k.same...)
	var changes []Change
	for _, thing := range added {
		what, details := k.added(thing)
		changes = append(changes, Change{"added", what, details})
	}
	for _, thing := range removed {
		what, _ := k.added(thing)
		var details []Detail
		if k.removed != nil {
			what, details = k.removed(thing)
		}
		changes = append(changes, Change{"removed", what, details})
	}
	for _, versions := range both {
		if what, details := k.changed(versions[0], versions[1]); len(details) > 0 {
			changes = append(changes, Change{"changed", what, details})
		}
	}
	return changes
}

// match pairs the things of two versions. The first test that any two of them pass
// pairs them; each thing is in one pair at most.
func match[T any](before, after []T, same ...func(before, after T) bool) (both [][2]T, removed, added []T) {
	before, after = slices.Clone(before), slices.Clone(after)
	for _, test := range same {
		before = slices.DeleteFunc(before, func(old T) bool {
			i := slices.IndexFunc(after, func(candidate T) bool { return test(old, candidate) })
			if i < 0 {
				return false
			}
			both = append(both, [2]T{old, after[i]})
			after = slices.Delete(after, i, i+1)
			return true
		})
	}
	return both, before, after
}

// sameField returns a test for match: whether two mappings have the same value at key.
func sameField(key string) []func(before, after map[string]any) bool {
	return []func(before, after map[string]any) bool{
		func(before, after map[string]any) bool { return before[key] == after[key] },
	}
}

// differing returns the sorted keys whose values differ or are in one map only.
func differing[K cmp.Ordered, V any](before, after map[K]V) []K {
	all := map[K]V{}
	maps.Copy(all, before)
	maps.Copy(all, after)
	return slices.DeleteFunc(sorted(all), func(key K) bool {
		old, isOld := before[key]
		value, isNew := after[key]
		return isOld == isNew && reflect.DeepEqual(old, value)
	})
}

// settings describes the differences of two mappings by key, each after prefix:
// short values in a line, others as a diff of their YAML.
func settings[V any](prefix string, before, after map[string]V) []Detail {
	var details []Detail
	for _, key := range differing(before, after) {
		old, isOld := before[key]
		value, isNew := after[key]
		oldText, newText := toYAML(old, isOld), toYAML(value, isNew)
		if short(oldText) && short(newText) {
			details = append(details, changedValue(prefix+code(key), oldText, newText))
			continue
		}
		details = append(details, Detail{Text: prefix + code(key) + ":", Lang: "diff", Block: lines(oldText, newText)})
	}
	return details
}

func short(text string) bool { return len(text) <= 80 && !strings.Contains(text, "\n") }

// toYAML returns a value as YAML, or an empty string if the value is absent.
func toYAML(value any, present bool) string {
	if !present {
		return ""
	}
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(value); err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(text.String(), "\n")
}

// lines returns the lines in which two texts differ, as in a unified diff with one
// line of context and without headers.
func lines(before, after string) string {
	before, after = endLine(before), endLine(after)
	diff, err := udiff.ToUnifiedDiff("", "", before, udiff.Lines(before, after), 1)
	if err != nil {
		return err.Error()
	}
	marks := map[udiff.OpKind]string{udiff.Delete: "-", udiff.Insert: "+", udiff.Equal: " "}
	var text strings.Builder
	for i, hunk := range diff.Hunks {
		if i > 0 {
			text.WriteString(" …\n")
		}
		for _, line := range hunk.Lines {
			text.WriteString(marks[line.Kind] + line.Content)
		}
	}
	return text.String()
}

// endLine returns text with one line break at its end, unless it is empty.
func endLine(text string) string {
	if text == "" {
		return ""
	}
	return strings.TrimRight(text, "\n") + "\n"
}

func sorted[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
