package alert

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// ErrEncoding means that bytes are no message of this contract, in neither encoding. Reading them again will not help:
// a receiver puts them aside.
var ErrEncoding = errors.New("not an alert")

// Encoding is how a message is written.
type Encoding uint8

const (
	EncodingJSON   Encoding = iota
	EncodingBinary          // protobuf; carries fields unknown to this version on to the next reader
)

// String is the encoding's name as settings write it.
func (e Encoding) String() string {
	if e == EncodingBinary {
		return "binary"
	}
	return "json"
}

// Marshal writes a in the given encoding, the same bytes for the same alert each time. Text that is not valid UTF-8 is
// an error of the caller, who has not called [Fit].
func Marshal(a *Alert, e Encoding) ([]byte, error) {
	if e == EncodingBinary {
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(a)
		if err != nil {
			return nil, fmt.Errorf("alert %s: %w", a.GetAlertId(), err)
		}
		return b, nil
	}
	return JSON(a)
}

// JSON writes a as one line without its line feed: names and order as in alert.proto, no blanks. Whatever a terminal
// might act on (control characters of any kind, text direction marks) is escaped, so the line may be shown as it is.
func JSON(a *Alert) ([]byte, error) {
	b, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("alert %s: %w", a.GetAlertId(), err)
	}
	// protojson puts in a blank here and there, differently in each program, to keep its output from being compared.
	var out bytes.Buffer
	out.Grow(len(b))
	if err := json.Compact(&out, b); err != nil {
		return nil, fmt.Errorf("alert %s: %w", a.GetAlertId(), err)
	}
	return EscapeJSON(out.Bytes()), nil
}

// EscapeJSON escapes in JSON what is beyond ASCII or DEL and not printable, so that the JSON may be shown as it is. Such can
// only stand within strings.
func EscapeJSON(b []byte) []byte {
	clean := true
	for i := 0; i < len(b) && clean; {
		r, n := utf8.DecodeRune(b[i:])
		clean = unicode.IsPrint(r)
		i += n
	}
	if clean {
		return b
	}
	out := make([]byte, 0, len(b)+64)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case unicode.IsPrint(r):
			out = append(out, b[:n]...)
		case r > 0xffff:
			high, low := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		b = b[n:]
	}
	return out
}

// EncodingOf tells in which encoding a message is written, if it is one.
func EncodingOf(data []byte) Encoding {
	if bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) {
		return EncodingJSON
	}
	return EncodingBinary
}

// Unmarshal reads a message in either encoding, told by its first byte: no binary message of this contract begins with
// a brace. Fields of newer versions are kept in binary and ignored in JSON. The only errors are [ErrEncoding]; whether
// the message makes sense, [Validate] says.
func Unmarshal(data []byte) (*Alert, error) {
	a := new(Alert)
	if len(data) == 0 {
		return nil, fmt.Errorf("%w: empty", ErrEncoding)
	}
	var err error
	if EncodingOf(data) == EncodingJSON {
		err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, a)
	} else {
		err = proto.Unmarshal(data, a)
	}
	if err != nil {
		// The library's messages quote the input.
		return nil, fmt.Errorf("%w: %d bytes: %s", ErrEncoding, len(data), Escape(clip(err.Error(), 200)))
	}
	return a, nil
}

// Escape makes text from a message safe to show on a terminal or in a line of a log: what is not printable, and bytes
// that are not UTF-8, become \n, \t, \x1b, \u202e and the like. A backslash stays one, so that ordinary text is not
// changed; the result is for eyes, not for parsing.
func Escape(s string) string {
	for i, r := range s {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return string(appendEscaped([]byte(s[:i]), s[i:]))
		}
	}
	return s
}

func appendEscaped(b []byte, s string) []byte {
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			b = fmt.Appendf(b, `\x%02x`, s[0])
		case unicode.IsPrint(r):
			b = append(b, s[:n]...)
		default:
			quoted := strconv.AppendQuoteRuneToASCII(nil, r)
			b = append(b, quoted[1:len(quoted)-1]...)
		}
		s = s[n:]
	}
	return b
}
