package syntax

import "strconv"

// arity is how many arguments a transformer takes: at least min, and at most max if that is not 0.
type arity struct{ min, max int }

// transformers are the functions over fields, and val, which makes the right-hand side of a comparison a field.
var transformers = map[string]arity{"tolower": {1, 1}, "toupper": {1, 1}, "b64": {1, 1}, "basename": {1, 1}, "len": {1, 1},
	"join": {2, 2}, "concat": {1, 0}, "getopt": {2, 2}, "val": {1, 1}}

// operand reads a field or a transformer; expected says in an error what may stand here.
func (p *parser) operand(expected string) (*Operand, error) {
	start := Pos(p.at)
	if name := p.fieldName(); name != "" {
		p.at += len(name)
		o := &Operand{Pos: start, Field: name}
		return o, p.key(o)
	}
	name := p.transformerName()
	switch name {
	case "":
		return nil, p.fail("expected %s, found %s", expected, p.found())
	case "val":
		return nil, p.fail("val() stands only right of an operator")
	}
	return p.transformer(name)
}

// key reads [key] behind a field's name.
func (p *parser) key(o *Operand) error {
	if !p.hasPrefix("[") {
		return nil
	}
	p.at++
	o.Keyed = true
	if p.isQuote() {
		var err error
		if o.Key, err = p.quoted(); err != nil {
			return err
		}
	} else {
		n := span(p.rest(), func(c byte) bool { return !isSpace(c) && c != '[' && c != ']' && c != '"' && c != '\'' })
		if n == 0 {
			return p.fail("expected the field's key, in quotes or bare, found %s", p.found())
		}
		o.Key = p.rest()[:n]
		p.at += n
	}
	if !p.hasPrefix("]") {
		return p.fail("expected ] behind the field's key, found %s", p.found())
	}
	p.at++
	return nil
}

func (p *parser) transformer(name string) (*Operand, error) {
	o := &Operand{Pos: Pos(p.at), Transformer: name}
	if err := p.deeper(); err != nil {
		return nil, err
	}
	p.at += len(name) + len("(")
	args, err := p.arguments(true)
	if err != nil {
		return nil, err
	}
	o.Args = args
	switch want := transformers[name]; {
	case len(args) < want.min || want.max > 0 && len(args) > want.max:
		many := strconv.Itoa(want.min)
		if want.max == 0 {
			many += " or more"
		}
		return nil, p.failAt(o.At(), "%s takes %s arguments, not %d", name, many, len(args))
	case name == "val" && (args[0].Operand == nil || args[0].Operand.Transformer != ""):
		return nil, p.failAt(o.At(), "val takes a field")
	}
	p.depth--
	return o, nil
}

// arguments reads what stands between parentheses, the closing one included. Lists may not hold lists.
func (p *parser) arguments(lists bool) ([]Arg, error) {
	args := []Arg{}
	err := p.separated(func() error {
		a, err := p.argument(lists)
		args = append(args, a)
		return err
	})
	return args, err
}

func (p *parser) argument(lists bool) (Arg, error) {
	start := Pos(p.at)
	if p.isQuote() {
		text, err := p.quoted()
		return Arg{Value: Value{start, text, true}}, err
	}
	if number := p.number(); number != "" {
		p.at += len(number)
		return Arg{Value: Value{start, number, false}}, nil
	}
	if lists && p.hasPrefix("(") {
		p.at++
		list, err := p.arguments(false)
		return Arg{IsList: true, List: list}, err
	}
	o, err := p.operand("a field, a transformer, a number or a text in quotes")
	return Arg{Operand: o}, err
}
