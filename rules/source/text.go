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

type place struct{ line, column int }

// A walk goes through a file's characters from where a scalar starts.
type walk struct {
	file         *Lines
	line, column int
	style        yaml.Style
}

// begin steps over an opening quote, or the line of a block scalar's header.
func (w *walk) begin() {
	switch {
	case w.style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		w.line, w.column = w.line+1, 1
	case w.style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		w.column++
	}
}

// rest is what stands in the line from here on.
func (w *walk) rest() string {
	line := w.file.Line(w.line)
	for range w.column - 1 {
		_, n := utf8.DecodeRuneInString(line)
		line = line[n:]
	}
	return line
}

// next returns the place of the text's next character, and goes behind it.
func (w *walk) next(r rune) (place, bool) {
	if r == '\n' || r == ' ' || r == '\t' {
		return w.blank(r)
	}
	if !w.skipBlanks() {
		return place{}, false
	}
	at := place{w.line, w.column}
	rest := w.rest()
	got, n := utf8.DecodeRuneInString(rest)
	switch {
	case w.style&yaml.DoubleQuotedStyle != 0 && got == '\\':
		w.column += utf8.RuneCountInString(rest[:escapeLen(rest)])
	case got == r:
		w.column++
		if w.style&yaml.SingleQuotedStyle != 0 && r == '\'' && strings.HasPrefix(rest[n:], "'") {
			w.column++
		}
	default:
		return place{}, false
	}
	return at, true
}

// blank is a blank of the text: a blank here, an escape, or the end of a folded line.
func (w *walk) blank(r rune) (place, bool) {
	at := place{w.line, w.column}
	rest := w.rest()
	switch {
	case w.style&yaml.DoubleQuotedStyle != 0 && strings.HasPrefix(rest, `\`) && rest != `\`:
		w.column += utf8.RuneCountInString(rest[:escapeLen(rest)])
	case rest != "" && (rest[0] == ' ' || rest[0] == '\t') && r != '\n':
		w.column++
	}
	return at, true
}

// skipBlanks goes to the next character that is none, over the ends of lines.
func (w *walk) skipBlanks() bool {
	for w.line <= len(w.file.lines) {
		rest := w.rest()
		trimmed := strings.TrimLeft(rest, " \t\r")
		if w.style&yaml.DoubleQuotedStyle != 0 && trimmed == `\` {
			trimmed = "" // the line goes on below
		}
		if trimmed != "" {
			w.column += len(rest) - len(trimmed)
			return true
		}
		w.line, w.column = w.line+1, 1
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
