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

// maxTests is how many tests a sieve has bits for.
const maxTests = 64

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
func (s *sieve) add(words []string, how fit) (bit uint64) {
	bit = 1 << s.tests
	s.tests++
	for _, w := range words {
		if how == tail {
			s.tails = append(s.tails, word{text: w, bits: bit})
		} else {
			s.heads = append(s.heads, word{text: w, bits: bit, whole: how == whole})
		}
	}
	return bit
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
	bits  uint64
}

func (s *sieve) sift(f *frame) uint64 {
	text := s.read(f)
	var found uint64
	if s.byHead != nil {
		found |= s.byHead.find(text)
	}
	if s.byTail != nil {
		found |= s.byTail.find(text)
	}
	f.sifted[s.slot] = sifted{known: true, bits: found}
	return found
}

// test asks for any of the bits.
func (s *sieve) test(bits uint64, base basis) boolNode {
	slot := s.slot
	n := boolNode{can: always, node: newNode(base, func(f *frame) bool {
		if r := &f.sifted[slot]; r.known {
			return r.bits&bits != 0
		}
		return s.sift(f)&bits != 0
	})}
	n.sieve, n.bits = s, bits
	return n
}

// merge makes one test of the sides of || that ask the same sieve.
func merge(sides []boolNode) []boolNode {
	var out []boolNode
	at := map[*sieve]int{}
	for _, side := range sides {
		i, found := at[side.sieve]
		switch {
		case side.sieve == nil:
			out = append(out, side)
		case found:
			base := join(0, out[i].basis(), side.basis())
			base.cost = out[i].cost
			out[i] = side.sieve.test(out[i].bits|side.bits, base)
		default:
			at[side.sieve] = len(out)
			out = append(out, side)
		}
	}
	return out
}
