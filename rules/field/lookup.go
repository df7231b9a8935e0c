package field

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

var (
	// ErrUnknown is returned for a name that no field has.
	ErrUnknown = errors.New("unknown field")
	// ErrKey is returned for a key where none may stand, of the wrong type, or for a missing one.
	ErrKey = errors.New("wrong key")
)

// Lookup finds a field by name, keyed ones with their key: proc.aname[2], container.label["app"]. Its errors are
// ErrUnknown and ErrKey.
func Lookup(name string) (*Field, error) {
	base, rest, hasKey := strings.Cut(name, "[")
	if !hasKey {
		f := catalogue[base]
		if f == nil {
			return nil, unknown(base)
		}
		if f.Type == None {
			return nil, fmt.Errorf("%w: %s needs one: %s", ErrKey, base, f.KeyExample())
		}
		return f, nil
	}
	inner, closed := strings.CutSuffix(rest, "]")
	if !closed {
		return nil, fmt.Errorf("%w: %s has no closing bracket", ErrKey, name)
	}
	if n, err := strconv.Atoi(inner); err == nil {
		return WithInt(base, int64(n))
	}
	if unquoted, err := strconv.Unquote(inner); err == nil {
		inner = unquoted
	}
	return WithText(base, inner)
}

// WithInt is the field base with a number as its key.
func WithInt(base string, n int64) (*Field, error) {
	if n < 0 || n > maxIndex {
		return nil, fmt.Errorf("%w: %s[%d] is not within 0 and %d", ErrKey, base, n, maxIndex)
	}
	return withKey(base, key{num: int(n), isNum: true})
}

// WithText is the field base with a text as its key.
func WithText(base, text string) (*Field, error) { return withKey(base, key{text: text}) }

func withKey(base string, k key) (*Field, error) {
	f := catalogue[base]
	switch {
	case f == nil:
		return nil, unknown(base)
	case f.Key == NoKey:
		return nil, fmt.Errorf("%w: %s takes none", ErrKey, base)
	case f.Key == IntKey && !k.isNum:
		return nil, fmt.Errorf("%w: %s takes a number: %s", ErrKey, base, f.KeyExample())
	case f.Key == TextKey && k.isNum:
		return nil, fmt.Errorf("%w: %s takes a text: %s", ErrKey, base, f.KeyExample())
	}
	if f.checkKey != nil {
		if err := f.checkKey(k); err != nil {
			return nil, fmt.Errorf("%w: %s[%s]: %w", ErrKey, base, k, err)
		}
	}
	g := f.keyed(k)
	g.Name = fmt.Sprintf("%s[%s]", base, k)
	g.Type, g.Doc, g.Kinds, g.Exact, g.Facts, g.Metadata = f.KeyType, f.KeyDoc, f.Kinds, f.Exact, f.Facts, f.Metadata
	if set := f.setKey; set != nil {
		g.set = func(b *builder, v string) error { return set(b, k, v) }
	}
	return &g, nil
}

// KeyExample shows the field with a key.
func (f *Field) KeyExample() string {
	if f.Key == IntKey {
		return f.Name + "[2]"
	}
	return f.Name + `["name"]`
}

// Known reports whether base is a field's name without its key, and what key it takes.
func Known(base string) (KeyType, bool) {
	f := catalogue[base]
	if f == nil {
		return NoKey, false
	}
	return f.Key, true
}

// elsewhere names what stands for fields that other rule languages have.
var elsewhere = map[string]string{
	"fd.net":  `write inCIDR(fd.ip, ["10.0.0.0/8"])`,
	"fd.snet": `write inCIDR(fd.sip, ["10.0.0.0/8"])`,
	"fd.cnet": `write inCIDR(fd.cip, ["10.0.0.0/8"])`,
	"fd.lnet": `write inCIDR(fd.lip, ["10.0.0.0/8"])`,
	"fd.rnet": `write inCIDR(fd.rip, ["10.0.0.0/8"])`,
}

func unknown(name string) error {
	if hint, ok := elsewhere[name]; ok {
		return fmt.Errorf("%w %s: %s", ErrUnknown, name, hint)
	}
	names := make([]string, 0, len(catalogue))
	for n := range catalogue {
		names = append(names, n)
	}
	if near := Nearest(name, names); near != "" {
		return fmt.Errorf("%w %s: did you mean %s?", ErrUnknown, name, near)
	}
	return fmt.Errorf("%w %s", ErrUnknown, name)
}

// Nearest returns the candidate that differs least from name, or "" if none is near: at most a third of it, and at
// most 3 letters, are wrong. Of equally near ones it takes the first in alphabetical order.
func Nearest(name string, candidates []string) string {
	best, bestAt := "", min(3, (len(name)+2)/3)+1
	for _, c := range candidates {
		if d := distance(name, c, bestAt+1); d < bestAt || d == bestAt && best != "" && c < best {
			best, bestAt = c, d
		}
	}
	return best
}

// distance counts the letters to change, add or remove to make b of a; it stops counting at limit.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
