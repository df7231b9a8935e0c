package redact

import "strings"

// maxGap is how many blanks may stand around a separator.
const maxGap = 4

// equals looks at NAME=VALUE, NAME = VALUE, "NAME" => "VALUE". A comparison is none of them.
func (t *scanner) equals(i int) int {
	if strings.HasPrefix(t.s[i+1:], "=") {
		return i + 2
	}
	name, _ := t.nameBefore(i)
	if name == "" {
		return i + 1
	}
	value := i + 1
	if value < len(t.s) && t.s[value] == '>' {
		value++
	}
	if t.s[i-1] == ' ' || value > i+1 {
		value = t.skipBlanks(value)
	}
	return t.named(name, i, value)
}

// colon looks at NAME: VALUE and "NAME":VALUE. Without a blank or quotes, as in a path:path, the name must have the form
// of a header.
func (t *scanner) colon(i int) int {
	name, quoted := t.nameBefore(i)
	if name == "" {
		return i + 1
	}
	value := t.skipBlanks(i + 1)
	if !quoted && value == i+1 && !strings.ContainsAny(name, "-_") && !isHeader(name, "authorization", "cookie") {
		return i + 1
	}
	if isHeader(name, "cookie", "set-cookie") {
		return t.take(value, t.lineEnd(value))
	}
	return t.named(name, i, value)
}

func (t *scanner) skipBlanks(i int) int {
	for n := 0; n < maxGap && i < len(t.s) && blanks[t.s[i]]; n++ {
		i++
	}
	return i
}

// nameBefore returns the name that ends before the separator at i, and whether it stood in quotes or brackets.
func (t *scanner) nameBefore(i int) (name string, quoted bool) {
	end := i
	for n := 0; n < maxGap && end > 0 && t.s[end-1] == ' '; n++ {
		end--
	}
	for n := 0; n < maxGap && end > 0 && strings.IndexByte("\"'\\]", t.s[end-1]) >= 0; n++ {
		end--
		quoted = true
	}
	start := end
	for start > 0 && end-start < maxName && (base64URL[t.s[start-1]] || t.s[start-1] == '.') {
		start--
	}
	// curl takes a header attached to its flag: -HAuthorization:...
	return strings.TrimPrefix(t.s[start:end], "-H"), quoted
}

// named takes the value at start if name, which ends before the separator at i, is a secret's.
func (t *scanner) named(name string, i, start int) int {
	if start >= len(t.s) {
		return len(t.s)
	}
	if isHeader(name, "authorization", "proxy-authorization") {
		return t.authorization(start)
	}
	secret := isSecretName(name)
	if !secret && !mayBeSecret(name) {
		return i + 1
	}
	start, end := t.value(start)
	value := t.s[start:end]
	switch {
	case isPlain(value), !secret && len(value) < minUnsure:
		return i + 1
	case t.script && isVariable(value), strings.EqualFold(name, "pwd") && value[0] == '/':
		return end // of any length: to look at it again from within would cost its square
	}
	return t.take(start, end)
}

// mayBeSecret names what is one only if its value is long: _auth of npm, auth of Docker's configuration, sig of a
// signed URL.
func mayBeSecret(name string) bool {
	name = strings.TrimLeft(name, "_-")
	return strings.EqualFold(name, "auth") || strings.EqualFold(name, "sig")
}

const minUnsure = 16

// isVariable reports whether a script's value is a reference, whose secret is elsewhere.
func isVariable(v string) bool {
	return len(v) > 1 && v[0] == '$' && (v[1] == '{' || v[1] == '(' || 'A' <= v[1] && v[1] <= 'Z')
}

// authorization takes what follows the scheme of an Authorization header, or all of it if there is no scheme.
func (t *scanner) authorization(start int) int {
	if open := t.quote(start); open > start {
		start = open
	}
	first := run(t.s, start, base64URL)
	second := t.skipBlanks(first)
	if second > first && second < len(t.s) && first > start {
		if strings.HasPrefix(t.s[second:], Mark) {
			return second + len(Mark)
		}
		if end := run(t.s, second, token68); end > second {
			return t.take(second, end)
		}
	}
	_, end := t.value(start)
	if end <= start || strings.EqualFold(t.s[start:end], "basic") || strings.EqualFold(t.s[start:end], "bearer") {
		return start
	}
	return t.take(start, end)
}

// quote returns the place behind the opening quote at i, escaped or not; i if there is none.
func (t *scanner) quote(i int) int {
	q := i
	if q < len(t.s) && t.s[q] == '\\' {
		q++
	}
	if q < len(t.s) && strings.IndexByte("\"'`", t.s[q]) >= 0 {
		return q + 1
	}
	return i
}

// value returns where the value at i begins and ends.
func (t *scanner) value(i int) (start, end int) {
	if open := t.quote(i); open > i {
		mark := t.s[i:open]
		end = t.closing(mark, open)
		if t.goesOn(end + len(mark)) {
			return i, t.wordEnd(end + len(mark))
		}
		return open, end
	}
	end = i
	for end < len(t.s) && !t.endsValue(end) {
		end++
	}
	if end < len(t.s) && isQuote(t.s[end]) && t.goesOn(end+1) {
		end = t.wordEnd(end)
	}
	return i, end
}

// goesOn reports whether a shell's word goes on at i, behind a quote: "a"b, a"b", and 'a' with an escaped quote behind it.
func (t *scanner) goesOn(i int) bool {
	return t.script && i < len(t.s) && (alnum[t.s[i]] || t.s[i] == '\\')
}

// wordEnd returns the end of a shell's word, with its quoted parts.
func (t *scanner) wordEnd(i int) int {
	for i < len(t.s) && t.s[i] > ' ' && !endsCommand(t.s[i]) {
		switch c := t.s[i]; {
		case c == '\\':
			i++
		case isQuote(c):
			i = closeQuote(t.s, i+1, c)
		}
		i++
	}
	return min(i, len(t.s))
}

// closing returns where the quote that was opened is closed, or the end of a text that was cut. mark is the quote with
// the backslash that escaped it, if one did.
func (t *scanner) closing(mark string, i int) int {
	for ; i < len(t.s); i++ {
		if strings.HasPrefix(t.s[i:], mark) {
			return i
		}
		if t.s[i] == '\\' {
			i++
		}
	}
	return len(t.s)
}

// endsValue reports whether an unquoted value ends before i: at white space and quotes; in a script at what ends a
// word of the shell; at , ; and & where another NAME= follows, since passwords have these in them too.
func (t *scanner) endsValue(i int) bool {
	switch c := t.s[i]; c {
	case ' ', '\t', '\n', '\r', 0, '"', '\'', '`':
		return true
	case '|', '<', '>':
		return t.script
	case ',', ';', '&':
		next := i + 1
		if next == len(t.s) || t.s[next] <= ' ' || t.script && c != ',' {
			return true
		}
		name := run(t.s[:min(len(t.s), next+maxName)], next, wordClass)
		return name > next && name < len(t.s) && t.s[name] == '='
	}
	return false
}

func (t *scanner) lineEnd(i int) int {
	for i < len(t.s) && strings.IndexByte("\r\n\"'", t.s[i]) < 0 {
		i++
	}
	return i
}
