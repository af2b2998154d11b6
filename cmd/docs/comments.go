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

// comments holds the doc comments of a package's types by name, and of their fields
// by Type.Field, each on one line.
type comments map[string]string

// parseComments returns the comments of the package in dir, without its tests.
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

// collect adds the comments of a file's type declarations. It is an argument of ast.Inspect:
// it reports whether to descend into node.
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

// oneLine returns the text of a comment with its line breaks replaced by spaces.
func oneLine(comment *ast.CommentGroup) string {
	return strings.Join(strings.Fields(comment.Text()), " ")
}

// ofType returns the comment of a type without the name and the verb that it
// starts with. For "Job is a scrape job." it returns "A scrape job.", say.
func (c comments) ofType(t reflect.Type) string {
	words := strings.SplitN(c[t.Name()], " ", 3)
	if len(words) < 3 {
		return c[t.Name()]
	}
	return upperFirst(words[2])
}

// upperFirst returns s with its first letter in upper case.
func upperFirst(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}

// splitUnset returns a comment without its last sentence or clause if that is about
// a key that is not set, and what it says about it: "**required**", with a condition
// if there is one, or the value that the key then has.
func splitUnset(comment string) (description, unset string) {
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

// isRequired reports whether a comment marks a key as required without a condition.
func isRequired(comment string) bool {
	return comment == "Required." || strings.HasSuffix(comment, ". Required.")
}
