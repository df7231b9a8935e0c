package falcoimport

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tiercel.dev/internal/event"
	"tiercel.dev/rules"
	"tiercel.dev/rules/field"
)

// base and local are two files that have every construct of Falco's language of files between them.
const base = `# Copyright of the file.

# What it needs.
- required_engine_version: 0.57.0

# The shells.
- list: shells
  items: [bash, "sh", 'a b', "yes", 12, "0x1f", '"it''s"']
- list: more_shells
  items: [shells, zsh] # and zsh
- list: Empty-List
  items: []
- list: ports
  items: [22, 443]
- list: hosts
  items: [a.example, b.example]
- list: nets
  items: ['"10.0.0.0/8"', '"192.168.0.0/16"']

# A process was started.
- macro: spawned_process
  condition: evt.type in (execve, execveat)
- macro: open_read
  condition: evt.type in (open, openat) and evt.is_open_read=true and fd.num>=0
- macro: never_true
  condition: (evt.num=0)
- macro: known
  condition: (never_true)
- macro: in
  condition: container.id != host or proc.pname exists

- rule: Shell, started
  desc: >
    A shell
    was started: {by somebody}
  condition: spawned_process and proc.name in (more_shells) and not known and not proc.pname in (Empty-List)
  output: Shell %proc.name by %20user.name | {x} 100%% %tolower(proc.name) %proc.aname[2] gone=%proc.pname
  priority: WARNING
  tags: [host, mitre_execution, T1059.004, "two words"]
- rule: shell started
  desc: the same name as a native rule
  condition: spawned_process and (proc.cmdline contains "\"x\" && (" or proc.args glob '*[a-c]\\*' or proc.name startswith \ )
  output: x
  priority: emergency
- rule: Read
  # within the rule
  desc: d
  condition: >
    open_read and (fd.name pmatch (/etc, /root/.ssh) or fd.directory = /tmp or fd.filename in (passwd, shadow) or fd.name endswith .pem)
    and not user.name != root and tolower(proc.name) != cat and proc.aname in (shells)
  output: read %fd.name
  priority: NOTICE
  enabled: false
  exceptions:
    - name: programs
      fields: [proc.name, fd.name]
      comps: [=, startswith]
      values: [[vi, /etc/passwd], [sed, /tmp]]
    - name: parents
      fields: proc.pname
      values: [make, cron]
- rule: Connect
  desc: d
  condition: evt.type = connect and (fd.sport in (ports) or fd.sport = "80" or fd.sip.name in (hosts) or fd.sip.name = c.example or not fd.snet in (nets)) and (in)
  output: connect %fd.name
  priority: INFO
`

const local = `- list: shells
  items: [fish]
  append: true
- macro: known
  condition: (proc.name = dash)
- macro: spawned_process
  condition: or evt.type = creat
  override: {condition: append}
- rule: Read
  enabled: true
  condition: and proc.tty = 0
  override: {enabled: replace, condition: append}
- rule: Connect
  priority: ERROR
  output: " to %fd.sip"
  override: {priority: replace, output: append}
# The last words.
`

func sources(texts ...string) []rules.Source {
	var out []rules.Source
	for i, text := range texts {
		out = append(out, rules.Source{Name: fmt.Sprintf("dir/%d_rules.yaml", i), Data: []byte(text)})
	}
	return out
}

func imported(t *testing.T, files []rules.Source, taken ...string) ([]File, *rules.Set) {
	t.Helper()
	written, _, err := Import(files, rules.FalcoOptions{}, func(name string) bool { return slices.Contains(taken, name) })
	if err != nil {
		t.Fatal(err)
	}
	var native []rules.Source
	for _, f := range written {
		if f.Data != nil {
			native = append(native, rules.Source{Name: f.Name, Data: f.Data})
		}
	}
	set, err := rules.Load(native, rules.Options{})
	if err != nil {
		for _, f := range native {
			t.Logf("%s:\n%s", f.Name, f.Data)
		}
		t.Fatal(err)
	}
	return written, set
}

func TestImportKeeps(t *testing.T) {
	written, set := imported(t, sources(base, local), "shells", "shell_started")
	text := string(written[0].Data)
	for _, want := range []string{
		"# Copyright of the file.\n\n",
		"# Written by tiercel rules import from Falco's 0_rules.yaml.\n",
		"# 1_rules.yaml defines anew, for all rules, what Falco's file has under these names, so that the two are loaded together:\n#   macro known\n",
		"  # The shells.\n  # With what 1_rules.yaml changes.\n  falco_shells: [bash, sh, 'a b', 'yes', '12', '0x1f', 'it''s', fish]\n",
		"  # and zsh\n  more_shells: [{list: falco_shells}, zsh]\n",
		"  empty_list: []\n", "  ports: [22, 443]\n", "  addresses_of_hosts: {domains: [a.example, b.example]}\n",
		"  addresses_of_c_example: {domains: [c.example]}\n",
		"  # A process was started.\n", "  in_2: ", "    title: 'Shell, started'\n", "  - name: falco_shell_started\n", "  - name: falco_shell_started_2\n",
		"    description: 'A shell was started: {by somebody}'\n",
		"    # In Falco the output shows user.name 20 characters wide.\n",
		"    attack: [T1059.004, TA0002]\n", "    tags: [host, mitre_execution, T1059.004, two_words]\n", "    severity: CRITICAL\n", "    severity: HIGH\n",
		"    output: 'connect {fd.name}  to {fd.sip}'\n", "  # within the rule\n",
	} {
		if !strings.Contains(text, strings.ReplaceAll(want, "    # In", "  # In")) {
			t.Errorf("lacks %q", want)
		}
	}
	if t.Failed() {
		t.Logf("%s", text)
	}
	if second := string(written[1].Data); !strings.Contains(second, "# The last words.") || !strings.Contains(second, `known: proc.name == "dash"`) ||
		!strings.Contains(second, "# Defined in 0_rules.yaml, too; this is the definition that holds.") {
		t.Errorf("%s", second)
	}
	if r := set.Rule("read"); r == nil || !r.Enabled {
		t.Errorf("read: %v", r)
	}
	ev, err := field.Build([]field.Value{{Name: "evt.type", Text: "execve"}, {Name: "proc.name", Text: "BASH"}, {Name: "user.name", Text: "ann"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := set.Rule("falco_shell_started").Output(ev); got != "Shell BASH by ann | {x} 100% BASH <NA> gone=<NA>" {
		t.Errorf("output %q", got)
	}
}

// What files define alone, disabled rules and files of which nothing holds.
func TestImportOfSingleFiles(t *testing.T) {
	written, set := imported(t, sources(base))
	if r := set.Rule("read"); r == nil || r.Enabled || !strings.Contains(string(written[0].Data), "    enabled: false\n") {
		t.Errorf("read is enabled")
	}
	written, _ = imported(t, sources("- macro: m\n  condition: (evt.num = 0)\n", "- macro: m\n  condition: (evt.num = 0)\n"))
	if written[0].Data != nil || written[1].Data == nil {
		t.Errorf("%+v", written)
	}
	if _, _, err := Import(sources("- rule: r\n  desc: d\n  condition: nonsense\n  output: o\n  priority: INFO\n"), rules.FalcoOptions{}, func(string) bool { return false }); rules.Places(err) == nil {
		t.Errorf("a file that does not load: %v", err)
	}
}

// Rules mean the same, however they were loaded.
func TestImportMeansTheSame(t *testing.T) {
	alike(t, sources(base, local), 20_000)
}

func TestImportOfUpstreamMeansTheSame(t *testing.T) {
	dir := os.Getenv("TIERCEL_FALCO_RULES")
	if dir == "" {
		t.Skip("TIERCEL_FALCO_RULES names no folder with the rule files of falcosecurity/rules, tags falco-rules-5.1.0, falco-incubating-rules-6.0.1, falco-sandbox-rules-6.1.0")
	}
	files, _, err := rules.Read(filepath.Join(dir, "falco_rules.yaml"), filepath.Join(dir, "falco-incubating_rules.yaml"), filepath.Join(dir, "falco-sandbox_rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	alike(t, files, 20_000)
}

func alike(t *testing.T, files []rules.Source, events int) {
	t.Helper()
	direct, err := rules.Load(files, rules.Options{Falco: rules.FalcoOptions{AllMatch: true}})
	if err != nil {
		t.Fatal(err)
	}
	written, native := imported(t, files)
	if d, n := len(direct.Rules()), len(native.Rules()); d != n {
		t.Fatalf("%d rules became %d", d, n)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	words := constants(written)
	fired := map[string]int{}
	for range events {
		ev := randomEvent(rnd, words)
		if ev == nil {
			continue
		}
		want, got := map[string]bool{}, map[string]bool{}
		direct.Match(ev, func(r *rules.Rule) { want[r.Name] = true; fired[r.Name]++ })
		native.Match(ev, func(r *rules.Rule) { got[r.Title] = true })
		if !maps.Equal(want, got) {
			t.Fatalf("Falco's rules fire %v, the imported ones %v, of %+v process %+v", slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)), ev, ev.Process)
		}
	}
	if least := len(direct.Rules()) / 4; len(fired) < least {
		t.Errorf("only %d rules fired: %v", len(fired), fired)
	}
}

// constants are the words in conditions and lists.
func constants(files []File) []string {
	seen := map[string]bool{}
	for _, f := range files {
		for _, m := range regexp.MustCompile(`"([^"\\]+)"|[\w./-]+`).FindAllStringSubmatch(string(f.Data), -1) {
			seen[strings.Trim(m[0], `"`)] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

var kinds = []string{"execve", "execve", "open", "openat", "openat2", "creat", "connect", "listen", "accept4", "unlinkat", "renameat2", "mkdirat", "fchmodat", "ptrace",
	"symlinkat", "linkat", "dup3", "setuid", "bpf", "init_module", "unshare"}

// randomEvent is nil if the values do not go together.
func randomEvent(rnd *rand.Rand, words []string) *event.Event {
	word := func() string { return words[rnd.IntN(len(words))] }
	kind := kinds[rnd.IntN(len(kinds))]
	values := []field.Value{{Name: "evt.type", Text: kind}, {Name: "proc.name", Text: word()}}
	maybe := func(name string, text func() string) {
		if rnd.IntN(2) == 0 {
			values = append(values, field.Value{Name: name, Text: text()})
		}
	}
	one := func(of ...string) func() string { return func() string { return of[rnd.IntN(len(of))] } }
	path := func() string { return one("/etc/", "/tmp/", "/dev/", "/root/.ssh/", "/usr/bin/", "")() + word() }
	maybe("proc.args", func() string { return word() + " " + word() })
	maybe("proc.exe", word)
	maybe("proc.tty", one("0", "34816"))
	maybe("proc.aname[1]", word)
	maybe("proc.aname[2]", word)
	maybe("user.name", one("root", "www-data", "ann"))
	maybe("user.uid", one("0", "1000"))
	maybe("user.loginuid", one("-1", "1000"))
	maybe("container.privileged", one("true", "false"))
	maybe("container.image.repository", word)
	maybe("k8s.ns.name", one("kube-system", "web"))
	maybe("proc.vpid", one("1", "7"))
	switch {
	case strings.HasPrefix(kind, "open") || kind == "creat":
		maybe("fd.name", path)
		maybe("evt.arg.flags", one("O_RDONLY", "O_WRONLY|O_CREAT", "O_RDWR|O_TRUNC"))
	case kind == "connect" || kind == "accept4" || kind == "listen":
		maybe("fd.sip", one("10.0.0.1", "93.184.216.34", "127.0.0.1", "169.254.169.254"))
		maybe("fd.sport", one("22", "80", "443", "6443", "31000"))
		maybe("fd.l4proto", one("tcp", "udp"))
	case kind == "fchmodat":
		maybe("evt.arg.mode", one("S_ISUID|S_IXUSR", "S_IRUSR"))
	case kind == "renameat2" || kind == "linkat":
		maybe("evt.arg.oldpath", path)
		maybe("evt.arg.newpath", path)
	case kind == "ptrace":
		maybe("evt.arg.request", one("PTRACE_ATTACH", "PTRACE_TRACEME"))
	case kind == "mkdirat" || kind == "unlinkat":
		maybe("evt.arg.path", path)
		maybe("evt.arg.name", path)
	}
	ev, err := field.Build(values)
	if err != nil {
		return nil
	}
	return ev
}

func TestWrap(t *testing.T) {
	long := strings.Repeat("x", 60)
	got := strings.Join(wrap(`a == r"\" && !(b || "`+long+` && (" == c || d) && e(f && g)`, 0), "\n")
	want := "a == r\"\\\" &&\n!(b || \"" + long + " && (\" == c || d) &&\ne(f && g)"
	if len(`a == r"\" && !(b || "`+long+` && (" == c || d) && e(f && g)`) <= lineWidth {
		want = `a == r"\" && !(b || "` + long + ` && (" == c || d) && e(f && g)`
	}
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	inner := strings.Join(wrap("!("+long+" || "+long+")", 0), "\n")
	if want := "!(\n  " + long + " ||\n  " + long + "\n)"; inner != want {
		t.Errorf("got\n%s", inner)
	}
}
