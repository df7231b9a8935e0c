package filter

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// words wants texts that have a word: has = "word".
var words = Language[string]{ImplicitAnd: true, Restriction: func(field, operator, value string) (Predicate[string], error) {
	if field != "has" || operator != "=" || value == "" {
		return nil, errors.New("not understood")
	}
	return func(s string) bool { return strings.Contains(s, strings.Trim(value, `"`)) }, nil
}}

func TestJoins(t *testing.T) {
	for text, want := range map[string]bool{
		`has=a`:                            true,
		`has=a has=c`:                      false,
		`has=a AND NOT has=c`:              true,
		`has=c OR has=a AND has=b`:         true, // OR binds more tightly
		`has=a OR has=b AND has=c`:         false,
		`-(has=a has=c)`:                   true,
		"has=\"a\"\nhas=b":                 true,
		`(has=c or (has=a and not has=d))`: true,
	} {
		p, err := words.Parse(text)
		if err != nil || p("ab") != want {
			t.Errorf("%s: not %v, %v", text, want, err)
		}
	}
}

// A part of a field's name that has other characters than names have is quoted.
func TestQuotedFields(t *testing.T) {
	var fields []string
	l := Language[string]{Restriction: func(field, operator, value string) (Predicate[string], error) {
		fields = append(fields, field+operator+value)
		return func(string) bool { return true }, nil
	}}
	if _, err := l.Parse(`labels."a.io/b c"="d" AND labels."e":*`); err != nil || !slices.Equal(fields, []string{`labels."a.io/b c"="d"`, `labels."e":*`}) {
		t.Errorf("%q, %v", fields, err)
	}
	if _, err := l.Parse(`labels."a=b`); err == nil {
		t.Error("a quote is not closed")
	}
}

func TestRefuses(t *testing.T) {
	for _, text := range []string{
		`has=`, `has`, `has=a AND`, `(has=a`, `has=a)`, `has="a`, `other=a`, `has!=a`, `has=~a`, strings.Repeat("(", 1000), strings.Repeat("- ", 1000),
	} {
		if _, err := words.Parse(text); err == nil {
			t.Errorf("%.20q is taken", text)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`has = "a" AND (has=b OR -has=c)`, `has=~"x"`, "has=a\thas=b", `f("x")`, `a."b c":*`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := words.Parse(text); err == nil {
			p("ab")
		}
	})
}
