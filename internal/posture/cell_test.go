package posture

import (
	"strings"
	"testing"
	"unicode"

	"tiercel.dev/alert"
)

// No cell begins as a formula does, also behind what spreadsheets take away; none moves a terminal's cursor; and all other text is as
// it was.
func FuzzCell(f *testing.F) {
	for _, s := range []string{"=1+1", " =1", "\t=1", "\f=1", "\u2003-1", "\uff1d1", "'=1", "plain", "", "\"=1", "@SUM(1)", "-1", "+1", "a=b", "\x1b[2J"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Cell(s)
		if shown := alert.Escape(s); strings.TrimPrefix(got, "'") != shown && got != shown {
			t.Fatalf("%q became %q", s, got)
		}
		if looks := strings.TrimSpace(got); looks != "" && strings.ContainsRune("=+-@", rune(looks[0])) {
			t.Fatalf("%q is a formula", got)
		}
		if i := strings.IndexFunc(got, unicode.IsControl); i >= 0 {
			t.Fatalf("%q has a control character at %d", got, i)
		}
	})
}
