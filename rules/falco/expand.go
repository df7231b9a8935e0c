package falco

import (
	"strings"

	"tiercel.dev/rules/falco/syntax"
	"tiercel.dev/rules/source"
)

// maxCondition is how long a condition may be with its exceptions, in bytes.
const maxCondition = 1 << 20

// expanded is the rule's condition with its exceptions: (condition) and not (…) and not (…). It is text, as in Falco,
// so that a value may name a list. It is nil if the exceptions are wrong.
func (d *ruleDef) expanded() *source.Join {
	if len(d.exceptions) == 0 {
		return d.condition
	}
	j, right := &source.Join{}, true
	j.Word("(")
	j.AddJoin(d.condition)
	j.Word(")")
	for _, ex := range d.exceptions {
		if len(ex.values) > 0 {
			ex.expand(j)
		}
		right = right && !ex.broken
		if len(j.String()) > maxCondition {
			ex.fail(Validate, ex.node, "the condition is longer than %d bytes with its exceptions", maxCondition)
			return nil
		}
	}
	if !right {
		return nil
	}
	return j
}

func (ex *exception) expand(j *source.Join) {
	j.Word(" and not (")
	if ex.fields.list {
		ex.tuples(j)
	} else {
		ex.list(j)
	}
	j.Word(")")
}

// list is field comp (value, value).
func (ex *exception) list(j *source.Join) {
	j.Add(ex.fields.Text)
	j.Word(" " + ex.comps.Value + " (")
	for i, v := range ex.values {
		if v.list {
			ex.fail(Validate, v.Node, "of one field a value is one text, not a list")
			continue
		}
		if i > 0 {
			j.Word(", ")
		}
		addQuoted(j, v.Text)
	}
	j.Word(")")
}

// tuples is (field comp value and field comp value) or (…).
func (ex *exception) tuples(j *source.Join) {
	for i, v := range ex.values {
		if !v.list || len(v.in) != len(ex.fields.in) {
			ex.fail(Validate, v.Node, "a value has one item for each of the %d fields", len(ex.fields.in))
			continue
		}
		if i > 0 {
			j.Word(" or ")
		}
		j.Word("(")
		for k, field := range ex.fields.in {
			if k > 0 {
				j.Word(" and ")
			}
			j.Add(field.Text)
			comp := ex.comps.in[k].Value
			j.Word(" " + comp + " ")
			addValue(j, comp, v.in[k])
		}
		j.Word(")")
		if len(j.String()) > maxCondition {
			return
		}
	}
}

// addValue adds what one field is compared with. A scalar for an operator that takes a list gets parentheses, and no
// quotes: it may be the items of a list.
func addValue(j *source.Join, comp string, v entry) {
	switch {
	case v.list:
		j.Word("(")
		for i, item := range v.in {
			if i > 0 {
				j.Word(", ")
			}
			addQuoted(j, item.Text)
		}
		j.Word(")")
	case !syntax.IsListOperator(comp):
		addQuoted(j, v.Text)
	case strings.HasPrefix(v.Value, "("):
		j.Add(v.Text)
	default:
		j.Word("(")
		j.Add(v.Text)
		j.Word(")")
	}
}

// addQuoted adds a value; one with a blank gets quotes if it has none.
func addQuoted(j *source.Join, t source.Text) {
	quote := ""
	if strings.Contains(t.Value, " ") && t.Value[0] != '"' && t.Value[0] != '\'' {
		quote = `"`
	}
	j.Word(quote)
	j.Add(t)
	j.Word(quote)
}
