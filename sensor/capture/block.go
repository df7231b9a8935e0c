package capture

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

const magic = "TIERCAP\n"

const (
	preludeSize = len(magic) + 8
	headSize    = 20
)

// Block types.
const (
	blockHeader  = 1
	blockRecords = 2
	blockEnd     = 3
)

// Kinds of a record.
const (
	recordProcess   = 1
	recordContainer = 2
	recordEvent     = 3
	recordReset     = 4 // forget all processes and containers: their numbers are given anew
	recordList      = 5
)

// maxBlock bounds a block's payload, stored and decompressed: it is what a hostile file can make a reader allocate at
// once. The largest event, with its process and all ancestors at the kernel's limits, is a tenth of it.
const maxBlock = 8 << 20

// maxRefs bounds the processes, and the containers, that a writer and a reader remember: about 40 MiB at the most
// common sizes. A writer that comes to it starts over.
const maxRefs = 1 << 15

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendPrelude(b []byte) []byte {
	start := len(b)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, Version)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

// checkPrelude looks at a file's first preludeSize bytes.
func checkPrelude(b []byte) error {
	if string(b[:len(magic)]) != magic {
		return fmt.Errorf("offset 0: %w: it begins with %q", ErrNotCapture, b[:len(magic)])
	}
	if binary.LittleEndian.Uint32(b[12:]) != crc32.Checksum(b[:12], castagnoli) {
		return fmt.Errorf("offset 0: %w: checksum of the file's first bytes", ErrCorrupt)
	}
	switch v := binary.LittleEndian.Uint32(b[8:]); {
	case v > Version:
		return fmt.Errorf("offset 0: %w: %d, and this program reads up to %d", ErrVersion, v, Version)
	case v == 0:
		return fmt.Errorf("offset 0: %w: version 0", ErrCorrupt)
	}
	return nil
}

// A head precedes each block's payload.
type head struct {
	kind         byte
	stored, size uint32
	payloadCRC   uint32
}

func appendBlock(b []byte, kind byte, payload []byte, size int) []byte {
	start := len(b)
	b = append(b, kind, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(payload, castagnoli))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
	return append(b, payload...)
}

func parseHead(b []byte) (head, error) {
	if binary.LittleEndian.Uint32(b[16:]) != crc32.Checksum(b[:16], castagnoli) {
		return head{}, fmt.Errorf("%w: checksum of a block's head", ErrCorrupt)
	}
	h := head{
		kind:       b[0],
		stored:     binary.LittleEndian.Uint32(b[4:]),
		size:       binary.LittleEndian.Uint32(b[8:]),
		payloadCRC: binary.LittleEndian.Uint32(b[12:]),
	}
	if h.stored > maxBlock || h.size > maxBlock {
		return head{}, fmt.Errorf("%w: a block of %d bytes, %d when decompressed, is larger than %d", ErrCorrupt, h.stored, h.size, maxBlock)
	}
	return h, nil
}
