package redact

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMerged(t *testing.T) {
	for _, tt := range []struct{ in, want []span }{
		{in: []span{{3, 5}, {0, 2}}, want: []span{{0, 2}, {3, 5}}},
		{in: []span{{0, 4}, {2, 6}}, want: []span{{0, 6}}},
		{in: []span{{0, 2}, {2, 4}}, want: []span{{0, 4}}},
		{in: []span{{0, 9}, {2, 4}, {0, 1}}, want: []span{{0, 9}}},
		{in: []span{{1, 2}}, want: []span{{1, 2}}},
	} {
		if d := cmp.Diff(tt.want, merged(tt.in), cmp.AllowUnexported(span{})); d != "" {
			t.Error(d)
		}
	}
}

// A replaced secret can make what stands around it one: that is found at once, and not only by who redacts again.
func TestSettles(t *testing.T) {
	if got, n := Text("auth=://u:p@"); got != "auth=[redacted]" || n != 2 {
		t.Errorf("got %q, %d", got, n)
	}
	if got, n := Args("", []string{"auth=://u:p@"}); got[0] != "auth=[redacted]" || n != 2 {
		t.Errorf("got %q, %d", got, n)
	}
}

// A text that would never settle is replaced as a whole.
func TestNeverSettles(t *testing.T) {
	got, n := settle("abc", func(s string) []span {
		if s == Mark {
			return nil
		}
		return []span{{0, 1}}
	})
	if got != Mark || n != maxPasses+1 {
		t.Errorf("got %q, %d", got, n)
	}
}
