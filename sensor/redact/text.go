package redact

import "strings"

// Text redacts a text of any kind: a command line, a script, a URL, mount options, JSON. It returns the text and how
// many secrets were replaced.
func Text(s string) (string, int) {
	return settle(s, func(s string) []span {
		spans := textSpans(s)
		if hasBlank(s) {
			spans = append(spans, wordSpans(s)...)
		}
		return merged(unmarked(s, spans))
	})
}

// Tokens redacts only what is a secret by its own form: tokens, keys, and passwords in URLs. It is for paths, in which
// a name such as token= is mostly just a name.
func Tokens(s string) (string, int) {
	return settle(s, func(s string) []span {
		t := scanner{s: s}
		t.scan()
		return merged(unmarked(s, t.spans))
	})
}

// textSpans finds what stands in s by name and by form.
func textSpans(s string) []span {
	t := scanner{s: s, names: true, script: hasBlank(s)}
	t.scan()
	return t.spans
}

func hasBlank(s string) bool { return strings.ContainsAny(s, " \t\n") }

// A scanner goes through a text once. Whatever looks ahead either takes what it saw, so that the scan goes on behind
// it, or looks no further than a bound or a memo: the scan is linear.
type scanner struct {
	s      string
	names  bool // look for names too, not only for forms
	script bool // s has blanks: a value ends where a shell would end it
	spans  []span

	noUserinfo int // no "@" stands between here and the end of this word
}

func (t *scanner) scan() {
	if strings.Contains(t.s, pemBegin) {
		t.spans = append(t.spans, pemSpans(t.s)...)
	}
	for i := 0; i < len(t.s); {
		i = t.at(i)
	}
}

// at looks at one place and returns the next.
func (t *scanner) at(i int) int {
	c := t.s[i]
	if tokenStart[c] {
		if end := token(t.s, i); end > i {
			return t.take(i, end)
		}
	}
	switch {
	case c == ':' && strings.HasPrefix(t.s[i:], "://"):
		return t.userinfo(i + len("://"))
	case !t.names:
		return i + 1
	case c == '=':
		return t.equals(i)
	case c == ':':
		return t.colon(i)
	case c == 'b' || c == 'B':
		return t.bearer(i)
	}
	return i + 1
}

func (t *scanner) take(start, end int) int {
	t.spans = append(t.spans, span{start, end})
	return max(end, start)
}

// userinfo takes the password of scheme://user:password@host. One with a slash in it, which should be escaped and often
// is not, is told from a path behind host:port by not being a number.
func (t *scanner) userinfo(i int) int {
	end := i
	for end < len(t.s) && !strings.ContainsRune("/?#", rune(t.s[end])) && !endsWord(t.s[end]) {
		end++
	}
	authority := t.s[i:end]
	colon := strings.IndexByte(authority, ':')
	if colon < 0 {
		return t.userToken(i, authority)
	}
	if at := strings.LastIndexByte(authority, '@'); at > colon {
		return t.take(i+colon+1, i+at)
	}
	port := authority[colon+1:]
	if run(port, 0, digitClass) == len(port) || end < t.noUserinfo {
		return i
	}
	word := end
	for word < len(t.s) && !endsWord(t.s[word]) {
		word++
	}
	if at := strings.LastIndexByte(t.s[end:word], '@'); at >= 0 {
		return t.take(i+colon+1, end+at)
	}
	t.noUserinfo = word
	return i
}

// userToken takes a token that stands in the place of the user, as https://TOKEN@host has it: it is longer than a name,
// and has digits.
func (t *scanner) userToken(i int, authority string) int {
	at := strings.IndexByte(authority, '@')
	if at < minUserToken || run(authority, 0, base64URL) != at || !strings.ContainsAny(authority[:at], digits) {
		return i
	}
	return t.take(i, i+at)
}

const minUserToken = 20

// endsWord reports whether c cannot be part of a URL or an unquoted word.
func endsWord(c byte) bool {
	switch c {
	case ' ', '\t', '\n', '\r', 0, '"', '\'', '`', '<', '>', '|':
		return true
	}
	return false
}

// bearer takes the token of a bare "Bearer TOKEN". It must be long: the word is also an ordinary one.
func (t *scanner) bearer(i int) int {
	const word = "bearer"
	if i > 0 && alnum[t.s[i-1]] || len(t.s)-i <= len(word) || !strings.EqualFold(t.s[i:i+len(word)], word) {
		return i + 1
	}
	start := run(t.s, i+len(word), blanks)
	end := run(t.s, start, token68)
	if start == i+len(word) || end-start < minBearer {
		return i + 1
	}
	return t.take(start, end)
}

const minBearer = 16

var blanks = classOf(" \t")
