package translate

import (
	"slices"
	"strings"

	"tiercel.dev/rules/condition"
	"tiercel.dev/rules/falco/syntax"
)

// values are the right side of an operator that takes a list.
type values struct {
	lists     []string       // those named
	constants []syntax.Value // those in the condition itself
	all       []syntax.Value // of both
}

func (t *translation) values(r syntax.Right) values {
	var out values
	for _, v := range r.Values {
		if items, ok := t.items(v); ok {
			out.lists = append(out.lists, v.Text)
			for _, item := range items {
				item.Pos = v.Pos
				out.all = append(out.all, item)
			}
			continue
		}
		out.constants, out.all = append(out.constants, v), append(out.all, v)
	}
	return out
}

// compareList is by in, intersects or pmatch.
func (t *translation) compareList(e *syntax.Compare, left operand, opens bool) term {
	l := t.values(e.Right)
	switch left.kind {
	case callType:
		if e.Op != "pmatch" {
			return t.callTypesIn(e.At(), l, opens)
		}
	case flag:
		return t.flagIn(e, left, l)
	case domain:
		return t.compareDomain(e, left)
	case net, nets:
		return t.networks(e, left, l)
	case anyText, anyInt, ports, addrs:
		return t.anyIn(e, left, l)
	}
	return t.in(e, left, l)
}

// anyIn holds if any of the operand's values is in the list.
func (t *translation) anyIn(e *syntax.Compare, left operand, l values) term {
	if len(l.lists) == 0 && len(l.constants) == 1 && e.Op != "pmatch" {
		c, ok := t.constant(left.element(), l.constants[0])
		if !ok {
			return boolean(e.At(), false)
		}
		return related(e.At(), c+" in "+left.cel)
	}
	return exists(left, t.in(e, left.element(), l))
}

// in is one value in a list, or a path below any of one.
func (t *translation) in(e *syntax.Compare, left operand, l values) term {
	of := condition.OfText
	if left.kind == number || left.kind == port {
		of = condition.OfInt
	}
	if e.Op == "pmatch" && slices.ContainsFunc(l.all, isRoot) {
		return present(boolean(e.At(), true), true, left)
	}
	if left.kind == span { // of which there are no lists
		l = values{constants: l.all, all: l.all}
	}
	var terms []term
	for _, name := range l.lists {
		terms = append(terms, listTest(e, left, t.names.List(name, of)))
	}
	constants := make([]string, 0, len(l.constants))
	for _, v := range l.constants {
		c, ok := t.constant(left, v)
		if !ok {
			return boolean(e.At(), false)
		}
		if !slices.Contains(constants, c) {
			constants = append(constants, c)
		}
	}
	switch {
	case len(constants) == 1 && e.Op == "pmatch":
		terms = append(terms, listTest(e, left, constants[0]))
	case len(constants) == 1 || left.kind == span:
		for _, c := range constants {
			terms = append(terms, either(related(e.At(), left.cel+" == "+c), related(e.At(), left.cel+" != "+c)))
		}
	case len(constants) > 1:
		terms = append(terms, listTest(e, left, list(constants)))
	}
	holds := slices.ContainsFunc(l.all, func(v syntax.Value) bool { return t.isZero(e, left, v) })
	return present(joined(e.At(), " || ", or, terms), holds, left)
}

// isRoot reports whether every text lies below a path, relative ones too.
func isRoot(v syntax.Value) bool { return v.Text != "" && strings.Trim(v.Text, "/") == "" }

func listTest(e *syntax.Compare, left operand, list string) term {
	if e.Op == "pmatch" {
		return plain(e.At(), left.cel+".pmatch("+list+")")
	}
	return related(e.At(), left.cel+" in "+list)
}

// isZero reports whether v may be what the operand reads as where it has no value.
func (t *translation) isZero(e *syntax.Compare, left operand, v syntax.Value) bool {
	switch {
	case left.zero == nil:
		return true
	case left.kind == number || left.kind == port || left.kind == span:
		n, _ := t.parse(left, v)
		return n == 0
	case e.Op == "pmatch":
		return left.holds("pmatch", v.Text)
	}
	return left.holds("=", v.Text)
}

// constant is the CEL text of a constant that an operand is compared with.
func (t *translation) constant(o operand, v syntax.Value) (string, bool) {
	switch o.kind {
	case number, port, span:
		return t.numeral(o, v)
	case addr:
		return t.address(v)
	}
	return quoted(v.Text), true
}

// flagIn is true or false in a list of these.
func (t *translation) flagIn(e *syntax.Compare, left operand, l values) term {
	var terms []term
	for _, v := range l.all {
		want, ok := t.truth(v)
		if !ok {
			return boolean(e.At(), false)
		}
		terms = append(terms, flagIs(e.At(), left, want))
	}
	return joined(e.At(), " || ", or, terms)
}

// modified is an operator with oneof, anyof or allof before the list: short for several comparisons.
func (t *translation) modified(e *syntax.Compare, left operand, opens bool) term {
	l := t.values(e.Right)
	var terms []term
	for _, v := range l.all {
		v.Quoted = true
		terms = append(terms, t.compareOne(e, left, v, opens))
	}
	if len(terms) == 0 {
		return present(boolean(e.At(), e.Modifier == "allof"), true, left)
	}
	switch e.Modifier {
	case "anyof":
		return joined(e.At(), " || ", or, terms)
	case "allof":
		return joined(e.At(), " && ", and, terms)
	}
	return oneOf(e.At(), terms)
}

// oneOf holds if exactly one of the terms does.
func oneOf(at int, terms []term) term {
	alternatives := make([]term, len(terms))
	for i := range terms {
		alone := make([]term, len(terms))
		for j, t := range terms {
			if alone[j] = t; i != j {
				alone[j] = not(t)
			}
		}
		alternatives[i] = joined(at, " && ", and, alone)
	}
	return joined(at, " || ", or, alternatives)
}
