// Package filter reads the filters of Google's lists: restrictions such as category = "X", joined by AND and OR, of which OR
// binds more tightly, with parentheses, and "-" or NOT for not. Which fields there are is each service's to say.
// https://google.aip.dev/160
package filter

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Predicate says whether something is wanted.
type Predicate[T any] func(T) bool

// A Language is what one service makes of filters.
type Language[T any] struct {
	// Restriction is what a field, an operator and a value ask for, as they stand there: a quoted value has its quotes. It
	// refuses what the service would.
	Restriction func(field, operator, value string) (Predicate[T], error)
	// Call is what a function of one argument asks for; nil if the service has none.
	Call func(name, argument string) (Predicate[T], error)
	// ImplicitAnd is for services in which restrictions that stand side by side must all hold.
	ImplicitAnd bool
}

// Parse reads a filter. An empty one wants everything.
func (l Language[T]) Parse(text string) (Predicate[T], error) {
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	if len(tokens) == 0 {
		return func(T) bool { return true }, nil
	}
	p := &parser[T]{language: l, tokens: tokens}
	wanted, err := p.all()
	if err == nil && len(p.tokens) > 0 {
		err = fmt.Errorf("%q is too much", p.tokens[0])
	}
	return wanted, err
}

type parser[T any] struct {
	language Language[T]
	tokens   []string
	depth    int
}

// maxDepth bounds what a filter may nest.
const maxDepth = 50

// accept takes the next token if it is this one.
func (p *parser[T]) accept(token string) bool {
	if !p.at(token) {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *parser[T]) at(token string) bool {
	return len(p.tokens) > 0 && strings.EqualFold(p.tokens[0], token)
}

func (p *parser[T]) next() string {
	if len(p.tokens) == 0 {
		return ""
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

func (p *parser[T]) all() (Predicate[T], error) {
	left, err := p.any()
	for err == nil && (p.accept("AND") || p.language.ImplicitAnd && len(p.tokens) > 0 && !p.at(")")) {
		was, right := left, Predicate[T](nil)
		right, err = p.any()
		left = func(v T) bool { return was(v) && right(v) }
	}
	return left, err
}

func (p *parser[T]) any() (Predicate[T], error) {
	left, err := p.one()
	for err == nil && p.accept("OR") {
		was, right := left, Predicate[T](nil)
		right, err = p.one()
		left = func(v T) bool { return was(v) || right(v) }
	}
	return left, err
}

func (p *parser[T]) one() (Predicate[T], error) {
	if p.depth++; p.depth > maxDepth {
		return nil, errors.New("the filter nests too deeply")
	}
	defer func() { p.depth-- }()
	if p.accept("-") || p.accept("NOT") {
		inner, err := p.one()
		return func(v T) bool { return !inner(v) }, err
	}
	if p.accept("(") {
		inner, err := p.all()
		if err == nil && !p.accept(")") {
			err = errors.New("a parenthesis is not closed")
		}
		return inner, err
	}
	field := p.next()
	if p.language.Call != nil && p.accept("(") {
		argument := p.next()
		if !p.accept(")") {
			return nil, fmt.Errorf("%s( is not closed", field)
		}
		return p.language.Call(field, argument)
	}
	return p.language.Restriction(field, p.next(), p.next())
}

// operators are those of more than one character; the longest is taken.
var operators = []string{"<=", ">=", "!=", "=~", "!~"}

// scan cuts a filter into words, quoted texts and operators.
func scan(text string) (tokens []string, err error) {
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		n, err := length(text)
		if err != nil {
			return nil, err
		}
		tokens, text = append(tokens, text[:n]), text[n:]
	}
	return tokens, nil
}

// length is that of the token that text begins with.
func length(text string) (int, error) {
	if text[0] == '"' {
		quoted, err := strconv.QuotedPrefix(text)
		if err != nil {
			return 0, errors.New("a quote is not closed")
		}
		return len(quoted), nil
	}
	for _, operator := range operators {
		if strings.HasPrefix(text, operator) {
			return len(operator), nil
		}
	}
	if strings.ContainsRune(`()=<>:!-`, rune(text[0])) {
		return 1, nil
	}
	n := strings.IndexAny(text, "()=<>:!\" \t\r\n")
	switch {
	case n < 0:
		return len(text), nil
	case text[n] == '"' && text[n-1] == '.': // labels."a/b" is one name
		more, err := length(text[n:])
		return n + more, err
	}
	return n, nil
}

// Order is what an operator between times asks of their [time.Time.Compare]; nil if it is none.
func Order(operator string) func(compared int) bool {
	switch operator {
	case "=":
		return func(c int) bool { return c == 0 }
	case "<":
		return func(c int) bool { return c < 0 }
	case "<=":
		return func(c int) bool { return c <= 0 }
	case ">":
		return func(c int) bool { return c > 0 }
	case ">=":
		return func(c int) bool { return c >= 0 }
	}
	return nil
}
