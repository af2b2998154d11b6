package main

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

const root = "../.."

func TestDocumentsAreUpToDate(t *testing.T) {
	src, err := load(root)
	require.NoError(t, err)
	for _, doc := range src.documents() {
		old, text, err := doc.generate(root, src)
		require.NoError(t, err)
		assert.Equal(t, string(text), string(old), "%s: run make docs", doc.name)
	}
}

// Every link inside the reference leads to exactly one heading.
func TestLinksInReference(t *testing.T) {
	text, err := os.ReadFile(root + "/docs/config.md")
	require.NoError(t, err)
	headings := map[string]int{}
	for _, match := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllSubmatch(text, -1) {
		headings[strings.ReplaceAll(strings.ToLower(string(match[1])), " ", "-")]++
	}
	links := regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllSubmatch(text, -1)
	require.NotEmpty(t, links)
	for _, link := range links {
		assert.Equal(t, 1, headings[string(link[1])], "#%s", link[1])
	}
}

func TestTables(t *testing.T) {
	type Shared struct {
		Port int `json:"port"`
		From int `json:"from"`
	}
	type inner struct {
		A string `json:"a"`
	}
	type twice struct {
		Inner inner `json:"inner"`
		Again inner `json:"again"`
	}
	type item struct {
		Policy config.PullPolicy `json:"policy"`
		On     *bool             `json:"on"`
		Twice  *twice            `json:"twice"`
	}
	type embedded struct {
		Kinds map[config.Kind][]int `json:"kinds"`
	}
	type section struct {
		Size    *config.Quantity     `json:"size"`
		Items   map[config.Job]item  `json:"items"`
		Native  []map[string]any     `json:"native"`
		List    []item               `json:"list"`
		Flags   []config.FeatureFlag `json:"flags"`
		Token   config.Secret        `json:"token"`
		Labels  map[string]string    `json:"labels"`
		Window  config.Duration      `json:"window"`
		Twice   twice                `json:"twice"`
		derived int
		Derived int `json:"-"`
		embedded
		Shared
	}
	type other struct {
		Shared
	}
	type all struct {
		Section section `json:"section"`
		Other   other   `json:"other"`
	}
	docs := comments{
		"all.Section":    "A section.",
		"all.Other":      "Another.",
		"section.Size":   "How much; half of the disk unless set.",
		"section.Items":  "Items.",
		"section.Native": "Native.",
		"section.List":   "List.",
		"section.Flags":  "Flags.",
		"section.Token":  "Token. Required with items.",
		"section.Labels": "Labels.",
		"section.Window": "Window.",
		"section.Twice":  "Twice.",
		"embedded.Kinds": "Kinds.",
		"Shared":         "Shared says who may connect.",
		"Shared.Port":    "Port. Required.",
		"Shared.From":    "From.",
		"item.Policy":    "Policy.",
		"item.On":        "On.",
		"item.Twice":     "Both.",
		"twice":          "twice is two of them.",
		"twice.Inner":    "Inner.",
		"twice.Again":    "Again.",
		"inner.A":        "A.",
	}
	defaults := all{Section: section{
		Items:   map[config.Job]item{config.PodsJob: {Policy: "Always"}},
		List:    []item{{Policy: "Never", On: new(bool)}},
		Labels:  map[string]string{"b": "1", "a": "x"},
		Twice:   twice{Inner: inner{"x"}},
		derived: 1,
		Shared:  Shared{Port: 80},
	}}
	require.NoError(t, defaults.Section.Token.UnmarshalText([]byte("hush")))

	got, err := tablesOf(reflect.ValueOf(defaults), docs)
	require.NoError(t, err)
	policies := "`IfNotPresent`, `Always` or `Never`"
	assert.Equal(t, []table{
		{"section", "A section.", []row{
			{"`section.size`", "[quantity](#quantity)", "half of the disk", "How much."},
			{"`section.items`", "map of [job](#job) to object", "by [job](#job)", "Items."},
			{"`section.items.<job>.policy`", policies, "", "Policy."},
			{"`section.items.<job>.on`", "true or false", "", "On."},
			{"`section.items.<job>.twice`", "[twice](#twice)", "", "Both."},
			{"`section.native`", "list of native objects", "", "Native."},
			{"`section.list`", "list of objects", "`[{\"on\": false, policy: Never}]`", "List."},
			{"`section.list[].policy`", policies, "", "Policy."},
			{"`section.list[].on`", "true or false", "", "On."},
			{"`section.list[].twice`", "[twice](#twice)", "", "Both."},
			{"`section.flags`", "list of [feature flags](#feature-flag)", "", "Flags."},
			{"`section.token`", "[secret](#secret)", "**required** with items", "Token."},
			{"`section.labels`", "map of string to string", "`{a: x, b: \"1\"}`", "Labels."},
			{"`section.window`", "[duration](#duration)", "`0s`", "Window."},
			{"`section.twice`", "[twice](#twice)", "`{inner: {a: x}}`", "Twice."},
			{"`section.kinds`", "map of [kind](#kind) to list of whole numbers", "", "Kinds."},
			{"`section.port`, `.from`", "[shared](#shared)", "`{port: 80}`", "Who may connect."},
		}},
		{"other", "Another.", []row{{"`other.port`, `.from`", "[shared](#shared)", "", "Who may connect."}}},
	}, got.sections)
	assert.Equal(t, []table{
		{"twice", "Two of them.", []row{
			{"`inner`", "object", "", "Inner."}, // of one type only, however often
			{"`inner.a`", "string", "", "A."},
			{"`again`", "object", "", "Again."},
			{"`again.a`", "string", "", "A."},
		}},
		{"shared", "Who may connect.", []row{
			{"`port`", "whole number", "**required**", "Port."},
			{"`from`", "whole number", "`0`", "From."},
		}},
	}, got.shared)
	assert.Contains(t, string(got.markdown(docs)), "| Job | Default |\n| --- | --- |\n| `kubernetes-pods` | `{policy: Always}` |\n")
}

func TestTablesWithoutComment(t *testing.T) {
	type section struct {
		Port int `json:"port"`
	}
	type all struct {
		Section section `json:"section"`
	}
	_, err := tablesOf(reflect.ValueOf(all{}), comments{"all.Section": "A section."})
	assert.EqualError(t, err, "no comment on section.Port")
}

func TestToMarkdown(t *testing.T) {
	assert.Equal(t, "kube\\_\\*: see `a_b` and <https://example.com/a_b>.", toMarkdown("kube_*: see `a_b` and https://example.com/a_b."))
	assert.Equal(t, "--listen=http://a:1, b\\_c", toMarkdown("--listen=http://a:1, b_c"), "part of a flag, not a link")
}

func TestWrap(t *testing.T) {
	long := strings.Repeat("a", 96)
	assert.Equal(t, long+", b,\nc, d", wrap([]string{long, "b", "c", "d"}))
}

func TestReplaceBetween(t *testing.T) {
	got, err := replaceBetween([]byte("a\n<!-- b -->\nold\n<!-- e -->\nz\n"), "<!-- b -->\n", "<!-- e -->\n", []byte("new\n"))
	require.NoError(t, err)
	assert.Equal(t, "a\n<!-- b -->\nnew\n<!-- e -->\nz\n", string(got))
	_, err = replaceBetween([]byte("a\n<!-- b -->\n"), "<!-- b -->\n", "<!-- e -->\n", nil)
	assert.ErrorContains(t, err, "missing")
}
