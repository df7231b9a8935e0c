package translate

import (
	"slices"
	"strings"

	"tiercel.dev/rules/falco/syntax"
)

// textMaps are what CEL calls the transformers that make a text of one.
var textMaps = map[string]string{"tolower": "lower", "toupper": "upper", "b64": "b64", "basename": "basename"}

// operand is a field, or a transformer over others.
func (t *translation) operand(o *syntax.Operand) (operand, bool) {
	switch o.Transformer {
	case "":
		return t.field(o)
	case "val":
		return t.argument(o, 0)
	case "tolower", "toupper", "b64", "basename", "len":
		return t.mapped(o)
	case "concat":
		return t.concatenated(o, o.Args, "")
	case "join":
		return t.join(o)
	}
	t.fail(o.At(), "transformer '%s' is not supported", o.Transformer)
	return operand{}, false
}

// argument is one of a transformer's that is an operand itself.
func (t *translation) argument(o *syntax.Operand, n int) (operand, bool) {
	if n >= len(o.Args) || o.Args[n].Operand == nil {
		t.fail(o.At(), "%s takes a field", o.Transformer)
		return operand{}, false
	}
	return t.operand(o.Args[n].Operand)
}

// mapped is a transformer over one text.
func (t *translation) mapped(o *syntax.Operand) (operand, bool) {
	x, ok := t.argument(o, 0)
	if !ok {
		return x, false
	}
	if x.kind == none {
		return x, true
	}
	if len(o.Args) != 1 {
		t.fail(o.At(), "%s takes one field", o.Transformer)
		return x, false
	}
	onBytes := o.Transformer == "b64" || o.Transformer == "len"
	if x.kind != text && x.kind != callType && (x.kind != bytes || !onBytes) {
		t.fail(o.At(), "transformer '%s' takes a text, and %s is %s", o.Transformer, x.name, kindNames[x.kind])
		return x, false
	}
	x.at, x.name = o.At(), o.Transformer+"("+x.name+")"
	if o.Transformer == "len" {
		x.cel, x.kind = x.cel+".len()", number
		if s, ok := x.zero.(string); ok {
			x.zero = int64(len(s))
		}
		return x, true
	}
	x.cel += "." + textMaps[o.Transformer] + "()"
	if x.kind == callType {
		x.kind = text
	}
	if x.undone = x.undone || o.Transformer == "b64"; x.zero != "" {
		x.zero = nil
	}
	return x, true
}

// concatenated is several texts, one behind the other, with a separator between.
func (t *translation) concatenated(o *syntax.Operand, args []syntax.Arg, separator string) (operand, bool) {
	out := operand{at: o.At(), name: o.Transformer + "(…)", kind: text}
	var parts []string
	for i, arg := range args {
		if i > 0 && separator != "" {
			parts = append(parts, quoted(separator))
		}
		if arg.Operand == nil {
			parts = append(parts, quoted(arg.Value.Text))
			continue
		}
		x, ok := t.operand(arg.Operand)
		switch {
		case !ok || x.kind == none:
			return x, ok
		case x.kind != text && x.kind != callType:
			t.fail(x.at, "transformer '%s' takes texts, and %s is %s", o.Transformer, x.name, kindNames[x.kind])
			return out, false
		}
		parts = append(parts, x.cel)
		out.fields = append(out.fields, x.fields...)
	}
	if len(parts) == 0 {
		t.fail(o.At(), "%s takes texts", o.Transformer)
		return out, false
	}
	out.cel = strings.Join(parts, " + ")
	if len(parts) > 1 {
		out.cel = "(" + out.cel + ")"
	}
	return out, true
}

// join is a list of texts with a separator between.
func (t *translation) join(o *syntax.Operand) (operand, bool) {
	if len(o.Args) < 2 || o.Args[0].Operand != nil || o.Args[0].IsList {
		t.fail(o.At(), "join takes a separator and a list")
		return operand{}, false
	}
	items := o.Args[1:]
	if len(items) == 1 && items[0].IsList {
		items = items[0].List
	}
	return t.concatenated(o, items, o.Args[0].Value.Text)
}

// noOperands are the operators, and unequalable the kinds, that compare with constants alone.
var (
	noOperands   = []string{"pmatch", "regex", "in", "intersects", "bcontains", "bstartswith"}
	unequalable  = []kind{net, nets, domain, ports, addrs, anyText, anyInt}
	sameAsNumber = []kind{number, port, span}
)

// compareOperands is with another field, or a transformer over some.
func (t *translation) compareOperands(e *syntax.Compare, left operand) term {
	right, ok := t.operand(e.Right.Operand)
	switch {
	case !ok || right.kind == none:
		return boolean(e.At(), false)
	case slices.Contains(noOperands, e.Op):
		return t.fail(int(e.OpPos), "operator '%s' takes constants, not a field", e.Op)
	case slices.Contains(unequalable, left.kind):
		return t.fail(left.at, "%s can't be compared with a field", left.name)
	case slices.Contains(unequalable, right.kind):
		return t.fail(right.at, "nothing can be compared with %s", right.name)
	case comparable(left.kind) != comparable(right.kind):
		return t.fail(int(e.OpPos), "%s is %s, and %s is %s", left.name, kindNames[left.kind], right.name, kindNames[right.kind])
	}
	var test term
	switch e.Op {
	case "=", "!=":
		is, isNot := related(e.At(), left.cel+" == "+right.cel), related(e.At(), left.cel+" != "+right.cel)
		if e.Op == "!=" {
			is, isNot = isNot, is
		}
		test = either(is, isNot)
	case "<", "<=", ">", ">=":
		test = related(e.At(), left.cel+" "+e.Op+" "+right.cel)
	default:
		test = plain(e.At(), left.cel+"."+textMethods[e.Op]+"("+right.cel+")")
	}
	return present(test, true, left, right)
}

// comparable is the kind as far as types go.
func comparable(k kind) kind {
	switch {
	case slices.Contains(sameAsNumber, k) && k != span:
		return number
	case k == callType || k == bytes:
		return text
	}
	return k
}
