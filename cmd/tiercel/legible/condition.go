// Package legible lays out what is not ours to trust, and conditions, for people to read.
package legible

import (
	"strings"
	"unicode/utf8"
)

// The functions here cut the text of conditions that the compiler has accepted; to anything else they do no harm.

// OneLine is a condition with its blanks and line breaks made single blanks, but for those in quotes.
func OneLine(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"' || c == '\'':
			n := quoted(text[i:])
			b.WriteString(text[i : i+n])
			i += n
		case strings.IndexByte(" \t\r\n", c) >= 0:
			if n := b.Len(); n > 0 && b.String()[n-1] != ' ' {
				b.WriteByte(' ')
			}
			i++
		default:
			b.WriteByte(c)
			i++
		}
	}
	return strings.TrimSpace(b.String())
}

// Layout breaks a condition at its operators, the outermost first, into lines that fit the width where they can; tail is
// what stands behind it.
func Layout(text, indent, tail string, width int) []string {
	text = strings.TrimSpace(text)
	if utf8.RuneCountInString(indent+text+tail) <= width {
		return []string{indent + text + tail}
	}
	for _, operator := range []string{"?", "||", "&&"} {
		parts := cut(text, operator)
		if len(parts) == 1 {
			continue
		}
		if operator == "?" {
			break // c ? a : b is rare and stays on its line
		}
		var lines []string
		for i, part := range parts {
			behind := " " + operator
			if i == len(parts)-1 {
				behind = tail
			}
			broken := Layout(part, indent, behind, width)
			if operator == "||" && len(broken) > 1 && len(cut(part, "&&")) > 1 {
				// Without brackets nobody sees which of the lines belong together.
				broken = Layout("("+strings.TrimSpace(part)+")", indent, behind, width)
			}
			lines = append(lines, broken...)
		}
		return lines
	}
	head := ""
	if rest, negated := strings.CutPrefix(text, "!"); negated {
		head, text = "!", rest
	}
	if strings.HasPrefix(text, "(") && strings.HasSuffix(text, ")") && enclosed(text) {
		lines := append([]string{indent + head + "("}, Layout(text[1:len(text)-1], indent+"  ", "", width)...)
		return append(lines, indent+")"+tail)
	}
	return []string{indent + head + text + tail}
}

// Conjuncts are the parts of a condition that must all be true; one with an || or ? beside them has one part, itself.
func Conjuncts(text string) []string {
	if len(cut(text, "||")) > 1 || len(cut(text, "?")) > 1 {
		return []string{text}
	}
	return cut(text, "&&")
}

// cut parts a condition at an operator that is in no brackets and no quotes.
func cut(text, operator string) []string {
	var parts []string
	start := 0
	scan(text, func(i, depth int) bool {
		if depth == 0 && i >= start && strings.HasPrefix(text[i:], operator) {
			parts = append(parts, text[start:i])
			start = i + len(operator)
		}
		return true
	})
	return append(parts, text[start:])
}

// enclosed reports whether the bracket that text starts with is closed by its last character.
func enclosed(text string) bool {
	end := -1
	scan(text, func(i, depth int) bool {
		if depth == 0 && i > 0 {
			end = i
			return false
		}
		return true
	})
	return end == len(text)-1
}

// scan calls each with every byte outside of quotes and how many brackets are open around it, its own not counted,
// until that returns false.
func scan(text string, each func(i, depth int) bool) {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '"', '\'':
			i += quoted(text[i:]) - 1
			continue
		case ')', ']':
			depth--
		}
		if !each(i, depth) {
			return
		}
		if c := text[i]; c == '(' || c == '[' {
			depth++
		}
	}
}

// quoted is the length of the text in quotes that s starts with.
func quoted(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case s[0]:
			return i + 1
		}
	}
	return len(s)
}
