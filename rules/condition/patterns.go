package condition

import "strings"

// A patternSet is constant patterns of glob or pmatch. Most paths fit none, and differ from each within its first
// components: so a pattern is tried only on texts that begin as it does, and paths without wildcards are looked up.
type patternSet struct {
	test     func(s, pattern string) bool
	paths    bool // of pmatch
	plain    *trie
	patterns []headed
}

type headed struct{ head, pattern string }

func newPatternSet(name string, patterns []string) *patternSet {
	set := &patternSet{test: textTests[name], paths: name == "pmatch"}
	var plain []word
	for _, p := range patterns {
		wild := strings.IndexAny(p, `*?[\`)
		switch {
		case p == "" && set.paths: // fits nothing
		case set.paths && strings.Contains(p, "//"):
			set.patterns = append(set.patterns, headed{"", p})
		case wild < 0 && set.paths:
			plain = append(plain, plainPath(p)...)
		case wild < 0:
			plain = append(plain, word{text: p, bits: bit(0), whole: true})
		default:
			set.patterns = append(set.patterns, headed{p[:wild], p})
		}
	}
	set.plain = newTrie(plain, false)
	return set
}

// plainPath are the words for a path and all below it.
func plainPath(p string) []word {
	if p == "/" {
		return []word{{text: "/", bits: bit(0)}}
	}
	p = strings.TrimSuffix(p, "/")
	return []word{{text: p, bits: bit(0), whole: true}, {text: p + "/", bits: bit(0)}}
}

// any reports whether s fits any pattern.
func (set *patternSet) any(s string) bool {
	if set.plain.has(s) {
		return true
	}
	uneven := set.paths && strings.Contains(s, "//") // counts as one slash
	for _, p := range set.patterns {
		if (uneven || strings.HasPrefix(s, p.head)) && set.test(s, p.pattern) {
			return true
		}
	}
	return uneven && set.plain.has(single(s))
}

// single leaves one of several slashes. Paths of events are clean already, but for those as the program gave them.
func single(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if s[i] != '/' || i == 0 || s[i-1] != '/' {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
