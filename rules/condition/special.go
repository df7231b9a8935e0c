package condition

import (
	"strconv"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"tiercel.dev/internal/event"
	"tiercel.dev/rules/field"
)

// A special is what conditions are compiled with for events of one kind, on the host or not: what that decides is
// folded away, and what several conditions ask is asked once an event.
type special struct {
	world    world
	example  frame // holds an event of that world, of which nothing else is known
	exprs    *interner
	uses     map[int]int // by expression: how often it stands in different places
	tests    map[int]int // by text: how many tests of it a sieve could make
	slots    int
	kept     map[int]boolNode
	sieves   []*sieve
	byText   map[int]*sieve // the one that takes more tests
	byTest   map[int]boolNode
	patterns patterns
}

func newSpecial(w world, exprs *interner, p patterns) *special {
	return &special{world: w, example: frame{ev: w.event()}, exprs: exprs, patterns: p, uses: map[int]int{}, tests: map[int]int{},
		kept: map[int]boolNode{}, byText: map[int]*sieve{}, byTest: map[int]boolNode{}}
}

// An interner numbers expressions, equal ones with the same number.
type interner struct {
	numbers   map[string]int
	compilers map[*Compiler]int // in the order in which they came
}

func newInterner() *interner { return &interner{map[string]int{}, map[*Compiler]int{}} }

func (in *interner) number(key []byte) int {
	n, ok := in.numbers[string(key)]
	if !ok {
		n = len(in.numbers) + 1
		in.numbers[string(key)] = n
	}
	return n
}

// compiler numbers what gives lists their names: those of another are other lists.
func (in *interner) compiler(c *Compiler) int {
	n, ok := in.compilers[c]
	if !ok {
		n = len(in.compilers) + 1
		in.compilers[c] = n
	}
	return n
}

// id is the number of an expression. It means something only where no loop's variables are in scope.
func (b *building) id(e ast.Expr) int {
	if id, ok := b.ids[e.ID()]; ok {
		return id
	}
	var key []byte
	parts := func(kind byte, name string, of ...ast.Expr) {
		key = append(append(key, kind), name...)
		for _, part := range of {
			key = strconv.AppendInt(append(key, ' '), int64(b.id(part)), 10)
		}
	}
	switch e.Kind() {
	case ast.IdentKind:
		if b.c.lists[e.AsIdent()] != nil {
			key = strconv.AppendInt(key, int64(b.special.exprs.compiler(b.c)), 10)
		}
		parts('i', e.AsIdent())
	case ast.LiteralKind:
		l := e.AsLiteral()
		if s, ok := l.(types.String); ok {
			parts('s', string(s))
		} else if n, ok := l.(types.Int); ok {
			parts('n', strconv.FormatInt(int64(n), 10))
		} else {
			parts('b', strconv.FormatBool(l == types.True))
		}
	case ast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			parts('m', call.FunctionName(), append([]ast.Expr{call.Target()}, call.Args()...)...)
		} else {
			parts('c', call.FunctionName(), call.Args()...)
		}
	case ast.ListKind:
		parts('l', "", e.AsList().Elements()...)
	case ast.ComprehensionKind:
		l := e.AsComprehension()
		parts('f', l.IterVar()+" "+l.AccuVar(), l.IterRange(), l.AccuInit(), l.LoopCondition(), l.LoopStep(), l.Result())
	}
	id := b.special.exprs.number(key)
	b.ids[e.ID()] = id
	return id
}

// count notes which expressions stand in several places. What stands in one that does is counted once: asking the
// whole once suffices.
func (b *building) count(e ast.Expr) {
	id := b.id(e)
	b.special.uses[id]++
	if e.Kind() != ast.CallKind {
		return
	}
	call := e.AsCall()
	args := call.Args()
	if call.IsMemberFunction() {
		args = append([]ast.Expr{call.Target()}, args...)
	}
	name := call.FunctionName()
	if b.special.uses[id] > 1 && name != operators.LogicalNot { // which is not kept itself
		return
	}
	switch name {
	case operators.LogicalAnd, operators.LogicalOr:
		args = nil
		flat(e, name, &args)
	case operators.Equals, operators.NotEquals, operators.In, "startsWith", "endsWith":
		for _, arg := range args {
			if arg.Kind() != ast.LiteralKind && b.kind(arg) == types.StringKind {
				b.special.tests[b.id(arg)]++
			}
		}
	}
	for _, arg := range args {
		b.count(arg)
	}
}

// boolean compiles an expression of type bool.
func (b *building) boolean(e ast.Expr) boolNode {
	if b.special == nil {
		return b.anyBoolean(e)
	}
	if len(b.vars) > 0 {
		return b.special.fold(b.anyBoolean(e))
	}
	id := b.id(e)
	if n, ok := b.special.kept[id]; ok {
		return n
	}
	n := b.special.fold(b.anyBoolean(e))
	n.id = id
	negation := e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.LogicalNot
	if n.total && !n.konst && n.cost > worthKeeping && b.special.uses[id] > 1 && !negation {
		n = b.special.keep(id, n)
	}
	return n
}

// fold makes a constant of what the world decides. What can end in an error stays: the error is its value.
func (s *special) fold(n boolNode) boolNode {
	if n.konst || !n.total || n.free || !s.world.knows(n.fields) {
		return n
	}
	return constant(n.eval(&s.example))
}

// worthKeeping is the cost up to which an expression is evaluated anew wherever it stands.
const worthKeeping = 3

// keep lets the expression be evaluated once an event, wherever it stands.
func (s *special) keep(id int, n boolNode) boolNode {
	const isTrue, isFalse = 1, 2
	slot, eval := s.slots, n.eval
	s.slots++
	n.eval = func(f *frame) bool {
		if known := f.kept[slot]; known != 0 {
			return known == isTrue
		}
		v := eval(f)
		if f.kept[slot] = isFalse; v {
			f.kept[slot] = isTrue
		}
		return v
	}
	s.kept[id] = n
	return n
}

// sieved lets a sieve make the test e of the text x, if there are enough tests of that text.
func (b *building) sieved(e, x ast.Expr, text textNode, words []string, how fit, n boolNode) boolNode {
	s := b.special
	if s == nil || len(b.vars) > 0 || !text.total || text.konst || s.tests[b.id(x)] < worthSieving ||
		!text.free && s.world.knows(text.fields) {
		return n
	}
	id, of := b.id(e), b.id(x)
	if known, ok := s.byTest[id]; ok {
		return known
	}
	sv := s.byText[of]
	if sv == nil || sv.tests == maxTests {
		sv = &sieve{read: text.eval, slot: len(s.sieves)}
		s.byText[of], s.sieves = sv, append(s.sieves, sv)
	}
	base := n.basis()
	if base.cost = text.cost; base.cost <= plainCost {
		base.cost = 1
	}
	n = sv.test(sv.add(words, how), false, base)
	s.byTest[id] = n
	return n
}

// plainCost is that of reading a field from the event; anew that of making its value at each use.
const (
	plainCost = 2
	anewCost  = 200
	partsCost = 100
)

// madeAnew are the fields that say so.
var madeAnew = map[string]bool{"evt.time": true, "evt.args": true, "proc.env": true, "fd.uid": true, "proc.exeline": true, "container.mounts": true,
	"container.labels": true, "k8s.pod.labels": true}

// socketKinds are the kinds of events on sockets.
var socketKinds = func() event.KindSet {
	f, err := field.Lookup("fd.sip")
	if err != nil {
		panic(err) // the catalogue has it
	}
	return f.Kinds
}()

// isMadeAnew reports whether reading the field allocates; the name of a socket does too.
func (b *building) isMadeAnew(f *field.Field) bool {
	return madeAnew[f.Name] || f.Name == "fd.name" && b.special != nil && socketKinds.Has(b.special.world.kind)
}
