package posture

import (
	"os/exec"
	"testing"
)

// What a shell makes of a quoted word is the word.
func TestQuote(t *testing.T) {
	for _, word := range []string{"shop", "projects/p/locations/l", "a b", "it's", "$(id)", "`id`", "", "ü;rm -rf", "\\"} {
		out, err := exec.Command("sh", "-c", "printf %s "+Quote(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q: %s gave %q, %v", word, Quote(word), out, err)
		}
	}
	if got := Quote("a\x1b[2J\nb"); got != "'a[2Jb'" {
		t.Errorf("%q", got)
	}
	if Quote("shop-1") != "shop-1" {
		t.Error("a plain name is quoted")
	}
}
