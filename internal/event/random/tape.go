package random

import (
	"encoding/binary"
	"math/rand/v2"
)

// A tape is randomness out of bytes. Behind its end it goes on with numbers of its own.
type tape struct {
	bytes []byte
	after *rand.PCG
}

// Tape makes decisions out of bytes, so that a fuzzer can change one and keep the others.
func Tape(bytes []byte) *rand.Rand {
	return rand.New(&tape{bytes, rand.NewPCG(uint64(len(bytes)), 1)})
}

func (t *tape) Uint64() uint64 {
	if len(t.bytes) < 2 {
		return t.after.Uint64()
	}
	v := binary.BigEndian.Uint16(t.bytes)
	t.bytes = t.bytes[2:]
	return uint64(v)<<48 | uint64(v)<<16
}
