package condition

import (
	"net/netip"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

func (b *building) texts(e ast.Expr) textsNode {
	switch e.Kind() {
	case ast.IdentKind:
		if list := b.c.lists[e.AsIdent()]; list != nil && list.Of == OfText {
			values := list.reader(b.c.dynamic)
			n := textsNode{values: values, node: newNode(basis{total: true, cost: 1, free: list.Dynamic != ""},
				func(*frame) []string { return values().Texts })}
			if list.Dynamic == "" {
				n.fixed = list.Values
			}
			return n
		}
		if fl, _ := b.fieldOf(e.AsIdent()); fl != nil && fl.TextsOf != nil {
			of := fl.TextsOf
			return textsNode{node: newNode(b.fieldBasis(fl), func(f *frame) []string {
				mark := len(f.texts)
				f.texts, _ = of(f.ev, f.texts)
				return f.texts[mark:]
			})}
		} else if fl != nil && fl.AddrsOf != nil {
			of := fl.AddrsOf
			return addrsNode(b.fieldBasis(fl), func(f *frame) []netip.Addr {
				mark := len(f.addrs)
				f.addrs, _ = of(f.ev, f.addrs)
				return f.addrs[mark:]
			})
		}
	case ast.ListKind:
		return b.textsLiteral(e.AsList().Elements())
	case ast.CallKind:
		if call := e.AsCall(); call.FunctionName() == operators.Conditional {
			return textsNode{node: choose(b, call.Args(), func(e ast.Expr) node[[]string] { return b.texts(e).node })}
		}
	}
	b.issue(e, false, "lists hold texts or numbers, not %s", b.tree.GetType(e.ID()))
	return textsNode{node: konst([]string(nil))}
}

func addrsNode(base basis, read func(*frame) []netip.Addr) textsNode {
	return textsNode{addrs: read, node: newNode(base, func(f *frame) []string {
		mark, start := len(f.addrs), len(f.texts)
		for _, a := range read(f) {
			f.texts = append(f.texts, a.String())
		}
		f.addrs = f.addrs[:mark]
		return f.texts[start:]
	})}
}

func (b *building) textsLiteral(elements []ast.Expr) textsNode {
	var constants []string
	var nodes []textNode
	var parts []basis
	for _, el := range elements {
		n := b.text(el)
		nodes, parts = append(nodes, n), append(parts, n.basis())
		if n.konst {
			constants = append(constants, n.value)
		}
	}
	if len(constants) == len(nodes) {
		// The literal's own spelling counts, as in the reference: addresses in another are refused where they are compared.
		fixed := TextValues(constants)
		return textsNode{node: konst(constants), fixed: fixed, values: func() *Values { return fixed }}
	}
	return textsNode{node: newNode(join(len(nodes), parts...), func(f *frame) []string {
		mark := len(f.texts)
		for _, n := range nodes {
			f.texts = append(f.texts, n.eval(f))
		}
		return f.texts[mark:]
	})}
}

func (b *building) ints(e ast.Expr) intsNode {
	switch e.Kind() {
	case ast.IdentKind:
		if list := b.c.lists[e.AsIdent()]; list != nil && list.Of == OfInt {
			values := list.reader(b.c.dynamic)
			n := intsNode{values: values, node: newNode(basis{total: true, cost: 1, free: list.Dynamic != ""},
				func(*frame) []int64 { return values().Ints })}
			if list.Dynamic == "" {
				n.fixed = list.Values
			}
			return n
		}
		if fl, _ := b.fieldOf(e.AsIdent()); fl != nil && fl.IntsOf != nil {
			of := fl.IntsOf
			return intsNode{node: newNode(b.fieldBasis(fl), func(f *frame) []int64 {
				mark := len(f.ints)
				f.ints, _ = of(f.ev, f.ints)
				return f.ints[mark:]
			})}
		}
	case ast.ListKind:
		return b.intsLiteral(e.AsList().Elements())
	case ast.CallKind:
		if call := e.AsCall(); call.FunctionName() == operators.Conditional {
			return intsNode{node: choose(b, call.Args(), func(e ast.Expr) node[[]int64] { return b.ints(e).node })}
		}
	}
	b.issue(e, false, "lists hold texts or numbers, not %s", b.tree.GetType(e.ID()))
	return intsNode{node: konst([]int64(nil))}
}

func (b *building) intsLiteral(elements []ast.Expr) intsNode {
	var constants []int64
	var nodes []numNode
	var parts []basis
	for _, el := range elements {
		n := b.num(el)
		nodes, parts = append(nodes, n), append(parts, n.basis())
		if n.konst {
			constants = append(constants, n.value)
		}
	}
	if len(constants) == len(nodes) {
		fixed := IntValues(constants)
		return intsNode{node: konst(constants), fixed: fixed, values: func() *Values { return fixed }}
	}
	return intsNode{node: newNode(join(len(nodes), parts...), func(f *frame) []int64 {
		mark := len(f.ints)
		for _, n := range nodes {
			f.ints = append(f.ints, n.eval(f))
		}
		return f.ints[mark:]
	})}
}

// loop compiles exists, all and exists_one, which the parser spells as a fold: an accumulator, a condition to go on,
// a step, a result.
func (b *building) loop(e ast.Expr) boolNode {
	l := e.AsComprehension()
	iter, accu := b.slots, b.slots+1
	if accu >= maxSlots {
		b.issue(e, false, "exists and all nest deeper than %d", maxSlots/2)
		return constant(false)
	}
	fold := fold{iter: iter, accu: accu, accuIsInt: b.kind(l.AccuInit()) == types.IntKind}
	var parts []basis
	if b.elem(l.IterRange()) == types.IntKind {
		n := b.ints(l.IterRange())
		fold.ints, parts = n.eval, append(parts, n.basis())
	} else {
		n := b.texts(l.IterRange())
		fold.texts, fold.addrs, parts = n.eval, n.addrs, append(parts, n.basis())
	}
	b.slots += 2
	outer := b.vars
	b.vars = map[string]variable{l.IterVar(): {slot: iter, isAddr: fold.addrs != nil}, l.AccuVar(): {slot: accu}}
	for name, v := range outer {
		if _, inner := b.vars[name]; !inner {
			b.vars[name] = v
		}
	}
	goOn, result := b.boolean(l.LoopCondition()), b.boolean(l.Result())
	fold.goOn, fold.result = goOn.eval, result.eval
	var step basis
	if fold.accuIsInt {
		init, n := b.num(l.AccuInit()), b.num(l.LoopStep())
		fold.initInt, fold.stepInt, step = init.value, n.eval, n.basis()
	} else {
		init, n := b.boolean(l.AccuInit()), b.boolean(l.LoopStep())
		fold.initBool, fold.stepBool, step = init.value, n.eval, n.basis()
	}
	b.vars = outer
	b.slots -= 2
	base := join(10, append(parts, step)...)
	base.cost *= 4
	// Loop variables of its own are no concern of what stands around it; those of outer loops are.
	base.free = parts[0].free || len(outer) > 0 || b.namesDynamic(l.LoopStep())
	return leaf(base, fold.run)
}

func always(world) (bool, bool) { return true, true }

// namesDynamic reports whether a list whose values may change is named in e.
func (b *building) namesDynamic(e ast.Expr) bool {
	found := false
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.IdentKind {
			list := b.c.lists[e.AsIdent()]
			found = found || list != nil && list.Dynamic != ""
		}
	}))
	return found
}

type fold struct {
	texts        func(*frame) []string
	addrs        func(*frame) []netip.Addr
	ints         func(*frame) []int64
	iter, accu   int
	accuIsInt    bool
	initInt      int64
	initBool     bool
	stepInt      func(*frame) int64
	stepBool     func(*frame) bool
	goOn, result func(*frame) bool
}

func (l fold) run(f *frame) bool {
	outer := f.take() // an error of the other side of && or ||
	f.slots[l.accu] = slotValue{num: l.initInt, flag: l.initBool}
	texts, ints, addrs := len(f.texts), len(f.ints), len(f.addrs)
	switch {
	case l.ints != nil:
		for _, n := range l.ints(f) {
			f.slots[l.iter] = slotValue{num: n}
			if f.err != nil || !l.one(f) {
				break
			}
		}
	case l.addrs != nil:
		for _, a := range l.addrs(f) {
			f.slots[l.iter] = slotValue{addr: a}
			if f.err != nil || !l.one(f) {
				break
			}
		}
	default:
		for _, s := range l.texts(f) {
			f.slots[l.iter] = slotValue{text: s}
			if f.err != nil || !l.one(f) {
				break
			}
		}
	}
	f.texts, f.ints, f.addrs = f.texts[:texts], f.ints[:ints], f.addrs[:addrs]
	v := false
	if f.err == nil {
		v = l.result(f)
	}
	if outer != nil {
		f.err = outer
	}
	return v
}

// one folds the element in its slot in; false ends the loop. An error of the step becomes the accumulator's value, as
// a later step may absorb it.
func (l fold) one(f *frame) bool {
	if !l.goOn(f) {
		return false
	}
	accu := &f.slots[l.accu]
	if l.accuIsInt {
		n := l.stepInt(f)
		accu.num, accu.err = n, f.take()
	} else {
		v := l.stepBool(f)
		accu.flag, accu.err = v, f.take()
	}
	return true
}
