package main

import (
	"io"
	"os"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// A screen is where lines go, with a line of counts below them if it is a terminal.
type screen struct {
	w     io.Writer
	live  bool
	f     *os.File // w, to ask how wide it is
	drawn string
}

// wipe goes to the line's begin and takes away what stands there.
const wipe = "\r\x1b[2K"

// print puts lines above the line of counts. Whoever does not read any more is told of it by the next write of the summary.
func (s *screen) print(text string) {
	if s.drawn == "" {
		io.WriteString(s.w, text)
		return
	}
	io.WriteString(s.w, wipe+text+s.drawn)
}

// draw has the line of counts say something else, cut to the terminal's width; "" takes it away.
func (s *screen) draw(text string) {
	if s.drawn != "" {
		io.WriteString(s.w, wipe)
	}
	s.drawn = ""
	if !s.live || text == "" {
		return
	}
	width := s.width()
	if utf8.RuneCountInString(text) >= width {
		text = string([]rune(text)[:width-1])
	}
	s.drawn = text
	io.WriteString(s.w, text)
}

func (s *screen) width() int {
	if s.f != nil {
		if size, err := unix.IoctlGetWinsize(int(s.f.Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 0 {
			return int(size.Col)
		}
	}
	return width
}
