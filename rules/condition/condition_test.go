package condition

import (
	"errors"
	"strings"
	"testing"

	"tiercel.dev/internal/event"
	"tiercel.dev/rules/field"
)

func testCompiler(t testing.TB) (*Compiler, *Lists) {
	t.Helper()
	dynamic := NewLists()
	c, err := NewCompiler(dynamic)
	if err != nil {
		t.Fatal(err)
	}
	err = c.DefineLists(map[string]*List{
		"shells":  {Values: TextValues([]string{"sh", "bash", "zsh", "ash", "dash", "ksh"})},
		"dirs":    {Values: TextValues([]string{"/etc/", "/boot/", "/usr/bin/"})},
		"empty":   {Values: TextValues(nil)},
		"ports":   {Of: OfInt, Values: IntValues([]int64{22, 80, 443})},
		"servers": {Dynamic: "servers", Values: TextValues([]string{"10.96.0.1"})},
		"sports":  {Of: OfInt, Dynamic: "sports", Values: IntValues([]int64{6443})},
	})
	if err != nil {
		t.Fatal(err)
	}
	issues := c.DefineMacros(map[string]string{
		"in_container": `container.id != "host"`,
		"open_write":   `evt.type in ["open", "openat", "openat2"] && evt.is_open_write && fd.num >= 0`,
		"shell_root":   `proc.name in shells && is_root`,
		"is_root":      `user.uid == 0`,
	})
	for name, found := range issues {
		if len(found) > 0 {
			t.Fatalf("macro %s: %v", name, found)
		}
	}
	return c, dynamic
}

func build(t testing.TB, values ...string) *event.Event {
	t.Helper()
	var vs []field.Value
	for i := 0; i < len(values); i += 2 {
		v := field.Value{Name: values[i], Text: values[i+1]}
		if list, ok := strings.CutPrefix(values[i+1], "list:"); ok {
			v = field.Value{Name: values[i], Texts: strings.Fields(list)}
		}
		vs = append(vs, v)
	}
	ev, err := field.Build(vs)
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

func compile(t testing.TB, c *Compiler, text string) *Condition {
	t.Helper()
	cond, issues := c.Compile(text)
	if cond == nil {
		t.Fatalf("%s: %v", text, issues)
	}
	return cond
}

func TestMatch(t *testing.T) {
	c, _ := testCompiler(t)
	shell := build(t, "evt.type", "execve", "proc.name", "bash", "proc.args", "-c id", "proc.tty", "34816", "proc.aname", "list:containerd-shim systemd",
		"container.id", "3f1b2c4d5e6f", `container.label["app"]`, "web", "k8s.ns.name", "prod", "proc.duration", "2s")
	open := build(t, "evt.type", "openat", "fd.name", "/etc/shadow", "evt.arg.flags", "O_RDWR|O_TRUNC", "proc.name", "cat")
	conn := build(t, "evt.type", "connect", "fd.sip", "10.96.0.1", "fd.sport", "443", "fd.cip", "10.0.0.7", "fd.cport", "40000", "fd.asked_ip", "10.96.0.1")
	for _, tt := range []struct {
		ev   *event.Event
		text string
		want bool
	}{
		{shell, `evt.type == "execve" && in_container && proc.name in shells && proc.tty != 0`, true},
		{shell, `shell_root && !has(proc.pcmdline) || "systemd" in proc.aname`, true},
		{shell, `proc.aname[1] == "containerd-shim" && proc.aname[2] == "systemd" && proc.aname[0] == "bash"`, true},
		{shell, `proc.aname[3] == "" && !has(proc.aname[3]) && has(proc.aname[2])`, true},
		{shell, `proc.aname.exists(a, a in shells)`, false},
		{shell, `proc.aname.exists(a, a.startsWith("sys"))`, true},
		{shell, `proc.aname.all(a, a != "bash") && proc.aname.exists_one(a, a == "systemd")`, true},
		{shell, `container.label["app"] == "web" && !has(container.label["tier"])`, true},
		{shell, `proc.duration < duration("5s") && proc.duration >= duration("2s")`, true},
		{shell, `size(proc.name) == 4 && size(proc.aname) == 2 && int("12") + 1 == 13`, true},
		{shell, `has(fd.name) || fd.name != ""`, false},
		{shell, `proc.name in empty || proc.name in []`, false},
		{open, `open_write && fd.name.startsWith(dirs) && fd.directory == "/etc" && fd.filename == "shadow"`, true},
		{open, `evt.arg.flags.contains("O_TRUNC") && evt.arg.flags == "O_RDWR|O_TRUNC"`, true},
		{open, `fd.name.pmatch(["/etc"]) && !fd.name.pmatch("/et") && fd.name.glob("/*/sh?d*")`, true},
		{open, `fd.name.icontains("SHADOW") && fd.name.basename().lower() == "shadow" && fd.name.dirname() == "/etc"`, true},
		{open, `proc.name.matches(r"^ca[t]$")`, true},
		{conn, `inCIDR(fd.sip, "10.96.0.0/12") && !inCIDR(fd.cip, ["10.96.0.0/12", "fd00::/8"])`, true},
		{conn, `inCIDR(fd.ip, ["10.0.0.0/24"]) && fd.sip in servers && fd.asked_ip == "10.96.0.1"`, true},
		{conn, `fd.sport in ports && 443 in fd.port && "10.0.0.7" in fd.ip && fd.sport in [443]`, true},
		{conn, `fd.ip.exists(a, a == "10.0.0.7") && fd.name == "10.0.0.7:40000->10.96.0.1:443"`, true},
		{conn, `fd.rip == fd.sip && fd.lip != fd.sip`, true},
		{conn, `evt.type == "execve"`, false},
	} {
		cond := compile(t, c, tt.text)
		got, err := cond.Match(tt.ev)
		if err != nil || got != tt.want {
			t.Errorf("%s: got %v, %v", tt.text, got, err)
		}
		sameAsReference(t, cond, tt.ev)
	}
}

// sameAsReference compares with cel-go's interpreter: both true, both false, or both an error. In a program the condition
// stands twice, so that all of it is shared.
func sameAsReference(t testing.TB, cond *Condition, ev *event.Event) {
	t.Helper()
	reference, err := cond.Reference()
	if err != nil {
		t.Fatalf("%s: %v", cond.Text, err)
	}
	got, gotErr := cond.Match(ev)
	want, wantErr := reference(ev)
	if got != want || (gotErr == nil) != (wantErr == nil) {
		t.Errorf("%s: got %v, %v; the reference says %v, %v", cond.Text, got, gotErr, want, wantErr)
	}
	if cond.Filter()[ev.Kind] == event.Off {
		wantErr = nil // it is not tried
	}
	is, errs := NewProgram([]*Condition{cond, cond}).verdicts(2, ev)
	for i := range is {
		if is[i] != want || (errs[i] == nil) != (wantErr == nil) {
			t.Errorf("%s: number %d in a program: got %v, %v; the reference says %v, %v", cond.Text, i, is[i], errs[i], want, wantErr)
		}
	}
}

func TestMatchErrors(t *testing.T) {
	c, _ := testCompiler(t)
	ev := build(t, "evt.type", "execve", "proc.name", "bash", "proc.tty", "0")
	for _, tt := range []struct {
		text string
		want error
		is   bool
	}{
		{`1 / proc.tty == 1`, ErrDivide, false},
		{`1 % proc.tty == 1`, ErrDivide, false},
		{`shells[99] == "sh"`, ErrIndex, false},
		{`ports[-1] == 1`, ErrIndex, false},
		{`int(proc.name) == 1`, ErrNumber, false},
		{`9223372036854775807 + 1 > proc.tty`, ErrOverflow, false},
		{`1 / proc.tty == 1 || proc.name == "bash"`, nil, true},
		{`proc.name == "sh" && 1 / proc.tty == 1`, nil, false},
		{`1 / proc.tty == 1 && proc.name == "sh"`, nil, false},
		{`1 / proc.tty == 1 && proc.name == "bash"`, ErrDivide, false},
		{`shells.exists(s, s == "zsh" || 1 / proc.tty == 1)`, nil, true},
		{`shells.all(s, s != "zsh" && 1 / proc.tty == 1)`, nil, false},
		{`shells.exists(s, s == "none" || 1 / proc.tty == 1)`, ErrDivide, false},
		{`!(1 / proc.tty == 1)`, ErrDivide, false},
		{`proc.tty == 0 ? true : 1 / proc.tty == 1`, nil, true},
		// What the kind decides, errors included.
		{`1 / 0 == 1 || proc.tty == 1`, ErrDivide, false},
		{`int(evt.type) == 1 || proc.tty == 1`, ErrNumber, false},
		{`int(evt.type) == 1 || evt.type == "execve"`, nil, true},
		{`(evt.type == "execve" || int(evt.type) == 1) && proc.tty == 0`, nil, true},
	} {
		cond := compile(t, c, tt.text)
		got, err := cond.Match(ev)
		if got != tt.is || !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, %v, want %v, %v", tt.text, got, err, tt.is, tt.want)
		}
		sameAsReference(t, cond, ev)
	}
}

func TestIssues(t *testing.T) {
	c, _ := testCompiler(t)
	for _, tt := range []struct{ text, at, message string }{
		{`proc.nam == "sh"`, "proc.nam", "unknown field proc.nam: did you mean proc.name?"},
		{`true && proc.name = "sh"`, "=", ""},
		{`proc.name in shell`, "shell", "there is no list or macro shell: did you mean shells?"},
		{`proc.tty == "x"`, "==", "== can't be applied to (int, string)"},
		{`proc.name`, "proc.name", "a condition is a bool, not string"},
		{`has(shells)`, "shells", "has takes a field"},
		{`fd.snet == "10.0.0.0/8"`, "fd.snet", `unknown field fd.snet: write inCIDR(fd.sip, ["10.0.0.0/8"])`},
		{`evt.type == "opne"`, `"opne"`, `there is no event type "opne": did you mean "open"?`},
		{`fd.sip == "10.0.0.0/8"`, `"10.0.0.0/8"`, `"10.0.0.0/8" is no address; for networks write inCIDR(…)`},
		{`fd.sip in ["2001:DB8::1"]`, `"2001:DB8::1"`, `addresses are compared in their canonical form: write "2001:db8::1"`},
		{`inCIDR(fd.sip, "10.0.0/8")`, `"10.0.0/8"`, `"10.0.0/8" is no network: write 10.0.0.0/8`},
		{`proc.name.matches("(")`, `"("`, "error parsing regexp: missing closing ): `(`"},
		{`proc.name.matches(proc.exe)`, "proc.exe", "matches takes a constant"},
		{`container.label == "x"`, "container.label", `wrong key: container.label needs one: container.label["name"]`},
		{`proc.aname[proc.tty] == "x"`, "proc.tty", "the key is not a constant"},
		{`proc.aname["x"] == "x"`, `"x"`, "wrong key: proc.aname takes a number: proc.aname[2]"},
		{`proc.aname.exists(shells, true)`, "(", ""},
		{`{"a": 1} == {"a": 1}`, "{", "maps and messages are not part of the language"},
		{`1.5 < 2.0`, "1.5", "double values are not part of the language"},
		{`proc.name.foo()`, "(", "unknown function foo"},
		{`proc.duration > duration("five")`, `"five"`, `"five" is no duration: write 5s, 10m, 1h30m`},
		{"", "", "the condition is empty"},
		{strings.Repeat("(", 1000), "", ""},
		{strings.Repeat("!", 1000) + "true", "", ""},
	} {
		cond, issues := c.Compile(tt.text)
		if cond != nil || len(issues) == 0 {
			t.Errorf("%s: compiled", tt.text)
			continue
		}
		if tt.message != "" && issues[0].Message != tt.message {
			t.Errorf("%s: got %q, want %q", tt.text, issues[0].Message, tt.message)
		}
		if got, want := issues[0].Offset, strings.Index(tt.text, tt.at); tt.at != "" && got != want {
			t.Errorf("%s: points to %q, want %q", tt.text, tt.text[got:], tt.at)
		}
	}
}
