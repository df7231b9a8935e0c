package translate

import (
	"errors"
	"strconv"
	"strings"

	"tiercel.dev/rules/falco/syntax"
	"tiercel.dev/rules/field"
)

// A kind says how a side is compared.
type kind uint8

const (
	none     kind = iota // a field that no event has
	text                 // string
	bytes                // string of bytes
	number               // int
	flag                 // bool
	span                 // duration; Falco's are in nanoseconds
	addr                 // an address
	addrs                // the addresses of both ends
	ports                // the ports of both ends
	port                 // a port
	net                  // an address, compared with networks
	nets                 // the addresses of both ends, compared with networks
	domain               // an address, compared with those that names resolve to
	anyText              // a text of any ancestor
	anyInt               // a number of any ancestor
	callType             // evt.type
)

var kindNames = [...]string{"no value", "a text", "bytes", "a number", "true or false", "a time", "an address", "the addresses of both ends",
	"the ports of both ends", "a port", "a network", "the networks of both ends", "a domain name", "a text of any ancestor", "a number of any ancestor", "an event type"}

// An operand is a side of a comparison in CEL.
type operand struct {
	at   int
	name string // in Falco's words
	kind kind
	cel  string
	// fields are those that must have a value for the operand to have one.
	fields []*field.Field
	// zero is what it reads as when they have none.
	zero any
	// undone says that it may have none though the fields have: of a text that is no base64.
	undone bool
}

// special are the fields that Falco has and that are comparisons of another field here, or of many values.
var special = map[string]struct {
	kind  kind
	field string
}{
	"fd.ip": {addrs, "fd.ip"}, "fd.port": {ports, "fd.port"},
	"fd.cport": {port, "fd.cport"}, "fd.sport": {port, "fd.sport"}, "fd.lport": {port, "fd.lport"}, "fd.rport": {port, "fd.rport"},
	"fd.net": {nets, "fd.ip"}, "fd.cnet": {net, "fd.cip"}, "fd.snet": {net, "fd.sip"}, "fd.lnet": {net, "fd.lip"}, "fd.rnet": {net, "fd.rip"},
	"fd.cip.name": {domain, "fd.cip"}, "fd.sip.name": {domain, "fd.sip"}, "fd.lip.name": {domain, "fd.lip"}, "fd.rip.name": {domain, "fd.rip"},
	"evt.type": {callType, "evt.type"}, "evt.buffer": {bytes, "evt.buffer"},
}

// field finds a field by Falco's name and key.
func (t *translation) field(o *syntax.Operand) (operand, bool) {
	out := operand{at: o.At(), name: spelled(o)}
	if s, ok := special[o.Field]; ok && !o.Keyed {
		f, err := field.Lookup(s.field)
		if err != nil {
			return t.unknown(out, o, err)
		}
		out.kind, out.cel, out.fields, out.zero = s.kind, f.Name, []*field.Field{f}, ""
		if s.kind == port {
			out.zero = int64(0)
		}
		return out, true
	}
	f, err := Field(o.Field, o.Key, o.Keyed)
	if err != nil {
		return t.unknown(out, o, err)
	}
	out.cel, out.fields = f.Name, []*field.Field{f}
	switch f.Type {
	case field.Text:
		out.kind, out.zero = text, ""
	case field.Int:
		out.kind, out.zero = number, int64(0)
	case field.Bool:
		out.kind, out.zero = flag, false
	case field.Duration:
		out.kind, out.zero = span, int64(0)
	case field.Addr:
		out.kind, out.zero = addr, ""
	case field.Texts:
		out.kind = anyText
	case field.Ints:
		out.kind = anyInt
	default:
		t.fail(o.At(), "%s can't be compared", out.name)
		return out, false
	}
	return out, true
}

// Field finds the field whose value an output shows by a name of Falco's, with a key in brackets if keyed is set. Errors are those of
// [field.Lookup].
func Field(name, key string, keyed bool) (*field.Field, error) {
	name, key, keyed = canonical(name, key, keyed)
	if s, ok := special[name]; ok && !keyed {
		if f, err := field.Lookup(name); err == nil {
			return f, nil
		}
		return field.Lookup(s.field) // fd.net shows as fd.ip
	}
	if !keyed {
		return field.Lookup(name)
	}
	n, err := strconv.Atoi(key)
	takes, known := field.Known(name)
	switch {
	case known && err == nil && takes != field.TextKey:
		return field.WithInt(name, int64(n))
	case strings.HasPrefix(name, "container.mount"):
		return field.WithText(name, field.PatternKey+key)
	}
	return field.WithText(name, key)
}

func spelled(o *syntax.Operand) string {
	if o.Keyed {
		return o.Field + "[" + o.Key + "]"
	}
	return o.Field
}

// unknown tells of a field that we do not have: a warning if Falco has it, since then it is only never there.
func (t *translation) unknown(out operand, o *syntax.Operand, err error) (operand, bool) {
	if why, has := FalcoHas(o.Field); has && errors.Is(err, field.ErrUnknown) {
		out.kind = none
		if why != "" {
			why = " (" + why + ")"
		}
		t.warn(o.At(), warnCondition, "no event has %s here%s: what is compared with it is false", out.name, why)
		return out, true
	}
	message := err.Error()
	if errors.Is(err, field.ErrUnknown) {
		message = "filter_check called with nonexistent field " + out.name
		if _, hint, ok := strings.Cut(err.Error(), ": "); ok {
			message += ": " + hint
		}
	}
	t.issues = append(t.issues, Issue{Offset: o.At(), Code: codeCondition, Message: message, Unknown: errors.Is(err, field.ErrUnknown)})
	return out, false
}

// presence is has() of what must be there for the operand to have a value, without what is never missing.
func (o operand) presence() []term {
	var out []term
	for _, f := range o.fields {
		if !f.Never {
			out = append(out, plain(o.at, "has("+f.Name+")"))
		}
	}
	if o.undone {
		out = append(out, related(o.at, o.cel+` != ""`))
	}
	return out
}

// present is the comparison where the operands have values. zeroHolds says that it would hold for their zero values too.
func present(t term, zeroHolds bool, operands ...operand) term {
	if !zeroHolds {
		return t
	}
	var terms []term
	for _, o := range operands {
		terms = append(terms, o.presence()...)
	}
	if len(terms) == 0 {
		return t
	}
	return joined(t.marks[0].falco, " && ", and, append(terms, t))
}

func (t *translation) exists(e *syntax.Exists) term {
	o, ok := t.operand(&e.Of)
	if !ok || o.kind == none {
		return boolean(e.At(), false)
	}
	var terms []term
	for _, f := range o.fields {
		terms = append(terms, plain(e.At(), "has("+f.Name+")"))
	}
	return joined(e.At(), " && ", and, terms)
}
