package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
)

// comments are the doc comments of a package's types, and of their fields as
// Type.Field, each on one line.
type comments map[string]string

func parseComments(dir string) (comments, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	found := comments{}
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		ast.Inspect(file, found.collect)
	}
	return found, nil
}

// collect adds the type declarations of a file.
func (c comments) collect(node ast.Node) bool {
	declaration, ok := node.(*ast.GenDecl)
	if !ok || declaration.Tok != token.TYPE {
		_, file := node.(*ast.File)
		return file
	}
	for _, spec := range declaration.Specs {
		spec := spec.(*ast.TypeSpec)
		c[spec.Name.Name] = oneLine(spec.Doc)
		if spec.Doc == nil {
			c[spec.Name.Name] = oneLine(declaration.Doc)
		}
		object, ok := spec.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, field := range object.Fields.List {
			for _, name := range field.Names {
				c[spec.Name.Name+"."+name.Name] = oneLine(field.Doc)
			}
		}
	}
	return false
}

func oneLine(comment *ast.CommentGroup) string {
	return strings.Join(strings.Fields(comment.Text()), " ")
}

// ofType returns the comment of a type without the name and the verb that it
// starts with: "A scrape job." for "Job is a scrape job."
func (c comments) ofType(t reflect.Type) string {
	words := strings.SplitN(c[t.Name()], " ", 3)
	if len(words) < 3 {
		return c[t.Name()]
	}
	return upperFirst(words[2])
}

func upperFirst(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}

// split takes a comment apart: the description, and what its last sentence or
// clause says about a key that is not set.
func split(comment string) (description, unset string) {
	sentences := strings.Split(comment, ". ")
	last := sentences[len(sentences)-1]
	if rest, ok := strings.CutPrefix(last, "Required"); ok {
		return strings.TrimSpace(strings.TrimSuffix(comment, last)), "**required**" + strings.TrimSuffix(rest, ".")
	}
	if clause, ok := strings.CutSuffix(comment, " unless set."); ok {
		if i := strings.LastIndex(clause, "; "); i >= 0 {
			return clause[:i] + ".", clause[i+len("; "):]
		}
	}
	return comment, ""
}

// required reports whether a comment says that a key has to be set, whatever
// else is.
func required(comment string) bool {
	return comment == "Required." || strings.HasSuffix(comment, ". Required.")
}
