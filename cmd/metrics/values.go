package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// values finds the possible values of expressions in instrumented packages without running
// them. A variable can have every value that is ever assigned to it.
type values struct {
	packages map[*types.Package]*sourcePackage
	assigned map[types.Object][]ast.Expr             // to variables
	calls    map[types.Object][]*ast.CallExpr        // of functions
	literals map[*types.TypeName][]*ast.CompositeLit // of structs
	bodies   map[types.Object]*ast.FuncDecl          // of functions
	params   map[types.Object]param
	info     types.Info // of all packages

	scope scope
	depth int
}

// scope selects one call of each function and one literal of each struct, so that values of
// one call or literal are not combined with those of another.
type scope struct {
	calls    map[types.Object]*ast.CallExpr
	literals map[*types.TypeName]*ast.CompositeLit
}

// param is a parameter of a function.
type param struct {
	function types.Object
	index    int
	variadic bool
}

// keyOf stands for every key, and elementOf for every element, of a range expression.
type (
	keyOf     struct{ ast.Expr }
	elementOf struct{ ast.Expr }
)

// choice is the panic of an evaluation that depends on a call of a function, or on a literal
// of a struct, that the scope does not select.
type choice struct {
	function types.Object
	named    *types.TypeName
}

// index returns the values of packages, after reading all their assignments and calls.
func index(packages []*sourcePackage) *values {
	v := &values{
		packages: map[*types.Package]*sourcePackage{},
		assigned: map[types.Object][]ast.Expr{},
		calls:    map[types.Object][]*ast.CallExpr{},
		literals: map[*types.TypeName][]*ast.CompositeLit{},
		bodies:   map[types.Object]*ast.FuncDecl{},
		params:   map[types.Object]param{},
		info: types.Info{
			Types:      map[ast.Expr]types.TypeAndValue{},
			Defs:       map[*ast.Ident]types.Object{},
			Uses:       map[*ast.Ident]types.Object{},
			Selections: map[*ast.SelectorExpr]*types.Selection{},
		},
		scope: scope{map[types.Object]*ast.CallExpr{}, map[*types.TypeName]*ast.CompositeLit{}},
	}
	for _, p := range packages {
		v.packages[p.types] = p
		maps.Copy(v.info.Types, p.info.Types)
		maps.Copy(v.info.Defs, p.info.Defs)
		maps.Copy(v.info.Uses, p.info.Uses)
		maps.Copy(v.info.Selections, p.info.Selections)
	}
	for _, p := range packages {
		for _, file := range p.files {
			ast.Inspect(file, v.indexNode)
		}
	}
	return v
}

func (v *values) indexNode(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.ValueSpec:
		for i, name := range n.Names {
			if i < len(n.Values) {
				v.assign(name, n.Values[i])
			}
		}
	case *ast.AssignStmt:
		for i, left := range n.Lhs {
			switch {
			case len(n.Lhs) == len(n.Rhs):
				v.assign(left, n.Rhs[i])
			default:
				v.assign(left, nil)
			}
		}
	case *ast.RangeStmt:
		v.assign(n.Key, keyOf{n.X})
		v.assign(n.Value, elementOf{n.X})
	case *ast.FuncDecl:
		function := v.info.Defs[n.Name]
		v.bodies[function] = n
		index := 0
		for _, field := range n.Type.Params.List {
			_, variadic := field.Type.(*ast.Ellipsis)
			for _, name := range field.Names {
				v.params[v.info.Defs[name]] = param{function, index, variadic}
				index++
			}
		}
	case *ast.CallExpr:
		if function := v.callee(n); function != nil {
			v.calls[function] = append(v.calls[function], n)
		}
	case *ast.CompositeLit:
		if named := structOf(v.info.Types[n].Type); named != nil {
			v.literals[named] = append(v.literals[named], n)
		}
	}
	return true
}

// assign records an assignment to a variable or a field. A nil value is not known.
func (v *values) assign(to, value ast.Expr) {
	name, ok := to.(*ast.Ident)
	if field, isField := to.(*ast.SelectorExpr); isField {
		name, ok = field.Sel, true
	}
	if !ok {
		return
	}
	if object := v.object(name); object != nil {
		v.assigned[object] = append(v.assigned[object], value)
	}
}

func (v *values) object(name *ast.Ident) types.Object {
	if object := v.info.Defs[name]; object != nil {
		return object
	}
	return v.info.Uses[name]
}

// callee returns the function or method that a call names, or nil if it is not known.
func (v *values) callee(call *ast.CallExpr) types.Object {
	var name *ast.Ident
	switch f := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		name = f
	case *ast.SelectorExpr:
		name = f.Sel
	default:
		return nil
	}
	function, ok := v.info.Uses[name].(*types.Func)
	if !ok {
		return nil
	}
	return function.Origin()
}

// structOf returns the name of a named struct type or a pointer to one, or nil.
func structOf(t types.Type) *types.TypeName {
	if t == nil {
		return nil
	}
	if pointer, ok := t.Underlying().(*types.Pointer); ok {
		t = pointer.Elem()
	}
	named, ok := types.Unalias(t).(*types.Named)
	if !ok {
		return nil
	}
	if _, ok := named.Underlying().(*types.Struct); !ok {
		return nil
	}
	return named.Obj()
}

// each calls f for every combination of calls and literals on which its result depends.
func (v *values) each(f func()) { v.eachBelow(f, 0) }

// maxChoices is the number of choices in a combination; further ones are not known.
const maxChoices = 4

func (v *values) eachBelow(f func(), chosen int) {
	needed := v.try(f)
	switch {
	case needed == nil:
	case needed.function != nil:
		calls := v.calls[needed.function]
		if chosen == maxChoices {
			calls = nil
		}
		for _, call := range append(calls, nil)[:max(len(calls), 1)] {
			v.scope.calls[needed.function] = call
			v.eachBelow(f, chosen+1)
		}
		delete(v.scope.calls, needed.function)
	default:
		literals := v.literals[needed.named]
		if chosen == maxChoices {
			literals = nil
		}
		for _, literal := range append(literals, nil)[:max(len(literals), 1)] {
			v.scope.literals[needed.named] = literal
			v.eachBelow(f, chosen+1)
		}
		delete(v.scope.literals, needed.named)
	}
}

// try calls f and returns the choice that it needs, or nil.
func (v *values) try(f func()) (needed *choice) {
	v.depth = 0
	defer func() {
		if r := recover(); r != nil {
			c, ok := r.(choice)
			if !ok {
				panic(r)
			}
			needed = &c
		}
	}()
	f()
	return nil
}

// resolve returns the expressions that an expression stands for, such as the values that are
// assigned to a variable. Nil stands for an unknown value.
func (v *values) resolve(expr ast.Expr) []ast.Expr {
	if v.depth++; v.depth > 10000 {
		return []ast.Expr{nil}
	}
	switch e := expr.(type) {
	case *ast.ParenExpr:
		return v.resolve(e.X)
	case *ast.UnaryExpr:
		if e.Op == token.AND {
			return v.resolve(e.X)
		}
	case *ast.StarExpr:
		return v.resolve(e.X)
	case *ast.Ident:
		if e.Name == "nil" {
			return []ast.Expr{e}
		}
		return v.variable(v.object(e))
	case *ast.SelectorExpr:
		if field, ok := v.info.Selections[e]; ok {
			return v.field(e, field)
		}
		return v.variable(v.info.Uses[e.Sel])
	case *ast.IndexExpr:
		return v.elements(e.X, func(pair *ast.KeyValueExpr) ast.Expr { return pair.Value })
	case elementOf:
		return v.elements(e.Expr, func(pair *ast.KeyValueExpr) ast.Expr { return pair.Value })
	case keyOf:
		if _, ok := v.info.Types[e.Expr].Type.Underlying().(*types.Map); !ok {
			return []ast.Expr{nil}
		}
		return v.elements(e.Expr, func(pair *ast.KeyValueExpr) ast.Expr { return pair.Key })
	}
	return []ast.Expr{expr}
}

// elements returns the elements of literals. half selects the key or the value of pairs.
func (v *values) elements(of ast.Expr, half func(*ast.KeyValueExpr) ast.Expr) []ast.Expr {
	var elements []ast.Expr
	for _, resolved := range v.resolve(of) {
		literal, ok := resolved.(*ast.CompositeLit)
		if !ok {
			return []ast.Expr{nil}
		}
		for _, element := range literal.Elts {
			if pair, ok := element.(*ast.KeyValueExpr); ok {
				element = half(pair)
			}
			elements = append(elements, element)
		}
	}
	return elements
}

func (v *values) variable(object types.Object) []ast.Expr {
	if p, ok := v.params[object]; ok {
		call, chosen := v.scope.calls[p.function]
		if !chosen {
			panic(choice{function: p.function})
		}
		if call == nil || p.index >= len(call.Args) {
			return []ast.Expr{nil}
		}
		if p.variadic && call.Ellipsis == token.NoPos {
			return []ast.Expr{&ast.CompositeLit{Elts: call.Args[p.index:]}}
		}
		return v.resolve(call.Args[p.index])
	}
	assigned := v.assigned[object]
	if len(assigned) == 0 {
		return []ast.Expr{nil}
	}
	var found []ast.Expr
	for _, value := range assigned {
		if value == nil || v.refersTo(value, object) {
			found = append(found, value)
			continue
		}
		found = append(found, v.resolve(value)...)
	}
	return found
}

// refersTo reports whether an expression contains a variable, as in s = append(s, x).
func (v *values) refersTo(expr ast.Expr, object types.Object) bool {
	switch e := expr.(type) {
	case keyOf:
		expr = e.Expr
	case elementOf:
		expr = e.Expr
	}
	found := false
	ast.Inspect(expr, func(node ast.Node) bool {
		name, ok := node.(*ast.Ident)
		found = found || ok && v.object(name) == object
		return !found
	})
	return found
}

// field returns a field's values in the selected literal of its struct, and those that are
// ever assigned to it.
func (v *values) field(e *ast.SelectorExpr, selection *types.Selection) []ast.Expr {
	if len(selection.Index()) != 1 {
		return []ast.Expr{nil}
	}
	assigned := v.assigned[selection.Obj()]
	var found []ast.Expr
	for _, literal := range v.structs(e.X) {
		switch {
		case literal != nil:
			if value := v.fieldOf(literal, e.Sel.Name); value != nil {
				found = append(found, v.resolve(value)...)
			}
		case len(assigned) == 0:
			return []ast.Expr{nil}
		}
	}
	for _, value := range assigned {
		if value == nil {
			return []ast.Expr{nil}
		}
		found = append(found, v.resolve(value)...)
	}
	return found
}

// structs returns the literals that a struct can be, or the selected one if its type has a
// name. Nil stands for an unknown literal.
func (v *values) structs(expr ast.Expr) []*ast.CompositeLit {
	if named := structOf(v.info.Types[expr].Type); named != nil {
		literal, chosen := v.scope.literals[named]
		if !chosen {
			panic(choice{named: named})
		}
		return []*ast.CompositeLit{literal}
	}
	var found []*ast.CompositeLit
	for _, resolved := range v.resolve(expr) {
		literal, _ := resolved.(*ast.CompositeLit)
		found = append(found, literal)
	}
	return found
}

// fieldOf returns a field's value in a literal, or nil if it is not set.
func (v *values) fieldOf(literal *ast.CompositeLit, name string) ast.Expr {
	for i, element := range literal.Elts {
		switch e := element.(type) {
		case *ast.KeyValueExpr:
			if key, ok := e.Key.(*ast.Ident); ok && key.Name == name {
				return e.Value
			}
		default:
			t := v.info.Types[literal].Type
			if t == nil {
				return nil
			}
			if s, ok := t.Underlying().(*types.Struct); ok && i < s.NumFields() && s.Field(i).Name() == name {
				return e
			}
		}
	}
	return nil
}

// texts returns the possible values of a string; known reports whether these are all.
func (v *values) texts(expr ast.Expr) (texts []string, known bool) {
	if expr == nil {
		return nil, false
	}
	if value := v.info.Types[expr].Value; value != nil && value.Kind() == constant.String {
		return []string{constant.StringVal(value)}, true
	}
	return union(v.resolve(expr), v.text)
}

func (v *values) text(expr ast.Expr) ([]string, bool) {
	if expr == nil {
		return nil, false
	}
	if value := v.info.Types[expr].Value; value != nil && value.Kind() == constant.String {
		return []string{constant.StringVal(value)}, true
	}
	switch e := expr.(type) {
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return v.combined([]ast.Expr{e.X, e.Y}, func(parts []string) string { return parts[0] + parts[1] })
		}
	case *ast.CallExpr:
		function := v.callee(e)
		if function == nil || function.Pkg() == nil {
			if v.info.Types[e.Fun].IsType() && len(e.Args) == 1 {
				return v.texts(e.Args[0])
			}
			return nil, false
		}
		switch path.Base(function.Pkg().Path()) + "." + function.Name() {
		case "prometheus.BuildFQName", "metrics.BuildFQName":
			return v.combined(e.Args, func(parts []string) string { return prometheus.BuildFQName(parts[0], parts[1], parts[2]) })
		case "fmt.Sprintf":
			return v.combined(e.Args, func(parts []string) string {
				var args []any
				for _, part := range parts[1:] {
					args = append(args, part)
				}
				return fmt.Sprintf(parts[0], args...)
			})
		case "strings.ToLower":
			return v.combined(e.Args, func(parts []string) string { return strings.ToLower(parts[0]) })
		case "strings.ReplaceAll":
			return v.combined(e.Args, func(parts []string) string { return strings.ReplaceAll(parts[0], parts[1], parts[2]) })
		}
		return v.returned(e, v.texts)
	}
	return nil, false
}

// returned evaluates the results of the function of a call.
func (v *values) returned(call *ast.CallExpr, evaluate func(ast.Expr) ([]string, bool)) (found []string, known bool) {
	function := v.callee(call)
	body := v.bodies[function]
	if _, busy := v.scope.calls[function]; body == nil || body.Body == nil || busy {
		return nil, false
	}
	v.scope.calls[function] = call
	defer delete(v.scope.calls, function)
	known = true
	ast.Inspect(body.Body, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			if len(n.Results) != 1 {
				known = false
				return false
			}
			some, all := evaluate(n.Results[0])
			found, known = append(found, some...), known && all
		}
		return true
	})
	return found, known
}

// combined applies f to every combination of the possible values of parts.
func (v *values) combined(parts []ast.Expr, f func([]string) string) ([]string, bool) {
	combinations := [][]string{nil}
	for _, part := range parts {
		texts, known := v.texts(part)
		if !known {
			return nil, false
		}
		if len(texts) == 0 {
			texts = []string{""}
		}
		var next [][]string
		for _, before := range combinations {
			for _, text := range texts {
				next = append(next, append(slices.Clone(before), text))
			}
		}
		combinations = next
	}
	var found []string
	for _, combination := range combinations {
		found = append(found, f(combination))
	}
	return found, true
}

// union evaluates expressions together; known reports whether all values are.
func union[T any](exprs []ast.Expr, evaluate func(ast.Expr) ([]T, bool)) (found []T, known bool) {
	known = true
	for _, expr := range exprs {
		some, all := evaluate(expr)
		found, known = append(found, some...), known && all
	}
	return found, known
}

// list evaluates a slice: nil, a literal of elements, or what a function returns.
func list[T any](v *values, expr ast.Expr, element func(ast.Expr) ([]T, bool), returned func(*ast.CallExpr) ([]T, bool)) ([]T, bool) {
	return union(v.resolve(expr), func(expr ast.Expr) ([]T, bool) {
		switch e := expr.(type) {
		case *ast.Ident:
			return nil, e.Name == "nil"
		case *ast.CompositeLit:
			return union(e.Elts, element)
		case *ast.CallExpr:
			return returned(e)
		}
		return nil, false
	})
}

// concatenated evaluates a call that returns a slice of its arguments, which are
// slices; of append, elements may follow the first.
func concatenated[T any](v *values, call *ast.CallExpr, slice, element func(ast.Expr) ([]T, bool)) ([]T, bool) {
	args := call.Args
	// In s = append(s, x) the other values of s are evaluated anyway.
	if variable, ok := args[0].(*ast.Ident); ok && slices.Contains(v.assigned[v.object(variable)], ast.Expr(call)) {
		args = args[1:]
	}
	return union(args, func(arg ast.Expr) ([]T, bool) {
		if isBuiltin(call, "append") && arg != call.Args[0] && call.Ellipsis == token.NoPos {
			return element(arg)
		}
		return slice(arg)
	})
}

func isBuiltin(call *ast.CallExpr, name string) bool {
	function, ok := ast.Unparen(call.Fun).(*ast.Ident)
	return ok && function.Name == name
}

// names returns the strings in a []string, or the keys of a map of constant labels;
// known reports whether these are all.
func (v *values) names(expr ast.Expr) (names []string, known bool) {
	element := func(expr ast.Expr) ([]string, bool) {
		if pair, ok := expr.(*ast.KeyValueExpr); ok {
			expr = pair.Key
		}
		return v.texts(expr)
	}
	return list(v, expr, element, func(call *ast.CallExpr) ([]string, bool) {
		function := v.callee(call)
		switch {
		case isBuiltin(call, "make"):
			return nil, true
		case isBuiltin(call, "append"), function != nil && function.Pkg() != nil && function.Pkg().Path() == "slices" && (function.Name() == "Concat" || function.Name() == "Clone"):
			return concatenated(v, call, v.names, v.texts)
		case v.info.Types[call.Fun].IsType() && len(call.Args) == 1:
			return v.names(call.Args[0])
		case function != nil:
			return v.returned(call, v.names)
		}
		return nil, false
	})
}

// numbers returns the numbers in a []float64; known reports whether these are all.
func (v *values) numbers(expr ast.Expr) (numbers []float64, known bool) {
	if selector, ok := expr.(*ast.SelectorExpr); ok && selector.Sel.Name == "DefBuckets" {
		return prometheus.DefBuckets, true
	}
	element := func(expr ast.Expr) ([]float64, bool) {
		number, known := v.number(expr)
		return []float64{number}, known
	}
	return list(v, expr, element, func(call *ast.CallExpr) ([]float64, bool) {
		function := v.callee(call)
		switch {
		case isBuiltin(call, "append") || isBuiltin(call, "merge") || function != nil && function.Name() == "MergeBuckets":
			numbers, known := concatenated(v, call, v.numbers, element)
			if function != nil && function.Pkg().Path() == "k8s.io/component-base/metrics" {
				numbers = append([]float64{0}, numbers...) // as MergeBuckets does
			}
			return numbers, known
		case function != nil && len(call.Args) == 3:
			args, known := union(call.Args, element)
			if !known {
				return nil, false
			}
			switch function.Name() {
			case "LinearBuckets":
				return prometheus.LinearBuckets(args[0], args[1], int(args[2])), true
			case "ExponentialBuckets":
				return prometheus.ExponentialBuckets(args[0], args[1], int(args[2])), true
			case "ExponentialBucketsRange":
				return prometheus.ExponentialBucketsRange(args[0], args[1], int(args[2])), true
			}
		}
		return nil, false
	})
}

func (v *values) number(expr ast.Expr) (float64, bool) {
	value := v.info.Types[expr].Value
	if value == nil {
		resolved := v.resolve(expr)
		if len(resolved) != 1 || resolved[0] == nil {
			return 0, false
		}
		if value = v.info.Types[resolved[0]].Value; value == nil {
			return 0, false
		}
	}
	number := constant.ToFloat(value)
	if number.Kind() != constant.Float {
		return 0, false
	}
	f, _ := constant.Float64Val(number)
	return f, true
}
