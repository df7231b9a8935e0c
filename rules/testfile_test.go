package rules

import (
	"slices"
	"strings"
	"testing"
)

const testedRules = `
lists:
  servers: {from: servers, default: [10.96.0.1]}
  ports: {from: ports, of: int, default: [443]}
rules:
  - {name: shell, severity: LOW, output: "{proc.cmdline} by {proc.pname}", condition: evt.type == "execve" && proc.name == "bash"}
  - {name: tty, severity: LOW, output: x, condition: evt.type == "execve" && proc.tty != 0}
  - {name: api, severity: LOW, output: x, condition: evt.type == "connect" && fd.sip in servers && fd.sport in ports}
  - {name: odd, severity: LOW, output: x, condition: evt.type == "bpf" && 1 / proc.tty == 1}
  - {name: 'off', severity: LOW, output: x, enabled: false, condition: evt.type == "execve"}
`

func TestRunTests(t *testing.T) {
	s := mustLoad(t, Options{}, testedRules, "rules:\n"+rule("other", `evt.type == "execve"`))
	for _, tt := range []struct{ name, test, message string }{
		{"matches", "event: {evt.type: execve, proc.name: bash}\n  match: [shell]", ""},
		{"matches two", "event: {evt.type: execve, proc.name: bash, proc.tty: 1}\n  match: [tty, shell]", ""},
		{"one too many", "event: {evt.type: execve, proc.name: bash, proc.tty: 1}\n  match: [shell]", "tty matches too"},
		{"none", "event: {evt.type: execve, proc.name: sh}\n  match: [shell]", "shell does not match"},
		{"no match", "event: {evt.type: execve, proc.name: sh}\n  no_match: true", ""},
		{"a match where none is wanted", "event: {evt.type: execve, proc.tty: 1}\n  no_match: true", "tty matches too"},
		{"not this one", "event: {evt.type: execve, proc.tty: 1}\n  no_match: [shell]", ""},
		{"not this one, but it does", "event: {evt.type: execve, proc.tty: 1}\n  no_match: [tty]", "tty matches"},
		{"a rule of another file", "event: {evt.type: execve}\n  match: [other]", ""},
		{"output", "event: {evt.type: execve, proc.name: bash, proc.args: -i, proc.aname: [sshd]}\n  match: [shell]\n  output: {shell: bash -i by sshd}", ""},
		{"other output", "event: {evt.type: execve, proc.name: bash}\n  match: [shell]\n  output: {shell: nope}", `output of shell is "bash by <NA>", not "nope"`},
		{"output of none", "event: {evt.type: execve, proc.name: sh}\n  no_match: true\n  output: {shell: nope}", "shell has no output: it does not match"},
		{"list's default", "event: {evt.type: connect, fd.sip: 10.96.0.1, fd.sport: 443}\n  match: [api]", ""},
		{"lists filled", "event: {evt.type: connect, fd.sip: 10.0.0.9, fd.sport: 6443}\n  lists: {servers: [10.0.0.9], ports: [6443]}\n  match: [api]", ""},
		{"an error is no miss", "event: {evt.type: bpf}\n  no_match: true", "odd ended in an error: division by zero"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res, err := RunTests(s, Source{Name: "a_test.yaml", Data: []byte("cases:\n- name: c\n  " + tt.test + "\n")})
			if err != nil {
				t.Fatal(err)
			}
			if len(res) != 1 || res[0].Message != tt.message || res[0].Passed != (tt.message == "") || res[0].Position.Line != 2 {
				t.Errorf("got %+v", res)
			}
		})
	}
}

func TestTestFileErrors(t *testing.T) {
	s := mustLoad(t, Options{}, testedRules)
	for _, tt := range []struct{ name, file, at, message string }{
		{"empty", "", "a_test.yaml", "the file is empty"},
		{"no cases", "cases: []\n", "a_test.yaml:1:8", "a tests file has a list of cases"},
		{"unknown key", "cases:\n- {name: c, evnt: {evt.type: execve}, no_match: true}\n", "a_test.yaml:2:13", `unknown key "evnt" of a case`},
		{"neither", "cases:\n- {name: c, event: {evt.type: execve}}\n", "a_test.yaml:2:3", "a case has either match or no_match"},
		{"unknown field", "cases:\n- name: c\n  event: {evt.type: execve, proc.nam: x}\n  no_match: true\n", "a_test.yaml:3:29", "did you mean proc.name?"},
		{"derived field", "cases:\n- name: c\n  event: {evt.type: open, evt.is_open_read: true}\n  no_match: true\n", "a_test.yaml:3:27", "follows from other fields"},
		{"wrong value", "cases:\n- name: c\n  event: {evt.type: execve, proc.tty: some}\n  no_match: true\n", "a_test.yaml:3:29", "invalid syntax"},
		{"wrong flag", "cases:\n- name: c\n  event: {evt.type: open, evt.arg.flags: O_READ}\n  no_match: true\n", "a_test.yaml:3:27", "is no flag of this call"},
		{"no type", "cases:\n- name: c\n  event: {proc.name: x}\n  no_match: true\n", "a_test.yaml:3:10", "evt.type is not given"},
		{"unknown type", "cases:\n- name: c\n  event: {evt.type: opne}\n  no_match: true\n", "a_test.yaml:3:11", `there is no event "opne"`},
		{"unknown rule", "cases:\n- name: c\n  event: {evt.type: open}\n  match: [nope]\n", "a_test.yaml:4:11", `there is no rule "nope"`},
		{"disabled rule", "cases:\n- name: c\n  event: {evt.type: open}\n  match: ['off']\n", "a_test.yaml:4:11", `rule "off" is disabled`},
		{"unknown list", "cases:\n- name: c\n  event: {evt.type: open}\n  lists: {nope: [x]}\n  no_match: true\n", "a_test.yaml:4:11", `no list is filled from "nope"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := RunTests(s, Source{Name: "a_test.yaml", Data: []byte(tt.file)})
			found := slices.ContainsFunc(Places(err), func(e *Error) bool {
				return e.Position.String() == tt.at && strings.Contains(e.Message, tt.message)
			})
			if !found {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCasesLeaveListsAsTheyWere(t *testing.T) {
	s := mustLoad(t, Options{}, testedRules)
	_, err := RunTests(s, Source{Name: "a_test.yaml", Data: []byte("cases:\n- name: c\n  event: {evt.type: connect, fd.sip: 10.0.0.9, fd.sport: 443}\n  lists: {servers: [10.0.0.9]}\n  match: [api]\n")})
	if err != nil {
		t.Fatal(err)
	}
	if got := fired(s, testEvent(t, "evt.type", "connect", "fd.sip", "10.0.0.9", "fd.sport", "443")); got != "" {
		t.Errorf("fired %q", got)
	}
}
