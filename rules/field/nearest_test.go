package field

import "testing"

// The order of candidates is that of a map: the answer must not depend on it.
func TestNearestDoesNotDependOnOrder(t *testing.T) {
	for _, candidates := range [][]string{{"fd.num", "fd.name"}, {"fd.name", "fd.num"}} {
		if got := Nearest("fd.nam", candidates); got != "fd.name" {
			t.Errorf("Nearest(fd.nam, %v) = %q, want fd.name", candidates, got)
		}
	}
}
