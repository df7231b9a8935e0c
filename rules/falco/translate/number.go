package translate

import (
	stdnet "net"
	"strconv"
	"strings"
	"time"

	"tiercel.dev/rules/falco/syntax"
)

// compareNumber is a number, a port or a time, and an operator that takes one value.
func (t *translation) compareNumber(e *syntax.Compare, left operand, v syntax.Value) term {
	n, ok := t.parse(left, v)
	if !ok {
		return boolean(e.At(), false)
	}
	literal, holds := left.literalOf(n), true
	if left.zero != nil {
		holds = compares(0, e.Op, n)
	}
	if e.Op == "=" || e.Op == "!=" {
		return equality(e.At(), e.Op, left, literal, holds)
	}
	return present(related(e.At(), left.cel+" "+e.Op+" "+literal), holds, left)
}

func compares(x int64, op string, y int64) bool {
	switch op {
	case "=":
		return x == y
	case "!=":
		return x != y
	case "<":
		return x < y
	case "<=":
		return x <= y
	case ">":
		return x > y
	}
	return x >= y
}

// numeral is the CEL text of a number.
func (t *translation) numeral(o operand, v syntax.Value) (string, bool) {
	n, ok := t.parse(o, v)
	return o.literalOf(n), ok
}

func (o operand) literalOf(n int64) string {
	if o.kind == span {
		return `duration("` + time.Duration(n).String() + `")`
	}
	return strconv.FormatInt(n, 10)
}

// parse reads a number, which may stand in quotes, or the name of a port.
func (t *translation) parse(o operand, v syntax.Value) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimPrefix(v.Text, "+"), base(v.Text), 64)
	if err == nil {
		return n, true
	}
	if o.kind == port || o.kind == ports {
		if p, err := stdnet.LookupPort("tcp", v.Text); err == nil && v.Text != "" {
			return int64(p), true
		}
		t.fail(v.At(), "%s is no port", quoted(v.Text))
		return 0, false
	}
	if f, err := strconv.ParseFloat(v.Text, 64); err == nil && f == float64(int64(f)) {
		return int64(f), true
	}
	t.fail(v.At(), "%s is no number, and %s is %s", quoted(v.Text), o.name, kindNames[o.kind])
	return 0, false
}

// base is 0, which reads 0x as such, or 10: a leading 0 does not make a number octal.
func base(s string) int {
	if strings.Contains(s, "x") {
		return 0
	}
	return 10
}
