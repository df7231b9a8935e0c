package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestScreen(t *testing.T) {
	const written = "Script started on today\r\npage\r\n\x1b[1mbold\x1b[0m <b> é\r\n12 events/s\r\x1b[2K\x1b[31mHIGH\x1b[0m\n3 events/s\x1b["
	want := [][]span{{{"", "page"}}, {{"s1", "bold"}, {"s0", " <b> é"}}, {{"s31", "HIGH"}}, {{"s0", "3 events/s"}}}
	if diff := cmp.Diff(want, trimmed(screen(written))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
