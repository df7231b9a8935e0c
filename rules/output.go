package rules

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"tiercel.dev/internal/event"
	"tiercel.dev/rules/field"
)

// A template is an output, cut into texts and fields.
type template struct {
	text  string
	parts []part
}

// A part is a text, or fields of which the first that has a value is shown.
type part struct {
	text   string
	fields []*field.Field
	// as is what the output calls its one field where that is not the field's name here; "" where it is.
	as string
	// width is how many bytes it fills or is cut to, 0 for as many as it has; transform changes the value. Falco has both.
	width     int
	transform func(string) string
}

// parseTemplate cuts an output; fail is told of what is wrong, with its place in characters.
func parseTemplate(text string, fail func(offset int, message string)) template {
	t := template{text: text}
	var plain strings.Builder
	offset := 0
	for s := text; s != ""; {
		n := 1
		switch {
		case strings.HasPrefix(s, "{{"), strings.HasPrefix(s, "}}"):
			plain.WriteByte(s[0])
			n = 2
		case s[0] == '}':
			fail(offset, "} without {; the character itself is }}")
		case s[0] == '{':
			end := closing(s)
			if end < 0 {
				fail(offset, "{ is not closed; the character itself is {{")
				return t
			}
			fields := alternatives(s[1:end], func(at int, message string) { fail(offset+1+at, message) })
			t.parts = append(t.parts, part{text: plain.String()}, part{fields: fields})
			plain.Reset()
			n = end + 1
		default:
			_, n = utf8.DecodeRuneInString(s)
			plain.WriteString(s[:n])
		}
		offset += utf8.RuneCountInString(s[:n])
		s = s[n:]
	}
	t.parts = append(t.parts, part{text: plain.String()})
	return t
}

// alternatives reads a|b.
func alternatives(s string, fail func(offset int, message string)) (fields []*field.Field) {
	for start, more := 0, true; more; {
		end := outsideQuotes(s[start:], '|')
		if more = end >= 0; !more {
			end = len(s) - start
		}
		name := s[start : start+end]
		f, err := field.Lookup(strings.TrimSpace(name))
		if err != nil {
			blanks := len(name) - len(strings.TrimLeft(name, " "))
			fail(utf8.RuneCountInString(s[:start+blanks]), err.Error())
		} else {
			fields = append(fields, f)
		}
		start += end + 1
	}
	return fields
}

// closing finds the brace that ends a field.
func closing(s string) int {
	if i := outsideQuotes(s[1:], '}'); i >= 0 {
		return i + 1
	}
	return -1
}

// outsideQuotes finds c where it is no part of a key in quotes.
func outsideQuotes(s string, c byte) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '\\' && quoted:
			i++
		case s[i] == c && !quoted:
			return i
		}
	}
	return -1
}

// fields are those named, each once.
func (t template) fields() []*field.Field {
	var out []*field.Field
	seen := map[string]bool{}
	for _, p := range t.parts {
		for _, f := range p.fields {
			if !seen[f.Name] {
				seen[f.Name] = true
				out = append(out, f)
			}
		}
	}
	return out
}

// named are the fields and what the output calls them, each name once.
func (t template) named(each func(name string, f *field.Field)) {
	seen := map[string]bool{}
	for _, p := range t.parts {
		for _, f := range p.fields {
			name := f.Name
			if p.as != "" {
				name = p.as
			}
			if !seen[name] {
				seen[name] = true
				each(name, f)
			}
		}
	}
}

func (t template) render(ev *event.Event) string {
	var out, value []byte
	for _, p := range t.parts {
		if p.fields == nil {
			out = append(out, p.text...)
			continue
		}
		start, ok := len(out), false
		for _, f := range p.fields {
			if value, ok = f.Append(value[:0], ev); ok {
				out = appendEscaped(out, p.transformed(string(value)))
				break
			}
		}
		if !ok {
			out = append(out, "<NA>"...)
		}
		if p.width > 0 {
			out = append(out, strings.Repeat(" ", max(start+p.width-len(out), 0))...)[:start+p.width]
		}
	}
	return string(out)
}

func (p part) transformed(v string) string {
	if p.transform == nil {
		return v
	}
	return p.transform(v)
}

// appendEscaped writes s so that it stays on its line and shows what it holds: control and unprintable characters,
// invalid UTF-8 and the backslash as in a Go string literal, quotes as they are.
func appendEscaped(dst []byte, s string) []byte {
	for s != "" {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == '"':
			dst = append(dst, '"')
		default:
			q := strconv.Quote(s[:n])
			dst = append(dst, q[1:len(q)-1]...)
		}
		s = s[n:]
	}
	return dst
}
