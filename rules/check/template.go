package check

import (
	"strings"
	"unicode/utf8"

	"tiercel.dev/rules/source"
)

// A template is text with expressions in braces.
type template struct {
	parts []part
}

type part struct {
	text  string
	value *expression // instead of text
}

// template reads a scalar: {expression} stands for a value, {{ for a brace.
func (c *compiler) template(f *source.Reader, at source.Text) *template {
	t, text := &template{}, at.Value
	var plain strings.Builder
	flush := func() {
		if plain.Len() > 0 {
			t.parts = append(t.parts, part{text: plain.String()})
			plain.Reset()
		}
	}
	for i := 0; i < len(text); {
		switch {
		case strings.HasPrefix(text[i:], "{{") || strings.HasPrefix(text[i:], "}}"):
			plain.WriteByte(text[i])
			i += 2
		case text[i] == '{':
			end := closing(text[i:])
			if end < 0 {
				f.Add(at.Error(utf8.RuneCountInString(text[:i]), "the brace is not closed; {{ stands for one"))
				return t
			}
			flush()
			inner := text[i+1 : i+end]
			if e := c.expression(f, at, utf8.RuneCountInString(text[:i+1]), inner); e != nil {
				t.parts = append(t.parts, part{value: e})
			}
			i += end + 1
		default:
			plain.WriteByte(text[i])
			i++
		}
	}
	flush()
	return t
}

// closing is where the brace that opens a text is closed; braces in quotes and in pairs do not count. -1 if nowhere.
func closing(text string) int {
	depth, quote := 0, byte(0)
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case quote != 0:
			if b == '\\' {
				i++
			} else if b == quote {
				quote = 0
			}
		case b == '"' || b == '\'':
			quote = b
		case b == '{':
			depth++
		case b == '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// sets are those whose items the template reads.
func (t *template) sets() []string {
	var sets []string
	for _, p := range t.parts {
		if p.value != nil {
			sets = append(sets, p.value.sets...)
		}
	}
	return sets
}
