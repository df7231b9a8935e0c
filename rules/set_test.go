package rules

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/internal/event"
	"tiercel.dev/rules/condition"
	"tiercel.dev/rules/field"
)

func testEvent(t testing.TB, values ...string) *event.Event {
	t.Helper()
	var vs []field.Value
	for i := 0; i < len(values); i += 2 {
		vs = append(vs, field.Value{Name: values[i], Text: values[i+1]})
	}
	ev, err := field.Build(vs)
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

func fired(s *Set, ev *event.Event) string {
	var names []string
	s.Match(ev, func(r *Rule) { names = append(names, r.Name) })
	return strings.Join(names, " ")
}

func TestFilter(t *testing.T) {
	// ! is for containers alone, + for every message, = for what messages carry.
	kinds := func(types ...string) (f event.Filter) {
		for _, name := range types {
			base := strings.TrimRight(name, "!+=")
			for k := range event.KindsOf(base).All() {
				f[k] = event.All
				if strings.Contains(name, "!") {
					f[k] = event.ContainersOnly
				}
				if strings.Contains(name, "+") {
					f[k] |= event.EveryMessage
				}
				if strings.Contains(name, "=") {
					f[k] |= event.Data
				}
			}
		}
		return f
	}
	all := event.FilterOf(event.AllKinds()).Union(kinds("sendto+", "sendmsg+", "sendmmsg+", "recvfrom+", "recvmsg+", "recvmmsg+"))
	for _, tt := range []struct {
		condition string
		want      event.Filter
	}{
		{`evt.type == "connect"`, kinds("connect")},
		{`evt.type in ["open", "openat"]`, kinds("open", "openat")},
		{`evt.type in opens && proc.name == "x"`, kinds("open", "openat")},
		{`!(evt.type != "bpf" || proc.name == "x")`, kinds("bpf")},
		{`evt.type == "bpf" || (evt.type == "bind" && proc.name == "x")`, kinds("bpf", "bind")},
		{`evt.type == "bpf" && evt.type == "bind"`, kinds()},
		{`evt.type.startsWith("accept")`, kinds("accept", "accept4")},
		{`"dup2" == evt.type`, kinds("dup2")},
		{`evt.is_open_write && fd.num >= 0`, kinds("open", "openat", "openat2", "open_by_handle_at")},
		{`evt.arg.request.contains("ATTACH")`, kinds("ptrace")},
		{`has(evt.arg.newpath)`, kinds("rename", "renameat", "renameat2", "link", "linkat")},
		{`proc.name == "x"`, all},
		{`evt.type == "bpf" && in_container`, kinds("bpf!")},
		{`evt.type == "bpf" && container.id != "host"`, kinds("bpf!")},
		{`evt.type == "bpf" && !(container.id == "host")`, kinds("bpf!")},
		{`evt.type == "bpf" && has(k8s.pod.name)`, kinds("bpf!")},
		{`evt.type == "bpf" && k8s.ns.name == "prod"`, kinds("bpf!")},
		{`evt.type == "bpf" && k8s.ns.name != "prod"`, kinds("bpf")},
		{`evt.type == "bpf" && container.privileged`, kinds("bpf!")},
		{`evt.type == "bpf" && container.image.repository.endsWith("/x")`, kinds("bpf!")},
		{`evt.type == "bpf" && (in_container || proc.name == "x")`, kinds("bpf")},
		{`(evt.type == "bpf" && in_container) || evt.type == "bind"`, kinds("bpf!", "bind")},
		{`evt.type == "bpf" ? in_container : evt.type == "bind"`, kinds("bpf!", "bind")},
		{`evt.type == "bpf" && container.id in filled`, kinds("bpf")}, // its values may change
		{`evt.type == "bpf" && container.start_ts == 0`, kinds("bpf")},
		{`false`, kinds()},
		{`evt.type == "sendto" && fd.name_changed`, kinds("sendto")},
		{`evt.type == "connect" || (evt.type in ["sendto", "sendmsg"] && fd.l4proto != "tcp" && !fd.connected && fd.name_changed)`,
			kinds("connect", "sendto", "sendmsg")},
		{`evt.type in ["connect", "sendto", "sendmsg"] && fd.sport == 3333`, kinds("connect", "sendto+", "sendmsg+")},
		{`evt.type == "sendto" && !fd.name_changed && in_container`, kinds("sendto!+")},
		{`evt.type == "sendto" && has(fd.name_changed)`, kinds("sendto+")},
		{`evt.type == "sendto" && (fd.name_changed || evt.failed)`, kinds("sendto+")},
		{`evt.type in ["recvfrom", "recvmsg"] && fd.passed_count > 0 && proc.name == "x"`, kinds("recvmsg")},
		{`fd.passed.exists(p, p.startsWith("/etc/"))`, kinds("recvmsg", "recvmmsg")},
		{`fd.passed_foreign && in_container`, kinds("recvmsg!", "recvmmsg!")},
		{`evt.type == "recvfrom" && evt.buffer.startsWith("x")`, kinds("recvfrom+=")},
		{`evt.type == "sendto" && fd.name_changed && evt.arg.data.contains("login")`, kinds("sendto=")},
	} {
		s, err := load(t, Options{}, "lists: {opens: [open, openat], filled: {from: filled}}\nmacros: {in_container: container.id != \"host\"}\nrules:\n"+rule("r", tt.condition))
		if err != nil {
			t.Errorf("%s: %v", tt.condition, err)
			continue
		}
		if diff := cmp.Diff(s.Filter(), tt.want); diff != "" {
			t.Errorf("%s: -got +want\n%s", tt.condition, diff)
		}
	}
}

func TestSetFilterIsTheUnion(t *testing.T) {
	s := mustLoad(t, Options{}, "rules:\n"+rule("a", `evt.type == "bpf" && container.id != "host"`)+rule("b", `evt.type == "bpf"`)+
		rule("c", `evt.type == "bind" && container.id != "host"`)+"- {name: d, enabled: false, severity: LOW, output: x, condition: evt.type == \"mount\"}\n")
	want := event.Filter{event.Bpf: event.All, event.Bind: event.ContainersOnly}
	if got := s.Filter(); got != want {
		t.Errorf("got %v", got)
	}
}

func TestNeedsMetadata(t *testing.T) {
	s := mustLoad(t, Options{}, "rules:\n"+rule("a", `evt.type == "bpf" && container.image.repository == "x"`)+rule("b", `evt.type == "bind" && container.id != "host"`)+
		"- {name: c, severity: LOW, output: '{k8s.pod.name}', condition: evt.type == \"mount\"}\n")
	for k, want := range map[event.Kind]bool{event.Bpf: true, event.Bind: false, event.Mount: true, event.Open: false} {
		if s.NeedsMetadata(k) != want {
			t.Errorf("%v: got %v", k, !want)
		}
	}
}

func TestMatchErrorsAreToldAndCounted(t *testing.T) {
	s := mustLoad(t, Options{}, "rules:\n"+rule("bad", `evt.type == "bpf" && 1 / proc.tty == 1`)+rule("good", `evt.type == "bpf"`))
	var told []string
	s.OnError = func(r *Rule, err error) {
		if !errors.Is(err, condition.ErrDivide) {
			t.Errorf("got %v", err)
		}
		told = append(told, r.Name)
	}
	ev := testEvent(t, "evt.type", "bpf")
	if got := fired(s, ev); got != "good" || strings.Join(told, " ") != "bad" || s.Rule("bad").Errors() != 1 || s.Rule("good").Errors() != 0 {
		t.Errorf("fired %q, told %v, counted %d", got, told, s.Rule("bad").Errors())
	}
}

func TestAllThatMatchFire(t *testing.T) {
	files := "rules:\n" + rule("none", `evt.type == "bind"`) + rule("first", `evt.type == "bpf"`) + rule("second", `evt.type == "bpf"`)
	ev := testEvent(t, "evt.type", "bpf")
	if got := fired(mustLoad(t, Options{}, files), ev); got != "first second" {
		t.Errorf("fired %q", got)
	}
}

func TestDynamicLists(t *testing.T) {
	lists := NewLists()
	s := mustLoad(t, Options{Lists: lists}, `
lists:
  servers: {from: api, default: [10.0.0.1]}
  ports: {from: ports, of: int, default: [443]}
rules:
  - {name: r, severity: LOW, output: x, condition: 'evt.type == "connect" && fd.sip in servers && fd.sport in ports && inCIDR(fd.sip, servers)'}
`)
	match := func(ip, port string) bool {
		return fired(s, testEvent(t, "evt.type", "connect", "fd.sip", ip, "fd.sport", port)) == "r"
	}
	if !match("10.0.0.1", "443") || match("2001:db8::1", "443") {
		t.Error("the defaults do not hold")
	}
	lists.SetTexts("api", []string{"2001:DB8::1"}) // not in canonical form
	lists.SetInts("ports", []int64{6443})
	if match("10.0.0.1", "443") || !match("2001:db8::1", "6443") {
		t.Error("new values do not hold")
	}
	lists.Reset("api")
	lists.Reset("ports")
	if !match("10.0.0.1", "443") {
		t.Error("the defaults do not hold again")
	}
}

func TestHash(t *testing.T) {
	file := func(list, condition string) string {
		return "lists: {shells: [" + list + "]}\nmacros: {m: proc.name in shells}\nrules:\n" + rule("r", condition)
	}
	base := mustLoad(t, Options{}, file("sh, bash", "m")).Hash()
	for name, tt := range map[string]struct {
		file string
		same bool
	}{
		"again":              {file("sh, bash", "m"), true},
		"comment":            {"# a\n" + file("sh, bash", "m"), true},
		"macro in place":     {file("sh, bash", "proc.name in shells"), true},
		"other list":         {file("sh", "m"), false},
		"other condition":    {file("sh, bash", "!m"), false},
		"another rule":       {file("sh, bash", "m") + rule("s", "m"), false},
		"disabled rule more": {file("sh, bash", "m") + "- {name: s, severity: LOW, output: x, enabled: false, condition: m}\n", true},
	} {
		if got := mustLoad(t, Options{}, tt.file).Hash() == base; got != tt.same {
			t.Errorf("%s: equal is %v", name, got)
		}
	}
}

// TestHashCoversMacros changes a macro alone: one with a loop, and one that is named inside another's loop.
func TestHashCoversMacros(t *testing.T) {
	hash := func(loop, inner string) string {
		return mustLoad(t, Options{}, "macros:\n  outer: proc.aname.exists(a, a == "+loop+" && inner)\n  inner: proc.tty == "+inner+"\nrules:\n"+
			rule("r", `evt.type == "bpf" && outer`)).Hash()
	}
	base := hash(`"sh"`, "0")
	if hash(`"sh"`, "0") != base {
		t.Error("the same rules differ")
	}
	if hash(`"bash"`, "0") == base {
		t.Error("a change of the loop makes no difference")
	}
	if hash(`"sh"`, "1") == base {
		t.Error("a change inside the loop makes no difference")
	}
}

func TestOutput(t *testing.T) {
	ev := testEvent(t, "evt.type", "openat", "fd.name", "/tmp/a\nb\x1b[31m\xff\\", "proc.name", `q"`, "proc.args", "é", `container.label["a}|b"]`, "v")
	for _, tt := range []struct{ output, want string }{
		{"{fd.name}", `/tmp/a\nb\x1b[31m\xff\\`},
		{"{proc.cmdline} {{x}} {fd.num}", `q" é {x} 3`},
		{"{proc.pname} {evt.is_open_read}", "<NA> true"},
		{"{proc.pname|fd.sip|proc.name}!", `q"!`},
		{`{container.label["a}|b"]}`, "v"},
		{"no fields", "no fields"},
	} {
		out := parseTemplate(tt.output, func(at int, m string) { t.Errorf("%s: %d: %s", tt.output, at, m) })
		if got := out.render(ev); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.output, got, tt.want)
		}
	}
}

func TestRuleFields(t *testing.T) {
	s := mustLoad(t, Options{}, "rules:\n- {name: r, severity: LOW, condition: evt.type == \"execve\", output: '{proc.name} {proc.pid} {proc.aname} {proc.pname} {evt.failed} {proc.duration} {proc.name}'}\n")
	ev, err := field.Build([]field.Value{{Name: "evt.type", Text: "execve"}, {Name: "proc.name", Text: "a\nb"}, {Name: "proc.pid", Text: "7"},
		{Name: "proc.aname", Texts: []string{"x", "y"}}, {Name: "proc.duration", Text: "2s"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []Field{{"proc.name", "a\nb"}, {"proc.pid", int64(7)}, {"proc.aname", []string{"x", "y"}}, {"proc.pname", "x"}, {"evt.failed", false}, {"proc.duration", "2s"}}
	if diff := cmp.Diff(s.Rules()[0].Fields(ev), want); diff != "" {
		t.Error(diff)
	}
}

func TestWarnings(t *testing.T) {
	s := mustLoad(t, Options{}, "lists: {types: [open, opne]}\nrules:\n"+rule("a", `proc.name == "x"`)+rule("b", `evt.type == "bpf" && fd.sip == "10.0.0.1"`)+
		rule("c", `evt.type == "bpf" && evt.type == "bind"`)+rule("d", `evt.type in types`))
	var got []string
	for _, w := range s.Warnings() {
		got = append(got, w.Position.String()+" "+w.Message)
	}
	want := []string{
		`a.yaml:3:51 rule "a" is tried on every event: its condition does not say which evt.type it is about`,
		`a.yaml:4:51 fd.sip has no value in any event that rule "b" can match`,
		`a.yaml:5:51 rule "c" can match no event`,
		`a.yaml:6:63 there is no event type "opne": did you mean "open"?`,
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Error(diff)
	}
}

func TestUnknownKind(t *testing.T) {
	s := mustLoad(t, Options{}, "rules:\n"+rule("a", "true"))
	if got := fired(s, &event.Event{Kind: 200}); got != "" || s.NeedsMetadata(200) {
		t.Errorf("fired %q", got)
	}
}
