package syntax

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A scanner looks at a condition from a place on. Its methods that return a token do not step over it, but for quoted,
// which reads text whose length is not that of its value.
type scanner struct {
	text string
	at   int
}

func (s *scanner) rest() string               { return s.text[s.at:] }
func (s *scanner) atEnd() bool                { return s.at >= len(s.text) }
func (s *scanner) hasPrefix(with string) bool { return strings.HasPrefix(s.rest(), with) }

func (s *scanner) failAt(at int, format string, args ...any) *Error {
	return &Error{Offset: at, Message: fmt.Sprintf(format, args...)}
}

func (s *scanner) fail(format string, args ...any) *Error { return s.failAt(s.at, format, args...) }

// found shows what stands here, for an error.
func (s *scanner) found() string {
	if s.atEnd() {
		return "the end"
	}
	n := span(s.rest(), isBareByte)
	if n == 0 {
		_, n = utf8.DecodeRuneInString(s.rest())
	}
	word := s.rest()[:n]
	if n > 40 {
		word = word[:40] + "…"
	}
	return fmt.Sprintf("%q", word)
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\b' }

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isWord(c byte) bool   { return isLetter(c) || isDigit(c) || c == '_' }
func isHex(c byte) bool    { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

// isSpace is what POSIX calls so: no bare text holds it.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// isBareByte is what a value may hold that stands in no quotes.
func isBareByte(c byte) bool { return !isSpace(c) && strings.IndexByte(`()"'=,`, c) < 0 }

// span is how many bytes at the start of s are of a kind.
func span(s string, is func(byte) bool) int {
	for i := range len(s) {
		if !is(s[i]) {
			return i
		}
	}
	return len(s)
}

// blanks steps over white space, and tells whether there was any.
func (s *scanner) blanks() bool {
	n := span(s.rest(), isBlank)
	s.at += n
	return n > 0
}

func identifier(s string) string {
	if s == "" || !isLetter(s[0]) {
		return ""
	}
	return s[:span(s, isWord)]
}

func (s *scanner) identifier() string { return identifier(s.rest()) }

// IsIdentifier tells whether a macro may have the name: a letter with letters, digits and _ behind it, and no keyword.
func IsIdentifier(name string) bool {
	return name != "" && identifier(name) == name && name != "and" && name != "or" && name != "not"
}

// IsBareWord tells whether a value may stand without quotes, and so whether a list may have the name.
func IsBareWord(text string) bool { return text != "" && span(text, isBareByte) == len(text) }

// fieldName is identifiers with dots between them, at least two.
func (s *scanner) fieldName() string {
	rest := s.rest()
	n := len(identifier(rest))
	dots := 0
	for n > 0 && n < len(rest) && rest[n] == '.' {
		part := identifier(rest[n+1:])
		if part == "" {
			break
		}
		n += 1 + len(part)
		dots++
	}
	if dots == 0 {
		return ""
	}
	return rest[:n]
}

// transformerName is the name of a transformer that a parenthesis follows.
func (s *scanner) transformerName() string {
	name := s.identifier()
	if _, ok := transformers[name]; !ok || !strings.HasPrefix(s.rest()[len(name):], "(") {
		return ""
	}
	return name
}

// number is a hexadecimal or decimal number, the latter with a fraction or an exponent if need be.
func (s *scanner) number() string {
	rest := s.rest()
	if len(rest) > 2 && rest[0] == '0' && rest[1]|0x20 == 'x' && isHex(rest[2]) {
		return rest[:2+span(rest[2:], isHex)]
	}
	n := 0
	if rest != "" && (rest[0] == '+' || rest[0] == '-') {
		n = 1
	}
	digits := span(rest[n:], isDigit)
	if digits == 0 {
		return ""
	}
	n += digits
	if n < len(rest) && rest[n] == '.' {
		n += 1 + span(rest[n+1:], isDigit)
	}
	if len(rest) > n+2 && rest[n]|0x20 == 'e' && (rest[n+1] == '+' || rest[n+1] == '-') && isDigit(rest[n+2]) {
		n += 2 + span(rest[n+2:], isDigit)
	}
	return rest[:n]
}
