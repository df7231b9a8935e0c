package source

import (
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// A Text is a scalar that knows where in its file each of its characters stands.
type Text struct {
	Lines *Lines
	Node  *yaml.Node
	Value string
}

// At finds the character of the text that stands so many characters from its start. What YAML folds or unescapes is
// followed back by going through the text and the file side by side; where they do not agree, the place is the scalar's.
func (t Text) At(offset int) Position {
	start := t.Lines.Position(t.Node)
	if offset == 0 && t.Node.Style&(yaml.LiteralStyle|yaml.FoldedStyle|quotedStyle) == 0 {
		return start
	}
	w := walk{file: t.Lines, line: t.Node.Line, column: t.Node.Column, style: t.Node.Style}
	w.begin()
	n := 0
	for _, r := range t.Value {
		at, ok := w.next(r)
		if !ok {
			return start
		}
		if n == offset {
			return Position{start.File, at.line, at.column}
		}
		n++
	}
	if offset >= n && n > 0 { // just behind the text
		return Position{start.File, w.line, w.column}
	}
	return start
}

// Error says that something is wrong at the character that stands so many from the text's start.
func (t Text) Error(offset int, message string) *Error { return t.Lines.Error(t.At(offset), message) }

const quotedStyle = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle

type place struct{ line, column int }

// A walk goes through a file's characters from where a scalar starts.
type walk struct {
	file         *Lines
	line, column int
	rest         string // what stands in the line from here on
	style        yaml.Style
}

// begin steps over an opening quote, or the line of a block scalar's header.
func (w *walk) begin() {
	if w.style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		w.nextLine()
		return
	}
	w.rest = w.file.Line(w.line)
	for range w.column - 1 {
		_, n := utf8.DecodeRuneInString(w.rest)
		w.rest = w.rest[n:]
	}
	if w.style&quotedStyle != 0 {
		w.step(1)
	}
}

func (w *walk) nextLine() {
	w.line, w.column = w.line+1, 1
	w.rest = w.file.Line(w.line)
}

// step goes on by so many bytes of the line.
func (w *walk) step(bytes int) {
	bytes = min(bytes, len(w.rest))
	w.column += utf8.RuneCountInString(w.rest[:bytes])
	w.rest = w.rest[bytes:]
}

// next returns the place of the text's next character, and goes behind it.
func (w *walk) next(r rune) (place, bool) {
	if r == '\n' || r == ' ' || r == '\t' {
		return w.blank(r), true
	}
	if !w.skipBlanks() {
		return place{}, false
	}
	at := place{w.line, w.column}
	got, n := utf8.DecodeRuneInString(w.rest)
	switch {
	case w.style&yaml.DoubleQuotedStyle != 0 && got == '\\':
		w.step(escapeLen(w.rest))
	case got == r:
		w.step(n)
		if w.style&yaml.SingleQuotedStyle != 0 && r == '\'' && strings.HasPrefix(w.rest, "'") {
			w.step(1)
		}
	default:
		return place{}, false
	}
	return at, true
}

// blank is a blank of the text: a blank here, an escape, or the end of a folded line.
func (w *walk) blank(r rune) place {
	at := place{w.line, w.column}
	switch {
	case w.style&yaml.DoubleQuotedStyle != 0 && strings.HasPrefix(w.rest, `\`) && w.rest != `\`:
		w.step(escapeLen(w.rest))
	case w.rest != "" && (w.rest[0] == ' ' || w.rest[0] == '\t') && r != '\n':
		w.step(1)
	}
	return at
}

// skipBlanks goes to the next character that is none, over the ends of lines.
func (w *walk) skipBlanks() bool {
	for w.line <= len(w.file.lines) {
		trimmed := strings.TrimLeft(w.rest, " \t\r")
		if w.style&yaml.DoubleQuotedStyle != 0 && trimmed == `\` {
			trimmed = "" // the line goes on below
		}
		if trimmed != "" {
			w.step(len(w.rest) - len(trimmed))
			return true
		}
		w.nextLine()
	}
	return false
}

// escapeLen is how many bytes the escape at the start of s takes.
func escapeLen(s string) int {
	n := 2
	if len(s) > 1 {
		switch s[1] {
		case 'x':
			n = 4
		case 'u':
			n = 6
		case 'U':
			n = 10
		default:
			_, w := utf8.DecodeRuneInString(s[1:])
			n = 1 + w
		}
	}
	return min(n, len(s))
}
