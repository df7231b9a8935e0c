package condition

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
)

// Values is what a list holds, prepared for every way of asking. It is never changed once made.
type Values struct {
	Texts []string
	Ints  []int64

	texts map[string]struct{}
	ints  map[int64]struct{}
	addrs map[netip.Addr]struct{}
	nets  []netip.Prefix
	heads func() *trie // of Texts, as prefixes
	tails func() *trie // of Texts, as suffixes
}

// TextValues prepares a list of texts. What reads as an address is brought into canonical form, since addresses of
// events are compared in that.
func TextValues(texts []string) *Values {
	v := &Values{texts: map[string]struct{}{}, addrs: map[netip.Addr]struct{}{}}
	for _, t := range texts {
		if a, err := netip.ParseAddr(t); err == nil {
			t = a.String()
			v.addrs[a] = struct{}{}
		}
		if t == "" {
			v.addrs[netip.Addr{}] = struct{}{} // no address reads as ""
		}
		if n, ok := parseNet(t); ok {
			v.nets = append(v.nets, n)
		}
		v.Texts = append(v.Texts, t)
		v.texts[t] = struct{}{}
	}
	v.heads = sync.OnceValue(func() *trie { return affixes(v.Texts, false) })
	v.tails = sync.OnceValue(func() *trie { return affixes(v.Texts, true) })
	return v
}

// IntValues prepares a list of numbers.
func IntValues(ints []int64) *Values {
	v := &Values{Ints: slices.Clone(ints), ints: map[int64]struct{}{}}
	for _, n := range ints {
		v.ints[n] = struct{}{}
	}
	return v
}

// few is how many elements are compared one by one rather than by hash.
const few = 4

func (v *Values) hasText(s string) bool {
	if len(v.Texts) <= few {
		return slices.Contains(v.Texts, s)
	}
	_, ok := v.texts[s]
	return ok
}

func (v *Values) hasInt(n int64) bool {
	if len(v.Ints) <= few {
		return slices.Contains(v.Ints, n)
	}
	_, ok := v.ints[n]
	return ok
}

func (v *Values) hasAddr(a netip.Addr) bool {
	_, ok := v.addrs[a]
	return ok
}

// A List is what stands behind a bare name in conditions.
type List struct {
	Of      Elem
	Values  *Values // of a fixed list; the default of a dynamic one
	Dynamic string  // name in Lists; "" for a fixed list
}

// Elem is the type of a list's elements.
type Elem uint8

const (
	OfText Elem = iota
	OfInt
)

// Lists holds the values of dynamic lists. Conditions read them as they are at that moment: changing one compiles
// nothing. It is safe for concurrent use.
type Lists struct {
	mu    sync.Mutex
	slots map[string]*slot
}

type slot struct{ texts, ints atomic.Pointer[Values] }

// NewLists returns a holder in which every list has its default.
func NewLists() *Lists { return &Lists{slots: map[string]*slot{}} }

func (l *Lists) slot(name string) *slot {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.slots[name]
	if s == nil {
		s = &slot{}
		l.slots[name] = s
	}
	return s
}

// SetTexts replaces what the list of texts named so holds.
func (l *Lists) SetTexts(name string, texts []string) { l.slot(name).texts.Store(TextValues(texts)) }

// SetInts replaces what the list of numbers named so holds.
func (l *Lists) SetInts(name string, ints []int64) { l.slot(name).ints.Store(IntValues(ints)) }

// Reset gives the list its default again.
func (l *Lists) Reset(name string) {
	s := l.slot(name)
	s.texts.Store(nil)
	s.ints.Store(nil)
}

// reader returns what reads the list at the moment of asking.
func (list *List) reader(from *Lists) func() *Values {
	if list.Dynamic == "" {
		return func() *Values { return list.Values }
	}
	s := from.slot(list.Dynamic)
	at := &s.texts
	if list.Of == OfInt {
		at = &s.ints
	}
	return func() *Values {
		if v := at.Load(); v != nil {
			return v
		}
		return list.Values
	}
}
