package capture

import (
	"fmt"
	"maps"
	"math/bits"
	"net/netip"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// A coder writes or reads one message. The same function names each field once, with its number and its place, for both
// ways, so that what is written and what is read cannot differ.
type coder struct {
	reading bool
	out     []byte // the message so far, when writing

	in  [maxField + 1]value // when reading; valid where has says so
	has [(maxField + 64) / 64]uint64
	own bool // strings are copied, for what outlives its block
	err error
}

// maxField bounds the numbers, so that reading needs no map. A higher one is of a newer version and skipped.
const maxField = 127

// A value is one field as it stands in the message: a number or bytes.
type value struct {
	number uint64
	bytes  string
}

// parse takes a message apart, for the fields to be read from.
func (c *coder) parse(message string) {
	c.has, c.err = [len(c.has)]uint64{}, nil
	for len(message) > 0 {
		tag, n := uvarint(message)
		if n == 0 {
			c.fail("a field's number is cut")
			return
		}
		message = message[n:]
		var v value
		switch protowire.Type(tag & 7) {
		case protowire.VarintType:
			v.number, n = uvarint(message)
		case protowire.BytesType:
			v.bytes, n = lengthAndBytes(message)
		default:
			n = 0
		}
		if n == 0 {
			c.fail("field %d is cut or of no known type", tag>>3)
			return
		}
		message = message[n:]
		if number := tag >> 3; number <= maxField {
			c.in[number] = v
			c.has[number/64] |= 1 << (number % 64)
		}
	}
}

func (c *coder) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

func (c *coder) given(field int) bool { return c.has[field/64]>>(field%64)&1 != 0 }

// uvarint is [protowire.ConsumeVarint] for a string; n is 0 if it is cut or too long.
func uvarint(s string) (v uint64, n int) {
	for i := range min(len(s), 10) {
		b := s[i]
		if i == 9 && b > 1 {
			return 0, 0
		}
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}

func lengthAndBytes(s string) (string, int) {
	length, n := uvarint(s)
	if n == 0 || length > uint64(len(s)-n) {
		return "", 0
	}
	return s[n : n+int(length)], n + int(length)
}

// unsigned codes a number that is mostly small.
func unsigned[T ~uint8 | ~uint16 | ~uint32 | ~uint64](c *coder, field int, p *T) {
	if !c.reading {
		if *p != 0 {
			c.out = protowire.AppendTag(c.out, protowire.Number(field), protowire.VarintType)
			c.out = protowire.AppendVarint(c.out, uint64(*p))
		}
		return
	}
	*p = 0
	if c.given(field) {
		*p = T(c.in[field].number)
		if uint64(*p) != c.in[field].number {
			c.fail("field %d: %d has more than %d bits", field, c.in[field].number, bits.Len64(uint64(^T(0))))
		}
	}
}

// signed codes a number that may be negative.
func signed[T ~int32 | ~int64](c *coder, field int, p *T) {
	u := protowire.EncodeZigZag(int64(*p))
	unsigned(c, field, &u)
	if c.reading {
		v := protowire.DecodeZigZag(u)
		*p = T(v)
		if int64(*p) != v {
			c.fail("field %d: %d is too large", field, v)
		}
	}
}

func (c *coder) flag(field int, p *bool) {
	var u uint8
	if *p {
		u = 1
	}
	unsigned(c, field, &u)
	if c.reading {
		*p = u != 0
	}
}

func (c *coder) count(field int, p *int) {
	n := int64(*p)
	signed(c, field, &n)
	if c.reading {
		*p = int(n)
	}
}

func (c *coder) text(field int, p *string) {
	if !c.reading {
		if *p != "" {
			c.out = protowire.AppendTag(c.out, protowire.Number(field), protowire.BytesType)
			c.out = protowire.AppendString(c.out, *p)
		}
		return
	}
	*p = ""
	if c.given(field) {
		*p = c.in[field].bytes
		if c.own {
			*p = strings.Clone(*p)
		}
	}
}

func (c *coder) bytes(field int, p *[]byte) {
	if !c.reading {
		if len(*p) != 0 {
			c.out = protowire.AppendTag(c.out, protowire.Number(field), protowire.BytesType)
			c.out = protowire.AppendBytes(c.out, *p)
		}
		return
	}
	*p = (*p)[:0]
	if c.given(field) {
		*p = append(*p, c.in[field].bytes...)
	}
	if len(*p) == 0 {
		*p = nil
	}
}

// list codes strings as one field, each with its length.
func (c *coder) list(field int, p *[]string) {
	if !c.reading {
		size := 0
		for _, s := range *p {
			size += protowire.SizeBytes(len(s))
		}
		if size > 0 {
			c.out = protowire.AppendTag(c.out, protowire.Number(field), protowire.BytesType)
			c.out = protowire.AppendVarint(c.out, uint64(size))
		}
		for _, s := range *p {
			c.out = protowire.AppendString(c.out, s)
		}
		return
	}
	*p = nil
	if !c.given(field) {
		return
	}
	for rest := c.in[field].bytes; len(rest) > 0; {
		s, n := lengthAndBytes(rest)
		if n == 0 {
			c.fail("field %d: a string of a list is cut", field)
			return
		}
		*p = append(*p, strings.Clone(s))
		rest = rest[n:]
	}
}

// pairs codes a map as a list of its keys and values, sorted, so that the same map has the same bytes.
func (c *coder) pairs(field int, p *map[string]string) {
	var list []string
	if !c.reading {
		for _, k := range slices.Sorted(maps.Keys(*p)) {
			list = append(list, k, (*p)[k])
		}
	}
	c.list(field, &list)
	if !c.reading {
		return
	}
	*p = nil
	if len(list)%2 != 0 {
		c.fail("field %d: a key has no value", field)
		return
	}
	for i := 0; i < len(list); i += 2 {
		if *p == nil {
			*p = make(map[string]string, len(list)/2)
		}
		(*p)[list[i]] = list[i+1]
	}
}

func (c *coder) address(field int, p *netip.AddrPort) {
	if !c.reading {
		if *p != (netip.AddrPort{}) {
			var buf [64]byte
			b, _ := p.AppendBinary(buf[:0]) // never fails
			c.out = protowire.AppendTag(c.out, protowire.Number(field), protowire.BytesType)
			c.out = protowire.AppendBytes(c.out, b)
		}
		return
	}
	*p = netip.AddrPort{}
	if c.given(field) {
		if err := p.UnmarshalBinary([]byte(c.in[field].bytes)); err != nil {
			c.fail("field %d: %w", field, err)
		}
	}
}
