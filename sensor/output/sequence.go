package output

import (
	"crypto/rand"
	"encoding/hex"
	"sync/atomic"
)

// NewSequence numbers from 1 under a boot id made now. It is for sensors without a spool: nothing is kept on disk, so a
// receiver cannot tell what was lost when such a sensor died.
func NewSequence() Sequence {
	var id [16]byte
	rand.Read(id[:])
	return &memorySequence{bootID: hex.EncodeToString(id[:])}
}

type memorySequence struct {
	bootID string
	last   atomic.Uint64
}

func (s *memorySequence) Last() (string, uint64) { return s.bootID, s.last.Load() }

func (s *memorySequence) Next() (string, uint64) { return s.bootID, s.last.Add(1) }
