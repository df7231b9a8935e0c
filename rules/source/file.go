package source

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// MaxFile is the size of the largest file that is read, in bytes.
const MaxFile = 4 << 20

// A File is one file, read.
type File struct {
	Name string // for messages, and to find the file that a tests file belongs to
	Data []byte
}

// Check says why the file cannot be a rule file before anybody reads it as YAML: its size, or that it is no text.
func (f File) Check() error {
	switch {
	case len(f.Data) > MaxFile:
		return fmt.Errorf("%d bytes, more than %d", len(f.Data), MaxFile)
	case bytes.IndexByte(f.Data, 0) >= 0:
		return errors.New("not a text file")
	}
	return nil
}

// Lines are the lines of a file.
type Lines struct {
	name  string
	lines []string
}

// NewLines splits a file.
func NewLines(f File) *Lines { return &Lines{f.Name, strings.Split(string(f.Data), "\n")} }

// Line is the line of that number, from 1 on, without its end; "" if there is none.
func (l *Lines) Line(n int) string {
	if n < 1 || n > len(l.lines) {
		return ""
	}
	return strings.TrimSuffix(l.lines[n-1], "\r")
}

// Position is where a node starts; nil stands for the whole file.
func (l *Lines) Position(n *yaml.Node) Position {
	if n == nil {
		return Position{File: l.name}
	}
	return Position{l.name, n.Line, n.Column}
}

// Error says that something is wrong at a place of the file.
func (l *Lines) Error(p Position, message string) *Error {
	return &Error{Position: p, Message: message, Text: l.Line(p.Line)}
}

// SyntaxError tells what the YAML library says of the file.
func (l *Lines) SyntaxError(err error) *Error {
	p := Position{File: l.name}
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	var load *yaml.LoadError
	if errors.As(err, &load) && load.Mark.Line > 0 {
		p.Line, p.Column, message = load.Mark.Line, max(load.Mark.Column, 1), load.Message
	}
	return l.Error(p, "not YAML: "+message)
}
