package rules_test

import (
	"fmt"

	"tiercel.dev/internal/event"
	"tiercel.dev/rules"
)

func Example() {
	set, err := rules.Load([]rules.Source{{Name: "shell.yaml", Data: []byte(`
lists:
  shells: [bash, sh, zsh]
rules:
  - name: terminal_shell
    condition: evt.type == "execve" && proc.name in shells && proc.tty != 0
    output: "{proc.cmdline} on terminal {proc.tty}, started by {proc.pname}"
    severity: MEDIUM
`)}}, rules.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ev := &event.Event{Kind: event.Exec, Process: &event.Process{Name: "bash", CmdLine: "bash -i", TTY: 34816}, Container: event.Host}
	set.Match(ev, func(r *rules.Rule) { fmt.Println(r.Severity, r.Name+":", r.Output(ev)) })
	fmt.Println(set.Filter().Wanted().Len(), "kinds of events are needed")
	// Output:
	// MEDIUM terminal_shell: bash -i on terminal 34816, started by <NA>
	// 2 kinds of events are needed
}

func ExampleLoad_errors() {
	_, err := rules.Load([]rules.Source{{Name: "bad.yaml", Data: []byte(`macros:
  shell: >-
    evt.type == "execve" &&
    proc.nam == "bash"
`)}}, rules.Options{})
	fmt.Println(err)
	// Output:
	// bad.yaml:4:5: unknown field proc.nam: did you mean proc.name?
	// 	    proc.nam == "bash"
	// 	    ^
}
