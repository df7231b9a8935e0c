package rules

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"tiercel.dev/internal/event"
	"tiercel.dev/rules/falco/syntax"
	"tiercel.dev/rules/field"
)

// An oracle evaluates Falco's own syntax tree, by what Falco says that it means: two truth values, a comparison without a
// value is false. It knows the fields of the catalogue, and shares nothing else with what is compiled.
type oracle struct {
	ev     *event.Event
	macros map[string]syntax.Expr
	lists  map[string][]string
}

func (o *oracle) holds(e syntax.Expr) bool {
	switch e := e.(type) {
	case *syntax.And:
		for _, t := range e.Terms {
			if !o.holds(t) {
				return false
			}
		}
		return true
	case *syntax.Or:
		return slices.ContainsFunc(e.Terms, o.holds)
	case *syntax.Not:
		return !o.holds(e.Term)
	case *syntax.Macro:
		return o.holds(o.macros[e.Name])
	case *syntax.Exists:
		return o.operand(&e.Of) != nil
	case *syntax.Compare:
		return o.compare(e)
	}
	panic(fmt.Sprintf("%T", e))
}

// A side is what stands left or right of an operator. Its values are string, int64, bool, time.Duration or netip.Addr; there
// is more than one where Falco looks at several.
type side struct {
	values []any
	ends   bool // of a connection, of which != asks both
	net    bool
	domain bool // an address, compared with those that names resolve to
	first  bool // of several networks Falco looks at the first
}

// operand is nil where there is no value.
func (o *oracle) operand(of *syntax.Operand) *side {
	if of.Transformer != "" {
		return o.transformed(of)
	}
	name, domain := strings.CutSuffix(of.Field, "ip.name")
	if domain {
		name += "ip"
	}
	net := false
	switch name {
	case "fd.net", "fd.cnet", "fd.snet", "fd.lnet", "fd.rnet":
		name, net = strings.TrimSuffix(name, "net")+"ip", true
	}
	if of.Keyed {
		name += "[" + strconv.Quote(of.Key) + "]"
		if _, err := strconv.Atoi(of.Key); err == nil {
			name = of.Field + "[" + of.Key + "]"
		}
	}
	f, err := field.Lookup(name)
	if of.Keyed && strings.HasPrefix(of.Field, "container.mount") {
		f, err = field.WithText(of.Field, field.PatternKey+of.Key)
	}
	if err != nil {
		panic(err)
	}
	s := &side{net: net, domain: domain, ends: of.Field == "fd.net" || of.Field == "fd.ip" || of.Field == "fd.port", first: of.Field == "fd.net"}
	value, ok := f.Value(o.ev)
	if !ok {
		return nil
	}
	addr := func(text string) any { return netip.MustParseAddr(text) }
	switch v := value.(type) {
	case string:
		if f.Type == field.Addr {
			value = addr(v)
		}
		s.values = []any{value}
	case []string:
		for _, text := range v {
			if s.ends {
				s.values = append(s.values, addr(text))
			} else {
				s.values = append(s.values, text)
			}
		}
	case []int64:
		for _, n := range v {
			s.values = append(s.values, n)
		}
	default:
		s.values = []any{value}
	}
	return s
}

func (o *oracle) transformed(of *syntax.Operand) *side {
	var texts []string
	for _, arg := range of.Args {
		args := []syntax.Arg{arg}
		if arg.IsList {
			args = arg.List
		}
		for _, arg := range args {
			if arg.Operand == nil {
				texts = append(texts, arg.Value.Text)
				continue
			}
			inner := o.operand(arg.Operand)
			if inner == nil {
				return nil
			}
			if of.Transformer == "val" {
				return inner
			}
			texts = append(texts, inner.values[0].(string))
		}
	}
	one := func(v any) *side { return &side{values: []any{v}} }
	switch of.Transformer {
	case "tolower":
		return one(lowerASCII(texts[0]))
	case "toupper":
		return one(upperASCII(texts[0]))
	case "basename":
		return one(texts[0][strings.LastIndexByte(texts[0], '/')+1:])
	case "len":
		return one(int64(len(texts[0])))
	case "b64":
		decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(texts[0], "="))
		if err != nil || len(decoded) == 0 {
			return nil
		}
		return one(string(decoded))
	case "concat":
		return one(strings.Join(texts, ""))
	case "join":
		return one(strings.Join(texts[1:], texts[0]))
	}
	panic(of.Transformer)
}

func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c - 'A' + 'a'
		}
	}
	return string(b)
}

func upperASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}

func (o *oracle) compare(e *syntax.Compare) bool {
	if e.Left.Field == "evt.dir" {
		return slices.Contains(o.values(e.Right), "<") == (e.Op != "!=")
	}
	left := o.operand(&e.Left)
	if left == nil {
		return false
	}
	if e.Right.Operand != nil {
		right := o.operand(e.Right.Operand)
		return right != nil && relate(e.Op, left.values[0], right.values[0])
	}
	right := o.values(e.Right)
	switch e.Modifier {
	case "":
		return left.compare(e.Op, right)
	}
	n := 0
	for _, v := range right {
		if left.compare(e.Op, []string{v}) {
			n++
		}
	}
	switch e.Modifier {
	case "oneof":
		return n == 1
	case "anyof":
		return n > 0
	}
	return n == len(right)
}

// values are those right of an operator, with those of lists in place.
func (o *oracle) values(r syntax.Right) []string {
	var texts []string
	for _, v := range r.Values {
		if items, ok := o.lists[v.Text]; ok && !v.Quoted {
			texts = append(texts, items...)
			continue
		}
		texts = append(texts, v.Text)
	}
	return texts
}

func (s *side) compare(op string, right []string) bool {
	if s.first && op == "in" && len(right) > 1 {
		right = right[:1]
	}
	any := func(op string) bool {
		return slices.ContainsFunc(s.values, func(v any) bool { return s.one(op, v, right) })
	}
	if op == "!=" && s.ends {
		return !any("=")
	}
	return any(op)
}

// one compares a value.
func (s *side) one(op string, v any, right []string) bool {
	switch op {
	case "in", "intersects":
		return slices.ContainsFunc(right, func(r string) bool { return s.one("=", v, []string{r}) })
	case "pmatch":
		return slices.ContainsFunc(right, func(r string) bool { return below(r, v.(string)) })
	case "!=":
		return !s.one("=", v, right)
	}
	if s.domain {
		return slices.ContainsFunc(falcoDomains[right[0]], func(a string) bool { return v == any(netip.MustParseAddr(a)) })
	}
	if s.net {
		return netip.MustParsePrefix(right[0]).Masked().Contains(v.(netip.Addr))
	}
	return relate(op, v, parsed(v, right[0]))
}

// parsed reads a constant as what it is compared with.
func parsed(like any, text string) any {
	switch like.(type) {
	case string:
		return text
	case bool:
		return text == "true"
	case netip.Addr:
		return netip.MustParseAddr(text)
	}
	if port, ok := map[string]int64{"ssh": 22, "http": 80, "https": 443}[text]; ok {
		return port
	}
	n, err := strconv.ParseInt(text, 0, 64)
	if err != nil {
		panic(err)
	}
	if _, ok := like.(time.Duration); ok {
		return time.Duration(n)
	}
	return n
}

// relate compares two values of a type.
func relate(op string, v, r any) bool {
	if text, ok := v.(string); ok && !strings.ContainsAny(op, "=<>") {
		return relateText(op, text, r.(string))
	}
	switch op {
	case "=":
		return v == r
	case "!=":
		return v != r
	}
	var order int
	switch v := v.(type) {
	case string:
		order = cmp.Compare(v, r.(string))
	case int64:
		order = cmp.Compare(v, r.(int64))
	case time.Duration:
		order = cmp.Compare(v, r.(time.Duration))
	}
	switch op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	}
	panic(op)
}

func relateText(op, v, r string) bool {
	switch op {
	case "contains":
		return strings.Contains(v, r)
	case "icontains":
		return strings.Contains(upperASCII(v), upperASCII(r))
	case "startswith":
		return strings.HasPrefix(v, r)
	case "endswith":
		return strings.HasSuffix(v, r)
	case "glob":
		return fnmatch(r, v)
	case "iglob":
		return fnmatch(upperASCII(r), upperASCII(v))
	case "regex":
		at := regexp.MustCompilePOSIX(r).FindStringIndex(v)
		return at != nil && at[0] == 0 && at[1] == len(v)
	case "bcontains", "bstartswith":
		b, err := hex.DecodeString(r)
		if err != nil {
			panic(err)
		}
		if op == "bcontains" {
			return bytes.Contains([]byte(v), b)
		}
		return bytes.HasPrefix([]byte(v), b)
	}
	panic(op)
}

// below tells whether a path is one of a pattern, component by component, or lies below one.
func below(pattern, path string) bool {
	components := func(s string) []string {
		return slices.DeleteFunc(strings.Split(s, "/"), func(c string) bool { return c == "" })
	}
	want, have := components(pattern), components(path)
	if len(want) == 0 && pattern != "" {
		return true
	}
	if len(want) > len(have) || strings.HasPrefix(pattern, "/") != strings.HasPrefix(path, "/") {
		return false
	}
	for i, w := range want {
		if !fnmatch(w, have[i]) {
			return false
		}
	}
	return true
}

// fnmatch is the C library's, without flags, by characters.
func fnmatch(pattern, s string) bool { return fnmatchRunes([]rune(pattern), []rune(s)) }

func fnmatchRunes(p, s []rune) bool {
	if len(p) == 0 {
		return len(s) == 0
	}
	if p[0] == '*' {
		for i := range len(s) + 1 {
			if fnmatchRunes(p[1:], s[i:]) {
				return true
			}
		}
		return false
	}
	if len(s) == 0 {
		return false
	}
	switch p[0] {
	case '?':
		return fnmatchRunes(p[1:], s[1:])
	case '[':
		if end := bracketEnd(p); end > 0 {
			return inBracket(p[1:end], s[0]) && fnmatchRunes(p[end+1:], s[1:])
		}
	case '\\':
		if len(p) > 1 {
			p = p[1:]
		}
	}
	return p[0] == s[0] && fnmatchRunes(p[1:], s[1:])
}

// bracketEnd is where the ] stands that closes the bracket at the start of p; 0 if none does.
func bracketEnd(p []rune) int {
	i := 1
	if i < len(p) && (p[i] == '!' || p[i] == '^') {
		i++
	}
	for i++; i < len(p); i++ {
		if p[i] == ']' {
			return i
		}
	}
	return 0
}

func inBracket(set []rune, r rune) bool {
	negated := set[0] == '!' || set[0] == '^'
	if negated {
		set = set[1:]
	}
	in := false
	for i := 0; i < len(set); i++ {
		low, high := set[i], set[i]
		if i+2 < len(set) && set[i+1] == '-' {
			high = set[i+2]
			i += 2
		}
		in = in || low <= r && r <= high
	}
	return in != negated
}
