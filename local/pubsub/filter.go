package pubsub

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/scanner"
)

// A filter decides by a message's attributes. nil takes every message.
// https://cloud.google.com/pubsub/docs/subscription-message-filter#filtering_syntax
type filter func(attributes map[string]string) bool

func (f filter) match(attributes map[string]string) bool { return f == nil || f(attributes) }

// maxFilter is the longest filter, in bytes.
const maxFilter = 256

// parseFilter reads `attributes:KEY`, `attributes.KEY = "V"`, `!=`, `hasPrefix(attributes.KEY, "V")`, joined by AND, OR and
// NOT (or -), with parentheses.
func parseFilter(text string) (filter, error) {
	if text == "" {
		return nil, nil
	}
	if len(text) > maxFilter {
		return nil, fmt.Errorf("%d bytes of at most %d", len(text), maxFilter)
	}
	p := &filterParser{}
	p.scan.Init(strings.NewReader(text))
	p.scan.Mode = scanner.ScanIdents | scanner.ScanStrings
	p.scan.IsIdentRune = inKey
	p.scan.Error = func(_ *scanner.Scanner, message string) { p.broken = errors.New(message) }
	p.next()
	f, err := p.terms()
	switch {
	case p.broken != nil:
		return nil, p.broken
	case err != nil:
		return nil, err
	case p.token != scanner.EOF:
		return nil, p.unexpected("the end")
	}
	return f, nil
}

// inKey tells what a key may have without quotes.
func inKey(c rune, i int) bool {
	return c == '_' || c == '-' && i > 0 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

type filterParser struct {
	scan   scanner.Scanner
	token  rune
	broken error
}

func (p *filterParser) next() { p.token = p.scan.Scan() }

func (p *filterParser) unexpected(want string) error {
	if p.token == scanner.EOF {
		return fmt.Errorf("ends where %s should stand", want)
	}
	return fmt.Errorf("%q at column %d where %s should stand", p.scan.TokenText(), p.scan.Position.Column, want)
}

// terms reads terms joined by AND or by OR; the service does not take both without parentheses.
func (p *filterParser) terms() (filter, error) {
	left, err := p.term()
	if err != nil {
		return nil, err
	}
	joiner := ""
	for p.token == scanner.Ident && (p.scan.TokenText() == "AND" || p.scan.TokenText() == "OR") {
		word := p.scan.TokenText()
		if joiner != "" && joiner != word {
			return nil, fmt.Errorf("AND and OR at column %d want parentheses", p.scan.Position.Column)
		}
		joiner = word
		p.next()
		right, err := p.term()
		if err != nil {
			return nil, err
		}
		left = join(word, left, right)
	}
	return left, nil
}

func join(word string, a, b filter) filter {
	if word == "AND" {
		return func(m map[string]string) bool { return a(m) && b(m) }
	}
	return func(m map[string]string) bool { return a(m) || b(m) }
}

func (p *filterParser) term() (filter, error) {
	switch {
	case p.token == '-', p.token == scanner.Ident && p.scan.TokenText() == "NOT":
		p.next()
		f, err := p.term()
		if err != nil {
			return nil, err
		}
		return func(m map[string]string) bool { return !f(m) }, nil
	case p.token == '(':
		p.next()
		f, err := p.terms()
		if err != nil {
			return nil, err
		}
		return f, p.expect(')')
	case p.token == scanner.Ident && p.scan.TokenText() == "hasPrefix":
		return p.prefix()
	case p.token == scanner.Ident && p.scan.TokenText() == "attributes":
		return p.attribute()
	}
	return nil, p.unexpected("attributes, hasPrefix, NOT or (")
}

func (p *filterParser) expect(token rune) error {
	if p.token != token {
		return p.unexpected(fmt.Sprintf("%q", string(token)))
	}
	p.next()
	return nil
}

func (p *filterParser) prefix() (filter, error) {
	p.next()
	if err := p.expect('('); err != nil {
		return nil, err
	}
	if p.token != scanner.Ident || p.scan.TokenText() != "attributes" {
		return nil, p.unexpected("attributes")
	}
	p.next()
	if err := p.expect('.'); err != nil {
		return nil, err
	}
	key, err := p.word()
	if err != nil {
		return nil, err
	}
	if err := p.expect(','); err != nil {
		return nil, err
	}
	value, err := p.text()
	if err != nil {
		return nil, err
	}
	return func(m map[string]string) bool {
		v, ok := m[key]
		return ok && strings.HasPrefix(v, value)
	}, p.expect(')')
}

// attribute reads `attributes:KEY`, or a comparison.
func (p *filterParser) attribute() (filter, error) {
	p.next()
	has := p.token == ':'
	if !has && p.token != '.' {
		return nil, p.unexpected(`":" or "."`)
	}
	p.next()
	key, err := p.word()
	if err != nil {
		return nil, err
	}
	if has {
		return func(m map[string]string) bool { _, ok := m[key]; return ok }, nil
	}
	not := p.token == '!'
	if not {
		p.next()
	}
	if err := p.expect('='); err != nil {
		return nil, err
	}
	value, err := p.text()
	if err != nil {
		return nil, err
	}
	// "!=" takes a message without the attribute, too: it has not that key with that value.
	return func(m map[string]string) bool {
		v, ok := m[key]
		return (ok && v == value) != not
	}, nil
}

func (p *filterParser) word() (string, error) {
	if p.token == scanner.String {
		return p.text()
	}
	if p.token != scanner.Ident {
		return "", p.unexpected("an attribute's name")
	}
	word := p.scan.TokenText()
	p.next()
	return word, nil
}

func (p *filterParser) text() (string, error) {
	if p.token != scanner.String {
		return "", p.unexpected("a quoted text")
	}
	quoted := p.scan.TokenText()
	p.next()
	text, err := strconv.Unquote(quoted)
	if err != nil {
		return "", fmt.Errorf("%s: %w", quoted, err)
	}
	return text, nil
}
