package redact

import (
	"slices"
	"strings"
)

// A span is a part of a text that is secret.
type span struct{ start, end int }

// maxPasses bounds how often a text is looked at again after something was replaced in it. Once more finds nothing but
// in texts made for it.
const maxPasses = 6

// settle applies once until it finds nothing, which is what makes redacting twice the same as redacting once. A text
// that does not settle was made not to, and is replaced as a whole.
func settle(s string, once func(string) []span) (string, int) {
	total := 0
	for range maxPasses {
		spans := once(s)
		if len(spans) == 0 {
			return s, total
		}
		s = replace(s, spans)
		total += len(spans)
	}
	if len(once(s)) == 0 {
		return s, total
	}
	return Mark, total + 1
}

// merged sorts spans and joins those that touch, so that two rules that see one secret count and replace it once.
func merged(spans []span) []span {
	if len(spans) < 2 {
		return spans
	}
	slices.SortFunc(spans, func(a, b span) int {
		if a.start != b.start {
			return a.start - b.start
		}
		return b.end - a.end
	})
	out := spans[:1]
	for _, s := range spans[1:] {
		last := &out[len(out)-1]
		if s.start <= last.end {
			last.end = max(last.end, s.end)
		} else {
			out = append(out, s)
		}
	}
	return out
}

// unmarked drops the spans of which nothing is left to replace.
func unmarked(s string, spans []span) []span {
	return slices.DeleteFunc(spans, func(p span) bool { return isMarked(s[p.start:p.end]) })
}

// isMarked reports whether s is empty or holds nothing but marks and blanks.
func isMarked(s string) bool {
	for {
		s = strings.TrimLeft(s, " \t\r\n")
		if s == "" {
			return true
		}
		if !strings.HasPrefix(s, Mark) {
			return false
		}
		s = s[len(Mark):]
	}
}

// replace puts Mark in the place of spans, which are in order and do not touch.
func replace(s string, spans []span) string {
	var b strings.Builder
	b.Grow(len(s) + len(spans)*len(Mark))
	at := 0
	for _, p := range spans {
		b.WriteString(s[at:p.start])
		b.WriteString(Mark)
		at = p.end
	}
	b.WriteString(s[at:])
	return b.String()
}
