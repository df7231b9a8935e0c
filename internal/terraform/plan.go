package terraform

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// Instance is one resource or data source that the configuration asks for.
type Instance struct {
	Address string // module.route.google_service_account.this
	Type    string // with "data." before a data source's
	Values  cty.Value
	Range   hcl.Range
}

// Computed says what the service would answer for an attribute that the configuration does not set: set has those that it does.
type Computed func(i Instance, path []string, t cty.Type, set map[string]cty.Value) cty.Value

// Unknown is a plan's answer: nobody knows before it is made. What then cannot be planned is an error.
func Unknown(_ Instance, _ []string, t cty.Type, _ map[string]cty.Value) cty.Value {
	return cty.UnknownVal(t)
}

// Plan evaluates the configuration in a folder, and the modules that it calls, with these variables. Its error has a line for
// each mistake.
func Plan(dir string, schema *Schema, variables map[string]cty.Value, computed Computed) (instances []Instance, outputs map[string]cty.Value, err error) {
	p := &planner{schema: schema, computed: computed}
	s := p.module(dir, "", variables, hcl.Range{Filename: dir})
	if s != nil {
		outputs = s.all()
	}
	slices.SortFunc(p.instances, func(a, b Instance) int { return strings.Compare(a.Address, b.Address) })
	return p.instances, outputs, errorOf(p.problems)
}

type planner struct {
	schema    *Schema
	computed  Computed
	instances []Instance
	problems  hcl.Diagnostics
}

func (p *planner) fail(at hcl.Range, format string, args ...any) {
	p.problems = append(p.problems, problem(at, format, args...))
}

// scope is a module that is called: what its expressions refer to is evaluated when it is first asked for.
type scope struct {
	*planner
	*Module
	prefix string // of addresses
	given  map[string]cty.Value
	values map[string]cty.Value // by reference
	busy   map[string]bool
}

func (p *planner) module(dir, prefix string, given map[string]cty.Value, at hcl.Range) *scope {
	m, err := Load(dir)
	if err != nil {
		p.fail(at, "%v", err)
		return nil
	}
	s := &scope{planner: p, Module: m, prefix: prefix, given: given, values: map[string]cty.Value{}, busy: map[string]bool{}}
	for name := range given {
		if m.Variables[name] == nil {
			p.fail(at, "%s has no variable %s", dir, name)
		}
	}
	return s
}

// all evaluates everything, and gives the outputs.
func (s *scope) all() map[string]cty.Value {
	for name := range s.Variables {
		s.value("var."+name, s.Variables[name].TypeRange)
	}
	for name, a := range s.Locals {
		s.value("local."+name, a.SrcRange)
	}
	for name, b := range s.Resources {
		s.value(name, b.TypeRange)
	}
	for name, b := range s.Modules {
		s.value("module."+name, b.TypeRange)
	}
	outputs := make(map[string]cty.Value)
	for name, b := range s.Outputs {
		for arg := range b.Body.Attributes {
			if !slices.Contains([]string{"value", "description", "sensitive"}, arg) {
				s.fail(b.TypeRange, "output has no argument %s", arg)
			}
		}
		if a := b.Body.Attributes["value"]; a != nil {
			outputs[name] = s.eval(a.Expr, nil)
		} else {
			s.fail(b.TypeRange, "output %s has no value", name)
		}
	}
	return outputs
}

// value is what a reference means.
func (s *scope) value(ref string, at hcl.Range) cty.Value {
	if v, ok := s.values[ref]; ok {
		return v
	}
	if s.busy[ref] {
		s.fail(at, "%s refers to itself", ref)
		return cty.DynamicVal
	}
	s.busy[ref] = true
	v := s.find(ref, at)
	s.values[ref], s.busy[ref] = v, false
	return v
}

func (s *scope) find(ref string, at hcl.Range) cty.Value {
	kind, name, _ := strings.Cut(ref, ".")
	switch {
	case kind == "var" && s.Variables[name] != nil:
		return s.variable(name, s.Variables[name])
	case kind == "local" && s.Locals[name] != nil:
		return s.eval(s.Locals[name].Expr, nil)
	case kind == "module" && s.Modules[name] != nil:
		return s.call(name, s.Modules[name])
	case ref == "path.module", ref == "path.root":
		return cty.StringVal(s.Dir)
	case s.Resources[ref] != nil:
		return s.resource(ref, s.Resources[ref])
	}
	s.fail(at, "there is no %s", ref)
	return cty.DynamicVal
}

// eval evaluates an expression, in which extra are names of its own place: each, count, iterators.
func (s *scope) eval(e hcl.Expression, extra map[string]cty.Value) cty.Value {
	tree := make(map[string]any)
	for _, t := range e.Variables() {
		if _, ok := extra[t.RootName()]; ok {
			continue
		}
		ref := reference(t)
		put(tree, strings.Split(ref, "."), s.value(ref, t.SourceRange()))
	}
	variables := make(map[string]cty.Value)
	for name, v := range tree {
		variables[name] = object(v)
	}
	for name, v := range extra {
		variables[name] = v
	}
	v, diags := e.Value(&hcl.EvalContext{Variables: variables, Functions: builtins})
	s.problems = append(s.problems, diags...)
	return v
}

func put(tree map[string]any, path []string, v cty.Value) {
	for ; len(path) > 1; path = path[1:] {
		next, ok := tree[path[0]].(map[string]any)
		if !ok {
			next = make(map[string]any)
			tree[path[0]] = next
		}
		tree = next
	}
	tree[path[0]] = v
}

func object(v any) cty.Value {
	tree, ok := v.(map[string]any)
	if !ok {
		return v.(cty.Value)
	}
	attrs := make(map[string]cty.Value)
	for name, inner := range tree {
		attrs[name] = object(inner)
	}
	return cty.ObjectVal(attrs)
}

// variable is what was given, or its default, as its type.
func (s *scope) variable(name string, b *hclsyntax.Block) cty.Value {
	for arg := range b.Body.Attributes {
		if !slices.Contains([]string{"type", "description", "default", "sensitive", "nullable"}, arg) {
			s.fail(b.TypeRange, "variable has no argument %s", arg)
		}
	}
	typed := b.Body.Attributes["type"]
	if typed == nil {
		s.fail(b.TypeRange, "variable %s has no type", name)
		return cty.DynamicVal
	}
	t, defaults, diags := typeexpr.TypeConstraintWithDefaults(typed.Expr)
	s.problems = append(s.problems, diags...)
	v, ok := s.given[name]
	if d := b.Body.Attributes["default"]; !ok && d != nil {
		v, ok = s.eval(d.Expr, nil), true
	}
	if !ok {
		s.fail(b.TypeRange, "variable %s is not set, and has no default", name)
		return cty.UnknownVal(t)
	}
	if defaults != nil && !v.IsNull() {
		v = defaults.Apply(v)
	}
	v, err := convert.Convert(v, t)
	if err != nil {
		s.fail(b.TypeRange, "variable %s: %v", name, err)
		return cty.UnknownVal(t)
	}
	for _, inner := range b.Body.Blocks {
		s.validate(name, inner, v)
	}
	return v
}

func (s *scope) validate(name string, b *hclsyntax.Block, v cty.Value) {
	condition, message := b.Body.Attributes["condition"], b.Body.Attributes["error_message"]
	if b.Type != "validation" || condition == nil || message == nil {
		s.fail(b.TypeRange, "variable %s: a block that is no validation with its condition and message", name)
		return
	}
	extra := map[string]cty.Value{"var": cty.ObjectVal(map[string]cty.Value{name: v})}
	if ok := s.eval(condition.Expr, extra); ok.IsKnown() && ok.Type() == cty.Bool && ok.False() {
		s.fail(b.TypeRange, "variable %s: %s", name, s.eval(message.Expr, extra).AsString())
	}
}

// call evaluates a module of another folder.
func (s *scope) call(name string, b *hclsyntax.Block) cty.Value {
	source := b.Body.Attributes["source"]
	if source == nil {
		s.fail(b.TypeRange, "module %s has no source", name)
		return cty.DynamicVal
	}
	dir := filepath.Join(s.Dir, s.eval(source.Expr, nil).AsString())
	return s.repeat(b, s.prefix+"module."+name, func(address string, extra map[string]cty.Value) cty.Value {
		given := make(map[string]cty.Value)
		for arg, a := range b.Body.Attributes {
			switch arg {
			case "source", "count", "for_each":
			case "depends_on":
				s.dependsOn(a)
			default:
				given[arg] = s.eval(a.Expr, extra)
			}
		}
		inner := s.module(dir, address+".", given, b.TypeRange)
		if inner == nil {
			return cty.DynamicVal
		}
		return cty.ObjectVal(inner.all())
	})
}
