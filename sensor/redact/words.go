package redact

import (
	"slices"
	"strings"
)

// words are the arguments of a command, of a process's own or within a script, in which a flag tells what the next
// one is.
type words struct {
	text   []string
	take   func(i, start, end int)
	script bool // a shell is to read them: $NAME is a reference, and commands are joined by pipes

	program *program // the last program named, nil for none that is known
	login   bool     // its "login" command was named
}

// wordSpans finds secrets by the words of a script or a command line.
func wordSpans(s string) []span {
	var spans []span
	text, starts := split(s)
	w := words{text: text, script: true, take: func(i, start, end int) {
		spans = append(spans, span{starts[i] + start, starts[i] + end})
	}}
	w.read("")
	return spans
}

// split returns the words of s without the quotes around them. A quote is one at the beginning of a word, or behind
// a "=" or within a flag (-p'a b'): elsewhere it is an apostrophe.
func split(s string) (text []string, starts []int) {
	for i := 0; i < len(s); {
		if s[i] <= ' ' {
			i++
			continue
		}
		start, end, next := word(s, i)
		if start < end {
			text, starts = append(text, s[start:end]), append(starts, start)
		}
		i = next
	}
	return text, starts
}

// word returns the word that begins at i, and where to go on.
func word(s string, i int) (start, end, next int) {
	if isQuote(s[i]) {
		end = closeQuote(s, i+1, s[i])
		return i + 1, end, end + 1
	}
	flag := s[i] == '-'
	for end = i; end < len(s) && s[end] > ' ' && !endsCommand(s[end]); end++ {
		if isQuote(s[end]) && end > i && (s[end-1] == '=' || flag) {
			end = closeQuote(s, end+1, s[end])
		}
	}
	end = min(end, len(s))
	return i, end, max(end, i+1)
}

func isQuote(c byte) bool { return c == '"' || c == '\'' }

// endsCommand reports whether c ends a command and with it its last word.
func endsCommand(c byte) bool { return c == ';' || c == '|' || c == '&' }

func closeQuote(s string, i int, q byte) int {
	if n := strings.IndexByte(s[i:], q); n >= 0 {
		return i + n
	}
	return len(s)
}

// read goes through the words. exe is the program they belong to, if it is not itself one of them.
func (w *words) read(exe string) {
	w.program = programs[base(exe)]
	accounts := w.script && slices.ContainsFunc(w.text, readsAccounts)
	for i, word := range w.text {
		if name, secret, ok := strings.Cut(word, ":"); accounts && ok && !strings.HasPrefix(secret, "//") {
			w.secretValue(i, len(name)+1, secret)
		}
		switch {
		case len(word) > 1 && word[0] == '-':
			w.flag(i, word)
		default:
			w.plain(i, word)
		}
	}
}

// readsAccounts reports whether word is a program that reads lines of user:password, which a script writes to it.
func readsAccounts(word string) bool { return base(word) == "chpasswd" || base(word) == "newusers" }

// plain looks at a word that is no flag.
func (w *words) plain(i int, word string) {
	if p := programs[base(word)]; p != nil {
		w.program, w.login = p, false
		return
	}
	switch {
	case word == "login":
		w.login = true
	case strings.EqualFold(word, "set"):
		// "config set NAME VALUE" of redis-cli, npm, aws and many others.
		if i+2 < len(w.text) && (isSecretName(w.text[i+1]) || mayBeSecret(w.text[i+1])) {
			w.next(i + 1)
		}
	case w.program != nil && w.program.auth && strings.EqualFold(word, "auth"):
		w.next(i)
		w.next(i + 1)
	case strings.EqualFold(word, "bearer"):
		if i+1 < len(w.text) && len(w.text[i+1]) >= minBearer && run(w.text[i+1], 0, token68) == len(w.text[i+1]) {
			w.next(i)
		}
	case strings.HasPrefix(word, "pass:") && w.program == openssl:
		w.take(i, len("pass:"), len(word))
	case len(word) == awsIDLen && token(word, 0) == awsIDLen:
		w.awsSecret(i + 1)
	}
}

// An AWS access key id is followed, where it is followed, by its secret: 40 digits of base64 without a name.
const (
	awsIDLen     = 20
	awsSecretLen = 40
)

func (w *words) awsSecret(i int) {
	if i < len(w.text) && len(w.text[i]) == awsSecretLen && run(w.text[i], 0, base64) == awsSecretLen {
		w.take(i, 0, awsSecretLen)
	}
}

// flag looks at a word that begins with a dash.
func (w *words) flag(i int, word string) {
	name, value, hasValue := strings.Cut(word, "=")
	bare := strings.TrimLeft(name, "-")
	switch {
	case w.program.hasUserFlag(name):
		w.valueOf(i, name, value, hasValue, w.userPassword)
	case w.program.hasProxyFlag(name):
		w.valueOf(i, name, value, hasValue, w.proxyPassword)
	case w.program.hasCookieFlag(name):
		w.valueOf(i, name, value, hasValue, w.cookies)
	case w.program.attaches(word):
		// Before its name is looked at: -pmysecret is a password and not the name of one.
		w.letter(i, word)
	case bare == "from-literal":
		w.literal(i, name, value, hasValue)
	case (len(bare) > 2 || bare == "pw") && isSecretName(bare) && !isNegated(bare):
		if hasValue {
			w.secretValue(i, len(name)+1, value)
		} else {
			w.next(i)
		}
	default:
		w.letter(i, word)
	}
}

// valueOf has look see the flag's value, which stands behind "=" or is the next word.
func (w *words) valueOf(i int, name, value string, hasValue bool, look func(i, start int, value string)) {
	if hasValue {
		look(i, len(name)+1, value)
	} else if i+1 < len(w.text) {
		look(i+1, 0, w.text[i+1])
	}
}

func (w *words) secretValue(i, start int, value string) {
	if !isPlain(value) && !(w.script && isVariable(value)) {
		w.take(i, start, start+len(value))
	}
}

// next takes the word behind i, unless it is a flag or a reference.
func (w *words) next(i int) {
	if i+1 >= len(w.text) {
		return
	}
	if v := w.text[i+1]; len(v) < 2 || v[0] != '-' {
		w.secretValue(i+1, 0, v)
	}
}

// literal takes the value of kubectl's --from-literal=NAME=VALUE, which makes a secret of whatever name.
func (w *words) literal(i int, name, value string, hasValue bool) {
	at, start := i, len(name)+1
	if !hasValue {
		if i+1 >= len(w.text) {
			return
		}
		at, start, value = i+1, 0, w.text[i+1]
	}
	if key, v, ok := strings.Cut(value, "="); ok {
		w.secretValue(at, start+len(key)+1, v)
	}
}

// isNegated tells of flags that end in a secret's name and take no value.
func isNegated(name string) bool {
	for _, p := range []string{"no-", "without-", "prompt-", "ask-", "use-", "show-", "print-"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// letter looks at -X VALUE and -XVALUE of the programs whose letters are known.
func (w *words) letter(i int, word string) {
	p := w.program
	if p == nil || word[1] == '-' || p.login && !w.login {
		return
	}
	x, last := word[1], word[len(word)-1]
	switch {
	case len(word) > 2 && strings.IndexByte(p.attached, x) >= 0:
		w.secretValue(i, 2, word[2:])
	case len(word) == 2 && strings.IndexByte(p.separate, x) >= 0:
		w.next(i)
	case len(word) > 2 && strings.IndexByte(p.user, x) >= 0:
		w.userPassword(i, 2, word[2:])
	case len(word) > 2 && strings.IndexByte(p.proxy, x) >= 0:
		w.proxyPassword(i, 2, word[2:])
	case len(word) > 2 && strings.IndexByte(p.cookie, x) >= 0:
		w.cookies(i, 2, word[2:])
	case i+1 == len(w.text):
	// Alone, or the last of several letters: -sSu.
	case strings.IndexByte(p.user, last) >= 0:
		w.userPassword(i+1, 0, w.text[i+1])
	case strings.IndexByte(p.proxy, last) >= 0:
		w.proxyPassword(i+1, 0, w.text[i+1])
	case strings.IndexByte(p.cookie, last) >= 0:
		w.cookies(i+1, 0, w.text[i+1])
	}
}

// proxyPassword takes the password of user:password@host, which is a URL but for its scheme.
func (w *words) proxyPassword(i, start int, value string) {
	colon, at := strings.IndexByte(value, ':'), strings.LastIndexByte(value, '@')
	if colon >= 0 && colon < at && !strings.Contains(value, "://") {
		w.take(i, start+colon+1, start+at)
	}
}

// cookies takes the cookies of a flag as those of a header.
func (w *words) cookies(i, start int, value string) {
	if strings.Contains(value, "=") {
		w.take(i, start, start+len(value))
	}
}

// userPassword takes the password of user:password.
func (w *words) userPassword(i, start int, value string) {
	sep := byte(':')
	if w.program != nil && w.program.userSep != 0 {
		sep = w.program.userSep
	}
	if at := strings.IndexByte(value, sep); at >= 0 {
		w.secretValue(i, start+at+1, value[at+1:])
	}
}

func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
