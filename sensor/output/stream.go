package output

import (
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"tiercel.dev/alert"
)

// stream writes lines to a file that is open already: standard output or standard error. It does not own it.
//
// A reader that goes away makes writes fail with EPIPE, and the Fanout tries again like after any error. Go's runtime
// makes that error out of SIGPIPE for every descriptor but 1 and 2, for which it ends the process: main must take
// SIGPIPE away with signal.Notify.
type stream struct {
	w      io.Writer
	format Format
	color  bool
	torn   bool // the last write ended within a line
}

// NewStream makes an Output that writes lines to f. Text is coloured if f is a terminal and noColor, which main takes
// from the environment variable NO_COLOR, is not set.
func NewStream(f *os.File, format Format, noColor bool) Output {
	return &stream{w: f, format: format, color: !noColor && isTerminal(f)}
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

func (s *stream) Write(_ context.Context, a *alert.Alert) error {
	line, err := s.format.line(a, s.color)
	if err != nil {
		return err
	}
	return writeLine(s.w, line, &s.torn)
}

// writeLine writes a line whole, or remembers in torn that a part of one stands there now, which the next line must
// not be joined to.
func writeLine(w io.Writer, line []byte, torn *bool) error {
	if *torn {
		line = append([]byte{'\n'}, line...)
	}
	n, err := w.Write(line)
	if err == nil && n < len(line) {
		err = errShort
	}
	if n > 0 {
		*torn = n < len(line) && line[n-1] != '\n'
	}
	if err != nil {
		return fmt.Errorf("write %d bytes: %w", len(line), err)
	}
	return nil
}

func (s *stream) Close(context.Context) error { return nil }
