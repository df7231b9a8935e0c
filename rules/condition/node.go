package condition

import (
	"net/netip"
	"time"

	"tiercel.dev/internal/event"
	"tiercel.dev/rules/field"
)

// A node is a compiled expression of one type.
type node[T any] struct {
	eval  func(*frame) T
	total bool // never notes an error
	cost  int  // rough, to try cheap sides first
	konst bool // value is its value
	value T
	// Facts the value depends on, beyond constants; free is set if it also depends on loop variables or dynamic lists.
	fields []*field.Field
	free   bool
}

type (
	numNode  = node[int64]
	spanNode = node[time.Duration]
)

// A textNode may be an address; then addr reads it and eval renders it, which allocates.
type textNode struct {
	node[string]
	addr   func(*frame) netip.Addr
	isType bool // it is evt.type
	isID   bool // it is container.id
}

// A boolNode can also tell, for a kind of event, which values it may have.
type boolNode struct {
	node[bool]
	can func(world) (canBeTrue, canBeFalse bool)

	id    int        // of the expression, in a Program
	sides []boolNode // of && or, with or set, of ||
	or    bool
	sieve *sieve // it asks for any of these bits, or that there is none of them
	bits  bitset
	none  bool

	// mostly says that it holds of most events, as what is negated does: most things that are asked do not.
	mostly bool
}

// A textsNode is a list of texts, or of addresses: then addrs reads them.
type textsNode struct {
	node[[]string]
	addrs  func(*frame) []netip.Addr
	values func() *Values // of named lists and constant literals
	fixed  *Values        // of those that never change
}

// fixedTexts are the list's, nil if they may change.
func (n textsNode) fixedTexts() []string {
	if n.fixed == nil {
		return nil
	}
	return n.fixed.Texts
}

type intsNode struct {
	node[[]int64]
	values func() *Values
	fixed  *Values
}

func konst[T any](v T) node[T] {
	return node[T]{eval: func(*frame) T { return v }, total: true, konst: true, value: v}
}

// basis is what a node is made of, whatever its type.
type basis struct {
	total  bool
	cost   int
	fields []*field.Field
	free   bool
}

func (n node[T]) basis() basis { return basis{n.total, n.cost, n.fields, n.free} }

func join(cost int, parts ...basis) basis {
	b := basis{total: true, cost: cost}
	for _, p := range parts {
		b.total = b.total && p.total
		b.cost += p.cost
		b.fields = append(b.fields, p.fields...)
		b.free = b.free || p.free
	}
	return b
}

func newNode[T any](b basis, eval func(*frame) T) node[T] {
	return node[T]{eval: eval, total: b.total, cost: b.cost, fields: b.fields, free: b.free}
}

// leaf is a bool whose value, for a kind of event, is found by evaluating it if all it depends on is known.
func leaf(b basis, eval func(*frame) bool) boolNode {
	n := boolNode{node: newNode(b, eval)}
	n.can = func(w world) (bool, bool) {
		if n.free || !w.knows(n.fields) {
			return true, true
		}
		f := newFrame(w.event())
		defer f.release()
		v := n.eval(f)
		if f.err != nil {
			return false, false
		}
		return v, !v
	}
	return n
}

// constant is a bool that is known.
func constant(v bool) boolNode {
	return boolNode{node: konst(v), can: func(world) (bool, bool) { return v, !v }}
}

// A world is what is known of an event before there is one: its kind, and whether it happened on the host, in a
// container, or either.
type world struct {
	kind            event.Kind
	host, container bool
	quiet           bool // a message that tells nothing new, see event.EveryMessage
}

func (w world) knows(fields []*field.Field) bool {
	known := field.FromKind
	if w.host {
		known |= field.FromContainer
	}
	if w.quiet {
		known |= field.FromNews
	}
	for _, f := range fields {
		if f.Facts&^known != 0 && !(f.Exact && !f.Kinds.Has(w.kind)) {
			return false
		}
	}
	return true
}

// examples are events of which the kind alone is known. They are read only: conditions by the hundred are asked about each.
var examples = func() (all [event.Kinds]event.Event) {
	for k := range all {
		all[k] = event.Event{Kind: event.Kind(k), Process: &event.Process{}, Container: event.Host}
	}
	return all
}()

func (w world) event() *event.Event { return &examples[w.kind] }
