package syntax

import "strconv"

// An Error is the first thing wrong with a condition.
type Error struct {
	Offset  int // where, in bytes from the condition's start
	Message string
}

func (e *Error) Error() string { return "offset " + strconv.Itoa(e.Offset) + ": " + e.Message }

// maxDepth is how deep parentheses and transformers may nest. It is Falco's limit of its parser's recursion.
const maxDepth = 1000

// Parse reads a condition. The error is an [*Error].
func Parse(text string) (Expr, error) {
	p := parser{scanner: scanner{text: text}}
	e, err := p.condition()
	if err != nil {
		return nil, err
	}
	return e, nil
}

// ParseOperand reads what may stand left of an operator: a field or a transformer. The error is an [*Error].
func ParseOperand(text string) (*Operand, error) {
	p := parser{scanner: scanner{text: text}}
	p.blanks()
	o, err := p.operand("a field or a transformer")
	if err != nil {
		return nil, err
	}
	if p.blanks(); !p.atEnd() {
		return nil, p.fail("nothing may follow the field, and %s does", p.found())
	}
	return o, nil
}

// A parser descends the grammar; each method reads what its name says, blanks before it included.
type parser struct {
	scanner
	depth int
}

func (p *parser) condition() (Expr, error) {
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	if !p.atEnd() {
		return nil, p.fail("expected and, or or the end, found %s", p.found())
	}
	return e, nil
}

func (p *parser) or() (Expr, error) {
	terms, err := p.terms("or", p.and)
	if err != nil || len(terms) == 1 {
		return first(terms), err
	}
	return &Or{Pos: Pos(terms[0].At()), Terms: terms}, nil
}

func (p *parser) and() (Expr, error) {
	terms, err := p.terms("and", p.not)
	if err != nil || len(terms) == 1 {
		return first(terms), err
	}
	return &And{Pos: Pos(terms[0].At()), Terms: terms}, nil
}

func first(terms []Expr) Expr {
	if len(terms) == 0 {
		return nil
	}
	return terms[0]
}

// terms reads one term, and more as long as word stands between them.
func (p *parser) terms(word string, term func() (Expr, error)) ([]Expr, error) {
	var list []Expr
	for {
		e, err := term()
		if err != nil {
			return nil, err
		}
		list = append(list, e)
		p.blanks()
		if !p.hasPrefix(word) {
			return list, nil
		}
		after := p.at + len(word)
		if after < len(p.text) && !isBlank(p.text[after]) && p.text[after] != '(' {
			return nil, p.failAt(after, "expected a blank or ( behind %s", word)
		}
		p.at = after
	}
}

// not reads any number of nots, of which two are none.
func (p *parser) not() (Expr, error) {
	p.blanks()
	start, negated := p.at, false
	for p.hasPrefix("not") && len(p.text) > p.at+3 && (isBlank(p.text[p.at+3]) || p.text[p.at+3] == '(') {
		negated = !negated
		p.at += 3
		p.blanks()
	}
	e, err := p.check()
	if err != nil || !negated {
		return e, err
	}
	return &Not{Pos: Pos(start), Term: e}, nil
}

// check reads a condition in parentheses, a comparison or a macro.
func (p *parser) check() (Expr, error) {
	if p.blanks(); p.hasPrefix("(") {
		return p.parenthesized()
	}
	start := Pos(p.at)
	if p.fieldName() == "" && p.transformerName() == "" {
		if name := p.identifier(); IsIdentifier(name) {
			p.at += len(name)
			return &Macro{Pos: start, Name: name}, nil
		}
	}
	left, err := p.operand("a field with an operator, a macro or (")
	if err != nil {
		return nil, err
	}
	return p.compare(left)
}

func (p *parser) parenthesized() (Expr, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	p.at++
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	if !p.hasPrefix(")") {
		return nil, p.fail("expected and, or or ), found %s", p.found())
	}
	p.at++
	p.depth--
	return e, nil
}

// separated reads what stands between parentheses, from behind the opening one to the closing one: none, or one or more
// with commas between.
func (p *parser) separated(item func() error) error {
	if p.blanks(); p.hasPrefix(")") {
		p.at++
		return nil
	}
	for {
		p.blanks()
		if err := item(); err != nil {
			return err
		}
		p.blanks()
		switch {
		case p.hasPrefix(","):
			p.at++
		case p.hasPrefix(")"):
			p.at++
			return nil
		default:
			return p.fail("expected , or ), found %s", p.found())
		}
	}
}

func (p *parser) deeper() error {
	if p.depth++; p.depth > maxDepth {
		return p.fail("nested deeper than %d", maxDepth)
	}
	return nil
}
