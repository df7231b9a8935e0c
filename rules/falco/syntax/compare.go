package syntax

import (
	"slices"
	"strings"
)

// The operators, by what stands right of them: a number; a text; a list.
var (
	numberOperators = []string{"<=", ">=", "<", ">"} // longer ones first, since blanks are not needed
	symbolOperators = []string{"==", "=", "!="}
	textOperators   = []string{"glob", "iglob", "contains", "icontains", "bcontains", "startswith", "bstartswith", "endswith", "regex"}
	listOperators   = []string{"in", "intersects", "pmatch"}
	modifiers       = []string{"oneof", "anyof", "allof"}
)

var symbols = slices.Concat(numberOperators, symbolOperators)

// IsListOperator tells whether a list stands right of the operator, which may have a modifier: contains anyof.
func IsListOperator(op string) bool {
	base, modifier, found := strings.Cut(op, " ")
	return slices.Contains(listOperators, base) && !found || found && slices.Contains(modifiers, modifier) && takesText(base)
}

// IsOperator tells whether op compares: an operator, with a modifier or without; exists is none.
func IsOperator(op string) bool {
	return slices.Contains(numberOperators, op) || takesText(op) || IsListOperator(op)
}

func takesText(op string) bool {
	return slices.Contains(symbolOperators, op) || slices.Contains(textOperators, op)
}

// compare reads what follows a field: an operator and what stands right of it.
func (p *parser) compare(left *Operand) (Expr, error) {
	p.blanks()
	c := &Compare{Pos: left.Pos, Left: *left, OpPos: Pos(p.at)}
	c.Op = p.operator()
	p.at += len(c.Op)
	var err error
	switch {
	case c.Op == "exists":
		return &Exists{Pos: left.Pos, Of: *left}, nil
	case slices.Contains(numberOperators, c.Op):
		c.Right, err = p.right(p.oneNumber)
	case slices.Contains(textOperators, c.Op) && !p.atEnd() && !isBlank(p.text[p.at]):
		err = p.fail("expected a blank behind %s", c.Op)
	case takesText(c.Op):
		if c.Modifier = p.modifier(); c.Modifier != "" {
			c.Right, err = p.right(p.list)
		} else {
			c.Right, err = p.right(p.oneText)
		}
	case c.Op != "":
		c.Right, err = p.right(p.list)
	default:
		err = p.fail("expected an operator, found %s; there are exists %s", p.found(),
			strings.Join(slices.Concat(symbols, textOperators, listOperators), " "))
	}
	if c.Op == "==" {
		c.Op = "="
	}
	return c, err
}

// operator is the operator that stands here; "" if none does.
func (p *parser) operator() string {
	for _, op := range symbols {
		if p.hasPrefix(op) {
			return op
		}
	}
	word := p.identifier()
	if word == "exists" || slices.Contains(textOperators, word) || slices.Contains(listOperators, word) {
		return word
	}
	return ""
}

// modifier steps over oneof, anyof or allof. It is one if a list follows; else it is a text like any other.
func (p *parser) modifier() string {
	p.blanks()
	word := p.identifier()
	if !slices.Contains(modifiers, word) {
		return ""
	}
	ahead := scanner{p.text, p.at + len(word)}
	blank := ahead.blanks()
	name := ahead.identifier()
	if !ahead.hasPrefix("(") && (!blank || name == "" || name == "and" || name == "or") {
		return ""
	}
	p.at += len(word)
	return word
}

// right reads what stands right of an operator: val or another transformer, or what constant reads.
func (p *parser) right(constant func(*Right) error) (Right, error) {
	p.blanks()
	r := Right{Pos: Pos(p.at)}
	var err error
	if name := p.transformerName(); name != "" {
		r.Operand, err = p.transformer(name)
	} else {
		err = constant(&r)
	}
	return r, err
}

func (p *parser) oneNumber(r *Right) error {
	number := p.number()
	if number == "" {
		return p.fail("expected a number, val() or a transformer, found %s", p.found())
	}
	p.at += len(number)
	r.Values = []Value{{r.Pos, number, false}}
	return nil
}

func (p *parser) oneText(r *Right) error {
	if p.hasPrefix("(") {
		return p.fail("expected one value; a list stands right of in, intersects and pmatch, or behind oneof, anyof and allof")
	}
	return p.value(r)
}

// list reads values in parentheses, or the bare name of a list.
func (p *parser) list(r *Right) error {
	switch {
	case p.hasPrefix("("):
		p.at++
		r.IsList, r.Values = true, []Value{}
		return p.separated(func() error { return p.value(r) })
	case p.isQuote():
		return p.fail("expected a list in parentheses or the name of one, found a text in quotes")
	}
	return p.value(r)
}

// ParseValues reads values with commas between them, at least one. The error is an [*Error].
func ParseValues(text string) ([]Value, error) {
	p := parser{scanner: scanner{text: text}}
	var r Right
	for {
		p.blanks()
		if err := p.value(&r); err != nil {
			return nil, err
		}
		if p.blanks(); p.atEnd() {
			return r.Values, nil
		}
		if !p.hasPrefix(",") {
			return nil, p.fail("expected , or the end, found %s", p.found())
		}
		p.at++
	}
}

// value adds a value to the right-hand side.
func (p *parser) value(r *Right) error {
	v := Value{Pos: Pos(p.at)}
	if p.isQuote() {
		var err error
		v.Quoted = true
		if v.Text, err = p.quoted(); err != nil {
			return err
		}
	} else {
		n := span(p.rest(), isBareByte)
		if n == 0 {
			return p.fail("expected a value, found %s", p.found())
		}
		v.Text = p.rest()[:n]
		p.at += n
	}
	r.Values = append(r.Values, v)
	return nil
}
