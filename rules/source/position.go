package source

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Position is a place in a rule file. Line and Column count from 1, columns in characters; 0 stands for the whole file.
type Position struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
}

// An Error is one thing wrong with a file.
type Error struct {
	Position
	Message string
	// Text is the line that Position names.
	Text string
}

// Error is the position and the message, and below them the line, if it is known, with a caret under the place.
func (e *Error) Error() string {
	s := e.Position.String() + ": " + e.Message
	if e.Line == 0 || e.Text == "" {
		return s
	}
	return s + "\n" + e.Excerpt()
}

// Excerpt is the line and a caret under the place. Long lines are cut around it, unprintable characters replaced.
func (e *Error) Excerpt() string {
	const around = 100
	var line, caret strings.Builder
	column := 0
	for i, w := 0, 0; i < len(e.Text); i += w {
		var r rune
		r, w = utf8.DecodeRuneInString(e.Text[i:])
		if column++; column < e.Column-around || column > e.Column+around {
			continue
		}
		if r != '\t' && !unicode.IsPrint(r) || r == utf8.RuneError {
			r = '\ufffd'
		}
		line.WriteRune(r)
		if column < e.Column {
			if r != '\t' {
				r = ' '
			}
			caret.WriteRune(r)
		}
	}
	return "\t" + line.String() + "\n\t" + caret.String() + "^"
}

// Errors are all things wrong with what was loaded, in the order of files and places.
type Errors []*Error

func (e Errors) Error() string {
	texts := make([]string, len(e))
	for i, err := range e {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "\n")
}

// Unwrap lets errors.As find a single Error.
func (e Errors) Unwrap() []error {
	out := make([]error, len(e))
	for i, err := range e {
		out[i] = err
	}
	return out
}

// Err is the list as an error, nil if it is empty.
func (e Errors) Err() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

// Places returns the errors in err that tell where in a file they are; nil if it has none.
func Places(err error) Errors {
	var list Errors
	if errors.As(err, &list) {
		return list
	}
	var one *Error
	if errors.As(err, &one) {
		return Errors{one}
	}
	return nil
}

// Quote shows a text of a file in a message.
func Quote(s string) string {
	if len(s) > 80 {
		s = s[:77] + "…"
	}
	return fmt.Sprintf("%q", s)
}
