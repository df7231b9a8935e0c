package condition

import (
	"slices"
	"strings"
	"testing"
)

// FuzzPatternSet compares sets with their patterns tried one by one.
func FuzzPatternSet(f *testing.F) {
	f.Add("/etc /home/*/.ssh /proc/[0-9]*/ / a//b /x\\\\y", "/home/u/.ssh/id")
	f.Add("/etc/ /usr//lib /a/b", "//etc//shadow")
	f.Add("* a*b ? /etc/ssh_*_key", "/etc/ssh_host_key")
	f.Add("etc //etc", "etc/x/")
	f.Fuzz(func(t *testing.T, list, s string) {
		patterns := strings.Split(list, " ")
		for _, name := range []string{"glob", "pmatch"} {
			want := slices.ContainsFunc(patterns, func(p string) bool { return textTests[name](s, p) })
			if got := newPatternSet(name, patterns).any(s); got != want {
				t.Fatalf("%q.%s(%q): %v", s, name, patterns, got)
			}
			for _, p := range patterns {
				if got := newPatternSet(name, []string{p}).any(s); got != textTests[name](s, p) {
					t.Fatalf("%q.%s(%q): %v", s, name, p, got)
				}
			}
		}
	})
}
