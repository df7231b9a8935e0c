package condition

import (
	"encoding/base64"
	"encoding/hex"
	"net/netip"
	"strings"
	"unicode/utf8"
)

// containsFold is strings.Contains in which ASCII letters of either case are equal.
func containsFold(s, sub string) bool {
	for i := 0; i+len(sub) <= len(s); i++ {
		if equalFold(s[i:i+len(sub)], sub) {
			return true
		}
	}
	return false
}

// A foldFinder looks for one text as containsFold does, and soon: it goes from one occurrence of the text's rarest byte to
// the next.
type foldFinder struct {
	sub          string
	at           int  // of the rarest byte in sub
	lower, upper byte // that byte
}

func newFoldFinder(sub string) *foldFinder {
	f := &foldFinder{sub: sub}
	rank := func(i int) int { return strings.IndexByte(commonBytes, lowerByte(sub[i])) }
	for i := range len(sub) {
		if rank(i) < rank(f.at) {
			f.at = i
		}
	}
	if sub != "" {
		f.lower = lowerByte(sub[f.at])
		if f.upper = f.lower; 'a' <= f.lower && f.lower <= 'z' {
			f.upper -= 'a' - 'A'
		}
	}
	return f
}

// commonBytes are those that command lines and environments have most of, the rarer first.
const commonBytes = "zqjxkwvy9876543bfg_2mhpud:1l0cns=-itroea./ "

func (x *foldFinder) in(s string) bool {
	if x.sub == "" {
		return true
	}
	// Where the byte stands next, in each case; len(s) where it does not.
	next := func(c byte, from int) int {
		if i := strings.IndexByte(s[from:], c); i >= 0 {
			return from + i
		}
		return len(s)
	}
	last := len(s) - len(x.sub) + x.at // that it may stand at
	if last < x.at {
		return false
	}
	lower, upper := next(x.lower, x.at), len(s)
	if x.upper != x.lower {
		upper = next(x.upper, x.at)
	}
	for at := min(lower, upper); at <= last; at = min(lower, upper) {
		if equalFold(s[at-x.at:at-x.at+len(x.sub)], x.sub) {
			return true
		}
		if at == lower {
			lower = next(x.lower, at+1)
		} else {
			upper = next(x.upper, at+1)
		}
	}
	return false
}

func equalFold(a, b string) bool {
	for i := range len(a) {
		if lowerByte(a[i]) != lowerByte(b[i]) {
			return false
		}
	}
	return true
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// Lower folds ASCII letters only, and returns s itself where there is nothing to fold.
func Lower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				b[j] = lowerByte(b[j])
			}
			return string(b)
		}
	}
	return s
}

// Upper is Lower the other way round.
func Upper(s string) string {
	for i := range len(s) {
		if 'a' <= s[i] && s[i] <= 'z' {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				if 'a' <= b[j] && b[j] <= 'z' {
					b[j] -= 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// Base64 decodes base64 with or without its padding; what is none is "".
func Base64(s string) string {
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil {
		return ""
	}
	return string(b)
}

// unhex are the bytes that hexadecimal digits spell.
func unhex(digits string) (string, bool) {
	b, err := hex.DecodeString(digits)
	return string(b), err == nil && len(b) > 0
}

// Glob reports whether the whole of s fits the pattern as fnmatch(3) without flags has it: * and ? take any character,
// the slash too; [a-z], [!a-z] and [^a-z] take one; \x is x. A [ that is never closed is itself.
func Glob(pattern, s string) bool {
	p, i := 0, 0
	starP, starI := -1, 0
	for i < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			starP, starI = p, i
			p++
			continue
		}
		if np, ni, ok := globOne(pattern, p, s, i); ok {
			p, i = np, ni
			continue
		}
		if starP < 0 {
			return false
		}
		_, n := utf8.DecodeRuneInString(s[starI:])
		starI += n
		p, i = starP+1, starI
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// globOne matches one character of s at i against one element of the pattern at p.
func globOne(pattern string, p int, s string, i int) (nextP, nextI int, ok bool) {
	if p == len(pattern) {
		return p, i, false
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	switch pattern[p] {
	case '?':
		return p + 1, i + n, true
	case '[':
		if in, end := globClass(pattern, p, r); end > 0 {
			return end, i + n, in
		}
	case '\\':
		if p+1 < len(pattern) {
			p++
		}
	}
	_, pn := utf8.DecodeRuneInString(pattern[p:])
	// Bytes, not runes: two different invalid bytes decode to the same rune.
	return p + pn, i + n, pattern[p:p+pn] == s[i:i+n]
}

// globClass matches r against the class that starts at p and returns where the pattern goes on, 0 if it is not closed.
func globClass(pattern string, p int, r rune) (in bool, end int) {
	i := p + 1
	negated := i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^')
	if negated {
		i++
	}
	for first := true; i < len(pattern); first = false {
		if pattern[i] == ']' && !first {
			return in != negated, i + 1
		}
		lo, n := classRune(pattern[i:])
		i += n
		hi := lo
		if i+1 < len(pattern) && pattern[i] == '-' && pattern[i+1] != ']' {
			hi, n = classRune(pattern[i+1:])
			i += 1 + n
		}
		in = in || lo <= r && r <= hi
	}
	return false, 0
}

func classRune(s string) (rune, int) {
	if s[0] == '\\' && len(s) > 1 {
		r, n := utf8.DecodeRuneInString(s[1:])
		return r, n + 1
	}
	return utf8.DecodeRuneInString(s)
}

// pathMatch reports whether path is what the pattern names or lies below it; each component of the pattern is a glob.
func pathMatch(pattern, path string) bool {
	for {
		pattern = strings.TrimLeft(pattern, "/")
		if pattern == "" {
			return true
		}
		path = strings.TrimLeft(path, "/")
		if path == "" {
			return false
		}
		var p, s string
		p, pattern, _ = strings.Cut(pattern, "/")
		s, path, _ = strings.Cut(path, "/")
		if !Glob(p, s) {
			return false
		}
	}
}

// pmatch guards pathMatch: an absolute pattern has nothing to do with a relative path, and the empty text is
// no path.
func pmatch(pattern, path string) bool {
	if pattern == "" || path == "" || (pattern[0] == '/') != (path[0] == '/') {
		return false
	}
	return pathMatch(pattern, path)
}

// parseNet reads a network, or an address as the network of just it.
func parseNet(s string) (netip.Prefix, bool) {
	if n, err := netip.ParsePrefix(s); err == nil {
		return n.Masked(), true
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	return netip.Prefix{}, false
}

func inNets(a netip.Addr, nets []netip.Prefix) bool {
	if !a.IsValid() {
		return false
	}
	a = a.WithZone("")
	for _, n := range nets {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

func inNet(addr, network string) bool {
	a, err := netip.ParseAddr(addr)
	n, ok := parseNet(network)
	return err == nil && ok && inNets(a, []netip.Prefix{n})
}
