package condition

import (
	"fmt"
	"maps"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"

	"tiercel.dev/rules/field"
)

// An Issue is one thing wrong with a condition.
type Issue struct {
	Offset  int // in characters from the start of the text
	Message string
	// Warning says that the condition can be compiled nevertheless.
	Warning bool
}

// A Compiler turns text into conditions. Give it all lists and macros first. It is not safe for concurrent use.
type Compiler struct {
	env     *cel.Env
	lists   map[string]*List
	macros  map[string]*macro
	dynamic *Lists
	factory ast.ExprFactory
	// keyed holds the fields with keys that env knows.
	keyed map[string]*field.Field
}

// NewCompiler returns a compiler whose conditions read dynamic lists from the given holder.
func NewCompiler(dynamic *Lists) (*Compiler, error) {
	env, err := newEnv()
	if err != nil {
		return nil, fmt.Errorf("language of conditions: %w", err)
	}
	return &Compiler{env: env, dynamic: dynamic, factory: ast.NewExprFactory(), lists: map[string]*List{},
		macros: map[string]*macro{}, keyed: map[string]*field.Field{}}, nil
}

// DefineLists makes the names stand for lists in the conditions compiled after.
func (c *Compiler) DefineLists(lists map[string]*List) error {
	var options []cel.EnvOption
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		of := cel.StringType
		if lists[name].Of == OfInt {
			of = cel.IntType
		}
		options = append(options, cel.Variable(name, cel.ListType(of)))
	}
	env, err := c.env.Extend(options...)
	if err != nil {
		return fmt.Errorf("lists: %w", err)
	}
	c.env = env
	maps.Copy(c.lists, lists)
	return nil
}

// Compile makes a condition of text. The condition is nil if any issue is more than a warning.
func (c *Compiler) Compile(text string) (*Condition, []Issue) {
	p, issues := c.parse(text)
	if p == nil {
		return nil, issues
	}
	cond, issues := c.finish(p)
	if cond != nil {
		cond.findFilter()
	}
	return cond, issues
}

// finish checks the types of an expanded condition and compiles it.
func (c *Compiler) finish(p *parsed) (*Condition, []Issue) {
	if err := c.declareKeyed(p.fields); err != nil {
		return nil, []Issue{{Message: err.Error()}}
	}
	checked, issues := c.env.Check(p.ast)
	if issues.Err() != nil {
		return nil, p.issuesOf(issues)
	}
	if out := checked.OutputType(); !out.IsExactType(cel.BoolType) {
		return nil, []Issue{{Message: fmt.Sprintf("a condition is a bool, not %s", out)}}
	}
	cond := &Condition{Text: p.text, ast: checked, env: c.env, lists: p.lists, all: c.lists, dynamic: c.dynamic,
		compiler: c, parsed: p}
	b := &building{c: c, tree: checked.NativeRep(), p: p}
	cond.root = b.boolean(checked.NativeRep().Expr())
	if failed(b.issues) {
		return nil, b.issues
	}
	cond.Fields = sortedFields(b.fields)
	return cond, b.issues
}

func failed(issues []Issue) bool {
	return slices.ContainsFunc(issues, func(i Issue) bool { return !i.Warning })
}

func sortedFields(fields map[string]*field.Field) []*field.Field {
	var out []*field.Field
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		out = append(out, fields[name])
	}
	return out
}

// declareKeyed makes the type checker know fields with keys, of which there are without end.
func (c *Compiler) declareKeyed(fields map[string]*field.Field) error {
	var options []cel.EnvOption
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if c.keyed[name] == nil {
			c.keyed[name] = fields[name]
			options = append(options, cel.Variable(name, celType(fields[name].Type)), cel.Variable(presence(name), cel.BoolType))
		}
	}
	if options == nil {
		return nil
	}
	env, err := c.env.Extend(options...)
	if err == nil {
		c.env = env
	}
	return err
}
