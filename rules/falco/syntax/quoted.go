package syntax

import (
	"strconv"
	"strings"
)

// isQuote tells whether a text in quotes starts here.
func (s *scanner) isQuote() bool { return s.hasPrefix(`"`) || s.hasPrefix("'") }

// quoted steps over a text in quotes and returns what it stands for.
func (s *scanner) quoted() (string, error) {
	start, quote := s.at, s.text[s.at]
	s.at++
	var b strings.Builder
	for !s.atEnd() {
		switch c := s.text[s.at]; c {
		case quote:
			s.at++
			return b.String(), nil
		case '\\':
			if err := s.escape(&b, quote); err != nil {
				return "", err
			}
		default:
			b.WriteByte(c)
			s.at++
		}
	}
	return "", s.failAt(start, "the text's closing %c is missing", quote)
}

var escapes = map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', '\\': '\\', '/': '/',
	' ': '\\'} // a slip that Falco reads so since rules rely on it: the blank is lost

// escape steps over a backslash and what belongs to it.
func (s *scanner) escape(b *strings.Builder, quote byte) error {
	rest := s.rest()
	if len(rest) < 2 {
		return s.fail("nothing follows the backslash")
	}
	c := rest[1]
	switch value, ok := escapes[c]; {
	case ok:
		b.WriteByte(value)
	case c == quote:
		b.WriteByte(quote)
	case c == 'x':
		if len(rest) < 4 || !isHex(rest[2]) || !isHex(rest[3]) {
			return s.fail(`behind \x come two hexadecimal digits`)
		}
		value, _ := strconv.ParseUint(rest[2:4], 16, 8)
		b.WriteByte(byte(value))
		s.at += 2
	default:
		return s.fail(`there is no escape %q; there are \b \f \n \r \t \\ \/ \%c and \xHH`, rest[:2], quote)
	}
	s.at += 2
	return nil
}
