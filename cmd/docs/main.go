// Command docs generates files from the types, comments, defaults and scrape jobs
// of package config: the config reference, the table of scrape jobs, a JSON Schema
// of stack files, and the keys in Pulumi.yaml; and, from the rules, the index of
// runbooks and what each of them says about its alert. Run it in the root of the
// repository: `make docs`.
//
// A field's comment is its description. A last sentence that starts with
// "Required" marks a required key: "Required." always, "Required with url." under
// a condition. A last clause "; X unless set." describes the value of a key that
// is not set.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// document is a file that is generated, in full or in part.
type document struct {
	name string // path in the repository
	// write returns the new text. old is empty if the file does not exist.
	write func(old []byte, src source) ([]byte, error)
}

// single lists the documents that are one of a kind. Each runbook is another document.
var single = []document{
	{"docs/config.md", writeReference},
	{"docs/scraping.md", writeJobs},
	{"docs/operations.md", writeSizes},
	{"docs/runbooks/README.md", writeRunbooks},
	{"config/schema.json", writeSchema},
	{"Pulumi.yaml", writeProject},
}

// source holds what documents are generated from.
type source struct {
	root     string            // of the work tree
	defaults reflect.Value     // of type config.Config
	comments comments          // of package config
	runbooks map[string]string // what tables say about each alert, as Markdown, by its name
}

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}

// run writes the documents that have changed. root is the root of the repository.
func run(root string) error {
	src, err := load(root)
	if err != nil {
		return err
	}
	for _, doc := range src.documents() {
		old, text, err := doc.generate(root, src)
		if err != nil {
			return err
		}
		if bytes.Equal(old, text) {
			continue
		}
		fmt.Println("writing", doc.name)
		if err := os.WriteFile(filepath.Join(root, doc.name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// load reads the source of documents in the repository at root.
func load(root string) (source, error) {
	found, err := parseComments(filepath.Join(root, "config"))
	if err != nil {
		return source{}, err
	}
	runbooks, err := alertFacts()
	return source{root, reflect.ValueOf(config.Default()), found, runbooks}, err
}

// documents returns every document: the single ones and the runbooks.
func (s source) documents() []document {
	all := slices.Clone(single)
	for _, alert := range slices.Sorted(maps.Keys(s.runbooks)) {
		all = append(all, document{"docs/runbooks/" + alert + ".md", func(old []byte, _ source) ([]byte, error) {
			return writeRunbook(old, s.runbooks[alert])
		}})
	}
	return all
}

// generate returns the text of a document as it is, empty if there is none, and as it should be.
func (d document) generate(root string, src source) (old, text []byte, err error) {
	old, err = os.ReadFile(filepath.Join(root, d.name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	if text, err = d.write(old, src); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", d.name, err)
	}
	return old, text, nil
}
