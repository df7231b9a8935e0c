package main

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// width is how wide text is filled for reading, where the terminal does not say.
const width = 100

// maxWidth is how wide it is filled on wide ones, since longer lines are hard to read.
const maxWidth = 120

// widthOf is how wide text for w is filled.
func widthOf(w io.Writer) int {
	return min(max((&screen{f: terminalOf(w)}).width(), 60), maxWidth)
}

// A style colours words on a terminal, and nowhere else.
type style struct{ on bool }

// styleFor honours NO_COLOR (no-color.org) and terminals that cannot.
func styleFor(w io.Writer) style {
	return style{on: terminalOf(w) != nil && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// terminalOf is w if that is a terminal, else nil.
func terminalOf(w io.Writer) *os.File {
	f, ok := w.(*os.File)
	if !ok {
		return nil
	}
	if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err != nil {
		return nil
	}
	return f
}

func (s style) red(text string) string   { return s.paint("31", text) }
func (s style) green(text string) string { return s.paint("32", text) }
func (s style) bold(text string) string  { return s.paint("1", text) }
func (s style) dim(text string) string   { return s.paint("2", text) }

// severity paints text in that severity's colour, of the terminal's own sixteen, so that it fits its background.
func (s style) severity(name, text string) string {
	code := map[string]string{"LOW": "36", "MEDIUM": "33", "HIGH": "31", "CRITICAL": "1;97;41"}[name]
	if code == "" {
		return text
	}
	return s.paint(code, text)
}

func (s style) paint(code, text string) string {
	if !s.on {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
