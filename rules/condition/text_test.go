package condition

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestGlob(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "a/b", true}, {"?", "/", true}, {"?", "", false}, {"?", "é", true},
		{"/home/*/.ssh/*", "/home/u/x/.ssh/id", true}, {"*a*b", "xaybzb", true}, {"*a*b", "xaybz", false}, {"a*", "ba", false},
		{"[a-c]x", "bx", true}, {"[!a-c]x", "bx", false}, {"[^a-c]x", "dx", true}, {"[]a]", "]", true}, {"[a-]", "-", true}, {"[a", "[a", true},
		{"[", "[", true}, {`\*`, "*", true}, {`\*`, "a", false}, {`a\`, `a\`, true}, {`[\]]`, "]", true}, {"\xff*", "\xffa", true}, {"\xff", "\xfe", false},
		{strings.Repeat("*a", 50) + "b", strings.Repeat("a", 4000), false},
	} {
		if got := Glob(tt.pattern, tt.text); got != tt.want {
			t.Errorf("Glob(%q, %.20q) is %v", tt.pattern, tt.text, got)
		}
	}
}

func TestPmatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, path string
		want          bool
	}{
		{"/etc", "/etc", true}, {"/etc", "/etc/shadow", true}, {"/etc", "/etcd", false}, {"/etc/", "/etc/shadow", true}, {"/etc/shadow", "/etc", false},
		{"/", "/x", true}, {"/", "", false}, {"", "/x", false}, {"etc", "/etc", false}, {"/home/*/.ssh", "/home/u/.ssh/id", true},
		{"/home/*/.ssh", "/home/u/v/.ssh/id", false}, {"/proc/[0-9]*", "/proc/12/environ", true}, {"/etc", "//etc/x", true},
	} {
		if got := pmatch(tt.pattern, tt.path); got != tt.want {
			t.Errorf("pmatch(%q, %q) is %v", tt.pattern, tt.path, got)
		}
	}
}

func TestFold(t *testing.T) {
	if !containsFold("xPaSSwd", "passw") || containsFold("pass", "passw") || !containsFold("", "") || containsFold("Ä", "ä") {
		t.Error("containsFold folds other than ASCII letters, or not these")
	}
	if got := Lower("ABÄz@[`"); got != "abÄz@[`" {
		t.Errorf("lower: %q", got)
	}
}

func TestInNet(t *testing.T) {
	for _, tt := range []struct {
		addr, network string
		want          bool
	}{
		{"10.1.2.3", "10.0.0.0/8", true}, {"11.1.2.3", "10.0.0.0/8", false}, {"10.1.2.3", "10.1.2.3", true}, {"10.1.2.3", "10.9.9.9/8", true},
		{"2001:db8::1", "2001:db8::/32", true}, {"10.1.2.3", "::/0", false}, {"", "0.0.0.0/0", false}, {"x", "0.0.0.0/0", false}, {"10.1.2.3", "x", false},
	} {
		if got := inNet(tt.addr, tt.network); got != tt.want {
			t.Errorf("inNet(%q, %q) is %v", tt.addr, tt.network, got)
		}
	}
}

// FuzzCompile asserts that any text is a condition or issues within it, and that a condition agrees with the reference.
func FuzzCompile(f *testing.F) {
	for _, text := range []string{`proc.name in shells && fd.name.startsWith(dirs)`, `proc.aname.exists(a, a in shells && a.glob("*"))`, `has(container.label["x"]) ? 1 / proc.tty == 1 : open_write`,
		`inCIDR(fd.ip, ["10.0.0.0/8"]) || proc.duration > duration("1s")`, `[1, 2][proc.tty] == 1`, "\"\\u00e9\" == r'x' // c\n|| true", `b"a" == b"a"`, `type(1) == int`, `proc.?name`, `evt{}`} {
		f.Add(text)
	}
	c, _ := testCompiler(f)
	ev := build(f, "evt.type", "openat", "fd.name", "/etc/shadow", "proc.name", "bash", "proc.tty", "1")
	f.Fuzz(func(t *testing.T, text string) {
		cond, issues := c.Compile(text)
		if cond == nil {
			if len(issues) == 0 {
				t.Fatal("refused without an issue")
			}
			for _, i := range issues {
				if i.Message == "" || i.Offset < 0 || i.Offset > len(text)+1 {
					t.Fatalf("%+v", i)
				}
			}
			return
		}
		cond.Filter()
		cond.Expanded()
		sameAsReference(t, cond, ev)
	})
}

// TestLanguage pins what conditions may say: a word less breaks rules that are in use.
func TestLanguage(t *testing.T) {
	c, _ := testCompiler(t)
	for _, f := range Functions() {
		for _, use := range f.Uses {
			cond, issues := c.Compile(use)
			for _, is := range []string{`"" == `, "0 == "} { // what is no condition becomes one
				if cond == nil {
					cond, issues = c.Compile(is + use)
				}
			}
			if cond == nil {
				t.Errorf("%s: %v", use, issues)
			}
		}
	}
}

// TestFoldFinderFindsWhatContainsFoldDoes takes texts of few letters, in which words are often nearly found.
func TestFoldFinderFindsWhatContainsFoldDoes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := func(n int) string {
		b := make([]byte, random.IntN(n))
		for i := range b {
			b[i] = "aAbB_ \xff"[random.IntN(7)]
		}
		return string(b)
	}
	found := 0
	for range 20_000 {
		s, sub := text(20), text(5)
		want := containsFold(s, sub)
		if got := newFoldFinder(sub).in(s); got != want {
			t.Fatalf("%q in %q: %v", sub, s, got)
		}
		if want {
			found++
		}
	}
	if found < 1000 || found > 19_000 {
		t.Errorf("%d of 20000 found: the texts try little", found)
	}
}

func BenchmarkFoldFinder(b *testing.B) {
	f, s := newFoldFinder("HTTP_PROXY"), strings.Repeat("KUBERNETES_SERVICE_HOST=10.96.0.1 ", 30)
	for b.Loop() {
		if f.in(s) {
			b.Fatal("found")
		}
	}
}
