package main

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

func TestDocumentsAreUpToDate(t *testing.T) {
	for _, doc := range documents {
		is, should, err := doc.render("../..")
		require.NoError(t, err)
		assert.Equal(t, string(should), string(is), "%s: run make docs", doc.name)
	}
}

func TestKeys(t *testing.T) {
	type shared struct {
		Port int `json:"port"`
	}
	type item struct {
		Policy config.PullPolicy `json:"policy"`
		On     *bool             `json:"on"`
	}
	type section struct {
		Size   *config.Quantity      `json:"size"`
		Items  map[config.Job]item   `json:"items"`
		Native []map[string]any      `json:"native"`
		List   []item                `json:"list"`
		Flags  []config.FeatureFlag  `json:"flags"`
		Token  config.Secret         `json:"token"`
		Labels map[string]string     `json:"labels"`
		Window config.Duration       `json:"window"`
		Kinds  map[config.Kind][]int `json:"kinds"`
		shared
	}
	type root struct {
		Section section `json:"section"`
	}
	docs := typeDocs{
		"root.Section":   "A section.",
		"section.Size":   "How much; half of the disk unless set.",
		"section.Items":  "Items.",
		"section.Native": "Native.",
		"section.List":   "List.",
		"section.Flags":  "Flags.",
		"section.Token":  "Token. Required with items.",
		"section.Labels": "Labels.",
		"section.Window": "Window.",
		"section.Kinds":  "Kinds.",
		"shared.Port":    "Port. Required.",
		"item.Policy":    "Policy.",
		"item.On":        "On.",
	}
	defaults := root{section{
		List:   []item{{Policy: "Never", On: new(bool)}},
		Labels: map[string]string{"b": "1", "a": "x"},
		shared: shared{Port: 80},
	}}
	require.NoError(t, defaults.Section.Token.UnmarshalText([]byte("hush")))

	keys, err := keysOf(reflect.ValueOf(defaults), docs)
	require.NoError(t, err)
	got := make([][4]string, len(keys))
	for i, k := range keys {
		got[i] = [4]string{k.path, k.kind, k.value, k.description}
	}
	policies := "`IfNotPresent`, `Always` or `Never`"
	assert.Equal(t, [][4]string{
		{"section", "object", "", "A section."},
		{"section.size", "[quantity](#quantity)", "half of the disk", "How much."},
		{"section.items", "map of [job](#job) to object", "", "Items."},
		{"section.items.<job>.policy", policies, "", "Policy."},
		{"section.items.<job>.on", "true or false", "", "On."},
		{"section.native", "list of native objects", "", "Native."},
		{"section.list", "list of objects", "`[{\"on\": false, policy: Never}]`", "List."},
		{"section.list[].policy", policies, "", "Policy."},
		{"section.list[].on", "true or false", "", "On."},
		{"section.flags", "list of [feature flags](#feature-flag)", "", "Flags."},
		{"section.token", "[secret](#secret)", "**required** with items", "Token."},
		{"section.labels", "map of string to string", "`{a: x, b: \"1\"}`", "Labels."},
		{"section.window", "[duration](#duration)", "`0s`", "Window."},
		{"section.kinds", "map of [kind](#kind) to list of whole numbers", "", "Kinds."},
		{"section.port", "whole number", "**required**", "Port."},
	}, got)
}

func TestKeysWithoutComment(t *testing.T) {
	type section struct {
		Port int `json:"port"`
	}
	_, err := keysOf(reflect.ValueOf(section{}), typeDocs{})
	assert.EqualError(t, err, "no comment on section.Port")
}

func TestText(t *testing.T) {
	assert.Equal(t, "kube\\_\\*: see `a_b` and https://example.com/a_b", text("kube_*: see `a_b` and https://example.com/a_b"))
}
