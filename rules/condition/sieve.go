package condition

// Conditions ask the same few texts, fd.name above all, whether they are or begin or end with one of many words. A sieve
// answers all such questions about one text at once, in one walk along it, when the first of them is asked.
type sieve struct {
	read         func(*frame) string
	slot         int
	tests        int
	heads, tails []word

	byHead, byTail *trie
}

// worthSieving is how many tests of a text a walk along all their words is cheaper than.
const worthSieving = 3

// fit is how a text is to agree with a word.
type fit uint8

const (
	whole fit = iota
	head
	tail
)

// add gives the words a bit.
func (s *sieve) add(words []string, how fit) bitset {
	b := bit(s.tests)
	s.tests++
	for _, w := range words {
		if how == tail {
			s.tails = append(s.tails, word{text: w, bits: b})
		} else {
			s.heads = append(s.heads, word{text: w, bits: b, whole: how == whole})
		}
	}
	return b
}

// finish prepares the words; none may be added after.
func (s *sieve) finish() {
	if len(s.heads) > 0 {
		s.byHead = newTrie(s.heads, false)
	}
	if len(s.tails) > 0 {
		s.byTail = newTrie(s.tails, true)
	}
}

// sifted is a frame's result of one sieve.
type sifted struct {
	known bool
	bits  bitset
}

func (s *sieve) sift(f *frame) *bitset {
	text := s.read(f)
	r := &f.sifted[s.slot]
	r.known = true
	if s.byHead != nil {
		s.byHead.find(text, &r.bits)
	}
	if s.byTail != nil {
		s.byTail.find(text, &r.bits)
	}
	return &r.bits
}

// test asks for any of the bits, or with none set for that there is none of them.
func (s *sieve) test(bits bitset, none bool, base basis) boolNode {
	slot := s.slot
	eval := func(f *frame) bool {
		if r := &f.sifted[slot]; r.known {
			return r.bits.meets(&bits) != none
		}
		return s.sift(f).meets(&bits) != none
	}
	if part, only, ok := bits.single(); ok {
		eval = s.partTest(part, only, none)
	}
	n := boolNode{can: always, node: newNode(base, eval), mostly: none}
	n.sieve, n.bits, n.none = s, bits, none
	return n
}

// partTest is a test whose bits lie together, as most do.
func (s *sieve) partTest(part int, bits uint64, none bool) func(*frame) bool {
	slot := s.slot
	if none {
		return func(f *frame) bool {
			if r := &f.sifted[slot]; r.known {
				return r.bits[part]&bits == 0
			}
			return s.sift(f)[part]&bits == 0
		}
	}
	return func(f *frame) bool {
		if r := &f.sifted[slot]; r.known {
			return r.bits[part]&bits != 0
		}
		return s.sift(f)[part]&bits != 0
	}
}

// merge makes one test of the sides of || that ask the same sieve for some bits, and of those of && that ask it for none.
func merge(sides []boolNode, or bool) []boolNode {
	var out []boolNode
	at := map[*sieve]int{}
	for _, side := range sides {
		i, found := at[side.sieve]
		switch {
		case side.sieve == nil || side.none == or:
			out = append(out, side)
		case found:
			base := join(0, out[i].basis(), side.basis())
			base.cost = out[i].cost
			both := out[i].bits
			both.add(&side.bits)
			out[i] = side.sieve.test(both, side.none, base)
		default:
			at[side.sieve] = len(out)
			out = append(out, side)
		}
	}
	return out
}
