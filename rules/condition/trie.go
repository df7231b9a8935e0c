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
	bits  uint64
}

// A trie finds all words that a text begins with, or ends with, in one walk along it. It is never changed once made.
type trie struct {
	nodes []trieNode // the first is the root; children of one node lie together
	tails bool
}

type trieNode struct {
	label       string // what leads to the node from its parent
	begins, are uint64 // bits of the words that end here
	first       string // the bytes that the children's labels begin with, or end with in a trie of tails
	children    int    // index of the first child
}

func newTrie(words []word, tails bool) *trie {
	t := &trie{tails: tails, nodes: make([]trieNode, 1)}
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
	for _, w := range words {
		w.text = w.text[len(n.label):]
		switch {
		case w.text == "" && w.whole:
			n.are |= w.bits
		case w.text == "":
			n.begins |= w.bits
		default:
			if last := len(first) - 1; last < 0 || first[last] != w.text[0] {
				first, groups = append(first, w.text[0]), append(groups, nil)
			}
			groups[len(groups)-1] = append(groups[len(groups)-1], w)
		}
	}
	n.first, n.children = string(first), len(t.nodes)
	t.nodes[at] = n
	t.nodes = append(t.nodes, make([]trieNode, len(groups))...)
	for i, g := range groups {
		t.fill(n.children+i, g)
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

// find returns the bits of the words found.
func (t *trie) find(s string) uint64 {
	if t.tails {
		return t.findTails(s)
	}
	var found uint64
	for n := &t.nodes[0]; strings.HasPrefix(s, n.label); {
		s = s[len(n.label):]
		found |= n.begins
		if s == "" {
			return found | n.are
		}
		i := n.child(s[0])
		if i < 0 {
			break
		}
		n = &t.nodes[i]
	}
	return found
}

// child is the index of the child that begins with c, or ends with it in a trie of tails; -1 if there is none. Few nodes
// have many children: a loop finds one sooner than strings.IndexByte does.
func (n *trieNode) child(c byte) int {
	for i := range len(n.first) {
		if n.first[i] == c {
			return n.children + i
		}
	}
	return -1
}

func (t *trie) findTails(s string) uint64 {
	var found uint64
	for n := &t.nodes[0]; strings.HasSuffix(s, n.label); {
		s = s[:len(s)-len(n.label)]
		found |= n.begins
		if s == "" {
			return found | n.are
		}
		i := n.child(s[len(s)-1])
		if i < 0 {
			break
		}
		n = &t.nodes[i]
	}
	return found
}

// affixes finds any of the texts as a prefix, or as a suffix.
func affixes(texts []string, tails bool) *trie {
	words := make([]word, len(texts))
	for i, t := range texts {
		words[i] = word{text: t, bits: 1}
	}
	return newTrie(words, tails)
}
