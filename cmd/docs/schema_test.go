package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/tests/broken"
)

// compiled compiles a schema by draft 7.
func compiled(t *testing.T, text []byte) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.Draft = jsonschema.Draft7
	require.NoError(t, compiler.AddResource("schema.json", bytes.NewReader(text)))
	schema, err := compiler.Compile("schema.json")
	require.NoError(t, err)
	return schema
}

// committedSchema returns the schema in config/schema.json.
func committedSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := read("config/schema.json")
	require.NoError(t, err)
	return compiled(t, text)
}

// inEditor returns the content of a stack file as editors validate it; false if it is
// not YAML.
func inEditor(text []byte) (value any, ok bool) {
	err := yaml.Unmarshal(text, &value)
	return jsonOf(value), err == nil
}

// jsonOf converts a value that package yaml has read to the JSON value that editors validate.
func jsonOf(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key := range value {
			value[key] = jsonOf(value[key])
		}
	case map[any]any:
		object := map[string]any{}
		for key, element := range value {
			object[fmt.Sprint(key)] = jsonOf(element)
		}
		return object
	case []any:
		for i := range value {
			value[i] = jsonOf(value[i])
		}
	case time.Time: // YAML 1.2, which editors read, has no dates
		return value.Format(time.DateOnly)
	case float64:
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return fmt.Sprint(value)
		}
	}
	return value
}

// decoded decodes the text of a stack file, and returns the problems found.
func decoded(t *testing.T, text []byte) error {
	t.Helper()
	// A new file each time: some file systems flush a truncated one at once, which is slow.
	file, err := os.CreateTemp(t.TempDir(), "Pulumi.*.yaml")
	require.NoError(t, err)
	_, err = file.Write(text)
	require.NoError(t, errors.Join(err, file.Close()))
	_, err = config.FromFile(file.Name())
	return err
}

// read returns the text of a file in the repository.
func read(name string) ([]byte, error) { return os.ReadFile(filepath.Join(root, name)) }

func TestSchemaAcceptsCommittedStacks(t *testing.T) {
	files, err := filepath.Glob(root + "/Pulumi.*.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 3)
	schema := committedSchema(t)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		value, ok := inEditor(text)
		require.True(t, ok)
		assert.NoError(t, schema.Validate(value), file)
		first, _, _ := strings.Cut(string(text), "\n")
		assert.Equal(t, "# yaml-language-server: $schema=config/schema.json", first, file)
	}
}

func TestSchemaAcceptsDefaults(t *testing.T) {
	defaults := config.Default()
	defaults.Cluster.Name = "a"
	values := map[string]any{}
	for _, key := range keysOf(reflect.ValueOf(defaults)) {
		values[config.Project+":"+key.key] = nonEmpty(key.value)
	}
	text, err := yaml.Marshal(map[string]any{"config": values})
	require.NoError(t, err)
	value, ok := inEditor(text)
	require.True(t, ok)
	assert.NoError(t, committedSchema(t).Validate(value), "%s", text)
}

// kinds lists the kinds of mistakes that a schema can find, each with the decoder's
// message and the least number of cases of it in the corpus.
var kinds = []struct {
	name    string
	message *regexp.Regexp
	least   int
}{
	{"unknown key or value", regexp.MustCompile(`: unknown "`), 50},
	{"wrong type", regexp.MustCompile(`: .*\bis (a string|a number|a boolean|a list|an object|a date)\b`), 35},
	{"not a duration", regexp.MustCompile(`: not a duration;`), 9},
	{"not a quantity", regexp.MustCompile(`: (not a quantity|negative);`), 7},
	{"not a URL", regexp.MustCompile(`: not an absolute URL;`), 4},
	{"secret in plain text", regexp.MustCompile(`: (in plain text; encrypt it|not a secret;)`), 6},
	{"missing", regexp.MustCompile(`^(cluster\.name|alerting\.slack\.channel): missing;`), 3},
	{"no project", regexp.MustCompile(`: has no project prefix;`), 1},
}

// inexpressible matches messages of those kinds that a schema cannot find: they are about
// names that a stack, its rules or another program's format define, or about values that
// match the pattern of their type but cannot be parsed.
var inexpressible = regexp.MustCompile(`^(alerting\.(route\.receiver|(receivers|routes|disabled)\[[^:]*|extraRules\.[^:]*|overrides\.\w+)|checks\.waive\.[^:]*` +
	`|exporters\.blackboxExporter\.(modules\.[^:]*|targets\[\d+\]\.module)|discovery\.extraScrapeConfigs\[[^:]*|images\.registryMirrors\[[^:]*|prometheus\.remote(Write|Read)\[[^:]*|[\w.]+\.(pod\.\w+(\[\d+\])?|podDisruptionBudget|verticalPodAutoscaler)\.[^:]*): ` +
	`|: (is an object with keys that are not strings|\d{4}-\d\d-\d\d is a date|1e\+30 is a number|"1000000y": |"https://[^"]*:http": )`)

// example is a case of the corpus.
type example struct {
	name     string
	value    any      // the stack file
	rejected bool     // by the decoder; otherwise by a later check
	kinds    []string // names of the kinds of mistakes in it
}

// examples returns the cases of the corpus that are YAML.
func examples(t *testing.T) []example {
	t.Helper()
	cases, err := broken.Cases()
	require.NoError(t, err)
	var all []example
	for _, c := range cases {
		text, err := c.StackFile(read)
		require.NoError(t, err)
		value, ok := inEditor(text)
		if !ok {
			continue
		}
		e := example{name: c.String(), value: value, rejected: decoded(t, text) != nil}
		wants := slices.DeleteFunc(c.Want, inexpressible.MatchString)
		for _, kind := range kinds {
			if slices.ContainsFunc(wants, kind.message.MatchString) {
				e.kinds = append(e.kinds, kind.name)
			}
		}
		all = append(all, e)
	}
	return all
}

// disagreements returns the names of the examples that a schema rejects and the decoder
// accepts, and of those that the schema accepts and could reject.
func disagreements(schema *jsonschema.Schema, all []example) (unsound, missed []string) {
	for _, e := range all {
		switch rejected := schema.Validate(e.value) != nil; {
		case rejected && !e.rejected:
			unsound = append(unsound, e.name)
		case !rejected && e.kinds != nil:
			missed = append(missed, e.name)
		}
	}
	return unsound, missed
}

func TestSchemaAgreesWithDecoder(t *testing.T) {
	all := examples(t)
	unsound, missed := disagreements(committedSchema(t), all)
	assert.Empty(t, unsound, "the schema rejects what the decoder accepts")
	assert.Empty(t, missed, "the schema accepts what it could reject")
	counts := map[string]int{}
	for _, e := range all {
		for _, kind := range e.kinds {
			counts[kind]++
		}
	}
	for _, kind := range kinds {
		assert.GreaterOrEqual(t, counts[kind.name], kind.least, kind.name)
		t.Logf("%s: %d cases", kind.name, counts[kind.name])
	}
}

// A schema that rejects too much or too little is found.
func TestDisagreements(t *testing.T) {
	text, err := read("config/schema.json")
	require.NoError(t, err)
	all := examples(t)
	for name, c := range map[string]struct {
		old, new        string
		unsound, missed bool
	}{
		"open objects":        {`"additionalProperties": false`, `"additionalProperties": true`, false, true},
		"any text":            {`"pattern": "`, `"$comment": "`, false, true},
		"any type":            {`"type": [`, `"examples": [`, false, true},
		"more required":       {`"required": [`, `"required": ["nobody",`, true, false},
		"a storage mode less": {`"local",`, ``, true, false},
		"a job less":          {`"kubernetes-pods": {`, `"kubernetes-pod": {`, true, false},
		"no minutes":          {`([0-9]+m)?`, ``, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, string(text), c.old)
			schema := compiled(t, bytes.ReplaceAll(text, []byte(c.old), []byte(c.new)))
			unsound, missed := disagreements(schema, all)
			assert.Equal(t, c.unsound, len(unsound) > 0, "unsound")
			assert.Equal(t, c.missed, len(missed) > 0, "missed")
		})
	}
}

// If the schema rejects a random change to a committed stack, the decoder rejects it too.
func TestSchemaOfMutations(t *testing.T) {
	cases, err := broken.Cases()
	require.NoError(t, err)
	m := broken.Mutator{Rand: rand.New(rand.NewPCG(1, 0))} //nolint:gosec // the same ones with each run
	for _, c := range cases {
		if c.Set != nil {
			m.Fragments = append(m.Fragments, c.Set)
		}
	}
	schema := committedSchema(t)
	stacks := []map[string]any{stack(t, "dev"), stack(t, "prod")}
	const mutations = 1000
	rejected := 0
	for i := range mutations {
		values := map[string]any{}
		for key, value := range m.Mutate(stacks[i%len(stacks)]) {
			values[config.Project+":"+key] = value
		}
		text, err := yaml.Marshal(map[string]any{"config": values})
		require.NoError(t, err)
		value, ok := inEditor(text)
		require.True(t, ok)
		if schema.Validate(value) != nil {
			rejected++
			assert.Error(t, decoded(t, text), "%s", text)
		}
	}
	assert.Greater(t, rejected, mutations/4)
	assert.Less(t, rejected, mutations*3/4)
	t.Logf("%d of %d rejected", rejected, mutations)
}

// stack returns the values of a committed stack, with its required secrets.
func stack(t *testing.T, name string) map[string]any {
	t.Helper()
	text, err := broken.Case{Stack: name}.StackFile(read)
	require.NoError(t, err)
	var file struct {
		Config map[string]any `yaml:"config"`
	}
	require.NoError(t, yaml.Unmarshal(text, &file))
	values := map[string]any{}
	for key, value := range file.Config {
		values[strings.TrimPrefix(key, config.Project+":")] = value
	}
	return values
}

// A pattern matches what the decoder accepts, and nothing else that can be rejected without
// parsing it.
func TestPatterns(t *testing.T) {
	parses := map[reflect.Type]func(text string) error{
		reflect.TypeFor[config.Duration]():  func(s string) error { return new(config.Duration).UnmarshalText([]byte(s)) },
		reflect.TypeFor[config.Quantity]():  func(s string) error { return new(config.Quantity).UnmarshalText([]byte(s)) },
		reflect.TypeFor[config.Threshold](): func(s string) error { return new(config.Threshold).UnmarshalText([]byte(s)) },
		reflect.TypeFor[config.URL]():       func(s string) error { return new(config.URL).UnmarshalText([]byte(s)) },
	}
	pieces := map[reflect.Type][]string{
		reflect.TypeFor[config.Duration]():  strings.Split("0011ywdhmsms .-", ""),
		reflect.TypeFor[config.Quantity]():  strings.Split("00123.+-eEKMGTPiiinumk \n", ""),
		reflect.TypeFor[config.Threshold](): strings.Split("0011ywdhmsms .-%%.", ""),
		reflect.TypeFor[config.URL]():       {"http", "https", "HTTPS", "://", ":", "/", "a.example", "user@", "?", "#", " ", "9090", "%", "é", "\n", "[::1]"},
	}
	require.Len(t, parses, len(patterns))
	onlyParsed := regexp.MustCompile(`1[01]{3,}y|^[+-]?\.?([^0-9.]|$)`) // more years than a duration holds, and units without a number
	random := rand.New(rand.NewPCG(1, 0))                               //nolint:gosec // the same ones with each run
	for typ, pattern := range patterns {
		expression, from, accepted := regexp.MustCompile(pattern), pieces[typ], 0
		for range 50_000 {
			var s string
			for range random.IntN(7) {
				s += from[random.IntN(len(from))]
			}
			matches, err := s != "" && expression.MatchString(s), parses[typ](s)
			if err == nil {
				accepted++
				require.True(t, matches, "%s: the pattern rejects %q", typ, s)
			} else if !onlyParsed.MatchString(s) && typ != reflect.TypeFor[config.URL]() { // a URL's pattern matches only its beginning
				require.False(t, matches, "%s: the pattern accepts %q: %v", typ, s, err)
			}
		}
		assert.Greater(t, accepted, 100, typ)
	}
}

// The schema and the decoder know the same keys beside config.
func TestPulumiKeys(t *testing.T) {
	text, err := read("Pulumi.dev.yaml")
	require.NoError(t, err)
	for key := range pulumiKeys {
		value := "a"
		if key == "environment" { // the decoder reads this one
			value = "[a]"
		}
		assert.NoError(t, decoded(t, append([]byte(key+": "+value+"\n"), text...)))
	}
	known := strings.Join(slices.Sorted(maps.Keys(pulumiKeys)), ", ")
	err = decoded(t, append([]byte("somethingElse: a\n"), text...))
	require.ErrorContains(t, err, "allowed: config, ")
	_, listed, _ := strings.Cut(err.Error(), "allowed: config, ")
	keys := strings.Split(strings.TrimSpace(listed), ", ")
	slices.Sort(keys)
	assert.Equal(t, known, strings.Join(keys, ", "))
}
