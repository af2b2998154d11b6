package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// What is between these lines of README.md is generated.
const (
	begin = "<!-- Written by `make docs` from the comments and defaults in config/. -->\n"
	end   = "<!-- End of what `make docs` writes. -->\n"
)

// writeReference replaces the reference in a README.
func writeReference(old []byte, keys []key, types typeDocs) ([]byte, error) {
	head, rest, begun := bytes.Cut(old, []byte(begin))
	_, tail, ended := bytes.Cut(rest, []byte(end))
	if !begun || !ended {
		return nil, errors.New("the lines that enclose the config reference are missing")
	}
	return slices.Concat(head, []byte(begin), reference(keys, types), []byte(end), tail), nil
}

// reference is a table for each top-level key, and what its types are.
func reference(keys []key, types typeDocs) []byte {
	var b bytes.Buffer
	named := map[reflect.Type]bool{}
	for _, k := range keys {
		for _, t := range k.names {
			named[t] = true
		}
		if !strings.Contains(k.path, ".") {
			fmt.Fprintf(&b, "\n### %s\n\n%s\n\n| Key | Value | Default | Description |\n| --- | --- | --- | --- |\n", k.path, text(k.description))
			continue
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.path, cell(k.kind), cell(k.value), cell(text(k.description)))
	}
	b.WriteString("\n### Values\n")
	for _, t := range slices.SortedFunc(maps.Keys(named), func(a, b reflect.Type) int { return cmp.Compare(anchor(a), anchor(b)) }) {
		fmt.Fprintf(&b, "\n#### %s\n\n", words(t))
		if notation := notationOf(t); notation != "" {
			fmt.Fprintf(&b, "Written as %s.\n", notation)
			continue
		}
		fmt.Fprintf(&b, "%s Allowed: %s.\n", text(types[t.Name()]), codes(valuesOf(t)))
		if t == reflect.TypeFor[config.Platform]() {
			b.WriteString("\n" + platforms())
		}
	}
	b.WriteByte('\n')
	return b.Bytes()
}

var codeOrLink = regexp.MustCompile("`[^`]*`|https?://[^ ]+")

// text is a comment as Markdown: characters that Go comments don't know as
// markup are escaped, outside code and links.
func text(comment string) string {
	escape := strings.NewReplacer("*", `\*`, "_", `\_`, "<", `\<`, "[", `\[`).Replace
	var b strings.Builder
	from := 0
	for _, at := range codeOrLink.FindAllStringIndex(comment, -1) {
		b.WriteString(escape(comment[from:at[0]]) + comment[at[0]:at[1]])
		from = at[1]
	}
	b.WriteString(escape(comment[from:]))
	return b.String()
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

// cell is Markdown inside a table.
func cell(markdown string) string { return strings.ReplaceAll(markdown, "|", `\|`) }
