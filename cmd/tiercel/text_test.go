package main

import (
	"strings"
	"testing"
)

func TestStyle(t *testing.T) {
	if got := (style{on: true}).red("x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("on: %q", got)
	}
	if got := styleFor(new(strings.Builder)).red("x"); got != "x" {
		t.Errorf("no terminal: %q", got)
	}
}
