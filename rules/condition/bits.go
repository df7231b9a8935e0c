package condition

// bitset is a set of the tests of one sieve.
type bitset [4]uint64

// maxTests is how many tests a sieve has bits for: enough for what all of Falco's rules ask of one text, so that it is walked once.
const maxTests = 64 * len(bitset{})

// bit is the set of one test.
func bit(n int) (b bitset) {
	b[n/64] = 1 << (n % 64)
	return b
}

func (b *bitset) add(c *bitset) {
	for i := range b {
		b[i] |= c[i]
	}
}

func (b *bitset) meets(c *bitset) bool {
	return b[0]&c[0]|b[1]&c[1]|b[2]&c[2]|b[3]&c[3] != 0
}

// single is the only part of the set that is not empty; false if there are more.
func (b *bitset) single() (part int, bits uint64, ok bool) {
	for i, w := range b {
		switch {
		case w == 0:
		case ok:
			return 0, 0, false
		default:
			part, bits, ok = i, w, true
		}
	}
	return part, bits, ok
}
