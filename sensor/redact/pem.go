package redact

import "strings"

const (
	pemBegin = "-----BEGIN"
	pemEnd   = "-----END"
	dashes   = "-----"
)

// minKeyRun is how many base64 digits in a row make what follows a PEM header a key and not the rest of a command that
// looks for one. The first bytes of a key say its type; a key cut off before them is no loss.
const minKeyRun = 16

// pemSpans finds the bodies of PEM private keys. A key that was cut goes on to the end of what can be one.
func pemSpans(s string) []span {
	var spans []span
	for at := 0; ; {
		i := strings.Index(s[at:], pemBegin)
		if i < 0 {
			return spans
		}
		begin := at + i
		body, ok := pemHeader(s, begin)
		if !ok {
			at = begin + len(pemBegin)
			continue
		}
		end := pemBody(s, body)
		if hasKey(s[body:end]) {
			spans = append(spans, span{body, end})
		}
		at = max(end, body)
	}
}

// pemHeader returns the end of the header line that begins at i, if it is a private key's. Where an unquoted variable
// became arguments, its blanks are what the caller joined those with.
func pemHeader(s string, i int) (int, bool) {
	const longest = len(" ENCRYPTED PRIVATE KEY BLOCK") + 16
	label := s[i+len(pemBegin):]
	label = label[:min(len(label), longest+len(dashes))]
	end := strings.Index(label, dashes)
	if end < 0 {
		return 0, false
	}
	words := strings.Fields(label[:end])
	for k, w := range words {
		if w == "PRIVATE" && k+1 < len(words) && words[k+1] == "KEY" {
			return i + len(pemBegin) + end + len(dashes), true
		}
	}
	return 0, false
}

// pemBody returns the end of the body that begins at i: the end line, or what cannot belong to a key. Escaped line feeds,
// as in the JSON of a service account, and the header lines of an encrypted key belong to it.
func pemBody(s string, i int) int {
	for at := i; at < len(s); at++ {
		switch {
		case strings.HasPrefix(s[at:], pemEnd):
			return at
		case strings.HasPrefix(s[at:], dashes):
			return at
		case !pemByte[s[at]]:
			return at
		}
	}
	return len(s)
}

// pemByte: base64, white space, escapes, "Proc-Type: 4,ENCRYPTED" and its like, and the marks of an earlier pass.
var pemByte = classOf(upper + lower + digits + "+/=" + " \t\r\n\\" + ":,-." + "[]")

// hasKey reports whether a body holds a run of base64 that may be a key's. A path may look like one, but begins with a
// slash, which no key does.
func hasKey(body string) bool {
	if strings.Contains(body, Mark) && isMarked(body) {
		return false
	}
	for i := 0; i < len(body); {
		end := run(body, i, base64)
		if end-i >= minKeyRun && body[i] != '/' {
			return true
		}
		i = max(end, i+1)
	}
	return false
}
