package cloudlog

import (
	"bytes"
	"io"

	"tiercel.dev/alert"
)

// printable writes what has a line each. JSON escapes control characters of ASCII alone; here those beyond it are escaped too, and
// marks of text direction, since errors quote what programs and clusters call themselves, and somebody reads logs on a terminal.
type printable struct{ to io.Writer }

func (p printable) Write(line []byte) (int, error) {
	text, found := bytes.CutSuffix(line, []byte("\n"))
	out := alert.EscapeJSON(text)
	if found {
		out = append(bytes.Clone(out), '\n')
	}
	if _, err := p.to.Write(out); err != nil {
		return 0, err
	}
	return len(line), nil
}
