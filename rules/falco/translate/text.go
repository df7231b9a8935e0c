package translate

import (
	"encoding/hex"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	falco "tiercel.dev/rules/falco/syntax"
)

// textMethods are what CEL calls the operators on texts.
var textMethods = map[string]string{"contains": "contains", "icontains": "icontains", "startswith": "startsWith", "endswith": "endsWith",
	"glob": "glob", "iglob": "iglob", "pmatch": "pmatch", "bcontains": "bcontains", "bstartswith": "bstartsWith"}

// compareText is a text and an operator that takes one value.
func (t *translation) compareText(e *falco.Compare, left operand, v falco.Value) term {
	if !utf8.ValidString(v.Text) {
		return t.fail(v.At(), "a text that is no UTF-8: %q", v.Text)
	}
	switch e.Op {
	case "=", "!=":
		return equality(e.At(), e.Op, left, quoted(v.Text), left.holds(e.Op, v.Text))
	case "<", "<=", ">", ">=":
		return present(related(e.At(), left.cel+" "+e.Op+" "+quoted(v.Text)), left.holds(e.Op, v.Text), left)
	case "regex":
		return t.regex(e, left, v)
	case "bcontains", "bstartswith":
		if _, err := hex.DecodeString(v.Text); err != nil || v.Text == "" {
			return t.fail(v.At(), "%s are no bytes in hexadecimal digits", quoted(v.Text))
		}
	}
	return present(plain(e.At(), left.cel+"."+textMethods[e.Op]+"("+raw(v.Text)+")"), left.holds(e.Op, v.Text), left)
}

// equality is = or !=, each the other's negation where nothing can be missing.
func equality(at int, op string, left operand, right string, zeroHolds bool) term {
	is, isNot := related(at, left.cel+" == "+right), related(at, left.cel+" != "+right)
	if op == "!=" {
		is, isNot = isNot, is
	}
	return present(either(is, isNot), zeroHolds, left)
}

// holds reports whether a comparison with a constant may hold for what the operand reads as where it has no value.
func (o operand) holds(op, v string) bool {
	zero, ok := o.zero.(string)
	if !ok {
		return true
	}
	switch op {
	case "=":
		return zero == v
	case "!=":
		return zero != v
	case "<":
		return zero < v
	case "<=":
		return zero <= v
	case ">":
		return zero > v
	case ">=":
		return zero >= v
	case "contains", "icontains", "startswith", "endswith":
		return strings.Contains(zero, v) || zero != ""
	case "glob", "iglob":
		return strings.Trim(v, "*") == "" || zero != ""
	case "pmatch", "bcontains", "bstartswith":
		return zero != ""
	}
	return true
}

// regex is over the whole text. Falco takes the syntax of POSIX, in which ^ and $ are the ends of lines.
func (t *translation) regex(e *falco.Compare, left operand, v falco.Value) term {
	if _, err := syntax.Parse(v.Text, syntax.POSIX); err != nil {
		return t.fail(v.At(), "%v", err)
	}
	pattern := v.Text
	switch {
	case strings.ContainsAny(pattern, "^$"):
		pattern = `\A(?m:` + pattern + `)\z`
	case strings.Contains(pattern, "|"):
		pattern = "^(?:" + pattern + ")$"
	default:
		pattern = "^" + pattern + "$"
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return t.fail(v.At(), "%v", err)
	}
	zero, ok := left.zero.(string)
	return present(plain(e.At(), left.cel+".matches("+raw(pattern)+")"), !ok || re.MatchString(zero), left)
}
