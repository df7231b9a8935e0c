package scc

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
)

// A predicate says whether a finding is wanted.
type predicate func(*pb.Finding) bool

// parseFilter reads a filter: restrictions with AND, OR, which binds more tightly, parentheses, and "-" or NOT for not.
// https://cloud.google.com/security-command-center/docs/reference/rest/v2/organizations.sources.findings/list
func parseFilter(text string) (predicate, error) {
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	if len(tokens) == 0 {
		return func(*pb.Finding) bool { return true }, nil
	}
	p := &filterParser{tokens: tokens}
	wanted, err := p.all()
	if err == nil && len(p.tokens) > 0 {
		err = fmt.Errorf("%q is too much", p.tokens[0])
	}
	return wanted, err
}

type filterParser struct{ tokens []string }

// accept takes the next token if it is this one.
func (p *filterParser) accept(token string) bool {
	if len(p.tokens) > 0 && strings.EqualFold(p.tokens[0], token) {
		p.tokens = p.tokens[1:]
		return true
	}
	return false
}

func (p *filterParser) next() string {
	if len(p.tokens) == 0 {
		return ""
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

func (p *filterParser) all() (predicate, error) {
	left, err := p.any()
	for err == nil && p.accept("AND") {
		was, right := left, predicate(nil)
		right, err = p.any()
		left = func(f *pb.Finding) bool { return was(f) && right(f) }
	}
	return left, err
}

func (p *filterParser) any() (predicate, error) {
	left, err := p.one()
	for err == nil && p.accept("OR") {
		was, right := left, predicate(nil)
		right, err = p.one()
		left = func(f *pb.Finding) bool { return was(f) || right(f) }
	}
	return left, err
}

func (p *filterParser) one() (predicate, error) {
	if p.accept("-") || p.accept("NOT") {
		inner, err := p.one()
		return func(f *pb.Finding) bool { return !inner(f) }, err
	}
	if p.accept("(") {
		inner, err := p.all()
		if err == nil && !p.accept(")") {
			err = errors.New("a parenthesis is not closed")
		}
		return inner, err
	}
	return restriction(p.next(), p.next(), p.next())
}

// texts are the fields that hold text, and how a finding has them.
var texts = map[string]func(*pb.Finding) string{
	"name":          func(f *pb.Finding) string { return f.Name },
	"parent":        func(f *pb.Finding) string { return f.Parent },
	"resource_name": func(f *pb.Finding) string { return f.ResourceName },
	"resource.name": func(f *pb.Finding) string { return f.ResourceName },
	"category":      func(f *pb.Finding) string { return f.Category },
	"external_uri":  func(f *pb.Finding) string { return f.ExternalUri },
	"state":         func(f *pb.Finding) string { return f.State.String() },
	"severity":      func(f *pb.Finding) string { return f.Severity.String() },
	"mute":          func(f *pb.Finding) string { return f.Mute.String() },
}

func restriction(field, operator, value string) (predicate, error) {
	text := texts[field]
	if mark, ok := strings.CutPrefix(field, "security_marks.marks."); ok {
		text = func(f *pb.Finding) string { return f.GetSecurityMarks().GetMarks()[mark] }
	}
	unquoted, err := strconv.Unquote(value)
	switch {
	case field == "event_time":
		return eventTime(operator, value)
	case text == nil:
		return nil, fmt.Errorf("%q is no field to filter by", field)
	case err != nil:
		return nil, fmt.Errorf("%s: %q is not in quotes", field, value)
	case operator == "=":
		return func(f *pb.Finding) bool { return text(f) == unquoted }, nil
	case operator == ":":
		return func(f *pb.Finding) bool { return strings.Contains(text(f), unquoted) }, nil
	}
	return nil, fmt.Errorf("%s: no operator %q", field, operator)
}

// eventTime takes milliseconds, or a time in quotes.
func eventTime(operator, value string) (predicate, error) {
	var at time.Time
	if ms, err := strconv.ParseInt(value, 10, 64); err == nil {
		at = time.UnixMilli(ms)
	} else if text, err := strconv.Unquote(value); err != nil {
		return nil, fmt.Errorf("event_time: %q is neither a number nor in quotes", value)
	} else if at, err = time.Parse(time.RFC3339, text); err != nil {
		return nil, fmt.Errorf("event_time: %w", err)
	}
	test, ok := map[string]func(int) bool{
		"=": func(c int) bool { return c == 0 }, "<": func(c int) bool { return c < 0 }, "<=": func(c int) bool { return c <= 0 },
		">": func(c int) bool { return c > 0 }, ">=": func(c int) bool { return c >= 0 },
	}[operator]
	if !ok {
		return nil, fmt.Errorf("event_time: no operator %q", operator)
	}
	return func(f *pb.Finding) bool { return test(f.EventTime.AsTime().Compare(at)) }, nil
}

// scan cuts a filter into words, quoted texts and operators.
func scan(text string) (tokens []string, err error) {
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		n := 1
		switch c := text[0]; {
		case c == '"':
			quoted, err := strconv.QuotedPrefix(text)
			if err != nil {
				return nil, errors.New("a quote is not closed")
			}
			n = len(quoted)
		case strings.HasPrefix(text, "<=") || strings.HasPrefix(text, ">="):
			n = 2
		case !strings.ContainsRune(`()=<>:-`, rune(c)):
			if n = strings.IndexAny(text, "()=<>:\" \t\n"); n < 0 {
				n = len(text)
			}
		}
		tokens, text = append(tokens, text[:n]), text[n:]
	}
	return tokens, nil
}
