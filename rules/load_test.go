package rules

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"tiercel.dev/rules/source"
)

func load(t testing.TB, opt Options, files ...string) (*Set, error) {
	t.Helper()
	var sources []Source
	for i, data := range files {
		sources = append(sources, Source{Name: string(rune('a'+i)) + ".yaml", Data: []byte(data)})
	}
	return Load(sources, opt)
}

func mustLoad(t testing.TB, opt Options, files ...string) *Set {
	t.Helper()
	s, err := load(t, opt, files...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// rule is a right rule around a condition.
func rule(name, condition string) string {
	return "- {name: " + name + ", severity: LOW, output: x, condition: '" + strings.ReplaceAll(condition, "'", "''") + "'}\n"
}

// TestLoadErrors has each error with its place and what the caret points to.
func TestLoadErrors(t *testing.T) {
	r := func(lines string) string {
		return "rules:\n- name: r\n  severity: LOW\n  output: x\n" + lines
	}
	for _, tt := range []struct{ name, file, at, caret, message string }{
		{"empty", "", "a.yaml", "", "the file is empty"},
		{"only a comment", "# nothing\n", "a.yaml", "", "the file is empty"},
		{"nothing defined", "rules: []\n", "a.yaml", "", "no lists, macros or rules in the file"},
		{"a ConfigMap", "apiVersion: v1\nkind: ConfigMap\ndata: {a.yaml: ''}\n", "a.yaml:1:1", "apiVersion", `this is no rule file but an object of Kubernetes ("ConfigMap"), whose data may hold files`},
		{"Helm values", "tty: true\ncustomRules:\n  a.yaml: |\n    - list: x\n", "a.yaml:1:1", "tty", "this is no rule file but values of Helm's falco chart, in which falco is the configuration and customRules has rule files"},
		{"Helm values without rules", "falco:\n  json_output: true\n", "a.yaml:1:1", "falco", "this is no rule file but values of Helm's falco chart, in which falco is the configuration and customRules has rule files"},
		{"falco.yaml", "rules_files: [a]\n", "a.yaml:1:1", "rules_files", "this is no rule file but Falco's configuration, which sensor takes as --falco-config"},
		{"no mapping", "a\n", "a.yaml:1:1", "a", "the file is a mapping, not a text"},
		{"not YAML", "rules: [\n", "a.yaml:2:1", "", "not YAML: did not find expected node content"},
		{"not text", "\x00", "a.yaml", "", "not a text file"},
		{"two documents", "macros: {a: 'true'}\n---\nmacros: {b: 'true'}\n", "a.yaml:2:1", "---", "a file is one document; this starts a second one"},
		{"unknown section", "rule:\n- name: x\n", "a.yaml:1:1", "rule", `unknown key "rule" of a rule file; it has lists, macros, rules`},
		{"unknown key", r("  condition: 'true'\n  sevrity: LOW\n"), "a.yaml:6:3", "sevrity", `unknown key "sevrity" of a rule; it has ` + strings.Join(ruleKeys, ", ")},
		{"anchor", "macros: {a: &x 'true'}\n", "a.yaml:1:13", "&x", "anchors and aliases are not allowed"},
		{"key twice", "macros:\n  a: 'true'\n  a: 'false'\n", "a.yaml:3:3", "a: 'f", `"a" is given twice, first in line 2`},
		{"no condition", r(""), "a.yaml:2:3", "name: r", `rule "r" has no condition`},
		{"field misspelt", r("  condition: true && proc.nam == \"x\"\n"), "a.yaml:5:22", "proc.nam", "unknown field proc.nam: did you mean proc.name?"},
		{"field misspelt in quotes", r("  condition: \"\\\"a\\\" == proc.nam\"\n"), "a.yaml:5:24", "proc.nam", "unknown field proc.nam: did you mean proc.name?"},
		{"field misspelt in single quotes", r("  condition: 'proc.name == \"it''s\" || proc.nam == \"x\"'\n"), "a.yaml:5:39", "proc.nam", "unknown field proc.nam: did you mean proc.name?"},
		{"field misspelt in a literal block", r("  condition: |\n    true &&\n      proc.nam == \"é\"\n"), "a.yaml:7:7", "proc.nam", "unknown field proc.nam: did you mean proc.name?"},
		{"field misspelt in a folded block", r("  condition: >-\n    proc.name == \"é\" &&\n\n    é == proc.nam\n"), "a.yaml:8:5", "é", "token recognition error at: 'é'"},
		{"field misspelt over lines", r("  condition: proc.name == \"x\" ||\n      proc.nam == \"y\"\n"), "a.yaml:6:7", "proc.nam", "unknown field proc.nam: did you mean proc.name?"},
		{"types", r("  condition: proc.tty == \"x\"\n"), "a.yaml:5:23", "==", "== can't be applied to (int, string)"},
		{"macro's own error", "macros:\n  m: proc.tty + 1\n" + r("  condition: m\n"), "a.yaml:2:6", "proc.tty + 1", "a condition is a bool, not int"},
		{"macro's own unknown field", "macros:\n  m: 'true || proc.nam == \"\"'\n" + r("  condition: m\n"), "a.yaml:2:15", "proc.nam", "unknown field proc.nam"},
		{"one sign of =", r("  condition: proc.name = \"x\"\n"), "a.yaml:5:24", "=", "equality is =="},
		{"cycle", "macros:\n  a: b || true\n  b: '!c'\n  c: a\n", "", "", "macro"},
		{"list in itself", "lists:\n  a: [{list: b}]\n  b: [x, {list: a}]\n", "", "", "contains itself"},
		{"unknown list", "lists:\n  a: [{list: shels}]\n", "a.yaml:2:14", "shels", `there is no list "shels"`},
		{"mixed list", "lists:\n  a: [x, 22]\n", "a.yaml:2:10", "22", "a list holds texts or numbers, not both; a number in quotes is a text"},
		{"list and macro", "lists:\n  a: [x]\nmacros:\n  a: 'true'\n", "a.yaml:4:3", "a:", "a is defined already at a.yaml:2:3"},
		{"word of the language", "lists:\n  in: [x]\n", "a.yaml:2:3", "in:", "in is a word of the language and can't name a list"},
		{"severity", r("  condition: 'true'\n") + rule("s", "true") + "- {name: u, condition: 'true', output: x, severity: HUGE}\n", "a.yaml:7:53", "HUGE", `severity "HUGE" is none of LOW, MEDIUM, HIGH, CRITICAL`},
		{"attack", r("  condition: 'true'\n  attack: [T1059, T59]\n"), "a.yaml:6:19", "T59", `"T59" is no id of MITRE ATT&CK: T1059, T1059.004 or TA0002`},
		{"throttle field", r("  condition: 'true'\n  throttle: {per: [proc.nam], every: 1m}\n"), "a.yaml:6:20", "proc.nam", "unknown field proc.nam: did you mean proc.name?"},
		{"throttle time", r("  condition: 'true'\n  throttle: {every: often}\n"), "a.yaml:6:21", "often", `every is a duration such as 30s, 1m or 1h, not "often"`},
		{"output field", "rules:\n- name: r\n  severity: LOW\n  condition: 'true'\n  output: a {{x}} {proc.nam} b\n", "a.yaml:5:20", "proc.nam", "unknown field proc.nam: did you mean proc.name?"},
		{"output brace", "rules:\n- name: r\n  severity: LOW\n  condition: 'true'\n  output: a {proc.name\n", "a.yaml:5:13", "{proc.name", "{ is not closed; the character itself is {{"},
		{"output a mapping", "rules:\n- name: r\n  severity: LOW\n  condition: 'true'\n  output: {proc.name}\n", "a.yaml:5:11", "{proc", "output is a text, not a mapping; a text that starts with { stands in quotes"},
		{"enabled", r("  condition: 'true'\n  enabled: yes\n"), "a.yaml:6:12", "yes", "enabled is true or false"},
		{"rule twice", "rules:\n" + rule("r", "true") + rule("r", "true"), "a.yaml:3:10", "r, sev", `rule "r" is defined already at a.yaml:2:3; a later file changes it with override: true`},
		{"disable unknown", "rules:\n- {name: nope, enabled: false}\n", "a.yaml:2:10", "nope", `there is no rule "nope" to change in the files before`},
		{"append unknown", "lists: {a: {append: [x]}}\n", "a.yaml:1:9", "a:", "there is no list a to change in the files before"},
		{"name with a newline", "rules:\n- {name: \"a\\nb\", condition: 'true', output: x, severity: LOW}\n", "a.yaml:2:10", `"a`, "a rule's name is 1 to 200 bytes of printable text"},
		{"one of Tiercel's names", "rules:\n- {name: tiercel_x, condition: 'true', output: x, severity: LOW}\n", "a.yaml:2:10", "tiercel_x", "names of rules that begin with tiercel_ are those by which Tiercel tells of itself"},
		{"too deep", "rules: " + strings.Repeat("[", 30) + strings.Repeat("]", 30), "", "", "nested deeper than 20"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := load(t, Options{}, tt.file)
			var errs Errors
			if s != nil || !errors.As(err, &errs) {
				t.Fatalf("got %v, %v", s, err)
			}
			e := errs[0]
			if !strings.Contains(e.Message, tt.message) || tt.at != "" && e.Position.String() != tt.at {
				t.Errorf("got %s", err)
			}
			if e.Line == 0 {
				return
			}
			lines := strings.Split(e.Excerpt(), "\n")
			if under := string([]rune(lines[0])[len([]rune(lines[1]))-1:]); !strings.HasPrefix(under, tt.caret) {
				t.Errorf("the caret points to %q\n%s", under, err)
			}
		})
	}
}

func TestLoadReportsAllErrors(t *testing.T) {
	s, err := load(t, Options{}, "rules:\n"+rule("good", "true"), "", "rules:\n"+rule("a", "proc.nam == 1")+rule("b", "evt.type == 1"))
	var got []string
	for _, e := range Places(err) {
		got = append(got, e.Position.String())
	}
	want := []string{"b.yaml", "c.yaml:2:51", "c.yaml:3:60"}
	if diff := cmp.Diff(got, want); s != nil || diff != "" {
		t.Errorf("got a set: %v, errors -got +want:\n%s\n%v", s != nil, diff, err)
	}
}

func TestMacrosDoNotGrowWithoutBound(t *testing.T) {
	var b strings.Builder
	b.WriteString("macros:\n  m0: proc.name == \"a\" || proc.name == \"b\"\n")
	for i := 1; i < 40; i++ {
		prev := "m" + string(rune('0'+(i-1)/10)) + string(rune('0'+(i-1)%10))
		if i == 1 {
			prev = "m0"
		}
		b.WriteString("  m" + string(rune('0'+i/10)) + string(rune('0'+i%10)) + ": " + prev + " || " + prev + "\n")
	}
	_, err := load(t, Options{}, b.String())
	if err == nil || !strings.Contains(err.Error(), "grows beyond") {
		t.Errorf("got %v", err)
	}
}

func TestExcerptIsSafeToPrint(t *testing.T) {
	_, err := load(t, Options{}, "rules:\n- {name: r, \u009b31m: \u202e}\n")
	if err == nil || strings.ContainsAny(err.Error(), "\x1b\u009b\u202e\r") {
		t.Errorf("got %q", err)
	}
}

func TestOverrides(t *testing.T) {
	base := `
lists:
  shells: [sh, bash]
  all: [{list: shells}, fish]
macros:
  is_shell: proc.name in all
rules:
  - {name: one, severity: LOW, output: "{proc.name}", condition: is_shell}
  - {name: two, severity: LOW, output: x, condition: evt.type == "execve"}
`
	for _, tt := range []struct{ name, later, event, want string }{
		{"as shipped", "lists: {unused: [x]}", "fish", "one two"},
		{"list appended", "lists: {shells: {append: [nu]}}", "nu", "one two"},
		{"list replaced", "lists: {shells: {override: true, items: [nu]}}", "bash", "two"},
		{"macro replaced", "macros: {is_shell: {override: true, condition: proc.name == \"nu\"}}", "nu", "one two"},
		{"macro widened", "macros: {is_shell: {or: proc.name == \"nu\"}}", "nu", "one two"},
		{"macro narrowed", "macros: {is_shell: {and: proc.name == \"nu\"}}", "fish", "two"},
		{"macro widened twice", "macros: {is_shell: {or: proc.name == \"nu\"}}\n---\nmacros: {is_shell: {or: proc.name == \"xo\"}}", "xo", "one two"},
		{"macro widened, then narrowed", "macros: {is_shell: {or: proc.name == \"nu\"}}\n---\nmacros: {is_shell: {and: proc.name == \"xo\"}}", "nu", "two"},
		{"rule off", "rules: [{name: two, enabled: false}]", "fish", "one"},
		{"exception", "rules: [{name: two, except: proc.name in shells}]", "bash", "one"},
		{"condition replaced", "rules: [{name: two, override: true, condition: 'proc.name == \"nu\"'}]", "fish", "one"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := mustLoad(t, Options{}, append([]string{base}, strings.Split(tt.later, "\n---\n")...)...)
			var fired []string
			s.Match(testEvent(t, "evt.type", "execve", "proc.name", tt.event), func(r *Rule) { fired = append(fired, r.Name) })
			if got := strings.Join(fired, " "); got != tt.want {
				t.Errorf("fired %q, want %q", got, tt.want)
			}
		})
	}
	s := mustLoad(t, Options{}, base, "rules: [{name: one, override: true, severity: HIGH}]")
	if r := s.Rule("one"); r.Severity != High || r.OutputText() != "{proc.name}" || r.Position.File != "a.yaml" {
		t.Errorf("got %+v", r.Info())
	}
	// An error in what a later file adds is told in that file.
	_, err := load(t, Options{}, base, "macros:\n  is_shell: {or: proc.nam == \"nu\"}")
	if errs := Places(err); len(errs) != 1 || errs[0].Position.String() != "b.yaml:2:18" {
		t.Errorf("got %v", err)
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string]string{"b.yaml": "b", "a.yml": "a", "a_test.yaml": "t", ".hidden.yaml": "h", "notes.txt": "n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rules, tests, err := Read(dir, filepath.Join(dir, "b.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range append(rules, tests...) {
		got = append(got, filepath.Base(s.Name)+"="+string(s.Data))
	}
	if diff := cmp.Diff(got, []string{"a.yml=a", "b.yaml=b", "b.yaml=b", "a_test.yaml=t"}); diff != "" {
		t.Error(diff)
	}
	if _, _, err := Read(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no rule files") {
		t.Errorf("empty directory: got %v", err)
	}
	if _, _, err := Read(filepath.Join(dir, "none.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: got %v", err)
	}
}

// A named pipe in a directory is told of and not waited for.
func TestReadsRegularFilesOnly(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mkfifo(filepath.Join(dir, "a.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Read(dir); err == nil || !strings.Contains(err.Error(), "a.yaml: no regular file") {
		t.Errorf("got %v", err)
	}
}

func TestFilesAreBounded(t *testing.T) {
	big := make([]byte, source.MaxFile+1)
	for i := range big {
		big[i] = '#'
	}
	if _, err := load(t, Options{}, string(big)); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("Load: got %.100v", err)
	}
	path := filepath.Join(t.TempDir(), "a.yaml")
	if err := os.WriteFile(path, big, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Read(path); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("Read: got %v", err)
	}
}
