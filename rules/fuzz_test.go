package rules

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"tiercel.dev/internal/event"
)

// FuzzLoad asserts that any file is a set or Errors, that errors can be printed and lie within the file, and that the
// rules of a set can be run and described.
func FuzzLoad(f *testing.F) {
	seeds, err := filepath.Glob("library/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range seeds {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(testedRules))
	f.Add([]byte(falcoShells))
	f.Add([]byte("- list: l\n  items: [a, 'b c', 1]\n- macro: m\n  condition: fd.sip.name in (l, x.example) or proc.aname[2] startswith anyof (l) and not container.mount.dest[/a] = b\n" +
		"- rule: r\n  desc: d\n  condition: m and tolower(proc.name) != val(proc.pname) and fd.net in (10.0.0.0/8) and fd.port >= 0x10\n  output: '%9proc.name %%'\n  priority: ALERT\n"))
	f.Add([]byte("macros: {a: b, b: a}\nlists: {x: [{list: x}]}\nrules: [{name: r, condition: \"a \\n&& \\u0041\", output: '{', severity: x}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Load([]Source{{Name: "f.yaml", Data: data}}, Options{})
		if err != nil {
			var errs Errors
			if s != nil || !errors.As(err, &errs) || len(errs) == 0 {
				t.Fatalf("undocumented error: %v", err)
			}
			for _, e := range errs {
				if e.Error() == "" || e.Message == "" || e.Line < 0 || e.Line > 0 && e.Column < 1 {
					t.Fatalf("error without a place or message: %+v", e)
				}
			}
			return
		}
		ev := &event.Event{Kind: event.Openat, Process: &event.Process{Name: "x"}, Container: event.Host}
		s.Match(ev, func(r *Rule) { r.Output(ev); r.Fields(ev) })
		for _, r := range s.Rules() {
			r.Info()
		}
	})
}

// FuzzRunTests asserts the same of tests files.
func FuzzRunTests(f *testing.F) {
	f.Add([]byte("cases:\n- name: c\n  event: {evt.type: connect, fd.sip: 10.0.0.9, 'container.label[\"a\"]': b, proc.aname: [a, b], 'proc.apid[3]': 7}\n  lists: {servers: [10.0.0.9]}\n  match: [api]\n"))
	f.Add([]byte("cases:\n- {name: c, event: {evt.type: setuid, evt.arg.uid: bob, evt.res: EPERM, k8s.ns.name: x}, no_match: true}\n"))
	s, err := Load([]Source{{Name: "a.yaml", Data: []byte(testedRules)}}, Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := RunTests(s, Source{Name: "a_test.yaml", Data: data})
		var errs Errors
		if err != nil && !errors.As(err, &errs) {
			t.Fatalf("undocumented error: %v", err)
		}
	})
}
