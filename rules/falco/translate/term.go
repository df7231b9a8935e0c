package translate

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A level is how tightly a term binds.
type level uint8

const (
	or level = iota
	and
	relation // == and its like
	primary  // what needs no parentheses anywhere
)

// A term is a part of the CEL text.
type term struct {
	text  string
	level level
	// negated is the negation where that is plainer than ! before the term.
	negated *term
	// isConst says that it is the constant value.
	isConst, value bool
	sides          []term // of && or ||
	marks          []mark
}

func plain(at int, text string) term {
	return term{text: text, level: primary, marks: []mark{{0, at}}}
}

// related is a comparison by an operator.
func related(at int, text string) term {
	return term{text: text, level: relation, marks: []mark{{0, at}}}
}

func boolean(at int, v bool) term {
	t := plain(at, strconv.FormatBool(v))
	t.isConst, t.value = true, v
	return t
}

// in puts the term where what binds as tightly as l may stand without parentheses.
func (t term) in(l level) term {
	if t.level >= l {
		return t
	}
	return concat(primary, "(", t, ")")
}

// concat joins texts and terms.
func concat(l level, parts ...any) term {
	out := term{level: l}
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			out.text += p
		case term:
			for _, m := range p.marks {
				out.marks = append(out.marks, mark{m.cel + len(out.text), m.falco})
			}
			out.text += p.text
		}
	}
	return out
}

// joined is terms with && or || between, each once, without those that decide nothing.
func joined(at int, operator string, l level, terms []term) term {
	var sides []term
	for _, t := range terms {
		switch {
		case t.isConst && t.value == (l == and):
		case t.level == l && t.sides != nil:
			sides = append(sides, t.sides...)
		default:
			sides = append(sides, t)
		}
	}
	var parts []any
	seen := map[string]bool{}
	kept := sides[:0:0]
	for _, t := range sides {
		if seen[t.text] {
			continue
		}
		if seen[t.text] = true; len(parts) > 0 {
			parts = append(parts, operator)
		}
		parts, kept = append(parts, t.in(l)), append(kept, t)
	}
	switch len(kept) {
	case 0:
		return boolean(at, l == and)
	case 1:
		return kept[0]
	}
	out := concat(l, parts...)
	out.sides = kept
	return out
}

func not(t term) term {
	switch {
	case t.isConst:
		return boolean(t.marks[0].falco, !t.value)
	case t.negated != nil:
		return *t.negated
	}
	out := concat(primary, "!", t.in(primary))
	out.negated = &t
	return out
}

// either is a term and its negation.
func either(is, isNot term) term {
	is.negated, isNot.negated = &isNot, &is
	return is
}

// quoted is a constant text. CEL reads the escapes that Go writes.
func quoted(s string) string {
	q := strconv.Quote(s)
	inner := q[1 : len(q)-1]
	if strings.Contains(s, `"`) && !strings.Contains(s, "'") {
		return "'" + strings.ReplaceAll(inner, `\"`, `"`) + "'"
	}
	return q
}

// raw is a constant text in which backslashes are common.
func raw(s string) string {
	if strings.Contains(s, `\`) && !strings.ContainsAny(s, "\"\n\r") && utf8.ValidString(s) {
		return `r"` + s + `"`
	}
	return quoted(s)
}

// list is a list of constants.
func list(texts []string) string { return "[" + strings.Join(texts, ", ") + "]" }
