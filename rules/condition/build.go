package condition

import (
	"fmt"
	"strings"
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"tiercel.dev/internal/event"
	"tiercel.dev/rules/field"
)

// building compiles one checked tree.
type building struct {
	c      *Compiler
	tree   *ast.AST
	p      *parsed
	issues []Issue
	fields map[string]*field.Field
	vars   map[string]variable
	slots  int

	special *special // nil for events of all kinds
	ids     map[int64]int
}

// A variable of a loop lives in a slot of the frame.
type variable struct {
	slot   int
	isAddr bool
}

func (b *building) issue(e ast.Expr, warning bool, format string, args ...any) {
	if len(b.issues) < maxIssues {
		b.issues = append(b.issues, Issue{Offset: b.p.at(e.ID()), Message: fmt.Sprintf(format, args...), Warning: warning})
	}
}

// unsupported is told of what the checker accepts and the language does not have.
func (b *building) unsupported(e ast.Expr) {
	b.issue(e, false, "%s values can't be used so", b.tree.GetType(e.ID()))
}

func (b *building) kind(e ast.Expr) types.Kind { return b.tree.GetType(e.ID()).Kind() }

// elem is the kind of a list's elements. A list that is empty may have any.
func (b *building) elem(e ast.Expr) types.Kind {
	t := b.tree.GetType(e.ID())
	if t.Kind() != types.ListKind || len(t.Parameters()) != 1 {
		return types.ErrorKind
	}
	if k := t.Parameters()[0].Kind(); k == types.IntKind || k == types.StringKind {
		return k
	}
	if e.Kind() == ast.ListKind && e.AsList().Size() == 0 {
		return types.StringKind
	}
	return types.ErrorKind
}

// fieldOf returns the field that an identifier names, and whether has() stands around it.
func (b *building) fieldOf(name string) (f *field.Field, present bool) {
	if inner, ok := strings.CutPrefix(name, "has("); ok {
		name, present = strings.TrimSuffix(inner, ")"), true
	}
	f = b.c.keyed[name]
	if f == nil {
		f, _ = field.Lookup(name)
	}
	if f != nil {
		if b.fields == nil {
			b.fields = map[string]*field.Field{}
		}
		b.fields[f.Name] = f
	}
	return f, present
}

func (b *building) fieldBasis(f *field.Field) basis {
	cost := plainCost
	switch {
	case b.isMadeAnew(f):
		cost = anewCost
	case f.Type == field.Texts || f.Type == field.Ints || f.Type == field.Addrs:
		cost = 20
	case strings.HasSuffix(f.Name, "]"):
		cost = 6
	case f.Facts == field.FromKind:
		cost = 1
	}
	return basis{total: true, cost: cost, fields: []*field.Field{f}}
}

func (b *building) num(e ast.Expr) numNode {
	switch e.Kind() {
	case ast.LiteralKind:
		if v, ok := e.AsLiteral().(types.Int); ok {
			return konst(int64(v))
		}
	case ast.IdentKind:
		if v, ok := b.vars[e.AsIdent()]; ok {
			return newNode(basis{total: true, cost: 1, free: true}, func(f *frame) int64 {
				if err := f.slots[v.slot].err; err != nil {
					f.fail(err)
				}
				return f.slots[v.slot].num
			})
		}
		if fl, _ := b.fieldOf(e.AsIdent()); fl != nil && fl.IntOf != nil {
			of := fl.IntOf
			return newNode(b.fieldBasis(fl), func(f *frame) int64 { v, _ := of(f.ev); return v })
		}
	case ast.CallKind:
		return b.numCall(e, e.AsCall())
	}
	b.unsupported(e)
	return konst(int64(0))
}

func (b *building) span(e ast.Expr) spanNode {
	switch e.Kind() {
	case ast.IdentKind:
		if fl, _ := b.fieldOf(e.AsIdent()); fl != nil && fl.DurationOf != nil {
			of := fl.DurationOf
			return newNode(b.fieldBasis(fl), func(f *frame) time.Duration { v, _ := of(f.ev); return v })
		}
	case ast.CallKind:
		call := e.AsCall()
		switch call.FunctionName() {
		case "duration":
			text, ok := literal(call.Args()[0])
			if !ok {
				b.issue(e, false, "duration takes a constant")
				return konst(time.Duration(0))
			}
			d, err := time.ParseDuration(text)
			if err != nil {
				b.issue(call.Args()[0], false, "%q is no duration: write 5s, 10m, 1h30m", text)
			}
			return konst(d)
		case operators.Conditional:
			return choose(b, call.Args(), b.span)
		}
	}
	b.unsupported(e)
	return konst(time.Duration(0))
}

func literal(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

// choose is c ? x : y of any type but bool.
func choose[T any](b *building, args []ast.Expr, of func(ast.Expr) node[T]) node[T] {
	c, x, y := b.boolean(args[0]), of(args[1]), of(args[2])
	return newNode(join(1, c.basis(), x.basis(), y.basis()), func(f *frame) T {
		is := c.eval(f)
		if f.err != nil {
			var none T
			return none
		}
		if is {
			return x.eval(f)
		}
		return y.eval(f)
	})
}

func (b *building) text(e ast.Expr) textNode {
	switch e.Kind() {
	case ast.LiteralKind:
		if s, ok := literal(e); ok {
			return textNode{node: konst(s)}
		}
	case ast.IdentKind:
		if v, ok := b.vars[e.AsIdent()]; ok {
			return textVariable(v)
		}
		if fl, _ := b.fieldOf(e.AsIdent()); fl != nil {
			return b.textField(e, fl)
		}
	case ast.CallKind:
		return b.textCall(e, e.AsCall())
	}
	b.unsupported(e)
	return textNode{node: konst("")}
}

func (b *building) textField(e ast.Expr, fl *field.Field) textNode {
	switch {
	case fl.AddrOf != nil:
		of := fl.AddrOf
		base := b.fieldBasis(fl)
		n := addrNode(base, func(f *frame) (a addr) { a, _ = of(f.ev); return a })
		return n
	case fl.TextOf != nil:
		of := fl.TextOf
		n := textNode{node: newNode(b.fieldBasis(fl), func(f *frame) string { s, _ := of(f.ev); return s })}
		n.isType, n.isID = fl.Name == "evt.type", fl.Name == "container.id"
		return n
	}
	b.unsupported(e)
	return textNode{node: konst("")}
}

func addrNode(base basis, read func(*frame) addr) textNode {
	rendered := base
	rendered.cost += 20
	return textNode{addr: read, node: newNode(rendered, func(f *frame) string { return field.AddrText(read(f)) })}
}

func textVariable(v variable) textNode {
	base := basis{total: true, cost: 1, free: true}
	if v.isAddr {
		return addrNode(base, func(f *frame) addr { return f.slots[v.slot].addr })
	}
	return textNode{node: newNode(base, func(f *frame) string { return f.slots[v.slot].text })}
}

func (b *building) textCall(e ast.Expr, call ast.CallExpr) textNode {
	switch name := call.FunctionName(); name {
	case "basename", "dirname", "lower", "upper", "b64":
		of, s := textMaps[name], b.text(call.Target())
		return textNode{node: newNode(join(5, s.basis()), func(f *frame) string { return of(s.eval(f)) })}
	case "string":
		n := b.num(call.Args()[0])
		return textNode{node: newNode(join(20, n.basis()), func(f *frame) string { return decimal(n.eval(f)) })}
	case operators.Add:
		x, y := b.text(call.Args()[0]), b.text(call.Args()[1])
		return textNode{node: newNode(join(20, x.basis(), y.basis()), func(f *frame) string { return x.eval(f) + y.eval(f) })}
	case operators.Conditional:
		return textNode{node: choose(b, call.Args(), func(e ast.Expr) node[string] { return b.text(e).node })}
	case operators.Index:
		list, at := b.texts(call.Args()[0]), b.num(call.Args()[1])
		base := join(2, list.basis(), at.basis())
		base.total = false
		return textNode{node: newNode(base, func(f *frame) string {
			mark := len(f.texts)
			l, i := list.eval(f), at.eval(f)
			f.texts = f.texts[:mark]
			if f.err != nil || i < 0 || i >= int64(len(l)) {
				f.fail(ErrIndex)
				return ""
			}
			return l[i]
		})}
	}
	b.unsupported(e)
	return textNode{node: konst("")}
}

// patterns are shared by the conditions of a Program.
func (b *building) patterns() patterns {
	if b.special == nil {
		return nil
	}
	return b.special.patterns
}

// typeTest is what a comparison of evt.type becomes: a look into a table.
func typeTest(kinds event.KindSet, base basis) boolNode {
	base.cost = 1
	return leaf(base, func(f *frame) bool { return kinds.Has(f.ev.Kind) })
}

// kindsNamed returns the kinds whose evt.type is one of the names. A name of no kind is an issue where it stands in
// the condition itself, and a warning where it comes with a list.
func (b *building) kindsNamed(e ast.Expr, names []string, warning bool) event.KindSet {
	var kinds event.KindSet
	for _, name := range names {
		named := event.KindsOf(name)
		if named.Len() == 0 {
			b.issue(e, warning, "%s", unknownType(name))
		}
		kinds = kinds.Union(named)
	}
	return kinds
}

func unknownType(name string) string {
	var all []string
	for k := range event.AllKinds().All() {
		all = append(all, k.Type())
	}
	if near := field.Nearest(name, all); near != "" {
		return fmt.Sprintf("there is no event type %q: did you mean %q?", name, near)
	}
	return fmt.Sprintf("there is no event type %q", name)
}
