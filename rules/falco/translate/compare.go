package translate

import (
	"slices"
	"strings"

	"tiercel.dev/rules/falco/syntax"
)

// operators are those that each kind of side can be compared by.
var operators = map[kind]string{
	text:     "= != < <= > >= in intersects contains icontains startswith endswith glob iglob pmatch regex bcontains bstartswith",
	anyText:  "= != in intersects contains icontains startswith endswith glob iglob pmatch regex",
	callType: "= != in intersects contains icontains startswith endswith glob iglob pmatch regex",
	bytes:    "= != in intersects contains startswith endswith bcontains bstartswith",
	number:   "= != < <= > >= in intersects", anyInt: "= != < <= > >= in intersects",
	port: "= != < <= > >= in intersects", ports: "= != < <= > >= in intersects",
	span: "= != < <= > >= in intersects",
	flag: "= != in intersects", addr: "= != in intersects", addrs: "= != in intersects",
	net: "= != in intersects", nets: "= != in intersects", domain: "= != in",
}

func (t *translation) compare(e *syntax.Compare, opens bool) term {
	left, ok := t.operand(&e.Left)
	switch {
	case !ok:
		return boolean(e.At(), false)
	case left.kind == none:
		return boolean(e.At(), false)
	case !slices.Contains(strings.Fields(operators[left.kind]), e.Op):
		return t.fail(int(e.OpPos), "operator '%s' can't be used with %s, which is %s", e.Op, left.name, kindNames[left.kind])
	case e.Right.Operand != nil:
		return t.compareOperands(e, left)
	}
	if out, ok := t.fixed(e); ok {
		return out
	}
	if e.Modifier != "" {
		return t.modified(e, left, opens)
	}
	if isListOperator(e.Op) {
		return t.mended(e, left, t.compareList(e, left, opens))
	}
	v, ok := t.single(e)
	if !ok {
		return boolean(e.At(), false)
	}
	return t.mended(e, left, t.compareOne(e, left, v, opens))
}

// mended lets a test of a mount for the text <NA> hold for a mount that is not there, if that is asked for.
func (t *translation) mended(e *syntax.Compare, left operand, test term) term {
	isNA := func(v syntax.Value) bool { return v.Text == "<NA>" }
	if !t.opt.MountsExist || !strings.HasPrefix(left.name, "container.mount") || e.Op != "=" && e.Op != "in" ||
		!slices.ContainsFunc(t.values(e.Right).all, isNA) {
		return test
	}
	return joined(e.At(), " || ", or, append(negated(left.presence()), test))
}

func negated(terms []term) []term {
	out := make([]term, len(terms))
	for i, t := range terms {
		out[i] = not(t)
	}
	return out
}

func isListOperator(op string) bool { return op == "in" || op == "intersects" || op == "pmatch" }

// fixed are comparisons whose result is the same for every event.
func (t *translation) fixed(e *syntax.Compare) (term, bool) {
	switch e.Left.Field {
	case "evt.num":
		// Events are numbered from 1: upstream says "never" so.
		if v := e.Right.Values; e.Op == "=" && len(v) == 1 && v[0].Text == "0" {
			return boolean(e.At(), false), true
		}
	case "evt.dir":
		if e.Op != "=" && e.Op != "!=" && e.Op != "in" {
			return term{}, false
		}
		is := slices.ContainsFunc(e.Right.Values, func(v syntax.Value) bool { return v.Text == "<" })
		holds := is == (e.Op != "!=")
		message := "evt.dir is deprecated: events are seen as calls return, so it is always <"
		if !holds {
			message += ", and this never holds"
		}
		t.warn(e.Left.At(), warnDeprecated, "%s", message)
		return boolean(e.At(), holds), true
	}
	return term{}, false
}

// single is the one value of a comparison. The name of a list with one item stands for that item.
func (t *translation) single(e *syntax.Compare) (syntax.Value, bool) {
	if e.Right.IsList || len(e.Right.Values) != 1 {
		t.fail(int(e.OpPos), "operator '%s' takes one value, not a list", e.Op)
		return syntax.Value{}, false
	}
	v := e.Right.Values[0]
	if items, ok := t.items(v); ok {
		if len(items) != 1 {
			t.fail(v.At(), "%s is a list of %d items, and operator '%s' takes one value", v.Text, len(items), e.Op)
			return syntax.Value{}, false
		}
		v.Text, v.Quoted = items[0].Text, true
	}
	return v, true
}

// items are those of the list that a bare value names.
func (t *translation) items(v syntax.Value) ([]syntax.Value, bool) {
	if v.Quoted {
		return nil, false
	}
	return t.names.Items(v.Text)
}

// compareOne is by an operator that takes one value.
func (t *translation) compareOne(e *syntax.Compare, left operand, v syntax.Value, opens bool) term {
	switch left.kind {
	case text, bytes:
		return t.compareText(e, left, v)
	case callType:
		if e.Op == "=" || e.Op == "!=" {
			out := t.callTypes(e.At(), []syntax.Value{v}, opens)
			if e.Op == "!=" {
				return not(out)
			}
			return out
		}
		return t.compareText(e, left, v)
	case number, port, span:
		return t.compareNumber(e, left, v)
	case flag:
		return t.compareFlag(e, left, v)
	case addr, addrs, net, nets:
		return t.compareAddress(e, left, v)
	case ports, anyInt, anyText:
		return t.compareAny(e, left, v)
	case domain:
		return t.compareDomain(e, left)
	}
	return t.fail(e.At(), "%s can't be compared", left.name)
}

// compareAny holds if any of the operand's values does as Falco has it: != of both ports means neither.
func (t *translation) compareAny(e *syntax.Compare, left operand, v syntax.Value) term {
	if left.kind == anyText {
		if e.Op == "=" {
			return related(e.At(), quoted(v.Text)+" in "+left.cel)
		}
		return exists(left, t.compareText(e, left.element(), v))
	}
	n, ok := t.numeral(left, v)
	switch {
	case !ok:
		return boolean(e.At(), false)
	case e.Op == "=":
		return related(e.At(), n+" in "+left.cel)
	case e.Op == "!=" && left.kind == ports:
		return present(not(related(e.At(), n+" in "+left.cel)), true, left)
	}
	return exists(left, t.compareNumber(e, left.element(), v))
}

// element is one of the values of an operand that has several.
func (o operand) element() operand {
	o.cel, o.fields = "a", nil
	switch o.kind {
	case anyText:
		o.kind = text
	case anyInt:
		o.kind = number
	case ports:
		o.cel, o.kind = "p", port
	case addrs:
		o.kind = addr
	}
	return o
}

// exists is a test of an element that any of the operand's may pass.
func exists(o operand, test term) term {
	if test.isConst {
		return present(test, true, o)
	}
	return concat(primary, plain(o.at, o.cel+".exists("+o.element().cel+", "), test, ")")
}

// compareFlag is with true or false.
func (t *translation) compareFlag(e *syntax.Compare, left operand, v syntax.Value) term {
	want, ok := t.truth(v)
	if !ok {
		return boolean(e.At(), false)
	}
	return flagIs(e.At(), left, want == (e.Op == "="))
}

func flagIs(at int, o operand, want bool) term {
	is := plain(at, o.cel)
	if want {
		return is
	}
	return present(not(is), true, o)
}

func (t *translation) truth(v syntax.Value) (is, ok bool) {
	switch v.Text {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	t.fail(v.At(), "%s is neither true nor false", quoted(v.Text))
	return false, false
}
