package condition

import (
	"cmp"
	"slices"
	"strings"
)

// A word is a text that a trie looks for, and what it stands for.
type word struct {
	text  string
	whole bool // the text must be the word; else it begins with it, or in a trie of tails ends with it
	bits  bitset
}

// A trie finds all words that a text begins with, or ends with, in one walk along it. It is never changed once made.
type trie struct {
	nodes []trieNode // the first is the root; children of one node lie together
	sets  []bitset   // the first is empty
	tails bool
}

type trieNode struct {
	label       string // what leads to the node from its parent
	first       string // the bytes that the children's labels begin with, or end with in a trie of tails
	children    int32  // index of the first child
	begins, are int32  // the sets of the words that end here; 0 for none, as for most nodes
}

func newTrie(words []word, tails bool) *trie {
	t := &trie{tails: tails, nodes: make([]trieNode, 1), sets: make([]bitset, 1)}
	sorted := slices.Clone(words)
	if tails {
		for i := range sorted {
			sorted[i].text = reversed(sorted[i].text)
		}
	}
	slices.SortFunc(sorted, func(a, b word) int { return cmp.Compare(a.text, b.text) })
	t.fill(0, sorted)
	if tails {
		for i := range t.nodes {
			t.nodes[i].label = reversed(t.nodes[i].label)
		}
	}
	return t
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

// fill makes a node of what is left of sorted words.
func (t *trie) fill(at int, words []word) {
	if len(words) == 0 {
		return
	}
	n := trieNode{label: shared(words[0].text, words[len(words)-1].text)}
	var groups [][]word
	var first []byte
	var begins, are bitset
	for _, w := range words {
		w.text = w.text[len(n.label):]
		switch {
		case w.text == "" && w.whole:
			are.add(&w.bits)
		case w.text == "":
			begins.add(&w.bits)
		default:
			if last := len(first) - 1; last < 0 || first[last] != w.text[0] {
				first, groups = append(first, w.text[0]), append(groups, nil)
			}
			groups[len(groups)-1] = append(groups[len(groups)-1], w)
		}
	}
	n.first, n.children, n.begins, n.are = string(first), int32(len(t.nodes)), t.set(begins), t.set(are)
	t.nodes[at] = n
	t.nodes = append(t.nodes, make([]trieNode, len(groups))...)
	for i, g := range groups {
		t.fill(int(n.children)+i, g)
	}
}

// shared is what both begin with: of sorted texts, what all between begin with too.
func shared(a, b string) string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return a[:n]
}

// set keeps a set, and returns its index.
func (t *trie) set(b bitset) int32 {
	if b == (bitset{}) {
		return 0
	}
	t.sets = append(t.sets, b)
	return int32(len(t.sets) - 1)
}

// find adds the bits of the words found.
func (t *trie) find(s string, found *bitset) {
	if t.tails {
		t.findTails(s, found)
		return
	}
	for n := &t.nodes[0]; strings.HasPrefix(s, n.label); {
		s = s[len(n.label):]
		t.note(n, s == "", found)
		if s == "" {
			return
		}
		i := n.child(s[0])
		if i < 0 {
			return
		}
		n = &t.nodes[i]
	}
}

// note adds what ends at a node.
func (t *trie) note(n *trieNode, all bool, found *bitset) {
	if n.begins != 0 {
		found.add(&t.sets[n.begins])
	}
	if all && n.are != 0 {
		found.add(&t.sets[n.are])
	}
}

// has reports whether any word is found.
func (t *trie) has(s string) bool {
	var found bitset
	t.find(s, &found)
	return found != bitset{}
}

// child is the index of the child that begins with c, or ends with it in a trie of tails; -1 if there is none. Few nodes
// have many children: a loop finds one sooner than strings.IndexByte does.
func (n *trieNode) child(c byte) int32 {
	for i := range len(n.first) {
		if n.first[i] == c {
			return n.children + int32(i)
		}
	}
	return -1
}

func (t *trie) findTails(s string, found *bitset) {
	for n := &t.nodes[0]; strings.HasSuffix(s, n.label); {
		s = s[:len(s)-len(n.label)]
		t.note(n, s == "", found)
		if s == "" {
			return
		}
		i := n.child(s[len(s)-1])
		if i < 0 {
			return
		}
		n = &t.nodes[i]
	}
}

// affixes finds any of the texts as a prefix, or as a suffix.
func affixes(texts []string, tails bool) *trie {
	words := make([]word, len(texts))
	for i, t := range texts {
		words[i] = word{text: t, bits: bit(0)}
	}
	return newTrie(words, tails)
}
