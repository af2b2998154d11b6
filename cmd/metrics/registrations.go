package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/metrics"
)

// optionTypes maps the structs with options of a metric to the metric's type.
var optionTypes = map[string]model.MetricType{
	"CounterOpts":         model.MetricTypeCounter,
	"GaugeOpts":           model.MetricTypeGauge,
	"HistogramOpts":       model.MetricTypeHistogram,
	"TimingHistogramOpts": model.MetricTypeHistogram,
	"SummaryOpts":         model.MetricTypeSummary,
	"UntypedOpts":         model.MetricTypeUnknown,
	"Opts":                model.MetricTypeUnknown,
}

// registrations finds the metrics that packages create.
type registrations struct {
	*values
	fileSet *token.FileSet
	found   metrics.Exposition
	unknown map[string]bool // places of metrics whose names or buckets are known at run time only
	seen    map[*ast.CompositeLit]bool

	// instruments reports whether the package that is read is one of instrumentation, which
	// passes on the options of others and creates few metrics itself.
	instruments bool
}

// readMetrics returns the metrics that packages create in the files for which counts returns
// true, and the places of those that the sources do not determine.
func readMetrics(fileSet *token.FileSet, packages []*sourcePackage, counts func(name string, file *ast.File) bool) (metrics.Exposition, []string) {
	r := &registrations{
		values:  index(packages),
		fileSet: fileSet,
		found:   metrics.Exposition{},
		unknown: map[string]bool{},
		seen:    map[*ast.CompositeLit]bool{},
	}
	visit := func(p *sourcePackage, f func(ast.Node)) {
		r.instruments = p.instruments()
		for i, file := range p.files {
			if counts(p.ImportPath+"/"+p.GoFiles[i], file) {
				ast.Inspect(file, func(node ast.Node) bool { f(node); return true })
			}
		}
	}
	for _, p := range packages {
		visit(p, r.call)
	}
	for _, p := range packages {
		visit(p, r.literal)
	}
	return r.found, slices.Sorted(maps.Keys(r.unknown))
}

// call adds the metrics that a call creates: from options, as a description, or as a family
// of kube-state-metrics.
func (r *registrations) call(node ast.Node) {
	call, ok := node.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return
	}
	function := r.callee(call)
	if function == nil || function.Pkg() == nil {
		return
	}
	switch {
	case r.instruments && !isLiteral(call.Args[0]):
	case function.Name() == "NewDesc" && len(call.Args) >= 4:
		r.each(func() {
			names, known := r.texts(call.Args[0])
			labels, all := r.names(call.Args[2])
			constant, fixed := r.names(call.Args[3])
			r.add(call, names, known, metrics.Metric{Type: model.MetricTypeUnknown, Labels: append(labels, constant...), Open: !all || !fixed})
		})
	case strings.HasSuffix(function.Pkg().Path(), "/metric_generator") && strings.HasPrefix(function.Name(), "New") && len(call.Args) >= 5:
		r.each(func() {
			names, known := r.texts(call.Args[0])
			labels, all := r.familyLabels(call.Args[len(call.Args)-1])
			kind := model.MetricTypeGauge
			if selector, ok := call.Args[2].(*ast.SelectorExpr); ok && selector.Sel.Name == "Counter" {
				kind = model.MetricTypeCounter
			}
			r.add(call, names, known, metrics.Metric{Type: kind, Labels: labels, Open: !all})
		})
	case optionsOf(r.info.Types[call.Args[0]].Type) != "" && strings.HasPrefix(function.Name(), "New"):
		r.each(func() {
			for _, resolved := range r.resolve(call.Args[0]) {
				options, ok := resolved.(*ast.CompositeLit)
				if !ok {
					continue
				}
				var labels []string
				all := true
				for i, arg := range call.Args[1:] {
					if !isTexts(r.info.Types[arg].Type) {
						if constant := r.info.Types[arg].Type; constant != nil && constant.Underlying() == types.Typ[types.String] { // a label as an argument of its own
							text, known := r.texts(call.Args[i+1])
							labels, all = append(labels, text...), all && known
						}
						continue
					}
					some, known := r.names(arg)
					labels, all = append(labels, some...), all && known
				}
				r.options(options, labels, all)
			}
		})
	}
}

// literal adds the metrics of options that no call uses. Their labels are not known.
func (r *registrations) literal(node ast.Node) {
	options, ok := node.(*ast.CompositeLit)
	if !ok || r.instruments || r.seen[options] || optionsOf(r.info.Types[options].Type) == "" {
		return
	}
	r.each(func() { r.options(options, nil, false) })
}

// options adds the metric that options describe.
func (r *registrations) options(options *ast.CompositeLit, labels []string, all bool) {
	var parts [3][]string
	known := true
	for i, name := range []string{"Namespace", "Subsystem", "Name"} {
		parts[i] = []string{""}
		if value := r.fieldOf(options, name); value != nil {
			texts, ok := r.texts(value)
			parts[i], known = texts, known && ok
		}
	}
	m := metrics.Metric{Type: optionTypes[optionsOf(r.info.Types[options].Type)], Labels: labels, Open: !all}
	if constant := r.fieldOf(options, "ConstLabels"); constant != nil {
		some, ok := r.names(constant)
		m.Labels, m.Open = append(m.Labels, some...), m.Open || !ok
	}
	if m.Type == model.MetricTypeHistogram {
		bounds, ok := prometheus.DefBuckets, true
		if buckets := r.fieldOf(options, "Buckets"); buckets != nil {
			bounds, ok = r.numbers(buckets)
		} else if r.fieldOf(options, "NativeHistogramBucketFactor") != nil {
			bounds = nil
		}
		if !ok {
			r.unknown[r.at(options)+": buckets"] = true
		}
		m.Bounds = append(slices.Clone(bounds), math.Inf(1))
	}
	var names []string
	for _, namespace := range parts[0] {
		for _, subsystem := range parts[1] {
			for _, name := range parts[2] {
				names = append(names, prometheus.BuildFQName(namespace, subsystem, name))
			}
		}
	}
	r.seen[options] = true
	r.add(options, names, known, m)
}

// add adds a metric under each of its possible names.
func (r *registrations) add(at ast.Node, names []string, known bool, m metrics.Metric) {
	if !known {
		r.unknown[r.at(at)+": name"] = true
	}
	for _, name := range names {
		if !model.LegacyValidation.IsValidMetricName(name) || m.Labels != nil && slices.Contains(m.Labels, "") {
			continue
		}
		m.Name = name
		r.found.Add(m)
	}
}

// at returns the place of a node, as FILE:LINE.
func (r *registrations) at(node ast.Node) string {
	position := r.fileSet.Position(node.Pos())
	file := position.Filename
	if _, module, ok := strings.Cut(file, "/pkg/mod/"); ok {
		file = module
	}
	return fmt.Sprintf("%s:%d", file, position.Line)
}

// optionsOf returns the name of a type in optionTypes, or an empty string for another type.
func optionsOf(t types.Type) string {
	named := structOf(t)
	if named == nil || named.Pkg() == nil || !slices.Contains(instrumentation, named.Pkg().Path()) {
		return ""
	}
	if _, ok := optionTypes[named.Name()]; !ok {
		return ""
	}
	return named.Name()
}

// isLiteral reports whether an expression is a literal of options or a pointer to one.
func isLiteral(expr ast.Expr) bool {
	if pointer, ok := expr.(*ast.UnaryExpr); ok {
		expr = pointer.X
	}
	_, ok := expr.(*ast.CompositeLit)
	return ok
}

// isTexts reports whether a type is a slice of strings.
func isTexts(t types.Type) bool {
	if t == nil {
		return false
	}
	slice, ok := t.Underlying().(*types.Slice)
	return ok && types.Identical(slice.Elem().Underlying(), types.Typ[types.String])
}

// familyLabels returns the labels of a family of kube-state-metrics: all LabelKeys that the
// function that generates its metrics, and the functions that it calls, set.
func (r *registrations) familyLabels(generate ast.Expr) (labels []string, known bool) {
	known = true
	keys := func(value ast.Expr) {
		r.each(func() {
			some, all := r.names(value)
			labels, known = append(labels, some...), known && all
		})
	}
	visited := map[types.Object]bool{}
	var visit func(ast.Node) bool
	visit = func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "LabelKeys" {
				keys(n.Value)
			}
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				if selector, ok := left.(*ast.SelectorExpr); ok && selector.Sel.Name == "LabelKeys" {
					r.assignedKeys(n, i, keys)
				}
			}
		case *ast.Ident:
			function := r.info.Uses[n]
			if body := r.bodies[function]; body != nil && body.Body != nil && !visited[function] {
				visited[function] = true
				ast.Inspect(body.Body, visit)
			}
		}
		return true
	}
	ast.Inspect(generate, visit)
	return labels, known
}

// assignedKeys calls keys with the expressions that an assignment adds to LabelKeys, as in
//
//	m.LabelKeys, m.LabelValues = mergeKeyValues(keys, values, m.LabelKeys, m.LabelValues).
func (r *registrations) assignedKeys(n *ast.AssignStmt, i int, keys func(ast.Expr)) {
	if len(n.Lhs) == len(n.Rhs) {
		keys(n.Rhs[i])
		return
	}
	call, ok := n.Rhs[0].(*ast.CallExpr)
	if !ok {
		return
	}
	for i := 0; i < len(call.Args); i += 2 {
		if selector, ok := call.Args[i].(*ast.SelectorExpr); !ok || selector.Sel.Name != "LabelKeys" {
			keys(call.Args[i])
		}
	}
}
