package spool

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// A record in a file is a header of 28 bytes, little endian, and its data:
//
//	0  magic   4
//	4  seq     8  the alert's number, or in a control file the generation
//	12 index   4  counts the records of the file from 0
//	16 length  4  of the data
//	20 crc     4  CRC32C of the data
//	24 check   4  CRC32C of the 24 bytes before
//
// The header has a checksum of its own, so that a flipped byte in the data costs that record alone: its length still
// holds. After a flipped byte in a header the next magic with a good checksum is looked for, and the index there says
// how many records were lost on the way.
const (
	magic      = 0x31_4c_50_53 // "SPL1"
	headerSize = 28
	// maxData bounds the length read from a header whose checksum is right by chance or malice.
	maxData = 1 << 20
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	magicBytes = binary.LittleEndian.AppendUint32(nil, magic)
)

type header struct {
	seq    uint64
	index  uint32
	length uint32
	crc    uint32
}

func appendRecord(b []byte, seq uint64, index uint32, data []byte) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint32(b, magic)
	b = binary.LittleEndian.AppendUint64(b, seq)
	b = binary.LittleEndian.AppendUint32(b, index)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(data, castagnoli))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
	return append(b, data...)
}

func parseHeader(b []byte) (header, bool) {
	if len(b) < headerSize || binary.LittleEndian.Uint32(b) != magic ||
		binary.LittleEndian.Uint32(b[24:]) != crc32.Checksum(b[:24], castagnoli) {
		return header{}, false
	}
	h := header{
		seq:    binary.LittleEndian.Uint64(b[4:]),
		index:  binary.LittleEndian.Uint32(b[12:]),
		length: binary.LittleEndian.Uint32(b[16:]),
		crc:    binary.LittleEndian.Uint32(b[20:]),
	}
	return h, h.length <= maxData
}

// A scanner walks the records in buf, which begins at offset base of a file.
type scanner struct {
	buf  []byte
	base int64
	pos  int
}

// next returns the next good record and where it starts. ok is false at the end: then everything up to pos was
// understood or damaged, and the bytes from pos on may be the head of a record that buf does not hold whole.
func (s *scanner) next() (h header, data []byte, off int64, ok bool) {
	for {
		h, good := parseHeader(s.buf[s.pos:])
		if !good {
			if !s.resync() {
				return header{}, nil, 0, false
			}
			continue
		}
		end := s.pos + headerSize + int(h.length)
		if end > len(s.buf) {
			return header{}, nil, 0, false
		}
		data, off := s.buf[s.pos+headerSize:end], s.base+int64(s.pos)
		s.pos = end
		if crc32.Checksum(data, castagnoli) == h.crc {
			return h, data, off, true
		}
	}
}

// resync moves pos to the next good header and reports whether there is one.
func (s *scanner) resync() bool {
	for at := s.pos + 1; at+headerSize <= len(s.buf); at++ {
		i := bytes.Index(s.buf[at:], magicBytes)
		if i < 0 {
			break
		}
		at += i
		if _, good := parseHeader(s.buf[at:]); good {
			s.pos = at
			return true
		}
	}
	return false
}
