package check

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"tiercel.dev/rules/condition"
	"tiercel.dev/rules/source"
)

// An expression is compiled, with what it reads.
type expression struct {
	*condition.Expression
	text string
	sets []string // the sets whose items it reads, itself or by macros
	path *path    // not nil if it is a path and nothing else
}

// A path leads from a variable over fields and keys.
type path struct {
	variable string
	keys     []string
}

// secrets are fields that nothing reads: whoever gets a report is not to get these.
var secrets = map[string]bool{"client_key": true, "password": true}

// A compiler makes expressions of texts: its language grows with each list and macro.
type compiler struct {
	dialect *condition.Dialect
	macros  map[string]*expression
	lists   map[string][]string
}

// expression compiles what stands in a scalar, or in a part of one that begins at an offset.
func (c *compiler) expression(f *source.Reader, at source.Text, offset int, text string) *expression {
	compiled, issues := c.dialect.Expression(text, programOptions...)
	for _, i := range issues {
		f.Add(at.Error(offset+i.Offset, i.Message))
	}
	if compiled == nil {
		return nil
	}
	e := &expression{Expression: compiled, text: text, path: pathOf(compiled.Tree)}
	walk(compiled.Tree, nil, func(n ast.Expr, bound map[string]bool) {
		switch n.Kind() {
		case ast.SelectKind:
			if name := n.AsSelect().FieldName(); secrets[name] {
				f.Add(at.Error(offset, fmt.Sprintf("%s is a secret: no check reads it", name)))
			}
		case ast.IdentKind:
			name := n.AsIdent()
			if m := c.macros[name]; m != nil && !bound[name] {
				e.sets = append(e.sets, m.sets...)
			} else if isSet(name) && !bound[name] {
				e.sets = append(e.sets, name)
			}
		}
	})
	slices.Sort(e.sets)
	e.sets = slices.Compact(e.sets)
	return e
}

// condition compiles a bool. What stands in an object has no type before it is evaluated: that it is no bool shows then.
func (c *compiler) condition(f *source.Reader, at source.Text) *expression {
	e := c.expression(f, at, 0, at.Value)
	if e != nil && !e.Type.IsExactType(types.BoolType) && !e.Type.IsExactType(types.DynType) {
		f.Add(at.Error(0, fmt.Sprintf("a condition is a bool, not %s", e.Type)))
		return nil
	}
	return e
}

// pathOf is the path that a tree is; nil if it is something else.
func pathOf(e ast.Expr) *path {
	switch e.Kind() {
	case ast.IdentKind:
		if _, ok := variablesByName[e.AsIdent()]; ok {
			return &path{variable: e.AsIdent()}
		}
	case ast.SelectKind:
		if p := pathOf(e.AsSelect().Operand()); p != nil && !e.AsSelect().IsTestOnly() {
			return p.below(e.AsSelect().FieldName())
		}
	case ast.CallKind:
		c := e.AsCall()
		if c.FunctionName() != operators.Index || c.Args()[1].Kind() != ast.LiteralKind {
			return nil
		}
		key, isText := c.Args()[1].AsLiteral().(types.String)
		if p := pathOf(c.Args()[0]); p != nil && isText {
			return p.below(string(key))
		}
	}
	return nil
}

func (p *path) below(key string) *path { return &path{p.variable, append(slices.Clone(p.keys), key)} }

func (p *path) String() string { return strings.Join(append([]string{p.variable}, p.keys...), ".") }
