package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// environment is what a stack file says of environments of Pulumi ESC: the names of some, or the definition of one, with
// values and imports. https://www.pulumi.com/docs/esc/reference/
type environment struct {
	// imports names the environments that only Pulumi's service has.
	imports []string
	// config has the definition's values.pulumiConfig by full key. A value that is computed when the environment is opened is
	// unknown{}, and a secret is {secure: CIPHERTEXT}, as in a stack file.
	config map[string]any
	// computed is whether the whole of values.pulumiConfig is such a value.
	computed bool
}

// unknown is a value of an environment that is not in the stack file.
type unknown struct{}

// decodeEnvironment decodes the key environment of a stack file.
func decodeEnvironment(in any) (environment, Problems) {
	var e environment
	var p Problems
	switch in := in.(type) {
	case nil:
	case []any:
		p.Add(e.addImports("environment", in, false)...)
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(in)) {
			switch at := join("environment", key); key {
			case "imports":
				imports, ok := in[key].([]any)
				if !ok {
					p.Addf(at, "%s; allowed: a list of environments", describe(in[key]))
				}
				p.Add(e.addImports(at, imports, true)...)
			case "values":
				values, ok := in[key].(map[string]any)
				if !ok {
					p.Addf(at, "%s; allowed: an object", describe(in[key]))
				}
				p.Add(e.addConfig(join(at, "pulumiConfig"), values["pulumiConfig"])...)
			case "description":
			default:
				p.Add(UnknownName(at, key, []string{"imports", "values", "description"}))
			}
		}
	default:
		p.Addf("environment", "%s; allowed: a list of environments, or an object with imports and values", describe(in))
	}
	return e, p
}

// addImports adds the environments of a list, each a name or, in the imports of a definition, an object with options by name.
func (e *environment) addImports(path string, list []any, definition bool) Problems {
	var p Problems
	for i, element := range list {
		name, ok := element.(string)
		if options, isObject := element.(map[string]any); definition && isObject && len(options) == 1 {
			name, ok = slices.Collect(maps.Keys(options))[0], true
		}
		if !ok || name == "" {
			p.Addf(fmt.Sprintf("%s[%d]", path, i), "%s; allowed: the name of an environment, such as project/environment", describe(element))
			continue
		}
		e.imports = append(e.imports, name)
	}
	return p
}

// addConfig adds the values of pulumiConfig. Like Pulumi, it completes a key without a project.
func (e *environment) addConfig(path string, in any) Problems {
	var p Problems
	switch value := evaluate(in).(type) {
	case nil:
	case unknown:
		e.computed = true
	case map[string]any:
		e.config = map[string]any{}
		for key, value := range value {
			if !strings.Contains(key, ":") {
				key = Project + ":" + key
			}
			e.config[key] = value
		}
	default:
		p.Addf(path, "%s; allowed: an object", describe(in))
	}
	return p
}

// evaluate returns a value of an environment as far as it is in the file.
func evaluate(in any) any {
	switch value := in.(type) {
	case string:
		if strings.Contains(value, "${") {
			return unknown{}
		}
	case map[string]any:
		if _, ok := value["fn::secret"]; ok {
			return map[string]any{"secure": "in the environment"}
		}
		object := map[string]any{}
		for key, element := range value {
			if strings.HasPrefix(key, "fn::") {
				return unknown{}
			}
			object[key] = evaluate(element)
		}
		return object
	case []any:
		list := make([]any, len(value))
		for i, element := range value {
			list[i] = evaluate(element)
			if hasUnknown(list[i]) {
				return unknown{} // what is left would be another list
			}
		}
		return list
	}
	return in
}

// hasUnknown reports whether an evaluated value is unknown, or an object with a value that is.
func hasUnknown(value any) bool {
	if _, ok := value.(unknown); ok {
		return true
	}
	object, _ := value.(map[string]any)
	return slices.ContainsFunc(slices.Collect(maps.Values(object)), hasUnknown)
}

// merge returns the values of a stack's own config, by full key, on top of those of the environment, as Pulumi merges them,
// and the config paths of values that are computed.
func (e *environment) merge(own map[string]any) (values map[string]any, computed []string) {
	values = maps.Clone(own)
	if values == nil {
		values = map[string]any{}
	}
	for _, key := range slices.Sorted(maps.Keys(e.config)) {
		paths := &computed
		path, ours := strings.CutPrefix(key, Project+":")
		if !ours {
			paths = new([]string) // of settings that are not this program's
		}
		value, set := own[key]
		if merged, known := mergeAt(path, e.config[key], value, set, paths); known {
			values[key] = merged
		}
	}
	return values, computed
}

// mergeAt merges a stack's own value, if it is set, onto the environment's, which may be unknown: objects key by key, and otherwise
// the own value wins. known is whether there is a value then. Paths of unknown ones are appended to computed.
func mergeAt(path string, theirs, own any, set bool, computed *[]string) (value any, known bool) {
	object, isObject := own.(map[string]any)
	if set && (!isObject || isEncrypted(own)) {
		return own, true
	}
	if _, ok := theirs.(unknown); ok {
		*computed = append(*computed, path)
		return own, set
	}
	base, ok := theirs.(map[string]any)
	switch {
	case set && (!ok || isEncrypted(theirs)):
		return own, true
	case !ok:
		return theirs, true
	}
	merged := maps.Clone(object)
	if merged == nil {
		merged = map[string]any{}
	}
	for _, key := range slices.Sorted(maps.Keys(base)) {
		value, set := object[key]
		if value, known := mergeAt(join(path, key), base[key], value, set, computed); known {
			merged[key] = value
		}
	}
	return merged, true
}

// mayHave reports whether the environment may have the value at a config path, of which the stack file has none. A list in the
// file replaces the environment's, so that nothing inside it can come from there.
func (e *environment) mayHave(path string, computed []string) bool {
	if e.opaque() && !strings.Contains(path, "[") {
		return true
	}
	return slices.ContainsFunc(computed, func(at string) bool { return inside(path, at) || inside(at, path) })
}

// nameCluster names the cluster, as every stack has to, if its name may be in what the file does not have.
func (e *environment) nameCluster(values map[string]any, computed []string) {
	const key = Project + ":cluster"
	cluster, ok := values[key].(map[string]any)
	if cluster["name"] != nil || values[key] != nil && !ok || !e.mayHave("cluster.name", computed) {
		return
	}
	named := map[string]any{}
	maps.Copy(named, cluster)
	named["name"] = "unknown"
	values[key] = named
}

// opaque reports whether any setting may come from what the file does not have.
func (e *environment) opaque() bool { return e.computed || len(e.imports) > 0 }

// unread describes what the stack file does not have.
func (e *environment) unread(computed []string) []string {
	var lines []string
	for _, name := range e.imports {
		lines = append(lines, fmt.Sprintf("environment: %s is opened by previews and updates only; what it sets is not known here, and neither checked nor compared", name))
	}
	if e.computed {
		computed = append([]string{"environment.values.pulumiConfig"}, computed...)
	}
	for _, path := range computed {
		lines = append(lines, fmt.Sprintf("%s: is computed when the environment is opened, by previews and updates only; it is not known here, and neither checked nor compared", path))
	}
	return lines
}
