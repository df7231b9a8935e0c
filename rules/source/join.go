package source

import (
	"strings"
	"unicode/utf8"
)

// A Join is a text made of several that stand in files, and of words between them. Offsets into it lead back.
type Join struct {
	text  strings.Builder
	runes int // of the text
	parts []part
}

type part struct {
	start, end int // in characters of the text
	Text
}

func (j *Join) String() string { return j.text.String() }

// Word adds a text that stands in no file.
func (j *Join) Word(s string) {
	j.text.WriteString(s)
	j.runes += utf8.RuneCountInString(s)
}

// Add adds a text of a file.
func (j *Join) Add(t Text) {
	start := j.runes
	j.Word(t.Value)
	j.parts = append(j.parts, part{start, j.runes, t})
}

// AddJoin adds what another is made of.
func (j *Join) AddJoin(other *Join) {
	for _, p := range other.parts {
		j.parts = append(j.parts, part{p.start + j.runes, p.end + j.runes, p.Text})
	}
	j.Word(other.String())
}

// At finds the place of an offset in characters. Words are where the text before them ends.
func (j *Join) At(offset int) Position {
	p, offset := j.part(offset)
	return p.At(offset)
}

// AtByte is At of an offset in bytes.
func (j *Join) AtByte(offset int) Position { return j.At(j.characters(offset)) }

// ErrorAtByte is Error of an offset in bytes.
func (j *Join) ErrorAtByte(offset int, message string) *Error {
	return j.Error(j.characters(offset), message)
}

func (j *Join) characters(bytes int) int {
	return utf8.RuneCountInString(j.String()[:min(max(bytes, 0), j.text.Len())])
}

// Error says that something is wrong at an offset in characters.
func (j *Join) Error(offset int, message string) *Error {
	p, offset := j.part(offset)
	return p.Error(offset, message)
}

// part finds the text that an offset is in, and the offset into that.
func (j *Join) part(offset int) (part, int) {
	found := j.parts[0]
	for _, p := range j.parts {
		if offset >= p.start {
			found = p
		}
	}
	return found, min(offset, found.end) - found.start
}
