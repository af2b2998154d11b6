package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// instrumentation lists the packages with which metrics are created. Functions are read only
// in packages that import one of them; in others, declarations are.
var instrumentation = []string{
	"github.com/prometheus/client_golang/prometheus",
	"github.com/prometheus/client_golang/prometheus/promauto",
	"k8s.io/component-base/metrics",
	"k8s.io/kube-state-metrics/v2/pkg/metric",
}

// sourcePackage is a package as `go list` returns it, with its parsed files.
type sourcePackage struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
	ImportMap  map[string]string
	Deps       []string
	Module     *struct{ Path, Version string }

	types *types.Package
	files []*ast.File
	info  *types.Info // nil unless it is instrumented
}

// sources contains the packages of programs by import path.
type sources struct {
	fileSet  *token.FileSet
	packages map[string]*sourcePackage
}

// listSources returns the packages of programs, in the versions of the module in dir.
func listSources(dir string, programs []string) (*sources, error) {
	s := &sources{token.NewFileSet(), map[string]*sourcePackage{}}
	if len(programs) == 0 { // go list would list the package in dir
		return s, nil
	}
	command := exec.Command("go", append([]string{"list", "-e", "-deps", "-json=ImportPath,Dir,GoFiles,Imports,ImportMap,Deps,Module"}, programs...)...)
	command.Dir = dir
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %s: %w: %s", dir, err, stderr.String())
	}
	decoder := json.NewDecoder(bytes.NewReader(output))
	for {
		p := &sourcePackage{}
		switch err := decoder.Decode(p); {
		case errors.Is(err, io.EOF):
			return s, nil
		case err != nil:
			return nil, err
		}
		s.packages[p.ImportPath] = p
	}
}

// linked returns the instrumented packages of a program, in order of their paths.
func (s *sources) linked(program string) ([]*sourcePackage, error) {
	main, ok := s.packages[program]
	if !ok || main.Dir == "" {
		return nil, fmt.Errorf("no package %s", program)
	}
	var linked []*sourcePackage
	for _, path := range append(slices.Sorted(slices.Values(main.Deps)), program) {
		p := s.packages[path]
		if p == nil || !p.instrumented() {
			continue
		}
		if err := s.load(p); err != nil {
			return nil, err
		}
		linked = append(linked, p)
	}
	return linked, nil
}

// instrumented reports whether the package imports one of instrumentation.
func (p *sourcePackage) instrumented() bool {
	return slices.ContainsFunc(p.Imports, func(path string) bool { return slices.Contains(instrumentation, path) })
}

// instruments reports whether the package is one of instrumentation or below one.
func (p *sourcePackage) instruments() bool {
	return slices.ContainsFunc(instrumentation, func(path string) bool { return strings.HasPrefix(p.ImportPath+"/", path+"/") })
}

// load parses and type-checks a package and its imports. It ignores type errors, which leave
// types unknown.
func (s *sources) load(p *sourcePackage) error {
	if p.types != nil {
		return nil
	}
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(s.fileSet, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		p.files = append(p.files, file)
	}
	if p.instrumented() {
		p.info = &types.Info{
			Types:      map[ast.Expr]types.TypeAndValue{},
			Defs:       map[*ast.Ident]types.Object{},
			Uses:       map[*ast.Ident]types.Object{},
			Selections: map[*ast.SelectorExpr]*types.Selection{},
		}
	}
	checker := types.Config{
		Importer:         importer{s, p},
		IgnoreFuncBodies: p.info == nil,
		Error:            func(error) {},
		Sizes:            types.SizesFor("gc", "amd64"),
	}
	p.types, _ = checker.Check(p.ImportPath, s.fileSet, p.files, p.info)
	if p.info == nil {
		p.files = nil
	}
	return nil
}

// importer resolves the imports of one package.
type importer struct {
	*sources
	from *sourcePackage
}

func (i importer) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	if mapped, ok := i.from.ImportMap[path]; ok {
		path = mapped
	}
	p, ok := i.packages[path]
	if !ok {
		return nil, fmt.Errorf("no package %s", path)
	}
	if err := i.load(p); err != nil {
		return nil, err
	}
	return p.types, nil
}
