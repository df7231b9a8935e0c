package mail

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"tiercel.dev/alert"
)

// RepeatText is what a mail says of itself that may have been sent before.
const RepeatText = "You may have this mail already: whether the first try to send it was successful could not be found out."

// width of plain text, in characters.
const width = 76

// Text writes the plain-text part of a mail. What it is given is escaped; the zero value is ready.
type Text struct{ b strings.Builder }

// Line writes one line, however long: a command stays one.
func (t *Text) Line(format string, args ...any) {
	t.b.WriteString(strings.TrimRight(alert.Escape(fmt.Sprintf(format, args...)), " ") + "\n")
}

// Blank parts what comes from what was.
func (t *Text) Blank() { t.b.WriteString("\n") }

// Head begins a section.
func (t *Text) Head(title string) {
	t.Blank()
	t.Line("%s", strings.ToUpper(title))
	t.Line("%s", strings.Repeat("-", utf8.RuneCountInString(title)))
}

// Paragraph fills lines, each behind the indent.
func (t *Text) Paragraph(text string, indent ...string) {
	in := strings.Join(indent, "")
	column := 0
	for word := range strings.FieldsSeq(alert.Escape(text)) {
		n := utf8.RuneCountInString(word)
		switch {
		case column == 0:
			t.b.WriteString(in)
			column = len(in)
		case column+1+n > width:
			t.b.WriteString("\n" + in)
			column = len(in)
		default:
			t.b.WriteByte(' ')
			column++
		}
		t.b.WriteString(word)
		column += n
	}
	t.Blank()
}

// Row writes cells in columns of the given widths; a negative one stands to the right. The last cell may be longer.
func (t *Text) Row(widths []int, cells ...string) {
	var line strings.Builder
	for i, cell := range cells {
		cell = alert.Escape(cell)
		w := widths[i]
		pad := strings.Repeat(" ", max(max(w, -w)-utf8.RuneCountInString(cell), 0))
		if w < 0 {
			line.WriteString(pad + cell)
		} else {
			line.WriteString(cell + pad)
		}
		line.WriteString("  ")
	}
	t.b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}

func (t *Text) String() string { return strings.TrimRight(t.b.String(), "\n") + "\n" }
