package alert

import (
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Below these Fit does not go. With every list and string at these lengths, and each byte six in JSON, the largest
// message is still within MaxSize; ids and hashes stay whole.
const (
	minString = 64
	minList   = 4
)

// Fit makes a publishable: text becomes valid UTF-8, as proto3 demands of strings, and what is too long is cut until
// the message is within [MaxSize] in both encodings. What was cut is named in a.Truncated. Fit changes a and what it
// points to; fitting twice changes nothing more.
func Fit(a *Alert) {
	f := fitter{maxString: maxString, maxArgs: maxArgs, maxList: maxList}
	f.fit(a)
	for !fits(a) && f.maxString > minString {
		f.maxString /= 2
		f.maxArgs = max(f.maxArgs/2, minList)
		f.maxList = max(f.maxList/2, minList)
		f.fit(a)
	}
}

// fits measures both encodings: a control character takes one byte in binary and six in JSON. Binary is mostly the
// smaller, but its size costs nothing to ask.
func fits(a *Alert) bool {
	if proto.Size(a) > MaxSize {
		return false
	}
	b, err := JSON(a)
	return err == nil && len(b) <= MaxSize
}

// fitter walks the message by reflection, so that a field added later is bounded too.
type fitter struct {
	maxString, maxArgs, maxList int
	cut                         []string
}

func (f *fitter) fit(a *Alert) {
	f.cut = a.Truncated
	f.message(a.ProtoReflect(), "")
	slices.Sort(f.cut)
	a.Truncated = slices.Compact(f.cut)
}

func (f *fitter) message(m protoreflect.Message, path string) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		name := path + string(fd.Name())
		switch {
		case name == "truncated":
			// Written by fit itself.
		case fd.IsList():
			f.list(m, fd, v.List(), name)
		case fd.Kind() == protoreflect.StringKind:
			if s, changed := f.text(v.String(), name); changed {
				m.Set(fd, protoreflect.ValueOfString(s))
			}
		case fd.Kind() == protoreflect.MessageKind:
			f.message(v.Message(), name+".")
		}
		return true
	})
}

func (f *fitter) list(m protoreflect.Message, fd protoreflect.FieldDescriptor, l protoreflect.List, name string) {
	limit := f.maxList
	switch fd.Name() {
	case "args":
		limit = f.maxArgs
	case "ancestors":
		limit = MaxAncestors
	}
	if l.Len() > limit {
		l.Truncate(limit)
		f.noteCut(m, name)
	}
	for i := range l.Len() {
		switch fd.Kind() {
		case protoreflect.StringKind:
			s, changed := f.text(l.Get(i).String(), name)
			if changed {
				l.Set(i, protoreflect.ValueOfString(s))
			}
		case protoreflect.MessageKind:
			f.message(l.Get(i).Message(), name+".")
		}
	}
}

func (f *fitter) text(s, name string) (string, bool) {
	whole := valid(s)
	fitted := truncate(whole, f.maxString)
	if len(fitted) < len(whole) {
		f.cut = append(f.cut, name)
	}
	return fitted, fitted != s
}

func (f *fitter) noteCut(m protoreflect.Message, name string) {
	f.cut = append(f.cut, name)
	if p, ok := m.Interface().(*Process); ok && strings.HasSuffix(name, ".args") {
		p.ArgsTruncated = true
	}
}

// valid replaces each byte that is not part of UTF-8 by U+FFFD, one for one, so that lengths and positions of the bad
// bytes can still be seen.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for _, r := range s {
		b.WriteRune(r)
	}
	return b.String()
}

// truncate cuts s to at most n bytes, not within a rune.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
