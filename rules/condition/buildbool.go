package condition

import (
	"cmp"
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"tiercel.dev/rules/field"
)

func (b *building) anyBoolean(e ast.Expr) boolNode {
	switch e.Kind() {
	case ast.LiteralKind:
		if v, ok := e.AsLiteral().(types.Bool); ok {
			return constant(bool(v))
		}
	case ast.IdentKind:
		if v, ok := b.vars[e.AsIdent()]; ok {
			// Total: it holds an error only if the loop's step, which is judged by itself, can end in one.
			return leaf(basis{total: true, cost: 1, free: true}, func(f *frame) bool {
				if err := f.slots[v.slot].err; err != nil {
					f.fail(err)
				}
				return f.slots[v.slot].flag
			})
		}
		switch fl, present := b.fieldOf(e.AsIdent()); {
		case present:
			return leaf(b.fieldBasis(fl), presenceOf(fl))
		case fl != nil && fl.BoolOf != nil:
			of := fl.BoolOf
			return leaf(b.fieldBasis(fl), func(f *frame) bool { v, _ := of(f.ev); return v })
		}
	case ast.CallKind:
		return b.boolCall(e, e.AsCall())
	case ast.ComprehensionKind:
		return b.loop(e)
	}
	b.unsupported(e)
	return constant(false)
}

func (b *building) boolCall(e ast.Expr, call ast.CallExpr) boolNode {
	args := call.Args()
	switch name := call.FunctionName(); name {
	case operators.LogicalAnd, operators.LogicalOr:
		var parts []ast.Expr
		flat(e, name, &parts)
		sides := make([]boolNode, len(parts))
		for i, part := range parts {
			sides[i] = b.boolean(part)
		}
		return logical(sides, name == operators.LogicalOr)
	case operators.LogicalNot:
		return not(b.boolean(args[0]))
	case operators.Conditional:
		return chooseBool(b.boolean(args[0]), b.boolean(args[1]), b.boolean(args[2]))
	case operators.NotStrictlyFalse:
		x := b.boolean(args[0])
		base := x.basis()
		base.total = true
		return leaf(base, func(f *frame) bool {
			outer := f.take()
			v := x.eval(f)
			bad := f.take()
			f.err = outer
			return v || bad != nil
		})
	case operators.Equals, operators.NotEquals:
		n := b.equal(e, args[0], args[1])
		if name == operators.NotEquals {
			return not(n)
		}
		return n
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return b.compare(name, args[0], args[1])
	case operators.In:
		return b.in(e, args[0], args[1])
	case "inCIDR":
		return b.inCIDR(args[0], args[1])
	case "matches":
		return b.matches(call.Target(), args[0])
	default:
		if textTests[name] != nil {
			return b.textTest(e, name, call.Target(), args[0])
		}
	}
	b.unsupported(e)
	return constant(false)
}

// flat collects the sides of a && b && c.
func flat(e ast.Expr, operator string, sides *[]ast.Expr) {
	if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operator {
		for _, arg := range e.AsCall().Args() {
			flat(arg, operator, sides)
		}
		return
	}
	*sides = append(*sides, e)
}

// restSeldom: one in so many events passes the first side of an && and pays for the others. All sides of an || are mostly
// false, and paid for.
const restSeldom = 8

// logical is && or || over many sides. It tries cheap sides first: the order makes no difference to the result, since
// a side that decides does so whatever the others are, errors included.
func logical(sides []boolNode, or bool) boolNode {
	sides, decided := simplify(sides, or)
	switch {
	case decided:
		return constant(or)
	case len(sides) == 0:
		return constant(!or)
	case len(sides) == 1:
		return sides[0]
	}
	parts := make([]basis, len(sides))
	for i, s := range sides {
		parts[i] = s.basis()
	}
	base := join(0, parts...)
	slices.SortStableFunc(sides, func(x, y boolNode) int { return cmp.Compare(x.price(or), y.price(or)) })
	if !or {
		base.cost = sides[0].cost + (base.cost-sides[0].cost)/restSeldom
	}
	evals := make([]func(*frame) bool, len(sides))
	for i, s := range sides {
		evals[i] = s.eval
	}
	n := boolNode{node: newNode(base, logicalEval(evals, or, base.total)), sides: sides, or: or}
	n.mostly = slices.ContainsFunc(sides, func(s boolNode) bool { return s.mostly == or }) == or
	n.can = func(w world) (canBeTrue, canBeFalse bool) {
		decides, others := false, true
		for _, s := range sides {
			t, f := s.can(w)
			if or {
				t, f = f, t
			}
			decides, others = decides || f, others && t
		}
		if or {
			return decides, others
		}
		return others, decides
	}
	return n
}

// price is what a side of an && or || costs for each time that it decides.
func (n boolNode) price(or bool) int {
	if n.mostly != or {
		return n.cost * restSeldom
	}
	return n.cost
}

// simplify takes sides of sides in, and constants out; decided is set if one of these decides.
func simplify(sides []boolNode, or bool) (simple []boolNode, decided bool) {
	for _, s := range sides {
		switch {
		case s.konst && s.value == or:
			return nil, true
		case s.konst:
		case len(s.sides) > 0 && s.or == or:
			simple = append(simple, s.sides...)
		default:
			simple = append(simple, s)
		}
	}
	return merge(simple, or), false
}

func logicalEval(sides []func(*frame) bool, or, total bool) func(*frame) bool {
	switch {
	case !total:
		return func(f *frame) bool { return absorbing(f, sides, or) }
	case len(sides) == 2 && or:
		x, y := sides[0], sides[1]
		return func(f *frame) bool { return x(f) || y(f) }
	case len(sides) == 2:
		x, y := sides[0], sides[1]
		return func(f *frame) bool { return x(f) && y(f) }
	case len(sides) == 3 && !or:
		x, y, z := sides[0], sides[1], sides[2]
		return func(f *frame) bool { return x(f) && y(f) && z(f) }
	case len(sides) == 4 && !or:
		w, x, y, z := sides[0], sides[1], sides[2], sides[3]
		return func(f *frame) bool { return w(f) && x(f) && y(f) && z(f) }
	case len(sides) == 3:
		x, y, z := sides[0], sides[1], sides[2]
		return func(f *frame) bool { return x(f) || y(f) || z(f) }
	}
	return func(f *frame) bool {
		for _, side := range sides {
			if side(f) == or {
				return or
			}
		}
		return !or
	}
}

// absorbing is && or || where a side may end in an error: any side that decides makes errors of the others void.
func absorbing(f *frame, sides []func(*frame) bool, or bool) bool {
	outer := f.take()
	var first error
	for _, side := range sides {
		v := side(f)
		if err := f.take(); err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		if v == or {
			f.err = outer
			return or
		}
	}
	f.err = outer
	if first != nil {
		f.fail(first)
	}
	return !or
}

// presenceOf is has(field). [field.Field.Has] allocates for fields that are lists, since it has no room to read them into.
func presenceOf(fl *field.Field) func(*frame) bool {
	switch {
	case fl.TextsOf != nil:
		return func(f *frame) (ok bool) {
			mark := len(f.texts)
			f.texts, ok = fl.TextsOf(f.ev, f.texts)
			f.texts = f.texts[:mark]
			return ok
		}
	case fl.IntsOf != nil:
		return func(f *frame) (ok bool) {
			mark := len(f.ints)
			f.ints, ok = fl.IntsOf(f.ev, f.ints)
			f.ints = f.ints[:mark]
			return ok
		}
	case fl.AddrsOf != nil:
		return func(f *frame) (ok bool) {
			mark := len(f.addrs)
			f.addrs, ok = fl.AddrsOf(f.ev, f.addrs)
			f.addrs = f.addrs[:mark]
			return ok
		}
	}
	return func(f *frame) bool { return fl.Has(f.ev) }
}

func not(x boolNode) boolNode {
	if x.konst {
		return constant(!x.value)
	}
	if x.sieve != nil {
		return x.sieve.test(x.bits, !x.none, x.basis())
	}
	n := boolNode{node: newNode(x.basis(), func(f *frame) bool { return !x.eval(f) }), mostly: !x.mostly}
	n.can = func(w world) (bool, bool) { t, f := x.can(w); return f, t }
	return n
}

func chooseBool(c, x, y boolNode) boolNode {
	switch {
	case c.konst && c.value:
		return x
	case c.konst:
		return y
	}
	n := boolNode{node: newNode(join(1, c.basis(), x.basis(), y.basis()), func(f *frame) bool {
		is := c.eval(f)
		if f.err != nil {
			return false
		}
		if is {
			return x.eval(f)
		}
		return y.eval(f)
	})}
	n.can = func(w world) (bool, bool) {
		ct, cf := c.can(w)
		xt, xf := x.can(w)
		yt, yf := y.can(w)
		return ct && xt || cf && yt, ct && xf || cf && yf
	}
	return n
}
