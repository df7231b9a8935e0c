// Package field is the catalogue of what rules can say about an event: each field's name, type and meaning, which
// kinds of events have it, and how its value is read from an event.Event. The names are Falco's. It reads events and
// makes them for tests; it compiles nothing and matches nothing. Package rules and its parts call it, and so does
// whatever prints fields.
//
// A getter returns a value and whether the event has one. Getters of the common fields allocate nothing; the strings
// they return hold as long as the event does.
package field

//go:generate go run tiercel.dev/rules/field/gen -o ../../docs/rules-reference.md

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"tiercel.dev/internal/event"
)

// Type is the type of a field's value.
type Type uint8

const (
	None     Type = iota // the field has a value only with a key
	Text                 // string
	Int                  // int
	Bool                 // bool
	Duration             // duration
	Addr                 // string in conditions, an address here
	Texts                // list(string)
	Ints                 // list(int)
	Addrs                // list(string) in conditions, addresses here
)

var typeNames = [...]string{"", "string", "int", "bool", "duration", "string", "list(string)", "list(int)", "list(string)"}

// String is the type's name in conditions.
func (t Type) String() string { return typeNames[t] }

// Facts say what a field's value depends on, so that conditions can be judged before there is an event.
type Facts uint8

const (
	FromKind      Facts = 1 << iota // the event's kind alone
	FromContainer                   // the event's container alone
	FromNews                        // of a message, whether and what it tells that is new, see event.EveryMessage
	FromEvent                       // anything else
)

// KeyType is what may stand in brackets behind a field's name.
type KeyType uint8

const (
	NoKey KeyType = iota
	IntKey
	TextKey
	AnyKey // a number or a text
)

// A Field is one entry of the catalogue, or a keyed field with its key. Only the getter of its Type is set: Addr fields
// have AddrOf and no TextOf.
type Field struct {
	Name  string
	Type  Type
	Doc   string        // one or more sentences
	Kinds event.KindSet // the kinds that may have a value
	Exact bool          // events of other kinds never have a value; without it Kinds is what to expect
	Facts Facts
	// Metadata says that the value comes from the container runtime and is missing until that has answered.
	Metadata bool
	// Data says that the value is what a message carried, which the kernel side copies only if it is asked for.
	Data bool
	// Never says that the value is never missing.
	Never bool

	TextOf     func(*event.Event) (string, bool)
	IntOf      func(*event.Event) (int64, bool)
	BoolOf     func(*event.Event) (bool, bool)
	DurationOf func(*event.Event) (time.Duration, bool)
	AddrOf     func(*event.Event) (netip.Addr, bool)
	TextsOf    func(*event.Event, []string) ([]string, bool)         // appends
	IntsOf     func(*event.Event, []int64) ([]int64, bool)           // appends
	AddrsOf    func(*event.Event, []netip.Addr) ([]netip.Addr, bool) // appends
	// PartsOf, where it is set, are texts that TextOf joins by blanks, which allocates.
	PartsOf func(*event.Event) []string

	// Key, and what it is an example of, for fields that take one.
	Key     KeyType
	KeyType Type // type of the value with a key
	KeyDoc  string
	keyed   func(key) Field
	// checkKey tells what is wrong with a key of the right type; nil if nothing can be.
	checkKey func(key) error

	set    func(*builder, string) error
	setKey func(*builder, key, string) error
	sets   func(*builder, []string) error
}

// AnyData reports whether one of the fields reads what messages carry.
func AnyData(fields []*Field) bool {
	return slices.ContainsFunc(fields, func(f *Field) bool { return f.Data })
}

type key struct {
	text  string
	num   int
	isNum bool
}

func (k key) String() string {
	if k.isNum {
		return strconv.Itoa(k.num)
	}
	return strconv.Quote(k.text)
}

var catalogue = index(slices.Concat(evtFields(), evtTimeFields(), argFields(), fdFields(), fsPathFields(), passedFields(), procFields(), userFields(), containerFields(), podFields()))

func index(fields []Field) map[string]*Field {
	m := make(map[string]*Field, len(fields))
	for i := range fields {
		f := &fields[i]
		if f.Facts == 0 {
			f.Facts = FromEvent
		}
		if f.Kinds.Empty() {
			f.Kinds = event.AllKinds()
		}
		if m[f.Name] != nil {
			panic("field " + f.Name + " stands twice in the catalogue")
		}
		m[f.Name] = f
	}
	return m
}

// All returns the catalogue, sorted by name.
func All() []*Field {
	all := make([]*Field, 0, len(catalogue))
	for _, f := range catalogue {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *Field) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Value reads the field as text, int64, bool, time.Duration, []string or []int64; ok is false where the event has none.
func (f *Field) Value(ev *event.Event) (value any, ok bool) {
	switch f.Type {
	case Text:
		return boxed(f.TextOf(ev))
	case Int:
		return boxed(f.IntOf(ev))
	case Bool:
		return boxed(f.BoolOf(ev))
	case Duration:
		return boxed(f.DurationOf(ev))
	case Addr:
		a, ok := f.AddrOf(ev)
		return AddrText(a), ok
	case Texts:
		v, ok := f.TextsOf(ev, []string{})
		return v, ok
	case Ints:
		v, ok := f.IntsOf(ev, []int64{})
		return v, ok
	case Addrs:
		as, ok := f.AddrsOf(ev, nil)
		texts := make([]string, len(as))
		for i, a := range as {
			texts[i] = AddrText(a)
		}
		return texts, ok
	}
	return nil, false
}

// some is a value where there is one. Else it is the zero value, as which conditions read what is missing without asking.
func some[T any](v T, ok bool) (T, bool) {
	if !ok {
		var zero T
		return zero, false
	}
	return v, true
}

func boxed[T any](v T, ok bool) (any, bool) { return v, ok }

// Has reports whether ev has a value for the field.
func (f *Field) Has(ev *event.Event) bool {
	var ok bool
	switch f.Type {
	case Text:
		_, ok = f.TextOf(ev)
	case Int:
		_, ok = f.IntOf(ev)
	case Bool:
		_, ok = f.BoolOf(ev)
	case Duration:
		_, ok = f.DurationOf(ev)
	case Addr:
		_, ok = f.AddrOf(ev)
	case Texts:
		var buf [8]string
		_, ok = f.TextsOf(ev, buf[:0])
	case Ints:
		var buf [8]int64
		_, ok = f.IntsOf(ev, buf[:0])
	case Addrs:
		var buf [2]netip.Addr
		_, ok = f.AddrsOf(ev, buf[:0])
	}
	return ok
}

// Append appends the field's value as outputs show it, unescaped; ok is false and dst unchanged where there is none.
func (f *Field) Append(dst []byte, ev *event.Event) (_ []byte, ok bool) {
	v, ok := f.Value(ev)
	if !ok {
		return dst, false
	}
	switch v := v.(type) {
	case string:
		return append(dst, v...), true
	case int64:
		return strconv.AppendInt(dst, v, 10), true
	case bool:
		return strconv.AppendBool(dst, v), true
	case time.Duration:
		return append(dst, v.String()...), true
	case []string:
		return append(dst, strings.Join(v, " ")...), true
	case []int64:
		for i, n := range v {
			if i > 0 {
				dst = append(dst, ' ')
			}
			dst = strconv.AppendInt(dst, n, 10)
		}
	}
	return dst, true
}

// AddrText is the canonical text of an address, as conditions see it; "" for no address.
func AddrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
