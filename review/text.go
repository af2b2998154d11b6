package review

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/pmezard/go-difflib/difflib"
	"go.yaml.in/yaml/v3"
)

// pair finds for each thing of one version what it is in the other. The first
// of the tests that any two things pass joins them; each is joined once.
func pair[T any](before, after []T, alike ...func(a, b T) bool) (both [][2]T, removed, added []T) {
	before, after = slices.Clone(before), slices.Clone(after)
	for _, test := range alike {
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

// settings are the differences of two mappings, by key: a short value in a
// line, anything else as lines of YAML.
func settings(before, after map[string]any) []Detail {
	keys := maps.Clone(before)
	if keys == nil {
		keys = map[string]any{}
	}
	maps.Copy(keys, after)
	var details []Detail
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		old, isOld := before[key]
		value, isNew := after[key]
		if isOld == isNew && reflect.DeepEqual(old, value) {
			continue
		}
		oldText, newText := toYAML(old, isOld), toYAML(value, isNew)
		if short(oldText) && short(newText) {
			details = append(details, moved(code(key), oldText, newText))
			continue
		}
		details = append(details, Detail{Text: code(key) + ":", Lang: "diff", Block: lines(oldText, newText)})
	}
	return details
}

func short(text string) bool { return len(text) <= 80 && !strings.Contains(text, "\n") }

// toYAML is a value as YAML; what is not there is the empty text.
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

// lines are the lines that two texts do not have in common, with one line
// around them where they have some.
func lines(before, after string) string {
	text, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{A: split(before), B: split(after), Context: 1})
	if err != nil {
		return err.Error()
	}
	var kept strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "@@") {
			kept.WriteString(line)
		} else if kept.Len() > 0 {
			kept.WriteString(" …\n")
		}
	}
	return kept.String()
}

func split(text string) []string {
	if text == "" {
		return nil
	}
	return slices.Collect(strings.Lines(strings.TrimRight(text, "\n") + "\n"))
}
