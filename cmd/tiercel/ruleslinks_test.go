package main

import (
	"strings"
	"testing"

	"tiercel.dev/rules"
)

const linkRules = `
lists:
  dirs: [/opt/here/sub, /usr/bin]
rules:
  - {name: usual, severity: LOW, output: x, condition: 'evt.type == "openat" && fd.name.startsWith("/var/run/secrets/")'}
  - {name: here, severity: LOW, output: x, condition: 'evt.type == "openat" && fd.directory in dirs'}
  - {name: both, severity: LOW, output: x, condition: 'evt.type == "openat" && (fd.name == "/bin/su" || fd.path == "/bin/su")'}
  - {name: resolved, severity: LOW, output: x, condition: 'evt.type == "openat" && fd.path.startsWith("/bin/")'}
  - {name: straight, severity: LOW, output: x, condition: 'evt.type == "openat" && fd.name.startsWith("/usr/bin/") && proc.name == "/bin/x"'}
  - {name: moved, severity: LOW, output: x, condition: 'evt.type == "rename" && evt.arg.newpath.startsWith("/lib64/")'}
`

func TestLinkWarnings(t *testing.T) {
	set, err := rules.Load([]rules.Source{{Name: "links.yaml", Data: []byte(linkRules)}}, rules.Options{})
	if err != nil {
		t.Fatal(err)
	}
	here := func(name string) (string, bool) { return "/srv/there", name == "/opt/here" }
	got := map[string]string{}
	for _, w := range linkWarnings(set.Rules(), here) {
		name, links, _ := strings.Cut(strings.TrimPrefix(w.Message, "rule "), " looks for a path as asked that passes through a symbolic link: ")
		got[name], _, _ = strings.Cut(links, ";")
		if w.Line == 0 {
			t.Errorf("%s: no line", name)
		}
	}
	want := map[string]string{"usual": "/var/run → /run", "here": "/opt/here → /srv/there", "moved": "/lib64 → usr/lib64"}
	for name, links := range want {
		if got[name] != links {
			t.Errorf("%s: %q, want %q", name, got[name], links)
		}
	}
	if len(got) != len(want) {
		t.Errorf("warned of %v", got)
	}
}
