package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// typeDocs are the comments of a package's types, and of their fields as
// Type.Field, each as one line.
type typeDocs map[string]string

func parseTypes(dir string) (typeDocs, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	docs := typeDocs{}
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		ast.Inspect(file, docs.collect)
	}
	return docs, nil
}

// collect descends to the type declarations of a file.
func (d typeDocs) collect(node ast.Node) bool {
	declaration, ok := node.(*ast.GenDecl)
	if !ok || declaration.Tok != token.TYPE {
		_, file := node.(*ast.File)
		return file
	}
	for _, spec := range declaration.Specs {
		spec := spec.(*ast.TypeSpec)
		d[spec.Name.Name] = oneLine(spec.Doc)
		if spec.Doc == nil {
			d[spec.Name.Name] = oneLine(declaration.Doc)
		}
		object, ok := spec.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, field := range object.Fields.List {
			for _, name := range field.Names {
				d[spec.Name.Name+"."+name.Name] = oneLine(field.Doc)
			}
		}
	}
	return false
}

func oneLine(comment *ast.CommentGroup) string {
	return strings.Join(strings.Fields(comment.Text()), " ")
}
